"""Which nodes and components an instance has: where a client learns the ids that the other calls want."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from vacate.api.gaussdb_v3.errors import OF_A_PAGE, OF_AN_INSTANCE
from vacate.api.gaussdb_v3.examples import CN_NODE, COORDINATOR, INSTANCE
from vacate.api.gaussdb_v3.fields import ComponentIdText, InstanceIdText, NodeIdText, Offset, Paging
from vacate.api.gaussdb_v3.readiness import ComponentStatus, NodeStatusName, RoleName
from vacate.api.operation import Example, Operation

_FAMILY = "Topology"
_INSTANCE = "/v3/{project_id}/instances/{instance_id}"
NodeName = Annotated[str, Meta(description="The node's name.", examples=["shop-cn-1"])]
Zone = Annotated[
    str, Meta(description="The node's availability zone; empty when the configuration has none.", examples=["az1"])
]
NodeStatus = Annotated[
    NodeStatusName,
    Meta(description="`normal` when every component of the node is ready.", examples=["normal"]),
]
ComponentRoleText = Annotated[
    RoleName, Meta(description="`master` for a primary, `slave` for a standby.", examples=["master"])
]
KindText = Annotated[
    Literal["CN", "DN"], Meta(description="`CN` for a coordinator, `DN` for a data node.", examples=["CN"])
]
Shard = Annotated[
    str,
    Meta(
        description="The group of a data node and its standbys; empty for a coordinator, and when not configured.",
        examples=["60011"],
    ),
]
Detail = Annotated[
    str, Meta(description="`Normal`, or what keeps the component from being swept.", examples=["Normal"])
]

# --- key-view-execute-node -------------------------------------------------------------------------------------------


class KeyViewRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Whatever is sent, it is not looked at."""


class KeyViewNode(msgspec.Struct, frozen=True, kw_only=True):
    """One component with the node it is deployed on: a pair of ids as the other calls want it."""

    node_id: NodeIdText
    node_name: NodeName
    role: ComponentRoleText
    type: KindText
    distributed_id: Shard
    component_id: ComponentIdText
    detail: Detail


class KeyViewNodes(msgspec.Struct, frozen=True, kw_only=True):
    """Every component of the instance."""

    nodes: Annotated[list[KeyViewNode], Meta(description="One entry a component, so that a node may be in several.")]


KEY_VIEW = Operation(
    id="list_key_view_execute_node",
    family=_FAMILY,
    title="List the components whose sessions can be listed and ended",
    description="Lists every component of the instance with its node. A component that is not ready says why.",
    method="POST",
    read_only=True,
    path=f"{_INSTANCE}/key-view-execute-node",
    request=KeyViewRequest,
    body_required=False,
    response=KeyViewNodes,
    errors=OF_AN_INSTANCE,
    examples=(
        Example(
            title="An instance of one coordinator",
            request={},
            response={
                "nodes": [
                    {
                        "node_id": CN_NODE,
                        "node_name": "shop-cn-1",
                        "role": "master",
                        "type": "CN",
                        "distributed_id": "",
                        "component_id": COORDINATOR,
                        "detail": "Normal",
                    }
                ]
            },
        ),
    ),
)

# --- components ------------------------------------------------------------------------------------------------------

ALL = "ALL"


class ComponentsQuery(Paging, frozen=True, kw_only=True):
    """Which components, and which page of their nodes."""

    component_type: Annotated[
        Literal["ALL", "CN", "DN", "CM", "GTM", "ETCD"],
        Meta(description="Which kind of component; there are only `CN` and `DN` here.", examples=["CN"]),
    ] = "ALL"
    availability_zone_id: Annotated[
        str,
        Meta(
            description=(
                "Components whose primary is in this zone: a coordinator by itself, a data node with all of its "
                "shard. `ALL` for every zone."
            ),
            examples=["az1"],
        ),
    ] = ALL


class ComponentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One component of a node."""

    id: ComponentIdText
    role: ComponentRoleText
    status: Annotated[
        ComponentStatus,
        Meta(
            description="`Normal` for a coordinator, the role of a data node, `Down` for what is not ready.",
            examples=["Normal"],
        ),
    ]
    distributed_id: Shard
    type: KindText
    detail: Detail


class NodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One node with its components."""

    id: NodeIdText
    name: NodeName
    availability_zone_id: Zone
    description: Annotated[str, Meta(description="What the zone is called; not known here, so empty.", examples=[""])]
    status: NodeStatus
    components: Annotated[list[ComponentRow], Meta(description="The components of the node that were asked for.")]


class Components(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the nodes."""

    nodes: Annotated[list[NodeRow], Meta(description="The nodes of this page that have a component to show.")]
    total_count: Annotated[
        int, Meta(description="How many nodes there are, on this page and on the others.", examples=[1])
    ]


COMPONENTS = Operation(
    id="list_component_infos",
    family=_FAMILY,
    title="List the components of an instance by node",
    description="Lists the nodes of the instance with their components, and how each was at its last check.",
    method="GET",
    path=f"{_INSTANCE}/components",
    query=ComponentsQuery,
    response=Components,
    errors=(*OF_AN_INSTANCE, *OF_A_PAGE),
    examples=(
        Example(
            title="The coordinators",
            query=(("component_type", "CN"),),
            response={
                "nodes": [
                    {
                        "id": CN_NODE,
                        "name": "shop-cn-1",
                        "availability_zone_id": "az1",
                        "description": "",
                        "status": "normal",
                        "components": [
                            {
                                "id": COORDINATOR,
                                "role": "master",
                                "status": "Normal",
                                "distributed_id": "",
                                "type": "CN",
                                "detail": "Normal",
                            }
                        ],
                    }
                ],
                "total_count": 1,
            },
        ),
    ),
)

# --- coordinators ----------------------------------------------------------------------------------------------------


class CoordinatorsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which page."""

    offset: Offset = 0
    limit: Annotated[int, Meta(ge=1, le=200, description="How many entries to give at most.", examples=[200])] = 200


class CoordinatorNode(msgspec.Struct, frozen=True, kw_only=True):
    """A node that a coordinator is deployed on."""

    id: NodeIdText
    name: NodeName
    status: NodeStatus
    availability_zone: Zone
    support_reduce: Annotated[
        bool, Meta(description="Whether the node can be taken away; Vacate takes none, so `false`.", examples=[False])
    ]


class Coordinators(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the nodes that coordinators are deployed on."""

    instance_id: InstanceIdText
    max_reduction_num: Annotated[
        int, Meta(description="How many can be taken away at once; Vacate takes none, so 0.", examples=[0])
    ]
    nodes: Annotated[list[CoordinatorNode], Meta(description="The nodes of this page.")]


COORDINATORS = Operation(
    id="list_cn_infos_before_reduce",
    family=_FAMILY,
    title="List the nodes that coordinators are deployed on",
    description="Lists the nodes with a coordinator; an instance without coordinators has none.",
    method="GET",
    path=f"{_INSTANCE}/coordinators",
    query=CoordinatorsQuery,
    response=Coordinators,
    errors=(*OF_AN_INSTANCE, *OF_A_PAGE),
    examples=(
        Example(
            title="One coordinator",
            response={
                "instance_id": INSTANCE,
                "max_reduction_num": 0,
                "nodes": [
                    {
                        "id": CN_NODE,
                        "name": "shop-cn-1",
                        "status": "normal",
                        "availability_zone": "az1",
                        "support_reduce": False,
                    }
                ],
            },
        ),
    ),
)
