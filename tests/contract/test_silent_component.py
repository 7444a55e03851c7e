"""One component of an instance stops answering: sums say so in time, lists show it, and the others are not held up."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

from tests.contract.raw import Answer, ask, token_for
from tests.support.proxy import LinkProxy
from tests.support.service import (
    COORDINATOR,
    DATA_NODE,
    QUICK_SWEEP,
    Cluster,
    PlannedComponent,
    PlannedInstance,
    PlannedProject,
    RunningService,
    Site,
    configuration,
    eventually,
)
from vacate.demo.servers import Server
from vacate.domain.access.identity import Role

PROJECT = "77770000777700007777000077770000"
INSTANCE = "88880000888800008888000088880000in14"
NODES = {
    COORDINATOR: "99990000999900009999000099990001no14",
    DATA_NODE: "99990000999900009999000099990002no14",
}
PASSWORD = "a long password"  # noqa: S105 - of a user that lives as long as the test
ANSWER_WITHIN_S = 1.5


async def test_an_instance_with_a_silent_component(cluster: Cluster, tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with LinkProxy(cluster.data_node.port) as way:

        def fall_silent() -> None:
            loop.call_soon_threadsafe(way.stall)

        # What calls the service blocks, and the way to the server needs this loop.
        await asyncio.to_thread(_see_one_fall_silent, cluster, tmp_path, way.port, fall_silent)
        way.resume()


def _see_one_fall_silent(cluster: Cluster, folder: Path, port: int, fall_silent: Callable[[], None]) -> None:
    site = _site(cluster, folder, port)
    site.add_user("olga", project_id=PROJECT, role=Role.OPERATOR, password=PASSWORD)
    with site.serving() as service:
        asked = _Caller(service)
        assert asked.get("session-overview").status == 200
        assert asked.statuses() == {COORDINATOR: "Normal", DATA_NODE: "Primary"}
        fall_silent()

        began = time.monotonic()
        refused = asked.get("session-overview")
        waited = time.monotonic() - began
        assert (refused.status, json.loads(refused.body)["error_code"]) == (409, "DBS.280011")
        assert DATA_NODE in json.loads(refused.body)["error_msg"]
        # A statement may take 5 s here; whoever asks for the instance is told after its own time.
        assert waited < ANSWER_WITHIN_S + 2

        # The coordinator's sessions can be listed, and the list of components can say what is wrong.
        assert asked.list_sessions(COORDINATOR).status == 200
        eventually(lambda: asked.statuses() == {COORDINATOR: "Normal", DATA_NODE: "Down"})


def _site(cluster: Cluster, folder: Path, port: int) -> Site:
    def through(server: Server, port: int) -> str:
        return cluster.dsn(server, "vacate").replace(f":{server.port}/", f":{port}/")

    ports = {COORDINATOR: cluster.coordinator.port, DATA_NODE: port}
    servers = {COORDINATOR: cluster.coordinator, DATA_NODE: cluster.data_node}
    components = tuple(
        PlannedComponent(node_id=node, id=name, dsn=through(servers[name], ports[name])) for name, node in NODES.items()
    )
    instance = PlannedInstance(id=INSTANCE, name="half", components=components)
    project = PlannedProject(id=PROJECT, name="half", instances=(instance,))
    return Site(
        folder,
        configuration((project,), sweep=QUICK_SWEEP, watch={"answer_within": f"{ANSWER_WITHIN_S * 1000:.0f}ms"}),
    )


class _Caller:
    def __init__(self, service: RunningService) -> None:
        self._service = service
        self._token = token_for(service, name="olga", password=PASSWORD, scope={"project": {"id": PROJECT}})

    def get(self, call: str) -> Answer:
        return self._ask("GET", call, b"")

    def list_sessions(self, component: str) -> Answer:
        named = {"node_id": NODES[component], "component_id": component}
        return self._ask("POST", "real-time-session", json.dumps(named).encode())

    def statuses(self) -> dict[str, str]:
        nodes = json.loads(self.get("components").body)["nodes"]
        return {component["id"]: component["status"] for node in nodes for component in node["components"]}

    def _ask(self, method: str, call: str, body: bytes) -> Answer:
        path = f"/v3/{PROJECT}/instances/{INSTANCE}/{call}"
        return ask(self._service, method, path, headers={"X-Auth-Token": self._token}, body=body)
