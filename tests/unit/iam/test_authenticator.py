"""Who asks: which proof counts, and what an actor is allowed by it."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.memory_credentials import MemoryCredentials
from tests.support.memory_requests import MemoryRequests
from tests.support.set_clock import SetClock
from tests.unit.iam.conftest import LOCKED_FOR
from vacate.api.signing import sign
from vacate.domain.access.identity import CredentialKind, Grant, Role
from vacate.domain.errors import (
    AccessKeyExpiredError,
    AccessKeyLockedError,
    AccessKeyUnknownError,
    AuthenticationError,
    CredentialsMissingError,
    SecurityTokenInvalidError,
    SignatureExpiredError,
    SignatureInvalidError,
    StoreUnavailableError,
    ThrottledError,
    TokenExpiredError,
    TokenInvalidError,
)
from vacate.domain.topology.components import ProjectId
from vacate.iam.authenticator import RequestAuthenticator
from vacate.iam.directory import IssuedAccessKey, UserDirectory
from vacate.iam.lockout import Lockout
from vacate.iam.replays import Replays
from vacate.iam.sealing import Sealer
from vacate.iam.temporary import TemporaryKeyService
from vacate.iam.throttle import Throttle
from vacate.iam.tokens import TokenService, digest_of
from vacate.operations.access.ports import IssuedTemporaryKey, Presented, ProjectScope

NORTH = Grant(project_id=ProjectId("p-north"), role=Role.OPERATOR)
SOUTH = Grant(project_id=ProjectId("p-south"), role=Role.VIEWER)
PASSWORD = "correct horse"  # noqa: S105 - the tests' own.
Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class Ana:
    """A user with two roles, an access key and a token for one of her projects."""

    user_id: str
    key: IssuedAccessKey
    token: str

    def signed(self, clock: SetClock, body: bytes = b"{}", **headers: str) -> Headers:
        """The headers of a request of hers."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        secret = self.key.secret_key.encode()
        signed = sign(
            method="POST",
            url="http://127.0.0.1:8686/v3/x",
            headers=sent,
            body=body,
            access_key=self.key.access_key,
            secret=secret,
            at=clock.now,
        )
        return tuple((name.lower().encode(), value.encode()) for name, value in signed.items())


@pytest.fixture
async def ana(directory: UserDirectory, tokens: TokenService) -> Ana:
    user = await directory.add_user(name="ana", domain="acme", password=PASSWORD)
    for grant in (NORTH, SOUTH):
        await directory.grant(name="ana", domain="acme", project_id=grant.project_id, role=grant.role)
    key = await directory.create_access_key(name="ana", domain="acme")
    issued = await tokens.issue(user="ana", domain="acme", password=PASSWORD, scope=ProjectScope(name="north"))
    return Ana(user_id=user.id, key=key, token=issued.value)


def request(headers: Headers, body: bytes = b"{}") -> Presented:
    return Presented(
        method="POST",
        path=b"/v3/x",
        query=b"",
        headers=headers,
        body=body,
        source_address="203.0.113.9",
        request_id="r1",
    )


async def test_a_signature_proves_the_owner_of_the_access_key(
    authenticator: RequestAuthenticator, ana: Ana, clock: SetClock
) -> None:
    actor = await authenticator.authenticate(request(ana.signed(clock)))
    assert actor.user_id == ana.user_id
    assert (actor.user_name, actor.domain) == ("ana", "acme")
    assert set(actor.grants) == {NORTH, SOUTH}
    assert actor.credential_kind is CredentialKind.ACCESS_KEY
    assert actor.credential == ana.key.access_key
    assert actor.source_address == "203.0.113.9"
    assert actor.request_id == "r1"


async def test_a_token_proves_its_user_in_its_project_only(authenticator: RequestAuthenticator, ana: Ana) -> None:
    actor = await authenticator.authenticate(request(((b"x-auth-token", ana.token.encode()),)))
    assert actor.user_id == ana.user_id
    assert actor.grants == (NORTH,)
    assert actor.credential_kind is CredentialKind.TOKEN
    assert actor.credential == digest_of(ana.token).hex()[:12]
    assert actor.credential not in ana.token


