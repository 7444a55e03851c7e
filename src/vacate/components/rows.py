"""What the rows of every dialect become. The statements name their columns alike, so they are read in one place."""

import asyncio
from collections.abc import Callable, Container, Iterable
from functools import lru_cache
from typing import Any, TypeVar

from vacate.components.decoding import Decoder, Text, plain
from vacate.components.drivers import Row
from vacate.domain.sessions.activity import Activity
from vacate.domain.sessions.session import OWN_APPLICATION, Demand, Session, SessionKey, TextFact, Victim
from vacate.domain.sweeps.report import Signal
from vacate.operations.ports import Signalled

Read = TypeVar("Read")
Made = TypeVar("Made")

_Decode = Callable[[Decoder, bytes, int | None], Text]
_Read = Callable[[bytes], str | None]
# Few names recur in thousands of rows; statements may be long, and are not kept.
_short: _Read = lru_cache(maxsize=2048)(plain)
_TEXTS: tuple[tuple[TextFact, _Read, _Decode], ...] = (
    ("user", _short, Decoder.name),
    ("database", _short, Decoder.name),
    ("application", _short, Decoder.text),
    ("query", plain, Decoder.statement),
)
# The texts among an activity's facts; before the first of them is who it is, and since when.
_PLACES: tuple[tuple[int, _Read, _Decode], ...] = (
    *((Activity._fields.index(fact), read, decode) for fact, read, decode in _TEXTS),
    (Activity._fields.index("wait_event_type"), _short, Decoder.text),
    (Activity._fields.index("wait_event"), _short, Decoder.text),
)
# So many are read in a few milliseconds.
_AT_ONCE = 100
_NONE: frozenset[TextFact] = frozenset()
_ALWAYS_TOLD = ("session_id", "pid", "own")
_KNOWN = Activity._fields.index("user")


async def read_each(found: Iterable[Read], read: Callable[[Read], Made]) -> tuple[Made, ...]:
    """Read rows one by one, and let others have their turn in between."""
    made: list[Made] = []
    for number, row in enumerate(found, start=1):
        made.append(read(row))
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
    return tuple(made)


def session(row: Row, decoder: Decoder, *, without: Container[str] = ()) -> Session:
    """Makes a session of a row of look.sql, whose columns are its facts but for those about the list itself.

    A session of our own role that has our name is ours as well: another service's, or another component's connection.
    A row that cannot be read is a session of which nothing but the ids is known.
    """
    facts = {name: value for name, value in row.items() if name not in without}
    encoding, of_own_user = facts.pop("encoding"), facts.pop("of_own_user")
    try:
        undecodable = _decode(facts, encoding, decoder)
    except (AttributeError, TypeError, ValueError):
        nothing: dict[str, Any] = dict.fromkeys(facts)
        return Session(**nothing | {name: row[name] for name in _ALWAYS_TOLD}, undecodable=frozenset())
    facts["own"] = facts["own"] or (of_own_user and facts["application"] == OWN_APPLICATION)
    return Session(**facts, undecodable=undecodable)


def _decode(facts: dict[str, Any], encoding: int | None, decoder: Decoder) -> frozenset[TextFact]:
    """Put texts in the place of their bytes, and name those that could not be decoded."""
    kind = facts["backend_type"]
    if kind is not None:
        facts["backend_type"] = _short(kind) or decoder.text(kind, encoding).shown
    undecodable: list[TextFact] = []
    for fact, read, decode in _TEXTS:
        raw = facts[fact]
        if raw is None:
            continue
        facts[fact] = shown = read(raw)
        if shown is None:
            facts[fact], known = decode(decoder, raw, encoding)
            if not known:
                undecodable.append(fact)
    return frozenset(undecodable) if undecodable else _NONE


def activity(row: Iterable[Any], decoder: Decoder) -> Activity:
    """The columns of activity.sql are an activity's facts, in the same order, and then the encoding of its database."""
    *facts, encoding = row
    try:
        for place, read, decode in _PLACES:
            raw = facts[place]
            if raw is not None:
                shown = read(raw)
                facts[place] = decode(decoder, raw, encoding).shown if shown is None else shown
    except (AttributeError, TypeError, ValueError):
        # What it does cannot be read; that it is there can.
        facts[_KNOWN:] = [None] * (len(facts) - _KNOWN)
    made = Activity._make(facts)
    return made if made.blocked_by is None else made._replace(blocked_by=tuple(made.blocked_by))


def key(row: Row) -> SessionKey:
    """Who a row is about."""
    return SessionKey(session_id=row["session_id"], backend_start=row["backend_start"])


def refused(victim: Victim) -> Signalled:
    """The answer for a victim that the server does not let our role touch."""
    return Signalled(key=victim.key, signal=Signal.FORBIDDEN, reason=_REASONS[Signal.FORBIDDEN])


def signalled(row: Row, demand: Demand) -> Signalled:
    """The answer to one victim's second read."""
    signal = Signal(row["signal"])
    reason = _WOKE[demand] if signal is Signal.WOKE else _REASONS[signal]
    return Signalled(key=key(row), signal=signal, reason=reason.format(state=row["state"] or "not shown"))


_WOKE = {
    Demand.SAME_IDLE_PERIOD: "it was used since the look (state now: {state})",
    Demand.SAME_IDLE_TRANSACTION: "it was used since the look, or its transaction ended (state now: {state})",
    Demand.SAME_TRANSACTION: "its transaction ended since the look (state now: {state})",
}
_REASONS = {
    Signal.SIGNALLED: "signalled",
    Signal.GONE: "it was gone before its turn",
    Signal.FORBIDDEN: "the server does not let Vacate's role end it",
    Signal.PROTECTED: "it is protected at the second read",
}
