"""Where a session lives: what a component and an instance say of themselves."""

from dataclasses import replace

from tests.support.place import COMPONENT, INSTANCE, OTHER_PROJECT
from vacate.domain.topology.components import ComponentId, ComponentKind, InstanceId, NodeId

SECOND_CN = replace(COMPONENT, id=ComponentId("cn_5002"), node_id=NodeId("n2"))
DN = replace(COMPONENT, id=ComponentId("dn_6001"), kind=ComponentKind.DATA_NODE)


def test_an_instance_knows_the_names_of_its_coordinators() -> None:
    instance = replace(INSTANCE, components=(COMPONENT, DN, SECOND_CN))
    assert instance.coordinator_names() == {"cn_5001", "cn_5002"}


def test_an_instance_without_coordinators_names_none() -> None:
    assert replace(INSTANCE, components=(DN,)).coordinator_names() == frozenset()


def test_components_of_two_instances_may_share_an_id_and_are_two() -> None:
    elsewhere = replace(COMPONENT, instance_id=InstanceId("another"))
    in_other_project = replace(COMPONENT, project_id=OTHER_PROJECT)
    assert len({COMPONENT, elsewhere, in_other_project}) == 3


def test_a_component_is_printed_with_its_node_and_instance() -> None:
    assert str(COMPONENT) == (f"component cn_5001 on node {COMPONENT.node_id} of instance {COMPONENT.instance_id}")
