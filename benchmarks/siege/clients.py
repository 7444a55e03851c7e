"""A program: so many clients of one port, each misbehaving in the same way, until standard input ends.

    python -m benchmarks.siege.clients '{"kind": "idle", "port": 8686, "clients": 1500, ...}'

It says `ready` when every client has been let in or turned away once, and at its end what it was answered, as JSON.
A client that is cut off comes back after a second, as an attacker would.
"""

import asyncio
import json
import os
import resource
import socket
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import count
from typing import Final

import msgspec

HOST = "127.0.0.1"
COMES_BACK_S: Final = 1.0
# A peer that does not read has the smallest room that the system gives it, so that the rest stays with the service.
_SMALL_ROOM: Final = 2048
_AT_ONCE: Final = 200
_ESTABLISHED: Final = 1
_ADDRESSES: Final = 250
_NICENESS: Final = 10


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the clients are to do.

    `idle` opens a connection and says nothing. `keen` sends a request, reads the answer, and again, over one
    connection. `deaf` sends its requests several times over and reads nothing.
    """

    kind: str
    port: int
    clients: int
    sources: int
    requests: tuple[str, ...] = ()
    """In `keen` and `deaf`, each client takes one in turn; `%(number)09d` in it becomes a number of its own."""
    pipelined: int = 8
    most_s: float = 300.0


class _Client(asyncio.Protocol):
    """One connection of one client."""

    def __init__(self, crowd: "_Crowd", request: str) -> None:
        self._crowd = crowd
        self._request = request
        self._buffer = b""
        self._left = 0
        self._closes = False
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.transport = transport
        match self._crowd.order.kind:
            case "keen":
                self._send(1)
            case "deaf":
                transport.pause_reading()
                self._send(self._crowd.order.pipelined)
            case _:
                pass

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._crowd.heard["cut off"] += 1
        if not self.lost.done():
            self.lost.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Read answer after answer, and ask again after each."""
        while data:
            if self._left:
                taken = min(self._left, len(data))
                self._left -= taken
                data = data[taken:]
            else:
                self._buffer += data
                head, end, data = self._buffer.partition(b"\r\n\r\n")
                if not end:
                    return
                self._buffer = b""
                self._read(head)
            if not self._left:
                if self._closes or self._crowd.order.kind != "keen":
                    self.transport.close()
                    return
                self._send(1)

    def _read(self, head: bytes) -> None:
        first, *lines = head.split(b"\r\n")
        self._crowd.heard[first.split(b" ")[1].decode("latin-1") if b" " in first else "?"] += 1
        fields = dict(line.lower().split(b": ", maxsplit=1) for line in lines if b": " in line)
        self._left = int(fields.get(b"content-length", b"0"))
        self._closes = fields.get(b"connection") == b"close"

    def _send(self, times: int) -> None:
        for _ in range(times):
            text = self._request.replace("%(number)09d", f"{next(self._crowd.numbers):09d}")
            self.transport.write(text.encode("latin-1"))


class _Crowd:
    def __init__(self, order: Order) -> None:
        self.order = order
        self.numbers = count()
        self.heard: Counter[str] = Counter()
        self._doors = asyncio.Semaphore(_AT_ONCE)
        self._came = 0
        self.all_came = asyncio.Event()

    async def one(self, number: int) -> None:
        """One client, who comes back whenever it is cut off."""
        request = self.order.requests[number % len(self.order.requests)] if self.order.requests else ""
        first = True
        while True:
            client = await self._come(number, request)
            if first:
                first = False
                self._came += 1
                if self._came == self.order.clients:
                    self.all_came.set()
            if client is not None:
                if self.order.kind == "deaf":
                    await self._until_cut_off(client)
                else:
                    await client.lost
            await asyncio.sleep(COMES_BACK_S)

    async def _come(self, number: int, request: str) -> _Client | None:
        own = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            own.settimeout(0)
            if self.order.kind == "deaf":
                own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_ROOM)
            if self.order.sources:
                own.bind((_address(number % self.order.sources), 0))
            async with self._doors, asyncio.timeout(10):
                loop = asyncio.get_running_loop()
                await loop.sock_connect(own, (HOST, self.order.port))
                _, client = await loop.create_connection(lambda: _Client(self, request), sock=own)
        except OSError:
            self.heard["not let in"] += 1
            own.close()
            return None
        self.heard["connected"] += 1
        return client

    async def _until_cut_off(self, client: _Client) -> None:
        """Who reads nothing is not told by the event loop; the system knows."""
        own: socket.socket = client.transport.get_extra_info("socket")
        while not client.lost.done():
            await asyncio.sleep(COMES_BACK_S)
            try:
                state = own.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
            except OSError:
                break
            if state != _ESTABLISHED:
                break
        client.transport.abort()


def _address(number: int) -> str:
    """An address of the loopback network that is not the caller's."""
    return f"127.0.{1 + number // _ADDRESSES}.{2 + number % _ADDRESSES}"


async def _run(order: Order) -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    crowd = _Crowd(order)
    clients = [asyncio.create_task(crowd.one(number)) for number in range(order.clients)]
    told = asyncio.create_task(reader.read())
    came = asyncio.create_task(crowd.all_came.wait())
    await asyncio.wait([told, came], timeout=order.most_s, return_when=asyncio.FIRST_COMPLETED)
    print("ready", flush=True)
    await asyncio.wait([told], timeout=order.most_s)
    for task in (*clients, told, came):
        task.cancel()
    print(json.dumps(crowd.heard), flush=True)


def main(arguments: Sequence[str]) -> None:
    """Run until standard input ends, or until the order's time is over.

    Attackers have machines of their own. Here they get what the service leaves of this one.
    """
    os.nice(_NICENESS)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(_run(msgspec.json.decode(arguments[0], type=Order)))


if __name__ == "__main__":
    main(sys.argv[1:])
