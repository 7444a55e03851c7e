"""Tokens: issued for a password, good for one project and one day."""

import asyncio
import contextlib
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.memory_credentials import MemoryCredentials
from tests.support.set_clock import SetClock
from tests.unit.iam.conftest import LOCKED_FOR
from vacate.domain.access.identity import Role
from vacate.domain.errors import (
    PasswordInvalidError,
    ProjectMismatchError,
    ThrottledError,
    TokenExpiredError,
    TokenInvalidError,
    UserLockedError,
)
from vacate.domain.topology.components import ProjectId
from vacate.iam.directory import UserDirectory
from vacate.iam.limits import SignInLimits
from vacate.iam.lockout import Lockout
from vacate.iam.passwords import Passwords
from vacate.iam.projects import KnownProjects
from vacate.iam.throttle import Throttle
from vacate.iam.tokens import LIFETIME, TokenService
from vacate.operations.access.ports import DomainScope, ProjectScope

PASSWORD = "correct horse"  # noqa: S105 - the tests' own.
BY_NAME = ProjectScope(name="north")
Wanted = ProjectScope | DomainScope | None


@pytest.fixture(autouse=True)
async def ana(directory: UserDirectory) -> None:
    await directory.add_user(name="ana", domain="acme", password=PASSWORD)
    await directory.grant(name="ana", domain="acme", project_id=ProjectId("p-north"), role=Role.OPERATOR)


async def issue(tokens: TokenService, scope: Wanted = BY_NAME, password: str = PASSWORD, user: str = "ana") -> str:
    return (await tokens.issue(user=user, domain="acme", password=password, scope=scope)).value


@pytest.mark.parametrize(
    "scope",
    [
        BY_NAME,
        ProjectScope(id="p-north"),
        ProjectScope(name="north", domain="acme"),
        ProjectScope(id="p-north", name="south", domain="nowhere"),
    ],
)
async def test_a_project_is_named_by_name_or_by_id(tokens: TokenService, scope: ProjectScope, clock: SetClock) -> None:
    record = await tokens.inspect(await issue(tokens, scope))
    assert (record.project_id, record.for_domain) == ("p-north", False)
    assert record.user.name == "ana"
    assert record.issued_at == clock.now
    assert record.expires_at == clock.now + timedelta(hours=24)


@pytest.mark.parametrize("project", ["south", "p-south", "p-north", "nowhere", "", "\0", "\ud800"])
async def test_a_project_without_a_role_gives_no_token(tokens: TokenService, project: str) -> None:
    with pytest.raises(ProjectMismatchError):
        await issue(tokens, ProjectScope(name=project))


@pytest.mark.parametrize("project", ["p-south", "north", "p-nowhere", "\0"])
async def test_the_id_of_a_project_without_a_role_gives_no_token(tokens: TokenService, project: str) -> None:
    with pytest.raises(ProjectMismatchError):
        await issue(tokens, ProjectScope(id=project))


async def test_a_project_of_another_domain_is_another_project(tokens: TokenService) -> None:
    with pytest.raises(ProjectMismatchError):
        await issue(tokens, ProjectScope(name="north", domain="other"))


async def test_a_token_may_be_for_no_project(tokens: TokenService) -> None:
    unscoped = await tokens.inspect(await issue(tokens, None))
    assert (unscoped.project_id, unscoped.for_domain) == (None, False)
    of_domain = await tokens.inspect(await issue(tokens, DomainScope(domain="acme")))
    assert (of_domain.project_id, of_domain.for_domain) == (None, True)
    with pytest.raises(ProjectMismatchError):
        await issue(tokens, DomainScope(domain="other"))


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
@pytest.mark.parametrize("scope", [BY_NAME, ProjectScope(name="nowhere"), DomainScope(domain="other"), None])
async def test_whoever_does_not_know_the_password_learns_nothing_else(
    tokens: TokenService, user: str, domain: str, password: str, scope: Wanted
) -> None:
    with pytest.raises(PasswordInvalidError):
        await tokens.issue(user=user, domain=domain, password=password, scope=scope)


