"""The shop: a coordinator, a data node and its standby, as one distributed and one centralised instance see them.

It has a service of its own, so that what is counted there is what its test has opened.
"""

from dataclasses import dataclass, field

from tests.support.service import (
    Key,
    PlannedComponent,
    PlannedInstance,
    PlannedNode,
    PlannedProject,
    RunningService,
    Site,
)
from vacate.demo.cluster import COORDINATOR, DATABASE, PRIMARY, STANDBY, DemoCluster
from vacate.demo.servers import Server
from vacate.domain.topology.components import ComponentRole

__all__ = ["COORDINATOR", "DATABASE", "PRIMARY", "STANDBY", "Shop", "shop_projects"]

# A project is found by the region that it is called after.
REGION = "shop-north-1"
OTHER_REGION = "shop-south-1"
DOMAIN = "vacate"

PROJECT = "5a0b1c2d3e4f5061728394a5b6c7d8e9"
OTHER_PROJECT = "6b0b1c2d3e4f5061728394a5b6c7d8e9"

DISTRIBUTED = "aaaa1111bbbb2222cccc3333dddd4444in14"
CENTRALISED = "bbbb1111bbbb2222cccc3333dddd4444in14"
FOREIGN = "cccc1111bbbb2222cccc3333dddd4444in14"
UNKNOWN = "ffff1111bbbb2222cccc3333dddd4444in14"

NODES = {
    COORDINATOR: "10000000000000000000000000000001no14",
    PRIMARY: "10000000000000000000000000000002no14",
    STANDBY: "10000000000000000000000000000003no14",
}
NODE_NAMES = {COORDINATOR: "shop-front", PRIMARY: "shop-back", STANDBY: "shop-spare"}
ZONES = {COORDINATOR: "az1", PRIMARY: "az1", STANDBY: "az2"}
CENTRALISED_NODES = {
    PRIMARY: "20000000000000000000000000000002no14",
    STANDBY: "20000000000000000000000000000003no14",
}
FOREIGN_NODE = "30000000000000000000000000000001no14"
SHARD = "60011"
TAGS = {"team": "orders", "stage": "prod"}
VPC = "vpc-1"
SUBNET = "subnet-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """The shop's servers, its service, and who may call it."""

    cluster: DemoCluster
    site: Site = field(repr=False)
    service: RunningService
    operator: Key
    viewer: Key
    password: str = field(repr=False)

    def server(self, component: str) -> Server:
        """The real server behind a component."""
        return self.cluster.component(component).server

    def app(self, component: str) -> str:
        """The application's login at a component."""
        return self.cluster.component(component).application_dsn


def shop_projects(cluster: DemoCluster) -> tuple[PlannedProject, ...]:
    """One project with both instances, and one with an instance that nobody of the first may see."""

    def node(component: str, node_id: str) -> PlannedNode:
        server = cluster.component(component)
        return PlannedNode(
            id=node_id,
            name=NODE_NAMES[component],
            availability_zone=ZONES[component],
            components=(
                PlannedComponent(
                    node_id=node_id,
                    id=component,
                    dsn=server.service_dsn,
                    role=ComponentRole(server.role),
                    shard="" if component == COORDINATOR else SHARD,
                ),
            ),
        )

    distributed = PlannedInstance(
        id=DISTRIBUTED,
        name="shop",
        nodes=tuple(node(component, node_id) for component, node_id in NODES.items()),
        labels={"vpc_id": VPC, "subnet_id": SUBNET, "charge_mode": "prePaid"},
        tags=TAGS,
    )
    centralised = PlannedInstance(
        id=CENTRALISED,
        name="shop-archive",
        nodes=tuple(node(component, node_id) for component, node_id in CENTRALISED_NODES.items()),
    )
    elsewhere = PlannedInstance(id=FOREIGN, name="elsewhere", nodes=(node(COORDINATOR, FOREIGN_NODE),))
    return (
        PlannedProject(id=PROJECT, name=REGION, instances=(distributed, centralised)),
        PlannedProject(id=OTHER_PROJECT, name=OTHER_REGION, instances=(elsewhere,)),
    )
