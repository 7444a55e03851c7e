"""The sweep of one component of a plan: it ends those of the plan's victims that are still what they were."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from vacate.domain.audit.event import AuditAction
from vacate.domain.judging.criteria import Criteria, Criterion
from vacate.domain.judging.judge import judge
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.judging.surroundings import Surroundings
from vacate.domain.judging.verdicts import Objection, Verdict
from vacate.domain.plans.plan import Plan, PlannedComponent, PlannedVictim
from vacate.domain.sessions.session import Session
from vacate.domain.sweeps.report import Outcome, SessionOutcome, Verb
from vacate.operations.aside import paced
from vacate.operations.sweeps.sweep import Judge, Task
from vacate.operations.wanted import decode_criteria_aside

_CHANGED = Objection(by=Criterion.CHANGED_SINCE_PLANNED, reason="it was used since the plan was made")


async def task_for(plan: Plan, line: PlannedComponent, halted: Callable[[], Awaitable[str | None]]) -> Task:
    """What a plan wants of a sweep of one of its components.

    Raises:
        CriteriaError: the plan's criteria are no longer understood.
    """
    return Task(
        verb=Verb.KILL_PLANNED,
        intended=AuditAction.KILL_PLANNED_INTENDED,
        finished=AuditAction.KILL_PLANNED_FINISHED,
        refused=AuditAction.KILL_PLANNED_REFUSED,
        judge=_judge_of(line),
        criteria=None if plan.criteria is None else await decode_criteria_aside(plan.criteria, "criteria"),
        plan_id=plan.id,
        departed=lambda looked_at: departed(line, looked_at),
        halted=halted,
    )


def _judge_of(line: PlannedComponent) -> Judge:
    """Every session is judged anew, among all that are there now, and only a planned one can be a victim."""
    planned = {victim.key: victim for victim in line.victims}

    def judge_planned(
        sessions: Sequence[Session], criteria: Criteria, guards: GuardSettings, surroundings: Surroundings
    ) -> tuple[Verdict, ...]:
        return tuple(
            _held_to(planned[verdict.session.key], verdict)
            for verdict in judge(paced(sessions), criteria, guards, surroundings)
            if verdict.session.key in planned
        )

    return judge_planned


def _held_to(planned: PlannedVictim, verdict: Verdict) -> Verdict:
    victim = verdict.victim
    if victim is None or planned.still_meant(victim):
        return verdict
    return replace(verdict, objections=(_CHANGED,))


def departed(line: PlannedComponent, looked_at: Sequence[Session]) -> tuple[SessionOutcome, ...]:
    """What is known of the planned victims that a look did not find."""
    present = {session.key for session in looked_at}
    hiding = {session.session_id for session in looked_at if session.key is None}
    return tuple(
        _spared(victim) if victim.key.session_id in hiding else _gone(victim)
        for victim in line.victims
        if victim.key not in present
    )


def _gone(victim: PlannedVictim) -> SessionOutcome:
    return SessionOutcome(
        session=as_planned(victim), outcome=Outcome.GONE, by="plan", reason="it was gone before the plan was applied"
    )


def _spared(victim: PlannedVictim) -> SessionOutcome:
    return SessionOutcome(
        session=as_planned(victim),
        outcome=Outcome.SPARED,
        by=GuardName.UNKNOWN,
        reason="the server hides when the session of this id began, so it may be another one",
    )


def as_planned(victim: PlannedVictim) -> Session:
    """A victim as it was when it was planned; what a plan does not keep is not known."""
    return Session(
        session_id=victim.key.session_id,
        pid=victim.pid,
        backend_start=victim.key.backend_start,
        backend_type=None,
        state=victim.state,
        state_change=victim.since,
        in_state_for=victim.in_state_for,
        transaction_start=None,
        user=victim.user,
        superuser=None,
        database=victim.database,
        application=victim.application,
        client_address=victim.client_address,
        client_port=None,
        query=None,
        holds_advisory_lock=None,
        holds_replication_slot=None,
        own=False,
    )
