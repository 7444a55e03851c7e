"""Signs texts in every scheme, as clients do. The product itself verifies in all of them and signs in one."""

import secrets
from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from vacate.iam import sm2
from vacate.iam.algorithms import Algorithm, Key, ecdsa_scalar, sign_hmac_sha256, sm2_scalar
from vacate.iam.derivation import scoped_key
from vacate.iam.sm3 import hmac_sm3


def signature_of(algorithm: Algorithm, key: Key, text: bytes) -> bytes:
    """The signature of a text, in hexadecimal digits of lower case."""
    return _SIGNERS[algorithm.scheme](key, text)


def sign_sm2(private: int, text: bytes) -> tuple[int, int]:
    """Sign a text on SM2's curve: the numbers r and s."""
    public = sm2.multiple_of_base(private)
    assert public is not None
    digest = next(sm2.digests(public, text))
    while True:
        nonce = secrets.randbelow(sm2.ORDER - 1) + 1
        point = sm2.multiple_of_base(nonce)
        assert point is not None
        r = (digest + point[0]) % sm2.ORDER
        s = pow(1 + private, -1, sm2.ORDER) * (nonce - r * private) % sm2.ORDER
        if r and s and r + nonce != sm2.ORDER:
            return r, s


def _hexed(data: bytes) -> bytes:
    return data.hex().encode("ascii")


def _scoped(key: Key, text: bytes) -> bytes:
    derived = scoped_key(key.access_key.encode("ascii"), key.secret, key.scope)
    return sign_hmac_sha256(Key(access_key=key.access_key, secret=derived), text)


def _ecdsa(key: Key, text: bytes) -> bytes:
    return _hexed(ec.derive_private_key(ecdsa_scalar(key), ec.SECP256R1()).sign(text, ec.ECDSA(SHA256())))


_SIGNERS: Mapping[bytes, Callable[[Key, bytes], bytes]] = {
    b"SDK-HMAC-SHA256": sign_hmac_sha256,
    b"SDK-HMAC-SM3": lambda key, text: _hexed(hmac_sm3(key.secret, text)),
    b"SDK-ECDSA-P256-SHA256": _ecdsa,
    b"SDK-SM2-SM3": lambda key, text: _hexed(encode_dss_signature(*sign_sm2(sm2_scalar(key), text))),
    b"V11-HMAC-SHA256": _scoped,
}
