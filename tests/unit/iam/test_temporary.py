"""Temporary access keys: what they are made from, and when they end."""

from datetime import timedelta

import pytest

from tests.support.memory_credentials import MemoryCredentials
from tests.support.set_clock import SetClock
from vacate.domain.access.identity import Role
from vacate.domain.errors import ThrottledError, TokenExpiredError, TokenInvalidError
from vacate.domain.topology.components import ProjectId
from vacate.iam.directory import UserDirectory
from vacate.iam.sealing import Sealer
from vacate.iam.temporary import TemporaryKeyService
from vacate.iam.throttle import Throttle
from vacate.iam.tokens import LIFETIME, TokenService
from vacate.operations.access.ports import ProjectScope

PASSWORD = "correct horse"  # noqa: S105 - the tests' own.
QUARTER = timedelta(minutes=15)


@pytest.fixture
async def token(directory: UserDirectory, tokens: TokenService) -> str:
    await directory.add_user(name="ana", domain="acme", password=PASSWORD)
    await directory.grant(name="ana", domain="acme", project_id=ProjectId("p-north"), role=Role.OPERATOR)
    scope = ProjectScope(name="north")
    return (await tokens.issue(user="ana", domain="acme", password=PASSWORD, scope=scope)).value


async def test_neither_its_secret_nor_its_security_token_is_kept_in_plain(
    temporary_keys: TemporaryKeyService, credentials: MemoryCredentials, sealer: Sealer, token: str
) -> None:
    issued = await temporary_keys.issue(token=token, lifetime=QUARTER)
    assert issued.secret_key not in repr(issued)
    assert issued.security_token not in repr(issued)
    kept = credentials.temporary_keys[issued.access_key]
    assert issued.secret_key not in repr(kept)
    assert issued.security_token not in repr(kept)
    assert sealer.open(kept.sealed_secret, access_key=issued.access_key) == issued.secret_key.encode()


async def test_each_is_another_one(temporary_keys: TemporaryKeyService, token: str) -> None:
    first, second = [await temporary_keys.issue(token=token, lifetime=QUARTER) for _ in range(2)]
    assert first.access_key != second.access_key
    assert first.secret_key != second.secret_key
    assert first.security_token != second.security_token


async def test_it_lasts_as_long_as_was_asked_and_never_longer_than_its_token(
    temporary_keys: TemporaryKeyService, tokens: TokenService, token: str, clock: SetClock
) -> None:
    assert (await temporary_keys.issue(token=token, lifetime=QUARTER)).expires_at == clock.now + QUARTER
    clock.now += LIFETIME - timedelta(minutes=1)
    end = (await tokens.inspect(token)).expires_at
    assert (await temporary_keys.issue(token=token, lifetime=QUARTER)).expires_at == end


async def test_it_ends_with_the_token_it_was_made_from(
    temporary_keys: TemporaryKeyService, tokens: TokenService, credentials: MemoryCredentials, token: str
) -> None:
    issued = await temporary_keys.issue(token=token, lifetime=QUARTER)
    assert await credentials.access_key(issued.access_key) is not None
    await tokens.revoke(token)
    assert await credentials.access_key(issued.access_key) is None


async def test_without_a_token_that_works_there_is_none(
    temporary_keys: TemporaryKeyService, tokens: TokenService, token: str, clock: SetClock
) -> None:
    with pytest.raises(TokenInvalidError):
        await temporary_keys.issue(token="nonsense", lifetime=QUARTER)  # noqa: S106 - it is none
    clock.now += LIFETIME
    with pytest.raises(TokenExpiredError):
        await temporary_keys.issue(token=token, lifetime=QUARTER)
    clock.now -= LIFETIME
    await tokens.revoke(token)
    with pytest.raises(TokenInvalidError):
        await temporary_keys.issue(token=token, lifetime=QUARTER)


async def test_a_token_that_is_revoked_in_the_same_moment_gives_none(
    temporary_keys: TemporaryKeyService, credentials: MemoryCredentials, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_late(_key: object) -> bool:
        return False

    monkeypatch.setattr(credentials, "add_temporary_key", too_late)
    with pytest.raises(TokenInvalidError):
        await temporary_keys.issue(token=token, lifetime=QUARTER)


async def test_one_user_may_make_so_many_a_second(
    credentials: MemoryCredentials,
    tokens: TokenService,
    sealer: Sealer,
    throttle: Throttle,
    token: str,
    clock: SetClock,
) -> None:
    keys = TemporaryKeyService(credentials=credentials, tokens=tokens, sealer=sealer, throttle=throttle, clock=clock)
    for _ in range(2):
        await keys.issue(token=token, lifetime=QUARTER)
    with pytest.raises(ThrottledError):
        await keys.issue(token=token, lifetime=QUARTER)
