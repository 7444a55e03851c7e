"""Keys derived from an access key, held against those of the official clients."""

import hmac

import pytest

from tests.support.signing import ACCESS_KEY, SCOPE, SECRET
from vacate.iam import sm2
from vacate.iam.derivation import private_scalar, scoped_key
from vacate.iam.sm3 import hmac_sm3

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def hmac_sha256(secret: bytes, text: bytes) -> bytes:
    return hmac.digest(secret, text, "sha256")


def test_the_key_of_a_day_region_and_service_is_that_of_vector_v4() -> None:
    drawn = hmac_sha256(ACCESS_KEY.encode(), SECRET)
    assert drawn.hex() == "c58d342aac519c9a1747a4f64b0142fd9ed21a53c32540728390461748e44888"
    key = scoped_key(ACCESS_KEY.encode(), SECRET, SCOPE)
    assert key == b"81cdaada3cb3910589731c72233f3136f3d556cb4d6475fe5caeb0a0a33d38e7"


def test_the_private_key_on_p256_is_that_of_vector_v5() -> None:
    scalar = private_scalar(
        b"SDK-ECDSA-P256-SHA256", ACCESS_KEY.encode(), SECRET, keyed_hash=hmac_sha256, order=P256_ORDER
    )
    assert f"{scalar:x}" == "a87dda9562d88c872719c0575401b27fb8d0b3634f15d1fac618a1b2f4da6b0c"


def test_the_private_key_on_sm2s_curve_is_that_of_vector_v6() -> None:
    scalar = private_scalar(b"SDK-SM2-SM3", ACCESS_KEY.encode(), SECRET, keyed_hash=hmac_sm3, order=sm2.ORDER)
    assert f"{scalar:x}" == "6b11517f757abeb2f6323fd02bc64931d4b893a82d2edfbee89e264796ef5a60"


def test_candidates_out_of_range_are_passed_over_in_order() -> None:
    asked: list[int] = []

    def falling(_: bytes, text: bytes) -> bytes:
        counter = text.removeprefix(b"\0\0\0\1S\0AK").removesuffix(b"\0\0\1\0")
        asked.append(counter[0])
        return bytes((12 - counter[0],))

    assert private_scalar(b"S", b"AK", b"", keyed_hash=falling, order=12) == 11
    assert asked == [0, 1, 2]


def test_a_curve_on_which_no_candidate_fits_has_no_key() -> None:
    with pytest.raises(ArithmeticError, match="no key can be derived"):
        private_scalar(b"S", b"AK", SECRET, keyed_hash=hmac_sha256, order=2)
