"""What tells who asks."""

from vacate.domain.durations import duration
from vacate.http.gate import Gate
from vacate.http.iam_v3.routes import IamV3Door
from vacate.iam.authenticator import RequestAuthenticator
from vacate.iam.limits import sign_in_limits
from vacate.iam.lockout import Lockout
from vacate.iam.passwords import Passwords
from vacate.iam.projects import KnownProjects
from vacate.iam.replays import Replays
from vacate.iam.sealing import Sealer
from vacate.iam.temporary import TemporaryKeyService
from vacate.iam.throttle import Throttle
from vacate.iam.tokens import TokenService
from vacate.operations.clock import utc_now
from vacate.settings.file import Settings
from vacate.store.credentials import SqlCredentials
from vacate.telemetry.access_log import TelemetryAccessLog


def access(
    settings: Settings,
    credentials: SqlCredentials,
    passwords: Passwords,
    sealer: Sealer,
    replays: Replays,
    access_log: TelemetryAccessLog,
) -> tuple[IamV3Door, Gate]:
    """What tells who asks, as the gate in front of every call and as a door of its own."""
    access = settings.access
    lockout_after = access.lockout_after if access.lockout else 0
    lockout_for = duration(access.lockout_for, "access.lockout_for")
    projects = KnownProjects(settings.known_projects(), credentials)
    limits = sign_in_limits(lockout_after=lockout_after, lockout_for=lockout_for, per_second=access.sign_ins_per_second)
    tokens = TokenService(credentials=credentials, passwords=passwords, projects=projects, limits=limits, clock=utc_now)
    temporary_keys = TemporaryKeyService(
        credentials=credentials,
        tokens=tokens,
        sealer=sealer,
        throttle=Throttle(per_second=access.sign_ins_per_second),
        clock=utc_now,
    )
    authenticator = RequestAuthenticator(
        credentials=credentials,
        sealer=sealer,
        tokens=tokens,
        lockout=Lockout(after=lockout_after, hold=lockout_for),
        throttle=Throttle(per_second=access.requests_per_second),
        replays=replays,
        clock=utc_now,
    )
    gate = Gate(authenticator, access_log)
    door = IamV3Door(
        gate=gate,
        tokens=tokens,
        temporary_keys=temporary_keys,
        projects=projects,
        regions=settings.known_regions(),
        endpoint=settings.service.endpoint,
    )
    return door, gate
