"""How many requests one caller may make: a bucket of them that fills up again by itself."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import timedelta

from vacate.domain.errors import ThrottledError

_MOST = 10_000


class Throttle:
    """A token bucket for every caller, each as large as what flows into it in one second.

    What is remembered is bounded: of more callers than `most`, the one that was silent longest is forgotten, and its
    bucket has been full again for long.
    """

    def __init__(self, *, per_second: int, seconds: Callable[[], float] = time.monotonic, most: int = _MOST) -> None:
        """Let so many requests through; `per_second=0` lets all through. `seconds` is a clock that never goes back."""
        self._per_second = per_second
        self._seconds = seconds
        self._most = most
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, caller: Hashable) -> None:
        """Take one out of the caller's bucket.

        Raises:
            ThrottledError: it is empty.
        """
        if not self._per_second:
            return
        now = self._seconds()
        left, at = self._buckets.get(caller, (float(self._per_second), now))
        left = min(float(self._per_second), left + (now - at) * self._per_second)
        if left < 1:
            raise ThrottledError(timedelta(seconds=(1 - left) / self._per_second))
        self._buckets[caller] = left - 1, now
        self._buckets.move_to_end(caller)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
