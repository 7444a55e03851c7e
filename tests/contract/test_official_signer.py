"""Requests signed by the vendor's own signer, held against ours."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer

from vacate.domain.errors import SignatureExpiredError, SignatureInvalidError
from vacate.iam.signature import parse_authorization, sign, verify
from vacate.operations.access import Presented

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


def signed(unsigned: SdkRequest) -> Presented:
    """The request as it is on the wire when the official signer is done with it."""
    done = BasicCredentials(ACCESS_KEY, SECRET_KEY, PROJECT).sign_request(unsigned)
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


def check(presented: Presented, now: datetime | None = None) -> None:
    authorization = parse_authorization(dict(presented.headers)[b"authorization"])
    assert authorization.access_key == ACCESS_KEY
    verify(presented, authorization, SECRET_KEY.encode(), now or datetime.now(UTC))


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
