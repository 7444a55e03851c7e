"""Somebody who counts: a superuser, on a session of their own, in words that are not Vacate's."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from benchmarks.stage import BenchmarkError
from tests.support.postgres import APP, LiveServer

# It reads nothing but the list of sessions: each count takes time from what is being measured.
_COUNT = """
SELECT count(*) AS sessions, count(*) FILTER (WHERE state = 'idle') AS idle,
       coalesce(extract(epoch FROM clock_timestamp() - max(state_change)), 0)::float8 AS youngest_s,
       coalesce(extract(epoch FROM clock_timestamp() - min(state_change)), 0)::float8 AS oldest_s
  FROM pg_stat_get_activity(NULL)
 WHERE usesysid = $1
"""
_POLL_S = 0.002
_PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """The application's sessions, and for how long the youngest and the oldest are in their state."""

    sessions: int
    idle: int
    youngest_s: float
    oldest_s: float


@dataclass(frozen=True, slots=True)
class Witness:
    """Counts the application's sessions over a session that is open already."""

    session: asyncpg.Connection
    application: int

    @classmethod
    @asynccontextmanager
    async def on(cls, server: LiveServer) -> AsyncGenerator["Witness"]:
        """A witness on a server until the block ends."""
        session = await asyncpg.connect(server.server.superuser_dsn)
        try:
            role = await session.fetchval("SELECT oid::bigint FROM pg_roles WHERE rolname = $1", APP)
            yield cls(session, int(role))
        finally:
            session.terminate()

    async def count(self) -> Count:
        """How many there are now."""
        row = await self.session.fetchrow(_COUNT, self.application)
        if row is None:
            raise BenchmarkError("the witness cannot count")
        return Count(**dict(row))

    async def until(self, condition: Callable[[Count], bool], what: str) -> Count:
        """Count every 2 ms until it is as it should be."""
        deadline = time.monotonic() + _PATIENCE_S
        while not condition(count := await self.count()):
            if time.monotonic() > deadline:
                raise BenchmarkError(f"{what}: not so within {_PATIENCE_S:g} s; {count}")
            await asyncio.sleep(_POLL_S)
        return count

    async def until_all_are_gone(self) -> None:
        """Count until every slot is free."""
        await self.until(lambda count: count.sessions == 0, "all slots are free")