async def test_a_signature_counts_more_than_a_token(
    authenticator: RequestAuthenticator, ana: Ana, clock: SetClock
) -> None:
    both = ana.signed(clock, X_Auth_Token=ana.token)
    assert (await authenticator.authenticate(request(both))).credential_kind is CredentialKind.ACCESS_KEY
    with pytest.raises(SignatureInvalidError):
        await authenticator.authenticate(request(both, b'{"changed": true}'))


@pytest.mark.parametrize("scheme", [b"Bearer x", b"Basic YTpi", b"SDK-HMAC-SHA512 x", b"\xff", b""])
async def test_an_unknown_scheme_is_passed_over(authenticator: RequestAuthenticator, ana: Ana, scheme: bytes) -> None:
    other: Headers = ((b"authorization", scheme),)
    token = (b"x-auth-token", ana.token.encode())
    assert (await authenticator.authenticate(request((*other, token)))).user_id == ana.user_id
    with pytest.raises(CredentialsMissingError):
        await authenticator.authenticate(request(other))


async def test_a_request_without_any_proof_is_refused(authenticator: RequestAuthenticator) -> None:
    with pytest.raises(CredentialsMissingError):
        await authenticator.authenticate(request(()))


async def test_an_unknown_access_key_is_refused_by_name(
    authenticator: RequestAuthenticator, ana: Ana, clock: SetClock
) -> None:
    stranger = Ana(user_id="", key=IssuedAccessKey(access_key="AKSTRANGER", secret_key=ana.key.secret_key), token="")
    with pytest.raises(AccessKeyUnknownError, match="ak AKSTRANGER not exist"):
        await authenticator.authenticate(request(stranger.signed(clock)))


async def test_a_wrong_secret_key_is_refused(authenticator: RequestAuthenticator, ana: Ana, clock: SetClock) -> None:
    guess = Ana(
        user_id="", key=IssuedAccessKey(access_key=ana.key.access_key, secret_key=ana.key.secret_key[::-1]), token=""
    )
    with pytest.raises(SignatureInvalidError):
        await authenticator.authenticate(request(guess.signed(clock)))


async def test_proofs_end_with_time(authenticator: RequestAuthenticator, ana: Ana, clock: SetClock) -> None:
    signed = ana.signed(clock)
    clock.now += timedelta(hours=24)
    with pytest.raises(SignatureExpiredError):
        await authenticator.authenticate(request(signed))
    with pytest.raises(TokenExpiredError):
        await authenticator.authenticate(request(((b"x-auth-token", ana.token.encode()),)))


async def test_a_proof_sent_twice_is_refused(authenticator: RequestAuthenticator, ana: Ana, clock: SetClock) -> None:
    signed = ana.signed(clock)
    authorization = next(pair for pair in signed if pair[0] == b"authorization")
    with pytest.raises(SignatureInvalidError, match="more than once"):
        await authenticator.authenticate(request((*signed, authorization)))
    with pytest.raises(SignatureInvalidError, match="more than once"):
        await authenticator.authenticate(request(((b"authorization", b"Bearer x"), *signed)))
    token = (b"x-auth-token", ana.token.encode())
    with pytest.raises(TokenInvalidError):
        await authenticator.authenticate(request((token, token)))


@pytest.mark.parametrize("value", [b"", b"\xff\x00", "é".encode(), b"x" * 10_000])
async def test_a_token_of_any_bytes_is_merely_unknown(authenticator: RequestAuthenticator, value: bytes) -> None:
    with pytest.raises(TokenInvalidError):
        await authenticator.authenticate(request(((b"x-auth-token", value),)))


async def test_a_demotion_works_at_once(
    authenticator: RequestAuthenticator, directory: UserDirectory, ana: Ana, clock: SetClock
) -> None:
    await directory.grant(name="ana", domain="acme", project_id=NORTH.project_id, role=Role.VIEWER)
    lower = Grant(project_id=NORTH.project_id, role=Role.VIEWER)
    assert lower in (await authenticator.authenticate(request(ana.signed(clock)))).grants
    by_token = await authenticator.authenticate(request(((b"x-auth-token", ana.token.encode()),)))
    assert by_token.grants == (lower,)


