"""The traps of the contract, each with the tests that keep Vacate out of it.

A trap is a property of the vendor's clients or documents that a server falls into easily. `TRAPS` names for each the
tests that would fail; those that no other module has are here.
"""

import ast
import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.contract.calls import HERE, INSTANCE_LISTS, REQUESTS, Wire, every_wire, wire
from tests.contract.raw import Answer, Signed, ask, by_the_book
from tests.contract.scenes import shop_at_work
from tests.contract.shop import COORDINATOR, DISTRIBUTED, NODES, PROJECT, Shop

TRAPS: Mapping[str, tuple[str, ...]] = {
    "1 the content type comes in many spellings, and is signed as it came": (
        "test_wire::test_the_content_type_may_be_spelt_in_any_way",
        "test_wire::test_the_content_type_may_be_missing",
        "test_terraform_shape::test_a_get_needs_no_content_type",
        "test_traps::test_every_spelling_of_the_content_type_is_signed_as_it_is_sent",
    ),
    "2 a GET may have a body, which is signed and must be read": (
        "test_wire::test_get_with_a_body_keeps_the_link_in_step",
        "test_node_core::test_every_call_is_answered",
        "test_traps::test_the_body_of_a_get_counts_in_its_signature",
    ),
    "3 Host, project and security token may be unsigned": (
        "test_terraform_shape::test_a_host_that_nobody_signed_may_be_any",
        "test_terraform_shape::test_a_project_header_is_never_believed",
        "test_signed_requests::test_a_project_header_that_nobody_signed_opens_no_door",
    ),
    "4 whoever rewrites a signed header on the way breaks the signature": (
        "test_signed_requests::test_a_changed_byte_in_a_signed_part_is_refused",
        "test_signed_requests::test_what_was_not_signed_may_change_on_the_way",
    ),
    "5 a query is signed decoded and sorted, however it is written": (
        "test_node_core::test_a_query_of_odd_characters_is_read_as_it_was_meant",
        "test_traps::test_a_query_may_be_written_in_every_way_that_means_the_same",
    ),
    "6 an encoded slash stays inside its segment": (
        "test_wire::test_what_is_encoded_in_a_segment_stays_in_it",
        "test_wire::test_an_id_may_be_percent_encoded",
    ),
    "7 what is optional is absent, and what is mandatory may be too": (
        "test_python_sdk::test_a_place_that_is_none_is_refused",
        "test_errors::test_what_is_wrong_arrives_as_the_documented_error",
        "test_traps::test_a_post_without_a_body_is_refused",
    ),
    "8 success is a boolean": (
        "test_deviations::test_what_is_answered_is_what_is_described",
        "test_traps::test_success_is_a_boolean",
    ),
    "9 numbers that are typed as strings are strings": (
        "test_deviations::test_what_is_answered_is_what_is_described",
        "test_python_sdk::test_every_call_is_answered_with_what_the_client_understands",
    ),
    "10 no rows are an empty list": ("test_traps::test_no_rows_are_an_empty_list",),
    "11 ids and start times fit into 31 bits": ("test_traps::test_ids_and_start_times_fit_into_31_bits",),
    "12 tags come several times, and a wildcard in two spellings": (
        "test_python_sdk::test_instances_are_found_by_every_documented_filter",
        "test_node_core::test_a_query_of_odd_characters_is_read_as_it_was_meant",
        "test_traps::test_a_tag_may_be_asked_for_twice",
    ),
    "13 an error has both of its members, and its id in the header": (
        "test_errors::test_what_is_wrong_arrives_as_the_documented_error",
        "test_node_core::test_a_refusal_arrives_with_its_code_message_and_request_id",
        "test_deviations::test_every_error_carries_its_request_id",
    ),
    "14 an end is answered with 200 and a body": (
        "test_kill_free_session::test_idle_sessions_end_and_busy_ones_live",
        "test_traps::test_success_is_a_boolean",
    ),
    "15 nothing is redirected": (
        "test_wire::test_an_unknown_call_gets_the_envelope_and_never_a_redirect",
        "test_traps::test_a_slash_at_the_end_is_another_path",
    ),
    "16 paths are case-sensitive, and a wrong method is an unknown call": (
        "test_wire::test_an_unknown_call_gets_the_envelope_and_never_a_redirect",
        "test_deviations::test_a_wrong_method_is_an_unknown_call",
    ),
    "17 four versions of one list live side by side": (
        "test_python_sdk::test_the_instances_of_the_project_are_listed",
        "test_traps::test_the_four_lists_name_the_same_instances",
    ),
    "18 a client that knows a region only finds exactly one project": (
        "test_python_sdk_credentials::test_a_key_and_a_region_are_enough_for_every_call",
        "test_node_core::test_a_region_without_a_project_of_the_caller_makes_none",
    ),
    "19 an id that the client was not given comes as its placeholder": (
        "test_errors::test_a_project_id_that_cannot_be_one_is_named",
        "test_python_sdk::test_an_instance_that_is_none_is_refused",
    ),
    "20 TLS at a plain port would wait for a minute": (
        "test_port::test_tls_at_the_plain_port_is_hung_up_on_at_once",
        "test_tls::test_plain_http_at_the_tls_port_is_hung_up_on",
    ),
    "21 links are kept, and answers are packed for those only who ask": (
        "test_wire::test_one_link_carries_call_after_call_whatever_the_answers",
        "test_wire::test_answers_are_whole_and_say_how_long_they_are",
        "test_traps::test_an_answer_is_not_packed",
    ),
    "22 the user agent differs from machine to machine": (
        "test_signed_requests::test_what_was_not_signed_may_change_on_the_way",
        "test_traps::test_any_user_agent_will_do",
    ),
    "23 wrong signatures lock a key, if that is not switched off": (
        "test_access_limits::test_wrong_signatures_lock_an_access_key_for_a_while",
        "test_python_sdk_credentials::test_a_wrong_secret_key_is_refused_by_every_algorithm",
    ),
    "24 the documents disagree about what is mandatory": (
        "test_deviations::test_what_is_mandatory_there_is_mandatory_here_and_defaults_are_the_same",
        "test_traps::test_a_page_is_the_first_one_when_not_said_otherwise",
    ),
    "25 the form of an id is looked at before whether there is such a thing": (
        "test_python_sdk::test_an_instance_that_is_none_is_refused",
        "test_errors::test_of_many_things_wrong_the_first_in_order_is_told",
    ),
}

