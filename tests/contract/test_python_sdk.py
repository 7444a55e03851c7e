"""Every call of the official client for Python, synchronous and asynchronous, on the shop's real sessions."""

import asyncio
import json
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkcore.utils.http_utils import sanitize_for_serialization
from huaweicloudsdkgaussdbforopengauss import v3

from tests.contract.calls import HERE, INSTANCE_LISTS, REQUESTS, Where
from tests.contract.clients import Official, official_client
from tests.contract.database_sessions import pids, sessions, states
from tests.contract.scenes import SLEEP, shop_at_work
from tests.contract.shop import (
    CENTRALISED,
    COORDINATOR,
    DATABASE,
    DISTRIBUTED,
    NODE_NAMES,
    NODES,
    PRIMARY,
    PROJECT,
    REGION,
    SHARD,
    STANDBY,
    SUBNET,
    TAGS,
    VPC,
    ZONES,
    Shop,
)

# The official client asks for the time in a way that newer Pythons warn of, and warns of calls that it still makes.
pytestmark = [
    pytest.mark.filterwarnings(r"ignore:datetime\.datetime\.utcnow:DeprecationWarning"),
    pytest.mark.filterwarnings(r"ignore:Method 'list_instance\w+' of \w+ is deprecated:DeprecationWarning"),
]

COMPONENTS = (COORDINATOR, PRIMARY, STANDBY)


def at(component: str) -> Where:
    return replace(HERE, node=NODES[component], component=component)


@pytest.fixture(scope="module", params=[False, True], ids=["sync_client", "async_client"])
def client(request: pytest.FixtureRequest, shop: Shop) -> Generator[Official]:
    with official_client(shop.service.endpoint, shop.operator, project=PROJECT, asynchronous=request.param) as made:
        yield made


async def asked(client: Official, request: object) -> Any:  # noqa: ANN401 - each request has an answer of its own class
    """Ask beside the event loop, which goes on to serve the sessions of the test."""
    return await asyncio.to_thread(client.ask, request)


# The two earlier lists of instances hold what the client's classes for them do not know; see deviations.toml.
WHOLE = sorted(REQUESTS.keys() - {"list_instances", "list_instances_details"})


@pytest.mark.parametrize("operation", WHOLE)
def test_every_call_is_answered_with_what_the_client_understands(client: Official, operation: str) -> None:
    answer = client.ask(REQUESTS[operation](HERE))
    assert answer.status_code == 200
    # Whatever the client's own classes cannot hold, or would turn into another type, is missing or different here.
    assert sanitize_for_serialization(answer) == json.loads(answer.raw_content)


# --- where to call ---------------------------------------------------------------------------------------------------


def test_every_node_and_component_that_may_be_called_is_listed(client: Official) -> None:
    answer = client.ask(v3.ListKeyViewExecuteNodeRequest(instance_id=DISTRIBUTED, body={}))
    assert {row.component_id: (row.node_id, row.node_name, row.role, row.type) for row in answer.nodes} == {
        COORDINATOR: (NODES[COORDINATOR], NODE_NAMES[COORDINATOR], "master", "CN"),
        PRIMARY: (NODES[PRIMARY], NODE_NAMES[PRIMARY], "master", "DN"),
        STANDBY: (NODES[STANDBY], NODE_NAMES[STANDBY], "slave", "DN"),
    }
    assert {row.component_id: row.distributed_id for row in answer.nodes} == {
        COORDINATOR: "",
        PRIMARY: SHARD,
        STANDBY: SHARD,
    }


def test_every_pair_that_is_listed_can_be_called(client: Official) -> None:
    for instance in (DISTRIBUTED, CENTRALISED):
        for row in client.ask(v3.ListKeyViewExecuteNodeRequest(instance_id=instance, body={})).nodes:
            where = replace(HERE, instance=instance, node=row.node_id, component=row.component_id)
            assert client.ask(REQUESTS["stop_free_session"](where)).success is True
            rows = client.ask(REQUESTS["list_real_time_sessions"](where)).sessions
            # What is left are the service's own links, one for each instance that the server belongs to.
            assert {(each.user_name, each.component_name) for each in rows} <= {("vacate", row.component_id)}


