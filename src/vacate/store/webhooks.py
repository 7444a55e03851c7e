"""The outbox: each endpoint's place in the audit, and its deliveries until they end."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, RowMapping, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vacate.operations.outbox import DeliveryStage, EndpointState, Leased, NewDelivery, Unread
from vacate.store.audit_rows import every_event, readable_events
from vacate.store.database import Database
from vacate.store.tables import audit_events, audit_head
from vacate.store.webhook_tables import webhook_deliveries as deliveries
from vacate.store.webhook_tables import webhook_endpoints as endpoints

_HEAD = select(audit_head.c.last_id).scalar_subquery()
_WAITING = deliveries.c.stage == DeliveryStage.WAITING.value


class SqlOutbox:
    """Implements `operations.outbox.Outbox`.

    Events are numbered and become visible in one order, because whoever appends holds the audit's head to the end of
    the transaction. So nothing can appear behind a cursor that has moved on.
    """

    def __init__(self, database: Database) -> None:
        """Take the opened store."""
        self._database = database

    async def behind(self, names: Collection[str], now: datetime) -> tuple[str, ...]:
        """Which of these endpoints have events to read. One that is new begins at the audit's last event of now.

        Raises:
            StoreUnavailableError: the store cannot be used.
        """
        async with self._database.read() as connection:
            found = (await connection.execute(select(endpoints.c.name, endpoints.c.cursor, _HEAD.label("head")))).all()
        new = set(names) - {row.name for row in found}
        if new:
            await self._begin(new, now)
        return tuple(row.name for row in found if row.name in names and row.cursor < row.head)

    async def _begin(self, names: Collection[str], now: datetime) -> None:
        async with self._database.write() as connection:
            head = (await connection.execute(select(audit_head.c.last_id))).scalar_one()
            rows = [{"name": name, "cursor": head, "used_at": now} for name in sorted(names)]
            # Another service may have begun the same; its place is the earlier one.
            await connection.execute(self._database.insert(endpoints).on_conflict_do_nothing(), rows)

    async def unread(self, endpoint: str, limit: int) -> Unread:
        """The next events of an endpoint that is known, so many at most.

        Raises:
            StoreUnavailableError: the store cannot be read.
        """
        async with self._database.read() as connection:
            place = select(endpoints.c.cursor).where(endpoints.c.name == endpoint)
            cursor = (await connection.execute(place)).scalar_one()
            chosen = every_event().where(audit_events.c.id > cursor).order_by(audit_events.c.id).limit(limit)
            rows = (await connection.execute(chosen)).mappings().all()
        last = rows[-1]["id"] if rows else cursor
        return Unread(cursor=cursor, last=last, events=readable_events(rows, self._database.unreadable))

    async def take_in(self, endpoint: str, unread: Unread, taken: Sequence[NewDelivery], now: datetime) -> bool:
        """Keep the deliveries and move the cursor behind what was read, both or neither.

        Raises:
            StoreUnavailableError: the store cannot be written.
        """
        moved = (
            endpoints.update()
            .where(endpoints.c.name == endpoint, endpoints.c.cursor == unread.cursor)
            .values(cursor=unread.last)
        )
        async with self._database.write() as connection:
            if (await connection.execute(moved)).rowcount != 1:
                return False
            if taken:
                rows = [_new_row(endpoint, delivery, now) for delivery in taken]
                await connection.execute(deliveries.insert(), rows)
        return True

    async def lease(self, endpoint: str, now: datetime, until: datetime) -> Leased | None:
        """The oldest delivery that is due. Nobody else gets it before `until`, when it is due again by itself.

        Raises:
            StoreUnavailableError: the store cannot be used.
        """
        due = and_(deliveries.c.endpoint == endpoint, _WAITING, deliveries.c.due_at <= now)
        first = select(deliveries.c.id).where(due).order_by(deliveries.c.event_id).limit(1)
        async with self._database.read() as connection:
            # Nearly always there is none, and then nobody who writes has to wait for this question.
            if (await connection.execute(first)).scalar() is None:
                return None
        claim = uuid.uuid4().hex
        async with self._database.write() as connection:
            mine = (await connection.execute(first.with_for_update(skip_locked=True))).scalar()
            if mine is None:
                return None
            leased = (
                deliveries.update()
                .where(deliveries.c.id == mine)
                .values(claim=claim, due_at=until, attempts=deliveries.c.attempts + 1)
                .returning(deliveries.c.type, deliveries.c.body, deliveries.c.attempts)
            )
            row = (await connection.execute(leased)).one()
        return Leased(id=mine, endpoint=endpoint, type=row.type, body=row.body, attempt=row.attempts, claim=claim)

    async def delivered(self, delivery: Leased, now: datetime) -> None:
        """The endpoint accepted it, whoever holds the lease by now.

        Raises:
            StoreUnavailableError: the store cannot be written.
        """
        async with self._database.write() as connection:
            await connection.execute(
                deliveries.update()
                .where(deliveries.c.id == delivery.id)
                .values(stage=DeliveryStage.DELIVERED.value, claim=None, ended_at=now)
            )
            await _told(connection, delivery, {"delivered_at": now})

    async def failed(self, delivery: Leased, reason: str, now: datetime, again_at: datetime | None) -> bool:
        """The endpoint did not accept it; without another time it is given up. Whether the lease still held.

        Raises:
            StoreUnavailableError: the store cannot be written.
        """
        ended = {"stage": DeliveryStage.GIVEN_UP.value, "claim": None, "ended_at": now}
        async with self._database.write() as connection:
            settled = await connection.execute(
                deliveries.update()
                .where(deliveries.c.id == delivery.id, _WAITING, deliveries.c.claim == delivery.claim)
                .values(ended if again_at is None else {"due_at": again_at, "claim": None})
            )
            if settled.rowcount != 1:
                return False
            await _told(connection, delivery, {"failed_at": now, "failure": reason})
        return True

    async def again(self, endpoint: str, now: datetime) -> int:
        """Make everything due now that was given up or waits for another attempt; how many deliveries.

        Raises:
            StoreUnavailableError: the store cannot be written.
        """
        # What has a claim is being attempted now, or will be when its lease is over.
        paused = and_(_WAITING, deliveries.c.claim.is_(None), deliveries.c.due_at > now)
        chosen = or_(deliveries.c.stage == DeliveryStage.GIVEN_UP.value, paused)
        async with self._database.write() as connection:
            changed = await connection.execute(
                deliveries.update()
                .where(deliveries.c.endpoint == endpoint, chosen)
                .values(stage=DeliveryStage.WAITING.value, attempts=0, due_at=now, ended_at=None)
            )
        return changed.rowcount

    async def states(self) -> tuple[EndpointState, ...]:
        """Every endpoint that was ever followed and is not forgotten, by name.

        Raises:
            StoreUnavailableError: the store cannot be read.
        """
        open_ones = deliveries.c.stage != DeliveryStage.DELIVERED.value
        counted = (
            select(deliveries.c.endpoint, deliveries.c.stage, func.count().label("number"))
            .where(open_ones)
            .group_by(deliveries.c.endpoint, deliveries.c.stage)
        )
        chosen = select(endpoints, _HEAD.label("head")).order_by(endpoints.c.name)
        async with self._database.read() as connection:
            counts = {(row.endpoint, row.stage): row.number for row in (await connection.execute(counted)).all()}
            rows = (await connection.execute(chosen)).mappings().all()
        return tuple(_state(row, counts) for row in rows)

    async def forget(self, names: Collection[str], before: datetime, now: datetime) -> int:
        """Remove deliveries that ended before a moment; how many. So are endpoints that were last in use before it.

        Raises:
            StoreUnavailableError: nothing was removed.
        """
        used: ColumnElement[bool] = endpoints.c.name.in_(names)
        async with self._database.write() as connection:
            await connection.execute(endpoints.update().where(used).values(used_at=now))
            gone = await connection.execute(deliveries.delete().where(deliveries.c.ended_at < before))
            await connection.execute(endpoints.delete().where(endpoints.c.used_at < before))
        return gone.rowcount


async def _told(connection: AsyncConnection, delivery: Leased, values: Mapping[str, object]) -> None:
    """Keep what is known of the endpoint itself."""
    await connection.execute(endpoints.update().where(endpoints.c.name == delivery.endpoint).values(**values))


def _new_row(endpoint: str, delivery: NewDelivery, now: datetime) -> dict[str, object]:
    return {
        "id": delivery.id,
        "endpoint": endpoint,
        "event_id": delivery.event_id,
        "type": delivery.type,
        "body": delivery.body,
        "stage": DeliveryStage.WAITING.value,
        "attempts": 0,
        "due_at": now,
        "created_at": now,
    }


def _state(row: RowMapping, counts: Mapping[tuple[str, str], int]) -> EndpointState:
    name = row["name"]
    return EndpointState(
        name=name,
        cursor=row["cursor"],
        head=row["head"],
        waiting=counts.get((name, DeliveryStage.WAITING.value), 0),
        given_up=counts.get((name, DeliveryStage.GIVEN_UP.value), 0),
        delivered_at=row["delivered_at"],
        failed_at=row["failed_at"],
        failure=row["failure"],
    )
