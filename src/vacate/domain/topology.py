"""Where a session lives: project, instance, node, component."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

ProjectId = NewType("ProjectId", str)
InstanceId = NewType("InstanceId", str)
NodeId = NewType("NodeId", str)
ComponentId = NewType("ComponentId", str)


class ComponentKind(StrEnum):
    """What a component does in its instance."""

    COORDINATOR = "CN"
    DATA_NODE = "DN"


class ComponentRole(StrEnum):
    """Whether a component takes writes or replays them."""

    PRIMARY = "primary"
    STANDBY = "standby"


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One database server: a coordinator or a data node, deployed on one node.

    A component id is unique within its instance only, so the whole value is the key.
    """

    project_id: ProjectId
    instance_id: InstanceId
    node_id: NodeId
    id: ComponentId
    kind: ComponentKind
    role: ComponentRole

    def __str__(self) -> str:
        return f"component {self.id} on node {self.node_id} of instance {self.instance_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A database deployment as its users see it: all of its components."""

    project_id: ProjectId
    id: InstanceId
    name: str
    components: tuple[Component, ...]

    def coordinator_names(self) -> frozenset[str]:
        """The ids under which the instance's coordinators introduce themselves to its data nodes."""
        return frozenset(c.id for c in self.components if c.kind is ComponentKind.COORDINATOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a caller named, before anybody checked that it exists."""

    project_id: ProjectId
    instance_id: InstanceId
    node_id: NodeId
    component_id: ComponentId
