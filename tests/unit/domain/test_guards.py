"""Each guard alone: whom it spares, by which name it is switched off, and what it lets through."""

import time
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest

from tests.support.sessions import (
    COORDINATOR,
    DATA_NODE,
    GAUSS_COORDINATOR,
    GAUSS_DATA_NODE,
    Facts,
    checkpointer,
    hidden_session,
    idle_session,
)
from vacate.domain.judging.criteria import Criteria, idle_for
from vacate.domain.judging.criterion import Criterion
from vacate.domain.judging.guards import GUARDS
from vacate.domain.judging.judge import judge
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.judging.surroundings import Surroundings
from vacate.domain.judging.verdicts import Objection, Verdict
from vacate.domain.sessions.session import Demand, Session
from vacate.domain.topology.components import ComponentKind
from vacate.operations.patterns import glob, regex

EVERY_GUARD = frozenset(GuardName)
NO_SETTINGS = GuardSettings()


def verdict(session: Session, settings: GuardSettings = NO_SETTINGS, where: Surroundings = COORDINATOR) -> Verdict:
    (only,) = judge([session], Criteria(), settings, where)
    return only


def objectors(session: Session, settings: GuardSettings = NO_SETTINGS, where: Surroundings = COORDINATOR) -> set[str]:
    return {objection.by for objection in verdict(session, settings, where).objections}


# One session a guard, at which no other guard and no criterion takes offence.
REWIND_LISTS = """WITH RECURSIVE files (path, filename, size, isdir) AS (
  SELECT '' AS path, filename, size, isdir FROM
  (SELECT pg_ls_dir('.', true, false) AS filename) AS fn"""
REWIND_READS = (
    "SELECT path, begin, pg_read_binary_file(path, begin, len, true) AS chunk FROM unnest($1::text[]) x(path)"
)
ALONE = {
    GuardName.OWN_SESSION: (idle_session(own=True), NO_SETTINGS, COORDINATOR),
    GuardName.NOT_A_CLIENT: (idle_session(backend_type="walsender"), NO_SETTINGS, COORDINATOR),
    GuardName.CLUSTER_TOOL: (idle_session(application="cm_agent"), NO_SETTINGS, GAUSS_COORDINATOR),
    GuardName.NO_CLIENT_ADDRESS: (idle_session(client_address=None, client_port=-1), NO_SETTINGS, COORDINATOR),
    GuardName.SUPERUSER: (idle_session(user="postgres", superuser=True), NO_SETTINGS, COORDINATOR),
    GuardName.OWNER_DROPPED: (
        idle_session(user=None, superuser=None, user_dropped=True),
        NO_SETTINGS,
        COORDINATOR,
    ),
    GuardName.PLATFORM_USER: (idle_session(user="rdsAdmin"), NO_SETTINGS, GAUSS_COORDINATOR),
    GuardName.PROTECTED_USER: (
        idle_session(user="backup"),
        GuardSettings(users=frozenset({"backup"})),
        COORDINATOR,
    ),
    GuardName.PROTECTED_APPLICATION: (
        idle_session(application="pg_cron"),
        GuardSettings(applications=frozenset({"pg_cron"})),
        COORDINATOR,
    ),
    GuardName.PROTECTED_DATABASE: (
        idle_session(database="ledger"),
        GuardSettings(databases=frozenset({glob("led*", "here")})),
        COORDINATOR,
    ),
    GuardName.PROTECTED_CLIENT: (
        idle_session(client_address="198.51.100.9"),
        GuardSettings(clients=frozenset({ip_network("198.51.100.0/24")})),
        COORDINATOR,
    ),
    GuardName.MAINTENANCE_TOOL: (idle_session(application="pg_restore"), NO_SETTINGS, COORDINATOR),
    GuardName.CLUSTER_MANAGER: (idle_session(application="Patroni"), NO_SETTINGS, COORDINATOR),
    GuardName.JOB_AGENT: (idle_session(query="SELECT * FROM pgagent.pga_job"), NO_SETTINGS, COORDINATOR),
    GuardName.COMPANION_USER: (idle_session(user="rewind_user"), NO_SETTINGS, COORDINATOR),
    GuardName.LISTENER: (idle_session(query="LISTEN jobs"), NO_SETTINGS, COORDINATOR),
    GuardName.HELD_CURSOR: (idle_session(query="DECLARE c CURSOR WITH HOLD FOR SELECT 1"), NO_SETTINGS, COORDINATOR),
    GuardName.BASE_BACKUP: (idle_session(query="SELECT pg_backup_start('nightly')"), NO_SETTINGS, COORDINATOR),
    GuardName.ADVISORY_LOCK: (idle_session(holds_advisory_lock=True), NO_SETTINGS, COORDINATOR),
    GuardName.REPLICATION_SLOT: (idle_session(holds_replication_slot=True), NO_SETTINGS, COORDINATOR),
    GuardName.COORDINATOR_LINK: (idle_session(application="postgres_fdw"), NO_SETTINGS, DATA_NODE),
    GuardName.PEER_NODE: (idle_session(client_address="192.0.2.1"), NO_SETTINGS, GAUSS_DATA_NODE),
    GuardName.UNKNOWN: (idle_session(database=None), NO_SETTINGS, COORDINATOR),
}

