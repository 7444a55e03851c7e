"""Signatures: the published vectors, every way to tamper, and whatever else a caller may send."""

import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vacate.api.signing import sign
from vacate.domain.errors import AuthenticationError, SignatureExpiredError, SignatureInvalidError
from vacate.iam.algorithms import ALGORITHMS
from vacate.iam.signature import is_signed, parse_authorization, verify
from vacate.operations.access.ports import Presented

ACCESS_KEY = "AKTEST0123456789ABCD"
SECRET = b"SKtest0123456789abcdefghijSKtest01234567"
SIGNED_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DATE = b"20260102T030405Z"
HOST = "gaussdb.example.test"
PROJECT = "0611f1bd8b00d5d32f17c017f15b599f"
INSTANCE = f"/v3/{PROJECT}/instances/3d39c18788b54a919bab633874c159dfin14"
PATH = f"{INSTANCE}/kill-free-session"
BODY = b'{"node_id":"52c25e148a4a48c293b66ca95565719cno14","component_id":"cn_5001"}'


def presented(
    headers: list[tuple[bytes, bytes]],
    names: str,
    signature: str,
    *,
    method: str = "POST",
    path: str = PATH,
    query: bytes = b"",
    body: bytes = b"",
) -> Presented:
    value = f"SDK-HMAC-SHA256 Access={ACCESS_KEY}, SignedHeaders={names}, Signature={signature}"
    return Presented(
        method=method,
        path=path.encode(),
        query=query,
        headers=(*headers, (b"authorization", value.encode())),
        body=body,
        source_address="203.0.113.9",
        request_id="r1",
    )


V1 = presented(
    [
        (b"host", HOST.encode()),
        (b"content-type", b"application/json"),
        (b"x-project-id", PROJECT.encode()),
        (b"x-sdk-date", DATE),
    ],
    "content-type;host;x-project-id;x-sdk-date",
    "96f40bd5d19c591e656afa6ce388c3c775a22d62faab3ae66f08b4dd0a3e50e0",
    body=BODY,
)
V2 = presented(
    [(b"host", HOST.encode()), (b"x-sdk-date", DATE)],
    "host;x-sdk-date",
    "f82c7cd09c29c596da2f3b16f31230d834021814d39f00942bc911912564c1a0",
    method="GET",
    path=f"{INSTANCE}/session-statistics",
    query=b"order_field=active_num&tag=b%20c&order=DESC&limit=10&tag=a~%2B&dimension=usename",
)
V7 = presented(
    [
        (b"host", b"somewhere.else.test:8443"),
        (b"user-agent", b"terraform-provider-huaweicloud"),
        (b"accept", b"application/json"),
        (b"content-type", b"application/json"),
        (b"x-sdk-date", DATE),
        (b"x-project-id", PROJECT.encode()),
    ],
    "accept;content-type;user-agent;x-sdk-date",
    "1c3efe292ce7da0b977ed6aafc15a2419dbb6f99cde9e35f3bf7be81bf553303",
    body=b'{"component_id":"cn_5001","node_id":"52c25e148a4a48c293b66ca95565719cno14"}\n',
)
VECTORS = pytest.mark.parametrize("request_", [V1, V2, V7], ids=["V1", "V2", "V7"])


def check(request: Presented, *, secret: bytes = SECRET, now: datetime = SIGNED_AT) -> None:
    verify(request, parse_authorization(authorization_of(request)), secret, now)


def authorization_of(request: Presented) -> bytes:
    return next(value for name, value in request.headers if name == b"authorization")


def with_header(request: Presented, name: bytes, *values: bytes) -> Presented:
    """The request with that header sent once per value, in its place."""
    others = tuple(pair for pair in request.headers if pair[0] != name)
    return replace(request, headers=(*others, *((name, value) for value in values)))


def signed_names(request: Presented) -> tuple[bytes, ...]:
    return parse_authorization(authorization_of(request)).signed_headers


def signed_by_hand(canonical_request: bytes, request: Presented, names: str) -> Presented:
    """The request with the signature of a canonical request that the test spelt out itself."""
    text = b"SDK-HMAC-SHA256\n" + DATE + b"\n" + hashlib.sha256(canonical_request).hexdigest().encode()
    signature = hmac.new(SECRET, text, hashlib.sha256).hexdigest()
    value = f"SDK-HMAC-SHA256 Access={ACCESS_KEY}, SignedHeaders={names}, Signature={signature}"
    return with_header(request, b"authorization", value.encode())


