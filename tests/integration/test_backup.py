"""A copy of a store, on either kind of database, is a store of its own: a file that a service can be started on."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.integration.test_store import ANA, EVENT, NOW
from tests.unit.domain.test_plans import PLAN
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


async def test_a_copy_has_every_row_and_the_same_chain(database: Database, tmp_path: Path) -> None:
    log = await filled(database)
    target = tmp_path / "copy.db"
    await back_up(database, target)
    assert target.stat().st_mode & 0o777 == 0o600
    copy = await open_database(f"sqlite:///{target}")
    assert await counts(copy) == await counts(database)
    found = await verify(SqlAuditLog(copy), [await log.head()])
    assert (found.problem, found.events) == (None, 3)
    state = await SqlPlans(copy).find(PLAN.scope.project_id, PLAN.id)
    assert state is not None
    assert state.plan == PLAN
    await SqlAuditLog(copy).append(EVENT)
    assert (await verify(SqlAuditLog(copy), ())).events == 4
    await copy.close()


async def test_a_store_is_copied_as_it_is_at_one_moment_while_others_write(database: Database, tmp_path: Path) -> None:
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
    copy = await open_database(f"sqlite:///{tmp_path / 'copy.db'}")
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
