"""All sessions of a server as one JSON document, beside psql that is asked for the same columns.

Both read the same server with the same role's rights, in turns; nothing is ended.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import asyncpg

from benchmarks.anatomy import Anatomy, Parts, by_name
from benchmarks.figures import Table, ms, ratios
from benchmarks.stage import LIST_SESSIONS, BenchmarkError, Caller, Plan, fetch
from benchmarks.witness import Witness
from tests.support.load import Load
from tests.support.postgres import APP, DATABASE, PASSWORD, VACATE, LiveServer
from tests.support.service import HOST
from vacate.components.statements import statement
from vacate.domain.sessions.session import OWN_APPLICATION

_Answer = TypeVar("_Answer")

_TURNS = 5
_SPARE_SLOTS = 20
_PATIENCE_S = 120.0
_COLUMNS = (
    "PostgreSQL",
    "sessions",
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
    """What each way took."""

    vacate: list[float] = field(default_factory=list[float])
    psql: list[float] = field(default_factory=list[float])
    open_session: list[float] = field(default_factory=list[float])
    beside: list[float] = field(default_factory=list[float])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    server: LiveServer
    caller: Caller
    beside: Caller | None
    session: asyncpg.Connection

    def document(self) -> str:
        """The service's own statement, whose rows the server itself makes a document of."""
        rows = statement("postgresql", "activity", self.server.major).rstrip(";")
        return f"SELECT json_agg(t) FROM ({rows}) t"  # noqa: S608 - a statement of ours around a statement of ours.

    async def turn(self, seconds: _Seconds, size: int) -> None:
        """Have the sessions listed once in each way."""
        vacate = await _timed(seconds.vacate, asyncio.to_thread(self._call, self.caller))
        beside = await _timed(seconds.beside, asyncio.to_thread(self._call, self.beside)) if self.beside else vacate
        psql = await _timed(seconds.psql, asyncio.to_thread(self._run_psql))
        open_session = await _timed(seconds.open_session, self.session.fetchval(self.document(), timeout=_PATIENCE_S))
        # Each leaves out itself and sees the others, so the numbers are nearly the same and never smaller.
        for found in (
            json.loads(vacate)["sessions"],
            json.loads(beside)["sessions"],
            json.loads(psql),
            json.loads(open_session),
        ):
            if not size <= len(found) <= size + _SPARE_SLOTS:
                raise BenchmarkError(f"{len(found)} sessions were listed, and there are {size}")

    def _call(self, caller: Caller) -> bytes:
        """The call as a client makes it: signed, over a connection of its own, and read to its last byte."""
        headers = caller.signed(LIST_SESSIONS)
        with caller.connection() as connection:
            _, body = fetch(connection, LIST_SESSIONS, headers)
            return body

    def _run_psql(self) -> bytes:
        """The same through psql, from the start of its process to its last byte."""
        address = ["-h", HOST, "-p", str(self.server.port), "-U", VACATE, "-d", DATABASE, "--no-password"]
        done = subprocess.run(
            [self.server.server.installation.program("psql"), *address, "-XAtc", self.document()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=True,
            timeout=_PATIENCE_S,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "PGPASSWORD": PASSWORD},
        )
        return done.stdout


def measure(plan: Plan) -> Table:
    """Measure every size on every server."""
    rows: list[Sequence[str]] = []
    notes: list[str] = []
    for installation in plan.installations:
        slots = max(plan.sizes) + _SPARE_SLOTS
        with (
            plan.server("listing", installation, slots=slots) as server,
            plan.site("listing", server).serving() as caller,
            plan.serving_beside("listing", server) as beside,
        ):
            for size in plan.sizes:
                row, note = asyncio.run(_measured(plan, server, caller, beside, size))
                rows.append(row)
                # One size is enough to see what the time goes into, and the largest shows it best.
                notes += [note] if size == max(plan.sizes) else []
    return Table(
        title=f"Listing all sessions ({plan.rounds} rounds of {_TURNS} turns; medians, and ratios min / median / max)",
        columns=(*_COLUMNS, *(_BESIDE if plan.beside else ())),
        rows=rows,
        notes=notes,
    )


async def _measured(
    plan: Plan, server: LiveServer, caller: Caller, beside: Caller | None, size: int
) -> tuple[Sequence[str], str]:
    version = server.server.installation.version
    async with asyncio.timeout(_PATIENCE_S):
        load = await Load.start(server.dsn(APP), idle=size, flipping=0)
    # It has the rights of the service's role and the service's name, as in `kill`.
    session = await asyncpg.connect(server.dsn(), server_settings={"application_name": OWN_APPLICATION})
    try:
        async with load, Anatomy.on(server) as anatomy, Witness.on(server) as witness:
            await witness.until(lambda count: count.idle == count.sessions == size, f"{size} sessions are idle")
            bench = _Bench(server=server, caller=caller, beside=beside, session=session)
            # The first time anybody does something is not what is measured.
            await bench.turn(_Seconds(), size)
            await anatomy.parts()
            rounds: list[_Seconds] = []
            parts: list[Parts] = []
            for number in range(plan.rounds):
                print(f"listing: PostgreSQL {version}, {size}: round {number + 1} of {plan.rounds}", file=sys.stderr)
                rounds.append(_Seconds())
                for _ in range(_TURNS):
                    await bench.turn(rounds[-1], size)
                    parts.append(await anatomy.parts())
    finally:
        session.terminate()
    async with Witness.on(server) as witness:
        await witness.until_all_are_gone()
    return _row(version, size, rounds), _note(version, size, rounds, parts)


async def _timed(taken: list[float], act: Awaitable[_Answer]) -> _Answer:
    started = time.perf_counter()
    answer = await act
    taken.append(time.perf_counter() - started)
    return answer


def _row(version: str, size: int, rounds: Sequence[_Seconds]) -> Sequence[str]:
    vacate = [statistics.median(each.vacate) for each in rounds]
    psql = [statistics.median(each.psql) for each in rounds]
    open_session = [statistics.median(each.open_session) for each in rounds]
    beside = [statistics.median(each.beside) for each in rounds if each.beside]
    return (
        version,
        str(size),
        ms([seconds for each in rounds for seconds in each.vacate]),
        ms([seconds for each in rounds for seconds in each.psql]),
        ratios(vacate, psql),
        ms([seconds for each in rounds for seconds in each.open_session]),
        ratios(vacate, open_session),
        *((ms([seconds for each in rounds for seconds in each.beside]), ratios(vacate, beside)) if beside else ()),
    )


def _note(version: str, size: int, rounds: Sequence[_Seconds], parts: Sequence[Parts]) -> str:
    whole = statistics.median(seconds for each in rounds for seconds in each.vacate)
    known = {name: statistics.median(values) for name, values in by_name(parts).items()}
    known["the rest"] = whole - sum(known.values())
    told = ", ".join(f"{name} {seconds * 1000:.1f} ms" for name, seconds in known.items())
    return f"Where Vacate's time goes on {version} with {size} sessions (medians): {told}."
