"""The calls on one component's sessions: what they name, and what they are answered with."""

import json

import pytest

from tests.support.place import COMPONENT, INSTANCE, PROJECT, TARGET
from tests.unit.http.compatible_door import ON_COORDINATOR, UNTOLD, WAITING, Operations, of_instance, report
from vacate.domain.errors import (
    ComponentUnknownError,
    InstanceUnknownError,
    NodeUnknownError,
    PermissionDeniedError,
    ProjectMismatchError,
    VacateError,
)
from vacate.domain.sessions.activity import ActivityFilter
from vacate.domain.sweeps.report import Outcome, Verb

# --- kill-free-session -----------------------------------------------------------------------------------------------


async def test_a_call_becomes_a_target_and_a_report_becomes_one_word() -> None:
    operations = Operations(ends_in=report(Outcome.TERMINATED, Outcome.SPARED, Outcome.TERMINATED, Outcome.WOKE))
    answer = await operations.post("kill-free-session", ON_COORDINATOR)
    assert (answer.status, answer.body) == (200, b'{"success":true}')
    assert operations.asked == [("kill_idle", TARGET)]
    assert answer.headers["x-vacate-outcomes"] == "spared=1, terminated=2, woke=1"
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("outcome", "success"),
    [(outcome, outcome not in {Outcome.REFUSED, Outcome.UNCONFIRMED, Outcome.NOT_REACHED}) for outcome in Outcome],
)
async def test_success_is_false_when_a_victim_may_still_be_there(outcome: Outcome, success: bool) -> None:  # noqa: FBT001
    answer = await Operations(ends_in=report(Outcome.TERMINATED, outcome)).post("kill-free-session", ON_COORDINATOR)
    assert (answer.status, answer.json) == (200, {"success": success})


async def test_who_is_not_of_the_project_learns_nothing_about_the_rest_of_the_call() -> None:
    operations = Operations(turns_away=ProjectMismatchError())
    answer = await operations.send("POST", of_instance("kill-free-session", instance="x"), b"[")
    assert answer.refusal == (403, "DBS.200010")
    assert operations.asked == []


async def test_a_project_id_that_cannot_be_one_is_not_even_asked_about() -> None:
    operations = Operations()
    answer = await operations.send("POST", of_instance("kill-free-session", project="%7Bproject_id%7D"))
    assert answer.refusal == (400, "DBS.280408")
    assert operations.admitted == []


@pytest.mark.parametrize("call", ["kill-free-session", "kill-session"])
async def test_the_instance_may_be_named_twice_but_not_two_instances(call: str) -> None:
    body = {**ON_COORDINATOR, "session_ids": ["1"]}
    assert (await Operations().post(call, {**body, "instance_id": INSTANCE.id})).status == 200
    assert (await Operations().post(call, {**body, "instance_id": None})).status == 200
    assert (await Operations().post(call, {**body, "instance_id": "other"})).refusal == (400, "DBS.280001")


@pytest.mark.parametrize("call", ["kill-free-session", "kill-session", "real-time-session"])
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InstanceUnknownError(), (404, "DBS.200045")),
        (NodeUnknownError(), (400, "DBS.280407")),
        (ComponentUnknownError(), (400, "DBS.280676")),
        (PermissionDeniedError(role="viewer", permission="kill"), (403, "DBS.280015")),
    ],
)
async def test_an_error_of_the_operation_is_told_by_its_code(
    call: str, error: VacateError, code: tuple[int, str]
) -> None:
    answer = await Operations(fails_with=error).post(call, {**ON_COORDINATOR, "session_ids": ["1"]})
    assert answer.refusal == code


@pytest.mark.parametrize("call", ["kill-free-session", "kill-session", "real-time-session"])
async def test_ids_are_looked_at_only_when_nothing_has_them(call: str) -> None:
    body = {"node_id": "?", "component_id": "cm_1", "session_ids": ["1"]}
    assert (await Operations(fails_with=InstanceUnknownError()).post(call, body)).refusal == (404, "DBS.200045")
    assert (await Operations(fails_with=NodeUnknownError()).post(call, body)).refusal == (400, "DBS.280404")
    assert (await Operations(fails_with=ComponentUnknownError()).post(call, body)).refusal == (400, "DBS.280667")


# --- kill-session ----------------------------------------------------------------------------------------------------


