"""What the servers of a cluster tell of themselves and of one another, and whom they name.

`domain.discovery.assembly` makes an instance of it.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vacate.domain.errors import VacateError
from vacate.domain.topology.dsn import Address, Dsn
from vacate.domain.topology.servers import Engine

_HIGHEST_PORT = 65535


class DiscoveryError(VacateError):
    """A cluster does not tell something, or contradicts itself. The message says what settles it."""


class NodeType(StrEnum):
    """What a coordinator calls a node of its cluster."""

    COORDINATOR = "C"
    PRIMARY = "D"
    STANDBY = "S"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterNode:
    """A node as a coordinator knows it. A coordinator calls its own host `localhost`."""

    name: str
    type: NodeType
    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Somebody whom a server streams its log to, by address and application name. The address is empty for a socket.

    The port that a standby itself listens at is not told.
    """

    host: str
    name: str

    def __str__(self) -> str:
        return f"{self.host or 'a local socket'} ({self.name or 'no application name'})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Whom a standby receives the log from. The port is `None` if it is not the one that clients use."""

    host: str
    port: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """What one server tells.

    `own_host` is the address at which it was reached, as it sees that itself. `distributed` is `None` if the server
    does not tell whether it is a part of a distributed cluster. `source_hidden` says that it receives the log, and does
    not show our role from whom.
    """

    engine: Engine
    version: str
    system_identifier: str
    in_recovery: bool
    started_at: datetime
    own_host: str = ""
    node_name: str | None = None
    distributed: bool | None = False
    receivers: tuple[Receiver, ...] = ()
    source: Source | None = None
    source_hidden: bool = False
    nodes: tuple[ClusterNode, ...] = ()

    @property
    def fingerprint(self) -> tuple[str, datetime]:
        """The same for every way to one running server, and for no other server."""
        return self.system_identifier, self.started_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A server as the cluster's manager names it. `is_leader` is whether it should take writes."""

    name: str
    role: str
    state: str
    address: Address

    @property
    def is_leader(self) -> bool:
        """Whether it takes writes. The leader of a standby cluster does not."""
        return self.role in {"leader", "master", "primary"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """All members that a cluster's manager names, and what it calls the cluster; empty if it does not."""

    name: str
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """A server that another one, or the cluster's manager, names. `origin` says for errors who did."""

    address: Address
    origin: str
    node: ClusterNode | None = None
    member: Member | None = None

    @property
    def names(self) -> frozenset[str]:
        """Everything that it can be left out by."""
        names = {str(self.address), self.address.host}
        if self.node:
            names.add(self.node.name)
        if self.member:
            names.add(self.member.name)
        return frozenset(names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A server that was looked at, by which login, and who named it. `lead` is `None` for one that was given."""

    dsn: Dsn
    facts: ServerFacts
    lead: Lead | None = None

    @property
    def address(self) -> Address:
        """Where it was reached."""
        return self.dsn.address

    def __str__(self) -> str:
        return str(self.address)


def members_named(roster: Roster) -> tuple[Lead, ...]:
    """The servers that the cluster's manager names."""
    return tuple(
        Lead(address=member.address, origin=f"Patroni's member {member.name}", member=member)
        for member in roster.members
    )


def servers_named(seen: Seen) -> tuple[Lead, ...]:
    """The servers that a server names with an address that clients can use."""
    leads = [
        Lead(
            address=_from_outside(seen, node.host, node.port),
            origin=f"{node.name} in pgxc_node of {seen}",
            node=node,
        )
        for node in seen.facts.nodes
        if not _is_own(seen, node)
    ]
    source = seen.facts.source
    if source and source.port:
        leads.append(
            Lead(
                address=_from_outside(seen, source.host, source.port),
                origin=f"the server that the standby {seen} receives from",
            )
        )
    return tuple(leads)


def check_lead(lead: Lead, seen: Seen) -> None:
    """Refuse a server that is not what it was named as.

    Raises:
        DiscoveryError: it has another name or role.
    """
    if lead.node and not same_node(lead.node.name, seen.facts.node_name):
        called = seen.facts.node_name or "nothing"
        raise DiscoveryError(
            f"{seen} calls itself {called}, and is {lead.origin}; correct the cluster's catalogue, or leave it out "
            f"with --without {lead.address}"
        )
    if lead.member and lead.member.is_leader == seen.facts.in_recovery:
        found = "a standby" if seen.facts.in_recovery else "a primary"
        raise DiscoveryError(
            f"{seen} is {found}, and Patroni calls its member {lead.member.name} {lead.member.role}; a switchover may "
            "be under way: try again"
        )


def check_member(member: Member) -> None:
    """Refuse a member that is not up.

    Raises:
        DiscoveryError: it does not run now, or has no address.
    """
    up = member.state in {"running", "streaming", "in archive recovery"}
    if not up or not member.address.host or not 0 < member.address.port <= _HIGHEST_PORT:
        raise DiscoveryError(
            f"Patroni's member {member.name} is at {member.address} in the state {member.state!r}; try again when it "
            f"runs, or leave it out with --without {member.name}"
        )


def same_node(named: str, own: str | None) -> bool:
    """Whether a node's name in the cluster and a server's own can mean one server.

    The name of a shard, such as `dn_6001_6002`, also means each of its replicas, such as `dn_6002`.
    """
    if own is None:
        return False
    kind, *numbers = named.split("_")
    own_kind, *own_numbers = own.split("_")
    return own == named or (own_kind == kind and len(own_numbers) == 1 and own_numbers[0] in numbers)


def _is_own(seen: Seen, node: ClusterNode) -> bool:
    return node.type is NodeType.COORDINATOR and node.name == seen.facts.node_name


def _from_outside(seen: Seen, host: str, port: int) -> Address:
    """What a server calls its own machine is the machine that it was reached at."""
    told = Address(host=host.lower(), port=port)
    is_socket = host.startswith(("/", "@"))
    return Address(host=seen.address.host, port=port) if told.is_loopback or is_socket else told
