"""The race that the house is built for: sessions that wake while a sweep is under way.

Both sweeps meet the same load on the same server. The server's log is the judge: it writes the statement beside the
line of a session that was ended in the middle of one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path

import pytest

from tests.support.gauss.double import GaussDouble
from tests.support.in_process import vacate
from tests.support.load import Load
from tests.support.postgres import MAJORS, VACATE, LiveServer, eventually, installation_of, on_every_major
from tests.support.race import GAUSS_ONE_LINER, ONE_LINER, SETTINGS, all_idle_are_gone, statements_cut
from vacate.demo.servers import Installation, Workplace
from vacate.domain.sweeps.report import Outcome

IDLE = 800
PEERS_ROUNDS = 5
FLIPPING = 200
# Each victim of the Gauss family costs the double a list of all sessions.
FEWER_IDLE = 200
FEWER_FLIPPING = 100
# The family makes its list anew for every victim, and the rest of it passes between the second read and the signal: on
# the double a millisecond or so, in which hardly anybody wakes. Measured: 4 of 3,281 signals where 100 sessions work
# all the time, and none of 3,238 where they wake once; the one line hit 74 of 1,104 and 85 of 1,193.
HARDLY_ANY = 2


@pytest.fixture(scope="module")
def crowded_server(workplace: Workplace, installation: Installation) -> Generator[LiveServer]:
    settings = {**SETTINGS, "max_connections": str(IDLE + FLIPPING + 20)}
    live = LiveServer.start(workplace, f"race-{installation.major}", installation, settings=settings)
    yield live
    live.server.stop("immediate")


async def flip(_: LiveServer, load: Load) -> None:
    """Sessions that go from idle to a short query and back, all the time."""
    await load.flip()


async def wake(server: LiveServer, load: Load) -> None:
    """Sessions that have been idle for a while, and then run one query of a second while the sweep is under way."""

    async def all_have_settled() -> bool:
        return not await server.pids("usename = 'app' AND state_change > now() - interval '2.5 seconds'")

    await eventually(all_have_settled, within_s=60)
    await load.wake()


async def cut_by_a_sweep(
    server: LiveServer,
    folder: Path,
    begin: Callable[[LiveServer, Load], Awaitable[None]],
    *,
    idle: int,
    flipping: int,
) -> list[str]:
    """The statements that one sweep cut off; it has ended all sessions that stay idle."""
    cut_before = len(statements_cut(server))
    async with (
        await Load.start(server.dsn("app"), idle=idle, flipping=flipping) as load,
        vacate(folder, server.dsn()) as running,
    ):
        await begin(server, load)
        report = await running.sweep()
        await load.stop()
    assert report.counts[Outcome.TERMINATED] >= idle
    assert report.succeeded
    return statements_cut(server)[cut_before:]


@on_every_major
@pytest.mark.parametrize("begin", [flip, wake])
async def test_a_sweep_cuts_off_no_statement(
    crowded_server: LiveServer, tmp_path: Path, begin: Callable[[LiveServer, Load], Awaitable[None]]
) -> None:
    # The oldest and the newest version have the large crowd; the others are there to differ in nothing.
    idle, flipping = (IDLE, FLIPPING) if crowded_server.major in MAJORS else (FEWER_IDLE, FEWER_FLIPPING)
    cut: list[str] = []
    for turn in ("first", "second"):
        (folder := tmp_path / turn).mkdir()
        cut = await cut_by_a_sweep(crowded_server, folder, begin, idle=idle, flipping=flipping)
        # A statement may arrive in the very moment between the re-check and the signal, in which a busy machine can
        # hold the server up: seen once, while other work took most of it. Two in one sweep, or one in each of two, are
        # a fault.
        if len(cut) != 1:
            break
    assert cut == []


async def test_the_one_line_statement_cuts_off_statements_under_the_same_load(crowded_server: LiveServer) -> None:
    """Shows that the load has teeth: without this, the other test could pass on a load that never wakes.

    On a busy machine the sessions may wake too late for one round.
    """
    cut_before = len(statements_cut(crowded_server))
    for _ in range(PEERS_ROUNDS):
        async with await Load.start(crowded_server.dsn("app"), idle=IDLE, flipping=FLIPPING) as load:
            await wake(crowded_server, load)
            await asyncio.to_thread(crowded_server.server.psql, ONE_LINER)
            # psql only signalled; the sessions write their last line when they get round to it.
            await eventually(lambda: all_idle_are_gone(crowded_server), within_s=60)
            await load.stop()
        if statements_cut(crowded_server)[cut_before:]:
            return
    pytest.fail(f"in {PEERS_ROUNDS} rounds no session woke while the statement was under way")


# --- the Gauss family ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[(18, True), (15, False)], ids=["pool-18", "threads-15"])
def crowded_double(workplace: Workplace, request: pytest.FixtureRequest) -> Generator[GaussDouble]:
    major, pool = request.param
    settings = {**SETTINGS, "max_connections": str(FEWER_IDLE + FEWER_FLIPPING + 20)}
    name = f"race-{'pool' if pool else 'threads'}-{major}"
    double = GaussDouble.start(workplace, name, installation_of(major), pool=pool, settings=settings)
    yield double
    double.server.stop("immediate")


@pytest.mark.parametrize("begin", [flip, wake])
async def test_a_sweep_of_the_gauss_family_cuts_off_hardly_any_statement(
    crowded_double: GaussDouble, tmp_path: Path, begin: Callable[[LiveServer, Load], Awaitable[None]]
) -> None:
    cut = await cut_by_a_sweep(crowded_double, tmp_path, begin, idle=FEWER_IDLE, flipping=FEWER_FLIPPING)
    assert len(cut) <= HARDLY_ANY


async def test_the_one_line_statement_of_the_gauss_family_cuts_off_statements_under_the_same_load(
    crowded_double: GaussDouble,
) -> None:
    cut_before = len(statements_cut(crowded_double))
    async with await Load.start(crowded_double.dsn("app"), idle=FEWER_IDLE, flipping=FEWER_FLIPPING) as load:
        await wake(crowded_double, load)
        await crowded_double.ask_as(VACATE, GAUSS_ONE_LINER)
        await eventually(lambda: all_idle_are_gone(crowded_double), within_s=60)
        await load.stop()
    assert statements_cut(crowded_double)[cut_before:]
