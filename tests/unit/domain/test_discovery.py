"""What follows from what servers tell is an instance; what does not follow is refused with what would settle it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from vacate.domain.assembly import Discovered, Wishes, assemble, project_id_of
from vacate.domain.discovery import (
    ClusterNode,
    DiscoveryError,
    Lead,
    Member,
    NodeType,
    Receiver,
    Seen,
    ServerFacts,
    Source,
    check_lead,
    check_member,
    same_node,
    servers_named,
)
from vacate.domain.dsn import Address, parse_dsn
from vacate.domain.servers import Engine
from vacate.domain.topology import InstanceKind, ProjectId

PROJECT = ProjectId("0611f1bd8b00d5d32f17c017f15b599f")
WISHES = Wishes(project_id=PROJECT)
STARTED = datetime(2026, 1, 2, 10, 0, tzinfo=UTC)
SHARD = "dn_6001_6002_6003"


def without(*names: str) -> Wishes:
    return replace(WISHES, without=frozenset(names))


def seen(address: str, *, lead: Lead | None = None, **facts: Any) -> Seen:  # noqa: ANN401 - facts by their names.
    """A PostgreSQL primary, as far as nothing else is said."""
    known: dict[str, Any] = {
        "engine": Engine.POSTGRESQL,
        "version": "18.6",
        "system_identifier": "7001",
        "in_recovery": False,
        "started_at": STARTED,
    }
    return Seen(
        dsn=parse_dsn(f"postgresql://vacate:secret@{address}/postgres", ""),
        facts=ServerFacts(**(known | facts)),
        lead=lead,
    )


def standby(address: str, source: str = "10.0.0.1", **facts: Any) -> Seen:  # noqa: ANN401 - facts by their names.
    return seen(address, in_recovery=True, source=Source(host=source, port=5432), **facts)


def receiver(host: str, name: str = "walreceiver") -> Receiver:
    return Receiver(host=host, name=name)


def found(*servers: Seen, left_out: tuple[Lead, ...] = (), wishes: Wishes = WISHES) -> Discovered:
    return assemble(servers, left_out, wishes)


def ids(discovered: Discovered) -> dict[str, str]:
    """Component ids, each with its role, by address."""
    return {str(s.address): f"{s.component.id} {s.component.role}" for s in discovered.servers}


# --- PostgreSQL and other centralised instances ----------------------------------------------------------------------

PRIMARY = seen("10.0.0.1:5432", receivers=(receiver("10.0.0.2"), receiver("10.0.0.10")))
FOLLOWERS = standby("10.0.0.10:5432"), standby("10.0.0.2:5432")


def test_replicas_without_names_are_numbered_in_the_order_of_their_addresses() -> None:
    discovered = found(*FOLLOWERS, PRIMARY)
    assert ids(discovered) == {
        "10.0.0.1:5432": "dn_6001 primary",
        "10.0.0.2:5432": "dn_6002 standby",
        "10.0.0.10:5432": "dn_6003 standby",
    }
    assert discovered.instance.kind is InstanceKind.CENTRALISED
    assert {c.shard for c in discovered.instance.components} == {"6001"}


def test_the_instance_is_called_and_reached_as_its_primary() -> None:
    discovered = found(*FOLLOWERS, PRIMARY)
    assert (discovered.instance.name, discovered.instance.port) == ("10.0.0.1", 5432)
    assert found(PRIMARY, *FOLLOWERS, wishes=replace(WISHES, name="shop")).instance.name == "shop"


def test_every_host_is_a_node_and_servers_on_one_host_share_it() -> None:
    primary = seen("10.0.0.1:5432", receivers=(receiver("10.0.0.1"),))
    discovered = found(primary, standby("10.0.0.1:5433"))
    (node,) = discovered.instance.nodes
    assert (node.name, node.address, len(node.id)) == ("10.0.0.1", "10.0.0.1", 36)
    assert [c.id for c in discovered.instance.on(node.id)] == ["dn_6001", "dn_6002"]


def test_ids_stay_when_the_primary_changes_and_differ_between_clusters() -> None:
    before = found(PRIMARY, *FOLLOWERS)
    promoted = seen("10.0.0.2:5432", receivers=(receiver("10.0.0.1"), receiver("10.0.0.10")))
    after = found(promoted, standby("10.0.0.1:5432"), standby("10.0.0.10:5432"))
    assert {(c.instance_id, c.node_id, c.id) for c in before.instance.components} == {
        (c.instance_id, c.node_id, c.id) for c in after.instance.components
    }
    other = found(seen("10.0.0.1:5432", system_identifier="7002"))
    assert other.instance.id != before.instance.id
    assert other.instance.nodes[0].id != before.instance.nodes[0].id


def test_ids_have_the_shape_that_the_configuration_wants() -> None:
    discovered = found(PRIMARY, *FOLLOWERS)
    assert discovered.instance.id.endswith("in14")
    assert {len(c.node_id) for c in discovered.instance.components} == {36}
    assert len(project_id_of("production")) == 32
    assert project_id_of("production") != project_id_of("test")


def test_no_login_is_shown() -> None:
    assert "secret" not in repr(found(PRIMARY, *FOLLOWERS))


def test_names_that_the_servers_tell_are_their_ids() -> None:
    primary = seen("10.0.0.1:5432", node_name="dn_6002", receivers=(receiver("10.0.0.2"),))
    discovered = found(primary, standby("10.0.0.2:5432", node_name="dn_6001"))
    assert ids(discovered) == {"10.0.0.1:5432": "dn_6002 primary", "10.0.0.2:5432": "dn_6001 standby"}


def test_a_name_that_all_replicas_share_and_that_holds_no_numbers_is_not_taken() -> None:
    primary = seen("10.0.0.1:5432", node_name="dn_6001", receivers=(receiver("10.0.0.2"),))
    discovered = found(primary, standby("10.0.0.2:5432", node_name="dn_6001"))
    assert ids(discovered) == {"10.0.0.1:5432": "dn_6001 primary", "10.0.0.2:5432": "dn_6002 standby"}


@pytest.mark.parametrize(
    ("servers", "reason"),
    [
        pytest.param([PRIMARY], r"streams to 10\.0\.0\.2 \(walreceiver\), 10\.0\.0\.10", id="no standby given"),
        pytest.param([PRIMARY, FOLLOWERS[0]], r"streams to 10\.0\.0\.2 \(walreceiver\), and", id="one missing"),
        pytest.param([FOLLOWERS[0]], r"no primary was found beside 10\.0\.0\.10:5432", id="no primary"),
        pytest.param([PRIMARY, seen("10.0.0.9:5432")], "are both primaries", id="two primaries"),
        pytest.param(
            [PRIMARY, seen("10.0.0.9:5432", system_identifier="7002")], "system identifiers differ", id="two clusters"
        ),
        pytest.param(
            [seen("10.0.0.1:5432"), seen("10.0.0.2:5432", in_recovery=True)], "from nobody now", id="a copy in recovery"
        ),
        pytest.param([seen("10.0.0.1:5432", distributed=None)], "does not tell whether", id="an old server"),
        pytest.param([seen("10.0.0.1:5432", distributed=True)], "the DSN of a coordinator", id="a data node alone"),
    ],
)
def test_what_does_not_follow_is_refused(servers: list[Seen], reason: str) -> None:
    with pytest.raises(DiscoveryError, match=reason):
        found(*servers)


def test_a_standby_behind_another_address_than_its_own_is_accounted_for_by_number() -> None:
    primary = seen("10.0.0.1:5432", receivers=(receiver("192.168.0.2"),))
    assert len(found(primary, standby("db2:5432")).servers) == 2


def test_a_standby_that_does_not_receive_accounts_for_no_stream() -> None:
    member = Member(name="b", role="replica", state="running", address=Address(host="10.0.0.3", port=5432))
    silent = seen(
        "10.0.0.3:5432", in_recovery=True, lead=Lead(address=member.address, origin="Patroni's", member=member)
    )
    assert len(found(seen("10.0.0.1:5432"), silent).servers) == 2
    with pytest.raises(DiscoveryError, match=r"streams to 10\.0\.0\.2"):
        found(seen("10.0.0.1:5432", receivers=(receiver("10.0.0.2"),)), silent)


@pytest.mark.parametrize("name", ["10.0.0.2", "archive"])
def test_a_receiver_is_left_out_by_address_or_name(name: str) -> None:
    primary = seen("10.0.0.1:5432", receivers=(receiver("10.0.0.2", "archive"),))
    assert len(found(primary, wishes=without(name)).servers) == 1


def test_leaving_out_what_nobody_names_is_refused() -> None:
    with pytest.raises(DiscoveryError, match=r"--without 10\.0\.0\.3: nobody names"):
        found(PRIMARY, *FOLLOWERS, wishes=without("10.0.0.3"))


def test_a_cascade_is_one_instance() -> None:
    primary = seen("10.0.0.1:5432", receivers=(receiver("10.0.0.2"),))
    between = replace(
        standby("10.0.0.2:5432"), facts=replace(standby("10.0.0.2:5432").facts, receivers=(receiver("10.0.0.3"),))
    )
    last = standby("10.0.0.3:5432", source="10.0.0.2")
    assert len(found(primary, between, last).servers) == 3
    with pytest.raises(DiscoveryError, match=r"10\.0\.0\.2:5432 streams to 10\.0\.0\.3"):
        found(primary, between)


# --- distributed instances -------------------------------------------------------------------------------------------


def node(name: str, type_: str, host: str, port: int = 40000) -> ClusterNode:
    return ClusterNode(name=name, type=NodeType(type_), host=host, port=port)


NODES = (
    node("cn_5001", "C", "localhost", 8000),
    node("cn_5002", "C", "10.0.0.2", 8000),
    node(SHARD, "D", "10.0.0.2"),
    node(SHARD, "S", "10.0.0.1"),
    node(SHARD, "S", "10.0.0.3"),
)


def gauss(address: str, name: str, identifier: str = "7100", **facts: Any) -> Seen:  # noqa: ANN401 - facts by their names.
    return seen(
        address,
        engine=Engine.GAUSSDB,
        version="505.2.1",
        node_name=name,
        system_identifier=identifier,
        distributed=True,
        **facts,
    )


CN1 = gauss("db1:8000", "cn_5001", "7001", nodes=NODES)
CN2 = gauss(
    "10.0.0.2:8000",
    "cn_5002",
    "7002",
    nodes=(node("cn_5001", "C", "10.0.0.1", 8000), node("cn_5002", "C", "localhost", 8000), *NODES[2:]),
)
REPLICAS = (
    gauss("10.0.0.2:40000", SHARD),
    gauss("db1:40000", SHARD, in_recovery=True),
    gauss("10.0.0.3:40000", SHARD, in_recovery=True),
)


def test_a_coordinator_names_every_other_node_at_its_address() -> None:
    named = {str(lead.address): lead.node and lead.node.name for lead in servers_named(CN1)}
    assert named == {
        "10.0.0.2:8000": "cn_5002",
        "10.0.0.2:40000": SHARD,
        "10.0.0.1:40000": SHARD,
        "10.0.0.3:40000": SHARD,
    }


def test_what_a_coordinator_calls_localhost_is_where_it_was_reached() -> None:
    alone = gauss("db1:8000", "cn_5001", nodes=(NODES[0], node("dn_6001", "D", "127.0.0.1")))
    assert [str(lead.address) for lead in servers_named(alone)] == ["db1:40000"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "/var/run/postgresql", "@socket"])
def test_a_standby_that_receives_from_its_own_machine_names_that_machine(host: str) -> None:
    (lead,) = servers_named(standby("db2:5433", source=host))
    assert str(lead.address) == "db2:5432"


def test_a_source_whose_port_is_not_for_clients_names_nobody() -> None:
    assert not servers_named(seen("db2:5433", in_recovery=True, source=Source(host="10.0.0.1", port=None)))


def test_a_distributed_instance_has_the_names_of_its_nodes_and_numbers_for_its_replicas() -> None:
    discovered = found(CN1, CN2, *REPLICAS)
    assert ids(discovered) == {
        "db1:8000": "cn_5001 primary",
        "10.0.0.2:8000": "cn_5002 primary",
        "10.0.0.2:40000": "dn_6001 primary",
        "10.0.0.3:40000": "dn_6002 standby",
        "db1:40000": "dn_6003 standby",
    }
    assert discovered.instance.kind is InstanceKind.DISTRIBUTED
    assert (discovered.instance.name, discovered.instance.port) == ("db1", 8000)
    assert {c.shard for c in discovered.instance.components} == {"", "6001"}
    assert [n.name for n in discovered.instance.nodes] == ["db1", "10.0.0.2", "10.0.0.3"]


def test_components_stand_in_the_order_of_their_nodes() -> None:
    discovered = found(*REPLICAS, CN2, CN1)
    order = [node.id for node in discovered.instance.nodes]
    placed = [order.index(c.node_id) for c in discovered.instance.components]
    assert placed == sorted(placed)
    assert [s.component for s in discovered.servers] == [*discovered.instance.components]


def test_a_replica_that_refuses_logins_keeps_its_number_when_it_is_left_out_by_address() -> None:
    leads = tuple(lead for lead in servers_named(CN1) if str(lead.address) == "10.0.0.3:40000")
    discovered = found(CN1, CN2, *REPLICAS[:2], left_out=leads, wishes=without("10.0.0.3:40000"))
    assert ids(discovered)["10.0.0.2:40000"] == "dn_6001 primary"
    assert ids(discovered)["db1:40000"] == "dn_6003 standby"
    assert len(discovered.servers) == 4


def test_replicas_that_nobody_names_are_asked_for_until_they_are_left_out() -> None:
    nodes = NODES[:3]
    cn1, cn2 = (replace(cn, facts=replace(cn.facts, nodes=nodes)) for cn in (CN1, CN2))
    with pytest.raises(DiscoveryError, match=r"should have the replicas dn_6001, dn_6002, dn_6003, and .* 10\.0\.0\.2"):
        found(cn1, cn2, REPLICAS[0])
    discovered = found(cn1, cn2, REPLICAS[0], wishes=without("dn_6001", "dn_6003"))
    assert ids(discovered)["10.0.0.2:40000"] == "dn_6002 primary"


@pytest.mark.parametrize(
    ("servers", "reason"),
    [
        pytest.param([CN1, CN2, *REPLICAS[1:]], "no primary was found", id="no primary"),
        pytest.param([CN1, CN2, *REPLICAS, gauss("10.0.0.9:40000", SHARD)], "are both primaries", id="two primaries"),
        pytest.param(
            [CN1, CN2, *REPLICAS, gauss("10.0.0.9:40000", "dn_6001", "7200")], "are both dn_6001", id="another cluster"
        ),
        pytest.param(
            [CN1, CN2, *REPLICAS, gauss("10.0.0.9:40000", "dn_6007", "7200")], "has no such node", id="a stranger"
        ),
        pytest.param(
            [CN1, replace(CN2, facts=replace(CN2.facts, nodes=CN2.facts.nodes[1:])), *REPLICAS],
            "do not agree on the node cn_5001",
            id="coordinators of two clusters",
        ),
    ],
)
def test_a_distributed_instance_that_does_not_fit_together_is_refused(servers: list[Seen], reason: str) -> None:
    with pytest.raises(DiscoveryError, match=reason):
        found(*servers)


def test_a_coordinator_of_another_name_cannot_be_a_component() -> None:
    nodes = (node("coordinator1", "C", "localhost", 8000), node("dn_6001", "D", "10.0.0.2"))
    with pytest.raises(DiscoveryError, match="only names that begin with cn_"):
        found(gauss("db1:8000", "coordinator1", nodes=nodes), gauss("10.0.0.2:40000", "dn_6001"))


def test_clusters_whose_servers_have_no_identifier_are_told_apart_by_address() -> None:
    nodes = (NODES[0], node("dn_6001", "D", "10.0.0.2"))
    instances = {
        found(
            gauss("db1:8000", "cn_5001", "node cn_5001", nodes=nodes), gauss(f"{host}:40000", "dn_6001", "node dn_6001")
        ).instance.id
        for host in ("10.0.0.2", "10.0.0.3")
    }
    assert len(instances) == 2


@pytest.mark.parametrize(
    ("named", "own", "same"),
    [
        ("cn_5001", "cn_5001", True),
        (SHARD, SHARD, True),
        (SHARD, "dn_6002", True),
        (SHARD, "dn_6004", False),
        (SHARD, "cn_6002", False),
        (SHARD, "dn_6001_6002", False),
        ("cn_5001", "cn_5002", False),
        ("cn_5001", None, False),
    ],
)
def test_a_shard_is_each_of_its_replicas(named: str, own: str | None, *, same: bool) -> None:
    assert same_node(named, own) is same


def test_a_server_that_calls_itself_otherwise_is_not_the_node() -> None:
    lead = Lead(address=CN2.address, origin="cn_5002 in pgxc_node of db1:8000", node=NODES[1])
    check_lead(lead, CN2)
    with pytest.raises(DiscoveryError, match=r"calls itself cn_5001, and is cn_5002 in pgxc_node .* --without 10"):
        check_lead(lead, CN1)


# --- what a manager tells --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "in_recovery", "fits"),
    [
        ("leader", False, True),
        ("master", False, True),
        ("leader", True, False),
        ("replica", True, True),
        ("sync_standby", True, True),
        ("standby_leader", True, True),
        ("replica", False, False),
    ],
)
def test_a_members_role_is_compared_with_what_its_server_says(role: str, *, in_recovery: bool, fits: bool) -> None:
    server = seen("10.0.0.1:5432", in_recovery=in_recovery)
    member = Member(name="a", role=role, state="running", address=server.address)
    lead = Lead(address=server.address, origin="Patroni's member a", member=member)
    if fits:
        check_lead(lead, server)
    else:
        with pytest.raises(DiscoveryError, match="a switchover may be under way"):
            check_lead(lead, server)


@pytest.mark.parametrize(
    ("state", "port", "up"),
    [
        ("running", 5432, True),
        ("streaming", 5432, True),
        ("in archive recovery", 5432, True),
        ("stopped", 5432, False),
        ("start failed", 5432, False),
        ("running", 0, False),
        ("running", 70000, False),
    ],
)
def test_a_member_must_be_up_and_have_an_address(state: str, port: int, *, up: bool) -> None:
    member = Member(name="a", role="replica", state=state, address=Address(host="10.0.0.1", port=port))
    if up:
        check_member(member)
    else:
        with pytest.raises(DiscoveryError, match="--without a"):
            check_member(member)


def test_two_starts_of_a_server_are_told_apart() -> None:
    assert PRIMARY.facts.fingerprint != replace(PRIMARY.facts, started_at=STARTED + timedelta(1)).fingerprint
