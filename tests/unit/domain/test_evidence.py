"""What statements prove of the sessions that ran them, and when the proof is over."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sessions import COORDINATOR, Facts, examples, idle_session
from vacate.domain.judging.criteria import Criteria
from vacate.domain.judging.evidence import fetched_from, heartbeat, held_after, recalled
from vacate.domain.judging.judge import judge
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.sessions.session import NOTHING_HELD, Held, SessionKey

BEGAN = datetime(2026, 1, 2, 10, 0, tzinfo=UTC)


def after(*statements: str) -> Held:
    held = NOTHING_HELD
    for statement in statements:
        held = held_after(held, statement)
    return held


def objectors(**facts: object) -> list[str]:
    session = idle_session(**Facts(**facts))  # type: ignore[typeddict-item]
    (verdict,) = judge([session], Criteria(), GuardSettings(), COORDINATOR)
    return [objection.by for objection in verdict.objections]


@pytest.mark.parametrize("later", ["SELECT 1", "UNLISTEN jobs", "DISCARD TEMP", "SELECT 'UNLISTEN *'", "-- UNLISTEN *"])
def test_a_session_that_listened_listens_whatever_it_says_next(later: str) -> None:
    assert after("LISTEN jobs", later).listening


@pytest.mark.parametrize(
    "end",
    [
        "UNLISTEN *",
        "unlisten *;",
        "DISCARD ALL",
        "/* bye */ DISCARD ALL",
        "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL;",
    ],
)
def test_a_session_that_stopped_to_listen_listens_no_more(end: str) -> None:
    assert not after("LISTEN jobs", end).listening


def test_of_several_statements_in_one_text_the_last_counts() -> None:
    assert after("UNLISTEN *; LISTEN jobs").listening
    assert not after("LISTEN jobs; UNLISTEN *").listening
    assert after("SELECT pg_backup_stop(); SELECT pg_backup_start('x')").backup


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("DECLARE c CURSOR WITH HOLD FOR SELECT 1", "c"),
        ("declare C no scroll cursor with hold for select 1", "c"),
        ('BEGIN; DECLARE "My Rows" BINARY INSENSITIVE CURSOR WITH HOLD FOR SELECT 1; COMMIT', "My Rows"),
        ("DECLARE/* a */c SCROLL\nCURSOR WITH\tHOLD FOR SELECT", "c"),
    ],
)
def test_a_cursor_that_outlives_its_transaction_is_held_until_it_is_closed(statement: str, name: str) -> None:
    held = after(statement, "FETCH 10 FROM c", "COMMIT")
    assert held.cursors == {name}
    assert after(statement, "CLOSE other").cursors == {name}
    for end in (f'CLOSE "{name}"', "CLOSE ALL", "DISCARD ALL", "COMMIT; CLOSE ALL"):
        assert not held_after(held, end).cursors


@pytest.mark.parametrize(
    "statement",
    [
        "DECLARE c CURSOR FOR SELECT 1",
        "DECLARE c CURSOR WITHOUT HOLD FOR SELECT 1",
        "DECLARE c CURSOR FOR SELECT a with hold FROM t",
        "SELECT 'DECLARE c CURSOR WITH HOLD FOR SELECT 1'",
        "DO $$ DECLARE c cursor with hold for select 1; BEGIN END $$",
    ],
)
def test_other_cursors_end_with_their_transaction(statement: str) -> None:
    assert not after(statement).cursors


def test_cursors_beyond_those_remembered_by_name_are_held_until_all_are_closed() -> None:
    held = after(*(f"DECLARE c{n} CURSOR WITH HOLD FOR SELECT 1" for n in range(1000)))
    assert len(held.cursors) < 100
    for n in range(1000):
        held = held_after(held, f"CLOSE c{n}")
    assert held.cursors
    assert not held_after(held, "CLOSE ALL").cursors


@pytest.mark.parametrize(
    "start", ["pg_backup_start('nightly')", "pg_catalog.pg_backup_start($1, $2)", "pg_start_backup('x', true)"]
)
def test_a_backup_runs_until_it_is_stopped(start: str) -> None:
    held = after(f"SELECT {start}", "SELECT 1", "DISCARD ALL")
    assert held.backup
    assert not held_after(held, "SELECT * FROM pg_backup_stop(wait_for_archive => false)").backup
    assert not held_after(held, "SELECT pg_stop_backup()").backup


def test_who_only_mentions_a_backup_runs_none() -> None:
    assert (
        after("SELECT 'pg_backup_start(x)'", "SELECT proname FROM pg_proc WHERE proname = pg_backup_start")
        == NOTHING_HELD
    )


@pytest.mark.parametrize(
    ("statement", "beats"),
    [
        ("SELECT pg_listening_channels()", True),
        ("SELECT channel FROM pg_catalog.pg_listening_channels() AS channel", True),
        ("UPDATE pgqueuer SET heartbeat = now() WHERE id = ANY($1)", True),
        (
            "WITH next AS (SELECT id FROM pgqueuer FOR UPDATE SKIP LOCKED) UPDATE pgqueuer SET x = 1",
            True,
        ),
        ("INSERT INTO pgqueuer (priority) VALUES (1)", False),
        ("SELECT 'pgqueuer'", False),
        ("SELECT 1", False),
        (None, False),
    ],
)
def test_known_workers_that_listen_are_known_by_their_own_statements(statement: str | None, beats: bool) -> None:  # noqa: FBT001
    assert (heartbeat(statement) is not None) is beats
    if statement:
        assert objectors(query=statement) == ([GuardName.LISTENER] if beats else [])


def test_who_reads_a_cursor_outside_a_transaction_holds_it() -> None:
    assert fetched_from("FETCH FORWARD 100 FROM rows_7") == "rows_7"
    assert fetched_from('  move next in "R"') == "R"
    for other in ("FETCH", "BEGIN; FETCH c; COMMIT", "SELECT fetch FROM c", None):
        assert fetched_from(other) is None
    assert objectors(query="FETCH 100 FROM rows_7") == [GuardName.HELD_CURSOR]
    assert GuardName.HELD_CURSOR not in objectors(query="FETCH 100 FROM rows_7", state="idle in transaction")


def test_guards_go_by_what_is_remembered_and_by_the_last_statement_together() -> None:
    everything = Held(listening=True, cursors=frozenset({"c"}), backup=True)
    assert objectors(held=everything) == [GuardName.LISTENER, GuardName.HELD_CURSOR, GuardName.BASE_BACKUP]
    assert objectors(held=everything, query="DISCARD ALL") == [GuardName.BASE_BACKUP]
    assert objectors(held=everything, query="SELECT pg_backup_stop()") == [GuardName.LISTENER, GuardName.HELD_CURSOR]


# --- remembered for life ---------------------------------------------------------------------------------------------


def key(session_id: int, began: datetime = BEGAN) -> SessionKey:
    return SessionKey(session_id=session_id, backend_start=began)


def test_what_was_seen_once_is_known_until_the_session_is_gone() -> None:
    memory = recalled({}, [(1, BEGAN, "LISTEN jobs"), (2, BEGAN, "SELECT 1")])
    assert memory == {key(1): Held(listening=True)}
    memory = recalled(memory, [(1, BEGAN, "SELECT 1"), (2, BEGAN, None)])
    assert memory == {key(1): Held(listening=True)}
    assert recalled(memory, [(2, BEGAN, None)]) == {}


def test_whoever_gets_the_id_afterwards_has_done_nothing_yet() -> None:
    memory = recalled({}, [(1, BEGAN, "LISTEN jobs")])
    assert recalled(memory, [(1, BEGAN + timedelta(microseconds=1), "SELECT 1")]) == {}


def test_a_start_that_is_hidden_for_a_while_costs_no_memory() -> None:
    memory = recalled({}, [(1, BEGAN, "LISTEN jobs")])
    hidden = recalled(memory, [(1, None, None), (7, None, "LISTEN x")])
    assert hidden == memory
    assert recalled(hidden, [(1, BEGAN, "DISCARD ALL"), (1, None, None)]) == {}


TEXTS = st.sampled_from(
    ["LISTEN a", "UNLISTEN *", "DECLARE c CURSOR WITH HOLD FOR SELECT 1", "CLOSE c", "SELECT 1", None]
)
LISTS = st.lists(
    st.lists(st.tuples(st.integers(1, 4), st.just(BEGAN), TEXTS), max_size=4, unique_by=lambda row: row[0])
)


@given(lists=LISTS)
@examples
def test_no_more_is_remembered_than_there_are_sessions(
    lists: Sequence[Sequence[tuple[int, datetime, str | None]]],
) -> None:
    memory: dict[SessionKey, Held] = {}
    for listed in lists:
        memory = recalled(memory, listed)
        assert {each.session_id for each in memory} <= {row[0] for row in listed}
