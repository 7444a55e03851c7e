"""The one component that tests in memory are about, and where it is."""

from vacate.domain.topology.components import (
    Component,
    ComponentId,
    ComponentKind,
    ComponentRole,
    Instance,
    InstanceId,
    NodeId,
    ProjectId,
    Target,
)

PROJECT = ProjectId("0611f1bd8b00d5d32f17c017f15b599f")
OTHER_PROJECT = ProjectId("f95b51f71c5c71d23f0d8b0016034f50")
COMPONENT = Component(
    project_id=PROJECT,
    instance_id=InstanceId("3d39c18788b54a919bab633874c159dfin14"),
    node_id=NodeId("52c25e148a4a48c293b66ca95565719cno14"),
    id=ComponentId("cn_5001"),
    kind=ComponentKind.COORDINATOR,
    role=ComponentRole.PRIMARY,
)
INSTANCE = Instance(project_id=PROJECT, id=COMPONENT.instance_id, name="shop", components=(COMPONENT,))
TARGET = Target(project_id=PROJECT, instance_id=INSTANCE.id, node_id=COMPONENT.node_id, component_id=COMPONENT.id)
