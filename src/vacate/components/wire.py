"""One warm connection to one server: kept, one statement at a time, every answer awaited in bounded time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

from vacate.components.decoding import Decoder
from vacate.components.drivers import Connection, Row, sqlstate
from vacate.components.login import Login, log_in
from vacate.components.recognition import ServerSoftware
from vacate.components.refusals import plain
from vacate.components.timeouts import Timeouts
from vacate.domain.errors import ComponentUnreachableError


class StatementRefusedError(ComponentUnreachableError):
    """The server answered a statement with an error; `sqlstate` tells which. The connection stays."""

    def __init__(self, sqlstate: str, reason: str) -> None:
        self.sqlstate = sqlstate
        super().__init__(f"the server refused a statement: {reason} (SQLSTATE {sqlstate})")


def _nothing() -> None:
    pass


class Statements(Protocol):
    """What runs statements on a server."""

    @property
    def open(self) -> bool:
        """Whether a statement would reach a server that was found to be the right one."""
        ...

    @property
    def decoder(self) -> Decoder:
        """What decodes the texts of the server."""
        ...

    async def fetch(self, sql: str, *arguments: object) -> Sequence[Row]:
        """Run one statement; see `Wire.fetch`."""
        ...

    async def fetch_each(self, sql: str, each: Iterable[Sequence[object]]) -> Sequence[Row]:
        """Run one statement once for every row of arguments; see `Wire.fetch_each`."""
        ...


class Wire:
    """A connection that is made when it is needed and kept for the next time.

    Several may use it at once: each statement has its turn, in the order in which they were asked for.
    """

    def __init__(self, dsn: str, timeouts: Timeouts) -> None:
        self._dsn = dsn
        self._timeouts = timeouts
        # The last login is remembered beyond its connection: the next one begins with what worked.
        self._login: Login | None = None
        self._connection: Connection | None = None
        self._vouched = False
        self._turn = asyncio.Lock()

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
            UntrustedServerError: the server went too far, now or while nobody asked it anything.
            UnsupportedServerError: the server is none that Vacate knows.
        """
        async with self._turn:
            if self.connected:
                return
            self._vouched = False
            self._refuse_who_went_too_far()
            self._login = await log_in(self._dsn, self._timeouts, self._login)
            self._connection = self._login.connection

    @property
    def software(self) -> ServerSoftware:
        """What the server runs.

        Raises:
            ComponentUnreachableError: the connection is not open.
        """
        return self._current()[0].software

    @property
    def decoder(self) -> Decoder:
        """What decodes the texts of the server.

        Raises:
            ComponentUnreachableError: the connection is not open.
        """
        return self._current()[0].decoder

    def vouched(self, begun: Callable[[], None] = _nothing) -> "VouchedStatements":
        """Return what runs statements on this connection as long as its server is vouched for, and no longer."""
        return VouchedStatements(self, begun)

    async def fetch(
        self, sql: str, *arguments: object, vouched: bool = False, begun: Callable[[], None] = _nothing
    ) -> Sequence[Row]:
        """Run one statement in its own transaction, on the connection that is open now.

        Args:
            sql: the statement.
            arguments: its parameters.
            vouched: whether to run it only where the server was vouched for.
            begun: called when its turn has come.

        Raises:
            ComponentUnreachableError: the connection broke or no answer came in time; it is dropped then.
            StatementRefusedError: the server answered with an error.
        """
        return await self._asked(lambda connection: connection.fetch(sql, *arguments), vouched=vouched, begun=begun)

    async def fetch_each(self, sql: str, each: Iterable[Sequence[object]], *, vouched: bool = False) -> Sequence[Row]:
        """Run one statement once for every row of arguments, without waiting in between, and return all rows in order.

        The statements share one transaction: when the server refuses one of them, those before it have run and
        their answers are lost.

        Raises:
            ComponentUnreachableError, StatementRefusedError: as with `fetch`.
        """
        return await self._asked(lambda connection: connection.fetchmany(sql, each), vouched=vouched)

    def drop(self) -> None:
        """Close at once, without a farewell."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def close(self) -> None:
        """Close politely, at once if the server does not answer."""
        connection, self._connection = self._connection, None
        if connection is None or self._login is None:
            return
        try:
            await connection.close(timeout=1)
        except (OSError, *self._login.driver.errors):
            connection.terminate()

    async def _asked(
        self,
        ask: Callable[[Connection], Awaitable[Sequence[Row]]],
        *,
        vouched: bool,
        begun: Callable[[], None] = _nothing,
    ) -> Sequence[Row]:
        async with self._turn:
            begun()
            login, connection = self._current()
            if vouched and not self._vouched:
                # It was opened anew while the statement waited, and may lead to another server.
                raise ComponentUnreachableError("the link is not open")
            try:
                return await self._answered(ask, login, connection)
            except Exception:
                self._refuse_who_went_too_far()
                raise

    def _refuse_who_went_too_far(self) -> None:
        """Say once why the connection was dropped, if it is for what the server sent."""
        if self._login is not None and self._login.caution.breach is not None:
            breach, self._login.caution.breach = self._login.caution.breach, None
            self.drop()
            raise breach

    async def _answered(
        self, ask: Callable[[Connection], Awaitable[Sequence[Row]]], login: Login, connection: Connection
    ) -> Sequence[Row]:
        try:
            async with asyncio.timeout(self._timeouts.answer.total_seconds()):
                return await ask(connection)
        except TimeoutError:
            self.drop()
            seconds = self._timeouts.answer.total_seconds()
            raise ComponentUnreachableError(f"no answer within {seconds:g} s") from None
        except (OSError, *login.driver.errors) as error:
            state = sqlstate(error)
            if state is None:
                self.drop()
                raise ComponentUnreachableError(f"the link broke: {plain(error)}") from error
            if not connection.is_closed() and not state.startswith("57P"):
                raise StatementRefusedError(state, plain(error)) from error
            self.drop()
            raise ComponentUnreachableError(f"the server ended the link: {plain(error)}") from error
        except asyncio.CancelledError:
            self.drop()
            raise

    def _current(self) -> tuple[Login, Connection]:
        if self._login is None or self._connection is None or self._connection.is_closed():
            self.drop()
            raise ComponentUnreachableError("the link is not open")
        return self._login, self._connection


class VouchedStatements:
    """Implements `Statements` over a wire, for as long as its server is vouched for."""

    def __init__(self, wire: Wire, begun: Callable[[], None]) -> None:
        self._wire = wire
        self._begun = begun

    @property
    def open(self) -> bool:
        """Whether a statement would reach a server that was found to be the right one."""
        return self._wire.open

    @property
    def decoder(self) -> Decoder:
        """What decodes the texts of the server."""
        return self._wire.decoder

    async def fetch(self, sql: str, *arguments: object) -> Sequence[Row]:
        """Run one statement."""
        return await self._wire.fetch(sql, *arguments, vouched=True, begun=self._begun)

    async def fetch_each(self, sql: str, each: Iterable[Sequence[object]]) -> Sequence[Row]:
        """Run one statement once for every row of arguments."""
        return await self._wire.fetch_each(sql, each, vouched=True)
