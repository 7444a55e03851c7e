"""Every documented error, as the exception that the official client makes of it, and the order they come in."""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from huaweicloudsdkcore.exceptions.exceptions import (
    ClientRequestException,
    ServerResponseException,
    ServiceResponseException,
)

from tests.contract.clients import Official, official_client
from tests.contract.conftest import Users
from tests.contract.database_sessions import pids, sessions, states
from tests.contract.places import (
    BROKEN_INSTANCE,
    INSTANCE,
    NODES,
    OTHER_INSTANCE,
    OTHER_NODE,
    PROJECT,
    RIGHTS_NODE,
    ROLE_NODE,
    SILENT_NODE,
    UNKNOWN_INSTANCE,
    UNKNOWN_NODE,
    UNKNOWN_PROJECT,
    call,
)
from tests.contract.raw import Answer, Signed, ask
from tests.support.service import COORDINATOR, DATA_NODE, Cluster, Key, RunningService, Site, eventually

# The official client asks for the time in a way that newer Pythons warn of.
pytestmark = pytest.mark.filterwarnings(r"ignore:datetime\.datetime\.utcnow:DeprecationWarning")

CN_NODE = NODES[COORDINATOR]


def body(**changes: object) -> str:
    """The text of a good body, with changes; `...` leaves a key out."""
    content = {"node_id": CN_NODE, "component_id": COORDINATOR, **changes}
    return json.dumps({name: value for name, value in content.items() if value is not ...})


def refused(make_the_call: Callable[[], object]) -> ServiceResponseException:
    """The exception of a call that must fail, whose request id is as good as its code."""
    with pytest.raises(ServiceResponseException) as caught:
        make_the_call()
    error = caught.value
    wanted = ClientRequestException if error.status_code < 500 else ServerResponseException
    assert type(error) is wanted
    assert len(error.request_id) == 32
    return error


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """A call with something wrong, and what it is answered with."""

    name: str
    status: int
    code: str
    says: str
    make: Callable[[Official], object]


