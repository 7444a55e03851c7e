"""Search the audit of a project: who did what to which session, and why."""

from dataclasses import dataclass, replace

from vacate.domain.access.identity import Actor, Permission
from vacate.domain.audit.record import AuditQuery, RecordedEvent
from vacate.domain.topology.components import ProjectId
from vacate.operations.ports import AuditSearch


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchAudit:
    """The operation over the record; call it with an actor, a project and a query."""

    audit: AuditSearch

    async def __call__(self, actor: Actor, project_id: ProjectId, query: AuditQuery) -> tuple[RecordedEvent, ...]:
        """The project's events that a query asks for, the newest first.

        Where something is asked of sessions, only those sessions are in the events. Who may not read statements gets
        none.

        Raises:
            ProjectMismatchError, PermissionDeniedError: the actor may not do this.
            StoreUnavailableError: the record cannot be read.
        """
        actor.require(Permission.VIEW, project_id)
        found = await self.audit.find(replace(query, project_id=project_id))
        statements = actor.may(Permission.READ_STATEMENTS, project_id)
        return tuple(_narrowed(event, query, statements=statements) for event in found)


def _narrowed(event: RecordedEvent, query: AuditQuery, *, statements: bool) -> RecordedEvent:
    sessions = tuple(session for session in event.sessions if not query.of_sessions or query.meets(session))
    if not statements:
        sessions = tuple(replace(session, statement=None) for session in sessions)
    return replace(event, sessions=sessions)
