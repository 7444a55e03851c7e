"""Whether the chain still goes through what is known of it: the anchor, and what this process has seen."""

from collections.abc import Callable, Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vacate.domain.audit.chain import KEYED, Anchor, digest_of, vouching
from vacate.domain.audit.event import AuditAction
from vacate.store.audit_rows import every_event, link_of
from vacate.store.tables import audit_base, audit_events

# Older ones are known to whoever has run for long enough to need them.
_ACKNOWLEDGEMENTS = 20
_VOUCHERS = 50


def acknowledging(lost: Anchor) -> str:
    """The beginning of an acknowledgement's note: which event the chain does not go through any more."""
    return f"accepts that event {lost.id}, whose digest is {lost.digest.hex()}, is not in the chain: "


class ChainWatch:
    """Remembers the last event that this process saw, and compares it and the anchor with the chain.

    What the chain has lost stays lost until an operator acknowledges it; see `acknowledging`. An acknowledgement that
    this process already knew counts for nothing: it came back with an older copy of the store.
    """

    def __init__(self, key: Callable[[], bytes | None]) -> None:
        """Take what finds the audit's key."""
        self._key = key
        self._seen: Anchor | None = None
        self._known: set[bytes] | None = None

    def saw(self, anchor: Anchor) -> None:
        """Remember the last event."""
        if self._seen is None or anchor.id > self._seen.id:
            self._seen = Anchor(id=anchor.id, digest=anchor.digest, source="written or seen by this process")

    async def dispute(
        self, connection: AsyncConnection, head: Anchor, anchored: Anchor | None, *, thorough: bool = False
    ) -> str | None:
        """What is wrong with the chain, in words; `None` when it goes through all that is known.

        Args:
            connection: a transaction that holds the audit's head.
            head: the store's own word of the last event.
            anchored: what the anchor file held before the transaction began.
            thorough: look at the chain's end also when all that is known is what the store calls the last event.
        """
        if self._known is None:
            self._known = {digest for digest, _ in await _acknowledgements(connection, self._key())}
        known = [each for each in (anchored, self._seen) if each is not None]
        if known and not thorough and all((each.id, each.digest) == (head.id, head.digest) for each in known):
            return None
        if problem := await _wrong_with_head(connection, head):
            return problem
        for each in known:
            problem = await _missed(connection, head, each, self._key())
            if problem is None:
                continue
            if each is self._seen and await self._acknowledged(connection, each):
                self._seen = None
                continue
            return f"{problem}; {_remedy(each)}"
        if self._seen is None or head.id > self._seen.id:
            self._seen = Anchor(id=head.id, digest=head.digest, source="written or seen by this process")
        return None

    async def _acknowledged(self, connection: AsyncConnection, lost: Anchor) -> bool:
        known = self._known or set[bytes]()
        for digest, note in await _acknowledgements(connection, self._key()):
            if digest not in known and note.startswith(acknowledging(lost)):
                known.add(digest)
                return True
        return False


async def _wrong_with_head(connection: AsyncConnection, head: Anchor) -> str | None:
    last = select(func.max(audit_events.c.id)).scalar_subquery()
    chosen = select(last.label("last"), audit_base.c.last_id, audit_base.c.digest)
    row = (await connection.execute(chosen)).one()
    if row.last is not None and row.last > head.id:
        return (
            f"event {row.last} stands behind event {head.id}, which is the last by the store's own word; "
            "copy the store, find out who wrote there, and delete the rows behind that event"
        )
    if head.id == row.last_id:
        found = row.digest
    else:
        found = await _digest_at(connection, head.id)
    if found == head.digest:
        return None
    return f"event {head.id}, the last by the store's own word, is missing or another one; {_remedy(head)}"


def _remedy(lost: Anchor) -> str:
    return (
        "nothing is ended until somebody has found out why and run: "
        f"vacate audit acknowledge {lost.id}:{lost.digest.hex()} --reason WHY"
    )


async def _missed(connection: AsyncConnection, head: Anchor, known: Anchor, key: bytes | None) -> str | None:
    if known.id > head.id:
        return f"the last events are missing: event {head.id} is the last, and once there was {known}"
    base = (await connection.execute(select(audit_base))).one()
    if known.id < base.last_id:
        if await _vouched(connection, vouching(base.last_id, base.digest), key):
            return None
        return f"no event says that those up to {base.last_id} were pruned, and once there was {known}"
    found = base.digest if known.id == base.last_id else await _digest_at(connection, known.id)
    return None if found == known.digest else f"event {known.id} is not the one that was there: {known}"


async def _digest_at(connection: AsyncConnection, number: int) -> bytes | None:
    return (await connection.execute(select(audit_events.c.digest).where(audit_events.c.id == number))).scalar()


async def _vouched(connection: AsyncConnection, note: str, key: bytes | None) -> bool:
    return any(said == note for _, said in await _notes(connection, AuditAction.AUDIT_PRUNED, _VOUCHERS, key))


async def _acknowledgements(connection: AsyncConnection, key: bytes | None) -> Sequence[tuple[bytes, str]]:
    return await _notes(connection, AuditAction.AUDIT_ACKNOWLEDGED, _ACKNOWLEDGEMENTS, key)


async def _notes(
    connection: AsyncConnection, action: AuditAction, most: int, key: bytes | None
) -> Sequence[tuple[bytes, str]]:
    """The digests and notes of the last events of a kind, as far as their digests are right."""
    chosen = every_event().where(audit_events.c.action == action.value).order_by(audit_events.c.id.desc()).limit(most)
    links = [link_of(row) for row in (await connection.execute(chosen)).mappings()]
    return [
        (link.digest, str(link.fields["note"]))
        for link in links
        if link.digest == digest_of(link.previous, link.fields, key) and (key is None or link.fields["form"] == KEYED)
    ]
