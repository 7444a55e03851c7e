"""Tools that copy a whole server while it runs, and one that turns an old primary into a standby."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from tests.neighbours.beside import Bench, Tool, program, sweep_while
from tests.support.in_process import vacate
from tests.support.postgres import PASSWORD, LiveServer, eventually, installation_of
from tests.support.proxy import LinkProxy
from vacate.demo.servers import Server, Workplace
from vacate.domain.judging.criteria import Criteria, idle_for
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.judging.victim_warnings import WarningKind, warnings_of
from vacate.domain.sweeps.report import Outcome, SessionOutcome

# What barman's and pgBackRest's manuals have a role be granted that is no superuser.
_BACKUP_ROLE = """
CREATE ROLE {user} LOGIN PASSWORD 'correct horse';
GRANT EXECUTE ON FUNCTION pg_backup_start(text, boolean), pg_backup_stop(boolean), pg_switch_wal(),
    pg_create_restore_point(text) TO {user};
GRANT pg_read_all_settings, pg_read_all_stats, pg_checkpoint TO {user};
"""
REWINDERS = ("rewind_user", "switcher")
# What pg_rewind's manual has a role be granted that is no superuser.
_REWIND_ROLE = """
CREATE ROLE {user} LOGIN PASSWORD 'correct horse';
GRANT EXECUTE ON FUNCTION pg_ls_dir(text, boolean, boolean), pg_stat_file(text, boolean), pg_read_binary_file(text),
    pg_read_binary_file(text, bigint, bigint, boolean) TO {user};
"""
_BARMAN = """
[barman]
barman_user = {account}
barman_home = {folder}/home
barman_lock_directory = {folder}
configuration_files_directory = {folder}/none
log_file = {folder}/barman.log
backup_method = rsync
archiver = on
immediate_checkpoint = true

[main]
description = main
conninfo = host=127.0.0.1 port={port} user=barman dbname=postgres application_name=barman
ssh_command = {shell} here
"""
_PGBACKREST = """
[global]
repo1-path={folder}/repo
log-path={folder}
lock-path={folder}
spool-path={folder}
start-fast=y

[main]
pg1-path={data}
pg1-port={port}
pg1-user=pgbackrest
pg1-database=postgres
"""
_OVER_TCP = {"PGHOST": "127.0.0.1"}
_ARCHIVE = """
ALTER SYSTEM SET archive_command = :'command';
SELECT pg_reload_conf();
CREATE TABLE IF NOT EXISTS filler AS SELECT 1 AS one;
INSERT INTO filler VALUES (1);
SELECT pg_switch_wal();
"""
# Stands for ssh to the same machine: the first word is the host, the rest a command.
_SHELL = """#!/bin/sh
while [ "$#" -gt 0 ] && [ "$1" != here ]; do shift; done
shift
while [ "$1" = -o ]; do shift 2; done
[ -n "$1" ] || shift
exec sh -c "$*"
"""


@pytest.fixture(scope="module")
def archiving(workplace: Workplace) -> LiveServer:
    """A server that hands its log to barman's folder and to pgBackRest's."""
    server = LiveServer.start(
        workplace,
        "archiving",
        installation_of(15),
        settings={"archive_mode": "on", "archive_command": "true", "full_page_writes": "on", "wal_level": "replica"},
    )
    for user in ("barman", "pgbackrest"):
        server.server.psql(_BACKUP_ROLE.format(user=user))
    return server


def archive_by(server: LiveServer, command: str) -> None:
    """Have the server hand finished segments of its log to a command."""
    server.server.psql(_ARCHIVE, variables={"command": command})


async def test_a_backup_of_barman_comes_to_its_end(archiving: LiveServer, bench: Bench, tmp_path: Path) -> None:
    program("rsync", "rsync")
    bench.remember("barman", PASSWORD)
    shell = bench.write("shell", _SHELL, mode=0o700)
    words = _BARMAN.format(account=bench.account, folder=bench.folder, port=archiving.port, shell=shell)
    barman = [program("barman", "barman"), "-c", bench.write("barman.conf", words)]
    incoming = bench.directory("home") / "main" / "incoming"
    # It makes its folders when it is asked how it is.
    await bench.start([*barman, "check", "main"]).ends()
    archive_by(archiving, f"cp %p {incoming}/%f")

    async def archived() -> bool:
        return any(incoming.iterdir())

    await eventually(archived)
    await bench.run([*barman, "archive-wal", "main"])

    async with vacate(tmp_path, archiving.dsn()) as service:
        backup = bench.start([*barman, "backup", "main"])
        seen = await sweep_while(service, lambda: backup.running)

    assert await backup.ends() == 0, backup.words
    assert "Backup completed" in backup.words
    assert "maintenance_tool" in seen.reasons(user="barman", application="barman"), seen.of(user="barman")


async def test_a_backup_of_pgbackrest_comes_to_its_end(archiving: LiveServer, bench: Bench, tmp_path: Path) -> None:
    bench.remember("pgbackrest", PASSWORD)
    words = _PGBACKREST.format(folder=bench.folder, port=archiving.port, data=archiving.server.data_dir)
    settings = bench.write("pgbackrest.conf", words)
    pgbackrest = [program("pgbackrest", "pgbackrest"), f"--config={settings}", "--stanza=main"]
    await bench.run([*pgbackrest, "stanza-create"], variables=_OVER_TCP)
    archive_by(archiving, f"{' '.join(map(str, pgbackrest))} archive-push %p")

    # Only its very first statements come without a name, before anything is copied.
    patient = Criteria(states=idle_for(timedelta(seconds=1)))
    async with vacate(tmp_path, archiving.dsn(), criteria=patient) as service:
        backup = bench.start([*pgbackrest, "backup"], variables=_OVER_TCP)
        seen = await sweep_while(service, lambda: backup.running)

    assert await backup.ends() == 0, backup.words
    assert seen.of(application="pgBackRest [backup]"), "no sweep met it"
    assert not seen.ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A primary that was replaced, and the new one that it is to follow."""

    old: Server
    new: Server

    def rewind(self, bench: Bench, user: str, port: int) -> Tool:
        """Have the old one's data made those of the new one, which it reaches at this port."""
        source = f"host=127.0.0.1 port={port} user={user} dbname=postgres"
        command = [self.old.installation.program("pg_rewind"), "-D", self.old.data_dir, "--source-server", source]
        return bench.start([*command, "--no-sync", "--progress"])