each_guard = pytest.mark.parametrize("name", list(GuardName))


def test_nothing_protects_a_plain_idle_session_of_a_client() -> None:
    session = idle_session()
    found = verdict(session)
    assert found.objections == ()
    assert found.reason == ""
    assert found.victim is not None
    assert found.victim.key == session.key
    assert found.victim.pid == session.pid
    assert found.victim.demand is Demand.SAME_IDLE_PERIOD
    assert found.victim.since == session.state_change
    assert found.victim.in_state_for == session.in_state_for


def test_every_name_stands_for_a_guard() -> None:
    assert set(GUARDS) == EVERY_GUARD == set(ALONE)


@each_guard
def test_a_guard_alone_spares_the_session_and_gives_its_name(name: GuardName) -> None:
    session, settings, where = ALONE[name]
    found = verdict(session, settings, where)
    assert [objection.by for objection in found.objections] == [name]
    assert found.victim is None
    assert found.reason


@each_guard
def test_a_guard_that_is_switched_off_by_name_is_silent(name: GuardName) -> None:
    session, settings, where = ALONE[name]
    found = verdict(session, replace(settings, off=frozenset({name})), where)
    assert found.objections == ()
    assert found.victim is not None


@each_guard
def test_a_guard_stands_when_all_the_others_are_switched_off(name: GuardName) -> None:
    session, settings, where = ALONE[name]
    assert objectors(session, replace(settings, off=EVERY_GUARD - {name}), where) == {name}


def test_the_names_of_the_guards_are_what_users_write() -> None:
    assert {name.value for name in GuardName} == {
        "own_session",
        "not_a_client",
        "cluster_tool",
        "no_client_address",
        "superuser",
        "owner_dropped",
        "platform_user",
        "protected_user",
        "protected_application",
        "protected_database",
        "protected_client",
        "maintenance_tool",
        "cluster_manager",
        "job_agent",
        "companion_user",
        "listener",
        "held_cursor",
        "base_backup",
        "advisory_lock",
        "replication_slot",
        "coordinator_link",
        "peer_node",
        "unknown",
    }


# --- each guard's edges ----------------------------------------------------------------------------------------------


def test_a_name_that_anybody_can_take_makes_no_session_vacates_own() -> None:
    assert objectors(idle_session(application="vacate")) == set()
    assert objectors(idle_session(application="vacate", own=True)) == {GuardName.OWN_SESSION}


def test_what_was_dropped_is_said_in_words_and_is_no_fact_that_is_hidden() -> None:
    user = idle_session(user=None, superuser=None, user_dropped=True)
    both = replace(user, database=None, database_dropped=True)
    assert verdict(user).objections == (Objection(by=GuardName.OWNER_DROPPED, reason="its user was dropped meanwhile"),)
    assert verdict(both).reason == "its user and its database were dropped meanwhile"
    assert objectors(replace(user, database=None)) == {GuardName.OWNER_DROPPED, GuardName.UNKNOWN}


@pytest.mark.parametrize(
    "backend_type",
    ["walsender", "background worker", "logical replication worker", "checkpointer", "CLIENT BACKEND", "", None],
)
def test_whatever_is_no_client_backend_is_spared(backend_type: str | None) -> None:
    assert GuardName.NOT_A_CLIENT in objectors(idle_session(backend_type=backend_type))


