"""The sign-in door: what it reads, what it tells, and whose tokens a user may end."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.types import ASGIApp

from tests.support.fakes import actor
from tests.support.place import OTHER_PROJECT, PROJECT
from tests.unit.http.asgi import Answer, Caller, call
from tests.unit.http.test_envelope import RememberingLog
from tests.unit.http.test_gate import Tally
from vacate.domain.access.identity import Actor
from vacate.domain.errors import (
    CredentialsMissingError,
    PasswordInvalidError,
    StoreUnavailableError,
    TokenExpiredError,
    TokenInvalidError,
)
from vacate.domain.topology.components import ProjectId
from vacate.http.app import build_app
from vacate.http.gate import Gate
from vacate.http.iam_v3.routes import IamV3Door
from vacate.operations.access.ports import (
    Authenticator,
    DomainScope,
    IssuedTemporaryKey,
    IssuedToken,
    Presented,
    Project,
    ProjectScope,
    Region,
    TokenRecord,
    User,
)

BY_ID = {"project": {"id": PROJECT}}
Wanted = ProjectScope | DomainScope | None
AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def record(name: str = "olga") -> TokenRecord:
    user = User(id=f"id of {name}", name=name, domain="default", password_hash="x", grants=actor().grants)  # noqa: S106 - no secret
    return TokenRecord(digest=b"d", user=user, project_id=PROJECT, issued_at=AT, expires_at=AT + timedelta(hours=24))


class Cashier:
    """Knows the tokens `mine`, `mine too` and `yours`; `over` has expired, and `broken` breaks the store."""

    def __init__(self) -> None:
        self.known = {"mine": record(), "mine too": record(), "yours": record("vera")}
        self.asked: list[tuple[str, str, str, Wanted]] = []

    async def issue(self, *, user: str, domain: str, password: str, scope: Wanted, source: str = "") -> IssuedToken:
        assert source == "203.0.113.9"
        self.asked.append((user, domain, password, scope))
        if password != "right":  # noqa: S105 - no secret
            raise PasswordInvalidError
        for_domain = isinstance(scope, DomainScope)
        project_id = PROJECT if isinstance(scope, ProjectScope) else None
        return IssuedToken(value="fresh", record=replace(record(user), project_id=project_id, for_domain=for_domain))

    async def inspect(self, value: str) -> TokenRecord:
        if value == "over":
            raise TokenExpiredError(expires_at="2026-01-01T00:00:00.000000Z")
        if value == "broken":
            raise StoreUnavailableError("the disk of /var/lib/secret.db is full")
        if value not in self.known:
            raise TokenInvalidError
        return self.known[value]

    async def revoke(self, value: str) -> None:
        del self.known[value]

    async def authenticate(self, request: Presented, *, once: bool = False) -> Actor:
        """Prove the sender by their token, as the real one does."""
        del once
        sent = [value.decode("latin-1") for name, value in request.headers if name == b"x-auth-token"]
        if not sent:
            raise CredentialsMissingError
        user = (await self.inspect(sent[0])).user
        return replace(actor(request_id=request.request_id), user_id=user.id, user_name=user.name, domain=user.domain)


class Locksmith:
    """Makes temporary access keys, and remembers of what."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, timedelta]] = []

    async def issue(self, *, token: str, lifetime: timedelta) -> IssuedTemporaryKey:
        if token == "over":  # noqa: S105 - no secret
            raise TokenExpiredError(expires_at="2026-01-01T00:00:00.000000Z")
        self.asked.append((token, lifetime))
        return IssuedTemporaryKey(
            access_key="TEMP1",
            secret_key="s",  # noqa: S106 - no secret
            security_token="t",  # noqa: S106 - no secret
            expires_at=AT,
        )


