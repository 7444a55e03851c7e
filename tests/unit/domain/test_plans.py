"""A plan's digest is that of everything it says, and a victim is the one that was planned."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.place import COMPONENT, INSTANCE, PROJECT
from tests.support.sessions import LOOK_AT, idle_session
from vacate.domain.judging.criteria import Criterion
from vacate.domain.judging.verdicts import Objection, Verdict
from vacate.domain.judging.victim_warnings import VictimWarning, WarningKind
from vacate.domain.plans.plan import (
    Application,
    Plan,
    PlanId,
    PlannedComponent,
    PlannedVictim,
    PlanStage,
    PlanState,
    Scope,
    planned,
)
from vacate.domain.sessions.session import Demand
from vacate.domain.sessions.slots import Slots
from vacate.domain.topology.components import ComponentId, InstanceId


def victim_of(**facts: object) -> PlannedVictim:
    made = planned(Verdict(session=idle_session(**facts)))  # pyright: ignore[reportArgumentType]
    assert made is not None
    return made


ONE = victim_of(session_id=1001, pid=1001)
TWO = victim_of(session_id=1002, pid=1002)
LINE = PlannedComponent(
    component=COMPONENT,
    victims=(ONE, TWO),
    spared=(("not_idle", 3),),
    slots=Slots(maximum=100, reserved=3, used=50),
)
PLAN = Plan(
    id=PlanId("p1"),
    scope=Scope(project_id=PROJECT, instance_id=INSTANCE.id),
    criteria=None,
    made_at=LOOK_AT,
    expires_at=LOOK_AT + timedelta(minutes=10),
    by="olga",
    request_id="r1",
    components=(LINE,),
)


POOL = VictimWarning(kind=WarningKind.POOL, sessions=2, user="app", client_address="192.0.2.7", application="")


def with_line(**changes: object) -> Plan:
    return replace(PLAN, components=(replace(LINE, **changes),))  # pyright: ignore[reportArgumentType]


def with_victim(**changes: object) -> Plan:
    return with_line(victims=(replace(ONE, **changes), TWO))  # pyright: ignore[reportArgumentType]


DIFFERENT: dict[str, Callable[[], Plan]] = {
    "another id": lambda: replace(PLAN, id=PlanId("p2")),
    "another scope": lambda: replace(PLAN, scope=Scope(project_id=PROJECT)),
    "criteria of its own": lambda: replace(PLAN, criteria="{}"),
    "made later": lambda: replace(PLAN, made_at=PLAN.made_at + timedelta(microseconds=1)),
    "expires later": lambda: replace(PLAN, expires_at=PLAN.expires_at + timedelta(days=1)),
    "made by somebody else": lambda: replace(PLAN, by="oleg"),
    "made by another call": lambda: replace(PLAN, request_id="r2"),
    "no component": lambda: replace(PLAN, components=()),
    "another component": lambda: with_line(component=replace(COMPONENT, id=ComponentId("cn_5002"))),
    "one victim less": lambda: with_line(victims=(ONE,)),
    "another order": lambda: with_line(victims=(TWO, ONE)),
    "other counts": lambda: with_line(spared=(("not_idle", 4),)),
    "fuller": lambda: with_line(slots=Slots(maximum=100, reserved=3, used=51)),
    "a problem": lambda: with_line(problem="no answer"),
    "a warning": lambda: with_line(warnings=(POOL,)),
    "another start": lambda: with_victim(key=replace(ONE.key, backend_start=LOOK_AT)),
    "another pid": lambda: with_victim(pid=7),
    "another demand": lambda: with_victim(demand=Demand.SAME_SESSION),
    "another period": lambda: with_victim(since=LOOK_AT),
    "another state": lambda: with_victim(state="active"),
    "idle for longer": lambda: with_victim(in_state_for=timedelta(days=3)),
    "another user": lambda: with_victim(user="root"),
    "another database": lambda: with_victim(database="bank"),
    "another application": lambda: with_victim(application=None),
    "another client": lambda: with_victim(client_address="::1"),
}


@pytest.mark.parametrize("change", DIFFERENT)
def test_whatever_differs_gives_another_digest(change: str) -> None:
    assert DIFFERENT[change]().digest != PLAN.digest


@pytest.mark.parametrize(
    "change",
    [
        {"kind": WarningKind.POOLER},
        {"sessions": 1},
        {"user": None},
        {"client_address": None},
        {"application": None},
    ],
)
def test_a_warning_that_says_something_else_gives_another_digest(change: dict[str, Any]) -> None:
    assert with_line(warnings=(replace(POOL, **change),)).digest != with_line(warnings=(POOL,)).digest


def test_the_same_plan_has_the_same_digest() -> None:
    assert replace(PLAN).digest == PLAN.digest
    assert len(PLAN.digest) == 64


def test_a_name_that_holds_the_marks_of_the_text_is_no_other_plan() -> None:
    one = with_victim(user='a","b', database="c")
    two = with_victim(user="a", database='b","c')
    assert one.digest != two.digest


def test_a_spared_session_is_no_planned_victim() -> None:
    spared = Verdict(session=idle_session(), objections=(Objection(by=Criterion.NOT_IDLE, reason="it is busy"),))
    assert planned(spared) is None


def test_a_victim_is_meant_as_long_as_it_is_in_the_same_idle_period() -> None:
    verdict = Verdict(session=idle_session(session_id=1001, pid=1001))
    assert verdict.victim is not None
    assert ONE.still_meant(verdict.victim)
    assert not ONE.still_meant(replace(verdict.victim, since=LOOK_AT))
    assert not ONE.still_meant(replace(verdict.victim, demand=Demand.SAME_SESSION))
    assert not TWO.still_meant(verdict.victim)


def test_victims_count_over_all_components() -> None:
    other = replace(LINE, component=replace(COMPONENT, id=ComponentId("cn_5002")), victims=(ONE,))
    assert replace(PLAN, components=(LINE, other)).victims == 3


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        (Scope(project_id=PROJECT), f"project {PROJECT}"),
        (Scope(project_id=PROJECT, instance_id=InstanceId("i1")), "instance i1"),
        (
            Scope(
                project_id=PROJECT,
                instance_id=COMPONENT.instance_id,
                node_id=COMPONENT.node_id,
                component_id=COMPONENT.id,
            ),
            str(COMPONENT),
        ),
    ],
    ids=["all", "an instance", "a component"],
)
def test_a_scope_says_what_it_is_over(scope: Scope, words: str) -> None:
    assert str(scope) == words


def test_only_an_open_plan_expires_and_it_does_so_on_the_dot() -> None:
    open_plan = PlanState(plan=PLAN, stage=PlanStage.OPEN, application=None, lines=())
    assert not open_plan.expired(PLAN.expires_at - timedelta(microseconds=1))
    assert open_plan.expired(PLAN.expires_at)
    applied = replace(
        open_plan,
        stage=PlanStage.APPLIED,
        application=Application(by="olga", request_id="r2", started_at=LOOK_AT),
    )
    assert not applied.expired(PLAN.expires_at)


def test_a_victim_of_a_plan_keeps_who_it_was_and_how_it_was_seen() -> None:
    session = idle_session(session_id=1001, pid=77)
    assert session.key is not None
    assert planned(Verdict(session=session)) == PlannedVictim(
        key=session.key,
        pid=77,
        demand=Demand.SAME_IDLE_PERIOD,
        since=session.state_change,
        state="idle",
        in_state_for=session.in_state_for,
        user="app",
        database="shop",
        application="web",
        client_address="192.0.2.7",
    )


def test_what_is_not_known_of_a_victim_has_its_place_in_the_digest() -> None:
    digests = {
        with_victim(since=None).digest,
        with_victim(in_state_for=None).digest,
        with_line(slots=None).digest,
        PLAN.digest,
    }
    assert len(digests) == 4
