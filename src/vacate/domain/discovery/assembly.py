"""The instance that follows from what its servers told. What does not follow is refused, never guessed.

Ids are the same at every run, whoever is the primary then: they are made of what the servers are.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from vacate.domain.discovery.facts import DiscoveryError, Lead, Seen
from vacate.domain.discovery.membership import Named, name_components
from vacate.domain.topology.components import (
    Component,
    ComponentKind,
    ComponentRole,
    Instance,
    InstanceId,
    Node,
    NodeId,
    ProjectId,
)
from vacate.domain.topology.dsn import Address
from vacate.domain.topology.servers import Engine

# Whatever is made with it stays the same as long as this does.
_NAMESPACE = uuid.UUID("7b1e5d0c-6f3a-4b52-9d0e-2c8f41a7e693")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the servers cannot tell. An empty `name` stands for the host that clients go to."""

    project_id: ProjectId
    name: str = ""
    region: str = ""
    without: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundServer:
    """A component with the server that was found for it."""

    component: Component
    dsn: str = field(repr=False)
    address: Address
    engine: Engine
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """An instance, with every component's server in the instance's own order."""

    instance: Instance
    servers: tuple[FoundServer, ...]


def project_id_of(name: str) -> ProjectId:
    """The id of a project that is named and has none yet: 32 hexadecimal digits."""
    return ProjectId(_hex(f"project {name}"))


def assemble(seen: Sequence[Seen], left_out: Sequence[Lead], wishes: Wishes) -> Discovered:
    """Make the instance of all servers that were seen; `left_out` are those that were named and not looked at.

    Raises:
        DiscoveryError: something is not told, or does not fit together.
    """
    named = name_components(seen, left_out, wishes.without)
    ordered = sorted(named, key=lambda each: (each.kind, each.id))
    instance_id = InstanceId(f"{_hex(f'instance {_identity(ordered)}')}in14")
    nodes: dict[str, Node] = {}
    for each in ordered:
        host = each.seen.address.host
        node_id = NodeId(f"{_hex(f'node {instance_id} {host}')}no14")
        nodes.setdefault(host, Node(id=node_id, name=host, address=host))
    by_node = [each for host in nodes for each in ordered if each.seen.address.host == host]
    servers = tuple(
        FoundServer(
            component=Component(
                project_id=wishes.project_id,
                instance_id=instance_id,
                node_id=nodes[each.seen.address.host].id,
                id=each.id,
                kind=each.kind,
                role=each.role,
                shard=each.shard,
            ),
            dsn=each.seen.dsn.text,
            address=each.seen.address,
            engine=each.seen.facts.engine,
            version=each.seen.facts.version,
        )
        for each in by_node
    )
    entrance = _entrance(servers)
    instance = Instance(
        project_id=wishes.project_id,
        id=instance_id,
        name=wishes.name or entrance.host,
        components=tuple(server.component for server in servers),
        nodes=tuple(nodes.values()),
        region=wishes.region,
        port=entrance.port,
    )
    return Discovered(instance=instance, servers=servers)


def _entrance(servers: Sequence[FoundServer]) -> Address:
    """Where clients go: to a coordinator, and without coordinators to the primary."""
    coordinators = [each for each in servers if each.component.kind is ComponentKind.COORDINATOR]
    entrances = coordinators or [each for each in servers if each.component.role is ComponentRole.PRIMARY]
    if not entrances:
        raise DiscoveryError("with what is left out, nothing is left that clients could go to")
    return entrances[0].address


def _identity(ordered: Sequence[Named]) -> str:
    """What a cluster is for life: the system identifier of its first data node."""
    first = next((each for each in ordered if each.kind is ComponentKind.DATA_NODE), ordered[0])
    identifier = first.seen.facts.system_identifier
    # What stands in for an identifier where there is none is the same in many clusters.
    return identifier if identifier.isdecimal() else f"{identifier} at {first.seen.address}"


def _hex(text: str) -> str:
    return uuid.uuid5(_NAMESPACE, text).hex
