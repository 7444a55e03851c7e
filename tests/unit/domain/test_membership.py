"""Which server is which component, and in which words a person is told why that does not follow."""

from dataclasses import replace

import pytest

from tests.support.clusters import (
    CN1,
    CN2,
    FOLLOWERS,
    NODES,
    PRIMARY,
    REPLICAS,
    SHARD,
    found,
    gauss,
    ids,
    node,
    receiver,
    seen,
    standby,
    without,
)
from vacate.domain.discovery.facts import ClusterNode, DiscoveryError, Lead, Seen
from vacate.domain.topology.components import ComponentId
from vacate.domain.topology.dsn import Address

COORDINATOR = node("cn_5001", "C", "localhost", 8000)


def coordinator(*names: str) -> Seen:
    """A coordinator alone in front of these data nodes."""
    return gauss("db1:8000", "cn_5001", "7001", nodes=(COORDINATOR, *(node(name, "D", "10.0.0.2") for name in names)))


def knowing(server: Seen, *nodes: ClusterNode) -> Seen:
    """The server with another catalogue."""
    return replace(server, facts=replace(server.facts, nodes=nodes))


def test_a_standby_that_hides_whom_it_follows_belongs_to_the_server_that_streams_to_it() -> None:
    """At whatever address: a cluster may stream in a network of its own."""
    primary = seen("10.0.0.1:5432", receivers=(receiver("192.168.7.2"),))
    follower = seen("10.0.0.2:5432", in_recovery=True, source_hidden=True)
    assert ids(found(primary, follower)) == {
        "10.0.0.1:5432": "dn_6001 primary",
        "10.0.0.2:5432": "dn_6002 standby",
    }


# --- what does not follow --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("servers", "words"),
    [
        pytest.param(
            [seen("10.0.0.1:5432", distributed=None)],
            "10.0.0.1:5432 does not tell whether it is a data node of a distributed cluster; if it is, give a "
            "coordinator's DSN, and if it is not, write the configuration by hand",
            id="an old server",
        ),
        pytest.param(
            [PRIMARY, seen("10.0.0.9:5432", system_identifier="7002")],
            "these servers are not one cluster, since their system identifiers differ: 10.0.0.1:5432 has 7001; "
            "10.0.0.9:5432 has 7002. Discover one cluster at a time",
            id="two clusters",
        ),
        pytest.param(
            FOLLOWERS,
            "no primary was found beside 10.0.0.10:5432, 10.0.0.2:5432; give its DSN as a further argument",
            id="no primary",
        ),
        pytest.param(
            [PRIMARY, seen("10.0.0.9:5432")],
            "10.0.0.1:5432 and 10.0.0.9:5432 are both primaries and have the same system identifier: one is a copy of "
            "the other, or a failover is under way",
            id="two primaries",
        ),
        pytest.param(
            [seen("10.0.0.1:5432"), seen("10.0.0.2:5432", in_recovery=True)],
            "10.0.0.2:5432 is a standby that receives from nobody now, so nothing shows that it belongs to the "
            "others; try again when it follows its primary, or leave it out",
            id="a copy in recovery",
        ),
        pytest.param(
            [
                seen("10.0.0.1:5432", receivers=(receiver("10.0.0.2"),)),
                seen("10.0.0.2:5432", in_recovery=True, source_hidden=True),
                seen("10.0.0.3:5432", in_recovery=True, source_hidden=True),
            ],
            "10.0.0.2:5432 is a standby that does not show Vacate's role whom it receives from, and the others show "
            "fewer streams (1) than there are standbys (2), so nothing shows that it belongs to them. Try again when "
            "all of them stream, give the DSN of the server that it follows as a further argument, or discover as a "
            "role with SYSADMIN",
            id="a standby that hides whom it follows",
        ),
    ],
)
def test_servers_that_are_no_centralised_instance_are_refused(servers: list[Seen], words: str) -> None:
    assert refusal(*servers) == words


def refusal(*servers: Seen) -> str:
    """Why no instance follows from the servers."""
    with pytest.raises(DiscoveryError) as refused:
        found(*servers)
    return str(refused.value)