async def test_a_disabled_access_key_or_user_is_unknown(
    authenticator: RequestAuthenticator, directory: UserDirectory, ana: Ana, clock: SetClock
) -> None:
    other = await directory.create_access_key(name="ana", domain="acme")
    await directory.disable_access_key(ana.key.access_key)
    with pytest.raises(AccessKeyUnknownError):
        await authenticator.authenticate(request(ana.signed(clock)))
    second = Ana(user_id=ana.user_id, key=other, token="")
    await authenticator.authenticate(request(second.signed(clock)))
    await directory.disable_user(name="ana", domain="acme")
    with pytest.raises(AccessKeyUnknownError):
        await authenticator.authenticate(request(second.signed(clock)))
    with pytest.raises(TokenInvalidError):
        await authenticator.authenticate(request(((b"x-auth-token", ana.token.encode()),)))


async def test_another_sealing_key_is_the_services_fault_and_said_so(
    credentials: MemoryCredentials, tokens: TokenService, replays: Replays, ana: Ana, clock: SetClock
) -> None:
    authenticator = RequestAuthenticator(
        credentials=credentials,
        sealer=Sealer(bytes(32)),
        tokens=tokens,
        lockout=Lockout(after=5, hold=LOCKED_FOR, seconds=clock.seconds),
        throttle=Throttle(per_second=0),
        replays=replays,
        clock=clock,
    )
    with pytest.raises(StoreUnavailableError, match="VACATE_SECRET_KEY"):
        await authenticator.authenticate(request(ana.signed(clock)))


async def test_a_step_of_the_wall_clock_neither_frees_nor_prolongs_a_lock(
    authenticator: RequestAuthenticator, ana: Ana, clock: SetClock
) -> None:
    for _ in range(5):
        with pytest.raises(SignatureInvalidError):
            await authenticator.authenticate(request(guess_of(ana).signed(clock)))
    for step in (timedelta(hours=1), timedelta(hours=-2)):
        clock.step(step)
        with pytest.raises(AccessKeyLockedError):
            await authenticator.authenticate(request(ana.signed(clock)))
    clock.now += LOCKED_FOR
    await authenticator.authenticate(request(ana.signed(clock)))


# --- temporary access keys -------------------------------------------------------------------------------------------


async def temporary(ana: Ana, keys: TemporaryKeyService, token: str | None = None) -> tuple[Ana, IssuedTemporaryKey]:
    """Ana with a temporary access key made from a token."""
    issued = await keys.issue(token=token or ana.token, lifetime=timedelta(minutes=15))
    key = IssuedAccessKey(access_key=issued.access_key, secret_key=issued.secret_key)
    return Ana(user_id=ana.user_id, key=key, token=ana.token), issued


@pytest.mark.parametrize("is_signed", [True, False])
async def test_a_temporary_access_key_proves_its_user_in_the_project_of_its_token(
    authenticator: RequestAuthenticator,
    temporary_keys: TemporaryKeyService,
    ana: Ana,
    clock: SetClock,
    is_signed: bool,  # noqa: FBT001 - a case
) -> None:
    holder, issued = await temporary(ana, temporary_keys)
    if is_signed:
        headers = holder.signed(clock, X_Security_Token=issued.security_token)
    else:
        headers = (*holder.signed(clock), (b"x-security-token", issued.security_token.encode()))
    actor = await authenticator.authenticate(request(headers))
    assert (actor.user_id, actor.grants) == (ana.user_id, (NORTH,))
    assert (actor.credential_kind, actor.credential) == (CredentialKind.ACCESS_KEY, issued.access_key)


async def test_a_temporary_access_key_of_an_unscoped_token_is_good_for_every_project_of_its_user(
    authenticator: RequestAuthenticator,
    temporary_keys: TemporaryKeyService,
    tokens: TokenService,
    directory: UserDirectory,
    ana: Ana,
    clock: SetClock,
) -> None:
    unscoped = await tokens.issue(user="ana", domain="acme", password=PASSWORD, scope=None)
    holder, issued = await temporary(ana, temporary_keys, unscoped.value)
    headers = holder.signed(clock, X_Security_Token=issued.security_token)
    assert set((await authenticator.authenticate(request(headers))).grants) == {NORTH, SOUTH}
    lower = Grant(project_id=NORTH.project_id, role=Role.VIEWER)
    await directory.grant(name="ana", domain="acme", project_id=lower.project_id, role=lower.role)
    assert set((await authenticator.authenticate(request(headers))).grants) == {lower, SOUTH}


