"""Signing a request with an access key, in the scheme that the vendor's clients use unless they are told another.

Source: the published rules of AK/SK signing, checked against what the official clients send.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

from vacate.api.canonical import canonical_request, canonical_uris

SCHEME = b"SDK-HMAC-SHA256"
DATE_HEADER = b"x-sdk-date"
DATE_FORMAT = "%Y%m%dT%H%M%SZ"


def sign(
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    access_key: str,
    secret: bytes,
    at: datetime,
) -> dict[str, str]:
    """Sign a request as a client does that was told nothing about schemes, with SDK-HMAC-SHA256.

    Args:
        method: in upper case.
        url: as it will be sent, with scheme, host and port; path and query already percent-encoded.
        headers: what will be sent besides; all of it is signed.
        body: the bytes that will be sent.
        access_key: whose key it is.
        secret: the secret key's bytes.
        at: the signing time, aware.

    Returns:
        The headers given, with Host, X-Sdk-Date and Authorization.
    """
    parts = urlsplit(url)
    sent = {**headers, "Host": parts.netloc.rpartition("@")[2], "X-Sdk-Date": date_text(at)}
    values = {name.lower().encode("ascii"): value.strip().encode() for name, value in sorted(sent.items(), key=_lower)}
    uri = next(canonical_uris(parts.path.encode()))
    canonical = canonical_request(method, uri, parts.query.encode(), values, sha256_digest(body))
    text = b"\n".join((SCHEME, values[DATE_HEADER], sha256_digest(canonical)))
    scheme, names = SCHEME.decode("ascii"), b";".join(values).decode("ascii")
    signature = hmac_sha256(secret, text).hex()
    return {**sent, "Authorization": f"{scheme} Access={access_key}, SignedHeaders={names}, Signature={signature}"}


def sha256_digest(data: bytes) -> bytes:
    """The hash of a body or a canonical request, in hexadecimal digits of lower case."""
    return hashlib.sha256(data).hexdigest().encode("ascii")


def hmac_sha256(secret: bytes, text: bytes) -> bytes:
    """The keyed hash that a text is signed with."""
    return hmac.digest(secret, text, "sha256")


def _lower(item: tuple[str, str]) -> str:
    return item[0].lower()


def date_text(at: datetime) -> str:
    """A moment as X-Sdk-Date has it: in UTC, to the second."""
    return at.astimezone(UTC).strftime(DATE_FORMAT)
