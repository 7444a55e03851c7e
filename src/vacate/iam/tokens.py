"""Tokens: signed in with a password once, then a random value that stands for user and project for a day."""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from vacate.domain.errors import (
    PasswordInvalidError,
    ProjectMismatchError,
    TokenExpiredError,
    TokenInvalidError,
)
from vacate.domain.topology import ProjectId
from vacate.iam.passwords import Passwords
from vacate.operations.access import Credentials, IssuedToken, TokenRecord
from vacate.operations.ports import Clock

LIFETIME = timedelta(hours=24)

_VALUE_BYTES = 32


class TokenService:
    """Issues, inspects and revokes tokens. Only their digests are kept, so the store gives none away."""

    def __init__(
        self,
        *,
        credentials: Credentials,
        passwords: Passwords,
        projects: Mapping[str, ProjectId],
        clock: Clock,
    ) -> None:
        """Take what is asked for users and tokens; `projects` are the known projects by name."""
        self._credentials = credentials
        self._passwords = passwords
        self._projects = dict(projects)
        self._clock = clock

    async def issue(self, *, user: str, domain: str, password: str, project: str) -> IssuedToken:
        """Give a token for a project, named by id or by name.

        The password is checked first: nothing about projects is told to who does not know it.

        Raises:
            PasswordInvalidError: user, domain or password is wrong.
            ProjectMismatchError: no such project, or the user has no role in it.
            StoreUnavailableError: the store does not answer.
        """
        known = await self._credentials.user(name=user, domain=domain)
        if not await self._passwords.verify(known.password_hash if known else None, password) or known is None:
            raise PasswordInvalidError
        project_id = self._projects.get(project, ProjectId(project))
        if all(grant.project_id != project_id for grant in known.grants):
            raise ProjectMismatchError
        value = secrets.token_urlsafe(_VALUE_BYTES)
        now = self._clock()
        record = TokenRecord(
            digest=digest_of(value),
            user=known,
            project_id=project_id,
            issued_at=now,
            expires_at=now + LIFETIME,
        )
        await self._credentials.add_token(record)
        return IssuedToken(value=value, record=record)

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
            raise TokenExpiredError(expires_at=_text(record.expires_at))
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


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
