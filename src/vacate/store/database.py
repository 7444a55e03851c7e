"""The database that Vacate's own state is in: opened, used in transactions, and its failures put in words."""

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Table, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from vacate.domain.errors import SettingsError, StoreUnavailableError
from vacate.operations.private_files import make_private
from vacate.store.problems import Problem, translated
from vacate.store.schema import require_newest, step_of
from vacate.store.sqlite_connection import connect
from vacate.store.tables import tokens
from vacate.store.unreadable import Unreadable

# How the store introduces itself. The guards know the name, should the store's server be a component too.
_APPLICATION = "vacate"
_SQLITE = "sqlite+aiosqlite"
_POSTGRESQL = "postgresql+asyncpg"
_DRIVERS = {
    "sqlite": _SQLITE,
    _SQLITE: _SQLITE,
    "postgres": _POSTGRESQL,
    "postgresql": _POSTGRESQL,
    _POSTGRESQL: _POSTGRESQL,
}
_POLL_S = 0.01
# How the store's own sessions behave, whatever the server, the database or the role would have them do by default.
# As which role the tables are used and where they are looked up is left to those defaults.
_OWN_SESSION: Mapping[str, str] = {
    "application_name": _APPLICATION,
    # Whatever the server's own habit is, an audit that was answered for has reached its disk.
    "synchronous_commit": "on",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    "lock_timeout": "0",
    "idle_session_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "exit_on_error": "off",
    "row_security": "on",
    "client_min_messages": "error",
    "standard_conforming_strings": "on",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "bytea_output": "hex",
    "local_preload_libraries": "",
}
# Since PostgreSQL 17. A server that does not know it says that there is none.
_LASTING_TRANSACTIONS = (
    "SELECT set_config('transaction_timeout', '0', false) WHERE current_setting('transaction_timeout', true) <> '0'"
)
# One key for everybody who is about to make the tables; the number itself means nothing.
_SCHEMA_LOCK = text("SELECT pg_advisory_xact_lock(8686001)")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFile:
    """SQLite's file: where it is, and which one it was when it was opened."""

    path: Path
    identity: tuple[int, int] | None


class Database:
    """The opened database. Every failure of it leaves as one of our own errors."""

    def __init__(self, engine: AsyncEngine, url: URL, *, patience_s: float, file: StoreFile | None = None) -> None:
        """Take the engine and the whole URL that it was made from; see `open_database`."""
        self.engine = engine
        self.url = url
        self.is_sqlite = engine.dialect.name == "sqlite"
        self.unreadable = Unreadable()
        self._patience_s = patience_s
        self._file = file
        # SQLite has one writer, and those who wait for it ask again and again. Ours wait in line instead.
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncConnection]:
        """One transaction that only reads.

        Raises:
            StoreUnavailableError: the database failed.
        """
        with translated(self.engine.url, StoreUnavailableError):
            async with self.engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self, problem: Problem = StoreUnavailableError) -> AsyncGenerator[AsyncConnection]:
        """One transaction that is durable when the block has ended, or has left no trace.

        Raises:
            VacateError: the database failed; `problem` makes it from the reason.
        """
        async with AsyncExitStack() as stack:
            stack.enter_context(translated(self.engine.url, problem))
            if self.is_sqlite:
                async with asyncio.timeout(self._patience_s):
                    await stack.enter_async_context(self._turn)
                if self._file is not None and _identity(self._file.path) != self._file.identity:
                    # SQLite would write on into a file that nobody can find any more.
                    raise problem(f"{self._file.path} was moved or removed; put it back, or start Vacate again")
            connection = await stack.enter_async_context(self.engine.begin())
            if self.is_sqlite:
                # Taking the lock late, after a read, could fail without waiting for another writer.
                await connection.execute(text("BEGIN IMMEDIATE"))
            yield connection

    async def only_one(self, connection: AsyncConnection) -> None:
        """Wait until nobody else is about to make or change the tables, to the end of the transaction."""
        if not self.is_sqlite:
            await connection.execute(_SCHEMA_LOCK)

    def insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """An insert that can say what to do when the row is there already."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    async def check(self) -> None:
        """Prove that the database can be written now.

        Raises:
            StoreUnavailableError: it cannot.
        """
        async with self.write() as connection:
            # There is no such token, so nothing changes; but only who may write can find that out.
            await connection.execute(tokens.delete().where(tokens.c.digest == b""))

    async def close(self) -> None:
        """Let go of the database."""
        await self.engine.dispose()


async def open_database(
    url: str, *, patience_s: float = 5.0, accept: Callable[[Connection], object] = require_newest
) -> Database:
    """Open the database. An empty one gets its tables; one of another Vacate's making is refused.

    Args:
        url: `sqlite:///` with the file's path, or `postgresql://user:password@host:port/database`.
        patience_s: how long to wait for a lock or an answer before giving up.
        accept: what is done first, alone of all who open it; see `store.schema`.

    Raises:
        SettingsError: the URL cannot be used.
        StoreUnavailableError: the database cannot be opened, or is not at this Vacate's step.
    """
    parsed = _parsed(url)
    engine = _sqlite(parsed, patience_s) if parsed.drivername == _SQLITE else _postgresql(parsed, patience_s)
    file = None
    if parsed.drivername == _SQLITE:
        with translated(parsed, StoreUnavailableError):
            file = _create_private(Path(parsed.database or ""))
            await asyncio.to_thread(_write_ahead, file.path, patience_s)
    database = Database(engine, parsed, patience_s=patience_s, file=file)
    try:
        async with database.write() as connection:
            await database.only_one(connection)
            await _refuse_what_loses_characters(connection)
            await connection.run_sync(accept)
    except BaseException:
        await database.close()
        raise
    return database


async def open_to_look(url: str) -> Database | None:
    """Open the database without making or changing anything in it; `None` when it has no tables yet.

    Raises:
        SettingsError, StoreUnavailableError: as with `open_database`.
    """
    parsed = _parsed(url)
    empty = False

    def look(connection: Connection) -> None:
        nonlocal empty
        empty = step_of(connection) is None
        if not empty:
            require_newest(connection)

    if parsed.drivername == _SQLITE and not await asyncio.to_thread(_there, parsed):
        return None
    database = await open_database(url, accept=look)
    if empty:
        await database.close()
        return None
    return database


def _there(url: URL) -> bool:
    """Whether SQLite's file is there; where it is not, it must be possible to make it."""
    path = Path(url.database or "")
    with translated(url, StoreUnavailableError):
        if not path.parent.is_dir():
            raise FileNotFoundError
        if not path.exists() and not os.access(path.parent, os.W_OK | os.X_OK):
            raise PermissionError
    return path.exists()


