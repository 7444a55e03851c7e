"""The link to a server of the Gauss family: the right session, by the right function.

What a role may not see is not hidden here but left out, so every list is proved to be whole: it holds our own session,
and says that our role is shown all.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import replace

from vacate.components import rows
from vacate.components.capabilities import Capabilities, ServerChangedError
from vacate.components.decoding import Decoder
from vacate.components.drivers import Row
from vacate.components.statements import statement
from vacate.components.wire import StatementRefusedError, Statements
from vacate.domain.errors import ComponentUnreachableError
from vacate.domain.judging.settings import GuardName
from vacate.domain.sessions.activity import Activity
from vacate.domain.sessions.session import IDLE, Session, SessionKey, Victim
from vacate.domain.sweeps.report import Signal
from vacate.operations.ports import Signalled, TerminateBrokenError

_INSUFFICIENT_PRIVILEGE = "42501"
# How many victims travel together, each with a statement of its own. The first few show soon whether all is well.
_FIRST_CHUNK = 8
_CHUNK = 32
# Behind an activity's facts and its encoding come the columns that prove the list to be whole.
_TOLD = len(Activity._fields) + 1
_OUT_OF_REACH = (
    "the server does not let Vacate's role end it: gs_role_signal_backend does not reach sessions of the initial user "
    "and of users made with PERSISTENCE"
)
# What is idle with a worker may be at work already, and cannot be told from what is about to be.
_HAS_A_WORKER = (
    "it was used since the look, or keeps its worker of the thread pool although it is idle, as the holder of an "
    "advisory lock does; end it by name"
)
# Which of several answers about one victim is told: the lightest.
_WEIGHT = {Signal.SIGNALLED.value: 0, Signal.GONE.value: 2}
_GONE_BY_NOW = "it was gone at a second attempt; a first one, whose answer was lost, may have ended it"


class GaussLink:
    """Asks a server that was checked what `components.dialects.ServerLink` asks."""

    def __init__(
        self, statements: Statements, make_ready: Callable[[], Awaitable[None]], capabilities: Capabilities
    ) -> None:
        self._wire = statements
        self._make_ready = make_ready
        self._offered = capabilities.offered

    @property
    def _decoder(self) -> Decoder:
        """Asked for anew each time: a link that was opened again may have led into another database."""
        return self._wire.decoder

    async def look(self) -> tuple[Session, ...]:
        """Read every session once."""
        found = _whole(await self._wire.fetch(self._statement("look")))
        # Taken once: while others have their turn the link may be lost.
        decoder = self._decoder
        return await rows.read_each(found, lambda row: rows.session(row, decoder, without={"sees_all"}))

    async def activity(self) -> tuple[Activity, ...]:
        """Read every client's session with what it does."""
        found = _whole(await self._wire.fetch(self._statement("activity")))
        # One row a session, also where the server tells of several threads of it.
        by_session = {(row["session_id"], row["backend_start"]): row for row in reversed(found) if not row["own"]}
        # Taken once: while others have their turn the link may be lost.
        decoder = self._decoder
        return await rows.read_each(
            reversed(by_session.values()), lambda row: rows.activity(tuple(row.values())[:_TOLD], decoder)
        )

    async def databases(self) -> tuple[str, ...]:
        """The databases that clients may use, sorted."""
        found = await self._wire.fetch(self._statement("databases"))
        return tuple(self._decoder.name(row["name"]).shown for row in found)

    async def terminate(
        self, victims: Sequence[Victim], off: frozenset[GuardName]
    ) -> AsyncIterator[Sequence[Signalled]]:
        """Signal the victims that are still what they were, each by a statement of its own."""
        sql = self._statement("terminate")
        for chunk in chunks(victims):
            try:
                answers = await self._signal(sql, chunk, off)
            except ComponentUnreachableError as error:
                raise TerminateBrokenError(str(error), [victim.key for victim in chunk]) from error
            yield answers

    async def still_present(self, keys: Sequence[SessionKey]) -> frozenset[SessionKey]:
        """Which of these sessions the server still lists; the link is opened again if it broke."""
        if not self._wire.open:
            await self._make_ready()
        listed = _whole(await self._wire.fetch(self._statement("still_present"), _array(keys)))
        begun = {(row["session_id"], row["backend_start"]) for row in listed}
        return frozenset(
            key for key in keys if (key.session_id, key.backend_start) in begun or (key.session_id, None) in begun
        )

    async def _signal(self, sql: str, victims: Sequence[Victim], off: frozenset[GuardName]) -> Sequence[Signalled]:
        each = [_arguments(victim, off) for victim in victims]
        try:
            answers = await self._wire.fetch_each(sql, each)
        except StatementRefusedError as error:
            if error.sqlstate != _INSUFFICIENT_PRIVILEGE:
                raise
            return [await self._signal_alone(sql, victim, off) for victim in victims]
        return [_the_answer(answers, victim) for victim in victims]

    async def _signal_alone(self, sql: str, victim: Victim, off: frozenset[GuardName]) -> Signalled:
        """One of a chunk in which somebody is not to be touched by our role.

        Those ahead of that one were signalled already, though their answers are lost.
        """
        try:
            answers = await self._wire.fetch(sql, *_arguments(victim, off))
        except StatementRefusedError as error:
            if error.sqlstate != _INSUFFICIENT_PRIVILEGE:
                raise
            return replace(rows.refused(victim), reason=_OUT_OF_REACH)
        signalled = _the_answer(answers, victim)
        return replace(signalled, reason=_GONE_BY_NOW) if signalled.signal is Signal.GONE else signalled

    def _statement(self, name: str) -> str:
        return statement("gauss", name, offered=self._offered)


