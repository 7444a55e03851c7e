"""The audit, searched by what its events say of sessions.

Sessions are kept as one text an event, because that is written fast. Whoever searches fills the table that is searched
first, with the events that it does not know yet.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import timedelta

from sqlalchemy import ColumnElement, RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vacate.domain.audit.record import AuditQuery, RecordedEvent
from vacate.domain.errors import StoreUnavailableError
from vacate.store.audit import SqlAuditLog
from vacate.store.audit_rows import EventUnreadableError, covered, every_event, readable, readable_events
from vacate.store.database import Database
from vacate.store.index_rows import IndexRow, begin_index_anew, rows_of
from vacate.store.tables import audit_events, audit_head, audit_indexed, audit_sessions

# Each transaction takes in so many events, so that nobody who appends waits for long.
_AT_ONCE = 500
# A second or two of work; what is more than that is left to the service's own rounds.
_MOST_BEHIND = 20_000
# As many are read in a second or two, too.
_MOST_LOOKED_AT = 20_000
# An event is later than the beginning of its sessions, but for the clocks of two machines.
_CLOCKS_APART = timedelta(days=1)


class SqlAuditSearch:
    """Implements `operations.ports.AuditSearch`."""

    def __init__(self, database: Database, log: SqlAuditLog) -> None:
        """Take the opened store and its log."""
        self._database = database
        self._log = log

    async def events_of(self, request_id: str) -> tuple[RecordedEvent, ...]:
        """Every event of one call, in the order they were written.

        Raises:
            StoreUnavailableError: the store cannot be read.
        """
        return await self._log.events_of(request_id)

    async def unreadable_of(self, request_id: str) -> int:
        """How many events of one call cannot be read.

        Raises:
            StoreUnavailableError: the store cannot be read.
        """
        return await self._log.unreadable_of(request_id)

    async def find(self, query: AuditQuery) -> tuple[RecordedEvent, ...]:
        """The events that a query asks for, the newest first.

        Where something is asked of sessions, an event is found by the derived table and looked at itself: what that
        table says is no proof.

        Raises:
            StoreUnavailableError: the store cannot be used, or many events are not known to the derived table yet.
        """
        if not query.of_sessions:
            return await self._page(query)
        await self._catch_up()
        found: list[RecordedEvent] = []
        page, looked_at = query, 0
        while len(found) < query.limit:
            rows = await self._rows(page)
            events = readable_events(rows, self._database.unreadable)
            found.extend(event for event in events if any(query.meets(session) for session in event.sessions))
            if len(rows) < page.limit:
                break
            looked_at += len(rows)
            if looked_at >= _MOST_LOOKED_AT:
                raise StoreUnavailableError(
                    f"of the last {looked_at:,} events that may be meant, too few are; ask of a shorter time with "
                    "since and until"
                )
            # The table does not know when sessions began: an id that was given out again may fill a page for nothing.
            page = replace(page, before_id=rows[-1]["id"])
        return tuple(found[: query.limit])

    async def _page(self, query: AuditQuery) -> tuple[RecordedEvent, ...]:
        return readable_events(await self._rows(query), self._database.unreadable)

    async def _rows(self, query: AuditQuery) -> Sequence[RowMapping]:
        chosen = every_event().where(*_conditions(query)).order_by(audit_events.c.id.desc()).limit(query.limit)
        async with self._database.read() as connection:
            return (await connection.execute(chosen)).mappings().all()

    async def _catch_up(self) -> None:
        """Take in the last events, if they are few: whoever asks waits for them."""
        async with self._database.read() as connection:
            known = (await connection.execute(select(audit_indexed.c.last_id))).scalar_one()
            last = (await connection.execute(select(audit_head.c.last_id))).scalar_one()
        if last - known > _MOST_BEHIND:
            raise StoreUnavailableError(
                f"the index of the audit is being made anew and lacks {last - known:,} events; search by time or "
                "operator alone, or try again in a minute"
            )
        await self.take_in()

    async def take_in(self) -> int:
        """Bring the derived table up to the last event; how many events it did not know.

        Raises:
            StoreUnavailableError: the store cannot be written.
        """
        total = 0
        while True:
            async with self._database.write() as connection:
                taken = await self._take_in_some(connection)
            total += taken
            if taken < _AT_ONCE:
                return total

    async def begin_anew(self) -> None:
        """Empty the derived table; the next `take_in` fills it.

        Raises:
            StoreUnavailableError: the store cannot be written.
        """
        async with self._database.write() as connection:
            await begin_index_anew(connection)

    def _rows_of(self, event_id: int, sessions: str) -> tuple[IndexRow, ...]:
        try:
            with readable(event_id):
                return rows_of(event_id, sessions)
        except EventUnreadableError as error:
            self._database.unreadable.note(event_id, str(error))
            return ()

    async def _take_in_some(self, connection: AsyncConnection) -> int:
        last = (await connection.execute(select(audit_indexed.c.last_id).with_for_update())).scalar_one()
        chosen = (
            select(audit_events.c.id, audit_events.c.sessions)
            .where(audit_events.c.id > last, covered())
            .order_by(audit_events.c.id)
            .limit(_AT_ONCE)
        )
        events = (await connection.execute(chosen)).all()
        if not events:
            return 0
        rows = [asdict(row) for event in events for row in self._rows_of(event.id, event.sessions)]
        if rows:
            await connection.execute(audit_sessions.insert(), rows)
        await connection.execute(audit_indexed.update().values(last_id=events[-1].id))
        return len(events)


def _conditions(query: AuditQuery) -> list[ColumnElement[bool]]:
    events, sessions = audit_events.c, audit_sessions.c
    conditions = [
        column == wanted
        for column, wanted in (
            (events.project_id, query.project_id),
            (events.instance_id, query.instance_id),
            (events.component_id, query.component_id),
            (events.user_name, query.operator),
            (events.plan_id, query.plan_id),
            (events.request_id, query.request_id),
            (events.action, None if query.action is None else query.action.value),
        )
        if wanted is not None
    ]
    if query.since is not None:
        conditions.append(events.at >= query.since)
    if query.until is not None:
        conditions.append(events.at < query.until)
    if query.before_id is not None:
        conditions.append(events.id < query.before_id)
    if query.backend_start is not None:
        conditions.append(events.at >= query.backend_start - _CLOCKS_APART)
    if query.of_sessions:
        of_session = [
            column == wanted
            for column, wanted in (
                (sessions.pid, query.pid),
                (sessions.session_id, query.session_id),
                (sessions.user, query.user),
                (sessions.database, query.database),
                (sessions.client_address, query.client),
            )
            if wanted is not None
        ]
        conditions.append(events.id.in_(select(sessions.event_id).where(*of_session)))
    return conditions
