"""The store that a test works on: a file, and then a database of a real PostgreSQL server."""

from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest

from vacate.demo.servers import Server, find_installations, open_workplace
from vacate.store.database import Database, open_database


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[Server | None]:
    """A real PostgreSQL server, or none for SQLite."""
    if request.param == "sqlite":
        yield None
        return
    with open_workplace(tmp_path_factory.mktemp("store") / ".demo") as place:
        server = Server.create(place, "store", find_installations()[0])
        server.start()
        yield server


@pytest.fixture
def store_url(store_server: Server | None, tmp_path: Path) -> str:
    """An empty database."""
    if store_server is None:
        return f"sqlite:///{tmp_path}/vacate.db"
    store_server.psql("DROP DATABASE IF EXISTS vacate WITH (FORCE);\nCREATE DATABASE vacate;")
    return store_server.dsn("postgres", store_server.place.superuser_password, "vacate")


@pytest.fixture
async def database(store_url: str) -> AsyncIterator[Database]:
    database = await open_database(store_url)
    yield database
    await database.close()
