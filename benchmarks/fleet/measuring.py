"""Starts the stand-in and the service for each size of fleet, and reads what they say."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.crowd import crowd
from benchmarks.figures import Table
from benchmarks.fleet.standin import HOST
from benchmarks.stage import INSTANCE, PROJECT, BenchmarkError, Plan, component_id, node_id
from benchmarks.witness import Witness
from tests.support.postgres import DATABASE, PASSWORD, VACATE, LiveServer
from tests.support.service import PlannedComponent, PlannedInstance, PlannedProject, Site, configuration

FLEETS = (10, 100, 1_000, 3_000)
_PLANNED = 300
_VICTIMS = 50
_SPARE_SLOTS = 20
_REST_S = 30.0
_SETTLE_S = 15.0
_PATIENCE_S = 600.0
_PER_INSTANCE = 100
_COLUMNS = (
    "components",
    "memory each, KiB",
    "statements each, a minute",
    "CPU each, ms a minute",
    "longest stall at rest, ms",
    "census, ms",
    "longest stall in it, ms",
    f"plan over {_PLANNED} x {_VICTIMS}, s",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Child:
    """A program that answers each line with a line of JSON."""

    asked: asyncio.StreamWriter
    said: asyncio.StreamReader

    async def ask(self, words: str = "") -> Mapping[str, Any]:
        self.asked.write(f"{words}\n".encode())
        return json.loads(await self.line())

    async def line(self) -> bytes:
        line = await asyncio.wait_for(self.said.readline(), _PATIENCE_S)
        if not line:
            raise BenchmarkError("a program of the benchmark ended; its own words are above")
        return line


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quiet:
    """What a fleet of one size took while nobody called."""

    components: int
    rss_kib: float
    statements: float
    cpu_s: float
    stall_ms: float
    census_ms: float
    census_stall_ms: float


def measure(plan: Plan) -> Table:
    """Measure every size of fleet, once: what is counted does not vary with the machine's mood."""
    server_of = plan.server("fleet", plan.installations[-1], slots=_VICTIMS + _SPARE_SLOTS)
    with server_of as server:
        rows = asyncio.run(_rows(plan, server))
    return Table(
        title=f"A fleet at rest, over links to a stand-in for PostgreSQL {server.major} ({_REST_S:g} s each)",
        columns=_COLUMNS,
        rows=rows,
    )


async def _rows(plan: Plan, server: LiveServer) -> Sequence[Sequence[str]]:
    found: list[_Quiet] = []
    for size in FLEETS:
        print(f"fleet: {size} components", file=sys.stderr)
        async with _fleet(plan, server, size) as (service, standin):
            found.append(await _at_rest(size, service, standin))
    print(f"fleet: a plan over {_PLANNED} components", file=sys.stderr)
    async with (
        Witness.on(server) as witness,
        crowd(server, witness, _VICTIMS),
        _fleet(plan, server, _PLANNED, name="planned") as (service, _),
    ):
        planned = await service.ask("plan")
    first = found[0]
    return [
        (
            str(each.components),
            "" if each is first else f"{(each.rss_kib - first.rss_kib) / (each.components - first.components):.0f}",
            f"{each.statements / each.components * 60 / _REST_S:.1f}",
            f"{each.cpu_s / each.components * 1000 * 60 / _REST_S:.1f}",
            f"{each.stall_ms:.0f}",
            f"{each.census_ms:.0f}",
            f"{each.census_stall_ms:.0f}",
            f"{planned['seconds']:.2f}" if each is found[-1] else "",
        )
        for each in found
    ]


async def _at_rest(size: int, service: _Child, standin: _Child) -> _Quiet:
    await service.ask(f"rest {_SETTLE_S}")
    before = await standin.ask()
    rested = await service.ask(f"rest {_REST_S}")
    after = await standin.ask()
    census = await service.ask("census")
    return _Quiet(
        components=size,
        rss_kib=rested["rss_kib"],
        statements=after["statements"] - before["statements"],
        cpu_s=rested["cpu_s"],
        stall_ms=rested["longest_stall_ms"],
        census_ms=census["seconds"] * 1000,
        census_stall_ms=census["longest_stall_ms"],
    )


@asynccontextmanager
async def _fleet(
    plan: Plan, server: LiveServer, size: int, *, name: str = "quiet"
) -> AsyncGenerator[tuple[_Child, _Child]]:
    """The service with so many components, and the stand-in behind all of them."""
    async with AsyncExitStack() as stack:
        address = (HOST, str(server.server.port), VACATE, PASSWORD, DATABASE)
        standin = await stack.enter_async_context(_child("benchmarks.fleet.standin", *address))
        port = int(await standin.line())
        site = Site(_made(plan.folder / f"fleet-{name}-{size}"), _configuration(port, size))
        service = await stack.enter_async_context(_child("benchmarks.fleet.service", str(site.config)))
        ready = json.loads(await service.line())
        print(f"fleet: {size} components are ready after {ready['ready_s']:.1f} s", file=sys.stderr)
        yield service, standin


def _configuration(port: int, size: int) -> str:
    dsn = f"postgresql://{VACATE}:x@{HOST}:{port}/{DATABASE}"
    components = [PlannedComponent(node_id=node_id(at), id=component_id(at), dsn=dsn) for at in range(size)]
    instances = [
        PlannedInstance(
            id=f"{at:04x}{INSTANCE[4:]}", name=f"instance-{at}", components=components[at : at + _PER_INSTANCE]
        )
        for at in range(0, size, _PER_INSTANCE)
    ]
    return configuration([PlannedProject(id=PROJECT, name="bench", instances=instances)], sweep={})


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@asynccontextmanager
async def _child(module: str, *arguments: str) -> AsyncGenerator[_Child]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", module, *arguments, stdin=PIPE, stdout=PIPE)
    if process.stdin is None or process.stdout is None:
        raise BenchmarkError(f"{module} has no pipes")
    try:
        yield _Child(asked=process.stdin, said=process.stdout)
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 60)
        except TimeoutError:
            process.kill()
            await process.wait()
