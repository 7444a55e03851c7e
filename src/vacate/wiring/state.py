"""Vacate's own state, opened: what commands and the service have in common."""

import os
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from vacate.iam.directory import UserDirectory
from vacate.iam.passwords import Passwords
from vacate.iam.sealing import Sealer, derived_key, sealing_key
from vacate.operations.clock import utc_now
from vacate.settings.file import Settings
from vacate.store.anchor import AnchorFile
from vacate.store.audit import SqlAuditLog
from vacate.store.audit_key import AuditKey, KeyFile
from vacate.store.audit_search import SqlAuditSearch
from vacate.store.credentials import SqlCredentials
from vacate.store.database import Database, open_database
from vacate.store.freezes import SqlFreezes
from vacate.store.pins import SqlPins
from vacate.store.plans import SqlPlans
from vacate.store.seen_requests import SqlSeenRequests


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Vacate's own state, opened: audit, pins, plans, the freeze switch, and the directory of users and access keys."""

    database: Database
    audit: SqlAuditLog
    search: SqlAuditSearch
    anchor: AnchorFile | None
    pins: SqlPins
    plans: SqlPlans
    freezes: SqlFreezes
    credentials: SqlCredentials
    seen_requests: SqlSeenRequests


@asynccontextmanager
async def open_state(settings: Settings) -> AsyncGenerator[State]:
    """Open the store.

    Raises:
        SettingsError, StoreUnavailableError.
    """
    database = await open_database(settings.store.url)
    audit = SqlAuditLog(database, statements=settings.audit.statements, key=audit_key_of(settings))
    anchor = anchor_path(settings)
    try:
        yield State(
            database=database,
            audit=audit,
            search=SqlAuditSearch(database, audit),
            anchor=AnchorFile(anchor) if anchor else None,
            pins=SqlPins(database),
            plans=SqlPlans(database),
            freezes=SqlFreezes(database),
            credentials=SqlCredentials(database),
            seen_requests=SqlSeenRequests(database),
        )
    finally:
        await database.close()


def audit_key_of(settings: Settings) -> AuditKey:
    """Where the audit's key is: in the file that the configuration names, or beside a store that is a file.

    Services on a store in PostgreSQL share it as they share the sealing key: it is made of that.
    """
    if settings.audit.key_file is not None:
        return KeyFile(settings.audit.key_file)
    prefix = "sqlite:///"
    if settings.store.url.startswith(prefix):
        return KeyFile(Path(f"{settings.store.url.removeprefix(prefix)}.audit-key"))
    return _DerivedKey(settings)


class _DerivedKey:
    """Implements `store.audit_key.AuditKey` by the sealing key."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: bytes | None = None

    def find(self) -> bytes | None:
        return self.make()

    def make(self) -> bytes:
        if self._known is None:
            sealing = sealing_key(os.environ, self._settings.store.secret_key_file)
            self._known = derived_key(sealing, b"vacate audit chain 1")
        return self._known


def anchor_path(settings: Settings) -> Path | None:
    """Where the audit's last event is anchored: where the configuration says, else beside a store that is a file."""
    if settings.audit.anchor_file is not None:
        return settings.audit.anchor_file
    prefix = "sqlite:///"
    if settings.store.url.startswith(prefix):
        return Path(f"{settings.store.url.removeprefix(prefix)}.anchor")
    return None


@asynccontextmanager
async def open_directory(settings: Settings) -> AsyncGenerator[UserDirectory]:
    """Open the directory of users and access keys.

    Raises:
        SettingsError, StoreUnavailableError.
    """
    async with open_state(settings) as state:
        with directory_of(state, settings) as directory:
            yield directory


@contextmanager
def directory_of(state: State, settings: Settings) -> Generator[UserDirectory]:
    """The directory of users and access keys of a store that is open. The sealing key is read when one is sealed."""
    passwords = Passwords()
    try:
        yield UserDirectory(
            credentials=state.credentials, passwords=passwords, sealer=_SealerOnDemand(settings), clock=utc_now
        )
    finally:
        passwords.close()


class _SealerOnDemand:
    """Seals with the configured key, which most commands never need."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def seal(self, secret: bytes, *, access_key: str) -> bytes:
        sealer = Sealer(sealing_key(os.environ, self._settings.store.secret_key_file))
        return sealer.seal(secret, access_key=access_key)
