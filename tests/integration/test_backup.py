"""A copy of a store, on either kind of database, is a store that a service can be started on."""

import asyncio
import os
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.integration.test_store import ANA, EVENT, NOW
from tests.unit.domain.test_plans import PLAN
from vacate.demo.servers import Server
from vacate.domain.errors import StoreUnavailableError
from vacate.store.audit import SqlAuditLog
from vacate.store.backup import back_up
from vacate.store.credentials import SqlCredentials
from vacate.store.database import Database, open_database
from vacate.store.plans import SqlPlans
from vacate.store.schema import metadata
from vacate.store.verification import verify


async def filled(database: Database) -> SqlAuditLog:
    await SqlCredentials(database).add_user(ANA, at=NOW)
    await SqlPlans(database).keep(PLAN)
    log = SqlAuditLog(database)
    for _ in range(3):
        await log.append(EVENT)
    return log


def unfinished(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".copy")]


async def counts(database: Database) -> dict[str, int]:
    async with database.read() as connection:
        return {
            table.name: (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in metadata.sorted_tables
        }


@pytest.fixture(autouse=True)
def programs_of_the_server(store_server: Server | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have `pg_dump` and `pg_restore` on the PATH, as whoever keeps a store on PostgreSQL has."""
    if store_server is not None:
        monkeypatch.setenv("PATH", f"{store_server.installation.program('pg_dump').parent}:{os.environ['PATH']}")


async def opened(copy: Path, server: Server | None) -> Database:
    """Open a copy, after it was restored where that is needed."""
    if server is None:
        return await open_database(f"sqlite:///{copy}")
    server.psql("DROP DATABASE IF EXISTS restored WITH (FORCE);\nCREATE DATABASE restored;")
    url = server.dsn("postgres", server.place.superuser_password, "restored")
    restore = await asyncio.create_subprocess_exec("pg_restore", f"--dbname={url}", str(copy))
    assert await restore.wait() == 0
    return await open_database(url)


async def test_a_copy_has_every_row_and_the_same_chain(
    database: Database, store_server: Server | None, tmp_path: Path
) -> None:
    log = await filled(database)
    target = tmp_path / "copy.db"
    await back_up(database, target)
    assert target.stat().st_mode & 0o777 == 0o600
    copy = await opened(target, store_server)
    assert await counts(copy) == await counts(database)
    found = await verify(SqlAuditLog(copy), [await log.head()])
    assert (found.problem, found.events) == (None, 3)
    state = await SqlPlans(copy).find(PLAN.scope.project_id, PLAN.id)
    assert state is not None
    assert state.plan == PLAN
    await SqlAuditLog(copy).append(EVENT)
    assert (await verify(SqlAuditLog(copy), ())).events == 4
    await copy.close()


async def test_a_store_is_copied_as_it_is_at_one_moment_while_others_write(
    database: Database, store_server: Server | None, tmp_path: Path
) -> None:
    log = await filled(database)
    stopped = asyncio.Event()

    async def write() -> None:
        while not stopped.is_set():
            await log.append(EVENT)

    writing = asyncio.create_task(write())
    try:
        await back_up(database, tmp_path / "copy.db")
    finally:
        stopped.set()
        await writing
    copy = await opened(tmp_path / "copy.db", store_server)
    found = await verify(SqlAuditLog(copy), ())
    assert found.problem is None
    assert found.events >= 3
    await copy.close()


async def test_nothing_is_overwritten_and_nothing_half_done_is_left(database: Database, tmp_path: Path) -> None:
    await filled(database)
    target = tmp_path / "copy.db"
    target.write_text("mine")
    with pytest.raises(StoreUnavailableError, match="nothing is overwritten"):
        await back_up(database, target)
    assert target.read_text() == "mine"
    with pytest.raises(StoreUnavailableError):
        await back_up(database, tmp_path / "away" / "copy.db")
    assert unfinished(tmp_path) == []


@pytest.mark.parametrize("store_server", ["postgresql"], indirect=True)
async def test_a_server_without_its_programs_is_told_what_to_install(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(database)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreUnavailableError, match="no pg_dump on the PATH; install PostgreSQL's client programs"):
        await back_up(database, tmp_path / "copy.dump")
    assert unfinished(tmp_path) == []


@pytest.mark.parametrize("store_server", ["postgresql"], indirect=True)
async def test_what_the_program_says_is_passed_on_and_nothing_is_left(
    database: Database, store_server: Server, tmp_path: Path
) -> None:
    store_server.psql("ALTER DATABASE vacate ALLOW_CONNECTIONS false")
    try:
        with pytest.raises(StoreUnavailableError, match=r"pg_dump could not copy the store: .*not currently accepting"):
            await back_up(database, tmp_path / "copy.dump")
    finally:
        store_server.psql("ALTER DATABASE vacate ALLOW_CONNECTIONS true")
    assert unfinished(tmp_path) == []
    assert not (tmp_path / "copy.dump").exists()
