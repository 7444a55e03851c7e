"""The sessions of one component, as a person watches them."""

from dataclasses import dataclass

from vacate.domain.access.identity import Actor, Permission
from vacate.domain.sessions.activity import Activity, ActivityFilter, matches, oldest_first
from vacate.domain.topology.components import Target
from vacate.operations.ports import Gateway, Inventory
from vacate.operations.reading.one_component import watch


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSessions:
    """The operation with everything it needs; call it with an actor, a target and a filter."""

    inventory: Inventory
    gateway: Gateway

    async def __call__(self, actor: Actor, target: Target, wanted: ActivityFilter) -> tuple[Activity, ...]:
        """List the sessions that have a client address and that the filter wants, the oldest first.

        All of them, however many there are. Sessions over a local socket are the machine's own and are left out.

        Raises:
            ProjectMismatchError, PermissionDeniedError: the actor may not do this.
            InstanceUnknownError, NodeUnknownError, ComponentUnknownError: there is no such target.
            ComponentUnreachableError, ComponentBusyError, MissingRightsError, WrongServerError,
            UnsupportedServerError, StoreUnavailableError: the component's server is in no state to be read.
        """
        actor.require(Permission.VIEW, target.project_id)
        component = self.inventory.place(target).component
        activities = await watch(self.gateway, component, actor)
        return oldest_first(a for a in activities if a.client_address is not None and matches(a, wanted))
