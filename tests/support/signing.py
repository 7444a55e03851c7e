"""Signed requests as the official clients send them, signed over a canonical request that is spelt out by hand."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tests.support.signers import signature_of
from vacate.domain.errors import AccessKeyUnknownError
from vacate.iam.algorithms import ALGORITHMS, SDK_HMAC_SHA256, Algorithm, Key
from vacate.iam.signature import parse_authorization, verify
from vacate.operations.access.ports import Presented

ACCESS_KEY = "AKTEST0123456789ABCD"
SECRET = b"SKtest0123456789abcdefghijSKtest01234567"
SIGNED_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DATE = "20260102T030405Z"
SCOPE = b"20260102/ap-southeast-1/gaussdb"
HOST = "gaussdb.example.test"
PROJECT = "0611f1bd8b00d5d32f17c017f15b599f"
INSTANCE = f"/v3/{PROJECT}/instances/3d39c18788b54a919bab633874c159dfin14"
KILL = f"{INSTANCE}/kill-free-session"
NODE_ID = "52c25e148a4a48c293b66ca95565719cno14"
EVERY_ALGORITHM = tuple(ALGORITHMS.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request as it is on the wire, with what its client signs for path and query.

    Every header in `signed` is signed, in that order; the others are sent along.
    """

    method: str = "POST"
    path: str = KILL
    canonical_uri: str = f"{KILL}/"
    query: str = ""
    canonical_query: str = ""
    headers: Mapping[str, str]
    signed: tuple[str, ...]
    body: bytes = b""


PYTHON = Call(
    headers={
        "host": f"{HOST}:8686",
        "content-type": "application/json;charset=utf-8",
        "user-agent": "huaweicloud-usdk-python/3.0; Python/3.11; abc",
        "x-project-id": PROJECT,
        "x-sdk-date": DATE,
        "accept": "*/*",
        "accept-encoding": "gzip, deflate",
        "connection": "keep-alive",
    },
    signed=("content-type", "host", "user-agent", "x-project-id", "x-sdk-date"),
    body=f'{{"node_id": "{NODE_ID}", "component_id": "cn_5001"}}'.encode(),
)
NODE = Call(
    headers={
        "host": HOST,
        "content-type": "application/json",
        "x-project-id": PROJECT,
        "x-sdk-date": DATE,
        "user-agent": "huaweicloud-usdk-nodejs/3.0",
        "accept": "application/json, text/plain, */*",
    },
    signed=("content-type", "host", "x-project-id", "x-sdk-date"),
    body=f'{{"node_id":"{NODE_ID}","component_id":"cn_5001"}}'.encode(),
)
NODE_GET = replace(
    NODE,
    method="GET",
    path=f"/v3.3/{PROJECT}/instances",
    canonical_uri=f"/v3.3/{PROJECT}/instances/",
    query="id=*abc&tags=k2:v2&tags=k1:v1&name=a+b",
    canonical_query="id=%2Aabc&name=a%20b&tags=k1%3Av1&tags=k2%3Av2",
    body=b"{}",
)
TERRAFORM = Call(
    headers={
        "host": "somewhere.else.test:8443",
        "user-agent": "terraform-provider-huaweicloud",
        "accept": "application/json",
        "content-type": "application/json",
        "x-sdk-date": DATE,
        "x-project-id": PROJECT,
        "x-domain-id": "d" * 32,
    },
    signed=("accept", "content-type", "user-agent", "x-sdk-date"),
    body=f'{{"component_id":"cn_5001","node_id":"{NODE_ID}"}}\n'.encode(),
)


def key_for(algorithm: Algorithm, secret: bytes = SECRET) -> Key:
    """The access key of the vectors, with its scope where the scheme has one."""
    return Key(access_key=ACCESS_KEY, secret=secret, scope=SCOPE if algorithm.scoped else b"")


def text_of(call: Call, algorithm: Algorithm = SDK_HMAC_SHA256) -> bytes:
    """The canonical request, line by line."""
    lines = [
        call.method,
        call.canonical_uri,
        call.canonical_query,
        *(f"{name}:{call.headers[name].strip()}" for name in call.signed),
        "",
        ";".join(call.signed),
        algorithm.digest(call.body).decode(),
    ]
    return "\n".join(lines).encode()


def signed(call: Call, algorithm: Algorithm = SDK_HMAC_SHA256, key: Key | None = None) -> Presented:
    """The request with its signature."""
    key = key or key_for(algorithm)
    date = call.headers["x-sdk-date"]
    scope = [key.scope.decode()] if algorithm.scoped else []
    hashed = algorithm.digest(text_of(call, algorithm)).decode()
    text = "\n".join([algorithm.scheme.decode(), date, *scope, hashed])
    return presented(call, algorithm, signature_of(algorithm, key, text.encode()).decode(), key)


def presented(call: Call, algorithm: Algorithm, signature: str, key: Key | None = None) -> Presented:
    """The request with a signature that is given."""
    key = key or key_for(algorithm)
    who = f"Credential={key.access_key}/{key.scope.decode()}" if algorithm.scoped else f"Access={key.access_key}"
    value = f"{algorithm.scheme.decode()} {who}, SignedHeaders={';'.join(call.signed)}, Signature={signature}"
    return Presented(
        method=call.method,
        path=call.path.encode(),
        query=call.query.encode(),
        headers=(
            *((name.encode(), sent.encode()) for name, sent in call.headers.items()),
            (b"authorization", value.encode()),
        ),
        body=call.body,
        source_address="203.0.113.9",
        request_id="r1",
    )


def header(request: Presented, name: bytes) -> bytes:
    """The value of a header that was sent once."""
    (value,) = (value for sent, value in request.headers if sent == name)
    return value


def with_header(request: Presented, name: bytes, *values: bytes) -> Presented:
    """The request with that header sent once per value, in its place."""
    others = tuple(pair for pair in request.headers if pair[0] != name)
    return replace(request, headers=(*others, *((name, value) for value in values)))


def admit(request: Presented, *, secret: bytes = SECRET, now: datetime = SIGNED_AT) -> None:
    """Verify as the service does: with the secret key of the access key that the request names.

    Raises:
        AuthenticationError: one of its kinds.
    """
    authorization = parse_authorization(header(request, b"authorization"))
    if authorization.access_key != ACCESS_KEY:
        raise AccessKeyUnknownError(authorization.access_key)
    verify(request, authorization, secret, now)
