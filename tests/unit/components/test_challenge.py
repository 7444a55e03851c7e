"""A server's challenge is read without answering it, and explained where no password would do."""

import pytest

from vacate.components.challenge import Challenge, challenge_in, explain, read_challenge

SALT_AND_TOKEN = b"a" * 64 + b"b" * 8
ITERATIONS = (
    "the role's password was stored under auth_iteration_count = 20000, and the driver can only log in with 10000: "
    "set auth_iteration_count = 10000 and give the role its password anew"
)
MD5 = (
    "the server asks for md5 where the role's password is stored as sha256, which no driver of Vacate's can answer: "
    "let the line for Vacate's role in pg_hba.conf say sha256"
)
RULE_SAYS_SM3 = (
    "the line for Vacate's role in pg_hba.conf says sm3, which the driver cannot answer, and the role's password is "
    "not stored so: let the line for Vacate's role in pg_hba.conf say sha256"
)
STORED_AS_SM3 = (
    "the role's password is stored as SM3, which the driver cannot log in with: set password_encryption_type = 2, "
    "give the role its password anew, and let the line for Vacate's role in pg_hba.conf say sha256"
)
UNKNOWN = (
    "the server asks for a login that the driver does not know: let the line for Vacate's role in pg_hba.conf say "
    "sha256"
)


def _words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4) for number in numbers)


@pytest.mark.parametrize(
    ("body", "challenge"),
    [
        (_words(10, 2) + SALT_AND_TOKEN + _words(10000), Challenge(code=10, stored_method=2, iterations=10000)),
        (_words(10, 3) + SALT_AND_TOKEN + _words(20000), Challenge(code=10, stored_method=3, iterations=20000)),
        # A server of the family that takes the client for an older one sends its signature instead.
        (_words(10, 2) + SALT_AND_TOKEN + b"c" * 64, Challenge(code=10, stored_method=2)),
        (_words(13, 3) + SALT_AND_TOKEN + _words(10000), Challenge(code=13, stored_method=3, iterations=10000)),
        (_words(13), Challenge(code=13)),
        (_words(10, 1) + b"salt", Challenge(code=10, stored_method=1)),
        (_words(10) + b"SCRAM-SHA-256\0\0", Challenge(code=10)),
        (_words(10) + b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0", Challenge(code=10)),
        (_words(11) + b"a" * 64 + b"salt", Challenge(code=11)),
        (_words(5) + b"salt", Challenge(code=5)),
        (_words(0), Challenge(code=0)),
        (b"", Challenge(code=0)),
    ],
)
def test_a_challenge_is_read_as_far_as_it_is_one_of_the_familys(body: bytes, challenge: Challenge) -> None:
    assert challenge_in(body) == challenge


@pytest.mark.parametrize(
    ("challenge", "told"),
    [
        (Challenge(code=10, stored_method=2, iterations=20000), ITERATIONS),
        (Challenge(code=11), MD5),
        (Challenge(code=13), RULE_SAYS_SM3),
        (Challenge(code=13, stored_method=2), RULE_SAYS_SM3),
        (Challenge(code=13, stored_method=3), STORED_AS_SM3),
        (Challenge(code=10, stored_method=3), STORED_AS_SM3),
        (Challenge(code=10, stored_method=3, iterations=20000), STORED_AS_SM3),
        (Challenge(code=12), UNKNOWN),
        (Challenge(code=14), UNKNOWN),
    ],
)
def test_what_no_password_can_satisfy_is_explained_with_what_to_do(challenge: Challenge, told: str) -> None:
    assert explain(challenge) == told


@pytest.mark.parametrize(
    "challenge",
    [
        Challenge(code=10, stored_method=2, iterations=10000),
        Challenge(code=10, stored_method=2),
        Challenge(code=10, stored_method=1),
        Challenge(code=10),
        Challenge(code=5),
        Challenge(code=3),
        Challenge(code=0),
    ],
)
def test_what_a_right_password_satisfies_needs_no_words(challenge: Challenge) -> None:
    assert explain(challenge) is None


@pytest.mark.parametrize(
    "dsn",
    [
        "gaussdb://vacate:x@one:5432,two:5432/postgres",
        "gaussdb://vacate:x@%2Frun%2Fgauss/postgres",
        "gaussdb:///postgres?host=/run/gauss&user=vacate",
        "gaussdb:///postgres?host=one,two&user=vacate",
        "gaussdb://vacate:x@/postgres",
        "gaussdb://host/postgres",
        "gaussdb://vacate:x@host:port/postgres",
        "gaussdb://vacate@[::1/postgres",
        "",
    ],
)
async def test_nobody_is_asked_where_the_dsn_names_no_single_address_and_user(dsn: str) -> None:
    # A socket that is opened fails this test, as every unit test.
    assert await read_challenge(dsn, within_s=5) is None
