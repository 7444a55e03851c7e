"""Which nodes and components an instance has: where a client learns the ids that the other calls want."""

from collections.abc import Callable

from starlette.responses import Response

from vacate.api.gaussdb_v3.fields import page
from vacate.api.gaussdb_v3.readiness import Readiness, node_status, role
from vacate.api.gaussdb_v3.topology import (
    ALL,
    ComponentRow,
    Components,
    ComponentsQuery,
    CoordinatorNode,
    Coordinators,
    CoordinatorsQuery,
    KeyViewNode,
    KeyViewNodes,
    NodeRow,
)
from vacate.domain.topology.components import Component, ComponentKind, ComponentRole, Instance
from vacate.http.answers import json_response
from vacate.http.gate import Call
from vacate.http.gaussdb_v3.reading import decode_query, place_of
from vacate.http.gaussdb_v3.served import Served

# --- key-view-execute-node -------------------------------------------------------------------------------------------


async def key_view(served: Served, call: Call) -> Response:
    """List every component with its node."""
    place = await place_of(served, call)
    state = await served.describe_instance(call.actor, place.project_id, place.instance_id)
    readiness = Readiness(state=state)
    rows = [
        KeyViewNode(
            node_id=node.id,
            node_name=node.name,
            role=role(component),
            type=component.kind.value,
            distributed_id=component.shard,
            component_id=component.id,
            detail=readiness.detail(component),
        )
        for node in state.instance.nodes
        for component in state.instance.on(node.id)
    ]
    return json_response(KeyViewNodes(nodes=rows))


# --- components ------------------------------------------------------------------------------------------------------


async def components(served: Served, call: Call) -> Response:
    """List nodes with their components."""
    place = await place_of(served, call)
    asked = decode_query(call.presented.query, ComponentsQuery)
    state = await served.describe_instance(call.actor, place.project_id, place.instance_id)
    readiness, wanted = Readiness(state=state), _wanted(state.instance, asked)
    by_node = [(node, [c for c in state.instance.on(node.id) if wanted(c)]) for node in state.instance.nodes]
    found = [(node, shown) for node, shown in by_node if shown]
    rows = [
        NodeRow(
            id=node.id,
            name=node.name,
            availability_zone_id=node.availability_zone,
            description="",
            status=node_status(readiness, node),
            components=[_component_row(readiness, component) for component in shown],
        )
        for node, shown in page(found, offset=asked.offset, limit=asked.limit)
    ]
    return json_response(Components(nodes=rows, total_count=len(found)))


def _component_row(readiness: Readiness, component: Component) -> ComponentRow:
    return ComponentRow(
        id=component.id,
        role=role(component),
        status=readiness.status(component),
        distributed_id=component.shard,
        type=component.kind.value,
        detail=readiness.detail(component),
    )


def _wanted(instance: Instance, asked: ComponentsQuery) -> Callable[[Component], bool]:
    zones = {node.id: node.availability_zone for node in instance.nodes}
    primaries = {
        component.shard: component
        for component in instance.components
        if component.kind is ComponentKind.DATA_NODE and component.role is ComponentRole.PRIMARY
    }

    def wanted(component: Component) -> bool:
        if asked.component_type not in {ALL, component.kind.value}:
            return False
        if asked.availability_zone_id == ALL:
            return True
        if component.kind is ComponentKind.COORDINATOR or not component.shard:
            return zones.get(component.node_id) == asked.availability_zone_id
        primary = primaries.get(component.shard)
        return primary is not None and zones.get(primary.node_id) == asked.availability_zone_id

    return wanted


# --- coordinators ----------------------------------------------------------------------------------------------------


async def coordinators(served: Served, call: Call) -> Response:
    """List the nodes with a coordinator."""
    place = await place_of(served, call)
    asked = decode_query(call.presented.query, CoordinatorsQuery)
    state = await served.describe_instance(call.actor, place.project_id, place.instance_id)
    readiness, instance = Readiness(state=state), state.instance
    found = [node for node in instance.nodes if any(c.kind is ComponentKind.COORDINATOR for c in instance.on(node.id))]
    rows = [
        CoordinatorNode(
            id=node.id,
            name=node.name,
            status=node_status(readiness, node),
            availability_zone=node.availability_zone,
            support_reduce=False,
        )
        for node in page(found, offset=asked.offset, limit=asked.limit)
    ]
    return json_response(Coordinators(instance_id=instance.id, max_reduction_num=0, nodes=rows))
