"""One login: over the driver whose language the server speaks, to a server that is known by name from then on.

PostgreSQL and the Gauss family share a protocol but not a login: one number of it means two different challenges. So
the driver that fits the DSN's scheme goes first, and the other one when the server turns out to speak the other way.
"""

import asyncio
from dataclasses import dataclass

from vacate.components.caution import Caution, caution_of
from vacate.components.challenge import explain, read_challenge
from vacate.components.decoding import Decoder, readable
from vacate.components.drivers import (
    Connection,
    Driver,
    UnanswerableError,
    gauss_driver,
    postgresql_driver,
    sqlstate,
)
from vacate.components.own_session import TRANSACTION_TIMEOUT, common_settings, postgresql_settings
from vacate.components.pooling import pooler_refusal, refuse_pooler
from vacate.components.recognition import ServerSoftware, recognise
from vacate.components.refusals import login_problem, plain
from vacate.components.statements import statement
from vacate.components.timeouts import Timeouts
from vacate.domain.errors import ComponentUnreachableError
from vacate.domain.topology.dsn import GAUSS_SCHEMES
from vacate.domain.topology.servers import Engine

_INSUFFICIENT_PRIVILEGE = "42501"
_UNKNOWN_SETTING = "42704"
_TRANSACTION_TOOK_TOO_LONG = "25P04"
_LINK_BROKE = "08"
_KNOWS_TRANSACTION_TIMEOUT = 17
# By which a driver finds out that the server speaks the other login. One takes the Gauss family's challenge for a list
# of SASL methods; the other takes PostgreSQL's list for the number of a way to store passwords: it is the text "SCRA".
_OTHER_LOGIN = ("unsupported SASL Authentication methods", "password-stored method 1396920897")
# Open transactions can pin every worker of a thread pool; then the server takes a login and serves it later, or never.
_ALL_WORKERS_HELD = (
    "; open transactions may hold every worker of its thread pool. The server makes more within seconds, so try again. "
    "If that does not help, end such a transaction from the server's own machine: a role with SYSADMIN gets in "
    "past the pool over the Unix socket of the HA port, usually the server's port + 1, which takes nobody over TCP"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A connection that is set up, how it was made, what is at its other end, and whether it went too far."""

    connection: Connection
    driver: Driver
    software: ServerSoftware
    decoder: Decoder
    caution: Caution


def dialect_of(engine: Engine) -> str:
    """The folder of statements that servers of an engine understand."""
    return "gauss" if engine.of_gauss_family else "postgresql"


async def log_in(dsn: str, timeouts: Timeouts, before: Login | None = None) -> Login:
    """Open a connection and set it up; `before` is the last login to this server, whose driver is taken again.

    Raises:
        LockingLoginError: the server refuses the role, and may lock it.
        ComponentUnreachableError: no server, no free slot, login refused, no driver, or no answer in time.
        UntrustedServerError: the server went too far.
        UnsupportedServerError: the server is none that Vacate knows.
    """
    known = before is not None and before.software.engine is Engine.POSTGRESQL
    newer = known and before is not None and before.software.major >= _KNOWS_TRANSACTION_TIMEOUT
    gauss = _is_gauss(dsn, before)
    within = timeouts.gauss_connect if gauss else timeouts.connect
    try:
        async with asyncio.timeout(within.total_seconds()):
            try:
                return await _attempt(dsn, timeouts, before, transaction_timeout=newer)
            except _HungUpError:
                return await _attempt(dsn, timeouts, before, transaction_timeout=True)
    except TimeoutError:
        hint = _ALL_WORKERS_HELD if gauss else ""
        raise ComponentUnreachableError(f"no login within {within.total_seconds():g} s{hint}") from None


class _HungUpError(ComponentUnreachableError):
    """The server ended the session before it was set up, perhaps because its transactions may not last."""


async def _attempt(dsn: str, timeouts: Timeouts, before: Login | None, *, transaction_timeout: bool) -> Login:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    settings = postgresql_settings(dsn, timeouts) | ({TRANSACTION_TIMEOUT: "0"} if transaction_timeout else {})
    caution = caution_of(dsn)
    try:
        connection, driver = await _connect(dsn, before, settings, caution)
        # A driver may have tried another way after one that went too far.
        caution.breach = None
        try:
            software, decoder = await _set_up(connection, driver, timeouts, settings, begun)
        except BaseException:
            connection.terminate()
            raise
    except Exception as error:
        if caution.breach is not None:
            raise caution.breach from error
        raise
    return Login(connection=connection, driver=driver, software=software, decoder=decoder, caution=caution)


async def _connect(
    dsn: str, before: Login | None, settings: dict[str, str], caution: Caution
) -> tuple[Connection, Driver]:
    speaks_gauss = before.driver.speaks_gauss if before else _scheme(dsn) in GAUSS_SCHEMES
    first, other = (gauss_driver, postgresql_driver) if speaks_gauss else (postgresql_driver, gauss_driver)
    if before is None and not speaks_gauss:
        await _refuse_what_cannot_be_answered(dsn)
    driver = first()
    try:
        return await _connected(driver, dsn, settings, caution), driver
    except driver.errors as error:
        if not any(words in str(error) for words in _OTHER_LOGIN):
            raise login_problem(error, dsn, before.software if before else None) from error
    driver = other()
    try:
        return await _connected(driver, dsn, settings, caution), driver
    except driver.errors as error:
        raise login_problem(error, dsn, before.software if before else None) from error


async def _refuse_what_cannot_be_answered(dsn: str) -> None:
    """A server of the Gauss family may ask in a way that ends the process of whoever listens with PostgreSQL's driver.

    Nobody knows yet what the server is, so its question is read first. The driver of the Gauss family does so itself.
    """
    challenge = await read_challenge(dsn, within_s=None)
    if challenge is not None and (reason := explain(challenge)):
        raise UnanswerableError(reason)


async def _connected(driver: Driver, dsn: str, settings: dict[str, str], caution: Caution) -> Connection:
    """Let the driver log in; what it finds wrong itself goes through."""
    try:
        if not driver.speaks_gauss:
            try:
                return await driver.connect(dsn, settings, caution)
            except driver.errors as error:
                if sqlstate(error) != _UNKNOWN_SETTING:
                    raise
        # A server of the Gauss family, which knows fewer settings. Those that it has are set once we are in.
        return await driver.connect(dsn, common_settings(dsn), caution)
    except TimeoutError:
        raise
    except driver.errors:
        raise
    except FileNotFoundError as error:
        # The TLS library does not say which file it missed; a socket's path is in the DSN as well.
        missing = error.filename or "a socket, certificate or key file"
        raise ComponentUnreachableError(f"{missing} that the DSN names does not exist") from error
    except (OSError, ValueError) as error:
        raise ComponentUnreachableError(plain(error)) from error


async def _set_up(
    connection: Connection, driver: Driver, timeouts: Timeouts, settings: dict[str, str], begun: float
) -> tuple[ServerSoftware, Decoder]:
    try:
        (row,) = await connection.fetch("SELECT textsend(version()) AS version, pg_backend_pid() AS pid")
        software = recognise(readable(row["version"]))
        setup = statement(dialect_of(software.engine), "setup", software.major)
        if software.engine.of_gauss_family:
            await connection.fetch(setup, str(int(timeouts.answer.total_seconds() * 1000)))
            return software, await _decoder(connection, software)
        pinned = settings | {TRANSACTION_TIMEOUT: "0"}
        (own,) = await connection.fetch(setup, list(pinned), list(pinned.values()))
        age_s = await _age(connection, driver, software)
        decoder = await _decoder(connection, software)
    except TimeoutError:
        raise
    except (OSError, UnicodeError, *driver.errors) as error:
        raise _set_up_problem(error) from error
    took_s = asyncio.get_running_loop().time() - begun
    refuse_pooler(
        announced=connection.get_server_pid(),
        answering=(row["pid"], own["pid"]),
        age_s=age_s,
        login_took_s=took_s,
    )
    return software, decoder


async def _decoder(connection: Connection, software: ServerSoftware) -> Decoder:
    """Ask what decodes the server's texts."""
    (texts,) = await connection.fetch(statement(dialect_of(software.engine), "texts", software.major))
    return Decoder(
        encoding=texts["encoding"],
        encodings=tuple(texts["encodings"].split(",")),
        statement_limit=texts["statement_limit"],
    )


async def _age(connection: Connection, driver: Driver, software: ServerSoftware) -> float | None:
    """How long our session has been there; `None` where our role may not ask, which the probe tells of."""
    try:
        (row,) = await connection.fetch(statement("postgresql", "age", software.major))
    except driver.errors as error:
        if sqlstate(error) != _INSUFFICIENT_PRIVILEGE:
            raise
        return None
    return row["age_s"]


def _set_up_problem(error: Exception) -> ComponentUnreachableError:
    # Where the server says why it hangs up, the driver only knows that it did, and keeps the server's words beside it.
    cause = error.__cause__
    state = (cause and sqlstate(cause)) or sqlstate(error) or ""
    if pooler := pooler_refusal(state, plain(error)):
        return pooler
    if state in {"", _TRANSACTION_TOOK_TOO_LONG} or state.startswith(_LINK_BROKE):
        return _HungUpError(plain(error))
    return ComponentUnreachableError(plain(error))


def _scheme(dsn: str) -> str:
    return dsn.partition(":")[0].lower()


def _is_gauss(dsn: str, before: Login | None) -> bool:
    """Whether the server belongs to the Gauss family, by what it was at the last login, or else by the DSN's scheme."""
    return before.software.engine.of_gauss_family if before else _scheme(dsn) in GAUSS_SCHEMES
