"""SM3, held against the examples of the standard and against Python's own where it has it."""

import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vacate.iam.sm3 import hmac_sm3, sm3


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (b"", "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b"),
        (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
    ],
    ids=["empty", "abc", "abcd_16_times"],
)
def test_the_hash_of_an_example_is_the_standards(text: bytes, digest: str) -> None:
    assert sm3(text).hex() == digest


@pytest.mark.skipif("sm3" not in hashlib.algorithms_available, reason="this Python was built without SM3")
@settings(deadline=None)
@given(secret=st.binary(max_size=100), text=st.binary(max_size=200))
def test_hash_and_keyed_hash_are_those_of_python(secret: bytes, text: bytes) -> None:
    assert sm3(text) == hashlib.new("sm3", text).digest()
    assert hmac_sm3(secret, text) == hmac.digest(secret, text, "sm3")