async def test_a_temporary_access_key_without_its_own_security_token_is_refused(
    authenticator: RequestAuthenticator, temporary_keys: TemporaryKeyService, ana: Ana, clock: SetClock
) -> None:
    holder, issued = await temporary(ana, temporary_keys)
    _, other = await temporary(ana, temporary_keys)
    signed, mine = holder.signed(clock), (b"x-security-token", issued.security_token.encode())
    for headers, words in (
        (signed, "send its security token"),
        ((*signed, (b"x-security-token", b"")), "send its security token"),
        ((*signed, (b"x-security-token", other.security_token.encode())), "another one's"),
        ((*signed, (b"x-security-token", b"\xff\x00")), "another one's"),
        ((*signed, mine, mine), "more than once"),
    ):
        with pytest.raises(SecurityTokenInvalidError, match=words):
            await authenticator.authenticate(request(headers))


async def test_a_permanent_access_key_takes_no_security_token(
    authenticator: RequestAuthenticator, ana: Ana, clock: SetClock
) -> None:
    with pytest.raises(SecurityTokenInvalidError, match="permanent"):
        await authenticator.authenticate(request(ana.signed(clock, X_Security_Token="some")))  # noqa: S106 - none
    await authenticator.authenticate(request(ana.signed(clock, X_Security_Token="")))


async def test_a_temporary_access_key_ends_with_its_time(
    authenticator: RequestAuthenticator, temporary_keys: TemporaryKeyService, ana: Ana, clock: SetClock
) -> None:
    holder, issued = await temporary(ana, temporary_keys)
    clock.now = issued.expires_at - timedelta(microseconds=1)
    await authenticator.authenticate(request(holder.signed(clock, X_Security_Token=issued.security_token)))
    clock.now = issued.expires_at
    with pytest.raises(AccessKeyExpiredError, match="get a new one"):
        await authenticator.authenticate(request(holder.signed(clock, X_Security_Token=issued.security_token)))


async def test_a_disabled_user_loses_temporary_access_keys_at_once(
    authenticator: RequestAuthenticator,
    temporary_keys: TemporaryKeyService,
    directory: UserDirectory,
    ana: Ana,
    clock: SetClock,
) -> None:
    holder, issued = await temporary(ana, temporary_keys)
    headers = holder.signed(clock, X_Security_Token=issued.security_token)
    await authenticator.authenticate(request(headers))
    await directory.disable_user(name="ana", domain="acme")
    with pytest.raises(AccessKeyUnknownError):
        await authenticator.authenticate(request(headers))
    await directory.enable_user(name="ana", domain="acme")
    with pytest.raises(AccessKeyUnknownError):
        await authenticator.authenticate(request(headers))
    assert (await authenticator.authenticate(request(ana.signed(clock)))).user_id == ana.user_id


async def test_an_unscoped_token_proves_its_user_in_no_project(
    authenticator: RequestAuthenticator, tokens: TokenService, ana: Ana
) -> None:
    issued = await tokens.issue(user="ana", domain="acme", password=PASSWORD, scope=None)
    actor = await authenticator.authenticate(request(((b"x-auth-token", issued.value.encode()),)))
    assert (actor.user_id, actor.grants) == (ana.user_id, ())


# --- guessing and hurrying -------------------------------------------------------------------------------------------


def guess_of(ana: Ana) -> Ana:
    key = IssuedAccessKey(access_key=ana.key.access_key, secret_key=ana.key.secret_key[::-1])
    return Ana(user_id="", key=key, token="")


async def test_after_five_wrong_signatures_even_the_right_one_is_refused_for_a_while(
    authenticator: RequestAuthenticator, directory: UserDirectory, ana: Ana, clock: SetClock
) -> None:
    for _ in range(5):
        with pytest.raises(SignatureInvalidError):
            await authenticator.authenticate(request(guess_of(ana).signed(clock)))
    with pytest.raises(AccessKeyLockedError, match="AK access failed to reach the limit,forbidden"):
        await authenticator.authenticate(request(ana.signed(clock)))
    # Another key of hers, and her token, have nothing to do with it.
    other = Ana(user_id="", key=await directory.create_access_key(name="ana", domain="acme"), token="")
    await authenticator.authenticate(request(other.signed(clock)))
    await authenticator.authenticate(request(((b"x-auth-token", ana.token.encode()),)))
    clock.now += LOCKED_FOR
    await authenticator.authenticate(request(ana.signed(clock)))


