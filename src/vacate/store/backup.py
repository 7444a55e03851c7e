"""A copy of a whole store: of a SQLite file by SQLite itself, of a PostgreSQL database by `pg_dump`."""

import asyncio
import os
import sqlite3
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL

from vacate.domain.errors import StoreUnavailableError
from vacate.domain.texts import for_terminal
from vacate.store.database import Database
from vacate.store.problems import translated

_MOST_WORDS = 500


async def back_up(database: Database, target: Path) -> None:
    """Copy the store as it is at one moment, while it is used, into a file that only its owner can read.

    The copy of a SQLite store is such a store itself. That of a PostgreSQL store is an archive for `pg_restore`.

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
                await _dump(database.url, unfinished)
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


async def _dump(url: URL, target: Path) -> None:
    """Have the server's own program write the archive. The password is in its environment, where no list shows it."""
    place = URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    password = {} if url.password is None else {"PGPASSWORD": url.password}
    try:
        program = await asyncio.create_subprocess_exec(
            "pg_dump",
            "--format=custom",
            f"--file={target}",
            f"--dbname={place.render_as_string()}",
            "--no-password",
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
            env={**os.environ, **password},
        )
    except FileNotFoundError as error:
        raise StoreUnavailableError(
            "the store is a PostgreSQL database, which pg_dump copies, and there is no pg_dump on the PATH; install "
            "PostgreSQL's client programs, of the server's version or a newer one"
        ) from error
    try:
        _, said = await program.communicate()
    except asyncio.CancelledError:
        program.terminate()
        await program.wait()
        raise
    if program.returncode != 0:
        words = for_terminal(" ".join(said.decode("utf-8", "replace").split())[:_MOST_WORDS])
        raise StoreUnavailableError(f"pg_dump could not copy the store: {words or f'status {program.returncode}'}")
