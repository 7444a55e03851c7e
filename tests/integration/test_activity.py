"""The numbers are right: what Vacate tells of every session is what the server itself tells a superuser."""

import asyncio
import struct
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from tests.support.in_process import COMPONENT, INSTANCE, PROJECT, Vacate, new_actor, session_ids, vacate
from tests.support.postgres import Client, Clients, LiveServer, eventually, on_every_major
from tests.support.proxy import LinkProxy
from tests.support.watched import inventory_of
from vacate.demo.servers import HOST, Installation, Workplace
from vacate.domain.errors import ComponentUnreachableError
from vacate.domain.sessions.activity import (
    Activity,
    ActivityFilter,
    ComponentActivity,
    Dimension,
    TransactionFilter,
    overview,
    selects,
    shares,
    statement_shares,
    wait_shares,
)
from vacate.domain.sweeps.report import Outcome
from vacate.domain.topology.components import Instance, Target
from vacate.operations.reading.list_databases import ListDatabases
from vacate.operations.reading.list_sessions import ListSessions
from vacate.operations.reading.list_transactions import ListTransactions
from vacate.operations.reading.survey import Survey

TARGET = Target(project_id=PROJECT, instance_id=INSTANCE, node_id=COMPONENT.node_id, component_id=COMPONENT.id)
EVERYBODY = ActivityFilter()
PATIENCE = timedelta(seconds=20)
STARTING_SINCE = 18
QUEUE = 103

# Nothing of this is shared with activity.sql: the view, an address with its own type, and a superuser's eyes.
WITNESS = """
CREATE TEMP VIEW told AS
SELECT *, backend_xid::text AS xid, pg_blocking_pids(pid) AS blockers
  FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND application_name NOT IN ('witness', 'vacate')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Sessions in every state, and the witness, a superuser's session that is nobody's business."""

    clients: Clients
    witness: asyncpg.Connection
    row_holder: Client
    row_waiter: Client
    key_holder: Client
    key_waiter: Client
    table_holder: Client
    table_waiter: Client
    local: Client

    async def told(self) -> Mapping[int, asyncpg.Record]:
        return {row["pid"]: row for row in await self.witness.fetch("TABLE told")}

    async def now(self) -> datetime:
        moment: datetime = await self.witness.fetchval("SELECT clock_timestamp()")
        return moment


async def _waiting(clients: Clients, statement: str, *before: str, user: str = "app") -> Client:
    client = await clients.idle(*before, user=user)
    client.statement = asyncio.create_task(client.connection.execute(statement))
    await eventually(lambda: clients.server.pids("pid = $1 AND wait_event_type = 'Lock'", client.pid))
    return client


@pytest.fixture(scope="module")
def shop(server: LiveServer) -> LiveServer:
    """The server with a table to wait for, and another database, where statements have ids."""
    for statement in (
        "CREATE TABLE orders AS SELECT id, 1 AS price FROM generate_series(1, 9) id",
        "GRANT ALL ON orders TO app, clerk",
        "CREATE DATABASE other",
        "ALTER DATABASE other SET compute_query_id = on",
    ):
        server.server.psql(statement)
    return server


@pytest.fixture
async def mix(shop: LiveServer, clients: Clients) -> Mix:
    witness = await clients.idle(WITNESS, user="postgres", application="witness")

    await clients.idle(application="")
    await clients.idle("SELECT 'été'", user="clerk", application="office")
    await clients.idle("SET application_name = 'renamed'")
    await clients.open(application="never used")
    await clients.idle("BEGIN", "SELECT 1")
    await clients.aborted()
    await clients.active("SELECT pg_sleep(600)")
    await clients.active("SELECT pg_sleep(600)")
    await clients.active("SELECT pg_sleep(601)")
    elsewhere = await asyncpg.connect(shop.dsn("app"), database="other")
    clients.opened.append(Client(connection=elsewhere, pid=elsewhere.get_server_pid()))
    await elsewhere.execute("SELECT count(*) FROM pg_class")

    row_holder = await clients.idle("BEGIN", "UPDATE orders SET price = 2 WHERE id = 1", user="clerk")
    key_holder = await clients.idle("SELECT pg_advisory_lock(42)")
    table_holder = await clients.idle("BEGIN", "LOCK TABLE orders IN ROW SHARE MODE")
    return Mix(
        clients=clients,
        witness=witness.connection,
        row_holder=row_holder,
        row_waiter=await _waiting(clients, "UPDATE orders SET price = 3 WHERE id = 1"),
        key_holder=key_holder,
        key_waiter=await _waiting(clients, "SELECT pg_advisory_lock(42)", user="clerk"),
        table_holder=table_holder,
        table_waiter=await _waiting(clients, "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE", "BEGIN"),
        local=await clients.local(),
    )


