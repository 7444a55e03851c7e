"""Which instances, nodes and components there are, and how they are."""

from collections.abc import Sequence

from vacate.api.admin import components
from vacate.api.admin.components import CheckedComponent
from vacate.api.gaussdb_v3 import instances, topology
from vacate.api.gaussdb_v3.instance_rows import InstanceRow
from vacate.api.gaussdb_v3.topology import NodeRow
from vacate.client.calling import PAGE, Caller
from vacate.client.driving import call, listing
from vacate.client.exchange import Flow, Pages

_LIST_INSTANCES = instances.LISTS[0][0]


class Topology(Caller):
    """The calls about what there is."""

    @call
    def list_components(self) -> Flow[list[CheckedComponent]]:
        """List the components of the project, and why one of them cannot be swept.

        Returns:
            What the last check of each component's server found, in the order of the configuration. Each row names a
            component for the other calls.

        Raises:
            RefusedError: the service refused the call.
            ClientError: no answer came, or none that can be read.
        """
        answer = yield from self._ask(components.LIST_COMPONENTS, components.ComponentList)
        return answer.components

    @listing
    def list_instances(self, *, name: str = "", tags: Sequence[str] = ()) -> Pages[InstanceRow]:
        """List the instances of the project, with their nodes.

        Args:
            name: Only the instance of this name; after a leading `*`, those whose name contains the rest.
            tags: Only those with these tags, each as `key:value`; an empty value stands for any.

        Returns:
            An iterator that fetches the pages as they are wanted, in the order of the configuration.

        Raises:
            RefusedError: the service refused the call.
            ClientError: no answer came, or none that can be read.
        """

        def page(offset: int) -> Flow[tuple[Sequence[InstanceRow], int]]:
            query = instances.InstancesQuery(name=name, tags=tuple(tags), offset=offset, limit=PAGE)
            found = yield from self._ask(_LIST_INSTANCES, instances.Instances, query=query)
            return found.instances, found.total_count

        return self._pages(page)

    @listing
    def list_nodes(self, instance_id: str) -> Pages[NodeRow]:
        """List the nodes of an instance with their components, and how each was at its last check.

        Args:
            instance_id: The instance.

        Returns:
            An iterator that fetches the pages as they are wanted, in the order of the configuration.

        Raises:
            RefusedError: the service refused the call.
            ClientError: no answer came, or none that can be read.
        """

        def page(offset: int) -> Flow[tuple[Sequence[NodeRow], int]]:
            query = topology.ComponentsQuery(offset=offset, limit=PAGE)
            found = yield from self._ask(
                topology.COMPONENTS, topology.Components, path={"instance_id": instance_id}, query=query
            )
            return found.nodes, found.total_count

        return self._pages(page)
