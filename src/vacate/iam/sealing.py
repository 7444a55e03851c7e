"""Secret keys at rest: sealed with a key that is not kept beside them.

A signature can only be verified with the secret key itself, so it cannot be hashed like a password. It is
kept encrypted instead, and what is kept is of no use without the sealing key.
"""

import base64
import binascii
import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vacate.domain.errors import SettingsError, StoreUnavailableError
from vacate.operations.private_files import read_private

SEALING_KEY_VARIABLE = "VACATE_SECRET_KEY"

_KEY_BYTES = 32
_NONCE_BYTES = 12
_HINT = "make one with: head -c 32 /dev/urandom | base64"
_MAKE = "(umask 077; head -c 32 /dev/urandom | base64"


class Sealer:
    """Seals and opens secret keys with AES-256-GCM.

    The access key is bound in: a sealed secret that is moved to another access key does not open.
    """

    def __init__(self, key: bytes) -> None:
        """Take the sealing key, 32 bytes; see `sealing_key`."""
        self._cipher = AESGCM(key)

    def seal(self, secret: bytes, *, access_key: str) -> bytes:
        """Encrypt a secret key for keeping."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, access_key.encode())

    def open(self, sealed: bytes, *, access_key: str) -> bytes:
        """Decrypt a kept secret key.

        Raises:
            StoreUnavailableError: it was sealed with another key or for another access key, or it is damaged.
        """
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], access_key.encode())
        except (InvalidTag, ValueError) as error:
            raise StoreUnavailableError(
                f"the secret of access key {access_key} does not open with this sealing key; "
                f"start Vacate with the {SEALING_KEY_VARIABLE} it was made with, or make a new access key"
            ) from error


def sealing_key(environment: Mapping[str, str], file: Path | None = None) -> bytes:
    """Find the sealing key: in the environment, else in the file.

    Raises:
        SettingsError: there is none, it is not 32 bytes in base64, or others may read the file.
    """
    if text := environment.get(SEALING_KEY_VARIABLE):
        return _decoded(text, SEALING_KEY_VARIABLE)
    if file is None:
        raise SettingsError(f"no sealing key: set {SEALING_KEY_VARIABLE} or name a file that holds it; {_HINT}")
    if not file.exists():
        raise SettingsError(f"there is no sealing key file {file}; make it once: {_MAKE} > {shlex.quote(str(file))})")
    return _decoded(read_private(file, "the sealing key file"), f"the sealing key file {file}")


def derived_key(key: bytes, label: bytes) -> bytes:
    """A key for another purpose, made of the sealing key; whoever knows it does not know the sealing key."""
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=label).derive(key)


def _decoded(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise SettingsError(f"{where} must hold {_KEY_BYTES} bytes in base64; {_HINT}")
    return key
