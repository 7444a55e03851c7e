"""Finding one's project and domain, and temporary access keys, over plain HTTP and through the official client."""

import json
from typing import Any

import pytest
from huaweicloudsdkcore.auth.credentials import GlobalCredentials

from tests.contract.clients import official_client
from tests.contract.conftest import PASSWORD, Users
from tests.contract.places import OTHER_PROJECT, PROJECT, PROJECT_NAME, call
from tests.contract.raw import JSON, KILL_BODY, Answer, Signed, ask, exchange, temporary_key, token_for
from tests.support.service import RunningService, Site

# The official client asks for the time in a way that newer Pythons warn of.
pytestmark = pytest.mark.filterwarnings(r"ignore:datetime\.datetime\.utcnow:DeprecationWarning")

IN_PROJECT = {"project": {"id": PROJECT}}


@pytest.fixture
def by_key(service: RunningService, users: Users) -> Signed:
    return Signed(service=service, key=users.operator)


def get(by_key: Signed, path: str) -> Any:  # noqa: ANN401 - whatever is answered
    """A question, signed as the official client signs it: without a Content-Type."""
    answer = by_key.send(b"", path=path, method="GET", headers={})
    assert answer.status == 200, answer.body
    assert answer.headers["x-iam-trace-id"] == answer.request_id
    return answer.json


def with_token(service: RunningService, token: str, path: str) -> Answer:
    return ask(service, "GET", path, headers={"X-Auth-Token": token})


def unscoped(service: RunningService, users: Users) -> str:
    del users
    return token_for(service, name="olga", password=PASSWORD, scope=None)


# --- finding one's way -----------------------------------------------------------------------------------------------


def test_a_key_finds_the_project_of_a_name_and_no_other(by_key: Signed) -> None:
    (found,) = get(by_key, f"/v3/projects?name={PROJECT_NAME}")["projects"]
    assert (found["id"], found["name"], found["enabled"]) == (PROJECT, PROJECT_NAME, True)
    assert get(by_key, "/v3/projects?name=south-1")["projects"] == []
    assert [project["id"] for project in get(by_key, "/v3/projects")["projects"]] == [PROJECT]
    assert [project["id"] for project in get(by_key, "/v3/auth/projects")["projects"]] == [PROJECT]


def test_a_question_with_a_body_is_signed_with_it(by_key: Signed) -> None:
    """The vendor's client for Node sends one with every question."""
    answer = by_key.send(b"{}", path=f"/v3/projects?name={PROJECT_NAME}", method="GET")
    assert [project["id"] for project in answer.json["projects"]] == [PROJECT]


def test_a_token_for_no_project_finds_the_projects_of_its_user(service: RunningService, users: Users) -> None:
    token = unscoped(service, users)
    for path in ("/v3/auth/projects", f"/v3/projects?name={PROJECT_NAME}"):
        assert [project["id"] for project in with_token(service, token, path).json["projects"]] == [PROJECT]


def test_another_projects_operator_finds_another_project(service: RunningService, users: Users) -> None:
    other = Signed(service=service, key=users.other)
    assert [project["id"] for project in get(other, "/v3/projects")["projects"]] == [OTHER_PROJECT]


@pytest.mark.parametrize(
    "path",
    ["/v3/projects", "/v3/auth/projects", "/v3/auth/domains", "/v3/regions", "/v3/auth/catalog", "/v5/caller-identity"],
)
def test_who_is_not_proved_is_told_nothing(service: RunningService, path: str) -> None:
    assert ask(service, "GET", path).refusal == (401, "IAM.0001")
    assert with_token(service, "none", path).refusal == (401, "IAM.0067")


def test_a_project_is_not_made_by_a_call(by_key: Signed) -> None:
    answer = by_key.send(json.dumps({"project": {"name": "x"}}).encode(), path="/v3/projects")
    assert answer.refusal == (403, "IAM.0003")
    assert "vacate.toml" in answer.json["error_msg"]


