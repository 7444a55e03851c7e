"""The main job: end the idle sessions of one component, and none that is not idle."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from vacate.domain.audit import AuditAction, AuditEvent
from vacate.domain.errors import VacateError
from vacate.domain.guards import Surroundings, Verdict, judge
from vacate.domain.identity import Actor, Permission
from vacate.domain.sessions import SessionKey, Victim
from vacate.domain.sweeps import Outcome, Report, SessionOutcome, Signal
from vacate.domain.topology import Target
from vacate.operations.journal import Journal
from vacate.operations.ports import (
    Clock,
    Gateway,
    Inventory,
    Link,
    Observer,
    Placement,
    Signalled,
    TerminateBrokenError,
)

_FIRST_POLL = 0.005
_SLOWEST_POLL = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a sweep may take: to signal, and after the last signal to see who is gone."""

    signal_for: timedelta = timedelta(seconds=45)
    confirm_for: timedelta = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class KillIdle:
    """The operation with everything it needs; call it with an actor and a target."""

    inventory: Inventory
    gateway: Gateway
    journal: Journal
    observer: Observer
    clock: Clock
    limits: Limits = field(default_factory=Limits)

    async def __call__(self, actor: Actor, target: Target) -> Report:
        """End the idle sessions of the target, and say what became of every session.

        A caller that goes away does not stop a sweep half way: it runs to its end, and so does its audit.

        Raises:
            ProjectMismatchError, PermissionDeniedError: the actor may not do this.
            InstanceUnknownError, NodeUnknownError, ComponentUnknownError: there is no such target.
            ComponentUnreachableError, ComponentBusyError, MissingRightsError, WrongServerError,
            UnsupportedServerError: the component's server is in no state to be swept.
            AuditUnavailableError: the intent cannot be written.
            After any of them nothing was ended.
        """
        sweep = asyncio.ensure_future(self._attempt(actor, target))
        try:
            return await asyncio.shield(sweep)
        except asyncio.CancelledError:
            await asyncio.wait([sweep])
            raise

    async def _attempt(self, actor: Actor, target: Target) -> Report:
        try:
            actor.require(Permission.KILL, target.project_id)
            placement = self.inventory.place(target)
            async with self.gateway.link(placement.component) as link:
                return await self._sweep(actor, target, placement, link)
        except VacateError as error:
            await self.journal.conclude(self._event(AuditAction.KILL_IDLE_REFUSED, actor, target, error=error))
            raise

    async def _sweep(self, actor: Actor, target: Target, placement: Placement, link: Link) -> Report:
        started_at = self.clock()
        component = placement.component
        surroundings = Surroundings(kind=component.kind, coordinators=placement.instance.coordinator_names())
        verdicts = judge(await link.look(), placement.criteria, placement.guards, surroundings)
        fates = _Fates(verdicts)

        if fates.victims:
            intended = fates.outcomes(victims_only=True)
            await self.journal.record(self._event(AuditAction.KILL_IDLE_INTENDED, actor, target, intended))
            try:
                await self._signal(link, placement, fates)
                await self._confirm(link, fates)
            except Exception as error:
                # Nobody foresaw it, and signals may be out: what is known is written down all the same.
                fates.broke_off(type(error).__name__, fates.unanswered)
                known = fates.outcomes()
                await self.journal.conclude(
                    self._event(AuditAction.KILL_IDLE_FINISHED, actor, target, known, error=error)
                )
                raise

        sessions = fates.outcomes()
        finished = self._event(AuditAction.KILL_IDLE_FINISHED, actor, target, sessions)
        report = Report(
            request_id=actor.request_id,
            component=component,
            started_at=started_at,
            finished_at=finished.at,
            sessions=sessions,
        )
        if fates.victims:
            await self.journal.conclude(finished)
        else:
            await self.journal.record(finished)
        self.observer.swept(report)
        return report

    def _event(
        self,
        action: AuditAction,
        actor: Actor,
        target: Target,
        sessions: tuple[SessionOutcome, ...] = (),
        *,
        error: Exception | None = None,
    ) -> AuditEvent:
        words = None if error is None else f"{type(error).__name__}: {error}"
        return AuditEvent(at=self.clock(), action=action, actor=actor, target=target, sessions=sessions, error=words)

    async def _signal(self, link: Link, placement: Placement, fates: "_Fates") -> None:
        deadline = asyncio.get_running_loop().time() + self.limits.signal_for.total_seconds()
        try:
            async for answers in link.terminate(fates.victims, placement.guards.off):
                fates.answered(answers)
                if asyncio.get_running_loop().time() > deadline:
                    fates.out_of_time(self.limits.signal_for)
                    return
        except TerminateBrokenError as error:
            fates.broke_off(str(error), error.in_flight)

    async def _confirm(self, link: Link, fates: "_Fates") -> None:
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


