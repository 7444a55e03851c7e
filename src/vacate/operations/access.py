"""What the doors need to tell who asks: requests as presented, kept credentials, sign-in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vacate.domain.identity import Actor, Grant
from vacate.domain.topology import ProjectId


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """A request as the caller sent it: nothing decoded, nothing reordered.

    `path` and `query` are the bytes of the request line before and after the first `?`;
    header names are lower case, their values the bytes on the wire.
    """

    method: str
    path: bytes
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    source_address: str
    request_id: str


class Authenticator(Protocol):
    """Who tells who asks."""

    async def authenticate(self, request: Presented) -> Actor:
        """Prove who sent the request.

        Raises:
            AuthenticationError: one of its kinds.
            StoreUnavailableError: the credentials cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person or a program that may sign in. `grants` are its roles per project."""

    id: str
    name: str
    domain: str
    password_hash: str | None
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """An access key with its secret still sealed."""

    access_key: str
    sealed_secret: bytes
    user: User


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """A token as it is kept: by its hash, for one user and one project."""

    digest: bytes
    user: User
    project_id: ProjectId
    issued_at: datetime
    expires_at: datetime


class Credentials(Protocol):
    """The kept users, access keys and tokens. Disabled and revoked ones are never returned."""

    async def access_key(self, access_key: str) -> AccessKey | None:
        """The access key of that name."""
        ...

    async def user(self, *, name: str, domain: str) -> User | None:
        """The user of that name in that domain."""
        ...

    async def token(self, digest: bytes) -> TokenRecord | None:
        """The token with that hash, also when it has expired."""
        ...

    async def add_token(self, record: TokenRecord) -> None:
        """Keep a new token and forget those that expired before it was issued."""
        ...

    async def revoke_token(self, digest: bytes) -> bool:
        """Forget a token; whether there was one."""
        ...


class CredentialAdministration(Credentials, Protocol):
    """The kept users and access keys, as an administrator changes them. Disabling is for good."""

    async def add_user(self, user: User, *, at: datetime) -> bool:
        """Keep a new user with their grants; `False` when the name is taken, also by a disabled user."""
        ...

    async def grant(self, user_id: str, grant: Grant) -> None:
        """Give a user a role in a project, instead of the one they had there."""
        ...

    async def add_access_key(self, *, access_key: str, sealed_secret: bytes, user_id: str, at: datetime) -> None:
        """Keep a new access key with its sealed secret."""
        ...

    async def disable_user(self, user_id: str, *, at: datetime) -> bool:
        """Disable a user, and with them their access keys and tokens; whether there was one to disable."""
        ...

    async def disable_access_key(self, access_key: str, *, at: datetime) -> bool:
        """Disable an access key; whether there was one to disable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A new token: the one time its value is known."""

    value: str
    record: TokenRecord


class Tokens(Protocol):
    """Sign-in by password."""

    async def issue(self, *, user: str, domain: str, password: str, project: str) -> IssuedToken:
        """Give a token for a project, named by id or by name.

        Raises:
            PasswordInvalidError, ProjectMismatchError, StoreUnavailableError.
        """
        ...

    async def inspect(self, value: str) -> TokenRecord:
        """What a token stands for.

        Raises:
            TokenInvalidError, TokenExpiredError, StoreUnavailableError.
        """
        ...

    async def revoke(self, value: str) -> None:
        """End a token before its time.

        Raises:
            TokenInvalidError, StoreUnavailableError.
        """
        ...