class Signposts:
    """Two projects; an actor knows of those they have a role in."""

    all = (
        Project(id=PROJECT, name="north-1", region="north-1"),
        Project(id=OTHER_PROJECT, name="south-1", domain="acme"),
    )

    def known(self, project_id: ProjectId) -> Project | None:
        return next((project for project in self.all if project.id == project_id), None)

    async def of(self, actor: Actor) -> tuple[Project, ...]:
        mine = {grant.project_id for grant in actor.grants}
        return tuple(project for project in self.all if project.id in mine)


async def test_why_the_store_failed_is_not_told_to_the_caller(cashier: Cashier) -> None:
    answer = await ask(cashier, "DELETE", caller="mine", subject="broken")
    assert answer.status == 500
    assert "secret.db" not in answer.body.decode()


@pytest.fixture
def cashier() -> Cashier:
    return Cashier()


def door(
    authenticator: Authenticator,
    cashier: Cashier,
    *,
    locksmith: Locksmith | None = None,
    regions: Sequence[Region] = (),
    endpoint: str = "",
) -> ASGIApp:
    made = IamV3Door(
        gate=Gate(authenticator, Tally()),
        tokens=cashier,
        temporary_keys=locksmith or Locksmith(),
        projects=Signposts(),
        regions=regions,
        endpoint=endpoint,
    )
    return build_app(made.routes(), RememberingLog())


async def ask(
    cashier: Cashier,
    method: str,
    *,
    body: object = None,
    caller: str | None = None,
    subject: str | None = None,
    query: bytes = b"?nocatalog=1",
) -> Answer:
    headers = [(b"x-auth-token", caller), (b"x-subject-token", subject), (b"host", "vacate.test:8686")]
    answer = await call(
        door(cashier, cashier),
        method,
        b"/v3/auth/tokens" + query,
        headers=[(name, value.encode("latin-1")) for name, value in headers if value is not None],
        caller=Caller(parts=[body if isinstance(body, bytes) else json.dumps(body).encode()]),
    )
    assert answer.headers["x-iam-trace-id"] == answer.headers["x-request-id"]
    return answer


def sign_in(scope: object = BY_ID, **user: object) -> dict[str, Any]:
    named = {"name": "olga", "password": "right", "domain": {"name": "default"}, **user}
    identity = {"methods": ["password"], "password": {"user": named}}
    return {"auth": {"identity": identity} if scope is None else {"identity": identity, "scope": scope}}


async def test_a_token_is_given_in_a_header_and_described_in_the_body(cashier: Cashier) -> None:
    answer = await ask(cashier, "POST", body=sign_in())
    assert (answer.status, answer.headers["x-subject-token"]) == (201, "fresh")
    assert answer.json == {
        "token": {
            "methods": ["password"],
            "issued_at": "2026-01-02T03:04:05.678901Z",
            "expires_at": "2026-01-03T03:04:05.678901Z",
            "user": {
                "id": "id of olga",
                "name": "olga",
                "domain": {"name": "default", "id": "default"},
                "password_expires_at": "",
            },
            "project": {"id": PROJECT, "name": "north-1", "domain": {"name": "default", "id": "default"}},
            "roles": [{"id": "operator", "name": "operator"}],
        }
    }


@pytest.mark.parametrize(
    ("domain", "asked"),
    [({"name": "a"}, "a"), ({"id": "b"}, "b"), ({"name": "a", "id": "b"}, "a"), ({}, ""), ({"name": None}, "")],
)
async def test_a_domain_may_be_named_by_either_of_its_names(
    cashier: Cashier, domain: dict[str, str], asked: str
) -> None:
    await ask(cashier, "POST", body=sign_in(domain=domain))
    assert cashier.asked == [("olga", asked, "right", ProjectScope(id=PROJECT))]


