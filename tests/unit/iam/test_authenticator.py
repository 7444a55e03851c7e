"""Who asks: which proof counts, and what an actor is allowed by it."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.memory_credentials import MemoryCredentials
from tests.support.set_clock import SetClock
from vacate.domain.errors import (
    AccessKeyUnknownError,
    AuthenticationError,
    CredentialsMissingError,
    SignatureExpiredError,
    SignatureInvalidError,
    StoreUnavailableError,
    TokenExpiredError,
    TokenInvalidError,
)
from vacate.domain.identity import CredentialKind, Grant, Role
from vacate.domain.topology import ProjectId
from vacate.iam.authenticator import RequestAuthenticator
from vacate.iam.directory import IssuedAccessKey, UserDirectory
from vacate.iam.sealing import Sealer
from vacate.iam.signature import sign
from vacate.iam.tokens import TokenService, digest_of
from vacate.operations.access import Presented

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
    issued = await tokens.issue(user="ana", domain="acme", password=PASSWORD, project="north")
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
    assert actor.user_name == "ana"
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


@pytest.mark.parametrize("scheme", [b"Bearer x", b"Basic YTpi", b"SDK-HMAC-SM3 x", b"\xff", b""])
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
    credentials: MemoryCredentials, tokens: TokenService, ana: Ana, clock: SetClock
) -> None:
    authenticator = RequestAuthenticator(credentials, Sealer(bytes(32)), tokens, clock)
    with pytest.raises(StoreUnavailableError, match="VACATE_SECRET_KEY"):
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
