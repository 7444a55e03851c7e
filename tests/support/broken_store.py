"""A store that cannot be written for a while: each of these breaks the real one, in a way that the system breaks it."""

import resource
import sqlite3
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event

from vacate.store.database import Database

_UNLIMITED_PAGES = 1073741823

Breaking = Callable[[Database], AbstractContextManager[None]]


@contextmanager
def read_only(database: Database) -> Generator[None]:
    """SQLite answers every write as it does for a file on a volume that became read-only."""
    with _pragma(database, "query_only = ON", "query_only = OFF"):
        yield


@contextmanager
def full(database: Database) -> Generator[None]:
    """SQLite finds no room for another page, as on a full disk."""
    with _pragma(database, "max_page_count = 1", f"max_page_count = {_UNLIMITED_PAGES}"):
        yield


@contextmanager
def failing_disk(database: Database) -> Generator[None]:
    """The system refuses every byte that is written to a file."""
    del database
    allowed, at_most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, at_most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (allowed, at_most))


@contextmanager
def locked(database: Database) -> Generator[None]:
    """Another program keeps the file for itself."""
    other = sqlite3.connect(file_of(database), isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
    finally:
        other.close()


def file_of(database: Database) -> Path:
    """Where the store is."""
    return Path(str(database.engine.url.database))


@contextmanager
def _pragma(database: Database, broken: str, whole: str) -> Generator[None]:
    """Set a pragma on every connection that is used meanwhile, and take it back on every one used later."""
    now = [broken]

    def apply(connection: Any, _record: object, _proxy: object) -> None:  # noqa: ANN401 - the driver's own type.
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA {now[0]}")
        cursor.close()

    event.listen(database.engine.sync_engine, "checkout", apply)
    try:
        yield
    finally:
        now[0] = whole
