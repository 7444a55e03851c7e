"""Sign-in with a password, and calls with the token that it gives."""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.contract.clients import Official
from tests.contract.conftest import PASSWORD
from tests.contract.database_sessions import pids, sessions, states
from tests.contract.places import OTHER_PROJECT, PROJECT, PROJECT_NAME, UNKNOWN_PROJECT, call
from tests.contract.raw import JSON, KILL_BODY, Answer, ask
from tests.contract.test_errors import refused
from tests.support.service import Cluster, RunningService, eventually

PATH = "/v3/auth/tokens"

# The official client asks for the time in a way that newer Pythons warn of.
pytestmark = [
    pytest.mark.filterwarnings(r"ignore:datetime\.datetime\.utcnow:DeprecationWarning"),
    pytest.mark.usefixtures("users"),
]


def request(
    *,
    name: str = "olga",
    password: str = PASSWORD,
    domain: Mapping[str, str] | None = None,
    project: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """The body of a sign-in, as the documentation shows it."""
    user = {"name": name, "password": password, "domain": domain or {"name": "default"}}
    return {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": project or {"id": PROJECT}},
        }
    }


def sign_in(service: RunningService, body: object | None = None, *, query: str = "") -> Answer:
    text = json.dumps(request() if body is None else body).encode()
    return ask(service, "POST", PATH + query, headers=JSON, body=text)


def token_of(answer: Answer) -> str:
    assert answer.status == 201, answer.body
    return answer.headers["x-subject-token"]


def about(service: RunningService, method: str, *, caller: str | None, subject: str | None) -> Answer:
    """Ask about a token, or revoke it."""
    headers = {"X-Auth-Token": caller, "X-Subject-Token": subject}
    return ask(service, method, PATH, headers={name: value for name, value in headers.items() if value is not None})


def kill(service: RunningService, token: str, project: str = PROJECT) -> Answer:
    return ask(service, "POST", call(project), headers={**JSON, "X-Auth-Token": token}, body=KILL_BODY)


def test_signing_in_gives_a_token_and_says_what_it_is_for(service: RunningService) -> None:
    answer = sign_in(service)
    token = answer.json["token"]
    assert len(token_of(answer)) >= 32
    assert token["methods"] == ["password"]
    assert token["user"]["name"] == "olga"
    assert token["user"]["domain"]["name"] == "default"
    assert (token["project"]["id"], token["project"]["name"]) == (PROJECT, PROJECT_NAME)
    assert [role["name"] for role in token["roles"]] == ["operator"]
    issued, expires = (
        datetime.strptime(token[name], "%Y-%m-%dT%H:%M:%S.%fZ")  # noqa: DTZ007 - the Z is read as text
        for name in ("issued_at", "expires_at")
    )
    assert expires - issued == timedelta(hours=24)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(request(project={"name": PROJECT_NAME}), id="project_by_name"),
        pytest.param(
            request(project={"name": PROJECT_NAME, "domain": {"name": "default"}}), id="project_as_terraform_names_it"
        ),
        pytest.param(request(domain={"id": "default"}), id="domain_by_id"),
    ],
)
def test_a_project_and_a_domain_may_be_named_in_every_documented_way(
    service: RunningService, body: dict[str, Any]
) -> None:
    assert sign_in(service, body, query="?nocatalog=true").json["token"]["project"]["id"] == PROJECT


async def test_a_token_stands_in_for_a_signature(cluster: Cluster, service: RunningService) -> None:
    token = token_of(sign_in(service))
    async with sessions(cluster.dsn(cluster.coordinator, "app"), 3) as idle:
        idle_pids = pids(idle)
        answer = await asyncio.to_thread(kill, service, token)
        assert states(cluster.coordinator, idle_pids) == {}
    assert (answer.status, answer.json) == (200, {"success": True})


def test_the_official_client_may_send_a_token_along_with_its_signature(
    service: RunningService, operator: Official
) -> None:
    token = token_of(sign_in(service))
    assert operator.send(KILL_BODY.decode(), headers={"X-Auth-Token": token}).success is True
    # The signature counts: it covers the token, whatever the token is worth.
    assert operator.send(KILL_BODY.decode(), headers={"X-Auth-Token": "none"}).success is True


def test_a_token_opens_its_own_project_only(service: RunningService) -> None:
    assert kill(service, token_of(sign_in(service)), OTHER_PROJECT).refusal == (403, "DBS.200010")


def test_a_token_can_be_checked_and_revoked(service: RunningService) -> None:
    token, lasting = token_of(sign_in(service)), token_of(sign_in(service))
    assert about(service, "HEAD", caller=token, subject=token).status == 200
    gone = about(service, "DELETE", caller=token, subject=token)
    assert (gone.status, gone.body) == (204, b"")

    answer = kill(service, token)
    assert answer.refusal == (401, "APIGW.0301")
    assert answer.json["error_msg"] == "Incorrect IAM authentication information: decrypt token fail"
    assert about(service, "HEAD", caller=token, subject=token).status == 401
    assert about(service, "HEAD", caller=lasting, subject=token).status == 404
    assert about(service, "DELETE", caller=lasting, subject=token).refusal == (404, "IAM.0004")
    assert kill(service, lasting).status == 200


@pytest.mark.parametrize("method", ["HEAD", "DELETE"])
def test_who_asks_about_a_token_must_show_one(service: RunningService, method: str) -> None:
    token = token_of(sign_in(service))
    assert about(service, method, caller=None, subject=token).status == 401
    assert about(service, method, caller="none", subject=token).status == 401
    assert about(service, method, caller=token, subject=None).status == 404


