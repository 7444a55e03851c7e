"""Requests signed by the vendor's own signer, held against ours."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from urllib.parse import quote, unquote_to_bytes

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.algorithm import SigningAlgorithm
from huaweicloudsdkcore.signer.signer import P256SHA256Signer, Signer, SM2SM3Signer
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.signers import signature_of
from vacate.api.signing import sign
from vacate.domain.errors import SignatureExpiredError, SignatureInvalidError
from vacate.iam.algorithms import SDK_ECDSA_P256_SHA256, SDK_SM2_SM3, Algorithm, Key, sm2_scalar
from vacate.iam.signature import parse_authorization, verify
from vacate.iam.sm2 import multiple_of_base
from vacate.operations.access.ports import Presented

ACCESS_KEY = "AKTEST0123456789ABCD"
SECRET_KEY = "SKtest0123456789abcdefghijSKtest01234567"  # noqa: S105 - the tests' own.
PROJECT = "0611f1bd8b00d5d32f17c017f15b599f"
INSTANCE = f"/v3/{PROJECT}/instances/3d39c18788b54a919bab633874c159dfin14"
BODY = '{"node_id": "52c25e148a4a48c293b66ca95565719cno14", "component_id": "cn_5001"}'
JSON = {"Content-Type": "application/json;charset=utf-8"}
AGENT = {"User-Agent": "huaweicloud-usdk-python/3.0; python/3.11", "X-Project-Id": PROJECT}

# The official signer asks for the time in a way that newer Pythons warn of.
pytestmark = pytest.mark.filterwarnings(r"ignore:datetime\.datetime\.utcnow:DeprecationWarning")


def request(
    method: str = "POST",
    path: str = f"{INSTANCE}/kill-free-session",
    query: list[tuple[str, object]] | None = None,
    headers: dict[str, str] | None = None,
    body: str = "",
) -> SdkRequest:
    return SdkRequest(
        method=method,
        schema="http",
        host="127.0.0.1:8686",
        resource_path=path,
        query_params=query or [],
        header_params={**AGENT, **(headers or {})},
        body=body,
    )


def credentials(secret: str = SECRET_KEY) -> BasicCredentials:
    return BasicCredentials(ACCESS_KEY, secret, PROJECT)


def derived() -> BasicCredentials:
    """Credentials that sign for one day, region and service. The client's own builder would set the two names."""
    made = credentials().with_derived_predicate(lambda _: True)
    made._process_derived_auth_params("gaussdb", "ap-southeast-1")  # pyright: ignore[reportPrivateUsage]
    return made


def signed(unsigned: SdkRequest, signer: BasicCredentials | None = None) -> Presented:
    """The request as it is on the wire when the official signer is done with it."""
    done = (signer or credentials()).sign_request(unsigned)
    path, _, query = str(done.uri).partition("?")
    body = done.body or b""
    return Presented(
        method=done.method,
        path=quote(path, safe="/%~").encode(),
        query=query.encode(),
        headers=tuple((name.lower().encode(), value.encode("latin-1")) for name, value in done.header_params.items()),
        body=body if isinstance(body, bytes) else body.encode(),
        source_address="127.0.0.1",
        request_id="r1",
    )


def check(presented: Presented, now: datetime | None = None, secret: str = SECRET_KEY) -> None:
    authorization = parse_authorization(dict(presented.headers)[b"authorization"])
    assert authorization.access_key == ACCESS_KEY
    verify(presented, authorization, secret.encode(), now or datetime.now(UTC))


@pytest.mark.parametrize(
    "unsigned",
    [
        pytest.param(request(headers=JSON, body=BODY), id="kill"),
        pytest.param(request(headers={**JSON, "X-Language": "zh-cn"}, body=BODY), id="kill_in_chinese"),
        pytest.param(request(headers=JSON, body='{"note": "héllo 你好"}'), id="body_beyond_ascii"),
        pytest.param(request(headers=JSON), id="empty_body"),
        pytest.param(request("GET", f"{INSTANCE}/session-overview"), id="get"),
        pytest.param(
            request(
                "GET",
                f"{INSTANCE}/session-statistics",
                [("order", "DESC"), ("limit", 10), ("dimension", "usename"), ("flag", True)],
            ),
            id="query",
        ),
        pytest.param(
            request(
                "GET",
                f"/v3.2/{PROJECT}/instances",
                [("tags", "k2:v 2"), ("id", "*a+b~c/d"), ("tags", "k1:v1"), ("name", "你好"), ("x", "")],
            ),
            id="query_of_odd_characters",
        ),
        pytest.param(request("GET", "/v3/{project_id}/instances"), id="path_never_filled_in"),
        pytest.param(request("GET", f"{INSTANCE}/a b/你好"), id="path_of_odd_characters"),
        pytest.param(request("GET", "/v3/", headers={"X-Note": "  héllo 你好  "}), id="header_beyond_ascii"),
        pytest.param(request("GET", "/v3", headers={"X_Odd": "not signed"}), id="header_left_out"),
        pytest.param(request("DELETE", "/v3/auth/tokens", headers={"X-Auth-Token": "abc"}), id="token_signed_along"),
    ],
)
def test_what_the_official_signer_signs_is_accepted_until_it_is_changed(unsigned: SdkRequest) -> None:
    presented = signed(unsigned)
    check(presented)
    for tampered in (
        replace(presented, body=presented.body + b" "),
        replace(presented, path=presented.path + b"x"),
        replace(presented, query=presented.query + b"&more=1"),
        replace(presented, method="PUT"),
    ):
        with pytest.raises(SignatureInvalidError):
            check(tampered)


