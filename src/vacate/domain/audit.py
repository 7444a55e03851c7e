"""The audit event: who did what to which session, written before and after."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vacate.domain.identity import Actor
from vacate.domain.sweeps import SessionOutcome
from vacate.domain.topology import Target


class AuditAction(StrEnum):
    """Subject, verb and stage of an event."""

    KILL_IDLE_INTENDED = "session:kill_idle:intended"
    """Written before the first signal; names every victim."""
    KILL_IDLE_FINISHED = "session:kill_idle:finished"
    """Written after the last look; names every session with its outcome."""
    KILL_IDLE_REFUSED = "session:kill_idle:refused"
    """The call ended before any signal; says why."""
    PROJECT_REFUSED = "project:enter:refused"
    """A credential was used for a project that it does not belong to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One entry. Events of one call share the actor's request id.

    What a call did not name yet is empty in `target`. In an intended event the outcome of every session is
    `not_reached`: that is all that is known of them then.
    """

    at: datetime
    action: AuditAction
    actor: Actor
    target: Target
    sessions: tuple[SessionOutcome, ...] = ()
    error: str | None = None
