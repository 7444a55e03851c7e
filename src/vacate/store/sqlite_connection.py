"""A connection to SQLite that crosses to its thread once for each statement.

The driver's own cursor crosses four times: to be made, to run the statement, to fetch the rows and to be closed. Each
crossing takes longer than most of our statements.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Self

import aiosqlite

_ROWS_AT_ONCE = 64


class _Cursor:
    """Runs statements and has all their rows, in the shape in which SQLAlchemy asks an asynchronous cursor."""

    def __init__(self, connection: "SqliteConnection") -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, operation: str, parameters: Sequence[Any] = ()) -> Self:
        """Run a statement and fetch all its rows."""
        return await self._run(lambda cursor: cursor.execute(operation, parameters))

    async def executemany(self, operation: str, parameters: Iterable[Sequence[Any]]) -> Self:
        """Run a statement once for each sequence of parameters."""
        return await self._run(lambda cursor: cursor.executemany(operation, parameters))

    async def fetchall(self) -> list[Any]:
        """Return the rows; they are there already."""
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Do nothing: the driver's cursor was closed when its rows were fetched."""

    async def _run(self, execute: Callable[[sqlite3.Cursor], object]) -> Self:
        def run(driver: sqlite3.Connection) -> None:
            with closing(driver.cursor()) as cursor:
                execute(cursor)
                self._rows = cursor.fetchall() if cursor.description else []
                self.description, self.rowcount, self.lastrowid = cursor.description, cursor.rowcount, cursor.lastrowid

        await self._connection.run(run)
        return self


class SqliteConnection(aiosqlite.Connection):
    """A connection of the driver whose cursors cross to its thread once."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, _ROWS_AT_ONCE)
        # The process must not wait for the thread of a connection that nobody closed.
        self._thread.daemon = True

    async def run(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Do something in the connection's thread."""
        await self._execute(work, self._conn)  # pyright: ignore[reportUnknownMemberType] - the driver has no types here.

    def cursor(self) -> _Cursor:  # pyright: ignore[reportIncompatibleMethodOverride] - SQLAlchemy alone asks for it.
        """Return a cursor; nothing is done yet."""
        return _Cursor(self)

    async def commit(self) -> None:
        """Commit the transaction, if there is one."""
        if self._conn.in_transaction:
            await super().commit()

    async def rollback(self) -> None:
        """Roll the transaction back, if there is one."""
        if self._conn.in_transaction:
            await super().rollback()


def connect(path: str | Path, **settings: Any) -> SqliteConnection:  # noqa: ANN401 - of the driver.
    """Return a connection that opens when it is awaited; `settings` are those of `sqlite3.connect`."""
    return SqliteConnection(partial(sqlite3.connect, str(path), **settings))