async def _seen(service: Vacate) -> dict[int, Activity]:
    """What Vacate tells of everybody but the witness."""
    activities = await service.gateway.activity(COMPONENT)
    listed = {activity.pid: activity for activity in activities if activity.application != "witness"}
    assert len(listed) == len(activities) - 1
    return listed


# --- every field -----------------------------------------------------------------------------------------------------


@on_every_major
async def test_every_client_session_but_our_own_is_seen_and_nobody_else(mix: Mix, tmp_path: Path) -> None:
    async with vacate(tmp_path, mix.clients.server.dsn()) as service:
        seen = await _seen(service)
        assert set(seen) == set(await mix.told())
        assert await mix.clients.server.pids("application_name = 'vacate'")
        assert {"vacate"}.isdisjoint(activity.user or "" for activity in seen.values())


@on_every_major
async def test_every_fact_is_the_servers(mix: Mix, tmp_path: Path) -> None:
    async with vacate(tmp_path, mix.clients.server.dsn()) as service:
        told, seen = await mix.told(), await _seen(service)

    assert len(seen) > 15
    for pid, row in told.items():
        one = seen[pid]
        assert (one.session_id, one.pid) == (pid, pid)
        assert (one.user, one.database) == (row["usename"], row["datname"])
        assert one.application == row["application_name"]
        assert one.client_address == (None if row["client_addr"] is None else str(row["client_addr"]))
        assert one.client_port == row["client_port"]
        assert (one.state, one.query, one.statement_id) == (row["state"], row["query"], row["query_id"])
        assert (one.backend_start, one.state_change) == (row["backend_start"], row["state_change"])
        assert (one.transaction_start, one.statement_start) == (row["xact_start"], row["query_start"])
        assert one.transaction_id == row["xid"]
        assert (one.wait_event_type, one.wait_event) == (row["wait_event_type"], row["wait_event"])
        assert (one.blocked_by or ()) == tuple(sorted(row["blockers"]))


async def test_the_mix_has_every_kind_of_session_in_it(mix: Mix, tmp_path: Path) -> None:
    async with vacate(tmp_path, mix.clients.server.dsn()) as service:
        seen = (await _seen(service)).values()
    states = Counter(activity.state for activity in seen)
    assert states.keys() == {"idle", "active", "idle in transaction", "idle in transaction (aborted)"}
    assert {activity.user for activity in seen} == {"app", "clerk"}
    assert {activity.database for activity in seen} == {"postgres", "other"}
    assert {activity.client_address for activity in seen} == {HOST, None}
    assert {"", "office", "renamed", "web"} <= {activity.application for activity in seen}
    assert len([activity for activity in seen if activity.transaction_id]) >= 1
    assert len([activity for activity in seen if activity.statement_id]) >= 1
    assert {activity.client_port for activity in seen if activity.pid == mix.local.pid} == {-1}


async def test_durations_are_measured_with_the_servers_clock(mix: Mix, tmp_path: Path) -> None:
    async with vacate(tmp_path, mix.clients.server.dsn()) as service:
        told, before = await mix.told(), await mix.now()
        seen = await _seen(service)
        after = await mix.now()

    def fits(measured: timedelta | None, since: datetime | None) -> bool:
        if measured is None or since is None:
            return measured is since
        return before - since <= measured <= after - since

    for pid, row in told.items():
        one = seen[pid]
        running = row["state"] == "active"
        assert fits(one.open_for, row["backend_start"])
        assert fits(one.in_transaction_for, row["xact_start"])
        assert fits(one.running_for, row["query_start"] if running else None)
    assert any(one.in_transaction_for is not None for one in seen.values())
    assert any(one.running_for is not None for one in seen.values())


