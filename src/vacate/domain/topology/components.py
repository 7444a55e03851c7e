"""Where a session lives: project, instance, node, component."""

from dataclasses import dataclass, field
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


class InstanceKind(StrEnum):
    """How an instance is deployed."""

    DISTRIBUTED = "distributed"
    """Coordinators in front of data nodes."""
    CENTRALISED = "centralised"
    """Data nodes only: a primary and its standbys."""


class ComponentRole(StrEnum):
    """Whether a component takes writes or replays them."""

    PRIMARY = "primary"
    STANDBY = "standby"


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One database server: a coordinator or a data node, deployed on one node.

    A component id is unique within its instance only, so the whole value is the key. `shard` names the group of a
    data node and its standbys; it is empty for a coordinator, and where the configuration does not tell.
    """

    project_id: ProjectId
    instance_id: InstanceId
    node_id: NodeId
    id: ComponentId
    kind: ComponentKind
    role: ComponentRole
    shard: str = ""

    def __str__(self) -> str:
        return f"component {self.id} on node {self.node_id} of instance {self.instance_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A machine of an instance. `address` is the host that its components are reached at; empty when not told."""

    id: NodeId
    name: str
    availability_zone: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What an instance's owner says about it, for finding it in lists. Vacate itself reads none of it."""

    vpc_id: str = ""
    subnet_id: str = ""
    charge_mode: str = "postPaid"
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A database deployment as its users see it: all of its nodes and components.

    `port` is where its clients go, 0 when not told.
    """

    project_id: ProjectId
    id: InstanceId
    name: str
    components: tuple[Component, ...]
    nodes: tuple[Node, ...] = ()
    region: str = ""
    port: int = 0
    labels: Labels = field(default_factory=Labels)

    @property
    def kind(self) -> InstanceKind:
        """Distributed as soon as there is a coordinator."""
        coordinators = any(c.kind is ComponentKind.COORDINATOR for c in self.components)
        return InstanceKind.DISTRIBUTED if coordinators else InstanceKind.CENTRALISED

    def on(self, node_id: NodeId) -> tuple[Component, ...]:
        """The components deployed on one node."""
        return tuple(c for c in self.components if c.node_id == node_id)

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
