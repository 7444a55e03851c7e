"""SM2, the signatures of the national standard GB/T 32918, for whoever holds the private key.

Both sides of an access key know its secret key, and with it the private key `d`. So a signature is verified
here with `d` too: the point that the standard calls sG + tQ is (s + td)G, a multiple of the base point.
Multiples of the base point are sums of points that are worked out once.

Points are pairs of coordinates; None is the point at infinity.
"""

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from vacate.iam.sm3 import sm3

Point: TypeAlias = tuple[int, int]

PRIME = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
A = PRIME - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
BASE: Point = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)

_IDENTITY = b"1234567812345678"
_SIZE = 32
_DIGITS, _VALUES = 64, 16


def fits(private: int, text: bytes, r: int, s: int) -> bool:
    """Whether r and s, both from 1 to `ORDER` - 1, are the private key's signature of the text."""
    t = (r + s) % ORDER
    point = multiple_of_base(s + t * private)
    if t == 0 or point is None:
        return False
    public = _multiple_that_exists(private)
    return any((digest + point[0]) % ORDER == r for digest in digests(public, text))


def multiple_of_base(scalar: int) -> Point | None:
    """The base point, so many times."""
    start, rows = _worked_out()
    scalar %= ORDER
    return total([start, *(row[scalar >> 4 * place & _VALUES - 1] for place, row in enumerate(rows))])


def plus(one: Point | None, other: Point | None) -> Point | None:
    """The sum of two points, as the textbook has it: by chord or tangent."""
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 != x2:
        slope = (y2 - y1) * pow(x2 - x1, -1, PRIME)
    elif y1 == y2:
        slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, PRIME)
    else:
        return None
    x3 = (slope * slope - x1 - x2) % PRIME
    return x3, (slope * (x1 - x3) - y1) % PRIME


def total(points: Sequence[Point]) -> Point | None:
    """The sum of points, with one division for all of them: (x, y, z) stands for (x/z², y/z³).

    Equal or opposite points would need formulas of their own. They do not come up by chance, and nobody who
    lacks the private key can bring them up, so the slow way will do for them.
    """
    (x, y), z = points[0], 1
    for other_x, other_y in points[1:]:
        zz = z * z % PRIME
        h = (other_x * zz - x) % PRIME
        if h == 0:
            return functools.reduce(plus, points, None)
        slope = (other_y * zz * z - y) % PRIME
        hh = h * h % PRIME
        hhh = h * hh % PRIME
        v = x * hh % PRIME
        x = (slope * slope - hhh - 2 * v) % PRIME
        y = (slope * (v - x) - y * hhh) % PRIME
        z = z * h % PRIME
    inverse = pow(z, -1, PRIME)
    square = inverse * inverse % PRIME
    return x * square % PRIME, y * square * inverse % PRIME


@functools.cache
def _worked_out() -> tuple[Point, Sequence[Sequence[Point]]]:
    """A row for each hexadecimal digit of a scalar, with a point for each value of the digit, and where to start.

    A row holds one multiple more than the digit says, so that a digit of 0 is a point like any other and every
    scalar takes the same steps. The start takes the surplus back.
    """
    rows: list[list[Point]] = []
    first = BASE
    for _ in range(_DIGITS):
        row = [first]
        while len(row) < _VALUES:
            row.append(_existing(plus(row[-1], first)))
        rows.append(row)
        first = row[-1]
    x, y = _existing(functools.reduce(plus, (row[0] for row in rows), None))
    return (x, PRIME - y), rows


def _multiple_that_exists(scalar: int) -> Point:
    return _existing(multiple_of_base(scalar))


def _existing(point: Point | None) -> Point:
    if point is None:
        raise ArithmeticError("a point at infinity where there is none")
    return point


def digests(public: Point, text: bytes) -> Iterator[int]:
    """The number that is signed for a text: the official clients' first, then the standard's when it differs.

    The standard writes the public key's coordinates in 32 bytes. The official clients leave leading zero bytes
    out, which one key in 128 has.
    """
    for coordinates in _unique((_shortest(public), _in_full(public))):
        about = len(_IDENTITY * 8).to_bytes(2, "big") + _IDENTITY + _in_full((A, B)) + _in_full(BASE) + coordinates
        yield int.from_bytes(sm3(sm3(about) + text), "big")


def _in_full(numbers: Iterable[int]) -> bytes:
    return b"".join(number.to_bytes(_SIZE, "big") for number in numbers)


def _shortest(numbers: Iterable[int]) -> bytes:
    return b"".join(number.to_bytes((number.bit_length() + 7) // 8, "big") for number in numbers)


def _unique(texts: Iterable[bytes]) -> Iterable[bytes]:
    return dict.fromkeys(texts)
