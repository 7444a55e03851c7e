"""What follows from what servers tell is an instance; what does not follow is refused with what would settle it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.clusters import (
    CN1,
    CN2,
    FOLLOWERS,
    NODES,
    PRIMARY,
    REPLICAS,
    SHARD,
    STARTED,
    WISHES,
    found,
    gauss,
    ids,
    node,
    receiver,
    seen,
    standby,
    without,
)
from vacate.domain.discovery.assembly import project_id_of
from vacate.domain.discovery.facts import (
    DiscoveryError,
    Lead,
    Member,
    Roster,
    Seen,
    Source,
    check_lead,
    check_member,
    members_named,
    same_node,
    servers_named,
)
from vacate.domain.topology.components import InstanceKind
from vacate.domain.topology.dsn import Address

# --- PostgreSQL and other centralised instances ----------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("host", "name", "words"),
    [
        ("10.0.0.2", "archive", "10.0.0.2 (archive)"),
        ("10.0.0.2", "", "10.0.0.2 (no application name)"),
        ("", "archive", "a local socket (archive)"),
    ],
)
def test_a_receiver_is_told_by_where_it_is_and_what_it_calls_itself(host: str, name: str, words: str) -> None:
    assert str(receiver(host, name)) == words


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


def test_a_coordinator_names_every_other_node_at_its_address() -> None:
    named = {str(lead.address): lead.node and lead.node.name for lead in servers_named(CN1)}
    assert named == {
        "10.0.0.2:8000": "cn_5002",
        "10.0.0.2:40000": SHARD,
        "10.0.0.1:40000": SHARD,
        "10.0.0.3:40000": SHARD,
    }


def test_errors_can_say_who_named_a_server() -> None:
    assert servers_named(CN1)[0].origin == "cn_5002 in pgxc_node of db1:8000"
    (source,) = servers_named(standby("db2:5433"))
    assert source.origin == "the server that the standby db2:5433 receives from"


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
    with pytest.raises(DiscoveryError) as refused:
        check_lead(lead, CN1)
    assert str(refused.value) == (
        "db1:8000 calls itself cn_5001, and is cn_5002 in pgxc_node of db1:8000; correct the cluster's catalogue, or "
        "leave it out with --without 10.0.0.2:8000"
    )


def test_a_server_that_tells_no_name_is_not_the_node() -> None:
    lead = Lead(address=CN2.address, origin="cn_5002 in pgxc_node of db1:8000", node=NODES[1])
    with pytest.raises(DiscoveryError, match=r"^10\.0\.0\.2:8000 calls itself nothing, and is cn_5002"):
        check_lead(lead, seen("10.0.0.2:8000"))


# --- what a manager tells --------------------------------------------------------------------------------------------


def test_a_manager_names_each_of_its_members() -> None:
    member = Member(name="a", role="leader", state="running", address=Address(host="10.0.0.1", port=5432))
    other = replace(member, name="b", role="replica", address=Address(host="10.0.0.2", port=5433))
    assert members_named(Roster(name="shop", members=(member, other))) == (
        Lead(address=member.address, origin="Patroni's member a", member=member),
        Lead(address=other.address, origin="Patroni's member b", member=other),
    )


@pytest.mark.parametrize(
    ("role", "in_recovery"),
    [
        ("leader", False),
        ("master", False),
        ("primary", False),
        ("replica", True),
        ("sync_standby", True),
        ("standby_leader", True),
    ],
)
def test_a_member_that_is_what_its_manager_calls_it_is_taken(role: str, *, in_recovery: bool) -> None:
    check_lead(*as_member(role, in_recovery=in_recovery))


@pytest.mark.parametrize(
    ("role", "in_recovery", "found_to_be"),
    [
        ("leader", True, "a standby"),
        ("replica", False, "a primary"),
    ],
)
def test_a_member_that_is_not_what_its_manager_calls_it_is_refused(
    role: str, found_to_be: str, *, in_recovery: bool
) -> None:
    with pytest.raises(DiscoveryError) as refused:
        check_lead(*as_member(role, in_recovery=in_recovery))
    assert str(refused.value) == (
        f"10.0.0.1:5432 is {found_to_be}, and Patroni calls its member a {role}; a switchover may be under way: try "
        "again"
    )


def as_member(role: str, *, in_recovery: bool) -> tuple[Lead, Seen]:
    """What Patroni says of a server, and the server."""
    server = seen("10.0.0.1:5432", in_recovery=in_recovery)
    member = Member(name="a", role=role, state="running", address=server.address)
    return Lead(address=server.address, origin="Patroni's member a", member=member), server


def member_at(host: str, port: int, state: str) -> Member:
    return Member(name="a", role="replica", state=state, address=Address(host=host, port=port))


@pytest.mark.parametrize("port", [1, 5432, 65535])
@pytest.mark.parametrize("state", ["running", "streaming", "in archive recovery"])
def test_a_member_that_is_up_at_any_port_is_looked_at(state: str, port: int) -> None:
    check_member(member_at("10.0.0.1", port, state))


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (member_at("10.0.0.1", 5432, "stopped"), "is at 10.0.0.1:5432 in the state 'stopped'"),
        (member_at("10.0.0.1", 5432, "start failed"), "is at 10.0.0.1:5432 in the state 'start failed'"),
        (member_at("10.0.0.1", 0, "running"), "is at 10.0.0.1:0 in the state 'running'"),
        (member_at("10.0.0.1", 65536, "running"), "is at 10.0.0.1:65536 in the state 'running'"),
        (member_at("", 5432, "running"), "is at :5432 in the state 'running'"),
    ],
)
def test_a_member_that_is_down_or_at_no_address_is_refused(member: Member, reason: str) -> None:
    with pytest.raises(DiscoveryError) as refused:
        check_member(member)
    assert (
        str(refused.value) == f"Patroni's member a {reason}; try again when it runs, or leave it out with --without a"
    )


def test_two_starts_of_a_server_are_told_apart() -> None:
    assert PRIMARY.facts.fingerprint != replace(PRIMARY.facts, started_at=STARTED + timedelta(1)).fingerprint
