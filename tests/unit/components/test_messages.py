"""The words of a server's messages reach the driver as UTF-8, and everything else as it came."""

import struct
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.support.sessions import examples
from vacate.components.messages import Readable


def message(kind: bytes, body: bytes) -> bytes:
    return struct.pack("!ci", kind, 4 + len(body)) + body


def refusal(words: bytes) -> bytes:
    return message(b"E", b"SFATAL\0C28P01\0M" + words + b"\0\0")


def passed_on(*parts: bytes) -> bytes:
    got = bytearray()
    readable = Readable(got.extend)
    for part in parts:
        readable(part)
    return bytes(got)


ROW = message(b"D", b"\0\1\0\0\0\2\xff\xfe")


def test_words_in_the_encoding_of_the_server_become_utf_8() -> None:
    told = message(b"S", b"server_encoding\0KOI8R\0")
    assert passed_on(told + refusal("нет".encode("koi8-r"))) == told + refusal("нет".encode())


def test_words_of_an_encoding_that_nobody_told_are_escaped() -> None:
    assert passed_on(refusal(b"caf\xe9")) == refusal(rb"caf\xe9")


def test_notices_and_settings_are_read_as_well() -> None:
    assert passed_on(message(b"N", b"Mcaf\xe9\0\0")) == message(b"N", b"Mcaf\\xe9\0\0")
    assert passed_on(message(b"S", b"session_authorization\0caf\xe9\0")) == message(
        b"S", b"session_authorization\0caf\\xe9\0"
    )


def test_a_letter_alone_is_no_message_yet() -> None:
    assert passed_on(b"E") == b""


@examples
@given(
    st.lists(
        st.one_of(
            st.just(ROW),
            st.builds(refusal, st.binary(max_size=12).map(lambda raw: raw.replace(b"\0", b""))),
            st.builds(message, st.sampled_from([b"D", b"Z", b"S", b"N", b"E", b"T"]), st.binary(max_size=12)),
        ),
        max_size=6,
    ),
    st.lists(st.integers(min_value=0, max_value=120), max_size=8),
)
def test_it_makes_no_difference_how_the_bytes_arrive(messages: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(messages)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    in_parts = passed_on(*(stream[a:b] for a, b in pairwise(places)))
    assert in_parts == passed_on(stream)
    # Message by message, everything but words is as it was, and words are UTF-8.
    left = in_parts
    for sent in messages:
        length = int.from_bytes(left[1:5])
        got, left = left[: 1 + length], left[1 + length :]
        assert got[:1] == sent[:1]
        if sent[:1] in {b"E", b"N", b"S"}:
            for text in got[5:].split(b"\0"):
                text[0 if sent[:1] == b"S" else 1 :].decode()
        else:
            assert got == sent
    assert left == b""


@examples
@given(st.lists(st.binary(max_size=40), max_size=5))
def test_a_server_that_talks_nonsense_is_passed_on_without_an_error(parts: list[bytes]) -> None:
    passed_on(*parts)
