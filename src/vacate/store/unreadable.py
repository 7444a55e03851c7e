"""Events of the audit that somebody has made unreadable: they are left out wherever events are shown, and told of."""

from collections.abc import Callable

# Who changes more events than that is told of all the same, once more for each.
_REMEMBERED = 10_000


def _nobody(event_id: int, reason: str) -> None:
    del event_id, reason


class Unreadable:
    """The events of one store that could not be read, each told of once. Set `tell` to hear of them."""

    def __init__(self, tell: Callable[[int, str], None] = _nobody) -> None:
        """Take whom to tell of each."""
        self.tell = tell
        self._known = set[int]()

    @property
    def count(self) -> int:
        """How many there were since the store was opened."""
        return len(self._known)

    def note(self, event_id: int, reason: str) -> None:
        """Remember one, and tell of it the first time."""
        if event_id in self._known:
            return
        if len(self._known) < _REMEMBERED:
            self._known.add(event_id)
        self.tell(event_id, reason)