async def test_named_sessions_are_ended_and_the_ended_ones_are_named() -> None:
    outcomes = report(
        Outcome.TERMINATED,
        Outcome.GONE,
        Outcome.SPARED,
        Outcome.TERMINATED,
        verb=Verb.KILL_NAMED,
        absent=(140131075880720,),
    )
    operations = Operations(ends_in=outcomes)
    ids = ["1", "2", "3", "4", "140131075880720", "1"]
    answer = await operations.post("kill-session", {**ON_COORDINATOR, "session_ids": ids})
    assert operations.asked == [("kill_sessions", TARGET, (1, 2, 3, 4, 140131075880720))]
    assert answer.json == {"session_ids": ["1", "4"], "success": False}
    assert answer.headers["x-vacate-outcomes"] == "absent=1, gone=1, spared=1, terminated=2"


@pytest.mark.parametrize(
    ("call", "verb"), [("kill-session", "kill_sessions"), ("transactions/kill", "kill_transactions")]
)
@pytest.mark.parametrize("ids", [["1", "2"], [1, 2], ["1", 2, 1, "2"]], ids=repr)
async def test_ids_are_texts_or_numbers_whichever_call_ends_them(call: str, verb: str, ids: list[str | int]) -> None:
    operations = Operations(ends_in=report(verb=Verb.KILL_NAMED, absent=(1, 2)))
    answer = await operations.post(call, {**ON_COORDINATOR, "session_ids": ids})
    assert operations.asked == [(verb, TARGET, (1, 2))]
    assert answer.json == {"session_ids": [], "success": True}


async def test_nobody_ended_is_an_empty_list() -> None:
    operations = Operations(ends_in=report(verb=Verb.KILL_NAMED, absent=(7,)))
    answer = await operations.post("kill-session", {**ON_COORDINATOR, "session_ids": ["7"]})
    assert answer.json == {"session_ids": [], "success": True}


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        ([], "session_ids has 0 entries; send 1 to 1,000 ids in one call"),
        ([str(id_) for id_ in range(1, 1002)], "session_ids has 1,001 entries"),
        (["1", "abc"], "session_ids[1] is no session id; send the ids as the listing calls give them"),
        (["-1"], "session_ids[0]"),
        (["0"], "session_ids[0]"),
        (["1 "], "session_ids[0]"),
        ([""], "session_ids[0]"),
        (["1.0"], "session_ids[0]"),
        (["٣"], "session_ids[0]"),
        ([str(2**63)], "session_ids[0]"),
        (["9" * 5000], "session_ids[0]"),
        ([0], "session_ids[0]"),
        ([-1], "session_ids[0]"),
        ([2**63], "session_ids[0]"),
        ([1.5], "at `$.session_ids[0]`"),
        ([True], "at `$.session_ids[0]`"),
        ([None], "at `$.session_ids[0]`"),
        ([["1"]], "at `$.session_ids[0]`"),
        ("1", "Expected `array`, got `str` - at `$.session_ids`"),
        (None, "Expected `array`, got `null` - at `$.session_ids`"),
        (..., "Object missing required field `session_ids`"),
    ],
)
async def test_what_names_no_session_is_refused_with_what_to_send(ids: object, says: str) -> None:
    operations = Operations()
    body = ON_COORDINATOR if ids is ... else {**ON_COORDINATOR, "session_ids": ids}
    answer = await operations.post("kill-session", body)
    assert answer.refusal == (400, "DBS.280001")
    assert says in answer.json["error_msg"]
    assert operations.asked == []


async def test_a_thousand_sessions_may_be_named_at_once() -> None:
    ids = [str(id_) for id_ in range(1, 1001)]
    assert (await Operations().post("kill-session", {**ON_COORDINATOR, "session_ids": ids})).status == 200


# --- real-time-session -----------------------------------------------------------------------------------------------

IN_FULL = {
    "session_id": "4711",
    "pid": "4811",
    "unique_sql_id": "-9223372036854775807",
    "database_name": "shop",
    "client_ip": "192.0.2.7",
    "user_name": "app",
    "wait": "true",
    "block_session": "4712,4713",
    "wait_event": "transactionid",
    "state": "active",
    "query_runtime": "30",
    "query": "UPDATE orders SET total = 12.5",
    "back_end_start": 1767348000,
    "transaction_start": 1767355155,
    "query_start": 1767355170,
    "application_name": "web",
    "exec_time": "7200",
    "trans_num": "",
    "rollback_num": "",
    "sql_num": "",
    "client_port": "51234",
    "query_id": "-9223372036854775807",
    "transaction_time_cost": "45",
    "trace_id": "",
    "global_session_id": "",
    "top_transaction_id": "12345",
    "current_transaction_id": "12345",
    "xlog_quantity_pretty": "",
    "wait_status": "Lock",
    "lwt_id": "",
    "thread_name": "",
    "lock_mode": "ShareLock",
    "parent_session_id": "",
    "smp_id": "",
    "lock_tag": "transactionid 12344",
    "component_name": "cn_5001",
}
STARTS = {"back_end_start", "transaction_start", "query_start"}


