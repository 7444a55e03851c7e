"""A plan is made, looked at and applied on the running service; it only shrinks, and is applied once."""

import asyncio
from collections.abc import Generator

import pytest

from tests.contract.administration import Administrator, outcomes, planned_pids
from tests.contract.conftest import Users
from tests.contract.database_sessions import pids, running_statement, sessions, states
from tests.contract.places import BROKEN_INSTANCE, INSTANCE, NODES, OTHER_PROJECT
from tests.support.service import COORDINATOR, DATA_NODE, Cluster, RunningService, Site

SHOP = {"applications": {"include": ["shop"]}}


@pytest.fixture
def olga(service: RunningService, users: Users) -> Administrator:
    return Administrator(service=service, key=users.operator)


@pytest.fixture
def vera(service: RunningService, users: Users) -> Administrator:
    return Administrator(service=service, key=users.viewer)


@pytest.fixture
def stranger(service: RunningService, users: Users) -> Administrator:
    """Somebody with a valid key of another project."""
    return Administrator(service=service, key=users.other)


@pytest.fixture
def thawed(site: Site) -> Generator[None]:
    yield
    site.vacate("freeze", "off", INSTANCE)


# --- planning and applying -------------------------------------------------------------------------------------------


async def test_a_plan_ends_nobody_and_its_application_ends_whom_it_names(cluster: Cluster, olga: Administrator) -> None:
    async with sessions(cluster.dsn(cluster.coordinator, "app"), 3) as idle:
        plan = await asyncio.to_thread(olga.plan, SHOP)
        assert planned_pids(plan) == set(pids(idle))
        assert set(states(cluster.coordinator, pids(idle))) == set(pids(idle))
        (line,) = plan["components"]
        assert line["slots"]["free_after"] - line["slots"]["free"] == 3

        answer = await asyncio.to_thread(olga.apply, plan)
        assert (answer.status, answer.json["stage"]) == (200, "applied")
        assert outcomes(answer.json) == {"terminated": 3}
        assert states(cluster.coordinator, pids(idle)) == {}


async def test_who_wakes_goes_or_comes_after_the_plan_is_left_alone(cluster: Cluster, olga: Administrator) -> None:
    app = cluster.dsn(cluster.coordinator, "app")
    async with sessions(app, 4) as opened:
        stays, woken, used, goes = opened
        plan = await asyncio.to_thread(olga.plan, SHOP)
        await used.fetchval("SELECT 1")
        await goes.close()
        async with sessions(app, 1) as later, running_statement(woken):
            answer = await asyncio.to_thread(olga.apply, plan)
            living = states(cluster.coordinator, pids([stays, woken, used, *later]))
    assert set(living) == set(pids([woken, used, *later]))
    assert outcomes(answer.json) == {"terminated": 1, "spared": 2, "gone": 1}


async def test_a_plan_is_applied_once_even_by_many_at_the_same_time(cluster: Cluster, olga: Administrator) -> None:
    async with sessions(cluster.dsn(cluster.coordinator, "app"), 2):
        plan = await asyncio.to_thread(olga.plan, SHOP)
        answers = await asyncio.gather(*(asyncio.to_thread(olga.apply, plan) for _ in range(6)))
    assert sorted(answer.status for answer in answers) == [200, 409, 409, 409, 409, 409]


async def test_whoever_has_read_another_plan_applies_none(cluster: Cluster, olga: Administrator) -> None:
    async with sessions(cluster.dsn(cluster.coordinator, "app"), 1) as idle:
        plan = await asyncio.to_thread(olga.plan, SHOP)
        answer = await asyncio.to_thread(olga.apply, {**plan, "digest": "0" * 64})
        assert answer.status == 409
        assert set(states(cluster.coordinator, pids(idle))) == set(pids(idle))
        assert (await asyncio.to_thread(olga.apply, plan)).status == 200, "the wrong one has not spent it"


def test_one_component_that_cannot_be_looked_at_is_one_line_of_the_plan(olga: Administrator) -> None:
    plan = olga.done("POST", "plans", {})
    problems = {(line["instance_id"], line["component_id"]): line["problem"] for line in plan["components"]}
    broken = {place for place, problem in problems.items() if problem}
    assert {place for place in problems if place[0] == BROKEN_INSTANCE} == broken
    assert {(INSTANCE, COORDINATOR), (INSTANCE, DATA_NODE)} <= problems.keys() - broken

    state = olga.apply(plan).json
    stages = {(line["instance_id"], line["component_id"]): line["progress"]["stage"] for line in state["components"]}
    assert state["stage"] == "applied"
    assert {place for place, stage in stages.items() if stage == "failed"} == broken
    assert stages[INSTANCE, COORDINATOR] == stages[INSTANCE, DATA_NODE] == "done"


