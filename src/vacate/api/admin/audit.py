"""The audit, searched: who did what to which session."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from vacate.api.admin.examples import AT, BEGAN, REQUEST
from vacate.api.admin.fields import Id, Moment, Name, Number
from vacate.api.gaussdb_v3.examples import CN_NODE, COORDINATOR, INSTANCE
from vacate.api.operation import Example, Operation
from vacate.domain.access.identity import CredentialKind, Role
from vacate.domain.audit.event import AuditAction
from vacate.domain.audit.record import RecordedEvent, RecordedSession
from vacate.domain.sweeps.report import Outcome

# Left out is another thing than empty.
_Name = Name | UnsetType


class AuditSearchQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which events: all that is given must fit. What is said of a session must fit one and the same session."""

    pid: Annotated[Number | UnsetType, Meta(description="The process that served the session.", examples=[4711])] = (
        UNSET
    )
    session_id: Annotated[Number | UnsetType, Meta(description="The server's own id of the session.")] = UNSET
    backend_start: Annotated[
        Moment | UnsetType, Meta(description="When the session began, exactly; with its id it names it for life.")
    ] = UNSET
    user: Annotated[_Name, Meta(description="The session's user.")] = UNSET
    database: Annotated[_Name, Meta(description="The session's database.")] = UNSET
    client: Annotated[_Name, Meta(description="The address of the session's client.")] = UNSET
    operator: Annotated[_Name, Meta(description="The name of the user who called.")] = UNSET
    plan_id: Annotated[Id | UnsetType, Meta(description="The plan that was made or applied.")] = UNSET
    request_id: Annotated[Id | UnsetType, Meta(description="The call.")] = UNSET
    action: Annotated[AuditAction | UnsetType, Meta(description="What was done.")] = UNSET
    instance_id: Annotated[Id | UnsetType, Meta(description="The instance.")] = UNSET
    component_id: Annotated[Id | UnsetType, Meta(description="The component.")] = UNSET
    since: Annotated[Moment | UnsetType, Meta(description="Written then or later.")] = UNSET
    until: Annotated[Moment | UnsetType, Meta(description="Written before then.")] = UNSET
    limit: Annotated[int, Meta(ge=1, le=200, description="How many events to give at most.", examples=[50])] = 50
    before_id: Annotated[
        Number | UnsetType, Meta(description="Only events before this one: the `next` of the page before.")
    ] = UNSET


class AuditSession(msgspec.Struct, frozen=True, kw_only=True):
    """One session of an event, and what became of it."""

    session_id: Annotated[int, Meta(description="The server's own id of the session.", examples=[4711])]
    pid: Annotated[int, Meta(description="The process that served it.", examples=[4711])]
    backend_start: Annotated[Moment | None, Meta(description="When it began, in UTC.")]
    state_change: Annotated[Moment | None, Meta(description="Since when it was in its state, in UTC.")]
    user: Annotated[str | None, Meta(description="Its user.", examples=["app"])]
    database: Annotated[str | None, Meta(description="Its database.", examples=["shop"])]
    application: Annotated[str | None, Meta(description="What its client called itself.", examples=["web"])]
    client_address: Annotated[str | None, Meta(description="Its client's address.", examples=["192.0.2.7"])]
    statement: Annotated[
        str | None,
        Meta(description="What it ran last; null where that is not kept, and for callers who may not read statements."),
    ]
    fingerprint: Annotated[
        str | None,
        Meta(description="Names that statement whatever its constants; null where it is not kept."),
    ]
    outcome: Annotated[Outcome, Meta(description="What became of it, as far as this event knows.")]
    by: Annotated[str, Meta(description="What decided: a criterion, a guard or a signal.", examples=["signal"])]
    reason: Annotated[str, Meta(description="Why, in words.")]


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the audit."""

    id: Annotated[int, Meta(description="Grows with time.", examples=[42])]
    digest: Annotated[str, Meta(description="Its link of the audit's chain, as 64 hexadecimal digits.")]
    at: Annotated[Moment, Meta(description="When it was written, in UTC.")]
    action: Annotated[AuditAction, Meta(description="Subject, verb and stage.")]
    request_id: Annotated[str, Meta(description="The call that did it.")]
    operator: Annotated[str, Meta(description="The name of the user who called.", examples=["olga"])]
    role: Annotated[Role | None, Meta(description="Their role in the project then; null for none.")]
    credential_kind: Annotated[CredentialKind, Meta(description="How they proved who they are.")]
    credential: Annotated[str, Meta(description="Names the access key or the token; it cannot stand in for it.")]
    source_address: Annotated[str, Meta(description="Where the call came from.", examples=["203.0.113.9"])]
    instance_id: Annotated[str | None, Meta(description="The instance; null where the call named none.")]
    node_id: Annotated[str | None, Meta(description="The node; null where the call named none.")]
    component_id: Annotated[str | None, Meta(description="The component; null where the call named none.")]
    plan_id: Annotated[str | None, Meta(description="The plan that it is about.")]
    sessions: Annotated[list[AuditSession], Meta(description="Its sessions, or those of them that were asked for.")]
    named: Annotated[list[int], Meta(description="The session ids that the call named.")]
    note: Annotated[str | None, Meta(description="What else is to be said.")]
    error: Annotated[str | None, Meta(description="Why the call was refused or failed.")]


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the audit."""

    events: Annotated[list[AuditEntry], Meta(description="The newest first.")]
    next: Annotated[
        int | None, Meta(description="Send it as `before_id` for the next page; null when this is the last one.")
    ]


