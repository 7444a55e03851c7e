"""The calls on one component's transactions: what they name, and what they are answered with."""

from datetime import timedelta

import pytest

from tests.support.place import INSTANCE, PROJECT, TARGET
from tests.unit.http.compatible_door import ON_COORDINATOR, UNTOLD, WAITING, Operations, report
from vacate.domain.errors import (
    ComponentUnknownError,
    ComponentUnreachableError,
    InstanceUnknownError,
    NodeUnknownError,
    VacateError,
)
from vacate.domain.sessions.activity import TransactionFilter
from vacate.domain.sweeps.report import Outcome, Verb

IN_FULL = {
    "sessionid": 4711,
    "pid": 4811,
    "query_id": -9223372036854775807,
    "datname": "shop",
    "client_addr": "192.0.2.7",
    "client_port": 51234,
    "usename": "app",
    "query": "UPDATE orders SET total = 12.5",
    "backend_start": "2026-01-02 10:00:00.000000+00:00",
    "xact_start": "2026-01-02 11:59:15.000000+00:00",
    "application_name": "web",
    "state": "active",
    "state_change": "2026-01-02 11:59:30.000000+00:00",
    "query_start": "2026-01-02 11:59:30.000000+00:00",
    "waiting": "true",
    "unique_sql_id": -9223372036854775807,
    "top_xid": "12345",
    "current_xid": "12345",
    "exec_time": "45",
    "xlog_quantity": 0,
}
NUMBERS = {"sessionid", "pid", "query_id", "client_port", "unique_sql_id", "xlog_quantity"}


async def test_a_transaction_is_written_in_every_field_of_the_contract() -> None:
    answer = await Operations(activities=(WAITING,)).post("transactions/list", ON_COORDINATOR)
    assert answer.json == {"total": 1, "rows": [IN_FULL]}


async def test_in_a_transaction_numbers_are_numbers_and_the_rest_is_strings() -> None:
    answer = await Operations(activities=(WAITING, UNTOLD)).post("transactions/list", ON_COORDINATOR)
    for row in answer.json["rows"]:
        assert row.keys() == IN_FULL.keys()
        for name, value in row.items():
            assert type(value) is (int if name in NUMBERS else str), name


async def test_what_is_not_told_of_a_transaction_is_empty_or_0() -> None:
    answer = await Operations(activities=(UNTOLD,)).post("transactions/list", ON_COORDINATOR)
    (row,) = answer.json["rows"]
    assert {name: value for name, value in row.items() if value not in {"", 0}} == {
        "sessionid": 1,
        "pid": 1,
        "client_port": -1,
        "backend_start": "2026-01-02 12:00:00.000000+00:00",
        "waiting": "false",
        "exec_time": "0",
    }


async def test_without_paging_the_first_ten_are_given() -> None:
    operations = Operations(activities=tuple(WAITING._replace(session_id=n) for n in range(25)))
    answer = await operations.post("transactions/list", ON_COORDINATOR)
    assert answer.json["total"] == 25
    assert [row["sessionid"] for row in answer.json["rows"]] == [*range(10)]


@pytest.mark.parametrize(
    ("paging", "shown"),
    [
        ({"limit": 100}, range(25)),
        ({"limit": 1}, range(1)),
        ({"offset": 20}, range(20, 25)),
        ({"offset": 10, "limit": 5}, range(10, 15)),
        ({"offset": 25}, range(0)),
        ({"offset": 2**31 - 1}, range(0)),
    ],
)
async def test_a_page_is_cut_out_of_all(paging: dict[str, int], shown: range) -> None:
    operations = Operations(activities=tuple(WAITING._replace(session_id=n) for n in range(25)))
    answer = await operations.post("transactions/list", {**ON_COORDINATOR, **paging})
    assert answer.json["total"] == 25
    assert [row["sessionid"] for row in answer.json["rows"]] == [*shown]


@pytest.mark.parametrize("limit", [0, 101, -1, "10", None, 1.5, True])
async def test_a_limit_out_of_range_has_its_own_code(limit: object) -> None:
    answer = await Operations().post("transactions/list", {**ON_COORDINATOR, "limit": limit})
    assert answer.refusal == (400, "DBS.280439")
    assert "`$.limit`" in answer.json["error_msg"]


