"""Sessions as applications hold them, and how a superuser sees them."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager

import asyncpg

from vacate.demo.servers import Server

_CLOSED_S = 2.0


@asynccontextmanager
async def sessions(dsn: str, count: int = 1) -> AsyncGenerator[list[asyncpg.Connection]]:
    """Open sessions that sit idle; the service may end them meanwhile."""
    opened: list[asyncpg.Connection] = []
    try:
        for _ in range(count):
            opened.append(await asyncpg.connect(dsn, server_settings={"application_name": "shop"}))
            await opened[-1].fetchval("SELECT 1")
        yield opened
    finally:
        for session in opened:
            try:
                await session.close(timeout=_CLOSED_S)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
                session.terminate()


@asynccontextmanager
async def running_statement(session: asyncpg.Connection) -> AsyncGenerator[asyncio.Task[object]]:
    """Keep a session busy with one long statement."""
    statement = asyncio.create_task(session.fetchval("SELECT pg_sleep(600)"))
    try:
        yield statement
    finally:
        statement.cancel()
        await asyncio.gather(statement, return_exceptions=True)


def pids(of: Iterable[asyncpg.Connection]) -> list[int]:
    """The process ids of the sessions."""
    return [session.get_server_pid() for session in of]


def states(server: Server, of: Iterable[int]) -> dict[int, str]:
    """The state of each of these sessions that the server still has, asked by psql as its superuser."""
    wanted = ",".join(map(str, of))
    rows = server.psql(f"SELECT pid, state FROM pg_stat_activity WHERE pid IN ({wanted});").splitlines()  # noqa: S608 - numbers
    return {int(pid): state for pid, _, state in (row.partition("|") for row in rows)}
