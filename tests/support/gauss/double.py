"""A server of the Gauss family, played by a stock PostgreSQL, so that sessions really open and really end.

    double = GaussDouble.start(place, "cn_5001", installation, engine="gaussdb", pool=True, node_name="cn_5001")
    double.add_nodes([Node("cn_5001", "C", "localhost", 8000)])

Every login but the superuser's finds the family's views and functions before PostgreSQL's own; `double.sql` says which,
and what cannot be played. The superuser stays the witness: what it asks, PostgreSQL answers, with real pids.

Methods that arrange something block for a moment and return when it is so, for the next statement of every session;
those that ask are coroutines.
"""

import json
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self, TypedDict, Unpack
from urllib.parse import quote

import asyncpg

from tests.support.postgres import DATABASE, PASSWORD, VACATE, LiveServer
from vacate.demo.servers import Installation, Server, Workplace

Family = Literal["opengauss", "gaussdb", "dws"]
Deployment = Literal["Distribute", "BusinessCentralized", "OpenSourceCentralized"]

SEARCH_PATH = "gauss, pg_catalog, public"
VERSIONS: Mapping[Family, str] = {
    "opengauss": (
        "(openGauss 6.0.0 build aee4abd5) compiled at 2024-09-29 18:39:06 commit 0 last mr   "
        "on x86_64-unknown-linux-gnu, compiled by g++ (GCC) 10.3.0, 64-bit"
    ),
    "gaussdb": (
        "gaussdb (GaussDB Kernel 505.2.1 build 5e2a1b3c) compiled at 2024-12-27 09:22:42 commit 10161 "
        "last mr 21504 release"
    ),
    "dws": (
        "PostgreSQL 9.2.4 (GaussDB 8.1.3 build 39137c2d) compiled at 2022-04-01 15:43:11 commit 3629 "
        "last mr 5138 release on x86_64-unknown-linux-gnu, compiled by g++ (GCC) 5.4.0, 64-bit"
    ),
}
# A waking session finds its home among so many workers; see `sessions` in double.sql.
WORKERS = 509

_SCRIPTS = ("double.sql", "double_views.sql")
_SAID = "gauss double: "
_FINISH = """
ALTER DATABASE postgres SET search_path = gauss, pg_catalog, public;
ALTER ROLE postgres IN DATABASE postgres SET search_path = pg_catalog, witness, public;
REVOKE pg_read_all_stats, pg_signal_backend FROM vacate;
"""
_ROLE = """
SELECT format('CREATE ROLE %I LOGIN PASSWORD %L', :'role', :'password')
 WHERE NOT EXISTS (SELECT FROM pg_authid WHERE rolname = :'role') \\gexec
"""
_ATTRIBUTE = """
INSERT INTO gauss.attributes (role) SELECT oid FROM pg_authid WHERE rolname = :'role' ON CONFLICT DO NOTHING;
UPDATE gauss.attributes SET {attribute} = true WHERE role = (SELECT oid FROM pg_authid WHERE rolname = :'role');
"""
_TAKE_RIGHTS = """
DELETE FROM gauss.attributes WHERE role = (SELECT oid FROM pg_authid WHERE rolname = :'role');
SELECT format('REVOKE %I FROM %I', g.rolname, :'role')
  FROM pg_auth_members m JOIN pg_authid g ON g.oid = m.roleid JOIN pg_authid r ON r.oid = m.member
 WHERE r.rolname = :'role' \\gexec
"""
_FORGET = """
TRUNCATE gauss.nodes, gauss.internal_threads, gauss.renumbered, gauss.outside_the_pool, gauss.parallel;
"""
_THREADS = """
INSERT INTO gauss.internal_threads (application_name, client_addr, client_port, state, state_change, backend_start)
SELECT application, address::inet, port, state, clock_timestamp() - make_interval(secs => for_s),
       clock_timestamp() - make_interval(secs => for_s)
  FROM jsonb_to_recordset(:'rows'::jsonb) t (application text, address text, port int, state text, for_s float8);
"""
_NODES = """
INSERT INTO gauss.nodes (node_name, node_type, node_port, node_host, node_port1, node_host1, nodeis_central,
                         nodeis_active, node_id)
SELECT name, type::"char", port, host, coalesce(other_port, port), coalesce(other_host, host), central, active,
       hashtext(name)
  FROM jsonb_to_recordset(:'rows'::jsonb) n (
       name text, type text, host text, port int, other_host text, other_port int, central boolean, active boolean);
"""


class Shape(TypedDict, total=False):
    """What is played. `settings` and the rest go to PostgreSQL; see `LiveServer.start`."""

    engine: Family
    pool: bool
    deployment: Deployment
    node_name: str
    version: str
    duties_separated: bool
    session_timeout_s: int
    workers: int


class InternalThread(NamedTuple):
    """A thread of the server's own, without a port; tools such as `cm_agent` have one. `for_s`: since when."""

    application: str
    state: str | None = "active"
    address: str | None = None
    port: int | None = None
    for_s: float = 3600


