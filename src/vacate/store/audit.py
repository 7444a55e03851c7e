"""The audit: written once, as a chain, never changed, read back as it was."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vacate.domain.audit.chain import FORM, KEYED, Anchor, Link, digest_of, keying, vouching
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.audit.record import RecordedEvent
from vacate.domain.errors import AuditUnavailableError, SettingsError
from vacate.domain.sessions.fingerprints import fingerprint
from vacate.domain.sweeps.report import SessionOutcome
from vacate.store.audit_key import AuditKey
from vacate.store.audit_proof import index_strays, strays
from vacate.store.audit_rows import as_text, covered, every_event, every_row, link_of, readable_events
from vacate.store.database import Database
from vacate.store.index_rows import IndexRow, begin_index_anew
from vacate.store.tables import audit_base, audit_events, audit_head, audit_indexed, audit_sessions
from vacate.store.types import as_kept
from vacate.store.webhook_tables import webhook_endpoints

_PAGE = 2_000
_WITHOUT_KEY = (
    "event {last}, its last one, was made without the key; if the history is the right one by an anchor, an export or "
    "the log, and from before there was a key, run `vacate store migrate`"
)

Guard: TypeAlias = Callable[[AsyncConnection, Anchor], Awaitable[None]]
"""Looks at the chain and its head before anything is written, alone of all who write, and raises to prevent that."""


async def _unguarded(connection: AsyncConnection, head: Anchor) -> None:
    del connection, head


class Statements(StrEnum):
    """What the audit keeps of the statement that a session ran last."""

    OFF = "off"
    FINGERPRINT = "fingerprint"
    ON = "on"


class SqlAuditLog:
    """The durable record. Nothing changes what is in it; the oldest events can be pruned, and that is told in it."""

    def __init__(
        self, database: Database, *, statements: Statements = Statements.OFF, key: AuditKey | None = None
    ) -> None:
        """Take the opened store, what to keep of statements, and where the key is found that digests are made with."""
        self._database = database
        self._key = key
        self._statements = statements

    async def append(
        self, *events: AuditEvent, guard: Guard = _unguarded, begin_key: bool = False
    ) -> tuple[Anchor, ...]:
        """Write events with their sessions in their order: all of it, and durably before this returns, or nothing.

        With `begin_key` a chain from before there was a key goes on with one, and the first event with it vouches for
        that chain. Nobody but an operator may want that: whoever owns the store can make such a chain.

        Returns how far the chain goes with each of them.

        Raises:
            AuditUnavailableError: they could not be written.
        """
        rows = [self._row(event) for event in events]
        async with self._database.write(AuditUnavailableError) as connection:
            return await self._append(connection, rows, guard, begin_key=begin_key)

    async def look(self, guard: Guard) -> None:
        """Have a guard look at the chain while nobody writes.

        Raises:
            StoreUnavailableError: the store cannot be used.
        """
        async with self._database.write() as connection:
            await guard(connection, await self._head(connection))

    async def acknowledge(self, event: AuditEvent) -> Anchor:
        """Write one event behind a chain that has lost some, and have what was derived of those made anew.

        Raises:
            AuditUnavailableError: nothing was changed.
        """
        row = self._row(event)
        async with self._database.write(AuditUnavailableError) as connection:
            head = await self._head(connection)
            (anchor,) = await self._append(connection, [row], begin_key=True)
            await begin_index_anew(connection)
            behind = webhook_endpoints.c.cursor > head.id
            await connection.execute(webhook_endpoints.update().where(behind).values(cursor=head.id))
        return anchor

    async def prune(
        self, before: datetime, event: AuditEvent, *, guard: Guard = _unguarded
    ) -> tuple[int, Anchor | None]:
        """Remove the events that were written before a moment, and write down which; how many they were.

        The last event stays whatever its age. `event` says who prunes; its note is written here, and vouches for what
        the chain began with. Without anything to remove nothing is written.

        Raises:
            AuditUnavailableError: nothing was removed.
        """
        row = self._row(event)
        async with self._database.write(AuditUnavailableError) as connection:
            # Whoever appends waits, or it would continue a chain that is being cut.
            await guard(connection, await self._head(connection))
            base = (await connection.execute(select(audit_base.c.last_id))).scalar_one()
            young = (
                select(audit_events.c.id)
                .where(audit_events.c.at >= before, audit_events.c.id > base)
                .order_by(audit_events.c.id)
                .limit(1)
            )
            first_young = (await connection.execute(young)).scalar()
            head = await self._head(connection)
            last_old = head.id - 1 if first_young is None else first_young - 1
            old = select(audit_events.c.digest).where(audit_events.c.id == last_old)
            digest = (await connection.execute(old)).scalar()
            if digest is None:
                return 0, None
            (anchor,) = await self._append(connection, [{**row, "note": vouching(last_old, digest)}])
            gone = await connection.execute(audit_events.delete().where(audit_events.c.id <= last_old))
            # Whoever fills the derived table has read events by then and not yet written what they say.
            await connection.execute(select(audit_indexed).with_for_update())
            await connection.execute(audit_sessions.delete().where(audit_sessions.c.event_id <= last_old))
            await connection.execute(audit_base.update().values(last_id=last_old, digest=digest))
        return gone.rowcount, anchor

    async def events_of(self, request_id: str) -> tuple[RecordedEvent, ...]:
        """Every event of one call, in the order they were written. Those that cannot be read are left out.

        Raises:
            StoreUnavailableError: the store cannot be read.
        """
        chosen = every_event().where(audit_events.c.request_id == request_id)
        return await self._read(chosen.order_by(audit_events.c.id))

    async def unreadable_of(self, request_id: str) -> int:
        """How many events of one call cannot be read.

        Raises:
            StoreUnavailableError: the store cannot be read.
        """
        chosen = every_event().where(audit_events.c.request_id == request_id)
        async with self._database.read() as connection:
            rows = (await connection.execute(chosen)).mappings().all()
        return len(rows) - len(readable_events(rows, self._database.unreadable))

    async def recent(self, limit: int) -> tuple[RecordedEvent, ...]:
        """The last events, newest first.

        Raises:
            StoreUnavailableError: the store cannot be read.
        """
        return await self._read(every_event().order_by(audit_events.c.id.desc()).limit(limit))

    async def head(self) -> Anchor:
        """How far the chain goes, by the store's own word.

        Raises:
            StoreUnavailableError: the store cannot be read.
        """
        async with self._database.read() as connection:
            row = (await connection.execute(select(audit_head))).one()
        return Anchor(id=row.last_id, digest=row.digest, source="the store's own head")

    async def holds(self, anchor: Anchor) -> bool:
        """Whether an event with that number and that digest is there.

        Raises:
            StoreUnavailableError: the store cannot be read.
        """
        chosen = select(audit_events.c.digest).where(audit_events.c.id == anchor.id)
        async with self._database.read() as connection:
            return (await connection.execute(chosen)).scalar() == anchor.digest

    async def strays(self, last: int, count: int) -> str | None:
        """Which rows are no events of the chain; see `audit_proof.strays`."""
        async with self._database.read() as connection:
            return await strays(connection, last, count)

    async def index_strays(self) -> str | None:
        """Which entries of the search index belong to no event; see `audit_proof.index_strays`."""
        async with self._database.read() as connection:
            return await index_strays(connection)

    async def indexed(self) -> int:
        """The last event that the search index knows."""
        async with self._database.read() as connection:
            return (await connection.execute(select(audit_indexed.c.last_id))).scalar_one()

    async def index_between(self, first: int, last: int) -> Sequence[tuple[object, ...]]:
        """The entries of the search index of these events, in order."""
        columns = audit_sessions.c
        chosen = select(*(columns[each.name] for each in fields(IndexRow))).where(columns.event_id.between(first, last))
        async with self._database.read() as connection:
            found = await connection.execute(chosen.order_by(columns.event_id, columns.position))
            return [tuple(row) for row in found]

    async def base(self) -> Anchor:
        """The last event that was pruned; event 0 when none was.

        Raises:
            StoreUnavailableError: the store cannot be read.
        """
        async with self._database.read() as connection:
            row = (await connection.execute(select(audit_base))).one()
        return Anchor(id=row.last_id, digest=row.digest, source="the store's own word of what was pruned")

    async def ids_between(self, since: datetime | None, until: datetime | None) -> range:
        """From the first event that was written then or later, to the last one before `until`.

        Several services have several clocks, so some in between may be of another time: without them it is no chain.

        Raises:
            StoreUnavailableError: the store cannot be read.
        """
        events = audit_events.c
        first, last = select(func.min(events.id)).where(covered()), select(func.max(events.id)).where(covered())
        if since is not None:
            first = first.where(events.at >= since)
        if until is not None:
            last = last.where(events.at < until)
        async with self._database.read() as connection:
            begin, end = (await connection.execute(first)).scalar(), (await connection.execute(last)).scalar()
        return range(0) if begin is None or end is None else range(begin, end + 1)

    async def links(self, after: int = 0, *, also_strays: bool = False) -> AsyncGenerator[tuple[Link, ...]]:
        """The whole chain behind an event, page by page, as it is kept; `also_strays` are rows that it does not cover.

        Raises:
            StoreUnavailableError: the store cannot be read.
        """
        rows_of = every_row if also_strays else every_event
        while True:
            chosen = rows_of().where(audit_events.c.id > after).order_by(audit_events.c.id).limit(_PAGE)
            async with self._database.read() as connection:
                rows = (await connection.execute(chosen)).mappings().all()
            if not rows:
                return
            yield tuple(link_of(row) for row in rows)
            after = rows[-1]["id"]

    async def _append(
        self,
        connection: AsyncConnection,
        rows: Sequence[Mapping[str, object]],
        guard: Guard = _unguarded,
        *,
        begin_key: bool = False,
    ) -> tuple[Anchor, ...]:
        head = await self._head(connection)
        await guard(connection, head)
        if self._key is None:
            return await self._written(connection, head, rows, None)
        keyed = not head.id or await _is_keyed(connection, head)
        if not keyed and not begin_key:
            raise AuditUnavailableError(_WITHOUT_KEY.format(last=head.id))
        # It is made while no event needs it: later it would be another one.
        key = self._found_key(self._key, make=not head.id or not keyed)
        if not keyed:
            (head,) = await self._written(connection, head, [_keyed_from(rows[0], head)], key)
        return await self._written(connection, head, rows, key)

    @staticmethod
    def _found_key(where: AuditKey, *, make: bool) -> bytes:
        try:
            key = where.make() if make else where.find()
        except SettingsError as error:
            raise AuditUnavailableError(str(error)) from error
        if key is None:
            raise AuditUnavailableError("the key that its events are made with is not there; put its file back")
        return key

    async def lacks_key(self) -> bool:
        """Whether the last event was made without the key that there is.

        Raises:
            StoreUnavailableError: the store cannot be read.
        """
        async with self._database.write() as connection:
            head = await self._head(connection)
            return self._key is not None and head.id > 0 and not await _is_keyed(connection, head)

    def key(self) -> bytes | None:
        """The key that digests are proved with; `None` where there is none.

        Raises:
            SettingsError: it cannot be read.
        """
        return None if self._key is None else self._key.find()

    async def _written(
        self, connection: AsyncConnection, head: Anchor, rows: Sequence[Mapping[str, object]], key: bytes | None
    ) -> tuple[Anchor, ...]:
        """Write events behind the last one. They go in one statement, so many take hardly longer than one."""
        anchors, written = [head], list[dict[str, object]]()
        for row in rows:
            last = anchors[-1]
            fields = {**row, "id": last.id + 1, "form": FORM if key is None else KEYED}
            at = row["at"]
            digest = digest_of(last.digest, {**fields, "at": as_text(at) if isinstance(at, datetime) else at}, key)
            written.append({**fields, "previous": last.digest, "digest": digest})
            anchors.append(Anchor(id=last.id + 1, digest=digest, source="just written"))
        if written:
            await connection.execute(audit_events.insert(), written)
            await connection.execute(audit_head.update().values(last_id=anchors[-1].id, digest=anchors[-1].digest))
        return tuple(anchors[1:])

    async def _head(self, connection: AsyncConnection) -> Anchor:
        """The last event. To the end of the transaction nobody else writes behind it; SQLite has one writer anyway."""
        row = (await connection.execute(select(audit_head).with_for_update())).one()
        return Anchor(id=row.last_id, digest=row.digest, source="the store's own head")

    async def _read(self, chosen: Select[*tuple[Any, ...]]) -> tuple[RecordedEvent, ...]:
        async with self._database.read() as connection:
            rows = (await connection.execute(chosen)).mappings().all()
        return readable_events(rows, self._database.unreadable)

    def _row(self, event: AuditEvent) -> dict[str, object]:
        actor, target = event.actor, event.target
        role = next((grant.role for grant in actor.grants if grant.project_id == target.project_id), None)
        sessions = [self._session(entry) for entry in event.sessions]
        row: dict[str, object] = {
            "at": _in_utc(event.at),
            "action": event.action.value,
            "request_id": actor.request_id,
            "user_id": actor.user_id,
            "user_name": actor.user_name,
            "role": None if role is None else role.value,
            "credential_kind": actor.credential_kind.value,
            "credential": actor.credential,
            "source_address": actor.source_address,
            "project_id": target.project_id,
            "instance_id": target.instance_id,
            "node_id": target.node_id,
            "component_id": target.component_id,
            "error": event.error,
            "sessions": msgspec.json.encode(sessions).decode(),
            "named": msgspec.json.encode(event.named).decode() if event.named else None,
            "plan_id": event.plan_id,
            "note": event.note,
        }
        # What is hashed is what will be read back.
        return {name: as_kept(value) if isinstance(value, str) else value for name, value in row.items()}

    def _session(self, entry: SessionOutcome) -> Mapping[str, object]:
        session = entry.session
        kept: dict[str, object] = {
            "session_id": session.session_id,
            "pid": session.pid,
            "backend_start": session.backend_start,
            "state_change": session.state_change,
            "user": session.user,
            "database": session.database,
            "application": session.application,
            "client_address": session.client_address,
            "outcome": entry.outcome,
            "by": entry.by,
            "reason": entry.reason,
        }
        if session.query and self._statements is Statements.ON:
            kept["statement"] = session.query
        if session.query and self._statements is not Statements.OFF:
            kept["fingerprint"] = fingerprint(session.query)
        return kept


def _in_utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise AuditUnavailableError(f"a time without its time zone cannot be kept: {at.isoformat()}")
    return at.astimezone(UTC)


async def _is_keyed(connection: AsyncConnection, head: Anchor) -> bool:
    """Whether the last event was made with the key.

    Asked on its own, behind the head: PostgreSQL shows a statement that waited for the head no event that was written
    while it waited.
    """
    return (await connection.execute(select(audit_events.c.form).where(audit_events.c.id == head.id))).scalar() == KEYED


def _keyed_from(row: Mapping[str, object], head: Anchor) -> dict[str, object]:
    """The event that says where digests begin to be keyed, by whoever writes the first such event."""
    nothing = dict.fromkeys(("role", "error", "named", "plan_id"))
    nowhere = dict.fromkeys(("project_id", "instance_id", "node_id", "component_id"), "")
    note = keying(head.id, head.digest)
    return {**row, **nothing, **nowhere, "action": AuditAction.AUDIT_KEYED.value, "sessions": "[]", "note": note}
