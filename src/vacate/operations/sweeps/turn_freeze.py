"""Turn the freeze switch: of one instance, or of all by whoever runs commands on the service's machine."""

from dataclasses import dataclass
from typing import Protocol

from vacate.domain.access.identity import Actor, CredentialKind, Permission
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.errors import PermissionDeniedError, StoreUnavailableError
from vacate.domain.sweeps.freezing import Freeze
from vacate.domain.topology.components import ComponentId, InstanceId, NodeId, ProjectId, Target
from vacate.operations.audit.journal import Journal
from vacate.operations.ports import Clock, Freezes, Inventory


class FreezeSwitch(Freezes, Protocol):
    """The freeze switch, where it can be turned. Both raise StoreUnavailableError when the store does not answer."""

    async def freeze(self, freeze: Freeze) -> bool:
        """Turn it on. Whether it was off: a scope that is frozen already keeps what was said first."""
        ...

    async def thaw(self, instance_id: InstanceId | None) -> Freeze | None:
        """Turn it off, and return what stood there."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """What came of turning the switch.

    `stood` is the freeze that stands now, or that stood until now; `None` where there was none to turn off. `changed`
    is whether this call turned it. `written` is whether the audit has it; if not, it waits to be written.
    """

    stood: Freeze | None
    changed: bool
    written: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnFreeze:
    """The operation with everything it needs."""

    switch: FreezeSwitch
    inventory: Inventory
    journal: Journal
    clock: Clock

    async def standing(self, actor: Actor, project_id: ProjectId) -> tuple[Freeze, ...]:
        """What is frozen of the project: its instances, and all instances where that switch is on.

        Raises:
            ProjectMismatchError, PermissionDeniedError: the actor may not do this.
            StoreUnavailableError: the store cannot be read.
        """
        actor.require(Permission.VIEW, project_id)
        mine = {None, *(instance.id for instance in self.inventory.instances(project_id))}
        return tuple(freeze for freeze in await self.switch.standing() if freeze.instance_id in mine)

    async def on(self, actor: Actor, project_id: ProjectId, instance_id: InstanceId, reason: str) -> Turned:
        """Freeze an instance, then write that down.

        Whoever freezes in an emergency must not be kept from it by an audit that cannot be written. The event waits
        then; it is told, and nothing is ended as long as it does.

        Raises:
            ProjectMismatchError, PermissionDeniedError: the actor may not do this.
            InstanceUnknownError: there is no such instance.
            StoreUnavailableError: the switch cannot be turned.
        """
        actor.require(Permission.KILL, project_id)
        self.inventory.instance(project_id, instance_id)
        return await self._turned_on(actor, project_id, instance_id, reason)

    async def all_on(self, actor: Actor, reason: str) -> Turned:
        """Freeze all instances, then write that down, as with `on`.

        Raises:
            PermissionDeniedError: the actor is not at the service's own machine.
            StoreUnavailableError: the switch cannot be turned.
        """
        _require_command(actor)
        return await self._turned_on(actor, ProjectId(""), None, reason)

    async def off(self, actor: Actor, project_id: ProjectId, instance_id: InstanceId) -> Turned:
        """Write down that an instance is frozen no longer, then turn the switch.

        Sessions can be ended afterwards, so it stays frozen when that cannot be written.

        Raises:
            ProjectMismatchError, PermissionDeniedError: the actor may not do this.
            InstanceUnknownError: there is no such instance.
            AuditUnavailableError: the audit cannot be written, so it is frozen still.
            StoreUnavailableError: the switch cannot be turned.
        """
        actor.require(Permission.KILL, project_id)
        self.inventory.instance(project_id, instance_id)
        return await self._turned_off(actor, project_id, instance_id)

    async def all_off(self, actor: Actor) -> Turned:
        """Write down that not all instances are frozen any more, then turn that switch, as with `off`.

        Raises:
            PermissionDeniedError: the actor is not at the service's own machine.
            AuditUnavailableError: the audit cannot be written, so it is frozen still.
            StoreUnavailableError: the switch cannot be turned.
        """
        _require_command(actor)
        return await self._turned_off(actor, ProjectId(""), None)

    async def _turned_on(
        self, actor: Actor, project_id: ProjectId, instance_id: InstanceId | None, reason: str
    ) -> Turned:
        freeze = Freeze(instance_id=instance_id, by=actor.user_name, reason=reason, since=self.clock())
        while not await self.switch.freeze(freeze):
            if (stood := await self._stands(instance_id)) is not None:
                return Turned(stood=stood, changed=False)
            # Somebody turned it off between the two, and this caller wants it on.
        await self.journal.conclude(self._event(AuditAction.FREEZE_ON, actor, project_id, freeze))
        return Turned(stood=freeze, changed=True, written=self.journal.waiting == 0)

    async def _turned_off(self, actor: Actor, project_id: ProjectId, instance_id: InstanceId | None) -> Turned:
        freeze = await self._stands(instance_id)
        if freeze is None:
            return Turned(stood=None, changed=False)
        await self.journal.record(self._event(AuditAction.FREEZE_OFF, actor, project_id, freeze))
        try:
            await self.switch.thaw(instance_id)
        except StoreUnavailableError as error:
            failed = self._event(AuditAction.FREEZE_OFF, actor, project_id, freeze, error=error)
            await self.journal.conclude(failed)
            raise
        return Turned(stood=freeze, changed=True)

    async def _stands(self, instance_id: InstanceId | None) -> Freeze | None:
        return next((each for each in await self.switch.standing() if each.instance_id == instance_id), None)

    def _event(
        self,
        action: AuditAction,
        actor: Actor,
        project_id: ProjectId,
        freeze: Freeze,
        *,
        error: Exception | None = None,
    ) -> AuditEvent:
        return AuditEvent(
            at=self.clock(),
            action=action,
            actor=actor,
            target=Target(
                project_id=project_id,
                instance_id=freeze.instance_id or InstanceId(""),
                node_id=NodeId(""),
                component_id=ComponentId(""),
            ),
            note=str(freeze),
            error=None if error is None else f"{type(error).__name__}: {error}",
        )


def _require_command(actor: Actor) -> None:
    if actor.credential_kind is not CredentialKind.COMMAND:
        raise PermissionDeniedError(role=actor.credential_kind.value, permission=Permission.KILL.value)
