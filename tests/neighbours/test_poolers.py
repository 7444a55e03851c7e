"""Poolers between clients and the server: whose sessions the server has, and what their end does."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from tests.neighbours.beside import Bench, Tool, program, sweep_until
from tests.support.in_process import vacate
from tests.support.postgres import APP, DATABASE, PASSWORD, LiveServer, eventually
from vacate.demo.servers import free_port
from vacate.domain.judging.settings import GuardSettings
from vacate.domain.judging.victim_warnings import WarningKind

_BOUNCER = """
[databases]
postgres = host=127.0.0.1 port={server}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {users}
pool_mode = {mode}
"""
_PGPOOL = """
listen_addresses = '127.0.0.1'
port = {port}
pcp_listen_addresses = ''
pcp_port = {pcp}
socket_dir = '{folder}'
pcp_socket_dir = '{folder}'
pid_file_name = '{folder}/pgpool.pid'
logdir = '{folder}'
work_dir = '{folder}'
backend_clustering_mode = 'streaming_replication'
backend_hostname0 = '127.0.0.1'
backend_port0 = {server}
backend_flag0 = 'ALLOW_TO_FAILOVER'
num_init_children = 2
pool_passwd = '{folder}/pool_passwd'
sr_check_period = 0
health_check_period = 0
load_balance_mode = off
search_primary_node_timeout = 1
failover_command = 'touch {folder}/failed-over'
{more}
"""


@asynccontextmanager
async def client_of(port: int, database: str = DATABASE) -> AsyncGenerator[asyncpg.Connection]:
    """An application that came through a pooler."""
    client = await asyncpg.connect(
        host="127.0.0.1",
        port=port,
        user=APP,
        password=PASSWORD,
        database=database,
        statement_cache_size=0,
        server_settings={"application_name": "web"},
    )
    try:
        yield client
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            await client.close(timeout=5)
    finally:
        client.terminate()


async def accepts(port: int, tool: Tool) -> None:
    """Wait until a pooler lets clients in."""

    async def lets_in() -> bool:
        assert tool.running, tool.words
        with suppress(OSError, asyncpg.PostgresError):
            async with client_of(port) as client:
                return await client.fetchval("SELECT 1") == 1
        return False

    await eventually(lets_in)


async def bouncer(bench: Bench, server: LiveServer, mode: str) -> int:
    """PgBouncer before the server; its port."""
    port = free_port()
    users = bench.write("users.txt", f'"{APP}" "{PASSWORD}"\n')
    settings = bench.write("pgbouncer.ini", _BOUNCER.format(server=server.port, port=port, users=users, mode=mode))
    await accepts(port, bench.start([program("pgbouncer", "pgbouncer"), settings]))
    return port


async def test_pgbouncer_in_transaction_mode_hides_the_end_from_its_clients(
    server: LiveServer, bench: Bench, tmp_path: Path
) -> None:
    port = await bouncer(bench, server, "transaction")
    async with client_of(port) as client, vacate(tmp_path, server.dsn()) as service:
        assert await client.fetchval("SELECT 1") == 1
        seen = await sweep_until(service, lambda seen: bool(seen.ended))
        await eventually(lambda: client.fetchval("SELECT 1"))

    assert {entry.session.application for entry in seen.ended} == {"web"}, "its sessions have their client's name"


async def test_pgbouncer_in_session_mode_closes_the_client_whose_session_was_ended(
    server: LiveServer, bench: Bench, tmp_path: Path
) -> None:
    port = await bouncer(bench, server, "session")
    async with client_of(port) as client, vacate(tmp_path, server.dsn()) as service:
        assert await client.fetchval("SELECT 1") == 1
        await sweep_until(service, lambda seen: bool(seen.ended))
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await client.fetchval("SELECT 1")
        assert client.is_closed()
        async with client_of(port) as another:
            assert await another.fetchval("SELECT 1") == 1


async def test_parked_sessions_of_pgbouncer_look_like_a_poolers(
    server: LiveServer, bench: Bench, tmp_path: Path
) -> None:
    port = await bouncer(bench, server, "session")
    async with client_of(port) as client:
        assert await client.fetchval("SELECT 1") == 1
    await eventually(lambda: server.pids("usename = 'app' AND query = 'DISCARD ALL' AND state = 'idle'"))
    async with vacate(tmp_path, server.dsn()) as service:
        seen = await sweep_until(service, lambda seen: bool(seen.ended))

    assert seen.looked_like == {WarningKind.POOLER}


async def pgpool(bench: Bench, server: LiveServer, more: str = "") -> tuple[int, Path]:
    """pgpool-II before the server: its port, and the file that its failover makes."""
    port, folder = free_port(), bench.folder
    bench.write("pool_passwd", f"{APP}:TEXT{PASSWORD}\n")
    settings = bench.write(
        "pgpool.conf", _PGPOOL.format(server=server.port, port=port, pcp=free_port(), folder=folder, more=more)
    )
    tool = bench.start([program("pgpool", "pgpool2"), "-n", "-f", settings, "-F", folder / "pcp.conf"])

    async def started() -> bool:
        assert tool.running, tool.words
        return "successfully started" in tool.words

    # It ignores what happens to its sessions until it says so.
    await eventually(started)
    await accepts(port, tool)
    return port, folder / "failed-over"


async def test_pgpool_takes_the_end_of_an_attached_session_for_a_failure_of_the_server(
    server: LiveServer, bench: Bench, tmp_path: Path
) -> None:
    port, failed_over = await pgpool(bench, server)
    async with client_of(port) as client, vacate(tmp_path, server.dsn()) as service:
        assert await client.fetchval("SELECT 1") == 1
        seen = await sweep_until(service, lambda _: failed_over.exists())

    assert "web" in {entry.session.application for entry in seen.ended}, "its sessions have their client's name"


async def test_pgpool_does_not_fail_over_where_that_is_switched_off(
    server: LiveServer, bench: Bench, tmp_path: Path
) -> None:
    server.server.psql("CREATE DATABASE pooled OWNER app;")
    port, failed_over = await pgpool(bench, server, "failover_on_backend_shutdown = off")
    async with vacate(tmp_path, server.dsn()) as service:
        async with client_of(port) as client:
            assert await client.fetchval("SELECT 1") == 1
            await sweep_until(service, lambda seen: bool(seen.ended))
            with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
                await client.fetchval("SELECT 1")
        await accepts(port, bench.tools[0])

        # It keeps what a client has left for the next one, in every database but `postgres`.
        async with client_of(port, "pooled") as client:
            assert await client.fetchval("SELECT 1") == 1
        await eventually(lambda: server.pids("usename = 'app' AND query LIKE '%DISCARD ALL%' AND state = 'idle'"))
        seen = await sweep_until(service, lambda seen: bool(seen.ended))
        await accepts(port, bench.tools[0])

    assert seen.looked_like == {WarningKind.POOLER}
    assert not failed_over.exists()


async def test_pgpool_is_left_alone_where_its_user_is_protected(
    server: LiveServer, bench: Bench, tmp_path: Path
) -> None:
    port, failed_over = await pgpool(bench, server)
    guards = GuardSettings(users=frozenset({APP}))
    async with client_of(port) as client, vacate(tmp_path, server.dsn(), guards=guards) as service:
        assert await client.fetchval("SELECT 1") == 1
        seen = await sweep_until(service, lambda seen: "protected_user" in seen.reasons(user=APP))
        assert await client.fetchval("SELECT 1") == 1

    assert not seen.ended
    assert not failed_over.exists()
