"""The rows that are derived of an event for searching: what they are, and how they are made anew."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from vacate.domain.audit.chain import Link
from vacate.domain.audit.record import RecordedSession
from vacate.store.tables import audit_base, audit_indexed, audit_sessions
from vacate.store.types import as_kept


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRow:
    """One session of an event, as the table for searching has it."""

    event_id: int
    position: int
    pid: int
    session_id: int
    user: str | None
    database: str | None
    client_address: str | None


def rows_of(event_id: int, sessions: str) -> tuple[IndexRow, ...]:
    """The rows of an event.

    Raises:
        ValueError, TypeError, msgspec.MsgspecError: its sessions cannot be read.
    """
    return tuple(
        IndexRow(
            event_id=event_id,
            position=position,
            pid=session.pid,
            session_id=session.session_id,
            user=_kept(session.user),
            database=_kept(session.database),
            client_address=_kept(session.client_address),
        )
        for position, session in enumerate(msgspec.json.decode(sessions, type=tuple[RecordedSession, ...]))
    )


def wrong_with(links: Iterable[Link], kept: Sequence[tuple[object, ...]]) -> str | None:
    """What is wrong with the rows that are kept of these events, in words: the first that is missing or another one."""
    expected = [astuple(row) for link in links for row in _rows_of_link(link)]
    for wanted, found in zip(expected, kept, strict=False):
        if wanted != found:
            return f"event {min(_number(wanted), _number(found))} is not in the search index as it is in the audit"
    if len(expected) != len(kept):
        number = _number((expected if len(expected) > len(kept) else kept)[min(len(expected), len(kept))])
        return f"event {number} is not in the search index as it is in the audit"
    return None


def _rows_of_link(link: Link) -> tuple[IndexRow, ...]:
    try:
        return rows_of(link.id, str(link.fields["sessions"]))
    except (ValueError, TypeError, msgspec.MsgspecError):
        # Nothing is derived of what cannot be read.
        return ()


def _number(row: tuple[object, ...]) -> int:
    return row[0] if isinstance(row[0], int) else -1


def _kept(text: str | None) -> str | None:
    return None if text is None else as_kept(text)


async def begin_index_anew(connection: AsyncConnection) -> None:
    """Empty the table that is derived for searching; it is filled again from the first event on."""
    await connection.execute(select(audit_indexed).with_for_update())
    await connection.execute(audit_sessions.delete())
    await connection.execute(audit_indexed.update().values(last_id=select(audit_base.c.last_id).scalar_subquery()))