@pytest.mark.parametrize(
    ("scope", "asked"),
    [
        (None, None),
        ({}, None),
        ({"project": {"name": "north-1"}}, ProjectScope(name="north-1")),
        ({"project": {"id": "p", "name": "n"}}, ProjectScope(id="p", name="n")),
        ({"project": {"name": "n", "domain": {"id": "d"}}}, ProjectScope(name="n", domain="d")),
        ({"domain": {"name": "d"}}, DomainScope(domain="d")),
        ({"domain": {"id": "d"}, "project": {"name": "n"}}, ProjectScope(name="n")),
        ({"domain": None, "project": None}, None),
    ],
)
async def test_what_a_token_is_for_may_be_said_in_every_documented_way(
    cashier: Cashier, scope: object, asked: Wanted
) -> None:
    assert (await ask(cashier, "POST", body=sign_in(scope))).status == 201
    assert [wanted for *_, wanted in cashier.asked] == [asked]


async def test_a_token_for_no_project_names_none_and_no_role(cashier: Cashier) -> None:
    unscoped = (await ask(cashier, "POST", body=sign_in(None))).json["token"]
    assert not {"project", "domain"} & set(unscoped)
    assert unscoped["roles"] == []
    of_domain = (await ask(cashier, "POST", body=sign_in({"domain": {"name": "default"}}))).json["token"]
    assert of_domain["domain"] == {"id": "default", "name": "default"}
    assert "project" not in of_domain
    assert of_domain["roles"] == []


@pytest.mark.parametrize(("query", "has_catalog"), [(b"", True), (b"?nocatalog=", True), (b"?nocatalog=false", False)])
async def test_the_catalog_can_be_left_out(cashier: Cashier, query: bytes, has_catalog: bool) -> None:  # noqa: FBT001
    token = (await ask(cashier, "POST", body=sign_in(), query=query)).json["token"]
    assert ("catalog" in token) is has_catalog


async def test_a_token_can_be_shown_again(cashier: Cashier) -> None:
    answer = await ask(cashier, "GET", caller="mine", subject="yours")
    assert (answer.status, answer.headers["x-subject-token"]) == (200, "yours")
    assert answer.json["token"]["user"]["name"] == "vera"
    assert (await ask(cashier, "GET", caller="mine", subject="over")).refusal == (404, "IAM.0004")


async def test_a_wrong_password_is_answered_without_a_token(cashier: Cashier) -> None:
    answer = await ask(cashier, "POST", body=sign_in(password="wrong"))  # noqa: S106 - no secret
    assert answer.refusal == (401, "IAM.0062")
    assert "x-subject-token" not in answer.headers


NO_SIGN_IN: dict[str, object] = {
    "empty": b"",
    "cut_off": b"{",
    "deep": b"[" * 100_000,
    "deep_objects": b'{"auth":' * 100_000,
    "not_utf8": b"\xff",
    "nothing": {},
    "null": {"auth": None},
    "a_name_that_is_a_number": sign_in(name=1),
    "no_password": sign_in(password=None),
    "a_project_without_a_name": sign_in({"project": {}}),
    "a_project_with_an_empty_name": sign_in({"project": {"name": "", "domain": {"name": "default"}}}),
    "a_domain_without_a_name": sign_in({"domain": {}}),
    "a_scope_that_is_a_list": sign_in([]),
}


@pytest.mark.parametrize("what", NO_SIGN_IN)
async def test_what_is_no_sign_in_is_named_and_asks_nobody(cashier: Cashier, what: str) -> None:
    assert (await ask(cashier, "POST", body=NO_SIGN_IN[what])).refusal == (400, "IAM.0011")
    assert cashier.asked == []


@pytest.mark.parametrize(
    ("caller", "subject", "status"),
    [
        ("mine", "mine", 200),
        ("mine", "yours", 200),
        ("mine", "over", 404),
        ("mine", "unknown", 404),
        ("mine", None, 404),
        ("over", "mine", 401),
        ("unknown", "mine", 401),
        (None, "mine", 401),
        (None, None, 401),
        ("mine", "broken", 500),
        ("broken", "mine", 500),
    ],
)
async def test_a_token_can_be_asked_about_with_a_token(
    cashier: Cashier, caller: str | None, subject: str | None, status: int
) -> None:
    assert (await ask(cashier, "HEAD", caller=caller, subject=subject)).status == status


