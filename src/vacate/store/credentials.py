"""The kept users, access keys and tokens."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Select, select

from vacate.domain.identity import Grant, Role
from vacate.domain.topology import ProjectId
from vacate.operations.access import AccessKey, TokenRecord, User
from vacate.store.database import Database
from vacate.store.tables import access_keys, grants, tokens, users

# Every question about a credential brings the user and their roles along, as they are now: what an
# administrator changed counts from the next request, and one question is one round trip.
_USER_COLUMNS = (
    users.c.id,
    users.c.name,
    users.c.domain,
    users.c.password_hash,
    grants.c.project_id,
    grants.c.role,
)
_USERS = users.outerjoin(grants, grants.c.user_id == users.c.id)


class SqlCredentials:
    """What is kept about who may ask. Disabled users and access keys are never returned."""

    def __init__(self, database: Database) -> None:
        """Take the opened store."""
        self._database = database

    async def access_key(self, access_key: str) -> AccessKey | None:
        """The access key of that name, with its user."""
        rows = await self._rows(
            select(access_keys.c.sealed_secret, *_USER_COLUMNS)
            .select_from(_USERS.join(access_keys, access_keys.c.user_id == users.c.id))
            .where(access_keys.c.access_key == access_key, access_keys.c.disabled_at.is_(None))
        )
        if not rows:
            return None
        return AccessKey(access_key=access_key, sealed_secret=rows[0]["sealed_secret"], user=_user(rows))

    async def user(self, *, name: str, domain: str) -> User | None:
        """The user of that name in that domain."""
        rows = await self._rows(
            select(*_USER_COLUMNS).select_from(_USERS).where(users.c.name == name, users.c.domain == domain)
        )
        return _user(rows) if rows else None

    async def token(self, digest: bytes) -> TokenRecord | None:
        """The token with that hash, also when it has expired."""
        of_token = tokens.c.project_id.label("token_project_id")
        rows = await self._rows(
            select(tokens.c.issued_at, tokens.c.expires_at, of_token, *_USER_COLUMNS)
            .select_from(_USERS.join(tokens, tokens.c.user_id == users.c.id))
            .where(tokens.c.digest == digest)
        )
        if not rows:
            return None
        return TokenRecord(
            digest=digest,
            user=_user(rows),
            project_id=ProjectId(rows[0]["token_project_id"]),
            issued_at=rows[0]["issued_at"],
            expires_at=rows[0]["expires_at"],
        )

    async def add_token(self, record: TokenRecord) -> None:
        """Keep a new token and forget those that expired before it was issued."""
        async with self._database.write() as connection:
            await connection.execute(tokens.delete().where(tokens.c.expires_at < record.issued_at))
            await connection.execute(
                tokens.insert().values(
                    digest=record.digest,
                    user_id=record.user.id,
                    project_id=record.project_id,
                    issued_at=record.issued_at,
                    expires_at=record.expires_at,
                )
            )

    async def revoke_token(self, digest: bytes) -> bool:
        """Forget a token; whether there was one."""
        async with self._database.write() as connection:
            deleted = await connection.execute(tokens.delete().where(tokens.c.digest == digest))
        return deleted.rowcount > 0

    async def add_user(self, user: User, *, at: datetime) -> bool:
        """Keep a new user with their grants; `False` when the name is taken, also by a disabled user."""
        row = {
            "id": user.id,
            "name": user.name,
            "domain": user.domain,
            "password_hash": user.password_hash,
            "created_at": at,
        }
        roles = [_grant_row(user.id, grant) for grant in user.grants]
        new_user = self._database.insert(users).on_conflict_do_nothing(index_elements=[users.c.domain, users.c.name])
        async with self._database.write() as connection:
            added = (await connection.execute(new_user.values(row))).rowcount > 0
            if added and roles:
                await connection.execute(grants.insert(), roles)
        return added

    async def grant(self, user_id: str, grant: Grant) -> None:
        """Give a user a role in a project, instead of the one they had there."""
        new_role = self._database.insert(grants).values(_grant_row(user_id, grant))
        key = [grants.c.user_id, grants.c.project_id]
        async with self._database.write() as connection:
            await connection.execute(
                new_role.on_conflict_do_update(index_elements=key, set_={"role": grant.role.value})
            )

    async def add_access_key(self, *, access_key: str, sealed_secret: bytes, user_id: str, at: datetime) -> None:
        """Keep a new access key with its sealed secret."""
        async with self._database.write() as connection:
            await connection.execute(
                access_keys.insert().values(
                    access_key=access_key, sealed_secret=sealed_secret, user_id=user_id, created_at=at
                )
            )

    async def disable_user(self, user_id: str, *, at: datetime) -> bool:
        """Disable a user, and with them their access keys and tokens; whether there was one to disable."""
        enabled = users.update().where(users.c.id == user_id, users.c.disabled_at.is_(None))
        async with self._database.write() as connection:
            disabled = await connection.execute(enabled.values(disabled_at=at))
        return disabled.rowcount > 0

    async def disable_access_key(self, access_key: str, *, at: datetime) -> bool:
        """Disable an access key; whether there was one to disable."""
        enabled = access_keys.update().where(
            access_keys.c.access_key == access_key, access_keys.c.disabled_at.is_(None)
        )
        async with self._database.write() as connection:
            disabled = await connection.execute(enabled.values(disabled_at=at))
        return disabled.rowcount > 0

    async def _rows(self, question: Select[*tuple[Any, ...]]) -> Sequence[RowMapping]:
        only_enabled = question.where(users.c.disabled_at.is_(None)).order_by(grants.c.project_id)
        async with self._database.read() as connection:
            return (await connection.execute(only_enabled)).mappings().all()


def _user(rows: Sequence[RowMapping]) -> User:
    """One user from their rows: one per grant, or a single one with no grant in it."""
    first = rows[0]
    return User(
        id=first["id"],
        name=first["name"],
        domain=first["domain"],
        password_hash=first["password_hash"],
        grants=tuple(
            Grant(project_id=ProjectId(row["project_id"]), role=Role(row["role"]))
            for row in rows
            if row["project_id"] is not None
        ),
    )


def _grant_row(user_id: str, grant: Grant) -> dict[str, str]:
    return {"user_id": user_id, "project_id": grant.project_id, "role": grant.role.value}
