"""SM2, held against the standard's own curve, the textbook's arithmetic and the standard's way to verify."""

from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.signers import sign_sm2
from vacate.iam import sm2
from vacate.iam.sm2 import BASE, ORDER, PRIME, Point, fits, multiple_of_base, plus
from vacate.iam.sm3 import sm3

PRIVATE = 0x6B11517F757ABEB2F6323FD02BC64931D4B893A82D2EDFBEE89E264796EF5A60
PUBLIC: Point = (
    0xB521391908B4EE4FCE8E4090D423653D7D79D5768B127A66715EC02E8C3972A5,
    0xA17B29EBAEAB120A4EC432F364F5FFAA9F799D17000FBB3547A4B556F8A81B12,
)
TEXT = b"SDK-SM2-SM3\n20260102T030405Z\n37efb7"
scalars = st.integers(min_value=0, max_value=ORDER - 1)


def times(scalar: int, point: Point) -> Point | None:
    """Doubling and adding, as the textbook has it."""
    total: Point | None = None
    power: Point | None = point
    while scalar:
        if scalar & 1:
            total = plus(total, power)
        power = plus(power, power)
        scalar >>= 1
    return total


def about(public: Point) -> bytes:
    """What the standard puts before a text: who signs, the curve, and the public key."""
    numbers = (sm2.A, sm2.B, *BASE, *public)
    return sm3(b"\0\x80" + b"1234567812345678" + b"".join(number.to_bytes(32, "big") for number in numbers))


def fits_the_public_key(public: Point, text: bytes, r: int, s: int) -> bool:
    """Verifying as the standard writes it, for whoever has only the public key."""
    digest = int.from_bytes(sm3(about(public) + text), "big")
    point = plus(times(s, BASE), times((r + s) % ORDER, public))
    return point is not None and (digest + point[0]) % ORDER == r


def test_the_base_point_is_on_the_curve_and_has_its_order() -> None:
    x, y = BASE
    assert (y * y - (x**3 + sm2.A * x + sm2.B)) % PRIME == 0
    assert times(ORDER, BASE) is None
    assert times(ORDER - 1, BASE) == (x, PRIME - y)


def test_the_public_key_is_that_of_vector_v6() -> None:
    assert multiple_of_base(PRIVATE) == PUBLIC


@settings(deadline=None, max_examples=40)
@given(scalar=scalars)
@example(scalar=0)
@example(scalar=1)
@example(scalar=15)
@example(scalar=16)
@example(scalar=2 * 16**63 % ORDER)
@example(scalar=ORDER - 1)
@example(scalar=ORDER)
def test_multiples_of_the_base_point_are_the_textbooks(scalar: int) -> None:
    assert multiple_of_base(scalar) == times(scalar % ORDER, BASE)


def test_points_that_need_formulas_of_their_own_are_summed_too() -> None:
    x, y = BASE
    assert sm2.total([BASE, BASE]) == times(2, BASE)
    assert sm2.total([BASE, (x, PRIME - y)]) is None
    assert sm2.total([BASE, (x, PRIME - y), BASE]) == BASE


@settings(deadline=None, max_examples=40)
@given(text=st.binary(max_size=60), private=st.integers(min_value=1, max_value=ORDER - 2))
def test_what_is_signed_here_fits_here_and_by_the_public_key_as_the_standard_has_it(text: bytes, private: int) -> None:
    public = multiple_of_base(private)
    assert public is not None
    r, s = sign_sm2(private, text)
    assert fits(private, text, r, s)
    # One key in 128 is signed for in the clients' own way.
    if min(public) >= 1 << 248:
        assert fits_the_public_key(public, text, r, s)


def test_the_standards_own_example_fits() -> None:
    private = 0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8
    assert multiple_of_base(private) == (
        0x09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020,
        0xCCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13,
    )
    r = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
    s = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA
    assert fits(private, b"message digest", r, s)
    assert not fits(private, b"message digest.", r, s)


@settings(deadline=None)
@given(r=st.integers(min_value=1, max_value=ORDER - 1), s=st.integers(min_value=1, max_value=ORDER - 1))
def test_numbers_out_of_the_air_do_not_fit(r: int, s: int) -> None:
    assert not fits(PRIVATE, TEXT, r, s)


def test_numbers_whose_sum_is_the_order_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard refuses them: the public key would have no part in them."""
    s = 7
    r = ORDER - s
    point = times(s, BASE)
    assert point is not None
    digest = (r - point[0]) % ORDER

    def that_one(_public: Point, _text: bytes) -> Iterator[int]:
        yield digest

    monkeypatch.setattr(sm2, "digests", that_one)
    assert not fits(PRIVATE, TEXT, r, s)


def test_numbers_that_lead_to_the_point_at_infinity_do_not_fit() -> None:
    # s + (r + s)d is 0 for this r: what whoever has the private key can bring up, and nobody else.
    s = 5
    r = (-s * pow(PRIVATE, -1, ORDER) - s) % ORDER
    assert multiple_of_base(s + (r + s) * PRIVATE) is None
    assert not fits(PRIVATE, TEXT, r, s)


@pytest.mark.parametrize("private", [1, 2, ORDER - 2])
def test_the_smallest_and_the_greatest_private_keys_sign_too(private: int) -> None:
    r, s = sign_sm2(private, TEXT)
    assert fits(private, TEXT, r, s)
    assert not fits(private, TEXT + b"x", r, s)


@pytest.mark.parametrize("sum_to", [0, ORDER - 5], ids=["r_is_0", "r_and_nonce_make_the_order"])
def test_a_nonce_with_which_nothing_can_be_signed_is_drawn_again(sum_to: int, monkeypatch: pytest.MonkeyPatch) -> None:
    points = {nonce: multiple_of_base(nonce) for nonce in (5, 10)}
    one, other = points[5], points[10]
    assert one is not None
    assert other is not None
    digest = (sum_to - one[0]) % ORDER

    def that_one(_public: Point, _text: bytes) -> Iterator[int]:
        yield digest

    def draw(_below: int) -> int:
        return next(drawn)

    drawn = iter([5 - 1, 10 - 1])
    monkeypatch.setattr(sm2, "digests", that_one)
    monkeypatch.setattr("secrets.randbelow", draw)
    r, s = sign_sm2(PRIVATE, TEXT)
    assert r == (digest + other[0]) % ORDER
    assert fits(PRIVATE, TEXT, r, s)
