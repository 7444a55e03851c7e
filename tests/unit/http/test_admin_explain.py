"""Explanations at our own door: of which session, by which criteria, and what is answered."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.place import COMPONENT, INSTANCE, TARGET
from tests.unit.http.admin_door import Operations
from vacate.api.admin.examples import EXPLAINED
from vacate.domain.errors import ComponentBusyError, NodeUnknownError, SessionUnknownError, VacateError
from vacate.domain.judging.verdicts import Verdict
from vacate.operations.wanted import decode_criteria

HERE: dict[str, Any] = {
    "instance_id": INSTANCE.id,
    "node_id": COMPONENT.node_id,
    "component_id": COMPONENT.id,
}


@pytest.fixture
def operations() -> Operations:
    return Operations()


@pytest.mark.parametrize(
    ("named", "session_id", "pid"), [({"pid": 4711}, None, 4711), ({"session_id": 2**63 - 1}, 2**63 - 1, None)]
)
async def test_a_session_is_named_by_its_id_or_by_its_process(
    operations: Operations, named: dict[str, int], session_id: int | None, pid: int | None
) -> None:
    assert (await operations.post("explain", {**HERE, **named})).status == 200
    assert operations.asked == [("explain", TARGET, session_id, pid, None)]


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"pid": 1, "session_id": 1},
        {"pid": None, "session_id": None},
        {"pid": "1"},
        {"pid": -1},
        {"session_id": 2**63},
        {"session_id": 1.5},
    ],
)
async def test_one_name_of_a_session_must_be_there_and_no_more(operations: Operations, named: dict[str, Any]) -> None:
    answer = await operations.post("explain", {**HERE, **named})
    assert answer.refusal == (400, "DBS.280001")
    assert operations.asked == []


@pytest.mark.parametrize("missing", HERE)
async def test_the_component_must_be_named_in_whole(operations: Operations, missing: str) -> None:
    body = {name: value for name, value in HERE.items() if name != missing}
    answer = await operations.post("explain", {**body, "pid": 1})
    assert answer.refusal == (400, "DBS.280001")
    assert missing in answer.json["error_msg"]


async def test_criteria_of_the_caller_are_read_before_anything_is_looked_at(operations: Operations) -> None:
    await operations.post("explain", {**HERE, "pid": 1, "criteria": {"states": {"idle": "5min"}}})
    assert operations.asked[0][-1] == decode_criteria('{"states": {"idle": "5min"}}', "criteria")


@pytest.mark.parametrize("criteria", [[], 5, "idle", {"states": {"active": "1s"}}, {"stats": {}}])
async def test_criteria_that_cannot_be_used_are_refused(operations: Operations, criteria: object) -> None:
    answer = await operations.post("explain", {**HERE, "pid": 1, "criteria": criteria})
    assert answer.refusal == (400, "VACATE.4001")
    assert operations.asked == []


async def test_the_answer_has_the_session_the_outcome_and_every_rule(operations: Operations) -> None:
    content = (await operations.post("explain", {**HERE, "pid": 4711})).json
    assert content["session"] == {
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
    assert content["ends"] is False
    assert content["outcome"] == EXPLAINED.outcome
    assert content["trail"] == [
        {
            "rule": "not_idle",
            "kind": "criterion",
            "about": "state",
            "answer": "passes",
            "reason": "its state is as wanted",
        },
        {
            "rule": "advisory_lock",
            "kind": "guard",
            "about": "",
            "answer": "objects",
            "reason": "it holds an advisory lock",
        },
    ]


async def test_a_session_that_would_be_ended_is_told_as_such(operations: Operations) -> None:
    operations.explained = replace(EXPLAINED, verdict=Verdict(session=EXPLAINED.session), trail=())
    content = (await operations.post("explain", {**HERE, "pid": 4711})).json
    assert content["ends"] is True
    assert "would be ended" in content["outcome"]


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (SessionUnknownError(), (404, "VACATE.4042")),
        (NodeUnknownError(), (400, "DBS.280407")),
        (ComponentBusyError(), (409, "DBS.200019")),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_session_that_cannot_be_explained_says_why(
    operations: Operations, error: VacateError, refusal: tuple[int, str]
) -> None:
    operations.fails_with = error
    assert (await operations.post("explain", {**HERE, "pid": 1})).refusal == refusal
