"""The instances of the configuration, as they were when the service started."""

from collections.abc import Iterable
from dataclasses import dataclass

from vacate.domain.errors import ComponentUnknownError, InstanceUnknownError, NodeUnknownError
from vacate.domain.judging.criteria import Criteria
from vacate.domain.judging.settings import GuardSettings
from vacate.domain.topology.components import Component, Instance, InstanceId, ProjectId, Target
from vacate.operations.ports import Placement


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredInstance:
    """An instance with what it wants its sessions to be judged by."""

    instance: Instance
    criteria: Criteria
    guards: GuardSettings


class StaticInventory:
    """Implements `operations.ports.Inventory`."""

    def __init__(self, configured: Iterable[ConfiguredInstance]) -> None:
        self._by_id = {(entry.instance.project_id, entry.instance.id): entry for entry in configured}

    def place(self, target: Target) -> Placement:
        """Find the component a target names; another project's instance is as unknown as one that never was."""
        entry = self._entry(target.project_id, target.instance_id)
        on_node = entry.instance.on(target.node_id)
        if not on_node:
            raise NodeUnknownError
        component = next((c for c in on_node if c.id == target.component_id), None)
        if component is None:
            raise ComponentUnknownError
        return Placement(component=component, instance=entry.instance, criteria=entry.criteria, guards=entry.guards)

    def instances(self, project_id: ProjectId) -> tuple[Instance, ...]:
        """The project's instances, in the order of the configuration."""
        return tuple(entry.instance for (project, _), entry in self._by_id.items() if project == project_id)

    def instance(self, project_id: ProjectId, instance_id: InstanceId) -> Instance:
        """One instance of the project."""
        return self._entry(project_id, instance_id).instance

    def components(self) -> tuple[Component, ...]:
        """Every component of every instance."""
        return tuple(c for entry in self._by_id.values() for c in entry.instance.components)

    def _entry(self, project_id: ProjectId, instance_id: InstanceId) -> ConfiguredInstance:
        entry = self._by_id.get((project_id, instance_id))
        if entry is None:
            raise InstanceUnknownError
        return entry
