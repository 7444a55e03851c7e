"""Real PostgreSQL servers, sessions that an application opens on them, and Vacate in the test's own process.

A server has three logins: its superuser, `vacate` with the least rights, and `app`. The fixtures are offered to all
integration tests by their `conftest.py`; `server` comes twice, as PostgreSQL 15 and 18, and for a test with
`on_every_major` as every version from 15 to 18.
"""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import Self

import asyncpg
import pytest

from tests.support.proxy import LinkProxy
from vacate.demo.installations import installation_in
from vacate.demo.servers import (
    THROWAWAY,
    Installation,
    NoInstallationError,
    Server,
    Workplace,
    find_installations,
    open_workplace,
)

MAJORS = (15, 18)
EVERY_MAJOR = (*MAJORS, 16, 17)
VACATE = "vacate"
APP = "app"
DATABASE = "postgres"
PASSWORD = "correct horse"  # noqa: S105 - of servers that live as long as a test.
SESSIONS = 60

_IDLE = "idle"
_CLOSE_S = 5.0
_POLL_S = 0.01
_ROLES = """
CREATE ROLE vacate LOGIN PASSWORD :'password';
GRANT pg_read_all_stats, pg_signal_backend TO vacate;
CREATE ROLE app LOGIN PASSWORD :'password';
CREATE ROLE clerk LOGIN PASSWORD :'password';
CREATE ROLE streamer LOGIN REPLICATION PASSWORD :'password';
"""


async def eventually(condition: Callable[[], Awaitable[object]], *, within_s: float = 15.0) -> None:
    """Wait until a condition holds; the test fails when it does not in time."""
    deadline = time.monotonic() + within_s
    while not await condition():
        assert time.monotonic() < deadline, f"not so within {within_s:g} s: {condition}"
        await asyncio.sleep(_POLL_S)


# --- servers ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveServer:
    """A running server with its roles. `ask` is the witness that Vacate's own words are compared with."""

    server: Server

    @classmethod
    def start(
        cls,
        place: Workplace,
        name: str,
        installation: Installation,
        *,
        settings: Mapping[str, str] | None = None,
        own_identity: bool = False,
    ) -> Self:
        """Start a server of its own and make its roles; closing the place ends it."""
        # What was committed has to outlive the server's crash, though not the machine's.
        own = {**THROWAWAY, "synchronous_commit": "on", "max_connections": str(SESSIONS), "shared_buffers": "16MB"}
        settings = own | dict(settings or {})
        server = Server.create(place, name, installation, settings=settings, own_identity=own_identity)
        server.start()
        server.psql(_ROLES, variables={"password": PASSWORD})
        return cls(server=server)

    @property
    def major(self) -> int:
        """The server's major version."""
        return self.server.installation.major

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server.port

    def dsn(self, user: str = VACATE, *, password: str = PASSWORD, port: int | None = None) -> str:
        """A login, through a proxy's port where one is named."""
        dsn = self.server.dsn(user, password, DATABASE)
        return dsn if port is None else dsn.replace(f":{self.port}/", f":{port}/")

    async def ask(self, question: str, *values: object) -> list[asyncpg.Record]:
        """What the superuser sees."""
        session = await asyncpg.connect(self.server.superuser_dsn)
        try:
            return await session.fetch(question, *values)
        finally:
            await session.close()

    async def pids(self, condition: str = "true", *values: object) -> set[int]:
        """The pids of the client backends for which a condition holds, without the superuser's own."""
        rows = await self.ask(
            "SELECT pid FROM pg_stat_activity"  # noqa: S608 - the condition is a test's own text.
            f" WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND ({condition})",
            *values,
        )
        return {row["pid"] for row in rows}

    async def stop(self) -> None:
        """End it at once, as a crash would."""
        await asyncio.to_thread(self.server.stop, "immediate")

    async def restart(self) -> None:
        """End it at once and start it again."""
        await asyncio.to_thread(self.server.restart, "immediate")


# Where `make test` unpacks wheels that carry servers; their Python code is not imported.
_UNPACKED = Path(sys.prefix) / "servers"
_REMEDIES = {15: "install Debian's postgresql-15", 18: "install the package's extra `demo`"}


def installation_of(major: int) -> Installation:
    """The installation of a major version; the test is skipped by name where there is none."""
    for installation in _found():
        if installation.major == major:
            return installation
    remedy = _REMEDIES.get(major, "run `make test` once, which unpacks it")
    pytest.skip(f"PostgreSQL {major} is not on this machine: {remedy}, or let PG_BIN name its programs")


@cache
def _found() -> tuple[Installation, ...]:
    found: list[Installation] = []
    with suppress(NoInstallationError):
        found += find_installations()
    unpacked = map(installation_in, sorted(_UNPACKED.glob("*/pginstall*/bin")))
    return (*found, *filter(None, unpacked))


_SERVERS = count(1)


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Generator[Workplace]:
    """Where the servers of all tests live."""
    with open_workplace(tmp_path_factory.mktemp("servers")) as opened:
        yield opened