def test_a_backends_nature_is_in_its_reason() -> None:
    assert verdict(idle_session(backend_type="walsender")).reason == "it is no client session: walsender"
    assert verdict(idle_session(backend_type=None)).reason == "it is no client session: hidden"


def test_a_session_over_ipv6_has_a_client_address() -> None:
    assert objectors(idle_session(client_address="2001:db8::7")) == set()


def test_a_protected_name_is_compared_exactly_and_in_its_own_list() -> None:
    settings = GuardSettings(users=frozenset({"backup"}), applications=frozenset({"pg_cron"}))
    assert objectors(idle_session(user="backup", application="pg_cron"), settings) == {
        GuardName.PROTECTED_USER,
        GuardName.PROTECTED_APPLICATION,
    }
    for other in (idle_session(user="Backup"), idle_session(user="backup2"), idle_session(user="pg_cron")):
        assert objectors(other, settings) == set()
    for other in (idle_session(application="PG_CRON"), idle_session(application="backup")):
        assert objectors(other, settings) == set()


@pytest.mark.parametrize(
    "query",
    [
        "LISTEN jobs",
        "listen jobs",
        "Listen jobs;",
        "  LISTEN jobs",
        "\n\tLISTEN\njobs",
        'LISTEN "Jobs of today"',
        'LISTEN"jobs"',
        "LISTEN/* all */jobs",
        "LISTEN a; LISTEN b",
        "BEGIN; LISTEN jobs; COMMIT",
        "SELECT 1;LISTEN jobs",
        "UNLISTEN old; LISTEN jobs",
        "/* worker=7 */ LISTEN jobs",
        "/* a /* nested */ comment */LISTEN jobs",
        "-- the worker waits\nLISTEN jobs",
        "-- the worker waits\r\n  LISTEN jobs",
        "SELECT '/*'; LISTEN jobs",
        "SELECT 1; /* now */ LISTEN jobs",
    ],
)
def test_a_session_that_listens_is_known_in_every_spelling(query: str) -> None:
    assert objectors(idle_session(query=query)) == {GuardName.LISTENER}


@pytest.mark.parametrize(
    "query",
    [
        "",
        "UNLISTEN jobs",
        "UNLISTEN *",
        "unlisten *; SELECT 1",
        "SELECT 'LISTEN jobs'",
        "SELECT ' LISTEN jobs'",
        "INSERT INTO tips VALUES ('please listen to me')",
        "SELECT listen FROM radio",
        "SELECT 1 AS listen",
        "SHOW listen_addresses",
        "listen_addresses",
        "-- LISTEN jobs",
        "/* LISTEN jobs */ SELECT 1",
        "NOTIFY jobs",
        "SELECT * FROM listen",
        "CREATE TABLE listens (a int)",
    ],
)
def test_a_session_that_only_mentions_the_word_is_no_listener(query: str) -> None:
    assert objectors(idle_session(query=query)) == set()


