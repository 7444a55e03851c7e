"""The audit: written once, never changed, read back as it was."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import RowMapping, Select, select

from vacate.domain.audit import AuditAction, AuditEvent
from vacate.domain.errors import AuditUnavailableError
from vacate.domain.identity import CredentialKind, Role
from vacate.domain.sweeps import Outcome, SessionOutcome
from vacate.domain.topology import ComponentId, InstanceId, NodeId, ProjectId, Target
from vacate.store.database import Database
from vacate.store.tables import audit_events


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSession:
    """One session of an event: its identity, and what became of it. Its statement is not kept."""

    session_id: int
    pid: int
    backend_start: datetime | None
    state_change: datetime | None
    user: str | None
    database: str | None
    application: str | None
    client_address: str | None
    outcome: Outcome
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """One event as it was kept.

    `id` grows with time. `role` is what the actor was in the target's project then, `None` for nothing. `named` are
    the ids that the call named.
    """

    id: int
    at: datetime
    action: AuditAction
    request_id: str
    user_id: str
    user_name: str
    role: Role | None
    credential_kind: CredentialKind
    credential: str
    source_address: str
    target: Target
    sessions: tuple[StoredSession, ...]
    named: tuple[int, ...]
    error: str | None


class SqlAuditLog:
    """The durable record. There is no way to change or to remove what is in it."""

    def __init__(self, database: Database) -> None:
        """Take the opened store."""
        self._database = database

    async def append(self, event: AuditEvent) -> None:
        """Write one event with its sessions: all of it, and durably before this returns, or nothing.

        Raises:
            AuditUnavailableError: it could not be written.
        """
        async with self._database.write(AuditUnavailableError) as connection:
            await connection.execute(audit_events.insert(), _event_row(event))

    async def events_of(self, request_id: str) -> tuple[StoredEvent, ...]:
        """Every event of one call, in the order they were written.

        Raises:
            StoreUnavailableError: the store cannot be read.
        """
        chosen = select(audit_events).where(audit_events.c.request_id == request_id)
        return await self._read(chosen.order_by(audit_events.c.id))

    async def recent(self, limit: int) -> tuple[StoredEvent, ...]:
        """The last events, newest first.

        Raises:
            StoreUnavailableError: the store cannot be read.
        """
        return await self._read(select(audit_events).order_by(audit_events.c.id.desc()).limit(limit))

    async def _read(self, chosen: Select[*tuple[Any, ...]]) -> tuple[StoredEvent, ...]:
        async with self._database.read() as connection:
            return tuple(_event(row) for row in (await connection.execute(chosen)).mappings())


def _event_row(event: AuditEvent) -> Mapping[str, object]:
    actor, target = event.actor, event.target
    role = next((grant.role for grant in actor.grants if grant.project_id == target.project_id), None)
    return {
        "at": event.at,
        "action": event.action.value,
        "request_id": actor.request_id,
        "user_id": actor.user_id,
        "user_name": actor.user_name,
        "role": None if role is None else role.value,
        "credential_kind": actor.credential_kind.value,
        "credential": actor.credential,
        "source_address": actor.source_address,
        "project_id": target.project_id,
        "instance_id": target.instance_id,
        "node_id": target.node_id,
        "component_id": target.component_id,
        "error": event.error,
        "sessions": msgspec.json.encode([_session(entry) for entry in event.sessions]).decode(),
        "named": msgspec.json.encode(event.named).decode() if event.named else None,
    }


def _session(entry: SessionOutcome) -> Mapping[str, object]:
    session = entry.session
    return {
        "session_id": session.session_id,
        "pid": session.pid,
        "backend_start": session.backend_start,
        "state_change": session.state_change,
        "user": session.user,
        "database": session.database,
        "application": session.application,
        "client_address": session.client_address,
        "outcome": entry.outcome,
        "by": entry.by,
        "reason": entry.reason,
    }


def _event(row: RowMapping) -> StoredEvent:
    return StoredEvent(
        id=row["id"],
        at=row["at"],
        action=AuditAction(row["action"]),
        request_id=row["request_id"],
        user_id=row["user_id"],
        user_name=row["user_name"],
        role=None if row["role"] is None else Role(row["role"]),
        credential_kind=CredentialKind(row["credential_kind"]),
        credential=row["credential"],
        source_address=row["source_address"],
        target=Target(
            project_id=ProjectId(row["project_id"]),
            instance_id=InstanceId(row["instance_id"]),
            node_id=NodeId(row["node_id"]),
            component_id=ComponentId(row["component_id"]),
        ),
        sessions=msgspec.json.decode(row["sessions"], type=tuple[StoredSession, ...]),
        named=() if row["named"] is None else msgspec.json.decode(row["named"], type=tuple[int, ...]),
        error=row["error"],
    )
