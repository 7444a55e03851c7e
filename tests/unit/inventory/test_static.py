"""The inventory finds what belongs together, and nothing across a border."""

from dataclasses import replace

import pytest

from tests.support.place import COMPONENT, INSTANCE, OTHER_PROJECT, PROJECT, TARGET
from vacate.domain.errors import ComponentUnknownError, InstanceUnknownError, NodeUnknownError
from vacate.domain.judging.criteria import Criteria, Selection
from vacate.domain.judging.settings import GuardSettings
from vacate.domain.topology.components import Component, ComponentId, Instance, InstanceId, NodeId, ProjectId
from vacate.inventory.static import ConfiguredInstance, StaticInventory


def moved(instance: Instance, *, project_id: ProjectId = PROJECT, id_: str = "") -> Instance:
    """A copy of an instance elsewhere, its components with it."""
    new_id = InstanceId(id_ or instance.id)
    return replace(
        instance,
        project_id=project_id,
        id=new_id,
        components=tuple(replace(c, project_id=project_id, instance_id=new_id) for c in instance.components),
    )


def on(node_id: str, component_id: str) -> Component:
    return replace(COMPONENT, node_id=NodeId(node_id), id=ComponentId(component_id))


SHOP = replace(INSTANCE, components=(COMPONENT, on("node-2", "dn_6001"), on("node-2", "dn_6002")))
CRITERIA = Criteria(users=Selection(include=("app",)))
GUARDS = GuardSettings(users=frozenset({"backup"}))
INVENTORY = StaticInventory(
    [
        ConfiguredInstance(instance=SHOP, criteria=CRITERIA, guards=GUARDS),
        ConfiguredInstance(instance=moved(SHOP, id_="second"), criteria=Criteria(), guards=GuardSettings()),
        ConfiguredInstance(instance=moved(SHOP, project_id=OTHER_PROJECT), criteria=Criteria(), guards=GuardSettings()),
        ConfiguredInstance(
            instance=moved(SHOP, project_id=OTHER_PROJECT, id_="theirs"), criteria=Criteria(), guards=GuardSettings()
        ),
    ]
)


def test_a_component_is_found_with_its_instance_and_what_that_wants_to_be_judged_by() -> None:
    placement = INVENTORY.place(TARGET)
    assert placement.component == COMPONENT
    assert placement.instance == SHOP
    assert placement.criteria == CRITERIA
    assert placement.guards == GUARDS


def test_each_component_of_a_node_is_found_by_its_id() -> None:
    for name in ("dn_6001", "dn_6002"):
        target = replace(TARGET, node_id=NodeId("node-2"), component_id=ComponentId(name))
        assert INVENTORY.place(target).component == on("node-2", name)


def test_the_same_ids_in_another_project_are_another_component() -> None:
    placement = INVENTORY.place(replace(TARGET, project_id=OTHER_PROJECT))
    assert placement.component.project_id == OTHER_PROJECT
    assert placement.criteria == Criteria()


def test_another_projects_instance_is_as_unknown_as_one_that_never_was() -> None:
    messages: set[str] = set()
    for instance_id in ("theirs", "never-was"):
        with pytest.raises(InstanceUnknownError) as unknown:
            INVENTORY.place(replace(TARGET, instance_id=InstanceId(instance_id)))
        messages.add(str(unknown.value))
    assert len(messages) == 1


def test_a_project_that_has_nothing_has_no_instance() -> None:
    with pytest.raises(InstanceUnknownError):
        INVENTORY.place(replace(TARGET, project_id=ProjectId("0" * 32)))


def test_a_node_that_is_none_of_the_instances_is_unknown() -> None:
    with pytest.raises(NodeUnknownError):
        INVENTORY.place(replace(TARGET, node_id=NodeId("node-9")))


def test_a_component_of_another_node_is_unknown_on_this_one() -> None:
    with pytest.raises(ComponentUnknownError):
        INVENTORY.place(replace(TARGET, node_id=NodeId("node-2")))
    with pytest.raises(ComponentUnknownError):
        INVENTORY.place(replace(TARGET, component_id=ComponentId("dn_6001")))


@pytest.mark.parametrize("name", ["", "cn_500", "cn_50011", "CN_5001", "%"])
def test_ids_are_compared_exactly(name: str) -> None:
    with pytest.raises(ComponentUnknownError):
        INVENTORY.place(replace(TARGET, component_id=ComponentId(name)))


def test_every_component_of_every_project_is_listed() -> None:
    listed = INVENTORY.components()
    assert len(listed) == len(set(listed)) == 12
    assert {c.project_id for c in listed} == {PROJECT, OTHER_PROJECT}


def test_a_projects_instances_are_listed_in_the_order_of_the_configuration() -> None:
    assert INVENTORY.instances(PROJECT) == (SHOP, moved(SHOP, id_="second"))
    assert INVENTORY.instances(OTHER_PROJECT) == (
        moved(SHOP, project_id=OTHER_PROJECT),
        moved(SHOP, project_id=OTHER_PROJECT, id_="theirs"),
    )
    assert INVENTORY.instances(ProjectId("0" * 32)) == ()


def test_an_instance_is_found_by_its_project_and_its_id() -> None:
    assert INVENTORY.instance(PROJECT, SHOP.id) == SHOP
    assert INVENTORY.instance(OTHER_PROJECT, SHOP.id) == moved(SHOP, project_id=OTHER_PROJECT)


@pytest.mark.parametrize("instance_id", ["theirs", "never-was", ""])
def test_an_instance_of_another_project_is_as_unknown_as_none(instance_id: str) -> None:
    with pytest.raises(InstanceUnknownError):
        INVENTORY.instance(PROJECT, InstanceId(instance_id))


def test_an_empty_inventory_has_nothing() -> None:
    empty = StaticInventory([])
    assert empty.components() == ()
    assert empty.instances(PROJECT) == ()
    with pytest.raises(InstanceUnknownError):
        empty.place(TARGET)
