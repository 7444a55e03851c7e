"""The instances of a project with what is known of their components' servers."""

from dataclasses import dataclass

from vacate.domain.access.identity import Actor, Permission
from vacate.domain.topology.components import Component, Instance, InstanceId, ProjectId
from vacate.domain.topology.health import ComponentHealth, InstanceState
from vacate.operations.ports import Gateway, Inventory


@dataclass(frozen=True, slots=True, kw_only=True)
class Describe:
    """The operation with everything it needs. No server is asked: what it tells is as old as the last check."""

    inventory: Inventory
    gateway: Gateway

    async def instances(self, actor: Actor, project_id: ProjectId) -> tuple[InstanceState, ...]:
        """All instances of the project, in the order of the configuration.

        Raises:
            ProjectMismatchError, PermissionDeniedError: the actor may not do this.
        """
        actor.require(Permission.VIEW, project_id)
        health = self._health()
        return tuple(_state(instance, health) for instance in self.inventory.instances(project_id))

    async def instance(self, actor: Actor, project_id: ProjectId, instance_id: InstanceId) -> InstanceState:
        """One instance.

        Raises:
            ProjectMismatchError, PermissionDeniedError: the actor may not do this.
            InstanceUnknownError: there is no such instance.
        """
        actor.require(Permission.VIEW, project_id)
        return _state(self.inventory.instance(project_id, instance_id), self._health())

    def _health(self) -> dict[Component, ComponentHealth]:
        return {health.component: health for health in self.gateway.health()}


def _state(instance: Instance, health: dict[Component, ComponentHealth]) -> InstanceState:
    return InstanceState(instance=instance, components=tuple(health[component] for component in instance.components))
