"""The ledger of deviations is true: each one is there, and there are no others.

`deviations.toml` says where Vacate differs from the vendor's documents. Here is a probe for each, and the comparison
of the vendor's own classes with what Vacate describes and answers.
"""

import asyncio
import json
import os
import signal
import sys
import tomllib
from collections.abc import Generator, Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from huaweicloudsdkgaussdbforopengauss import v3

from tests.contract import comparison, places
from tests.contract.calls import HERE, INSTANCE_LISTS, REQUESTS, http_info
from tests.contract.clients import Official, official_client
from tests.contract.database_sessions import pids, sessions, states
from tests.contract.raw import JSON, Answer, Signed, ask, exchange
from tests.contract.scenes import SLEEP, running_for_long, shop_at_work
from tests.contract.shop import COORDINATOR, DISTRIBUTED, NODES, PRIMARY, PROJECT, Shop
from tests.support.service import Key, eventually

# The official client asks for the time in a way that newer Pythons warn of, and warns of calls that it still makes.
pytestmark = [
    pytest.mark.filterwarnings(r"ignore:datetime\.datetime\.utcnow:DeprecationWarning"),
    pytest.mark.filterwarnings(r"ignore:Method 'list_instance\w+' of \w+ is deprecated:DeprecationWarning"),
]

LEDGER: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("deviations.toml").read_text(encoding="utf-8"))[
    "deviation"
]
UNKNOWN_CALL = (404, "APIGW.0101")
INSTANCE_PATH = f"/v3/{PROJECT}/instances/{DISTRIBUTED}"
PLACE = {"node_id": NODES[COORDINATOR], "component_id": COORDINATOR}


@pytest.fixture
def client(shop: Shop) -> Generator[Official]:
    with official_client(shop.service.endpoint, shop.operator, project=PROJECT) as made:
        yield made


@pytest.fixture
def by_hand(shop: Shop) -> Signed:
    return Signed(service=shop.service, key=shop.operator)


def post(by_hand: Signed, name: str, **body: object) -> Answer:
    return by_hand.send(json.dumps({**PLACE, **body}).encode(), path=f"{INSTANCE_PATH}/{name}")


def get(by_hand: Signed, path: str) -> Any:  # noqa: ANN401 - any JSON
    answer = by_hand.send(b"", path=path, method="GET", headers={})
    assert answer.status == 200, answer.body
    return answer.json


# --- the ledger ------------------------------------------------------------------------------------------------------


def test_every_entry_is_whole_and_has_its_probe() -> None:
    for entry in LEDGER:
        assert {"what", "vendor", "vacate", "why", "probe"} <= entry.keys() <= {*COLUMNS}, entry
        assert all(entry[column] for column in entry), entry
        assert callable(getattr(sys.modules[__name__], entry["probe"], None)), entry["probe"]


COLUMNS = ("what", "vendor", "vacate", "why", "probe", "differences")


def test_every_probe_is_an_entrys() -> None:
    probes = {name for name in vars(sys.modules[__name__]) if name.startswith("test_")}
    assert {entry["probe"] for entry in LEDGER} == probes - NO_PROBES


NO_PROBES = {
    "test_every_entry_is_whole_and_has_its_probe",
    "test_every_probe_is_an_entrys",
    "test_every_call_of_the_contract_is_served_at_the_vendors_place",
    "test_what_is_mandatory_there_is_mandatory_here_and_defaults_are_the_same",
    "test_what_is_answered_is_what_is_described",
}


def unlisted(found: Iterable[str]) -> list[str]:
    """What the ledger does not answer for."""
    patterns = [pattern for entry in LEDGER for pattern in entry.get("differences", ())]
    return [line for line in found if not any(fnmatchcase(line, pattern) for pattern in patterns)]


def test_the_vendors_classes_and_ours_differ_as_listed() -> None:
    found = [
        *(line for line in comparison.of_the_calls() if not line.endswith(": only there")),
        *comparison.of_the_requests(),
        *comparison.of_the_descriptions(),
    ]
    assert unlisted(found) == []
    for entry in LEDGER:
        for pattern in entry.get("differences", ()):
            assert any(fnmatchcase(line, pattern) for line in found), f"no longer there: {pattern}"


