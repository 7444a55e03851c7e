"""Answers that are the same for everybody are made once, and handed out as bytes."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

# However many ask: making answers takes this share of the time, after as much at once; and once a second is always due.
_SHARE = 0.05
_AT_ONCE_S = 0.5
_DUE_S = 1.0
# While one takes long to make, the one before is no longer true.
_OLDEST_S = 2.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """An answer's status and body."""

    status: int
    body: bytes


class Preparation:
    """Makes an answer anew when somebody asks, though not more often than it can be afforded.

    Whoever asks seldom, as a monitor does, always gets a fresh answer. In a flood the answer may be a second old.
    """

    def __init__(
        self, make: Callable[[str], Awaitable[Prepared]], *, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        """Take what makes the answer; it is told the id of the request that it is made for."""
        self._make = make
        self._seconds = seconds
        self._left = _AT_ONCE_S
        self._at = self._made_at = seconds()
        self._kept: Prepared | None = None
        self._making = asyncio.Lock()

    async def get(self, request_id: str) -> Prepared:
        """The answer. While a new one is made, others get the one before, unless that has become too old."""
        now = self._seconds()
        kept = self._kept
        if kept and (self._making.locked() or not self._affordable(now)) and now - self._made_at < _OLDEST_S:
            return kept
        async with self._making:
            kept = self._kept
            began = self._seconds()
            if kept is None or self._affordable(began):
                kept = await self._make(request_id)
                self._kept, self._made_at = kept, self._seconds()
                self._left -= self._made_at - began
            return kept

    def _affordable(self, now: float) -> bool:
        self._left = min(_AT_ONCE_S, self._left + (now - self._at) * _SHARE)
        self._at = now
        return self._left > 0 or now - self._made_at >= _DUE_S