async def test_idle_in_transaction_can_be_planned_with_a_threshold_of_its_own(
    cluster: Cluster, olga: Administrator
) -> None:
    async with sessions(cluster.dsn(cluster.coordinator, "app"), 3) as opened:
        holds, fails, rests = opened
        await holds.execute("BEGIN; SELECT 1")
        with pytest.raises(Exception, match="division by zero"):
            await fails.execute("BEGIN; SELECT 1/0")
        wanted = {"states": {"idle in transaction": "0s", "idle": "1h", "idle in transaction (aborted)": "1h"}}
        plan = await asyncio.to_thread(olga.plan, {**SHOP, **wanted})
        assert planned_pids(plan) == set(pids([holds]))
        assert outcomes((await asyncio.to_thread(olga.apply, plan)).json) == {"terminated": 1}
        assert set(states(cluster.coordinator, pids(opened))) == set(pids([fails, rests]))


async def test_a_group_keeps_its_youngest(cluster: Cluster, olga: Administrator) -> None:
    async with sessions(cluster.dsn(cluster.coordinator, "app"), 5) as opened:
        limits = {"group_by": "application", "keep_youngest": 2}
        plan = await asyncio.to_thread(olga.plan, {**SHOP, **limits})
        assert planned_pids(plan) == set(pids(opened[:3]))
        (line,) = plan["components"]
        assert line["spared"]["kept_youngest"] == 2
        await asyncio.to_thread(olga.apply, plan)
        assert set(states(cluster.coordinator, pids(opened))) == set(pids(opened[3:]))


@pytest.mark.parametrize(
    ("criteria", "words"),
    [
        ({"user": {"include": ["app"]}}, "criteria: Object contains unknown field `user`"),
        ({"users": {"includes": ["app"]}}, "criteria.users: Object contains unknown field `includes`"),
        ({"users": {"include": ["x", {"regex": "(a"}]}}, "criteria.users.include[1].regex"),
        ({"states": {"active": "1s"}}, "criteria.states: sessions whose state is 'active' are never chosen"),
        ({"states": {"idle": "1 fortnight"}}, "criteria.states.idle"),
        ({"clients": {"include": ["10.0.0.1/8"]}}, "criteria.clients.include[0]"),
    ],
)
def test_criteria_that_cannot_be_used_are_refused_with_their_place(
    olga: Administrator, criteria: object, words: str
) -> None:
    answer = olga.ask("POST", "plans", {"instance_id": INSTANCE, "criteria": criteria})
    assert answer.status == 400
    assert words in answer.json["error_msg"]


def test_an_empty_include_selects_nobody(olga: Administrator) -> None:
    assert olga.plan({"users": {"include": []}})["victims"] == 0


# --- stopping and freezing -------------------------------------------------------------------------------------------


def test_a_plan_that_is_not_being_applied_cannot_be_stopped(olga: Administrator) -> None:
    plan = olga.plan({"users": {"include": []}})
    assert olga.ask("POST", f"plans/{plan['id']}/stop").status == 409


@pytest.mark.usefixtures("thawed")
async def test_while_kills_are_frozen_a_plan_is_spent_without_ending_anybody(
    cluster: Cluster, olga: Administrator
) -> None:
    async with sessions(cluster.dsn(cluster.coordinator, "app"), 1) as idle:
        plan = await asyncio.to_thread(olga.plan, SHOP)
        await asyncio.to_thread(olga.done, "PUT", f"freezes/{INSTANCE}", {"reason": "month end"})
        state = (await asyncio.to_thread(olga.apply, plan)).json
        (line,) = state["components"]
        assert line["progress"]["stage"] == "failed"
        assert "month end" in line["progress"]["problem"]
        assert set(states(cluster.coordinator, pids(idle))) == set(pids(idle))


# --- who may, and who may know ---------------------------------------------------------------------------------------