def test_every_call_of_the_contract_is_served_at_the_vendors_place() -> None:
    assert REQUESTS.keys() <= comparison.SERVED.keys()
    for name in REQUESTS:
        assert f"{name}: only there" not in comparison.of_the_calls()


def test_what_is_mandatory_there_is_mandatory_here_and_defaults_are_the_same() -> None:
    assert unlisted(comparison.of_the_defaults()) == []


async def test_what_is_answered_is_what_is_described(client: Official, shop: Shop) -> None:
    """Sessions of every kind are there, so that no list is empty that could have entries."""
    async with (
        shop_at_work(shop.server(PRIMARY), shop.app(PRIMARY)),
        shop_at_work(shop.server(COORDINATOR), shop.app(COORDINATOR)) as scene,
    ):
        where = replace(HERE, session_ids=(scene.active[0],))
        answers = [
            (name, await asyncio.to_thread(client.ask, REQUESTS[name](where)))
            for name in sorted(REQUESTS, key=lambda name: name.startswith("stop"))
        ]
    found = [line for name, answer in answers for line in comparison.of_an_answer(name, json.loads(answer.raw_content))]
    # What is absent there is left out on purpose; see the three start times of a session.
    assert unlisted(found) == []


def test_calls_about_other_things_are_unknown(by_hand: Signed) -> None:
    others = sorted(comparison.vendor_operations() - comparison.SERVED.keys())
    assert len(others) > 200
    for name in others[::10]:
        method, path = place_of(name)
        answer = by_hand.send(b"", path=path.replace("{project_id}", PROJECT), method=method)
        assert answer.refusal == UNKNOWN_CALL, (name, method, path)


def place_of(operation: str) -> tuple[str, str]:
    """Method and path of one of the vendor's calls, with every id filled in alike."""
    words = "".join(word.title() for word in operation.split("_"))
    request = next(kind for name, kind in vars(v3).items() if name.lower() == f"{words}Request".lower())
    info = http_info(request(**dict.fromkeys(request.attribute_map, "x")))
    path: str = info["resource_path"]
    for name in info["path_params"]:
        path = path.replace(f"{{{name}}}", DISTRIBUTED)
    return info["method"], path


# --- transport and authentication ------------------------------------------------------------------------------------


def test_plain_http_is_served(shop: Shop) -> None:
    assert shop.service.endpoint.startswith("http://")
    assert ask(shop.service, "GET", "/v3").status == 200


def test_an_unsigned_body_is_refused(by_hand: Signed) -> None:
    headers = {"Content-Type": "text/plain", "X-Sdk-Content-Sha256": "UNSIGNED-PAYLOAD"}
    body = json.dumps(PLACE).encode()
    answer = by_hand.send(body, path=f"{INSTANCE_PATH}/kill-free-session", headers=headers)
    assert answer.refusal == (401, "APIGW.0301")


def test_a_signed_change_counts_once(by_hand: Signed) -> None:
    request = by_hand.request(json.dumps(PLACE).encode(), path=f"{INSTANCE_PATH}/kill-free-session")
    assert exchange(by_hand.service.port, request).status == 200
    eventually(lambda: exchange(by_hand.service.port, request).status == 401)
    assert exchange(by_hand.service.port, request).refusal == (401, "APIGW.0301")


def test_a_body_of_two_mebibytes_is_refused(by_hand: Signed) -> None:
    body = json.dumps(PLACE).encode().ljust(2 * 1024 * 1024)
    assert by_hand.send(body, path=f"{INSTANCE_PATH}/kill-free-session").refusal == (413, "APIGW.0201")


def test_a_wrong_method_is_an_unknown_call(by_hand: Signed) -> None:
    assert by_hand.send(path=f"{INSTANCE_PATH}/kill-free-session", method="PUT").refusal == UNKNOWN_CALL


def test_every_error_carries_its_request_id(by_hand: Signed) -> None:
    answer = post(by_hand, "kill-free-session", node_id="f" * 36)
    assert answer.status == 400
    assert answer.json["request_id"] == answer.request_id


