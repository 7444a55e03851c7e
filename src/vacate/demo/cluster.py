"""The demo's cluster: a coordinator, a primary data node and its streaming standby, each a server of its own.

The coordinator reads the data node's table through `postgres_fdw`, so the links that it keeps open afterwards
are sessions on the data node, as between the components of a real cluster.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from vacate.demo.servers import HOST, THROWAWAY, DemoError, Installation, Server, Workplace, open_workplace
from vacate.domain.topology.components import ComponentKind, ComponentRole

COORDINATOR = "cn_5001"
PRIMARY = "dn_6001"
STANDBY = "dn_6002"

SERVICE_ROLE = "vacate"
APPLICATION_ROLE = "app"
DATABASE = "shop"

_RESERVED_SINCE = 16
_RESERVED_SESSIONS = "2"
_REPLAY_S = 20.0
_POLL_S = 0.02

# Least privilege: to see every session and to signal those that are not a superuser's. A server that can keep
# sessions in reserve lets the role in when everybody else is refused.
_ROLES = """
CREATE ROLE vacate LOGIN PASSWORD :'service_password';
GRANT pg_read_all_stats, pg_signal_backend TO vacate;
SELECT 'GRANT pg_use_reserved_connections TO vacate'
WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = 'pg_use_reserved_connections')
\\gexec
CREATE ROLE app LOGIN PASSWORD :'application_password';
CREATE DATABASE shop OWNER app;
\\connect shop
"""

_TABLE = """
SET ROLE app;
CREATE TABLE orders (id bigint PRIMARY KEY, total numeric NOT NULL);
INSERT INTO orders SELECT id, id * 1.25 FROM generate_series(1, 1000) id;
"""

_FOREIGN_TABLE = """
CREATE EXTENSION postgres_fdw;
CREATE SERVER dn_6001 FOREIGN DATA WRAPPER postgres_fdw
    OPTIONS (host :'data_node_host', port :'data_node_port', dbname 'shop');
CREATE USER MAPPING FOR app SERVER dn_6001 OPTIONS (user 'app', password :'application_password');
GRANT USAGE ON FOREIGN SERVER dn_6001 TO app;
SET ROLE app;
CREATE FOREIGN TABLE orders (id bigint NOT NULL, total numeric NOT NULL) SERVER dn_6001;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoComponent:
    """One component of the cluster, with every login that the demo needs. All logins go over TCP."""

    component_id: str
    kind: ComponentKind
    role: ComponentRole
    host: str
    port: int
    service_dsn: str = field(repr=False)
    superuser_dsn: str = field(repr=False)
    application_dsn: str = field(repr=False)
    server: Server = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCluster:
    """The running cluster: coordinator, primary data node, standby."""

    components: tuple[DemoComponent, ...]

    def component(self, component_id: str) -> DemoComponent:
        """The component of that id."""
        return next(each for each in self.components if each.component_id == component_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Passwords:
    service: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    application: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    def variables(self) -> dict[str, str]:
        return {"service_password": self.service, "application_password": self.application}


@contextmanager
def running_cluster(demo_dir: Path, installation: Installation) -> Generator[DemoCluster]:
    """Start the cluster, give it, and end it with all its files. This blocks; see `demo_cluster`.

    Args:
        demo_dir: Where the run's record is kept, for whoever has to clean up after it.
        installation: Whose servers to start.
    """
    with open_workplace(demo_dir) as place:
        yield _start(place, installation)


@asynccontextmanager
async def demo_cluster(demo_dir: Path, installation: Installation) -> AsyncGenerator[DemoCluster]:
    """`running_cluster` for asynchronous programs. A cancelled start is finished first, then undone."""
    running = running_cluster(demo_dir, installation)
    start = asyncio.ensure_future(asyncio.to_thread(running.__enter__))
    try:
        yield await asyncio.shield(start)
    finally:
        await asyncio.wait([start])
        if not start.cancelled() and start.exception() is None:
            await asyncio.to_thread(running.__exit__, None, None, None)


def _start(place: Workplace, installation: Installation) -> DemoCluster:
    settings = dict(THROWAWAY)
    if installation.major >= _RESERVED_SINCE:
        settings["reserved_connections"] = _RESERVED_SESSIONS
    passwords = _Passwords()

    def primary_started(name: str) -> Server:
        server = Server.create(place, name, installation, settings=settings, own_identity=True)
        server.start()
        return server

    with ThreadPoolExecutor() as pool:
        coordinator_start = pool.submit(primary_started, COORDINATOR)
        primary = primary_started(PRIMARY)
        standby_start = pool.submit(_standby_started, primary)
        primary.psql(_ROLES + _TABLE, variables=passwords.variables())
        coordinator = coordinator_start.result()
        coordinator.psql(
            _ROLES + _FOREIGN_TABLE,
            variables=passwords.variables() | {"data_node_host": HOST, "data_node_port": str(primary.port)},
        )
        standby = standby_start.result()
    _wait_until_replayed(primary, standby)
    return DemoCluster(
        components=(
            _component(coordinator, ComponentKind.COORDINATOR, ComponentRole.PRIMARY, passwords),
            _component(primary, ComponentKind.DATA_NODE, ComponentRole.PRIMARY, passwords),
            _component(standby, ComponentKind.DATA_NODE, ComponentRole.STANDBY, passwords),
        )
    )


def _standby_started(primary: Server) -> Server:
    # Long statements on the standby go on whatever the primary cleans up.
    patience = {"hot_standby_feedback": "on", "max_standby_streaming_delay": "-1"}
    standby = Server.standby_of(primary, STANDBY, settings=patience)
    standby.start()
    return standby


def _wait_until_replayed(primary: Server, standby: Server) -> None:
    """Roles and tables of the primary reach the standby a moment later; sessions must not come before."""
    position = {"position": primary.psql("SELECT pg_current_wal_lsn();")}
    deadline = time.monotonic() + _REPLAY_S
    while standby.psql("SELECT pg_last_wal_replay_lsn() >= :'position';", variables=position) != "t":
        if time.monotonic() > deadline:
            raise DemoError(f"{standby.name} did not follow {primary.name} within {_REPLAY_S:.0f} s")
        time.sleep(_POLL_S)


def _component(server: Server, kind: ComponentKind, role: ComponentRole, passwords: _Passwords) -> DemoComponent:
    return DemoComponent(
        component_id=server.name,
        kind=kind,
        role=role,
        host=HOST,
        port=server.port,
        service_dsn=server.dsn(SERVICE_ROLE, passwords.service),
        superuser_dsn=server.superuser_dsn,
        application_dsn=server.dsn(APPLICATION_ROLE, passwords.application, DATABASE),
        server=server,
    )
