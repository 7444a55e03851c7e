"""What stands behind our own door: the operations its calls are made of, as callables."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from vacate.domain.access.identity import Actor
from vacate.domain.audit.record import AuditQuery, RecordedEvent
from vacate.domain.judging.criteria import Criteria
from vacate.domain.judging.explanation import Explanation
from vacate.domain.plans.plan import PlanId, PlanState, Scope
from vacate.domain.sweeps.freezing import Freeze
from vacate.domain.topology.components import InstanceId, ProjectId, Target
from vacate.domain.topology.health import InstanceState
from vacate.operations.sweeps.turn_freeze import Turned


class MakesPlans(Protocol):
    """See `operations.plans.make_plan`."""

    def __call__(
        self, actor: Actor, scope: Scope, *, criteria: str | None, expires_in: timedelta | None
    ) -> Awaitable[PlanState]:
        """Make a plan."""
        ...


class AppliesPlans(Protocol):
    """See `operations.plans.apply_plan`."""

    def __call__(
        self, actor: Actor, project_id: ProjectId, plan_id: PlanId, digest: str, *, wait: timedelta
    ) -> Awaitable[PlanState]:
        """Apply a plan, and wait for its end for so long."""
        ...


class Explains(Protocol):
    """See `operations.reading.explain`."""

    def __call__(
        self, actor: Actor, target: Target, *, session_id: int | None, pid: int | None, criteria: Criteria | None
    ) -> Awaitable[Explanation]:
        """Say what a sweep would do with one session."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The operations. Everything below the project is looked up by them, and so is the actor's role.

    Only `admit` comes first, so that who is not of a project learns nothing about the rest of a call.
    """

    admit: Callable[[Actor, ProjectId], Awaitable[None]]
    make_plan: MakesPlans
    show_plan: Callable[[Actor, ProjectId, PlanId], Awaitable[PlanState]]
    list_plans: Callable[[Actor, ProjectId, int], Awaitable[tuple[PlanState, ...]]]
    apply_plan: AppliesPlans
    stop_plan: Callable[[Actor, ProjectId, PlanId], Awaitable[PlanState]]
    explain: Explains
    instances: Callable[[Actor, ProjectId], Awaitable[tuple[InstanceState, ...]]]
    search_audit: Callable[[Actor, ProjectId, AuditQuery], Awaitable[tuple[RecordedEvent, ...]]]
    standing: Callable[[Actor, ProjectId], Awaitable[tuple[Freeze, ...]]]
    freeze: Callable[[Actor, ProjectId, InstanceId, str], Awaitable[Turned]]
    thaw: Callable[[Actor, ProjectId, InstanceId], Awaitable[Turned]]
