"""Log lines that anybody can cause are bounded: what is left out is counted and said."""

import logging
import time
from collections.abc import Callable, Mapping

from vacate.telemetry.logs import log

_MINUTE_S = 60.0


class Seldom:
    """One line a minute at most; the next one says how often it happened in between."""

    def __init__(
        self, message: str, *, level: int = logging.WARNING, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._message = message
        self._level = level
        self._seconds = seconds
        self._next = 0.0
        self._left_out = 0

    def say(self, fields: Mapping[str, object]) -> None:
        """It happened again."""
        now = self._seconds()
        if now < self._next:
            self._left_out += 1
            return
        log(self._message, {**fields, "left_out": self._left_out}, level=self._level)
        self._left_out = 0
        self._next = now + _MINUTE_S


class LineBudget:
    """So many lines a second, ten times as many at once; what is left out is counted, and said once a minute."""

    def __init__(self, per_second: int, *, seconds: Callable[[], float] = time.monotonic) -> None:
        """Let all lines through with `per_second=0`."""
        self._per_second = per_second
        self._seconds = seconds
        self._most = 10.0 * per_second
        self._left = self._most
        self._at = seconds()
        self._summary = Seldom("log lines about unproven requests were left out", seconds=seconds)

    def spend(self) -> bool:
        """Whether one more line may be written."""
        if not self._per_second:
            return True
        now = self._seconds()
        self._left = min(self._most, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            self._summary.say({"per_second": self._per_second})
            return False
        self._left -= 1
        return True
