"""One login: over the driver whose language the server speaks, to a server that is known by name from then on.

PostgreSQL and the Gauss family share a protocol but not a login: one number of it means two different challenges. So
the driver that fits the DSN's scheme goes first, and the other one when the server turns out to speak the other way.
"""

import asyncio
import os
import socket
import ssl
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from vacate.domain.dsn import GAUSS_SCHEMES
from vacate.domain.errors import ComponentUnreachableError
from vacate.domain.servers import Engine
from vacate.domain.sessions import OWN_APPLICATION
from vacate.engines.challenge import explain, read_challenge
from vacate.engines.drivers import (
    Connection,
    Driver,
    UnanswerableError,
    gauss_driver,
    postgresql_driver,
    sqlstate,
)
from vacate.engines.recognition import ServerSoftware, recognise
from vacate.engines.statements import statement
from vacate.engines.timeouts import Timeouts

_NO_SLOT = "53300"
_DENIED = "28"
_UNDEFINED_OR_DENIED = (_DENIED, "3D")
_GAUSS_DENIAL = "login denied"
# The TLS library's numbers for a certificate of another name and of another address.
_FOR_ANOTHER_HOST = (62, 64)
# By which a driver finds out that the server speaks the other login. One takes the Gauss family's challenge for a list
# of SASL methods; the other takes PostgreSQL's list for the number of a way to store passwords: it is the text "SCRA".
_OTHER_LOGIN = ("unsupported SASL Authentication methods", "password-stored method 1396920897")
# What the Gauss family's driver makes of a login for which it found no password anywhere.
_NO_PASSWORD = "'NoneType' object has no attribute 'encode'"  # noqa: S105 - an error's words.
# The driver has no error of its own for this.
_NO_TLS = "rejected SSL upgrade"


class LockingLoginError(ComponentUnreachableError):
    """A server refused the role or its password, and may lock the role if that happens often."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}. Servers of this family lock a role that fails often, so only a call tries again")


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A connection that is set up, how it was made, and what is at its other end."""

    connection: Connection
    driver: Driver
    software: ServerSoftware


def dialect_of(engine: Engine) -> str:
    """The folder of statements that servers of an engine understand."""
    return "gauss" if engine.of_gauss_family else "postgresql"


async def log_in(dsn: str, timeouts: Timeouts, before: Login | None = None) -> Login:
    """Open a connection and set it up; `before` is the last login to this server, whose driver is taken again.

    Raises:
        LockingLoginError: the server refuses the role, and may lock it.
        ComponentUnreachableError: no server, no free slot, login refused, no driver, or no answer in time.
        UnsupportedServerError: the server is none that Vacate knows.
    """
    try:
        async with asyncio.timeout(timeouts.connect.total_seconds()):
            connection, driver = await _connect(dsn, before)
            try:
                software = await _set_up(connection, driver, timeouts)
            except BaseException:
                connection.terminate()
                raise
    except TimeoutError:
        seconds = timeouts.connect.total_seconds()
        raise ComponentUnreachableError(f"no login within {seconds:g} s{_way_round(dsn, before)}") from None
    return Login(connection=connection, driver=driver, software=software)


async def _connect(dsn: str, before: Login | None) -> tuple[Connection, Driver]:
    speaks_gauss = before.driver.speaks_gauss if before else _scheme(dsn) in GAUSS_SCHEMES
    first, other = (gauss_driver, postgresql_driver) if speaks_gauss else (postgresql_driver, gauss_driver)
    if before is None and not speaks_gauss:
        await _refuse_what_cannot_be_answered(dsn)
    driver = first()
    try:
        return await _connected(driver, dsn), driver
    except driver.errors as error:
        if not any(words in str(error) for words in _OTHER_LOGIN):
            raise _login_problem(error) from error
    driver = other()
    try:
        return await _connected(driver, dsn), driver
    except driver.errors as error:
        raise _login_problem(error) from error


async def _refuse_what_cannot_be_answered(dsn: str) -> None:
    """A server of the Gauss family may ask in a way that ends the process of whoever listens with PostgreSQL's driver.

    Nobody knows yet what the server is, so its question is read first. The driver of the Gauss family does so itself.
    """
    challenge = await read_challenge(dsn, within_s=None)
    if challenge is not None and (reason := explain(challenge)):
        raise UnanswerableError(reason)


async def _connected(driver: Driver, dsn: str) -> Connection:
    """Let the driver log in; what it finds wrong itself goes through."""
    try:
        return await driver.connect(dsn, _session_settings(dsn))
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


async def _set_up(connection: Connection, driver: Driver, timeouts: Timeouts) -> ServerSoftware:
    try:
        (row,) = await connection.fetch("SELECT version() AS version")
        software = recognise(row["version"])
        setup = statement(dialect_of(software.engine), "setup", software.major)
        await connection.fetch(setup, str(int(timeouts.answer.total_seconds() * 1000)))
    except TimeoutError:
        raise
    except (OSError, *driver.errors) as error:
        raise ComponentUnreachableError(plain(error)) from error
    return software


def _session_settings(dsn: str) -> dict[str, str]:
    """Names in our statements mean the server's own objects, unless the DSN itself says where to look first."""
    named = "search_path" in parse_qs(urlsplit(dsn).query)
    return {"application_name": OWN_APPLICATION} | ({} if named else {"search_path": "pg_catalog"})


def _scheme(dsn: str) -> str:
    return dsn.partition(":")[0].lower()


def _way_round(dsn: str, before: Login | None) -> str:
    """Open transactions can pin every worker of a thread pool; then the server takes a login and never serves it."""
    known = before is not None and before.software.engine.of_gauss_family
    if not known and _scheme(dsn) not in GAUSS_SCHEMES:
        return ""
    return (
        "; open transactions may hold every worker of its thread pool. Its HA port, usually the server's port + 1, "
        "goes past the pool: let the DSN name it, as far as the server takes Vacate's role there"
    )


def _login_problem(error: Exception) -> ComponentUnreachableError:
    state = sqlstate(error) or ""
    if state == _NO_SLOT:
        return ComponentUnreachableError(
            "no slot is left for Vacate's role; set reserved_connections (PostgreSQL 16 and newer) and run: "
            "GRANT pg_use_reserved_connections TO the role"
        )
    if state.startswith(_DENIED) and _GAUSS_DENIAL in str(error):
        return LockingLoginError(f"login refused: {plain(error).rstrip('.')}")
    if state.startswith(_UNDEFINED_OR_DENIED):
        return ComponentUnreachableError(f"login refused: {plain(error)}")
    if _NO_PASSWORD in str(error):
        return ComponentUnreachableError("login refused: the DSN names no password")
    return ComponentUnreachableError(plain(error))


def plain(error: BaseException) -> str:
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
