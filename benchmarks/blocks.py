"""Blocks of calls: each call timed, and all of them together, by one client or by several at once."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from threading import Barrier
from typing import Protocol

from benchmarks.stage import Caller, Request

WARM_UP = 20
_PATIENCE_S = 120.0


class Send(Protocol):
    """How a client makes a call that is signed already."""

    def __call__(self, connection: HTTPConnection, headers: Mapping[str, str], /) -> object:
        """Make it, and fail unless it succeeds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One run of one side: what each call took, and all of them together."""

    each_s: Sequence[float]
    whole_s: float

    @property
    def per_s(self) -> float:
        return len(self.each_s) / self.whole_s

    @property
    def median_s(self) -> float:
        return sorted(self.each_s)[len(self.each_s) // 2]


@dataclass(slots=True)
class Side:
    """All blocks of one side."""

    blocks: list[Block] = field(default_factory=list[Block])

    @property
    def each_s(self) -> Sequence[float]:
        return [seconds for block in self.blocks for seconds in block.each_s]

    @property
    def per_s(self) -> float:
        return len(self.each_s) / sum(block.whole_s for block in self.blocks)

    @property
    def medians_s(self) -> Sequence[float]:
        return [block.median_s for block in self.blocks]

    @property
    def rates(self) -> Sequence[float]:
        return [block.per_s for block in self.blocks]


def block_of_calls(caller: Caller, request: Request, send: Send, *, clients: int, calls: int) -> Block:
    """Every client on a connection that stays open, with its calls signed before the clock starts."""
    ready = Barrier(clients + 1, timeout=_PATIENCE_S)

    def client(headers: Sequence[Mapping[str, str]]) -> list[float]:
        with caller.connection() as connection:
            try:
                for signed in headers[:WARM_UP]:
                    send(connection, signed)
            except BaseException:
                ready.abort()
                raise
            ready.wait()
            taken: list[float] = []
            for signed in headers[WARM_UP:]:
                started = time.perf_counter()
                send(connection, signed)
                taken.append(time.perf_counter() - started)
            return taken

    each = calls // clients + WARM_UP
    with ThreadPoolExecutor(clients) as pool:
        running = [pool.submit(client, [caller.signed(request) for _ in range(each)]) for _ in range(clients)]
        ready.wait()
        started = time.perf_counter()
        each_s = [seconds for client_ in running for seconds in client_.result()]
        return Block(each_s=each_s, whole_s=time.perf_counter() - started)