class Node(NamedTuple):
    """A row of `pgxc_node`; `type` is C for a coordinator, D for a data node, S for its standby."""

    name: str
    type: Literal["C", "D", "S", "N"]
    host: str
    port: int
    other_host: str | None = None
    other_port: int | None = None
    central: bool = False
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One call of a function that ends sessions. `hit` is the real pid of whom it was about, if there is one."""

    function: str
    role: str
    pid: int
    sessionid: int | None
    allowed: bool
    hit: int | None
    hit_application: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GaussDouble(LiveServer):
    """A running double. `vacate` may see and end all sessions; `app` is a user like any other."""

    engine: Family
    pool: bool

    @classmethod
    def start(
        cls,
        place: Workplace,
        name: str,
        installation: Installation,
        *,
        settings: Mapping[str, str] | None = None,
        own_identity: bool = False,
        **shape: Unpack[Shape],
    ) -> Self:
        """Start a double of its own; closing the place ends it."""
        engine, pool = shape.get("engine", "gaussdb"), shape.get("pool", True)
        played = _settings(shape, engine, pool=pool) | dict(settings or {})
        live = LiveServer.start(place, name, installation, settings=played, own_identity=own_identity)
        for script in _SCRIPTS:
            live.server.psql((Path(__file__).parent / script).read_text(encoding="utf-8"))
        live.server.psql(_FINISH)
        double = cls(server=live.server, engine=engine, pool=pool)
        double.reader(VACATE)
        double.signaller(VACATE)
        return double

    def standby(self, name: str, *, node_name: str) -> Self:
        """Start a streaming standby of it. What is arranged here is so there too, a little later."""
        server = Server.standby_of(self.server, name, settings={"gauss.pgxc_node_name": node_name})
        server.start()
        return type(self)(server=server, engine=self.engine, pool=self.pool)

    def dsn(self, user: str = VACATE, *, password: str = PASSWORD, port: int | None = None) -> str:
        """A login that finds the family's names first, also if the client would look in pg_catalog alone."""
        return f"{LiveServer.dsn(self, user, password=password, port=port)}?search_path={quote(SEARCH_PATH, safe='')}"

    # --- what it is --------------------------------------------------------------------------------------------------

    def version_text(self, text: str | None) -> None:
        """What `version()` answers, from the next login on; none: as in the beginning."""
        self.setting("version", text)

    def setting(self, name: str, value: str | None) -> None:
        """Another value of one of its settings, such as `pgxc_node_name`, from the next login on; none: its first."""
        change = "RESET %I.%I" if value is None else "SET %I.%I = %L"
        script = f"SELECT format('ALTER DATABASE {DATABASE} {change}', 'gauss', lower(:'name'), :'value') \\gexec"
        self.server.psql(script, variables={"name": name, "value": value or ""})

    def drop_feature(self, name: str) -> None:
        """Do without a column (of one view: `view.column`), view, function, setting or role."""
        self.server.psql("SELECT gauss.leave_out(:'name');", variables={"name": name})

    def restore_feature(self, name: str) -> None:
        """Have it again."""
        self.server.psql("SELECT gauss.put_back(:'name');", variables={"name": name})

    @contextmanager
    def without(self, *features: str) -> Generator[None]:
        """Do without some features inside the block."""
        for feature in features:
            self.drop_feature(feature)
        try:
            yield
        finally:
            for feature in features:
                self.restore_feature(feature)

    def add_nodes(self, nodes: Iterable[Node]) -> None:
        """Rows of `pgxc_node`, which coordinators alone show."""
        self._insert(_NODES, nodes)

    def internal_threads(self, threads: Iterable[InternalThread]) -> None:
        """Threads of its own, listed beside the sessions. They cannot be ended."""
        self._insert(_THREADS, threads)

    def forget(self) -> None:
        """No nodes, no threads, no numbers, no ways past the pool and no parallel statements of a test's own."""
        self.server.psql(_FORGET)

    def renumber(self, real_pid: int, sessionid: int) -> None:
        """Give a session another id, such as one that a session of an earlier life had."""
        script = "INSERT INTO gauss.renumbered VALUES (:'pid', :'id');"
        self.server.psql(script, variables={"pid": str(real_pid), "id": str(sessionid)})

    def outside_the_pool(self, application: str) -> None:
        """An application's sessions have threads of their own, as those have that log in at the HA port."""
        self.server.psql("INSERT INTO gauss.outside_the_pool VALUES (:'name');", variables={"name": application})

    def parallel(self, application: str, threads: int) -> None:
        """Run an application's statements on so many threads beside the session's own."""
        script = "INSERT INTO gauss.parallel VALUES (:'name', :'threads'::int);"
        self.server.psql(script, variables={"name": application, "threads": str(threads)})

    # --- who may what ------------------------------------------------------------------------------------------------

    def user(self, name: str) -> None:
        """A login without any right, which is made if there is none of the name."""
        self.server.psql(_ROLE, variables={"role": name, "password": PASSWORD})

    def monadmin(self, name: str) -> None:
        """Let a login see all sessions, where there is such an attribute."""
        self._grant(name, _ATTRIBUTE.format(attribute="monitor_admin"))

    def sysadmin(self, name: str) -> None:
        """Let a login see and end all sessions, unless duties are separated."""
        self._grant(name, _ATTRIBUTE.format(attribute="system_admin"))

    def signaller(self, name: str) -> None:
        """Let a login end all sessions but the initial user's and those of users with PERSISTENCE."""
        self._grant(name, 'GRANT gs_role_signal_backend TO :"role";')

    def persistence(self, name: str) -> None:
        """Let nobody but administrators end a login's sessions."""
        self._grant(name, _ATTRIBUTE.format(attribute="persistence"))

    def reader(self, name: str) -> None:
        """Let a login see all sessions, in the way that this engine has."""
        if self.engine == "dws":
            self._grant(name, 'GRANT gs_role_read_all_stats TO :"role";')
        else:
            self.monadmin(name)

    def take_rights(self, name: str) -> None:
        """Take every right from a login; it stays."""
        self.server.psql(_TAKE_RIGHTS, variables={"role": name})

    # --- what happened -----------------------------------------------------------------------------------------------

    async def ask_as(self, user: str, question: str, *values: object) -> list[asyncpg.Record]:
        """What the double answers to a user."""
        session = await asyncpg.connect(self.dsn(user))
        try:
            return await session.fetch(question, *values)
        finally:
            await session.close()

    async def pid_of(self, real_pid: int) -> int | None:
        """The pid that the double lists for a session; 0 while it is idle in the pool, none if it is gone."""
        return await self._one("SELECT pid FROM gauss.sessions(NULL, false) WHERE real_pid = $1", real_pid)

    async def sessionid_of(self, real_pid: int) -> int:
        """The id that the double lists for a session; a data warehouse keeps it to itself."""
        found = await self._one("SELECT sessionid FROM gauss.sessions(NULL, false) WHERE real_pid = $1", real_pid)
        assert found is not None, f"there is no session of the process {real_pid}"
        return found

    async def real_pid_of(self, sessionid: int) -> int | None:
        """PostgreSQL's pid of a session; none if it is gone, or is an internal thread."""
        return await self._one("SELECT real_pid FROM gauss.sessions(NULL, false) WHERE sessionid = $1", sessionid)

    def asked_to_end(self) -> list[Asked]:
        """Every call of a function that ends sessions, in order, also of transactions that failed."""
        return [Asked(**said) for said in self._said() if "function" in said]

    def session_timeout_of(self, real_pid: int) -> int | None:
        """What a session has last set its `session_timeout` to, in seconds; none if it never has."""
        said = [entry["session_timeout"] for entry in self._said() if entry.get("real_pid") == real_pid]
        return int(said[-1]) if said else None

    async def _one(self, question: str, *values: object) -> int | None:
        rows = await self.ask(question, *values)
        return rows[0][0] if rows else None

    def _said(self) -> list[dict[str, Any]]:
        log = self.server.log_path.read_text(encoding="utf-8", errors="replace")
        return [json.loads(line.partition(_SAID)[2]) for line in log.splitlines() if f"LOG:  {_SAID}" in line]

    def _grant(self, name: str, script: str) -> None:
        self.user(name)
        self.server.psql(script, variables={"role": name})

    def _insert(self, script: str, rows: Iterable[InternalThread | Node]) -> None:
        self.server.psql(script, variables={"rows": json.dumps([row._asdict() for row in rows])})


def _settings(shape: Shape, engine: Family, *, pool: bool) -> dict[str, str]:
    """The settings by which double.sql knows what it plays, and what its timeouts are in PostgreSQL's words."""
    assert not (pool and engine == "dws"), "a data warehouse has no thread pool"
    timeout_s = shape.get("session_timeout_s", 600)
    default: Deployment = "OpenSourceCentralized" if engine == "opengauss" else "BusinessCentralized"
    return {
        "gauss.engine": engine,
        "gauss.version": shape.get("version", VERSIONS[engine]),
        "gauss.deployment": shape.get("deployment", default),
        "gauss.enable_thread_pool": "on" if pool else "off",
        "gauss.pgxc_node_name": shape.get("node_name", "dn_6001"),
        "gauss.enableseparationofduty": "on" if shape.get("duties_separated", False) else "off",
        "gauss.session_timeout": str(timeout_s),
        "gauss.workers": str(shape.get("workers", WORKERS)),
        "gauss.server_version": "9.2.4",
        "gauss.server_version_num": "90204",
        "idle_session_timeout": f"{timeout_s}s",
        "idle_in_transaction_session_timeout": f"{timeout_s}s",
    }
