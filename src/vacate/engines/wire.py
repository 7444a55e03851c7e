"""One warm connection to one server: opened early, kept, reopened by itself, every answer awaited in bounded time."""

import asyncio
import os
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import asyncpg

from vacate.domain.errors import ComponentUnreachableError
from vacate.domain.guards import OWN_APPLICATION
from vacate.engines.statements import statement

_NO_SLOT = "53300"
_UNDEFINED_OR_DENIED = ("28", "3D")
# The TLS library's numbers for a certificate of another name and of another address.
_FOR_ANOTHER_HOST = (62, 64)
# The driver has no error of its own for this.
_NO_TLS = "rejected SSL upgrade"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long to wait for the server: for a login, and for the answer to one statement."""

    connect: timedelta = timedelta(seconds=5)
    answer: timedelta = timedelta(seconds=10)


class StatementRefusedError(ComponentUnreachableError):
    """The server answered a statement with an error; `sqlstate` tells which. The connection stays."""

    def __init__(self, sqlstate: str, reason: str) -> None:
        self.sqlstate = sqlstate
        super().__init__(f"the server refused a statement: {reason} (SQLSTATE {sqlstate})")


class Wire:
    """A connection that is made when it is needed and kept for the next time.

    Not safe for two users at once; the gateway lends it to one.
    """

    def __init__(self, dsn: str, timeouts: Timeouts) -> None:
        self._dsn = dsn
        self._timeouts = timeouts
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._vouched = False

    @property
    def connected(self) -> bool:
        """Whether a statement would travel over a connection that is already there."""
        return self._connection is not None and not self._connection.is_closed()

    @property
    def open(self) -> bool:
        """Whether there is a connection, and the server at its other end was found to be the right one."""
        return self._vouched and self.connected

    def vouch(self) -> None:
        """Say that the server of this connection was checked; the next connection may lead to another one."""
        self._vouched = True

    async def connect(self) -> None:
        """Open the connection unless it is there. Nobody has vouched for the server of a new one.

        Raises:
            ComponentUnreachableError: no server, no free slot, login refused, or no answer in time.
        """
        if self.connected:
            return
        self._vouched = False
        try:
            async with asyncio.timeout(self._timeouts.connect.total_seconds()):
                connection = await asyncpg.connect(
                    self._dsn,
                    server_settings={"application_name": OWN_APPLICATION, "search_path": "pg_catalog"},
                )
                try:
                    setup = statement("postgresql", "setup", connection.get_server_version().major)
                    await connection.fetch(setup, str(int(self._timeouts.answer.total_seconds() * 1000)))
                except BaseException:
                    connection.terminate()
                    raise
        except TimeoutError:
            seconds = self._timeouts.connect.total_seconds()
            raise ComponentUnreachableError(f"no login within {seconds:g} s") from None
        except asyncpg.PostgresError as error:
            raise ComponentUnreachableError(_login_problem(error)) from error
        except FileNotFoundError as error:
            # The TLS library does not say which file it missed; a socket's path is in the DSN as well.
            missing = error.filename or "a socket, certificate or key file"
            raise ComponentUnreachableError(f"{missing} that the DSN names does not exist") from error
        except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, ssl.SSLError, ValueError) as error:
            raise ComponentUnreachableError(_plain(error)) from error
        self._connection = connection

    def major_version(self) -> int:
        """The server's major version.

        Raises:
            ComponentUnreachableError: the connection is not open.
        """
        return self._current().get_server_version().major

    async def fetch(self, sql: str, *arguments: object) -> Sequence[asyncpg.Record]:
        """Run one statement in its own transaction, on the connection that is open now.

        Raises:
            ComponentUnreachableError: the connection broke or no answer came in time; it is dropped then.
            StatementRefusedError: the server answered with an error.
        """
        connection = self._current()
        try:
            async with asyncio.timeout(self._timeouts.answer.total_seconds()):
                return await connection.fetch(sql, *arguments)
        except TimeoutError:
            self.drop()
            seconds = self._timeouts.answer.total_seconds()
            raise ComponentUnreachableError(f"no answer within {seconds:g} s") from None
        except asyncpg.PostgresError as error:
            if not connection.is_closed() and not (error.sqlstate or "").startswith("57P"):
                raise StatementRefusedError(error.sqlstate or "", _plain(error)) from error
            self.drop()
            raise ComponentUnreachableError(f"the server ended the link: {_plain(error)}") from error
        except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            self.drop()
            raise ComponentUnreachableError(f"the link broke: {_plain(error)}") from error
        except asyncio.CancelledError:
            self.drop()
            raise

    def drop(self) -> None:
        """Close at once, without a farewell."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def close(self) -> None:
        """Close politely, at once if the server does not answer."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            await connection.close(timeout=1)
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            connection.terminate()

    def _current(self) -> "asyncpg.Connection[asyncpg.Record]":
        if self._connection is None or self._connection.is_closed():
            self.drop()
            raise ComponentUnreachableError("the link is not open")
        return self._connection


def _login_problem(error: asyncpg.PostgresError) -> str:
    state = error.sqlstate or ""
    if state == _NO_SLOT:
        return (
            "no slot is left for Vacate's role; set reserved_connections (PostgreSQL 16 and newer) and run: "
            "GRANT pg_use_reserved_connections TO the role"
        )
    if state.startswith(_UNDEFINED_OR_DENIED):
        return f"login refused: {_plain(error)}"
    return _plain(error)


def _plain(error: BaseException) -> str:
    """What went wrong. The system's words name host and port, which are not everybody's business, so ours stand in."""
    match error:
        case ssl.SSLError():
            return _tls_problem(error)
        case socket.gaierror():
            return "the server's name cannot be resolved"
        case OSError(errno=int(number)):
            return os.strerror(number)
        case OSError() if _NO_TLS in str(error):
            return "the server does not encrypt, and the DSN asks for it"
        case ConnectionError():
            return "the server closed the link"
        case OSError():
            return "none of the server's addresses can be reached"
        case _:
            return " ".join((str(error) or type(error).__name__).split())


def _tls_problem(error: ssl.SSLError) -> str:
    if not isinstance(error, ssl.SSLCertVerificationError):
        return f"no encrypted link came about: {error.reason or type(error).__name__}"
    reason = "it is for another host" if error.verify_code in _FOR_ANOTHER_HOST else error.verify_message
    return f"the server's certificate is refused: {reason}"
