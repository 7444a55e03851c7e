"""A plan whose application was cut off says of each component exactly what is known."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.hurry import run
from tests.support.place import COMPONENT
from tests.support.planning import SECOND, PlanWorld
from vacate.domain.access.identity import CredentialKind
from vacate.domain.audit.event import AuditAction
from vacate.domain.errors import AuditUnavailableError, ComponentUnreachableError, PlanSpentError
from vacate.domain.plans.plan import LineProgress, LineStage, Plan, PlanStage, PlanState
from vacate.domain.sweeps.report import Outcome


class Killed(BaseException):
    """The service is killed at this very point."""


class Scene:
    """A service that is killed while it applies a plan, and whoever settles it afterwards."""

    def __init__(self) -> None:
        self.world = PlanWorld()
        self.world.open(COMPONENT, 4)
        self.world.open(SECOND, 2)
        self.world.links[COMPONENT].chunk = 1
        # The first component is the one in whose middle it happens.
        self.world.links[SECOND].chunk_takes = timedelta(hours=1)

    def killed_when(self, moment: Callable[[], bool]) -> Plan:
        plan = self.world.planned().plan

        def meanwhile() -> None:
            if moment():
                raise Killed

        self.world.links[COMPONENT].meanwhile = meanwhile
        assert self.world.applied(plan).stage is PlanStage.APPLYING
        self.world.links[COMPONENT].meanwhile = lambda: None
        self.world.gateway.held.clear()
        # What a dead service would have written last it cannot have written.
        self.world.audit.events = [
            event for event in self.world.audit.events if event.action is not AuditAction.KILL_PLANNED_FINISHED
        ]
        return plan

    def settled(self, plan: Plan) -> PlanState:
        assert run(self.world.settle()) == 0
        self.world.clock.now += timedelta(minutes=1)
        assert run(self.world.settle()) == 1
        return self.world.plans.kept[plan.id].state


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_component_whose_intent_was_written_is_asked_who_is_still_there(scene: Scene) -> None:
    signals = scene.world.servers[COMPONENT].signals
    plan = scene.killed_when(lambda: len(signals) == 2)
    state = scene.settled(plan)
    assert state.stage is PlanStage.INTERRUPTED
    first, _ = state.lines
    assert first.stage is LineStage.INTERRUPTED
    assert first.counts == {Outcome.GONE: 2, Outcome.UNCONFIRMED: 2}
    assert len(scene.world.servers[COMPONENT].session_ids()) == 2


def test_a_component_without_an_intent_was_left_alone_and_says_so(scene: Scene) -> None:
    plan = scene.killed_when(lambda: True)
    first, _ = scene.settled(plan).lines
    assert first.stage is LineStage.STOPPED
    assert "nothing was ended" in str(first.problem)
    assert len(scene.world.servers[COMPONENT].session_ids()) == 4


def test_a_component_whose_events_cannot_be_read_is_never_said_to_have_been_left_alone(scene: Scene) -> None:
    signals = scene.world.servers[COMPONENT].signals
    plan = scene.killed_when(lambda: len(signals) == 2)
    scene.world.audit.spoilt = frozenset({AuditAction.KILL_PLANNED_INTENDED})
    first, _ = scene.settled(plan).lines
    assert first.stage is LineStage.INTERRUPTED
    assert "is not known, events of it cannot be read" in str(first.problem)


def test_a_component_that_cannot_be_asked_says_that_it_was_not_seen(scene: Scene) -> None:
    signals = scene.world.servers[COMPONENT].signals
    plan = scene.killed_when(lambda: len(signals) == 2)
    scene.world.gateway.refusals[COMPONENT] = ComponentUnreachableError("no answer")
    first, _ = scene.settled(plan).lines
    assert first.stage is LineStage.INTERRUPTED
    assert first.counts == {Outcome.UNCONFIRMED: 4}
    assert "no answer" in str(first.problem)


def test_a_component_whose_end_is_in_the_audit_is_done(scene: Scene) -> None:
    plan = scene.world.planned().plan
    scene.world.links[SECOND].chunk_takes = timedelta(0)
    scene.world.applied(plan)
    kept = scene.world.plans.kept[plan.id]
    # Everything was done, and the store did not take the last word.
    kept.state = PlanState(
        plan=plan,
        stage=PlanStage.APPLYING,
        application=kept.state.application,
        lines=tuple(LineProgress(component=line.component, stage=LineStage.RUNNING) for line in kept.state.lines),
    )
    state = scene.settled(plan)
    assert [line.stage for line in state.lines] == [LineStage.DONE] * 2
    assert [dict(line.counts) for line in state.lines] == [{Outcome.TERMINATED: 4}, {Outcome.TERMINATED: 2}]


def test_what_was_seen_afterwards_is_in_the_audit_under_the_name_of_whoever_applied_it(scene: Scene) -> None:
    signals = scene.world.servers[COMPONENT].signals
    plan = scene.killed_when(lambda: len(signals) == 2)
    scene.settled(plan)
    told, interrupted = scene.world.audit.events[-2:]
    assert told.action is AuditAction.KILL_PLANNED_FINISHED
    assert told.actor.user_name == "olga"
    assert interrupted.action is AuditAction.PLAN_APPLY_INTERRUPTED
    assert interrupted.actor.credential_kind is CredentialKind.SERVICE
    assert {told.plan_id, interrupted.plan_id} == {plan.id}


def test_a_plan_that_is_still_held_is_left_alone(scene: Scene) -> None:
    signals = scene.world.servers[COMPONENT].signals
    plan = scene.killed_when(lambda: len(signals) == 2)
    kept = scene.world.plans.kept[plan.id]
    claim = kept.claim
    assert claim is not None
    for _ in range(3):
        assert run(scene.world.settle()) == 0
        scene.world.clock.now += timedelta(minutes=1)
        assert run(scene.world.plans.hold(plan.id, claim, scene.world.clock.now)).ours
    assert run(scene.world.settle()) == 0


@pytest.mark.parametrize("step", [timedelta(days=1), -timedelta(days=1)], ids=["forward", "back"])
def test_a_step_of_the_wall_clock_takes_no_plan_away(scene: Scene, step: timedelta) -> None:
    signals = scene.world.servers[COMPONENT].signals
    scene.killed_when(lambda: len(signals) == 2)
    settle = replace(scene.world.settle, seconds=lambda: 0.0)
    for _ in range(3):
        scene.world.clock.now += step
        assert run(settle()) == 0


def test_a_plan_that_was_settled_is_not_settled_again_and_never_applied_again(scene: Scene) -> None:
    signals = scene.world.servers[COMPONENT].signals
    plan = scene.killed_when(lambda: len(signals) == 2)
    scene.settled(plan)
    scene.world.clock.now += timedelta(minutes=1)
    assert run(scene.world.settle()) == 0
    with pytest.raises(PlanSpentError):
        scene.world.applied(plan)


def test_a_settlement_that_the_audit_does_not_take_is_tried_again(scene: Scene) -> None:
    signals = scene.world.servers[COMPONENT].signals
    plan = scene.killed_when(lambda: len(signals) == 2)
    assert run(scene.world.settle()) == 0
    scene.world.audit.break_down()
    scene.world.clock.now += timedelta(minutes=1)
    with pytest.raises(AuditUnavailableError):
        run(scene.world.settle())
    scene.world.audit.recover()
    assert scene.settled(plan).stage is PlanStage.INTERRUPTED
