"""Every call of the client asks what the service describes, and reads what the service answers."""

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from tests.unit.client.rehearsed import ENDPOINT, KEY, PROJECT, Rehearsed, answer, bodies
from vacate.api.admin import plans as described_plans
from vacate.api.admin.examples import OPEN
from vacate.api.admin.plan_rows import plan_answer
from vacate.api.operation import Operation
from vacate.client import AsyncClient, AuditAction, Client, Password, Target
from vacate.client.driving import call, listing
from vacate.http.reference.catalogue import DOORS

INSTANCE = "3d39c18788b54a919bab633874c159dfin14"
COMPONENT = Target(instance_id=INSTANCE, node_id="52c25e148a4a48c293b66ca95565719cno14", component_id="cn_5001")
WHO = Password(user="olga", password="a long password")  # noqa: S106 - of nobody
PLAN = plan_answer(OPEN)
CRITERIA = {"states": {"idle": "10min"}}
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

OPERATIONS = {operation.id: operation for door in DOORS for operation in door.operations}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A call with everything that can be given, and what it is to say beyond method, path and shape."""

    operation: str
    make: Callable[[Client], Any]
    query: dict[str, str] | None = None
    body: object = None


ON_COMPONENT = {"node_id": COMPONENT.node_id, "component_id": COMPONENT.component_id}
CASES: dict[str, Case] = {
    "list_sessions": Case(
        operation="list_real_time_sessions",
        make=lambda client: client.list_sessions(COMPONENT, database="shop", client_ip="192.0.2.7", user="app"),
        body={**ON_COMPONENT, "query_info": {"database_name": "shop", "client_ip": "192.0.2.7", "user_name": "app"}},
    ),
    "find_session": Case(
        operation="list_real_time_sessions",
        make=lambda client: client.find_session(COMPONENT, 4711),
        body={**ON_COMPONENT, "query_info": None},
    ),
    "kill_idle_sessions": Case(
        operation="stop_free_session",
        make=lambda client: client.kill_idle_sessions(COMPONENT),
        body={**ON_COMPONENT, "instance_id": None},
    ),
    "kill_sessions": Case(
        operation="stop_session",
        make=lambda client: client.kill_sessions(COMPONENT, [4711, "4712"]),
        body={**ON_COMPONENT, "instance_id": None, "session_ids": ["4711", "4712"]},
    ),
    "list_transactions": Case(
        operation="list_transaction",
        make=lambda client: client.list_transactions(
            COMPONENT, open_for=timedelta(minutes=1), databases=["shop"], users=["app"], client_addresses=["192.0.2.7"]
        ),
        body={
            **ON_COMPONENT,
            "limit": 100,
            "offset": 0,
            "transaction_query_info": {
                "exec_time": "60",
                "xlog_quantity": "0",
                "datnames": ["shop"],
                "usenames": ["app"],
                "client_addrs": ["192.0.2.7"],
            },
        },
    ),
    "kill_transactions": Case(
        operation="stop_transaction",
        make=lambda client: client.kill_transactions(COMPONENT, [4711]),
        body={**ON_COMPONENT, "session_ids": ["4711"]},
    ),
    "session_overview": Case(
        operation="show_session_overview", make=lambda client: client.session_overview(INSTANCE), query={}
    ),
    "session_statistics": Case(
        operation="list_session_statistics",
        make=lambda client: client.session_statistics(INSTANCE, "user", order="total", descending=True),
        query={"dimension": "usename", "order_field": "total_num", "order": "DESC"},
    ),
    "top_statements": Case(
        operation="list_session_top_sql_statistics", make=lambda client: client.top_statements(INSTANCE), query={}
    ),
    "wait_events": Case(
        operation="list_session_wait_event_statistics", make=lambda client: client.wait_events(INSTANCE), query={}
    ),
    "list_components": Case(operation="list_components", make=lambda client: client.list_components(), query={}),
    "list_instances": Case(
        operation="list_database_instances",
        make=lambda client: client.list_instances(name="*sho p&x", tags=["team:a"]),
        query={"name": "*sho p&x", "tags": "team:a"},
    ),
    "list_nodes": Case(operation="list_component_infos", make=lambda client: client.list_nodes(INSTANCE), query={}),
    "make_plan": Case(
        operation="make_plan",
        make=lambda client: client.make_plan(component=COMPONENT, criteria=CRITERIA, expires_in=timedelta(minutes=10)),
        body={**ON_COMPONENT, "instance_id": INSTANCE, "criteria": CRITERIA, "expires_in": "600000ms"},
    ),
    "list_plans": Case(operation="list_plans", make=lambda client: client.list_plans(limit=3), query={"limit": "3"}),
    "show_plan": Case(operation="show_plan", make=lambda client: client.show_plan(PLAN.id), query={}),
    "apply_plan": Case(
        operation="apply_plan",
        make=lambda client: client.apply_plan(PLAN, wait=timedelta(seconds=20)),
        body={"digest": PLAN.digest, "wait_seconds": 20},
    ),
    "stop_plan": Case(operation="stop_plan", make=lambda client: client.stop_plan(PLAN.id)),
    "explain_session": Case(
        operation="explain_session",
        make=lambda client: client.explain_session(COMPONENT, pid=4711, criteria=CRITERIA),
        body={**ON_COMPONENT, "instance_id": INSTANCE, "session_id": None, "pid": 4711, "criteria": CRITERIA},
    ),
    "search_audit": Case(
        operation="search_audit",
        make=lambda client: client.search_audit(
            pid=4711,
            session_id=4712,
            backend_start=AT,
            user="app",
            database="shop",
            client="192.0.2.7",
            operator="olga",
            plan_id="p",
            request_id="r",
            action=AuditAction.KILL_IDLE_FINISHED,
            instance_id=INSTANCE,
            component_id="cn_5001",
            since=AT,
            until=AT,
        ),
        query={
            "pid": "4711",
            "session_id": "4712",
            "backend_start": "2026-01-02T03:04:05Z",
            "user": "app",
            "database": "shop",
            "client": "192.0.2.7",
            "operator": "olga",
            "plan_id": "p",
            "request_id": "r",
            "action": "session:kill_idle:finished",
            "instance_id": INSTANCE,
            "component_id": "cn_5001",
            "since": "2026-01-02T03:04:05Z",
            "until": "2026-01-02T03:04:05Z",
            "limit": "200",
        },
    ),
    "list_freezes": Case(operation="list_freezes", make=lambda client: client.list_freezes(), query={}),
    "freeze_instance": Case(
        operation="freeze_instance",
        make=lambda client: client.freeze_instance(INSTANCE, "migration"),
        body={"reason": "migration"},
    ),
    "thaw_instance": Case(operation="thaw_instance", make=lambda client: client.thaw_instance(INSTANCE)),
    "sign_in": Case(
        operation="create_token",
        make=lambda client: client.sign_in(WHO),
        query={"nocatalog": "true"},
    ),
    "sign_out": Case(operation="revoke_token", make=lambda client: client.sign_out("a token")),
    "make_temporary_key": Case(
        operation="create_temporary_access_key",
        make=lambda client: client.make_temporary_key("a token", lifetime=timedelta(hours=1)),
        body={
            "auth": {
                "identity": {
                    "methods": ["token"],
                    "token": {"id": "a token", "duration_seconds": 3600},
                    "policy": None,
                }
            }
        },
    ),
    "who_am_i": Case(operation="show_caller_identity", make=lambda client: client.who_am_i(), query={}),
    "list_projects": Case(operation="list_own_projects", make=lambda client: client.list_projects(), query={}),
}
# What the service describes and the client does not call, each for its reason.
LEFT_OUT = {
    "list_session_memory_context": "always empty",
    "show_auto_kill_transaction_config": "always off",
    "list_key_view_execute_node": "`list_components` says the same, and why a component is not ready",
    "list_cn_infos_before_reduce": "about taking nodes away",
    "list_instance_details": "an earlier version of the list",
    "list_instances_details": "an earlier version of the list",
    "list_instances": "an earlier version of the list",
    "list_api_versions": "the client knows which it calls",
    "show_api_version_v3": "the client knows which it calls",
    "show_api_version_v3_1": "the client knows which it calls",
    "show_api_version_v3_2": "the client knows which it calls",
    "show_api_version_v3_3": "the client knows which it calls",
    "check_token": "the first call says whether a token works",
    "show_token": "`who_am_i` says whose it is",
    "list_projects": "by name, for clients that know a region; one's own are `list_own_projects`",
    "create_project": "always refused",
    "list_own_domains": "the sender's own, which `who_am_i` tells",
    "list_regions": "for clients that know a region",
    "show_catalog": "the client is given the address",
}

every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def calls_of(client: type) -> set[str]:
    """The names of a client's calls."""
    found = (vars(part).items() for part in client.__mro__)
    return {name for items in found for name, value in items if isinstance(value, call | listing)}


