"""A plan says whom a sweep would end, on every component of its scope, and ends nobody."""

from datetime import timedelta

import pytest

from tests.support.fakes import actor
from tests.support.hurry import run
from tests.support.place import COMPONENT, INSTANCE, OTHER_PROJECT, PROJECT
from tests.support.planning import BOTH, EVERYTHING, SECOND, PlanWorld
from vacate.domain.access.identity import Role
from vacate.domain.audit.event import AuditAction
from vacate.domain.errors import (
    AuditUnavailableError,
    ComponentUnknownError,
    ComponentUnreachableError,
    CriteriaError,
    InstanceUnknownError,
    NodeUnknownError,
    PermissionDeniedError,
    PlanUnknownError,
    ProjectMismatchError,
)
from vacate.domain.judging.victim_warnings import WarningKind
from vacate.domain.plans.plan import LineStage, Plan, PlanId, PlanStage, Scope
from vacate.domain.sweeps.report import Outcome
from vacate.domain.topology.components import ComponentId, InstanceId, NodeId
from vacate.operations.plans import make_plan
from vacate.operations.plans.make_plan import LONGEST, SHORTEST

ONE_INSTANCE = Scope(project_id=PROJECT, instance_id=INSTANCE.id)
ONE_COMPONENT = Scope(project_id=PROJECT, instance_id=INSTANCE.id, node_id=SECOND.node_id, component_id=SECOND.id)


@pytest.fixture
def world() -> PlanWorld:
    made = PlanWorld()
    made.open(COMPONENT, 3)
    made.open(SECOND, 2)
    made.servers[SECOND].wake(made.servers[SECOND].open())
    return made


@pytest.mark.parametrize("scope", [EVERYTHING, ONE_INSTANCE], ids=["everything", "an instance"])
def test_a_plan_has_a_line_for_every_component_of_its_scope(world: PlanWorld, scope: Scope) -> None:
    state = world.planned(scope)
    assert [line.component for line in state.plan.components] == list(BOTH)
    assert [len(line.victims) for line in state.plan.components] == [3, 2]
    assert state.plan.victims == 5
    assert state.stage is PlanStage.OPEN
    assert [line.stage for line in state.lines] == [LineStage.WAITING] * 2


def test_a_plan_over_one_component_is_about_nobody_else(world: PlanWorld) -> None:
    (line,) = world.planned(ONE_COMPONENT).plan.components
    assert line.component == SECOND
    assert {victim.key for victim in line.victims} < {world.servers[SECOND].key(each) for each in (1001, 1002, 1003)}


def test_nobody_is_signalled_by_a_plan(world: PlanWorld) -> None:
    world.planned()
    assert not any(server.signals for server in world.servers.values())


def test_a_line_tells_the_slots_and_why_the_others_are_spared(world: PlanWorld) -> None:
    line = world.planned().plan.components[1]
    assert line.spared == (("not_idle", 1),)
    assert line.slots is not None
    assert line.slots.used == 3
    assert line.slots.after(len(line.victims)).used == 1


def test_a_line_warns_of_victims_that_look_like_a_pool_and_not_of_those_who_are_spared(world: PlanWorld) -> None:
    for statement in ("ROLLBACK", "ROLLBACK", "LISTEN jobs"):
        world.servers[SECOND].open(application="", query=statement)
    first, second = world.planned().plan.components
    assert not first.warnings
    (warning,) = second.warnings
    assert (warning.kind, warning.sessions) == (WarningKind.POOL, 2)


def test_a_component_that_cannot_be_looked_at_is_one_line_and_not_the_end_of_the_rest(world: PlanWorld) -> None:
    world.gateway.refusals[COMPONENT] = ComponentUnreachableError("no answer")
    first, second = world.planned().plan.components
    assert first.problem is not None
    assert "no answer" in first.problem
    assert (first.victims, first.slots) == ((), None)
    assert len(second.victims) == 2


def test_the_callers_own_criteria_stand_instead_of_the_instances(world: PlanWorld) -> None:
    nobody = '{"users": {"include": []}}'
    state = world.planned(criteria=nobody)
    assert state.plan.victims == 0
    assert state.plan.criteria == nobody


def test_criteria_that_cannot_be_used_name_their_place_and_leave_nothing(world: PlanWorld) -> None:
    with pytest.raises(CriteriaError, match="usrs"):
        world.planned(criteria='{"usrs": {}}')
    assert not world.plans.kept
    assert not world.audit.events


