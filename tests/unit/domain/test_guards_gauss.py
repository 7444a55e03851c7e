"""The guards that only servers of the Gauss family need, at their edges."""

import time
from dataclasses import replace

import pytest

from tests.support.sessions import (
    COORDINATOR,
    DATA_NODE,
    GAUSS_COORDINATOR,
    GAUSS_DATA_NODE,
    PEERS,
    idle_session,
)
from vacate.domain.judging.criteria import Criteria
from vacate.domain.judging.judge import judge
from vacate.domain.judging.reserved import (
    CLUSTER_TOOLS,
    INTERNAL_THREAD_PATTERNS,
    INTERNAL_THREADS,
    PLATFORM_USERS,
    is_the_clusters,
)
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.judging.surroundings import Surroundings
from vacate.domain.judging.verdicts import Objection
from vacate.domain.sessions.session import Session
from vacate.domain.topology.servers import Engine

POSTGRESQL = (COORDINATOR, DATA_NODE)
GAUSS = tuple(
    replace(where, engine=engine)
    for where in (GAUSS_COORDINATOR, GAUSS_DATA_NODE)
    for engine in Engine
    if engine is not Engine.POSTGRESQL
)
everywhere_in_the_family = pytest.mark.parametrize("where", GAUSS, ids=lambda where: f"{where.engine}-{where.kind}")


def objections(session: Session, where: Surroundings) -> tuple[Objection, ...]:
    (only,) = judge([session], Criteria(), GuardSettings(), where)
    return only.objections


def objectors(session: Session, where: Surroundings) -> set[str]:
    return {objection.by for objection in objections(session, where)}


def spares(name: GuardName, sessions: list[Session], where: Surroundings) -> bool:
    return all(objectors(session, where) == {name} for session in sessions)


@everywhere_in_the_family
def test_a_plain_idle_session_of_a_client_is_a_victim_in_the_family_too(where: Surroundings) -> None:
    assert objections(idle_session(), where) == ()
    (found,) = judge([idle_session(pid=0, session_id=77)], Criteria(), GuardSettings(), where)
    assert found.victim is not None
    assert (found.victim.key.session_id, found.victim.pid) == (77, 0)


# --- cluster_tool ----------------------------------------------------------------------------------------------------


@everywhere_in_the_family
def test_every_internal_thread_and_tool_is_spared(where: Surroundings) -> None:
    named = [idle_session(application=name) for name in sorted(INTERNAL_THREADS | CLUSTER_TOOLS)]
    assert spares(GuardName.CLUSTER_TOOL, named, where)


@pytest.mark.parametrize(
    "application",
    [
        "Wal Sender",
        "Wal Receiver to dn_6001",
        "Data Receiver",
        "Data Receiver 2",
        "DataSender dn_6002",
        "hadr_dn_6001",
        "dn_6001_hass",
        "Statement flush thread",
        "statement flush thread",
        "Clean Statement thread",
        "clean statement thread",
    ],
)
def test_names_with_a_number_or_in_two_spellings_are_known_by_their_pattern(application: str) -> None:
    assert objectors(idle_session(application=application), GAUSS_COORDINATOR) == {GuardName.CLUSTER_TOOL}


@pytest.mark.parametrize(
    "application",
    ["gsql", "web", "", "CM_AGENT", "cm_agent2", "my cm_agent", "Walter", "hadr", "hass", "startup", "Workload"],
)
def test_other_names_are_no_tools(application: str) -> None:
    assert objectors(idle_session(application=application), GAUSS_COORDINATOR) == set()


@pytest.mark.parametrize("where", POSTGRESQL, ids=lambda where: where.kind)
def test_on_postgresql_the_familys_names_protect_nobody(where: Surroundings) -> None:
    for application in ("cm_agent", "Wal Sender", "dn_6001_6002_6003"):
        assert objectors(idle_session(application=application), where) == set()
    for user in PLATFORM_USERS:
        assert objectors(idle_session(user=user), where) == set()
    assert objectors(idle_session(), replace(where, peer_addresses=None)) == set()
    assert objectors(idle_session(client_address="192.0.2.1"), replace(where, peer_addresses=PEERS)) == set()


def test_a_tools_name_is_in_the_reason() -> None:
    assert objections(idle_session(application="cm_agent"), GAUSS_COORDINATOR) == (
        Objection(by=GuardName.CLUSTER_TOOL, reason="it belongs to the cluster itself: cm_agent"),
    )


def test_no_name_of_a_person_or_a_program_of_theirs_is_reserved() -> None:
    assert "gsql" not in INTERNAL_THREADS | CLUSTER_TOOLS
    assert not is_the_clusters("gsql")


def test_a_name_with_a_wildcard_is_a_pattern_and_no_pattern_swallows_everything() -> None:
    assert not [name for name in INTERNAL_THREADS | CLUSTER_TOOLS if set(name) & set("*?[")]
    assert all(len(pattern.replace("*", "")) > 3 for pattern in INTERNAL_THREAD_PATTERNS)


