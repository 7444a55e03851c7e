"""The sign-in door: what it reads, what it tells, and whose tokens a user may end."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.fakes import PROJECT, actor
from tests.unit.http.asgi import Answer, Caller, call
from tests.unit.http.test_envelope import RememberingLog
from tests.unit.http.test_gate import Doorman, Tally
from vacate.domain.errors import PasswordInvalidError, StoreUnavailableError, TokenExpiredError, TokenInvalidError
from vacate.http.app import build_app
from vacate.http.gate import Gate
from vacate.http.iam_v3.routes import TokensDoor
from vacate.operations.access import IssuedToken, TokenRecord, User

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def record(name: str = "olga") -> TokenRecord:
    user = User(id=f"id of {name}", name=name, domain="default", password_hash="x", grants=actor().grants)  # noqa: S106 - no secret
    return TokenRecord(digest=b"d", user=user, project_id=PROJECT, issued_at=AT, expires_at=AT + timedelta(hours=24))


class Cashier:
    """Knows the tokens `mine`, `mine too` and `yours`; `over` has expired, and `broken` breaks the store."""

    def __init__(self) -> None:
        self.known = {"mine": record(), "mine too": record(), "yours": record("vera")}
        self.asked: list[tuple[str, str, str, str]] = []

    async def issue(self, *, user: str, domain: str, password: str, project: str) -> IssuedToken:
        self.asked.append((user, domain, password, project))
        if password != "right":  # noqa: S105 - no secret
            raise PasswordInvalidError
        return IssuedToken(value="fresh", record=record(user))

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


async def test_why_the_store_failed_is_not_told_to_the_caller(cashier: Cashier) -> None:
    answer = await ask(cashier, "DELETE", caller="mine", subject="broken")
    assert answer.status == 500
    assert "secret.db" not in answer.body.decode()


@pytest.fixture
def cashier() -> Cashier:
    return Cashier()


async def ask(
    cashier: Cashier, method: str, *, body: object = None, caller: str | None = None, subject: str | None = None
) -> Answer:
    door = TokensDoor(gate=Gate(Doorman(), Tally()), tokens=cashier, project_names={PROJECT: "north-1"})
    headers = [(b"x-auth-token", caller), (b"x-subject-token", subject)]
    return await call(
        build_app(door.routes(), RememberingLog()),
        method,
        b"/v3/auth/tokens",
        headers=[(name, value.encode("latin-1")) for name, value in headers if value is not None],
        caller=Caller(parts=[body if isinstance(body, bytes) else json.dumps(body).encode()]),
    )


def sign_in(**user: object) -> dict[str, Any]:
    named = {"name": "olga", "password": "right", "domain": {"name": "default"}, **user}
    return {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": named}},
            "scope": {"project": {"id": PROJECT}},
        }
    }


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
            "catalog": [],
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
    assert cashier.asked == [("olga", asked, "right", PROJECT)]


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
