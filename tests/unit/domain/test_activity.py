"""What sessions do, chosen and summed up: each count is its rule, and each order is always the same."""

from datetime import timedelta

import pytest

from tests.support.watched import SEEN_AT, Doing, busy, component, idle, in_transaction
from vacate.domain.sessions.activity import (
    Activity,
    ActivityFilter,
    ComponentActivity,
    Dimension,
    Overview,
    Share,
    StatementShare,
    TransactionFilter,
    WaitShare,
    longest_transaction_first,
    matches,
    oldest_first,
    overview,
    selects,
    shares,
    statement_shares,
    wait_shares,
    without_statements,
)

SECOND = timedelta(seconds=1)
INSTANT = timedelta(microseconds=1)
CN, DN = component("cn_5001"), component("dn_6001")
LOCK: Doing = {"wait_event_type": "Lock", "wait_event": "transactionid"}


def seen(*activities: Activity, on: object = CN) -> ComponentActivity:
    assert on in (CN, DN)
    return ComponentActivity(component=CN if on is CN else DN, activities=activities)


# --- which sessions --------------------------------------------------------------------------------------------------


def test_an_empty_filter_wants_every_session() -> None:
    nobody = idle(user=None, database=None, client_address=None)
    assert all(matches(activity, ActivityFilter()) for activity in (idle(), busy(), in_transaction(), nobody))


@pytest.mark.parametrize(
    "wanted",
    [
        ActivityFilter(database="shop"),
        ActivityFilter(client_address="192.0.2.7"),
        ActivityFilter(user="app"),
        ActivityFilter(database="shop", client_address="192.0.2.7", user="app"),
    ],
)
def test_all_that_is_given_must_be_equal(wanted: ActivityFilter) -> None:
    assert matches(idle(), wanted)
    others = (idle(database="Shop"), idle(client_address="192.0.2.70"), idle(user="app "))
    given = (wanted.database, wanted.client_address, wanted.user)
    assert [not matches(other, wanted) for other in others] == [value is not None for value in given]


def test_what_the_server_does_not_tell_is_equal_to_nothing() -> None:
    assert not matches(idle(user=None), ActivityFilter(user=""))
    assert not matches(idle(database=None), ActivityFilter(database="shop"))
    assert not matches(idle(client_address=None), ActivityFilter(client_address=""))


def test_a_transaction_is_listed_whatever_its_session_does_in_it() -> None:
    failed = in_transaction(state="idle in transaction (aborted)")
    assert all(selects(activity, TransactionFilter()) for activity in (in_transaction(), failed, busy()))


def test_a_session_without_a_transaction_is_no_transaction() -> None:
    assert not selects(idle(), TransactionFilter())
    assert not selects(busy(in_transaction_for=None, transaction_start=None), TransactionFilter())


def test_a_session_in_the_middle_of_its_login_has_no_transaction_of_its_own() -> None:
    assert not selects(in_transaction(state="starting", user=None, database=None), TransactionFilter())


def test_an_idle_session_is_never_a_transaction_whatever_else_it_is_said_to_be() -> None:
    assert not selects(in_transaction(state="idle"), TransactionFilter())


def test_a_transaction_of_exactly_the_age_is_listed_and_a_younger_one_is_not() -> None:
    wanted = TransactionFilter(open_at_least=SECOND)
    assert selects(in_transaction(SECOND), wanted)
    assert not selects(in_transaction(SECOND - INSTANT), wanted)


def test_no_transaction_is_known_to_have_written_anything() -> None:
    assert selects(in_transaction(), TransactionFilter(log_volume_at_least=0))
    assert not selects(in_transaction(), TransactionFilter(log_volume_at_least=1))


def test_each_list_of_names_must_hold_the_session() -> None:
    assert selects(
        in_transaction(),
        TransactionFilter(databases=("x", "shop"), users=("app",), client_addresses=("192.0.2.7", "192.0.2.8")),
    )
    assert not selects(in_transaction(), TransactionFilter(databases=("x",), users=("app",)))
    assert not selects(in_transaction(), TransactionFilter(users=("App",)))
    assert not selects(in_transaction(client_address=None), TransactionFilter(client_addresses=("",)))


def test_sessions_are_listed_from_the_oldest_on() -> None:
    first, second, third = (
        idle(session_id=9, pid=0, backend_start=SEEN_AT - 2 * SECOND),
        idle(session_id=1, pid=8, backend_start=SEEN_AT),
        idle(session_id=2, pid=0, backend_start=SEEN_AT),
    )
    assert oldest_first([third, first, second]) == (first, second, third)


def test_transactions_are_listed_from_the_longest_on() -> None:
    long, one, two = (
        in_transaction(2 * SECOND, session_id=9, pid=7),
        in_transaction(SECOND, session_id=1, pid=8),
        in_transaction(SECOND, session_id=2, pid=0),
    )
    assert longest_transaction_first([two, one, long]) == (long, one, two)


def test_a_session_without_a_transaction_is_listed_behind_the_shortest_one() -> None:
    short, none = in_transaction(INSTANT, session_id=9), idle(session_id=1)
    assert longest_transaction_first([none, short]) == (short, none)


def test_without_its_statement_a_session_is_otherwise_the_same() -> None:
    running = busy(statement_id=42)
    assert without_statements([running]) == (busy(None, statement_id=42),)


# --- sums ------------------------------------------------------------------------------------------------------------


