"""The vectors: one request in every scheme, made with the official clients' own signers, step by step."""

from dataclasses import dataclass, replace

import pytest

from tests.support.signing import (
    ACCESS_KEY,
    DATE,
    HOST,
    INSTANCE,
    KILL,
    PROJECT,
    SECRET,
    SIGNED_AT,
    Call,
    admit,
    header,
    key_for,
    presented,
    text_of,
)
from vacate.api.signing import sign
from vacate.domain.errors import SignatureInvalidError
from vacate.iam.algorithms import (
    SDK_ECDSA_P256_SHA256,
    SDK_HMAC_SHA256,
    SDK_HMAC_SM3,
    SDK_SM2_SM3,
    V11_HMAC_SHA256,
    Algorithm,
)

POST = Call(
    headers={
        "host": HOST,
        "content-type": "application/json",
        "x-project-id": PROJECT,
        "x-sdk-date": DATE,
    },
    signed=("content-type", "host", "x-project-id", "x-sdk-date"),
    body=b'{"node_id":"52c25e148a4a48c293b66ca95565719cno14","component_id":"cn_5001"}',
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    call: Call
    algorithm: Algorithm
    body_hash: str
    canonical_hash: str
    signature: str


SHA256_BODY = "6f6fa52e0d927072fce47972293261a970a9ba5fc287e3ef1d27df9c98f0dc2c"
SHA256_POST = "9abfa5589666ee6bfcbc33de55a4950920db0249865c510e374fbbca87679ebb"
SM3_BODY = "8a4efc308442a7ed9e3ba00882272115ecb1b73821294de4c7597df14f652998"
SM3_POST = "37efb7b1e279017d9ee1e36c52e2968c037692dbcbb8ab77df1e55fdfa43daca"

V1 = Vector(
    call=POST,
    algorithm=SDK_HMAC_SHA256,
    body_hash=SHA256_BODY,
    canonical_hash=SHA256_POST,
    signature="96f40bd5d19c591e656afa6ce388c3c775a22d62faab3ae66f08b4dd0a3e50e0",
)
V2 = Vector(
    call=Call(
        method="GET",
        path=f"{INSTANCE}/session-statistics",
        canonical_uri=f"{INSTANCE}/session-statistics/",
        query="order_field=active_num&tag=b%20c&order=DESC&limit=10&tag=a~%2B&dimension=usename",
        canonical_query="dimension=usename&limit=10&order=DESC&order_field=active_num&tag=a~%2B&tag=b%20c",
        headers={"host": HOST, "x-sdk-date": DATE},
        signed=("host", "x-sdk-date"),
    ),
    algorithm=SDK_HMAC_SHA256,
    body_hash="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    canonical_hash="d68da544c2493a56bbc62e953369988ec4c0b9276ebb07763fd074014a467cc2",
    signature="f82c7cd09c29c596da2f3b16f31230d834021814d39f00942bc911912564c1a0",
)
V3 = Vector(
    call=POST,
    algorithm=SDK_HMAC_SM3,
    body_hash=SM3_BODY,
    canonical_hash=SM3_POST,
    signature="124a2ecf535b29dffe4c14ce09025661ffdb3187b796d0d2f360b797e93be841",
)
V4 = Vector(
    call=POST,
    algorithm=V11_HMAC_SHA256,
    body_hash=SHA256_BODY,
    canonical_hash=SHA256_POST,
    signature="67caa0855cbc7df9a4bbe26e30c01ab4e89a7be1a4598944fb8dec39de91f609",
)
V5 = Vector(
    call=POST,
    algorithm=SDK_ECDSA_P256_SHA256,
    body_hash=SHA256_BODY,
    canonical_hash=SHA256_POST,
    signature=(
        "3045022028a6073a873c9e3d4de33b6bfb5af92601955d8ce28b58386480851e02469b52"
        "0221009e037b8e424a5d507b58a2ccdfc1862bd2886135939f2a96adf65c200afd7606"
    ),
)
V6 = Vector(
    call=POST,
    algorithm=SDK_SM2_SM3,
    body_hash=SM3_BODY,
    canonical_hash=SM3_POST,
    signature=(
        "3045022100b95ce883bd41b6e0dba37556d2c5018d78ed3d06da3b6cc4eccc684bb48325"
        "15022037c6475ed116635153187e12416270e4d52270ac8edeaccfd98dbf2df06a2c17"
    ),
)
V7 = Vector(
    call=Call(
        headers={
            "host": "somewhere.else.test:8443",
            "user-agent": "terraform-provider-huaweicloud",
            "accept": "application/json",
            "content-type": "application/json",
            "x-sdk-date": DATE,
            "x-project-id": PROJECT,
        },
        signed=("accept", "content-type", "user-agent", "x-sdk-date"),
        body=b'{"component_id":"cn_5001","node_id":"52c25e148a4a48c293b66ca95565719cno14"}\n',
    ),
    algorithm=SDK_HMAC_SHA256,
    body_hash="67e8aeb1d296116b794c9d93f5247187454e1f0aa9864cde90983d810570e3cf",
    canonical_hash="2bc6c5d1ae48501123af46af6670956d22fd41e0e5f2ff6b0c834dea666a1aa7",
    signature="1c3efe292ce7da0b977ed6aafc15a2419dbb6f99cde9e35f3bf7be81bf553303",
)
ALL = {"V1": V1, "V2": V2, "V3": V3, "V4": V4, "V5": V5, "V6": V6, "V7": V7}
VECTORS = pytest.mark.parametrize("vector", ALL.values(), ids=ALL)


@VECTORS
def test_a_vector_is_accepted(vector: Vector) -> None:
    admit(presented(vector.call, vector.algorithm, vector.signature))


@VECTORS
def test_the_hashes_on_a_vectors_way_are_the_published_ones(vector: Vector) -> None:
    assert vector.algorithm.digest(vector.call.body).decode() == vector.body_hash
    assert vector.algorithm.digest(text_of(vector.call, vector.algorithm)).decode() == vector.canonical_hash


@VECTORS
def test_a_vectors_signature_fits_nobody_elses_secret_key(vector: Vector) -> None:
    with pytest.raises(SignatureInvalidError):
        admit(presented(vector.call, vector.algorithm, vector.signature), secret=SECRET[:-1])


def test_signing_in_the_usual_scheme_gives_the_published_signature() -> None:
    headers = sign(
        method="POST",
        url=f"https://{HOST}{KILL}",
        headers={"Content-Type": "application/json", "X-Project-Id": PROJECT},
        body=POST.body,
        access_key=ACCESS_KEY,
        secret=SECRET,
        at=SIGNED_AT,
    )
    expected = presented(V1.call, V1.algorithm, V1.signature)
    assert headers["Authorization"].encode() == header(expected, b"authorization")
    assert headers["X-Sdk-Date"] == DATE
    assert headers["Host"] == HOST


@VECTORS
def test_a_vector_says_which_scheme_it_is_in_and_fits_no_other(vector: Vector) -> None:
    for other in ALL.values():
        if other.algorithm is not vector.algorithm:
            with pytest.raises(SignatureInvalidError):
                admit(presented(vector.call, other.algorithm, vector.signature))


# --- V4: the scope ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "scope",
    [
        b"20260101/ap-southeast-1/gaussdb",
        b"20260103/ap-southeast-1/gaussdb",
        b"20260102/ap-southeast-2/gaussdb",
        b"20260102/ap-southeast-1/iam",
        b"20260102/gaussdb/ap-southeast-1",
    ],
)
def test_v4_does_not_fit_in_another_scope(scope: bytes) -> None:
    elsewhere = replace(key_for(V11_HMAC_SHA256), scope=scope)
    with pytest.raises(SignatureInvalidError):
        admit(presented(POST, V11_HMAC_SHA256, V4.signature, elsewhere))
