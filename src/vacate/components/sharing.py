"""Equal questions that wait for their turn are answered by one answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

Answer = TypeVar("Answer")
Begun = Callable[[], None]


class SharedReads:
    """Joins callers to a read that has not begun yet.

    A read that has begun is of the past for whoever comes then: that caller gets another one. A caller may go away at
    any time; the read runs to its own end, since an answer that is not awaited costs the connection.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Task[Any]] = {}
        # The event loop itself holds its tasks only weakly.
        self._running: set[asyncio.Task[Any]] = set()

    async def read(self, what: str, ask: Callable[[Begun], Awaitable[Answer]]) -> Answer:
        """Return the answer to a question.

        Args:
            what: names the question; equal names are equal questions.
            ask: asks it. It calls what it is given when the question is on its way; who comes later does not join.
        """
        waiting = self._waiting.get(what)
        if waiting is None:
            waiting = asyncio.ensure_future(self._ask(what, ask))
            self._waiting[what] = waiting
            self._running.add(waiting)
            waiting.add_done_callback(self._ended)
        return await asyncio.shield(waiting)

    async def cancel(self) -> None:
        """End the reads that have begun or wait; nobody is to be left who waits for them."""
        running = tuple(self._running)
        for reading in running:
            reading.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _ask(self, what: str, ask: Callable[[Begun], Awaitable[Answer]]) -> Answer:
        task = asyncio.current_task()

        def begun() -> None:
            if self._waiting.get(what) is task:
                del self._waiting[what]

        try:
            return await ask(begun)
        finally:
            begun()

    def _ended(self, reading: asyncio.Task[Any]) -> None:
        self._running.discard(reading)
        if not reading.cancelled():
            # Where every caller is gone nobody else looks at it.
            reading.exception()