def audit_entry(event: RecordedEvent) -> AuditEntry:
    """An event as our own door writes it."""
    target = event.target
    return AuditEntry(
        id=event.id,
        digest=event.digest,
        at=event.at,
        action=event.action,
        request_id=event.request_id,
        operator=event.user_name,
        role=event.role,
        credential_kind=event.credential_kind,
        credential=event.credential,
        source_address=event.source_address,
        instance_id=target.instance_id or None,
        node_id=target.node_id or None,
        component_id=target.component_id or None,
        plan_id=event.plan_id,
        sessions=[_session(session) for session in event.sessions],
        named=list(event.named),
        note=event.note,
        error=event.error,
    )


def _session(session: RecordedSession) -> AuditSession:
    return AuditSession(
        session_id=session.session_id,
        pid=session.pid,
        backend_start=session.backend_start,
        state_change=session.state_change,
        user=session.user,
        database=session.database,
        application=session.application,
        client_address=session.client_address,
        statement=session.statement,
        fingerprint=session.fingerprint,
        outcome=session.outcome,
        by=session.by,
        reason=session.reason,
    )


_SHOWN = AuditPage(
    events=[
        AuditEntry(
            id=42,
            digest="5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
            at=AT,
            action=AuditAction.KILL_IDLE_FINISHED,
            request_id=REQUEST,
            operator="olga",
            role=Role.OPERATOR,
            credential_kind=CredentialKind.ACCESS_KEY,
            credential="AKEXAMPLE0123456789A",
            source_address="203.0.113.9",
            instance_id=INSTANCE,
            node_id=CN_NODE,
            component_id=COORDINATOR,
            plan_id=None,
            sessions=[
                AuditSession(
                    session_id=4711,
                    pid=4711,
                    backend_start=BEGAN,
                    state_change=BEGAN,
                    user="app",
                    database="shop",
                    application="web",
                    client_address="192.0.2.7",
                    statement=None,
                    fingerprint=None,
                    outcome=Outcome.TERMINATED,
                    by="signal",
                    reason="seen to be gone",
                )
            ],
            named=[],
            note=None,
            error=None,
        )
    ],
    next=None,
)


SEARCH_AUDIT = Operation(
    id="search_audit",
    family="Audit",
    title="Search the audit",
    description=(
        "Lists the events of the project that fit everything that is asked for, the newest first. Where something is "
        "asked of sessions, only the sessions that fit are shown."
    ),
    method="GET",
    path="/admin/v1/{project_id}/audit",
    query=AuditSearchQuery,
    response=AuditPage,
    examples=(Example(title="What happened to a session", query=(("pid", "4711"), ("limit", "50")), response=_SHOWN),),
)