def test_a_token_can_be_shown_again(service: RunningService) -> None:
    token = token_of(sign_in(service))
    shown = about(service, "GET", caller=token, subject=token)
    assert (shown.status, shown.headers["x-subject-token"]) == (200, token)
    assert shown.json["token"]["project"]["id"] == PROJECT


@pytest.mark.parametrize("scope", [None, {}, {"domain": {"name": "default"}}, {"domain": {"id": "default"}}])
def test_a_token_without_a_project_opens_none(service: RunningService, scope: dict[str, Any] | None) -> None:
    body = request()
    body["auth"] |= {"scope": scope}
    if scope is None:
        del body["auth"]["scope"]
    answer = sign_in(service, body)
    assert "project" not in answer.json["token"]
    assert kill(service, token_of(answer)).refusal == (403, "DBS.200010")


def test_a_token_for_another_domain_is_not_given(service: RunningService) -> None:
    body = request()
    body["auth"]["scope"] = {"domain": {"name": "elsewhere"}}
    assert sign_in(service, body).refusal == (403, "IAM.0002")


@pytest.mark.parametrize(("query", "has_catalog"), [("", True), ("?nocatalog=true", False)])
def test_a_token_comes_with_the_catalog_unless_that_is_not_wanted(
    service: RunningService, query: str, *, has_catalog: bool
) -> None:
    token = sign_in(service, query=query).json["token"]
    assert ("catalog" in token) is has_catalog
    if has_catalog:
        urls = [endpoint["url"] for entry in token["catalog"] for endpoint in entry["endpoints"]]
        # Signing in is listed under both of its names.
        assert urls == [f"{service.endpoint}/v3", f"{service.endpoint}/v3", f"{service.endpoint}/v3/{PROJECT}"]


def test_a_new_token_leaves_the_old_one_valid(service: RunningService) -> None:
    first, second = token_of(sign_in(service)), token_of(sign_in(service))
    assert first != second
    assert [kill(service, token).status for token in (first, second)] == [200, 200]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(request(password="wrong"), id="wrong_password"),  # noqa: S106 - it is none
        pytest.param(request(name="nobody"), id="unknown_user"),
        pytest.param(request(name="vera"), id="user_without_a_password"),
        pytest.param(request(domain={"name": "elsewhere"}), id="unknown_domain"),
        pytest.param(request(name="olga\0"), id="name_with_a_null"),
        pytest.param(request(project={"id": UNKNOWN_PROJECT}, password="wrong"), id="both_wrong"),  # noqa: S106
    ],
)
def test_whatever_does_not_fit_is_answered_alike(service: RunningService, body: dict[str, Any]) -> None:
    answer = sign_in(service, body)
    assert answer.refusal == (401, "IAM.0062")
    assert answer.json["error_msg"] == "Unauthorized. The username or password is wrong."
    assert "x-subject-token" not in answer.headers


@pytest.mark.parametrize("project", [{"id": UNKNOWN_PROJECT}, {"name": "nowhere-1"}, {"id": OTHER_PROJECT}])
def test_a_project_without_a_role_gives_no_token(service: RunningService, project: dict[str, object]) -> None:
    assert sign_in(service, request(project=project)).refusal == (403, "IAM.0002")


def without(*path: str) -> dict[str, Any]:
    body = request()
    inner = body
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return body


def with_methods(*methods: object) -> dict[str, Any]:
    body = request()
    body["auth"]["identity"]["methods"] = list(methods)
    return body


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param([], id="a_list"),
        pytest.param(without("auth", "identity", "password"), id="no_password"),
        pytest.param(request(project={"domain": {"name": "default"}}), id="a_project_without_a_name"),
        pytest.param(request(password="\ud800"), id="half_a_character"),  # noqa: S106 - it is none
        pytest.param(with_methods("totp"), id="another_method"),
        pytest.param(with_methods("password", "totp"), id="a_second_method"),
        pytest.param(with_methods(1), id="a_method_that_is_a_number"),
        pytest.param(request(name=["olga"]), id="a_name_that_is_a_list"),  # pyright: ignore[reportArgumentType]
    ],
)
def test_a_sign_in_of_another_shape_is_refused(service: RunningService, body: object) -> None:
    assert sign_in(service, body).refusal == (400, "IAM.0011")


@pytest.mark.parametrize("token", ["", "none", "é", "a" * 5000])
def test_a_token_that_is_none_is_refused(service: RunningService, token: str) -> None:
    assert kill(service, token).refusal == (401, "APIGW.0301")


def test_two_tokens_in_one_call_are_refused(service: RunningService) -> None:
    token = token_of(sign_in(service))
    # Names of headers may be spelt in any case, so this is one header sent twice.
    headers = {**JSON, "X-Auth-Token": f"{token}\r\nX-AUTH-TOKEN: {token}"}
    assert ask(service, "POST", call(), headers=headers, body=KILL_BODY).refusal == (401, "APIGW.0301")


def test_a_refused_sign_in_is_counted_and_never_logged_with_its_password(
    service: RunningService, operator: Official
) -> None:
    secret = "a password that must not be logged"  # noqa: S105 - it is none
    sign_in(service, request(password=secret))
    refused(lambda: operator.kill(node="?"))
    counted = 'vacate_authentication_failures_total{kind="PasswordInvalidError"}'
    # The metrics may be a second old.
    eventually(lambda: counted in service.fetch("/metrics")[2].decode())
    log = service.log_path.read_text()
    assert secret not in log
    assert PASSWORD not in log
