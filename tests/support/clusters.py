"""What the servers of small clusters tell of themselves, as a discovery would find it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from vacate.domain.discovery.assembly import Discovered, Wishes, assemble
from vacate.domain.discovery.facts import ClusterNode, Lead, NodeType, Receiver, Seen, ServerFacts, Source
from vacate.domain.topology.components import ProjectId
from vacate.domain.topology.dsn import parse_dsn
from vacate.domain.topology.servers import Engine

PROJECT = ProjectId("0611f1bd8b00d5d32f17c017f15b599f")
WISHES = Wishes(project_id=PROJECT)
STARTED = datetime(2026, 1, 2, 10, 0, tzinfo=UTC)
SHARD = "dn_6001_6002_6003"


def without(*names: str) -> Wishes:
    """Nothing else is wished than that these are left out."""
    return replace(WISHES, without=frozenset(names))


def seen(address: str, *, lead: Lead | None = None, **facts: Any) -> Seen:  # noqa: ANN401 - facts by their names.
    """A PostgreSQL primary, as far as nothing else is said."""
    known: dict[str, Any] = {
        "engine": Engine.POSTGRESQL,
        "version": "18.6",
        "system_identifier": "7001",
        "in_recovery": False,
        "started_at": STARTED,
    }
    return Seen(
        dsn=parse_dsn(f"postgresql://vacate:secret@{address}/postgres", ""),
        facts=ServerFacts(**(known | facts)),
        lead=lead,
    )


def standby(address: str, source: str = "10.0.0.1", **facts: Any) -> Seen:  # noqa: ANN401 - facts by their names.
    """A PostgreSQL standby that receives from the source now."""
    return seen(address, in_recovery=True, source=Source(host=source, port=5432), **facts)


def receiver(host: str, name: str = "walreceiver") -> Receiver:
    """Somebody whom a server streams its log to."""
    return Receiver(host=host, name=name)


def found(*servers: Seen, left_out: tuple[Lead, ...] = (), wishes: Wishes = WISHES) -> Discovered:
    """The instance that follows from the servers."""
    return assemble(servers, left_out, wishes)


def ids(discovered: Discovered) -> dict[str, str]:
    """Component ids, each with its role, by address."""
    return {str(s.address): f"{s.component.id} {s.component.role}" for s in discovered.servers}


# --- PostgreSQL and other centralised instances ----------------------------------------------------------------------

PRIMARY = seen("10.0.0.1:5432", receivers=(receiver("10.0.0.2"), receiver("10.0.0.10")))
FOLLOWERS = standby("10.0.0.10:5432"), standby("10.0.0.2:5432")


# --- distributed instances -------------------------------------------------------------------------------------------


def node(name: str, type_: str, host: str, port: int = 40000) -> ClusterNode:
    """A node as a coordinator's catalogue has it."""
    return ClusterNode(name=name, type=NodeType(type_), host=host, port=port)


def gauss(address: str, name: str, identifier: str = "7100", **facts: Any) -> Seen:  # noqa: ANN401 - facts by their names.
    """A primary of a distributed GaussDB cluster, as far as nothing else is said."""
    return seen(
        address,
        engine=Engine.GAUSSDB,
        version="505.2.1",
        node_name=name,
        system_identifier=identifier,
        distributed=True,
        **facts,
    )


NODES = (
    node("cn_5001", "C", "localhost", 8000),
    node("cn_5002", "C", "10.0.0.2", 8000),
    node(SHARD, "D", "10.0.0.2"),
    node(SHARD, "S", "10.0.0.1"),
    node(SHARD, "S", "10.0.0.3"),
)
CN1 = gauss("db1:8000", "cn_5001", "7001", nodes=NODES)
CN2 = gauss(
    "10.0.0.2:8000",
    "cn_5002",
    "7002",
    nodes=(node("cn_5001", "C", "10.0.0.1", 8000), node("cn_5002", "C", "localhost", 8000), *NODES[2:]),
)
REPLICAS = (
    gauss("10.0.0.2:40000", SHARD),
    gauss("db1:40000", SHARD, in_recovery=True),
    gauss("10.0.0.3:40000", SHARD, in_recovery=True),
)
