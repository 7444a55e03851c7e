"""How many statements a sweep cuts off when sessions wake meanwhile, beside the popular one line."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.figures import Table
from benchmarks.stage import Plan
from tests.support.in_process import vacate
from tests.support.load import Load
from tests.support.postgres import LiveServer, eventually
from tests.support.race import ONE_LINER, SETTINGS, all_idle_are_gone, statements_cut
from vacate.domain.sweeps.report import Outcome

FLIPPING = (800, 200)
WAKING = (1300, 200)

_SPARE_SLOTS = 20
_GONE_S = 120.0
_COLUMNS = (
    "PostgreSQL",
    "sessions",
    "Vacate: signalled",
    "found awake",
    "statements cut off",
    "one line: signalled",
    "statements cut off",
)
_TRUE = re.compile(r"^ *t *$", re.MULTILINE)


@dataclass(slots=True, kw_only=True)
class _Counted:
    signalled: int = 0
    awake: int = 0
    cut: int = 0


@dataclass(slots=True, kw_only=True)
class _Race:
    """One load on one server, met by both in turns."""

    server: LiveServer
    folder: Path
    waking: bool
    ours: _Counted = field(default_factory=_Counted)
    peers: _Counted = field(default_factory=_Counted)

    async def sweep(self) -> None:
        before = len(statements_cut(self.server))
        async with await self._load() as load, vacate(self.folder, self.server.dsn()) as running:
            await self._begin(load)
            counts = (await running.sweep()).counts
            await load.stop()
        self.ours.signalled += counts.get(Outcome.TERMINATED, 0) + counts.get(Outcome.UNCONFIRMED, 0)
        self.ours.awake += counts.get(Outcome.WOKE, 0)
        self.ours.cut += len(statements_cut(self.server)) - before

    async def one_line(self) -> None:
        before = len(statements_cut(self.server))
        async with await self._load() as load:
            await self._begin(load)
            said = await asyncio.to_thread(self.server.server.psql, ONE_LINER)
            # psql only signalled; the sessions write their last line when they get round to it.
            await eventually(lambda: all_idle_are_gone(self.server), within_s=_GONE_S)
            await load.stop()
        self.peers.signalled += len(_TRUE.findall(said))
        self.peers.cut += len(statements_cut(self.server)) - before

    async def _load(self) -> Load:
        idle, others = WAKING if self.waking else FLIPPING
        return await Load.start(self.server.dsn("app"), idle=idle, flipping=others)

    async def _begin(self, load: Load) -> None:
        if self.waking:
            # Long idle, so that they share a copy of the server's list with others when their turn comes.
            await asyncio.sleep(3)
            await load.wake()
        else:
            await load.flip()


def measure(plan: Plan) -> Table:
    """Meet each load in turns, so many rounds."""
    rows: list[Sequence[str]] = []
    for installation in plan.installations:
        slots = sum(WAKING) + _SPARE_SLOTS
        # Each server has a store of its own: Vacate would refuse another server under the name of the first.
        folder = plan.folder / f"race-{installation.major}"
        folder.mkdir()
        with plan.server("race", installation, slots=slots, settings=dict(SETTINGS)) as server:
            for waking in (False, True):
                race = _Race(server=server, folder=folder, waking=waking)
                asyncio.run(_rounds(race, plan.rounds))
                rows.append(_row(installation.version, race))
    return Table(
        title=f"Sessions that wake during a sweep (rounds: {plan.rounds}; sums over all rounds)",
        columns=_COLUMNS,
        rows=rows,
    )


async def _rounds(race: _Race, rounds: int) -> None:
    for _ in range(rounds):
        await race.sweep()
        await race.one_line()


def _row(version: str, race: _Race) -> Sequence[str]:
    idle, others = WAKING if race.waking else FLIPPING
    kind = f"{idle} idle, {others} that wake once" if race.waking else f"{idle} idle, {others} flipping"
    counts = (race.ours.signalled, race.ours.awake, race.ours.cut, race.peers.signalled, race.peers.cut)
    return (version, kind, *(f"{count:,}" for count in counts))
