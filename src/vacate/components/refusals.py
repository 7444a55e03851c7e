"""Why a login failed, in words that say what to do."""

import os
import socket
import ssl

from vacate.components.drivers import sqlstate
from vacate.components.pooling import pooler_refusal
from vacate.components.recognition import ServerSoftware
from vacate.domain.errors import ComponentUnreachableError
from vacate.domain.texts import sql_identifier
from vacate.domain.topology.dsn import GAUSS_SCHEMES, user_of
from vacate.domain.topology.servers import Engine

_NO_SLOT = "53300"
_DENIED = "28"
_UNDEFINED_OR_DENIED = (_DENIED, "3D")
_INVALID_PASSWORD = "28P01"  # noqa: S105 - an SQLSTATE.
# What servers of the Gauss family say to whom they refuse, and to whom they do not listen any more.
_GAUSS_DENIALS = ("login denied", "account has been locked")
# They have this in their words for it that all slots are taken, and this file in those for a client they know no rule
# for, which locks nobody.
_GAUSS_SLOTS = "max_connections/reserved"
_RULES = "pg_hba.conf"
# To hear plain text where an encrypted answer was agreed upon looks so to the TLS library.
_PLAIN_TEXT = frozenset(
    {"WRONG_VERSION_NUMBER", "UNSUPPORTED_PROTOCOL", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST"}
)
_HUNG_UP = "connection was closed in the middle of operation"
# The TLS library's numbers for a certificate of another name and of another address.
_FOR_ANOTHER_HOST = (62, 64)
# What the Gauss family's driver makes of a login for which it found no password anywhere.
_NO_PASSWORD = "'NoneType' object has no attribute 'encode'"  # noqa: S105 - an error's words.
# The driver has no error of its own for this.
_NO_TLS = "rejected SSL upgrade"
# The functions of PostgreSQL that count a role's and a database's own sessions. A server names them in every language.
_OF_THE_ROLE = "InitializeSessionUserId"
_OF_THE_DATABASE = "CheckMyDatabase"
_RESERVES_FOR_ROLES = 16
# A server may say a lot.
_SAID = 2_000


class LockingLoginError(ComponentUnreachableError):
    """A server refused the role or its password, and may lock the role if that happens often."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}. Servers of this family lock a role that fails often, so only a call tries again")


def login_problem(error: Exception, dsn: str, software: ServerSoftware | None) -> ComponentUnreachableError:
    """What a failed login means; `software` is what the server ran at the last login, if there was one."""
    state = sqlstate(error) or ""
    if state == _NO_SLOT:
        return ComponentUnreachableError(_no_slot(error, dsn, software))
    if pooler := pooler_refusal(state, plain(error)):
        return pooler
    if state.startswith(_DENIED) and _may_lock(str(error), state, gauss=_is_gauss(dsn, software)):
        return LockingLoginError(f"login refused: {plain(error).rstrip('.')}")
    if state.startswith(_UNDEFINED_OR_DENIED):
        return ComponentUnreachableError(f"login refused: {plain(error)}")
    if _NO_PASSWORD in str(error):
        return ComponentUnreachableError("login refused: the DSN names no password")
    return ComponentUnreachableError(plain(error))


def _is_gauss(dsn: str, software: ServerSoftware | None) -> bool:
    return software.engine.of_gauss_family if software else dsn.partition(":")[0].lower() in GAUSS_SCHEMES


def _may_lock(said: str, state: str, *, gauss: bool) -> bool:
    """Whether trying again brings the role nearer to being locked, or keeps it locked.

    A server speaks its administrator's language, so where it is known to lock, its words are not needed.
    """
    if any(words in said for words in _GAUSS_DENIALS):
        return True
    return gauss and (state == _INVALID_PASSWORD or _RULES not in said)


def _no_slot(error: Exception, dsn: str, software: ServerSoftware | None) -> str:
    """What to do where no connection slot is left, by what was used up and by what the server's version offers."""
    user = user_of(dsn)
    role = sql_identifier(user) if user else "the role"
    said = plain(error)
    if _GAUSS_SLOTS in said or _is_gauss(dsn, software):
        return (
            f"no connection slot is left for Vacate's role ({said.rstrip('.')}); slots beyond max_connections "
            "(sysadmin_reserved_connections) are kept for roles with SYSADMIN alone, and MONADMIN is not enough: as "
            "such a role end some sessions, then raise max_connections, or let the applications' pools open less"
        )
    counted_by = getattr(error, "server_source_function", None)
    if counted_by == _OF_THE_ROLE:
        return f"{said}; as a superuser run: ALTER ROLE {role} CONNECTION LIMIT -1;"
    if counted_by == _OF_THE_DATABASE:
        return f"{said}; raise the database's CONNECTION LIMIT, or let the DSN name another database"
    reserve = f"set reserved_connections and, as a superuser, run: GRANT pg_use_reserved_connections TO {role};"
    wait = (
        "the server reserves slots for superusers alone (superuser_reserved_connections): raise max_connections, or "
        "let the applications' pools open less"
    )
    if software is None:
        advice = f"on PostgreSQL 16 and newer {reserve} on PostgreSQL 15 {wait}"
    elif software.engine is Engine.POSTGRESQL and software.major >= _RESERVES_FOR_ROLES:
        advice = reserve
    else:
        advice = wait
    return f"no connection slot is left for Vacate's role ({said}); {advice}"


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
        case _ if isinstance(error, ConnectionError) or _HUNG_UP in str(error):
            return "the server closed the link"
        case OSError():
            return "none of the server's addresses can be reached"
        case _:
            return " ".join((str(error)[:_SAID] or type(error).__name__).split())


def _tls_problem(error: ssl.SSLError) -> str:
    if not isinstance(error, ssl.SSLCertVerificationError):
        if error.reason in _PLAIN_TEXT:
            return (
                "the server agreed to encrypt and went on in plain text, as one does that cannot load its certificate: "
                "correct it there (the server's log says what is wrong), or let the DSN say sslmode=disable"
            )
        return (
            f"the server and Vacate agree on no encryption: {(error.reason or 'no reason').lower().replace('_', ' ')}"
        )
    reason = "it is for another host" if error.verify_code in _FOR_ANOTHER_HOST else error.verify_message
    return f"the server's certificate is refused: {reason}"
