"""What a group of victims looks like, where that says who would suffer from their end.

A guard spares what is proved. A warning tells what is only likely: sessions whose statements, names and number are
those of a connection pool, a restore, an agent and the like. It changes no verdict.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from vacate.domain.sessions.session import Session

MANY: Final = 3
"""So many sessions of one user and client without an application name look like a pool."""


class WarningKind(StrEnum):
    """What a group of victims looks like."""

    POOL = "pool"
    """A connection pool of an application: a request fails for each session, unless the pool checks them."""
    POOLER = "pooler"
    """A pooler's server connections, reset and parked: pgpool-II may detach the whole server."""
    RESTORE = "restore"
    """A restore between two steps: it goes on without what that connection was to make."""
    AGENT = "agent"
    """pgAgent: the daemon exits, or a job stays marked as running."""
    REWIND = "rewind"
    """pg_rewind between two reads: its target is left half copied, and may not be rewindable again."""


ADVICE: Mapping[WarningKind, str] = {
    WarningKind.POOL: "have the pool check its connections, or keep its youngest with keep_youngest and group_by",
    WarningKind.POOLER: "protect the pooler's user; set failover_on_backend_shutdown = off where it is pgpool-II",
    WarningKind.RESTORE: "wait for its end, or protect its user: what a restore's session was to make would be missing",
    WarningKind.AGENT: "protect the user that pgAgent logs in with",
    WarningKind.REWIND: "wait for its end, and protect its user: an interrupted pg_rewind leaves a half copied target",
}
"""What to do about each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VictimWarning:
    """Victims of one user, client and application that look like one thing. Names are as the server told them."""

    kind: WarningKind
    sessions: int
    user: str | None
    client_address: str | None
    application: str | None


# Comments stand before the statement where drivers and tools trace their calls. No pattern tries a place twice, and no
# more of a statement is looked at than `_READ` characters: a text may be as long as the server's settings allow.
_READ = 4096
_LEAD = r"\A(?>\s|;|--[^\n]*\n|/\*(?:[^*]|\*(?!/))*+\*/)*+"
_FLAGS = re.IGNORECASE | re.DOTALL
_RESET = re.compile(_LEAD + r"(?:SELECT\s+pg_advisory_unlock_all|ROLLBACK\b|ABORT\b|RESET\s+ALL\b)", _FLAGS)
_PARKED = re.compile(_LEAD + r"DISCARD\s+ALL\b", _FLAGS)
_BUILT = re.compile(_LEAD + r"(?:CREATE\s+(?:UNIQUE\s+)?INDEX|ALTER\s+TABLE|COPY)\b", _FLAGS)
_COMMITTED = re.compile(_LEAD + r"(?:COMMIT|END)\b", _FLAGS)
_PGAGENT = re.compile(r'\b"?pgagent"?\s*\.\s*"?pga_', _FLAGS)
_FILES_READ = re.compile(r"\bpg_read_binary_file\s*\(|\bRECURSIVE\s+files\b.*\bpg_ls_dir\s*\(", _FLAGS)

_RESTORER = "pg_restore"
_SOME = 2


def warnings_of(victims: Iterable[Session]) -> tuple[VictimWarning, ...]:
    """What the victims of one look look like, group by group, in the order in which the groups first occur.

    A session counts for one kind alone, the most telling that fits it.
    """
    groups: dict[tuple[str | None, str | None, str | None], list[Session]] = {}
    for session in victims:
        groups.setdefault((session.user, session.client_address, session.application), []).append(session)
    found: list[VictimWarning] = []
    for (user, client, application), group in groups.items():
        left = group
        for kind, pick in _KINDS:
            picked = pick(left)
            if picked:
                found.append(
                    VictimWarning(
                        kind=kind, sessions=len(picked), user=user, client_address=client, application=application
                    )
                )
                counted = {session.session_id for session in picked}
                left = [session for session in left if session.session_id not in counted]
    return tuple(found)


def _said(pattern: re.Pattern[str], group: Sequence[Session]) -> list[Session]:
    return [session for session in group if session.query is not None and pattern.search(session.query[:_READ])]


def _rewind(group: Sequence[Session]) -> list[Session]:
    return _said(_FILES_READ, group)


def _agent(group: Sequence[Session]) -> list[Session]:
    return _said(_PGAGENT, group)


def _pooler(group: Sequence[Session]) -> list[Session]:
    return _said(_PARKED, group)


def _restore(group: Sequence[Session]) -> list[Session]:
    """Sessions of that name, or workers of one database; those between two tables have only committed."""
    named = [session for session in group if session.application == _RESTORER]
    nameless = [session for session in group if session.application == ""]
    built = _said(_BUILT, nameless)
    where = {session.database for session in built}
    workers = built + [session for session in _said(_COMMITTED, nameless) if session.database in where]
    return named + (workers if len(workers) >= _SOME else [])


def _pool(group: Sequence[Session]) -> list[Session]:
    """Sessions without a name: many of them, or some that were handed back to a pool."""
    nameless = [session for session in group if session.application == ""]
    enough = len(nameless) >= MANY or len(_said(_RESET, nameless)) >= _SOME
    return nameless if enough else []


# The most telling first: what a pool looks like is least of all a proof.
_KINDS: tuple[tuple[WarningKind, Callable[[Sequence[Session]], list[Session]]], ...] = (
    (WarningKind.REWIND, _rewind),
    (WarningKind.AGENT, _agent),
    (WarningKind.RESTORE, _restore),
    (WarningKind.POOLER, _pooler),
    (WarningKind.POOL, _pool),
)
