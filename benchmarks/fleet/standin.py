"""A program: stands for any number of PostgreSQL servers, with answers that one real server gave.

    python -m benchmarks.fleet.standin HOST PORT USER PASSWORD DATABASE

It says the port that it listens on. A question that it has not heard before is put to the real server; whoever asks the
same again gets the same bytes. For each line on standard input it says how many connections it has, and how many
statements were executed so far.
"""

import asyncio
import hashlib
import hmac
import json
import os
import struct
import sys
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import Final

HOST: Final = "127.0.0.1"
_ENCRYPTION: Final = frozenset({80877103, 80877104})
_HEAD: Final = struct.Struct("!cI")
_READY: Final = b"Z\0\0\0\x05I"
_AUTHENTICATED: Final = b"R\0\0\0\x08\0\0\0\0"


def message(kind: bytes, body: bytes = b"") -> bytes:
    """One message of the protocol."""
    return _HEAD.pack(kind, 4 + len(body)) + body


async def read(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The next message: its kind and its body."""
    kind, size = _HEAD.unpack(await reader.readexactly(_HEAD.size))
    return kind, await reader.readexactly(size - 4)


@dataclass(slots=True)
class RealServer:
    """One session of the real server; what it said at its beginning is said to everybody."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    greeting: bytes = b""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def log_in(self, startup: bytes, user: str, password: str) -> None:
        """Begin the session with SCRAM-SHA-256 (RFC 5802, RFC 7677)."""
        self.writer.write(startup)
        nonce = b64encode(os.urandom(18)).decode()
        bare = f"n={user},r={nonce}"
        final = b""
        while True:
            kind, body = await read(self.reader)
            if kind == b"E":
                raise ConnectionError(body.decode("utf-8", "replace"))
            (step,) = struct.unpack("!I", body[:4]) if kind == b"R" else (-1,)
            if step == 10:
                first = f"n,,{bare}".encode()
                self.writer.write(message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first))
            elif step == 11:
                self.writer.write(message(b"p", _scram_final(password, bare, body[4:].decode())))
            elif step in {0, 12}:
                final = _AUTHENTICATED
            else:
                self.greeting += message(kind, body)
            if kind == b"Z":
                self.greeting = final + self.greeting
                return

    async def answer(self, messages: bytes) -> bytes:
        """What it answers to a batch that ends in Sync, or to a simple query, up to ReadyForQuery."""
        async with self.turn:
            self.writer.write(messages)
            said = b""
            while not said.endswith(_READY):
                kind, body = await read(self.reader)
                said += message(kind, body)
            return said


def _scram_final(password: str, bare: str, server_first: str) -> bytes:
    said = dict(part.split("=", 1) for part in server_first.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), b64decode(said["s"]), int(said["i"]))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    without_proof = f"c=biws,r={said['r']}"
    signed = f"{bare},{server_first},{without_proof}".encode()
    signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
    proof = bytes(one ^ other for one, other in zip(client_key, signature, strict=True))
    return f"{without_proof},p={b64encode(proof).decode()}".encode()


@dataclass(slots=True)
class Standin:
    """What it has heard, and what it was told."""

    address: tuple[str, int]
    user: str
    password: str
    database: str
    server: RealServer | None = None
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    known: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    connections: int = 0
    statements: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Be a server to one client."""
        self.connections += 1
        try:
            await self._session(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.connections -= 1
            writer.close()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = await self._greeted(reader, writer)
        # The statements that were prepared, by the names that the client gave them.
        prepared: dict[bytes, bytes] = {}
        batch: list[tuple[bytes, bytes]] = []
        while True:
            kind, body = await read(reader)
            if kind == b"X":
                return
            batch.append((kind, body))
            if kind in {b"S", b"Q", b"H"}:
                writer.write(await self._answer(server, prepared, batch, flushed=kind == b"H"))
                batch = []

    async def _greeted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> RealServer:
        while True:
            (size,) = struct.unpack("!I", await reader.readexactly(4))
            startup = await reader.readexactly(size - 4)
            (code,) = struct.unpack("!I", startup[:4])
            if code not in _ENCRYPTION:
                break
            writer.write(b"N")
        async with self.opening:
            if self.server is None:
                self.server = RealServer(*await asyncio.open_connection(*self.address))
                await self.server.log_in(struct.pack("!I", size) + startup, self.user, self.password)
        writer.write(self.server.greeting)
        return self.server

    async def _answer(
        self, server: RealServer, prepared: dict[bytes, bytes], batch: list[tuple[bytes, bytes]], *, flushed: bool
    ) -> bytes:
        """Answer a batch: with what is known, else with what the server says to the same under names of its own."""
        words: list[bytes] = []
        renamed: list[bytes] = []
        for kind, body in batch:
            if kind == b"P":
                name, _, rest = body.partition(b"\0")
                prepared[name] = rest
                words.append(kind + rest)
                renamed.append(message(kind, b"\0" + rest))
            elif kind == b"D" and body[:1] == b"S":
                words.append(kind + prepared[body[1:-1]])
                renamed.append(message(kind, b"S\0"))
            elif kind == b"B":
                portal, _, rest = body.partition(b"\0")
                name, _, arguments = rest.partition(b"\0")
                self.statements += 1
                words.append(kind + prepared[name] + b"\0\0" + arguments)
                renamed.append(message(kind, portal + b"\0\0" + arguments))
            else:
                self.statements += kind == b"Q"
                words.append(kind + body)
                renamed.append(message(kind, body))
        key = hashlib.sha256(b"\1".join(words)).digest()
        if key not in self.known:
            # Where a statement is only used, the server has to be told first what it is.
            told = [] if any(kind == b"P" for kind, _ in batch) else self._told(prepared, batch)
            said = await server.answer(b"".join([*told, *renamed, *([message(b"S")] if flushed else [])]))
            said = said[5:] if told else said
            self.known[key] = said[: -len(_READY)] if flushed else said
        return self.known[key]

    @staticmethod
    def _told(prepared: dict[bytes, bytes], batch: list[tuple[bytes, bytes]]) -> list[bytes]:
        for kind, body in batch:
            if kind == b"B":
                return [message(b"P", b"\0" + prepared[body.partition(b"\0")[2].partition(b"\0")[0]])]
            if kind == b"D" and body[:1] == b"S":
                return [message(b"P", b"\0" + prepared[body[1:-1]])]
        return []


async def main(host: str, port: int, user: str, password: str, database: str) -> None:
    """Serve until standard input ends."""
    standin = Standin(address=(host, port), user=user, password=password, database=database)
    served = await asyncio.start_server(standin.serve, HOST, 0, backlog=4096)
    print(served.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps({"connections": standin.connections, "statements": standin.statements}), flush=True)
    served.close()


if __name__ == "__main__":
    _, *words = sys.argv
    asyncio.run(main(words[0], int(words[1]), *words[2:]))