WRONG = [
    Wrong(
        name="instance_id_too_short",
        status=400,
        code="DBS.280404",
        says="Invalid DB instance ID or node ID format.",
        make=lambda client: client.kill(instance="abcin14"),
    ),
    Wrong(
        name="instance_id_with_a_slash",
        status=400,
        code="DBS.280404",
        says="An instance ID has 36 letters and digits",
        make=lambda client: client.kill(instance=INSTANCE[:35] + "/"),
    ),
    Wrong(
        name="instance_id_left_out",
        status=400,
        code="DBS.280404",
        says="An instance ID has 36 letters and digits",
        make=lambda client: client.kill(instance=None),
    ),
    Wrong(
        name="no_body",
        status=400,
        code="DBS.280006",
        says="The request is null.",
        make=lambda client: client.send(None),
    ),
    Wrong(name="blank_body", status=400, code="DBS.280006", says="node_id", make=lambda client: client.send(" \r\n\t")),
    Wrong(
        name="node_id_missing",
        status=400,
        code="DBS.280001",
        says="missing required field `node_id`",
        make=lambda client: client.send(body(node_id=...)),
    ),
    Wrong(
        name="component_id_missing",
        status=400,
        code="DBS.280001",
        says="missing required field `component_id`",
        make=lambda client: client.send(body(component_id=...)),
    ),
    Wrong(
        name="node_id_a_number",
        status=400,
        code="DBS.280001",
        says="`$.node_id`",
        make=lambda client: client.send(body(node_id=5)),
    ),
    Wrong(
        name="component_id_null",
        status=400,
        code="DBS.280001",
        says="`$.component_id`",
        make=lambda client: client.send(body(component_id=None)),
    ),
    Wrong(
        name="component_id_a_list",
        status=400,
        code="DBS.280001",
        says="`$.component_id`",
        make=lambda client: client.send(body(component_id=[COORDINATOR])),
    ),
    Wrong(
        name="instance_id_a_number",
        status=400,
        code="DBS.280001",
        says="`$.instance_id`",
        make=lambda client: client.send(body(instance_id=1)),
    ),
    Wrong(
        name="instance_id_not_the_paths",
        status=400,
        code="DBS.280001",
        says="not the one in the path",
        make=lambda client: client.send(body(instance_id=UNKNOWN_INSTANCE)),
    ),
    Wrong(
        name="node_id_too_long",
        status=400,
        code="DBS.280404",
        says="A node ID has 36 letters and digits",
        make=lambda client: client.kill(node=CN_NODE + "0"),
    ),
    Wrong(
        name="node_id_empty",
        status=400,
        code="DBS.280404",
        says="A node ID has 36 letters and digits",
        make=lambda client: client.send(body(node_id="")),
    ),
    Wrong(
        name="component_a_cluster_manager",
        status=400,
        code="DBS.280667",
        says="Invalid shard component ID.",
        make=lambda client: client.kill("cm_1", node=CN_NODE),
    ),
    Wrong(
        name="component_malformed",
        status=400,
        code="DBS.280667",
        says="Invalid shard component ID.",
        make=lambda client: client.kill("cn_5001; DROP", node=CN_NODE),
    ),
    Wrong(
        name="instance_unknown",
        status=404,
        code="DBS.200045",
        says="The DB instance does not exist.",
        make=lambda client: client.kill(instance=UNKNOWN_INSTANCE),
    ),
    Wrong(
        name="instance_of_another_project",
        status=404,
        code="DBS.200045",
        says="The DB instance does not exist.",
        make=lambda client: client.kill(instance=OTHER_INSTANCE, node=OTHER_NODE),
    ),
    Wrong(
        name="node_unknown",
        status=400,
        code="DBS.280407",
        says="Invalid node ID.",
        make=lambda client: client.kill(node=UNKNOWN_NODE),
    ),
    Wrong(
        name="node_of_another_instance",
        status=400,
        code="DBS.280407",
        says="Invalid node ID.",
        make=lambda client: client.kill(node=OTHER_NODE),
    ),
    Wrong(
        name="component_on_another_node",
        status=400,
        code="DBS.280676",
        says="The component ID does not belong to the current node ID.",
        make=lambda client: client.kill(DATA_NODE, node=CN_NODE),
    ),
    Wrong(
        name="component_unknown",
        status=400,
        code="DBS.280676",
        says="The component ID does not belong to the current node ID.",
        make=lambda client: client.kill("dn_6099", node=CN_NODE),
    ),
    Wrong(
        name="server_that_was_never_there",
        status=409,
        code="DBS.280011",
        says="The component cannot be reached",
        make=lambda client: client.kill("dn_6003", node=SILENT_NODE, instance=BROKEN_INSTANCE),
    ),
    Wrong(
        name="server_in_another_role",
        status=409,
        code="DBS.280406",
        says="configured as standby",
        make=lambda client: client.kill("dn_6001", node=ROLE_NODE, instance=BROKEN_INSTANCE),
    ),
    Wrong(
        name="rights_missing_on_the_server",
        status=409,
        code="DBS.280406",
        says='GRANT pg_signal_backend TO "watcher"',
        make=lambda client: client.kill("dn_6002", node=RIGHTS_NODE, instance=BROKEN_INSTANCE),
    ),
]


@pytest.mark.parametrize("wrong", WRONG, ids=[wrong.name for wrong in WRONG])
def test_what_is_wrong_arrives_as_the_documented_error(operator: Official, wrong: Wrong) -> None:
    error = refused(lambda: wrong.make(operator))
    assert (error.status_code, error.error_code) == (wrong.status, wrong.code)
    assert wrong.says in error.error_msg


def test_the_async_client_gets_the_same_exception(service: RunningService, users: Users) -> None:
    with official_client(service.endpoint, users.operator, asynchronous=True) as client:
        error = refused(lambda: client.kill(instance=UNKNOWN_INSTANCE))
    assert (error.status_code, error.error_code) == (404, "DBS.200045")


