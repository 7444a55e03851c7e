"""Plans at our own door: what is asked of the operations, and what is answered of them."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.place import COMPONENT, INSTANCE, PROJECT
from tests.unit.http.admin_door import PLAN, Operations
from vacate.api.admin.examples import APPLYING, OPEN
from vacate.domain.errors import (
    AuditUnavailableError,
    CriteriaError,
    PlanDiffersError,
    PlanExpiredError,
    PlanNotRunningError,
    PlanSpentError,
    PlanUnknownError,
    VacateError,
)
from vacate.domain.plans.plan import PlanStage, Scope

ONE = f"plans/{PLAN.id}"
APPLY = f"{ONE}/apply"
DIGEST = {"digest": PLAN.digest}
HERE = {"instance_id": INSTANCE.id, "node_id": COMPONENT.node_id, "component_id": COMPONENT.id}


@pytest.fixture
def operations() -> Operations:
    return Operations()


# --- making ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "scope"),
    [
        ({}, Scope(project_id=PROJECT)),
        ({"instance_id": INSTANCE.id}, Scope(project_id=PROJECT, instance_id=INSTANCE.id)),
        (
            HERE,
            Scope(
                project_id=PROJECT,
                instance_id=INSTANCE.id,
                node_id=COMPONENT.node_id,
                component_id=COMPONENT.id,
            ),
        ),
    ],
    ids=["project", "instance", "component"],
)
async def test_a_plan_is_over_what_the_body_names(operations: Operations, body: object, scope: Scope) -> None:
    answer = await operations.post("plans", body)
    assert answer.status == 201
    assert operations.asked == [("make_plan", scope, None, None)]


async def test_criteria_are_handed_on_letter_by_letter(operations: Operations) -> None:
    written = '{"states":  {"idle": "5min"}, "users": {"exclude": ["\\u00fc", "b"]} }'
    body = f'{{"criteria": {written}, "expires_in": "90s"}}'.encode()
    await operations.send("POST", f"/admin/v1/{PROJECT}/plans", body)
    assert operations.asked == [("make_plan", Scope(project_id=PROJECT), written, timedelta(seconds=90))]


async def test_criteria_that_are_null_are_none(operations: Operations) -> None:
    await operations.post("plans", {"criteria": None})
    assert operations.asked == [("make_plan", Scope(project_id=PROJECT), None, None)]


@pytest.mark.parametrize(
    ("text", "lasts"),
    [
        ("45s", timedelta(seconds=45)),
        ("10min", timedelta(minutes=10)),
        ("2h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
    ],
)
async def test_a_plan_lasts_for_as_long_as_is_asked(operations: Operations, text: str, lasts: timedelta) -> None:
    await operations.post("plans", {"expires_in": text})
    assert operations.asked[0][-1] == lasts


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"node_id": COMPONENT.node_id, "instance_id": INSTANCE.id}, "$.component_id"),
        ({"component_id": COMPONENT.id, "instance_id": INSTANCE.id}, "$.node_id"),
        ({"component_id": COMPONENT.id, "node_id": COMPONENT.node_id}, "$.instance_id"),
        ({"expires_in": "soon"}, "expires_in"),
        ({"expires_in": "-1s"}, "expires_in"),
        ({"expires_in": "9999999999s"}, "expires_in"),
        ({"expires_in": 5}, "$.expires_in"),
        ({"instance_id": 5}, "$.instance_id"),
        ({"instance_id": "a\0b"}, "$.instance_id"),
        ({"instance_id": "a\n"}, "$.instance_id"),
        ({"instance_id": "a" * 129}, "$.instance_id"),
        ({"criteria": {"users": {"include": ["x" * 70_000]}}}, "$.criteria"),
        ({"instanceid": INSTANCE.id}, "`instanceid`"),
    ],
)
async def test_what_is_wrong_in_the_body_is_named(operations: Operations, body: object, place: str) -> None:
    answer = await operations.post("plans", body)
    assert answer.refusal == (400, "DBS.280001")
    assert place in answer.json["error_msg"]
    assert operations.asked == []


async def test_criteria_that_cannot_be_used_are_refused_with_their_place(operations: Operations) -> None:
    operations.fails_with = CriteriaError("criteria.users.include[0]: a regex of its own kind")
    answer = await operations.post("plans", {"criteria": {}})
    assert answer.refusal == (400, "VACATE.4001")
    assert answer.json["error_msg"] == (
        "The criteria cannot be used: criteria.users.include[0]: a regex of its own kind"
    )


async def test_a_plan_is_answered_with_everything_that_it_says(operations: Operations) -> None:
    plan: Any = (await operations.post("plans", {})).json
    assert plan["id"] == PLAN.id
    assert plan["digest"] == PLAN.digest
    assert plan["scope"] == {"instance_id": INSTANCE.id, "node_id": None, "component_id": None}
    assert (plan["made_at"], plan["expires_at"]) == ("2026-01-02T12:00:00Z", "2026-01-02T12:10:00Z")
    assert (plan["by"], plan["victims"], plan["stage"], plan["application"]) == ("olga", 1, "open", None)
    assert plan["criteria"] == {"states": {"idle": "10min"}, "users": {"exclude": ["batch"]}}
    (line,) = plan["components"]
    assert {name: line[name] for name in HERE} == HERE
    assert line["victims"] == [
        {
            "session_id": 4711,
            "pid": 4711,
            "backend_start": "2026-01-02T10:00:00Z",
            "state": "idle",
            "in_state_seconds": 720.0,
            "user": "app",
            "database": "shop",
            "application": "web",
            "client_address": "192.0.2.7",
        }
    ]
    assert line["spared"] == {"not_idle": 3, "superuser": 1}
    (warning,) = line["warnings"]
    assert (warning["kind"], warning["sessions"], warning["user"]) == ("pooler", 1, "app")
    assert "failover_on_backend_shutdown" in warning["advice"]
    assert line["slots"] == {"maximum": 100, "reserved": 3, "used": 5, "free": 92, "free_after": 93}
    assert line["problem"] is None


async def test_a_component_that_could_not_be_looked_at_says_why(operations: Operations) -> None:
    (line,) = PLAN.components
    silent = replace(line, victims=(), spared=(), slots=None, problem="no answer within 5 s")
    operations.plan = replace(OPEN, plan=replace(PLAN, components=(silent,), criteria=None))
    plan = (await operations.post("plans", {})).json
    assert plan["criteria"] is None
    assert plan["victims"] == 0
    assert plan["components"][0]["slots"] is None
    assert plan["components"][0]["problem"] == "no answer within 5 s"


# --- looking ---------------------------------------------------------------------------------------------------------


async def test_the_list_has_no_victims(operations: Operations) -> None:
    answer = await operations.get("plans?limit=7")
    (plan,) = answer.json["plans"]
    assert (plan["id"], plan["victims"]) == (PLAN.id, 1)
    assert not {"components", "criteria"} & set(plan)
    assert operations.asked == [("list_plans", PROJECT, 7)]


async def test_twenty_plans_are_listed_unless_another_number_is_asked_for(operations: Operations) -> None:
    await operations.get("plans")
    assert operations.asked == [("list_plans", PROJECT, 20)]


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1e1", "1.0", " 1", "", "null", "9" * 30, "٣"])
async def test_a_limit_is_a_whole_number_in_its_range(operations: Operations, limit: str) -> None:
    answer = await operations.get(f"plans?limit={quote(limit)}")
    assert answer.refusal == (400, "DBS.280001")
    assert "$.limit" in answer.json["error_msg"]


@pytest.mark.parametrize("plan", ["x", "8C1C6C1F6A3B4F0B9D3E2A1B0C9D8E7F", "0" * 33, "%00", "..%2fplans"])
async def test_what_is_no_id_of_a_plan_names_none(operations: Operations, plan: str) -> None:
    assert (await operations.get(f"plans/{plan}")).refusal == (404, "VACATE.4041")
    assert operations.asked == []


async def test_how_far_a_plan_has_come_is_shown_for_each_component(operations: Operations) -> None:
    operations.plan = APPLYING
    plan = (await operations.get(ONE)).json
    assert plan["stage"] == "applying"
    assert plan["application"] == {
        "by": "olga",
        "request_id": APPLYING.plan.request_id,
        "started_at": "2026-01-02T12:01:00Z",
        "finished_at": None,
    }
    assert plan["components"][0]["progress"] == {
        "stage": "running",
        "outcomes": {},
        "problem": None,
        "started_at": "2026-01-02T12:01:00Z",
        "finished_at": None,
    }


# --- applying --------------------------------------------------------------------------------------------------------


async def test_a_plan_that_has_ended_within_the_wait_is_answered_with_200(operations: Operations) -> None:
    answer = await operations.post(APPLY, {**DIGEST, "wait_seconds": 60})
    assert answer.status == 200
    assert answer.json["components"][0]["progress"]["outcomes"] == {"terminated": 1}
    assert operations.asked == [("apply_plan", PROJECT, PLAN.id, PLAN.digest, timedelta(seconds=60))]


@pytest.mark.parametrize("stage", PlanStage)
async def test_only_a_plan_that_is_still_being_applied_is_answered_with_202(
    operations: Operations, stage: PlanStage
) -> None:
    operations.applied = replace(APPLYING, stage=stage)
    expected = 202 if stage is PlanStage.APPLYING else 200
    assert (await operations.post(APPLY, DIGEST)).status == expected
    assert (await operations.send("POST", f"/admin/v1/{PROJECT}/{ONE}/stop")).status == expected
    assert operations.asked[0][-1] == timedelta(0)


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (PlanUnknownError(), (404, "VACATE.4041")),
        (PlanDiffersError(), (409, "VACATE.4091")),
        (PlanSpentError(by="olga", at="then"), (409, "VACATE.4092")),
        (PlanExpiredError(expired_at="then"), (410, "VACATE.4101")),
        (AuditUnavailableError("the disk is full"), (500, "DBS.200005")),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_plan_that_is_not_applied_says_why(
    operations: Operations, error: VacateError, refusal: tuple[int, str]
) -> None:
    operations.fails_with = error
    answer = await operations.post(APPLY, DIGEST)
    assert answer.refusal == refusal
    assert str(error)[5:] in answer.json["error_msg"]


async def test_a_plan_that_is_not_being_applied_cannot_be_stopped(operations: Operations) -> None:
    operations.fails_with = PlanNotRunningError(stage="open")
    answer = await operations.send("POST", f"/admin/v1/{PROJECT}/{ONE}/stop")
    assert answer.refusal == (409, "VACATE.4093")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "digest"),
        ({"digest": None}, "$.digest"),
        ({**DIGEST, "wait_seconds": 61}, "$.wait_seconds"),
        ({**DIGEST, "wait_seconds": -1}, "$.wait_seconds"),
        ({**DIGEST, "wait_seconds": "5"}, "$.wait_seconds"),
        ({**DIGEST, "force": True}, "`force`"),
        ([], "object"),
    ],
)
async def test_nothing_is_applied_by_a_body_that_is_wrong(operations: Operations, body: object, place: str) -> None:
    answer = await operations.post(APPLY, body)
    assert answer.refusal == (400, "DBS.280001")
    assert place in answer.json["error_msg"]
    assert operations.asked == []


async def test_nothing_is_applied_without_a_body(operations: Operations) -> None:
    answer = await operations.send("POST", f"/admin/v1/{PROJECT}/{APPLY}")
    assert answer.refusal == (400, "DBS.280006")


def test_the_example_of_the_criteria_is_what_the_example_of_the_plan_keeps() -> None:
    assert json.loads(str(PLAN.criteria)) == {"states": {"idle": "10min"}, "users": {"exclude": ["batch"]}}
