"""A report counts what it holds, and succeeds only when no victim is left in doubt."""

from datetime import timedelta

import pytest

from tests.support.fakes import COMPONENT
from tests.support.sessions import LOOK_AT, idle_session
from vacate.domain.sweeps import FAILURES, Outcome, Report, SessionOutcome


def report(*outcomes: Outcome) -> Report:
    return Report(
        request_id="request-1",
        component=COMPONENT,
        started_at=LOOK_AT,
        finished_at=LOOK_AT + timedelta(seconds=1),
        sessions=tuple(
            SessionOutcome(session=idle_session(pid=pid), outcome=outcome, by="test", reason="because")
            for pid, outcome in enumerate(outcomes, start=1)
        ),
    )


def test_an_empty_report_has_succeeded() -> None:
    assert report().succeeded
    assert report().counts == {}


def test_outcomes_are_counted_and_those_that_did_not_occur_are_left_out() -> None:
    mixed = report(Outcome.TERMINATED, Outcome.SPARED, Outcome.TERMINATED, Outcome.WOKE)
    assert mixed.counts == {Outcome.TERMINATED: 2, Outcome.SPARED: 1, Outcome.WOKE: 1}


@pytest.mark.parametrize("outcome", [Outcome.TERMINATED, Outcome.GONE, Outcome.WOKE, Outcome.SPARED])
def test_a_session_that_is_gone_or_was_rightly_left_is_a_success(outcome: Outcome) -> None:
    assert report(outcome, Outcome.TERMINATED).succeeded


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.UNCONFIRMED, Outcome.NOT_REACHED])
def test_one_victim_that_may_live_on_is_a_failure_of_the_whole(outcome: Outcome) -> None:
    assert not report(Outcome.TERMINATED, outcome, Outcome.TERMINATED).succeeded
    assert outcome in FAILURES


def test_every_outcome_is_either_a_success_or_a_failure() -> None:
    for outcome in Outcome:
        assert report(outcome).succeeded == (outcome not in FAILURES)
