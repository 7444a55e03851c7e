"""Signed requests, told from their raw bytes.

A caller's client and this module build the same text from the request, the canonical request (`api.canonical`), and
the secret key turns it into the signature. How a scheme hashes and verifies is in `algorithms`. Every scheme is
verified; `api.signing` signs in the usual one.

Source: the published rules of AK/SK signing, checked against what the official clients send.
"""

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from vacate.api.canonical import canonical_request, canonical_uris
from vacate.api.signing import DATE_FORMAT, DATE_HEADER, date_text
from vacate.domain.errors import SignatureExpiredError, SignatureInvalidError
from vacate.iam.algorithms import ALGORITHMS, Algorithm, Key
from vacate.operations.access.ports import Presented

CLOCK_WINDOW = timedelta(minutes=15)

_DATE = re.compile(rb"[0-9]{8}T[0-9]{6}Z")
_UNSIGNED_PAYLOAD = b"UNSIGNED-PAYLOAD"
_WHO = rb"(?P<access_key>[0-9A-Za-z_-]{1,128})"
_SCOPE = rb"(?P<scope>[0-9]{8}/[0-9A-Za-z._-]{1,64}/[0-9A-Za-z._-]{1,64})"
# A header name as HTTP allows it, in lower case, as every client lists it. The longest signature is the DER of
# two numbers of 33 bytes.
_REST = (
    rb",[ ]*SignedHeaders=(?P<names>[0-9a-z!#$%&'*+.^_`|~-]+(?:;[0-9a-z!#$%&'*+.^_`|~-]+)*)"
    rb",[ ]*Signature=(?P<signature>[0-9a-f]{1,144})"
)
_FIELDS = re.compile(rb"Access=" + _WHO + _REST)
_SCOPED_FIELDS = re.compile(rb"Credential=" + _WHO + rb"/" + _SCOPE + _REST)
_DAY_DIGITS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """What an Authorization header says: whose key, which headers in which order, and the signature.

    `scope` is `<yyyymmdd>/<region>/<service>` where the scheme binds its signatures to one, and empty otherwise.
    """

    algorithm: Algorithm
    access_key: str
    signed_headers: tuple[bytes, ...]
    signature: bytes
    scope: bytes = b""


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
    if algorithm is None:
        raise SignatureInvalidError("the Authorization header is in no scheme that is known here")
    fields = (_SCOPED_FIELDS if algorithm.scoped else _FIELDS).fullmatch(rest.strip())
    if fields is None:
        raise SignatureInvalidError("the Authorization header cannot be read")
    names = tuple(fields["names"].split(b";"))
    if len(set(names)) != len(names):
        raise SignatureInvalidError("SignedHeaders lists a header twice")
    return Authorization(
        algorithm=algorithm,
        access_key=fields["access_key"].decode("ascii"),
        signed_headers=names,
        signature=fields["signature"],
        scope=fields["scope"] if algorithm.scoped else b"",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What a signature was found to cover: the text that was signed, and the signing time.

    Two requests with the same text are the same request, also where their signatures differ: with ECDSA and SM2 every
    text has many, and whoever has seen one can make another one of it without the key.
    """

    text: bytes
    at: datetime


def verify(request: Presented, authorization: Authorization, secret: bytes, now: datetime) -> Signed:
    """Check that the request is what the owner of the secret key signed, and that it was signed just now.

    The body must be covered: `UNSIGNED-PAYLOAD` is refused, because whoever can hold such a request back
    could name another component in its body and have that one's sessions ended.

    A scope must be of the day of the signing time. Its region and service may have any names: they are signed,
    but the service does not know under which names its callers think of it.

    Raises:
        SignatureInvalidError: the signature does not fit, or does not cover what it must.
        SignatureExpiredError: the signing time is more than 15 minutes away, on either side.
    """
    algorithm = authorization.algorithm
    headers = _signed_values(request.headers, authorization.signed_headers)
    signed_at = _signing_time(headers.get(DATE_HEADER))
    if abs(now - signed_at) > CLOCK_WINDOW:
        raise SignatureExpiredError(signed_at=date_text(signed_at), now=date_text(now))
    if authorization.scope and authorization.scope[:_DAY_DIGITS] != headers[DATE_HEADER][:_DAY_DIGITS]:
        raise SignatureInvalidError("the Credential is for another day than x-sdk-date")
    payload = algorithm.digest(request.body)
    declared = headers.get(algorithm.content_header, payload)
    if declared == _UNSIGNED_PAYLOAD:
        raise SignatureInvalidError("the body must be signed too, UNSIGNED-PAYLOAD is not accepted")
    if not hmac.compare_digest(declared, payload):
        raise SignatureInvalidError("the body is not the one that was signed")
    key = Key(access_key=authorization.access_key, secret=secret, scope=authorization.scope)
    for uri in canonical_uris(request.path):
        canonical = canonical_request(request.method, uri, request.query, headers, payload)
        text = string_to_sign(algorithm, key.scope, headers[DATE_HEADER], canonical)
        if algorithm.fits(key, text, authorization.signature):
            return Signed(text=text, at=signed_at)
    raise SignatureInvalidError


def _signing_time(value: bytes | None) -> datetime:
    if value is None:
        raise SignatureInvalidError("x-sdk-date is not among the signed headers")
    try:
        if _DATE.fullmatch(value):
            return datetime.strptime(value.decode("ascii"), DATE_FORMAT).replace(tzinfo=UTC)
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


def string_to_sign(algorithm: Algorithm, scope: bytes, date: bytes, canonical: bytes) -> bytes:
    """Put together the text that is signed.

    Shape: scheme, date, the scope if there is one, and the hash of the canonical request, one a line.
    """
    bound = (scope,) if algorithm.scoped else ()
    return b"\n".join((algorithm.scheme, date, *bound, algorithm.digest(canonical)))
