"""One sweep on one component: which verb it was for, and what became of every session."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vacate.domain.judging.criteria import Criterion
from vacate.domain.sessions.session import Session
from vacate.domain.topology.components import Component


class Verb(StrEnum):
    """What a sweep is for, as audit, metrics and log lines print it."""

    KILL_IDLE = "kill_idle"
    """End whoever is idle; the sweep chooses."""
    KILL_NAMED = "kill_named"
    """End the sessions that the caller named, whatever they do."""
    KILL_TRANSACTION = "kill_transaction"
    """End those of the named sessions that are in a transaction."""
    KILL_PLANNED = "kill_planned"
    """End those of a plan's victims that are still what they were when it was made."""


class Signal(StrEnum):
    """What the terminating statement answered for one victim, after its own second read."""

    SIGNALLED = "signalled"
    GONE = "gone"
    WOKE = "woke"
    FORBIDDEN = "forbidden"
    PROTECTED = "protected"


class Outcome(StrEnum):
    """What became of a session. Each is reported only when it was seen."""

    TERMINATED = "terminated"
    """Signalled, and afterwards seen to be gone."""
    GONE = "gone"
    """Ended by itself, or while nobody could see who ended it."""
    WOKE = "woke"
    """Not idle any more, idle anew, or out of its transaction at the second read; not signalled."""
    SPARED = "spared"
    """A criterion or a guard objected; never a victim."""
    REFUSED = "refused"
    """The server does not let Vacate's role signal it."""
    UNCONFIRMED = "unconfirmed"
    """Signalled or perhaps signalled, and not seen to be gone in time."""
    NOT_REACHED = "not_reached"
    """A victim whose turn never came; not signalled."""


INTENDED = "to be ended; the finished event says what became of it"
"""The reason of a victim before the first signal, when nothing else is known of it."""
FAILURES = frozenset({Outcome.REFUSED, Outcome.UNCONFIRMED, Outcome.NOT_REACHED})
"""What no sweep may leave behind if it is to have succeeded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOutcome:
    """One session of the look with its outcome, who decided (a guard, a criterion or a signal) and why."""

    session: Session
    outcome: Outcome
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The truth about one sweep: every session of the look that it is about is in it exactly once.

    `absent` are the ids that the caller named and the look did not find, each once and in the caller's order.
    """

    verb: Verb
    request_id: str
    component: Component
    started_at: datetime
    finished_at: datetime
    sessions: tuple[SessionOutcome, ...]
    absent: tuple[int, ...] = ()

    @property
    def counts(self) -> Mapping[Outcome, int]:
        """How many sessions had each outcome; outcomes that did not occur are left out."""
        return Counter(entry.outcome for entry in self.sessions)

    @property
    def terminated(self) -> tuple[int, ...]:
        """The ids of the sessions that were signalled and seen to be gone, in the order of the look."""
        return tuple(entry.session.session_id for entry in self.sessions if entry.outcome is Outcome.TERMINATED)

    @property
    def succeeded(self) -> bool:
        """Whether all is as the caller wanted it.

        A sweep for idle sessions, or for a plan's: every victim was seen to be gone or proved not to be idle any more.
        Named sessions: none of them is there any more. Named transactions: none of them is open any more.
        """
        return not any(_failed(self.verb, entry) for entry in self.sessions)


def _failed(verb: Verb, entry: SessionOutcome) -> bool:
    """Whether a session is still what the verb was to put an end to. To spare a named session is not to end it."""
    match verb:
        case Verb.KILL_IDLE | Verb.KILL_PLANNED:
            return entry.outcome in FAILURES
        case Verb.KILL_NAMED:
            return entry.outcome not in {Outcome.TERMINATED, Outcome.GONE}
        case Verb.KILL_TRANSACTION:
            over = entry.outcome in {Outcome.TERMINATED, Outcome.GONE, Outcome.WOKE}
            return not over and entry.by != Criterion.NO_TRANSACTION
