"""Recognises a connection pooler between Vacate and the server, which Vacate refuses to work through.

A pooler lends server sessions out and takes them back: the session that reads the list need not be the one that
signals, settings belong to whoever had the session before, and the pooler hides whose sessions they are.
"""

from vacate.domain.errors import ComponentUnreachableError

_REMEDY = "let the DSN name the database server itself, its own host and port, past the pooler"
# A login may take a moment longer on the server's clock than on ours.
_SLACK_S = 2.0
# A pooler gave two clients the same session: prepared statements of one are met, or missed, by the other.
_STATEMENTS_MIXED_UP = frozenset({"42P05", "26000"})
# PostgreSQL itself has no reason to complain of the protocol to a driver that logs in.
_PROTOCOL_VIOLATION = "08P01"


class PoolerInBetweenError(ComponentUnreachableError):
    """A connection pooler answers in the server's place; the message says what to change in the DSN."""

    def __init__(self, sign: str) -> None:
        super().__init__(f"a connection pooler stands between Vacate and the server ({sign}); {_REMEDY}")


def refuse_pooler(*, announced: int, answering: tuple[int, ...], age_s: float | None, login_took_s: float) -> None:
    """Compare what the server's answers say of our session with what was told at the login.

    Args:
        announced: the backend's process id as the login told it.
        answering: the process ids of the backends that answered our statements.
        age_s: how long ago our session began, by the server's clock; `None` if it does not tell.
        login_took_s: how long ago the login began, by our clock.

    Raises:
        PoolerInBetweenError: they differ.
    """
    if any(pid != answering[0] for pid in answering):
        raise PoolerInBetweenError("two statements were answered by two different backends")
    if any(pid != announced for pid in answering):
        raise PoolerInBetweenError("the backend that answers is another one than the login announced")
    if age_s is not None and age_s > login_took_s + _SLACK_S:
        raise PoolerInBetweenError("the session there is older than the login")


def pooler_refusal(sqlstate: str, reason: str) -> ComponentUnreachableError | None:
    """The error for an answer that only a pooler gives while a session is made ready; none for any other answer."""
    if sqlstate == _PROTOCOL_VIOLATION:
        return PoolerInBetweenError(f"it refused the login: {reason}")
    if sqlstate in _STATEMENTS_MIXED_UP:
        return PoolerInBetweenError(f"a prepared statement of somebody else's session was met: {reason}")
    return None
