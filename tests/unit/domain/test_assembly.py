"""The instance that is made of named servers: what it takes over from them, and which id it keeps for life."""

from dataclasses import replace

import pytest

from tests.support.clusters import (
    CN1,
    CN2,
    FOLLOWERS,
    NODES,
    PRIMARY,
    PROJECT,
    REPLICAS,
    WISHES,
    found,
    gauss,
    node,
    receiver,
    seen,
    standby,
    without,
)
from vacate.domain.discovery.facts import DiscoveryError
from vacate.domain.topology.dsn import Address
from vacate.domain.topology.servers import Engine


def test_everything_of_an_instance_is_in_the_project_and_region_that_were_wished_for() -> None:
    instance = found(PRIMARY, *FOLLOWERS, wishes=replace(WISHES, region="eu-de")).instance
    assert (instance.project_id, instance.region) == (PROJECT, "eu-de")
    assert {c.project_id for c in instance.components} == {PROJECT}
    assert {c.instance_id for c in instance.components} == {instance.id}
    assert found(PRIMARY, *FOLLOWERS).instance.region == ""


def test_a_component_comes_with_the_login_and_the_kind_of_server_that_was_found_for_it() -> None:
    (postgres,) = found(seen("10.0.0.1:5432")).servers
    assert postgres.dsn == "postgresql://vacate:secret@10.0.0.1:5432/postgres"
    assert postgres.address == Address(host="10.0.0.1", port=5432)
    assert (postgres.engine, postgres.version) == (Engine.POSTGRESQL, "18.6")
    coordinator = found(CN1, CN2, *REPLICAS).servers[0]
    assert (coordinator.engine, coordinator.version) == (Engine.GAUSSDB, "505.2.1")


def test_clients_go_to_a_coordinator_even_while_it_replays_another_clusters_log() -> None:
    nodes = (NODES[0], node("dn_6001", "D", "10.0.0.2"))
    discovered = found(
        gauss("db1:8000", "cn_5001", "7001", nodes=nodes, in_recovery=True), gauss("10.0.0.2:40000", "dn_6001")
    )
    assert (discovered.instance.name, discovered.instance.port) == ("db1", 8000)


def test_an_instance_that_clients_could_not_go_to_is_refused() -> None:
    primary = seen("10.0.0.1:5432", node_name="dn_6001", receivers=(receiver("10.0.0.2"),))
    with pytest.raises(DiscoveryError) as refused:
        found(primary, standby("10.0.0.2:5432", node_name="dn_6002"), wishes=without("dn_6001"))
    assert str(refused.value) == "with what is left out, nothing is left that clients could go to"


def test_an_instance_keeps_its_id_when_its_servers_move() -> None:
    moved = found(seen("10.9.0.1:6432"))
    assert moved.instance.id == found(seen("10.0.0.1:5432")).instance.id
    assert moved.instance.nodes[0].id != found(seen("10.0.0.1:5432")).instance.nodes[0].id


def test_coordinators_alone_are_an_instance_with_an_id_of_its_own() -> None:
    alone = found(CN1, CN2)
    assert [c.id for c in alone.instance.components] == ["cn_5001", "cn_5002"]
    assert alone.instance.id == found(CN1, CN2).instance.id != found(CN1, CN2, *REPLICAS).instance.id