@on_every_major
async def test_who_waits_for_a_lock_is_told_with_the_lock_and_with_who_holds_it(mix: Mix, tmp_path: Path) -> None:
    async with vacate(tmp_path, mix.clients.server.dsn()) as service:
        seen = await _seen(service)
    awaited = {row["pid"]: row for row in await mix.witness.fetch("SELECT * FROM pg_locks WHERE NOT granted")}

    row, key, table = (seen[client.pid] for client in (mix.row_waiter, mix.key_waiter, mix.table_waiter))
    assert row.lock_tag == f"transactionid {seen[mix.row_holder.pid].transaction_id}"
    assert row.lock_mode == "ShareLock"
    assert row.blocked_by == (mix.row_holder.pid,)

    (database,) = await mix.witness.fetch("SELECT oid FROM pg_database WHERE datname = current_database()")
    assert key.lock_tag == f"advisory {database['oid']}/0/42/1"
    assert key.lock_mode == "ExclusiveLock"
    assert key.blocked_by == (mix.key_holder.pid,)

    assert table.lock_tag == f"relation {database['oid']}/{awaited[table.pid]['relation']}"
    assert table.lock_mode == "AccessExclusiveLock"
    # Whoever has used the table in a transaction that is still open, the first waiter among them.
    assert table.blocked_by is not None
    assert set(table.blocked_by) == {mix.row_holder.pid, mix.row_waiter.pid, mix.table_holder.pid}
    assert list(table.blocked_by) == sorted(table.blocked_by)

    others = [one for one in seen.values() if one.pid not in awaited]
    assert {(one.lock_mode, one.lock_tag, one.blocked_by) for one in others} == {(None, None, None)}


async def test_in_a_long_queue_blockers_are_told_of_those_that_have_waited_longest(
    workplace: Workplace, installation: Installation, tmp_path: Path
) -> None:
    name = f"queue-{installation.major}"
    server = LiveServer.start(workplace, name, installation, settings={"max_connections": str(QUEUE + 20)})
    try:
        async with Clients(server) as clients, vacate(tmp_path, server.dsn()) as service:
            holder = await clients.idle("SELECT pg_advisory_lock(1)")
            first = await _waiting(clients, "SELECT pg_advisory_lock(1)")
            crowd = [await clients.idle() for _ in range(QUEUE - 1)]
            for client in crowd:
                client.statement = asyncio.create_task(client.connection.execute("SELECT pg_advisory_lock(1)"))

            async def all_wait() -> bool:
                return len(await server.pids("wait_event_type = 'Lock'")) == QUEUE

            await eventually(all_wait)
            seen = {activity.pid: activity for activity in await service.gateway.activity(COMPONENT)}
    finally:
        server.server.stop("immediate")

    assert seen[first.pid].blocked_by == (holder.pid,)
    assert {seen[client.pid].lock_tag for client in (first, *crowd)} == {seen[first.pid].lock_tag}
    # Each of them waits for the holder and for all that came before it.
    ahead = sorted(len(seen[client.pid].blocked_by or ()) for client in (first, *crowd))
    assert ahead == [*[0] * (QUEUE - 100), *range(1, 101)]