def sign_in(shop: Shop, **identity: object) -> Answer:
    user = {"name": "olga", "password": "wrong", "domain": {"name": "default"}}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}, **identity}}}
    return ask(shop.service, "POST", "/v3/auth/tokens", headers=JSON, body=json.dumps(body).encode())


def test_errors_of_signing_in_have_the_common_envelope(shop: Shop) -> None:
    assert sign_in(shop).refusal == (401, "IAM.0062")


def test_only_a_password_signs_in(shop: Shop) -> None:
    assert sign_in(shop, methods=["token"], token={"id": "x"}).refusal == (400, "IAM.0011")


def test_federated_sign_in_is_not_served(shop: Shop) -> None:
    for path in ("/v3.0/OS-AUTH/id-token/tokens", "/v5/agencies/assume-with-oidc"):
        assert ask(shop.service, "POST", path, headers=JSON, body=b"{}").refusal == UNKNOWN_CALL


def test_a_domain_is_called_by_its_id(by_hand: Signed) -> None:
    (domain,) = get(by_hand, "/v3/auth/domains")["domains"]
    assert domain["id"] == domain["name"]


def test_projects_are_not_made_by_calls(by_hand: Signed) -> None:
    body = json.dumps({"project": {"name": "another", "domain_id": "default"}}).encode()
    assert by_hand.send(body, path="/v3/projects").refusal == (403, "IAM.0003")


async def test_a_viewer_sees_no_statements(shop: Shop) -> None:
    async def statements(key: Key) -> set[str]:
        with official_client(shop.service.endpoint, key, project=PROJECT) as client:
            rows = (await asyncio.to_thread(client.ask, REQUESTS["list_real_time_sessions"](HERE))).sessions
        return {row.query for row in rows if row.user_name == "app"}

    async with sessions(shop.app(COORDINATOR)) as (one,), running_for_long(one, SLEEP):
        assert await statements(shop.operator) == {SLEEP}
        assert await statements(shop.viewer) == {""}


# --- ending sessions -------------------------------------------------------------------------------------------------


async def test_a_listener_is_spared(client: Official, shop: Shop) -> None:
    server = shop.server(COORDINATOR)
    async with sessions(shop.app(COORDINATOR), 2) as (listener, other):
        await listener.execute("LISTEN news")
        answer = await asyncio.to_thread(client.ask, REQUESTS["stop_free_session"](HERE))
        assert states(server, pids([listener, other])) == {listener.get_server_pid(): "idle"}
    assert answer.success is True


async def test_a_session_that_stays_makes_success_false(by_hand: Signed, shop: Shop) -> None:
    server = shop.server(COORDINATOR)
    async with sessions(server.superuser_dsn) as (superuser,):
        pid = superuser.get_server_pid()
        answer = await asyncio.to_thread(post, by_hand, "kill-session", session_ids=[str(pid)])
        assert states(server, [pid]) == {pid: "idle"}
    assert (answer.status, answer.json) == (200, {"session_ids": [], "success": False})


async def test_outcomes_are_counted_in_a_header(by_hand: Signed, shop: Shop) -> None:
    async with sessions(shop.app(COORDINATOR), 3):
        answer = await asyncio.to_thread(post, by_hand, "kill-free-session")
    assert "terminated=3" in answer.headers["x-vacate-outcomes"]


def test_more_than_a_thousand_ids_are_refused(by_hand: Signed) -> None:
    ids = list(range(2_000_000_000, 2_000_001_001))
    for name, named in (("kill-session", list(map(str, ids))), ("transactions/kill", ids)):
        assert post(by_hand, name, session_ids=named[:-1]).status == 200
        assert post(by_hand, name, session_ids=named).refusal == (400, "DBS.280001")


async def test_a_session_whose_transaction_is_over_is_left_alone(by_hand: Signed, shop: Shop) -> None:
    async with sessions(shop.app(COORDINATOR)) as (one,):
        await one.execute("BEGIN")
        await one.execute("COMMIT")
        pid = one.get_server_pid()
        answer = await asyncio.to_thread(post, by_hand, "transactions/kill", session_ids=[pid])
        assert states(shop.server(COORDINATOR), [pid]) == {pid: "idle"}
    assert (answer.status, answer.json["session_ids"]) == (200, [])


