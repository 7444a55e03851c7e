"""The race that the house is built for: sessions that wake while a sweep is under way.

Both sweeps meet the same load on the same server. The server's log is the judge: it writes the statement beside the
line of a session that was ended in the middle of one.
"""

import asyncio
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support.in_process import vacate
from tests.support.load import Load
from tests.support.postgres import LiveServer, eventually
from tests.support.race import ONE_LINER, SETTINGS, all_idle_are_gone, statements_cut
from vacate.demo.servers import Installation, Workplace
from vacate.domain.sweeps import Outcome

IDLE = 800
FLIPPING = 200
ROUNDS = 2
MOST_ROUNDS_OF_THE_PEER = 3


@pytest.fixture(scope="module")
def crowded_server(workplace: Workplace, installation: Installation) -> Generator[LiveServer]:
    settings = {**SETTINGS, "max_connections": str(IDLE + FLIPPING + 20)}
    live = LiveServer.start(workplace, f"race-{installation.major}", installation, settings=settings)
    yield live
    live.server.stop("immediate")


async def test_a_sweep_cuts_off_no_statement(crowded_server: LiveServer, tmp_path: Path) -> None:
    cut_before = len(statements_cut(crowded_server))
    for _ in range(ROUNDS):
        async with (
            await Load.start(crowded_server.dsn("app"), idle=IDLE, flipping=FLIPPING) as load,
            vacate(tmp_path, crowded_server.dsn()) as running,
        ):
            await load.flip()
            report = await running.sweep()
            await load.stop()
        assert report.counts[Outcome.TERMINATED] >= IDLE
        assert report.succeeded
    assert statements_cut(crowded_server)[cut_before:] == []


async def test_the_one_line_statement_cuts_off_statements_under_the_same_load(
    crowded_server: LiveServer,
) -> None:
    """Shows that the load has teeth: without this, the other test could pass on a load that never wakes."""
    cut_before = len(statements_cut(crowded_server))
    for _ in range(MOST_ROUNDS_OF_THE_PEER):
        async with await Load.start(crowded_server.dsn("app"), idle=IDLE, flipping=FLIPPING) as load:
            await load.flip()
            await asyncio.to_thread(crowded_server.server.psql, ONE_LINER)
            # psql only signalled; the sessions write their last line when they get round to it.
            await eventually(lambda: all_idle_are_gone(crowded_server), within_s=60)
            await load.stop()
        if statements_cut(crowded_server)[cut_before:]:
            return
    pytest.fail("the one-line statement cut off nothing, so this load proves nothing")
