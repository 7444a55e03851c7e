"""Sessions that a caller named: who is spared all the same, and what no naming can waive."""

from dataclasses import replace
from ipaddress import ip_network

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from tests.support.sessions import (
    COORDINATOR,
    DATA_NODE,
    GAUSS_COORDINATOR,
    GAUSS_DATA_NODE,
    LOOK_AT,
    PLATFORM_USERS,
    TOOL_NAMES,
    any_sessions,
    checkpointer,
    examples,
    guard_settings,
    hidden_session,
    idle_session,
    looks,
    session_in_transaction,
    surroundings,
)
from vacate.domain.judging.criteria import Criterion
from vacate.domain.judging.guards import WAIVED_WHEN_NAMED
from vacate.domain.judging.judge import judge_named
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.judging.surroundings import Surroundings
from vacate.domain.judging.verdicts import Verdict
from vacate.domain.sessions.session import Demand, Session

NO_SETTINGS = GuardSettings()
EVERY_GUARD = frozenset(GuardName)
ANSWERED_BY_NAMING = {
    GuardName.NO_CLIENT_ADDRESS: idle_session(client_address=None, client_port=-1),
    GuardName.LISTENER: idle_session(query="LISTEN jobs"),
    GuardName.ADVISORY_LOCK: idle_session(holds_advisory_lock=True),
    GuardName.MAINTENANCE_TOOL: idle_session(application="pg_dump"),
    GuardName.CLUSTER_MANAGER: idle_session(application="repmgr"),
    GuardName.JOB_AGENT: idle_session(query="SELECT pgagent.pga_next_schedule()"),
    GuardName.COMPANION_USER: idle_session(user="barman"),
    GuardName.HELD_CURSOR: idle_session(query="FETCH 10 FROM c"),
    GuardName.BASE_BACKUP: idle_session(query="SELECT pg_backup_start('nightly')"),
    GuardName.REPLICATION_SLOT: idle_session(holds_replication_slot=True),
    GuardName.OWNER_DROPPED: idle_session(user=None, superuser=None, user_dropped=True),
    GuardName.COORDINATOR_LINK: idle_session(application="cn_5001"),
    GuardName.PEER_NODE: idle_session(client_address="192.0.2.1"),
}
STILL_SPARED = {
    GuardName.OWN_SESSION: idle_session(own=True),
    GuardName.NOT_A_CLIENT: idle_session(backend_type="walsender"),
    GuardName.CLUSTER_TOOL: idle_session(application="cm_agent"),
    GuardName.SUPERUSER: idle_session(user="postgres", superuser=True),
    GuardName.PLATFORM_USER: idle_session(user="rdsAdmin"),
    GuardName.PROTECTED_USER: idle_session(user="backup"),
    GuardName.PROTECTED_APPLICATION: idle_session(application="pg_cron"),
    GuardName.PROTECTED_DATABASE: idle_session(database="ledger"),
    GuardName.PROTECTED_CLIENT: idle_session(client_address="198.51.100.9"),
    GuardName.UNKNOWN: idle_session(database=None),
}
PROTECTING = GuardSettings(
    users=frozenset({"backup"}),
    applications=frozenset({"pg_cron"}),
    databases=frozenset({"ledger"}),
    clients=frozenset({ip_network("198.51.100.9")}),
)
demands = st.sampled_from([Demand.SAME_SESSION, Demand.SAME_TRANSACTION])


def verdict(
    session: Session,
    settings: GuardSettings = PROTECTING,
    demand: Demand = Demand.SAME_SESSION,
    where: Surroundings = GAUSS_DATA_NODE,
) -> Verdict:
    (only,) = judge_named([session], settings, where, demand=demand)
    return only


# --- whatever it does ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "session",
    [
        idle_session(),
        session_in_transaction(),
        session_in_transaction(state="active", query="UPDATE orders SET paid = true"),
        idle_session(state="idle in transaction (aborted)"),
        idle_session(state="fastpath function call"),
        idle_session(state="disabled", state_change=None, in_state_for=None),
    ],
    ids=lambda session: session.state,
)
def test_a_named_session_is_a_victim_whatever_it_does(session: Session) -> None:
    victim = verdict(session).victim
    assert victim is not None
    assert (victim.key, victim.pid) == (session.key, session.pid)
    assert (victim.demand, victim.since) == (Demand.SAME_SESSION, None)


def test_every_guard_is_either_answered_by_naming_or_stays() -> None:
    assert set(ANSWERED_BY_NAMING) == WAIVED_WHEN_NAMED
    assert ANSWERED_BY_NAMING.keys() | STILL_SPARED.keys() == EVERY_GUARD


@pytest.mark.parametrize("name", list(ANSWERED_BY_NAMING))
def test_whether_a_session_is_abandoned_is_not_asked_of_a_named_one(name: GuardName) -> None:
    assert verdict(ANSWERED_BY_NAMING[name]).objections == ()


@pytest.mark.parametrize("application", ["postgres_fdw", "cn_5001"])
def test_a_named_link_of_a_coordinator_is_a_victim_on_a_data_node_of_postgresql_as_well(application: str) -> None:
    assert verdict(idle_session(application=application), where=DATA_NODE).objections == ()


def test_a_named_session_needs_no_knowledge_of_the_other_nodes() -> None:
    assert verdict(idle_session(), where=replace(GAUSS_DATA_NODE, peer_addresses=None)).objections == ()


