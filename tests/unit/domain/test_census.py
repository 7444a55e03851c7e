"""A census counts every client session once, in sums that stay few however many names there are."""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.support.place import COMPONENT
from tests.support.sessions import LOOK_AT, any_sessions, checkpointer, examples, idle_session
from vacate.domain.sessions.census import MOST_PAIRS, OTHER, UNKNOWN, Census, SessionCount, count
from vacate.domain.sessions.session import ABORTED, CLIENT_BACKEND, IDLE, IN_TRANSACTION, Session
from vacate.domain.sessions.slots import Slots

SLOTS = Slots(maximum=100, reserved=3, used=7)


def taken(sessions: Iterable[Session], *, most: int = MOST_PAIRS) -> Census:
    return count(COMPONENT, sessions, SLOTS, at=LOOK_AT, most=most)


def test_sessions_are_counted_by_state_database_and_user() -> None:
    census = taken(
        [
            idle_session(pid=1),
            idle_session(pid=2),
            idle_session(pid=3, user="report"),
            idle_session(pid=4, state="active"),
            idle_session(pid=5, database="archive"),
        ]
    )
    assert census.counts == (
        SessionCount(state="active", database="shop", user="app", sessions=1),
        SessionCount(state=IDLE, database="archive", user="app", sessions=1),
        SessionCount(state=IDLE, database="shop", user="app", sessions=2),
        SessionCount(state=IDLE, database="shop", user="report", sessions=1),
    )
    assert (census.component, census.taken_at, census.slots) == (COMPONENT, LOOK_AT, SLOTS)


def test_backends_that_serve_no_client_are_left_out_and_our_own_session_is_not() -> None:
    census = taken([checkpointer(), idle_session(backend_type="walsender"), idle_session(own=True, user="vacate")])
    assert [(entry.user, entry.sessions) for entry in census.counts] == [("vacate", 1)]


def test_what_the_server_does_not_tell_is_unknown() -> None:
    (entry,) = taken([idle_session(state=None, database=None, user=None)]).counts
    assert entry == SessionCount(state=UNKNOWN, database=UNKNOWN, user=UNKNOWN, sessions=1)


def test_the_most_frequent_pairs_keep_their_names_in_every_state_and_the_rest_are_others() -> None:
    census = taken(
        [
            *(idle_session(user="app") for _ in range(3)),
            idle_session(user="app", state="active"),
            *(idle_session(user="batch") for _ in range(2)),
            idle_session(user="anna"),
            idle_session(user="otto", database="archive"),
            idle_session(user="otto", database="archive", state=IN_TRANSACTION),
            idle_session(user="zoe", state=IN_TRANSACTION),
        ],
        most=2,
    )
    assert {(entry.state, entry.database, entry.user): entry.sessions for entry in census.counts} == {
        ("active", "shop", "app"): 1,
        (IDLE, "shop", "app"): 3,
        # As many as "batch", and first by name.
        (IDLE, "archive", "otto"): 1,
        (IN_TRANSACTION, "archive", "otto"): 1,
        (IDLE, OTHER, OTHER): 3,
        (IN_TRANSACTION, OTHER, OTHER): 1,
    }


def test_a_database_that_is_called_other_makes_no_second_entry_of_the_same_name() -> None:
    census = taken([*(idle_session(database=OTHER, user=OTHER) for _ in range(2)), idle_session()], most=1)
    assert census.counts == (SessionCount(state=IDLE, database=OTHER, user=OTHER, sessions=3),)


def test_ten_thousand_users_make_no_more_counts_than_a_few() -> None:
    census = taken(idle_session(pid=pid, user=f"user{pid}") for pid in range(10_000))
    assert len(census.counts) == MOST_PAIRS + 1
    assert sum(entry.sessions for entry in census.counts) == 10_000


def test_the_longest_wait_is_told_for_each_waiting_state_and_zero_where_nobody_waits() -> None:
    census = taken(
        [
            idle_session(in_state_for=timedelta(minutes=4)),
            idle_session(in_state_for=timedelta(hours=2)),
            idle_session(in_state_for=None),
            idle_session(state=ABORTED, in_state_for=timedelta(seconds=9)),
            idle_session(state="active", in_state_for=timedelta(days=3)),
            idle_session(backend_type="walsender", in_state_for=timedelta(days=9)),
        ]
    )
    assert census.longest == {IDLE: timedelta(hours=2), IN_TRANSACTION: timedelta(0), ABORTED: timedelta(seconds=9)}


@examples
@given(sessions=st.lists(any_sessions(), max_size=12), most=st.integers(0, 4))
def test_whatever_the_look_brings_every_client_is_counted_once_and_in_its_state(
    sessions: list[Session], most: int
) -> None:
    census = taken(sessions, most=most)
    clients = Counter(each.state or UNKNOWN for each in sessions if each.backend_type == CLIENT_BACKEND)
    counted: Counter[str] = Counter()
    for entry in census.counts:
        counted[entry.state] += entry.sessions
    assert counted == clients
    labels = [(entry.state, entry.database, entry.user) for entry in census.counts]
    assert len(set(labels)) == len(labels)
    assert len({label[1:] for label in labels} - {(OTHER, OTHER)}) <= most