def test_an_instance_of_another_project_answers_exactly_like_none(signed: Signed) -> None:
    def answer(instance: str) -> tuple[int, object, list[str]]:
        given = signed.send(path=call(instance=instance))
        return given.status, given.json | {"request_id": ""}, sorted(given.headers)

    assert answer(OTHER_INSTANCE) == answer(UNKNOWN_INSTANCE)


# --- who asks --------------------------------------------------------------------------------------------------------


def test_a_viewer_may_not_end_sessions(service: RunningService, users: Users) -> None:
    with official_client(service.endpoint, users.viewer) as viewer:
        error = refused(viewer.kill)
    assert (error.status_code, error.error_code) == (403, "DBS.280015")
    assert "Role 'viewer' may not kill" in error.error_msg


async def test_what_is_refused_ends_nothing(cluster: Cluster, service: RunningService, users: Users) -> None:
    async with sessions(cluster.dsn(cluster.coordinator, "app")) as idle:
        for key in (users.viewer, users.other):
            with official_client(service.endpoint, key) as client:
                refused(client.kill)
        assert states(cluster.coordinator, pids(idle)) == dict.fromkeys(pids(idle), "idle")


@pytest.mark.parametrize("project", [PROJECT, UNKNOWN_PROJECT])
def test_a_key_of_another_project_is_refused(service: RunningService, users: Users, project: str) -> None:
    with official_client(service.endpoint, users.other, project=project) as client:
        error = refused(client.kill)
    assert (error.status_code, error.error_code) == (403, "DBS.200010")
    assert error.error_msg == (
        "DB instance ID or user ID may be null, or the operation is not authorized. "
        "The credential does not belong to this project"
    )


@pytest.mark.parametrize("project", [None, "0611f1bd", PROJECT + "0", PROJECT[:31] + "-", PROJECT[:31] + "é"])
def test_a_project_id_that_cannot_be_one_is_named(service: RunningService, users: Users, project: str | None) -> None:
    """Without a project the official client sends the placeholder of its template, percent-encoded."""
    with official_client(service.endpoint, users.operator, project=project) as client:
        error = refused(client.kill)
    assert (error.status_code, error.error_code) == (400, "DBS.280408")
    assert "Invalid project ID." in error.error_msg


# --- the order -------------------------------------------------------------------------------------------------------