def test_components_are_listed_under_their_nodes(client: Official) -> None:
    answer = client.ask(v3.ListComponentInfosRequest(instance_id=DISTRIBUTED))
    assert answer.total_count == 3
    found = {
        component.id: (node.id, node.name, node.availability_zone_id, component.role, component.status, component.type)
        for node in answer.nodes
        for component in node.components
    }
    assert found == {
        COORDINATOR: (NODES[COORDINATOR], NODE_NAMES[COORDINATOR], "az1", "master", "Normal", "CN"),
        PRIMARY: (NODES[PRIMARY], NODE_NAMES[PRIMARY], "az1", "master", "Primary", "DN"),
        STANDBY: (NODES[STANDBY], NODE_NAMES[STANDBY], "az2", "slave", "Standby", "DN"),
    }


@pytest.mark.parametrize(
    ("asked_for", "components"),
    [
        ({"component_type": "ALL"}, {COORDINATOR, PRIMARY, STANDBY}),
        ({"component_type": "CN"}, {COORDINATOR}),
        ({"component_type": "DN"}, {PRIMARY, STANDBY}),
        ({"component_type": "ETCD"}, set()),
        # A shard is where its primary is, with all of its data nodes.
        ({"availability_zone_id": "az1"}, {COORDINATOR, PRIMARY, STANDBY}),
        ({"availability_zone_id": "az2"}, set()),
    ],
)
def test_components_are_found_by_type_and_zone(
    client: Official, asked_for: dict[str, str], components: set[str]
) -> None:
    answer = client.ask(v3.ListComponentInfosRequest(instance_id=DISTRIBUTED, **asked_for))
    assert {component.id for node in answer.nodes for component in node.components} == components


def test_nodes_come_page_by_page(client: Official) -> None:
    pages = [
        client.ask(v3.ListComponentInfosRequest(instance_id=DISTRIBUTED, offset=offset, limit=2))
        for offset in (0, 2, 4)
    ]
    assert [page.total_count for page in pages] == [3, 3, 3]
    assert [len(page.nodes) for page in pages] == [2, 1, 0]
    assert {node.id for page in pages for node in page.nodes} == set(NODES.values())


# --- instances -------------------------------------------------------------------------------------------------------

LISTS: dict[str, Any] = {name: type(REQUESTS[name](HERE)) for name in INSTANCE_LISTS}
every_list = pytest.mark.parametrize("which", LISTS)


@every_list
def test_the_instances_of_the_project_are_listed(client: Official, which: str, shop: Shop) -> None:
    answer = client.ask(LISTS[which]())
    assert answer.total_count == 2
    instance, other = answer.instances
    assert (instance.id, instance.name, instance.type) == (DISTRIBUTED, "shop", "Enterprise")
    assert (other.id, other.name, other.type) == (CENTRALISED, "shop-archive", "Ha")
    assert instance.status == "ACTIVE"
    assert instance.region == REGION
    assert instance.port == shop.server(COORDINATOR).port
    assert (instance.vpc_id, instance.subnet_id) == (VPC, SUBNET)
    assert instance.charge_info.charge_mode == "prePaid"
    assert instance.datastore.type == "GaussDB"


@every_list
def test_the_nodes_of_an_instance_name_their_components(client: Official, which: str) -> None:
    (instance,) = client.ask(LISTS[which](id=DISTRIBUTED)).instances
    nodes: list[Any] = [sanitize_for_serialization(node) for node in instance.nodes]
    assert {node["id"]: (node["name"], node["role"], node["availability_zone"]) for node in nodes} == {
        NODES[COORDINATOR]: (NODE_NAMES[COORDINATOR], "master", ZONES[COORDINATOR]),
        NODES[PRIMARY]: (NODE_NAMES[PRIMARY], "master", ZONES[PRIMARY]),
        NODES[STANDBY]: (NODE_NAMES[STANDBY], "slave", ZONES[STANDBY]),
    }
    named = {node["id"]: node["component_names"] for node in nodes}
    assert named[NODES[PRIMARY]] == f"{PRIMARY}:{SHARD}"
    assert named[NODES[STANDBY]] == f"{STANDBY}:{SHARD}"
    assert named[NODES[COORDINATOR]].partition(":")[0] == COORDINATOR


