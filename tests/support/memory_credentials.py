"""Users, access keys and tokens kept in memory, for tests that are not about the store."""

from dataclasses import replace
from datetime import UTC, datetime

from vacate.domain.access.identity import Grant
from vacate.domain.topology.components import ProjectId
from vacate.operations.access.ports import (
    AccessKey,
    CredentialAdministration,
    KeptAccessKey,
    KeptUser,
    NewTemporaryKey,
    Temporary,
    TokenRecord,
    User,
)

_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


class MemoryCredentials(CredentialAdministration):
    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.disabled: set[str] = set()
        self.access_keys: dict[str, tuple[bytes, str]] = {}
        self.tokens: dict[bytes, TokenRecord] = {}
        self.temporary_keys: dict[str, NewTemporaryKey] = {}

    async def access_key(self, access_key: str) -> AccessKey | None:
        if key := self.temporary_keys.get(access_key):
            token = await self.token(key.token.digest)
            temporary = Temporary(digest=key.digest, project_id=key.token.project_id, expires_at=key.expires_at)
            return token and AccessKey(
                access_key=access_key, sealed_secret=key.sealed_secret, user=token.user, temporary=temporary
            )
        sealed, user_id = self.access_keys.get(access_key, (b"", ""))
        user = self._enabled(user_id)
        if user is None or access_key in self.disabled:
            return None
        return AccessKey(access_key=access_key, sealed_secret=sealed, user=user)

    async def user(self, *, name: str, domain: str) -> User | None:
        found = [user.id for user in self.users.values() if (user.name, user.domain) == (name, domain)]
        return self._enabled(found[0]) if found else None

    async def grants_of(self, user_id: str) -> tuple[Grant, ...]:
        user = self._enabled(user_id)
        return user.grants if user else ()

    async def token(self, digest: bytes) -> TokenRecord | None:
        record = self.tokens.get(digest)
        user = self._enabled(record.user.id) if record else None
        return replace(record, user=user) if record and user else None

    async def add_token(self, record: TokenRecord) -> None:
        self.tokens[record.digest] = record

    async def add_temporary_key(self, key: NewTemporaryKey) -> bool:
        if key.token.digest not in self.tokens:
            return False
        self.temporary_keys[key.access_key] = key
        return True

    async def revoke_token(self, digest: bytes) -> bool:
        return self.tokens.pop(digest, None) is not None

    async def add_user(self, user: User, *, at: datetime) -> bool:
        del at
        if any((kept.name, kept.domain) == (user.name, user.domain) for kept in self.users.values()):
            return False
        self.users[user.id] = user
        return True

    async def grant(self, user_id: str, grant: Grant) -> None:
        user = self.users[user_id]
        others = (kept for kept in user.grants if kept.project_id != grant.project_id)
        self.users[user_id] = replace(user, grants=(*others, grant))

    async def revoke(self, user_id: str, project_id: ProjectId) -> bool:
        user = self.users[user_id]
        left = tuple(kept for kept in user.grants if kept.project_id != project_id)
        self.users[user_id] = replace(user, grants=left)
        return left != user.grants

    async def kept_users(self) -> tuple[KeptUser, ...]:
        return tuple(
            KeptUser(
                user=user,
                access_keys=sum(owner == user.id for _, owner in self.access_keys.values()),
                created_at=_LONG_AGO,
                disabled_at=_LONG_AGO if user.id in self.disabled else None,
            )
            for user in self.users.values()
        )

    async def kept_access_keys(self) -> tuple[KeptAccessKey, ...]:
        return tuple(
            KeptAccessKey(
                access_key=key,
                user_name=self.users[owner].name,
                domain=self.users[owner].domain,
                created_at=_LONG_AGO,
                disabled_at=_LONG_AGO if key in self.disabled else None,
            )
            for key, (_, owner) in self.access_keys.items()
        )

    async def add_access_key(self, *, access_key: str, sealed_secret: bytes, user_id: str, at: datetime) -> None:
        del at
        self.access_keys[access_key] = sealed_secret, user_id

    async def set_password(self, user_id: str, password_hash: str) -> None:
        self.users[user_id] = replace(self.users[user_id], password_hash=password_hash)
        self._forget_tokens(user_id)

    async def enable_user(self, *, name: str, domain: str) -> bool:
        found = {user.id for user in self.users.values() if (user.name, user.domain) == (name, domain)}
        enabled = found & self.disabled
        self.disabled -= enabled
        return bool(enabled)

    async def disable_user(self, user_id: str, *, at: datetime) -> bool:
        del at
        self._forget_tokens(user_id)
        return self._disable(user_id, known=user_id in self.users)

    async def disable_access_key(self, access_key: str, *, at: datetime) -> bool:
        del at
        return self._disable(access_key, known=access_key in self.access_keys)

    def _enabled(self, user_id: str) -> User | None:
        return None if user_id in self.disabled else self.users.get(user_id)

    def _forget_tokens(self, user_id: str) -> None:
        self.tokens = {digest: token for digest, token in self.tokens.items() if token.user.id != user_id}

    def _disable(self, name: str, *, known: bool) -> bool:
        if not known or name in self.disabled:
            return False
        self.disabled.add(name)
        return True
