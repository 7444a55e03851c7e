"""The rows of the audit: which of them are events, and what each says."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, RowMapping, Select, Text, and_, select, type_coerce

from vacate.domain.access.identity import CredentialKind, Role
from vacate.domain.audit.chain import FIELDS, Link
from vacate.domain.audit.event import AuditAction
from vacate.domain.audit.record import RecordedEvent, RecordedSession
from vacate.domain.errors import StoreUnavailableError
from vacate.domain.topology.components import ComponentId, InstanceId, NodeId, ProjectId, Target
from vacate.store.tables import audit_base, audit_events, audit_head
from vacate.store.unreadable import Unreadable

_PRUNED_TO = select(audit_base.c.last_id).scalar_subquery()
_LAST = select(audit_head.c.last_id).scalar_subquery()


class EventUnreadableError(StoreUnavailableError):
    """Somebody has changed an event so that it cannot be read as one."""


def every_row() -> Select[*tuple[Any, ...]]:
    """All columns of all rows, the time as the database has it: in a file that was edited it may be no time at all."""
    columns = audit_events.c
    return select(*(type_coerce(each, Text).label("at") if each is columns.at else each for each in columns))


def every_event() -> Select[*tuple[Any, ...]]:
    """The rows that the chain covers, as `every_row`: behind what was pruned, up to the head. Others are no events."""
    return every_row().where(covered())


def covered() -> ColumnElement[bool]:
    """Whether a row is one that the chain covers."""
    return and_(audit_events.c.id > _PRUNED_TO, audit_events.c.id <= _LAST)


def link_of(row: RowMapping) -> Link:
    """An event as the chain sees it, whatever somebody has put into its place."""
    fields = {name: _as_hashed(row[name]) for name in FIELDS}
    with suppress(ValueError):
        fields["at"] = as_text(_moment(row["at"]))
    previous, digest = (each if isinstance(each, bytes) else b"" for each in (row["previous"], row["digest"]))
    return Link(fields=fields, previous=previous, digest=digest)


def _as_hashed(value: object) -> object:
    # What no event of ours holds becomes a text that none of ours is: there is no NUL in them.
    return value if value is None or isinstance(value, (str, int)) else f"\0{value!r}"


def _moment(at: object) -> datetime:
    """A time as it is kept: with its zone by PostgreSQL, in UTC and without one by SQLite.

    Raises:
        ValueError: it is none.
    """
    if isinstance(at, datetime):
        return at.astimezone(UTC)
    moment = datetime.fromisoformat(str(at))
    if moment.tzinfo is not None:
        raise ValueError(f"{at} is no time as it is kept")
    return moment.replace(tzinfo=UTC)


def as_text(at: datetime) -> str:
    """A time as it is hashed."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


@contextmanager
def readable(event_id: int) -> Generator[None]:
    """Say which event it was that somebody has made unreadable.

    Raises:
        EventUnreadableError: the block could not read it.
    """
    try:
        yield
    except (ValueError, TypeError, msgspec.MsgspecError) as error:
        raise EventUnreadableError(
            f"event {event_id} of the audit cannot be read ({error}); `vacate audit verify` tells if it was changed"
        ) from error


def recorded(row: RowMapping) -> RecordedEvent:
    """An event as it is told.

    Raises:
        EventUnreadableError: it is none.
    """
    with readable(row["id"]):
        return _recorded(row)


def readable_events(rows: Iterable[RowMapping], unreadable: Unreadable) -> tuple[RecordedEvent, ...]:
    """Events as they are told. Those that cannot be read are left out and noted."""
    events: list[RecordedEvent] = []
    for row in rows:
        try:
            events.append(recorded(row))
        except EventUnreadableError as error:
            unreadable.note(row["id"], str(error))
    return tuple(events)


def _recorded(row: RowMapping) -> RecordedEvent:
    return RecordedEvent(
        id=row["id"],
        digest=bytes(row["digest"]).hex(),
        at=_moment(row["at"]),
        action=AuditAction(row["action"]),
        request_id=row["request_id"],
        user_id=row["user_id"],
        user_name=row["user_name"],
        role=None if row["role"] is None else Role(row["role"]),
        credential_kind=CredentialKind(row["credential_kind"]),
        credential=row["credential"],
        source_address=row["source_address"],
        target=Target(
            project_id=ProjectId(row["project_id"]),
            instance_id=InstanceId(row["instance_id"]),
            node_id=NodeId(row["node_id"]),
            component_id=ComponentId(row["component_id"]),
        ),
        sessions=msgspec.json.decode(row["sessions"], type=tuple[RecordedSession, ...]),
        named=() if row["named"] is None else msgspec.json.decode(row["named"], type=tuple[int, ...]),
        error=row["error"],
        plan_id=row["plan_id"],
        note=row["note"],
    )
