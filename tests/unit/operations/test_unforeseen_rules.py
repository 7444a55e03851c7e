"""A rule that fails with something nobody foresaw costs its session and no other, and is told."""

import pytest

from tests.support.fakes import World, actor
from tests.support.hurry import run
from tests.support.place import COMPONENT
from tests.support.planning import PlanWorld
from tests.unit.operations.test_explain import TARGET
from vacate.domain.errors import CriteriaError
from vacate.domain.judging import judge as judging
from vacate.domain.judging.criteria import Criteria
from vacate.domain.judging.explanation import Answer
from vacate.domain.judging.judge import judge, judge_named
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.judging.surroundings import Surroundings
from vacate.domain.sessions.session import Session
from vacate.domain.sweeps.report import Outcome
from vacate.domain.topology.components import ComponentKind
from vacate.operations.reading.explain import Explain

FAILING = "its client is called so"
SAID = "whether this holds is unknown: the rule failed with ZeroDivisionError"


@pytest.fixture(autouse=True)
def failing_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have one guard fail at the sessions of one application."""

    def guard(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
        if session.application == FAILING:
            raise ZeroDivisionError
        return None

    monkeypatch.setitem(judging.GUARDS, GuardName.PROTECTED_CLIENT, guard)  # pyright: ignore[reportArgumentType]


def test_a_sweep_spares_that_session_ends_the_others_and_tells() -> None:
    world = World()
    failing, sound = world.server.open(application=FAILING), world.server.open()
    report = world.sweep()
    outcomes = {entry.session.session_id: (entry.outcome, entry.by, entry.reason) for entry in report.sessions}
    assert outcomes[failing] == (Outcome.SPARED, GuardName.PROTECTED_CLIENT, SAID)
    assert outcomes[sound][0] is Outcome.TERMINATED
    ((component, error),) = world.observer.failures
    assert component == COMPONENT
    assert isinstance(error, ZeroDivisionError)


def test_a_named_session_is_spared_too() -> None:
    world = World()
    failing, sound = world.server.open(application=FAILING), world.server.open()
    report = world.kill_named(failing, sound)
    assert {entry.session.session_id: entry.outcome for entry in report.sessions} == {
        failing: Outcome.SPARED,
        sound: Outcome.TERMINATED,
    }


def test_a_plan_leaves_that_session_out_and_tells() -> None:
    world = PlanWorld()
    world.servers[COMPONENT].open(application=FAILING)
    sound = world.servers[COMPONENT].open()
    line = next(line for line in world.planned().plan.components if line.component == COMPONENT)
    assert [victim.key.session_id for victim in line.victims] == [sound]
    assert line.spared == ((GuardName.PROTECTED_CLIENT.value, 1),)
    assert [type(error) for _, error in world.witness.failures] == [ZeroDivisionError]


def test_the_explanation_says_which_rule_failed_and_tells() -> None:
    world = PlanWorld()
    failing = world.servers[COMPONENT].open(application=FAILING)
    operation = Explain(inventory=world.inventory(), gateway=world.gateway, unforeseen=world.witness.unforeseen)
    found = run(operation(actor(), TARGET, session_id=failing))
    (step,) = [step for step in found.trail if step.answer is Answer.OBJECTS]
    assert (step.rule, step.reason) == (GuardName.PROTECTED_CLIENT, SAID)
    assert found.outcome == f"it would be spared: {SAID}"
    assert len(world.witness.failures) == 1


def test_a_guard_that_is_off_is_not_asked() -> None:
    world = PlanWorld()
    failing = world.servers[COMPONENT].open(application=FAILING)
    world.guards = GuardSettings(off=frozenset({GuardName.PROTECTED_CLIENT}))
    operation = Explain(inventory=world.inventory(), gateway=world.gateway, unforeseen=world.witness.unforeseen)
    found = run(operation(actor(), TARGET, session_id=failing))
    (step,) = [step for step in found.trail if step.rule is GuardName.PROTECTED_CLIENT]
    assert step.reason == f"switched off; it would object: {SAID}"
    assert found.verdict.victim is not None
    assert not world.witness.failures


def test_an_error_that_ends_the_judging_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def guard(*_: object) -> str | None:
        raise CriteriaError("the time is over")

    world = World()
    world.server.open()
    (session,) = run(world.link.snapshot()).sessions
    monkeypatch.setitem(judging.GUARDS, GuardName.PROTECTED_CLIENT, guard)  # pyright: ignore[reportArgumentType]
    for judged in (
        lambda: judge([session], Criteria(), GuardSettings(), Surroundings(kind=ComponentKind.DATA_NODE)),
        lambda: judge_named([session], GuardSettings(), Surroundings(kind=ComponentKind.DATA_NODE)),
    ):
        with pytest.raises(CriteriaError):
            judged()
