"""The databases of an instance."""

from dataclasses import dataclass
from datetime import timedelta

from vacate.domain.access.identity import Actor, Permission
from vacate.domain.errors import ComponentUnreachableError, VacateError
from vacate.domain.topology.components import Component, ComponentKind, ComponentRole, InstanceId, ProjectId
from vacate.operations.ports import Gateway, Inventory
from vacate.operations.reading.one_component import within


@dataclass(frozen=True, slots=True, kw_only=True)
class ListDatabases:
    """The operation with everything it needs; call it with an actor and an instance.

    `answer_within` is how long each component that is asked may take.
    """

    inventory: Inventory
    gateway: Gateway
    answer_within: timedelta

    async def __call__(self, actor: Actor, project_id: ProjectId, instance_id: InstanceId) -> tuple[str, ...]:
        """Name the databases that clients may use, sorted, as the first component that answers has them.

        Coordinators are asked first, then primaries, then standbys. A component whose last check found a problem is
        asked after those that are ready. If none answers, the error of the one that was asked first is raised.

        Raises:
            ProjectMismatchError, PermissionDeniedError: the actor may not do this.
            InstanceUnknownError: there is no such instance.
            ComponentUnreachableError, ComponentBusyError, MissingRightsError, WrongServerError,
            UnsupportedServerError, StoreUnavailableError: no component's server is in a state to be read.
        """
        actor.require(Permission.VIEW, project_id)
        components = self.inventory.instance(project_id, instance_id).components
        ready = {health.component for health in self.gateway.health() if health.problem is None}
        problems: list[VacateError] = []
        for component in sorted(components, key=lambda c: (c not in ready, _rank(c))):
            try:
                return await within(self.answer_within, component, self.gateway.databases(component))
            except VacateError as error:
                problems.append(error)
        raise problems[0] if problems else ComponentUnreachableError("the instance has none")


def _rank(component: Component) -> int:
    if component.kind is ComponentKind.COORDINATOR:
        return 0
    return 1 if component.role is ComponentRole.PRIMARY else 2