async def test_a_right_signature_in_between_forgives_the_wrong_ones(
    authenticator: RequestAuthenticator, ana: Ana, clock: SetClock
) -> None:
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(SignatureInvalidError):
                await authenticator.authenticate(request(guess_of(ana).signed(clock)))
        await authenticator.authenticate(request(ana.signed(clock)))


async def test_what_cannot_be_a_guess_does_not_lock(
    authenticator: RequestAuthenticator, ana: Ana, clock: SetClock
) -> None:
    signed = ana.signed(clock)
    clock.now += timedelta(minutes=16)
    for _ in range(6):
        with pytest.raises(SignatureExpiredError):
            await authenticator.authenticate(request(signed))
        with pytest.raises(SignatureInvalidError, match="not sent"):
            await authenticator.authenticate(request(tuple(h for h in ana.signed(clock) if h[0] != b"host")))
    await authenticator.authenticate(request(ana.signed(clock)))


async def test_each_access_key_and_each_user_may_ask_for_so_much_a_second(
    credentials: MemoryCredentials,
    sealer: Sealer,
    tokens: TokenService,
    temporary_keys: TemporaryKeyService,
    throttle: Throttle,
    ana: Ana,
    clock: SetClock,
) -> None:
    authenticator = RequestAuthenticator(
        credentials=credentials,
        sealer=sealer,
        tokens=tokens,
        lockout=Lockout(after=0, hold=LOCKED_FOR, seconds=clock.seconds),
        throttle=throttle,
        replays=Replays(seen=MemoryRequests(), clock=clock),
        clock=clock,
    )
    # Nobody else can use up her share: what is not proved is not counted.
    for _ in range(10):
        with pytest.raises(SignatureInvalidError):
            await authenticator.authenticate(request(guess_of(ana).signed(clock)))
    for _ in range(2):
        await authenticator.authenticate(request(ana.signed(clock)))
    with pytest.raises(ThrottledError) as refused:
        await authenticator.authenticate(request(ana.signed(clock)))
    assert refused.value.retry_after == timedelta(seconds=0.5)
    # Tokens and temporary keys share what their user may ask for, however many of them there are.
    first, issued = await temporary(ana, temporary_keys)
    await authenticator.authenticate(request(((b"x-auth-token", ana.token.encode()),)))
    await authenticator.authenticate(request(first.signed(clock, X_Security_Token=issued.security_token)))
    second, another = await temporary(ana, temporary_keys)
    with pytest.raises(ThrottledError):
        await authenticator.authenticate(request(second.signed(clock, X_Security_Token=another.security_token)))
    clock.now += timedelta(seconds=0.5)
    await authenticator.authenticate(request(ana.signed(clock)))


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    headers=st.lists(
        st.tuples(
            st.sampled_from([b"authorization", b"x-auth-token", b"x-sdk-date", b"host"]),
            st.one_of(
                st.binary(max_size=30),
                st.builds(
                    b"SDK-HMAC-SHA256 Access=%b, SignedHeaders=%b, Signature=%b".__mod__,
                    st.tuples(
                        st.sampled_from([b"KNOWN", b"OTHER", b"\xe9"]),
                        st.sampled_from([b"host;x-sdk-date", b"x-sdk-date", b";"]),
                        st.sampled_from([b"00", b"\xff", b""]),
                    ),
                ),
                st.just(b"20260102T030405Z"),
            ),
        ),
        max_size=5,
    ),
    body=st.binary(max_size=10),
)
def test_whatever_is_sent_is_refused_and_nothing_worse(
    authenticator: RequestAuthenticator,
    credentials: MemoryCredentials,
    sealer: Sealer,
    directory: UserDirectory,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
) -> None:
    async def attempt() -> None:
        if not credentials.users:
            user = await directory.add_user(name="ana", domain="acme")
            credentials.access_keys["KNOWN"] = sealer.seal(b"secret", access_key="KNOWN"), user.id
        with pytest.raises(AuthenticationError):
            await authenticator.authenticate(request(tuple(headers), body))

    asyncio.run(attempt())
