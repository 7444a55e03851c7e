"""The two dialects that servers speak: how each is probed, and what asks it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol

from vacate.components.capabilities import Capabilities
from vacate.components.gauss.link import GaussLink
from vacate.components.gauss.probe import probe as probe_gauss
from vacate.components.postgresql.link import PostgresqlLink
from vacate.components.postgresql.probe import probe as probe_postgresql
from vacate.components.wire import Statements, Wire
from vacate.domain.judging.settings import GuardName
from vacate.domain.sessions.activity import Activity
from vacate.domain.sessions.session import Session, SessionKey, Victim
from vacate.operations.ports import Signalled


class ServerLink(Protocol):
    """Asks one server in its own dialect; see `operations.ports.Link` for what each answer means."""

    async def look(self) -> tuple[Session, ...]:
        """Read every session once.

        Raises:
            ServerChangedError: the server is not what it was when it was checked.
            ComponentUnreachableError: it does not answer.
        """
        ...

    async def activity(self) -> tuple[Activity, ...]:
        """Read every client session with what it does."""
        ...

    async def databases(self) -> tuple[str, ...]:
        """Read the names of the databases that clients may use."""
        ...

    def terminate(self, victims: Sequence[Victim], off: frozenset[GuardName]) -> AsyncIterator[Sequence[Signalled]]:
        """Signal the victims that are still what they were."""
        ...

    async def still_present(self, keys: Sequence[SessionKey]) -> frozenset[SessionKey]:
        """Return which of these sessions the server still lists."""
        ...


async def probe(wire: Wire) -> Capabilities:
    """Ask a server that is connected what it is and what may be done there.

    Raises:
        ComponentUnreachableError, MissingRightsError, UnsupportedServerError.
    """
    family = wire.software.engine.of_gauss_family
    return await (probe_gauss(wire) if family else probe_postgresql(wire))


def link_over(
    statements: Statements, make_ready: Callable[[], Awaitable[None]], capabilities: Capabilities
) -> ServerLink:
    """Return what asks a server that was probed and found right; `make_ready` does both again when the wire broke."""
    link = GaussLink if capabilities.software.engine.of_gauss_family else PostgresqlLink
    return link(statements, make_ready, capabilities)