class _Fates:
    """What is known of each session of one sweep, as it becomes known."""

    def __init__(self, verdicts: Sequence[Verdict]) -> None:
        # Each verdict makes its victim anew when asked, so all are asked once.
        self._judged = tuple((verdict, verdict.victim) for verdict in verdicts)
        self.victims: tuple[Victim, ...] = tuple(victim for _, victim in self._judged if victim is not None)
        self._answers: dict[SessionKey, Signalled] = {}
        self._in_flight: frozenset[SessionKey] = frozenset()
        self._not_reached = "the sweep ended before its turn"
        self.awaited: frozenset[SessionKey] = frozenset()
        """Signalled or perhaps signalled, and not seen to be gone."""
        self._unseen = "it is still listed"

    def answered(self, answers: Sequence[Signalled]) -> None:
        self._answers.update((answer.key, answer) for answer in answers)
        self.awaited |= {answer.key for answer in answers if answer.signal is Signal.SIGNALLED}

    def out_of_time(self, limit: timedelta) -> None:
        self._not_reached = f"{limit.total_seconds():g} s were over before its turn"

    @property
    def unanswered(self) -> frozenset[SessionKey]:
        """The victims of whom nothing has been heard."""
        return frozenset(victim.key for victim in self.victims) - self._answers.keys()

    def broke_off(self, reason: str, in_flight: frozenset[SessionKey]) -> None:
        self._not_reached = f"the sweep broke off before its turn ({reason})"
        self._in_flight = in_flight
        self.awaited |= in_flight

    def seen_present(self, present: frozenset[SessionKey]) -> None:
        self.awaited &= present
        self._unseen = "it is still listed"

    def not_seen(self, reason: str) -> None:
        self._unseen = f"whether it is gone could not be seen ({reason})"

    def outcomes(self, *, victims_only: bool = False) -> tuple[SessionOutcome, ...]:
        return tuple(
            self._outcome(verdict, victim) for verdict, victim in self._judged if victim is not None or not victims_only
        )

    def _outcome(self, verdict: Verdict, victim: Victim | None) -> SessionOutcome:
        outcome, by, reason = self._fate(verdict, victim)
        return SessionOutcome(session=verdict.session, outcome=outcome, by=by, reason=reason)

    def _fate(self, verdict: Verdict, victim: Victim | None) -> tuple[Outcome, str, str]:
        if victim is None:
            return Outcome.SPARED, verdict.objections[0].by, verdict.reason
        if victim.key in self._in_flight:
            return self._fate_in_flight(victim)
        answer = self._answers.get(victim.key)
        if answer is None:
            return Outcome.NOT_REACHED, "sweep", self._not_reached
        if answer.signal is not Signal.SIGNALLED:
            return _WITHOUT_SIGNAL[answer.signal], answer.signal, answer.reason
        if victim.key in self.awaited:
            return Outcome.UNCONFIRMED, answer.signal, f"signalled; {self._unseen}"
        return Outcome.TERMINATED, answer.signal, "signalled and seen to be gone"

    def _fate_in_flight(self, victim: Victim) -> tuple[Outcome, str, str]:
        if victim.key in self.awaited:
            return Outcome.UNCONFIRMED, "link", f"no answer came while it was being signalled; {self._unseen}"
        return Outcome.GONE, "link", "no answer came while it was being signalled; it is gone, by whom was not seen"


_WITHOUT_SIGNAL: Mapping[Signal, Outcome] = {
    Signal.GONE: Outcome.GONE,
    Signal.WOKE: Outcome.WOKE,
    Signal.FORBIDDEN: Outcome.REFUSED,
    Signal.PROTECTED: Outcome.SPARED,
}