@every_list
@pytest.mark.parametrize(
    ("asked_for", "found"),
    [
        ({"id": DISTRIBUTED}, ["shop"]),
        ({"id": "*" + DISTRIBUTED[3:20]}, ["shop"]),
        ({"id": DISTRIBUTED[3:20]}, []),
        ({"name": "shop"}, ["shop"]),
        ({"name": "*hop"}, ["shop", "shop-archive"]),
        ({"name": "*archive"}, ["shop-archive"]),
        ({"name": "elsewhere"}, []),
        ({"type": "Enterprise"}, ["shop"]),
        ({"type": "Ha"}, ["shop-archive"]),
        ({"datastore_type": "GaussDB"}, ["shop", "shop-archive"]),
        ({"vpc_id": VPC}, ["shop"]),
        ({"vpc_id": "another"}, []),
        ({"subnet_id": SUBNET}, ["shop"]),
        ({"charge_mode": "prePaid"}, ["shop"]),
        ({"charge_mode": "postPaid"}, ["shop-archive"]),
        ({"tags": ["team:orders"]}, ["shop"]),
        ({"tags": [f"{key}:{value}" for key, value in TAGS.items()]}, ["shop"]),
        ({"tags": ["team:orders", "stage:test"]}, []),
        ({"tags": ["team:"]}, ["shop"]),
        ({"offset": 1}, ["shop-archive"]),
        ({"limit": 1}, ["shop"]),
        ({"offset": 2, "limit": 1}, []),
    ],
    ids=lambda value: "-".join(f"{name}={each}" for name, each in value.items()) if isinstance(value, dict) else "",
)
def test_instances_are_found_by_every_documented_filter(
    client: Official, which: str, asked_for: dict[str, Any], found: list[str]
) -> None:
    answer = client.ask(LISTS[which](**asked_for))
    assert [instance.name for instance in answer.instances] == found
    paged = asked_for.keys() & {"offset", "limit"}
    assert answer.total_count == (2 if paged else len(found))


# --- watching --------------------------------------------------------------------------------------------------------


def listed(component: str, **query_info: str) -> v3.ListRealTimeSessionsRequest:
    body = v3.ListRealTimeSessionsRequestBody(
        **at(component).place, query_info=v3.SessionQueryInfoOption(**query_info) if query_info else None
    )
    return v3.ListRealTimeSessionsRequest(instance_id=DISTRIBUTED, body=body)


@pytest.mark.parametrize("component", COMPONENTS)
async def test_every_session_is_listed_with_what_it_does(client: Official, shop: Shop, component: str) -> None:
    began = datetime.now(UTC) - timedelta(seconds=2)
    async with shop_at_work(shop.server(component), shop.app(component)) as scene:
        answer = await asked(client, listed(component))
    rows = {int(row.session_id): row for row in answer.sessions if int(row.session_id) in scene.all}
    assert rows.keys() == scene.all
    assert {pid: row.state for pid, row in rows.items()} == {
        **dict.fromkeys(scene.idle, "idle"),
        **dict.fromkeys(scene.active, "active"),
        scene.in_transaction: "idle in transaction",
        scene.waiting: "active",
    }
    for row in rows.values():
        assert (row.user_name, row.database_name, row.application_name) == ("app", DATABASE, "shop")
        assert (row.client_ip, row.component_name) == ("127.0.0.1", component)
        assert row.client_port.isdecimal()
        assert isinstance(row.back_end_start, int)
        assert began.timestamp() <= row.back_end_start <= datetime.now(UTC).timestamp()
    assert rows[scene.active[0]].query == SLEEP
    assert rows[scene.active[0]].wait == "false"
    assert rows[scene.in_transaction].transaction_start is not None
    assert rows[scene.idle[0]].transaction_start is None
    waiting = rows[scene.waiting]
    assert waiting.wait == "true"
    assert waiting.block_session == str(scene.in_transaction)
    assert waiting.lock_mode == "ExclusiveLock"
    assert waiting.lock_tag


async def test_sessions_are_found_by_database_user_and_address(client: Official, shop: Shop) -> None:
    server = shop.server(COORDINATOR)
    async with sessions(shop.app(COORDINATOR), 2) as shoppers, sessions(server.superuser_dsn) as superusers:
        ours, theirs = set(pids(shoppers)), set(pids(superusers))

        async def found(**query_info: str) -> set[int]:
            answer = await asked(client, listed(COORDINATOR, **query_info))
            return {int(row.session_id) for row in answer.sessions} & (ours | theirs)

        assert await found() == ours | theirs
        assert await found(database_name=DATABASE) == ours
        assert await found(user_name="postgres") == theirs
        assert await found(client_ip="127.0.0.1") == ours | theirs
        assert await found(client_ip="127.0.0.2") == set()
        assert await found(user_name="app", database_name="postgres") == set()