async def test_a_session_in_the_middle_of_its_login_is_listed_as_the_server_shows_it(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    witness = await clients.idle(WITNESS, user="postgres", application="witness")
    reader, writer = await asyncio.open_connection(HOST, server.port)
    try:
        said = b"user\0app\0database\0postgres\0application_name\0half way\0\0"
        writer.write(struct.pack("!ii", len(said) + 8, 196608) + said)
        # The server asks for the password and waits.
        assert await reader.readexactly(1) == b"R"
        async with vacate(tmp_path, server.dsn()) as service:
            seen = await _seen(service)
        told = {row["pid"]: row for row in await witness.connection.fetch("TABLE told")}
    finally:
        writer.close()
        await writer.wait_closed()

    assert set(seen) == set(told)
    if server.major < STARTING_SINCE:
        assert not seen
        return
    (starting,) = seen.values()
    assert (starting.state, starting.user, starting.database) == ("starting", None, None)
    assert (starting.state_change, starting.running_for, starting.client_address) == (None, None, HOST)
    # The login is a transaction to the server, and none of the client's.
    assert starting.transaction_start == told[starting.pid]["xact_start"]
    assert not selects(starting, TransactionFilter())


# --- every figure ----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _surveyed(mix: Mix, directory: Path) -> AsyncGenerator[ComponentActivity]:
    """What a survey finds, without the witness."""
    async with vacate(directory, mix.clients.server.dsn()) as service:
        (found,) = await _survey(service)(new_actor(), PROJECT, INSTANCE)
    assert found.component == COMPONENT
    yield ComponentActivity(
        component=COMPONENT, activities=tuple(a for a in found.activities if a.application != "witness")
    )


def _survey(service: Vacate, *, answer_within: timedelta = PATIENCE) -> Survey:
    instance = Instance(project_id=PROJECT, id=INSTANCE, name="shop", components=service.components)
    return Survey(inventory=inventory_of(instance), gateway=service.gateway, answer_within=answer_within)


async def test_the_overview_counts_what_the_server_counts(mix: Mix, tmp_path: Path) -> None:
    youngest = await mix.clients.active("SELECT pg_sleep(602)")
    async with _surveyed(mix, tmp_path) as found:
        (slow_after,) = (a.running_for for a in found.activities if a.pid == youngest.pid)
        assert slow_after is not None
        counted = overview(found.activities, slow_after)
    (told,) = await mix.witness.fetch(
        "SELECT count(*) AS total, sum((state = 'active')::int) AS active,"
        " sum((state = 'active' AND query <> 'SELECT pg_sleep(602)')::int) AS slow,"
        " sum((wait_event_type IS NOT DISTINCT FROM 'Lock')::int) AS waiting FROM told"
    )
    assert (counted.total, counted.active, counted.slow, counted.waiting_for_lock) == tuple(told.values())
    assert (counted.slow, counted.waiting_for_lock) == (6, 3)


@pytest.mark.parametrize(
    ("dimension", "column"),
    [
        (Dimension.USER, "usename"),
        (Dimension.DATABASE, "datname"),
        (Dimension.CLIENT_ADDRESS, "client_addr"),
    ],
)
async def test_shares_are_what_the_server_groups(mix: Mix, tmp_path: Path, dimension: Dimension, column: str) -> None:
    async with _surveyed(mix, tmp_path) as found:
        counted = shares(found.activities, dimension)
    total, active = Counter[str](), Counter[str]()
    for row in (await mix.told()).values():
        name = "" if row[column] is None else str(row[column])
        total[name] += 1
        active[name] += row["state"] == "active"
    assert len(total) == 2
    assert [(share.name, share.active, share.total) for share in counted] == [
        (name, active[name], total[name]) for name in sorted(total)
    ]


async def test_statements_and_waits_are_what_the_server_groups(mix: Mix, tmp_path: Path) -> None:
    async with _surveyed(mix, tmp_path) as found:
        statements, waits = statement_shares([found]), wait_shares([found])
    told = await mix.witness.fetch(
        "SELECT query, count(*) AS sessions FROM told WHERE state = 'active' GROUP BY query"
        ' ORDER BY sessions DESC, query COLLATE "C"'
    )
    assert [(share.query, share.sessions) for share in statements] == [tuple(row) for row in told]
    assert statements[0].query == "SELECT pg_sleep(600)"
    assert statements[0].sessions == 2
    told = await mix.witness.fetch(
        "SELECT wait_event, count(*) AS sessions FROM told"
        " WHERE state = 'active' AND wait_event IS NOT NULL GROUP BY 1 ORDER BY sessions DESC, wait_event COLLATE \"C\""
    )
    assert [(share.event, share.sessions) for share in waits] == [tuple(row) for row in told]
    assert {"PgSleep", "advisory", "relation", "transactionid"} == {share.event for share in waits}


async def test_sessions_are_listed_with_an_address_only_and_the_oldest_first(mix: Mix, tmp_path: Path) -> None:
    async with vacate(tmp_path, mix.clients.server.dsn()) as service:
        operation = ListSessions(inventory=_survey(service).inventory, gateway=service.gateway)
        listed = await operation(new_actor(), TARGET, EVERYBODY)
        theirs = await operation(new_actor(), TARGET, ActivityFilter(user="clerk", database="postgres"))
    told = await mix.witness.fetch(
        "SELECT pid FROM pg_stat_activity WHERE client_addr IS NOT NULL AND application_name <> 'vacate'"
        " ORDER BY backend_start, pid"
    )
    assert [activity.pid for activity in listed] == [row["pid"] for row in told]
    assert mix.local.pid not in {activity.pid for activity in listed}
    told = await mix.witness.fetch("SELECT pid FROM pg_stat_activity WHERE usename = 'clerk'")
    assert {activity.pid for activity in theirs} == {row["pid"] for row in told}


@on_every_major
async def test_transactions_are_listed_the_longest_open_first(mix: Mix, tmp_path: Path) -> None:
    async with vacate(tmp_path, mix.clients.server.dsn()) as service:
        operation = ListTransactions(inventory=_survey(service).inventory, gateway=service.gateway)
        listed = await operation(new_actor(), TARGET, TransactionFilter())
        old = await operation(new_actor(), TARGET, TransactionFilter(open_at_least=timedelta(hours=1)))
    told = await mix.witness.fetch("SELECT pid FROM told WHERE xact_start IS NOT NULL ORDER BY xact_start")
    assert [activity.pid for activity in listed] == [row["pid"] for row in told]
    assert old == ()


@on_every_major
async def test_databases_are_those_that_a_client_may_use(mix: Mix, tmp_path: Path) -> None:
    server = mix.clients.server
    await server.ask("CREATE DATABASE closed ALLOW_CONNECTIONS false")
    await server.ask("CREATE DATABASE pattern IS_TEMPLATE true")
    try:
        async with vacate(tmp_path, server.dsn()) as service:
            operation = ListDatabases(
                inventory=_survey(service).inventory, gateway=service.gateway, answer_within=PATIENCE
            )
            assert await operation(new_actor(), PROJECT, INSTANCE) == ("other", "postgres")
    finally:
        await server.ask("ALTER DATABASE pattern IS_TEMPLATE false")
        await server.ask("DROP DATABASE pattern")
        await server.ask("DROP DATABASE closed")


@on_every_major
async def test_the_servers_version_is_known_as_soon_as_it_is_ready(server: LiveServer, tmp_path: Path) -> None:
    async with vacate(tmp_path, server.dsn()) as service:
        assert service.gateway.health()[0].version is None
        await _survey(service)(new_actor(), PROJECT, INSTANCE)
        (told,) = await server.ask("SELECT current_setting('server_version_num')::int AS number")
        major, minor = divmod(told["number"], 10000)
        assert service.gateway.health()[0].version == f"{major}.{minor}"


# --- the link --------------------------------------------------------------------------------------------------------


async def _works_on_the_same_link(service: Vacate, clients: Clients, proxy: LinkProxy) -> None:
    idle = await clients.idle()
    (found,) = await _survey(service)(new_actor(), PROJECT, INSTANCE)
    assert idle.pid in {activity.pid for activity in found.activities}
    assert session_ids(await service.sweep(), Outcome.TERMINATED) == {idle.pid}
    # The first login reads the server's challenge over a connection of its own.
    assert proxy.accepted == 2


async def test_a_reader_that_goes_away_costs_no_link(
    server: LiveServer, clients: Clients, proxy: LinkProxy, tmp_path: Path
) -> None:
    stalled = asyncio.Event()

    def stall() -> None:
        proxy.stall()
        stalled.set()

    async with vacate(tmp_path, server.dsn(port=proxy.port)) as service:
        for marker in (b"vacate:probe", b"vacate:activity"):
            proxy.once(marker, stall)
            call = asyncio.create_task(_survey(service)(new_actor(), PROJECT, INSTANCE))
            await stalled.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            stalled.clear()
            proxy.resume()
        await _works_on_the_same_link(service, clients, proxy)


async def test_a_reader_out_of_patience_costs_no_link(
    server: LiveServer, clients: Clients, proxy: LinkProxy, tmp_path: Path
) -> None:
    async with vacate(tmp_path, server.dsn(port=proxy.port)) as service:
        proxy.once(b"vacate:activity", proxy.stall)
        impatient = _survey(service, answer_within=timedelta(seconds=0.5))
        with pytest.raises(ComponentUnreachableError, match="dn_6001: no answer within"):
            await impatient(new_actor(), PROJECT, INSTANCE)
        proxy.resume()
        await _works_on_the_same_link(service, clients, proxy)


async def test_a_read_does_not_wait_for_a_sweep(server: LiveServer, clients: Clients, tmp_path: Path) -> None:
    idle = await clients.idle()
    async with vacate(tmp_path, server.dsn()) as service, service.gateway.link(COMPONENT):
        (found,) = await _survey(service)(new_actor(), PROJECT, INSTANCE)
    assert {activity.pid for activity in found.activities} == {idle.pid}
