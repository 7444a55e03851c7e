"""What is known of a project's instances, without asking a server."""

from dataclasses import replace

import pytest

from tests.support.fakes import actor
from tests.support.hurry import run
from tests.support.place import OTHER_PROJECT, PROJECT
from tests.support.watched import CHECKED_AT, WatchedGateway, WatchedLink, component, instance_of, inventory_of
from vacate.domain.access.identity import Role
from vacate.domain.errors import InstanceUnknownError, ProjectMismatchError
from vacate.domain.topology.components import InstanceId
from vacate.domain.topology.health import ComponentHealth, InstanceState
from vacate.operations.reading.describe import Describe

CN, DN = component("cn_5001"), component("dn_6001")
SHOP = instance_of(DN, CN)
THEIRS = replace(
    SHOP, project_id=OTHER_PROJECT, components=tuple(replace(c, project_id=OTHER_PROJECT) for c in SHOP.components)
)
SECOND = replace(SHOP, id=InstanceId("second"), components=())
GATEWAY = WatchedGateway({each: WatchedLink() for each in (CN, *THEIRS.components, DN)})
GATEWAY.problems[DN] = "the server is down"
DESCRIBE = Describe(inventory=inventory_of(SHOP, THEIRS, SECOND), gateway=GATEWAY)
STATE = InstanceState(
    instance=SHOP,
    components=(
        ComponentHealth(component=DN, checked_at=CHECKED_AT, problem="the server is down", version="18.6"),
        ComponentHealth(component=CN, checked_at=CHECKED_AT, problem=None, version="18.6"),
    ),
)


def test_a_viewer_sees_every_instance_of_the_project_and_no_other() -> None:
    assert run(DESCRIBE.instances(actor(Role.VIEWER), PROJECT)) == (
        STATE,
        InstanceState(instance=SECOND, components=()),
    )


def test_one_instance_has_the_last_check_of_each_component_in_its_own_order() -> None:
    assert run(DESCRIBE.instance(actor(Role.VIEWER), PROJECT, SHOP.id)) == STATE
    assert GATEWAY.asked == []


def test_an_instance_that_is_not_the_projects_is_unknown() -> None:
    with pytest.raises(InstanceUnknownError):
        run(DESCRIBE.instance(actor(), PROJECT, InstanceId("never-was")))


def test_nobody_sees_another_projects_instances() -> None:
    with pytest.raises(ProjectMismatchError):
        run(DESCRIBE.instances(actor(Role.ADMIN, project_id=OTHER_PROJECT), PROJECT))
    with pytest.raises(ProjectMismatchError):
        run(DESCRIBE.instance(actor(Role.ADMIN, project_id=OTHER_PROJECT), PROJECT, SHOP.id))