async def test_the_overview_counts_what_there_is(client: Official, shop: Shop) -> None:
    before = client.ask(v3.ShowSessionOverviewRequest(instance_id=DISTRIBUTED))
    async with shop_at_work(shop.server(PRIMARY), shop.app(PRIMARY)) as scene:
        after = await asked(client, v3.ShowSessionOverviewRequest(instance_id=DISTRIBUTED))
    assert int(after.total_num) - int(before.total_num) == len(scene.all)
    assert int(after.active_num) - int(before.active_num) == len(scene.active) + 1
    assert int(after.lock_num) - int(before.lock_num) == 1
    assert 0 <= int(after.slow_sql_num) <= int(after.active_num)


@pytest.mark.parametrize("dimension", ["usename", "client_addr", "datname"])
async def test_sessions_are_summed_up_by_every_dimension(client: Official, shop: Shop, dimension: str) -> None:
    name = {"usename": "app", "client_addr": "127.0.0.1", "datname": DATABASE}[dimension]
    request = v3.ListSessionStatisticsRequest(instance_id=DISTRIBUTED, dimension=dimension)

    def counted(answer: Any) -> tuple[int, int]:  # noqa: ANN401 - the client carries no types
        rows = {row.name: (int(row.active_num), int(row.total_num)) for row in answer.statistics_list}
        assert len(rows) == len(answer.statistics_list) == answer.total
        return rows.get(name, (0, 0))

    active, total = counted(client.ask(request))
    async with shop_at_work(shop.server(COORDINATOR), shop.app(COORDINATOR)) as scene:
        after = await asked(client, request)
    assert counted(after) == (active + len(scene.active) + 1, total + len(scene.all))


async def test_sums_are_ordered_and_paged_as_asked(client: Official, shop: Shop) -> None:
    superuser = shop.server(COORDINATOR).superuser_dsn
    async with sessions(shop.app(COORDINATOR), 3), sessions(superuser):

        async def names(**asked_for: object) -> list[str]:
            fields = {"dimension": "usename", "order_field": "total_num", **asked_for}
            request = v3.ListSessionStatisticsRequest(instance_id=DISTRIBUTED, **fields)
            return [row.name for row in (await asked(client, request)).statistics_list]

        upwards = await names(order="ASC")
        assert upwards.index("postgres") < upwards.index("app")
        assert await names() == upwards
        downwards = await names(order="DESC")
        assert downwards.index("app") < downwards.index("postgres")
        assert await names(order="DESC", limit=1) == downwards[:1]
        assert await names(order="DESC", offset=1) == downwards[1:]


async def test_the_statements_that_most_sessions_run_are_told(client: Official, shop: Shop) -> None:
    async with shop_at_work(shop.server(COORDINATOR), shop.app(COORDINATOR), active=3):
        answer = await asked(client, REQUESTS["list_session_top_sql_statistics"](HERE))
    (row,) = [row for row in answer.top_sql_info if row.query == SLEEP]
    assert (row.count, row.node_name) == (3, COORDINATOR)
    assert row.unique_sql_id.lstrip("-").isdecimal()
    assert answer.total >= len(answer.top_sql_info)
    assert answer.top_sql_info[0] is row


async def test_the_events_that_sessions_wait_for_are_told(client: Official, shop: Shop) -> None:
    async with shop_at_work(shop.server(PRIMARY), shop.app(PRIMARY), active=3):
        answer = await asked(client, REQUESTS["list_session_wait_event_statistics"](HERE))
    told = {row.event_name: row.count for row in answer.wait_event_info if row.node_name == PRIMARY}
    assert told["PgSleep"] == "3"
    assert told["advisory"] == "1"


def transactions(component: str, **body: Any) -> v3.ListTransactionRequest:  # noqa: ANN401 - the client carries no types
    body = {"limit": 100, "offset": 0, **body}
    return v3.ListTransactionRequest(
        instance_id=DISTRIBUTED, body=v3.ListTransactionRequestBody(**at(component).place, **body)
    )


