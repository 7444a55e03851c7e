"""A sweep: one run on one target, from the look to the last word in the audit. The verbs say what it is for."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from vacate.domain.access.identity import Actor, Permission
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.errors import KillsFrozenError, StoreUnavailableError, VacateError
from vacate.domain.judging.criteria import Criteria
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.judging.surroundings import Surroundings
from vacate.domain.judging.verdicts import Verdict
from vacate.domain.sessions.session import Session
from vacate.domain.sweeps.freezing import Freeze
from vacate.domain.sweeps.report import Report, SessionOutcome, Verb
from vacate.domain.topology.components import Component, Target
from vacate.operations.aside import BUDGET, aside
from vacate.operations.audit.journal import Journal
from vacate.operations.ports import (
    Clock,
    Freezes,
    Gateway,
    Inventory,
    Link,
    Observer,
    Placement,
    TerminateBrokenError,
)
from vacate.operations.sweeps.fates import Fates
from vacate.operations.sweeps.surroundings import surroundings_of

_FIRST_POLL = 0.005
_SLOWEST_POLL = 0.1


async def _goes_on() -> str | None:
    return None


def _nobody(_: Sequence[Session]) -> tuple[SessionOutcome, ...]:
    return ()


Judge = Callable[[Sequence[Session], Criteria, GuardSettings, Surroundings], tuple[Verdict, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a sweep may take: to signal, and after the last signal to see who is gone."""

    signal_for: timedelta = timedelta(seconds=45)
    confirm_for: timedelta = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a verb wants of a sweep.

    `judge` gives the sessions of the look their verdicts, all or those that the verb is about. `named` are the ids
    that the caller gave, if the verb is about those alone. `waived` are guards that the verb has off whatever the
    instance says, `criteria` are the caller's own instead of the instance's. `departed` says what is known of the
    sessions that the verb is about and the look did not find. `halted` is asked before the first signal and between
    two statements; words that it answers end the sweep there.
    """

    verb: Verb
    intended: AuditAction
    finished: AuditAction
    refused: AuditAction
    judge: Judge
    named: tuple[int, ...] | None = None
    waived: frozenset[GuardName] = frozenset()
    criteria: Criteria | None = None
    plan_id: str | None = None
    departed: Callable[[Sequence[Session]], tuple[SessionOutcome, ...]] = _nobody
    halted: Callable[[], Awaitable[str | None]] = _goes_on

    def about(self, looked_at: Sequence[Session]) -> tuple[Session, ...]:
        """The sessions of a look that the sweep is about."""
        if self.named is None:
            return tuple(looked_at)
        named = frozenset(self.named)
        return tuple(session for session in looked_at if session.session_id in named)

    def absent(self, looked_at: Sequence[Session]) -> tuple[int, ...]:
        """The named ids that the look did not find. They go no further: nobody is asked about them."""
        present = {session.session_id for session in looked_at}
        return tuple(session_id for session_id in self.named or () if session_id not in present)


@dataclass(slots=True)
class _Written:
    """Which events of a sweep are in the journal's hands: whom it is about to end, and how it ended."""

    the_intent: bool = False
    the_end: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Everything that a sweep needs; every verb that ends sessions runs its task through it."""

    inventory: Inventory
    gateway: Gateway
    freezes: Freezes
    journal: Journal
    observer: Observer
    clock: Clock
    limits: Limits = field(default_factory=Limits)

    async def run(self, actor: Actor, target: Target, task: Task) -> Report:
        """Do the task on the target, and say what became of every session that it is about.

        A caller that goes away does not stop a sweep half way: it runs to its end, and so does its audit.

        Raises:
            ProjectMismatchError, PermissionDeniedError: the actor may not do this.
            InstanceUnknownError, NodeUnknownError, ComponentUnknownError: there is no such target.
            KillsFrozenError: somebody turned the freeze switch.
            StoreUnavailableError: whether they did cannot be read.
            ComponentUnreachableError, ComponentBusyError, MissingRightsError, WrongServerError,
            UnsupportedServerError: the component's server is in no state to be swept.
            AuditUnavailableError: the intent cannot be written.
            After any of them nothing was ended.
        """
        running = asyncio.ensure_future(self._attempt(actor, target, task))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            raise

    async def _attempt(self, actor: Actor, target: Target, task: Task) -> Report:
        written = _Written()
        try:
            actor.require(Permission.KILL, target.project_id)
            placement = self.inventory.place(target)
            await self._refuse_when_frozen(placement.component)
            async with self.gateway.link(placement.component) as link:
                report = await self._sweep(actor, target, task, placement, link, written)
            # Another sweep need not wait for what is only told.
            return await self._told(actor, target, task, report, written)
        except Exception as error:
            # Also what nobody foresaw leaves its event, and exactly one that says how the sweep ended.
            if not written.the_end:
                await self.journal.conclude(self._event(task.refused, actor, target, task, error=error))
            raise

    async def _sweep(
        self, actor: Actor, target: Target, task: Task, placement: Placement, link: Link, written: _Written
    ) -> Report:
        started_at = self.clock()
        component = placement.component
        guards = placement.guards.waiving(task.waived)
        snapshot = await link.snapshot()
        surroundings, looked_at = surroundings_of(placement, snapshot), snapshot.sessions
        criteria = placement.criteria if task.criteria is None else task.criteria
        # A caller's own criteria have a time budget; what the instance's take is its owner's affair.
        verdicts = await aside(
            lambda: task.judge(task.about(looked_at), criteria, guards, surroundings),
            budget=None if task.criteria is None else BUDGET,
        )
        for verdict in verdicts:
            for failure in verdict.failures:
                self.observer.unforeseen(component, failure)
        fates = Fates(verdicts)
        departed = task.departed(looked_at)

        if fates.victims:
            # To look may have taken a while, and so may the wait for the link.
            await self._refuse_when_frozen(component)
            intended = fates.intended()
            await self.journal.record(self._event(task.intended, actor, target, task, intended))
            written.the_intent = True
            try:
                await self._signal(link, guards.off, component, task, fates)
                await self._confirm(link, fates)
            except Exception as error:
                # Nobody foresaw it, and signals may be out: what is known is written down all the same.
                fates.broke_off(type(error).__name__, fates.unanswered)
                known = (*fates.outcomes(), *departed)
                written.the_end = True
                await self.journal.conclude(self._event(task.finished, actor, target, task, known, error=error))
                raise

        return Report(
            verb=task.verb,
            request_id=actor.request_id,
            component=component,
            started_at=started_at,
            finished_at=self.clock(),
            sessions=(*fates.outcomes(), *departed),
            absent=task.absent(looked_at),
        )

    async def _told(self, actor: Actor, target: Target, task: Task, report: Report, written: _Written) -> Report:
        """Write down how the sweep ended, and have it counted."""
        finished = self._event(task.finished, actor, target, task, report.sessions, at=report.finished_at)
        if written.the_intent:
            written.the_end = True
            await self.journal.conclude(finished)
        else:
            await self.journal.record(finished)
            written.the_end = True
        self.observer.swept(report)
        return report

    def _event(
        self,
        action: AuditAction,
        actor: Actor,
        target: Target,
        task: Task,
        sessions: tuple[SessionOutcome, ...] = (),
        *,
        error: Exception | None = None,
        at: datetime | None = None,
    ) -> AuditEvent:
        return AuditEvent(
            at=self.clock() if at is None else at,
            action=action,
            actor=actor,
            target=target,
            sessions=sessions,
            named=task.named or (),
            plan_id=task.plan_id,
            error=None if error is None else f"{type(error).__name__}: {error}",
        )

    async def _frozen(self, component: Component) -> Freeze | None:
        """The freeze that stops the sweeps of a component, if there is one."""
        standing = await self.freezes.standing()
        return next((freeze for freeze in standing if freeze.covers(component.instance_id)), None)

    async def _refuse_when_frozen(self, component: Component) -> None:
        if freeze := await self._frozen(component):
            raise KillsFrozenError(freeze)

    async def _signal(
        self, link: Link, off: frozenset[GuardName], component: Component, task: Task, fates: Fates
    ) -> None:
        """Signal chunk by chunk; before each, the time, the freeze switch, the audit and whoever may halt are asked."""
        deadline = asyncio.get_running_loop().time() + self.limits.signal_for.total_seconds()
        try:
            if reason := await task.halted():
                fates.stopped(reason)
                return
            async for answers in link.terminate(fates.victims, off):
                fates.answered(answers)
                if asyncio.get_running_loop().time() > deadline:
                    fates.out_of_time(self.limits.signal_for)
                    return
                if not fates.unanswered:
                    return
                if freeze := await self._frozen(component):
                    fates.stopped(f"kills were frozen before its turn ({freeze})")
                    return
                if problem := self.journal.stopped:
                    fates.stopped(f"the audit stopped all kills before its turn ({problem})")
                    return
                if reason := await task.halted():
                    fates.stopped(reason)
                    return
        except TerminateBrokenError as error:
            fates.broke_off(str(error), error.in_flight)
        except StoreUnavailableError as error:
            fates.stopped(f"whether the sweep may go on could not be read before its turn ({error})")

    async def _confirm(self, link: Link, fates: Fates) -> None:
        """Poll once for all of them until each is gone or the time is over.

        Signals are out by now, so whatever keeps the link from being opened again is a reason and no error.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.limits.confirm_for.total_seconds()
        pause = _FIRST_POLL
        while fates.awaited:
            try:
                fates.seen_present(await link.still_present(tuple(fates.awaited)))
            except VacateError as error:
                fates.not_seen(str(error))
            if not fates.awaited or loop.time() + pause > deadline:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, _SLOWEST_POLL)