# --- platform_user ---------------------------------------------------------------------------------------------------


@everywhere_in_the_family
def test_the_platforms_users_are_spared_in_every_spelling(where: Surroundings) -> None:
    spelt = [idle_session(user=name) for name in ("rdsAdmin", "rdsMetric", "rdsBackup", "rdsRepl", "root", "rdsadmin")]
    assert spares(GuardName.PLATFORM_USER, spelt, where)


@pytest.mark.parametrize("user", ["app", "", "rdsAdmin2", "rds", "rooted"])
def test_other_users_are_not_the_platforms(user: str) -> None:
    assert objectors(idle_session(user=user), GAUSS_COORDINATOR) == set()


@everywhere_in_the_family
def test_who_made_the_cluster_is_a_superuser(where: Surroundings) -> None:
    assert objectors(idle_session(user="omm", superuser=True), where) == {GuardName.SUPERUSER}
    assert objectors(idle_session(superuser=None), where) == {GuardName.UNKNOWN}


@everywhere_in_the_family
def test_an_internal_thread_is_no_client(where: Surroundings) -> None:
    assert objectors(idle_session(backend_type="internal thread"), where) == {GuardName.NOT_A_CLIENT}


# --- coordinator_link ------------------------------------------------------------------------------------------------


@everywhere_in_the_family
def test_a_nodes_link_is_spared_on_every_kind_of_component(where: Surroundings) -> None:
    unknown = ("cn_5003", "dn_6001", "dn_6001_6002_6003", "cn_5001_5002")
    links = [idle_session(application=name) for name in unknown]
    assert spares(GuardName.COORDINATOR_LINK, links, where)
    told = replace(where, coordinators=frozenset({"coordinator_a"}))
    assert objectors(idle_session(application="coordinator_a"), told) == {GuardName.COORDINATOR_LINK}


@pytest.mark.parametrize(
    "application",
    ["CN_5003", "cn_500", "cn_50031", "cn_5003_", "cn_5003\n", "my cn_5003", "gn_5003", "dn_6001_60", "cn_\u0665001"],
)
def test_what_only_resembles_a_nodes_name_is_no_link(application: str) -> None:
    for where in (GAUSS_COORDINATOR, GAUSS_DATA_NODE):
        assert objectors(idle_session(application=application), where) == set()


# --- peer_node -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    ["192.0.2.1", "::ffff:192.0.2.1", "::FFFF:C000:201", "2001:db8::1", "2001:DB8:0:0:0:0:0:1", "2001:db8::1%eth0"],
)
def test_a_client_at_a_nodes_address_is_spared_on_data_nodes_only(address: str) -> None:
    session = idle_session(client_address=address)
    assert objections(session, GAUSS_DATA_NODE) == (
        Objection(by=GuardName.PEER_NODE, reason=f"it comes from another node of the instance ({address})"),
    )
    assert objections(session, GAUSS_COORDINATOR) == ()


@pytest.mark.parametrize("address", ["192.0.2.10", "::ffff:192.0.2.7", "2001:db8::2", "::1"])
def test_a_client_at_another_address_is_no_node(address: str) -> None:
    assert objections(idle_session(client_address=address), GAUSS_DATA_NODE) == ()


def test_where_nobody_told_the_nodes_addresses_every_client_of_a_data_node_is_spared() -> None:
    (found,) = objections(idle_session(), replace(GAUSS_DATA_NODE, peer_addresses=None))
    assert found.by is GuardName.PEER_NODE
    assert found.reason == "it is not known which addresses are the instance's own nodes"
    assert objections(idle_session(), replace(GAUSS_COORDINATOR, peer_addresses=None)) == ()


def test_where_there_are_no_other_nodes_nobody_is_one() -> None:
    assert objections(idle_session(), replace(GAUSS_DATA_NODE, peer_addresses=frozenset())) == ()


@pytest.mark.parametrize("address", ["db-1.example", "", "192.0.2.7/32", "192.0.2.007", "300.0.0.1"])
def test_what_is_no_address_might_be_a_nodes(address: str) -> None:
    (found,) = objections(idle_session(client_address=address), GAUSS_DATA_NODE)
    assert found.by is GuardName.PEER_NODE
    assert "cannot be told" in found.reason
    odd = replace(GAUSS_DATA_NODE, peer_addresses=frozenset({"192.0.2.1", address}))
    assert objectors(idle_session(client_address="192.0.2.7"), odd) == {GuardName.PEER_NODE}


# --- many ------------------------------------------------------------------------------------------------------------


def test_two_thousand_sessions_are_judged_at_once() -> None:
    look = [
        idle_session(pid=0, session_id=number, application=f"web-{number}", client_address=f"10.1.{number // 256}.9")
        for number in range(2000)
    ]
    where = replace(GAUSS_DATA_NODE, peer_addresses=frozenset(f"10.0.0.{number}" for number in range(200)))
    began = time.process_time()
    verdicts = judge(look, Criteria(), GuardSettings(), where)
    assert time.process_time() - began < 1
    assert all(verdict.victim for verdict in verdicts)