def test_a_viewer_may_look_and_not_plan(vera: Administrator, olga: Administrator) -> None:
    plan = olga.plan({"users": {"include": []}})
    assert vera.done("GET", f"plans/{plan['id']}")["digest"] == plan["digest"]
    assert vera.ask("POST", "plans", {}).status == 403
    assert vera.apply(plan).status == 403
    assert vera.ask("PUT", f"freezes/{INSTANCE}", {"reason": "x"}).status == 403


def test_a_key_of_another_project_opens_nothing(stranger: Administrator, olga: Administrator) -> None:
    plan = olga.plan({"users": {"include": []}})
    attempts = [
        stranger.ask("GET", "plans"),
        stranger.ask("GET", f"plans/{plan['id']}"),
        stranger.ask("POST", "plans", {}),
        stranger.apply(plan),
        stranger.ask("POST", f"plans/{plan['id']}/stop"),
        stranger.ask("GET", "audit"),
        stranger.ask("PUT", f"freezes/{INSTANCE}", {"reason": "x"}),
        stranger.ask("DELETE", f"freezes/{INSTANCE}"),
    ]
    assert {answer.status for answer in attempts} == {403}
    assert len({answer.code for answer in attempts}) == 1


def test_a_plan_of_one_project_is_nobody_in_another(olga: Administrator, service: RunningService, users: Users) -> None:
    plan = olga.plan({"users": {"include": []}})
    at_home = Administrator(service=service, key=users.other, project=OTHER_PROJECT)
    assert at_home.ask("GET", f"plans/{plan['id']}").status == 404
    assert at_home.apply(plan).status == 404
    assert at_home.ask("POST", "plans", {"instance_id": INSTANCE}).status == 404
    found = at_home.done("GET", "audit", plan_id=plan["id"])["events"]
    assert all(event["action"] == "plan:apply:refused" for event in found), "its own attempts, and nothing of the plan"


# --- explaining and searching ----------------------------------------------------------------------------------------


async def test_a_session_is_explained_by_every_rule_and_by_criteria_of_the_callers_own(
    cluster: Cluster, olga: Administrator
) -> None:
    async with sessions(cluster.dsn(cluster.coordinator, "app"), 1) as opened:
        (pid,) = pids(opened)
        place = {"instance_id": INSTANCE, "node_id": NODES[COORDINATOR], "component_id": COORDINATOR, "pid": pid}
        would_end = await asyncio.to_thread(olga.done, "POST", "explain", place)
        await opened[0].fetchval("SELECT pg_advisory_lock(1)")
        spared = await asyncio.to_thread(olga.done, "POST", "explain", place)
        young = {"states": {"idle": "1h"}, "users": {"exclude": [{"glob": "a*"}]}}
        missed = await asyncio.to_thread(olga.done, "POST", "explain", {**place, "criteria": young})
        assert set(states(cluster.coordinator, [pid])) == {pid}
    assert would_end["ends"] is True
    assert (spared["ends"], spared["outcome"]) == (False, "it would be spared: it holds an advisory lock")
    objecting = [step["rule"] for step in missed["trail"] if step["answer"] == "objects"]
    assert objecting == ["too_fresh", "not_selected", "advisory_lock"]
    assert [step["rule"] for step in spared["trail"]] == [step["rule"] for step in missed["trail"]]


async def test_the_audit_answers_who_ended_a_session_and_why(cluster: Cluster, olga: Administrator, site: Site) -> None:
    async with sessions(cluster.dsn(cluster.coordinator, "app"), 2) as opened:
        ended, spared = pids(opened)
        await opened[1].execute("BEGIN")
        plan = await asyncio.to_thread(olga.plan, SHOP)
        await asyncio.to_thread(olga.apply, plan)
    found = olga.done("GET", "audit", pid=ended, plan_id=plan["id"])["events"]
    assert [event["action"] for event in found] == [
        "session:kill_planned:finished",
        "session:kill_planned:intended",
        "plan:make:finished",
    ]
    (session,) = found[0]["sessions"]
    assert (session["pid"], session["outcome"]) == (ended, "terminated")
    assert found[0]["operator"] == "olga"
    assert spared not in {each["pid"] for event in found for each in event["sessions"]}
    said = site.vacate("audit", "search", "--pid", str(ended), "--plan", plan["id"])
    assert "terminated" in said
    assert "olga" in said
    assert site.vacate("audit", "verify").startswith("whole: ")
