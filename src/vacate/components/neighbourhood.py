"""Who lives next to a component: what the coordinators of its instance tell of the cluster's nodes.

A data node cannot tell by itself which of its clients are other nodes of the cluster. Its coordinators know all nodes,
so each is asked whenever it is checked, and what it told last is kept.
"""

import asyncio
import ipaddress
from collections.abc import Mapping

from vacate.components.capabilities import Capabilities
from vacate.components.statements import statement
from vacate.components.wire import StatementRefusedError, Statements
from vacate.domain.topology.components import Component, ComponentKind, InstanceId, ProjectId
from vacate.domain.topology.dsn import host_and_port
from vacate.domain.topology.servers import Neighbours

_Key = tuple[ProjectId, InstanceId]
_RESOLVE_S = 2.0
# What a coordinator calls the host that it runs on itself.
_ITSELF = "localhost"


class Neighbourhood:
    """What is known of the nodes of every instance."""

    def __init__(self, servers: Mapping[Component, str]) -> None:
        """Take the components with the DSN of each one's server."""
        self._hosts = {component: host_and_port(dsn)[0] for component, dsn in servers.items()}
        self._members: dict[_Key, list[Component]] = {}
        for component in servers:
            self._members.setdefault(_instance(component), []).append(component)
        self._told: dict[_Key, dict[Component, Neighbours]] = {}
        self._resolved: dict[str, frozenset[str]] = {}

    async def ask(self, statements: Statements, component: Component, capabilities: Capabilities) -> None:
        """Have a coordinator of the Gauss family tell the cluster's nodes; others are not asked.

        A coordinator that does not let our role read its nodes tells nothing.

        Raises:
            ComponentUnreachableError: the server does not answer.
        """
        if component.kind is not ComponentKind.COORDINATOR or not capabilities.software.engine.of_gauss_family:
            return
        try:
            nodes = await statements.fetch(statement("gauss", "nodes"))
        except StatementRefusedError:
            return
        decoder = statements.decoder
        hosts = {decoder.name(host).shown for node in nodes for host in (node["host"], node["other_host"]) if host}
        own = self._hosts[component]
        addresses = await self._addresses({own if host == _ITSELF and own else host for host in hosts})
        names = frozenset(decoder.name(node["name"]).shown for node in nodes)
        told = Neighbours(names=names, addresses=addresses)
        self._told.setdefault(_instance(component), {})[component] = told

    async def of(self, component: Component, capabilities: Capabilities) -> Neighbours:
        """The other nodes of a component's instance: those that coordinators told, and those of the configuration.

        The addresses of a data node's neighbours are not known as long as no coordinator of the instance has told.
        Nodes of a centralised instance have no links to one another that clients could be taken for, so whoever comes
        from one of their machines is a client like others.
        """
        if not capabilities.software.engine.of_gauss_family:
            # A PostgreSQL server does not know what cluster it may belong to.
            return Neighbours()
        told = tuple(self._told.get(_instance(component), {}).values())
        names = frozenset[str]().union(*(each.names for each in told))
        if capabilities.distributed is False:
            return Neighbours(names=names, addresses=frozenset())
        others = [other for other in self._members[_instance(component)] if other != component]
        if not told and any(other.kind is ComponentKind.COORDINATOR for other in others):
            return Neighbours(names=names, addresses=None)
        found = [await self._addresses({self._hosts[other] for other in others} - {""})]
        found.extend(each.addresses for each in told)
        known = [addresses for addresses in found if addresses is not None]
        if len(known) < len(found):
            return Neighbours(names=names, addresses=None)
        return Neighbours(names=names, addresses=frozenset[str]().union(*known))

    async def _addresses(self, hosts: set[str]) -> frozenset[str] | None:
        """The addresses of some hosts; `None` if one of them cannot be found out."""
        found = [await self._resolve(host) for host in sorted(hosts)]
        known = [addresses for addresses in found if addresses]
        return frozenset[str]().union(*known) if len(known) == len(found) else None

    async def _resolve(self, host: str) -> frozenset[str]:
        """An address is one; a name is asked for once, since nodes are not moved behind their names."""
        try:
            return frozenset({str(ipaddress.ip_address(host))})
        except ValueError:
            pass
        if host not in self._resolved:
            loop = asyncio.get_running_loop()
            try:
                async with asyncio.timeout(_RESOLVE_S):
                    entries = await loop.getaddrinfo(host, None)
            except OSError:
                return frozenset()
            self._resolved[host] = frozenset(str(entry[4][0]) for entry in entries)
        return self._resolved[host]


def _instance(component: Component) -> _Key:
    return component.project_id, component.instance_id