def test_the_official_clients_global_credentials_find_the_domain(
    service: RunningService, users: Users, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind: Any = GlobalCredentials
    credentials = kind(users.operator.access_key, users.operator.secret_key).with_iam_endpoint(service.endpoint)
    monkeypatch.setattr(GlobalCredentials, "_CACHE", {})
    with official_client(service.endpoint, users.operator) as client:
        credentials.process_auth_params(client.client.get_http_client(), "north-1")
    assert credentials.domain_id == "default"


def test_the_caller_is_told_who_they_are(by_key: Signed) -> None:
    assert get(by_key, "/v5/caller-identity")["account_id"] == "default"


def test_the_catalog_names_the_address_that_was_used(by_key: Signed, service: RunningService) -> None:
    catalog = get(by_key, "/v3/auth/catalog")["catalog"]
    urls = {entry["type"]: entry["endpoints"][0]["url"] for entry in catalog}
    assert urls == {
        "iam": f"{service.endpoint}/v3",
        "identity": f"{service.endpoint}/v3",
        "gaussdb-opengauss": f"{service.endpoint}/v3/{PROJECT}",
    }


# --- temporary access keys -------------------------------------------------------------------------------------------


def test_a_temporary_key_of_a_token_for_no_project_finds_and_opens_its_users_project(
    service: RunningService, users: Users
) -> None:
    made = temporary_key(service, unscoped(service, users))
    signed = Signed(service=service, key=made.key)
    token = {"X-Security-Token": made.security_token}
    found = signed.send(b"", path=f"/v3/projects?name={PROJECT_NAME}", method="GET", headers=token)
    assert [project["id"] for project in found.json["projects"]] == [PROJECT]
    assert signed.send(headers={**JSON, **token}).json == {"success": True}
    with official_client(service.endpoint, made.key, security_token=made.security_token) as client:
        assert client.kill().success is True


def test_a_security_token_need_not_be_signed(service: RunningService, users: Users) -> None:
    """Terraform adds it after it has signed."""
    del users
    made = temporary_key(service, token_for(service, name="olga", password=PASSWORD, scope=IN_PROJECT))
    signed = Signed(service=service, key=made.key)
    head, _, body = signed.request().partition(b"\r\n\r\n")
    with_it = b"\r\n".join([head, b"X-Security-Token: " + made.security_token.encode()]) + b"\r\n\r\n" + body
    assert exchange(service.port, with_it).json == {"success": True}


def test_a_temporary_key_makes_no_other_one(service: RunningService, users: Users) -> None:
    made = temporary_key(service, unscoped(service, users))
    signed = Signed(service=service, key=made.key)
    body = json.dumps({"auth": {"identity": {"methods": ["token"], "token": {"duration_seconds": 900}}}}).encode()
    headers = {**JSON, "X-Security-Token": made.security_token}
    answer = signed.send(body, path="/v3.0/OS-CREDENTIAL/securitytokens", headers=headers)
    assert answer.refusal == (401, "IAM.0001")


def test_a_user_who_is_disabled_loses_temporary_keys_at_once(service: RunningService, site: Site) -> None:
    site.vacate("user", "add", "tess", "--password-stdin", stdin="first word\n")
    site.vacate("user", "grant", "tess", "--project", PROJECT, "--role", "operator")
    token = token_for(service, name="tess", password="first word", scope=IN_PROJECT)  # noqa: S106 - the tests' own
    made = temporary_key(service, token)
    signed = Signed(service=service, key=made.key)
    headers = {**JSON, "X-Security-Token": made.security_token}
    assert signed.send(headers=headers).status == 200

    site.vacate("user", "disable", "tess")
    assert signed.send(headers=headers).refusal == (401, "APIGW.0301")
    site.vacate("user", "enable", "tess")
    assert signed.send(headers=headers).refusal == (401, "APIGW.0301")
    token = token_for(service, name="tess", password="first word", scope=IN_PROJECT)  # noqa: S106 - the tests' own

    site.vacate("user", "password", "tess", "--password-stdin", stdin="second word\n")
    with_old = ask(service, "POST", call(), headers={**JSON, "X-Auth-Token": token}, body=KILL_BODY)
    assert with_old.refusal == (401, "APIGW.0301")
    token_for(service, name="tess", password="second word", scope=IN_PROJECT)  # noqa: S106 - the tests' own
