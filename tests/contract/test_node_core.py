"""Every call through the vendor's client for Node, as a program of that world makes it."""

import asyncio
import json
from typing import Any

import pytest

from tests.contract.calls import Wire, every_wire
from tests.contract.database_sessions import pids, sessions, states
from tests.contract.node_client import FOLDER, NodeAnswer, NodeClient, NodeRefusedError
from tests.contract.raw import temporary_key, token_for
from tests.contract.scenes import shop_at_work
from tests.contract.shop import COORDINATOR, DISTRIBUTED, NODES, OTHER_REGION, PROJECT, REGION, Shop
from tests.support.service import Key

CALLS = every_wire()
PLACE = {"node_id": NODES[COORDINATOR], "component_id": COORDINATOR}


def grouped(query: tuple[tuple[str, str], ...]) -> dict[str, str | list[str]]:
    """A query as the client takes it: what is named several times is a list."""
    found: dict[str, list[str]] = {}
    for name, value in query:
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def send(node: NodeClient, shop: Shop, call: Wire, **credentials: Any) -> NodeAnswer:  # noqa: ANN401 - as the client takes them
    given: dict[str, Any] = {"key": shop.operator, "project": PROJECT, **credentials}
    return node.ask(
        shop.service.endpoint, method=call.method, path=call.path, query=grouped(call.query), body=call.body, **given
    )


def refused(node: NodeClient, shop: Shop, call: Wire, **credentials: Any) -> NodeRefusedError:  # noqa: ANN401 - as above
    with pytest.raises(NodeRefusedError) as error:
        send(node, shop, call, **credentials)
    return error.value


def post(name: str, **body: object) -> Wire:
    return Wire(method="POST", path=f"/v3/{PROJECT}/instances/{DISTRIBUTED}/{name}", body={**PLACE, **body})


def get(name: str, *query: tuple[str, str]) -> Wire:
    return Wire(method="GET", path=f"/v3/{PROJECT}/instances/{DISTRIBUTED}/{name}", query=query)


@pytest.mark.parametrize("operation", CALLS)
def test_every_call_is_answered(node: NodeClient, shop: Shop, operation: str) -> None:
    answer = send(node, shop, CALLS[operation])
    assert answer.status == 200
    assert answer.body


@pytest.mark.parametrize("operation", CALLS)
def test_a_key_and_a_region_are_enough_for_every_call(node: NodeClient, shop: Shop, operation: str) -> None:
    call = CALLS[operation]
    path = call.path.replace(PROJECT, "{project_id}")
    answer = send(
        node,
        shop,
        Wire(method=call.method, path=path, query=call.query, body=call.body),
        project=None,
        region=REGION,
        iam_endpoint=shop.service.endpoint,
    )
    assert answer.status == 200


def test_a_region_without_a_project_of_the_caller_makes_none(node: NodeClient, shop: Shop) -> None:
    """Where it finds no project, the client goes on to ask for one to be made."""
    error = refused(
        node,
        shop,
        Wire(method="GET", path="/v3/{project_id}/instances"),
        project=None,
        region=OTHER_REGION,
        iam_endpoint=shop.service.endpoint,
    )
    assert (error.status_code, error.error_code) == (403, "IAM.0003")
    projects = send(node, shop, Wire(method="GET", path="/v3/projects"), iam_endpoint=shop.service.endpoint)
    assert [project["name"] for project in projects.body["projects"]] == [REGION]


async def test_idle_sessions_end_and_all_others_live(node: NodeClient, shop: Shop) -> None:
    server = shop.server(COORDINATOR)
    async with shop_at_work(server, shop.app(COORDINATOR)) as scene:
        answer = await asyncio.to_thread(send, node, shop, post("kill-free-session"))
        assert set(states(server, scene.all)) == scene.not_idle
    assert answer.body == {"success": True}


