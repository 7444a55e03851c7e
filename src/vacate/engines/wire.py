"""One warm connection to one server: opened early, kept, reopened by itself, every answer awaited in bounded time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from vacate.domain.errors import ComponentUnreachableError
from vacate.engines.decoding import Decoder
from vacate.engines.drivers import Connection, Row, sqlstate
from vacate.engines.login import Login, log_in
from vacate.engines.recognition import ServerSoftware
from vacate.engines.refusals import plain
from vacate.engines.timeouts import Timeouts


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
        # The last login is remembered beyond its connection: the next one begins with what worked.
        self._login: Login | None = None
        self._connection: Connection | None = None
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
            UntrustedServerError: the server went too far, now or while nobody asked it anything.
            UnsupportedServerError: the server is none that Vacate knows.
        """
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

    async def fetch(self, sql: str, *arguments: object) -> Sequence[Row]:
        """Run one statement in its own transaction, on the connection that is open now.

        Raises:
            ComponentUnreachableError: the connection broke or no answer came in time; it is dropped then.
            StatementRefusedError: the server answered with an error.
        """
        return await self._asked(lambda connection: connection.fetch(sql, *arguments))

    async def fetch_each(self, sql: str, each: Iterable[Sequence[object]]) -> Sequence[Row]:
        """Run one statement once for every row of arguments, without waiting in between, and return all rows in order.

        The statements share one transaction: when the server refuses one of them, those before it have run and
        their answers are lost.

        Raises:
            ComponentUnreachableError, StatementRefusedError: as with `fetch`.
        """
        return await self._asked(lambda connection: connection.fetchmany(sql, each))

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

    async def _asked(self, ask: Callable[[Connection], Awaitable[Sequence[Row]]]) -> Sequence[Row]:
        login, connection = self._current()
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