# --- what is accepted ------------------------------------------------------------------------------------------------


@VECTORS
def test_a_published_vector_is_accepted(request_: Presented) -> None:
    check(request_)


def test_signing_gives_the_published_signatures() -> None:
    v1 = sign(
        method="POST",
        url=f"https://{HOST}{PATH}",
        headers={"Content-Type": "application/json", "X-Project-Id": PROJECT},
        body=BODY,
        access_key=ACCESS_KEY,
        secret=SECRET,
        at=SIGNED_AT,
    )
    v2 = sign(
        method="GET",
        url=f"http://{HOST}{INSTANCE}/session-statistics?{V2.query.decode()}",
        headers={},
        body=b"",
        access_key=ACCESS_KEY,
        secret=SECRET,
        at=SIGNED_AT,
    )
    assert v1["Authorization"].encode() == authorization_of(V1)
    assert v1["X-Sdk-Date"].encode() == DATE
    assert v1["Host"] == HOST
    assert v2["Authorization"].encode() == authorization_of(V2)


@VECTORS
def test_the_order_of_headers_on_the_wire_does_not_matter(request_: Presented) -> None:
    check(replace(request_, headers=tuple(reversed(request_.headers))))


@VECTORS
def test_an_unsigned_header_may_be_anything(request_: Presented) -> None:
    check(with_header(request_, b"x-forwarded-for", b"\xff\x00", b"again"))


def test_the_order_of_the_query_does_not_matter() -> None:
    check(replace(V2, query=b"&".join(sorted(V2.query.split(b"&"), reverse=True))))


def test_outer_blanks_of_a_header_are_not_signed() -> None:
    check(with_header(V1, b"content-type", b" application/json\t"))


def test_a_header_is_compared_by_its_bytes() -> None:
    headers = {"X-Note": "héllo · 你好"}
    signed = sign(
        method="GET", url="http://h/", headers=headers, body=b"", access_key="AK", secret=SECRET, at=SIGNED_AT
    )
    request = as_sent("GET", "/", "", signed, b"")
    check(request)
    with pytest.raises(SignatureInvalidError):
        check(with_header(request, b"x-note", headers["X-Note"].encode("utf-8") + b"\xe9"))


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("/v3/a%2Fb/c", b"/v3/a/b/c/"),
        ("/v3/a%2fb/c", b"/v3/a/b/c/"),
        ("/v3/%7Bproject_id%7D/x", b"/v3/%7Bproject_id%7D/x/"),
        ("/v3/{project_id}/x", b"/v3/%7Bproject_id%7D/x/"),
        ("/v3/%E4%BD%A0", b"/v3/%E4%BD%A0/"),
        ("/v3/a~b-c_d.e*f", b"/v3/a~b-c_d.e%2Af/"),
        ("/v3/ends/", b"/v3/ends/"),
        ("", b"/"),
        ("/v3/100%", b"/v3/100%25/"),
        # The Node client signs what it encoded, encoded once more.
        ("/v3/%7Bproject_id%7D/x", b"/v3/%257Bproject_id%257D/x/"),
    ],
)
def test_a_path_is_signed_decoded_and_encoded_anew(path: str, canonical: bytes) -> None:
    empty = hashlib.sha256(b"").hexdigest().encode()
    text = b"\n".join((b"GET", canonical, b"", b"x-sdk-date:" + DATE + b"\n", b"x-sdk-date", empty))
    bare = presented([(b"x-sdk-date", DATE)], "x-sdk-date", "00", method="GET", path=path)
    check(signed_by_hand(text, bare, "x-sdk-date"))


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        (b"id=*abc", b"id=%2Aabc"),
        (b"tags=k2:v%202&tags=k1%3Av1", b"tags=k1%3Av1&tags=k2%3Av%202"),
        (b"a=b+c", b"a=b%20c"),
        (b"a=b%2Bc", b"a=b%2Bc"),
        (b"b&a=", b"a=&b="),
        (b"&&a=1&", b"a=1"),
        (b"a=1=2", b"a=1%3D2"),
        (b"a=%ff%zz", b"a=%FF%25zz"),
        (b"a=\xe4\xbd\xa0", b"a=%E4%BD%A0"),
    ],
)
def test_a_query_is_signed_decoded_sorted_and_encoded_anew(query: bytes, canonical: bytes) -> None:
    empty = hashlib.sha256(b"").hexdigest().encode()
    text = b"\n".join((b"GET", b"/x/", canonical, b"x-sdk-date:" + DATE + b"\n", b"x-sdk-date", empty))
    bare = presented([(b"x-sdk-date", DATE)], "x-sdk-date", "00", method="GET", path="/x", query=query)
    check(signed_by_hand(text, bare, "x-sdk-date"))


