"""What the sessions of a whole instance do."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from vacate.domain.access.identity import Actor, Permission
from vacate.domain.sessions.activity import ComponentActivity
from vacate.domain.topology.components import Component, InstanceId, ProjectId
from vacate.operations.ports import Gateway, Inventory
from vacate.operations.reading.one_component import watch, within


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The operation with everything it needs; call it with an actor and an instance.

    `answer_within` is how long each component may take.
    """

    inventory: Inventory
    gateway: Gateway
    answer_within: timedelta

    async def __call__(
        self, actor: Actor, project_id: ProjectId, instance_id: InstanceId
    ) -> tuple[ComponentActivity, ...]:
        """Ask every component of the instance at once, in the order of the configuration.

        All client sessions count, also those without a client address. A sum without one component's sessions would
        be wrong and would not look it, so the first component that does not answer makes the whole an error.

        Raises:
            ProjectMismatchError, PermissionDeniedError: the actor may not do this.
            InstanceUnknownError: there is no such instance.
            ComponentUnreachableError: a component does not answer, or not in time; it names the component.
            ComponentBusyError, MissingRightsError, WrongServerError, UnsupportedServerError, StoreUnavailableError:
            a component's server is in no state to be read.
        """
        actor.require(Permission.VIEW, project_id)
        components = self.inventory.instance(project_id, instance_id).components
        answers = [asyncio.ensure_future(self._ask(component, actor)) for component in components]
        try:
            return tuple(await asyncio.gather(*answers))
        finally:
            for answer in answers:
                answer.cancel()

    async def _ask(self, component: Component, actor: Actor) -> ComponentActivity:
        activities = await within(self.answer_within, component, watch(self.gateway, component, actor))
        return ComponentActivity(component=component, activities=activities)
