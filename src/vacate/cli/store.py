"""`vacate store`: bring the store up to this Vacate, look at it, copy it."""

from pathlib import Path

from sqlalchemy import Connection, func, select, text

from vacate.cli.operator import record
from vacate.domain.audit.event import AuditAction
from vacate.domain.errors import StoreUnavailableError
from vacate.settings.loading import load_settings
from vacate.store.backup import back_up
from vacate.store.database import Database, open_database
from vacate.store.schema import NEWEST, metadata, migrate, step_of
from vacate.wiring import open_state


async def migrate_store(config: Path) -> str:
    """Take the store through every step that it lacks; in words, which.

    Raises:
        StoreUnavailableError: nothing was changed.
        AuditUnavailableError: the steps are taken, and the audit does not have it.
    """
    taken: list[str] = []
    settings = load_settings(config)
    database = await open_database(settings.store.url, accept=lambda connection: taken.extend(migrate(connection)))
    await database.close()
    async with open_state(settings) as state:
        # The key may be lacking where another run took the steps and was ended before this.
        if not taken and not await state.audit.lacks_key():
            return f"nothing to do: the store is at step {NEWEST} already"
        steps = f"through the steps {', '.join(taken)}" if taken else "through no step; its audit has a key now"
        await record(state, settings, AuditAction.STORE_MIGRATED, steps, begin_key=True)
    if not taken:
        return f"the store is at step {NEWEST} already; its audit goes on with a key"
    return f"the store is at step {NEWEST} now; it lacked {', '.join(taken)}"


async def check_store(config: Path) -> tuple[bool, tuple[str, ...]]:
    """Whether the store can be used as it is, and in words, a line each, what was found.

    Raises:
        StoreUnavailableError: it cannot be opened.
    """
    found: list[str | None] = []
    settings = load_settings(config)
    database = await open_database(settings.store.url, accept=lambda connection: found.append(step_of(connection)))
    try:
        step = found[0]
        if step != NEWEST:
            return False, (f"the store is at step {step or 'none: it is empty'}, and this Vacate needs {NEWEST}",)
        await database.check()
        lines = [f"the store is at step {NEWEST} and can be written"]
        damages = await _damages(database)
        async with database.read() as connection:
            for table in metadata.sorted_tables:
                count = (await connection.execute(select(func.count()).select_from(table))).scalar_one()
                lines.append(f"  {table.name}: {count} rows")
        return not damages, (*lines, *(f"DAMAGED: {damage}" for damage in damages))
    finally:
        await database.close()


def _worth_a_copy(connection: Connection) -> None:
    if step_of(connection) is None:
        raise StoreUnavailableError("it is empty, so there is nothing to copy; look at store.url")


async def _damages(database: Database) -> list[str]:
    if not database.is_sqlite:
        return []
    async with database.read() as connection:
        return await connection.run_sync(_damages_of_file)


def _damages_of_file(connection: Connection) -> list[str]:
    words = [str(row[0]) for row in connection.execute(text("PRAGMA integrity_check"))]
    orphans = connection.execute(text("PRAGMA foreign_key_check")).all()
    return [*(word for word in words if word != "ok"), *(f"a row of {row[0]} refers to nothing" for row in orphans)]


async def back_up_store(config: Path, target: Path) -> str:
    """Copy the whole store; in words, where it is.

    Raises:
        StoreUnavailableError: the store cannot be read, or the file cannot be written.
    """
    settings = load_settings(config)
    # A store of an older Vacate is copied as it is, before it is changed.
    database = await open_database(settings.store.url, accept=_worth_a_copy)
    try:
        await back_up(database, target)
    finally:
        await database.close()
    if database.is_sqlite:
        return f"copied to {target}; to use the copy, set store.url to sqlite:/// and its path"
    return f"copied to {target}; to use the copy: createdb NAME && pg_restore --dbname=NAME {target}"
