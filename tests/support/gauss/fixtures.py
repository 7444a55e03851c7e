"""The double of the Gauss family on both versions of PostgreSQL, with its thread pool and without."""

from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from tests.support.gauss.double import GaussDouble
from tests.support.postgres import Clients
from vacate.demo.servers import Installation, Workplace


@pytest.fixture(scope="module", params=[True, False], ids=["pool", "threads"])
def gauss_server(
    workplace: Workplace, installation: Installation, request: pytest.FixtureRequest
) -> Generator[GaussDouble]:
    """One double for the tests of a module; each leaves it as it found it."""
    pool: bool = request.param
    name = f"{Path(str(request.node.path)).stem}-{installation.major}-{'pool' if pool else 'threads'}"
    double = GaussDouble.start(workplace, name, installation, pool=pool)
    yield double
    double.server.stop("immediate")


@pytest.fixture
async def gauss_clients(gauss_server: GaussDouble) -> AsyncGenerator[Clients]:
    """Opens sessions on `gauss_server`, and closes them after the test."""
    async with Clients(gauss_server) as opened:
        yield opened
