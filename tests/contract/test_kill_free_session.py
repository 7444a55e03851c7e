"""The main job, through the official client: idle sessions end, busy ones live, and the answer says so."""

import asyncio
import json
import os
import signal
from collections.abc import Generator

import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException

from tests.contract.clients import Official, official_client
from tests.contract.conftest import Users
from tests.contract.database_sessions import pids, running_statement, sessions, states
from tests.contract.places import INSTANCE, NODES, STRICT_INSTANCE
from tests.contract.raw import Signed, connected
from tests.support.service import COORDINATOR, DATA_NODE, Cluster, RunningService, eventually

# The official client asks for the time in a way that newer Pythons warn of.
pytestmark = pytest.mark.filterwarnings(r"ignore:datetime\.datetime\.utcnow:DeprecationWarning")


@pytest.fixture(params=[False, True], ids=["sync_client", "async_client"])
def either_client(request: pytest.FixtureRequest, service: RunningService, users: Users) -> Generator[Official]:
    with official_client(service.endpoint, users.operator, asynchronous=request.param) as client:
        yield client


@pytest.mark.parametrize("component", [COORDINATOR, DATA_NODE])
async def test_idle_sessions_end_and_busy_ones_live(cluster: Cluster, either_client: Official, component: str) -> None:
    server = {COORDINATOR: cluster.coordinator, DATA_NODE: cluster.data_node}[component]
    async with (
        sessions(cluster.dsn(server, "app"), 5) as idle,
        sessions(cluster.dsn(server, "app"), 2) as busy,
        running_statement(busy[0]),
    ):
        await busy[1].execute("BEGIN")
        idle_pids, busy_pids = pids(idle), pids(busy)
        expected = dict(zip(busy_pids, ("active", "idle in transaction"), strict=True))
        eventually(lambda: states(server, busy_pids) == expected)
        assert set(states(server, idle_pids).values()) == {"idle"}

        answer = await asyncio.to_thread(either_client.kill, component)

        assert states(server, [*idle_pids, *busy_pids]) == expected
        assert await busy[1].fetchval("SELECT 'still here'") == "still here"
    assert answer.success is True
    assert answer.status_code == 200
    assert answer.to_json_object() == {"success": True}


async def test_sessions_of_another_component_are_left_alone(cluster: Cluster, operator: Official) -> None:
    async with sessions(cluster.dsn(cluster.data_node, "app")) as elsewhere:
        assert (await asyncio.to_thread(operator.kill, COORDINATOR)).success is True
        assert await elsewhere[0].fetchval("SELECT 'still here'") == "still here"


def test_a_component_without_idle_sessions_answers_the_same(operator: Official) -> None:
    operator.kill()
    answer = operator.kill()
    assert (answer.status_code, answer.success) == (200, True)


async def test_an_administrator_may_end_sessions_too(cluster: Cluster, service: RunningService, users: Users) -> None:
    async with sessions(cluster.dsn(cluster.coordinator, "app")) as idle:
        idle_pids = pids(idle)
        with official_client(service.endpoint, users.admin) as admin:
            assert (await asyncio.to_thread(admin.kill)).success is True
        assert states(cluster.coordinator, idle_pids) == {}


async def test_a_session_that_the_server_does_not_give_up_makes_success_false(
    cluster: Cluster, operator: Official
) -> None:
    async with sessions(cluster.coordinator.superuser_dsn) as superusers:
        answer = await asyncio.to_thread(operator.kill, instance=STRICT_INSTANCE)
        assert await superusers[0].fetchval("SELECT 'still here'") == "still here"
    assert answer.success is False
    assert answer.status_code == 200
    assert answer.to_json_object() == {"success": False}


async def test_a_frozen_session_makes_success_false_and_the_component_busy_meanwhile(
    cluster: Cluster, operator: Official, service: RunningService, users: Users
) -> None:
    server = cluster.coordinator
    async with sessions(cluster.dsn(server, "app"), 2) as (frozen, other):
        (frozen_pid, other_pid) = pids([frozen, other])
        os.kill(frozen_pid, signal.SIGSTOP)
        try:
            first = asyncio.create_task(asyncio.to_thread(operator.kill))
            # Once the other session is gone, the sweep is waiting for the frozen one, for three seconds.
            await asyncio.to_thread(eventually, lambda: other_pid not in states(server, [other_pid]))
            with official_client(service.endpoint, users.admin) as admin, pytest.raises(ClientRequestException) as busy:
                await asyncio.to_thread(admin.kill)
            answer = await first
        finally:
            os.kill(frozen_pid, signal.SIGCONT)
    assert (busy.value.status_code, busy.value.error_code) == (409, "DBS.200019")
    assert "Another call is at work" in busy.value.error_msg
    assert answer.success is False


async def test_a_caller_who_hangs_up_does_not_stop_a_sweep(
    cluster: Cluster, service: RunningService, signed: Signed
) -> None:
    async with sessions(cluster.dsn(cluster.data_node, "app"), 10) as idle:
        idle_pids = pids(idle)
        body = json.dumps({"node_id": NODES[DATA_NODE], "component_id": DATA_NODE}).encode()
        with connected(service.port) as link:
            link.sendall(signed.request(body))
        await asyncio.to_thread(eventually, lambda: not states(cluster.data_node, idle_pids))
    # The sessions go before the sweep has seen it and said so.
    await asyncio.to_thread(eventually, lambda: set(idle_pids) <= logged_as_terminated(service))


def logged_as_terminated(service: RunningService) -> set[int]:
    return {line["pid"] for line in service.log() if line["message"] == "session terminated"}


@pytest.mark.parametrize("language", ["zh-cn", "en-us"])
def test_the_language_header_is_accepted(operator: Official, language: str) -> None:
    body = {"node_id": NODES[COORDINATOR], "component_id": COORDINATOR, "instance_id": INSTANCE}
    assert operator.send(body, language=language).success is True


async def test_calls_side_by_side_over_one_client_all_succeed(cluster: Cluster, operator: Official) -> None:
    async with sessions(cluster.dsn(cluster.coordinator, "app"), 20) as idle:
        idle_pids = pids(idle)
        calls = [asyncio.to_thread(operator.kill, component) for component in (COORDINATOR, DATA_NODE) * 4]
        answers = await asyncio.gather(*calls)
        assert states(cluster.coordinator, idle_pids) == {}
    assert [answer.success for answer in answers] == [True] * 8
