"""The table of signing schemes: how each hashes, and tells whether a signature fits.

Source: the published rules of AK/SK signing, checked against what the official clients send.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from vacate.api.signing import SCHEME, hmac_sha256, sha256_digest
from vacate.iam import sm2
from vacate.iam.derivation import private_scalar, scoped_key
from vacate.iam.sm3 import hmac_sm3, sm3

_P256 = ec.SECP256R1()
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What a request is signed with: an access key, its secret key, and what the signature is bound to besides.

    `scope` is `<yyyymmdd>/<region>/<service>` in a scheme that has one, and empty in all others.
    """

    access_key: str
    secret: bytes = field(repr=False)
    scope: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """One scheme: how it hashes, and how it tells whether a signature fits.

    Hashes and signatures are written in hexadecimal digits of lower case.
    """

    scheme: bytes
    content_header: bytes
    digest: Callable[[bytes], bytes]
    fits: Callable[[Key, bytes, bytes], bool]
    scoped: bool = False


def _hex(data: bytes) -> bytes:
    return data.hex().encode("ascii")


def _sm3_digest(data: bytes) -> bytes:
    return _hex(sm3(data))


# --- schemes that sign again and compare -----------------------------------------------------------------------------


def _compare(sign: Callable[[Key, bytes], bytes]) -> Callable[[Key, bytes, bytes], bool]:
    return lambda key, text, signature: hmac.compare_digest(sign(key, text), signature)


def sign_hmac_sha256(key: Key, text: bytes) -> bytes:
    """Sign a text in the scheme that the official clients use unless they are told another."""
    return _hex(hmac_sha256(key.secret, text))


def _sign_hmac_sm3(key: Key, text: bytes) -> bytes:
    return _hex(hmac_sm3(key.secret, text))


def _sign_scoped(key: Key, text: bytes) -> bytes:
    return _hex(hmac_sha256(scoped_key(key.access_key.encode("ascii"), key.secret, key.scope), text))


SDK_HMAC_SHA256 = Algorithm(
    scheme=SCHEME,
    content_header=b"x-sdk-content-sha256",
    digest=sha256_digest,
    fits=_compare(sign_hmac_sha256),
)

SDK_HMAC_SM3 = Algorithm(
    scheme=b"SDK-HMAC-SM3",
    content_header=b"x-sdk-content-sm3",
    digest=_sm3_digest,
    fits=_compare(_sign_hmac_sm3),
)

V11_HMAC_SHA256 = Algorithm(
    scheme=b"V11-HMAC-SHA256",
    content_header=b"x-sdk-content-sha256",
    digest=sha256_digest,
    fits=_compare(_sign_scoped),
    scoped=True,
)


# --- schemes over elliptic curves ------------------------------------------------------------------------------------


def ecdsa_scalar(key: Key) -> int:
    """The private key on P-256 that belongs to an access key."""
    return private_scalar(
        b"SDK-ECDSA-P256-SHA256",
        key.access_key.encode("ascii"),
        key.secret,
        keyed_hash=hmac_sha256,
        order=_P256_ORDER,
    )


def sm2_scalar(key: Key) -> int:
    """The private key on SM2's curve that belongs to an access key."""
    return private_scalar(
        b"SDK-SM2-SM3", key.access_key.encode("ascii"), key.secret, keyed_hash=hmac_sm3, order=sm2.ORDER
    )


def _numbers(signature: bytes, order: int) -> tuple[int, int] | None:
    """The numbers r and s of a signature, or None unless both are in range and written in the one way DER has."""
    try:
        r, s = decode_dss_signature(bytes.fromhex(signature.decode("ascii")))
    except ValueError:
        return None
    in_range = 0 < r < order and 0 < s < order
    return (r, s) if in_range and _hex(encode_dss_signature(r, s)) == signature else None


def _ecdsa_fits(key: Key, text: bytes, signature: bytes) -> bool:
    numbers = _numbers(signature, _P256_ORDER)
    if numbers is None:
        return False
    public = ec.derive_private_key(ecdsa_scalar(key), _P256).public_key()
    try:
        public.verify(encode_dss_signature(*numbers), text, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _sm2_fits(key: Key, text: bytes, signature: bytes) -> bool:
    numbers = _numbers(signature, sm2.ORDER)
    return numbers is not None and sm2.fits(sm2_scalar(key), text, *numbers)


SDK_ECDSA_P256_SHA256 = Algorithm(
    scheme=b"SDK-ECDSA-P256-SHA256",
    content_header=b"x-sdk-content-sha256",
    digest=sha256_digest,
    fits=_ecdsa_fits,
)

SDK_SM2_SM3 = Algorithm(
    scheme=b"SDK-SM2-SM3",
    content_header=b"x-sdk-content-sm3",
    digest=_sm3_digest,
    fits=_sm2_fits,
)

ALGORITHMS: Mapping[bytes, Algorithm] = {
    algorithm.scheme: algorithm
    for algorithm in (SDK_HMAC_SHA256, SDK_HMAC_SM3, SDK_ECDSA_P256_SHA256, SDK_SM2_SM3, V11_HMAC_SHA256)
}
