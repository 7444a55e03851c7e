"""From the request to the last free slot, beside the popular one-line SQL.

Both end the same sessions on the same server with the same role's rights, in turns. The clock stops when a superuser
on a session of their own counts no session of the application any more.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import asyncpg

from benchmarks.crowd import crowd
from benchmarks.figures import Table, ms, ratios
from benchmarks.stage import BenchmarkError, Caller, Plan
from benchmarks.witness import Witness
from tests.support.postgres import DATABASE, PASSWORD, VACATE, LiveServer
from tests.support.service import HOST
from vacate.domain.sessions.session import OWN_APPLICATION

ONE_LINER = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE state='idle' AND pid <> pg_backend_pid() AND usename='app'"
)
JUST_IDLE_SIZE = 500

_SPARE_SLOTS = 20
_PATIENCE_S = 120.0
_COLUMNS = (
    "PostgreSQL",
    "idle sessions",
    "Vacate, ms",
    "psql, ms",
    "Vacate / psql",
    "open session, ms",
    "Vacate / open session",
)
# With another checkout beside this one.
_BESIDE = ("beside, ms", "Vacate / beside")


@dataclass(slots=True)
class _Seconds:
    """What each way took, round by round."""

    vacate: list[float] = field(default_factory=list[float])
    psql: list[float] = field(default_factory=list[float])
    open_session: list[float] = field(default_factory=list[float])
    beside: list[float] = field(default_factory=list[float])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    server: LiveServer
    caller: Caller
    beside: Caller | None
    witness: Witness
    session: asyncpg.Connection

    async def vacate(self, caller: Caller, size: int, *, just_idle: bool) -> float:
        """The signed call, over a connection that is opened for it."""
        async with crowd(self.server, self.witness, size, just_idle=just_idle):
            headers = caller.signed()
            outcomes: list[str] = []

            async def call() -> None:
                outcomes.append(await asyncio.to_thread(caller.call_once, headers))

            seconds = await self._timed(call)
        if f"terminated={size}" not in outcomes[0].split(", "):
            raise BenchmarkError(f"not all {size} sessions were ended: {outcomes[0]}")
        return seconds

    async def psql(self, size: int, *, just_idle: bool) -> float:
        """The one line through psql, from the start of its process."""
        async with crowd(self.server, self.witness, size, just_idle=just_idle):
            return await self._timed(lambda: asyncio.to_thread(self._run_psql))

    async def open_session(self, size: int, *, just_idle: bool) -> float:
        """The one line over a session that is open already."""
        async with crowd(self.server, self.witness, size, just_idle=just_idle):
            return await self._timed(lambda: self.session.fetch(ONE_LINER, timeout=_PATIENCE_S))

    async def _timed(self, act: Callable[[], Awaitable[object]]) -> float:
        started = time.perf_counter()
        await act()
        # Counting begins only now. Beside the act it would take a core from whoever is being measured.
        await self.witness.until_all_are_gone()
        return time.perf_counter() - started

    def _run_psql(self) -> None:
        address = ["-h", HOST, "-p", str(self.server.port), "-U", VACATE, "-d", DATABASE, "--no-password"]
        subprocess.run(
            [self.server.server.installation.program("psql"), "-X", "-q", "-A", "-t", *address, "-c", ONE_LINER],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=_PATIENCE_S,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "PGPASSWORD": PASSWORD},
        )


def measure(plan: Plan) -> Table:
    """Measure every size on every server; the size nearest to 500 also with sessions that are just idle."""
    rows: list[Sequence[str]] = []
    for installation in plan.installations:
        slots = max(plan.sizes) + _SPARE_SLOTS
        with (
            plan.server("kill", installation, slots=slots) as server,
            plan.site("kill", server).serving() as caller,
            plan.serving_beside("kill", server) as beside,
        ):
            rows += asyncio.run(_measured(plan, server, caller, beside))
    return Table(
        title=f"From idle sessions to free slots (rounds: {plan.rounds}; medians, and ratios min / median / max)",
        columns=(*_COLUMNS, *(_BESIDE if plan.beside else ())),
        rows=rows,
    )


async def _measured(plan: Plan, server: LiveServer, caller: Caller, beside: Caller | None) -> list[Sequence[str]]:
    just_idle_size = min(plan.sizes, key=lambda size: abs(size - JUST_IDLE_SIZE))
    cases = [*((size, False) for size in plan.sizes), (just_idle_size, True)]
    # It has the rights of the service's role and the service's application name, by which the service spares it.
    session = await asyncpg.connect(server.dsn(), server_settings={"application_name": OWN_APPLICATION})
    try:
        async with Witness.on(server) as witness:
            bench = _Bench(server=server, caller=caller, beside=beside, witness=witness, session=session)
            # The first time anybody does something is not what is measured.
            await _round(bench, _Seconds(), min(plan.sizes), just_idle=False)
            return [await _row(plan, bench, size, just_idle=just_idle) for size, just_idle in cases]
    finally:
        session.terminate()


async def _row(plan: Plan, bench: _Bench, size: int, *, just_idle: bool) -> Sequence[str]:
    seconds = _Seconds()
    what = f"{size}, just idle" if just_idle else str(size)
    for number in range(plan.rounds):
        version = bench.server.server.installation.version
        print(f"kill: PostgreSQL {version}, {what}: round {number + 1} of {plan.rounds}", file=sys.stderr)
        await _round(bench, seconds, size, just_idle=just_idle)
    return (
        bench.server.server.installation.version,
        what,
        ms(seconds.vacate),
        ms(seconds.psql),
        ratios(seconds.vacate, seconds.psql),
        ms(seconds.open_session),
        ratios(seconds.vacate, seconds.open_session),
        *((ms(seconds.beside), ratios(seconds.vacate, seconds.beside)) if seconds.beside else ()),
    )


async def _round(bench: _Bench, seconds: _Seconds, size: int, *, just_idle: bool) -> None:
    seconds.vacate.append(await bench.vacate(bench.caller, size, just_idle=just_idle))
    if bench.beside is not None:
        seconds.beside.append(await bench.vacate(bench.beside, size, just_idle=just_idle))
    seconds.psql.append(await bench.psql(size, just_idle=just_idle))
    seconds.open_session.append(await bench.open_session(size, just_idle=just_idle))
