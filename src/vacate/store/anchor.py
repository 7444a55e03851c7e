"""The anchor: how far the chain went, in a file outside the store, so that events cut off at its end are missed."""

import fcntl
import os
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from vacate.domain.audit.chain import BEGINNING, Anchor
from vacate.domain.errors import SettingsError
from vacate.operations.private_files import belong_like, make_private

_REMEDY = "find out who wrote there and keep that file aside; without it the next event is anchored in a new one"
_POLL_S = 0.01


class AnchorInvalidError(ValueError):
    """The file can be read, and what is in it is no anchor: somebody else has written there."""


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    digest: str
    at: datetime


class AnchorFile:
    """One line of JSON, which is replaced in whole and only ever goes forward. Several processes may share it."""

    def __init__(self, path: Path, *, patience_s: float = 2.0) -> None:
        """Take the path, whose directory must be there, and how long another holder of the lock is waited for."""
        self.path = path
        self._patience_s = patience_s

    def read(self) -> Anchor | None:
        """What is anchored; `None` when there is no such file.

        Raises:
            SettingsError: the file cannot be read, or is no anchor.
        """
        try:
            return self.kept()
        except (OSError, ValueError) as error:
            raise SettingsError(f"the anchor {self.path} cannot be read: {error}") from error

    def kept(self) -> Anchor | None:
        """What is anchored; `None` when there is no such file.

        Raises:
            OSError: the file cannot be read.
            AnchorInvalidError: it is no anchor.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            kept = msgspec.json.decode(content, type=_Kept)
            digest = bytes.fromhex(kept.digest)
        except (msgspec.MsgspecError, ValueError) as error:
            raise AnchorInvalidError(f"{error}; {_REMEDY}") from error
        if len(digest) != len(BEGINNING):
            raise AnchorInvalidError(f"its digest has {len(digest)} bytes instead of {len(BEGINNING)}; {_REMEDY}")
        return Anchor(id=kept.id, digest=digest, source=f"anchored in {self.path}")

    def advance(self, anchor: Anchor, at: datetime) -> None:
        """Anchor an event, unless a later one is anchored already.

        Raises:
            OSError: the file cannot be written; TimeoutError among them: somebody else holds its lock.
            AnchorInvalidError: what is there is no anchor.
        """
        with self._locked():
            kept = self.kept()
            if kept is None or kept.id < anchor.id:
                self._replace(anchor, at)

    def replace(self, anchor: Anchor, at: datetime) -> None:
        """Anchor an event whatever is anchored now, for an operator who has acknowledged that.

        Raises:
            OSError: the file cannot be written; TimeoutError among them: somebody else holds its lock.
        """
        with self._locked():
            self._replace(anchor, at)

    @contextmanager
    def _locked(self) -> Generator[None]:
        # The lock is a file of its own: the anchor itself is replaced under it. Nobody else may open it, because
        # whoever can open a file can hold its lock.
        beside = self.path.with_name(f"{self.path.name}.lock")
        make_private(beside)
        lock = os.open(beside, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            if os.fstat(lock).st_mode & 0o077:
                os.fchmod(lock, 0o600)
            deadline = time.monotonic() + self._patience_s
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise TimeoutError(
                            f"somebody else has held its lock for {self._patience_s:g} s; see who: "
                            f"fuser -v {self.path}.lock"
                        ) from None
                    time.sleep(_POLL_S)
            yield
        finally:
            os.close(lock)

    def _replace(self, anchor: Anchor, at: datetime) -> None:
        """Replace the file in one step: at any moment, also after a crash, it is the old one or the new one."""
        line = msgspec.json.encode(_Kept(id=anchor.id, digest=anchor.digest.hex(), at=at))
        with tempfile.NamedTemporaryFile(dir=self.path.parent, delete=False) as written:
            new = Path(written.name)
            try:
                written.write(line + b"\n")
                written.flush()
                os.fsync(written.fileno())
                belong_like(written.fileno(), self.path if self.path.exists() else self.path.parent)
                new.replace(self.path)
            except OSError:
                new.unlink()
                raise
