"""Sessions whose words are bytes of any encoding, as no driver would send them."""

import asyncio
import struct
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

import asyncpg

from tests.support.postgres import APP, PASSWORD, LiveServer, eventually
from vacate.demo.servers import HOST

_HEAD = struct.Struct("!ci")
_DONE = b"done"


class _Answers(asyncio.Protocol):
    """Waits for the end of an answer, and keeps the SQLSTATE of its error."""

    def __init__(self) -> None:
        self._data = b""
        self._state: str | None = None
        self._ready: asyncio.Future[str | None] | None = None

    def expect(self) -> asyncio.Future[str | None]:
        self._ready = asyncio.get_running_loop().create_future()
        return self._ready

    def data_received(self, data: bytes) -> None:
        self._data += data
        while len(self._data) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._data)
            if len(self._data) < 1 + length:
                return
            body, self._data = self._data[_HEAD.size : 1 + length], self._data[1 + length :]
            if kind == b"E":
                (self._state,) = [text[1:].decode() for text in body.split(b"\0") if text.startswith(b"C")]
            if kind == b"Z" and self._ready is not None and not self._ready.done():
                self._ready.set_result(self._state)
                self._state = None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(exc or ConnectionError("the server closed the session"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RawSession:
    """A session that was opened by a driver, and says what a test wants byte by byte.

    Its client_encoding is SQL_ASCII, so the server takes its bytes for its own.
    """

    pid: int
    connection: asyncpg.Connection
    transport: asyncio.Transport
    before: asyncio.BaseProtocol
    answers: _Answers

    @classmethod
    async def open(cls, dsn: str, settings: Mapping[str, str] | None = None) -> Self:
        """Log in."""
        connection = await asyncpg.connect(dsn, server_settings={"client_encoding": "SQL_ASCII", **(settings or {})})
        answers = _Answers()
        transport: asyncio.Transport = vars(type(connection))["_transport"].__get__(connection)
        before = transport.get_protocol()
        transport.set_protocol(answers)
        pid = connection.get_server_pid()
        return cls(pid=pid, connection=connection, transport=transport, before=before, answers=answers)

    async def run(self, statement: bytes) -> str | None:
        """Run a statement to its end; the SQLSTATE with which the server refused it, if it did."""
        ready = self.answers.expect()
        body = statement + b"\0"
        self.transport.write(_HEAD.pack(b"Q", len(body) + 4) + body)
        return await ready

    def close(self) -> None:
        """Hang up."""
        self.transport.set_protocol(self.before)
        self.connection.terminate()


@dataclass(slots=True)
class RawSessions:
    """Sessions of one server, closed at the end."""

    server: LiveServer
    opened: list[RawSession] = field(default_factory=list[RawSession])
    programs: dict[int, asyncio.subprocess.Process] = field(default_factory=dict[int, "asyncio.subprocess.Process"])

    async def idle(self, database: str, *statements: bytes, user: str = APP, **settings: str) -> RawSession:
        """A session that ran its statements, none of which was refused, and is idle."""
        session = await RawSession.open(database_dsn(self.server, database, user), settings)
        self.opened.append(session)
        for statement in statements:
            assert await session.run(statement) is None, statement
        return session

    async def named(self, database: bytes, user: bytes, statement: bytes = b"SELECT 1") -> int:
        """The pid of an idle session whose user and database are bytes too: psql passes them on as they are."""
        place = {b"PGHOST": HOST.encode(), b"PGPORT": str(self.server.port).encode(), b"PGCLIENTENCODING": b"SQL_ASCII"}
        who = {b"PGUSER": user, b"PGDATABASE": database, b"PGPASSWORD": PASSWORD.encode(), b"PGAPPNAME": b"web"}
        program = await asyncio.create_subprocess_exec(
            self.server.server.installation.program("psql"),
            "-XAtq",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=place | who,
        )
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write(b"SELECT pg_backend_pid();\n" + statement + b"\n;\n\\echo " + _DONE + b"\n")
        await program.stdin.drain()
        pid = int(await program.stdout.readline())
        self.programs[pid] = program
        while (line := await program.stdout.readline()).strip() != _DONE:
            assert line, "psql ended"
        return pid

    async def close(self) -> None:
        """Hang up everywhere; the next test must not meet them."""
        pids = [session.pid for session in self.opened] + list(self.programs)
        for session in self.opened:
            session.close()
        for program in self.programs.values():
            if program.returncode is None:
                program.kill()
            await program.wait()
        self.opened.clear()
        self.programs.clear()
        await eventually(lambda: self._are_gone(pids))

    async def _are_gone(self, pids: list[int]) -> bool:
        return not await self.server.ask("SELECT FROM pg_stat_get_activity(NULL) WHERE pid = ANY($1::int[])", pids)


@asynccontextmanager
async def raw_sessions(server: LiveServer) -> AsyncGenerator[RawSessions]:
    """Opens sessions on a server, and closes them after the test."""
    sessions = RawSessions(server)
    try:
        yield sessions
    finally:
        await sessions.close()


def database_dsn(server: LiveServer, database: str, user: str) -> str:
    """A login to another database than the usual one; the superuser's has its own password."""
    dsn = server.server.superuser_dsn if user == "postgres" else server.dsn(user)
    return f"{dsn.rpartition('/')[0]}/{database}"
