"""The key that the audit's digests are made with: kept outside the store, so that its owner cannot make any."""

import base64
import binascii
import os
import secrets
from pathlib import Path
from typing import Protocol

from vacate.domain.errors import SettingsError
from vacate.operations.private_files import belong_like, read_private

_BYTES = 32


class AuditKey(Protocol):
    """Where the key is found."""

    def find(self) -> bytes | None:
        """The key; `None` when there is none yet.

        Raises:
            SettingsError: it cannot be read.
        """
        ...

    def make(self) -> bytes:
        """The key, made if there is none yet.

        Raises:
            SettingsError: it cannot be made or read.
        """
        ...


class KeyFile:
    """A key in a file of its own: 32 bytes in base64, only its owner's to read, made at first use."""

    def __init__(self, path: Path) -> None:
        """Take the file's path; its directory must be there."""
        self.path = path
        self._known: bytes | None = None

    def find(self) -> bytes | None:
        """The key; `None` when there is no file yet.

        Raises:
            SettingsError: the file cannot be read, or holds no key.
        """
        if self._known is None and self.path.exists():
            try:
                key = base64.b64decode(read_private(self.path, "the audit's key file").strip(), validate=True)
            except (binascii.Error, ValueError):
                key = b""
            if len(key) != _BYTES:
                raise SettingsError(f"the audit's key file {self.path} must hold {_BYTES} bytes in base64; put it back")
            self._known = key
        return self._known

    def make(self) -> bytes:
        """The key, made if there is no file yet. Of several who make it at once all get the same.

        Raises:
            SettingsError: the file cannot be made or read.
        """
        if (key := self.find()) is not None:
            return key
        unfinished = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}")
        try:
            number = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            try:
                os.write(number, base64.b64encode(secrets.token_bytes(_BYTES)) + b"\n")
                os.fsync(number)
                belong_like(number, self.path.parent)
            finally:
                os.close(number)
            try:
                # In one step, and only if nobody else was faster.
                os.link(unfinished, self.path)
            except FileExistsError:
                pass
            finally:
                unfinished.unlink()
        except OSError as error:
            raise SettingsError(f"the audit's key file {self.path} cannot be made: {error.strerror}") from error
        key = self.find()
        if key is None:
            raise SettingsError(f"the audit's key file {self.path} was removed; put it back")
        return key