@pytest.mark.parametrize(
    "unit",
    [
        ";",
        "/*",
        "*/",
        "\n",
        " \n",
        "--",
        "; /*",
        "*/ ",
        "; ",
        "\n ",
        "listen",
        "listen;",
        "declare x ",
        "fetch ",
        "pgqueuer(",
        "close c;",
    ],
)
def test_a_hostile_statement_does_not_hold_up_the_guards(unit: str) -> None:
    megabyte = idle_session(query=unit * (1_000_000 // len(unit)) + "x")
    began = time.process_time()
    verdict(megabyte)
    assert time.process_time() - began < 2


def test_a_data_node_knows_its_coordinators_by_name() -> None:
    for application in ("cn_5001", "cn_5002", "postgres_fdw"):
        assert objectors(idle_session(application=application), where=DATA_NODE) == {GuardName.COORDINATOR_LINK}
    for application in ("cn_5003", "CN_5001", "cn_5001 ", "web", ""):
        assert objectors(idle_session(application=application), where=DATA_NODE) == set()


def test_on_a_coordinator_a_coordinators_name_protects_nobody() -> None:
    where = replace(DATA_NODE, kind=ComponentKind.COORDINATOR)
    for application in ("cn_5001", "postgres_fdw"):
        assert objectors(idle_session(application=application), where=where) == set()


@pytest.mark.parametrize(
    ("session", "fact"),
    [
        (idle_session(user=None), "user"),
        (idle_session(superuser=None), "superuser"),
        (idle_session(database=None), "database"),
        (idle_session(application=None), "application"),
        (idle_session(query=None), "statement"),
        (idle_session(holds_advisory_lock=None), "advisory lock"),
        (idle_session(holds_replication_slot=None), "replication slot"),
    ],
)
def test_a_fact_that_is_not_known_is_named(session: Session, fact: str) -> None:
    assert verdict(session).objections == (Objection(by=GuardName.UNKNOWN, reason=f"not known: {fact}"),)


def test_empty_texts_are_known_facts() -> None:
    assert objectors(idle_session(application="", query="")) == set()


def test_several_unknown_facts_are_one_objection() -> None:
    assert verdict(idle_session(user=None, query=None)).reason == "not known: user, statement"


# --- what no switch can turn off -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "session",
    [
        idle_session(backend_start=None),
        idle_session(state_change=None),
        idle_session(in_state_for=None),
        idle_session(state=None),
        idle_session(state="active"),
        hidden_session(),
        checkpointer(),
    ],
)
def test_without_identity_and_idleness_there_is_no_victim_whatever_is_switched_off(session: Session) -> None:
    found = verdict(session, GuardSettings(off=EVERY_GUARD))
    assert found.victim is None
    assert found.objections


def test_a_verdict_without_objection_still_needs_an_identity_to_make_a_victim() -> None:
    for session in (idle_session(backend_start=None), idle_session(state_change=None), idle_session(in_state_for=None)):
        assert Verdict(session=session).victim is None


# --- which objection comes first -------------------------------------------------------------------------------------


def test_what_a_session_is_comes_before_what_it_does() -> None:
    assert verdict(checkpointer()).reason == "it is no client session: checkpointer"
    own = verdict(idle_session(own=True, state="active", backend_type="background worker", application="vacate"))
    assert [objection.by for objection in own.objections] == [
        GuardName.OWN_SESSION,
        GuardName.NOT_A_CLIENT,
        Criterion.NOT_IDLE,
    ]


def test_a_busy_superuser_is_spared_as_busy_first() -> None:
    found = verdict(idle_session(state="active", superuser=True, query="LISTEN jobs"))
    assert [objection.by for objection in found.objections] == [
        Criterion.NOT_IDLE,
        GuardName.SUPERUSER,
        GuardName.LISTENER,
    ]
    assert found.reason == "its state is 'active'"


def test_a_fresh_listener_is_spared_as_fresh_first() -> None:
    fresh = idle_session(in_state_for=timedelta(seconds=1), query="LISTEN jobs")
    (found,) = judge([fresh], Criteria(states=idle_for(timedelta(minutes=1))), NO_SETTINGS, COORDINATOR)
    assert [objection.by for objection in found.objections] == [Criterion.TOO_FRESH, GuardName.LISTENER]


def test_a_busy_tool_of_the_cluster_is_spared_as_one_first() -> None:
    tool = idle_session(application="cm_agent", backend_type="internal thread", state="active", superuser=True)
    assert [objection.by for objection in verdict(tool, where=GAUSS_COORDINATOR).objections] == [
        GuardName.NOT_A_CLIENT,
        GuardName.CLUSTER_TOOL,
        Criterion.NOT_IDLE,
        GuardName.SUPERUSER,
    ]


@pytest.mark.parametrize("address", ["192.0.2.7", "::ffff:192.0.2.7"])
def test_a_protected_network_holds_its_clients_however_they_are_written(address: str) -> None:
    settings = GuardSettings(clients=frozenset({ip_network("192.0.2.0/29")}))
    assert objectors(idle_session(client_address=address), settings) == {GuardName.PROTECTED_CLIENT}
    assert objectors(idle_session(client_address="192.0.2.8"), settings) == set()
    unreadable = verdict(idle_session(client_address="db-1.example"), settings)
    assert unreadable.reason == "it cannot be told whether client 'db-1.example' is protected"


def test_a_protected_name_may_be_a_pattern() -> None:
    settings = GuardSettings(users=frozenset({regex("^etl_[0-9]+$", "here"), "clerk"}))
    for user in ("etl_7", "clerk"):
        assert objectors(idle_session(user=user), settings) == {GuardName.PROTECTED_USER}
    assert objectors(idle_session(user="etl_x"), settings) == set()


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"application": "pgBackRest [backup]"}, GuardName.MAINTENANCE_TOOL),
        ({"application": "pgcopydb[54] copy worker"}, GuardName.MAINTENANCE_TOOL),
        ({"query": REWIND_LISTS}, GuardName.MAINTENANCE_TOOL),
        ({"query": REWIND_READS}, GuardName.MAINTENANCE_TOOL),
        ({"application": "Patroni heartbeat"}, GuardName.CLUSTER_MANAGER),
        ({"application": "repmgr"}, GuardName.CLUSTER_MANAGER),
        ({"query": 'INSERT INTO "pgagent"."pga_jobsteplog" (jslid) VALUES (1)'}, GuardName.JOB_AGENT),
        ({"query": "UPDATE PGAGENT . pga_jobagent SET jagpid = 1"}, GuardName.JOB_AGENT),
        ({"application": "citus_internal gpid=10000012345"}, GuardName.COORDINATOR_LINK),
        ({"application": "pgxc:cn1"}, GuardName.COORDINATOR_LINK),
    ],
)
def test_programs_beside_the_server_are_known_in_every_form_they_have(facts: Facts, name: GuardName) -> None:
    assert objectors(idle_session(**facts)) == {name}


