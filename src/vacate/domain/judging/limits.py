"""The limits: how many of the sessions that could be ended stay all the same.

They come last, over sessions that no criterion and no guard spares: the candidates. These stand in line, group by
group: whoever has been in their state for the longest time first, and among those of the same time whoever began
first, then the lower session id. Each limit leaves a first part of the line to be ended and keeps the rest, so no two
limits disagree, and no limit ends anybody.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import TypeAlias

from vacate.domain.judging.criterion import Criterion
from vacate.domain.sessions.session import CLIENT_BACKEND, Session
from vacate.domain.topology.addresses import parse

LIMITS = (
    Criterion.GROUP_UNKNOWN,
    Criterion.KEPT_YOUNGEST,
    Criterion.OVER_THE_COUNT,
    Criterion.OVER_THE_SHARE,
    Criterion.SURVIVOR,
)
"""Every limit in the order in which they are asked."""


class Grouping(StrEnum):
    """What the sessions of a group have in common."""

    APPLICATION = "application"
    USER = "user"
    CLIENT = "client"
    """The client's address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of each group may be ended.

    The sessions of a group are equal in everything that `group_by` names; without it the whole component is one group.
    `keep_youngest` candidates of a group stay, those who are in their state for the shortest time. At most `at_most`
    of a group are ended, and at most `at_most_percent` of its client sessions, rounded down. At least `survivors` of
    its client sessions stay, busy ones counted. Vacate's own sessions are never counted.
    """

    group_by: tuple[Grouping, ...] = ()
    keep_youngest: int = 0
    at_most: int | None = None
    at_most_percent: int | None = None
    survivors: int = 0

    @property
    def any(self) -> bool:
        """Whether there is a limit at all."""
        capped = self.at_most is not None or self.at_most_percent is not None
        return capped or self.keep_youngest > 0 or self.survivors > 0


_Group: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitAnswer:
    """What one limit says of one candidate. Without a limit `asked` is false; `objection` is empty when it may go."""

    by: Criterion
    asked: bool
    objection: str = ""


def answers(
    limits: Limits, sessions: Sequence[Session], candidates: Collection[int]
) -> Mapping[int, tuple[LimitAnswer, ...]]:
    """What every limit says of each candidate; candidates are places in `sessions`, which are all of one look."""
    key_of = partial(_group, limits.group_by)
    clients = Counter(key for session in sessions if _counts(session) and (key := key_of(session)) is not None)
    lines: dict[_Group | None, list[int]] = {}
    for place in candidates:
        lines.setdefault(key_of(sessions[place]), []).append(place)
    found: dict[int, tuple[LimitAnswer, ...]] = {}
    for key, line in lines.items():
        line.sort(key=lambda place: _turn(sessions[place]))
        rules = _rules(limits, key, clients[key] if key is not None else 0, len(line))
        for turn, place in enumerate(line):
            found[place] = tuple(
                LimitAnswer(by=by, asked=ends is not None, objection=words if ends is not None and turn >= ends else "")
                for by, ends, words in rules
            )
    return found


def _rules(
    limits: Limits, key: _Group | None, clients: int, line: int
) -> tuple[tuple[Criterion, int | None, str], ...]:
    """Each limit with how many from the start of a group's line it leaves to be ended, and its words for the rest."""
    if key is None and not limits.any:
        return tuple((by, None, "") for by in LIMITS)
    if key is None:
        # Whoever is in no group that could be counted stays, and no other limit has anything to ask.
        unknown = f"kept: its {' or '.join(limits.group_by)} is not known, so neither is its group"
        return ((Criterion.GROUP_UNKNOWN, 0, unknown), *((other, None, "") for other in LIMITS[1:]))
    named = zip(limits.group_by, key, strict=True)
    of = " and ".join(f"{grouping} {value!r}" for grouping, value in named) or "the component"
    keep, percent, survivors = limits.keep_youngest, limits.at_most_percent, limits.survivors
    return (
        (Criterion.GROUP_UNKNOWN, line if limits.group_by and limits.any else None, ""),
        (
            Criterion.KEPT_YOUNGEST,
            line - keep if keep else None,
            f"kept: the youngest of {of}" if keep == 1 else f"kept: one of the {keep} youngest of {of}",
        ),
        (Criterion.OVER_THE_COUNT, limits.at_most, f"kept: at most {limits.at_most} of {of} are ended at once"),
        (
            Criterion.OVER_THE_SHARE,
            None if percent is None else clients * percent // 100,
            f"kept: at most {percent} % of the {clients} client sessions of {of} are ended at once",
        ),
        (
            Criterion.SURVIVOR,
            clients - survivors if survivors else None,
            f"kept: {survivors} of the {clients} client sessions of {of} stay",
        ),
    )


def _counts(session: Session) -> bool:
    return session.backend_type == CLIENT_BACKEND and not session.own


def _client(session: Session) -> str | None:
    """A client's address in one spelling; text that is no address is nobody's."""
    address = None if session.client_address is None else parse(session.client_address)
    return None if address is None else str(address)


_KEYS: Mapping[Grouping, Callable[[Session], str | None]] = {
    Grouping.APPLICATION: lambda session: session.decidable("application"),
    Grouping.USER: lambda session: session.decidable("user"),
    Grouping.CLIENT: _client,
}


def _group(by: tuple[Grouping, ...], session: Session) -> _Group | None:
    """What a session has of everything that groups are made by; `None` when some of it is not known."""
    key = [_KEYS[grouping](session) for grouping in by]
    known = tuple(value for value in key if value is not None)
    return known if len(known) == len(by) else None


_NO_TIME = timedelta(0)
_NO_START = datetime.max.replace(tzinfo=UTC)


def _turn(session: Session) -> tuple[timedelta, datetime, int]:
    """Where a candidate stands in line. Nobody whose times are unknown is a candidate; they would come last."""
    return (-(session.in_state_for or _NO_TIME), session.backend_start or _NO_START, session.session_id)
