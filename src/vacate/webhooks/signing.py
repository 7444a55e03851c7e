"""Signatures as Standard Webhooks defines them: HMAC-SHA256 over id, time and body.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from vacate.domain.errors import SettingsError
from vacate.operations.private_files import read_private

PREFIX = "whsec_"
_FEWEST_BYTES = 24
_MOST_BYTES = 64
_MOST_SECRETS = 2
_HINT = f'make one with: echo "{PREFIX}$(head -c 32 /dev/urandom | base64)"'


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One secret, which is in no text that is made of it."""

    secret: bytes = field(repr=False)

    def signature(self, message_id: str, timestamp: int, body: bytes) -> str:
        """The signature of one attempt; `timestamp` is in seconds since 1970."""
        signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
        return "v1," + base64.b64encode(hmac.digest(self.secret, signed, hashlib.sha256)).decode()


def signed_headers(keys: Sequence[SigningKey], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of one attempt, with a signature by every key: a receiver needs to know one of them."""
    timestamp = int(at.timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(key.signature(message_id, timestamp, body) for key in keys),
    }


def signing_keys(environment: Mapping[str, str], *, variable: str, file: Path | None) -> tuple[SigningKey, ...]:
    """The secrets in a variable of the environment, or else in a file: one, or the new and the old one.

    Raises:
        SettingsError: there is none, there are too many, one is malformed, or others may read the file. What was
            found is not repeated.
    """
    if file is None:
        where, text = f"the variable {variable}", environment.get(variable, "")
    else:
        where, text = f"the secret file {file}", read_private(file, "the secret file")
    words = text.split()
    if not words:
        raise SettingsError(f"{where} holds no secret; {_HINT}")
    if len(words) > _MOST_SECRETS:
        raise SettingsError(f"{where} holds {len(words)} secrets; keep the new one and at most one old one")
    return tuple(_key(word, where) for word in words)


def _key(word: str, where: str) -> SigningKey:
    encoded = word.removeprefix(PREFIX)
    try:
        secret = base64.b64decode(encoded, validate=True) if encoded != word else b""
    except (binascii.Error, ValueError):
        secret = b""
    if not _FEWEST_BYTES <= len(secret) <= _MOST_BYTES:
        raise SettingsError(
            f"{where} must hold {PREFIX} with {_FEWEST_BYTES} to {_MOST_BYTES} bytes in base64; {_HINT}"
        )
    return SigningKey(secret)
