"""A server of the Gauss family to prove things on: a real one that somebody named, or a double on PostgreSQL."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import quote, urlsplit

from tests.support.postgres import eventually
from vacate.components.drivers import Connection, Driver, Row
from vacate.components.login import log_in
from vacate.components.timeouts import Timeouts

VACATE = "vacate_proof"
APP = "vacate_proof_app"
OWN_ID = "SELECT sessionid AS id FROM pg_stat_activity WHERE pid = pg_backend_pid()"
_CLOSE_S = 5.0
_ENDED = "SELECT pg_terminate_session(pid, sessionid) FROM pg_stat_activity WHERE usename = CAST($1 AS name)"


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyServer:
    """A running server, and logins of three kinds: an administrator's, Vacate's own, and an application's.

    `driver` is what applications log in with. `takes_rights` and `gives_rights` are statements for the administrator
    that take from Vacate's role what it needs, and give it back.
    """

    name: str
    administrator: str
    vacate: str
    app: str
    driver: Driver
    takes_rights: tuple[str, ...]
    gives_rights: tuple[str, ...]

    async def ask(self, question: str, *values: object) -> Sequence[Row]:
        """What the administrator sees."""
        async with _connected(self.administrator) as administrator:
            return await administrator.fetch(question, *values)

    @property
    def app_user(self) -> str:
        """The user that applications log in as."""
        return urlsplit(self.app).username or ""

    @property
    def vacate_user(self) -> str:
        """The role that Vacate logs in as."""
        return urlsplit(self.vacate).username or ""

    async def sessions(self) -> dict[int, Row]:
        """The application's sessions, by their id, as the administrator sees them."""
        rows = await self.ask("SELECT * FROM pg_stat_activity WHERE usename = CAST($1 AS name)", self.app_user)
        return {row["sessionid"]: row for row in rows}

    async def is_active(self, session_id: int) -> bool:
        """Whether one of the application's sessions runs a statement."""
        return (await self.sessions())[session_id]["state"] == "active"

    async def is_gone(self, session_id: int) -> bool:
        """Whether one of the application's sessions has ended."""
        return session_id not in await self.sessions()

    async def is_quiet(self) -> bool:
        """Whether the application has no session at all."""
        return not await self.sessions()

    async def take_rights(self) -> None:
        """From now on Vacate's role may see and end nobody but itself."""
        for statement in self.takes_rights:
            await self.ask(statement)

    async def give_rights(self) -> None:
        """Vacate's role may do its work again."""
        for statement in self.gives_rights:
            await self.ask(statement)


@dataclass(slots=True, kw_only=True)
class Client:
    """An application's session as the application holds it."""

    connection: Connection
    id: int
    statement: asyncio.Task[Sequence[Row]] | None = None

    async def use(self, statement: str = "SELECT 1") -> None:
        """Run a statement to its end."""
        await self.connection.fetch(statement)

    async def is_alive(self, driver: Driver) -> bool:
        """Whether it still works, which only a statement can tell."""
        try:
            await self.use()
        except (OSError, *driver.errors):
            return False
        return True


@dataclass(slots=True)
class Clients:
    """Sessions of an application, each in its state when it is given."""

    server: FamilyServer
    opened: list[Client] = field(default_factory=list[Client])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self.opened:
            if client.statement is not None:
                client.statement.cancel()
                await asyncio.gather(client.statement, return_exceptions=True)
                client.connection.terminate()
            else:
                with suppress(OSError, *self.server.driver.errors):
                    await client.connection.close(timeout=_CLOSE_S)
        # The next test must not meet them, and a server does not notice at once that nobody waits for a statement.
        await self.server.ask(_ENDED, self.server.app_user)
        await eventually(self.server.is_quiet)

    async def idle(self, *statements: str, application: str = "web") -> Client:
        """A session that ran its statements and is idle, in a transaction if they left one open."""
        connection = await self.server.driver.connect(self.server.app, {"application_name": "web"})
        # Servers refuse some names at the login (SQLSTATE D0011), and let a session take them afterwards.
        await connection.fetch("SELECT set_config('application_name', $1, false)", application)
        (row,) = await connection.fetch(OWN_ID)
        client = Client(connection=connection, id=row["id"])
        self.opened.append(client)
        for statement in statements or ("SELECT 1",):
            await client.use(statement)
        return client

    async def unused(self) -> Client:
        """A session that never ran a statement."""
        before = set(await self.server.sessions())
        connection = await self.server.driver.connect(self.server.app, {"application_name": "web"})
        (session_id,) = set(await self.server.sessions()) - before
        client = Client(connection=connection, id=session_id)
        self.opened.append(client)
        return client

    async def many_idle(self, count: int) -> list[Client]:
        """So many idle sessions."""
        return [await self.idle() for _ in range(count)]

    async def active(self, statement: str = "SELECT pg_sleep(600)") -> Client:
        """A session in the middle of a statement."""
        client = await self.idle()
        client.statement = asyncio.create_task(self.run(client, statement))
        await eventually(lambda: self.server.is_active(client.id))
        return client

    @staticmethod
    async def run(client: Client, statement: str) -> Sequence[Row]:
        """Run a statement whose end nobody waits for yet."""
        return await client.connection.fetch(statement)


@asynccontextmanager
async def _connected(dsn: str) -> AsyncGenerator[Connection]:
    login = await log_in(dsn, Timeouts())
    try:
        yield login.connection
    finally:
        await login.connection.close(timeout=_CLOSE_S)


# --- a real one ------------------------------------------------------------------------------------------------------


@contextmanager
def real_server(administrator: str) -> Generator[FamilyServer]:
    """Prepare a server that somebody has: two users are made, and dropped at the end. Nothing else is touched."""
    # The family wants characters of three kinds.
    password = f"{secrets.token_hex(12)}-Aa1"
    server, made = asyncio.run(_described(administrator, password))
    asyncio.run(_run(server, made))
    try:
        yield server
    finally:
        asyncio.run(_run(server, [f"DROP USER {APP} CASCADE", f"DROP USER {VACATE} CASCADE"]))


async def _described(administrator: str, password: str) -> tuple[FamilyServer, list[str]]:
    login = await log_in(administrator, Timeouts())
    await login.connection.close(timeout=_CLOSE_S)
    parts = urlsplit(administrator)
    address = parts.netloc.rpartition("@")[2]

    def dsn(user: str) -> str:
        return parts._replace(netloc=f"{user}:{quote(password)}@{address}").geturl()

    gives = (f"ALTER USER {VACATE} MONADMIN", f"GRANT gs_role_signal_backend TO {VACATE}")
    server = FamilyServer(
        name=str(login.software),
        administrator=administrator,
        vacate=dsn(VACATE),
        app=dsn(APP),
        driver=login.driver,
        takes_rights=(f"ALTER USER {VACATE} NOMONADMIN", f"REVOKE gs_role_signal_backend FROM {VACATE}"),
        gives_rights=gives,
    )
    made = [f"CREATE USER {user} PASSWORD '{password}'" for user in (VACATE, APP)]
    return server, [*made, *gives]


async def _run(server: FamilyServer, statements: Sequence[str]) -> None:
    for statement in statements:
        await server.ask(statement)
