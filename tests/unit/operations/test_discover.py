"""The search goes from the given servers to all that they name, each looked at once, and stops at what is unclear."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.hurry import run
from vacate.domain.discovery.assembly import Discovered, Wishes
from vacate.domain.discovery.facts import (
    ClusterNode,
    DiscoveryError,
    Member,
    NodeType,
    Roster,
    ServerFacts,
    Source,
)
from vacate.domain.errors import ComponentUnreachableError
from vacate.domain.topology.components import ProjectId
from vacate.domain.topology.dsn import Address, parse_dsn
from vacate.domain.topology.servers import Engine
from vacate.operations.discovery.discover import Discover

STARTED = datetime(2026, 1, 2, 10, 0, tzinfo=UTC)
SHARD = "dn_6001_6002"


class ModelScout:
    """Servers by address, and every login that was tried, in order."""

    def __init__(self, servers: Mapping[str, ServerFacts]) -> None:
        self.servers = servers
        self.logins: list[str] = []

    async def look(self, dsn: str) -> ServerFacts:
        self.logins.append(dsn)
        facts = self.servers.get(str(parse_dsn(dsn, "").address))
        if facts is None:
            raise ComponentUnreachableError("Connection refused")
        return facts


def facts(name: str | None = None, identifier: str = "7001", *, number: int = 0, standby: bool = False) -> ServerFacts:
    return ServerFacts(
        engine=Engine.GAUSSDB if name else Engine.POSTGRESQL,
        version="1",
        system_identifier=identifier,
        in_recovery=standby,
        started_at=STARTED + timedelta(seconds=number),
        node_name=name,
        distributed=name is not None,
    )


def node(name: str, type_: str, host: str, port: int) -> ClusterNode:
    return ClusterNode(name=name, type=NodeType(type_), host=host, port=port)


NODES = (
    node("cn_5001", "C", "localhost", 8000),
    node("cn_5002", "C", "10.0.0.2", 8000),
    node(SHARD, "D", "10.0.0.1", 40000),
    node(SHARD, "S", "10.0.0.2", 40000),
)
SEEN_FROM_CN2 = (
    node("cn_5001", "C", "10.0.0.1", 8000),
    node("cn_5002", "C", "localhost", 8000),
    *NODES[2:],
)
CLUSTER = {
    "10.0.0.1:8000": replace(facts("cn_5001", "7001", number=1), nodes=NODES),
    "10.0.0.2:8000": replace(facts("cn_5002", "7002", number=2), nodes=SEEN_FROM_CN2),
    "10.0.0.1:40000": facts(SHARD, "7100", number=3),
    "10.0.0.2:40000": facts(SHARD, "7100", number=4, standby=True),
}


def searched(
    servers: Mapping[str, ServerFacts], *given: str, without: tuple[str, ...] = (), roster: Roster | None = None
) -> tuple[Discovered, list[str]]:
    """What is found from these addresses, and the logins it took."""
    scout = ModelScout(servers)

    async def enrol() -> Roster:
        assert roster is not None
        return roster

    discover = Discover(scout=scout, enrol=enrol if roster else None)
    dsns = [parse_dsn(f"gaussdb://u{number}:p@{address}/postgres", "") for number, address in enumerate(given)]
    wishes = Wishes(project_id=ProjectId("a1" * 16), without=frozenset(without))
    return run(discover(dsns, wishes)), scout.logins


def found(discovered: Discovered) -> set[tuple[str, str]]:
    return {(str(s.address), s.component.id) for s in discovered.servers}


ALL = {
    ("10.0.0.1:8000", "cn_5001"),
    ("10.0.0.2:8000", "cn_5002"),
    ("10.0.0.1:40000", "dn_6001"),
    ("10.0.0.2:40000", "dn_6002"),
}


def test_from_one_coordinator_all_nodes_are_found_and_each_is_looked_at_once() -> None:
    discovered, logins = searched(CLUSTER, "10.0.0.1:8000")
    assert found(discovered) == ALL
    assert sorted(logins) == sorted(f"gaussdb://u0:p@{address}/postgres" for address in CLUSTER)
    assert {s.dsn for s in discovered.servers} == set(logins)


def test_a_given_server_keeps_its_own_login() -> None:
    discovered, _ = searched(CLUSTER, "10.0.0.1:8000", "10.0.0.2:40000")
    assert {str(s.address): s.dsn for s in discovered.servers}["10.0.0.2:40000"].startswith("gaussdb://u1:")


def test_a_server_that_is_named_by_another_address_than_it_was_given_by_is_one() -> None:
    by_name = {"db1:8000": CLUSTER["10.0.0.1:8000"], "db2:40000": CLUSTER["10.0.0.2:40000"]}
    discovered, _ = searched(CLUSTER | by_name | {"db1:40000": CLUSTER["10.0.0.1:40000"]}, "db1:8000", "db2:40000")
    assert {address for address, _ in found(discovered)} == {
        "db1:8000",
        "10.0.0.2:8000",
        "10.0.0.1:40000",
        "db2:40000",
    }


def test_a_node_that_refuses_logins_is_named_with_the_way_to_leave_it_out() -> None:
    closed = {address: known for address, known in CLUSTER.items() if address != "10.0.0.2:40000"}
    with pytest.raises(DiscoveryError, match=r"^10\.0\.0\.2:40000: .* refused; it is dn_.*--without 10\.0\.0\.2:40000"):
        searched(closed, "10.0.0.1:8000")
    discovered, logins = searched(closed, "10.0.0.1:8000", without=("10.0.0.2:40000",))
    assert found(discovered) == ALL - {("10.0.0.2:40000", "dn_6002")}
    assert not any("10.0.0.2:40000" in login for login in logins)


def test_whatever_is_left_out_is_not_logged_in_to() -> None:
    discovered, logins = searched(CLUSTER, "10.0.0.1:8000", without=("cn_5002",))
    assert {address for address, _ in found(discovered)} == set(CLUSTER) - {"10.0.0.2:8000"}
    assert len(logins) == 3


def test_a_node_that_is_another_server_is_refused() -> None:
    wrong = CLUSTER | {"10.0.0.2:8000": facts("cn_5009", "7002", number=2)}
    with pytest.raises(DiscoveryError, match=r"10\.0\.0\.2:8000 calls itself cn_5009, and is cn_5002"):
        searched(wrong, "10.0.0.1:8000")


def test_a_given_server_is_also_checked_against_what_others_call_it() -> None:
    wrong = CLUSTER | {"10.0.0.2:8000": facts("cn_5009", "7002", number=2)}
    with pytest.raises(DiscoveryError, match="calls itself cn_5009"):
        searched(wrong, "10.0.0.1:8000", "10.0.0.2:8000")


def test_one_server_given_twice_is_refused() -> None:
    with pytest.raises(DiscoveryError, match=r"10\.0\.0\.1:8000 and db1:8000 are the same server"):
        searched(CLUSTER | {"db1:8000": CLUSTER["10.0.0.1:8000"]}, "10.0.0.1:8000", "db1:8000")


def test_servers_that_name_others_without_end_are_refused() -> None:
    chain = {
        f"10.0.0.1:{port}": replace(facts(number=port, standby=True), source=Source(host="10.0.0.1", port=port + 1))
        for port in range(1000, 3000)
    }
    with pytest.raises(DiscoveryError, match="more than 1000"):
        searched(chain, "10.0.0.1:1000")


# --- a manager's members ---------------------------------------------------------------------------------------------


def member(name: str, role: str, host: str, state: str = "running") -> Member:
    return Member(name=name, role=role, state=state, address=Address(host=host, port=5432))


PAIR = {"10.0.0.1:5432": facts(number=1), "10.0.0.2:5432": facts(number=2, standby=True)}
ROSTER = Roster(name="batman", members=(member("a", "leader", "10.0.0.1"), member("b", "replica", "10.0.0.2")))


def test_members_are_looked_at_with_the_first_given_login_and_name_the_instance() -> None:
    discovered, logins = searched(PAIR, "10.0.0.1:5432", roster=ROSTER)
    assert logins == ["gaussdb://u0:p@10.0.0.1:5432/postgres", "gaussdb://u0:p@10.0.0.2:5432/postgres"]
    assert discovered.instance.name == "batman"


def test_a_given_standby_that_does_not_receive_now_belongs_by_its_managers_word() -> None:
    discovered, _ = searched(PAIR, "10.0.0.1:5432", "10.0.0.2:5432", roster=ROSTER)
    assert len(discovered.servers) == 2
    with pytest.raises(DiscoveryError, match="from nobody now"):
        searched(PAIR, "10.0.0.1:5432", "10.0.0.2:5432")


def test_a_member_that_is_down_is_refused_before_it_is_logged_in_to() -> None:
    roster = replace(ROSTER, members=(ROSTER.members[0], member("b", "replica", "10.0.0.2", "stopped")))
    with pytest.raises(DiscoveryError, match="'stopped'"):
        searched({"10.0.0.1:5432": PAIR["10.0.0.1:5432"]}, "10.0.0.1:5432", roster=roster)
    discovered, _ = searched(PAIR, "10.0.0.1:5432", roster=roster, without=("b",))
    assert len(discovered.servers) == 1
