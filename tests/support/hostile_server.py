"""A server that speaks the protocol of PostgreSQL until it does its worst, and counts what it got rid of."""

import asyncio
import itertools
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from random import Random

HOST = "127.0.0.1"
PASSWORD = "not-for-everybody"  # noqa: S105 - a test's.
_SSL_REQUEST = 80877103
_PART = 1 << 16

Worst = Callable[["HostileServer", asyncio.StreamWriter], Awaitable[None]]


def message(kind: bytes, body: bytes = b"", *, length: int | None = None) -> bytes:
    """A message of the protocol; `length` lies."""
    return struct.pack("!ci", kind, 4 + len(body) if length is None else length) + body


def column(name: bytes, oid: int) -> bytes:
    """One column of an answer's description."""
    return name + b"\0" + struct.pack("!ihihih", 0, 0, oid, -1, -1, 0)


COLUMNS = message(b"T", struct.pack("!h", 2) + column(b"version", 17) + column(b"pid", 23))
ROW = message(b"D", struct.pack("!hi", 2, 1) + b"x" + struct.pack("!ii", 4, 7))
READY = message(b"Z", b"I")
LET_IN = (
    message(b"R", struct.pack("!i", 0))
    + message(b"S", b"server_version\00018.0\0")
    + message(b"S", b"client_encoding\0UTF8\0")
    + message(b"K", struct.pack("!ii", 7, 7))
    + READY
)


class HostileServer:
    """Counts what it could send, and keeps what it was told as passwords."""

    def __init__(self, worst: Worst, *, asks: bytes | None = None, after_login: bool = False) -> None:
        """Take what it does instead of an answer, or right after the login; or what it asks for at the login."""
        self._worst = worst
        self._asks = asks
        self._after_login = after_login
        self.sent = 0
        self.passwords: list[bytes] = []
        self.logins = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Let a client in and do the worst."""
        # Cancelled when the test is over, which is nobody's mistake.
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            try:
                await self._converse(reader, writer)
            finally:
                writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            (length,) = struct.unpack("!i", await reader.readexactly(4))
            startup = await reader.readexactly(length - 4)
            if int.from_bytes(startup[:4]) != _SSL_REQUEST:
                break
            writer.write(b"N")
        self.logins += 1
        if self._asks is not None:
            writer.write(message(b"R", self._asks))
            kind, body = await _next(reader)
            if kind == b"p":
                self.passwords.append(body)
        writer.write(LET_IN)
        if self._after_login:
            await self._worst(self, writer)
        while True:
            kind, _ = await _next(reader)
            if kind == b"D":
                writer.write(message(b"1") + message(b"t", b"\0\0") + COLUMNS)
            if kind == b"B":
                writer.write(message(b"2"))
                await self._worst(self, writer)

    async def send(self, writer: asyncio.StreamWriter, parts: Iterable[bytes]) -> None:
        """Send until there is nobody any more."""
        for part in parts:
            writer.write(part)
            await writer.drain()
            self.sent += len(part)


async def _next(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    kind, length = struct.unpack("!ci", await reader.readexactly(5))
    return kind, await reader.readexactly(length - 4)


async def endless_rows(server: HostileServer, writer: asyncio.StreamWriter) -> None:
    """Rows without end."""
    await server.send(writer, itertools.repeat(ROW * 1_000))


async def a_huge_value(server: HostileServer, writer: asyncio.StreamWriter) -> None:
    """A value of 600 MB, byte for byte."""
    size = 600_000_000
    head = message(b"D", struct.pack("!hi", 2, size), length=size + 10)
    await server.send(writer, itertools.chain([head], itertools.repeat(b"x" * _PART, size // _PART)))


async def long_rows(server: HostileServer, writer: asyncio.StreamWriter) -> None:
    """Rows of a megabyte."""
    value = b"x" * (1 << 20)
    row = message(b"D", struct.pack("!hi", 2, len(value)) + value + struct.pack("!i", -1))
    await server.send(writer, itertools.repeat(row))


async def wide_rows(server: HostileServer, writer: asyncio.StreamWriter) -> None:
    """Rows of more columns than any statement asks for."""
    await server.send(writer, itertools.repeat(message(b"D", struct.pack("!h", 20_000) + b"\xff" * 80_000)))


async def endless_notices(server: HostileServer, writer: asyncio.StreamWriter) -> None:
    """Notices without end."""
    await server.send(writer, itertools.repeat(message(b"N", b"SNOTICE\0Mhello\0\0") * 1_000))


async def endless_settings(server: HostileServer, writer: asyncio.StreamWriter) -> None:
    """Settings without end, each with a name of its own."""
    await server.send(
        writer, (message(b"S", b"name%d\0" % number + b"value" * 100 + b"\0") for number in itertools.count())
    )


async def a_long_error(server: HostileServer, writer: asyncio.StreamWriter) -> None:
    """An error of many megabytes."""
    await server.send(writer, [message(b"E", b"SERROR\0C42P01\0M" + b"x" * (20 << 20) + b"\0\0"), READY])


async def an_impossible_length(server: HostileServer, writer: asyncio.StreamWriter) -> None:
    """A message that is shorter than its own head."""
    await server.send(writer, [message(b"D", length=2)])


async def a_negative_length(server: HostileServer, writer: asyncio.StreamWriter) -> None:
    """A message of less than nothing."""
    await server.send(writer, [message(b"D", length=-5)])


def garbage(seed: int) -> Worst:
    """Bytes that mean nothing, without end."""

    async def worst(server: HostileServer, writer: asyncio.StreamWriter) -> None:
        chance = Random(seed)  # noqa: S311 - the same each time.

        def parts() -> Iterator[bytes]:
            while True:
                yield chance.randbytes(_PART)

        await server.send(writer, parts())

    return worst


@asynccontextmanager
async def hostile(server: HostileServer) -> AsyncGenerator[int]:
    """Have it listen; yields its port."""
    listening = await asyncio.start_server(server.serve, HOST, 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
