"""Plans in memory, and a world of several components that plans are made over and applied in."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tests.support.fakes import LIMITS, MemoryAudit, Switch, TickingClock, Witness, actor
from tests.support.hurry import run
from tests.support.place import COMPONENT, INSTANCE, PROJECT
from tests.support.server_model import ModelLink, ServerModel, Tape
from vacate.domain.access.identity import Actor
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.audit.record import AuditQuery, RecordedEvent, RecordedSession
from vacate.domain.errors import ComponentBusyError, StoreUnavailableError, VacateError
from vacate.domain.judging.criteria import Criteria
from vacate.domain.judging.settings import GuardSettings
from vacate.domain.plans.plan import (
    Application,
    LineProgress,
    Plan,
    PlanId,
    PlanStage,
    PlanState,
    Scope,
)
from vacate.domain.sessions.activity import Activity
from vacate.domain.sessions.snapshot import ComponentSnapshot
from vacate.domain.topology.components import Component, ComponentId, ComponentKind, NodeId, ProjectId
from vacate.domain.topology.health import ComponentHealth
from vacate.inventory.static import ConfiguredInstance, StaticInventory
from vacate.operations.audit.journal import Journal
from vacate.operations.plans.apply_plan import ApplyPlan, StopPlan
from vacate.operations.plans.make_plan import MakePlan
from vacate.operations.plans.settle_plans import SettlePlans
from vacate.operations.plans.show_plan import ShowPlan
from vacate.operations.ports import Hold
from vacate.operations.sweeps.sweep import Sweep

SECOND = replace(
    COMPONENT,
    node_id=NodeId("7f1c3d0a2b9e4c58a1d6e3b2c4f5a601no14"),
    id=ComponentId("dn_6001"),
    kind=ComponentKind.DATA_NODE,
)
BOTH = (COMPONENT, SECOND)
EVERYTHING = Scope(project_id=PROJECT)
LONG_WAIT = timedelta(minutes=5)


@dataclass(slots=True, kw_only=True)
class _Kept:
    state: PlanState
    claim: str | None = None
    held_at: datetime | None = None
    stop_by: str | None = None


@dataclass(kw_only=True)
class MemoryPlans:
    """Implements `operations.ports.Plans`; it can be out of reach."""

    kept: dict[PlanId, _Kept] = field(default_factory=dict[PlanId, _Kept])
    out_of_reach: bool = False

    async def keep(self, plan: Plan) -> None:
        await self._reach()
        lines = tuple(LineProgress(component=line.component) for line in plan.components)
        self.kept[plan.id] = _Kept(state=PlanState(plan=plan, stage=PlanStage.OPEN, application=None, lines=lines))

    async def find(self, project_id: ProjectId, plan_id: PlanId) -> PlanState | None:
        await self._reach()
        kept = self.kept.get(plan_id)
        return kept.state if kept and kept.state.plan.scope.project_id == project_id else None

    async def recent(self, project_id: ProjectId, limit: int) -> tuple[PlanState, ...]:
        await self._reach()
        states = [kept.state for kept in self.kept.values() if kept.state.plan.scope.project_id == project_id]
        return tuple(sorted(states, key=lambda state: state.plan.made_at, reverse=True)[:limit])

    async def claim(self, plan_id: PlanId, application: Application) -> bool:
        await self._reach()
        kept = self.kept[plan_id]
        if kept.state.stage is not PlanStage.OPEN:
            return False
        kept.state = replace(kept.state, stage=PlanStage.APPLYING, application=application)
        kept.claim, kept.held_at = application.request_id, application.started_at
        return True

    async def hold(self, plan_id: PlanId, claim: str, now: datetime) -> Hold:
        await self._reach()
        kept = self.kept[plan_id]
        ours = kept.claim == claim and kept.state.stage is PlanStage.APPLYING
        if ours:
            kept.held_at = now
        return Hold(ours=ours, stop_by=kept.stop_by if ours else None)

    async def advance(self, plan_id: PlanId, claim: str, position: int, line: LineProgress) -> None:
        await self._reach()
        kept = self.kept[plan_id]
        if kept.claim == claim and kept.state.stage is PlanStage.APPLYING:
            lines = list(kept.state.lines)
            lines[position] = line
            kept.state = replace(kept.state, lines=tuple(lines))

    async def finish(self, plan_id: PlanId, claim: str, stage: PlanStage, now: datetime) -> bool:
        await self._reach()
        kept = self.kept[plan_id]
        if kept.claim != claim or kept.state.stage is not PlanStage.APPLYING or kept.state.application is None:
            return False
        ended = replace(kept.state.application, finished_at=now)
        kept.state = replace(kept.state, stage=stage, application=ended)
        return True

    async def ask_to_stop(self, plan_id: PlanId, by: str) -> bool:
        await self._reach()
        kept = self.kept[plan_id]
        if kept.state.stage is not PlanStage.APPLYING:
            return False
        kept.stop_by = by
        return True

    async def heartbeats(self) -> dict[PlanId, datetime]:
        await self._reach()
        return {
            plan_id: kept.held_at
            for plan_id, kept in self.kept.items()
            if kept.state.stage is PlanStage.APPLYING and kept.held_at is not None
        }

    async def take_over(self, plan_id: PlanId, held_at: datetime, claim: str, now: datetime) -> PlanState | None:
        await self._reach()
        kept = self.kept[plan_id]
        if kept.state.stage is not PlanStage.APPLYING or kept.held_at != held_at:
            return None
        kept.claim, kept.held_at = claim, now
        return kept.state

    async def forget(self, expired_before: datetime) -> int:
        await self._reach()
        old = [
            plan_id
            for plan_id, kept in self.kept.items()
            if kept.state.plan.expires_at < expired_before and kept.state.stage is not PlanStage.APPLYING
        ]
        for plan_id in old:
            del self.kept[plan_id]
        return len(old)

    async def _reach(self) -> None:
        await asyncio.sleep(0)
        if self.out_of_reach:
            raise StoreUnavailableError("the disk is gone")


@dataclass(kw_only=True)
class ManyLinks:
    """A gateway with a link for each component."""

    links: dict[Component, ModelLink]
    refusals: dict[Component, VacateError] = field(default_factory=dict[Component, VacateError])
    held: set[Component] = field(default_factory=set[Component])

    @asynccontextmanager
    async def link(self, component: Component) -> AsyncGenerator[ModelLink]:
        if component in self.refusals:
            raise self.refusals[component]
        if component in self.held:
            raise ComponentBusyError
        self.held.add(component)
        try:
            yield self.links[component]
        finally:
            self.held.discard(component)

    async def snapshot(self, component: Component) -> ComponentSnapshot:
        return await self._answering(component).snapshot()

    async def activity(self, component: Component) -> tuple[Activity, ...]:
        return await self._answering(component).activity()

    async def databases(self, component: Component) -> tuple[str, ...]:
        return await self._answering(component).databases()

    def latest(self, component: Component) -> ComponentSnapshot | None:
        raise NotImplementedError(component)

    def _answering(self, component: Component) -> ModelLink:
        if component in self.refusals:
            raise self.refusals[component]
        return self.links[component]

    def health(self) -> tuple[ComponentHealth, ...]:
        return tuple(ComponentHealth(component=each, checked_at=None, problem=None) for each in self.links)


@dataclass(kw_only=True)
class ReadableAudit(MemoryAudit):
    """An audit that can be asked for a call's events, as far as somebody has not spoilt them."""

    spoilt: frozenset[AuditAction] = frozenset()

    async def find(self, query: AuditQuery) -> tuple[RecordedEvent, ...]:
        raise NotImplementedError(query)

    async def events_of(self, request_id: str) -> tuple[RecordedEvent, ...]:
        events = (each for each in self.events if each.actor.request_id == request_id)
        return tuple(recorded(each) for each in events if each.action not in self.spoilt)

    async def unreadable_of(self, request_id: str) -> int:
        return sum(each.action in self.spoilt for each in self.events if each.actor.request_id == request_id)


