"""Pins that leave their event in the audit."""

import uuid
from dataclasses import dataclass

from vacate.domain.access.identity import the_service
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.topology.components import Component
from vacate.operations.audit.journal import Journal
from vacate.operations.plans.make_plan import target_at
from vacate.operations.ports import Clock, Pins


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedPins(Pins):
    """Implements `operations.ports.Pins` over others, and writes down each new pin."""

    kept: Pins
    journal: Journal
    clock: Clock

    async def pinned(self, component: Component) -> str | None:
        """The system identifier that the component is pinned to, or `None`.

        Raises:
            StoreUnavailableError: the store cannot be read.
        """
        return await self.kept.pinned(component)

    async def pin(self, component: Component, system_identifier: str) -> str:
        """Pin the component unless it is pinned already; the system identifier that is kept.

        Raises:
            StoreUnavailableError: the store cannot be written.
        """
        kept = await self.kept.pin(component, system_identifier)
        if kept == system_identifier:
            await self.journal.conclude(
                AuditEvent(
                    at=self.clock(),
                    action=AuditAction.COMPONENT_PINNED,
                    actor=the_service(uuid.uuid4().hex),
                    target=target_at(component),
                    note=f"its server has the system identifier {kept}",
                )
            )
        return kept
