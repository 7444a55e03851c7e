"""What went wrong with the store, in words that say what to do."""

import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from vacate.domain.errors import VacateError

Problem = Callable[[str], VacateError]

# SQLite's own names of what went wrong; an extended name begins with the plain one.
_SQLITE = {
    "SQLITE_READONLY": "{where} is read-only for Vacate; let it write the file and its directory",
    "SQLITE_FULL": "the disk that holds {where} is full; make room on it",
    "SQLITE_BUSY": "{where} is locked by another program; end that program, or wait until it is done",
    "SQLITE_LOCKED": "{where} is locked by another program; end that program, or wait until it is done",
    "SQLITE_CANTOPEN": "{where} cannot be opened; let Vacate write the file and its directory",
    "SQLITE_IOERR": "{where} cannot be read or written ({error}); look at its disk",
    "SQLITE_NOTADB": "{where} is not a SQLite database; name another file",
    "SQLITE_CORRUPT": "{where} is damaged ({error}); bring back a copy of it",
}
# PostgreSQL's SQLSTATE, as a whole or by its first letters; the longest that fits is taken.
_POSTGRESQL = {
    "25006": "{where} is read-only, perhaps a standby; name a server that takes writes",
    "28": "{where} refuses the login ({error}); look at the user and the password in the store's URL",
    "3D000": "{where} does not exist; create the database",
    "42501": "the store's user lacks rights in {where} ({error}); grant them",
    "53100": "the disk of {where} is full; make room on it",
    "53300": "{where} has no seat left for the store; raise max_connections or close sessions there",
    "57014": "{where} did not answer in time; look at what it is doing",
    "57P": "{where} is starting or stopping ({error}); wait until it is up",
    "08": "the link to {where} broke ({error}); look whether the server is up",
}


@contextmanager
def translated(url: URL, problem: Problem) -> Generator[None]:
    """Turn every failure of the store inside the block into one of our own errors, made from its reason."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise problem(reason_of(error, url)) from error


def reason_of(error: Exception, url: URL) -> str:
    """What went wrong and what to do, without the password that the URL may hold."""
    is_file = url.get_backend_name() == "sqlite"
    server = f"{url.host}:{url.port or 5432}" if url.host else "the local socket"
    where = str(url.database) if is_file else f"database {url.database!r} on {server}"
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    words = " ".join(str(cause).split()) or type(cause).__name__
    if isinstance(cause, OSError):
        return _reason_of_system(cause, where, words, is_file=is_file)
    if isinstance(cause, sqlite3.Error):
        known, code = _SQLITE, getattr(cause, "sqlite_errorname", "")
    else:
        known, code = _POSTGRESQL, getattr(cause, "sqlstate", None) or ""
    for beginning in sorted(known, key=len, reverse=True):
        if code.startswith(beginning):
            return known[beginning].format(where=where, error=words)
    return f"{where}: {words}"


def _reason_of_system(error: OSError, where: str, words: str, *, is_file: bool) -> str:
    match error:
        case FileNotFoundError() if is_file:
            return f"there is no directory for {where}; make it, or name another file"
        case PermissionError() if is_file:
            return _SQLITE["SQLITE_CANTOPEN"].format(where=where)
        case TimeoutError() if is_file:
            return f"{where} is slow: the writes before this one did not end in time; look at its disk"
        case OSError() if is_file:
            return f"{where} cannot be opened ({error.strerror or words}); name another file"
        case TimeoutError():
            return f"{where} did not answer in time; look whether the server and the way to it are up"
        case _:
            return f"{where} cannot be reached ({error.strerror or words}); look whether the server is up"