def rehearse(case: Case) -> tuple[Rehearsed, Operation, Any]:
    """Make a call whose answer is the one of the service's own description."""
    operation = OPERATIONS[case.operation]
    shown = operation.examples[0].response if operation.examples else None
    told = {"x_subject_token": "a token", "x_vacate_outcomes": "gone=1"}
    client = Rehearsed(answer(shown, status=operation.status, **told))
    result = case.make(client)
    if isinstance(result, Iterator):
        return client, operation, list(cast("Iterator[object]", result))
    return client, operation, result


def test_every_call_is_tried_here_and_both_clients_have_the_same() -> None:
    assert calls_of(Client) == calls_of(AsyncClient) == CASES.keys()


def test_every_call_of_the_service_is_the_clients_or_left_out_for_a_reason() -> None:
    assert {case.operation for case in CASES.values()} | LEFT_OUT.keys() == OPERATIONS.keys()
    assert {case.operation for case in CASES.values()} & LEFT_OUT.keys() == set()


@every_case
def test_a_call_has_the_method_and_the_path_that_are_described(case: Case) -> None:
    client, operation, _ = rehearse(case)
    (request,) = client.sent
    assert request.method == operation.method
    template = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(operation.path))
    found = re.fullmatch(template, urlsplit(request.url).path)
    assert found is not None, request.url
    known = {"project_id": PROJECT, "instance_id": INSTANCE, "plan_id": PLAN.id}
    assert found.groupdict() == {name: known[name] for name in found.groupdict()}
    assert request.url.startswith(f"{ENDPOINT}/")