def test_the_official_signers_time_runs_out() -> None:
    presented = signed(request(headers=JSON, body=BODY))
    with pytest.raises(SignatureExpiredError):
        check(presented, datetime.now(UTC) + timedelta(minutes=15, seconds=2))


def test_a_body_that_the_official_signer_leaves_unsigned_is_refused() -> None:
    presented = signed(request(headers={"Content-Type": "text/plain"}, body=BODY))
    with pytest.raises(SignatureInvalidError, match="UNSIGNED-PAYLOAD is not accepted"):
        check(presented)


def test_our_own_signer_writes_what_the_official_one_writes() -> None:
    unsigned = request(
        "POST", f"{INSTANCE}/kill-free-session", [("b", "x y"), ("a", "*")], {**JSON, "X-Note": "héllo"}, BODY
    )
    official = Signer(BasicCredentials(ACCESS_KEY, SECRET_KEY, PROJECT)).sign(unsigned).header_params
    ours = sign(
        method="POST",
        url=f"http://127.0.0.1:8686{INSTANCE}/kill-free-session?b=x%20y&a=*",
        headers={**AGENT, **JSON, "X-Note": "héllo"},
        body=BODY.encode(),
        access_key=ACCESS_KEY,
        secret=SECRET_KEY.encode(),
        at=datetime.strptime(official["X-Sdk-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC),
    )
    assert ours["Authorization"] == official["Authorization"]


# --- every scheme of the official signer -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """How the official client is told to use a scheme. Its curves are slow, so they sign fewer requests."""

    name: bytes
    algorithm: SigningAlgorithm = SigningAlgorithm.HMAC_SHA256
    derived: bool = False
    examples: int = 100

    def sign(self, unsigned: SdkRequest, secret: str = SECRET_KEY) -> Presented:
        unsigned.signing_algorithm = HttpConfig(signing_algorithm=self.algorithm).signing_algorithm
        return signed(unsigned, derived() if self.derived else credentials(secret))


SCHEMES = [
    Scheme(name=b"SDK-HMAC-SHA256"),
    Scheme(name=b"SDK-HMAC-SM3", algorithm=SigningAlgorithm.HMAC_SM3),
    Scheme(name=b"SDK-ECDSA-P256-SHA256", algorithm=SigningAlgorithm.ECDSA_P256_SHA256, examples=12),
    Scheme(name=b"SDK-SM2-SM3", algorithm=SigningAlgorithm.SM2_SM3, examples=12),
    Scheme(name=b"V11-HMAC-SHA256", derived=True),
]
each_scheme = pytest.mark.parametrize("scheme", SCHEMES, ids=[scheme.name.decode() for scheme in SCHEMES])

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
odd = st.one_of(text, st.text("*+ %/&=?~:,\u00e9\u4f60", max_size=6), st.sampled_from(["*x", "a+b", "%2F", "a b", ""]))
# What may stand in a header, and what its client does not cut off before signing.
visible = st.text(st.characters(min_codepoint=0x20, exclude_categories=["C", "Z"]), min_size=1, max_size=8)
header = st.builds("{}{}{}".format, visible, st.sampled_from(["", " ", "  "]), visible)
bodies = st.one_of(st.just(""), st.just("{}"), st.text(st.characters(exclude_categories=["Cs"]), max_size=40))


@st.composite
def requests(draw: st.DrawFn) -> SdkRequest:
    """Requests of any kind: odd paths and queries, repeated tags, headers beyond ASCII, empty bodies."""
    segments = draw(st.lists(odd, max_size=3))
    names = draw(st.lists(st.sampled_from(["X-A", "x-b", "X-Security-Token", "X_C", "X-Language"]), unique=True))
    return request(
        draw(st.sampled_from(["GET", "POST", "PUT", "DELETE"])),
        "/v3" + "".join("/" + quote(segment, safe="") for segment in segments),
        [*draw(st.lists(st.tuples(odd, odd), max_size=3)), *(("tags", tag) for tag in draw(st.lists(odd, max_size=3)))],
        {**JSON, **{name: draw(header) for name in names}},
        draw(bodies),
    )


@st.composite
def rewritings(draw: st.DrawFn) -> Callable[[Presented], Presented]:
    """What may happen to a request on its way: escapes in small digits or bare, blanks around a header's value."""
    small, bare, blanks = draw(st.booleans()), draw(st.booleans()), draw(st.sampled_from([b"", b" ", b"\t "]))

    def escape(found: re.Match[bytes]) -> bytes:
        if bare and found[0] in (b"%2A", b"%3A", b"%2C"):
            return unquote_to_bytes(found[0])
        if bare and found[0] == b"%20":
            return b"+"
        return found[0].lower() if small else found[0]

    def rewrite(presented: Presented) -> Presented:
        return replace(
            presented,
            query=re.sub(b"%[0-9A-F]{2}", escape, presented.query),
            headers=tuple(
                (name, value if name == b"authorization" else blanks + value + blanks)
                for name, value in presented.headers
            ),
        )

    return rewrite


@each_scheme
def test_whatever_the_official_signer_signs_is_accepted_until_it_is_changed(scheme: Scheme) -> None:
    @settings(deadline=None, max_examples=scheme.examples)
    @given(unsigned=requests(), rewrite=rewritings(), flip=st.randoms(use_true_random=False))
    def signs(unsigned: SdkRequest, rewrite: Callable[[Presented], Presented], flip: Random) -> None:
        presented = scheme.sign(unsigned)
        assert dict(presented.headers)[b"authorization"].startswith(scheme.name + b" ")
        check(presented)
        check(rewrite(presented))
        body = bytearray(presented.body or b" ")
        body[flip.randrange(len(body))] ^= 1 << flip.randrange(8)
        for tampered in (
            replace(presented, body=bytes(body)),
            replace(presented, path=presented.path + b"x"),
            replace(presented, query=presented.query + b"&more=1"),
            replace(presented, method="PATCH"),
        ):
            with pytest.raises(SignatureInvalidError):
                check(tampered)
        with pytest.raises(SignatureInvalidError):
            check(presented, secret=SECRET_KEY[::-1])

    signs()


@each_scheme
def test_a_scheme_of_the_official_signer_runs_out_too(scheme: Scheme) -> None:
    with pytest.raises(SignatureExpiredError):
        check(scheme.sign(request(headers=JSON, body=BODY)), datetime.now(UTC) + timedelta(minutes=15, seconds=2))


@each_scheme
def test_a_body_that_the_official_signer_leaves_unsigned_is_refused_in_every_scheme(scheme: Scheme) -> None:
    with pytest.raises(SignatureInvalidError, match="UNSIGNED-PAYLOAD is not accepted"):
        check(scheme.sign(request(headers={"Content-Type": "text/plain"}, body=BODY)))


@pytest.mark.parametrize("secret", ["SKtest-leading-zeros-000024", "SKtest-leading-zeros-000844"], ids=["x", "y"])
def test_the_official_signer_leaves_leading_zeros_of_an_sm2_key_out_and_is_accepted(secret: str) -> None:
    public = multiple_of_base(sm2_scalar(Key(access_key=ACCESS_KEY, secret=secret.encode())))
    assert public is not None
    assert min(public) < 1 << 248
    scheme = Scheme(name=b"SDK-SM2-SM3", algorithm=SigningAlgorithm.SM2_SM3)
    presented = scheme.sign(request(headers=JSON, body=BODY), secret)
    check(presented, secret=secret)
    with pytest.raises(SignatureInvalidError):
        check(replace(presented, body=presented.body + b" "), secret=secret)


SHORT_X, SHORT_Y = "SKtest-leading-zeros-000295", "SKtest-leading-zeros-001520"


@pytest.mark.parametrize("secret", [SHORT_X, SHORT_Y], ids=["x", "y"])
def test_leading_zeros_of_a_p256_key_change_nothing(secret: str) -> None:
    scheme = Scheme(name=b"SDK-ECDSA-P256-SHA256", algorithm=SigningAlgorithm.ECDSA_P256_SHA256)
    check(scheme.sign(request(headers=JSON, body=BODY), secret), secret=secret)


@pytest.mark.parametrize("secret", [SECRET_KEY, "SKtest-leading-zeros-000024", "SKtest-leading-zeros-000844"])
@pytest.mark.parametrize(
    ("signer", "algorithm"),
    [(P256SHA256Signer, SDK_ECDSA_P256_SHA256), (SM2SM3Signer, SDK_SM2_SM3)],
    ids=["P-256", "SM2"],
)
def test_the_tests_own_signature_over_a_curve_fits_the_official_public_key(
    signer: type[P256SHA256Signer], algorithm: Algorithm, secret: str
) -> None:
    official = signer(credentials(secret)).get_signing_key()
    ours = signature_of(algorithm, Key(access_key=ACCESS_KEY, secret=secret.encode()), b"a text")
    assert official.verify(bytes.fromhex(ours.decode()), b"a text")
    assert not official.verify(bytes.fromhex(ours.decode()), b"another text")
