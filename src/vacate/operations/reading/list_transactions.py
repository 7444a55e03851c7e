"""The open transactions of one component."""

from dataclasses import dataclass

from vacate.domain.access.identity import Actor, Permission
from vacate.domain.sessions.activity import Activity, TransactionFilter, longest_transaction_first, selects
from vacate.domain.topology.components import Target
from vacate.operations.ports import Gateway, Inventory
from vacate.operations.reading.one_component import watch


@dataclass(frozen=True, slots=True, kw_only=True)
class ListTransactions:
    """The operation with everything it needs; call it with an actor, a target and a filter."""

    inventory: Inventory
    gateway: Gateway

    async def __call__(self, actor: Actor, target: Target, wanted: TransactionFilter) -> tuple[Activity, ...]:
        """List the sessions whose open transaction the filter wants, the longest open first.

        Sessions without a client address are among them: what a transaction holds up does not ask where it is from.

        Raises:
            ProjectMismatchError, PermissionDeniedError: the actor may not do this.
            InstanceUnknownError, NodeUnknownError, ComponentUnknownError: there is no such target.
            ComponentUnreachableError, ComponentBusyError, MissingRightsError, WrongServerError,
            UnsupportedServerError, StoreUnavailableError: the component's server is in no state to be read.
        """
        actor.require(Permission.VIEW, target.project_id)
        component = self.inventory.place(target).component
        activities = await watch(self.gateway, component, actor)
        return longest_transaction_first(a for a in activities if selects(a, wanted))
