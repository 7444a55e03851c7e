"""Which software a server runs, read from what it says of itself."""

import re
from dataclasses import dataclass

from vacate.domain.errors import UnsupportedServerError
from vacate.domain.topology.servers import Engine

# These call themselves PostgreSQL as well, and their sessions are others: a session there may span many servers, and
# ending one, or being idle, does not mean what it means here.
_FORKS = re.compile(
    r"Greenplum|Cloudberry|Redshift|EnterpriseDB|OpenTenBase|Postgres-XL|-YB-|Yugabyte|CockroachDB", re.IGNORECASE
)
# In this order: the data warehouse says `GaussDB 8.1.3`, the database `GaussDB Kernel 505.2.1`.
_ENGINES = (
    (Engine.OPENGAUSS, re.compile(r"\bopenGauss (?P<version>\d[\w.-]*)")),
    (Engine.GAUSSDB, re.compile(r"\bGaussDB Kernel (?P<version>V?\d[\w.-]*)")),
    (Engine.DWS, re.compile(r"\bGaussDB (?:[A-Z] )?(?P<version>\d[\w.-]*)")),
    (Engine.POSTGRESQL, re.compile(r"^PostgreSQL (?P<version>\d[\w.-]*)")),
)
_FAMILY = re.compile(r"gauss", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSoftware:
    """A server's engine and its own version, such as `18.6`, `6.0.0` or `505.2.1`."""

    engine: Engine
    version: str

    @property
    def major(self) -> int:
        """The first number of the version."""
        number = re.search(r"\d+", self.version)
        return int(number.group()) if number else 0

    def __str__(self) -> str:
        return f"{self.engine} {self.version}"


def recognise(text: str) -> ServerSoftware:
    """Read the answer of `version()`.

    Raises:
        UnsupportedServerError: it is another database, or none that is known.
    """
    said = " ".join(text.split())[:80]
    if _FORKS.search(text):
        raise UnsupportedServerError(f"the server is another database than those Vacate knows: {said}")
    for engine, pattern in _ENGINES:
        # What belongs to the Gauss family names PostgreSQL too, and is never taken for it.
        if (found := pattern.search(text)) and not (engine is Engine.POSTGRESQL and _FAMILY.search(text)):
            return ServerSoftware(engine=engine, version=found["version"])
    raise UnsupportedServerError(f"the server does not tell what it is in words that Vacate knows: {said}")
