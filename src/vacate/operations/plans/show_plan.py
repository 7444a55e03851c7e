"""What a plan says, and how far it has come."""

from dataclasses import dataclass

from vacate.domain.access.identity import Actor, Permission
from vacate.domain.errors import PlanUnknownError
from vacate.domain.plans.plan import PlanId, PlanState
from vacate.domain.topology.components import ProjectId
from vacate.operations.ports import Plans


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowPlan:
    """The operation over the kept plans; call it with an actor and a plan's id."""

    plans: Plans

    async def __call__(self, actor: Actor, project_id: ProjectId, plan_id: PlanId) -> PlanState:
        """One plan of the project.

        Raises:
            ProjectMismatchError, PermissionDeniedError: the actor may not do this.
            PlanUnknownError: there is no such plan in the project.
            StoreUnavailableError: the store cannot be read.
        """
        actor.require(Permission.VIEW, project_id)
        state = await self.plans.find(project_id, plan_id)
        if state is None:
            raise PlanUnknownError
        return state

    async def all(self, actor: Actor, project_id: ProjectId, limit: int) -> tuple[PlanState, ...]:
        """The project's last plans, the newest first.

        Raises:
            ProjectMismatchError, PermissionDeniedError: the actor may not do this.
            StoreUnavailableError: the store cannot be read.
        """
        actor.require(Permission.VIEW, project_id)
        return await self.plans.recent(project_id, limit)
