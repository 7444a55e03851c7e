"""The two dialects that servers speak: how each is probed, and what link is made over its wire."""

from collections.abc import Awaitable, Callable

from vacate.domain.servers import Neighbours
from vacate.engines.capabilities import Capabilities
from vacate.engines.gauss.link import GaussLink
from vacate.engines.gauss.probe import probe as probe_gauss
from vacate.engines.postgresql.link import PostgresqlLink
from vacate.engines.postgresql.probe import probe as probe_postgresql
from vacate.engines.wire import Wire


async def probe(wire: Wire) -> Capabilities:
    """Ask a server that is connected what it is and what may be done there.

    Raises:
        ComponentUnreachableError, MissingRightsError, UnsupportedServerError.
    """
    family = wire.software.engine.of_gauss_family
    return await (probe_gauss(wire) if family else probe_postgresql(wire))


def link_over(
    wire: Wire, make_ready: Callable[[], Awaitable[None]], capabilities: Capabilities, neighbours: Neighbours
) -> GaussLink | PostgresqlLink:
    """The link to a server that was probed and found right; `make_ready` does both again when the wire broke."""
    if capabilities.software.engine.of_gauss_family:
        return GaussLink(wire, make_ready, capabilities, neighbours)
    return PostgresqlLink(wire, make_ready)
