"""Which connections stay when there is no room for all of them."""

from collections.abc import Iterable
from enum import IntEnum
from typing import Protocol

from vacate.cli.port_limits import PortLimits

# Among so many of the oldest, one that waits for its peer is looked for; looking at all each time would cost too much.
_LOOKED_AT = 16


class Standing(IntEnum):
    """What a connection is doing, as far as its end would be a loss; the lowest is closed first."""

    WAITS_FOR_PEER = 0
    ASKS = 1
    IS_ANSWERED = 2


class Closable(Protocol):
    """A connection, as admission sees it."""

    @property
    def source(self) -> str:
        """The peer's address."""
        ...

    @property
    def standing(self) -> Standing:
        """What it is doing."""
        ...

    def let_go(self) -> None:
        """Close it at once."""
        ...


class Admission:
    """Keeps count of a port's connections, and closes some where others need the room.

    Unproven connections have a bounded share, so what anybody may open never takes the room of proved ones. Where the
    share is used up, the source that has most of it gives way: its connection that was silent for longest is closed.
    A request that is being answered is never broken off.
    """

    def __init__(self, limits: PortLimits, room: int) -> None:
        """Admit `room` connections at most, or fewer if the limits say so."""
        self._limits = limits
        self._most = min(limits.most, room)
        self._unproven_most = max(1, min(limits.unproven, self._most * 3 // 4))
        # Insertion order is the order of their last use.
        self._unproven: dict[str, dict[Closable, None]] = {}
        self._unproven_count = 0
        self._proved: dict[Closable, None] = {}

    def __len__(self) -> int:
        """How many connections there are."""
        return self._unproven_count + len(self._proved)

    def connections(self) -> tuple[Closable, ...]:
        """Every connection."""
        return (*(each for of_source in self._unproven.values() for each in of_source), *self._proved)

    def admit(self, connection: Closable) -> bool:
        """Make room for a connection that was just accepted; False if there is none."""
        of_source = self._unproven.get(connection.source, {})
        if (
            len(of_source) >= self._limits.unproven_per_source
            and not self._limits.trusts(connection.source)
            and not self._close_one(of_source)
        ):
            return False
        if self._unproven_count >= self._unproven_most and not self._close_unproven():
            return False
        if len(self) >= self._most and not (self._close_unproven() or self._close_one(self._proved)):
            return False
        self._unproven.setdefault(connection.source, {})[connection] = None
        self._unproven_count += 1
        return True

    def prove(self, connection: Closable) -> None:
        """A request on it was found to be correctly signed: its room is another one from now on."""
        if self._forget_unproven(connection):
            self._proved[connection] = None

    def used(self, connection: Closable) -> None:
        """A request on it was answered; it is the youngest of the idle ones."""
        holder = self._proved if connection in self._proved else self._unproven.get(connection.source, {})
        if connection in holder:
            del holder[connection]
            holder[connection] = None

    def leave(self, connection: Closable) -> None:
        """It has ended."""
        if not self._forget_unproven(connection):
            self._proved.pop(connection, None)

    def _close_unproven(self) -> bool:
        if self._unproven and self._close_one(max(self._unproven.values(), key=len)):
            return True
        sources = sorted(self._unproven.values(), key=len, reverse=True)
        return any(self._close_one(of_source) for of_source in sources)

    def _close_one(self, connections: Iterable[Closable]) -> bool:
        """Close the one whose end is the least loss, the oldest first; False if each is being answered."""
        found: Closable | None = None
        for looked_at, each in enumerate(connections):
            standing = each.standing
            if standing is Standing.WAITS_FOR_PEER:
                found = each
                break
            if standing is Standing.ASKS and found is None:
                found = each
            if found is not None and looked_at >= _LOOKED_AT:
                break
        if found is None:
            return False
        self.leave(found)
        found.let_go()
        return True

    def _forget_unproven(self, connection: Closable) -> bool:
        of_source = self._unproven.get(connection.source)
        if of_source is None or connection not in of_source:
            return False
        del of_source[connection]
        if not of_source:
            del self._unproven[connection.source]
        self._unproven_count -= 1
        return True