# --- the clock -------------------------------------------------------------------------------------------------------

WINDOW = timedelta(minutes=15)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize("away", [-WINDOW, WINDOW, timedelta(0)])
def test_a_signature_holds_for_fifteen_minutes_on_either_side(away: timedelta) -> None:
    check(V1, now=SIGNED_AT + away)


@pytest.mark.parametrize("away", [-WINDOW - TICK, WINDOW + TICK, timedelta(days=-9000), timedelta(days=9000)])
def test_a_signature_is_expired_just_beyond_fifteen_minutes(away: timedelta) -> None:
    with pytest.raises(SignatureExpiredError, match="signature time:20260102T030405Z,server time:"):
        check(V1, now=SIGNED_AT + away)


@pytest.mark.parametrize(
    "date",
    [
        b"",
        b"20260102T030405",
        b"2026-01-02T03:04:05Z",
        b"20261302T030405Z",
        b"20260230T030405Z",
        b"20260102T240405Z",
        b"20260102T030460Z",
        b"00000102T030405Z",
        b"20260102T030405Z0",
        b"2026012T030405Z",
        b"+0260102T030405Z",
        "２０２６0102T030405Z".encode(),  # noqa: RUF001 - digits, but not those of a date.
        b"\xff" * 16,
    ],
)
def test_a_date_of_another_shape_is_refused(date: bytes) -> None:
    with pytest.raises(SignatureInvalidError, match="x-sdk-date"):
        check(with_header(V1, b"x-sdk-date", date))


def test_a_date_that_is_not_signed_is_refused() -> None:
    bare = presented([(b"host", b"h"), (b"x-sdk-date", DATE)], "host", "00", method="GET", path="/")
    text = b"\n".join((b"GET", b"/", b"", b"host:h\n", b"host", hashlib.sha256(b"").hexdigest().encode()))
    with pytest.raises(SignatureInvalidError, match="x-sdk-date is not among the signed headers"):
        check(signed_by_hand(text, bare, "host"))


# --- tampering -------------------------------------------------------------------------------------------------------


def test_no_bit_of_the_body_can_be_flipped() -> None:
    for bit in range(len(BODY) * 8):
        body = bytearray(BODY)
        body[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SignatureInvalidError):
            check(replace(V1, body=bytes(body)))


@VECTORS
def test_a_body_cannot_be_lengthened_shortened_or_dropped(request_: Presented) -> None:
    for body in {request_.body + b" ", b" " + request_.body, request_.body[:-1] or b"{}", b"{}"}:
        with pytest.raises(SignatureInvalidError):
            check(replace(request_, body=body))


@VECTORS
def test_no_signed_header_can_be_changed(request_: Presented) -> None:
    for name in signed_names(request_):
        value = next(value for sent, value in request_.headers if sent == name)
        with pytest.raises(SignatureInvalidError):
            check(with_header(request_, name, b"x" + value))


@VECTORS
def test_no_signed_header_can_be_dropped(request_: Presented) -> None:
    for name in signed_names(request_):
        with pytest.raises(SignatureInvalidError, match="is signed but was not sent"):
            check(with_header(request_, name))


@VECTORS
def test_no_signed_header_can_be_sent_twice(request_: Presented) -> None:
    for name in signed_names(request_):
        value = next(value for sent, value in request_.headers if sent == name)
        for second in (value, b"other"):
            with pytest.raises(SignatureInvalidError, match="is signed but was sent more than once"):
                check(with_header(request_, name, value, second))


def test_a_date_moved_into_the_window_does_not_fit() -> None:
    with pytest.raises(SignatureInvalidError):
        check(with_header(V1, b"x-sdk-date", b"20260102T050000Z"), now=SIGNED_AT + timedelta(hours=2))


