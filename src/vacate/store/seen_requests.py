"""Signed requests that changed something, so that none of them is accepted a second time."""

from datetime import datetime

from sqlalchemy import select

from vacate.operations.access.ports import SeenRequests
from vacate.store.database import Database
from vacate.store.tables import seen_requests


class SqlSeenRequests(SeenRequests):
    """Seen requests in the store, one row each."""

    def __init__(self, database: Database) -> None:
        """Take the opened database."""
        self._database = database

    async def first_seen(self, digest: bytes, *, at: datetime, until: datetime) -> datetime | None:
        """Keep that a request came; when it came first, if this is not the first time."""
        row = self._database.insert(seen_requests).values(digest=digest, seen_at=at, expires_at=until)
        async with self._database.write() as connection:
            # Of two services that keep the same request at once, the second waits here for the first.
            if (await connection.execute(row.on_conflict_do_nothing())).rowcount:
                return None
            kept = select(seen_requests.c.seen_at).where(seen_requests.c.digest == digest)
            return (await connection.execute(kept)).scalar_one()

    async def forget(self, before: datetime) -> int:
        """Forget the requests whose time ended before then."""
        async with self._database.write() as connection:
            over = await connection.execute(seen_requests.delete().where(seen_requests.c.expires_at < before))
        return over.rowcount
