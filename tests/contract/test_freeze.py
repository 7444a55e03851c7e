"""The freeze switch, turned by its command, as callers and monitors meet it."""

import asyncio
from collections.abc import Generator

import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException

from tests.contract.clients import Official
from tests.contract.database_sessions import pids, sessions, states
from tests.contract.places import INSTANCE
from tests.support.service import COORDINATOR, Cluster, RunningService, ServiceFailedError, Site, eventually

# The official client asks for the time in a way that newer Pythons warn of.
pytestmark = pytest.mark.filterwarnings(r"ignore:datetime\.datetime\.utcnow:DeprecationWarning")


@pytest.fixture
def switch(site: Site, service: RunningService) -> Generator[Site]:
    """The site, on which nothing is frozen before and after the test."""
    del service
    yield site
    for scope in ([], [INSTANCE]):
        site.vacate("freeze", "off", *scope)


def frozen_scopes(service: RunningService) -> list[str | None]:
    return [each["instance_id"] for each in service.get("/readyz")[1]["frozen"]]


@pytest.mark.parametrize("scope", [[], [INSTANCE]], ids=["all", "one"])
async def test_a_frozen_call_is_refused_with_who_and_why_and_goes_through_afterwards(
    cluster: Cluster, switch: Site, service: RunningService, operator: Official, scope: list[str]
) -> None:
    said = switch.vacate("freeze", "on", *scope, "--reason", "month end")
    assert "to allow sweeps again run: vacate freeze off" in said
    async with sessions(cluster.dsn(cluster.coordinator, "app"), 2) as idle:
        idle_pids = pids(idle)
        with pytest.raises(ClientRequestException) as refused:
            await asyncio.to_thread(operator.kill, COORDINATOR)
        assert set(states(cluster.coordinator, idle_pids)) == set(idle_pids)
        # Readiness may be a second old.
        await asyncio.to_thread(eventually, lambda: frozen_scopes(service) == [scope[0] if scope else None])

        switch.vacate("freeze", "off", *scope)
        assert (await asyncio.to_thread(operator.kill, COORDINATOR)).success is True
        assert states(cluster.coordinator, idle_pids) == {}
    assert refused.value.status_code == 409
    assert refused.value.error_code == "DBS.280406"
    assert "month end" in refused.value.error_msg
    await asyncio.to_thread(eventually, lambda: frozen_scopes(service) == [])


def test_the_command_shows_what_stands_and_keeps_the_first_word(switch: Site) -> None:
    assert switch.vacate("freeze", "show").strip() == "nothing is frozen"
    switch.vacate("freeze", "on", INSTANCE, "--reason", "first")
    again = switch.vacate("freeze", "on", INSTANCE, "--reason", "second")
    assert "it was frozen already" in again
    assert "first" in again
    assert "second" not in switch.vacate("freeze", "show")


def test_an_unknown_instance_or_no_reason_turns_nothing(switch: Site) -> None:
    with pytest.raises(ServiceFailedError, match=f"no instance 'nobody'; it has: .*{INSTANCE}"):
        switch.vacate("freeze", "on", "nobody", "--reason", "a slip of the pen")
    with pytest.raises(ServiceFailedError, match="say why with --reason"):
        switch.vacate("freeze", "on", "--reason", "  ")
    assert switch.vacate("freeze", "show").strip() == "nothing is frozen"