@VECTORS
def test_no_character_of_the_path_can_be_changed(request_: Presented) -> None:
    for position in range(len(request_.path)):
        path = bytearray(request_.path)
        path[position] ^= 1
        with pytest.raises(SignatureInvalidError):
            check(replace(request_, path=bytes(path)))


@pytest.mark.parametrize("path", [PATH + "/x", PATH[:-1], "/" + PATH, PATH + "%2Fx", PATH + "//", ""])
def test_a_path_cannot_be_lengthened_or_shortened(path: str) -> None:
    with pytest.raises(SignatureInvalidError):
        check(replace(V1, path=path.encode()))


def test_no_character_of_the_query_can_be_changed() -> None:
    for position in range(len(V2.query)):
        query = bytearray(V2.query)
        query[position] ^= 1
        with pytest.raises(SignatureInvalidError):
            check(replace(V2, query=bytes(query)))


@pytest.mark.parametrize(
    "query", [b"", V2.query + b"&limit=10", V2.query + b"&x", V2.query.replace(b"%2B", b"+"), V2.query[:-1]]
)
def test_a_pair_of_the_query_cannot_be_added_or_dropped(query: bytes) -> None:
    with pytest.raises(SignatureInvalidError):
        check(replace(V2, query=query))


def test_a_query_cannot_be_added_to_a_call_without_one() -> None:
    with pytest.raises(SignatureInvalidError):
        check(replace(V1, query=b"x=1"))


@pytest.mark.parametrize("method", ["GET", "PUT", "post", "POST ", "", "PÖST", "\ud800"])
def test_the_method_cannot_be_changed(method: str) -> None:
    with pytest.raises(SignatureInvalidError):
        check(replace(V1, method=method))


@pytest.mark.parametrize("secret", [b"", SECRET[:-1], SECRET + b"0", SECRET.lower(), b"\xff" * 40])
def test_another_secret_key_does_not_fit(secret: bytes) -> None:
    with pytest.raises(SignatureInvalidError):
        check(V1, secret=secret)


def test_no_digit_of_the_signature_can_be_changed() -> None:
    value = authorization_of(V1)
    for position in range(len(value) - 64, len(value)):
        digit = b"1" if value[position : position + 1] == b"0" else b"0"
        changed = value[:position] + digit + value[position + 1 :]
        with pytest.raises(SignatureInvalidError):
            check(with_header(V1, b"authorization", changed))


@pytest.mark.parametrize("signature", [b"", b"\xe9", "é".encode(), b"\0" * 64])
def test_a_signature_of_any_bytes_is_compared_and_refused(signature: bytes) -> None:
    authorization = replace(parse_authorization(authorization_of(V1)), signature=signature)
    with pytest.raises(SignatureInvalidError):
        verify(V1, authorization, SECRET, SIGNED_AT)


def test_the_list_of_signed_headers_cannot_be_changed() -> None:
    value = authorization_of(V1)
    for names in (b"content-type;host;x-sdk-date", b"host;content-type;x-project-id;x-sdk-date", b"x-sdk-date"):
        changed = value.replace(b"content-type;host;x-project-id;x-sdk-date", names)
        with pytest.raises(SignatureInvalidError):
            check(with_header(V1, b"authorization", changed))


# --- the declared hash of the body -----------------------------------------------------------------------------------


def declaring(declared: bytes, body: bytes, *, names: str = "x-sdk-content-sha256;x-sdk-date") -> Presented:
    """A request whose signer took the declared hash at its word, as the official signers do."""
    lines = {b"x-sdk-content-sha256": declared, b"x-sdk-date": DATE}
    block = b"".join(name + b":" + lines[name] + b"\n" for name in names.encode().split(b";"))
    text = b"\n".join((b"POST", b"/x/", b"", block, names.encode(), declared))
    return signed_by_hand(text, presented(list(lines.items()), names, "00", path="/x", body=body), names)


def test_a_declared_hash_that_is_the_bodys_own_is_accepted() -> None:
    check(declaring(hashlib.sha256(BODY).hexdigest().encode(), BODY))


@pytest.mark.parametrize(
    ("names", "words"),
    [("x-sdk-content-sha256;x-sdk-date", "the body is not the one that was signed"), ("x-sdk-date", "fail")],
)
def test_a_declared_hash_of_another_body_is_refused(names: str, words: str) -> None:
    with pytest.raises(SignatureInvalidError, match=words):
        check(declaring(hashlib.sha256(b"{}").hexdigest().encode(), BODY, names=names))


