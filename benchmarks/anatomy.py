"""What the time of a listing goes into, measured step by step on a link like the service's own."""

import time
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields

from tests.support.postgres import LiveServer
from vacate.api.gaussdb_v3.session_rows import session_row
from vacate.api.gaussdb_v3.sessions import RealTimeSessionResponse
from vacate.components.capabilities import Capabilities
from vacate.components.decoding import Decoder
from vacate.components.dialects import probe
from vacate.components.drivers import Row
from vacate.components.postgresql.link import PostgresqlLink
from vacate.components.statements import statement
from vacate.components.timeouts import Timeouts
from vacate.components.wire import Wire
from vacate.domain.sessions.activity import oldest_first
from vacate.http.answers import json_response

_COMPONENT = "dn_6001"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Seconds of one listing: waiting for the server, reading its rows, making sessions and rows of them, encoding."""

    server: float
    driver: float
    building: float
    encoding: float


def by_name(parts: Sequence[Parts]) -> Mapping[str, Sequence[float]]:
    """Every part with its seconds, one for each listing."""
    return {each.name: [getattr(part, each.name) for part in parts] for each in fields(Parts)}


@dataclass(frozen=True, slots=True)
class Anatomy:
    """Lists sessions as the service does, but for HTTP, the proof of who asks, and the probe."""

    wire: Wire
    sql: str
    capabilities: Capabilities

    @classmethod
    @asynccontextmanager
    async def on(cls, server: LiveServer) -> AsyncGenerator["Anatomy"]:
        """On a server, over a link of its own, until the block ends."""
        wire = Wire(server.dsn(), Timeouts())
        await wire.connect()
        try:
            yield cls(wire, statement("postgresql", "activity", server.major), await probe(wire))
        finally:
            await wire.close()

    async def parts(self) -> Parts:
        """List once.

        What this thread spends on the processor while it fetches is the driver's; for the rest of that time it waits.
        """
        began, busy = time.perf_counter(), time.thread_time()
        rows = await self.wire.fetch(self.sql)
        fetched, driver = time.perf_counter(), time.thread_time() - busy
        activities = await PostgresqlLink(_Read(rows, self.wire), _ready, self.capabilities).activity()
        answer = RealTimeSessionResponse(sessions=[session_row(each, _COMPONENT) for each in oldest_first(activities)])
        built = time.perf_counter()
        json_response(answer)
        return Parts(
            server=fetched - began - driver,
            driver=driver,
            building=built - fetched,
            encoding=time.perf_counter() - built,
        )


class _Read:
    """Statements whose answer is there already."""

    def __init__(self, rows: Sequence[Row], asked: Wire) -> None:
        self._rows = rows
        self._asked = asked

    @property
    def open(self) -> bool:
        return True

    @property
    def decoder(self) -> Decoder:
        return self._asked.decoder

    async def fetch(self, sql: str, *arguments: object) -> Sequence[Row]:
        del sql, arguments
        return self._rows

    async def fetch_each(self, sql: str, each: Iterable[Sequence[object]]) -> Sequence[Row]:
        raise NotImplementedError(sql, each)


async def _ready() -> None:
    return
