"""The two drivers, behind one shape: PostgreSQL's own, and its fork that knows the Gauss family's login.

Their classes have other names and share no parent, so errors are told apart by SQLSTATE and never by class.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, cast

import asyncpg

from vacate.components.caution import Caution, caution_of, for_the_driver
from vacate.components.challenge import explain, read_challenge
from vacate.components.messages import readable_loop
from vacate.domain.errors import ComponentUnreachableError
from vacate.domain.topology.dsn import SCHEMES


class DriverMissingError(ComponentUnreachableError):
    """The server needs the driver of the Gauss family, and it is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "the server speaks the login of the Gauss family, which needs an extra: pip install 'vacate[gaussdb]' "
            "(its driver runs on Python 3.11 to 3.13)"
        )


class UnanswerableError(ComponentUnreachableError):
    """The server asks for a login that no password can satisfy; the message says what to change on the server."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"no login is possible: {reason}")


class Row(Protocol):
    """One row of an answer. As with the drivers' own rows, `dict(row)` goes by names, and iterating gives values."""

    def __getitem__(self, name: str, /) -> Any: ...  # noqa: ANN401 - the statement knows what its columns are.
    def __iter__(self) -> Iterator[Any]: ...
    def keys(self) -> Iterator[str]: ...  # noqa: D102 - as a mapping's.
    def values(self) -> Iterator[Any]: ...  # noqa: D102 - as a mapping's.
    def items(self) -> Iterator[tuple[str, Any]]: ...  # noqa: D102 - as a mapping's.


class Connection(Protocol):
    """An open connection, as far as Vacate uses one. Whatever talks to the server may raise the driver's `errors`."""

    def is_closed(self) -> bool:
        """Whether it is known to have ended, on either side."""
        ...

    def get_server_pid(self) -> int:
        """The process id that the server named at the login."""
        ...

    def terminate(self) -> None:
        """Close at once, without a farewell."""
        ...

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the drivers' own parameter.
        """Close politely; `timeout` is in seconds."""
        ...

    async def fetch(self, query: str, /, *args: object) -> Sequence[Row]:
        """Run one statement in its own transaction."""
        ...

    async def fetchmany(self, query: str, args: Iterable[Sequence[object]], /) -> Sequence[Row]:
        """Run one statement once for every sequence of arguments and return all rows in order.

        The executions follow one another without waiting, in one transaction that ends with the last: an error in
        one undoes those before it, as far as they can be undone, and no row is returned.
        """
        ...


class _Connect(Protocol):
    def __call__(
        self, dsn: str, server_settings: Mapping[str, str], /, caution: Caution | None = None
    ) -> Awaitable[Connection]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """A way to log in.

    `connect` takes a DSN of any scheme that Vacate knows, and the session's settings by name. It notes in `caution`
    what goes too far, also later. It waits as long as the server lets it: bound it. `errors` are the classes of what
    the driver finds wrong: the server's answers, which have an SQLSTATE, and the driver's own complaints. What the
    network does to it comes as `OSError`, and a DSN that makes no sense may come as `ValueError`.
    """

    name: str
    speaks_gauss: bool
    errors: tuple[type[Exception], ...]
    connect: _Connect


def sqlstate(error: BaseException) -> str | None:
    """The five characters by which a server names an error; none if no server said it."""
    state: object = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) and state else None


@cache
def postgresql_driver() -> Driver:
    """The driver for PostgreSQL, with all its logins. It cannot answer the challenge of the Gauss family."""

    async def connect(dsn: str, server_settings: Mapping[str, str], /, caution: Caution | None = None) -> Connection:
        return await asyncpg.connect(
            with_scheme(for_the_driver(dsn), "postgresql"),
            loop=readable_loop(caution or caution_of(dsn)),
            server_settings=dict(server_settings),
        )

    errors = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
    return Driver(name="asyncpg", speaks_gauss=False, errors=errors, connect=connect)


@cache
def gauss_driver() -> Driver:
    """The driver for the Gauss family. It cannot answer PostgreSQL's SCRAM.

    Before it connects, the server's challenge is read, because one of them (code 11) makes the driver's machine code
    read memory that is not there, which ends the process. `connect` raises `UnanswerableError` instead.

    Raises:
        DriverMissingError: it is not installed, or cannot be loaded.
    """
    try:
        import async_gaussdb  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs] - an extra, without types.
    except ImportError as error:
        raise DriverMissingError from error
    module = cast("_GaussModule", async_gaussdb)

    async def connect(dsn: str, server_settings: Mapping[str, str], /, caution: Caution | None = None) -> Connection:
        challenge = await read_challenge(dsn, within_s=None)
        if challenge is not None and (reason := explain(challenge)):
            raise UnanswerableError(reason)
        return await module.connect(
            with_scheme(for_the_driver(dsn), "gaussdb"),
            loop=readable_loop(caution or caution_of(dsn)),
            server_settings=dict(server_settings),
        )

    errors = (module.GaussDBError, module.InterfaceError, module.InternalClientError)
    return Driver(name="async-gaussdb", speaks_gauss=True, errors=errors, connect=connect)


class _GaussModule(Protocol):
    """What is used of a module that carries no types."""

    GaussDBError: type[Exception]
    InterfaceError: type[Exception]
    InternalClientError: type[Exception]

    async def connect(
        self, dsn: str, *, loop: asyncio.AbstractEventLoop, server_settings: dict[str, str]
    ) -> Connection: ...


def with_scheme(dsn: str, scheme: str) -> str:
    """The same DSN under the one scheme that a driver takes. One that is none of ours is left to the driver."""
    named, separator, rest = dsn.partition("://")
    return f"{scheme}{separator}{rest}" if separator and named.lower() in SCHEMES else dsn
