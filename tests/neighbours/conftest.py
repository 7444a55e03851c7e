"""One server of PostgreSQL 15 for the tests beside other tools, and a bench that ends what a test started."""

from collections.abc import AsyncGenerator, Generator

import pytest

from tests.neighbours.beside import Bench
from tests.support.postgres import APP, PASSWORD, VACATE, Clients, LiveServer, installation_of, workplace
from vacate.demo.servers import Workplace

__all__ = ["workplace"]


@pytest.fixture(scope="session")
def shared_server(workplace: Workplace) -> Generator[LiveServer]:
    """The server that most tools work on, one after the other."""
    live = LiveServer.start(
        workplace,
        "beside",
        installation_of(15),
        settings={"wal_level": "replica", "full_page_writes": "on", "max_wal_senders": "10"},
    )
    yield live
    live.server.stop("immediate")


@pytest.fixture
def server(shared_server: LiveServer) -> LiveServer:
    """The shared server."""
    return shared_server


@pytest.fixture
async def clients(server: LiveServer) -> AsyncGenerator[Clients]:
    """Opens sessions on the server, and closes them after the test."""
    async with Clients(server) as opened:
        yield opened


@pytest.fixture
def bench(workplace: Workplace, request: pytest.FixtureRequest) -> Generator[Bench]:
    """Starts tools, and ends them after the test."""
    name: str = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)[:40]
    folder = workplace.directory(f"tools-{name}-{len(list(workplace.path.iterdir()))}")
    opened = Bench(place=workplace, folder=folder)
    for user in (APP, VACATE):
        opened.remember(user, PASSWORD)
    yield opened
    opened.close()
