"""Planning and applying, in two calls, beside the compatible call that does both at once."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.crowd import crowd
from benchmarks.figures import Table, ms, ratios
from benchmarks.stage import MAKE_PLAN, BenchmarkError, Caller, Plan, application_of, fetch
from benchmarks.witness import Witness
from tests.support.postgres import LiveServer

_SPARE_SLOTS = 20
_COLUMNS = (
    "PostgreSQL",
    "idle sessions",
    "plan, ms",
    "apply, ms",
    "both, ms",
    "compatible call, ms",
    "both / compatible call",
)


@dataclass(slots=True)
class _Seconds:
    """What each took, round by round."""

    plan: list[float] = field(default_factory=list[float])
    apply: list[float] = field(default_factory=list[float])
    compatible: list[float] = field(default_factory=list[float])

    @property
    def both(self) -> list[float]:
        return [plan + apply for plan, apply in zip(self.plan, self.apply, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    server: LiveServer
    caller: Caller
    witness: Witness

    async def planned(self, size: int, seconds: _Seconds) -> None:
        async with crowd(self.server, self.witness, size):
            plan, took = await self._timed(self._plan)
            seconds.plan.append(took)
            if plan["victims"] != size:
                raise BenchmarkError(f"not all {size} sessions were planned: {plan['victims']}")
            state, took = await self._timed(lambda: self._apply(plan), until_gone=True)
            seconds.apply.append(took)
        (line,) = state["components"]
        if line["progress"]["outcomes"] != {"terminated": size}:
            raise BenchmarkError(f"not all {size} sessions were ended: {line['progress']}")

    async def compatible(self, size: int, seconds: _Seconds) -> None:
        async with crowd(self.server, self.witness, size):
            headers = self.caller.signed()
            outcomes, took = await self._timed(lambda: self.caller.call_once(headers), until_gone=True)
            seconds.compatible.append(took)
        if f"terminated={size}" not in outcomes.split(", "):
            raise BenchmarkError(f"not all {size} sessions were ended: {outcomes}")

    async def _timed(self, act: Callable[[], Any], *, until_gone: bool = False) -> tuple[Any, float]:
        started = time.perf_counter()
        answer = await asyncio.to_thread(act)
        if until_gone:
            await self.witness.until_all_are_gone()
        return answer, time.perf_counter() - started

    def _plan(self) -> Any:  # noqa: ANN401 - whatever was sent
        with self.caller.connection() as connection:
            return json.loads(fetch(connection, MAKE_PLAN, self.caller.signed(MAKE_PLAN))[1])

    def _apply(self, plan: Any) -> Any:  # noqa: ANN401
        request = application_of(plan)
        with self.caller.connection() as connection:
            return json.loads(fetch(connection, request, self.caller.signed(request))[1])


def measure(plan: Plan) -> Table:
    """Measure every size on every server, in turns."""
    rows: list[Sequence[str]] = []
    for installation in plan.installations:
        slots = max(plan.sizes) + _SPARE_SLOTS
        with (
            plan.server("planned", installation, slots=slots) as server,
            plan.site("planned", server).serving() as caller,
        ):
            rows += asyncio.run(_measured(plan, server, caller))
    return Table(
        title=f"In two steps beside one (rounds: {plan.rounds}; medians, and ratios min / median / max)",
        columns=_COLUMNS,
        rows=rows,
    )


async def _measured(plan: Plan, server: LiveServer, caller: Caller) -> list[Sequence[str]]:
    async with Witness.on(server) as witness:
        bench = _Bench(server=server, caller=caller, witness=witness)
        # The first time anybody does something is not what is measured.
        await bench.planned(min(plan.sizes), _Seconds())
        return [await _row(plan, bench, size) for size in plan.sizes]


async def _row(plan: Plan, bench: _Bench, size: int) -> Sequence[str]:
    seconds = _Seconds()
    version = bench.server.server.installation.version
    for number in range(plan.rounds):
        print(f"planned: PostgreSQL {version}, {size}: round {number + 1} of {plan.rounds}", file=sys.stderr)
        await bench.planned(size, seconds)
        await bench.compatible(size, seconds)
    return (
        version,
        str(size),
        ms(seconds.plan),
        ms(seconds.apply),
        ms(seconds.both),
        ms(seconds.compatible),
        ratios(seconds.both, seconds.compatible),
    )
