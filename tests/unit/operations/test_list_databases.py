"""The databases of an instance are those of the first component that answers."""

from datetime import timedelta

import pytest

from tests.support.fakes import actor
from tests.support.hurry import run
from tests.support.place import OTHER_PROJECT, PROJECT
from tests.support.watched import WatchedGateway, WatchedLink, component, instance_of, inventory_of
from vacate.domain.access.identity import Actor, Role
from vacate.domain.errors import ComponentUnreachableError, MissingRightsError, ProjectMismatchError
from vacate.domain.topology.components import Component, ComponentRole, InstanceId
from vacate.operations.reading.list_databases import ListDatabases

STANDBY = component("dn_6001", role=ComponentRole.STANDBY)
PRIMARY = component("dn_6002")
COORDINATOR = component("cn_5001")
ALL = (STANDBY, PRIMARY, COORDINATOR)


class Scene:
    def __init__(self, *components: Component) -> None:
        self.instance = instance_of(*components)
        self.links = {each: WatchedLink(names=(each.id,)) for each in components}
        self.gateway = WatchedGateway(self.links)

    def databases(self, caller: Actor | None = None, *, instance: InstanceId | None = None) -> tuple[str, ...]:
        operation = ListDatabases(
            inventory=inventory_of(self.instance), gateway=self.gateway, answer_within=timedelta(seconds=10)
        )
        return run(operation(caller or actor(Role.VIEWER), PROJECT, instance or self.instance.id))


def test_one_component_that_answers_is_enough() -> None:
    scene = Scene(*ALL)
    assert scene.databases() == ("cn_5001",)
    assert scene.gateway.asked == ["cn_5001"]


def test_coordinators_come_first_then_primaries_then_standbys() -> None:
    scene = Scene(*ALL)
    for link in scene.links.values():
        link.fails = ComponentUnreachableError("it is down")
    scene.links[STANDBY].fails = None
    assert scene.databases() == ("dn_6001",)
    assert scene.gateway.asked == ["cn_5001", "dn_6002", "dn_6001"]


def test_a_component_that_is_too_slow_is_passed_over() -> None:
    scene = Scene(*ALL)
    scene.links[COORDINATOR].takes = timedelta(seconds=60)
    assert scene.databases() == ("dn_6002",)


def test_a_component_with_a_known_problem_is_asked_last() -> None:
    scene = Scene(*ALL)
    scene.gateway.problems[COORDINATOR] = "the server is down"
    assert scene.databases() == ("dn_6002",)
    assert scene.gateway.asked == ["dn_6002"]


def test_when_none_answers_the_first_ones_error_is_told() -> None:
    scene = Scene(*ALL)
    scene.gateway.refuses[COORDINATOR] = MissingRightsError(["GRANT pg_read_all_stats TO vacate;"])
    for each in (PRIMARY, STANDBY):
        scene.links[each].fails = ComponentUnreachableError("it is down")
    with pytest.raises(MissingRightsError):
        scene.databases()
    del scene.gateway.refuses[COORDINATOR]
    scene.links[COORDINATOR].fails = ComponentUnreachableError("it is down")
    with pytest.raises(ComponentUnreachableError, match="cn_5001: it is down"):
        scene.databases()


def test_an_instance_without_components_has_nobody_to_ask() -> None:
    with pytest.raises(ComponentUnreachableError, match="the instance has none"):
        Scene().databases()


def test_nobody_sees_another_projects_databases() -> None:
    with pytest.raises(ProjectMismatchError):
        Scene(*ALL).databases(actor(Role.ADMIN, project_id=OTHER_PROJECT))