@pytest.mark.parametrize("name", list(STILL_SPARED))
def test_what_a_session_is_protects_a_named_one_too(name: GuardName) -> None:
    found = verdict(STILL_SPARED[name])
    assert [objection.by for objection in found.objections] == [name]
    assert found.reason
    assert found.victim is None


@pytest.mark.parametrize("name", list(STILL_SPARED))
def test_a_guard_that_the_instance_has_off_is_off_for_named_sessions_as_well(name: GuardName) -> None:
    assert verdict(STILL_SPARED[name], replace(PROTECTING, off=frozenset({name}))).victim is not None


def test_a_backend_of_the_server_is_spared_as_one() -> None:
    assert verdict(checkpointer()).objections[0].by == GuardName.NOT_A_CLIENT


def test_a_session_that_hides_when_it_began_is_spared_whatever_is_off() -> None:
    found = verdict(hidden_session(), GuardSettings(off=EVERY_GUARD))
    assert [(each.by, each.reason) for each in found.objections] == [
        (GuardName.UNKNOWN, "the server hides when it began")
    ]
    assert found.victim is None


# --- transactions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["idle in transaction", "active"])
def test_a_session_in_a_transaction_is_held_to_it(state: str) -> None:
    session = session_in_transaction(state=state)
    victim = verdict(session, demand=Demand.SAME_TRANSACTION).victim
    assert victim is not None
    assert (victim.demand, victim.since) == (Demand.SAME_TRANSACTION, session.transaction_start)


@pytest.mark.parametrize(
    ("session", "reason"),
    [
        (idle_session(), "it is idle, so no transaction is open"),
        (idle_session(transaction_start=LOOK_AT), "it is idle, so no transaction is open"),
        (idle_session(state="active"), "no transaction is open (state: active)"),
        (
            idle_session(state="idle in transaction (aborted)"),
            "its transaction has failed and is rolled back already",
        ),
    ],
)
def test_a_session_without_a_transaction_is_spared_for_that(session: Session, reason: str) -> None:
    found = verdict(session, demand=Demand.SAME_TRANSACTION)
    assert (found.objections[0].by, found.reason) == (Criterion.NO_TRANSACTION, reason)
    assert found.victim is None


@pytest.mark.parametrize("state", ["disabled", None])
def test_not_to_know_of_a_transaction_is_not_to_know_that_there_is_none(state: str | None) -> None:
    found = verdict(idle_session(state=state), GuardSettings(off=EVERY_GUARD), Demand.SAME_TRANSACTION)
    assert [(each.by, each.reason) for each in found.objections] == [
        (GuardName.UNKNOWN, "the server hides whether a transaction is open")
    ]
    assert found.victim is None


def test_that_the_transaction_is_over_is_said_before_whose_it_would_be() -> None:
    found = verdict(STILL_SPARED[GuardName.SUPERUSER], demand=Demand.SAME_TRANSACTION)
    assert [each.by for each in found.objections] == [Criterion.NO_TRANSACTION, GuardName.SUPERUSER]


def test_what_a_session_is_is_said_first() -> None:
    assert verdict(checkpointer(), demand=Demand.SAME_TRANSACTION).objections[0].by == GuardName.NOT_A_CLIENT


# --- whatever a look brings ------------------------------------------------------------------------------------------


@examples
@given(look=looks, settings=guard_settings, where=surroundings, demand=demands)
def test_every_named_session_gets_one_verdict_and_a_victim_is_who_it_was(
    look: list[Session], settings: GuardSettings, where: Surroundings, demand: Demand
) -> None:
    verdicts = judge_named(look, settings, where, demand=demand)
    assert [each.session for each in verdicts] == look
    for each in verdicts:
        assert (each.victim is None) == bool(each.objections)
        event("a victim" if each.victim else f"spared by {each.objections[0].by}")
        if each.victim:
            assert each.victim.key == each.session.key
            assert each.victim.demand is demand


@examples
@given(session=any_sessions(), settings=guard_settings, where=surroundings)
def test_to_be_in_a_transaction_is_one_more_thing_to_ask_and_nothing_else(
    session: Session, settings: GuardSettings, where: Surroundings
) -> None:
    (anything,) = judge_named([session], settings, where)
    (transaction,) = judge_named([session], settings, where, demand=Demand.SAME_TRANSACTION)
    assert set(anything.objections) <= set(transaction.objections)
    if transaction.victim:
        assert session.transaction_start is not None
        assert session.state != "idle"
    for objection in (*anything.objections, *transaction.objections):
        assert objection.by not in WAIVED_WHEN_NAMED
        assert objection.reason


@examples
@given(session=any_sessions(), demand=demands)
def test_the_server_itself_vacate_and_superusers_are_never_victims_by_default(session: Session, demand: Demand) -> None:
    (found,) = judge_named([session], NO_SETTINGS, COORDINATOR, demand=demand)
    if session.own or session.superuser or session.backend_type != "client backend":
        assert found.victim is None


@examples
@given(session=any_sessions(), demand=demands, where=st.sampled_from([GAUSS_COORDINATOR, GAUSS_DATA_NODE]))
def test_the_clusters_tools_and_the_platforms_users_are_never_victims_by_default(
    session: Session, demand: Demand, where: Surroundings
) -> None:
    (found,) = judge_named([session], NO_SETTINGS, where, demand=demand)
    if session.application in TOOL_NAMES or session.user in PLATFORM_USERS:
        assert found.victim is None