@every_case
def test_what_a_call_sends_is_of_the_shape_that_the_service_reads(case: Case) -> None:
    client, operation, _ = rehearse(case)
    (request,) = client.sent
    pairs = parse_qsl(urlsplit(request.url).query, strict_parsing=True) if "?" in request.url else []
    assert len(dict(pairs)) == len(pairs)
    if operation.query is not None:
        msgspec.convert(dict(pairs) | {n: [v] for n, v in pairs if n == "tags"}, operation.query, strict=False)
    else:
        assert not pairs
    if operation.request is not None:
        msgspec.json.decode(request.body, type=operation.request)
        assert request.headers["Content-Type"] == "application/json"
    else:
        assert request.body == b""
    if case.query is not None:
        assert dict(pairs) == case.query
    if case.body is not None:
        assert bodies(client.sent) == [case.body]


@every_case
def test_a_call_reads_the_answer_of_the_description(case: Case) -> None:
    _, operation, result = rehearse(case)
    if operation.response is None:
        assert result is None
    else:
        assert result is not None
        assert result != []


@every_case
def test_a_call_is_proved_unless_it_needs_no_proof(case: Case) -> None:
    client, operation, _ = rehearse(case)
    (request,) = client.sent
    by_token = case.operation in {"revoke_token", "create_temporary_access_key"}
    assert ("X-Auth-Token" in request.headers) == by_token
    assert ("Authorization" in request.headers) == (operation.authenticated and not by_token)
    assert KEY.secret_key not in str(request.headers)


@pytest.mark.parametrize("name", CASES)
def test_a_call_says_what_it_takes_and_what_it_raises(name: str) -> None:
    function = getattr(Client, name)
    words = inspect.getdoc(function) or ""
    assert "Raises:" in words
    taken = [parameter for parameter in inspect.signature(function).parameters if parameter != "self"]
    described = words.partition("Args:")[2]
    assert [parameter for parameter in taken if f"    {parameter}: " not in described] == []


def test_the_sign_in_says_who_and_for_which_project() -> None:
    client, _, result = rehearse(CASES["sign_in"])
    (body,) = bodies(client.sent)
    assert body["auth"]["identity"]["password"]["user"]["name"] == WHO.user
    assert body["auth"]["identity"]["password"]["user"]["domain"]["name"] == "default"
    assert body["auth"]["scope"]["project"]["id"] == PROJECT
    assert (result.token, result.user) == ("a token", "olga")
    assert result.expires_at.tzinfo is not None


def test_the_outcomes_of_a_kill_come_with_it() -> None:
    _, _, ended = rehearse(CASES["kill_sessions"])
    assert (ended.success, ended.session_ids, ended.outcomes) == (True, ("4711",), {"gone": 1})


def test_a_session_that_is_not_listed_is_not_found() -> None:
    _, _, found = rehearse(CASES["find_session"])
    assert found.session_id == "4711"
    shown = OPERATIONS["list_real_time_sessions"].examples[0].response
    assert Rehearsed(answer(shown)).find_session(COMPONENT, 4712) is None


def test_a_plan_is_over_the_project_an_instance_or_a_component_of_the_instance_that_is_named() -> None:
    shown = described_plans.MAKE_PLAN.examples[0].response
    client = Rehearsed(answer(shown, status=201), answer(shown, status=201))
    client.make_plan()
    client.make_plan(instance_id=INSTANCE)
    assert [(body["instance_id"], body["component_id"]) for body in bodies(client.sent)] == [
        (None, None),
        (INSTANCE, None),
    ]
    with pytest.raises(ValueError, match="another instance"):
        client.make_plan(instance_id="another", component=COMPONENT)
