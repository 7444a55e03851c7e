"""Who guesses too often is locked out for a while."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from datetime import timedelta

WINDOW = timedelta(minutes=5)

_MOST = 10_000


class Lockout:
    """Counts failures in a row, per name, and locks the name after too many of them within five minutes.

    What is remembered is bounded: of more names than `most`, the one that failed longest ago is forgotten. A lock is
    of this process only, and over when it ends. A step of the wall clock makes it neither longer nor shorter.
    """

    def __init__(
        self, *, after: int, hold: timedelta, seconds: Callable[[], float] = time.monotonic, most: int = _MOST
    ) -> None:
        """Lock for `hold` after so many failures; `after=0` never locks. `seconds` is a clock that never goes back."""
        self._after = after
        self._hold = hold.total_seconds()
        self._seconds = seconds
        self._most = most
        self._failures: OrderedDict[Hashable, deque[float]] = OrderedDict()

    def locked(self, name: Hashable) -> bool:
        """Whether nothing that is said in this name is believed now, not even what is right."""
        failures = self._failures.get(name)
        if failures is None or len(failures) < self._after:
            return False
        if failures[-1] - failures[0] > WINDOW.total_seconds():
            return False
        if self._seconds() - failures[-1] < self._hold:
            return True
        del self._failures[name]
        return False

    def failed(self, name: Hashable) -> None:
        """One more wrong guess."""
        if not self._after or self.locked(name):
            # What is tried while it is locked makes the lock no longer.
            return
        self._failures.setdefault(name, deque(maxlen=self._after)).append(self._seconds())
        self._failures.move_to_end(name)
        if len(self._failures) > self._most:
            self._failures.popitem(last=False)

    def succeeded(self, name: Hashable) -> None:
        """The right one: what came before is forgiven."""
        self._failures.pop(name, None)
