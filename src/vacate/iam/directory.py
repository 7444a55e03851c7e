"""The directory of users and access keys, as an administrator changes it."""

import secrets
import string
import uuid
from dataclasses import dataclass, field
from typing import Protocol

from vacate.domain.access.identity import Grant, Role
from vacate.domain.errors import VacateError
from vacate.domain.topology.components import ProjectId
from vacate.iam.passwords import Passwords
from vacate.operations.access.ports import CredentialAdministration, KeptAccessKey, KeptUser, User
from vacate.operations.ports import Clock

_ACCESS_KEY_ALPHABET = string.ascii_uppercase + string.digits
_ACCESS_KEY_LENGTH = 20
_SECRET_KEY_BYTES = 30  # which make 40 characters
_LONGEST_NAME = 128


_SHORTEST_PASSWORD = 8


class DirectoryError(VacateError):
    """An administrator named somebody who does not exist, or who exists already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedAccessKey:
    """A new access key: the one time its secret key is known."""

    access_key: str
    secret_key: str = field(repr=False)


class Seals(Protocol):
    """What seals secret keys; `sealing.Sealer` does, once it has a sealing key."""

    def seal(self, secret: bytes, *, access_key: str) -> bytes:
        """Encrypt a secret key for keeping."""
        ...


class UserDirectory:
    """Makes and disables users and access keys. None is ever deleted: the audit goes on naming them."""

    def __init__(
        self, *, credentials: CredentialAdministration, passwords: Passwords, sealer: Seals, clock: Clock
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
        if password is not None:
            _check_password(password)
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

    async def revoke(self, *, name: str, domain: str, project_id: ProjectId) -> None:
        """Take a user's role in a project away, from their next request.

        Raises:
            DirectoryError: no such user, or no role of theirs there.
            StoreUnavailableError: the store does not answer.
        """
        user = await self._existing(name, domain)
        if not await self._credentials.revoke(user.id, project_id):
            raise DirectoryError(f"user {name!r} of domain {domain!r} has no role in project {project_id!r}")

    async def users(self) -> tuple[KeptUser, ...]:
        """Every user, also those that are disabled, by domain and name.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        return await self._credentials.kept_users()

    async def access_keys(self, of: tuple[str, str] | None = None) -> tuple[KeptAccessKey, ...]:
        """Access keys, also those that are disabled: all, or those of the user with this name and domain.

        Raises:
            DirectoryError: no such user.
            StoreUnavailableError: the store does not answer.
        """
        keys = await self._credentials.kept_access_keys()
        if of is None:
            return keys
        if of not in {(kept.user.name, kept.user.domain) for kept in await self._credentials.kept_users()}:
            raise DirectoryError(f"no user {of[0]!r} in domain {of[1]!r}")
        return tuple(key for key in keys if (key.user_name, key.domain) == of)

    async def rotate_access_key(self, access_key: str) -> IssuedAccessKey:
        """Make another access key for the user of this one, and then refuse this one from its next request.

        Raises:
            DirectoryError: no such access key, or it is disabled or temporary.
            StoreUnavailableError: the store does not answer.
        """
        kept = await self._credentials.access_key(access_key)
        if kept is None or kept.temporary is not None:
            raise DirectoryError(f"no access key {access_key!r} that works and is not temporary")
        issued = await self.create_access_key(name=kept.user.name, domain=kept.user.domain)
        await self.disable_access_key(access_key)
        return issued

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
        _check_password(password)
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


def _check_password(password: str) -> None:
    if not password:
        raise DirectoryError("the password is empty; leave it out to make a user who only uses access keys")
    if len(password) < _SHORTEST_PASSWORD:
        raise DirectoryError(
            f"the password has {len(password)} characters; it must have at least {_SHORTEST_PASSWORD}, of any kind"
        )