@pytest.mark.parametrize(
    "facts",
    [
        {"application": "pg_dumper"},
        {"application": "PG_DUMP"},
        {"application": "Patronize"},
        {"application": "citus_internal"},
        {"user": "Barman"},
        {"user": "barmans"},
        {"query": "SELECT 'pgagent.pga_job'"},
        {"query": "SELECT 'pg_read_binary_file('"},
        {"query": "SELECT pg_ls_dir('.')"},
        {"query": "WITH RECURSIVE files AS (SELECT 'pg_ls_dir(') TABLE files"},
        {"query": "SELECT * FROM pgagent_jobs"},
    ],
)
def test_whoever_is_called_nearly_so_is_a_client_like_any_other(facts: Facts) -> None:
    assert objectors(idle_session(**facts)) == set()


def test_guards_object_in_the_order_of_their_names() -> None:
    everything = idle_session(
        own=True,
        backend_type="internal thread",
        client_address="192.0.2.1",
        superuser=True,
        user="root",
        application="cm_agent",
        query="LISTEN a; DECLARE c CURSOR WITH HOLD FOR SELECT pgagent.x; SELECT pg_backup_start($1)",
        holds_advisory_lock=True,
        holds_replication_slot=True,
        user_dropped=True,
        database=None,
    )
    settings = GuardSettings(
        users=frozenset({"root"}),
        applications=frozenset({glob("cm_*", "here")}),
        clients=frozenset({ip_network("192.0.2.0/24")}),
    )
    where = replace(GAUSS_DATA_NODE, coordinators=frozenset({"cm_agent"}))
    found = [objection.by for objection in verdict(everything, settings, where).objections]
    # One name is one program's, and what has no name is on no list. Without an address nobody is on one either.
    elsewhere = {
        GuardName.PROTECTED_DATABASE,
        GuardName.MAINTENANCE_TOOL,
        GuardName.CLUSTER_MANAGER,
        GuardName.COMPANION_USER,
    }
    assert found == [name for name in GuardName if name not in {GuardName.NO_CLIENT_ADDRESS, *elsewhere}]
    # Without an address nobody is another node, so the two do not meet.
    found = [o.by for o in verdict(replace(everything, client_address=None), settings, where).objections]
    assert found == [
        name for name in GuardName if name not in {GuardName.PEER_NODE, GuardName.PROTECTED_CLIENT, *elsewhere}
    ]


def test_the_guards_are_asked_in_the_order_of_their_names() -> None:
    assert list(GUARDS) == list(GuardName)


def test_every_objection_has_words() -> None:
    for session, settings, where in ALONE.values():
        for objection in verdict(session, settings, where).objections:
            assert objection.reason.strip()
            assert "None" not in objection.reason