@pytest.fixture
def pair(workplace: Workplace, bench: Bench) -> Pair:
    """An old primary that went its own way after its standby was promoted."""
    for user in REWINDERS:
        bench.remember(user, PASSWORD)
    name = bench.folder.name
    settings = {"wal_log_hints": "on", "full_page_writes": "on", "wal_keep_size": "512MB", "fsync": "off"}
    old = LiveServer.start(workplace, f"old-{name}", installation_of(15), settings=settings).server
    for user in REWINDERS:
        old.psql(_REWIND_ROLE.format(user=user))
    new = Server.standby_of(old, f"new-{name}")
    new.start()
    bench.at_close(lambda: new.stop("immediate"))
    new.psql("SELECT pg_promote();")
    old.psql("CREATE TABLE lost AS SELECT i FROM generate_series(1, 200000) i;")
    new.psql("CREATE TABLE won AS SELECT i, md5(i::text) FROM generate_series(1, 300000) i; CHECKPOINT;")
    old.stop("fast")
    return Pair(old=old, new=new)


@asynccontextmanager
async def held_between_reads(pair: Pair, bench: Bench, user: str) -> AsyncGenerator[Tool]:
    """A rewind whose next request is held on its way once it has copied something: its session is idle till the end."""
    session = await asyncpg.connect(pair.new.superuser_dsn)
    idle = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND query LIKE '%pg_read_binary_file(%)%AS chunk%'"

    held = asyncio.Event()

    def hold() -> None:
        way.hold_clients()
        held.set()

    async def waits() -> bool:
        assert rewind.running, rewind.words
        return held.is_set() and bool(await session.fetchval(f"{idle} AND state = 'idle'", user))

    try:
        async with LinkProxy(pair.new.port) as way:
            # The column that the parts of the files come in.
            way.once(b"chunk", hold, from_server=True)
            rewind = pair.rewind(bench, user, way.port)
            await eventually(waits)
            yield rewind
            way.resume()
            await rewind.ends()
    finally:
        await session.close()


async def fate_between_reads(pair: Pair, rewind: Tool, user: str, tmp_path: Path, *off: GuardName) -> SessionOutcome:
    """What a sweep does to the tool's session between two reads, with some guards off."""
    server, guards = LiveServer(server=pair.new), GuardSettings(off=frozenset(off))
    async with vacate(tmp_path, server.dsn(), guards=guards) as service:
        assert rewind.running, rewind.words
        report = await service.sweep()
    (fate,) = [entry for entry in report.sessions if entry.session.user == user]
    assert fate.session.application == ""
    return fate


async def test_a_rewind_by_the_usual_user_is_spared(pair: Pair, bench: Bench, tmp_path: Path) -> None:
    async with held_between_reads(pair, bench, "rewind_user") as rewind:
        fate = await fate_between_reads(pair, rewind, "rewind_user", tmp_path, GuardName.MAINTENANCE_TOOL)

    assert fate.by == "companion_user"
    assert await rewind.ends() == 0, rewind.words


async def test_a_rewind_by_any_other_user_is_known_by_its_statements(pair: Pair, bench: Bench, tmp_path: Path) -> None:
    async with held_between_reads(pair, bench, "switcher") as rewind:
        fate = await fate_between_reads(pair, rewind, "switcher", tmp_path)

    assert fate.by == "maintenance_tool"
    assert await rewind.ends() == 0, rewind.words


async def test_a_rewind_that_is_ended_fails_in_the_middle_of_its_copy(pair: Pair, bench: Bench, tmp_path: Path) -> None:
    async with held_between_reads(pair, bench, "switcher") as rewind:
        fate = await fate_between_reads(pair, rewind, "switcher", tmp_path, GuardName.MAINTENANCE_TOOL)

    assert fate.outcome is Outcome.TERMINATED
    assert [warning.kind for warning in warnings_of([fate.session])] == [WarningKind.REWIND]
    assert await rewind.ends() == 1
    assert "need to copy" in rewind.words
    assert "Done!" not in rewind.words
