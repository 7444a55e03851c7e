"""A shop at work: sessions of every state on one server, each known by its process id."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import asyncpg

from tests.contract.database_sessions import pids, sessions
from tests.support.service import eventually
from vacate.demo.servers import Server

LOCK = "SELECT pg_advisory_xact_lock(5001)"
SLEEP = "SELECT pg_sleep(600)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The process ids by what the sessions do. `waiting` waits for the lock that `in_transaction` holds."""

    idle: tuple[int, ...]
    active: tuple[int, ...]
    in_transaction: int
    waiting: int

    @property
    def all(self) -> frozenset[int]:
        return frozenset({*self.idle, *self.active, self.in_transaction, self.waiting})

    @property
    def not_idle(self) -> frozenset[int]:
        """What the transactions are about."""
        return self.all - {*self.idle}


@asynccontextmanager
async def shop_at_work(server: Server, dsn: str, *, idle: int = 2, active: int = 2) -> AsyncGenerator[Scene]:
    """Open the sessions; whatever of them is left goes with the block."""
    async with sessions(dsn, idle + active + 2) as opened, AsyncExitStack() as statements:
        resting, running = opened[:idle], opened[idle : idle + active]
        holder, waiter = opened[-2:]
        await holder.execute("BEGIN")
        await holder.fetchval(LOCK)
        for session, statement in [*((each, SLEEP) for each in running), (waiter, LOCK)]:
            await statements.enter_async_context(running_for_long(session, statement))
        scene = Scene(
            idle=tuple(pids(resting)),
            active=tuple(pids(running)),
            in_transaction=holder.get_server_pid(),
            waiting=waiter.get_server_pid(),
        )
        await asyncio.to_thread(eventually, lambda: _is_set(server, scene))
        yield scene


@asynccontextmanager
async def running_for_long(session: asyncpg.Connection, statement: str) -> AsyncGenerator[None]:
    """Keep a session busy with one statement."""
    running = asyncio.create_task(session.execute(statement))
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _is_set(server: Server, scene: Scene) -> bool:
    wanted = ",".join(map(str, scene.all))
    seen = server.psql(
        f"SELECT pid, state, coalesce(wait_event_type, '') FROM pg_stat_activity WHERE pid IN ({wanted});"  # noqa: S608 - numbers
    )
    rows = {int(pid): (state, kind) for pid, state, kind in (line.split("|") for line in seen.splitlines())}
    return (
        rows.keys() == scene.all
        and all(rows[pid][0] == "idle" for pid in scene.idle)
        and all(rows[pid][0] == "active" for pid in scene.active)
        and rows[scene.in_transaction][0] == "idle in transaction"
        and rows[scene.waiting] == ("active", "Lock")
    )