async def test_a_session_is_written_in_every_field_of_the_contract() -> None:
    answer = await Operations(activities=(WAITING,)).post("real-time-session", ON_COORDINATOR)
    assert answer.json == {"sessions": [IN_FULL]}
    assert len(IN_FULL) == 36


async def test_in_a_session_everything_is_a_string_but_the_times_of_its_starts() -> None:
    answer = await Operations(activities=(WAITING, UNTOLD)).post("real-time-session", ON_COORDINATOR)
    for row in answer.json["sessions"]:
        for name, value in row.items():
            assert type(value) is (int if name in STARTS else str), name


async def test_what_is_not_told_is_empty_and_a_start_that_was_not_is_left_out() -> None:
    answer = await Operations(activities=(UNTOLD,)).post("real-time-session", ON_COORDINATOR)
    (row,) = answer.json["sessions"]
    assert row.keys() == IN_FULL.keys() - {"transaction_start", "query_start"}
    told = {name: value for name, value in row.items() if value != ""}
    assert told == {
        "session_id": "1",
        "pid": "1",
        "unique_sql_id": "0",
        "query_id": "0",
        "wait": "false",
        "query_runtime": "0",
        "exec_time": "0",
        "transaction_time_cost": "0",
        "client_port": "-1",
        "back_end_start": 1767355200,
        "component_name": COMPONENT.id,
    }


async def test_a_start_fits_into_32_bits() -> None:
    answer = await Operations(activities=(WAITING,)).post("real-time-session", ON_COORDINATOR)
    assert all(answer.json["sessions"][0][name] < 2**31 for name in STARTS)


@pytest.mark.parametrize("rows", [0, 1, 201, 2500])
async def test_no_session_is_hidden_by_a_cap(rows: int) -> None:
    answer = await Operations(activities=(WAITING,) * rows).post("real-time-session", ON_COORDINATOR)
    assert len(answer.json["sessions"]) == rows


@pytest.mark.parametrize(
    ("query_info", "wanted"),
    [
        (..., ActivityFilter()),
        (None, ActivityFilter()),
        ({}, ActivityFilter()),
        ({"database_name": "", "client_ip": None, "user_name": ""}, ActivityFilter()),
        ({"database_name": "shop"}, ActivityFilter(database="shop")),
        (
            {"database_name": "shop", "client_ip": "192.0.2.7", "user_name": "app", "unknown": 1},
            ActivityFilter(database="shop", client_address="192.0.2.7", user="app"),
        ),
    ],
)
async def test_a_filter_is_passed_on_and_what_is_empty_leaves_the_choice_open(
    query_info: object, wanted: ActivityFilter
) -> None:
    operations = Operations()
    body = ON_COORDINATOR if query_info is ... else {**ON_COORDINATOR, "query_info": query_info}
    answer = await operations.post("real-time-session", body)
    assert answer.body == b'{"sessions":[]}'
    assert operations.asked == [("list_sessions", TARGET, wanted)]


@pytest.mark.parametrize("query_info", [[], "x", 5, {"user_name": 5}, {"client_ip": ["192.0.2.7"]}])
async def test_a_filter_of_another_shape_is_refused(query_info: object) -> None:
    answer = await Operations().post("real-time-session", {**ON_COORDINATOR, "query_info": query_info})
    assert answer.refusal == (400, "DBS.280001")
    assert "`$.query_info" in answer.json["error_msg"]


@pytest.mark.parametrize("body", [b"", b" \n"])
@pytest.mark.parametrize("call", ["kill-free-session", "kill-session", "real-time-session"])
async def test_a_call_on_a_component_needs_a_body(call: str, body: bytes) -> None:
    answer = await Operations().send("POST", of_instance(call), body)
    assert answer.refusal == (400, "DBS.280006")
    assert "node_id and component_id" in answer.json["error_msg"]


async def test_a_body_may_end_in_a_line_feed_and_hold_unknown_keys() -> None:
    body = json.dumps({**ON_COORDINATOR, "x": [1]}).encode() + b"\n"
    operations = Operations()
    assert (await operations.send("POST", of_instance("kill-free-session"), body)).status == 200
    assert operations.admitted[0][1] == PROJECT
