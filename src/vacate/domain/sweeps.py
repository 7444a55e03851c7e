"""One sweep on one component: what became of every session."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vacate.domain.sessions import Session
from vacate.domain.topology import Component


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
    """Not idle any more, or idle anew, at the second read; not signalled."""
    SPARED = "spared"
    """A criterion or a guard objected; never a victim."""
    REFUSED = "refused"
    """The server does not let Vacate's role signal it."""
    UNCONFIRMED = "unconfirmed"
    """Signalled or perhaps signalled, and not seen to be gone in time."""
    NOT_REACHED = "not_reached"
    """A victim whose turn never came; not signalled."""


FAILURES = frozenset({Outcome.REFUSED, Outcome.UNCONFIRMED, Outcome.NOT_REACHED})


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOutcome:
    """One session of the look with its outcome, who decided (a guard, a criterion or a signal) and why."""

    session: Session
    outcome: Outcome
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The truth about one sweep: every session of the look is in it exactly once."""

    request_id: str
    component: Component
    started_at: datetime
    finished_at: datetime
    sessions: tuple[SessionOutcome, ...]

    @property
    def counts(self) -> Mapping[Outcome, int]:
        """How many sessions had each outcome; outcomes that did not occur are left out."""
        return Counter(entry.outcome for entry in self.sessions)

    @property
    def succeeded(self) -> bool:
        """Whether every victim was seen to be gone or proved not to be idle any more."""
        return not any(entry.outcome in FAILURES for entry in self.sessions)