@pytest.mark.parametrize("body", [BODY, b""])
def test_an_unsigned_body_is_refused(body: bytes) -> None:
    with pytest.raises(SignatureInvalidError, match="UNSIGNED-PAYLOAD is not accepted"):
        check(declaring(b"UNSIGNED-PAYLOAD", body))


def test_an_unsigned_body_is_refused_also_when_the_word_is_not_signed() -> None:
    with pytest.raises(SignatureInvalidError):
        check(declaring(b"UNSIGNED-PAYLOAD", BODY, names="x-sdk-date"))


# --- what cannot be read ---------------------------------------------------------------------------------------------

FIELDS = "Access=AK, SignedHeaders=x-sdk-date, Signature=00"
SCOPED = "Credential=AK/20260102/ap-southeast-1/gaussdb, SignedHeaders=x-sdk-date, Signature=00"


def test_the_parts_of_an_authorization_are_read() -> None:
    authorization = parse_authorization(b"SDK-HMAC-SHA256 " + FIELDS.encode())
    assert authorization.access_key == "AK"
    assert authorization.signed_headers == (b"x-sdk-date",)
    assert authorization.signature == b"00"
    assert authorization.scope == b""


def test_the_scope_of_a_credential_is_read() -> None:
    authorization = parse_authorization(b"V11-HMAC-SHA256 " + SCOPED.encode())
    assert authorization.access_key == "AK"
    assert authorization.scope == b"20260102/ap-southeast-1/gaussdb"


@pytest.mark.parametrize("scheme", list(ALGORITHMS))
def test_the_longest_signature_is_two_numbers_of_33_bytes(scheme: bytes) -> None:
    fields = (SCOPED if ALGORITHMS[scheme].scoped else FIELDS).encode()
    longest = fields + b"0" * 142
    assert len(parse_authorization(scheme + b" " + longest).signature) == 2 * (2 + 2 * (2 + 33))
    with pytest.raises(SignatureInvalidError):
        parse_authorization(scheme + b" " + longest + b"0")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "SDK-HMAC-SHA256",
        "SDK-HMAC-SHA256 ",
        FIELDS,
        f"Bearer {FIELDS}",
        f"sdk-hmac-sha256 {FIELDS}",
        f"SDK-HMAC-MD5 {FIELDS}",
        f"V11-HMAC-SHA256 {FIELDS}",
        f"SDK-HMAC-SHA256 {SCOPED}",
        "SDK-HMAC-SHA256 Access=AK/20260102/r/s, SignedHeaders=x-sdk-date, Signature=00",
        "V11-HMAC-SHA256 Credential=AK, SignedHeaders=x-sdk-date, Signature=00",
        "V11-HMAC-SHA256 Credential=/20260102/r/s, SignedHeaders=x-sdk-date, Signature=00",
        f"SDK-ECDSA-P256-SHA256 {FIELDS}{'0' * 143}",
        "SDK-HMAC-SHA256 Access=, SignedHeaders=x-sdk-date, Signature=00",
        "SDK-HMAC-SHA256 Access=AK, SignedHeaders=, Signature=00",
        "SDK-HMAC-SHA256 Access=AK, SignedHeaders=x-sdk-date, Signature=",
        "SDK-HMAC-SHA256 Access=AK, Signature=00",
        "SDK-HMAC-SHA256 Access=AK, SignedHeaders=x-sdk-date;, Signature=00",
        "SDK-HMAC-SHA256 Access=AK, SignedHeaders=X-Sdk-Date, Signature=00",
        "SDK-HMAC-SHA256 Access=AK, SignedHeaders=x sdk, Signature=00",
        "SDK-HMAC-SHA256 Access=AK, SignedHeaders=x:y, Signature=00",
        "SDK-HMAC-SHA256 Access=AK, SignedHeaders=x-sdk-date;x-sdk-date, Signature=00",
        "SDK-HMAC-SHA256 Access=AK\n, SignedHeaders=x-sdk-date, Signature=00",
        "SDK-HMAC-SHA256 Access=AKÄ, SignedHeaders=x-sdk-date, Signature=00",
        "SDK-HMAC-SHA256 Access=AK, SignedHeaders=x-sdk-däte, Signature=00",
        "SDK-HMAC-SHA256 Access=AK, SignedHeaders=x-sdk-date, Signature=é",
        f"SDK-HMAC-SHA256 {FIELDS}, {FIELDS}",
        f"SDK-HMAC-SHA256 Access={'A' * 129}, SignedHeaders=x-sdk-date, Signature=00",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_an_authorization_that_cannot_be_read_is_refused(value: str, encoding: str) -> None:
    with pytest.raises(SignatureInvalidError):
        parse_authorization(value.encode(encoding))