@pytest.mark.parametrize("component", COMPONENTS)
async def test_transactions_are_listed_and_idle_sessions_are_not(client: Official, shop: Shop, component: str) -> None:
    async with shop_at_work(shop.server(component), shop.app(component)) as scene:
        answer = await asked(client, transactions(component))
    rows = {row.sessionid: row for row in answer.rows}
    assert scene.not_idle <= rows.keys()
    assert not rows.keys() & {*scene.idle}
    assert answer.total == len(rows)
    assert rows[scene.in_transaction].state == "idle in transaction"
    row = rows[scene.active[0]]
    assert (row.datname, row.usename, row.client_addr, row.state) == (DATABASE, "app", "127.0.0.1", "active")
    assert row.query == SLEEP
    assert isinstance(row.client_port, int)


async def test_transactions_are_found_by_age_database_user_and_address(client: Official, shop: Shop) -> None:
    async with shop_at_work(shop.server(COORDINATOR), shop.app(COORDINATOR)) as scene:

        async def found(**info: object) -> set[int]:
            query = v3.ListTransactionRequestBodyTransactionQueryInfo(**info)
            answer = await asked(client, transactions(COORDINATOR, transaction_query_info=query))
            return {row.sessionid for row in answer.rows} & scene.all

        assert await found(exec_time="0", xlog_quantity="0") == scene.not_idle
        assert await found(exec_time="3600") == set()
        assert await found(datnames=[DATABASE, "postgres"]) == scene.not_idle
        assert await found(datnames=["postgres"]) == set()
        assert await found(usenames=["app"]) == scene.not_idle
        assert await found(usenames=["nobody"]) == set()
        assert await found(client_addrs=["127.0.0.1"]) == scene.not_idle
        assert await found(client_addrs=["127.0.0.2"]) == set()


async def test_transactions_come_page_by_page(client: Official, shop: Shop) -> None:
    async with shop_at_work(shop.server(COORDINATOR), shop.app(COORDINATOR)) as scene:
        pages = [await asked(client, transactions(COORDINATOR, limit=3, offset=offset)) for offset in (0, 3)]
    assert len(pages[0].rows) == 3
    assert {page.total for page in pages} == {len(scene.not_idle)}
    assert {row.sessionid for page in pages for row in page.rows} == scene.not_idle


@pytest.mark.parametrize("kind", ["exec_time", "xlog_quantity"])
def test_no_transaction_is_ended_by_itself(client: Official, kind: str) -> None:
    answer = client.ask(v3.ShowAutoKillTransactionConfigRequest(instance_id=DISTRIBUTED, type=kind))
    assert (answer.type, answer.auto_stop) == (kind, False)
    assert DATABASE in answer.database_names
    assert answer.database_names_select == []
    assert answer.usernames == []
    assert isinstance(answer.threshold, int)


# --- ending ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("component", COMPONENTS)
async def test_idle_sessions_end_and_all_others_live(client: Official, shop: Shop, component: str) -> None:
    server = shop.server(component)
    async with shop_at_work(server, shop.app(component)) as scene:
        answer = await asked(client, REQUESTS["stop_free_session"](at(component)))
        assert set(states(server, scene.all)) == scene.not_idle
    assert answer.success is True


def stopped(component: str, session_ids: list[str]) -> v3.StopSessionRequest:
    return v3.StopSessionRequest(
        instance_id=DISTRIBUTED,
        body=v3.KillSessionRequestBody(**at(component).place, instance_id=DISTRIBUTED, session_ids=session_ids),
    )


@pytest.mark.parametrize("component", COMPONENTS)
async def test_the_sessions_that_are_named_end_whatever_they_do(client: Official, shop: Shop, component: str) -> None:
    server = shop.server(component)
    async with shop_at_work(server, shop.app(component)) as scene:
        named = [scene.idle[0], scene.active[0], scene.in_transaction]
        answer = await asked(client, stopped(component, [str(pid) for pid in named]))
        # The one that waited for the lock has it now.
        assert set(states(server, scene.all)) == scene.all - {*named}
    assert answer.success is True
    assert sorted(answer.session_ids) == sorted(str(pid) for pid in named)


async def test_a_named_session_that_never_was_is_not_among_those_that_ended(client: Official, shop: Shop) -> None:
    async with sessions(shop.app(COORDINATOR)) as one:
        (pid,) = pids(one)
        answer = await asked(client, stopped(COORDINATOR, [str(pid), "2147480001"]))
        assert states(shop.server(COORDINATOR), [pid]) == {}
    assert answer.session_ids == [str(pid)]


