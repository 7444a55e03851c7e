"""What endpoints are told: an event of the audit, with its sessions grouped by owner, as JSON."""

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

import msgspec

from vacate.domain.audit.event import AuditAction
from vacate.domain.audit.record import RecordedEvent, RecordedSession
from vacate.domain.sessions.owners import Ownership
from vacate.domain.sweeps.report import Outcome
from vacate.domain.texts import for_json
from vacate.operations.outbox import NewDelivery
from vacate.webhooks.endpoints import Endpoint, MessageType

MOST_SESSIONS = 1_000
"""More sessions are counted and not listed: many receivers refuse a body of a megabyte."""
PING = "vacate.ping"
"""The type of the message that only tries whether an endpoint accepts any."""


# --- the shape -------------------------------------------------------------------------------------------------------


class _Session(msgspec.Struct, frozen=True, kw_only=True):
    """One session. What it ran has no place here, whatever the audit keeps of it."""

    session_id: int
    pid: int
    backend_start: datetime | None
    state_change: datetime | None
    user: str | None
    database: str | None
    application: str | None
    client: str | None
    outcome: Outcome
    reason: str


class _Group(msgspec.Struct, frozen=True, kw_only=True):
    """The sessions of one owner; `count` is how many there are, also when not all of them are listed."""

    owner: str | None
    count: int
    sessions: tuple[_Session, ...]


class _Data(msgspec.Struct, frozen=True, kw_only=True):
    event_id: int
    action: str
    request_id: str
    operator: str
    project_id: str
    instance_id: str
    node_id: str
    component_id: str
    plan_id: str | None
    error: str | None
    note: str | None
    count: int
    spared: int
    owners: tuple[_Group, ...]


class _Message(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    timestamp: datetime
    data: _Data | dict[str, str]


# --- from events to messages -----------------------------------------------------------------------------------------


def type_of(action: AuditAction) -> MessageType | None:
    """What an event of the audit is to an endpoint; `None` for one that no endpoint is told of."""
    match action:
        case AuditAction.PLAN_MADE:
            return MessageType.PLAN_MADE
        case AuditAction.FREEZE_ON:
            return MessageType.FREEZE_ON
        case AuditAction.FREEZE_OFF:
            return MessageType.FREEZE_OFF
        case _:
            # Every verb that ends sessions is meant, also one that is yet to come.
            subject, _, stage = action.split(":")
            stages = {"intended": MessageType.KILL_INTENDED, "finished": MessageType.KILL_FINISHED}
            return stages.get(stage) if subject == "session" else None


def message_for(endpoint: Endpoint, event: RecordedEvent, ownership: Ownership) -> NewDelivery | None:
    """What the endpoint is told of the event; `None` when that is nothing to it.

    Of plans and kills an endpoint is told only when a session is left to speak of: one of its owners', not spared.
    """
    kind = type_of(event.action)
    if kind is None or kind not in endpoint.events:
        return None
    owned = [(ownership.owner_of(user=each.user, application=each.application), each) for each in event.sessions]
    if endpoint.owners is not None:
        owned = [(owner, each) for owner, each in owned if (owner or "") in endpoint.owners]
    meant = [(owner, each) for owner, each in owned if each.outcome is not Outcome.SPARED]
    if not meant and kind not in {MessageType.FREEZE_ON, MessageType.FREEZE_OFF}:
        return None
    target = event.target
    data = _Data(
        event_id=event.id,
        action=event.action,
        request_id=event.request_id,
        operator=event.user_name,
        project_id=target.project_id,
        instance_id=target.instance_id,
        node_id=target.node_id,
        component_id=target.component_id,
        plan_id=event.plan_id,
        error=event.error,
        note=event.note,
        count=len(meant),
        spared=len(owned) - len(meant),
        owners=_grouped(meant),
    )
    return NewDelivery(
        id=_id(endpoint.name, event),
        event_id=event.id,
        type=kind,
        body=_written(_Message(type=kind, timestamp=event.at, data=data)),
    )


def ping(name: str, now: datetime) -> NewDelivery:
    """A message that means nothing, for an endpoint to accept. It is of no event."""
    message = _Message(type=PING, timestamp=now, data={"endpoint": name})
    return NewDelivery(id=f"msg_{uuid.uuid4().hex}", event_id=0, type=PING, body=_written(message))


def _id(name: str, event: RecordedEvent) -> str:
    """The same for the same event and endpoint, also for a store that was brought back from a copy."""
    return "msg_" + hashlib.sha256(f"{name} {event.digest}".encode()).hexdigest()[:32]


def _written(message: _Message) -> str:
    return for_json(msgspec.json.encode(message).decode())


def _grouped(owned: Iterable[tuple[str | None, RecordedSession]]) -> tuple[_Group, ...]:
    """By the owners' names, sessions without an owner last. Where not all can be listed, those of small groups are."""
    groups = defaultdict[str | None, list[RecordedSession]](list)
    for owner, session in owned:
        groups[owner].append(session)
    room = MOST_SESSIONS
    grouped: list[_Group] = []
    for owner, sessions in sorted(groups.items(), key=lambda group: len(group[1])):
        listed = tuple(_told(session) for session in sessions[:room])
        grouped.append(_Group(owner=owner, count=len(sessions), sessions=listed))
        room -= len(listed)
    return tuple(sorted(grouped, key=lambda group: (group.owner is None, group.owner or "")))


def _told(session: RecordedSession) -> _Session:
    return _Session(
        session_id=session.session_id,
        pid=session.pid,
        backend_start=session.backend_start,
        state_change=session.state_change,
        user=session.user,
        database=session.database,
        application=session.application,
        client=session.client_address,
        outcome=session.outcome,
        reason=session.reason,
    )