def test_only_a_known_scheme_counts_as_a_signature() -> None:
    for scheme in ALGORITHMS:
        assert is_signed(scheme + b" nonsense")
    assert not is_signed(b"Bearer SDK-HMAC-SHA256")
    assert not is_signed(b"")


# --- anything at all -------------------------------------------------------------------------------------------------

token = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=8)
header_value = st.binary(max_size=12)
near_authorization = st.builds(
    b"%b, SignedHeaders=%b, Signature=%b".__mod__,
    st.tuples(
        st.sampled_from(
            [
                *(scheme + b" Access=" + name for scheme in ALGORITHMS for name in (b"AK", b"", b"\xff", b"a,b")),
                b"V11-HMAC-SHA256 Credential=AK/20260102/r/s",
                b"V11-HMAC-SHA256 Credential=AK/20260103/r/s",
            ]
        ),
        st.sampled_from([b"x-sdk-date", b"host;x-sdk-date", b"x-sdk-content-sha256;x-sdk-date", b";", b"\xe9"]),
        st.one_of(st.binary(max_size=8), st.just(b"0" * 64)),
    ),
)


@settings(deadline=None, max_examples=300)
@given(
    authorization=st.one_of(st.binary(max_size=80), near_authorization),
    method=st.text(max_size=6),
    path=st.binary(max_size=20),
    query=st.binary(max_size=20),
    headers=st.lists(st.tuples(st.sampled_from([b"host", b"x-sdk-date", b"x-sdk-content-sha256"]), header_value)),
    date=st.one_of(st.just(DATE), st.binary(max_size=16)),
    body=st.binary(max_size=20),
)
def test_whatever_is_sent_is_refused_and_nothing_worse(
    authorization: bytes,
    method: str,
    path: bytes,
    query: bytes,
    headers: list[tuple[bytes, bytes]],
    date: bytes,
    body: bytes,
) -> None:
    request = Presented(
        method=method,
        path=path,
        query=query,
        headers=((b"authorization", authorization), (b"x-sdk-date", date), *headers),
        body=body,
        source_address="",
        request_id="",
    )
    with pytest.raises(AuthenticationError):
        check(request)


def as_sent(method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> Presented:
    return Presented(
        method=method,
        path=path.encode(),
        query=query.encode(),
        headers=tuple((name.lower().encode(), value.encode()) for name, value in headers.items()),
        body=body,
        source_address="",
        request_id="",
    )


visible = st.text(st.characters(min_codepoint=0x20, exclude_categories=["C", "Z"]), max_size=8)


@settings(deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "DELETE"]),
    segments=st.lists(st.text(max_size=8), max_size=4),
    pairs=st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=4),
    extra=st.dictionaries(token.map(lambda name: f"x-{name}"), visible, max_size=3),
    body=st.binary(max_size=40),
    tampered=st.sampled_from(["method", "path", "query", "body", "secret"]),
)
def test_what_is_signed_here_is_accepted_here_until_it_is_changed(
    method: str,
    segments: list[str],
    pairs: list[tuple[str, str]],
    extra: dict[str, str],
    body: bytes,
    tampered: str,
) -> None:
    path = "/" + "/".join(quote(segment, safe="") for segment in segments)
    query = urlencode(pairs)
    url = f"http://127.0.0.1:8686{path}" + (f"?{query}" if query else "")
    headers = sign(method=method, url=url, headers=extra, body=body, access_key=ACCESS_KEY, secret=SECRET, at=SIGNED_AT)
    request = as_sent(method, path, query, headers, body)
    check(request)
    match tampered:
        case "method":
            request = replace(request, method=method + "X")
        case "path":
            request = replace(request, path=request.path + b"/x")
        case "query":
            request = replace(request, query=request.query + b"&x=y")
        case "body":
            request = replace(request, body=body + b"x")
        case _:
            pass
    with pytest.raises(SignatureInvalidError):
        check(request, secret=SECRET[1:] if tampered == "secret" else SECRET)
