"""The audit event: who did what to which session, written before and after."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vacate.domain.access.identity import Actor
from vacate.domain.sweeps.report import SessionOutcome
from vacate.domain.topology.components import Target


class AuditAction(StrEnum):
    """Subject, verb and stage of an event."""

    KILL_IDLE_INTENDED = "session:kill_idle:intended"
    """Written before the first signal; names every victim."""
    KILL_IDLE_FINISHED = "session:kill_idle:finished"
    """Written after the last look; names every session with its outcome."""
    KILL_IDLE_REFUSED = "session:kill_idle:refused"
    """The call ended before any signal; says why."""
    KILL_NAMED_INTENDED = "session:kill_named:intended"
    KILL_NAMED_FINISHED = "session:kill_named:finished"
    KILL_NAMED_REFUSED = "session:kill_named:refused"
    """As for idle sessions, of the sessions that the caller named."""
    KILL_TRANSACTION_INTENDED = "session:kill_transaction:intended"
    KILL_TRANSACTION_FINISHED = "session:kill_transaction:finished"
    KILL_TRANSACTION_REFUSED = "session:kill_transaction:refused"
    """As for idle sessions, of the named sessions that are in a transaction."""
    KILL_PLANNED_INTENDED = "session:kill_planned:intended"
    KILL_PLANNED_FINISHED = "session:kill_planned:finished"
    KILL_PLANNED_REFUSED = "session:kill_planned:refused"
    """As for idle sessions, of the victims of a plan."""
    PLAN_MADE = "plan:make:finished"
    """One component of a new plan; names its victims."""
    PLAN_APPLY_STARTED = "plan:apply:started"
    PLAN_APPLY_FINISHED = "plan:apply:finished"
    PLAN_APPLY_REFUSED = "plan:apply:refused"
    """A plan was to be applied and was not; says why."""
    PLAN_APPLY_STOPPED = "plan:apply:stopped"
    """Somebody stopped it between two statements."""
    PLAN_APPLY_INTERRUPTED = "plan:apply:interrupted"
    """Whoever applied it went away in the middle."""
    FREEZE_ON = "freeze:turn_on:finished"
    FREEZE_OFF = "freeze:turn_off:finished"
    AUDIT_PRUNED = "audit:prune:finished"
    """The oldest events were removed; the note vouches for what came before."""
    AUDIT_KEYED = "audit:key:started"
    """From here on digests are made with a key; the note vouches for the last event without one."""
    AUDIT_ACKNOWLEDGED = "audit:acknowledge:finished"
    """Somebody has accepted that the chain has lost events; the note says which and why."""
    USER_ADDED = "user:add:finished"
    USER_GRANTED = "user:grant:finished"
    USER_REVOKED = "user:revoke:finished"
    USER_PASSWORD_SET = "user:set_password:finished"  # noqa: S105 - an action's name.
    USER_DISABLED = "user:disable:finished"
    USER_ENABLED = "user:enable:finished"
    ACCESS_KEY_CREATED = "access_key:create:finished"
    ACCESS_KEY_DISABLED = "access_key:disable:finished"
    """An account was changed; the note says which, and never a secret."""
    COMPONENT_PINNED = "component:pin:finished"
    """A component's server was seen for the first time; from now on no other server is taken for it."""
    COMPONENT_UNPINNED = "component:unpin:finished"
    """The next server seen is taken for the component."""
    WEBHOOK_RETRIED = "webhook:retry:finished"
    """Deliveries that were given up, or that wait, are due again."""
    STORE_MIGRATED = "store:migrate:finished"
    """The store was brought up to a newer Vacate; the note says through which steps."""
    CONFIGURATION_LOADED = "configuration:load:finished"
    """A service was started; the note tells this configuration from others, and nothing that is in it."""
    PROJECT_REFUSED = "project:enter:refused"
    """A credential was used for a project that it does not belong to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One entry. Events of one call share the actor's request id.

    What a call did not name yet is empty in `target`. In an intended event the outcome of every session is
    `not_reached`: that is all that is known of them then. `named` are the ids that the caller asked for, each once;
    in a finished event, those without an entry in `sessions` were not there. `plan_id` is the plan that it was done
    for. `note` is what else is to be known, in words.
    """

    at: datetime
    action: AuditAction
    actor: Actor
    target: Target
    sessions: tuple[SessionOutcome, ...] = ()
    named: tuple[int, ...] = ()
    error: str | None = None
    plan_id: str | None = None
    note: str | None = None
