"""The numbers are right: every figure that is answered, beside what a superuser counts on the same servers.

A known mix of sessions sits on all three servers, over TCP and over a local socket. The service's other sessions
move while it looks after its links, so the two are compared until they agree.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from tests.contract.database_sessions import sessions
from tests.contract.raw import Signed
from tests.contract.scenes import Scene, shop_at_work
from tests.contract.shop import (
    CENTRALISED,
    COORDINATOR,
    DATABASE,
    DISTRIBUTED,
    NODE_NAMES,
    NODES,
    PRIMARY,
    PROJECT,
    SHARD,
    STANDBY,
    ZONES,
    Shop,
)
from tests.support.service import eventually
from vacate.demo.servers import Server

COMPONENTS = (COORDINATOR, PRIMARY, STANDBY)
PATH = f"/v3/{PROJECT}/instances/{DISTRIBUTED}"

# What a superuser sees, in words of SQL alone. Times are whole seconds, or to the microsecond as text.
_SEEN = """
SET TimeZone = 'UTC';
SELECT json_build_object(
    'pid', a.pid, 'user', a.usename, 'database', a.datname, 'address', host(a.client_addr), 'port', a.client_port,
    'application', a.application_name, 'state', a.state, 'query', a.query, 'query_id', coalesce(a.query_id, 0),
    'event_type', a.wait_event_type, 'event', a.wait_event, 'xid', a.backend_xid::text,
    'began', floor(extract(epoch FROM a.backend_start)), 'opened', floor(extract(epoch FROM a.xact_start)),
    'started', floor(extract(epoch FROM a.query_start)),
    'open_for', extract(epoch FROM clock_timestamp() - a.backend_start),
    'in_transaction_for', extract(epoch FROM clock_timestamp() - a.xact_start),
    'running_for', CASE WHEN a.state = 'active' THEN extract(epoch FROM clock_timestamp() - a.query_start) END,
    'backend_start', to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS.US+00:00'),
    'xact_start', to_char(a.xact_start, 'YYYY-MM-DD HH24:MI:SS.US+00:00'),
    'query_start', to_char(a.query_start, 'YYYY-MM-DD HH24:MI:SS.US+00:00'),
    'state_change', to_char(a.state_change, 'YYYY-MM-DD HH24:MI:SS.US+00:00'),
    'blockers', array_to_string(pg_blocking_pids(a.pid), ','),
    'lock_mode', (SELECT l.mode FROM pg_locks l WHERE l.pid = a.pid AND NOT l.granted)
)
FROM pg_stat_activity a WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid();
"""

Seen = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The mix: a scene on every server, and sessions that are in none."""

    scenes: Mapping[str, Scene]
    local: int
    superuser: int


@asynccontextmanager
async def whole_shop(shop: Shop) -> AsyncGenerator[Work]:
    async with AsyncExitStack() as stack:
        scenes = {
            component: await stack.enter_async_context(
                shop_at_work(shop.server(component), shop.app(component), idle=at + 1, active=at + 1)
            )
            for at, component in enumerate(COMPONENTS)
        }
        server = shop.server(COORDINATOR)
        (superuser,) = await stack.enter_async_context(sessions(server.superuser_dsn))
        (aborted,) = await stack.enter_async_context(sessions(shop.app(COORDINATOR)))
        await aborted.execute("BEGIN")
        with pytest.raises(asyncpg.DivisionByZeroError):
            await aborted.execute("SELECT 1 / 0")
        local = await stack.enter_async_context(over_a_socket(server))
        yield Work(
            scenes=scenes,
            local=local.get_server_pid(),
            superuser=superuser.get_server_pid(),
        )