@pytest.mark.parametrize(
    ("servers", "strangers"),
    [
        pytest.param(
            [PRIMARY],
            "10.0.0.1:5432 streams to 10.0.0.2 (walreceiver), 10.0.0.10 (walreceiver), and",
            id="no standby given",
        ),
        pytest.param(
            [PRIMARY, FOLLOWERS[0]],
            "10.0.0.1:5432 streams to 10.0.0.2 (walreceiver), and",
            id="one missing",
        ),
        pytest.param(
            [
                seen("10.0.0.1:5432", receivers=(receiver("db2"), receiver("10.0.0.2", "archive"))),
                standby("db2:5432", own_host="10.0.0.2"),
            ],
            "10.0.0.1:5432 streams to db2 (walreceiver), 10.0.0.2 (archive), and",
            id="two at the addresses of one",
        ),
    ],
)
def test_a_receiver_that_is_no_known_standby_is_asked_for(servers: list[Seen], strangers: str) -> None:
    assert refusal(*servers) == (
        f"{strangers} a standby was not found for each of these. Which port one listens at is not told: give its DSN "
        "as a further argument, or leave it out with --without and its address or name"
    )


@pytest.mark.parametrize(
    ("servers", "words"),
    [
        pytest.param(
            [seen("10.0.0.1:5432", distributed=True)],
            "10.0.0.1:5432 belongs to a distributed cluster and does not know its other nodes; give the DSN of a "
            "coordinator as well",
            id="a data node alone",
        ),
        pytest.param(
            [CN1, CN2, *REPLICAS[1:]],
            "no primary was found beside db1:40000, 10.0.0.3:40000; give its DSN as a further argument",
            id="no primary",
        ),
        pytest.param(
            [CN1, CN2, *REPLICAS, gauss("10.0.0.9:40000", SHARD)],
            "10.0.0.2:40000 and 10.0.0.9:40000 are both primaries and have the same system identifier: one is a copy "
            "of the other, or a failover is under way",
            id="two primaries",
        ),
        pytest.param(
            [CN1, CN2, *REPLICAS, gauss("10.0.0.9:40000", "dn_6001", "7200")],
            "10.0.0.2:40000 and 10.0.0.9:40000 are both dn_6001, and their system identifiers are 7100 and 7200; "
            "discover one cluster at a time",
            id="another cluster",
        ),
        pytest.param(
            [CN1, CN2, *REPLICAS, gauss("10.0.0.9:40000", "dn_6007", "7200")],
            "10.0.0.9:40000 calls itself dn_6007, and the coordinator db1:8000 has no such node",
            id="a stranger",
        ),
        pytest.param(
            [coordinator("dn_6001"), gauss("10.0.0.2:40000", "dn_6001"), seen("10.0.0.9:5432")],
            "10.0.0.9:5432 calls itself nothing, and the coordinator db1:8000 has no such node",
            id="a stranger without a name",
        ),
        pytest.param(
            [CN1, knowing(CN2, *CN2.facts.nodes[1:]), *REPLICAS],
            "the coordinators db1:8000 and 10.0.0.2:8000 do not agree on the node cn_5001: they are of two clusters, "
            "or nodes are being added; discover one cluster at a time, when it is complete",
            id="coordinators of two clusters",
        ),
        pytest.param(
            [
                coordinator(SHARD),
                gauss("10.0.0.10:40000", SHARD),
                standby("10.0.0.2:40000", node_name=SHARD, system_identifier="7100"),
            ],
            f"{SHARD} should have the replicas dn_6001, dn_6002, dn_6003, and what was found is 10.0.0.2:40000, "
            "10.0.0.10:40000; give the DSN of every other one as a further argument, or leave it out with --without "
            "and its name",
            id="a replica missing",
        ),
        pytest.param(
            [
                coordinator("dn_6001"),
                gauss("10.0.0.2:40000", "dn_6001"),
                standby("10.0.0.3:40000", node_name="dn_6001", system_identifier="7100"),
            ],
            "the replicas 10.0.0.2:40000, 10.0.0.3:40000 call themselves dn_6001, which does not tell them apart; "
            "write the configuration by hand",
            id="replicas of one name without numbers",
        ),
        pytest.param(
            [
                coordinator("west", "east"),
                gauss("10.0.0.2:40000", "west"),
                standby("10.0.0.3:40000", node_name="east", system_identifier="7100"),
            ],
            "the replicas 10.0.0.2:40000, 10.0.0.3:40000 call themselves east, west, which does not tell them apart; "
            "write the configuration by hand",
            id="replicas whose names cannot be ids",
        ),
    ],
)
def test_servers_that_are_no_distributed_instance_are_refused(servers: list[Seen], words: str) -> None:
    assert refusal(*servers) == words


