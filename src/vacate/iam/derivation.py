"""Keys that are made from an access key and its secret key: what some schemes sign with instead of the secret key.

Source: the published rules of AK/SK signing, checked against what the official clients derive.
"""

import hmac
from collections.abc import Callable

_COUNTERS = 255


def private_scalar(
    scheme: bytes, access_key: bytes, secret: bytes, *, keyed_hash: Callable[[bytes, bytes], bytes], order: int
) -> int:
    """The private key of a scheme over an elliptic curve, from 1 to `order` - 1.

    The first candidate in range is taken. The first one is nearly always: about one in four thousand million
    is not, for either curve.

    Args:
        scheme: the scheme's name.
        access_key: whose key it is.
        secret: the secret key's bytes.
        keyed_hash: the scheme's HMAC, of secret and text.
        order: the order of the curve's base point.
    """
    for counter in range(_COUNTERS):
        text = b"\x00\x00\x00\x01" + scheme + b"\x00" + access_key + bytes((counter,)) + b"\x00\x00\x01\x00"
        candidate = int.from_bytes(keyed_hash(secret, text), "big")
        if candidate <= order - 2:
            return candidate + 1
    raise ArithmeticError("no key can be derived for a curve of this order")


def scoped_key(access_key: bytes, secret: bytes, scope: bytes) -> bytes:
    """The key of one day, region and service: HKDF of the secret key, written in hexadecimal digits."""
    drawn = hmac.digest(access_key, secret, "sha256")
    return hmac.digest(drawn, scope + b"\x01", "sha256").hex().encode("ascii")