UNKNOWN_CALL = (404, "APIGW.0101")
CALLS = every_wire()
PATH = f"/v3/{PROJECT}/instances/{DISTRIBUTED}"


def test_every_trap_has_its_tests() -> None:
    assert [int(trap.split()[0]) for trap in TRAPS] == list(range(1, 26))
    there = {f"{path.stem}::{name}" for path in Path(__file__).parent.glob("test_*.py") for name in names_of(path)}
    missing = [test for tests in TRAPS.values() for test in tests if test not in there]
    assert not missing, missing


def names_of(path: Path) -> set[str]:
    """The names of a module's tests."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {function.name for function in functions if function.name.startswith("test_")}


@pytest.fixture
def by_hand(shop: Shop) -> Signed:
    return Signed(service=shop.service, key=shop.operator)


def send(by_hand: Signed, call: Wire, *, headers: Mapping[str, str] | None = None) -> Answer:
    """A call with its query as it stands in the path already."""
    body = b"" if call.body is None else json.dumps(call.body).encode()
    return by_hand.send(body, path=call.path, method=call.method, headers=headers)


@pytest.mark.parametrize(
    "spelling", ["application/json;charset=utf-8", "application/json;charset=UTF-8", "application/JSON"]
)
def test_every_spelling_of_the_content_type_is_signed_as_it_is_sent(shop: Shop, spelling: str) -> None:
    for call in (wire(REQUESTS["stop_free_session"](HERE)), wire(REQUESTS["show_session_overview"](HERE))):
        body = b"" if call.body is None else json.dumps(call.body).encode()
        signed = by_the_book(
            shop.operator, path=call.path, signed={"Content-Type": spelling}, body=body, method=call.method
        )
        assert ask(shop.service, call.method, call.path, headers=signed, body=body or None).status == 200
        changed = {**signed, "content-type": "application/json"}
        assert ask(shop.service, call.method, call.path, headers=changed, body=body or None).status == 401


def test_the_body_of_a_get_counts_in_its_signature(shop: Shop) -> None:
    path = f"{PATH}/session-overview"
    signed = by_the_book(shop.operator, path=path, signed={}, body=b"{}", method="GET")
    assert ask(shop.service, "GET", path, headers=signed, body=b"{}").status == 200
    for other in (b"[]", b"", None):
        assert ask(shop.service, "GET", path, headers=signed, body=other).refusal == (401, "APIGW.0301")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("id=*aaaa1111", [("id", "*aaaa1111")]),
        ("id=%2Aaaaa1111", [("id", "*aaaa1111")]),
        ("id=%2aaaaa1111&limit=1", [("limit", "1"), ("id", "*aaaa1111")]),
        ("name=a+b", [("name", "a b")]),
        ("name=a%20b", [("name", "a b")]),
        ("name=a%2Bb", [("name", "a+b")]),
        ("name=%E5%BA%97", [("name", "店")]),
        ("tags=b:2&tags=a:1", [("tags", "a:1"), ("tags", "b:2")]),
        ("name=", [("name", "")]),
        ("x=~._-", [("x", "~._-")]),
    ],
)
def test_a_query_may_be_written_in_every_way_that_means_the_same(
    shop: Shop, written: str, meant: list[tuple[str, str]]
) -> None:
    path = f"/v3.3/{PROJECT}/instances"
    signed = by_the_book(shop.operator, path=path, signed={}, body=b"", method="GET", query=meant)
    answer = ask(shop.service, "GET", f"{path}?{written}", headers=signed)
    assert answer.status == 200, answer.body
    found = [instance["name"] for instance in answer.json["instances"]]
    assert ("shop" in found) is (written.startswith(("id", "x")) or written == "name=")


@pytest.mark.parametrize("operation", [name for name, call in CALLS.items() if call.method == "POST"])
def test_a_post_without_a_body_is_refused(by_hand: Signed, operation: str) -> None:
    """Only the call that lists nodes needs none; its body is passed over whatever it is."""
    answer = by_hand.send(b"", path=CALLS[operation].path)
    if operation == "list_key_view_execute_node":
        assert answer.status == 200
        for body in (b"{}", b"{}\n", b'{"any": ["thing"]}'):
            assert by_hand.send(body, path=CALLS[operation].path).json == answer.json
    else:
        assert answer.refusal == (400, "DBS.280006")


@pytest.mark.parametrize("operation", ["stop_free_session", "stop_session", "stop_transaction"])
def test_success_is_a_boolean(by_hand: Signed, operation: str) -> None:
    answer = send(by_hand, CALLS[operation])
    assert answer.status == 200
    assert answer.json["success"] is True
    assert answer.json.get("session_ids", []) == []


def test_no_rows_are_an_empty_list(by_hand: Signed) -> None:
    nobody = {**place(), "query_info": {"user_name": "nobody"}}
    assert by_hand.send(json.dumps(nobody).encode(), path=f"{PATH}/real-time-session").json == {"sessions": []}
    nothing = {**place(), "transaction_query_info": {"usenames": ["nobody"]}}
    answer = by_hand.send(json.dumps(nothing).encode(), path=f"{PATH}/transactions/list")
    assert answer.json == {"total": 0, "rows": []}
    for path, rows, total in (
        (f"{PATH}/components?offset=100", "nodes", 3),
        (f"/v3.3/{PROJECT}/instances?offset=100", "instances", 2),
        (f"/v3.3/{PROJECT}/instances?name=none", "instances", 0),
    ):
        assert get(by_hand, path) == {rows: [], "total_count": total}


def place() -> dict[str, str]:
    return {"node_id": NODES[COORDINATOR], "component_id": COORDINATOR}


def get(by_hand: Signed, path: str) -> Any:  # noqa: ANN401 - any JSON
    answer = by_hand.send(b"", path=path, method="GET", headers={})
    assert answer.status == 200, answer.body
    return answer.json


async def test_ids_and_start_times_fit_into_31_bits(by_hand: Signed, shop: Shop) -> None:
    async with shop_at_work(shop.server(COORDINATOR), shop.app(COORDINATOR)):
        listed = await asyncio.to_thread(send, by_hand, CALLS["list_real_time_sessions"])
        opened = await asyncio.to_thread(send, by_hand, CALLS["list_transaction"])
    starts = ("back_end_start", "transaction_start", "query_start")
    numbers = [row[name] for row in listed.json["sessions"] for name in starts if name in row]
    numbers += [int(row["session_id"]) for row in listed.json["sessions"]]
    numbers += [row["sessionid"] for row in opened.json["rows"]]
    assert len(numbers) > 20
    assert all(0 < number < 2**31 for number in numbers)
    assert not [row for row in listed.json["sessions"] if None in row.values()], "an absent start is left out"


def test_a_tag_may_be_asked_for_twice(by_hand: Signed) -> None:
    path = f"/v3.3/{PROJECT}/instances?tags=team%3Aorders"
    for query, count in (
        ("&tags=team%3Aorders", 1),
        ("&tags=stage%3Aprod", 1),
        ("%2Cstage%3Aprod", 1),
        ("&tags=x%3Ay", 0),
    ):
        assert get(by_hand, path + query)["total_count"] == count


@pytest.mark.parametrize("operation", [name for name, call in CALLS.items() if call.path != "/"])
def test_a_slash_at_the_end_is_another_path(by_hand: Signed, operation: str) -> None:
    call = CALLS[operation]
    answer = send(by_hand, Wire(method=call.method, path=f"{call.path}/", body=call.body))
    assert answer.refusal == UNKNOWN_CALL


def test_the_four_lists_name_the_same_instances(by_hand: Signed) -> None:
    found = [[each["id"] for each in get(by_hand, CALLS[name].path)["instances"]] for name in INSTANCE_LISTS]
    assert found == [found[0]] * 4
    assert DISTRIBUTED in found[0]


@pytest.mark.parametrize("accepted", [None, "identity", "gzip, deflate", "gzip, compress, deflate, br"])
def test_an_answer_is_not_packed(by_hand: Signed, accepted: str | None) -> None:
    """Every client reads an answer as it is, so there is nothing to choose."""
    headers = {} if accepted is None else {"Accept-Encoding": accepted}
    answer = by_hand.send(b"", path=f"/v3.3/{PROJECT}/instances", method="GET", headers=headers)
    assert answer.status == 200
    assert "content-encoding" not in answer.headers
    assert len(answer.body) == int(answer.headers["content-length"])


@pytest.mark.parametrize("agent", ["", "curl/8", "huaweicloud-usdk-go/3.0", "x" * 4000, "¡agent!"])
def test_any_user_agent_will_do(shop: Shop, agent: str) -> None:
    call = CALLS["stop_free_session"]
    body = json.dumps(call.body).encode()
    signed = by_the_book(shop.operator, path=call.path, signed={"User-Agent": agent}, body=body)
    assert ask(shop.service, "POST", call.path, headers=signed, body=body).json == {"success": True}


def test_a_page_is_the_first_one_when_not_said_otherwise(by_hand: Signed) -> None:
    for name in ("session/statistic/top-sql", "session/statistic/wait-event"):
        assert get(by_hand, f"{PATH}/{name}").keys() == get(by_hand, f"{PATH}/{name}?offset=0&limit=100").keys()
    said = get(by_hand, f"{PATH}/session-statistics?dimension=datname&order=ASC&offset=0&limit=100")
    left_out = get(by_hand, f"{PATH}/session-statistics?dimension=datname")
    names = [[row["name"] for row in content["statistics_list"]] for content in (said, left_out)]
    assert names[0] == names[1] == sorted(names[0])
