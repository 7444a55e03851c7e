"""Which clients are nodes of the cluster: what coordinators told, and when nothing is known."""

import asyncio
import socket
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import cast

import pytest

from tests.support.in_process import COMPONENT, COORDINATOR, STANDBY
from vacate.components.capabilities import Capabilities
from vacate.components.decoding import Decoder
from vacate.components.drivers import Row
from vacate.components.neighbourhood import Neighbourhood
from vacate.components.recognition import ServerSoftware
from vacate.components.wire import StatementRefusedError
from vacate.domain.topology.components import Component, InstanceId
from vacate.domain.topology.servers import Engine, Neighbours

SERVERS = {
    COORDINATOR: "gaussdb://v@192.0.2.1:8000/postgres",
    COMPONENT: "gaussdb://v@192.0.2.2:40000/postgres",
}
Nodes = Sequence[tuple[str, str]]


class _Coordinator:
    def __init__(self, nodes: Nodes | None) -> None:
        self.nodes = nodes

    @property
    def open(self) -> bool:
        return True

    @property
    def decoder(self) -> Decoder:
        return Decoder(encoding="UTF8", statement_limit=1024)

    async def fetch(self, sql: str, *arguments: object) -> Sequence[Row]:
        del sql, arguments
        if self.nodes is None:
            raise StatementRefusedError("42501", "permission denied for relation pgxc_node")
        rows = [
            {"name": name.encode(), "host": host.encode(), "other_host": host.encode()} for name, host in self.nodes
        ]
        return cast("Sequence[Row]", rows)

    async def fetch_each(self, sql: str, each: Iterable[Sequence[object]]) -> Sequence[Row]:
        raise NotImplementedError(sql, each)


def gauss(engine: Engine = Engine.GAUSSDB, *, distributed: bool | None = True) -> Capabilities:
    software = ServerSoftware(engine=engine, version="505.2.1")
    return Capabilities(
        software=software,
        system_identifier="1",
        in_recovery=False,
        maximum=100,
        reserved=0,
        distributed=distributed,
    )


async def told(
    nodes: Nodes | None, servers: dict[Component, str] | None = None, engine: Engine = Engine.GAUSSDB
) -> Neighbourhood:
    neighbourhood = Neighbourhood(servers or SERVERS)
    await neighbourhood.ask(_Coordinator(nodes), COORDINATOR, gauss(engine))
    return neighbourhood


async def test_a_data_node_knows_the_nodes_that_a_coordinator_told() -> None:
    nodes = [("cn_5001", "localhost"), ("cn_5002", "192.0.2.9"), ("dn_6001", "192.0.2.2")]
    neighbours = await (await told(nodes)).of(COMPONENT, gauss())
    assert neighbours.names == {"cn_5001", "cn_5002", "dn_6001"}
    assert neighbours.addresses == {"192.0.2.1", "192.0.2.9", "192.0.2.2"}


async def test_before_a_coordinator_has_told_every_client_may_be_a_node() -> None:
    assert (await Neighbourhood(SERVERS).of(COMPONENT, gauss())).addresses is None
    assert (await (await told(None)).of(COMPONENT, gauss())).addresses is None


async def test_a_host_that_cannot_be_found_out_leaves_all_addresses_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*_: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    neighbours = await (await told([("cn_5002", "no.such.host.invalid")])).of(COMPONENT, gauss())
    assert neighbours == Neighbours(names=frozenset({"cn_5002"}), addresses=None)


async def test_a_data_node_alone_has_no_neighbours() -> None:
    assert await Neighbourhood({COMPONENT: SERVERS[COMPONENT]}).of(COMPONENT, gauss()) == Neighbours()


async def test_without_coordinators_the_neighbours_are_those_of_the_configuration() -> None:
    servers = {COMPONENT: SERVERS[COMPONENT], STANDBY: "gaussdb://v@192.0.2.3:40000/postgres"}
    assert (await Neighbourhood(servers).of(COMPONENT, gauss(distributed=None))).addresses == {"192.0.2.3"}


async def test_nobody_is_taken_for_a_node_of_a_centralised_instance() -> None:
    """Applications run beside a standby, or all on one machine."""
    servers = {COMPONENT: SERVERS[COMPONENT], STANDBY: "gaussdb://v@192.0.2.3:40000/postgres"}
    for known in (Neighbourhood(servers), Neighbourhood(SERVERS)):
        assert (await known.of(COMPONENT, gauss(distributed=False))).addresses == frozenset()


async def test_another_instance_is_nobodys_neighbour() -> None:
    elsewhere = replace(COMPONENT, instance_id=InstanceId("0" * 32 + "in14"))
    servers = {**SERVERS, elsewhere: "gaussdb://v@192.0.2.7/postgres"}
    neighbours = await (await told([("cn_5001", "localhost")], servers)).of(elsewhere, gauss())
    assert neighbours == Neighbours()


async def test_a_coordinator_of_postgresql_is_not_asked() -> None:
    neighbours = await (await told([("cn_5001", "localhost")], engine=Engine.POSTGRESQL)).of(COMPONENT, gauss())
    assert not neighbours.names
