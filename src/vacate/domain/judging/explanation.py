"""Explaining: what every rule says of one session, and what a sweep would do with it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from vacate.domain.judging.criteria import Criteria
from vacate.domain.judging.criterion import Criterion
from vacate.domain.judging.guards import GUARDS
from vacate.domain.judging.judge import Rule, judge, rules
from vacate.domain.judging.limits import LIMITS, answers
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.judging.surroundings import Surroundings
from vacate.domain.judging.verdicts import Verdict
from vacate.domain.sessions.session import Session


class RuleKind(StrEnum):
    """What kind of rule it is."""

    CRITERION = "criterion"
    GUARD = "guard"
    LIMIT = "limit"


class Answer(StrEnum):
    """What a rule says of a session."""

    PASSES = "passes"
    OBJECTS = "objects"
    OFF = "off"
    """The instance has the guard switched off; the words say whether it would have objected."""
    NOT_ASKED = "not_asked"
    """Nothing was written for it, or another rule has answered already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rule of the trail. `about` tells rules of one name apart, such as the lists of users and of databases."""

    rule: GuardName | Criterion
    kind: RuleKind
    about: str
    answer: Answer
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One session of a look with its verdict and the whole trail, in the order in which the rules are asked.

    `outcome` says in words what a sweep would do with it.
    """

    session: Session
    verdict: Verdict
    trail: tuple[Step, ...] = field(default=())

    @property
    def outcome(self) -> str:
        """What a sweep would do with it now, in words."""
        if self.verdict.victim is None:
            return f"it would be spared: {self.verdict.reason}"
        return f"it would be ended, if it is still {self.session.state} since then at the second read"


def explain(
    place: int, sessions: Sequence[Session], criteria: Criteria, settings: GuardSettings, surroundings: Surroundings
) -> Explanation:
    """Explain the session at a place of a look; the others are those that the limits count."""
    session = sessions[place]
    verdicts = judge(sessions, criteria, settings, surroundings)
    steps: list[Step] = []
    objected: set[GuardName | Criterion] = set()
    for rule in rules(criteria, settings):
        step = _step(rule, session, objected, settings, surroundings)
        steps.append(step)
        if step.answer is Answer.OBJECTS:
            objected.add(step.rule)
    steps.extend(_limits(place, verdicts, criteria, spared=bool(objected)))
    return Explanation(session=session, verdict=verdicts[place], trail=tuple(steps))


def _step(
    rule: Rule,
    session: Session,
    objected: set[GuardName | Criterion],
    settings: GuardSettings,
    surroundings: Surroundings,
) -> Step:
    answer, words = _answer(rule, session, objected, settings, surroundings)
    kind = RuleKind.GUARD if rule.by in GUARDS else RuleKind.CRITERION
    return Step(rule=rule.by, kind=kind, about=rule.about, answer=answer, reason=words)


def _answer(
    rule: Rule,
    session: Session,
    objected: set[GuardName | Criterion],
    settings: GuardSettings,
    surroundings: Surroundings,
) -> tuple[Answer, str]:
    if rule.ask is None:
        return Answer.NOT_ASKED, f"nothing is written about its {rule.about}"
    reason, _ = rule.objection(session, settings, surroundings)
    if rule.off:
        return Answer.OFF, f"switched off; it would object: {reason}" if reason else "switched off; nothing to object"
    if reason:
        return Answer.OBJECTS, reason
    if rule.moot_after in objected:
        return Answer.NOT_ASKED, f"{rule.moot_after} has answered already"
    return Answer.PASSES, f"its {rule.about} is as wanted" if rule.about else "nothing to object"


def _limits(place: int, verdicts: Sequence[Verdict], criteria: Criteria, *, spared: bool) -> list[Step]:
    """What the limits say; they were asked of the session if nothing else spares it."""
    asked: dict[Criterion, tuple[Answer, str]] = dict.fromkeys(LIMITS, (Answer.NOT_ASKED, "it is spared already"))
    if not spared:
        candidates = [i for i, verdict in enumerate(verdicts) if {o.by for o in verdict.objections} <= set(LIMITS)]
        found = answers(criteria.limits, [verdict.session for verdict in verdicts], candidates)[place]
        for said in found:
            if not said.asked:
                asked[said.by] = (Answer.NOT_ASKED, "no such limit is set")
            elif said.objection:
                asked[said.by] = (Answer.OBJECTS, said.objection)
            else:
                asked[said.by] = (Answer.PASSES, "its turn comes before the limit")
    return [
        Step(rule=by, kind=RuleKind.LIMIT, about="", answer=answer, reason=words)
        for by, (answer, words) in asked.items()
    ]
