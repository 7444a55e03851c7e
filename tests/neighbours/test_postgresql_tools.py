"""PostgreSQL's own tools at work, and a sweep after the other beside them: whatever they began comes to its end."""

from pathlib import Path

import pytest

from tests.neighbours.beside import Bench, Tool, address, sweep_until, sweep_while
from tests.support.in_process import vacate
from tests.support.postgres import APP, Clients, LiveServer, eventually, installation_of
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.judging.victim_warnings import WarningKind

TABLES = 4
ROWS = 80_000
_TABLE = """
CREATE TABLE wares_{n} AS SELECT i AS id, md5(i::text) AS name FROM generate_series(1, {rows}) i;
CREATE INDEX wares_{n}_name ON wares_{n} (name);
ALTER TABLE wares_{n} ADD PRIMARY KEY (id);
"""


@pytest.fixture(scope="module")
def shop(shared_server: LiveServer) -> LiveServer:
    """A database with tables and indexes, and an empty one beside it; both belong to the application's user."""
    server = shared_server.server
    server.psql("CREATE DATABASE shop OWNER app;")
    tables = "".join(_TABLE.format(n=n, rows=ROWS) for n in range(TABLES))
    server.psql(f"\\connect shop\nSET ROLE app;\n{tables}")
    return shared_server


def _tool(name: str) -> Path:
    return installation_of(15).program(name)


async def restoring(shop: LiveServer, bench: Bench) -> Tool:
    """Begin to restore the shop into a new database."""
    archive = bench.folder / "shop.dump"
    await bench.run([_tool("pg_dump"), "-Fd", "-Z0", "-j2", "-f", archive], variables=address(shop, APP, "shop"))
    shop.server.psql("DROP DATABASE IF EXISTS restored; \n CREATE DATABASE restored OWNER app;")
    return bench.start(
        [_tool("pg_restore"), "-j4", "-d", "restored", archive], variables=address(shop, APP, "restored")
    )


def restored_indexes(shop: LiveServer) -> int:
    """How many indexes the new database has."""
    count = "SELECT count(*) FROM pg_indexes WHERE tablename LIKE 'wares%';"
    return int(shop.server.psql(f"\\connect restored\n{count}"))


async def test_a_parallel_restore_comes_to_its_end(shop: LiveServer, bench: Bench, tmp_path: Path) -> None:
    async with vacate(tmp_path, shop.dsn()) as service:
        restore = await restoring(shop, bench)
        seen = await sweep_while(service, lambda: restore.running)

    assert await restore.ends() == 0, restore.words
    assert not seen.ended
    assert seen.of(application="pg_restore"), "no sweep met it"
    assert restored_indexes(shop) == 2 * TABLES


async def test_a_parallel_restore_without_its_guard_loses_indexes_and_a_preview_would_have_warned(
    shop: LiveServer, bench: Bench, tmp_path: Path
) -> None:
    guards = GuardSettings(off=frozenset({GuardName.MAINTENANCE_TOOL}))
    async with vacate(tmp_path, shop.dsn(), guards=guards) as service:
        restore = await restoring(shop, bench)
        # The first index is being made, and others are still to come from the same workers.
        await eventually(lambda: shop.pids("application_name = 'pg_restore' AND query LIKE 'CREATE INDEX%'"))
        restore.pause()
        seen = await sweep_until(service, lambda seen: bool(seen.ended))
        restore.resume()

    assert seen.looked_like == {WarningKind.RESTORE}
    assert await restore.ends() == 1
    assert restored_indexes(shop) < 2 * TABLES


async def test_a_parallel_dump_comes_to_its_end(shop: LiveServer, bench: Bench, tmp_path: Path) -> None:
    async with vacate(tmp_path, shop.dsn()) as service:
        dump = bench.start(
            [_tool("pg_dump"), "-Fd", "-Z0", "-j2", "-f", bench.folder / "again.dump"],
            variables=address(shop, APP, "shop"),
        )
        seen = await sweep_while(service, lambda: dump.running)

    assert await dump.ends() == 0, dump.words
    assert not seen.ended
    assert seen.of(application="pg_dump"), "no sweep met it"


async def test_parallel_reindexing_comes_to_its_end(shop: LiveServer, bench: Bench, tmp_path: Path) -> None:
    async with vacate(tmp_path, shop.dsn()) as service:
        tool = bench.start([_tool("reindexdb"), "-j3", "--schema=public", "shop"], variables=address(shop, APP, "shop"))
        seen = await sweep_while(service, lambda: tool.running)

    assert await tool.ends() == 0, tool.words
    assert "FATAL" not in tool.words
    assert "connection" not in tool.words
    assert not seen.ended
    assert seen.of(application="reindexdb"), "no sweep met it"


async def test_a_base_backup_and_a_receiver_of_the_log_are_no_clients(
    server: LiveServer, bench: Bench, tmp_path: Path
) -> None:
    bench.remember("streamer", "correct horse")
    received = bench.directory("received")
    async with vacate(tmp_path, server.dsn()) as service:
        where = address(server, "streamer")
        receiver = bench.start([_tool("pg_receivewal"), "-D", received], variables=where)
        backup = bench.start(
            [_tool("pg_basebackup"), "-D", bench.folder / "base", "--max-rate=32M", "-c", "fast", "--no-sync"],
            variables=where,
        )
        seen = await sweep_while(service, lambda: backup.running)
        assert await backup.ends() == 0, backup.words
        assert receiver.running, receiver.words

    assert not seen.ended
    assert seen.reasons(user="streamer") == {"not_a_client"}


async def test_a_session_that_holds_a_base_backup_open_is_spared_until_it_has_stopped_it(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    server.server.psql("GRANT EXECUTE ON FUNCTION pg_backup_start(text, boolean), pg_backup_stop(boolean) TO app;")
    backup = await clients.idle("SELECT pg_backup_start('by hand', true)")
    async with vacate(tmp_path, server.dsn()) as service:
        report = await service.sweep()
        assert [entry.outcome for entry in report.sessions if entry.session.pid == backup.pid] == ["spared"]
        await backup.use("SELECT * FROM pg_backup_stop(false)")
        seen = await sweep_until(service, lambda seen: bool(seen.ended))

    assert [entry.session.pid for entry in seen.ended] == [backup.pid]