@pytest.mark.parametrize(
    ("caller", "subject", "refusal"),
    [
        ("mine", "yours", (403, "IAM.0003")),
        ("mine", "over", (404, "IAM.0004")),
        ("mine", None, (404, "IAM.0004")),
        ("over", "mine", (401, "IAM.0066")),
        ("unknown", "mine", (401, "IAM.0067")),
        (None, "mine", (401, "IAM.0001")),
    ],
)
async def test_what_may_not_be_revoked_stays(
    cashier: Cashier, caller: str | None, subject: str | None, refusal: tuple[int, str]
) -> None:
    assert (await ask(cashier, "DELETE", caller=caller, subject=subject)).refusal == refusal
    assert set(cashier.known) == {"mine", "mine too", "yours"}


@pytest.mark.parametrize("subject", ["mine", "mine too"])
async def test_a_user_may_end_their_own_tokens(cashier: Cashier, subject: str) -> None:
    answer = await ask(cashier, "DELETE", caller="mine", subject=subject)
    assert (answer.status, answer.body) == (204, b"")
    assert subject not in cashier.known


# --- temporary access keys -------------------------------------------------------------------------------------------


def for_key(**token: object) -> dict[str, Any]:
    return {"auth": {"identity": {"methods": ["token"], "token": token}}}


async def ask_for_key(body: object, *, token: str | None = None) -> tuple[Answer, list[tuple[str, timedelta]]]:
    cashier, locksmith = Cashier(), Locksmith()
    answer = await call(
        door(cashier, cashier, locksmith=locksmith),
        "POST",
        b"/v3.0/OS-CREDENTIAL/securitytokens",
        headers=[(b"x-auth-token", token.encode())] if token is not None else [],
        caller=Caller(parts=[json.dumps(body).encode()]),
    )
    return answer, locksmith.asked


async def test_a_token_is_changed_for_a_temporary_access_key() -> None:
    answer, asked = await ask_for_key(for_key(id="mine", duration_seconds=3600))
    assert answer.status == 201
    assert answer.json == {
        "credential": {
            "access": "TEMP1",
            "secret": "s",
            "securitytoken": "t",
            "expires_at": "2026-01-02T03:04:05.678901Z",
        }
    }
    assert asked == [("mine", timedelta(hours=1))]


@pytest.mark.parametrize(
    ("body", "header", "asked"),
    [
        (for_key(id="mine"), None, "mine"),
        (for_key(), "mine", "mine"),
        ({"auth": {"identity": {"methods": ["token"]}}}, "mine", "mine"),
        (for_key(id="mine"), "mine too", "mine"),
    ],
)
async def test_the_token_may_be_in_the_body_or_in_a_header_and_a_quarter_of_an_hour_is_the_default(
    body: object, header: str | None, asked: str
) -> None:
    assert (await ask_for_key(body, token=header))[1] == [(asked, timedelta(seconds=900))]


@pytest.mark.parametrize(
    "body",
    [
        for_key(id="mine", duration_seconds=899),
        for_key(id="mine", duration_seconds=86401),
        for_key(id="mine", duration_seconds="900"),
        for_key(id=1),
        {"auth": {"identity": {"methods": ["assume_role"], "token": {"id": "mine"}}}},
        {"auth": {"identity": {"methods": ["token"], "token": {"id": "mine"}, "policy": {"Version": "1.1"}}}},
        {},
    ],
)
async def test_what_is_no_request_for_a_temporary_key_makes_none(body: object) -> None:
    answer, asked = await ask_for_key(body, token="mine")  # noqa: S106 - no secret
    assert answer.refusal == (400, "IAM.0011")
    assert asked == []


async def test_without_a_token_there_is_no_temporary_key() -> None:
    assert (await ask_for_key(for_key()))[0].refusal == (401, "IAM.0001")
    assert (await ask_for_key(for_key(id="over")))[0].refusal == (401, "IAM.0066")
