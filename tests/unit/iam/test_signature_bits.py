"""No single bit of a signed request can be flipped, but for those that change nothing that is meant.

At this level header names are in lower case, as the door makes them, so a flip of their case is a change here;
on the wire it is none, because HTTP does not tell the cases apart.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.support.signing import (
    EVERY_ALGORITHM,
    HOST,
    NODE,
    NODE_GET,
    PROJECT,
    PYTHON,
    TERRAFORM,
    Call,
    admit,
    header,
    signed,
    with_header,
)
from vacate.domain.errors import AuthenticationError
from vacate.iam.algorithms import SDK_HMAC_SHA256, SDK_SM2_SM3, Algorithm
from vacate.operations.access.ports import Presented

PYTHON_GET = Call(
    method="GET",
    path=f"/v3.2/{PROJECT}/instances/%7Bx%2Fy",
    canonical_uri=f"/v3.2/{PROJECT}/instances/%7Bx/y/",
    query="flag=&id=%2Ax&name=a%2bb%20%E4%BD%A0&tags=k1%3Av1&tags=k2%3Av2",
    canonical_query="flag=&id=%2Ax&name=a%2Bb%20%E4%BD%A0&tags=k1%3Av1&tags=k2%3Av2",
    headers={**PYTHON.headers, "x-language": "zh-cn", "x-security-token": "t0ken/+==", "host": f"{HOST}:8686"},
    signed=(
        "content-type",
        "host",
        "user-agent",
        "x-language",
        "x-project-id",
        "x-sdk-date",
        "x-security-token",
    ),
)
CALLS = {"python": PYTHON, "python_get": PYTHON_GET, "node": NODE, "node_get": NODE_GET, "terraform": TERRAFORM}
# A verification with SM2 takes a millisecond, so every third bit is flipped then. As 3 has no divisor in common
# with 8, every place of a byte has its turn.
STRIDES = {SDK_SM2_SM3.scheme: 3}
CASE = 5

Flip = tuple[str, int, int]


def parts_of(request: Presented, call: Call) -> Iterator[tuple[str, bytes]]:
    """Everything that is signed, and the signature itself."""
    yield "method", request.method.encode()
    yield "path", request.path
    yield "query", request.query
    yield "body", request.body
    yield "authorization", header(request, b"authorization")
    for name in call.signed:
        yield f"value of {name}", header(request, name.encode())
        yield f"name of {name}", name.encode()


def changed(request: Presented, part: str, content: bytes) -> Presented:
    match part.split(" of "):
        case ["method"]:
            return replace(request, method=content.decode("latin-1"))
        case ["path"]:
            return replace(request, path=content)
        case ["query"]:
            return replace(request, query=content)
        case ["body"]:
            return replace(request, body=content)
        case ["authorization"]:
            return with_header(request, b"authorization", content)
        case ["value", name]:
            return with_header(request, name.encode(), content)
        case [_, name]:
            sent = name.encode()
            return with_header(with_header(request, sent), content, header(request, sent))
        case _:
            raise AssertionError(part)


def flips_of(request: Presented, call: Call, stride: int = 1) -> Iterator[tuple[Flip, Presented]]:
    number = 0
    for part, content in parts_of(request, call):
        for position in range(len(content)):
            for bit in range(8):
                if number % stride == 0:
                    flipped = bytearray(content)
                    flipped[position] ^= 1 << bit
                    yield (part, position, bit), changed(request, part, bytes(flipped))
                number += 1


def admitted(request: Presented) -> bool:
    try:
        admit(request)
    except AuthenticationError:
        return False
    return True


def cases_of_escapes(call: Call) -> set[Flip]:
    """The letters among the hexadecimal digits of percent-escapes: `%2a` and `%2A` are the same byte."""
    return {
        (part, digits.start() + place, CASE)
        for part, text in (("path", call.path), ("query", call.query))
        for digits in re.finditer("(?<=%)[0-9A-Fa-f]{2}", text)
        for place, digit in enumerate(digits[0])
        if digit.isalpha()
    }


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("algorithm", EVERY_ALGORITHM, ids=[one.scheme.decode() for one in EVERY_ALGORITHM])
def test_no_bit_can_be_flipped_but_the_case_of_a_digit_in_a_percent_escape(call: Call, algorithm: Algorithm) -> None:
    request = signed(call, algorithm)
    admit(request)
    accepted: set[Flip] = set()
    tried: set[Flip] = set()
    for flip, flipped in flips_of(request, call, STRIDES.get(algorithm.scheme, 1)):
        tried.add(flip)
        if admitted(flipped):
            accepted.add(flip)
    assert len(tried) > 300
    assert {bit for _, _, bit in tried} == set(range(8))
    assert accepted == cases_of_escapes(call) & tried


def test_only_a_request_with_percent_escapes_has_such_bits() -> None:
    assert [name for name, call in CALLS.items() if cases_of_escapes(call)] == ["python_get"]
    assert {(part, text) for part, text in written(PYTHON_GET)} == {
        ("path", "%7b"),
        ("path", "%2f"),
        ("query", "%2a"),
        ("query", "%2B"),
        ("query", "%e4"),
        ("query", "%bD"),
        ("query", "%Bd"),
        ("query", "%a0"),
        ("query", "%3a"),
    }


def written(call: Call) -> Iterator[tuple[str, str]]:
    """The escapes as they are after such a flip."""
    texts = {"path": call.path, "query": call.query}
    for part, position, bit in cases_of_escapes(call):
        text = bytearray(texts[part].encode())
        text[position] ^= 1 << bit
        start = text.rindex(b"%", 0, position)
        yield part, text[start : start + 3].decode()


def test_a_bit_of_what_is_not_signed_can_be_flipped() -> None:
    """The other way round, so that the tests above are known to be able to accept."""
    request = signed(TERRAFORM)
    for name in (b"host", b"x-project-id"):
        value = bytearray(header(request, name))
        value[0] ^= 1
        admit(with_header(request, name, bytes(value)))


def test_an_access_key_is_bound_by_its_secret_key_alone() -> None:
    """SDK-HMAC-SHA256 does not sign the access key's name: whoever is named must have the same secret key."""
    request = signed(PYTHON, SDK_HMAC_SHA256)
    value = header(request, b"authorization").replace(b"AKTEST", b"AKTESU")
    assert not admitted(with_header(request, b"authorization", value))