def chunks(victims: Sequence[Victim]) -> Iterator[Sequence[Victim]]:
    """The victims in the order of the look, a few first and then more at once."""
    yield from filter(None, [victims[:_FIRST_CHUNK]])
    for start in range(_FIRST_CHUNK, len(victims), _CHUNK):
        yield victims[start : start + _CHUNK]


def _array(keys: Sequence[SessionKey]) -> str:
    """The ids as the server writes an array."""
    return f"{{{','.join(str(key.session_id) for key in keys)}}}"


def _arguments(victim: Victim, off: frozenset[GuardName]) -> Sequence[object]:
    return (
        victim.key.session_id,
        victim.key.backend_start,
        victim.since,
        GuardName.NO_CLIENT_ADDRESS in off,
        GuardName.NOT_A_CLIENT in off,
        victim.demand,
        victim.pid == victim.key.session_id,
    )


def _the_answer(answers: Sequence[Row], victim: Victim) -> Signalled:
    """The one answer for a victim, however many rows the server lists it in.

    A signal that was sent is reported. A row of somebody else under the same id says that the victim is gone, which
    counts for nothing as long as another row still is the victim's.

    Raises:
        ComponentUnreachableError: the server answered nothing about it.
    """
    own = [row for row in answers if rows.key(row) == victim.key]
    if not own:
        raise ComponentUnreachableError(f"the server gave no answer for session {victim.key.session_id}")
    row = min(own, key=lambda row: _WEIGHT.get(row["signal"], 1))
    answer = rows.signalled(row, victim.demand)
    has_worker = answer.signal is Signal.WOKE and row["state"] == IDLE and victim.pid not in {0, victim.key.session_id}
    return replace(answer, reason=_HAS_A_WORKER) if has_worker else answer


def _whole(found: Sequence[Row]) -> Sequence[Row]:
    """The rows of a list that leaves nobody out.

    Raises:
        ServerChangedError: it may leave somebody out.
    """
    if not all(row["sees_all"] for row in found) or not any(row["own"] for row in found):
        raise ServerChangedError(
            "the server does not show all sessions to Vacate's role now; if its rights were taken away, the next "
            "check names what to run, otherwise set track_activities to on for the role"
        )
    return found
