"""The call when there is nothing to end, beside the bare SQL round trip that it cannot do without."""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from benchmarks.blocks import WARM_UP, Block, Side, block_of_calls
from benchmarks.figures import Table, ms, ratios
from benchmarks.stage import KILL_IDLE, Caller, Plan, send
from tests.support.postgres import LiveServer
from vacate.components.statements import statement
from vacate.domain.sessions.session import OWN_APPLICATION

CLIENTS = (1, 8)
CALLS = 400

_SLOTS = 40
_PATIENCE_S = 120.0
_P99 = 0.99
_COLUMNS = (
    "PostgreSQL",
    "clients",
    "call p50, ms",
    "p99, ms",
    "calls/s",
    "SQL p50, ms",
    "p99, ms",
    "statements/s",
    "p50 ratio",
    "SQL / call, per second",
)


def measure(plan: Plan) -> Table:
    """Measure both sides in turns, for one client and for several at once."""
    rows: list[Sequence[str]] = []
    for installation in plan.installations:
        with (
            plan.server("empty", installation, slots=_SLOTS) as server,
            plan.site("empty", server).serving() as caller,
        ):
            rows += asyncio.run(_measured(plan, server, caller))
    return Table(
        title=f"A call that ends nothing (rounds: {plan.rounds}, each of {CALLS} calls; ratios min / median / max)",
        columns=_COLUMNS,
        rows=rows,
    )


async def _measured(plan: Plan, server: LiveServer, caller: Caller) -> list[Sequence[str]]:
    version = server.server.installation.version
    rows: list[Sequence[str]] = []
    # The sessions are there for both sides, so that both read an equally long list.
    async with _sessions(server, max(CLIENTS)) as sessions:
        for clients in CLIENTS:
            calls, statements = Side(), Side()
            for number in range(plan.rounds):
                print(f"empty: PostgreSQL {version}, {clients}: round {number + 1} of {plan.rounds}", file=sys.stderr)
                calls.blocks.append(await asyncio.to_thread(_calls, caller, clients))
                statements.blocks.append(await _statements(server, sessions[:clients]))
            rows.append(
                (
                    version,
                    str(clients),
                    ms(calls.each_s),
                    ms(calls.each_s, _P99),
                    f"{calls.per_s:.0f}",
                    ms(statements.each_s),
                    ms(statements.each_s, _P99),
                    f"{statements.per_s:.0f}",
                    ratios(calls.medians_s, statements.medians_s),
                    ratios(statements.rates, calls.rates),
                )
            )
    return rows


def _calls(caller: Caller, clients: int) -> Block:
    return block_of_calls(caller, KILL_IDLE, send, clients=clients, calls=CALLS)


async def _statements(server: LiveServer, sessions: Sequence[asyncpg.Connection]) -> Block:
    """The statement with which every call looks, and nothing else of it, on sessions that are warm."""
    look = statement("postgresql", "look", server.major)

    async def client(session: asyncpg.Connection, count: int) -> list[float]:
        taken: list[float] = []
        for _ in range(count):
            started = time.perf_counter()
            await session.fetch(look, timeout=_PATIENCE_S)
            taken.append(time.perf_counter() - started)
        return taken

    for session in sessions:
        await client(session, WARM_UP)
    started = time.perf_counter()
    taken = await asyncio.gather(*(client(session, CALLS // len(sessions)) for session in sessions))
    return Block(each_s=[seconds for part in taken for seconds in part], whole_s=time.perf_counter() - started)


@asynccontextmanager
async def _sessions(server: LiveServer, count: int) -> AsyncGenerator[Sequence[asyncpg.Connection]]:
    """Sessions set up as the service sets up its own, under its name, by which it spares them."""
    opened: list[asyncpg.Connection] = []
    try:
        for _ in range(count):
            settings = {"application_name": OWN_APPLICATION, "search_path": "pg_catalog", "jit": "off"}
            opened.append(await asyncpg.connect(server.dsn(), server_settings=settings))
        yield opened
    finally:
        for session in opened:
            session.terminate()