def ended(component: str, session_ids: list[int]) -> v3.StopTransactionRequest:
    return v3.StopTransactionRequest(
        instance_id=DISTRIBUTED, body=v3.StopTransactionRequsetBody(**at(component).place, session_ids=session_ids)
    )


@pytest.mark.parametrize("component", COMPONENTS)
async def test_the_transactions_that_are_named_end_with_their_sessions(
    client: Official, shop: Shop, component: str
) -> None:
    server = shop.server(component)
    async with shop_at_work(server, shop.app(component)) as scene:
        named = [scene.in_transaction, scene.active[0]]
        answer = await asked(client, ended(component, named))
        assert set(states(server, scene.all)) == scene.all - {*named}
    assert answer.success is True
    assert sorted(answer.session_ids) == sorted(str(pid) for pid in named)


async def test_the_ids_of_every_list_are_those_that_can_be_ended(client: Official, shop: Shop) -> None:
    """A caller goes from a list to a kill, and back."""
    async with shop_at_work(shop.server(COORDINATOR), shop.app(COORDINATOR)) as scene:
        rows = (await asked(client, listed(COORDINATOR, user_name="app"))).sessions
        resting = [row.session_id for row in rows if row.state == "idle"]
        assert {int(each) for each in resting} == {*scene.idle}
        assert (await asked(client, stopped(COORDINATOR, resting))).session_ids == resting
        numbers = [row.sessionid for row in (await asked(client, transactions(COORDINATOR))).rows]
        assert {*numbers} == scene.not_idle
        # Whoever waits for the lock has done its work as soon as the one that holds it is gone.
        named = [number for number in numbers if number != scene.waiting]
        answer = await asked(client, ended(COORDINATOR, named))
        assert sorted(answer.session_ids) == sorted(map(str, named))
        rows = (await asked(client, listed(COORDINATOR, user_name="app"))).sessions
        assert [row.session_id for row in rows] == [str(scene.waiting)]


# --- refusals --------------------------------------------------------------------------------------------------------


def refused(client: Official, request: object) -> tuple[int, str]:
    with pytest.raises(ClientRequestException) as error:
        client.ask(request)
    assert error.value.error_msg
    assert len(error.value.request_id) == 32
    return error.value.status_code, error.value.error_code


OF_AN_INSTANCE = [name for name in REQUESTS if name not in INSTANCE_LISTS]
OF_A_COMPONENT = [name for name in REQUESTS if hasattr(getattr(REQUESTS[name](HERE), "body", None), "component_id")]


@pytest.mark.parametrize("operation", OF_AN_INSTANCE)
def test_an_instance_that_is_none_is_refused(client: Official, operation: str) -> None:
    make = REQUESTS[operation]
    assert refused(client, make(replace(HERE, instance="f" * 32 + "in14"))) == (404, "DBS.200045")
    assert refused(client, make(replace(HERE, instance="f" * 10))) == (400, "DBS.280404")
    unset: Any = None
    assert refused(client, make(replace(HERE, instance=unset))) == (400, "DBS.280404")


@pytest.mark.parametrize("operation", OF_A_COMPONENT)
def test_a_place_that_is_none_is_refused(client: Official, operation: str) -> None:
    make = REQUESTS[operation]
    assert refused(client, make(replace(HERE, node="f" * 32 + "no14"))) == (400, "DBS.280407")
    assert refused(client, make(replace(HERE, component=PRIMARY))) == (400, "DBS.280676")
    unset: Any = None
    assert refused(client, make(replace(HERE, node=unset))) == (400, "DBS.280001")


@pytest.mark.parametrize("operation", ["stop_free_session", "stop_session", "stop_transaction"])
def test_a_viewer_ends_nothing(shop: Shop, operation: str) -> None:
    with official_client(shop.service.endpoint, shop.viewer, project=PROJECT) as viewer:
        assert refused(viewer, REQUESTS[operation](HERE)) == (403, "DBS.280015")


@pytest.mark.parametrize("operation", [name for name in REQUESTS if not name.startswith("stop")])
def test_a_viewer_sees_everything(shop: Shop, operation: str) -> None:
    with official_client(shop.service.endpoint, shop.viewer, project=PROJECT) as viewer:
        assert viewer.ask(REQUESTS[operation](HERE)).status_code == 200
