"""The kept users, access keys and tokens."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import RowMapping, Select, bindparam, func, select

from vacate.domain.access.identity import Grant, Role
from vacate.domain.topology.components import ProjectId
from vacate.operations.access.ports import (
    AccessKey,
    KeptAccessKey,
    KeptUser,
    NewTemporaryKey,
    Temporary,
    TokenRecord,
    User,
)
from vacate.store.database import Database
from vacate.store.tables import access_keys, grants, temporary_keys, tokens, users

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
_TOKEN_PROJECT = tokens.c.project_id.label("token_project_id")


def _enabled(question: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return question.where(users.c.disabled_at.is_(None)).order_by(grants.c.project_id)


# Made once: one of the first three is asked for every request.
_PERMANENT_KEY = _enabled(
    select(access_keys.c.sealed_secret, *_USER_COLUMNS)
    .select_from(_USERS.join(access_keys, access_keys.c.user_id == users.c.id))
    .where(access_keys.c.access_key == bindparam("access_key"), access_keys.c.disabled_at.is_(None))
)
_TEMPORARY_KEY = _enabled(
    select(
        temporary_keys.c.sealed_secret,
        temporary_keys.c.digest,
        temporary_keys.c.expires_at,
        _TOKEN_PROJECT,
        *_USER_COLUMNS,
    )
    .select_from(_USERS.join(tokens, tokens.c.user_id == users.c.id).join(temporary_keys))
    .where(temporary_keys.c.access_key == bindparam("access_key"))
)
_TOKEN = _enabled(
    select(tokens.c.issued_at, tokens.c.expires_at, tokens.c.for_domain, _TOKEN_PROJECT, *_USER_COLUMNS)
    .select_from(_USERS.join(tokens, tokens.c.user_id == users.c.id))
    .where(tokens.c.digest == bindparam("digest"))
)
_BY_NAME = _enabled(
    select(*_USER_COLUMNS)
    .select_from(_USERS)
    .where(users.c.name == bindparam("name"), users.c.domain == bindparam("domain"))
)
_BY_ID = _enabled(select(*_USER_COLUMNS).select_from(_USERS).where(users.c.id == bindparam("id")))
_KEYS_OF_USER = (
    select(func.count())
    .select_from(access_keys)
    .where(access_keys.c.user_id == users.c.id, access_keys.c.disabled_at.is_(None))
    .scalar_subquery()
    .label("access_keys")
)
_ALL_USERS = (
    select(*_USER_COLUMNS, users.c.created_at, users.c.disabled_at, _KEYS_OF_USER)
    .select_from(_USERS)
    .order_by(users.c.domain, users.c.name, grants.c.project_id)
)
_ALL_ACCESS_KEYS = (
    select(
        access_keys.c.access_key,
        access_keys.c.created_at,
        access_keys.c.disabled_at,
        users.c.name.label("user_name"),
        users.c.domain,
    )
    .select_from(access_keys.join(users, users.c.id == access_keys.c.user_id))
    .order_by(users.c.domain, users.c.name, access_keys.c.created_at, access_keys.c.access_key)
)


class SqlCredentials:
    """What is kept about who may ask. Only the lists for administrators have disabled users and access keys."""

    def __init__(self, database: Database) -> None:
        """Take the opened store."""
        self._database = database

    async def access_key(self, access_key: str) -> AccessKey | None:
        """The access key of that name, also a temporary one, with its user."""
        return await self._permanent_key(access_key) or await self._temporary_key(access_key)

    async def _permanent_key(self, access_key: str) -> AccessKey | None:
        rows = await self._rows(_PERMANENT_KEY, access_key=access_key)
        if not rows:
            return None
        return AccessKey(access_key=access_key, sealed_secret=rows[0]["sealed_secret"], user=_user(rows))

    async def _temporary_key(self, access_key: str) -> AccessKey | None:
        rows = await self._rows(_TEMPORARY_KEY, access_key=access_key)
        if not rows:
            return None
        first = rows[0]
        temporary = Temporary(
            digest=first["digest"], project_id=_project(first["token_project_id"]), expires_at=first["expires_at"]
        )
        return AccessKey(
            access_key=access_key, sealed_secret=first["sealed_secret"], user=_user(rows), temporary=temporary
        )

    async def user(self, *, name: str, domain: str) -> User | None:
        """The user of that name in that domain."""
        rows = await self._rows(_BY_NAME, name=name, domain=domain)
        return _user(rows) if rows else None

    async def grants_of(self, user_id: str) -> tuple[Grant, ...]:
        """The roles that a user has now."""
        rows = await self._rows(_BY_ID, id=user_id)
        return _user(rows).grants if rows else ()

    async def token(self, digest: bytes) -> TokenRecord | None:
        """The token with that hash, also when it has expired."""
        rows = await self._rows(_TOKEN, digest=digest)
        if not rows:
            return None
        return TokenRecord(
            digest=digest,
            user=_user(rows),
            project_id=_project(rows[0]["token_project_id"]),
            for_domain=rows[0]["for_domain"],
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
                    for_domain=record.for_domain,
                    issued_at=record.issued_at,
                    expires_at=record.expires_at,
                )
            )

    async def add_temporary_key(self, key: NewTemporaryKey) -> bool:
        """Keep a new temporary access key and forget those that expired before; `False` if its token is gone."""
        row = {
            "access_key": key.access_key,
            "sealed_secret": key.sealed_secret,
            "digest": key.digest,
            "created_at": key.created_at,
            "expires_at": key.expires_at,
        }
        # The token is locked until the key is there, so that it cannot be revoked in between.
        still_there = select(tokens.c.digest).where(tokens.c.digest == key.token.digest).with_for_update(read=True)
        async with self._database.write() as connection:
            await connection.execute(temporary_keys.delete().where(temporary_keys.c.expires_at < key.created_at))
            token = await connection.scalar(still_there)
            if token is not None:
                await connection.execute(temporary_keys.insert().values(token=token, **row))
        return token is not None

    async def revoke_token(self, digest: bytes) -> bool:
        """Forget a token and the temporary access keys that were made from it; whether there was one."""
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

    async def revoke(self, user_id: str, project_id: ProjectId) -> bool:
        """Take a user's role in a project; whether there was one."""
        role = grants.delete().where(grants.c.user_id == user_id, grants.c.project_id == project_id)
        async with self._database.write() as connection:
            taken = await connection.execute(role)
        return taken.rowcount > 0

    async def kept_users(self) -> tuple[KeptUser, ...]:
        """Every user, by domain and name."""
        rows = await self._rows(_ALL_USERS)
        return tuple(
            KeptUser(
                user=_user(own),
                access_keys=own[0]["access_keys"],
                created_at=own[0]["created_at"],
                disabled_at=own[0]["disabled_at"],
            )
            for own in (list(of_one) for _, of_one in groupby(rows, key=lambda row: row["id"]))
        )

    async def kept_access_keys(self) -> tuple[KeptAccessKey, ...]:
        """Every access key that is not a temporary one, by its user and age."""
        return tuple(KeptAccessKey(**row) for row in await self._rows(_ALL_ACCESS_KEYS))

    async def add_access_key(self, *, access_key: str, sealed_secret: bytes, user_id: str, at: datetime) -> None:
        """Keep a new access key with its sealed secret."""
        async with self._database.write() as connection:
            await connection.execute(
                access_keys.insert().values(
                    access_key=access_key, sealed_secret=sealed_secret, user_id=user_id, created_at=at
                )
            )

    async def set_password(self, user_id: str, password_hash: str) -> None:
        """Give a user another password, and forget their tokens and temporary access keys."""
        async with self._database.write() as connection:
            await connection.execute(users.update().where(users.c.id == user_id).values(password_hash=password_hash))
            await connection.execute(tokens.delete().where(tokens.c.user_id == user_id))

    async def disable_user(self, user_id: str, *, at: datetime) -> bool:
        """Disable a user and with them their access keys; whether there was one to disable. Their tokens are over."""
        enabled = users.update().where(users.c.id == user_id, users.c.disabled_at.is_(None))
        async with self._database.write() as connection:
            disabled = await connection.execute(enabled.values(disabled_at=at))
            # Who is let in again one day must sign in again.
            await connection.execute(tokens.delete().where(tokens.c.user_id == user_id))
        return disabled.rowcount > 0

    async def enable_user(self, *, name: str, domain: str) -> bool:
        """Let a disabled user in again, with the access keys they had; whether there was one to enable."""
        disabled = users.update().where(
            users.c.name == name, users.c.domain == domain, users.c.disabled_at.is_not(None)
        )
        async with self._database.write() as connection:
            enabled = await connection.execute(disabled.values(disabled_at=None))
        return enabled.rowcount > 0

    async def disable_access_key(self, access_key: str, *, at: datetime) -> bool:
        """Disable an access key; whether there was one to disable."""
        enabled = access_keys.update().where(
            access_keys.c.access_key == access_key, access_keys.c.disabled_at.is_(None)
        )
        async with self._database.write() as connection:
            disabled = await connection.execute(enabled.values(disabled_at=at))
        return disabled.rowcount > 0

    async def _rows(self, question: Select[*tuple[Any, ...]], **values: object) -> Sequence[RowMapping]:
        async with self._database.read() as connection:
            return (await connection.execute(question, values)).mappings().all()


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


def _project(kept: str | None) -> ProjectId | None:
    return None if kept is None else ProjectId(kept)


def _grant_row(user_id: str, grant: Grant) -> dict[str, str]:
    return {"user_id": user_id, "project_id": grant.project_id, "role": grant.role.value}
