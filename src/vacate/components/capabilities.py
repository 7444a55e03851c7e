"""What a server is and what Vacate's role may do there, compared with what its component should be."""

import re
from dataclasses import dataclass

from vacate.components.recognition import ServerSoftware
from vacate.domain.errors import ComponentUnreachableError, MissingRightsError, WrongServerError
from vacate.domain.topology.components import Component, ComponentKind, ComponentRole
from vacate.operations.ports import Pins

_KINDS = {"cn": ComponentKind.COORDINATOR, "dn": ComponentKind.DATA_NODE}
_NODE_NAME = re.compile(r"(?P<kind>cn|dn)_\d{4}(?:_\d{4})*")


class ServerChangedError(ComponentUnreachableError):
    """An answer shows that the server is not what it was at its check: its role, or our role's rights."""

    def __init__(self, reason: str = "its role or the rights of Vacate's role changed while it was read") -> None:
        super().__init__(reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """The answer of a server's probe.

    `remedies` are the statements that give Vacate's role the rights it lacks; none when it lacks none. `node_name` is
    what the server is called in its cluster, where it has such a name. `offered` are the columns and functions that
    servers of its family have or have not, as the heads of statements name them. `distributed` is whether the server
    is a part of a distributed cluster; `None` if it does not tell. `maximum` and `reserved` are how many sessions it
    has room for, and how many of these are kept for some roles; both stay for as long as the server runs.
    """

    software: ServerSoftware
    system_identifier: str
    in_recovery: bool
    maximum: int
    reserved: int
    remedies: tuple[str, ...] = ()
    node_name: str | None = None
    offered: frozenset[str] = frozenset()
    distributed: bool | None = False


async def check(capabilities: Capabilities, component: Component, pins: Pins) -> None:
    """Refuse a server that is not the component's, or that hides what must be seen.

    The first server ever found for a component is pinned; from then on it must be the same.

    Raises:
        WrongServerError, MissingRightsError, StoreUnavailableError.
    """
    expected_recovery = component.role is ComponentRole.STANDBY
    if capabilities.in_recovery != expected_recovery:
        seen = "a standby" if capabilities.in_recovery else "a primary"
        raise WrongServerError(
            f"it is {seen}, and {component.id} is configured as {component.role}; "
            "after a switchover, correct the role in the configuration"
        )
    _check_kind(capabilities.node_name, component)
    found = capabilities.system_identifier
    pinned = await pins.pinned(component) or await pins.pin(component, found)
    if pinned != found:
        raise WrongServerError(
            f"its system identifier is {found}, and {component.id} is pinned to {pinned}; "
            "if the server was replaced on purpose, run: vacate component unpin"
        )
    if capabilities.remedies:
        raise MissingRightsError(capabilities.remedies)


def _check_kind(node_name: str | None, component: Component) -> None:
    """The guards go by the kind: a data node that is taken for a coordinator would lose the links of the cluster."""
    found = _NODE_NAME.fullmatch(node_name or "")
    if found and _KINDS[found["kind"]] is not component.kind:
        raise WrongServerError(
            f"its node name is {node_name}, and {component.id} is configured as a {component.kind}; "
            "correct the component's kind or its DSN in the configuration"
        )