async def test_what_is_listed_can_be_ended(node: NodeClient, shop: Shop) -> None:
    server = shop.server(COORDINATOR)
    async with sessions(shop.app(COORDINATOR), 2) as opened, shop_at_work(server, shop.app(COORDINATOR)) as scene:
        ours = pids(opened)
        rows = (await asyncio.to_thread(send, node, shop, post("real-time-session"))).body["sessions"]
        assert {int(row["session_id"]) for row in rows} >= {*ours, *scene.all}
        named = [str(pid) for pid in ours]
        answer = await asyncio.to_thread(send, node, shop, post("kill-session", session_ids=named))
        assert answer.body == {"session_ids": named, "success": True}
        rows = (await asyncio.to_thread(send, node, shop, post("transactions/list", limit=100))).body["rows"]
        assert {row["sessionid"] for row in rows} == scene.not_idle
        # Whoever waits for the lock has done its work as soon as the one that holds it is gone.
        ending = scene.not_idle - {scene.waiting}
        kill = post("transactions/kill", session_ids=sorted(ending))
        answer = await asyncio.to_thread(send, node, shop, kill)
        assert set(answer.body["session_ids"]) == {str(pid) for pid in ending}
        assert set(states(server, {*ours, *scene.all})) == {*scene.idle, scene.waiting}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ((("id", "*aaaa1111"),), ["shop"]),
        ((("name", "*hop"), ("limit", "1")), ["shop"]),
        ((("tags", "team:orders"), ("tags", "stage:prod")), ["shop"]),
        ((("tags", "team:orders"), ("tags", "stage:te st")), []),
        ((("name", "a+b c/d*"),), []),
    ],
)
def test_a_query_of_odd_characters_is_read_as_it_was_meant(
    node: NodeClient, shop: Shop, query: tuple[tuple[str, str], ...], found: list[str]
) -> None:
    answer = send(node, shop, Wire(method="GET", path=f"/v3.3/{PROJECT}/instances", query=query))
    assert [instance["name"] for instance in answer.body["instances"]] == found


def test_a_temporary_key_signs_like_any_other(node: NodeClient, shop: Shop) -> None:
    token = token_for(shop.service, name="olga", password=shop.password, scope={"project": {"id": PROJECT}})
    made = temporary_key(shop.service, token)
    for call in (post("kill-free-session"), get("session-overview")):
        answer = send(node, shop, call, key=made.key, security_token=made.security_token)
        assert answer.status == 200
        assert refused(node, shop, call, key=made.key).status_code == 401


def test_a_refusal_arrives_with_its_code_message_and_request_id(node: NodeClient, shop: Shop) -> None:
    error = refused(node, shop, post("kill-free-session", node_id="f" * 36))
    assert (error.kind, error.status_code, error.error_code) == ("ClientRequestException", 400, "DBS.280407")
    assert error.error_msg
    assert error.error_msg.startswith("Invalid node ID.")
    assert error.request_id
    assert len(error.request_id) == 32


def test_a_wrong_secret_key_is_refused(node: NodeClient, shop: Shop) -> None:
    wrong = Key(access_key=shop.operator.access_key, secret_key="wrong")  # noqa: S106 - none
    for call in (post("kill-free-session"), get("session-statistics", ("dimension", "usename"))):
        error = refused(node, shop, call, key=wrong)
        assert (error.status_code, error.error_code) == (401, "APIGW.0301")


# --- how the client is installed -------------------------------------------------------------------------------------


def test_the_lock_file_pins_every_package_by_its_content_and_names_no_address() -> None:
    text = (FOLDER / "package-lock.json").read_text(encoding="utf-8")
    packages: dict[str, dict[str, Any]] = json.loads(text)["packages"]
    assert "://" not in text
    assert "://" not in (FOLDER / ".npmrc").read_text(encoding="utf-8")
    own = packages.pop("")
    assert own["dependencies"] == json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert packages
    for name, facts in packages.items():
        assert "resolved" not in facts, name
        assert facts["integrity"].startswith("sha512-"), name
