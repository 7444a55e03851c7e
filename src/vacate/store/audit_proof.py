"""What a proof of the audit asks of the store besides its events."""

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vacate.store.tables import audit_base, audit_events, audit_head, audit_indexed, audit_sessions
from vacate.store.webhook_tables import webhook_endpoints

_BASE = select(audit_base.c.last_id).scalar_subquery()
_HEAD = select(audit_head.c.last_id).scalar_subquery()
_INDEXED = select(audit_indexed.c.last_id).scalar_subquery()


async def strays(connection: AsyncConnection, last: int, count: int) -> str | None:
    """Which rows are no events of the chain, in words, where a walk to event `last` met so many."""
    number = audit_events.c.id
    outside = or_(number <= _BASE, number > _HEAD)
    row = (
        await connection.execute(
            select(
                select(func.count()).select_from(audit_events).scalar_subquery().label("all"),
                select(func.count()).where(number > last, number <= _HEAD).scalar_subquery().label("later"),
                select(func.count()).where(outside).scalar_subquery().label("outside"),
                select(func.min(number)).where(outside).scalar_subquery().label("first"),
                _HEAD.label("head"),
            )
        )
    ).one()
    if row.outside:
        return f"{row.outside} rows are no events of the chain, the first of them with the number {row.first}"
    if row.all != count + row.later:
        return f"{row.all - count - row.later} rows are no events of the chain: they are there twice or have no number"
    ahead = select(webhook_endpoints.c.name).where(webhook_endpoints.c.cursor > _HEAD).limit(1)
    if (name := (await connection.execute(ahead)).scalar()) is not None:
        return f"the webhook {name} is to be told of events only behind one that is not there yet: its place was moved"
    return None


async def index_strays(connection: AsyncConnection) -> str | None:
    """Which rows of the table for searching belong to no event that it knows, in words."""
    number = audit_sessions.c.event_id
    row = (
        await connection.execute(
            select(
                select(func.count()).select_from(audit_sessions).scalar_subquery().label("all"),
                select(func.count()).where(and_(number > _BASE, number <= _INDEXED)).scalar_subquery().label("known"),
                _INDEXED.label("indexed"),
                _HEAD.label("head"),
            )
        )
    ).one()
    if row.indexed > row.head:
        return f"the search index says that it knows event {row.indexed}, and event {row.head} is the last"
    if row.all != row.known:
        return f"the search index has {row.all - row.known} entries of events that it does not know"
    return None
