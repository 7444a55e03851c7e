"""What the port and the application tell one another about the connection of a request."""

from collections.abc import Mapping
from typing import Any, Protocol, cast

EXTENSION = "vacate.peer"


class Peer(Protocol):
    """The connection that a request came by."""

    @property
    def proved(self) -> bool:
        """Whether a request on it was proved before."""
        ...

    def prove(self) -> None:
        """The sender of this request is proved: the connection keeps its place, and the request is finished first."""
        ...


def peer_of(scope: Mapping[str, Any]) -> Peer | None:
    """The connection of a request; None where the application is called without a port."""
    extensions = cast("Mapping[str, object]", scope.get("extensions") or {})
    return cast("Peer | None", extensions.get(EXTENSION))
