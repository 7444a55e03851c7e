"""The facts of a component that guards need beyond the session itself."""

from dataclasses import dataclass

from vacate.domain.topology.components import ComponentKind
from vacate.domain.topology.servers import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The facts of the component that guards need.

    `coordinators` are the names that coordinators and other nodes introduce themselves by. `peer_addresses` are those
    of the instance's other nodes, as text; `None` says that there are such nodes and nobody has told where.
    """

    kind: ComponentKind
    engine: Engine = Engine.POSTGRESQL
    coordinators: frozenset[str] = frozenset()
    peer_addresses: frozenset[str] | None = frozenset()
