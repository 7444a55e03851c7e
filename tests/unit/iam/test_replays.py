"""A signed request that changes something is accepted once, whatever is done to its bytes or to the clock."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from tests.support.memory_requests import MemoryRequests
from tests.support.set_clock import SetClock
from tests.support.signing import EVERY_ALGORITHM, Call
from tests.support.signing import signed as signed_call
from vacate.domain.access.identity import Grant, Role
from vacate.domain.errors import (
    RequestRepeatedError,
    SignatureExpiredError,
    SignatureInvalidError,
)
from vacate.domain.topology.components import ProjectId
from vacate.iam.algorithms import ALGORITHMS, Algorithm, Key
from vacate.iam.authenticator import RequestAuthenticator
from vacate.iam.directory import IssuedAccessKey, UserDirectory
from vacate.iam.replays import Replays
from vacate.iam.signature import CLOCK_WINDOW
from vacate.iam.tokens import TokenService
from vacate.operations.access.ports import Presented, ProjectScope

HMAC = ALGORITHMS[b"SDK-HMAC-SHA256"]
ORDER_OF_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
A_WHILE = timedelta(seconds=3)
PASSWORD = "correct horse"  # noqa: S105 - the tests' own
OPERATOR = Grant(project_id=ProjectId("p-north"), role=Role.OPERATOR)


@pytest.fixture
async def key(directory: UserDirectory) -> IssuedAccessKey:
    await directory.add_user(name="ana", domain="acme", password=PASSWORD)
    await directory.grant(name="ana", domain="acme", project_id=OPERATOR.project_id, role=OPERATOR.role)
    return await directory.create_access_key(name="ana", domain="acme")


def signed(key: IssuedAccessKey, clock: SetClock, body: bytes = b"{}", algorithm: Algorithm = HMAC) -> Presented:
    scope = clock.now.strftime("%Y%m%d/region/service").encode() if algorithm.scoped else b""
    call = Call(
        path="/v3/x",
        canonical_uri="/v3/x/",
        headers={"host": "127.0.0.1:8686", "x-sdk-date": clock.now.strftime("%Y%m%dT%H%M%SZ")},
        signed=("host", "x-sdk-date"),
        body=body,
    )
    return signed_call(call, algorithm, Key(access_key=key.access_key, secret=key.secret_key.encode(), scope=scope))


@pytest.mark.parametrize("algorithm", EVERY_ALGORITHM, ids=lambda each: each.scheme.decode())
async def test_a_recorded_request_is_refused_until_its_signature_is_no_good_any_more(
    authenticator: RequestAuthenticator, key: IssuedAccessKey, clock: SetClock, algorithm: Algorithm
) -> None:
    recorded = signed(key, clock, algorithm=algorithm)
    await authenticator.authenticate(recorded, once=True)
    began = clock.now
    for passed in (A_WHILE, CLOCK_WINDOW / 2, CLOCK_WINDOW - timedelta(seconds=1)):
        clock.now = began + passed
        with pytest.raises(RequestRepeatedError, match=r"verify aksk signature fail: .* received before"):
            await authenticator.authenticate(recorded, once=True)
    clock.now = began + CLOCK_WINDOW + timedelta(seconds=1)
    with pytest.raises(SignatureExpiredError):
        await authenticator.authenticate(recorded, once=True)


async def test_equal_requests_of_one_moment_are_accepted_and_refused_when_it_is_over(
    authenticator: RequestAuthenticator, key: IssuedAccessKey, clock: SetClock
) -> None:
    recorded = signed(key, clock)
    for _ in range(3):
        await authenticator.authenticate(recorded, once=True)
    clock.now += timedelta(seconds=2)
    with pytest.raises(RequestRepeatedError):
        await authenticator.authenticate(recorded, once=True)
    await authenticator.authenticate(signed(key, clock), once=True)


async def test_requests_that_differ_in_anything_that_is_signed_are_accepted_in_one_second(
    authenticator: RequestAuthenticator, key: IssuedAccessKey, clock: SetClock
) -> None:
    for body in (b'{"component_id": "cn_5001"}', b'{"component_id": "cn_5002"}'):
        await authenticator.authenticate(signed(key, clock, body), once=True)


async def test_a_request_that_only_reads_is_accepted_as_often_as_it_comes(
    authenticator: RequestAuthenticator, key: IssuedAccessKey, clock: SetClock, seen: MemoryRequests
) -> None:
    for _ in range(3):
        await authenticator.authenticate(signed(key, clock))
    assert not seen.kept


async def test_a_token_proves_its_bearer_as_often_as_it_is_shown(
    authenticator: RequestAuthenticator, key: IssuedAccessKey, tokens: TokenService, clock: SetClock
) -> None:
    issued = await tokens.issue(user="ana", domain="acme", password=PASSWORD, scope=ProjectScope(name="north"))
    shown = replace(signed(key, clock), headers=((b"x-auth-token", issued.value.encode()),))
    for _ in range(3):
        await authenticator.authenticate(shown, once=True)


@pytest.mark.parametrize("change", ["path", "unsigned headers", "order of headers"])
async def test_a_recorded_request_that_is_spelt_another_way_is_the_same(
    authenticator: RequestAuthenticator, key: IssuedAccessKey, clock: SetClock, change: str
) -> None:
    recorded = signed(key, clock)
    await authenticator.authenticate(recorded, once=True)
    clock.now += A_WHILE
    respelt = {
        "path": replace(recorded, path=b"/v3/%78"),
        "unsigned headers": replace(recorded, headers=(*recorded.headers, (b"user-agent", b"another"))),
        "order of headers": replace(recorded, headers=recorded.headers[::-1]),
    }[change]
    with pytest.raises(RequestRepeatedError):
        await authenticator.authenticate(respelt, once=True)


async def test_another_signature_made_of_a_recorded_one_is_the_same_request(
    authenticator: RequestAuthenticator, key: IssuedAccessKey, clock: SetClock
) -> None:
    """Whoever has an ECDSA signature (r, s) has (r, n - s) too, which fits as well."""
    recorded = signed(key, clock, algorithm=ALGORITHMS[b"SDK-ECDSA-P256-SHA256"])
    await authenticator.authenticate(recorded, once=True)
    clock.now += A_WHILE
    (value,) = (value for name, value in recorded.headers if name == b"authorization")
    start, _, signature = value.decode().rpartition("Signature=")
    r, s = decode_dss_signature(bytes.fromhex(signature))
    mirrored = f"{start}Signature={encode_dss_signature(r, ORDER_OF_P256 - s).hex()}"
    others = tuple(pair for pair in recorded.headers if pair[0] != b"authorization")
    with pytest.raises(RequestRepeatedError):
        await authenticator.authenticate(
            replace(recorded, headers=(*others, (b"authorization", mirrored.encode()))), once=True
        )


async def test_the_same_request_with_another_key_is_another_one(
    authenticator: RequestAuthenticator, directory: UserDirectory, key: IssuedAccessKey, clock: SetClock
) -> None:
    second = await directory.create_access_key(name="ana", domain="acme")
    await authenticator.authenticate(signed(key, clock), once=True)
    await authenticator.authenticate(signed(second, clock), once=True)


async def test_what_is_refused_for_another_reason_is_not_remembered(
    authenticator: RequestAuthenticator, key: IssuedAccessKey, clock: SetClock
) -> None:
    wrong = replace(key, secret_key="a guess")  # noqa: S106 - wrong on purpose
    for attempt in (signed(wrong, clock), replace(signed(key, clock), body=b"another")):
        with pytest.raises(SignatureInvalidError):
            await authenticator.authenticate(attempt, once=True)
    await authenticator.authenticate(signed(key, clock), once=True)


# --- what is remembered, and how long --------------------------------------------------------------------------------


async def minutes_pass(replays: Replays, clock: SetClock, minutes: int) -> None:
    for _ in range(minutes):
        clock.now += timedelta(minutes=1)
        await replays.forget()


async def test_what_is_over_is_forgotten(
    authenticator: RequestAuthenticator, replays: Replays, key: IssuedAccessKey, clock: SetClock, seen: MemoryRequests
) -> None:
    await authenticator.authenticate(signed(key, clock), once=True)
    await minutes_pass(replays, clock, 44)
    assert seen.kept
    await minutes_pass(replays, clock, 3)
    assert not seen.kept


async def test_a_request_that_was_signed_ahead_of_the_clock_is_remembered_for_all_of_its_time(
    authenticator: RequestAuthenticator, replays: Replays, key: IssuedAccessKey, clock: SetClock
) -> None:
    recorded = signed(key, SetClock(now=clock.now + CLOCK_WINDOW - timedelta(seconds=1)))
    await authenticator.authenticate(recorded, once=True)
    await minutes_pass(replays, clock, 29)
    with pytest.raises(RequestRepeatedError):
        await authenticator.authenticate(recorded, once=True)


async def test_a_clock_that_is_set_forward_and_back_again_makes_no_old_request_new(
    authenticator: RequestAuthenticator, replays: Replays, key: IssuedAccessKey, clock: SetClock
) -> None:
    await minutes_pass(replays, clock, 60)
    recorded = signed(key, clock)
    await authenticator.authenticate(recorded, once=True)
    clock.step(timedelta(days=1))
    await minutes_pass(replays, clock, 10)
    clock.step(timedelta(days=-1))
    with pytest.raises(RequestRepeatedError):
        await authenticator.authenticate(recorded, once=True)


async def test_a_clock_that_is_set_back_makes_no_old_request_new(
    authenticator: RequestAuthenticator, replays: Replays, key: IssuedAccessKey, clock: SetClock
) -> None:
    recorded = signed(key, clock)
    await authenticator.authenticate(recorded, once=True)
    await minutes_pass(replays, clock, 20)
    clock.step(timedelta(minutes=-15))
    with pytest.raises(RequestRepeatedError):
        await authenticator.authenticate(recorded, once=True)