def _named(major: int) -> str:
    return f"postgresql-{major}"


on_every_major = pytest.mark.parametrize("installation", EVERY_MAJOR, indirect=True, ids=_named)
"""Runs a test on every version that is claimed, not only on the oldest and the newest."""


@pytest.fixture(scope="module", params=MAJORS, ids=_named)
def installation(request: pytest.FixtureRequest) -> Installation:
    """PostgreSQL 15, and then 18."""
    major: int = request.param
    return installation_of(major)


@pytest.fixture(scope="module")
def server(workplace: Workplace, installation: Installation, request: pytest.FixtureRequest) -> Generator[LiveServer]:
    """One server for the tests of a module; each leaves it as it found it."""
    # Whoever runs after another version had its turn gets a new server, and its folder is a new one.
    name = f"{Path(str(request.node.path)).stem}-{installation.major}-{next(_SERVERS)}"
    live = LiveServer.start(workplace, name, installation)
    yield live
    live.server.stop("immediate")


@pytest.fixture
async def clients(server: LiveServer) -> AsyncGenerator["Clients"]:
    """Opens sessions on `server`, and closes them after the test."""
    async with Clients(server) as opened:
        yield opened


# --- sessions --------------------------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Client:
    """An application's session as the application holds it. `statement` is what it still waits for."""

    connection: asyncpg.Connection
    pid: int
    statement: asyncio.Task[str] | None = None

    async def use(self, statement: str = "SELECT 1") -> None:
        """Run a statement to its end."""
        await self.connection.execute(statement)

    async def is_alive(self) -> bool:
        """Whether it still works, which only a statement can tell."""
        try:
            await self.connection.execute("SELECT 1")
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
            return False
        return True


@dataclass(slots=True)
class Clients:
    """Sessions over TCP, each in its state when it is given."""

    server: LiveServer
    opened: list[Client] = field(default_factory=list[Client])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self.opened:
            if client.statement is not None:
                client.statement.cancel()
                await asyncio.gather(client.statement, return_exceptions=True)
                client.connection.terminate()
        await asyncio.gather(*(_close(client.connection) for client in self.opened))
        pids = [client.pid for client in self.opened]
        # The next test must not meet them; a server that a test has stopped has none.
        with suppress(asyncpg.PostgresError, OSError):
            await self.server.ask("SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) pid", pids)
            await eventually(lambda: self._are_gone(pids))

    async def open(
        self, *, user: str = APP, application: str = "web", port: int | None = None, **settings: str
    ) -> Client:
        """A session that logs in and does nothing."""
        dsn = self.server.server.superuser_dsn if user == "postgres" else self.server.dsn(user, port=port)
        return await self._keep(
            await asyncpg.connect(dsn, server_settings={"application_name": application, **settings})
        )

    async def idle(
        self, *statements: str, user: str = APP, application: str = "web", port: int | None = None
    ) -> Client:
        """A session that ran its statements and is idle, in a transaction if they left one open."""
        client = await self.open(user=user, application=application, port=port)
        for statement in statements or ("SELECT 1",):
            await client.use(statement)
        return client

    async def many_idle(self, count: int) -> list[Client]:
        """So many idle sessions."""
        return [await self.idle() for _ in range(count)]

    async def aborted(self) -> Client:
        """A session whose transaction failed."""
        client = await self.idle("BEGIN")
        with pytest.raises(asyncpg.DivisionByZeroError):
            await client.use("SELECT 1 / 0")
        return client

    async def active(self, statement: str = "SELECT pg_sleep(600)") -> Client:
        """A session in the middle of a statement."""
        client = await self.idle()
        client.statement = asyncio.create_task(client.connection.execute(statement))
        await eventually(lambda: self.server.pids("pid = $1 AND state = 'active'", client.pid))
        return client

    async def local(self) -> Client:
        """A session over the server's local socket, which has no client address."""
        sockets = self.server.server.place.socket_dir
        assert sockets is not None, "the workplace's path is too long for a socket; let TMPDIR name a shorter one"
        connection = await asyncpg.connect(
            host=str(sockets), port=self.server.port, user=APP, password=PASSWORD, database=DATABASE
        )
        return await self._keep(connection)

    async def _keep(self, connection: asyncpg.Connection) -> Client:
        client = Client(connection=connection, pid=connection.get_server_pid())
        self.opened.append(client)
        return client

    async def _are_gone(self, pids: list[int]) -> bool:
        return not await self.server.pids("pid = ANY($1::int[])", pids)


async def _close(connection: asyncpg.Connection) -> None:
    try:
        await connection.close(timeout=_CLOSE_S)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError):
        connection.terminate()


# --- links ----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def proxy(server: LiveServer) -> AsyncGenerator[LinkProxy]:
    """A way to `server` that a test can break."""
    async with LinkProxy(server.port) as opened:
        yield opened


@asynccontextmanager
async def stopped_meanwhile(server: LiveServer) -> AsyncGenerator[None]:
    """The server is down inside the block."""
    await server.stop()
    try:
        yield
    finally:
        await asyncio.to_thread(server.server.start)
