"""Tokens: signed in with a password once, then a random value that stands for user and project for a day."""

import hashlib
import secrets
from collections import OrderedDict
from datetime import UTC, datetime, timedelta

from vacate.domain.errors import (
    PasswordInvalidError,
    ProjectMismatchError,
    TokenExpiredError,
    TokenInvalidError,
    UserLockedError,
)
from vacate.domain.topology.components import ProjectId
from vacate.iam.limits import SignInLimits
from vacate.iam.passwords import Passwords
from vacate.iam.projects import KnownProjects
from vacate.operations.access.ports import Credentials, DomainScope, IssuedToken, ProjectScope, TokenRecord, User
from vacate.operations.ports import Clock

LIFETIME = timedelta(hours=24)

_VALUE_BYTES = 32
_MOST_FAMILIAR = 1_000


class TokenService:
    """Issues, inspects and revokes tokens. Only their digests are kept, so the store gives none away."""

    def __init__(
        self,
        *,
        credentials: Credentials,
        passwords: Passwords,
        projects: KnownProjects,
        limits: SignInLimits,
        clock: Clock,
    ) -> None:
        """Take what is asked for users, passwords and projects, and how often somebody may try."""
        self._credentials = credentials
        self._passwords = passwords
        self._projects = projects
        self._limits = limits
        self._clock = clock
        # Who has signed in from where. Only whoever shares the address could tell by the time that it takes.
        self._familiar: OrderedDict[tuple[str, bytes], None] = OrderedDict()

    async def issue(
        self, *, user: str, domain: str, password: str, scope: ProjectScope | DomainScope | None, source: str = ""
    ) -> IssuedToken:
        """Give a token for a project, for the user's domain, or for neither.

        `source` is the address that asks; addresses take turns where many wait for their password to be checked. The
        password is checked first: nothing about projects is told to who does not know it.

        Raises:
            PasswordInvalidError: user, domain or password is wrong.
            UserLockedError: too many of these in a row.
            ThrottledError: too many sign-ins at once.
            ProjectMismatchError: no such project or domain, or the user has no role in it.
            StoreUnavailableError: the store does not answer.
        """
        known = await self._proved(user, domain, password, source)
        project_id = self._project_for(known, scope)
        value = secrets.token_urlsafe(_VALUE_BYTES)
        now = self._clock()
        record = TokenRecord(
            digest=digest_of(value),
            user=known,
            project_id=project_id,
            for_domain=isinstance(scope, DomainScope),
            issued_at=now,
            expires_at=now + LIFETIME,
        )
        await self._credentials.add_token(record)
        return IssuedToken(value=value, record=record)

    async def _proved(self, name: str, domain: str, password: str, source: str) -> User:
        """The user, if this is their password. Names that nobody has are treated no other way than the others."""
        tried = digest_of(f"{domain}\0{name}")
        self._limits.throttle.take(tried)
        known = await self._credentials.user(name=name, domain=domain)
        lockout = self._limits.lockout if known else self._limits.strangers
        if lockout.locked(tried):
            raise UserLockedError
        here = (source, tried)
        fits = await self._passwords.verify(
            known.password_hash if known else None, password, source=source, first=here in self._familiar
        )
        if lockout.locked(tried):
            # Others guessed wrong while this one was checked; what came of it is not told any more.
            raise UserLockedError
        if known is None or not fits:
            lockout.failed(tried)
            raise PasswordInvalidError
        lockout.succeeded(tried)
        self._familiar[here] = None
        self._familiar.move_to_end(here)
        if len(self._familiar) > _MOST_FAMILIAR:
            self._familiar.popitem(last=False)
        return known

    def _project_for(self, user: User, scope: ProjectScope | DomainScope | None) -> ProjectId | None:
        match scope:
            case None:
                return None
            case DomainScope(domain=domain):
                if domain != user.domain:
                    raise ProjectMismatchError
                return None
            case ProjectScope(id="", name=name, domain=domain):
                project = self._projects.named(name, domain=domain)
                wanted = project.id if project else None
            case ProjectScope(id=id_):
                wanted = ProjectId(id_)
        if all(grant.project_id != wanted for grant in user.grants):
            raise ProjectMismatchError
        return wanted

    async def inspect(self, value: str) -> TokenRecord:
        """What a token stands for.

        Raises:
            TokenInvalidError: no such token, or it was revoked.
            TokenExpiredError: its 24 hours are over.
            StoreUnavailableError: the store does not answer.
        """
        record = await self._credentials.token(digest_of(value))
        if record is None:
            raise TokenInvalidError
        if self._clock() >= record.expires_at:
            raise TokenExpiredError(expires_at=instant_text(record.expires_at))
        return record

    async def revoke(self, value: str) -> None:
        """End a token before its time.

        Raises:
            TokenInvalidError: no such token.
            StoreUnavailableError: the store does not answer.
        """
        if not await self._credentials.revoke_token(digest_of(value)):
            raise TokenInvalidError


def digest_of(value: str) -> bytes:
    """Under what a token is kept: its SHA-256 digest.

    The value is random and long, so a plain hash suffices; there is nothing to guess.
    """
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()


def instant_text(at: datetime) -> str:
    """A time as these calls write it: UTC, to the microsecond."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
