"""A world with one user in it: a clock that is set by hand, and everything that tells who asks."""

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from tests.support.memory_credentials import MemoryCredentials
from tests.support.set_clock import SetClock
from vacate.domain.topology import ProjectId
from vacate.iam.authenticator import RequestAuthenticator
from vacate.iam.directory import UserDirectory
from vacate.iam.passwords import Passwords
from vacate.iam.sealing import Sealer
from vacate.iam.tokens import TokenService

PROJECTS = {"north": ProjectId("p-north"), "south": ProjectId("p-south")}


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def credentials() -> MemoryCredentials:
    return MemoryCredentials()


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(bytes(range(32)))


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    yield passwords
    passwords.close()


@pytest.fixture
def directory(credentials: MemoryCredentials, passwords: Passwords, sealer: Sealer, clock: SetClock) -> UserDirectory:
    return UserDirectory(credentials=credentials, passwords=passwords, sealer=sealer, clock=clock)


@pytest.fixture
def tokens(credentials: MemoryCredentials, passwords: Passwords, clock: SetClock) -> TokenService:
    return TokenService(credentials=credentials, passwords=passwords, projects=PROJECTS, clock=clock)


@pytest.fixture
def authenticator(
    credentials: MemoryCredentials, sealer: Sealer, tokens: TokenService, clock: SetClock
) -> RequestAuthenticator:
    return RequestAuthenticator(credentials, sealer, tokens, clock)
