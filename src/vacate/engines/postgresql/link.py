"""The link to a PostgreSQL server: rows become sessions here, and victims become signals."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from vacate.domain.activity import Activity
from vacate.domain.errors import ComponentUnreachableError
from vacate.domain.guards import GuardName
from vacate.domain.sessions import Demand, Session, SessionKey, Victim
from vacate.domain.sweeps import Signal
from vacate.engines.statements import statement
from vacate.engines.wire import Wire
from vacate.operations.ports import Signalled, TerminateBrokenError

_ENGINE = "postgresql"


# Measured on two cores with 500 and 2,000 sessions; see docs/decisions on the terminating statement. A longer
# statement or a longer-lived copy is no faster; a copy for every victim costs up to half as much again.
_STATEMENT = 250
_PER_COPY = 32
_SETTLED = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The victims of one statement, all of one demand, and how many of them share one copy of the server's list."""

    demand: Demand
    victims: Sequence[Victim]
    per_copy: int


class PostgresqlLink:
    """Implements `operations.ports.Link` over a wire that is open and whose server was checked."""

    def __init__(self, wire: Wire, make_ready: Callable[[], Awaitable[None]]) -> None:
        self._wire = wire
        self._make_ready = make_ready
        self._major = wire.major_version()

    async def look(self) -> tuple[Session, ...]:
        """Read every session once."""
        rows = await self._wire.fetch(statement(_ENGINE, "look", self._major))
        return tuple(_session(dict(row)) for row in rows)

    async def activity(self) -> tuple[Activity, ...]:
        """Read every client's session with what it does."""
        rows = await self._wire.fetch(statement(_ENGINE, "activity", self._major))
        return tuple(_activity(row) for row in rows)

    async def databases(self) -> tuple[str, ...]:
        """The databases that clients may use, sorted."""
        rows = await self._wire.fetch(statement(_ENGINE, "databases", self._major))
        return tuple(row["name"] for row in rows)

    async def terminate(
        self, victims: Sequence[Victim], off: frozenset[GuardName]
    ) -> AsyncIterator[Sequence[Signalled]]:
        """Signal the victims that are still what they were, batch by batch."""
        sql = statement(_ENGINE, "terminate", self._major)
        for batch in batches(victims):
            keys = [victim.key for victim in batch.victims]
            try:
                rows = await self._wire.fetch(
                    sql,
                    [victim.pid for victim in batch.victims],
                    [victim.key.backend_start for victim in batch.victims],
                    [victim.since for victim in batch.victims],
                    batch.per_copy,
                    GuardName.NO_CLIENT_ADDRESS in off,
                    GuardName.NOT_A_CLIENT in off,
                    batch.demand,
                )
            except ComponentUnreachableError as error:
                raise TerminateBrokenError(str(error), keys) from error
            yield tuple(_signalled(dict(row), batch.demand) for row in rows)

    async def still_present(self, keys: Sequence[SessionKey]) -> frozenset[SessionKey]:
        """Which of these sessions the server still lists; the link is opened again if it broke."""
        if not self._wire.open:
            await self._make_ready()
        rows = await self._wire.fetch(
            statement(_ENGINE, "still_present", self._major),
            [key.session_id for key in keys],
            [key.backend_start for key in keys],
        )
        return frozenset(SessionKey(session_id=row["pid"], backend_start=row["backend_start"]) for row in rows)


def batches(victims: Sequence[Victim]) -> Iterator[Batch]:
    """How the victims are told to the server: those that have been idle for long first, in large statements.

    The order of the look is kept: it is the order of the server's own list, so each victim is found quickly behind
    the ones that are gone. A session that was used a moment ago may well be used again in a moment, so each of these
    gets a list of its own, last, when the list has become short; and so does each that may be busy.
    """
    for demand in Demand:
        alike = [victim for victim in victims if victim.demand is demand]
        settled = [victim for victim in alike if _is_settled(victim)]
        fresh = [victim for victim in alike if not _is_settled(victim)]
        for start in range(0, len(settled), _STATEMENT):
            yield Batch(demand=demand, victims=settled[start : start + _STATEMENT], per_copy=_PER_COPY)
        for start in range(0, len(fresh), _STATEMENT):
            yield Batch(demand=demand, victims=fresh[start : start + _STATEMENT], per_copy=1)


def _is_settled(victim: Victim) -> bool:
    if victim.demand is not Demand.SAME_IDLE_PERIOD or victim.in_state_for is None:
        return False
    return victim.in_state_for >= _SETTLED


def _session(row: Mapping[str, Any]) -> Session:
    return Session(session_id=row["pid"], **row)


def _activity(row: Iterable[Any]) -> Activity:
    """The columns of activity.sql are an activity's facts, in the same order."""
    activity = Activity._make(row)
    return activity if activity.blocked_by is None else activity._replace(blocked_by=tuple(activity.blocked_by))


def _signalled(row: Mapping[str, Any], demand: Demand) -> Signalled:
    signal = Signal(row["signal"])
    return Signalled(
        key=SessionKey(session_id=row["pid"], backend_start=row["backend_start"]),
        signal=signal,
        reason=(_WOKE[demand] if signal is Signal.WOKE else _REASONS[signal]).format(state=row["state"]),
    )


_WOKE = {
    Demand.SAME_IDLE_PERIOD: "it was used since the look (state now: {state})",
    Demand.SAME_TRANSACTION: "its transaction ended since the look (state now: {state})",
}
_REASONS = {
    Signal.SIGNALLED: "signalled",
    Signal.GONE: "it was gone before its turn",
    Signal.FORBIDDEN: "the server does not let Vacate's role end it",
    Signal.PROTECTED: "it is protected at the second read",
}
