"""The anchor: how far the chain went, in a file outside the store, so that events cut off at its end are missed."""

import asyncio
import fcntl
import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec

from vacate.domain.audit import AuditEvent
from vacate.domain.chain import BEGINNING, Anchor
from vacate.domain.errors import SettingsError
from vacate.operations.private_files import belong_like, make_private
from vacate.store.audit import SqlAuditLog

_REMEDY = "find out who wrote there and keep that file aside; without it the next event is anchored in a new one"


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    digest: str
    at: datetime


class AnchorFile:
    """One line of JSON, which is replaced in whole and only ever goes forward. Several processes may share it."""

    def __init__(self, path: Path) -> None:
        """Take the file's path; its directory must be there."""
        self.path = path

    def read(self) -> Anchor | None:
        """What is anchored; `None` when there is no such file.

        Raises:
            SettingsError: the file cannot be read, or is no anchor.
        """
        try:
            return self._read()
        except (OSError, ValueError) as error:
            raise SettingsError(f"the anchor {self.path} cannot be read: {error}") from error

    def advance(self, anchor: Anchor, at: datetime) -> None:
        """Anchor an event, unless a later one is anchored already.

        Raises:
            OSError: the file cannot be written.
            ValueError: what is there is no anchor.
        """
        # The lock is a file of its own: the anchor itself is replaced under it.
        beside = self.path.with_name(f"{self.path.name}.lock")
        make_private(beside)
        with beside.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            kept = self._read()
            if kept is not None and kept.id >= anchor.id:
                return
            line = msgspec.json.encode(_Kept(id=anchor.id, digest=anchor.digest.hex(), at=at))
            self._replace(line + b"\n")

    def _replace(self, content: bytes) -> None:
        """Whoever reads it, and whatever happens to the machine, it is the old file or the new one."""
        with tempfile.NamedTemporaryFile(dir=self.path.parent, delete=False) as written:
            new = Path(written.name)
            try:
                written.write(content)
                written.flush()
                os.fsync(written.fileno())
                belong_like(written.fileno(), self.path if self.path.exists() else self.path.parent)
                new.replace(self.path)
            except OSError:
                new.unlink()
                raise

    def _read(self) -> Anchor | None:
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            kept = msgspec.json.decode(content, type=_Kept)
            digest = bytes.fromhex(kept.digest)
        except (msgspec.MsgspecError, ValueError) as error:
            raise ValueError(f"{error}; {_REMEDY}") from error
        if len(digest) != len(BEGINNING):
            raise ValueError(f"its digest has {len(digest)} bytes instead of {len(BEGINNING)}; {_REMEDY}")
        return Anchor(id=kept.id, digest=digest, source=f"anchored in {self.path}")


class AnchorObserver(Protocol):
    """Who hears of every event that was written. What it writes down elsewhere is an anchor as well."""

    def audited(self, event: AuditEvent, anchor: Anchor) -> None:
        """An event was written."""
        ...

    def anchor_failed(self, reason: str) -> None:
        """An event was written, and the anchor could not be moved to it."""
        ...


class AnchoredAuditLog:
    """Implements `operations.ports.AuditLog`: the event first, durable, then its anchor.

    An anchor that cannot be moved is no reason to undo what is durable. The next event moves it further.
    """

    def __init__(self, log: SqlAuditLog, file: AnchorFile | None, observer: AnchorObserver) -> None:
        """Take the log, the file if there is one, and who hears of it."""
        self._log = log
        self._file = file
        self._observer = observer

    async def append(self, event: AuditEvent) -> None:
        """Write one event, and anchor it.

        Raises:
            AuditUnavailableError: it could not be written.
        """
        await self._anchored(event, await self._log.append(event))

    async def prune(self, before: datetime, event: AuditEvent) -> int:
        """Remove old events; see `SqlAuditLog.prune`.

        Raises:
            AuditUnavailableError: nothing was removed.
        """
        removed, anchor = await self._log.prune(before, event)
        if anchor is not None:
            await self._anchored(event, anchor)
        return removed

    async def _anchored(self, event: AuditEvent, anchor: Anchor) -> None:
        self._observer.audited(event, anchor)
        if self._file is None:
            return
        try:
            await asyncio.to_thread(self._file.advance, anchor, event.at)
        except (OSError, ValueError) as error:
            self._observer.anchor_failed(f"{self._file.path}: {error}")
