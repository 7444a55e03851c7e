"""Make a plan: say whom a sweep would end, on how many components it may be, and end nobody."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from vacate.domain.access.identity import Actor, Permission
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.errors import VacateError
from vacate.domain.judging.criteria import Criteria
from vacate.domain.judging.judge import judge
from vacate.domain.judging.verdicts import Verdict
from vacate.domain.judging.victim_warnings import warnings_of
from vacate.domain.plans.plan import LineProgress, Plan, PlanId, PlannedComponent, PlanStage, PlanState, Scope, planned
from vacate.domain.sessions.slots import Slots
from vacate.domain.sweeps.report import Outcome, SessionOutcome
from vacate.domain.topology.components import Component, ComponentId, InstanceId, NodeId, Target
from vacate.operations.aside import BUDGET, aside, paced
from vacate.operations.audit.journal import Journal
from vacate.operations.plans.planned_sweep import as_planned
from vacate.operations.ports import Clock, Gateway, Inventory, Placement, Plans, Unforeseen, untold
from vacate.operations.reading.one_component import within
from vacate.operations.sweeps.surroundings import surroundings_of
from vacate.operations.wanted import decode_criteria_aside

SHORTEST = timedelta(seconds=10)
LONGEST = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MakePlan:
    """The operation with everything it needs; call it with an actor and a scope.

    `answer_within` is how long each component may take. `expires_after` is how long a plan may be applied unless the
    caller says otherwise.
    """

    inventory: Inventory
    gateway: Gateway
    plans: Plans
    journal: Journal
    clock: Clock
    answer_within: timedelta
    expires_after: timedelta = timedelta(minutes=10)
    unforeseen: Unforeseen = untold

    async def __call__(
        self, actor: Actor, scope: Scope, *, criteria: str | None = None, expires_in: timedelta | None = None
    ) -> PlanState:
        """Look at every component of the scope at once, judge its sessions, and keep whom that would end.

        A component that cannot be looked at is a line of the plan with its problem; the others are planned all the
        same. `criteria` are the caller's own, in JSON, instead of each instance's; see `operations.wanted`.
        `expires_in` is taken into the bounds of ten seconds and a day.

        Raises:
            ProjectMismatchError, PermissionDeniedError: the actor may not do this.
            InstanceUnknownError, NodeUnknownError, ComponentUnknownError: there is no such place.
            CriteriaError: the criteria cannot be used; it names the place.
            AuditUnavailableError, StoreUnavailableError: the plan cannot be kept.
        """
        actor.require(Permission.KILL, scope.project_id)
        own = None if criteria is None else await decode_criteria_aside(criteria, "criteria")
        placements = self._placements(scope)
        lines = await asyncio.gather(*(self._line(placement, own) for placement in placements))
        made_at = self.clock()
        lasts = self.expires_after if expires_in is None else min(max(expires_in, SHORTEST), LONGEST)
        plan = Plan(
            id=PlanId(uuid.uuid4().hex),
            scope=scope,
            criteria=criteria,
            made_at=made_at,
            expires_at=made_at + lasts,
            by=actor.user_name,
            request_id=actor.request_id,
            components=tuple(lines),
        )
        await self.journal.record(*await aside(lambda: _events(plan, actor)))
        await self.plans.keep(plan)
        return PlanState(
            plan=plan,
            stage=PlanStage.OPEN,
            application=None,
            lines=tuple(LineProgress(component=line.component) for line in plan.components),
        )

    def _placements(self, scope: Scope) -> tuple[Placement, ...]:
        """Every component that the scope is over, in the order of the configuration."""
        if scope.instance_id is not None and (scope.component_id is not None or scope.node_id is not None):
            return (self.inventory.place(target_of(scope)),)
        if scope.instance_id is not None:
            instances = (self.inventory.instance(scope.project_id, scope.instance_id),)
        else:
            instances = self.inventory.instances(scope.project_id)
        return tuple(self.inventory.place(target_at(c)) for instance in instances for c in instance.components)

    async def _line(self, placement: Placement, own: Criteria | None) -> PlannedComponent:
        component = placement.component

        async def line() -> PlannedComponent:
            snapshot = await self.gateway.snapshot(component)
            surroundings = surroundings_of(placement, snapshot)
            verdicts = await aside(
                lambda: judge(
                    paced(snapshot.sessions), placement.criteria if own is None else own, placement.guards, surroundings
                ),
                budget=None if own is None else BUDGET,
            )
            for verdict in verdicts:
                for failure in verdict.failures:
                    self.unforeseen(component, failure)
            return await aside(lambda: _judged(component, verdicts, snapshot.slots))

        try:
            return await within(self.answer_within, component, line())
        except VacateError as error:
            return PlannedComponent(component=component, problem=str(error))


def _judged(component: Component, verdicts: Sequence[Verdict], slots: Slots | None) -> PlannedComponent:
    """One component's line of the plan."""
    spared = Counter(verdict.objections[0].by.value for verdict in verdicts if verdict.objections)
    return PlannedComponent(
        component=component,
        victims=tuple(victim for verdict in verdicts if (victim := planned(verdict)) is not None),
        slots=slots,
        spared=tuple(sorted(spared.items())),
        warnings=warnings_of(verdict.session for verdict in verdicts if verdict.victim is not None),
    )


def target_at(component: Component) -> Target:
    """A component as a target."""
    return Target(
        project_id=component.project_id,
        instance_id=component.instance_id,
        node_id=component.node_id,
        component_id=component.id,
    )


def target_of(scope: Scope) -> Target:
    """A scope as a target; what it does not name is empty."""
    return Target(
        project_id=scope.project_id,
        instance_id=scope.instance_id or InstanceId(""),
        node_id=scope.node_id or NodeId(""),
        component_id=scope.component_id or ComponentId(""),
    )


def _events(plan: Plan, actor: Actor) -> list[AuditEvent]:
    """What the audit keeps of a plan, an event for each component."""
    # The digest is over the whole plan, so it is computed once and not for each component.
    note = f"plan over {plan.scope}, digest {plan.digest}, expires {plan.expires_at:%Y-%m-%d %H:%M:%S} UTC"
    return [_event(plan, line, actor, note) for line in plan.components]


def _event(plan: Plan, line: PlannedComponent, actor: Actor, note: str) -> AuditEvent:
    """What the audit keeps of one line of a plan; whose turn has not come is not reached."""
    return AuditEvent(
        at=plan.made_at,
        action=AuditAction.PLAN_MADE,
        actor=actor,
        target=target_at(line.component),
        sessions=tuple(
            SessionOutcome(session=as_planned(victim), outcome=Outcome.NOT_REACHED, by="plan", reason="it is planned")
            for victim in line.victims
        ),
        plan_id=plan.id,
        note=note,
        error=line.problem,
    )