@pytest.mark.parametrize("name", ["coordinator1", "dn_5001", "cn_west-1", "cn_"])
def test_a_coordinator_whose_name_cannot_be_an_id_is_refused(name: str) -> None:
    nodes = (node(name, "C", "localhost", 8000), node("dn_6001", "D", "10.0.0.2"))
    assert refusal(gauss("db1:8000", name, nodes=nodes), gauss("10.0.0.2:40000", "dn_6001")) == (
        f"the coordinator db1:8000 calls itself {name}, and only names that begin with cn_ can be component ids; "
        "write the configuration by hand"
    )


# --- ids and shards --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [("cn_6001", "cn_6002"), ("dn_west-1", "dn_west-2"), ("dn_6002", None)])
def test_replicas_whose_names_cannot_all_be_ids_of_data_nodes_are_numbered(names: tuple[str, str | None]) -> None:
    primary = seen("10.0.0.1:5432", node_name=names[0], receivers=(receiver("10.0.0.2"),))
    discovered = found(primary, standby("10.0.0.2:5432", node_name=names[1]))
    assert ids(discovered) == {"10.0.0.1:5432": "dn_6001 primary", "10.0.0.2:5432": "dn_6002 standby"}


def test_a_shared_name_with_numbers_numbers_the_replicas_of_a_centralised_instance_too() -> None:
    discovered = found(
        seen("10.0.0.10:5432", node_name="dn_7001_7002"), standby("10.0.0.2:5432", node_name="dn_7001_7002")
    )
    assert ids(discovered) == {"10.0.0.10:5432": "dn_7002 primary", "10.0.0.2:5432": "dn_7001 standby"}


def test_replicas_left_out_count_for_their_own_shard_only() -> None:
    refusing = Lead(address=Address(host="10.0.0.3", port=40000), origin="", node=NODES[4])
    of_the_manager = Lead(address=Address(host="10.0.0.4", port=40000), origin="Patroni's member d")
    of_another_shard = Lead(
        address=Address(host="10.0.0.5", port=40000), origin="", node=node("dn_6004_6005", "S", "10.0.0.5")
    )
    discovered = found(
        CN1,
        CN2,
        *REPLICAS[:2],
        left_out=(of_another_shard, of_the_manager, refusing),
        wishes=without("10.0.0.3", "10.0.0.4", "10.0.0.5"),
    )
    assert ids(discovered)["db1:40000"] == "dn_6003 standby"


def test_a_shard_is_called_by_the_number_of_its_first_replica() -> None:
    primary = seen("10.0.0.1:5432", node_name="dn_6002", receivers=(receiver("10.0.0.2"),))
    assert shards(primary, standby("10.0.0.2:5432", node_name="dn_6001")) == {"6001"}


def test_a_shard_without_a_number_is_called_nothing() -> None:
    primary = seen("10.0.0.1:5432", node_name="dn_west", receivers=(receiver("10.0.0.2"),))
    assert shards(primary, standby("10.0.0.2:5432", node_name="dn_east")) == {""}


def test_a_shard_is_called_by_twenty_digits_at_most() -> None:
    assert shards(seen("10.0.0.1:5432", node_name=f"dn_{'1' * 20}")) == {"1" * 20}
    assert shards(seen("10.0.0.1:5432", node_name=f"dn_{'1' * 20}2")) == {"1" * 20}


def shards(*servers: Seen) -> set[str]:
    return {component.shard for component in found(*servers).instance.components}


# --- leaving out -----------------------------------------------------------------------------------------------------


def test_each_replica_that_a_shards_name_holds_can_be_left_out() -> None:
    servers = CN1, CN2, *REPLICAS
    for name in ("dn_6002", "dn_6003"):
        left = {component.id for component in found(*servers, wishes=without(name)).instance.components}
        assert left == {"cn_5001", "cn_5002", "dn_6001", "dn_6002", "dn_6003"} - {ComponentId(name)}


def test_a_name_that_is_no_shards_holds_no_other_names() -> None:
    with pytest.raises(DiscoveryError, match=r"^--without data_7: nobody names such a server$"):
        found(seen("10.0.0.1:5432", node_name="data_node_7"), wishes=without("data_7"))
