"""Two services on one PostgreSQL store: a plan is applied once between them, and a freeze reaches both at once."""

import asyncio
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.contract.administration import Administrator, outcomes, planned_pids
from tests.contract.database_sessions import pids, sessions, states
from tests.contract.places import INSTANCE, NODES, PROJECT, PROJECT_NAME
from tests.contract.raw import Answer, Signed, exchange
from tests.support.service import (
    COORDINATOR,
    DATA_NODE,
    Cluster,
    PlannedComponent,
    PlannedInstance,
    PlannedProject,
    Site,
    configuration,
    eventually,
)
from vacate.demo.servers import Server, find_installations, open_workplace
from vacate.domain.access.identity import Role

SHOP = {"applications": {"include": ["shop"]}}
ROUNDS = 5
AT_ONCE_S = 1.0


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    with open_workplace(tmp_path_factory.mktemp("store")) as place:
        server = Server.create(place, "store", find_installations()[0])
        server.start()
        server.psql("CREATE DATABASE vacate;")
        yield server


@pytest.fixture(scope="module")
def shared_site(cluster: Cluster, store: Server, tmp_path_factory: pytest.TempPathFactory) -> Site:
    components = tuple(
        PlannedComponent(node_id=NODES[name], id=name, dsn=cluster.dsn(server, "vacate"))
        for name, server in ((COORDINATOR, cluster.coordinator), (DATA_NODE, cluster.data_node))
    )
    instance = PlannedInstance(id=INSTANCE, name="shop", components=components)
    text = configuration([PlannedProject(id=PROJECT, name=PROJECT_NAME, instances=(instance,))])
    url = store.dsn("postgres", store.place.superuser_password, "vacate")
    return Site(tmp_path_factory.mktemp("replicas"), text, store_url=url)


@pytest.fixture(scope="module")
def both(shared_site: Site) -> Generator[tuple[Administrator, Administrator]]:
    """The same person, at one service and at the other."""
    key = shared_site.add_user("olga", project_id=PROJECT, role=Role.OPERATOR)
    with shared_site.serving(name="first") as first, shared_site.serving(name="second") as second:
        yield Administrator(service=first, key=key), Administrator(service=second, key=key)


async def test_the_same_plan_applied_from_both_at_once_ends_each_session_once(
    cluster: Cluster, shared_site: Site, both: tuple[Administrator, Administrator]
) -> None:
    for turn in range(ROUNDS):
        async with sessions(cluster.dsn(cluster.coordinator, "app"), 4) as idle:
            plan = await asyncio.to_thread(both[turn % 2].plan, SHOP)
            assert planned_pids(plan) == set(pids(idle))
            answers = await asyncio.gather(*(asyncio.to_thread(each.apply, plan) for each in both))
            assert sorted(answer.status for answer in answers) == [200, 409]
            state = await asyncio.to_thread(both[0].ended, plan)
            assert outcomes(state) == {"terminated": 4}
            assert states(cluster.coordinator, pids(idle)) == {}
        found = both[1].done("GET", "audit", plan_id=plan["id"])["events"]
        actions = sorted(event["action"] for event in found)
        assert actions == [
            "plan:apply:finished",
            "plan:apply:refused",
            "plan:apply:started",
            "plan:make:finished",
            "session:kill_planned:finished",
            "session:kill_planned:intended",
        ]
    assert shared_site.vacate("audit", "verify").startswith("whole: ")


async def test_a_freeze_in_one_stops_the_other_within_a_second(
    cluster: Cluster, both: tuple[Administrator, Administrator]
) -> None:
    here, there = both
    async with sessions(cluster.dsn(cluster.coordinator, "app"), 2) as idle:
        plan = await asyncio.to_thread(there.plan, SHOP)
        await asyncio.to_thread(here.done, "PUT", f"freezes/{INSTANCE}", {"reason": "month end"})
        began = time.monotonic()
        try:
            state = (await asyncio.to_thread(there.apply, plan)).json
            took = time.monotonic() - began
        finally:
            await asyncio.to_thread(here.done, "DELETE", f"freezes/{INSTANCE}")
        (line,) = state["components"]
        assert "month end" in line["progress"]["problem"]
        assert set(states(cluster.coordinator, pids(idle))) == set(pids(idle))
        assert took < AT_ONCE_S


async def test_a_stop_reaches_the_service_that_applies_the_plan(
    cluster: Cluster, both: tuple[Administrator, Administrator]
) -> None:
    """It may come too late on so small a server; what is told is what was done, either way."""
    here, there = both
    async with sessions(cluster.dsn(cluster.coordinator, "app"), 40) as idle:
        plan = await asyncio.to_thread(here.plan, SHOP)
        assert (await asyncio.to_thread(lambda: here.apply(plan, wait=0))).status in {200, 202}
        stopped = await asyncio.to_thread(there.ask, "POST", f"plans/{plan['id']}/stop")
        state = await asyncio.to_thread(here.ended, plan)
        living = set(states(cluster.coordinator, pids(idle)))
    told = outcomes(state)
    assert told.get("terminated", 0) == 40 - len(living)
    assert sum(told.values()) == 40 or stopped.status == 202
    assert state["stage"] in {"applied", "stopped"}


def test_appending_from_both_at_once_makes_one_chain(
    shared_site: Site, both: tuple[Administrator, Administrator]
) -> None:
    with ThreadPoolExecutor(max_workers=8) as pool:
        made = [pool.submit(both[turn % 2].plan, {"users": {"include": []}}) for turn in range(30)]
        assert all(each.result()["victims"] == 0 for each in made)
    assert shared_site.vacate("audit", "verify").startswith("whole: ")


async def test_a_recorded_kill_ends_nobody_a_second_time_at_either_service(
    cluster: Cluster, both: tuple[Administrator, Administrator]
) -> None:
    here, there = both
    recorded = Signed(service=here.service, key=here.key).request()
    async with sessions(cluster.dsn(cluster.coordinator, "app"), 2) as idle:
        first = await asyncio.to_thread(exchange, here.service.port, recorded)
        assert (first.status, states(cluster.coordinator, pids(idle))) == (200, {})
    for service in (there.service, here.service):
        # For a moment it may be an honest client's second call; then it is a recorded one and nothing else.
        await asyncio.to_thread(eventually, partial(refused_for_good, service.port, recorded))
    async with sessions(cluster.dsn(cluster.coordinator, "app"), 2) as idle:
        for service in (there.service, here.service):
            answer = await asyncio.to_thread(eventually, partial(refused_for_good, service.port, recorded))
            assert answer is not None
            assert (answer.code, "received before" in answer.json["error_msg"]) == ("APIGW.0301", True)
        assert set(states(cluster.coordinator, pids(idle))) == set(pids(idle))


def refused_for_good(port: int, request: bytes) -> Answer | None:
    answer = exchange(port, request)
    assert answer.status in {401, 200}
    return answer if answer.status == 401 else None
