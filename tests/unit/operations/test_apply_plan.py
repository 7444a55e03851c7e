"""A plan is applied once, only ever shrinks, and tells of every component by itself."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.fakes import actor
from tests.support.hurry import run
from tests.support.place import COMPONENT, OTHER_PROJECT, PROJECT
from tests.support.planning import BOTH, LONG_WAIT, SECOND, PlanWorld
from tests.support.server_model import ServerModel
from tests.support.sessions import LOOK_AT
from vacate.domain.access.identity import Role
from vacate.domain.audit.event import AuditAction
from vacate.domain.errors import (
    AuditUnavailableError,
    ComponentUnreachableError,
    PermissionDeniedError,
    PlanDiffersError,
    PlanExpiredError,
    PlanNotRunningError,
    PlanSpentError,
    PlanUnknownError,
    ProjectMismatchError,
    StoreUnavailableError,
    VacateError,
)
from vacate.domain.judging.criteria import Criteria, Criterion
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.plans.plan import LineStage, PlanId, PlanStage, PlanState
from vacate.domain.sweeps.freezing import Freeze
from vacate.domain.sweeps.report import Outcome
from vacate.operations.plans.planned_sweep import departed


@pytest.fixture
def world() -> PlanWorld:
    made = PlanWorld()
    made.open(COMPONENT, 4)
    made.open(SECOND, 3)
    return made


def counts(state: PlanState) -> list[dict[Outcome, int]]:
    return [dict(line.counts) for line in state.lines]


# --- to its end ------------------------------------------------------------------------------------------------------


def test_every_victim_of_every_component_is_ended_and_counted(world: PlanWorld) -> None:
    state = world.applied(world.planned().plan)
    assert state.stage is PlanStage.APPLIED
    assert [line.stage for line in state.lines] == [LineStage.DONE] * 2
    assert counts(state) == [{Outcome.TERMINATED: 4}, {Outcome.TERMINATED: 3}]
    assert not any(server.session_ids() for server in world.servers.values())
    assert state.application is not None
    assert state.application.by == "olga"
    assert state.application.finished_at is not None


def test_the_audit_has_the_plan_in_every_event_from_its_making_to_its_end(world: PlanWorld) -> None:
    plan = world.planned().plan
    world.applied(plan)
    actions = world.audit.actions()
    assert actions[:3] == [AuditAction.PLAN_MADE, AuditAction.PLAN_MADE, AuditAction.PLAN_APPLY_STARTED]
    assert actions[-1] is AuditAction.PLAN_APPLY_FINISHED
    assert sorted(actions[3:-1]) == sorted([AuditAction.KILL_PLANNED_INTENDED, AuditAction.KILL_PLANNED_FINISHED] * 2)
    assert {event.plan_id for event in world.audit.events} == {plan.id}
    assert "dn_6001: done 3 terminated" in str(world.audit.events[-1].note)


def test_a_plan_of_nobody_is_applied_like_any_other() -> None:
    world = PlanWorld()
    state = world.applied(world.planned().plan)
    assert state.stage is PlanStage.APPLIED
    assert counts(state) == [{}, {}]


# --- it can only shrink ----------------------------------------------------------------------------------------------

CHANGES: dict[str, tuple[Callable[[ServerModel, int], None], Outcome, str]] = {
    "woke": (ServerModel.wake, Outcome.SPARED, Criterion.NOT_IDLE),
    "was used and is idle again": (ServerModel.rest, Outcome.SPARED, Criterion.CHANGED_SINCE_PLANNED),
    "opened a transaction": (ServerModel.begin, Outcome.SPARED, Criterion.NOT_IDLE),
    "is gone": (ServerModel.end, Outcome.GONE, "plan"),
    "is gone, and its id is somebody else's": (ServerModel.reuse, Outcome.GONE, "plan"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_session_that_changed_since_the_plan_is_left_alone(world: PlanWorld, what: str) -> None:
    change, outcome, by = CHANGES[what]
    plan = world.planned().plan
    server = world.servers[COMPONENT]
    change(server, 1002)
    state = world.applied(plan)
    assert counts(state)[0] == {Outcome.TERMINATED: 3, outcome: 1}
    assert 1002 not in {seen.session_id for seen in server.signals}
    finished = [event for event in world.audit.events if event.action is AuditAction.KILL_PLANNED_FINISHED]
    (entry,) = [
        each
        for event in finished
        if event.target.component_id == COMPONENT.id
        for each in event.sessions
        if each.session.session_id == 1002
    ]
    assert (entry.outcome, entry.by) == (outcome, by)


def test_a_session_that_came_after_the_plan_is_none_of_its_business(world: PlanWorld) -> None:
    plan = world.planned().plan
    late = world.servers[COMPONENT].open()
    state = world.applied(plan)
    assert counts(state)[0] == {Outcome.TERMINATED: 4}
    assert world.servers[COMPONENT].session_ids() == (late,)


def test_a_session_that_is_protected_by_now_is_spared(world: PlanWorld) -> None:
    plan = world.planned().plan
    user = world.servers[SECOND].session(1001).user
    assert user is not None
    world.guards = GuardSettings(users=frozenset({user}))
    assert counts(world.applied(plan)) == [{Outcome.SPARED: 4}, {Outcome.SPARED: 3}]


def test_criteria_that_the_instance_has_by_now_spare_too(world: PlanWorld) -> None:
    plan = world.planned().plan
    world.criteria = replace(Criteria(), users=replace(Criteria().users, include=()))
    assert counts(world.applied(plan)) == [{Outcome.SPARED: 4}, {Outcome.SPARED: 3}]


def test_the_plans_own_criteria_are_asked_again(world: PlanWorld) -> None:
    plan = world.planned(criteria='{"users": {"exclude": ["batch"]}}').plan
    world.servers[COMPONENT].change(1001, user="batch")
    assert counts(world.applied(plan))[0] == {Outcome.TERMINATED: 3, Outcome.SPARED: 1}


def test_a_session_that_wakes_between_the_look_and_its_signal_is_not_cut_off(world: PlanWorld) -> None:
    plan = world.planned().plan
    world.links[COMPONENT].chunk = 1
    steps = iter(range(100))

    def wake_the_last_one() -> None:
        if next(steps) == 2:
            world.servers[COMPONENT].wake(1004)

    world.links[COMPONENT].meanwhile = wake_the_last_one
    assert counts(world.applied(plan))[0] == {Outcome.TERMINATED: 3, Outcome.WOKE: 1}


def test_a_victim_whose_beginning_is_hidden_by_now_is_not_known_to_be_gone(world: PlanWorld) -> None:
    plan = world.planned().plan
    world.servers[COMPONENT].change(1001, backend_start=None)
    state = world.applied(plan)
    assert counts(state)[0] == {Outcome.TERMINATED: 3, Outcome.SPARED: 1}
    (entry,) = departed(plan.components[0], world.servers[COMPONENT].last_look)
    assert entry.by is GuardName.UNKNOWN


# --- it is applied once ----------------------------------------------------------------------------------------------


def test_a_plan_is_not_applied_twice(world: PlanWorld) -> None:
    plan = world.planned().plan
    world.applied(plan)
    late = world.servers[COMPONENT].open()
    with pytest.raises(PlanSpentError, match="olga"):
        world.applied(plan)
    assert world.servers[COMPONENT].session_ids() == (late,)
    assert world.audit.actions()[-1] is AuditAction.PLAN_APPLY_REFUSED


def test_of_two_services_that_are_told_at_once_one_applies_it(world: PlanWorld) -> None:
    plan = world.planned().plan

    async def both() -> list[PlanState | BaseException]:
        calls = (
            world.service()(actor(request_id=f"apply-{each}"), PROJECT, plan.id, plan.digest, wait=LONG_WAIT)
            for each in range(2)
        )
        return await asyncio.gather(*calls, return_exceptions=True)

    answers = run(both())
    assert sum(isinstance(answer, PlanSpentError) for answer in answers) == 1
    assert [len(server.signals) for server in world.servers.values()] == [4, 3]


@pytest.mark.parametrize(
    ("caller", "error"),
    [(actor(Role.VIEWER), PermissionDeniedError), (actor(project_id=OTHER_PROJECT), ProjectMismatchError)],
    ids=["a viewer", "a stranger"],
)
def test_whoever_may_not_apply_it_is_refused_and_written_down(
    world: PlanWorld, caller: object, error: type[Exception]
) -> None:
    plan = world.planned().plan
    with pytest.raises(error):
        world.applied(plan, caller=caller)  # pyright: ignore[reportArgumentType]
    assert world.audit.actions()[-1] is AuditAction.PLAN_APPLY_REFUSED
    assert world.applied(plan).stage is PlanStage.APPLIED


def test_another_digest_than_the_plans_is_refused_and_the_plan_stays_open(world: PlanWorld) -> None:
    plan = world.planned().plan
    with pytest.raises(PlanDiffersError):
        world.applied(plan, digest="0" * 64)
    assert world.applied(plan).stage is PlanStage.APPLIED


def test_a_plan_that_somebody_changed_in_the_store_is_another_one(world: PlanWorld) -> None:
    plan = world.planned().plan
    kept = world.plans.kept[plan.id]
    more = (plan.components[0], replace(plan.components[1], victims=plan.components[0].victims))
    kept.state = replace(kept.state, plan=replace(plan, components=more))
    with pytest.raises(PlanDiffersError):
        world.applied(plan)


def test_a_plan_whose_time_is_over_is_refused(world: PlanWorld) -> None:
    plan = world.planned().plan
    world.clock.now = plan.expires_at
    with pytest.raises(PlanExpiredError, match=re.escape(plan.expires_at.isoformat(timespec="seconds"))):
        world.applied(plan)
    assert not world.servers[COMPONENT].signals


def test_an_unknown_plan_is_refused(world: PlanWorld) -> None:
    with pytest.raises(PlanUnknownError):
        run(world.service()(actor(), PROJECT, PlanId("nowhere"), "0" * 64))


def test_a_plan_whose_beginning_the_audit_does_not_take_ends_nobody_and_is_spent(world: PlanWorld) -> None:
    plan = world.planned().plan
    world.audit.refuses = frozenset({AuditAction.PLAN_APPLY_STARTED})
    with pytest.raises(AuditUnavailableError):
        world.applied(plan)
    world.audit.recover()
    with pytest.raises(PlanSpentError):
        world.applied(plan)
    assert not any(server.signals for server in world.servers.values())


# --- one component is one line ---------------------------------------------------------------------------------------


def test_a_component_that_fails_is_its_own_line_and_not_the_end_of_the_rest(world: PlanWorld) -> None:
    plan = world.planned().plan
    world.gateway.refusals[COMPONENT] = ComponentUnreachableError("no answer")
    state = world.applied(plan)
    assert state.stage is PlanStage.APPLIED
    assert [line.stage for line in state.lines] == [LineStage.FAILED, LineStage.DONE]
    assert "no answer" in str(state.lines[0].problem)
    assert counts(state)[1] == {Outcome.TERMINATED: 3}


def test_what_nobody_foresaw_on_one_component_is_its_own_line_too(world: PlanWorld) -> None:
    plan = world.planned().plan

    def stumble() -> None:
        raise ZeroDivisionError

    world.links[COMPONENT].meanwhile = stumble
    state = world.applied(plan)
    assert [line.stage for line in state.lines] == [LineStage.FAILED, LineStage.DONE]
    assert "ZeroDivisionError" in str(state.lines[0].problem)


def test_a_component_that_could_not_be_planned_is_not_swept(world: PlanWorld) -> None:
    world.gateway.refusals[COMPONENT] = ComponentUnreachableError("no answer")
    plan = world.planned().plan
    world.gateway.refusals.clear()
    state = world.applied(plan)
    assert state.lines[0].stage is LineStage.FAILED
    assert not world.servers[COMPONENT].signals


def test_a_component_that_another_call_is_at_work_on_is_its_own_line(world: PlanWorld) -> None:
    plan = world.planned().plan
    world.gateway.held.add(COMPONENT)
    state = world.applied(plan)
    assert [line.stage for line in state.lines] == [LineStage.FAILED, LineStage.DONE]


def test_a_component_that_is_frozen_is_its_own_line(world: PlanWorld) -> None:
    plan = world.planned().plan
    world.switch.turns = [(Freeze(instance_id=None, by="oleg", reason="month end", since=LOOK_AT),)]
    state = world.applied(plan)
    assert [line.stage for line in state.lines] == [LineStage.FAILED] * 2
    assert all("month end" in str(line.problem) for line in state.lines)
    assert not any(server.signals for server in world.servers.values())


# --- it can be stopped -----------------------------------------------------------------------------------------------


def stopped_by(world: PlanWorld, halt: Callable[[PlanId], None]) -> PlanState:
    """A plan over one component, in statements of one victim each, that is halted after the second one."""
    plan = world.planned().plan
    world.links[COMPONENT].chunk = 1
    world.links[SECOND].chunk = 1
    seen = world.servers[COMPONENT].signals

    def meanwhile() -> None:
        if len(seen) == 2:
            halt(plan.id)

    world.links[COMPONENT].meanwhile = meanwhile
    world.links[SECOND].chunk_takes = timedelta(seconds=1)
    return world.applied(plan)


def test_a_plan_is_stopped_before_its_next_statement_and_says_what_was_done(world: PlanWorld) -> None:
    def stop(plan_id: PlanId) -> None:
        world.plans.kept[plan_id].stop_by = "oleg"

    state = stopped_by(world, stop)
    assert state.stage is PlanStage.STOPPED
    assert [line.stage for line in state.lines] == [LineStage.STOPPED] * 2
    done, not_done = counts(state)[0][Outcome.TERMINATED], counts(state)[0][Outcome.NOT_REACHED]
    assert done == len(world.servers[COMPONENT].signals)
    assert done + not_done == 4
    assert done < 4
    assert "oleg" in str(state.lines[0].problem)
    assert AuditAction.PLAN_APPLY_STOPPED in world.audit.actions()


def test_a_plan_that_another_service_took_over_is_let_go_of(world: PlanWorld) -> None:
    def take_over(plan_id: PlanId) -> None:
        world.plans.kept[plan_id].claim = "somebody else"

    stopped_by(world, take_over)
    assert len(world.servers[COMPONENT].signals) < 4


def test_a_store_that_goes_away_in_the_middle_stops_the_plan(world: PlanWorld) -> None:
    plan = world.planned().plan
    world.links[COMPONENT].chunk = 1

    def meanwhile() -> None:
        if len(world.servers[COMPONENT].signals) == 2:
            world.plans.out_of_reach = True

    world.links[COMPONENT].meanwhile = meanwhile
    with pytest.raises(StoreUnavailableError):
        world.applied(plan)
    assert len(world.servers[COMPONENT].signals) < 4


def test_a_service_that_stops_ends_its_plans_at_their_next_statement(world: PlanWorld) -> None:
    plan = world.planned().plan
    world.links[COMPONENT].chunk = 1
    world.links[COMPONENT].chunk_takes = timedelta(seconds=1)

    async def stop_soon() -> PlanState | None:
        service = world.service()
        begun = await service(actor(), PROJECT, plan.id, plan.digest, wait=timedelta(seconds=2))
        assert begun.stage is PlanStage.APPLYING
        await service.close()
        return await world.plans.find(PROJECT, plan.id)

    state = run(stop_soon())
    assert state is not None
    assert state.stage is PlanStage.STOPPED
    assert len(world.servers[COMPONENT].signals) < 4
    assert counts(state)[0][Outcome.TERMINATED] == len(world.servers[COMPONENT].signals)


@pytest.mark.parametrize("stage", ["open", "applied"])
def test_only_a_plan_that_is_being_applied_can_be_stopped(world: PlanWorld, stage: str) -> None:
    plan = world.planned().plan
    if stage == "applied":
        world.applied(plan)
    with pytest.raises(PlanNotRunningError, match=stage):
        run(world.stop(actor(), PROJECT, plan.id))


@pytest.mark.parametrize(
    ("caller", "error"),
    [(actor(Role.VIEWER), PermissionDeniedError), (actor(project_id=OTHER_PROJECT), ProjectMismatchError)],
    ids=["a viewer", "a stranger"],
)
def test_a_plan_is_stopped_by_those_only_who_might_apply_it(
    world: PlanWorld, caller: object, error: type[VacateError]
) -> None:
    plan = world.planned().plan
    with pytest.raises(error):
        run(world.stop(caller, PROJECT, plan.id))  # pyright: ignore[reportArgumentType]


def test_a_plan_that_is_running_is_told_to_stop_by_whoever_asks_any_service(world: PlanWorld) -> None:
    plan = world.planned().plan
    world.links[COMPONENT].chunk = 1
    world.links[COMPONENT].chunk_takes = timedelta(seconds=1)
    world.links[SECOND].chunk = 1
    world.links[SECOND].chunk_takes = timedelta(seconds=1)

    async def stop_it() -> PlanState | None:
        service = world.service()
        await service(actor(), PROJECT, plan.id, plan.digest, wait=timedelta(seconds=2))
        told = await world.stop(actor(), PROJECT, plan.id)
        assert told.stage is PlanStage.APPLYING
        await asyncio.sleep(10)
        return await world.plans.find(PROJECT, plan.id)

    state = run(stop_it())
    assert state is not None
    assert state.stage is PlanStage.STOPPED
    assert all(0 < len(world.servers[each].signals) < 4 for each in BOTH)
