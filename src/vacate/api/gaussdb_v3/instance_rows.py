"""One entry of the lists of instances: what the configuration and the last checks tell of an instance.

Most of what the contract has room for is about buying and placing machines. Vacate knows nothing of that, so those
fields are there with a neutral value; docs/reference/gaussdb-v3.md has the whole list.
"""

from collections import Counter
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from vacate.api.gaussdb_v3.fields import InstanceIdText, NodeIdText
from vacate.api.gaussdb_v3.readiness import Readiness, RoleName
from vacate.domain.topology.components import Component, ComponentKind, ComponentRole, Instance, InstanceKind, Node
from vacate.domain.topology.health import InstanceState

Untold = Annotated[str, Meta(description="Not known to Vacate, so empty.", examples=[""])]
Uncounted = Annotated[int, Meta(description="Not known to Vacate, so 0.", examples=[0])]
NoneTold = Annotated[list[str], Meta(description="Not known to Vacate, so none.", examples=[[]])]

DATASTORE = "GaussDB"
TYPES: dict[InstanceKind, Literal["Enterprise", "Ha"]] = {
    InstanceKind.DISTRIBUTED: "Enterprise",
    InstanceKind.CENTRALISED: "Ha",
}


class HighAvailability(msgspec.Struct, frozen=True, kw_only=True):
    """How standbys follow."""

    consistency: Untold
    replication_mode: Annotated[str, Meta(description="The one documented value.", examples=["sync"])] = "sync"


class Hotfix(msgspec.Struct, frozen=True, kw_only=True):
    """A correction that was put into the server software."""

    version: Untold
    upgrade_finished_time: Untold


class Datastore(msgspec.Struct, frozen=True, kw_only=True):
    """Which server software the components run."""

    type: Annotated[Literal["GaussDB"], Meta(description="The one documented value.", examples=[DATASTORE])]
    version: Annotated[
        str, Meta(description="The server's version; empty as long as no component was reached.", examples=["18.6"])
    ]
    complete_version: Annotated[str, Meta(description="The same as `version`.", examples=["18.6"])]
    target_version: Untold
    complete_kernel_version: Annotated[str, Meta(description="The same as `version`.", examples=["18.6"])]
    hotfix_version_infos: Annotated[list[Hotfix], Meta(description="Not known to Vacate, so none.", examples=[[]])]


class Flavour(msgspec.Struct, frozen=True, kw_only=True):
    """What the machines have."""

    vcpu: Uncounted
    mem: Uncounted


class Volume(msgspec.Struct, frozen=True, kw_only=True):
    """What disks there are."""

    type: Untold
    size: Uncounted


class BackupStrategy(msgspec.Struct, frozen=True, kw_only=True):
    """When backups are taken."""

    start_time: Untold
    keep_days: Uncounted


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """How the instance is paid for."""

    charge_mode: Annotated[
        str, Meta(description="The label of the configuration: `postPaid` or `prePaid`.", examples=["postPaid"])
    ]


class Tag(msgspec.Struct, frozen=True, kw_only=True):
    """A tag of the configuration."""

    key: Annotated[str, Meta(description="The tag's key.", examples=["team"])]
    value: Annotated[str, Meta(description="The tag's value.", examples=["checkout"])]


class MySqlCompatibility(msgspec.Struct, frozen=True, kw_only=True):
    """Another protocol that is served."""

    port: Untold


class InstanceNode(msgspec.Struct, frozen=True, kw_only=True):
    """One node of the instance."""

    id: NodeIdText
    name: Annotated[str, Meta(description="The node's name.", examples=["shop-cn-1"])]
    role: Annotated[
        RoleName,
        Meta(description="`master` when a primary is deployed on the node, else `slave`.", examples=["master"]),
    ]
    status: Annotated[
        Literal["ACTIVE", "FAILED"],
        Meta(description="`ACTIVE` when every component of the node is ready.", examples=["ACTIVE"]),
    ]
    availability_zone: Annotated[str, Meta(description="The node's availability zone.", examples=["az1"])]
    private_ip: Annotated[
        str, Meta(description="The node's address, if it is one that clients go to.", examples=["192.0.2.11"])
    ]
    public_ip: Untold
    component_names: Annotated[
        str,
        Meta(
            description="The components of the node, each as `component id:shard`, joined by semicolons.",
            examples=["cn_5001:"],
        ),
    ]


class InstanceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One instance. The fields stand in the contract's order."""

    id: InstanceIdText
    name: Annotated[str, Meta(description="The instance's name.", examples=["shop"])]
    status: Annotated[
        Literal["ACTIVE", "FAILED"],
        Meta(description="`ACTIVE` when at least one component is ready.", examples=["ACTIVE"]),
    ]
    private_ips: Annotated[
        list[str],
        Meta(
            description="Where clients go: the nodes of the coordinators, or of the data nodes where there are none.",
            examples=[["192.0.2.11"]],
        ),
    ]
    public_ips: NoneTold
    port: Annotated[int, Meta(description="The port that clients go to; 0 when not known.", examples=[8000])]
    type: Annotated[
        Literal["Enterprise", "Ha"],
        Meta(description="`Enterprise` with coordinators, `Ha` without.", examples=["Enterprise"]),
    ]
    ha: Annotated[HighAvailability, Meta(description="How standbys follow.")]
    replica_num: Annotated[int, Meta(description="How many data nodes the largest shard has.", examples=[2])]
    region: Annotated[str, Meta(description="The region; empty when not configured.", examples=["north-1"])]
    datastore: Annotated[Datastore, Meta(description="Which server software the components run.")]
    created: Untold
    updated: Untold
    db_user_name: Untold
    vpc_id: Annotated[
        str, Meta(description="The label of the configuration.", examples=["490a4a08-ef4b-44c5-94be-3051ef9e4fce"])
    ]
    subnet_id: Annotated[
        str, Meta(description="The label of the configuration.", examples=["0e2eda62-1d42-4d64-a9d1-4e9aa9cd994f"])
    ]
    security_group_id: Untold
    flavor_ref: Untold
    flavor_info: Annotated[Flavour, Meta(description="What the machines have.")]
    volume: Annotated[Volume, Meta(description="What disks there are.")]
    switch_strategy: Untold
    backup_strategy: Annotated[BackupStrategy, Meta(description="When backups are taken.")]
    maintenance_window: Untold
    nodes: Annotated[list[InstanceNode], Meta(description="The nodes of the instance.")]
    enterprise_project_id: Annotated[str, Meta(description="Always the default one.", examples=["0"])] = "0"
    instance_mode: Untold
    disk_encryption_id: Untold
    charge_info: Annotated[Charge, Meta(description="How the instance is paid for.")]
    time_zone: Untold
    tags: Annotated[list[Tag], Meta(description="The tags of the configuration.")]
    disk_usage: Untold
    mysql_compatibility: Annotated[MySqlCompatibility, Meta(description="Another protocol that is served.")]


class EarlierInstanceRow(InstanceRow, frozen=True, kw_only=True):
    """One instance as the first two versions of the list give it."""

    backup_used_space: Annotated[
        str, Meta(description="Not known to Vacate, so 0.", examples=["0"], extra_json_schema={"x-unit": "KB"})
    ] = "0"


def instance_row(state: InstanceState, shape: type[InstanceRow]) -> InstanceRow:
    """An instance as the contract writes it."""
    instance, readiness = state.instance, Readiness(state=state)
    version = next((check.version for check in state.components if check.version), "")
    addresses = [node.address for node in instance.nodes if _has_entrance(instance, node) and node.address]
    return shape(
        id=instance.id,
        name=instance.name,
        status="ACTIVE" if any(map(readiness.ready, instance.components)) else "FAILED",
        private_ips=list(dict.fromkeys(addresses)),
        public_ips=[],
        port=instance.port,
        type=TYPES[instance.kind],
        ha=HighAvailability(consistency=""),
        replica_num=_replicas(instance.components),
        region=instance.region,
        datastore=Datastore(
            type=DATASTORE,
            version=version,
            complete_version=version,
            target_version="",
            complete_kernel_version=version,
            hotfix_version_infos=[],
        ),
        created="",
        updated="",
        db_user_name="",
        vpc_id=instance.labels.vpc_id,
        subnet_id=instance.labels.subnet_id,
        security_group_id="",
        flavor_ref="",
        flavor_info=Flavour(vcpu=0, mem=0),
        volume=Volume(type="", size=0),
        switch_strategy="",
        backup_strategy=BackupStrategy(start_time="", keep_days=0),
        maintenance_window="",
        nodes=[_node(readiness, node) for node in instance.nodes],
        instance_mode="",
        disk_encryption_id="",
        charge_info=Charge(charge_mode=instance.labels.charge_mode),
        time_zone="",
        tags=[Tag(key=key, value=value) for key, value in instance.labels.tags],
        disk_usage="",
        mysql_compatibility=MySqlCompatibility(port=""),
    )


def _node(readiness: Readiness, node: Node) -> InstanceNode:
    instance = readiness.state.instance
    deployed = instance.on(node.id)
    primary = any(component.role is ComponentRole.PRIMARY for component in deployed)
    return InstanceNode(
        id=node.id,
        name=node.name,
        role="master" if primary else "slave",
        status="ACTIVE" if readiness.whole(node) else "FAILED",
        availability_zone=node.availability_zone,
        private_ip=node.address if _has_entrance(instance, node) else "",
        public_ip="",
        component_names=";".join(f"{component.id}:{component.shard}" for component in deployed),
    )


def _has_entrance(instance: Instance, node: Node) -> bool:
    """Whether clients go to this node: to coordinators, and to data nodes where there are none."""
    entrance = ComponentKind.COORDINATOR if instance.kind is InstanceKind.DISTRIBUTED else ComponentKind.DATA_NODE
    return any(component.kind is entrance for component in instance.on(node.id))


def _replicas(components: tuple[Component, ...]) -> int:
    """The size of the largest shard; a data node whose shard is not configured is one by itself."""
    shards = Counter(c.shard or c.id for c in components if c.kind is ComponentKind.DATA_NODE)
    return max(shards.values(), default=0)
