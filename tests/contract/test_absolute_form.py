"""A request whose target is a whole URL is served like one with a path, whoever signed it."""

import json

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest

from tests.contract.conftest import Users
from tests.contract.places import OTHER_PROJECT, PROJECT, call
from tests.contract.raw import JSON, KILL_BODY, Signed, ask, by_the_book, exchange, token_for
from tests.support.service import HOST, Key, RunningService, eventually

# The official signer asks for the time in a way that newer Pythons warn of.
pytestmark = pytest.mark.filterwarnings(r"ignore:datetime\.datetime\.utcnow:DeprecationWarning")

CATALOG = "/v3/auth/catalog"


def whole(request: bytes, service: RunningService) -> bytes:
    """The same request with the service's address before the path; the headers stay as they are."""
    method, rest = request.split(b" ", maxsplit=1)
    assert rest.startswith(b"/")
    return method + b" " + service.endpoint.encode() + rest


def by_the_vendor(key: Key, service: RunningService, path: str, query: list[tuple[str, object]]) -> dict[str, str]:
    """The headers that the vendor's own signer gives to a kill."""
    unsigned = SdkRequest(
        method="POST",
        schema="http",
        host=f"{HOST}:{service.port}",
        resource_path=path,
        query_params=query,
        header_params={"Content-Type": "application/json;charset=utf-8", "X-Project-Id": PROJECT},
        body=KILL_BODY.decode(),
    )
    return dict(BasicCredentials(key.access_key, key.secret_key, PROJECT).sign_request(unsigned).header_params)


def test_a_signed_call_is_served(service: RunningService, signed: Signed) -> None:
    answer = exchange(service.port, whole(signed.request(), service))
    assert (answer.status, answer.json) == (200, {"success": True})


def test_a_call_that_was_changed_after_it_was_signed_is_refused(service: RunningService, signed: Signed) -> None:
    changed = whole(signed.request(), service).replace(PROJECT.encode(), OTHER_PROJECT.encode(), 1)
    assert exchange(service.port, changed).refusal == (401, "APIGW.0301")


@pytest.mark.parametrize("query", [[], [("a", "x y"), ("b", "http://c/d")]], ids=["plain", "with_a_query"])
def test_a_call_of_the_vendors_signer_is_served(
    service: RunningService, users: Users, query: list[tuple[str, object]]
) -> None:
    headers = by_the_vendor(users.operator, service, call(), query)
    target = f"{service.endpoint}{call()}" + ("?a=x%20y&b=http%3A%2F%2Fc%2Fd" if query else "")
    answer = ask(service, "POST", target, headers=headers, body=KILL_BODY)
    assert (answer.status, answer.json) == (200, {"success": True})


def test_a_call_signed_by_the_published_rules_is_served(service: RunningService, users: Users) -> None:
    host = f"{HOST}:{service.port}"
    headers = by_the_book(users.operator, path=call(), signed={**JSON, "Host": host}, body=KILL_BODY)
    answer = ask(service, "POST", f"HTTP://{host}{call()}", headers=headers, body=KILL_BODY)
    assert (answer.status, answer.json) == (200, {"success": True})


def test_tokens_are_given_and_taken(service: RunningService, users: Users) -> None:
    token = token_for(service, name="olga", password=users.password, scope={"project": {"id": PROJECT}})
    by_token = {"X-Auth-Token": token}
    answer = ask(service, "POST", f"{service.endpoint}{call()}", headers={**JSON, **by_token}, body=KILL_BODY)
    assert (answer.status, answer.json) == (200, {"success": True})
    catalog = ask(service, "GET", f"{service.endpoint}{CATALOG}", headers=by_token)
    assert catalog.json == ask(service, "GET", CATALOG, headers=by_token).json

    user = {"name": "olga", "password": users.password, "domain": {"name": "default"}}
    auth = {"identity": {"methods": ["password"], "password": {"user": user}}}
    target = f"{service.endpoint}/v3/auth/tokens?nocatalog=true"
    signed_in = ask(service, "POST", target, headers=JSON, body=json.dumps({"auth": auth}).encode())
    assert signed_in.status == 201


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/", "/v3", ""])
def test_what_is_open_to_everybody_is_served(service: RunningService, path: str) -> None:
    answer = ask(service, "GET", f"{service.endpoint}{path}")
    plain = ask(service, "GET", path or "/")
    assert answer.status == plain.status
    assert answer.headers["content-type"] == plain.headers["content-type"]
    assert answer.status in {200, 300, 503}


def test_the_log_has_the_path_alone(service: RunningService, signed: Signed) -> None:
    answer = exchange(service.port, whole(signed.request(), service))

    def logged() -> list[dict[str, object]]:
        return [
            line
            for line in service.log()
            if (line.get("request_id"), line["message"]) == (answer.request_id, "request answered")
        ]

    # The line is written when the answer has gone out.
    (line,) = eventually(logged)
    assert line["path"] == call()
