"""Admission to a project: a credential of another one is turned away, and that is written down."""

from dataclasses import dataclass

from vacate.domain.audit import AuditAction, AuditEvent
from vacate.domain.errors import ProjectMismatchError
from vacate.domain.identity import Actor, Permission
from vacate.domain.topology import ComponentId, InstanceId, NodeId, ProjectId, Target
from vacate.operations.journal import Journal
from vacate.operations.ports import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Admit:
    """The operation with everything it needs; call it with an actor and a project."""

    journal: Journal
    clock: Clock

    async def __call__(self, actor: Actor, project_id: ProjectId) -> None:
        """Let the actor into the project, or leave an audit event and refuse.

        Raises:
            ProjectMismatchError: the credential has nothing to do with the project.
        """
        try:
            actor.require(Permission.VIEW, project_id)
        except ProjectMismatchError as error:
            nothing_named = Target(
                project_id=project_id,
                instance_id=InstanceId(""),
                node_id=NodeId(""),
                component_id=ComponentId(""),
            )
            await self.journal.conclude(
                AuditEvent(
                    at=self.clock(),
                    action=AuditAction.PROJECT_REFUSED,
                    actor=actor,
                    target=nothing_named,
                    error=f"{type(error).__name__}: {error}",
                )
            )
            raise