def recorded(event: AuditEvent) -> RecordedEvent:
    """An event as it is read back; its number and its link of the chain are of no account here."""
    role = next((grant.role for grant in event.actor.grants if grant.project_id == event.target.project_id), None)
    return RecordedEvent(
        id=0,
        digest="",
        at=event.at,
        action=event.action,
        request_id=event.actor.request_id,
        user_id=event.actor.user_id,
        user_name=event.actor.user_name,
        role=role,
        credential_kind=event.actor.credential_kind,
        credential=event.actor.credential,
        source_address=event.actor.source_address,
        target=event.target,
        sessions=tuple(
            RecordedSession(
                session_id=entry.session.session_id,
                pid=entry.session.pid,
                backend_start=entry.session.backend_start,
                state_change=entry.session.state_change,
                user=entry.session.user,
                database=entry.session.database,
                application=entry.session.application,
                client_address=entry.session.client_address,
                outcome=entry.outcome,
                by=entry.by,
                reason=entry.reason,
            )
            for entry in event.sessions
        ),
        named=event.named,
        error=event.error,
        plan_id=event.plan_id,
        note=event.note,
    )


class PlanWorld:
    """Everything that plans meet: two components by default, one audit, and as many services as are asked for."""

    def __init__(self, *components: Component) -> None:
        self.tape: Tape = []
        self.components = components or BOTH
        self.servers = {component: ServerModel(self.tape) for component in self.components}
        self.links = {component: ModelLink(server=server) for component, server in self.servers.items()}
        self.gateway = ManyLinks(links=self.links)
        self.switch = Switch()
        self.audit = ReadableAudit(tape=self.tape)
        self.witness = Witness()
        self.plans = MemoryPlans()
        self.clock = TickingClock()
        self.criteria = Criteria()
        self.guards = GuardSettings()
        self.make = MakePlan(
            inventory=self.inventory(),
            gateway=self.gateway,
            plans=self.plans,
            journal=Journal(self.audit, self.witness),
            clock=self.clock,
            answer_within=timedelta(seconds=10),
            expires_after=timedelta(hours=10),
            unforeseen=self.witness.unforeseen,
        )
        self.show = ShowPlan(plans=self.plans)
        self.stop = StopPlan(plans=self.plans)
        self.settle = SettlePlans(
            plans=self.plans,
            audit=self.audit,
            gateway=self.gateway,
            journal=Journal(self.audit, self.witness),
            clock=self.clock,
            seconds=self._seconds,
        )

    def _seconds(self) -> float:
        return self.clock.now.timestamp()

    def inventory(self) -> StaticInventory:
        """The components as one instance, to be judged by what `criteria` and `guards` are now."""
        instance = replace(INSTANCE, components=self.components)
        return StaticInventory([ConfiguredInstance(instance=instance, criteria=self.criteria, guards=self.guards)])

    def service(self) -> ApplyPlan:
        """One more service over the same store, servers and audit."""
        journal = Journal(self.audit, self.witness)
        sweep = Sweep(
            inventory=self.inventory(),
            gateway=self.gateway,
            freezes=self.switch,
            journal=journal,
            observer=self.witness,
            clock=self.clock,
            limits=LIMITS,
        )
        return ApplyPlan(plans=self.plans, sweep=sweep, journal=journal, clock=self.clock)

    def planned(self, scope: Scope = EVERYTHING, caller: Actor | None = None, **wanted: str) -> PlanState:
        """A plan, in no time."""
        return run(self.make(caller or actor(request_id="plan-1"), scope, criteria=wanted.get("criteria")))

    def applied(self, plan: Plan, *, digest: str | None = None, caller: Actor | None = None) -> PlanState:
        """A plan that was applied to its end, in no time."""
        return run(
            self.service()(
                caller or actor(request_id="apply-1"), PROJECT, plan.id, digest or plan.digest, wait=LONG_WAIT
            )
        )

    def open(self, component: Component, count: int) -> Sequence[int]:
        """So many idle sessions on a component."""
        return [self.servers[component].open() for _ in range(count)]
