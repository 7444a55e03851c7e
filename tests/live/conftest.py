"""On which server things are proven: the one that `VACATE_LIVE_DSN` names, or else the doubles."""

import os
from collections.abc import AsyncGenerator, Generator, Iterator

import pytest

from tests.live.doubles import DOUBLES, Double
from tests.live.server import Clients, FamilyServer, real_server
from tests.support.postgres import workplace
from vacate.demo.servers import Workplace

__all__ = ["workplace"]

_REAL = os.environ.get("VACATE_LIVE_DSN", "")
_PLACES: tuple[Double | None, ...] = (None,) if _REAL else DOUBLES
_WORDS = {"passed": "proven", "failed": "NOT SO", "error": "NOT SEEN", "skipped": "NOT SEEN"}


@pytest.fixture(scope="module", params=_PLACES, ids=lambda place: str(place or "real"))
def family(workplace: Workplace, request: pytest.FixtureRequest) -> Generator[FamilyServer]:
    """One server for all tests; each leaves it as it found it."""
    place: Double | None = request.param
    with real_server(_REAL) if place is None else place.started(workplace) as server:
        request.config.stash.setdefault(_SERVERS, []).append(server.name)
        yield server


@pytest.fixture
async def clients(family: FamilyServer) -> AsyncGenerator[Clients]:
    """Opens sessions of an application, and closes them after the test."""
    async with Clients(family) as opened:
        yield opened


_SERVERS = pytest.StashKey[list[str]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was proven on a real server, a sentence a line."""
    if not _REAL:
        return
    terminalreporter.section(f"proven on {', '.join(config.stash.get(_SERVERS, ['no server']))}")
    for outcome, sentence in sorted(set(_sentences(terminalreporter))):
        terminalreporter.write_line(f"{_WORDS[outcome]:9} {sentence}")


def _sentences(reporter: pytest.TerminalReporter) -> Iterator[tuple[str, str]]:
    for outcome in _WORDS:
        for report in reporter.stats.get(outcome, ()):
            if isinstance(report, pytest.TestReport) and "tests/live/" in report.nodeid:
                name = report.nodeid.rpartition("::")[2].removeprefix("test_")
                yield outcome, name.replace("[real]", "").replace("_", " ")
