"""A census: how many sessions a component has, in sums that stay few, and how long they have waited.

The sums are for dashboards. So they carry only what has an end: states, databases and users, of which a component has
so many and no more. Applications are named by whoever logs in, and there is no end to them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from vacate.domain.judging.criteria import WAITING_STATES
from vacate.domain.sessions.session import CLIENT_BACKEND, Session
from vacate.domain.sessions.slots import Slots
from vacate.domain.topology.components import Component

OTHER = "other"
"""The database and the user of sessions whose own are not among the most frequent."""
UNKNOWN = "unknown"
"""A state, database or user that the server did not tell."""
MOST_PAIRS = 50
"""How many pairs of database and user are counted by name on one component."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCount:
    """How many of a component's sessions are in one state, one database and of one user."""

    state: str
    database: str
    user: str
    sessions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """A component's client sessions at one moment, Vacate's own among them: each takes a slot.

    `counts` has no two entries of the same state, database and user. `longest` is how long somebody has waited in each
    of the states that wait for their client; zero where nobody does. `taken_at` is the service's time, in UTC.
    """

    component: Component
    taken_at: datetime
    counts: tuple[SessionCount, ...]
    longest: Mapping[str, timedelta]
    slots: Slots


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncounted:
    """A component that could not be read, and why."""

    component: Component
    reason: str


def count(
    component: Component, sessions: Iterable[Session], slots: Slots, *, at: datetime, most: int = MOST_PAIRS
) -> Census:
    """Sum up what one look brought.

    The `most` pairs of database and user that have the most sessions are counted by name, in every state they are in;
    equals in the order of their names. The sessions of all others are summed up, state by state, under `other`. So
    there are at most `most + 1` counts for each state that servers know.
    """
    clients = [session for session in sessions if session.backend_type == CLIENT_BACKEND]
    pairs = Counter(_pair(session) for session in clients)
    named = frozenset(sorted(pairs, key=lambda pair: (-pairs[pair], pair))[:most])
    counted = Counter(
        (session.state or UNKNOWN, *(pair if (pair := _pair(session)) in named else (OTHER, OTHER)))
        for session in clients
    )
    return Census(
        component=component,
        taken_at=at,
        counts=tuple(
            SessionCount(state=state, database=database, user=user, sessions=counted[state, database, user])
            for state, database, user in sorted(counted)
        ),
        longest={state: _longest(clients, state) for state in WAITING_STATES},
        slots=slots,
    )


def _pair(session: Session) -> tuple[str, str]:
    return session.database or UNKNOWN, session.user or UNKNOWN


def _longest(sessions: Iterable[Session], state: str) -> timedelta:
    waits = (session.in_state_for for session in sessions if session.state == state)
    return max((wait for wait in waits if wait is not None), default=timedelta(0))
