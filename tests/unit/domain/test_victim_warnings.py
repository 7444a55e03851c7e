"""What a group of victims looks like, as far as names, statements and numbers tell."""

import pytest

from tests.support.sessions import idle_session
from vacate.domain.judging.victim_warnings import ADVICE, MANY, VictimWarning, WarningKind, warnings_of
from vacate.domain.sessions.session import Session

REWIND_FILES = """/* driver */ WITH RECURSIVE files (path, filename, size, isdir) AS (
  SELECT '' AS path, filename, size, isdir FROM
  (SELECT pg_ls_dir('.', true, false) AS filename) AS fn"""
REWIND_CHUNKS = "SELECT path, begin,\n  pg_read_binary_file(path, begin, len, true) AS chunk\nFROM unnest ($1, $2, $3)"
PGAGENT_STEP = "INSERT INTO pgagent.pga_jobsteplog(jslid, jsljlgid, jsljstid, jslstatus) SELECT 1, 1, 1, 'r'"


def victims(*statements: str | None, application: str | None = "", **facts: object) -> list[Session]:
    return [
        idle_session(session_id=place, pid=place, application=application, query=statement, **facts)  # pyright: ignore[reportArgumentType]
        for place, statement in enumerate(statements, start=1)
    ]


def kinds(sessions: list[Session]) -> list[tuple[WarningKind, int]]:
    return [(warning.kind, warning.sessions) for warning in warnings_of(sessions)]


def test_nobody_and_everyday_sessions_look_like_nothing() -> None:
    assert not warnings_of([])
    assert not warnings_of(victims("SELECT 1", "SELECT 2", "COMMIT", "", application="psql"))
    assert not warnings_of(victims("SELECT 1", "COMMIT"))


@pytest.mark.parametrize("few", range(1, MANY))
def test_many_sessions_of_one_user_and_client_without_a_name_look_like_a_pool(few: int) -> None:
    assert not kinds(victims(*["SELECT 1"] * few))
    assert kinds(victims(*["SELECT 1"] * MANY)) == [(WarningKind.POOL, MANY)]


@pytest.mark.parametrize(
    "reset", ["ROLLBACK", "SELECT pg_advisory_unlock_all();\nCLOSE ALL;", "/* x */ abort", "-- y\nRESET ALL"]
)
def test_two_sessions_that_were_handed_back_look_like_a_pool(reset: str) -> None:
    assert kinds(victims(reset, reset)) == [(WarningKind.POOL, 2)]
    assert not kinds(victims(reset))
    assert not kinds(victims(reset, reset, application="psql"))


def test_a_hidden_name_or_statement_looks_like_nothing() -> None:
    assert not kinds(victims(*["ROLLBACK"] * MANY, application=None))
    assert not kinds(victims(None, None))


def test_sessions_of_other_users_and_clients_are_other_groups() -> None:
    here = victims("SELECT 1", "SELECT 1", user="app", client_address="192.0.2.1")
    there = victims("SELECT 1", "SELECT 1", user="app", client_address="192.0.2.2")
    clerk = victims("SELECT 1", "SELECT 1", user="clerk", client_address="192.0.2.1")
    assert not kinds([*here, *there, *clerk])


def test_workers_that_build_indexes_look_like_a_restore_with_those_that_have_committed() -> None:
    building = "CREATE INDEX a ON t (a)", "ALTER TABLE ONLY t ADD CONSTRAINT p PRIMARY KEY (id)", "COMMIT"
    assert kinds(victims(*building)) == [(WarningKind.RESTORE, 3)]
    assert not kinds(victims("CREATE INDEX a ON t (a)")), "anybody may create one index"
    assert kinds(victims("CREATE INDEX a ON t (a)", "CREATE UNIQUE INDEX b ON t (b)")) == [(WarningKind.RESTORE, 2)]
    assert kinds(victims("COMMIT", None, application="pg_restore")) == [(WarningKind.RESTORE, 2)]
    assert not kinds(victims(*building, application="migrations"))


def test_a_commit_in_another_database_is_no_worker_of_the_restore() -> None:
    built = victims("CREATE INDEX a ON t (a)", "COPY t (a) FROM stdin;", database="shop")
    assert kinds([*built, *victims("COMMIT", database="other")]) == [(WarningKind.RESTORE, 2)]


@pytest.mark.parametrize("statement", [PGAGENT_STEP, 'SELECT * FROM "pgagent"."pga_job"'])
def test_a_statement_on_pgagents_tables_looks_like_an_agent(statement: str) -> None:
    assert kinds(victims(statement)) == [(WarningKind.AGENT, 1)]
    assert kinds(victims(statement, application="psql")) == [(WarningKind.AGENT, 1)]


@pytest.mark.parametrize("statement", [REWIND_FILES, REWIND_CHUNKS])
def test_reading_a_servers_files_looks_like_pg_rewind(statement: str) -> None:
    assert kinds(victims(statement)) == [(WarningKind.REWIND, 1)]


def test_a_parked_connection_looks_like_a_poolers_whatever_its_name() -> None:
    assert kinds(victims("DISCARD ALL")) == [(WarningKind.POOLER, 1)]
    assert kinds(victims(" ;discard all", application="web")) == [(WarningKind.POOLER, 1)]


def test_a_session_counts_for_one_kind_alone() -> None:
    mixed = victims("DISCARD ALL", PGAGENT_STEP, REWIND_CHUNKS, *["SELECT 1"] * MANY)
    assert kinds(mixed) == [
        (WarningKind.REWIND, 1),
        (WarningKind.AGENT, 1),
        (WarningKind.POOLER, 1),
        (WarningKind.POOL, MANY),
    ]


def test_a_long_row_of_comments_costs_no_time() -> None:
    assert not kinds(victims("/**/" * 100_000, "/* " * 100_000, "-- x\n" * 100_000 + "SELECT 1", "/*", application="x"))
    assert kinds(victims("/* a * b **/" * 10 + "DISCARD ALL", application="x")) == [(WarningKind.POOLER, 1)]


def test_a_warning_names_the_group() -> None:
    (warning,) = warnings_of(victims("DISCARD ALL", user="app", client_address="192.0.2.1", application="web"))
    assert warning == VictimWarning(
        kind=WarningKind.POOLER, sessions=1, user="app", client_address="192.0.2.1", application="web"
    )


def test_every_kind_has_its_advice() -> None:
    assert ADVICE.keys() == set(WarningKind)
