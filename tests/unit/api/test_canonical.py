"""The one text for all the ways in which a request may be written on the wire."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vacate.api.canonical import canonical_request, canonical_uris

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


def query_of(query: bytes) -> bytes:
    return canonical_request("GET", b"/", query, {}, b"").split(b"\n")[2]


def as_written(text: str, *, bare: str, small: bool) -> str:
    """Percent-encoded, except for what a client leaves bare, in digits of either case."""
    digits = "%{:02x}" if small else "%{:02X}"
    return "".join(
        character if character in bare else "".join(digits.format(byte) for byte in character.encode())
        for character in text
    )


def test_a_request_is_written_line_by_line() -> None:
    headers = {b"host": b"h", b"x-sdk-date": b"20260102T030405Z"}
    text = canonical_request("GET", b"/v3/", b"b=2&a=1", headers, b"hash")
    assert text == b"GET\n/v3/\na=1&b=2\nhost:h\nx-sdk-date:20260102T030405Z\n\nhost;x-sdk-date\nhash"


def test_headers_keep_the_order_of_signing() -> None:
    text = canonical_request("GET", b"/", b"", {b"b": b"2", b"a": b"1"}, b"")
    assert text == b"GET\n/\n\nb:2\na:1\n\nb;a\n"


@pytest.mark.parametrize(
    ("path", "uris"),
    [
        (b"/v3/x", [b"/v3/x/"]),
        (b"/v3/x/", [b"/v3/x/"]),
        (b"/v3/a%2Fb", [b"/v3/a/b/", b"/v3/a%252Fb/"]),
        (b"/v3/%7Bproject_id%7D", [b"/v3/%7Bproject_id%7D/", b"/v3/%257Bproject_id%257D/"]),
        (b"/v3/%7bproject_id%7d", [b"/v3/%7Bproject_id%7D/", b"/v3/%257bproject_id%257d/"]),
        (b"/v3/%", [b"/v3/%25/"]),
        (b"/v3/\xff", [b"/v3/%FF/"]),
        (b"", [b"/"]),
        (b"//", [b"//"]),
    ],
)
def test_a_path_has_the_form_of_most_clients_and_that_of_node_when_it_differs(path: bytes, uris: list[bytes]) -> None:
    assert list(canonical_uris(path)) == uris


@settings(deadline=None)
@given(
    pairs=st.lists(st.tuples(TEXT.filter(bool), TEXT), max_size=4),
    bare=st.sampled_from(["", "*", "*~-._", "*~-._:/,$!'()@;?azAZ09"]),
    small=st.booleans(),
)
def test_a_query_is_one_text_however_its_client_writes_it(
    pairs: list[tuple[str, str]], bare: str, *, small: bool
) -> None:
    plain, other = (
        b"&".join(
            f"{as_written(name, bare=b, small=sm)}={as_written(value, bare=b, small=sm)}".encode()
            for name, value in chosen
        )
        for chosen, b, sm in ((pairs, "", False), (pairs[::-1], bare, small))
    )
    assert query_of(plain) == query_of(other)


@settings(deadline=None)
@given(segments=st.lists(TEXT, max_size=4), small=st.booleans())
def test_a_path_is_one_text_however_its_client_writes_it(segments: list[str], *, small: bool) -> None:
    plain, other = (
        "".join("/" + as_written(segment, bare=bare, small=sm) for segment in segments).encode()
        for bare, sm in (("", False), ("azAZ09-._~*:@!$&'()+,;=", small))
    )
    assert next(canonical_uris(plain)) == next(canonical_uris(other))


@settings(deadline=None)
@given(one=st.binary(max_size=8), other=st.binary(max_size=8))
def test_two_values_of_a_query_that_differ_are_two_texts(one: bytes, other: bytes) -> None:
    written = [b"x=" + b"".join(b"%%%02X" % byte for byte in value) for value in (one, other)]
    assert (query_of(written[0]) == query_of(written[1])) is (one == other)