@pytest.mark.parametrize("offset", [-1, 2**31, "0", None, [0]])
async def test_an_offset_out_of_range_has_its_own_code(offset: object) -> None:
    answer = await Operations().post("transactions/list", {**ON_COORDINATOR, "offset": offset})
    assert answer.refusal == (400, "DBS.280440")


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (..., TransactionFilter()),
        (None, TransactionFilter()),
        ({}, TransactionFilter()),
        ({"exec_time": "0", "xlog_quantity": "0", "datnames": [], "usenames": []}, TransactionFilter()),
        (
            {
                "exec_time": "60",
                "xlog_quantity": "1024",
                "datnames": ["shop", "archive"],
                "usenames": ["app"],
                "client_addrs": ["192.0.2.7"],
            },
            TransactionFilter(
                open_at_least=timedelta(minutes=1),
                log_volume_at_least=1024,
                databases=("shop", "archive"),
                users=("app",),
                client_addresses=("192.0.2.7",),
            ),
        ),
        ({"exec_time": "9" * 12}, TransactionFilter(open_at_least=timedelta(seconds=999_999_999_999))),
    ],
)
async def test_a_filter_of_transactions_is_passed_on(asked: object, wanted: TransactionFilter) -> None:
    operations = Operations()
    body = ON_COORDINATOR if asked is ... else {**ON_COORDINATOR, "transaction_query_info": asked}
    answer = await operations.post("transactions/list", body)
    assert answer.body == b'{"total":0,"rows":[]}'
    assert operations.asked == [("list_transactions", TARGET, wanted)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("exec_time", 60),
        ("exec_time", "-1"),
        ("exec_time", "1m"),
        ("exec_time", ""),
        ("exec_time", "9" * 13),
        ("exec_time", "٣"),
        ("xlog_quantity", "1MB"),
        ("xlog_quantity", 0),
        ("datnames", "shop"),
        ("usenames", [1]),
        ("client_addrs", {}),
    ],
)
async def test_a_filter_of_transactions_of_another_shape_is_refused(name: str, value: object) -> None:
    body = {**ON_COORDINATOR, "transaction_query_info": {name: value}}
    answer = await Operations().post("transactions/list", body)
    assert answer.refusal == (400, "DBS.280001")
    assert f"`$.transaction_query_info.{name}" in answer.json["error_msg"]


# --- transactions/kill -----------------------------------------------------------------------------------------------


async def test_transactions_are_ended_by_their_numbers_and_told_by_strings() -> None:
    operations = Operations(ends_in=report(Outcome.TERMINATED, Outcome.WOKE, verb=Verb.KILL_TRANSACTION))
    answer = await operations.post("transactions/kill", {**ON_COORDINATOR, "session_ids": [1, 2, 2**40, 1]})
    assert operations.asked == [("kill_transactions", TARGET, (1, 2, 2**40))]
    assert answer.json == {"session_ids": ["1"], "success": True}
    assert answer.headers["x-vacate-outcomes"] == "terminated=1, woke=1"


@pytest.mark.parametrize(
    "ids",
    [[], [*range(1, 1002)], ["x"], ["0"], [""], [0], [-1], [1.5], [True], [2**63], [None], "1", None, ...],
    ids=repr,
)
async def test_what_names_no_transaction_is_refused(ids: object) -> None:
    operations = Operations()
    body = ON_COORDINATOR if ids is ... else {**ON_COORDINATOR, "session_ids": ids}
    answer = await operations.post("transactions/kill", body)
    assert answer.refusal == (400, "DBS.280001")
    assert "session_ids" in answer.json["error_msg"]
    assert operations.asked == []


@pytest.mark.parametrize("call", ["transactions/list", "transactions/kill"])
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InstanceUnknownError(), (404, "DBS.200045")),
        (NodeUnknownError(), (400, "DBS.280404")),
        (ComponentUnknownError(), (400, "DBS.280667")),
    ],
)
async def test_misspelt_ids_are_told_only_after_the_instance(
    call: str, error: VacateError, code: tuple[int, str]
) -> None:
    body = {"node_id": "?", "component_id": "gtm_1", "session_ids": [1]}
    assert (await Operations(fails_with=error).post(call, body)).refusal == code


# --- get-auto-kill-config --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["exec_time", "xlog_quantity"])
async def test_nothing_ends_transactions_by_itself_and_the_databases_are_offered(kind: str) -> None:
    operations = Operations(databases=("archive", "postgres", "shop"))
    answer = await operations.get(f"transactions/get-auto-kill-config?type={kind}")
    assert answer.json == {
        "type": kind,
        "usernames": [],
        "threshold": 0,
        "auto_stop": False,
        "database_names": ["archive", "shop"],
        "database_names_select": [],
    }
    assert operations.asked == [("list_databases", PROJECT, INSTANCE.id)]


@pytest.mark.parametrize(
    "query", ["", "?type=", "?type=EXEC_TIME", "?kind=exec_time", "?type=exec_time&type=exec_time"]
)
async def test_a_configuration_of_no_kind_is_refused(query: str) -> None:
    operations = Operations()
    answer = await operations.get(f"transactions/get-auto-kill-config{query}")
    assert answer.refusal == (400, "DBS.280001")
    assert "`" in answer.json["error_msg"]
    assert operations.asked == []


async def test_databases_that_cannot_be_asked_for_are_a_conflict() -> None:
    operations = Operations(fails_with=ComponentUnreachableError("timed out"))
    answer = await operations.get("transactions/get-auto-kill-config?type=exec_time")
    assert answer.refusal == (409, "DBS.280011")
