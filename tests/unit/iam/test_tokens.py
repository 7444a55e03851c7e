"""Tokens: issued for a password, good for one project and one day."""

from datetime import timedelta

import pytest

from tests.support.memory_credentials import MemoryCredentials
from tests.support.set_clock import SetClock
from vacate.domain.errors import (
    PasswordInvalidError,
    ProjectMismatchError,
    TokenExpiredError,
    TokenInvalidError,
)
from vacate.domain.identity import Role
from vacate.domain.topology import ProjectId
from vacate.iam.directory import UserDirectory
from vacate.iam.tokens import LIFETIME, TokenService

PASSWORD = "correct horse"  # noqa: S105 - the tests' own.


@pytest.fixture(autouse=True)
async def ana(directory: UserDirectory) -> None:
    await directory.add_user(name="ana", domain="acme", password=PASSWORD)
    await directory.grant(name="ana", domain="acme", project_id=ProjectId("p-north"), role=Role.OPERATOR)


async def issue(tokens: TokenService, project: str = "north", password: str = PASSWORD) -> str:
    return (await tokens.issue(user="ana", domain="acme", password=password, project=project)).value


@pytest.mark.parametrize("project", ["north", "p-north"])
async def test_a_project_is_named_by_name_or_by_id(tokens: TokenService, project: str, clock: SetClock) -> None:
    record = await tokens.inspect(await issue(tokens, project))
    assert record.project_id == "p-north"
    assert record.user.name == "ana"
    assert record.issued_at == clock.now
    assert record.expires_at == clock.now + timedelta(hours=24)


@pytest.mark.parametrize("project", ["south", "p-south", "nowhere", "", "\0", "\ud800"])
async def test_a_project_without_a_role_gives_no_token(tokens: TokenService, project: str) -> None:
    with pytest.raises(ProjectMismatchError):
        await issue(tokens, project)


@pytest.mark.parametrize(
    ("user", "domain", "password"),
    [
        ("ana", "acme", "wrong"),
        ("ana", "acme", ""),
        ("ana", "other", PASSWORD),
        ("bob", "acme", PASSWORD),
        ("\0", "\ud800", "\ud800"),
    ],
)
@pytest.mark.parametrize("project", ["north", "nowhere"])
async def test_whoever_does_not_know_the_password_learns_nothing_else(
    tokens: TokenService, user: str, domain: str, password: str, project: str
) -> None:
    with pytest.raises(PasswordInvalidError):
        await tokens.issue(user=user, domain=domain, password=password, project=project)


async def test_a_user_without_a_password_cannot_sign_in(directory: UserDirectory, tokens: TokenService) -> None:
    await directory.add_user(name="robot", domain="acme")
    with pytest.raises(PasswordInvalidError):
        await tokens.issue(user="robot", domain="acme", password="", project="north")


async def test_the_value_of_a_token_is_not_kept(tokens: TokenService, credentials: MemoryCredentials) -> None:
    value = await issue(tokens)
    assert len(value) >= 43
    assert value not in repr(credentials.tokens)
    assert value != await issue(tokens)


async def test_a_new_token_does_not_end_the_old_one(tokens: TokenService) -> None:
    old, new = await issue(tokens), await issue(tokens)
    assert (await tokens.inspect(old)).digest != (await tokens.inspect(new)).digest


async def test_a_token_is_good_until_its_day_is_over(tokens: TokenService, clock: SetClock) -> None:
    value = await issue(tokens)
    clock.now += LIFETIME - timedelta(microseconds=1)
    await tokens.inspect(value)
    clock.now += timedelta(microseconds=1)
    with pytest.raises(TokenExpiredError, match=r"expires_at: 2026-01-03T03:04:05\.678901Z"):
        await tokens.inspect(value)


async def test_a_revoked_token_is_gone(tokens: TokenService) -> None:
    value, other = await issue(tokens), await issue(tokens)
    await tokens.revoke(value)
    with pytest.raises(TokenInvalidError):
        await tokens.inspect(value)
    with pytest.raises(TokenInvalidError):
        await tokens.revoke(value)
    await tokens.inspect(other)


@pytest.mark.parametrize("value", ["", "nonsense", "é", "\ud800", "\0", "x" * 10_000])
async def test_no_other_value_is_a_token(tokens: TokenService, value: str) -> None:
    with pytest.raises(TokenInvalidError):
        await tokens.inspect(value)
    with pytest.raises(TokenInvalidError):
        await tokens.revoke(value)


async def test_a_token_of_a_disabled_user_is_gone(directory: UserDirectory, tokens: TokenService) -> None:
    value = await issue(tokens)
    await directory.disable_user(name="ana", domain="acme")
    with pytest.raises(TokenInvalidError):
        await tokens.inspect(value)
