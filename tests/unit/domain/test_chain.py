"""The chain of the audit: whatever is done to it afterwards is found, and what was left alone is never blamed."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sessions import examples
from vacate.domain.audit.chain import BEGINNING, FIELDS, FORM, KEYED, Anchor, Link, Walk, digest_of, keying
from vacate.domain.audit.event import AuditAction

TEXTS = ("action", "user_name", "error", "sessions", "note", "at", "plan_id", "instance_id")


def chain(length: int) -> list[Link]:
    """So many events, each continuing the one before."""
    links: list[Link] = []
    digest = BEGINNING
    for number in range(1, length + 1):
        fields: dict[str, Any] = dict.fromkeys(FIELDS)
        fields |= {name: f"{name} {number}" for name in TEXTS} | {"id": number, "form": FORM}
        previous, digest = digest, digest_of(digest, fields)
        links.append(Link(fields=fields, previous=previous, digest=digest))
    return links


def walked(links: Sequence[Link], *anchors: Anchor, head: Anchor | None = None) -> Walk:
    walk = Walk(anchors=anchors)
    for link in links:
        walk.step(link)
    walk.end(head)
    return walk


def anchor_of(link: Link) -> Anchor:
    return Anchor(id=link.id, digest=link.digest, source="a log line")


def changed(link: Link, name: str, value: object) -> Link:
    return replace(link, fields={**link.fields, name: value})


lengths = st.integers(2, 8)


@examples
@given(length=st.integers(0, 8), data=st.data())
def test_a_chain_that_was_left_alone_is_whole(length: int, data: st.DataObject) -> None:
    links = chain(length)
    anchors = [
        anchor_of(link) for link in data.draw(st.lists(st.sampled_from(links), max_size=3) if links else st.just([]))
    ]
    walk = walked(links, *anchors, head=anchor_of(links[-1]) if links else None)
    assert walk.problem is None
    assert (walk.count, walk.last_id) == (length, length)
    assert {anchor.id for anchor in walk.met} == {anchor.id for anchor in anchors}


@examples
@given(length=lengths, name=st.sampled_from([name for name in FIELDS if name not in {"id", "form"}]), data=st.data())
def test_an_event_that_was_changed_is_found_by_its_number(length: int, name: str, data: st.DataObject) -> None:
    links = chain(length)
    at = data.draw(st.integers(0, length - 1))
    links[at] = changed(links[at], name, data.draw(st.none() | st.text() | st.integers()).__repr__() + "!")
    assert walked(links).problem == f"event {at + 1} was changed: its digest is that of something else"


@examples
@given(length=lengths, data=st.data())
def test_an_event_whose_digest_was_made_to_fit_breaks_the_next_one(length: int, data: st.DataObject) -> None:
    links = chain(length)
    at = data.draw(st.integers(0, length - 2))
    forged = changed(links[at], "note", "nothing happened")
    links[at] = replace(forged, digest=digest_of(forged.previous, forged.fields))
    told = walked(links).problem
    assert told == f"event {at + 2} does not continue the event before it: one of the two was changed or replaced"


@examples
@given(length=lengths, data=st.data())
def test_an_event_that_was_removed_is_missed(length: int, data: st.DataObject) -> None:
    links = chain(length)
    at = data.draw(st.integers(0, length - 2))
    del links[at]
    assert walked(links).problem == f"event {at + 1} is missing: the next one there is event {at + 2}"


@examples
@given(length=lengths, data=st.data())
def test_events_that_changed_places_or_numbers_are_found(length: int, data: st.DataObject) -> None:
    one, other = sorted(data.draw(st.lists(st.integers(0, length - 1), min_size=2, max_size=2, unique=True)))
    links = chain(length)
    moved = list(links)
    moved[one], moved[other] = moved[other], moved[one]
    assert walked(moved).problem is not None
    numbered = [changed(link, "id", number) for number, link in enumerate(moved, start=1)]
    assert walked(numbered).problem is not None


@examples
@given(length=lengths, data=st.data())
def test_an_event_that_was_put_in_between_is_found(length: int, data: st.DataObject) -> None:
    links = chain(length)
    at = data.draw(st.integers(0, length - 1))
    forged = changed(links[at], "note", "forged")
    twice = [*links[:at], replace(forged, digest=digest_of(forged.previous, forged.fields)), *links[at:]]
    assert walked(twice).problem is not None
    numbered = [changed(link, "id", number) for number, link in enumerate(twice, start=1)]
    assert walked(numbered).problem is not None


@examples
@given(length=lengths, data=st.data())
def test_events_that_were_cut_off_at_the_end_are_missed_by_whoever_knows_of_them(
    length: int, data: st.DataObject
) -> None:
    links = chain(length)
    kept = data.draw(st.integers(0, length - 1))
    known = anchor_of(links[data.draw(st.integers(kept, length - 1))])
    words = f"the last events are missing: event {kept} is the last, and once there was {known}"
    assert walked(links[:kept], known).problem == words
    assert walked(links[:kept], head=known).problem == words
    assert walked(links[:kept]).problem is None, "nobody can tell without an anchor"


def test_another_history_does_not_stand_on_the_anchor() -> None:
    links = chain(4)
    known = anchor_of(links[1])
    fields = {**links[1].fields, "note": "another history"}
    digest = digest_of(links[0].digest, fields)
    forged = Link(fields=fields, previous=links[0].digest, digest=digest)
    assert walked([links[0], forged], known).problem == "event 2 is not the one that was anchored: event 2 (a log line)"
    assert walked([], Anchor(id=0, digest=b"x" * 32, source="a log line")).problem == (
        "event 0 is not the one that was anchored: event 0 (a log line)"
    )


def test_only_the_first_thing_that_is_wrong_is_told() -> None:
    links = chain(4)
    links[1] = changed(links[1], "note", "x")
    walk = walked([*links[:3]], anchor_of(links[3]))
    assert walk.problem == "event 2 was changed: its digest is that of something else"
    assert (walk.count, walk.first_id, walk.last_id) == (1, 1, 1)
    assert not walk.step(links[2])


def test_a_form_of_another_vacate_is_not_guessed_at() -> None:
    (link,) = chain(1)
    told = walked([changed(link, "form", 3)]).problem
    assert told == "event 1 is of form 3, which this Vacate does not know"


def test_a_walk_may_begin_behind_what_was_pruned() -> None:
    links = chain(5)
    walk = Walk(last_id=3, digest=links[2].digest)
    assert all(walk.step(link) for link in links[3:])
    assert walk.end(anchor_of(links[4])) is None
    assert (walk.first_id, walk.last_id, walk.digest, walk.count) == (4, 5, links[4].digest, 2)
    wrong = Walk(last_id=3, digest=links[1].digest)
    assert not wrong.step(links[3])


def test_a_digest_is_the_sha_256_of_the_one_before_and_the_fields_in_their_order() -> None:
    """What anybody can compute with the page of the reference alone."""
    fields: dict[str, Any] = dict.fromkeys(FIELDS)
    fields |= {"form": 1, "id": 1, "note": 'ä"\n'}
    written = (
        '[1,1,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,"\\u00e4\\"\\n"]'
    )
    assert digest_of(b"\x07" * 32, fields) == hashlib.sha256(b"\x07" * 32 + written.encode()).digest()


@pytest.mark.parametrize("number", [None, "1"])
def test_a_number_that_is_none_belongs_nowhere(number: object) -> None:
    (link,) = chain(1)
    assert walked([changed(link, "id", number)]).problem == "event -1 stands where event 1 should be"


KEY = bytes(range(32))


def keyed_behind(plain: int, length: int) -> list[Link]:
    """So many events, of which the first were made before there was a key."""
    links: list[Link] = []
    digest = BEGINNING
    for number in range(1, length + 1):
        fields: dict[str, Any] = dict.fromkeys(FIELDS)
        fields |= {name: f"{name} {number}" for name in TEXTS} | {
            "id": number,
            "form": FORM if number <= plain else KEYED,
        }
        if number == plain + 1 and plain:
            fields |= {"action": AuditAction.AUDIT_KEYED.value, "note": keying(plain, digest)}
        previous, digest = digest, digest_of(digest, fields, KEY)
        links.append(Link(fields=fields, previous=previous, digest=digest))
    return links


def proved_with(key: bytes | None, links: Sequence[Link]) -> str | None:
    walk = Walk(key=key)
    for link in links:
        walk.step(link)
    return walk.end(anchor_of(links[-1]))


@pytest.mark.parametrize("plain", [0, 3])
def test_a_chain_whose_digests_are_keyed_from_some_event_on_is_whole(plain: int) -> None:
    assert proved_with(KEY, keyed_behind(plain, 6)) is None


def test_without_the_key_nobody_can_make_a_link_that_fits() -> None:
    links = keyed_behind(0, 6)
    forged = changed(links[5], "note", "nothing happened")
    for form, key in ((KEYED, bytes(32)), (FORM, None)):
        fields = {**forged.fields, "form": form}
        digest = digest_of(forged.previous, fields, key)
        assert proved_with(KEY, [*links[:5], replace(forged, fields=fields, digest=digest)]) is not None
    assert "that is not there" in str(proved_with(None, links))


def test_a_history_made_anew_without_the_key_is_found() -> None:
    assert "was made without the key: those with it were removed" in str(proved_with(KEY, chain(6)))
    rewritten = keyed_behind(3, 6)
    first = changed(rewritten[2], "note", "nothing happened")
    rewritten[2] = replace(first, digest=digest_of(first.previous, first.fields))
    assert "event 4 does not continue the event before it" in str(proved_with(KEY, rewritten))


@pytest.mark.parametrize(("name", "value"), [("note", "something else"), ("action", "session:kill_idle:finished")])
def test_a_key_that_begins_without_saying_so_is_found(name: str, value: str) -> None:
    links = keyed_behind(3, 4)
    silent = changed(links[3], name, value)
    links[3] = replace(silent, digest=digest_of(silent.previous, silent.fields, KEY))
    told = "event 4 was made with the key, and does not say that it begins behind event 3"
    assert proved_with(KEY, links) == told


def test_a_part_of_a_chain_may_end_before_the_key() -> None:
    walk = Walk(key=KEY)
    for link in keyed_behind(3, 6)[:2]:
        walk.step(link)
    assert walk.end(None) is None
