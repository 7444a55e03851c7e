"""Requests that come again: what was recorded is refused, what a client tries anew is served, what reads is free."""

import pytest

from tests.contract.clients import Official
from tests.contract.conftest import Users
from tests.contract.database_sessions import pids, sessions, states
from tests.contract.places import INSTANCE, PROJECT
from tests.contract.raw import Signed, exchange
from tests.support.service import Cluster, RunningService, eventually

# The official client asks for the time in a way that newer Pythons warn of.
pytestmark = pytest.mark.filterwarnings(r"ignore:datetime\.datetime\.utcnow:DeprecationWarning")

INSTANCE_PATH = f"/v3/{PROJECT}/instances/{INSTANCE}"


@pytest.fixture
def signed(service: RunningService, users: Users) -> Signed:
    return Signed(service=service, key=users.operator)


async def test_a_recorded_kill_ends_nobody(cluster: Cluster, service: RunningService, signed: Signed) -> None:
    recorded = signed.request()
    assert exchange(service.port, recorded).status == 200
    eventually(lambda: exchange(service.port, recorded).status == 401)
    async with sessions(cluster.dsn(cluster.coordinator, "app"), 2) as idle:
        assert exchange(service.port, recorded).refusal == (401, "APIGW.0301")
        assert set(states(cluster.coordinator, pids(idle))) == set(pids(idle))


def test_a_recorded_question_is_answered_again(service: RunningService, signed: Signed) -> None:
    for request in (
        signed.request(path=f"{INSTANCE_PATH}/real-time-session"),
        signed.request(b"", path=f"{INSTANCE_PATH}/session-overview", method="GET"),
    ):
        assert {exchange(service.port, request).status for _ in range(3)} == {200}


async def test_the_same_call_made_again_at_once_ends_who_is_idle_by_then(
    cluster: Cluster, service: RunningService, signed: Signed
) -> None:
    """Over and over, since the moment may be over before the second one has come."""
    for _ in range(10):
        request = signed.request()
        assert exchange(service.port, request).status == 200
        async with sessions(cluster.dsn(cluster.coordinator, "app"), 1) as idle:
            again = exchange(service.port, request)
            left = states(cluster.coordinator, pids(idle))
        if again.status == 200:
            assert left == {}
            return
    pytest.fail("the machine is too slow to call twice within two seconds")


def test_the_official_client_may_make_the_same_call_again_at_once(operator: Official) -> None:
    assert [operator.kill().success for _ in range(5)] == [True] * 5
