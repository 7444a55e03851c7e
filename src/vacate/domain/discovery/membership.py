"""Which of the servers that were seen is which component. What is not told is refused, never guessed."""

import ipaddress
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from vacate.domain.discovery.facts import DiscoveryError, Lead, NodeType, Receiver, Seen, same_node
from vacate.domain.topology.components import ComponentId, ComponentKind, ComponentRole
from vacate.domain.topology.dsn import Address

_COMPONENT_NAME = re.compile(r"(?:cn|dn)_[0-9a-zA-Z_]{1,61}")
_SHARD_NAME = re.compile(r"dn(?:_\d+){2,}")
_FIRST_DATA_NODE = 6001


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A server with the id it gets in its instance."""

    seen: Seen
    id: ComponentId
    kind: ComponentKind
    shard: str = ""

    @property
    def role(self) -> ComponentRole:
        """As it was seen, whatever others say of it."""
        return ComponentRole.STANDBY if self.seen.facts.in_recovery else ComponentRole.PRIMARY


def name_components(seen: Sequence[Seen], left_out: Sequence[Lead], without: frozenset[str]) -> list[Named]:
    """Give every server its id; `left_out` are those that were named and not looked at.

    Raises:
        DiscoveryError: something is not told, or does not fit together.
    """
    _check_names(seen, left_out, without)
    if any(each.facts.distributed or each.facts.nodes for each in seen):
        named = _distributed(seen, left_out, without)
    else:
        named = _centralised(seen, without)
    _check_ids(named)
    return named


def _centralised(seen: Sequence[Seen], without: frozenset[str]) -> list[Named]:
    silent = [each for each in seen if each.facts.distributed is None]
    if silent:
        raise DiscoveryError(
            f"{silent[0]} does not tell whether it is a data node of a distributed cluster; if it is, give a "
            "coordinator's DSN, and if it is not, write the configuration by hand"
        )
    identifiers = {each.facts.system_identifier: each for each in seen}
    if len(identifiers) > 1:
        found = "; ".join(f"{each} has {identifier}" for identifier, each in identifiers.items())
        raise DiscoveryError(
            f"these servers are not one cluster, since their system identifiers differ: {found}. "
            "Discover one cluster at a time"
        )
    return _shard(seen, (), without, numbered=True)


def _distributed(seen: Sequence[Seen], left_out: Sequence[Lead], without: frozenset[str]) -> list[Named]:
    coordinator_names = _names_of_coordinators(seen)
    coordinators = [each for each in seen if each.facts.node_name in coordinator_names]
    named = [
        Named(seen=each, id=_component_id(each), kind=ComponentKind.COORDINATOR)
        for each in coordinators
        if each.facts.node_name not in without
    ]
    shards: dict[str, list[Seen]] = {}
    for each in seen:
        if each.facts.node_name not in coordinator_names:
            shards.setdefault(each.facts.system_identifier, []).append(each)
    for replicas in shards.values():
        named.extend(_shard(replicas, left_out, without, numbered=False))
    return named


def _names_of_coordinators(seen: Sequence[Seen]) -> frozenset[str]:
    """The coordinators that all coordinators agree on.

    Raises:
        DiscoveryError: there is none, they do not agree, or a server is none of their nodes.
    """
    asked = [each for each in seen if each.facts.nodes]
    if not asked:
        raise DiscoveryError(
            f"{seen[0]} belongs to a distributed cluster and does not know its other nodes; give the DSN of a "
            "coordinator as well"
        )
    told = [
        {(node.name, node.type) for node in each.facts.nodes if node.type is not NodeType.STANDBY} for each in asked
    ]
    for other, nodes in zip(asked[1:], told[1:], strict=True):
        if nodes != told[0]:
            different = sorted({name for name, _ in nodes ^ told[0]})
            raise DiscoveryError(
                f"the coordinators {asked[0]} and {other} do not agree on the node {different[0]}: they are of two "
                "clusters, or nodes are being added; discover one cluster at a time, when it is complete"
            )
    names = {node.name for each in asked for node in each.facts.nodes}
    for each in seen:
        if not any(same_node(name, each.facts.node_name) for name in names):
            called = each.facts.node_name or "nothing"
            raise DiscoveryError(f"{each} calls itself {called}, and the coordinator {asked[0]} has no such node")
    return frozenset(name for name, type_ in told[0] if type_ is NodeType.COORDINATOR)


def _shard(
    replicas: Sequence[Seen], left_out: Sequence[Lead], without: frozenset[str], *, numbered: bool
) -> list[Named]:
    """A primary and its standbys, each with its id. `numbered` says that those without a name may be numbered."""
    primaries = [each for each in replicas if not each.facts.in_recovery]
    listed = ", ".join(map(str, replicas))
    if not primaries:
        raise DiscoveryError(f"no primary was found beside {listed}; give its DSN as a further argument")
    if len(primaries) > 1:
        raise DiscoveryError(
            f"{primaries[0]} and {primaries[1]} are both primaries and have the same system identifier: one is a copy "
            "of the other, or a failover is under way"
        )
    names = sorted({each.facts.node_name or "" for each in replicas})
    if len(names) == 1 and _SHARD_NAME.fullmatch(names[0]):
        ids = _split(names[0], replicas, left_out, without)
    else:
        _check_receivers(replicas, without)
        ids = _told(replicas) or (_counted(replicas) if numbered else {})
        if not ids:
            raise DiscoveryError(
                f"the replicas {listed} call themselves {', '.join(filter(None, names)) or 'nothing'}, which "
                "does not tell them apart; write the configuration by hand"
            )
    digits = re.search(r"\d+", min(ids.values(), default=""))
    return [
        Named(
            seen=each,
            id=ids[each.address],
            kind=ComponentKind.DATA_NODE,
            shard=digits.group()[:20] if digits else "",
        )
        for each in replicas
        if ids[each.address] not in without
    ]


def _split(
    name: str, replicas: Sequence[Seen], left_out: Sequence[Lead], without: frozenset[str]
) -> dict[Address, ComponentId]:
    """The name of a shard has the numbers of its replicas in it, and they come in the order of their addresses."""
    addresses = {each.address for each in replicas}
    addresses |= {lead.address for lead in left_out if lead.node and lead.node.name == name}
    ids = _replica_ids(name)
    if len(addresses) != len(ids):
        ids = [each for each in ids if each not in without]
    if len(addresses) != len(ids):
        found = ", ".join(map(str, sorted(addresses, key=_order)))
        raise DiscoveryError(
            f"{name} should have the replicas {', '.join(ids)}, and what was found is {found}; give the DSN of every "
            "other one as a further argument, or leave it out with --without and its name"
        )
    return dict(zip(sorted(addresses, key=_order), ids, strict=True))


def _told(replicas: Sequence[Seen]) -> dict[Address, ComponentId]:
    """The ids that the servers tell themselves; none if those do not tell the replicas apart."""
    names = [each.facts.node_name or "" for each in replicas]
    fit = all(_COMPONENT_NAME.fullmatch(name) and name.startswith("dn_") for name in names)
    if not fit or len(set(names)) < len(names):
        return {}
    return {each.address: ComponentId(name) for each, name in zip(replicas, names, strict=True)}


def _counted(replicas: Sequence[Seen]) -> dict[Address, ComponentId]:
    addresses = sorted((each.address for each in replicas), key=_order)
    return {address: ComponentId(f"dn_{number}") for number, address in enumerate(addresses, start=_FIRST_DATA_NODE)}


def _replica_ids(shard_name: str) -> list[ComponentId]:
    kind, *numbers = shard_name.split("_")
    return [ComponentId(f"{kind}_{number}") for number in numbers]


def _component_id(seen: Seen) -> ComponentId:
    name = seen.facts.node_name or ""
    if not _COMPONENT_NAME.fullmatch(name) or not name.startswith("cn_"):
        raise DiscoveryError(
            f"the coordinator {seen} calls itself {name}, and only names that begin with cn_ can be component ids; "
            "write the configuration by hand"
        )
    return ComponentId(name)


# --- what must hold --------------------------------------------------------------------------------------------------


def _check_receivers(replicas: Sequence[Seen], without: frozenset[str]) -> None:
    """Everybody whom the log is streamed to must be one of the standbys, and every standby must belong to somebody."""
    for each in replicas:
        if each.facts.in_recovery and not _receives(each) and each.lead is None:
            raise DiscoveryError(
                f"{each} is a standby that receives from nobody now, so nothing shows that it belongs to the others; "
                "try again when it follows its primary, or leave it out"
            )
    _check_hidden_sources(replicas)
    receivers = [
        (sender, receiver)
        for sender in replicas
        for receiver in sender.facts.receivers
        if not without.intersection({receiver.host, receiver.name})
    ]
    following = [each for each in replicas if _receives(each)]
    if len(receivers) <= len(following):
        return
    strangers = _strangers([receiver for _, receiver in receivers], following)
    sender = next(sender for sender, receiver in receivers if receiver in strangers)
    raise DiscoveryError(
        f"{sender} streams to {', '.join(map(str, strangers))}, and a standby was not found for each of these. Which "
        "port one listens at is not told: give its DSN as a further argument, or leave it out with --without and its "
        "address or name"
    )


def _receives(seen: Seen) -> bool:
    """Whether it is known to receive the log, from whomever."""
    return seen.facts.source is not None or seen.facts.source_hidden


def _check_hidden_sources(replicas: Sequence[Seen]) -> None:
    """A standby that does not show whom it receives from must be one of those that the others show they stream to.

    The streams are counted, since a cluster may stream in a network of its own, at addresses that clients do not use.
    """
    following = [each for each in replicas if _receives(each)]
    hidden = [each for each in following if each.facts.source_hidden and each.lead is None]
    streams = sum(len(each.facts.receivers) for each in replicas)
    if not hidden or streams >= len(following):
        return
    raise DiscoveryError(
        f"{hidden[0]} is a standby that does not show Vacate's role whom it receives from, and the others show fewer "
        f"streams ({streams}) than there are standbys ({len(following)}), so nothing shows that it belongs to them. "
        "Try again when all of them stream, give the DSN of the server that it follows as a further argument, or "
        "discover as a role with SYSADMIN"
    )


def _strangers(receivers: Sequence[Receiver], following: Sequence[Seen]) -> list[Receiver]:
    """Those at addresses where fewer standbys are known; all if the addresses do not tell."""
    known = Counter(host for each in following for host in {each.address.host, each.facts.own_host})
    streams = Counter(receiver.host for receiver in receivers)
    return [each for each in receivers if streams[each.host] > known[each.host]] or list(receivers)


def _check_names(seen: Sequence[Seen], left_out: Sequence[Lead], without: frozenset[str]) -> None:
    """A name that leaves nobody out is a slip of the pen."""
    known = {name for lead in left_out for name in lead.names}
    for each in seen:
        name = each.facts.node_name or ""
        known |= {name, *(_replica_ids(name) if _SHARD_NAME.fullmatch(name) else ())}
        known |= {text for receiver in each.facts.receivers for text in (receiver.host, receiver.name)}
    if unknown := sorted(without - known):
        raise DiscoveryError(f"--without {unknown[0]}: nobody names such a server")


def _check_ids(named: Sequence[Named]) -> None:
    owners: dict[ComponentId, Seen] = {}
    for each in named:
        other = owners.setdefault(each.id, each.seen)
        if other is not each.seen:
            raise DiscoveryError(
                f"{other} and {each.seen} are both {each.id}, and their system identifiers are "
                f"{other.facts.system_identifier} and {each.seen.facts.system_identifier}; discover one cluster at a "
                "time"
            )


def _order(address: Address) -> tuple[int, int, str, int]:
    """IP addresses as numbers, and names behind them."""
    try:
        ip = ipaddress.ip_address(address.host)
    except ValueError:
        return 10, 0, address.host, address.port
    return ip.version, int(ip), "", address.port
