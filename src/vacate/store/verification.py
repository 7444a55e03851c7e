"""Whether the audit is what was written: the whole chain is walked, from its beginning to what is known of its end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from vacate.domain.audit.chain import FIELDS, Anchor, Link, Walk, vouching
from vacate.domain.audit.event import AuditAction
from vacate.store.audit import SqlAuditLog
from vacate.store.index_rows import wrong_with


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a walk found. `met` are the anchors that stand on the chain; `problem` is the first thing that is wrong."""

    events: int
    first_id: int | None
    last_id: int
    digest: bytes
    met: Sequence[Anchor]
    problem: str | None


async def verify(log: SqlAuditLog, anchors: Sequence[Anchor]) -> Verification:
    """Walk the chain of a store, and look at everything else that readers of the audit can be shown.

    That are rows which the chain does not cover, and the table that is searched. Events may be written meanwhile: the
    end is what the store says was the last one before the walk, or later. Events may be pruned and the index may be
    made anew meanwhile, too: the walk begins again then.

    Raises:
        StoreUnavailableError: the store cannot be read.
    """
    while True:
        base, indexed = await log.base(), await log.indexed()
        found = await _walked(log, base, indexed, anchors)
        if found.problem is None or ((await log.base()).id <= base.id and await log.indexed() >= indexed):
            return found


async def _walked(log: SqlAuditLog, base: Anchor, indexed: int, anchors: Sequence[Anchor]) -> Verification:
    head = await log.head()
    walk = Walk(anchors=anchors, last_id=base.id, digest=base.digest, key=log.key())
    vouched = base.id == 0
    index_problem: str | None = None
    async for links in log.links(base.id, also_strays=True):
        for link in links:
            if not walk.step(link):
                return _found(walk)
            vouched = vouched or _vouches(link, base)
        if index_problem is None:
            known = [link for link in links if link.id <= indexed]
            kept = await log.index_between(links[0].id, min(links[-1].id, indexed))
            index_problem = wrong_with(known, kept)
    walk.end(head)
    if walk.problem is None and not vouched:
        walk.problem = (
            f"the chain begins behind event {base.id}, and no event in it says that those before were pruned: "
            "the first events were removed"
        )
    walk.problem = walk.problem or await log.strays(walk.last_id, walk.count)
    if walk.problem is None and (index_problem := index_problem or await log.index_strays()):
        walk.problem = f"{index_problem}; make the index anew with: vacate audit reindex"
    return _found(walk)


def verify_export(lines: Iterable[bytes], anchors: Sequence[Anchor], key: bytes | None = None) -> Verification:
    """Walk the chain of an export, which may begin anywhere: what stands before its first event is taken on trust."""
    walk: Walk | None = None
    for number, line in enumerate(lines, start=1):
        try:
            link = read_link(line)
        except (msgspec.MsgspecError, ValueError, KeyError, TypeError) as error:
            walk = walk or Walk(anchors=anchors)
            walk.problem = f"line {number} is no exported event: {error}"
            return _found(walk)
        if walk is None:
            walk = Walk(anchors=anchors, last_id=link.id - 1, digest=link.previous, key=key)
        if not walk.step(link):
            return _found(walk)
    walk = walk or Walk(anchors=anchors)
    walk.end(None)
    return _found(walk)


def written_link(link: Link) -> bytes:
    """A link as a line of an export."""
    fields = {name: link.fields[name] for name in FIELDS}
    return msgspec.json.encode({**fields, "previous": link.previous.hex(), "digest": link.digest.hex()}) + b"\n"


def read_link(line: bytes) -> Link:
    """A line of an export as a link.

    Raises:
        msgspec.MsgspecError, ValueError, KeyError, TypeError: it is none.
    """
    data = msgspec.json.decode(line, type=dict[str, object])
    previous, digest = str(data["previous"]), str(data["digest"])
    fields = {name: data[name] for name in FIELDS}
    return Link(fields=fields, previous=bytes.fromhex(previous), digest=bytes.fromhex(digest))


def _vouches(link: Link, base: Anchor) -> bool:
    return link.fields["action"] == AuditAction.AUDIT_PRUNED.value and link.fields["note"] == vouching(
        base.id, base.digest
    )


def _found(walk: Walk) -> Verification:
    return Verification(
        events=walk.count,
        first_id=walk.first_id,
        last_id=walk.last_id,
        digest=walk.digest,
        met=tuple(walk.met),
        problem=walk.problem,
    )