@pytest.mark.parametrize(
    ("asked", "lasts"),
    [
        (None, timedelta(hours=10)),
        (timedelta(minutes=3), timedelta(minutes=3)),
        (timedelta(0), SHORTEST),
        (timedelta(days=400), LONGEST),
    ],
    ids=["not said", "said", "too short", "too long"],
)
def test_a_plan_lasts_as_long_as_was_said_within_bounds(
    world: PlanWorld, asked: timedelta | None, lasts: timedelta
) -> None:
    plan = run(world.make(actor(), EVERYTHING, expires_in=asked)).plan
    assert plan.expires_at - plan.made_at == lasts


def test_every_line_of_a_plan_is_in_the_audit_with_its_victims(world: PlanWorld) -> None:
    world.gateway.refusals[COMPONENT] = ComponentUnreachableError("no answer")
    plan = world.planned().plan
    assert world.audit.actions() == [AuditAction.PLAN_MADE] * 2
    broken, whole = world.audit.events
    assert "no answer" in str(broken.error)
    assert {entry.outcome for entry in whole.sessions} == {Outcome.NOT_REACHED}
    assert [entry.session.key for entry in whole.sessions] == [victim.key for victim in plan.components[1].victims]
    assert {each.plan_id for each in world.audit.events} == {plan.id}
    assert all(plan.digest in str(each.note) for each in world.audit.events)


def test_a_plan_that_the_audit_does_not_take_is_refused(world: PlanWorld) -> None:
    world.audit.break_down()
    with pytest.raises(AuditUnavailableError):
        world.planned()
    assert not world.plans.kept


@pytest.mark.parametrize(
    ("scope", "error"),
    [
        (Scope(project_id=PROJECT, instance_id=InstanceId("nowhere")), InstanceUnknownError),
        (
            Scope(
                project_id=PROJECT,
                instance_id=INSTANCE.id,
                node_id=NodeId("nowhere"),
                component_id=COMPONENT.id,
            ),
            NodeUnknownError,
        ),
        (
            Scope(
                project_id=PROJECT,
                instance_id=INSTANCE.id,
                node_id=COMPONENT.node_id,
                component_id=ComponentId("cn_9"),
            ),
            ComponentUnknownError,
        ),
        (Scope(project_id=PROJECT, instance_id=INSTANCE.id, component_id=COMPONENT.id), NodeUnknownError),
        (Scope(project_id=PROJECT, instance_id=INSTANCE.id, node_id=COMPONENT.node_id), ComponentUnknownError),
    ],
    ids=["instance", "node", "component", "a component without its node", "a node without a component"],
)
def test_a_scope_that_names_nothing_is_refused(world: PlanWorld, scope: Scope, error: type[Exception]) -> None:
    with pytest.raises(error):
        world.planned(scope)


def test_a_viewer_makes_no_plan_and_a_stranger_learns_nothing(world: PlanWorld) -> None:
    with pytest.raises(PermissionDeniedError):
        world.planned(caller=actor(Role.VIEWER))
    with pytest.raises(ProjectMismatchError):
        world.planned(caller=actor(project_id=OTHER_PROJECT))
    assert not world.plans.kept


def test_a_plan_is_shown_to_viewers_of_its_project_and_to_nobody_else(world: PlanWorld) -> None:
    state = world.planned()
    assert run(world.show(actor(Role.VIEWER), PROJECT, state.plan.id)) == state
    assert run(world.show.all(actor(Role.VIEWER), PROJECT, 10)) == (state,)
    with pytest.raises(ProjectMismatchError):
        run(world.show(actor(project_id=OTHER_PROJECT), PROJECT, state.plan.id))
    with pytest.raises(PlanUnknownError):
        run(world.show(actor(project_id=OTHER_PROJECT), OTHER_PROJECT, state.plan.id))
    with pytest.raises(PlanUnknownError):
        run(world.show(actor(), PROJECT, PlanId("nowhere")))


def test_criteria_that_take_too_long_are_the_components_problem_and_leave_its_link_to_others(
    world: PlanWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make_plan, "BUDGET", timedelta(days=-1))
    lines = world.planned(criteria='{"applications": {"exclude": [{"glob": "*x*"}]}}').plan.components
    assert [line.victims for line in lines] == [(), ()]
    assert all("the criteria take more than" in (line.problem or "") for line in lines)
    # What the instance's own criteria take is its owner's affair.
    assert world.planned().plan.victims == 5


def test_the_digest_is_computed_once_for_all_components(world: PlanWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[PlanId] = []

    def digest(plan: Plan) -> str:
        computed.append(plan.id)
        return "0" * 64

    monkeypatch.setattr(Plan, "digest", property(digest))
    assert len(world.planned().plan.components) == 2
    assert len(computed) == 1
