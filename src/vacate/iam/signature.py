"""Signed requests: the scheme SDK-HMAC-SHA256, told from the raw bytes of a request.

A caller's client and this module build the same text from the request, the canonical request, and the
secret key turns it into the signature. Signing and verifying share that one piece of code here.

Source: the published rules of AK/SK signing, checked against what the official clients send.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from vacate.domain.errors import SignatureExpiredError, SignatureInvalidError
from vacate.iam.canonical import canonical_request, canonical_uris
from vacate.operations.access import Presented

CLOCK_WINDOW = timedelta(minutes=15)
DATE_HEADER = b"x-sdk-date"

_DATE_FORMAT = "%Y%m%dT%H%M%SZ"
_DATE = re.compile(rb"[0-9]{8}T[0-9]{6}Z")
_UNSIGNED_PAYLOAD = b"UNSIGNED-PAYLOAD"
# A header name as HTTP allows it, in lower case, as every client lists it.
_FIELDS = re.compile(
    rb"Access=(?P<access_key>[0-9A-Za-z_-]{1,128}),[ ]*"
    rb"SignedHeaders=(?P<names>[0-9a-z!#$%&'*+.^_`|~-]+(?:;[0-9a-z!#$%&'*+.^_`|~-]+)*),[ ]*"
    rb"Signature=(?P<signature>[0-9a-f]+)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """One scheme: how it hashes, how it signs, and how it tells whether a signature fits.

    Verifying is a function of its own because a scheme with a random part cannot compare two signatures.
    """

    scheme: bytes
    content_header: bytes
    digest: Callable[[bytes], bytes]
    sign: Callable[[bytes, bytes], bytes]
    fits: Callable[[bytes, bytes, bytes], bool]


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode("ascii")


def _hmac_sha256(secret: bytes, text: bytes) -> bytes:
    return hmac.digest(secret, text, "sha256").hex().encode("ascii")


def _hmac_sha256_fits(secret: bytes, text: bytes, signature: bytes) -> bool:
    return hmac.compare_digest(_hmac_sha256(secret, text), signature)


SDK_HMAC_SHA256 = Algorithm(
    scheme=b"SDK-HMAC-SHA256",
    content_header=b"x-sdk-content-sha256",
    digest=_sha256,
    sign=_hmac_sha256,
    fits=_hmac_sha256_fits,
)

ALGORITHMS: Mapping[bytes, Algorithm] = {algorithm.scheme: algorithm for algorithm in (SDK_HMAC_SHA256,)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """What an Authorization header says: whose key, which headers in which order, and the signature."""

    algorithm: Algorithm
    access_key: str
    signed_headers: tuple[bytes, ...]
    signature: bytes


def is_signed(value: bytes) -> bool:
    """Whether an Authorization header is written in a scheme that is known here."""
    return value.partition(b" ")[0] in ALGORITHMS


def parse_authorization(value: bytes) -> Authorization:
    """Read an Authorization header.

    Raises:
        SignatureInvalidError: the scheme is unknown, or a part is missing, misspelt or listed twice.
    """
    scheme, _, rest = value.partition(b" ")
    algorithm = ALGORITHMS.get(scheme)
    fields = _FIELDS.fullmatch(rest.strip())
    if algorithm is None or fields is None:
        raise SignatureInvalidError("the Authorization header cannot be read")
    names = tuple(fields["names"].split(b";"))
    if len(set(names)) != len(names):
        raise SignatureInvalidError("SignedHeaders lists a header twice")
    return Authorization(
        algorithm=algorithm,
        access_key=fields["access_key"].decode("ascii"),
        signed_headers=names,
        signature=fields["signature"],
    )


def verify(request: Presented, authorization: Authorization, secret: bytes, now: datetime) -> None:
    """Check that the request is what the owner of the secret key signed, and that it was signed just now.

    The body must be covered: `UNSIGNED-PAYLOAD` is refused, because whoever can hold such a request back
    could name another component in its body and have that one's sessions ended.

    Raises:
        SignatureInvalidError: the signature does not fit, or does not cover what it must.
        SignatureExpiredError: the signing time is more than 15 minutes away, on either side.
    """
    algorithm = authorization.algorithm
    headers = _signed_values(request.headers, authorization.signed_headers)
    signed_at = _signing_time(headers.get(DATE_HEADER))
    if abs(now - signed_at) > CLOCK_WINDOW:
        raise SignatureExpiredError(signed_at=_date(signed_at), now=_date(now))
    payload = algorithm.digest(request.body)
    declared = headers.get(algorithm.content_header, payload)
    if declared == _UNSIGNED_PAYLOAD:
        raise SignatureInvalidError("the body must be signed too, UNSIGNED-PAYLOAD is not accepted")
    if not hmac.compare_digest(declared, payload):
        raise SignatureInvalidError("the body is not the one that was signed")
    for uri in canonical_uris(request.path):
        text = _string_to_sign(algorithm, request.method, uri, request.query, headers, payload)
        if algorithm.fits(secret, text, authorization.signature):
            return
    raise SignatureInvalidError


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
    """Sign a request as a client does.

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
    sent = {**headers, "Host": parts.netloc.rpartition("@")[2], "X-Sdk-Date": _date(at)}
    values = {name.lower().encode("ascii"): value.strip().encode() for name, value in sorted(sent.items(), key=_lower)}
    algorithm = SDK_HMAC_SHA256
    uri = next(canonical_uris(parts.path.encode()))
    text = _string_to_sign(algorithm, method, uri, parts.query.encode(), values, algorithm.digest(body))
    names = b";".join(values).decode("ascii")
    signature = algorithm.sign(secret, text).decode("ascii")
    scheme = algorithm.scheme.decode("ascii")
    return {
        **sent,
        "Authorization": f"{scheme} Access={access_key}, SignedHeaders={names}, Signature={signature}",
    }


def _lower(item: tuple[str, str]) -> str:
    return item[0].lower()


def _date(at: datetime) -> str:
    return at.astimezone(UTC).strftime(_DATE_FORMAT)


def _signing_time(value: bytes | None) -> datetime:
    if value is None:
        raise SignatureInvalidError("x-sdk-date is not among the signed headers")
    try:
        if _DATE.fullmatch(value):
            return datetime.strptime(value.decode("ascii"), _DATE_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        pass
    raise SignatureInvalidError("x-sdk-date is not a time like 20260102T030405Z")


def _signed_values(headers: Iterable[tuple[bytes, bytes]], names: Iterable[bytes]) -> dict[bytes, bytes]:
    """The value of every signed header, in the order of signing.

    A signed header that came twice is refused: which of the two was meant cannot be told.
    """
    sent: dict[bytes, list[bytes]] = {name: [] for name in names}
    for name, value in headers:
        if name in sent:
            sent[name].append(value.strip())
    for name, values in sent.items():
        if len(values) != 1:
            problem = "is signed but was sent more than once" if values else "is signed but was not sent"
            raise SignatureInvalidError(f"{name.decode('ascii')} {problem}")
    return {name: values[0] for name, values in sent.items()}


def _string_to_sign(
    algorithm: Algorithm, method: str, uri: bytes, query: bytes, headers: Mapping[bytes, bytes], payload: bytes
) -> bytes:
    """Shape: scheme, date and the hash of the canonical request, one a line."""
    request = canonical_request(method, uri, query, headers, payload)
    return b"\n".join((algorithm.scheme, headers[DATE_HEADER], algorithm.digest(request)))
