"""A copy of a whole store, as a SQLite store that Vacate can be started on."""

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import create_engine, event, select, text
from sqlalchemy.engine import Connection, Engine

from vacate.domain.errors import StoreUnavailableError
from vacate.store.database import Database
from vacate.store.problems import translated
from vacate.store.schema import metadata, migrate

_AT_ONCE = 1_000


async def back_up(database: Database, target: Path) -> None:
    """Copy the store as it is at one moment, while it is used, into a file that only its owner can read.

    Raises:
        StoreUnavailableError: the file is there already, or something failed; no file is left then.
    """
    if await asyncio.to_thread(target.exists):
        raise _there_already(target)
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_RDONLY, 0o600))
    except FileExistsError as error:
        raise StoreUnavailableError(
            f"{unfinished} is there: another copy is being made, or one was cut off; wait for it, or remove that file"
        ) from error
    except OSError as error:
        raise StoreUnavailableError(f"{target} cannot be written ({error.strerror}); name another file") from error
    try:
        with translated(database.engine.url, StoreUnavailableError):
            if database.is_sqlite:
                await asyncio.to_thread(_copy_file, Path(database.engine.url.database or ""), unfinished)
            else:
                await _copy_rows(database, unfinished)
        # Whoever made a file of that name meanwhile keeps it.
        os.link(unfinished, target)
    except FileExistsError as error:
        raise _there_already(target) from error
    except OSError as error:
        raise StoreUnavailableError(f"{target} cannot be written ({error.strerror}); name another file") from error
    finally:
        unfinished.unlink()


def _there_already(target: Path) -> StoreUnavailableError:
    return StoreUnavailableError(f"{target} is there already; name another file, nothing is overwritten")


def _copy_file(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(target)) as written:
        read.backup(written)


async def _copy_rows(database: Database, target: Path) -> None:
    engine = create_engine(f"sqlite:///{target}")
    event.listen(engine, "begin", _begin)
    try:
        await asyncio.to_thread(_make_tables, engine)
        async with database.engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            await connection.execute(text("SET TRANSACTION READ ONLY"))
            await connection.run_sync(_copy_all, engine)
    finally:
        engine.dispose()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _make_tables(engine: Engine) -> None:
    with engine.begin() as connection:
        migrate(connection)


def _copy_all(source: Connection, engine: Engine) -> None:
    """Every row of every table, in the order in which they refer to one another."""
    with engine.begin() as target:
        for table in metadata.sorted_tables:
            target.execute(table.delete())
            rows = source.execution_options(yield_per=_AT_ONCE).execute(select(table)).mappings()
            for part in rows.partitions(_AT_ONCE):
                target.execute(table.insert(), [dict(row) for row in part])
