"""Settle the plans whose application was cut off: say of each component what was done, and what can be seen of it."""

import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from vacate.domain.access.identity import Actor, Grant, the_service
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.audit.record import RecordedEvent
from vacate.domain.errors import VacateError
from vacate.domain.plans.plan import (
    Application,
    LineProgress,
    LineStage,
    PlanId,
    PlannedComponent,
    PlanStage,
    PlanState,
)
from vacate.domain.sessions.session import SessionKey
from vacate.domain.sweeps.report import Outcome, SessionOutcome
from vacate.operations.audit.journal import Journal
from vacate.operations.plans.apply_plan import HOLD_EVERY
from vacate.operations.plans.make_plan import target_at, target_of
from vacate.operations.plans.planned_sweep import as_planned
from vacate.operations.ports import AuditSearch, Clock, Gateway, Plans

# Long enough for a store that stumbled and for one slow statement, short enough that nobody waits for the truth.
ABANDONED_AFTER = 8 * HOLD_EVERY
_CUT_OFF = "whoever applied the plan went away in the middle"
_NEVER = f"its turn never came: {_CUT_OFF}"
_UNKNOWN = f"whether sessions were ended there is not known, events of it cannot be read: {_CUT_OFF}"
_NOTHING = f"nothing was ended there: {_CUT_OFF}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watched:
    """A heartbeat, and since when this service sees it unchanged, in seconds of its own clock."""

    held_at: datetime
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlePlans:
    """The operation with everything it needs; call it now and then, from as many services as there are."""

    plans: Plans
    audit: AuditSearch
    gateway: Gateway
    journal: Journal
    clock: Clock
    abandoned_after: timedelta = ABANDONED_AFTER
    seconds: Callable[[], float] = time.monotonic
    _watched: dict[PlanId, _Watched] = field(default_factory=dict[PlanId, _Watched])

    async def __call__(self) -> int:
        """Settle every plan that nobody has held for long enough; how many there were.

        A heartbeat counts as old once this service has seen it unchanged for so long by a clock that never steps. The
        times that services write are only compared for being the same.

        The signals of a component went out only after its intent was in the audit. So a component without an intent
        was left alone, and one with an intent and without an end is asked which of those sessions it still has.

        Raises:
            AuditUnavailableError, StoreUnavailableError: what is found cannot be kept; another call tries again.
        """
        claim = uuid.uuid4().hex
        settled = 0
        for plan_id, held_at in (await self._abandoned()).items():
            state = await self.plans.take_over(plan_id, held_at, claim, self.clock())
            if state is not None:
                await self._settle(state, claim)
                settled += 1
        return settled

    async def _abandoned(self) -> Mapping[PlanId, datetime]:
        """The plans whose last heartbeat has not changed for too long, each with that heartbeat."""
        heartbeats = await self.plans.heartbeats()
        now = self.seconds()
        for plan_id in self._watched.keys() - heartbeats.keys():
            del self._watched[plan_id]
        abandoned: dict[PlanId, datetime] = {}
        for plan_id, held_at in heartbeats.items():
            watched = self._watched.get(plan_id)
            if watched is None or watched.held_at != held_at:
                self._watched[plan_id] = _Watched(held_at=held_at, since=now)
            elif now - watched.since >= self.abandoned_after.total_seconds():
                abandoned[plan_id] = held_at
        return abandoned

    async def _settle(self, state: PlanState, claim: str) -> None:
        application = state.application
        if application is None:  # Nothing is taken over that was never begun.
            return
        events = await self.audit.events_of(application.request_id)
        unreadable = await self.audit.unreadable_of(application.request_id)
        for position, (planned, line) in enumerate(zip(state.plan.components, state.lines, strict=True)):
            if line.stage in {LineStage.WAITING, LineStage.RUNNING}:
                settled = await self._line(planned, line, events, unreadable)
                await self.plans.advance(state.plan.id, claim, position, replace(settled, finished_at=self.clock()))
                await self.plans.hold(state.plan.id, claim, self.clock())
        await self.journal.record(self._interrupted(state, application))
        await self.plans.finish(state.plan.id, claim, PlanStage.INTERRUPTED, self.clock())

    async def _line(
        self, planned: PlannedComponent, line: LineProgress, events: Sequence[RecordedEvent], unreadable: int
    ) -> LineProgress:
        if line.stage is LineStage.WAITING:
            return replace(line, stage=LineStage.STOPPED, problem=_NEVER)
        there = {event.action: event for event in events if event.target == target_at(planned.component)}
        finished = there.get(AuditAction.KILL_PLANNED_FINISHED)
        intended = there.get(AuditAction.KILL_PLANNED_INTENDED)
        if finished is not None:
            counts = Counter(session.outcome for session in finished.sessions)
            return replace(line, stage=LineStage.DONE, counts=dict(counts), problem=finished.error)
        if intended is None and unreadable:
            return replace(line, stage=LineStage.INTERRUPTED, problem=_UNKNOWN)
        if intended is None:
            return replace(line, stage=LineStage.STOPPED, problem=_NOTHING)
        sessions, problem = await self._seen(planned, intended)
        await self.journal.record(
            AuditEvent(
                at=self.clock(),
                action=AuditAction.KILL_PLANNED_FINISHED,
                actor=_actor(intended),
                target=intended.target,
                sessions=sessions,
                plan_id=intended.plan_id,
                error=problem,
            )
        )
        counts = Counter(entry.outcome for entry in sessions)
        return replace(line, stage=LineStage.INTERRUPTED, counts=dict(counts), problem=problem)

    async def _seen(self, planned: PlannedComponent, intended: RecordedEvent) -> tuple[tuple[SessionOutcome, ...], str]:
        """What can be seen now of the sessions that were to be signalled, and in words what cannot."""
        meant = {(session.session_id, session.backend_start) for session in intended.sessions}
        victims = [victim for victim in planned.victims if (victim.key.session_id, victim.key.backend_start) in meant]
        keys = [victim.key for victim in victims]
        present: frozenset[SessionKey] | None = None
        try:
            async with self.gateway.link(planned.component) as link:
                present = await link.still_present(keys)
            problem = f"{_CUT_OFF}; what is said of each session was seen afterwards"
        except VacateError as error:
            problem = f"{_CUT_OFF}, and what became of the sessions could not be seen afterwards ({error})"
        outcomes = tuple(
            SessionOutcome(
                session=as_planned(victim),
                outcome=Outcome.GONE if present is not None and victim.key not in present else Outcome.UNCONFIRMED,
                by="sweep",
                reason=_in_words(victim.key, present),
            )
            for victim in victims
        )
        return outcomes, problem

    def _interrupted(self, state: PlanState, application: Application) -> AuditEvent:
        return AuditEvent(
            at=self.clock(),
            action=AuditAction.PLAN_APPLY_INTERRUPTED,
            actor=the_service(application.request_id),
            target=target_of(state.plan.scope),
            plan_id=state.plan.id,
            note=f"{_CUT_OFF}; it was {application.by}'s since {application.started_at:%Y-%m-%d %H:%M:%S} UTC",
        )


def _in_words(key: SessionKey, present: frozenset[SessionKey] | None) -> str:
    if present is None:
        return "it may have been signalled; whether it is gone could not be seen"
    if key in present:
        return "it may have been signalled; it is still listed"
    return "it may have been signalled; it is gone, by whom was not seen"


def _actor(event: RecordedEvent) -> Actor:
    """Whoever made the call that was cut off, as the audit keeps them."""
    role = () if event.role is None else (Grant(project_id=event.target.project_id, role=event.role),)
    return Actor(
        user_id=event.user_id,
        user_name=event.user_name,
        grants=role,
        credential_kind=event.credential_kind,
        credential=event.credential,
        source_address=event.source_address,
        request_id=event.request_id,
    )
