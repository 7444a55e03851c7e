"""A session as one look saw it, and the identity that survives until its end."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, TypeAlias

IDLE = "idle"
IN_TRANSACTION = "idle in transaction"
ABORTED = "idle in transaction (aborted)"
HIDING = frozenset({None, "disabled"})
"""States of which nothing follows: hidden for want of rights, or not tracked by the server."""
CLIENT_BACKEND = "client backend"
OWN_APPLICATION = "vacate"
"""What Vacate's own sessions call themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionKey:
    """Identity for life. The server's own id of a session alone is used again; together with the start time it is not.

    On PostgreSQL the id is the process id. In the Gauss family it is the `sessionid`, which begins anew with a server.

    `backend_start` is an aware UTC datetime with the server's own microseconds.
    """

    session_id: int
    backend_start: datetime

    def __str__(self) -> str:
        return f"{self.session_id}@{self.backend_start.isoformat()}"


TextFact: TypeAlias = Literal["user", "database", "application", "query"]
"""A fact of a session that is text of somebody's choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a session holds that ends with it and that no catalogue of the server tells: only statements prove it.

    `listening`: it waits for notifications. `cursors`: the names of its cursors that outlived their transaction (WITH
    HOLD). `backup`: it began a base backup and has not ended it.
    """

    listening: bool = False
    cursors: frozenset[str] = frozenset()
    backup: bool = False


NOTHING_HELD = Held()


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One session at the moment of a look.

    `None` always means that the server did not tell: for want of rights, or because the session is still
    starting. An empty string is a value (a client that set no application name). Only `transaction_start` is also
    `None` when there is nothing to tell: no transaction is open. A user or a database that was dropped meanwhile has no
    name any more; `user_dropped` and `database_dropped` tell that from a name that is hidden.
    `held` is what earlier statements prove, as far as Vacate saw them; `query` is the last one.
    `own` is true for the session that looks, and for every session that is named like it and logged in as one of
    Vacate's own users: a name alone can be taken by anybody.
    All times are the server's, aware and in UTC; `in_state_for` is measured with the server's clock.

    The facts in `undecodable` are bytes of which the server's encoding makes no text. They are shown with those bytes
    escaped; decisions go by `decidable`.
    """

    session_id: int
    pid: int
    backend_start: datetime | None
    backend_type: str | None
    state: str | None
    state_change: datetime | None
    in_state_for: timedelta | None
    transaction_start: datetime | None
    user: str | None
    superuser: bool | None
    database: str | None
    application: str | None
    client_address: str | None
    client_port: int | None
    query: str | None
    holds_advisory_lock: bool | None
    holds_replication_slot: bool | None
    own: bool
    user_dropped: bool = False
    database_dropped: bool = False
    held: Held = NOTHING_HELD
    undecodable: frozenset[TextFact] = frozenset()

    def decidable(self, fact: TextFact) -> str | None:
        """Read a text for a decision: `None` where the server hides it, and where it could not be decoded."""
        if fact in self.undecodable:
            return None
        match fact:
            case "user":
                return self.user
            case "database":
                return self.database
            case "application":
                return self.application
            case "query":
                return self.query

    @property
    def key(self) -> SessionKey | None:
        """Identity, or `None` when the server hides when the session began."""
        if self.backend_start is None:
            return None
        return SessionKey(session_id=self.session_id, backend_start=self.backend_start)


class Demand(StrEnum):
    """What must still last at the second read, besides the victim being the same session."""

    SAME_IDLE_PERIOD = "same_idle_period"
    """The idle period that it was judged in."""
    SAME_IDLE_TRANSACTION = "same_idle_transaction"
    """The wait for its client, inside a transaction, that it was judged in."""
    SAME_TRANSACTION = "same_transaction"
    """The transaction that it was judged in, whatever the session does in it."""
    SAME_SESSION = "same_session"
    """Nothing else: the caller named the session, whatever it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """A session fixed for termination: who it is, and what must still last when it is signalled.

    `since` is when the idle period or the transaction began that the demand speaks of; `None` when it speaks of
    neither. The signal is sent only while all of this is still so; see `components/postgresql/terminate.sql`.
    """

    key: SessionKey
    pid: int
    demand: Demand
    since: datetime | None
    in_state_for: timedelta | None