BAD_IDS = {"node_id": "?", "component_id": "cm_1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A call that has everything wrong that the rungs above it had, but one thing."""

    status: int
    code: str | None
    who: str | None = "operator"
    path: str = call()
    sent: dict[str, str] | None = None


LADDER = {
    "unknown_call": Rung(status=404, code="APIGW.0101", who=None, path="/v3/~/instances/~/kill-all"),
    "credentials": Rung(status=401, code="APIGW.0301", who=None, path=call("~", "~")),
    "project_format": Rung(status=400, code="DBS.280408", who="other", path=call("~", "~")),
    "project": Rung(status=403, code="DBS.200010", who="other", path=call(instance="~")),
    "instance_format": Rung(status=400, code="DBS.280404", who="viewer", path=call(instance="~")),
    "no_body": Rung(status=400, code="DBS.280006", who="viewer", path=call(instance=UNKNOWN_INSTANCE)),
    "body": Rung(status=400, code="DBS.280001", who="viewer", path=call(instance=UNKNOWN_INSTANCE), sent={}),
    "role": Rung(status=403, code="DBS.280015", who="viewer", path=call(instance=UNKNOWN_INSTANCE), sent=BAD_IDS),
    "instance": Rung(status=404, code="DBS.200045", path=call(instance=UNKNOWN_INSTANCE), sent=BAD_IDS),
    "node_format": Rung(status=400, code="DBS.280404", path=call(instance=BROKEN_INSTANCE), sent=BAD_IDS),
    "node": Rung(
        status=400,
        code="DBS.280407",
        path=call(instance=BROKEN_INSTANCE),
        sent={"node_id": UNKNOWN_NODE, "component_id": "dn_6099"},
    ),
    "component_format": Rung(
        status=400,
        code="DBS.280667",
        path=call(instance=BROKEN_INSTANCE),
        sent=BAD_IDS | {"node_id": SILENT_NODE},
    ),
    "component": Rung(
        status=400,
        code="DBS.280676",
        path=call(instance=BROKEN_INSTANCE),
        sent={"node_id": SILENT_NODE, "component_id": "dn_6099"},
    ),
    "server": Rung(
        status=409,
        code="DBS.280011",
        path=call(instance=BROKEN_INSTANCE),
        sent={"node_id": SILENT_NODE, "component_id": "dn_6003"},
    ),
    "nothing": Rung(status=200, code=None, sent={"node_id": CN_NODE, "component_id": COORDINATOR}),
}


@pytest.mark.parametrize("wrong", LADDER)
def test_of_many_things_wrong_the_first_in_order_is_told(service: RunningService, users: Users, wrong: str) -> None:
    rung = LADDER[wrong]
    text = b"" if rung.sent is None else json.dumps(rung.sent).encode()
    if rung.who is None:
        answer: Answer = ask(service, "POST", rung.path, body=text)
    else:
        key: Key = getattr(users, rung.who)
        answer = Signed(service=service, key=key).send(text, path=rung.path)
    if rung.code is None:
        assert (answer.status, answer.json) == (200, {"success": True})
    else:
        assert answer.refusal == (rung.status, rung.code)


# --- what is out of order behind the service -------------------------------------------------------------------------


@pytest.fixture
def stopped_data_node(cluster: Cluster, service: RunningService) -> Generator[None]:
    cluster.data_node.stop()
    try:
        yield
    finally:
        cluster.data_node.start()
        eventually(lambda: service.readiness()[INSTANCE, DATA_NODE] is None)


@pytest.mark.usefixtures("stopped_data_node")
def test_a_server_that_is_down_is_a_conflict_and_the_others_go_on(operator: Official) -> None:
    error = refused(lambda: operator.kill(DATA_NODE))
    assert (error.status_code, error.error_code) == (409, "DBS.280011")
    assert "the DB instance is abnormal" in error.error_msg
    assert operator.kill(COORDINATOR).success is True


async def test_a_server_that_came_back_is_swept_again(
    cluster: Cluster, service: RunningService, operator: Official
) -> None:
    await asyncio.to_thread(cluster.data_node.restart)
    await asyncio.to_thread(eventually, lambda: service.readiness()[INSTANCE, DATA_NODE] is None)
    async with sessions(cluster.dsn(cluster.data_node, "app")) as idle:
        idle_pids = pids(idle)
        assert (await asyncio.to_thread(operator.kill, DATA_NODE)).success is True
        assert states(cluster.data_node, idle_pids) == {}


async def test_nothing_is_ended_while_the_audit_cannot_be_written(
    cluster: Cluster, service: RunningService, site: Site, operator: Official
) -> None:
    async with sessions(cluster.dsn(cluster.coordinator, "app")) as idle:
        idle_pids = pids(idle)
        with closing(sqlite3.connect(site.store, isolation_level=None)) as store:
            store.execute("BEGIN IMMEDIATE")
            error, (status, readiness) = await asyncio.gather(
                asyncio.to_thread(refused, operator.kill), asyncio.to_thread(service.get, "/readyz")
            )
            spared = states(cluster.coordinator, idle_pids)
        assert spared == dict.fromkeys(idle_pids, "idle")

        await asyncio.to_thread(eventually, lambda: service.get("/readyz")[1]["store"]["ready"])
        assert (await asyncio.to_thread(operator.kill)).success is True
        assert states(cluster.coordinator, idle_pids) == {}
    assert (error.status_code, error.error_code) == (500, "DBS.200005")
    assert (status, readiness["status"], readiness["store"]["ready"]) == (503, "unavailable", False)


def test_the_id_of_a_refused_call_finds_it_in_the_audit(site: Site, operator: Official) -> None:
    error: Any = refused(lambda: operator.kill(node=UNKNOWN_NODE))
    # The list names the call, and what it names can be shown.
    assert error.request_id in site.vacate("audit", "list", "--limit", "5")
    shown = site.vacate("audit", "show", error.request_id)
    assert "NodeUnknownError" in shown
    assert "olga" in shown
