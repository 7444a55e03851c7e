"""The projects, instances and nodes of the contract tests."""

from tests.support.service import (
    COORDINATOR,
    DATA_NODE,
    Cluster,
    PlannedComponent,
    PlannedInstance,
    PlannedProject,
)
from vacate.demo.servers import free_port
from vacate.domain.topology.components import ComponentRole

PROJECT = "0611f1bd8b00d5d32f17c017f15b599f"
OTHER_PROJECT = "f95b51f71c5c71d23f0d8b0016034f50"
UNKNOWN_PROJECT = "0123456789abcdef0123456789abcdef"
PROJECT_NAME = "north-1"

INSTANCE = "3d39c18788b54a919bab633874c159dfin14"
STRICT_INSTANCE = "a1b2c3d4e5f60718293a4b5c6d7e8f90in14"
BROKEN_INSTANCE = "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfin14"
OTHER_INSTANCE = "c6d7e8f9a0b1c2d3e4f5061728394a5bin14"
UNKNOWN_INSTANCE = "ffffffffffffffffffffffffffffffffin14"

NODES = {
    COORDINATOR: "52c25e148a4a48c293b66ca95565719cno14",
    DATA_NODE: "7f1c3d0a2b9e4c58a1d6e3b2c4f5a601no14",
}
OTHER_NODE = "00112233445566778899aabbccddeeffno14"
UNKNOWN_NODE = "ffffffffffffffffffffffffffffffffno14"

# The nodes of the broken instance, by what is wrong with the server of each.
ROLE_NODE = "e0000000000000000000000000000001no14"
RIGHTS_NODE = "e0000000000000000000000000000002no14"
SILENT_NODE = "e0000000000000000000000000000003no14"


def call(project: str = PROJECT, instance: str = INSTANCE) -> str:
    """The path of the call."""
    return f"/v3/{project}/instances/{instance}/kill-free-session"


def projects(cluster: Cluster) -> tuple[PlannedProject, ...]:
    """Two projects over the two servers: some of their components are as they should be, some cannot be swept."""
    coordinator = cluster.dsn(cluster.coordinator, "vacate")
    data_node = cluster.dsn(cluster.data_node, "vacate")
    nobody_there = f"postgresql://vacate:vacate@127.0.0.1:{free_port()}/postgres"

    main = PlannedInstance(
        id=INSTANCE,
        name="shop",
        components=(
            PlannedComponent(node_id=NODES[COORDINATOR], id=COORDINATOR, dsn=coordinator),
            PlannedComponent(node_id=NODES[DATA_NODE], id=DATA_NODE, dsn=data_node),
        ),
    )
    # Here superusers are victims, and the server does not let Vacate's role end them.
    strict = PlannedInstance(
        id=STRICT_INSTANCE,
        name="strict",
        components=(PlannedComponent(node_id=NODES[COORDINATOR], id=COORDINATOR, dsn=coordinator),),
        guards_off=("superuser",),
    )
    standby = ComponentRole.STANDBY
    watcher = cluster.dsn(cluster.coordinator, "watcher")
    broken = PlannedInstance(
        id=BROKEN_INSTANCE,
        name="broken",
        components=(
            PlannedComponent(node_id=ROLE_NODE, id="dn_6001", dsn=data_node, role=standby),
            PlannedComponent(node_id=RIGHTS_NODE, id="dn_6002", dsn=watcher),
            PlannedComponent(node_id=SILENT_NODE, id="dn_6003", dsn=nobody_there),
        ),
    )
    other = PlannedInstance(
        id=OTHER_INSTANCE,
        name="elsewhere",
        components=(PlannedComponent(node_id=OTHER_NODE, id=COORDINATOR, dsn=coordinator),),
    )
    return (
        PlannedProject(id=PROJECT, name=PROJECT_NAME, instances=(main, strict, broken)),
        PlannedProject(id=OTHER_PROJECT, name="south-1", instances=(other,)),
    )
