"""A world with one user in it: a clock that is set by hand, and everything that tells who asks."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from argon2 import PasswordHasher

from tests.support.memory_credentials import MemoryCredentials
from tests.support.memory_requests import MemoryRequests
from tests.support.set_clock import SetClock
from vacate.domain.topology.components import ProjectId
from vacate.iam.authenticator import RequestAuthenticator
from vacate.iam.directory import UserDirectory
from vacate.iam.limits import SignInLimits, sign_in_limits
from vacate.iam.lockout import Lockout
from vacate.iam.passwords import Passwords
from vacate.iam.projects import KnownProjects
from vacate.iam.replays import Replays
from vacate.iam.sealing import Sealer
from vacate.iam.temporary import TemporaryKeyService
from vacate.iam.throttle import Throttle
from vacate.iam.tokens import TokenService
from vacate.operations.access.ports import Project

PROJECTS = (
    Project(id=ProjectId("p-north"), name="north", domain="acme"),
    Project(id=ProjectId("p-south"), name="south", domain="acme"),
    Project(id=ProjectId("p-east"), name="east", domain="other"),
)
LOCKED_FOR = timedelta(minutes=5)


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
def projects(credentials: MemoryCredentials) -> KnownProjects:
    return KnownProjects(PROJECTS, credentials)


@pytest.fixture
def limits(clock: SetClock) -> SignInLimits:
    return sign_in_limits(lockout_after=5, lockout_for=LOCKED_FOR, per_second=0, seconds=clock.seconds)


@pytest.fixture
def tokens(
    credentials: MemoryCredentials,
    passwords: Passwords,
    projects: KnownProjects,
    limits: SignInLimits,
    clock: SetClock,
) -> TokenService:
    return TokenService(credentials=credentials, passwords=passwords, projects=projects, limits=limits, clock=clock)


@pytest.fixture
def temporary_keys(
    credentials: MemoryCredentials, tokens: TokenService, sealer: Sealer, clock: SetClock
) -> TemporaryKeyService:
    return TemporaryKeyService(
        credentials=credentials, tokens=tokens, sealer=sealer, throttle=Throttle(per_second=0), clock=clock
    )


@pytest.fixture
def throttle(clock: SetClock) -> Throttle:
    """Two requests a second, by the clock that is set by hand."""

    def seconds() -> float:
        return clock.now.timestamp()

    return Throttle(per_second=2, seconds=seconds)


@pytest.fixture
def seen() -> MemoryRequests:
    return MemoryRequests()


@pytest.fixture
def replays(seen: MemoryRequests, clock: SetClock) -> Replays:
    return Replays(seen=seen, clock=clock, seconds=clock.seconds)


@pytest.fixture
def authenticator(
    credentials: MemoryCredentials, sealer: Sealer, tokens: TokenService, replays: Replays, clock: SetClock
) -> RequestAuthenticator:
    return RequestAuthenticator(
        credentials=credentials,
        sealer=sealer,
        tokens=tokens,
        lockout=Lockout(after=5, hold=LOCKED_FOR, seconds=clock.seconds),
        throttle=Throttle(per_second=0),
        replays=replays,
        clock=clock,
    )
