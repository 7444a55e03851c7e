"""What is read back from the audit, and what it can be asked for."""

from dataclasses import dataclass
from datetime import datetime

from vacate.domain.access.identity import CredentialKind, Role
from vacate.domain.audit.event import AuditAction
from vacate.domain.sweeps.report import Outcome
from vacate.domain.topology.components import ComponentId, InstanceId, ProjectId, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSession:
    """One session of an event: its identity, and what became of it.

    `statement` and `fingerprint` are what it ran last, as far as the configuration has them kept.
    """

    session_id: int
    pid: int
    backend_start: datetime | None
    state_change: datetime | None
    user: str | None
    database: str | None
    application: str | None
    client_address: str | None
    outcome: Outcome
    by: str
    reason: str
    statement: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvent:
    """One event as it was kept.

    `id` grows with time. `role` is what the actor was in the target's project then, `None` for nothing. `named` are
    the ids that the call named. `digest` is the event's link of the chain, 64 hexadecimal digits.
    """

    id: int
    digest: str
    at: datetime
    action: AuditAction
    request_id: str
    user_id: str
    user_name: str
    role: Role | None
    credential_kind: CredentialKind
    credential: str
    source_address: str
    target: Target
    sessions: tuple[RecordedSession, ...]
    named: tuple[int, ...]
    error: str | None
    plan_id: str | None
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    """What an event must be to be found: everything that is given must hold.

    The first group is about an event's sessions, and one session must meet all of it; `backend_start` goes with
    `session_id`. `operator` is the user name of whoever acted. Times are aware; `until` itself is not included.
    `limit` is how many events at most, and only those with an id below `before_id` are found.
    """

    pid: int | None = None
    session_id: int | None = None
    backend_start: datetime | None = None
    user: str | None = None
    database: str | None = None
    client: str | None = None

    project_id: ProjectId | None = None
    instance_id: InstanceId | None = None
    component_id: ComponentId | None = None
    operator: str | None = None
    plan_id: str | None = None
    request_id: str | None = None
    action: AuditAction | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100
    before_id: int | None = None

    @property
    def of_sessions(self) -> bool:
        """Whether anything is asked of an event's sessions."""
        asked = (self.pid, self.session_id, self.backend_start, self.user, self.database, self.client)
        return any(each is not None for each in asked)

    def meets(self, session: RecordedSession) -> bool:
        """Whether a session is one that is asked for."""
        return all(
            wanted is None or wanted == found
            for wanted, found in (
                (self.pid, session.pid),
                (self.session_id, session.session_id),
                (self.backend_start, session.backend_start),
                (self.user, session.user),
                (self.database, session.database),
                (self.client, session.client_address),
            )
        )