@asynccontextmanager
async def over_a_socket(server: Server) -> AsyncGenerator[asyncpg.Connection]:
    """A session in a transaction, without a client address."""
    assert server.place.socket_dir is not None, "TMPDIR is too long for a socket"
    session = await asyncpg.connect(
        host=str(server.place.socket_dir),
        port=server.port,
        user="postgres",
        password=server.place.superuser_password,
        database="postgres",
    )
    try:
        await session.execute("BEGIN")
        yield session
    finally:
        await session.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the service answers and what the servers have, each asked when it is wanted."""

    shop: Shop
    signed: Signed

    def seen(self, component: str) -> list[Seen]:
        """Every client session of a component but the link that the service asks by."""
        rows = [json.loads(line) for line in self.shop.server(component).psql(_SEEN).splitlines()]
        links = [row for row in rows if row["user"] == "vacate"]
        listed = {int(row["session_id"]) for row in self.sessions(component)}
        (own,) = [row for row in links if row["pid"] not in listed]
        return [row for row in rows if row is not own]

    def all_seen(self) -> list[tuple[str, Seen]]:
        return [(component, row) for component in COMPONENTS for row in self.seen(component)]

    def get(self, path: str) -> Any:  # noqa: ANN401 - any JSON
        answer = self.signed.send(b"", path=f"{PATH}/{path}", method="GET", headers={})
        assert answer.status == 200, answer.body
        return answer.json

    def post(self, path: str, component: str, **more: object) -> Any:  # noqa: ANN401 - any JSON
        body = {"node_id": NODES[component], "component_id": component, **more}
        answer = self.signed.send(json.dumps(body).encode(), path=f"{PATH}/{path}")
        assert answer.status == 200, answer.body
        return answer.json

    def sessions(self, component: str) -> list[Any]:
        return self.post("real-time-session", component)["sessions"]


@pytest.fixture
def figures(shop: Shop) -> Figures:
    return Figures(shop=shop, signed=Signed(service=shop.service, key=shop.operator))


async def agree(answered: Callable[[], object], counted: Callable[[], object]) -> None:
    """Compare until both say the same; if they never do, show how they differ."""

    def same() -> bool:
        last[:] = [answered(), counted()]
        return last[0] == last[1]

    last: list[object] = []
    try:
        await asyncio.to_thread(eventually, same, within_s=15)
    except AssertionError:
        assert last[0] == last[1]
        raise


async def test_the_overview_is_what_a_superuser_counts(figures: Figures, shop: Shop) -> None:
    def counted() -> dict[str, str]:
        rows = [row for _, row in figures.all_seen()]
        return {
            "active_num": str(sum(row["state"] == "active" for row in rows)),
            "total_num": str(len(rows)),
            "slow_sql_num": str(sum((row["running_for"] or 0) > 1 for row in rows)),
            "lock_num": str(sum(row["event_type"] == "Lock" for row in rows)),
        }

    async with whole_shop(shop) as work:
        await agree(lambda: figures.get("session-overview"), counted)
        told = figures.get("session-overview")
    opened = sum(len(scene.all) for scene in work.scenes.values()) + 3
    assert int(told["total_num"]) >= opened
    assert told["lock_num"] == "3"


@pytest.mark.parametrize(
    ("dimension", "column"), [("usename", "user"), ("client_addr", "address"), ("datname", "database")]
)
async def test_the_statistics_are_what_a_superuser_counts(
    figures: Figures, shop: Shop, dimension: str, column: str
) -> None:
    def counted() -> list[tuple[str, str, str]]:
        rows = [(row[column] or "", row["state"] == "active") for _, row in figures.all_seen()]
        names = sorted({name for name, _ in rows})
        return [(name, str(rows.count((name, True))), str(sum(each == name for each, _ in rows))) for name in names]

    def answered() -> list[tuple[str, str, str]]:
        content = figures.get(f"session-statistics?dimension={dimension}")
        assert content["total"] == len(content["statistics_list"])
        return [(row["name"], row["active_num"], row["total_num"]) for row in content["statistics_list"]]

    async with whole_shop(shop):
        await agree(answered, counted)


async def test_the_top_statements_are_what_a_superuser_counts(figures: Figures, shop: Shop) -> None:
    def counted() -> Counter[tuple[str, str, str]]:
        running = [(component, row) for component, row in figures.all_seen() if row["state"] == "active"]
        return Counter((component, str(row["query_id"]), row["query"]) for component, row in running)

    def answered() -> Counter[tuple[str, str, str]]:
        content = figures.get("session/statistic/top-sql?offset=0&limit=100")
        assert content["total"] == len(content["top_sql_info"])
        counts = [row["count"] for row in content["top_sql_info"]]
        assert counts == sorted(counts, reverse=True)
        return Counter(
            {(row["node_name"], row["unique_sql_id"], row["query"]): row["count"] for row in content["top_sql_info"]}
        )

    async with whole_shop(shop):
        await agree(answered, counted)


async def test_the_wait_events_are_what_a_superuser_counts(figures: Figures, shop: Shop) -> None:
    def counted() -> Counter[tuple[str, str]]:
        busy = [(component, row) for component, row in figures.all_seen() if row["state"] == "active" and row["event"]]
        return Counter((component, row["event"]) for component, row in busy)

    def answered() -> Counter[tuple[str, str]]:
        content = figures.get("session/statistic/wait-event?offset=0&limit=100")
        assert content["total"] == len(content["wait_event_info"])
        return Counter({(row["node_name"], row["event_name"]): int(row["count"]) for row in content["wait_event_info"]})

    async with whole_shop(shop):
        await agree(answered, counted)


def near(answered: str, seen: float | None) -> bool:
    """Whole seconds that were counted a moment apart."""
    return abs(int(answered) - (seen or 0)) < 30


def by_pid(rows: Iterable[Seen]) -> dict[int, Seen]:
    return {row["pid"]: row for row in rows}


@pytest.mark.parametrize("component", COMPONENTS)
async def test_every_column_of_the_sessions_is_what_a_superuser_sees(
    figures: Figures, shop: Shop, component: str
) -> None:
    untimed = ("query_runtime", "exec_time", "transaction_time_cost", "wait_status", "wait_event", "lock_tag")

    def expected(row: Seen) -> dict[str, object]:
        starts = {"back_end_start": row["began"], "transaction_start": row["opened"], "query_start": row["started"]}
        unknown = ("trans_num", "rollback_num", "sql_num", "trace_id", "global_session_id", "xlog_quantity_pretty")
        return {
            "session_id": str(row["pid"]),
            "pid": str(row["pid"]),
            "unique_sql_id": str(row["query_id"]),
            "query_id": str(row["query_id"]),
            "database_name": row["database"],
            "client_ip": row["address"],
            "client_port": str(row["port"]),
            "user_name": row["user"],
            "wait": "true" if row["event_type"] == "Lock" else "false",
            "block_session": row["blockers"],
            "state": row["state"],
            "query": row["query"],
            "application_name": row["application"],
            "top_transaction_id": row["xid"] or "",
            "current_transaction_id": row["xid"] or "",
            "lock_mode": row["lock_mode"] or "",
            "component_name": component,
            **dict.fromkeys((*unknown, "lwt_id", "thread_name", "parent_session_id", "smp_id"), ""),
            **{name: at for name, at in starts.items() if at is not None},
        }

    # The service's own links run a statement now and then, so they are left out here.
    def counted() -> dict[int, dict[str, object]]:
        rows = [row for row in figures.seen(component) if row["address"] and row["user"] != "vacate"]
        return {row["pid"]: expected(row) for row in rows}

    def answered() -> dict[int, dict[str, object]]:
        rows = [row for row in figures.sessions(component) if row["user_name"] != "vacate"]
        return {int(row["pid"]): {name: row[name] for name in row if name not in untimed} for row in rows}

    async with whole_shop(shop) as work:
        await agree(answered, counted)
        listed = {int(row["pid"]): row for row in figures.sessions(component)}
        assert work.scenes[component].all <= listed.keys()
        assert work.local not in listed
        for pid, row in by_pid(figures.seen(component)).items():
            if pid in listed:
                assert near(listed[pid]["exec_time"], row["open_for"])
                assert near(listed[pid]["query_runtime"], row["running_for"])
                assert near(listed[pid]["transaction_time_cost"], row["in_transaction_for"])
        waiting = listed[work.scenes[component].waiting]
        assert (waiting["wait_status"], waiting["wait_event"]) == ("Lock", "advisory")


@pytest.mark.parametrize("component", COMPONENTS)
async def test_every_column_of_the_transactions_is_what_a_superuser_sees(
    figures: Figures, shop: Shop, component: str
) -> None:
    def expected(row: Seen) -> dict[str, object]:
        moments = ("backend_start", "xact_start", "query_start", "state_change")
        return {
            "sessionid": row["pid"],
            "pid": row["pid"],
            "query_id": row["query_id"],
            "unique_sql_id": row["query_id"],
            "datname": row["database"],
            "client_addr": row["address"] or "",
            "client_port": row["port"],
            "usename": row["user"],
            "query": row["query"],
            "application_name": row["application"],
            "state": row["state"],
            "waiting": "true" if row["event_type"] == "Lock" else "false",
            "top_xid": row["xid"] or "",
            "current_xid": row["xid"] or "",
            "xlog_quantity": 0,
            **{name: row[name] for name in moments},
        }

    def counted() -> dict[int, dict[str, object]]:
        rows = [row for row in figures.seen(component) if row["opened"] and row["state"] != "idle"]
        return {row["pid"]: expected(row) for row in rows if row["user"] != "vacate"}

    def answered() -> dict[int, dict[str, object]]:
        content = figures.post("transactions/list", component, limit=100)
        assert content["total"] == len(content["rows"])
        rows = [row for row in content["rows"] if row["usename"] != "vacate"]
        return {row["pid"]: {name: row[name] for name in row if name != "exec_time"} for row in rows}

    async with whole_shop(shop) as work:
        await agree(answered, counted)
        told = {row["pid"]: row for row in figures.post("transactions/list", component, limit=100)["rows"]}
        assert (work.local in told) is (component == COORDINATOR)
        assert work.superuser not in told
        for pid, row in by_pid(figures.seen(component)).items():
            if pid in told:
                assert near(told[pid]["exec_time"], row["in_transaction_for"])


def recovering(shop: Shop) -> dict[str, bool]:
    return {each: shop.server(each).psql("SELECT pg_is_in_recovery();") == "t" for each in COMPONENTS}


def test_the_components_are_what_the_servers_are(figures: Figures, shop: Shop) -> None:
    content = figures.get("components")
    standby = recovering(shop)
    assert content["total_count"] == len(content["nodes"]) == 3
    told = {part["id"]: (node, part) for node in content["nodes"] for part in node["components"]}
    assert told.keys() == {*COMPONENTS}
    for component, (node, part) in told.items():
        assert (node["id"], node["name"]) == (NODES[component], NODE_NAMES[component])
        assert (node["availability_zone_id"], node["status"]) == (ZONES[component], "normal")
        assert part["role"] == ("slave" if standby[component] else "master")
        assert part["distributed_id"] == ("" if component == COORDINATOR else SHARD)
    statuses = {component: part["status"] for component, (_, part) in told.items()}
    assert statuses == {COORDINATOR: "Normal", PRIMARY: "Primary", STANDBY: "Standby"}


def test_the_coordinators_are_the_configured_ones(figures: Figures) -> None:
    content = figures.get("coordinators")
    (rows,) = [value for value in content.values() if isinstance(value, list)]
    assert [(row["id"], row["name"], row["availability_zone"]) for row in rows] == [
        (NODES[COORDINATOR], NODE_NAMES[COORDINATOR], ZONES[COORDINATOR])
    ]


def test_the_instances_are_what_the_servers_are(figures: Figures, shop: Shop) -> None:
    answer = figures.signed.send(b"", path=f"/v3.3/{PROJECT}/instances", method="GET", headers={})
    told = {instance["id"]: instance for instance in answer.json["instances"]}
    assert answer.json["total_count"] == len(told) == 2
    entrances = {DISTRIBUTED: COORDINATOR, CENTRALISED: PRIMARY}
    for instance_id, entrance in entrances.items():
        instance, server = told[instance_id], shop.server(entrance)
        assert instance["port"] == int(server.psql("SHOW port;"))
        assert instance["datastore"]["version"] == server.psql("SHOW server_version;").split()[0]
        assert (
            instance["replica_num"] == int(shop.server(PRIMARY).psql("SELECT count(*) FROM pg_stat_replication;")) + 1
        )
        assert instance["private_ips"] == ["127.0.0.1"]


def test_the_databases_are_the_servers_own(figures: Figures, shop: Shop) -> None:
    content = figures.get("transactions/get-auto-kill-config?type=exec_time")
    there = shop.server(COORDINATOR).psql(
        "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate AND datname <> 'postgres' ORDER BY 1;"
    )
    assert content["database_names"] == there.split() == [DATABASE]