async def test_who_has_signed_in_from_an_address_goes_first_from_there_alone(
    tokens: TokenService, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[tuple[str, bool]] = []
    verify = Passwords.verify

    async def watched(
        self: Passwords, kept: str | None, password: str, *, source: str = "", first: bool = False
    ) -> bool:
        turns.append((source, first))
        return await verify(self, kept, password, source=source, first=first)

    monkeypatch.setattr(Passwords, "verify", watched)

    async def sign_in(source: str, password: str = PASSWORD, user: str = "ana") -> None:
        with contextlib.suppress(PasswordInvalidError):
            await tokens.issue(user=user, domain="acme", password=password, scope=None, source=source)

    await sign_in("10.0.0.1", "wrong")
    await sign_in("10.0.0.1")
    await sign_in("10.0.0.1", "wrong")
    await sign_in("10.0.0.2")
    await sign_in("10.0.0.1", user="nobody")
    assert turns == [
        ("10.0.0.1", False),
        ("10.0.0.1", False),
        ("10.0.0.1", True),
        ("10.0.0.2", False),
        ("10.0.0.1", False),
    ]


async def test_a_user_without_a_password_cannot_sign_in(directory: UserDirectory, tokens: TokenService) -> None:
    await directory.add_user(name="robot", domain="acme")
    with pytest.raises(PasswordInvalidError):
        await tokens.issue(user="robot", domain="acme", password="", scope=None)


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


async def test_another_password_ends_the_tokens_that_came_of_the_old_one(
    directory: UserDirectory, tokens: TokenService
) -> None:
    value = await issue(tokens)
    await directory.set_password(name="ana", domain="acme", password="battery staple")  # noqa: S106 - the tests' own
    with pytest.raises(TokenInvalidError):
        await tokens.inspect(value)
    with pytest.raises(PasswordInvalidError):
        await issue(tokens)
    await issue(tokens, password="battery staple")  # noqa: S106 - the tests' own


# --- guessing and hurrying -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("user", ["ana", "nobody"])
async def test_after_five_wrong_passwords_a_name_is_locked_whether_it_is_a_users_or_not(
    tokens: TokenService, clock: SetClock, user: str
) -> None:
    for _ in range(5):
        with pytest.raises(PasswordInvalidError):
            await issue(tokens, password="wrong", user=user)  # noqa: S106 - it is none
    for password in ("wrong", PASSWORD):
        with pytest.raises(UserLockedError):
            await issue(tokens, password=password, user=user)
    clock.now += LOCKED_FOR
    with pytest.raises(PasswordInvalidError):
        await issue(tokens, password="wrong", user=user)  # noqa: S106 - it is none


async def test_a_lock_is_for_one_name_in_one_domain(directory: UserDirectory, tokens: TokenService) -> None:
    await directory.add_user(name="ana", domain="other", password=PASSWORD)
    for _ in range(5):
        with pytest.raises(PasswordInvalidError):
            await issue(tokens, password="wrong")  # noqa: S106 - it is none
    await tokens.issue(user="ana", domain="other", password=PASSWORD, scope=None)


async def test_names_that_are_made_up_do_not_make_a_users_failures_forgotten(
    credentials: MemoryCredentials, passwords: Passwords, projects: KnownProjects, clock: SetClock
) -> None:
    few = SignInLimits(
        lockout=Lockout(after=5, hold=LOCKED_FOR, seconds=clock.seconds, most=2),
        strangers=Lockout(after=5, hold=LOCKED_FOR, seconds=clock.seconds, most=2),
        throttle=Throttle(per_second=0),
    )
    tokens = TokenService(credentials=credentials, passwords=passwords, projects=projects, limits=few, clock=clock)
    for attempt in range(5):
        for name in ("ana", f"made up {attempt}", f"and more {attempt}"):
            with pytest.raises(PasswordInvalidError):
                await issue(tokens, password="wrong", user=name)  # noqa: S106 - it is none
    with pytest.raises(UserLockedError):
        await issue(tokens)


async def test_guesses_that_are_made_at_once_count_no_less(tokens: TokenService) -> None:
    guesses = [issue(tokens, password="wrong") for _ in range(30)]  # noqa: S106 - it is none
    answers = await asyncio.gather(*guesses, issue(tokens), return_exceptions=True)
    told = [answer for answer in answers if isinstance(answer, PasswordInvalidError)]
    assert len(told) == 5
    # The right one came in the middle of the lock, and was told no more than the others.
    assert isinstance(answers[-1], UserLockedError)


async def test_one_name_may_sign_in_so_often_a_second(
    credentials: MemoryCredentials,
    passwords: Passwords,
    projects: KnownProjects,
    limits: SignInLimits,
    throttle: Throttle,
    clock: SetClock,
) -> None:
    tokens = TokenService(
        credentials=credentials,
        passwords=passwords,
        projects=projects,
        limits=replace(limits, throttle=throttle),
        clock=clock,
    )
    for _ in range(2):
        await issue(tokens)
    with pytest.raises(ThrottledError):
        await issue(tokens)
    with pytest.raises(PasswordInvalidError):
        await issue(tokens, user="bob")
    clock.now += timedelta(seconds=0.5)
    await issue(tokens)
