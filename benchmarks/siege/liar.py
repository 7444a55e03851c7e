"""A program: a way to a real PostgreSQL server that turns hostile when it is told to.

    python -m benchmarks.siege.liar PORT

It says the port that it listens on. Until it reads the name of an attack on its standard input, it passes on whatever
either side says; from then on, the next rows of an answer are not what the server said. An empty line ends the attack.
"""

import asyncio
import os
import struct
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Final

HOST: Final = "127.0.0.1"
_ENCRYPTION: Final = frozenset({80877103, 80877104})
_CHUNK: Final = b"a" * 65536
_VALUE: Final = 600 * 1024 * 1024
_LONGEST: Final = 2**31 - 8
_DRIP_S: Final = 0.05
_ROWS_AT_ONCE: Final = 500
_HEAD: Final = struct.Struct("!cI")


async def _rows(row: bytes) -> AsyncIterator[bytes]:
    """The server's first row again and again, for ever."""
    while True:
        yield row * _ROWS_AT_ONCE


async def _notices(row: bytes) -> AsyncIterator[bytes]:
    """Remarks that nobody asked for, and no answer."""
    del row
    remark = b"SNOTICE\0VNOTICE\0C00000\0M" + b"a" * 1000 + b"\0\0"
    while True:
        yield _message(b"N", remark) * _ROWS_AT_ONCE


async def _value(row: bytes) -> AsyncIterator[bytes]:
    """One row whose first value has 600 MB."""
    others = b"\xff\xff\xff\xff" * (_columns(row) - 1)
    body = struct.pack("!HI", _columns(row), _VALUE)
    yield _HEAD.pack(b"D", 4 + len(body) + _VALUE + len(others)) + body
    for _ in range(_VALUE // len(_CHUNK)):
        yield _CHUNK
    yield others
    async for each in _silence():
        yield each


async def _length(row: bytes) -> AsyncIterator[bytes]:
    """A row that says it is as long as a row can be, and goes on for ever."""
    yield _HEAD.pack(b"D", _LONGEST) + struct.pack("!HI", _columns(row), _LONGEST - 100)
    while True:
        yield _CHUNK


async def _drip(row: bytes) -> AsyncIterator[bytes]:
    """The server's rows, a byte now and then."""
    while True:
        for byte in row:
            yield bytes([byte])
            await asyncio.sleep(_DRIP_S)


async def _garbage(row: bytes) -> AsyncIterator[bytes]:
    """Bytes without a meaning."""
    del row
    while True:
        yield os.urandom(65536)


async def _silence() -> AsyncIterator[bytes]:
    while True:
        await asyncio.sleep(3600)
        yield b""


ATTACKS: Final[dict[str, Callable[[bytes], AsyncIterator[bytes]]]] = {
    "endless rows": _rows,
    "a 600 MB value": _value,
    "a row without end": _length,
    "endless notices": _notices,
    "a drip": _drip,
    "garbage": _garbage,
}


def _columns(row: bytes) -> int:
    return int.from_bytes(row[5:7], "big")


def _message(kind: bytes, body: bytes) -> bytes:
    return _HEAD.pack(kind, 4 + len(body)) + body


class _Way:
    """From whoever comes to the server and back."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.attack: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on one connection, until one of both ends."""
        with suppress(OSError, asyncio.IncompleteReadError):
            start = await reader.readexactly(8)
            while struct.unpack("!II", start)[1] in _ENCRYPTION:
                writer.write(b"N")
                start = await reader.readexactly(8)
            theirs, to_server = await asyncio.open_connection(HOST, self._port)
            to_server.write(start)
            both = [
                asyncio.create_task(_copy(reader, to_server)),
                asyncio.create_task(self._answer(theirs, writer)),
            ]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            to_server.transport.abort()
        writer.transport.abort()

    async def _answer(self, theirs: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on message by message; under attack the first row is the beginning of the attack."""
        while True:
            head = await theirs.readexactly(_HEAD.size)
            kind, length = _HEAD.unpack(head)
            message = head + await theirs.readexactly(length - 4)
            if kind == b"D" and self.attack:
                async for part in ATTACKS[self.attack](message):
                    writer.write(part)
                    await writer.drain()
            writer.write(message)
            if kind == b"Z":
                await writer.drain()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def _run(port: int) -> None:
    way = _Way(port)
    server = await asyncio.start_server(way.serve, HOST, 0)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    print(server.sockets[0].getsockname()[1], flush=True)
    while line := await orders.readline():
        way.attack = line.decode().strip()
        print("so be it", flush=True)
    # Connections that are still attacked end with the program.
    server.close()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(_run(int(sys.argv[1])))
