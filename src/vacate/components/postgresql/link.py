"""The link to a PostgreSQL server: rows become sessions here, and victims become signals."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from vacate.components import rows
from vacate.components.capabilities import Capabilities, ServerChangedError
from vacate.components.decoding import Decoder
from vacate.components.statements import statement
from vacate.components.wire import Statements
from vacate.domain.errors import ComponentUnreachableError
from vacate.domain.judging.settings import GuardName
from vacate.domain.sessions.activity import Activity
from vacate.domain.sessions.session import Demand, Session, SessionKey, Victim
from vacate.operations.ports import Signalled, TerminateBrokenError

_DIALECT = "postgresql"
# What of a look is about the server, and not about the session in its row.
_PROOF = frozenset({"has_rights", "in_recovery"})

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
    """Asks a server that was checked what `components.dialects.ServerLink` asks."""

    def __init__(
        self, statements: Statements, make_ready: Callable[[], Awaitable[None]], capabilities: Capabilities
    ) -> None:
        self._wire = statements
        self._make_ready = make_ready
        self._capabilities = capabilities
        self._major = capabilities.software.major

    @property
    def _decoder(self) -> Decoder:
        """Asked for anew each time: a link that was opened again may have led into another database."""
        return self._wire.decoder

    async def look(self) -> tuple[Session, ...]:
        """Read every session once.

        Raises:
            ServerChangedError: the server is not what it was when it was checked.
        """
        found = await self._wire.fetch(statement(_DIALECT, "look", self._major))
        if not found or not found[0]["has_rights"] or found[0]["in_recovery"] != self._capabilities.in_recovery:
            raise ServerChangedError
        # Taken once: while others have their turn the link may be lost.
        decoder = self._decoder
        return await rows.read_each(found, lambda row: rows.session(row, decoder, without=_PROOF))

    async def activity(self) -> tuple[Activity, ...]:
        """Read every client's session with what it does."""
        found = await self._wire.fetch(statement(_DIALECT, "activity", self._major))
        # Taken once: while others have their turn the link may be lost.
        decoder = self._decoder
        return await rows.read_each(found, lambda row: rows.activity(row, decoder))

    async def databases(self) -> tuple[str, ...]:
        """The databases that clients may use, sorted."""
        found = await self._wire.fetch(statement(_DIALECT, "databases", self._major))
        return tuple(self._decoder.name(row["name"]).shown for row in found)

    async def terminate(
        self, victims: Sequence[Victim], off: frozenset[GuardName]
    ) -> AsyncIterator[Sequence[Signalled]]:
        """Signal the victims that are still what they were, batch by batch."""
        sql = statement(_DIALECT, "terminate", self._major)
        for batch in batches(victims):
            keys = [victim.key for victim in batch.victims]
            try:
                answers = await self._wire.fetch(
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
            yield tuple(rows.signalled(row, batch.demand) for row in answers)

    async def still_present(self, keys: Sequence[SessionKey]) -> frozenset[SessionKey]:
        """Which of these sessions the server still lists; the link is opened again if it broke."""
        if not self._wire.open:
            await self._make_ready()
        found = await self._wire.fetch(
            statement(_DIALECT, "still_present", self._major),
            [key.session_id for key in keys],
            [key.backend_start for key in keys],
        )
        return frozenset(map(rows.key, found))


def batches(victims: Sequence[Victim]) -> Iterator[Batch]:
    """How the victims are told to the server: those that have been idle for long first, in large statements.

    The order of the look is kept: it is the order of the server's own list, so each victim is found quickly behind
    the ones that are gone. A session that was used a moment ago may well be used again in a moment, so each of these
    gets a list of its own, last, when the list has become short; and so does each that may be busy. So does each that
    is idle inside a transaction, for however long: what it loses if it is used meanwhile is more than a session.
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
