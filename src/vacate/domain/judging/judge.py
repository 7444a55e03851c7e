"""Judging: every session gets a verdict, by the criteria, the guards and the limits.

`judge` gives every session its verdict, `judge_named` those that a caller named. Both go through the same rules as
`trail`, which tells of each what it says.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from vacate.domain.errors import VacateError
from vacate.domain.judging.criteria import Criteria, questions, without_transaction
from vacate.domain.judging.criterion import Criterion
from vacate.domain.judging.guards import GUARDS, NATURE, WAIVED_WHEN_NAMED, Guard
from vacate.domain.judging.limits import answers
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.judging.surroundings import Surroundings
from vacate.domain.judging.verdicts import Objection, Verdict
from vacate.domain.sessions.session import IDLE, Demand, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing that is asked of a session, in its turn.

    `ask` answers why it objects; it is `None` where a criterion was left open. `off` says that its answer counts for
    nothing here. The rule is moot for whoever misses the criterion `moot_after`.
    """

    by: GuardName | Criterion
    about: str = ""
    ask: Guard | None
    off: bool = False
    moot_after: Criterion | None = None

    def objection(
        self, session: Session, settings: GuardSettings, surroundings: Surroundings
    ) -> tuple[str | None, Exception | None]:
        """Ask the rule: why it objects, if it does, and the unforeseen error, if one came instead of an answer.

        A rule without an answer objects: what is unknown is spared. The error costs this session and no other.

        Raises:
            VacateError: the judging itself is to end, such as when its time is over.
        """
        if self.ask is None:
            return None, None
        try:
            return self.ask(session, settings, surroundings), None
        except VacateError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the other sessions are judged all the same
            return f"whether this holds is unknown: the rule failed with {type(error).__name__}", error


def rules(criteria: Criteria, settings: GuardSettings) -> tuple[Rule, ...]:
    """Every rule that `judge` goes by but for the limits, in order, also those that are off or were left open.

    What a session is comes first, for it says more than what it does: a checkpointer is spared as one, not for want of
    a state. Identity and the idle state are no guards and cannot be switched off.
    """
    return (
        *_guards(settings, nature=True),
        *(
            Rule(
                by=question.by,
                about=question.about,
                ask=None if question.ask is None else _of_the_session_alone(question.ask),
                moot_after=question.moot_after,
            )
            for question in questions(criteria)
        ),
        *_guards(settings, nature=False),
        Rule(by=Criterion.NOT_IDLE, about="identity", ask=_of_the_session_alone(_hidden)),
    )


def rules_named(settings: GuardSettings, demand: Demand) -> tuple[Rule, ...]:
    """Every rule that `judge_named` goes by, in order."""
    transaction = (
        Rule(by=Criterion.NO_TRANSACTION, about="transaction", ask=_of_the_session_alone(without_transaction)),
        Rule(by=GuardName.UNKNOWN, about="transaction", ask=_of_the_session_alone(_transaction_hidden)),
    )
    return (
        *_guards(settings, nature=True),
        *(transaction if demand is Demand.SAME_TRANSACTION else ()),
        *_guards(settings, nature=False),
        Rule(by=GuardName.UNKNOWN, about="identity", ask=_of_the_session_alone(_start_hidden)),
    )


def judge(
    sessions: Iterable[Session], criteria: Criteria, settings: GuardSettings, surroundings: Surroundings
) -> tuple[Verdict, ...]:
    """Give every session its verdict, in the order given, which are all that the look found.

    Without limits each verdict depends on its own session only. A session whose key or state change the server hides
    is spared whatever the settings say.
    """
    going_by = rules(criteria, settings)
    verdicts = tuple(
        Verdict(
            session=session,
            objections=objections,
            demand=Demand.SAME_IDLE_PERIOD if session.state == IDLE else Demand.SAME_IDLE_TRANSACTION,
            failures=failures,
        )
        for session, objections, failures in _judged(sessions, going_by, surroundings, settings)
    )
    return _limited(verdicts, criteria) if criteria.limits.any else verdicts


def judge_named(
    sessions: Iterable[Session],
    settings: GuardSettings,
    surroundings: Surroundings,
    *,
    demand: Demand = Demand.SAME_SESSION,
) -> tuple[Verdict, ...]:
    """Give every session its verdict that a caller named, in the order given.

    The instance's criteria and limits are for sessions that nobody named, and so are the guards of
    `WAIVED_WHEN_NAMED`: all of them are waived. Where the demand is a transaction, the session must be in one.
    Identity cannot be waived.
    """
    going_by = rules_named(settings.waiving(WAIVED_WHEN_NAMED), demand)
    return tuple(
        Verdict(session=session, objections=objections, demand=demand, failures=failures)
        for session, objections, failures in _judged(sessions, going_by, surroundings, settings)
    )


def _judged(
    sessions: Iterable[Session], going_by: Sequence[Rule], surroundings: Surroundings, settings: GuardSettings
) -> Iterable[tuple[Session, tuple[Objection, ...], tuple[Exception, ...]]]:
    going_by = [rule for rule in going_by if not rule.off]
    asked = [(rule.by, rule.ask) for rule in going_by if rule.ask is not None]
    for session in sessions:
        try:
            raised = [
                Objection(by=by, reason=reason) for by, ask in asked if (reason := ask(session, settings, surroundings))
            ]
        except VacateError:
            raise
        except Exception:  # noqa: BLE001 - which rule it was is found out one by one, which is slower
            said = [(rule.by, *rule.objection(session, settings, surroundings)) for rule in going_by]
            raised = [Objection(by=by, reason=reason) for by, reason, _ in said if reason]
            yield session, tuple(raised), tuple(error for _, _, error in said if error is not None)
        else:
            yield session, tuple(raised), ()


def _limited(verdicts: Sequence[Verdict], criteria: Criteria) -> tuple[Verdict, ...]:
    """The same verdicts with what the limits object; asked of sessions that nothing else spares."""
    candidates = [place for place, verdict in enumerate(verdicts) if not verdict.objections]
    found = answers(criteria.limits, [verdict.session for verdict in verdicts], candidates)
    return tuple(
        replace(
            verdict,
            objections=tuple(Objection(by=a.by, reason=a.objection) for a in found[place] if a.objection),
        )
        if place in found
        else verdict
        for place, verdict in enumerate(verdicts)
    )


def _guards(settings: GuardSettings, *, nature: bool) -> Iterable[Rule]:
    return (
        Rule(by=name, ask=guard, off=name in settings.off)
        for name, guard in GUARDS.items()
        if (name in NATURE) is nature
    )


def _of_the_session_alone(ask: Callable[[Session], str | None]) -> Guard:
    return lambda session, _, __: ask(session)


def _hidden(session: Session) -> str | None:
    hidden = session.backend_start is None or session.state_change is None
    return "the server hides when it began or since when it is idle" if hidden else None


def _start_hidden(session: Session) -> str | None:
    return "the server hides when it began" if session.backend_start is None else None


def _transaction_hidden(session: Session) -> str | None:
    hidden = session.transaction_start is None and without_transaction(session) is None
    return "the server hides whether a transaction is open" if hidden else None
