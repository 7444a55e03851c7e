"""The trail of a session: every rule in its order, with what it says; the verdict is the one that a sweep gives."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.support.sessions import COORDINATOR, examples, hidden_session, idle_session, session_in_transaction, sessions
from vacate.domain.judging.criteria import Criteria, Selection, idle_for
from vacate.domain.judging.criterion import Criterion
from vacate.domain.judging.explanation import Answer, Explanation, RuleKind, Step, explain
from vacate.domain.judging.guards import GUARDS
from vacate.domain.judging.judge import judge
from vacate.domain.judging.limits import LIMITS, Grouping, Limits
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.sessions.session import Session

STRICT = Criteria(
    states=idle_for(timedelta(hours=2)),
    users=Selection(exclude=("app",)),
    databases=Selection(include=("shop",)),
    limits=Limits(group_by=(Grouping.USER,), keep_youngest=1),
)


def explained(session: Session, criteria: Criteria | None = None, settings: GuardSettings | None = None) -> Explanation:
    return explain(0, [session], criteria or Criteria(), settings or GuardSettings(), COORDINATOR)


def said(explanation: Explanation, rule: GuardName | Criterion, about: str = "") -> Step:
    (found,) = [step for step in explanation.trail if step.rule == rule and (not about or step.about == about)]
    return found


@examples
@given(look=st.lists(sessions, min_size=1, max_size=6), strict=st.booleans(), data=st.data())
def test_the_trail_and_the_verdict_are_those_of_a_sweep(
    look: list[Session],
    strict: bool,  # noqa: FBT001 - Hypothesis names it.
    data: st.DataObject,
) -> None:
    place = data.draw(st.integers(0, len(look) - 1))
    criteria = STRICT if strict else Criteria()
    settings = GuardSettings(off=frozenset({GuardName.SUPERUSER}))
    found = explain(place, look, criteria, settings, COORDINATOR)
    assert found.verdict == judge(look, criteria, settings, COORDINATOR)[place]
    objecting = [step.rule for step in found.trail if step.answer is Answer.OBJECTS]
    assert objecting == [objection.by for objection in found.verdict.objections]
    assert [step.reason for step in found.trail if step.answer is Answer.OBJECTS] == [
        objection.reason for objection in found.verdict.objections
    ]


def test_every_guard_and_every_limit_is_in_every_trail_once() -> None:
    trail = explained(idle_session()).trail
    assert sorted(step.rule for step in trail if step.kind is RuleKind.GUARD) == sorted(GUARDS)
    assert [step.rule for step in trail if step.kind is RuleKind.LIMIT] == list(LIMITS)
    assert all(step.reason for step in trail)


def test_a_session_that_would_go_is_told_so_in_words() -> None:
    found = explained(idle_session())
    assert found.outcome == "it would be ended, if it is still idle since then at the second read"
    assert not [step for step in found.trail if step.answer is Answer.OBJECTS]


def test_a_session_that_stays_is_told_the_first_reason() -> None:
    found = explained(idle_session(holds_advisory_lock=True, query="LISTEN jobs"))
    assert found.outcome == "it would be spared: it waits for notifications (LISTEN)"
    assert said(found, GuardName.ADVISORY_LOCK).answer is Answer.OBJECTS, "and every other one all the same"


def test_what_nothing_is_written_for_is_not_asked() -> None:
    found = explained(idle_session())
    step = said(found, Criterion.NOT_SELECTED, "user")
    assert (step.answer, step.reason) == (Answer.NOT_ASKED, "nothing is written about its user")
    assert said(explained(idle_session(), STRICT), Criterion.NOT_SELECTED, "database").answer is Answer.PASSES


def test_how_long_it_waits_is_not_asked_of_a_session_in_another_state() -> None:
    step = said(explained(session_in_transaction(), STRICT), Criterion.TOO_FRESH)
    assert (step.answer, step.reason) == (Answer.NOT_ASKED, "not_idle has answered already")


def test_a_guard_that_is_off_tells_whether_it_would_object() -> None:
    off = GuardSettings(off=frozenset({GuardName.SUPERUSER, GuardName.LISTENER}))
    found = explained(idle_session(superuser=True), settings=off)
    assert said(found, GuardName.SUPERUSER).answer is Answer.OFF
    assert said(found, GuardName.SUPERUSER).reason == "switched off; it would object: user 'app' is a superuser"
    assert said(found, GuardName.LISTENER).reason == "switched off; nothing to object"
    assert found.verdict.victim is not None


def test_limits_are_asked_of_those_alone_whom_nothing_else_spares() -> None:
    limits = Criteria(limits=Limits(keep_youngest=1))
    spared = said(explained(idle_session(superuser=True), limits), Criterion.KEPT_YOUNGEST)
    assert (spared.answer, spared.reason) == (Answer.NOT_ASKED, "it is spared already")
    kept = said(explained(idle_session(), limits), Criterion.KEPT_YOUNGEST)
    assert kept.answer is Answer.OBJECTS
    older, younger = idle_session(in_state_for=timedelta(hours=3)), idle_session(pid=2)
    found = explain(0, [older, younger], limits, GuardSettings(), COORDINATOR)
    assert said(found, Criterion.KEPT_YOUNGEST).reason == "its turn comes before the limit"
    assert said(found, Criterion.SURVIVOR).reason == "no such limit is set"


def test_a_hidden_session_is_explained_by_what_is_hidden() -> None:
    found = explained(hidden_session())
    assert found.verdict.victim is None
    assert {step.rule for step in found.trail if step.answer is Answer.OBJECTS} >= {Criterion.NOT_IDLE}
