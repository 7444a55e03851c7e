"""Remove the oldest events of the audit, as long as they are to be kept, and leave the chain provable."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from vacate.domain.access.identity import Actor, the_service
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.topology.components import ComponentId, InstanceId, NodeId, ProjectId, Target
from vacate.operations.ports import Clock

NOWHERE = Target(project_id=ProjectId(""), instance_id=InstanceId(""), node_id=NodeId(""), component_id=ComponentId(""))


class PrunableAudit(Protocol):
    """The record, where old events can be removed."""

    async def prune(self, before: datetime, event: AuditEvent) -> int:
        """Remove what was written before a moment, with an event that says so; how many events.

        Raises:
            AuditUnavailableError: nothing was removed.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneAudit:
    """The operation over the record; call it with an age, or with a moment."""

    audit: PrunableAudit
    clock: Clock

    async def older_than(self, age: timedelta, actor: Actor | None = None) -> int:
        """Remove events that are older; how many. Without an actor it is the service that does it."""
        return await self.before(self.clock() - age, actor)

    async def before(self, moment: datetime, actor: Actor | None = None) -> int:
        """Remove events that were written before a moment; how many.

        Raises:
            AuditUnavailableError: nothing was removed.
        """
        event = AuditEvent(
            at=self.clock(),
            action=AuditAction.AUDIT_PRUNED,
            actor=actor or the_service(uuid.uuid4().hex),
            target=NOWHERE,
        )
        return await self.audit.prune(moment, event)
