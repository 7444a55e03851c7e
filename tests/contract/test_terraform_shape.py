"""Every call in the shape of Terraform's provider: Host and project stay unsigned, and a body ends with a line feed.

The requests are written by hand from the published rules; see `tests.contract.raw.by_the_book`.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.contract.calls import Wire, every_wire
from tests.contract.database_sessions import states
from tests.contract.raw import Answer, ask, by_the_book, temporary_key, token_for
from tests.contract.scenes import shop_at_work
from tests.contract.shop import (
    COORDINATOR,
    DISTRIBUTED,
    NODES,
    OTHER_PROJECT,
    OTHER_REGION,
    PROJECT,
    REGION,
    Shop,
)
from tests.support.service import Key

CALLS = every_wire()
AGENT = {"User-Agent": "terraform-provider-huaweicloud"}
TAKEN = {"GET": {200}, "POST": {200, 201, 202}}
KILL = Wire(
    method="POST",
    path=f"/v3/{PROJECT}/instances/{DISTRIBUTED}/kill-free-session",
    body={"node_id": NODES[COORDINATOR], "component_id": COORDINATOR},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Sends calls as the provider does, signed or with a token."""

    shop: Shop
    key: Key | None = None
    token: str | None = None
    security_token: str | None = None
    project: str = PROJECT
    unsigned: Mapping[str, str] = field(default_factory=dict[str, str])

    def send(self, call: Wire, *, typed: bool = True) -> Answer:
        """Send a call. A GET has a content type where a resource of the provider's sets one for all of its calls."""
        body = b"" if call.body is None else json.dumps(call.body, separators=(",", ":")).encode() + b"\n"
        headers = {"Accept": "application/json", **AGENT}
        if typed or body:
            headers["Content-Type"] = "application/json"
        if self.key is not None:
            headers = by_the_book(
                self.key, path=call.path, signed=headers, body=body, method=call.method, query=call.query
            )
            signed = headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0]
            assert signed in {"accept;content-type;user-agent;x-sdk-date", "accept;user-agent;x-sdk-date"}
        # What follows is set after signing.
        headers |= {"X-Project-Id": self.project, "X-Domain-Id": "default", **self.unsigned}
        if self.token is not None:
            headers["X-Auth-Token"] = self.token
        if self.security_token is not None:
            headers["X-Security-Token"] = self.security_token
        target = call.path + (f"?{urlencode(call.query)}" if call.query else "")
        return ask(self.shop.service, call.method, target, headers=headers, body=body or None)

    def content(self, call: Wire, *, typed: bool = True) -> Any:  # noqa: ANN401 - whatever the call answers
        """The answer's JSON, if the provider takes it for one."""
        answer = self.send(call, typed=typed)
        assert answer.status in TAKEN[call.method], answer.body
        return answer.json


@pytest.fixture
def signing(shop: Shop) -> Provider:
    return Provider(shop=shop, key=shop.operator)


def sign_in(shop: Shop, project: str = REGION) -> str:
    """The provider names its project by the region, with the domain beside it."""
    scope = {"project": {"name": project, "domain": {"name": "default"}}}
    return token_for(shop.service, name="olga", password=shop.password, scope=scope)


@pytest.fixture
def with_token(shop: Shop) -> Provider:
    return Provider(shop=shop, token=sign_in(shop))


@pytest.mark.parametrize("operation", CALLS)
def test_every_call_is_answered_when_signed(signing: Provider, operation: str) -> None:
    assert signing.content(CALLS[operation])


@pytest.mark.parametrize("operation", [name for name, call in CALLS.items() if call.method == "GET"])
def test_a_get_needs_no_content_type(signing: Provider, operation: str) -> None:
    assert signing.content(CALLS[operation], typed=False)


@pytest.mark.parametrize("operation", CALLS)
def test_every_call_is_answered_with_a_token(with_token: Provider, operation: str) -> None:
    assert with_token.content(CALLS[operation])


