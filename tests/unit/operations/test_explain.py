"""A session is explained to whoever may know, and nobody is ended."""

from datetime import timedelta

import pytest

from tests.support.fakes import actor
from tests.support.hurry import run
from tests.support.place import COMPONENT, INSTANCE, OTHER_PROJECT, PROJECT
from tests.support.planning import PlanWorld
from vacate.domain.access.identity import Role
from vacate.domain.errors import PermissionDeniedError, ProjectMismatchError, SessionUnknownError
from vacate.domain.judging.criteria import Criteria, Selection, idle_for
from vacate.domain.judging.explanation import Answer, Explanation
from vacate.domain.topology.components import Target
from vacate.operations.reading.explain import Explain

TARGET = Target(project_id=PROJECT, instance_id=INSTANCE.id, node_id=COMPONENT.node_id, component_id=COMPONENT.id)
BY_STATEMENT = Criteria(statements=Selection(include=("SELECT 1",)))


@pytest.fixture
def world() -> PlanWorld:
    made = PlanWorld()
    made.open(COMPONENT, 2)
    return made


def explained(
    world: PlanWorld,
    *,
    session_id: int | None = None,
    pid: int | None = None,
    criteria: Criteria | None = None,
    role: Role = Role.OPERATOR,
) -> Explanation:
    operation = Explain(inventory=world.inventory(), gateway=world.gateway)
    caller = actor(role=role)
    return run(operation(caller, TARGET, session_id=session_id, pid=pid, criteria=criteria))


def test_a_session_is_found_by_its_id_and_by_its_pid(world: PlanWorld) -> None:
    first, second = world.servers[COMPONENT].session_ids()
    assert explained(world, session_id=second).session.session_id == second
    pid = explained(world, session_id=first).session.pid
    assert explained(world, pid=pid).session.session_id == first
    assert not world.servers[COMPONENT].signals


def test_who_is_not_there_cannot_be_explained(world: PlanWorld) -> None:
    first, second = world.servers[COMPONENT].session_ids()
    pid = explained(world, session_id=second).session.pid
    for wanted_id, wanted_pid in ((9, None), (None, 9), (None, 0), (None, None), (first, pid)):
        with pytest.raises(SessionUnknownError):
            explained(world, session_id=wanted_id, pid=wanted_pid)


def test_the_instances_criteria_hold_unless_the_caller_brings_some(world: PlanWorld) -> None:
    world.criteria = Criteria(states=idle_for(timedelta(days=9)))
    (first, _) = world.servers[COMPONENT].session_ids()
    assert explained(world, session_id=first).verdict.victim is None
    assert explained(world, session_id=first, criteria=Criteria()).verdict.victim is not None


def test_who_may_not_read_statements_learns_nothing_of_them(world: PlanWorld) -> None:
    (first, _) = world.servers[COMPONENT].session_ids()
    assert explained(world, session_id=first).session.query is not None
    seen = explained(world, session_id=first, role=Role.VIEWER)
    assert (seen.session.query, seen.verdict.session.query) == (None, None)
    with pytest.raises(PermissionDeniedError):
        explained(world, session_id=first, role=Role.VIEWER, criteria=BY_STATEMENT)


def test_an_instance_that_selects_by_statement_is_explained_to_a_viewer_all_the_same(world: PlanWorld) -> None:
    world.criteria = BY_STATEMENT
    (first, _) = world.servers[COMPONENT].session_ids()
    trail = explained(world, session_id=first, role=Role.VIEWER).trail
    assert [step.answer for step in trail if step.about == "statement"] == [Answer.PASSES]


def test_a_stranger_learns_nothing(world: PlanWorld) -> None:
    operation = Explain(inventory=world.inventory(), gateway=world.gateway)
    with pytest.raises(ProjectMismatchError):
        run(operation(actor(project_id=OTHER_PROJECT), TARGET, pid=1))
