"""A report counts what it holds, and succeeds only when no victim is left in doubt."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.place import COMPONENT
from tests.support.sessions import LOOK_AT, idle_session
from vacate.domain.judging.criteria import Criterion
from vacate.domain.judging.settings import GuardName
from vacate.domain.sweeps.report import FAILURES, Outcome, Report, SessionOutcome, Verb


def report(*outcomes: Outcome, verb: Verb = Verb.KILL_IDLE, by: str = "test") -> Report:
    return Report(
        verb=verb,
        request_id="request-1",
        component=COMPONENT,
        started_at=LOOK_AT,
        finished_at=LOOK_AT + timedelta(seconds=1),
        sessions=tuple(
            SessionOutcome(session=idle_session(pid=pid), outcome=outcome, by=by, reason="because")
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


# --- named sessions --------------------------------------------------------------------------------------------------

both_named_verbs = pytest.mark.parametrize("verb", [Verb.KILL_NAMED, Verb.KILL_TRANSACTION])


@both_named_verbs
@pytest.mark.parametrize("outcome", [Outcome.TERMINATED, Outcome.GONE])
def test_a_named_session_that_is_gone_is_a_success(verb: Verb, outcome: Outcome) -> None:
    assert report(outcome, verb=verb).succeeded


@both_named_verbs
@pytest.mark.parametrize("outcome", sorted(FAILURES | {Outcome.SPARED}))
def test_a_named_session_that_lives_on_is_a_failure_also_when_it_was_spared(verb: Verb, outcome: Outcome) -> None:
    assert not report(Outcome.TERMINATED, outcome, verb=verb, by=GuardName.SUPERUSER).succeeded


def test_a_transaction_that_is_over_is_a_success_whoever_ended_it() -> None:
    assert report(Outcome.WOKE, verb=Verb.KILL_TRANSACTION).succeeded
    assert report(Outcome.SPARED, verb=Verb.KILL_TRANSACTION, by=Criterion.NO_TRANSACTION).succeeded


def test_absent_ids_are_a_success() -> None:
    assert replace(report(verb=Verb.KILL_NAMED), absent=(7,)).succeeded


def test_the_terminated_are_named_in_the_order_of_the_look_and_nobody_else_is() -> None:
    mixed = report(Outcome.TERMINATED, Outcome.GONE, Outcome.UNCONFIRMED, Outcome.TERMINATED, verb=Verb.KILL_NAMED)
    assert mixed.terminated == (1, 4)