async def test_a_second_sweep_of_a_busy_component_is_a_conflict(by_hand: Signed, shop: Shop) -> None:
    """A session whose process is stopped keeps the first sweep waiting for its end."""
    server = shop.server(COORDINATOR)
    async with sessions(shop.app(COORDINATOR), 2) as (frozen, other):
        frozen_pid, other_pid = pids([frozen, other])
        os.kill(frozen_pid, signal.SIGSTOP)
        try:
            first = asyncio.create_task(asyncio.to_thread(post, by_hand, "kill-free-session"))
            await asyncio.to_thread(eventually, lambda: not states(server, [other_pid]))
            second = await asyncio.to_thread(post, by_hand, "kill-free-session")
            await first
        finally:
            os.kill(frozen_pid, signal.SIGCONT)
    assert second.refusal == (409, "DBS.200019")


# --- lists of sessions and transactions ------------------------------------------------------------------------------


async def test_more_than_two_hundred_sessions_are_listed(by_hand: Signed, shop: Shop) -> None:
    async with sessions(shop.app(COORDINATOR), 201):
        rows = (await asyncio.to_thread(post, by_hand, "real-time-session")).json["sessions"]
    assert len([row for row in rows if row["user_name"] == "app"]) == 201


async def rows_of_a_busy_shop(by_hand: Signed, shop: Shop, name: str) -> list[dict[str, Any]]:
    async with sessions(shop.app(COORDINATOR), 2) as (writer, waiter):
        await writer.execute("BEGIN")
        await writer.execute("SELECT pg_current_xact_id(), pg_advisory_xact_lock_shared(77)")
        async with (
            sessions(shop.app(COORDINATOR)) as (second,),
            second.transaction(),
        ):
            await second.execute("SELECT pg_advisory_xact_lock_shared(77)")
            async with running_for_long(waiter, "SELECT pg_advisory_xact_lock(77)"):
                waits = f"SELECT 1 FROM pg_locks WHERE NOT granted AND pid = {waiter.get_server_pid()};"  # noqa: S608 - a number
                await asyncio.to_thread(eventually, lambda: shop.server(COORDINATOR).psql(waits))
                answer = await asyncio.to_thread(post, by_hand, name)
    assert answer.status == 200, answer.body
    content = answer.json
    return content["sessions"] if "sessions" in content else content["rows"]


async def test_what_postgresql_does_not_tell_is_empty(by_hand: Signed, shop: Shop) -> None:
    untold = (
        "trans_num",
        "rollback_num",
        "sql_num",
        "trace_id",
        "global_session_id",
        "xlog_quantity_pretty",
        "lwt_id",
        "thread_name",
        "parent_session_id",
        "smp_id",
    )
    rows = await rows_of_a_busy_shop(by_hand, shop, "real-time-session")
    assert len(rows) >= 3
    assert {row[name] for row in rows for name in untold} == {""}


async def test_every_blocking_session_is_named(by_hand: Signed, shop: Shop) -> None:
    rows = await rows_of_a_busy_shop(by_hand, shop, "real-time-session")
    (waiting,) = [row for row in rows if row["wait"] == "true"]
    holders = [row["session_id"] for row in rows if row["state"] == "idle in transaction"]
    assert len(holders) == 2
    assert sorted(waiting["block_session"].split(",")) == sorted(holders)


async def test_top_and_current_transaction_are_one(by_hand: Signed, shop: Shop) -> None:
    rows = await rows_of_a_busy_shop(by_hand, shop, "real-time-session")
    told = {(row["top_transaction_id"], row["current_transaction_id"]) for row in rows}
    assert len(told) == 2, "one session has an id, and the others none"
    assert all(top == current for top, current in told)


async def test_no_transaction_tells_its_log(by_hand: Signed, shop: Shop) -> None:
    rows = await rows_of_a_busy_shop(by_hand, shop, "transactions/list")
    assert len(rows) == 3
    assert {row["xlog_quantity"] for row in rows} == {0}
    async with shop_at_work(shop.server(COORDINATOR), shop.app(COORDINATOR)):
        query = {"xlog_quantity": "1"}
        answer = await asyncio.to_thread(post, by_hand, "transactions/list", transaction_query_info=query)
    assert answer.json == {"total": 0, "rows": []}


