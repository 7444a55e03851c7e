"""The way to a server, for tests to break: it can be cut, swallow everything, or be slow."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from vacate.demo.servers import HOST


@dataclass(slots=True, kw_only=True)
class _Trigger:
    needle: bytes
    from_server: bool
    do: Callable[[], None]


class LinkProxy:
    """A way to a server, on a port of its own."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener: asyncio.Server | None = None
        self._ways: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._asking = asyncio.Event()
        self._asking.set()
        self._triggers: list[_Trigger] = []
        self.delay_s = 0.0
        """How long everything takes, each way."""
        self.accepted = 0
        """How many links were ever opened."""

    @property
    def port(self) -> int:
        """Where to connect instead."""
        assert self._listener is not None
        return int(self._listener.sockets[0].getsockname()[1])

    @property
    def links(self) -> int:
        """How many links are open."""
        return len(self._ways)

    @property
    def tasks(self) -> frozenset[asyncio.Task[None]]:
        """The tasks that the proxy itself keeps running."""
        return frozenset(self._pumps)

    def lead_to(self, port: int) -> None:
        """Lead to another server from the next link on."""
        self._to = port

    def cut(self) -> None:
        """Break every link that is open. New ones are let through."""
        for way in tuple(self._ways):
            for writer in way:
                writer.transport.abort()

    def stall(self) -> None:
        """Swallow everything from now on and say nothing, as a black hole does; new links are accepted all the same."""
        self._flowing.clear()

    def hold_clients(self) -> None:
        """Hold what clients send from now on; what servers send goes through."""
        self._asking.clear()

    def resume(self) -> None:
        """Let everything through again, also what was held."""
        self._flowing.set()
        self._asking.set()

    def once(self, needle: bytes, do: Callable[[], None], *, from_server: bool = False) -> None:
        """Do something when these bytes come by, before they are passed on."""
        self._triggers.append(_Trigger(needle=needle, from_server=from_server, do=do))

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._carry, HOST, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._listener is not None
        self._listener.close()
        self.cut()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _carry(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._pumps.add(task)
        try:
            from_server, to_server = await asyncio.open_connection(HOST, self._to)
        except OSError:
            to_client.transport.abort()
        else:
            way = (to_client, to_server)
            self._ways.add(way)
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pump(from_client, to_server, from_server=False))
                    both.create_task(self._pump(from_server, to_client, from_server=True))
            finally:
                self._ways.discard(way)
                for writer in way:
                    writer.transport.abort()
        finally:
            self._pumps.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, from_server: bool) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                self._pull_triggers(data, from_server=from_server)
                await self._flowing.wait()
                if not from_server:
                    await self._asking.wait()
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                writer.write(data)
                await writer.drain()
        writer.close()

    def _pull_triggers(self, data: bytes, *, from_server: bool) -> None:
        for trigger in tuple(self._triggers):
            if trigger.from_server == from_server and trigger.needle in data:
                self._triggers.remove(trigger)
                trigger.do()
