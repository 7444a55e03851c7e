"""The gate: the body is read once and with a cap, the sender is proved once, and errors become answers."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from tests.support.fakes import actor
from tests.unit.http.asgi import Caller, call
from tests.unit.http.test_envelope import RememberingLog
from vacate.api.bodies import BODY_LIMIT
from vacate.api.gaussdb_v3.errors import ERRORS
from vacate.api.operation import Operation
from vacate.domain.access.identity import Actor
from vacate.domain.errors import (
    AuthenticationError,
    CredentialsMissingError,
    NodeUnknownError,
    TokenInvalidError,
    VacateError,
)
from vacate.http import gate as gate_module
from vacate.http.answers import json_response
from vacate.http.app import build_app
from vacate.http.gate import Call, Gate, OpenCall
from vacate.operations.access.ports import Presented

ROUTE = "/v3/{project_id}/calls"
CALL = Operation(id="call", family="", title="", description="", method="POST", path=ROUTE, response=None)
PRESENTED = Presented(
    method="POST", path=b"/v3/p/calls", query=b"", headers=(), body=b"", source_address="203.0.113.9", request_id="r1"
)
READ = replace(CALL, path="/read", read_only=True)


@dataclass(kw_only=True)
class Doorman:
    """An authenticator that knows everybody, or has one answer for all."""

    refuses_with: VacateError | None = None
    asked: list[Presented] = field(default_factory=list[Presented])
    once: list[bool] = field(default_factory=list[bool])

    async def authenticate(self, request: Presented, *, once: bool = False) -> Actor:
        self.asked.append(request)
        self.once.append(once)
        if self.refuses_with is not None:
            raise self.refuses_with
        return actor(request_id=request.request_id)


@dataclass
class Tally:
    """How often a sender could not be proved, by kind."""

    kinds: list[str] = field(default_factory=list[str])
    withheld_words: list[str] = field(default_factory=list[str])

    def not_authenticated(self, kind: str) -> None:
        self.kinds.append(kind)

    def withheld(self, *, request_id: str, error: VacateError) -> None:
        del request_id
        self.withheld_words.append(str(error))


@dataclass(kw_only=True)
class House:
    """One call that needs a sender, and one that anybody may make."""

    doorman: Doorman = field(default_factory=Doorman)
    tally: Tally = field(default_factory=Tally)
    calls: list[OpenCall] = field(default_factory=list[OpenCall])
    fails_with: VacateError | None = None

    @property
    def app(self) -> ASGIApp:
        gate = Gate(self.doorman, self.tally)
        routes = [
            Route(ROUTE, gate.authenticated(CALL, self.handle, ERRORS), methods=["POST"]),
            Route("/read", gate.authenticated(READ, self.handle, ERRORS), methods=["POST"]),
            Route("/open", gate.open("/open", self.handle, ERRORS), methods=["POST"]),
        ]
        return build_app(routes, RememberingLog())

    async def handle(self, handled: OpenCall) -> Response:
        self.calls.append(handled)
        if self.fails_with is not None:
            raise self.fails_with
        return json_response({"bytes": len(handled.presented.body)})


async def test_a_handler_gets_the_request_as_it_was_sent_and_who_sent_it() -> None:
    house = House()
    answer = await call(
        house.app,
        "POST",
        b"/v3/a%2Fb%20c/calls?x=%20&y",
        headers=[(b"X-Note", b" h\xc3\xa9 "), (b"x-note", b"again")],
        caller=Caller(parts=[b"one ", b"", b"two"]),
    )
    assert (answer.status, answer.json) == (200, {"bytes": 7})
    (handled,) = house.calls
    assert isinstance(handled, Call)
    assert handled.actor.request_id == answer.headers["x-request-id"]
    assert handled.path == {"project_id": "a/b c"}
    assert handled.presented == Presented(
        method="POST",
        path=b"/v3/a%2Fb%20c/calls",
        query=b"x=%20&y",
        headers=((b"x-note", b" h\xc3\xa9 "), (b"x-note", b"again")),
        body=b"one two",
        source_address="203.0.113.9",
        request_id=answer.headers["x-request-id"],
    )
    assert house.doorman.asked == [handled.presented]


async def test_who_is_not_proved_reaches_no_handler_and_is_counted() -> None:
    for refusal in (CredentialsMissingError(), TokenInvalidError(), AuthenticationError("no")):
        house = House(doorman=Doorman(refuses_with=refusal))
        answer = await call(house.app, "POST", b"/v3/p/calls")
        assert answer.refusal == (401, "APIGW.0301")
        assert house.calls == []
        assert house.tally.kinds == [type(refusal).__name__]


async def test_only_a_call_that_changes_something_is_accepted_once() -> None:
    house = House()
    await call(house.app, "POST", b"/v3/p/calls")
    await call(house.app, "POST", b"/read")
    assert house.doorman.once == [True, False]


async def test_an_open_call_asks_nobody() -> None:
    house = House(doorman=Doorman(refuses_with=TokenInvalidError()))
    assert (await call(house.app, "POST", b"/open")).status == 200
    assert house.doorman.asked == []


async def test_an_error_of_the_house_is_answered_by_the_doors_table() -> None:
    house = House(fails_with=NodeUnknownError())
    answer = await call(house.app, "POST", b"/open")
    assert answer.refusal == (400, "DBS.280407")
    assert answer.json["error_msg"] == "Invalid node ID. The node does not belong to the instance"
    assert house.tally.kinds == []


async def test_an_error_that_nobody_knows_is_the_servers_failure() -> None:
    class NewError(VacateError):
        pass

    house = House(fails_with=NewError("what happened"))
    assert (await call(house.app, "POST", b"/open")).refusal == (500, "DBS.108000")


# --- bodies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "length", [str(BODY_LIMIT + 1), "9" * 20, "9" * 5000, "0" * 21, "-1", "+1", "1.0", "1e3", "", "ten", "²", "1 1"]
)
@pytest.mark.parametrize("path", [b"/open", b"/v3/p/calls"])
async def test_a_body_announced_as_too_large_is_refused_before_it_is_read(length: str, path: bytes) -> None:
    house, caller = House(), Caller(parts=[b"x"])
    answer = await call(house.app, "POST", path, headers=[(b"content-length", length.encode("latin-1"))], caller=caller)
    assert answer.refusal == (413, "APIGW.0201")
    assert caller.asked == 0
    assert house.calls == []
    assert house.doorman.asked == []


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"5")], [(b"transfer-encoding", b"chunked")]])
async def test_a_body_is_refused_as_soon_as_it_grows_too_large(headers: list[tuple[bytes, bytes]]) -> None:
    half = b"x" * (BODY_LIMIT // 2)
    caller = Caller(parts=[half, half, b"y", half, half])
    answer = await call(House().app, "POST", b"/open", headers=headers, caller=caller)
    assert answer.refusal == (413, "APIGW.0201")
    assert caller.asked == 3


async def test_a_body_of_exactly_the_limit_is_read() -> None:
    caller = Caller(parts=[b"x" * BODY_LIMIT])
    headers = [(b"content-length", str(BODY_LIMIT).encode())]
    answer = await call(House().app, "POST", b"/open", headers=headers, caller=caller)
    assert answer.json == {"bytes": BODY_LIMIT}


async def test_a_body_that_does_not_come_in_time_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "BODY_SECONDS", 0.05)
    house = House()
    async with asyncio.timeout(10):
        answer = await call(house.app, "POST", b"/open", caller=Caller(parts=[b"half"], stalls=True))
    assert answer.refusal == (408, "APIGW.0201")
    # The rest may still come, and must not be taken for another request.
    assert answer.headers["connection"] == "close"
    assert house.calls == []


async def test_who_leaves_in_the_middle_of_a_body_reaches_no_handler() -> None:
    house = House()
    answer = await call(house.app, "POST", b"/open", caller=Caller(parts=[b"half"], leaves_early=True))
    assert answer.status == 408
    assert house.calls == []
