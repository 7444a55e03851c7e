"""Apply a plan, once: end those of its victims that are still what they were, component by component."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from vacate.domain.access.identity import Actor, Permission
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.errors import (
    AuditUnavailableError,
    PlanDiffersError,
    PlanExpiredError,
    PlanNotRunningError,
    PlanSpentError,
    PlanUnknownError,
    StoreUnavailableError,
    VacateError,
)
from vacate.domain.plans.plan import (
    Application,
    LineProgress,
    LineStage,
    Plan,
    PlanId,
    PlannedComponent,
    PlanStage,
    PlanState,
    Scope,
)
from vacate.domain.sweeps.report import Outcome, Report
from vacate.domain.topology.components import ProjectId, Target
from vacate.operations.audit.journal import Journal
from vacate.operations.plans.make_plan import target_at, target_of
from vacate.operations.plans.planned_sweep import task_for
from vacate.operations.ports import Clock, Plans
from vacate.operations.sweeps.sweep import Sweep

# Each component has one link and one sweep at a time anyway; so many of them are swept side by side.
_SIDE_BY_SIDE = 4
HOLD_EVERY = timedelta(seconds=2)
_SERVICE_STOPS = "the service was stopped before its turn"
_LOST = "the plan was taken over by another service, because this one did not answer for too long"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyPlan:
    """The operation with everything it needs; call it with an actor, a plan's id and its digest.

    An application goes on when its caller does not wait for it. `close` ends those that run at their next statement.
    """

    plans: Plans
    sweep: Sweep
    journal: Journal
    clock: Clock
    _running: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    _closing: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(
        self, actor: Actor, project_id: ProjectId, plan_id: PlanId, digest: str, *, wait: timedelta = timedelta(0)
    ) -> PlanState:
        """Begin the plan's one application, wait for its end for so long, and say how far it has come.

        `digest` is that of the plan which the caller has read. What was planned can only shrink: a session that was
        used since, is gone, or is protected by now is left alone.

        Raises:
            ProjectMismatchError, PermissionDeniedError: the actor may not do this.
            PlanUnknownError: there is no such plan in the project.
            PlanDiffersError: the plan is not the one that the caller has read.
            PlanExpiredError, PlanSpentError: its time is over, or it was applied before.
            AuditUnavailableError, StoreUnavailableError: it cannot be written down.
            After any of them nothing was ended by this call.
        """
        try:
            plan = await self._claim(actor, project_id, plan_id, digest)
        except Exception as error:
            nowhere = target_of(Scope(project_id=project_id))
            refused = self._event(AuditAction.PLAN_APPLY_REFUSED, actor, nowhere, plan_id, error=error)
            await self.journal.conclude(refused)
            raise
        applying = asyncio.create_task(self._apply(actor, plan), name=f"plan {plan.id}")
        # The event loop itself holds its tasks only weakly.
        self._running.add(applying)
        applying.add_done_callback(self._running.discard)
        await asyncio.wait([applying], timeout=wait.total_seconds())
        state = await self.plans.find(project_id, plan_id)
        if state is None:
            raise PlanUnknownError
        return state

    async def close(self) -> None:
        """Stop every application at its next statement, and wait until what was done is written down."""
        self._closing.set()
        await asyncio.gather(*self._running, return_exceptions=True)

    # --- before anything is ended ------------------------------------------------------------------------------------

    async def _claim(self, actor: Actor, project_id: ProjectId, plan_id: PlanId, digest: str) -> Plan:
        actor.require(Permission.KILL, project_id)
        state = await self.plans.find(project_id, plan_id)
        if state is None:
            raise PlanUnknownError
        plan, now = state.plan, self.clock()
        if plan.digest != digest:
            raise PlanDiffersError
        if state.application is not None:
            raise _spent(state.application)
        if state.expired(now):
            raise PlanExpiredError(expired_at=plan.expires_at.isoformat(timespec="seconds"))
        application = Application(by=actor.user_name, request_id=actor.request_id, started_at=now)
        if not await self.plans.claim(plan.id, application):
            later = await self.plans.find(project_id, plan_id)
            raise _spent((later and later.application) or application)
        note = f"{plan.victims} sessions on {len(plan.components)} components, digest {plan.digest}"
        started = self._event(AuditAction.PLAN_APPLY_STARTED, actor, target_of(plan.scope), plan.id, note=note)
        try:
            await self.journal.record(started)
        except AuditUnavailableError:
            # The plan is spent all the same: one that is opened again could be applied twice.
            await self.plans.finish(plan.id, actor.request_id, PlanStage.STOPPED, self.clock())
            raise
        return plan

    # --- while it runs -----------------------------------------------------------------------------------------------

    async def _apply(self, actor: Actor, plan: Plan) -> None:
        claim = actor.request_id
        holding = asyncio.create_task(self._keep_holding(plan, claim))
        turns = asyncio.Semaphore(_SIDE_BY_SIDE)

        async def in_turn(position: int, line: PlannedComponent) -> LineProgress:
            async with turns:
                return await self._line(actor, plan, position, line)

        try:
            lines = await asyncio.gather(*(in_turn(at, line) for at, line in enumerate(plan.components)))
        finally:
            holding.cancel()
        stopped = any(line.stage is LineStage.STOPPED for line in lines)
        stage = PlanStage.STOPPED if stopped else PlanStage.APPLIED
        action = AuditAction.PLAN_APPLY_STOPPED if stopped else AuditAction.PLAN_APPLY_FINISHED
        note = "; ".join(f"{line.component.id}: {_in_words(line)}" for line in lines)
        await self.journal.conclude(self._event(action, actor, target_of(plan.scope), plan.id, note=note))
        await self._insist(lambda: self.plans.finish(plan.id, claim, stage, self.clock()))

    async def _line(self, actor: Actor, plan: Plan, position: int, line: PlannedComponent) -> LineProgress:
        """Sweep one component. Whatever goes wrong there is its own line and nobody else's."""
        claim = actor.request_id
        progress = LineProgress(component=line.component, started_at=self.clock())
        halts: list[str] = []

        async def halted() -> str | None:
            if reason := await self._halted(plan.id, claim):
                halts.append(reason)
            return reason

        try:
            if reason := await halted():
                progress = replace(progress, stage=LineStage.STOPPED, problem=reason)
            elif line.problem is not None:
                progress = replace(progress, stage=LineStage.FAILED, problem=f"it was not planned: {line.problem}")
            else:
                await self.plans.advance(plan.id, claim, position, replace(progress, stage=LineStage.RUNNING))
                task = await task_for(plan, line, halted)
                report = await self.sweep.run(actor, target_at(line.component), task)
                progress = _swept(progress, report)
                if halts:
                    progress = replace(progress, stage=LineStage.STOPPED)
        except VacateError as error:
            progress = replace(progress, stage=LineStage.FAILED, problem=str(error))
        except Exception as error:  # noqa: BLE001 - one unforeseen answer must not end the other components' turns
            unforeseen = f"unforeseen: {type(error).__name__}: {error}; the audit says what was done"
            progress = replace(progress, stage=LineStage.FAILED, problem=unforeseen)
        progress = replace(progress, finished_at=self.clock())
        await self._insist(lambda: self.plans.advance(plan.id, claim, position, progress))
        return progress

    async def _halted(self, plan_id: PlanId, claim: str) -> str | None:
        """Why nobody else may be signalled; `None` while the application goes on."""
        if self._closing.is_set():
            return _SERVICE_STOPS
        hold = await self.plans.hold(plan_id, claim, self.clock())
        if not hold.ours:
            return _LOST
        return None if hold.stop_by is None else f"the plan was stopped by {hold.stop_by} before its turn"

    async def _keep_holding(self, plan: Plan, claim: str) -> None:
        """Say now and then that this service is still there, also while one statement takes long."""
        while True:
            await asyncio.sleep(HOLD_EVERY.total_seconds())
            try:
                await self.plans.hold(plan.id, claim, self.clock())
            except StoreUnavailableError:
                continue

    async def _insist(self, write: Callable[[], Awaitable[object]]) -> None:
        """Keep what has happened. If the store stays away, the audit has it, and whoever takes over reads it there."""
        pause = 0.1
        while True:
            try:
                await write()
            except StoreUnavailableError:
                if pause > HOLD_EVERY.total_seconds():
                    return
                await asyncio.sleep(pause)
                pause *= 2
            else:
                return

    def _event(
        self,
        action: AuditAction,
        actor: Actor,
        target: Target,
        plan_id: PlanId,
        *,
        note: str | None = None,
        error: Exception | None = None,
    ) -> AuditEvent:
        return AuditEvent(
            at=self.clock(),
            action=action,
            actor=actor,
            target=target,
            plan_id=plan_id,
            note=note,
            error=None if error is None else f"{type(error).__name__}: {error}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StopPlan:
    """The operation over the kept plans; call it with an actor and a plan's id."""

    plans: Plans

    async def __call__(self, actor: Actor, project_id: ProjectId, plan_id: PlanId) -> PlanState:
        """Have a plan stopped before its next statement, whichever service applies it.

        Raises:
            ProjectMismatchError, PermissionDeniedError: the actor may not do this.
            PlanUnknownError: there is no such plan in the project.
            PlanNotRunningError: it is not being applied.
            StoreUnavailableError: the store cannot be used.
        """
        actor.require(Permission.KILL, project_id)
        state = await self.plans.find(project_id, plan_id)
        if state is None:
            raise PlanUnknownError
        if not await self.plans.ask_to_stop(plan_id, actor.user_name):
            raise PlanNotRunningError(stage=state.stage.value)
        return await self.plans.find(project_id, plan_id) or state


def _spent(application: Application) -> PlanSpentError:
    return PlanSpentError(by=application.by, at=application.started_at.isoformat(timespec="seconds"))


def _swept(progress: LineProgress, report: Report) -> LineProgress:
    """A component that was swept. Where somebody's turn never came, the line says why."""
    left = next((entry.reason for entry in report.sessions if entry.outcome is Outcome.NOT_REACHED), None)
    return replace(progress, stage=LineStage.DONE, counts=dict(report.counts), problem=left)


def _in_words(line: LineProgress) -> str:
    counts = ", ".join(f"{count} {outcome}" for outcome, count in line.counts.items())
    return " ".join(filter(None, [line.stage.value, counts, line.problem]))