async def test_a_failed_transaction_is_not_listed(by_hand: Signed, shop: Shop) -> None:
    async with sessions(shop.app(COORDINATOR), 2) as (failed, other):
        await other.execute("BEGIN")
        await failed.execute("BEGIN")
        with pytest.raises(asyncpg.DivisionByZeroError):
            await failed.execute("SELECT 1 / 0")
        pid = failed.get_server_pid()
        rows = (await asyncio.to_thread(post, by_hand, "transactions/list")).json["rows"]
        assert [row["sessionid"] for row in rows if row["usename"] == "app"] == [other.get_server_pid()]
        answer = await asyncio.to_thread(post, by_hand, "transactions/kill", session_ids=[pid])
        assert answer.json["session_ids"] == []
        assert states(shop.server(COORDINATOR), [pid]) == {pid: "idle in transaction (aborted)"}


async def test_memory_contexts_are_not_told(by_hand: Signed, shop: Shop) -> None:
    async with sessions(shop.app(COORDINATOR)) as (one,):
        query = f"node_id={NODES[COORDINATOR]}&session_id={one.get_server_pid()}&offset=0&limit=100"
        content = await asyncio.to_thread(get, by_hand, f"{INSTANCE_PATH}/session/memory-context?{query}")
    assert content == {"total": 0, "memory_context_info": []}


def test_nothing_ends_by_itself(by_hand: Signed) -> None:
    content = get(by_hand, f"{INSTANCE_PATH}/transactions/get-auto-kill-config?type=exec_time")
    told = {name: content[name] for name in ("auto_stop", "threshold", "usernames", "database_names_select")}
    assert told == {"auto_stop": False, "threshold": 0, "usernames": [], "database_names_select": []}


@pytest.mark.parametrize(
    "name",
    [
        "session-overview",
        "session-statistics?dimension=usename",
        "session/statistic/top-sql",
        "session/statistic/wait-event",
    ],
)
def test_a_sum_without_a_component_is_refused(signed: Signed, name: str) -> None:
    """The other service has an instance whose servers are not as they should be."""
    answer = signed.send(
        b"", path=f"/v3/{places.PROJECT}/instances/{places.BROKEN_INSTANCE}/{name}", method="GET", headers={}
    )
    assert answer.status == 409
    assert answer.code in {"DBS.280011", "DBS.280406"}


# --- nodes and instances ---------------------------------------------------------------------------------------------


def test_only_components_with_sessions_are_listed(by_hand: Signed) -> None:
    for kind in ("CM", "GTM", "ETCD"):
        content = get(by_hand, f"{INSTANCE_PATH}/components?component_type={kind}")
        assert content == {"nodes": [], "total_count": 0}


def instances(by_hand: Signed) -> list[dict[str, Any]]:
    paths = {
        http_info(REQUESTS[name](HERE))["resource_path"].replace("{project_id}", PROJECT) for name in INSTANCE_LISTS
    }
    return [instance for path in sorted(paths) for instance in get(by_hand, path)["instances"]]


def test_what_belongs_to_buying_is_empty(by_hand: Signed) -> None:
    empty = {
        **dict.fromkeys(
            ("created", "updated", "db_user_name", "security_group_id", "flavor_ref", "switch_strategy"), ""
        ),
        **dict.fromkeys(("maintenance_window", "instance_mode", "disk_encryption_id", "time_zone"), ""),
        "flavor_info": {"vcpu": 0, "mem": 0},
        "volume": {"type": "", "size": 0},
        "backup_strategy": {"start_time": "", "keep_days": 0},
    }
    for instance in instances(by_hand):
        assert {name: instance[name] for name in empty} == empty
        assert instance.get("disk_usage", "") == ""


def test_the_version_is_the_servers(by_hand: Signed, shop: Shop) -> None:
    version = shop.server(COORDINATOR).psql("SHOW server_version;").split()[0]
    told = {(each["datastore"]["type"], each["datastore"]["version"]) for each in instances(by_hand)}
    assert told == {("GaussDB", version)}


def test_an_instance_is_active_or_failed(by_hand: Signed) -> None:
    assert {instance["status"] for instance in instances(by_hand)} == {"ACTIVE"}
