"""What kind of software a component's server runs, and what servers of one instance tell about one another."""

from dataclasses import dataclass
from enum import StrEnum


class Engine(StrEnum):
    """The families of servers that Vacate speaks to. Which one a server is, it tells itself."""

    POSTGRESQL = "postgresql"
    OPENGAUSS = "opengauss"
    GAUSSDB = "gaussdb"
    DWS = "dws"

    @property
    def of_gauss_family(self) -> bool:
        """Whether it descends from PostgreSQL 9.2 by way of GaussDB, with threads instead of processes."""
        return self is not Engine.POSTGRESQL


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """The other members of a component's instance, as its coordinators named them.

    `names` are node names such as `cn_5001`. `addresses` are IP addresses as text; `None` says that there must be
    neighbours and nobody has told their addresses, so every client might be one.
    """

    names: frozenset[str] = frozenset()
    addresses: frozenset[str] | None = frozenset()
