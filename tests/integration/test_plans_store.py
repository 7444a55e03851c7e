"""Plans in the store, the same on SQLite and on PostgreSQL: claimed once, held, taken over and forgotten."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.place import COMPONENT, INSTANCE, OTHER_PROJECT, PROJECT
from tests.support.sessions import LOOK_AT, idle_session
from vacate.domain.judging.verdicts import Verdict
from vacate.domain.judging.victim_warnings import VictimWarning, WarningKind
from vacate.domain.plans.plan import (
    Application,
    LineProgress,
    LineStage,
    Plan,
    PlanId,
    PlannedComponent,
    PlanStage,
    Scope,
    planned,
)
from vacate.domain.sessions.slots import Slots
from vacate.domain.sweeps.report import Outcome
from vacate.domain.topology.components import ComponentId
from vacate.store.database import open_database
from vacate.store.plans import SqlPlans

MINUTE = timedelta(minutes=1)


def plan_of(name: str = "p1", *, made_after: timedelta = timedelta(0)) -> Plan:
    verdicts = [
        Verdict(
            session=idle_session(session_id=each, pid=each, user="müller \N{SNOWMAN} \0", in_state_for=each * MINUTE)
        )
        for each in (1001, 1002)
    ]
    victims = tuple(victim for verdict in verdicts if (victim := planned(verdict)) is not None)
    other = replace(COMPONENT, id=ComponentId("cn_5002"))
    return Plan(
        id=PlanId(name),
        scope=Scope(project_id=PROJECT, instance_id=INSTANCE.id),
        criteria='{"users":{"include":["m\\u00fcller"]}}',
        made_at=LOOK_AT + made_after,
        expires_at=LOOK_AT + made_after + 10 * MINUTE,
        by="olga",
        request_id="r1",
        components=(
            PlannedComponent(
                component=COMPONENT,
                victims=victims,
                spared=(("listener", 2), ("not_idle", 3)),
                slots=Slots(maximum=100, reserved=3, used=50),
                warnings=(
                    VictimWarning(
                        kind=WarningKind.POOL, sessions=2, user="app", client_address="192.0.2.7", application=""
                    ),
                ),
            ),
            PlannedComponent(component=other, problem="no answer"),
        ),
    )


def application(claim: str) -> Application:
    return Application(by="oleg", request_id=claim, started_at=LOOK_AT + MINUTE)


@pytest.fixture
async def plans(store_url: str) -> AsyncIterator[SqlPlans]:
    database = await open_database(store_url)
    yield SqlPlans(database)
    await database.close()


async def test_a_plan_is_read_back_as_it_was_kept_with_the_same_digest(plans: SqlPlans) -> None:
    plan = plan_of()
    await plans.keep(plan)
    state = await plans.find(PROJECT, plan.id)
    assert state is not None
    assert state.plan == plan
    assert state.plan.digest == plan.digest
    assert (state.stage, state.application) == (PlanStage.OPEN, None)
    assert state.lines == tuple(LineProgress(component=line.component) for line in plan.components)


async def test_a_plan_of_another_project_is_not_found(plans: SqlPlans) -> None:
    await plans.keep(plan_of())
    assert await plans.find(OTHER_PROJECT, PlanId("p1")) is None
    assert await plans.recent(OTHER_PROJECT, 10) == ()


async def test_the_last_plans_come_first(plans: SqlPlans) -> None:
    for place, name in enumerate(["p1", "p2", "p3"]):
        await plans.keep(plan_of(name, made_after=place * MINUTE))
    assert [state.plan.id for state in await plans.recent(PROJECT, 2)] == ["p3", "p2"]


async def test_of_many_who_claim_a_plan_at_once_one_gets_it(plans: SqlPlans) -> None:
    plan = plan_of()
    await plans.keep(plan)
    claims = [application(f"r{each}") for each in range(8)]
    got = await asyncio.gather(*(plans.claim(plan.id, each) for each in claims))
    assert sum(got) == 1
    state = await plans.find(PROJECT, plan.id)
    assert state is not None
    assert state.stage is PlanStage.APPLYING
    assert state.application == claims[got.index(True)]


async def test_how_far_a_plan_has_come_is_kept_for_the_claim_that_holds_it_and_for_no_other(plans: SqlPlans) -> None:
    plan = plan_of()
    await plans.keep(plan)
    await plans.claim(plan.id, application("r2"))
    done = LineProgress(
        component=COMPONENT,
        stage=LineStage.DONE,
        counts={Outcome.TERMINATED: 2, Outcome.WOKE: 1},
        problem="half of it",
        started_at=LOOK_AT,
        finished_at=LOOK_AT + MINUTE,
    )
    await plans.advance(plan.id, "r2", 0, done)
    await plans.advance(plan.id, "somebody else", 1, replace(done, component=plan.components[1].component))
    state = await plans.find(PROJECT, plan.id)
    assert state is not None
    assert state.lines == (done, LineProgress(component=plan.components[1].component))


async def test_whoever_holds_a_plan_hears_of_a_stop_and_nobody_else_holds_it(plans: SqlPlans) -> None:
    plan = plan_of()
    await plans.keep(plan)
    assert not await plans.ask_to_stop(plan.id, "oleg")
    await plans.claim(plan.id, application("r2"))
    assert (await plans.hold(plan.id, "r2", LOOK_AT)).stop_by is None
    assert await plans.ask_to_stop(plan.id, "oleg")
    hold = await plans.hold(plan.id, "r2", LOOK_AT)
    assert (hold.ours, hold.stop_by) == (True, "oleg")
    assert not (await plans.hold(plan.id, "r3", LOOK_AT)).ours


async def test_a_plan_ends_once(plans: SqlPlans) -> None:
    plan = plan_of()
    await plans.keep(plan)
    await plans.claim(plan.id, application("r2"))
    assert not await plans.finish(plan.id, "r3", PlanStage.APPLIED, LOOK_AT + 2 * MINUTE)
    assert await plans.finish(plan.id, "r2", PlanStage.STOPPED, LOOK_AT + 2 * MINUTE)
    assert not await plans.finish(plan.id, "r2", PlanStage.APPLIED, LOOK_AT + 3 * MINUTE)
    state = await plans.find(PROJECT, plan.id)
    assert state is not None
    assert state.application is not None
    assert (state.stage, state.application.finished_at) == (PlanStage.STOPPED, LOOK_AT + 2 * MINUTE)
    assert not await plans.claim(plan.id, application("r4"))
    assert not (await plans.hold(plan.id, "r2", LOOK_AT)).ours


async def test_a_plan_that_nobody_holds_is_taken_over_by_one(plans: SqlPlans) -> None:
    for name in ("left", "held", "open"):
        await plans.keep(plan_of(name))
    for name in ("left", "held"):
        await plans.claim(PlanId(name), application("r2"))
    await plans.hold(PlanId("held"), "r2", LOOK_AT + 5 * MINUTE)
    seen = await plans.heartbeats()
    assert seen == {"left": application("r2").started_at, "held": LOOK_AT + 5 * MINUTE}
    now = LOOK_AT + 6 * MINUTE
    left = PlanId("left")
    taken = await asyncio.gather(*(plans.take_over(left, seen[left], f"s{each}", now) for each in range(4)))
    (winner,) = (f"s{place}" for place, each in enumerate(taken) if each is not None)
    await plans.hold(PlanId("held"), "r2", now)
    assert await plans.take_over(PlanId("held"), seen[PlanId("held")], "s9", now) is None
    assert await plans.take_over(PlanId("open"), now, "s9", now) is None
    assert (await plans.hold(PlanId("left"), winner, now)).ours
    assert not (await plans.hold(PlanId("left"), "r2", now)).ours


async def test_old_plans_are_forgotten_except_one_that_is_being_applied(plans: SqlPlans) -> None:
    for name in ("old", "running"):
        await plans.keep(plan_of(name))
    await plans.keep(plan_of("new", made_after=60 * MINUTE))
    await plans.claim(PlanId("running"), application("r2"))
    assert await plans.forget(LOOK_AT + 30 * MINUTE) == 1
    assert {state.plan.id for state in await plans.recent(PROJECT, 10)} == {"running", "new"}
