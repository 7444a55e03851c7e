"""The schemes: what counts as a signature over a curve, and keys whose coordinates begin with zeros."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.signers import signature_of
from tests.support.signing import ACCESS_KEY, EVERY_ALGORITHM, key_for
from vacate.iam import algorithms, sm2
from vacate.iam.algorithms import (
    ALGORITHMS,
    SDK_ECDSA_P256_SHA256,
    SDK_SM2_SM3,
    Algorithm,
    Key,
)
from vacate.iam.sm3 import sm3

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ORDERS = {SDK_ECDSA_P256_SHA256.scheme: P256_ORDER, SDK_SM2_SM3.scheme: sm2.ORDER}
TEXT = b"a text that is signed"

EVERY = pytest.mark.parametrize("algorithm", EVERY_ALGORITHM, ids=[one.scheme.decode() for one in EVERY_ALGORITHM])
CURVES = pytest.mark.parametrize("algorithm", [SDK_ECDSA_P256_SHA256, SDK_SM2_SM3], ids=["P-256", "SM2"])


def test_five_schemes_are_known() -> None:
    assert sorted(ALGORITHMS) == [
        b"SDK-ECDSA-P256-SHA256",
        b"SDK-HMAC-SHA256",
        b"SDK-HMAC-SM3",
        b"SDK-SM2-SM3",
        b"V11-HMAC-SHA256",
    ]


@EVERY
def test_a_signature_fits_its_own_text_key_and_nothing_else(algorithm: Algorithm) -> None:
    key = key_for(algorithm)
    signature = signature_of(algorithm, key, TEXT)
    assert algorithm.fits(key, TEXT, signature)
    assert not algorithm.fits(key, TEXT + b" ", signature)
    assert not algorithm.fits(replace(key, secret=key.secret + b"x"), TEXT, signature)
    for other in EVERY_ALGORITHM:
        if other is not algorithm:
            assert not other.fits(key_for(other), TEXT, signature)


@EVERY
def test_an_empty_secret_key_is_a_key_like_any_other(algorithm: Algorithm) -> None:
    key = key_for(algorithm, b"")
    assert algorithm.fits(key, TEXT, signature_of(algorithm, key, TEXT))


@EVERY
@settings(deadline=None)
@given(signature=st.one_of(st.binary(max_size=80), st.binary(max_size=80).map(lambda data: data.hex().encode())))
def test_anything_at_all_as_a_signature_does_not_fit_and_nothing_worse(algorithm: Algorithm, signature: bytes) -> None:
    assert not algorithm.fits(key_for(algorithm), TEXT, signature)


def test_a_key_does_not_show_its_secret() -> None:
    assert "hidden" not in repr(Key(access_key="AK", secret=b"hidden"))


# --- how a signature over a curve is written -------------------------------------------------------------------------


def hexed(data: bytes) -> bytes:
    return data.hex().encode()


def der(*numbers: bytes) -> bytes:
    body = b"".join(b"\x02" + bytes((len(number),)) + number for number in numbers)
    return b"\x30" + bytes((len(body),)) + body


def written(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


@CURVES
def test_a_signature_that_is_written_in_another_way_does_not_fit(algorithm: Algorithm) -> None:
    key = key_for(algorithm)
    signature = signature_of(algorithm, key, TEXT)
    whole = bytes.fromhex(signature.decode())
    r, s = decode_dss_signature(whole)
    one, other = written(r), written(s)
    assert hexed(der(one, other)) == signature
    body = whole[2:]
    for changed in (
        der(b"\0" + one, other),
        der(one, b"\0" + other),
        der(one),
        der(one, other, b"\1"),
        whole + b"\0",
        whole[:-1],
        b"\x30\x81" + whole[1:],
        b"\x30\x80" + body + b"\0\0",
        b"\x31" + whole[1:],
        b"",
        one + other,
    ):
        assert not algorithm.fits(key, TEXT, hexed(changed))
    for changed in (signature.upper(), signature + b"0", b" " + signature, signature[:2] + b" " + signature[2:]):
        assert not algorithm.fits(key, TEXT, changed)


@CURVES
def test_numbers_out_of_range_do_not_fit(algorithm: Algorithm) -> None:
    key, order = key_for(algorithm), ORDERS[algorithm.scheme]
    r, s = decode_dss_signature(bytes.fromhex(signature_of(algorithm, key, TEXT).decode()))
    assert algorithm.fits(key, TEXT, hexed(encode_dss_signature(r, s)))
    for out in (
        (0, s),
        (r, 0),
        (0, 0),
        (r + order, s),
        (r, s + order),
        (order, s),
        (r, order),
        (-r, s),
        (r, s - order),
    ):
        assert not algorithm.fits(key, TEXT, hexed(der(*(signed_bytes(number) for number in out))))


def signed_bytes(number: int) -> bytes:
    return number.to_bytes((number + (number < 0)).bit_length() // 8 + 1, "big", signed=True)


# --- public keys with leading zeros ----------------------------------------------------------------------------------

SHORT_X, SHORT_Y = b"SKtest-leading-zeros-000024", b"SKtest-leading-zeros-000844"


def about(public: sm2.Point, *, full: bool) -> bytes:
    """What is hashed before the text: coordinates in 32 bytes as the standard has it, or without leading zeros."""
    fixed = b"".join(number.to_bytes(32, "big") for number in (sm2.A, sm2.B, *sm2.BASE))
    coordinates = b"".join(
        number.to_bytes(32, "big") if full else number.to_bytes((number.bit_length() + 7) // 8, "big")
        for number in public
    )
    return sm3(b"\0\x80" + b"1234567812345678" + fixed + coordinates)


def signed_by_hand(private: int, before: bytes) -> bytes:
    """SM2 as the standard writes it, with a nonce that is none."""
    digest, nonce = int.from_bytes(sm3(before + TEXT), "big"), 0xC0FFEE
    point = sm2.multiple_of_base(nonce)
    assert point is not None
    r = (digest + point[0]) % sm2.ORDER
    s = pow(1 + private, -1, sm2.ORDER) * (nonce - r * private) % sm2.ORDER
    return hexed(encode_dss_signature(r, s))


@pytest.mark.parametrize("secret", [SHORT_X, SHORT_Y], ids=["x", "y"])
@pytest.mark.parametrize("full", [True, False], ids=["as_the_standard_has_it", "as_the_clients_have_it"])
def test_a_public_key_with_leading_zeros_may_be_hashed_with_them_or_without(secret: bytes, *, full: bool) -> None:
    key = key_for(SDK_SM2_SM3, secret)
    private = algorithms.sm2_scalar(key)
    public = sm2.multiple_of_base(private)
    assert public is not None
    assert min(public) < 1 << 248
    assert about(public, full=True) != about(public, full=False)
    assert SDK_SM2_SM3.fits(key, TEXT, signed_by_hand(private, about(public, full=full)))


def test_what_is_signed_for_such_a_key_is_signed_as_the_clients_do() -> None:
    key = key_for(SDK_SM2_SM3, SHORT_X)
    private = algorithms.sm2_scalar(key)
    public = sm2.multiple_of_base(private)
    assert public is not None
    r, s = decode_dss_signature(bytes.fromhex(signature_of(SDK_SM2_SM3, key, TEXT).decode()))
    point = sm2.multiple_of_base(s + (r + s) * private)
    assert point is not None
    digest = int.from_bytes(sm3(about(public, full=False) + TEXT), "big")
    assert (digest + point[0]) % sm2.ORDER == r


@pytest.mark.parametrize("secret", [b"SKtest-leading-zeros-000295", b"SKtest-leading-zeros-001520"], ids=["x", "y"])
def test_leading_zeros_on_p256_make_no_difference(secret: bytes) -> None:
    key = Key(access_key=ACCESS_KEY, secret=secret)
    private = ec.derive_private_key(algorithms.ecdsa_scalar(key), ec.SECP256R1())
    numbers = private.public_key().public_numbers()
    assert min(numbers.x, numbers.y) < 1 << 248
    assert SDK_ECDSA_P256_SHA256.fits(key, TEXT, signature_of(SDK_ECDSA_P256_SHA256, key, TEXT))
