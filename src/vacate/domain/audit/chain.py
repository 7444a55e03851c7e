"""The chain of the audit: every event carries a digest of itself and of the one before it.

Whoever changes, removes, inserts or moves an event makes the digests behind it wrong. The last events can only be
missed by somebody who knows how far the chain went; see `Anchor`.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vacate.domain.audit.event import AuditAction

FORM = 1
"""How a digest was made before there was a key: SHA-256, which anybody can make who can write the store."""
KEYED = 2
"""How a digest is made with a key: HMAC-SHA-256. Another way gets another number, and old ones stay readable."""
BEGINNING = bytes(32)
"""What stands before the first event."""
FIELDS = (
    "form",
    "id",
    "at",
    "action",
    "request_id",
    "user_id",
    "user_name",
    "role",
    "credential_kind",
    "credential",
    "source_address",
    "project_id",
    "instance_id",
    "node_id",
    "component_id",
    "error",
    "sessions",
    "named",
    "plan_id",
    "note",
)
"""What is hashed of an event, in this order: numbers, texts and nulls; `at` in UTC, as ISO 8601 with microseconds."""


def digest_of(previous: bytes, event: Mapping[str, object], key: bytes | None = None) -> bytes:
    """The digest of an event, by its form: of the previous digest's 32 bytes and the event's fields as a JSON array.

    Without the key that its form asks for it is empty, which no digest is.
    """
    text = json.dumps([event[name] for name in FIELDS], ensure_ascii=True, separators=(",", ":"))
    content = previous + text.encode("ascii")
    if event["form"] != KEYED:
        return hashlib.sha256(content).digest()
    return b"" if key is None else hmac.digest(key, content, "sha256")


def vouching(last_id: int, digest: bytes) -> str:
    """The note of a pruning: what an event of the chain says of the one that the chain now begins behind."""
    return f"removed every event up to {last_id}, whose digest is {digest.hex()}"


def keying(last_id: int, digest: bytes) -> str:
    """The note of `audit:key:started`: what the first event with a key says of the last one without."""
    return f"digests are made with a key behind event {last_id}, whose digest is {digest.hex()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """How far the chain went at some moment, kept where whoever may change the chain cannot change it too.

    `source` is where it was kept, in words.
    """

    id: int
    digest: bytes
    source: str

    def __str__(self) -> str:
        return f"event {self.id} ({self.source})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One event as the chain sees it: its fields as they are kept, and the two digests that it carries."""

    fields: Mapping[str, object]
    previous: bytes
    digest: bytes

    @property
    def id(self) -> int:
        """The event's number."""
        number = self.fields["id"]
        return number if isinstance(number, int) else -1


@dataclass(slots=True)
class Walk:
    """A walk along the chain, event by event in the order of their numbers; the first thing that is wrong is kept.

    It begins behind the last event that was pruned, if any was. With a key, the chain of a store must end keyed: events
    without one may stand before the event that says where the key begins, which vouches for them, and nowhere else.
    """

    anchors: Sequence[Anchor] = ()
    key: bytes | None = field(default=None, repr=False)
    form: object = None
    last_id: int = 0
    digest: bytes = BEGINNING
    count: int = 0
    first_id: int | None = None
    problem: str | None = None
    met: list[Anchor] = field(default_factory=list[Anchor])

    def step(self, link: Link) -> bool:
        """Look at the next event. Whether all is well so far."""
        if self.problem is None:
            self.problem = self._wrong_with(link)
        if self.problem is not None:
            return False
        self.first_id = link.id if self.first_id is None else self.first_id
        self.last_id, self.digest, self.form = link.id, link.digest, link.fields["form"]
        self.count += 1
        return True

    def _wrong_with(self, link: Link) -> str | None:
        expected = self.last_id + 1
        if link.id > expected:
            return f"event {expected} is missing: the next one there is event {link.id}"
        if link.id < expected:
            return f"event {link.id} stands where event {expected} should be"
        if link.previous != self.digest:
            return f"event {link.id} does not continue the event before it: one of the two was changed or replaced"
        if problem := self._wrong_with_form(link):
            return problem
        if link.digest != digest_of(self.digest, link.fields, self.key):
            with_key = ", or it was made with another key" if link.fields["form"] == KEYED else ""
            return f"event {link.id} was changed: its digest is that of something else{with_key}"
        for anchor in self.anchors:
            if anchor.id == link.id:
                if anchor.digest != link.digest:
                    return f"event {link.id} is not the one that was anchored: {anchor}"
                self.met.append(anchor)
        return None

    def _wrong_with_form(self, link: Link) -> str | None:
        form = link.fields["form"]
        if form not in {FORM, KEYED}:
            return f"event {link.id} is of form {form!r}, which this Vacate does not know"
        if self.form == KEYED and form == FORM:
            return f"event {link.id} was made without the key, and those before it with it"
        said = link.fields["action"], link.fields["note"]
        if self.form == FORM and form == KEYED and said != (AuditAction.AUDIT_KEYED, keying(self.last_id, self.digest)):
            return f"event {link.id} was made with the key, and does not say that it begins behind event {self.last_id}"
        if self.key is None and form == KEYED:
            return f"event {link.id} can be proved with the audit's key only, and that is not there"
        return None

    def end(self, head: Anchor | None) -> str | None:
        """What is wrong when there is no further event; `None` when the chain is whole as far as anybody knows.

        `head` is the store's own word of its last event; `None` for a part of a chain, which may end anywhere.
        """
        if self.problem is None and head is not None and self.key is not None and self.form == FORM:
            self.problem = f"event {self.last_id} is the last and was made without the key: those with it were removed"
        if self.problem is None:
            self.problem = self._wrong_at_the_end([*([head] if head else []), *self.anchors])
        return self.problem

    def _wrong_at_the_end(self, anchors: Sequence[Anchor]) -> str | None:
        for anchor in anchors:
            if anchor.id > self.last_id:
                return f"the last events are missing: event {self.last_id} is the last, and once there was {anchor}"
            if anchor.id == self.last_id and anchor.digest != self.digest:
                return f"event {anchor.id} is not the one that was anchored: {anchor}"
        return None
