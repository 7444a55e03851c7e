"""A survey asks every component at once, and is whole or an error, in bounded time."""

import asyncio
from datetime import timedelta

import pytest

from tests.support.fakes import actor
from tests.support.hurry import run
from tests.support.place import OTHER_PROJECT, PROJECT
from tests.support.watched import WatchedGateway, WatchedLink, busy, component, idle, instance_of, inventory_of
from vacate.domain.access.identity import Actor, Role
from vacate.domain.errors import (
    ComponentUnreachableError,
    InstanceUnknownError,
    MissingRightsError,
    ProjectMismatchError,
)
from vacate.domain.sessions.activity import ComponentActivity
from vacate.domain.topology.components import InstanceId, ProjectId
from vacate.operations.reading.survey import Survey

CN, ONE, TWO = component("cn_5001"), component("dn_6001"), component("dn_6002")
INSTANCE = instance_of(CN, ONE, TWO)
PATIENCE = timedelta(seconds=10)


class Scene:
    """Three components that answer in a second, unless told otherwise."""

    def __init__(self) -> None:
        second = timedelta(seconds=1)
        self.cn = WatchedLink(activities=(idle(pid=1, client_address=None), busy(pid=2)), takes=second)
        self.one = WatchedLink(activities=(), takes=second)
        self.two = WatchedLink(activities=(busy(pid=3),), takes=second)
        self.gateway = WatchedGateway({CN: self.cn, ONE: self.one, TWO: self.two})
        self.took = 0.0

    def survey(
        self,
        caller: Actor | None = None,
        *,
        project: ProjectId = PROJECT,
        instance: InstanceId = INSTANCE.id,
        patience: timedelta = PATIENCE,
    ) -> tuple[ComponentActivity, ...]:
        operation = Survey(inventory=inventory_of(INSTANCE), gateway=self.gateway, answer_within=patience)

        async def timed() -> tuple[ComponentActivity, ...]:
            started = asyncio.get_running_loop().time()
            try:
                return await operation(caller or actor(), project, instance)
            finally:
                self.took = asyncio.get_running_loop().time() - started

        return run(timed())


def test_every_component_is_asked_at_once_and_all_client_sessions_count() -> None:
    scene = Scene()
    assert scene.survey() == (
        ComponentActivity(component=CN, activities=(idle(pid=1, client_address=None), busy(pid=2))),
        ComponentActivity(component=ONE, activities=()),
        ComponentActivity(component=TWO, activities=(busy(pid=3),)),
    )
    assert scene.took < 1.5


def test_one_component_that_does_not_answer_makes_the_whole_an_error_that_names_it() -> None:
    scene = Scene()
    scene.one.fails = ComponentUnreachableError("the cable was cut")
    with pytest.raises(ComponentUnreachableError, match="dn_6001: the cable was cut"):
        scene.survey()


def test_a_slow_component_is_waited_for_no_longer_than_the_limit() -> None:
    scene = Scene()
    scene.two.takes = timedelta(seconds=60)
    with pytest.raises(ComponentUnreachableError, match="dn_6002: no answer within 10 s"):
        scene.survey()
    assert scene.took == pytest.approx(10)


def test_other_errors_stay_what_they_are() -> None:
    scene = Scene()
    scene.gateway.refuses[CN] = MissingRightsError(["GRANT pg_read_all_stats TO vacate;"])
    with pytest.raises(MissingRightsError):
        scene.survey()


def test_a_viewer_gets_no_statements() -> None:
    surveyed = Scene().survey(actor(Role.VIEWER))
    assert {a.query for found in surveyed for a in found.activities} == {None}


def test_an_operator_gets_the_statements() -> None:
    assert None not in {a.query for found in Scene().survey() for a in found.activities}


def test_nobody_surveys_another_projects_instance() -> None:
    with pytest.raises(ProjectMismatchError):
        Scene().survey(actor(Role.ADMIN, project_id=OTHER_PROJECT))
    with pytest.raises(InstanceUnknownError):
        Scene().survey(instance=InstanceId("never-was"))
    with pytest.raises(InstanceUnknownError):
        Scene().survey(actor(Role.ADMIN, project_id=OTHER_PROJECT), project=OTHER_PROJECT)
