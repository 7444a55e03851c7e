"""The directory of users and access keys, as an administrator changes it."""

import secrets
import string
import uuid
from dataclasses import dataclass, field

from vacate.domain.errors import VacateError
from vacate.domain.identity import Grant, Role
from vacate.domain.topology import ProjectId
from vacate.iam.passwords import Passwords
from vacate.iam.sealing import Sealer
from vacate.operations.access import CredentialAdministration, User
from vacate.operations.ports import Clock

_ACCESS_KEY_ALPHABET = string.ascii_uppercase + string.digits
_ACCESS_KEY_LENGTH = 20
_SECRET_KEY_BYTES = 30  # which make 40 characters
_LONGEST_NAME = 128


class DirectoryError(VacateError):
    """An administrator named somebody who does not exist, or who exists already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedAccessKey:
    """A new access key: the one time its secret key is known."""

    access_key: str
    secret_key: str = field(repr=False)


class UserDirectory:
    """Makes and disables users and access keys. None is ever deleted: the audit goes on naming them."""

    def __init__(
        self, *, credentials: CredentialAdministration, passwords: Passwords, sealer: Sealer, clock: Clock
    ) -> None:
        """Take where users are kept, and what makes their secrets fit to be kept."""
        self._credentials = credentials
        self._passwords = passwords
        self._sealer = sealer
        self._clock = clock

    async def add_user(self, *, name: str, domain: str, password: str | None = None) -> User:
        """Add a user. Without a password they use access keys only.

        Raises:
            DirectoryError: the name is taken, or a name or the password cannot be used.
            StoreUnavailableError: the store does not answer.
        """
        for what, text in (("user", name), ("domain", domain)):
            if not text.isprintable() or text.strip() != text or not 0 < len(text) <= _LONGEST_NAME:
                raise DirectoryError(f"{text!r} cannot be a {what} name: up to {_LONGEST_NAME} printable characters")
        if password is not None and not password:
            raise DirectoryError("the password is empty; leave it out to make a user without one")
        user = User(
            id=uuid.uuid4().hex,
            name=name,
            domain=domain,
            password_hash=None if password is None else await self._passwords.hash(password),
            grants=(),
        )
        if not await self._credentials.add_user(user, at=self._clock()):
            raise DirectoryError(f"user {name!r} exists already in domain {domain!r}, or did and is disabled")
        return user

    async def grant(self, *, name: str, domain: str, project_id: ProjectId, role: Role) -> None:
        """Give a user a role in a project, instead of the one they had there, from their next request.

        Raises:
            DirectoryError: no such user.
            StoreUnavailableError: the store does not answer.
        """
        user = await self._existing(name, domain)
        await self._credentials.grant(user.id, Grant(project_id=project_id, role=role))

    async def create_access_key(self, *, name: str, domain: str) -> IssuedAccessKey:
        """Make an access key for a user. Its secret key cannot be shown again.

        Raises:
            DirectoryError: no such user.
            StoreUnavailableError: the store does not answer.
        """
        user = await self._existing(name, domain)
        access_key = "".join(secrets.choice(_ACCESS_KEY_ALPHABET) for _ in range(_ACCESS_KEY_LENGTH))
        secret_key = secrets.token_urlsafe(_SECRET_KEY_BYTES)
        sealed = self._sealer.seal(secret_key.encode("ascii"), access_key=access_key)
        await self._credentials.add_access_key(
            access_key=access_key, sealed_secret=sealed, user_id=user.id, at=self._clock()
        )
        return IssuedAccessKey(access_key=access_key, secret_key=secret_key)

    async def set_password(self, *, name: str, domain: str, password: str) -> None:
        """Give a user another password, and end the tokens and temporary access keys that came of the old one.

        Raises:
            DirectoryError: no such user, or the password is empty.
            StoreUnavailableError: the store does not answer.
        """
        if not password:
            raise DirectoryError("the password is empty; a user without one only uses access keys")
        user = await self._existing(name, domain)
        await self._credentials.set_password(user.id, await self._passwords.hash(password))

    async def enable_user(self, *, name: str, domain: str) -> None:
        """Let a disabled user in again, with the roles and access keys they had. Their tokens stay over.

        Raises:
            DirectoryError: no such user, or not disabled.
            StoreUnavailableError: the store does not answer.
        """
        if not await self._credentials.enable_user(name=name, domain=domain):
            raise DirectoryError(f"no user {name!r} in domain {domain!r} who is disabled")

    async def disable_user(self, *, name: str, domain: str) -> None:
        """Shut a user out, with all their access keys and tokens, from their next request.

        Raises:
            DirectoryError: no such user, or disabled already.
            StoreUnavailableError: the store does not answer.
        """
        user = await self._existing(name, domain)
        await self._credentials.disable_user(user.id, at=self._clock())

    async def disable_access_key(self, access_key: str) -> None:
        """Refuse an access key from its next request.

        Raises:
            DirectoryError: no such access key, or disabled already.
            StoreUnavailableError: the store does not answer.
        """
        if not await self._credentials.disable_access_key(access_key, at=self._clock()):
            raise DirectoryError(f"no access key {access_key!r} that works")

    async def _existing(self, name: str, domain: str) -> User:
        user = await self._credentials.user(name=name, domain=domain)
        if user is None:
            raise DirectoryError(f"no user {name!r} in domain {domain!r}")
        return user