def test_an_overview_of_nobody_is_zero() -> None:
    assert overview([], SECOND) == Overview(total=0, active=0, slow=0, waiting_for_lock=0)


def test_a_session_is_in_every_count_it_belongs_to() -> None:
    slow_and_waiting = busy(**LOCK)._replace(running_for=2 * SECOND)
    fastpath = busy(state="fastpath function call", running_for=2 * SECOND)
    activities = [idle(), in_transaction(), busy(), slow_and_waiting, fastpath]
    assert overview(activities, SECOND) == Overview(total=5, active=2, slow=2, waiting_for_lock=1)


def test_a_statement_is_slow_when_it_has_been_running_for_longer_than_the_limit() -> None:
    assert overview([busy(running_for=SECOND)], SECOND).slow == 0
    assert overview([busy(running_for=SECOND + INSTANT)], SECOND).slow == 1
    assert overview([in_transaction(timedelta(days=1))], SECOND).slow == 0


def test_only_a_wait_for_a_lock_is_one() -> None:
    light = busy(wait_event_type="LWLock", wait_event="LockManager")
    assert overview([light, idle()], SECOND).waiting_for_lock == 0


@pytest.mark.parametrize(
    ("dimension", "field"),
    [(Dimension.USER, "user"), (Dimension.DATABASE, "database"), (Dimension.CLIENT_ADDRESS, "client_address")],
)
def test_sessions_are_counted_by_name_in_its_order_and_without_one_under_the_empty_name(
    dimension: Dimension, field: str
) -> None:
    named: list[Doing] = [{field: name} for name in ("b", "a", "b", None)]  # pyright: ignore[reportAssignmentType] - the name of a field is data here.
    idle_ones = [idle(**each) for each in named]
    assert shares([*idle_ones, busy(**named[0])], dimension) == (
        Share(name="", active=0, total=1),
        Share(name="a", active=0, total=1),
        Share(name="b", active=1, total=3),
    )


@pytest.mark.parametrize("turn", [1, -1])
def test_a_share_is_the_same_in_whatever_order_its_sessions_come(turn: int) -> None:
    sessions = [busy(), busy(), idle()][::turn]
    assert shares(sessions, Dimension.USER) == (Share(name="app", active=2, total=3),)


def test_nobody_has_no_share() -> None:
    assert shares([], Dimension.USER) == ()
    assert statement_shares([seen()]) == ()
    assert wait_shares([]) == ()


def test_only_running_statements_are_counted_and_the_most_frequent_one_comes_first() -> None:
    counted = statement_shares(
        [seen(idle(query="b"), in_transaction(query="b"), busy("a"), busy("b"), busy("b"), busy("c"))]
    )
    assert [(share.query, share.sessions) for share in counted] == [("b", 2), ("a", 1), ("c", 1)]


def test_a_statement_of_two_components_is_two() -> None:
    counted = statement_shares([seen(busy("a", statement_id=1), on=DN), seen(busy("a", statement_id=1))])
    assert [(share.component, share.sessions) for share in counted] == [(CN, 1), (DN, 1)]


@pytest.mark.parametrize("texts", [("SELECT 2", "SELECT 1"), ("SELECT 1", "SELECT 2")])
def test_texts_with_one_id_are_one_statement_shown_by_the_first_of_them(texts: tuple[str, str]) -> None:
    counted = statement_shares([seen(*(busy(text, statement_id=-7) for text in texts))])
    assert counted == (StatementShare(component=CN, statement_id=-7, query="SELECT 1", sessions=2),)


def test_one_text_with_two_ids_is_two_statements() -> None:
    counted = statement_shares([seen(busy("a", statement_id=2), busy("a", statement_id=1))])
    assert [share.statement_id for share in counted] == [1, 2]


def test_where_there_is_no_id_the_text_tells_statements_apart() -> None:
    counted = statement_shares([seen(busy("b"), busy("a"), busy("b", statement_id=5))])
    assert [(share.statement_id, share.query) for share in counted] == [(0, "a"), (0, "b"), (5, "b")]


def test_statements_that_may_not_be_read_are_counted_by_id_and_else_together() -> None:
    hidden = without_statements([busy("a"), busy("b"), busy("c", statement_id=5)])
    assert statement_shares([seen(*hidden)]) == (
        StatementShare(component=CN, statement_id=0, query="", sessions=2),
        StatementShare(component=CN, statement_id=5, query="", sessions=1),
    )


def test_busy_sessions_are_counted_by_what_they_wait_for() -> None:
    reading: Doing = {"wait_event_type": "IO", "wait_event": "DataFileRead"}
    counted = wait_shares(
        [seen(busy(**reading), busy(**LOCK), busy(**LOCK), busy()), seen(busy(**reading), busy(**reading), on=DN)]
    )
    assert counted == (
        WaitShare(component=CN, event="transactionid", sessions=2),
        WaitShare(component=DN, event="DataFileRead", sessions=2),
        WaitShare(component=CN, event="DataFileRead", sessions=1),
    )


def test_who_waits_for_the_next_statement_waits_for_nothing_here() -> None:
    assert wait_shares([seen(idle(), in_transaction())]) == ()


def test_who_waits_for_the_client_in_the_middle_of_a_statement_counts() -> None:
    copying = busy("COPY orders FROM STDIN", wait_event_type="Client", wait_event="ClientRead")
    assert wait_shares([seen(copying)]) == (WaitShare(component=CN, event="ClientRead", sessions=1),)
