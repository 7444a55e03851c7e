"""The criteria: all of them must hold, and what is not known holds none."""

from datetime import timedelta

import pytest

from tests.support.sessions import COORDINATOR, idle_session
from vacate.domain.judging.criteria import Criteria, Selection, idle_for, misses
from vacate.domain.judging.criterion import Criterion
from vacate.domain.judging.judge import judge
from vacate.domain.judging.settings import GuardSettings
from vacate.domain.sessions.session import Session

MINUTE = timedelta(minutes=1)


def missed(session: Session, criteria: Criteria) -> list[Criterion]:
    return [criterion for criterion, _ in misses(session, criteria)]


def words(session: Session, criteria: Criteria) -> list[str]:
    return [reason for _, reason in misses(session, criteria)]


def test_an_idle_session_misses_none_of_the_default_criteria() -> None:
    assert missed(idle_session(), Criteria()) == []


@pytest.mark.parametrize(
    "state",
    [
        "active",
        "idle in transaction",
        "idle in transaction (aborted)",
        "fastpath function call",
        "disabled",
        "IDLE",
        "idle ",
        "",
        None,
    ],
)
def test_only_the_state_idle_is_idle(state: str | None) -> None:
    assert missed(idle_session(state=state), Criteria()) == [Criterion.NOT_IDLE]


def test_a_busy_session_is_not_called_fresh_as_well() -> None:
    busy = idle_session(state="active", in_state_for=timedelta(0))
    assert missed(busy, Criteria(states=idle_for(MINUTE))) == [Criterion.NOT_IDLE]


def test_a_busy_sessions_reason_names_its_state() -> None:
    assert words(idle_session(state="idle in transaction"), Criteria()) == ["its state is 'idle in transaction'"]
    assert words(idle_session(state=None), Criteria()) == ["its state is not known"]


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (timedelta(0), [Criterion.TOO_FRESH]),
        (MINUTE - timedelta(microseconds=1), [Criterion.TOO_FRESH]),
        (MINUTE, []),
        (MINUTE + timedelta(microseconds=1), []),
        (None, [Criterion.TOO_FRESH]),
    ],
)
def test_a_session_is_old_enough_from_the_threshold_on(length: timedelta | None, expected: list[Criterion]) -> None:
    assert missed(idle_session(in_state_for=length), Criteria(states=idle_for(MINUTE))) == expected


def test_a_threshold_of_nothing_takes_a_session_that_became_idle_now() -> None:
    assert missed(idle_session(in_state_for=timedelta(0)), Criteria()) == []


def test_a_threshold_of_nothing_takes_no_session_whose_idle_time_is_unknown() -> None:
    assert missed(idle_session(in_state_for=None), Criteria()) == [Criterion.TOO_FRESH]


def test_a_fresh_sessions_reason_names_both_times() -> None:
    fresh = idle_session(in_state_for=timedelta(seconds=5.25))
    assert words(fresh, Criteria(states=idle_for(MINUTE))) == ["idle for 5.2 s, less than 60 s"]


@pytest.mark.parametrize("what", ["users", "databases", "applications"])
class TestSelection:
    """The same rules hold for users, databases and applications."""

    @staticmethod
    def missed(what: str, selection: Selection, name: str | None) -> list[Criterion]:
        session = {
            "users": lambda: idle_session(user=name, database="other", application="other"),
            "databases": lambda: idle_session(user="other", database=name, application="other"),
            "applications": lambda: idle_session(user="other", database="other", application=name),
        }[what]()
        return missed(session, Criteria(**{what: selection}))  # pyright: ignore[reportArgumentType] - named above.

    def test_no_list_selects_everybody(self, what: str) -> None:
        assert self.missed(what, Selection(), "anna") == []
        assert self.missed(what, Selection(), "") == []
        assert self.missed(what, Selection(), None) == []

    def test_an_include_list_selects_whom_it_names(self, what: str) -> None:
        chosen = Selection(include=("anna", "bert"))
        assert self.missed(what, chosen, "anna") == []
        assert self.missed(what, chosen, "bert") == []
        assert self.missed(what, chosen, "carl") == [Criterion.NOT_SELECTED]

    def test_an_empty_include_list_selects_nobody(self, what: str) -> None:
        for name in ("anna", "", None):
            assert self.missed(what, Selection(include=()), name) == [Criterion.NOT_SELECTED]

    def test_an_exclude_list_leaves_out_whom_it_names(self, what: str) -> None:
        chosen = Selection(exclude=("anna",))
        assert self.missed(what, chosen, "anna") == [Criterion.NOT_SELECTED]
        for other in ("bert", "Anna", "anna ", "ann", "annabel", ""):
            assert self.missed(what, chosen, other) == []

    def test_an_exclude_wins_over_an_include(self, what: str) -> None:
        chosen = Selection(include=("anna",), exclude=("anna",))
        assert self.missed(what, chosen, "anna") == [Criterion.NOT_SELECTED]

    def test_names_are_compared_exactly(self, what: str) -> None:
        chosen = Selection(include=("anna",))
        for other in ("Anna", "anna ", "ann", "annabel", "an%", ""):
            assert self.missed(what, chosen, other) == [Criterion.NOT_SELECTED]

    def test_an_unknown_name_is_selected_by_no_list(self, what: str) -> None:
        assert self.missed(what, Selection(include=("anna",)), None) == [Criterion.NOT_SELECTED]
        assert self.missed(what, Selection(exclude=("anna",)), None) == [Criterion.NOT_SELECTED]

    def test_a_name_that_is_empty_is_a_name(self, what: str) -> None:
        assert self.missed(what, Selection(include=("",)), "") == []
        assert self.missed(what, Selection(exclude=("",)), "") == [Criterion.NOT_SELECTED]

    def test_the_word_none_is_not_an_unknown_name(self, what: str) -> None:
        assert self.missed(what, Selection(include=("None", "")), None) == [Criterion.NOT_SELECTED]


def test_all_criteria_must_hold_and_each_missed_one_is_named() -> None:
    narrow = Criteria(
        states=idle_for(timedelta(days=1)),
        users=Selection(include=("anna",)),
        databases=Selection(exclude=("shop",)),
        applications=Selection(include=("psql",)),
    )
    assert missed(idle_session(), narrow) == [Criterion.TOO_FRESH, *[Criterion.NOT_SELECTED] * 3]
    reasons = words(idle_session(), narrow)
    assert "user 'app' is not included" in reasons
    assert "database 'shop' is excluded" in reasons
    assert "application 'web' is not included" in reasons


def test_each_name_is_compared_with_its_own_list() -> None:
    session = idle_session(user="anna", database="bert", application="carl")
    right = Criteria(
        users=Selection(include=("anna",)),
        databases=Selection(include=("bert",)),
        applications=Selection(include=("carl",)),
    )
    assert missed(session, right) == []
    for swapped in (
        Criteria(users=Selection(include=("bert", "carl"))),
        Criteria(databases=Selection(include=("anna", "carl"))),
        Criteria(applications=Selection(include=("anna", "bert"))),
    ):
        assert missed(session, swapped) == [Criterion.NOT_SELECTED]


def test_an_include_list_that_matches_nobody_selects_nobody() -> None:
    look = [idle_session(pid=pid, user=user) for pid, user in enumerate(("anna", "bert", "carl"), start=1)]
    mistyped = Criteria(users=Selection(include=("ana",)))
    verdicts = judge(look, mistyped, GuardSettings(), COORDINATOR)
    assert [verdict.victim for verdict in verdicts] == [None, None, None]