def check_url(url: str) -> None:
    """Refuse what cannot be the URL of a store.

    Raises:
        SettingsError: it cannot be used.
    """
    _parsed(url)


async def _refuse_what_loses_characters(connection: AsyncConnection) -> None:
    """Refuse a PostgreSQL database that cannot hold every character: an audit event it cannot take stops every kill.

    Raises:
        StoreUnavailableError: its encoding is another one than UTF8.
    """
    if connection.dialect.name != "postgresql":
        return
    encoding = (await connection.execute(text("SELECT current_setting('server_encoding')"))).scalar_one()
    if encoding != "UTF8":
        raise StoreUnavailableError(
            f"the store's database has the encoding {encoding}, which cannot hold every name that sessions may have; "
            "create one for Vacate and let the store's URL name it: "
            "CREATE DATABASE vacate ENCODING 'UTF8' TEMPLATE template0"
        )


def _sqlite(url: URL, patience_s: float) -> AsyncEngine:
    engine = create_async_engine(
        url, pool_timeout=patience_s, connect_args={"timeout": patience_s, "async_creator_fn": connect}
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "handle_error", _outlive_a_cancelled_statement)
    return engine


def _postgresql(url: URL, patience_s: float) -> AsyncEngine:
    arguments = {
        # The driver reads the rest of the URL itself: `sslmode` and its kin mean what they mean to libpq.
        "dsn": url.set(drivername="postgresql").render_as_string(hide_password=False),
        "timeout": patience_s,
        # The server gives up first, and says so; the driver's own limit is for a server that is silent.
        "command_timeout": patience_s + 1,
        "server_settings": {**_OWN_SESSION, "statement_timeout": str(int(patience_s * 1000))},
    }
    engine = create_async_engine(url.set(query={}), pool_pre_ping=True, pool_timeout=patience_s, connect_args=arguments)
    event.listen(engine.sync_engine, "connect", _let_transactions_last)
    return engine


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        # The URL may hold a password, so it is not repeated.
        raise SettingsError("the store's URL cannot be read; write sqlite:///FILE or postgresql://…") from error
    driver = _DRIVERS.get(parsed.drivername)
    if driver is None:
        raise SettingsError(f"the store cannot be a {parsed.drivername!r} database; use sqlite or postgresql")
    if driver == _SQLITE and (parsed.database or ":memory:").startswith((":", "file:")):
        raise SettingsError("the store needs a plain file: an audit in memory is lost; write sqlite:///FILE")
    return parsed.set(drivername=driver)


def _create_private(path: Path) -> StoreFile:
    """Make the file before SQLite does: SQLite would let everybody read it, and its companions follow its mode."""
    make_private(path)
    return StoreFile(path=path, identity=_identity(path))


def _write_ahead(path: Path, patience_s: float) -> None:
    """Let the file be written ahead from now on; it remembers that.

    Where several open a new file at once, this is the one step that SQLite refuses instead of waiting its turn.
    """
    deadline = time.monotonic() + patience_s
    with closing(sqlite3.connect(path, timeout=patience_s)) as connection:
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > deadline:
                    raise
                time.sleep(_POLL_S)
            else:
                return


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file is at the path now; `None` when there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _outlive_a_cancelled_statement(context: ExceptionContext) -> None:
    """Have a connection rolled back whose user was called off, instead of thrown away.

    The statement runs to its end in the driver's thread, and the connection is as good as before. Thrown away it would
    hold its transaction, and with it the lock on the file, as long as anybody remembers what was called off.
    """
    if isinstance(context.original_exception, asyncio.CancelledError):
        context.is_disconnect = False


def _let_transactions_last(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own type is not public.
    cursor = connection.cursor()
    cursor.execute(_LASTING_TRANSACTIONS)
    cursor.close()
    connection.commit()


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own type is not public.
    cursor = connection.cursor()
    for pragma in (
        # A commit is on the disk when it is answered; a power cut must not take back what was audited.
        "PRAGMA synchronous = FULL",
        "PRAGMA foreign_keys = ON",
    ):
        cursor.execute(pragma)
    cursor.close()
