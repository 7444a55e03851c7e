"""What the doors need to tell who asks: requests as presented, kept credentials, sign-in."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from vacate.domain.access.identity import Actor, Grant
from vacate.domain.topology.components import ProjectId


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """A request as the caller sent it: nothing decoded, nothing reordered.

    `path` and `query` are the bytes of the request line before and after the first `?`;
    header names are lower case, their values the bytes on the wire. `scheme` is `http` or `https`.
    """

    method: str
    path: bytes
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    source_address: str
    request_id: str
    scheme: str = "http"


class Authenticator(Protocol):
    """Who tells who asks."""

    async def authenticate(self, request: Presented, *, once: bool = False) -> Actor:
        """Prove who sent the request.

        Args:
            request: as it was sent.
            once: whether the request changes something, so that a signed one is accepted a single time.

        Raises:
            AuthenticationError: one of its kinds.
            ThrottledError: proved, but too many requests at once.
            StoreUnavailableError: the credentials cannot be read, or it cannot be kept that the request came.
        """
        ...


class SeenRequests(Protocol):
    """The signed requests that changed something, for as long as their signatures are good.

    All services of one store share it.
    """

    async def first_seen(self, digest: bytes, *, at: datetime, until: datetime) -> datetime | None:
        """Keep that a request came, durably.

        Args:
            digest: what tells the request from every other one.
            at: now.
            until: the end of its signature's time.

        Returns:
            When it came first, if this is not the first time.

        Raises:
            StoreUnavailableError: it cannot be kept.
        """
        ...

    async def forget(self, before: datetime) -> int:
        """Forget the requests whose time ended before then; how many those were.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project as it is known outside its instances. `domain` is the one that it is named in."""

    id: ProjectId
    name: str
    domain: str = "default"
    region: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A region that clients may name instead of an address. `endpoint` is empty when it is the service's own."""

    id: str
    name: str = ""
    endpoint: str = ""


class Projects(Protocol):
    """The configured projects, and who may know of them."""

    def known(self, project_id: ProjectId) -> Project | None:
        """The project of that id."""
        ...

    async def of(self, actor: Actor) -> tuple[Project, ...]:
        """The projects in which the actor has a role; never a word about the others.

        A credential that is for one project knows of that one only.

        Raises:
            StoreUnavailableError: the roles cannot be read.
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
class Temporary:
    """What makes an access key a temporary one.

    `digest` is the hash of the security token that must come with it. `project_id` is that of the token it was made
    from; without one it is good for every project of the user.
    """

    digest: bytes
    project_id: ProjectId | None
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """An access key with its secret still sealed. `temporary` is `None` for one that lasts."""

    access_key: str
    sealed_secret: bytes
    user: User
    temporary: Temporary | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """A token as it is kept: by its hash, for one user.

    Without a project it is unscoped, or for the user's whole domain when `for_domain` says so. Such a token opens no
    project; it can be asked which projects there are, and changed for a temporary access key.
    """

    digest: bytes
    user: User
    project_id: ProjectId | None
    issued_at: datetime
    expires_at: datetime
    for_domain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTemporaryKey:
    """A temporary access key to keep. It goes when the token it was made from goes."""

    access_key: str
    sealed_secret: bytes
    digest: bytes
    token: TokenRecord
    created_at: datetime
    expires_at: datetime


class Credentials(Protocol):
    """The kept users, access keys and tokens. Disabled and revoked ones are never returned."""

    async def access_key(self, access_key: str) -> AccessKey | None:
        """The access key of that name, also a temporary one, and also when that has expired."""
        ...

    async def user(self, *, name: str, domain: str) -> User | None:
        """The user of that name in that domain."""
        ...

    async def grants_of(self, user_id: str) -> tuple[Grant, ...]:
        """The roles that a user has now; none when there is no such user."""
        ...

    async def token(self, digest: bytes) -> TokenRecord | None:
        """The token with that hash, also when it has expired."""
        ...

    async def add_token(self, record: TokenRecord) -> None:
        """Keep a new token and forget those that expired before it was issued."""
        ...

    async def add_temporary_key(self, key: NewTemporaryKey) -> bool:
        """Keep a new temporary access key and forget those that expired before; `False` if its token is gone."""
        ...

    async def revoke_token(self, digest: bytes) -> bool:
        """Forget a token and the temporary access keys that were made from it; whether there was one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptUser:
    """A user as an administrator sees them, also when disabled, with how many access keys of theirs are enabled."""

    user: User
    access_keys: int
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAccessKey:
    """An access key as an administrator sees it, also when disabled."""

    access_key: str
    user_name: str
    domain: str
    created_at: datetime
    disabled_at: datetime | None


class CredentialAdministration(Credentials, Protocol):
    """The kept users and access keys, as an administrator changes them."""

    async def add_user(self, user: User, *, at: datetime) -> bool:
        """Keep a new user with their grants; `False` when the name is taken, also by a disabled user."""
        ...

    async def grant(self, user_id: str, grant: Grant) -> None:
        """Give a user a role in a project, instead of the one they had there."""
        ...

    async def revoke(self, user_id: str, project_id: ProjectId) -> bool:
        """Take a user's role in a project; whether there was one."""
        ...

    async def kept_users(self) -> tuple[KeptUser, ...]:
        """Every user, by domain and name."""
        ...

    async def kept_access_keys(self) -> tuple[KeptAccessKey, ...]:
        """Every access key that is not a temporary one, by its user and age."""
        ...

    async def add_access_key(self, *, access_key: str, sealed_secret: bytes, user_id: str, at: datetime) -> None:
        """Keep a new access key with its sealed secret."""
        ...

    async def set_password(self, user_id: str, password_hash: str) -> None:
        """Give a user another password, and forget their tokens and temporary access keys."""
        ...

    async def disable_user(self, user_id: str, *, at: datetime) -> bool:
        """Disable a user and with them their access keys; whether there was one to disable. Their tokens are over."""
        ...

    async def enable_user(self, *, name: str, domain: str) -> bool:
        """Let a disabled user in again, with the access keys they had; whether there was one to enable."""
        ...

    async def disable_access_key(self, access_key: str, *, at: datetime) -> bool:
        """Disable an access key; whether there was one to disable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A new token: the one time its value is known."""

    value: str = field(repr=False)
    record: TokenRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectScope:
    """A project that a token is wanted for, by id or by name; a name may be said to be one of a domain."""

    id: str = ""
    name: str = ""
    domain: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainScope:
    """A domain that a token is wanted for."""

    domain: str


class Tokens(Protocol):
    """Sign-in by password."""

    async def issue(
        self, *, user: str, domain: str, password: str, scope: ProjectScope | DomainScope | None, source: str = ""
    ) -> IssuedToken:
        """Give a token for a project, for the user's domain, or for neither; `source` is the address that asks.

        Raises:
            PasswordInvalidError, UserLockedError, ThrottledError, ProjectMismatchError, StoreUnavailableError.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedTemporaryKey:
    """A new temporary access key: the one time its secret key and its security token are known."""

    access_key: str
    secret_key: str = field(repr=False)
    security_token: str = field(repr=False)
    expires_at: datetime


class TemporaryKeys(Protocol):
    """Access keys for a while, made from a token."""

    async def issue(self, *, token: str, lifetime: timedelta) -> IssuedTemporaryKey:
        """Make a temporary access key that stands for the token's user. It never outlives the token.

        Raises:
            TokenInvalidError, TokenExpiredError, ThrottledError, StoreUnavailableError.
        """
        ...
