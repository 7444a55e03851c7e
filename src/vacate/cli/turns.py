"""Takes turns: what unproven peers send is read in small pieces, so that signed calls never wait for all of it."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

# What is spent on unproven peers before everything else has its turn again.
_BUDGET_S = 0.002
# While a proved request runs: less, and then a pause in which its threads and its servers' answers get the processor.
_SMALL_BUDGET_S = 0.001
_PAUSE_S = 0.004


class Turns:
    """A queue of pieces of work, with a bounded share of the event loop's time.

    Those that carry credentials go first. Whether the credentials are right is not known yet, so they only get ahead of
    work that can never end a session.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._with_credentials: deque[Callable[[], None]] = deque()
        self._others: deque[Callable[[], None]] = deque()
        self._armed = False
        self._proved_running = 0

    def queue(self, work: Callable[[], None], *, credentials: bool) -> None:
        """Do it soon."""
        (self._with_credentials if credentials else self._others).append(work)
        self._arm()

    def proved_began(self) -> None:
        """A request of a proved sender runs; until it has ended, others are held back."""
        self._proved_running += 1

    def proved_ended(self) -> None:
        """It has ended."""
        self._proved_running -= 1

    def _arm(self) -> None:
        if self._armed or not (self._with_credentials or self._others):
            return
        self._armed = True
        if self._proved_running:
            self._loop.call_later(_PAUSE_S, self._take_turn)
        else:
            self._loop.call_soon(self._take_turn)

    def _take_turn(self) -> None:
        self._armed = False
        until = time.perf_counter() + (_SMALL_BUDGET_S if self._proved_running else _BUDGET_S)
        try:
            while queue := self._with_credentials or self._others:
                queue.popleft()()
                if time.perf_counter() >= until:
                    break
        finally:
            self._arm()