@pytest.mark.parametrize("operation", CALLS)
def test_every_call_is_answered_with_a_temporary_key(shop: Shop, operation: str) -> None:
    made = temporary_key(shop.service, sign_in(shop))
    provider = Provider(shop=shop, key=made.key, security_token=made.security_token)
    assert provider.content(CALLS[operation])


async def test_idle_sessions_end_and_all_others_live(signing: Provider, shop: Shop) -> None:
    server = shop.server(COORDINATOR)
    async with shop_at_work(server, shop.app(COORDINATOR)) as scene:
        assert await asyncio.to_thread(signing.content, KILL) == {"success": True}
        assert set(states(server, scene.all)) == scene.not_idle


def test_a_host_that_nobody_signed_may_be_any(shop: Shop) -> None:
    """A proxy in front may write another one."""
    provider = Provider(shop=shop, key=shop.operator, unsigned={"Host": "gaussdb.example.test"})
    assert provider.content(KILL) == {"success": True}


@pytest.mark.parametrize("project", [OTHER_PROJECT, "f" * 32, "no project at all"])
def test_a_project_header_is_never_believed(shop: Shop, project: str) -> None:
    provider = Provider(shop=shop, key=shop.operator, project=project)
    assert provider.content(KILL) == {"success": True}
    foreign = Wire(method="POST", path=KILL.path.replace(PROJECT, OTHER_PROJECT), body=KILL.body)
    assert Provider(shop=shop, key=shop.operator, project=OTHER_PROJECT).send(foreign).refusal == (403, "DBS.200010")


@pytest.mark.parametrize(
    "call",
    [
        Wire(method="GET", path="/v3/projects", query=(("name", REGION),)),
        Wire(method="GET", path="/v3/projects"),
        Wire(method="GET", path="/v3/auth/projects"),
    ],
    ids=["by_name", "all", "of_the_caller"],
)
def test_the_provider_finds_the_project_of_its_region(signing: Provider, with_token: Provider, call: Wire) -> None:
    for provider in (signing, with_token):
        (project,) = provider.content(call)["projects"]
        assert (project["id"], project["name"], project["enabled"]) == (PROJECT, REGION, True)
        assert project["domain_id"] == "default"


def test_the_provider_finds_its_domain(signing: Provider, with_token: Provider) -> None:
    for provider in (signing, with_token):
        (domain,) = provider.content(Wire(method="GET", path="/v3/auth/domains"))["domains"]
        assert (domain["id"], domain["name"], domain["enabled"]) == ("default", "default", True)


def test_the_catalogue_leads_back_to_this_service(with_token: Provider) -> None:
    """The provider asks for it when it is told no endpoints."""
    content = with_token.content(Wire(method="GET", path="/v3/auth/catalog"))
    assert {service["type"] for service in content["catalog"]} == {"gaussdb-opengauss", "iam", "identity"}


def test_a_project_without_a_role_gives_no_token(shop: Shop) -> None:
    with pytest.raises(AssertionError, match="IAM"):
        sign_in(shop, OTHER_REGION)


def test_a_token_that_was_revoked_is_answered_so_that_the_provider_signs_in_again(shop: Shop) -> None:
    provider = Provider(shop=shop, token=sign_in(shop))
    assert provider.content(KILL) == {"success": True}
    token = provider.token or ""
    ask(shop.service, "DELETE", "/v3/auth/tokens", headers={"X-Auth-Token": token, "X-Subject-Token": token})
    assert provider.send(KILL).status == 401
    assert Provider(shop=shop, token=sign_in(shop)).content(KILL) == {"success": True}


def test_a_changed_line_feed_is_a_changed_body(shop: Shop) -> None:
    body = json.dumps(KILL.body).encode()
    headers = by_the_book(shop.operator, path=KILL.path, signed={"Content-Type": "application/json"}, body=body)
    assert ask(shop.service, "POST", KILL.path, headers=headers, body=body).json == {"success": True}
    assert ask(shop.service, "POST", KILL.path, headers=headers, body=body + b"\n").refusal == (401, "APIGW.0301")
