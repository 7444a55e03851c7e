"""The one small instance that every example of the door is about, and a session on it."""

from datetime import UTC, datetime, timedelta

from vacate.domain.sessions.activity import Activity
from vacate.domain.topology.components import (
    Component,
    ComponentId,
    ComponentKind,
    ComponentRole,
    Instance,
    InstanceId,
    Labels,
    Node,
    NodeId,
    ProjectId,
)
from vacate.domain.topology.health import ComponentHealth, InstanceState

PROJECT = ProjectId("0611f1bd8b00d5d32f17c017f15b599f")
INSTANCE = InstanceId("3d39c18788b54a919bab633874c159dfin14")
CN_NODE = NodeId("52c25e148a4a48c293b66ca95565719cno14")
DN_NODE = NodeId("7f1c3d0a2b9e4c58a1d6e3b2c4f5a601no14")
STANDBY_NODE = NodeId("c90e5b7d13f24a6f8b2d7e4f6a8c1d02no14")
COORDINATOR = "cn_5001"
ON_COORDINATOR = {"node_id": CN_NODE, "component_id": COORDINATOR}

_AT = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)

ACTIVITY = Activity(
    session_id=4711,
    pid=4711,
    backend_start=_AT - timedelta(hours=2),
    open_for=timedelta(hours=2),
    user="app",
    database="shop",
    application="web",
    client_address="192.0.2.7",
    client_port=51234,
    state="active",
    state_change=_AT - timedelta(seconds=30),
    transaction_start=_AT - timedelta(seconds=45),
    in_transaction_for=timedelta(seconds=45),
    transaction_id="12345",
    statement_start=_AT - timedelta(seconds=30),
    running_for=timedelta(seconds=30),
    statement_id=6184027394518273645,
    query="UPDATE orders SET total = 12.5 WHERE id = 7",
    wait_event_type="Lock",
    wait_event="transactionid",
    blocked_by=(4712,),
    lock_mode="ShareLock",
    lock_tag="transactionid 12344",
)


def _component(node: NodeId, name: str, kind: ComponentKind, role: ComponentRole, shard: str = "") -> Component:
    return Component(
        project_id=PROJECT, instance_id=INSTANCE, node_id=node, id=ComponentId(name), kind=kind, role=role, shard=shard
    )


_COMPONENTS = (
    _component(CN_NODE, COORDINATOR, ComponentKind.COORDINATOR, ComponentRole.PRIMARY),
    _component(DN_NODE, "dn_6001", ComponentKind.DATA_NODE, ComponentRole.PRIMARY, "60011"),
    _component(STANDBY_NODE, "dn_6002", ComponentKind.DATA_NODE, ComponentRole.STANDBY, "60011"),
)
STATE = InstanceState(
    instance=Instance(
        project_id=PROJECT,
        id=INSTANCE,
        name="shop",
        components=_COMPONENTS,
        nodes=(
            Node(id=CN_NODE, name="shop-cn-1", availability_zone="az1", address="192.0.2.11"),
            Node(id=DN_NODE, name="shop-dn-1", availability_zone="az1", address="192.0.2.12"),
            Node(id=STANDBY_NODE, name="shop-dn-2", availability_zone="az2", address="192.0.2.13"),
        ),
        region="north-1",
        port=8000,
        labels=Labels(
            vpc_id="490a4a08-ef4b-44c5-94be-3051ef9e4fce",
            subnet_id="0e2eda62-1d42-4d64-a9d1-4e9aa9cd994f",
            tags=(("team", "checkout"),),
        ),
    ),
    components=tuple(
        ComponentHealth(component=component, checked_at=_AT, problem=None, version="18.6") for component in _COMPONENTS
    ),
)
