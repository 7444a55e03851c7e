"""Around every request: an id, a log line, routing on the path as sent, and the last resort."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.unit.http.asgi import Caller, call
from vacate.http.app import build_app
from vacate.http.envelope import Envelope

SECRET = "the password is hunter2"  # noqa: S105 - what must not be told


@dataclass
class RememberingLog:
    """What the envelope said of its answers."""

    answers: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    failures: list[tuple[str, Exception]] = field(default_factory=list[tuple[str, Exception]])

    def answered(self, **facts: object) -> None:
        self.answers.append(dict(facts))

    def failed(self, *, request_id: str, error: Exception) -> None:
        self.failures.append((request_id, error))


@pytest.fixture
def log() -> RememberingLog:
    return RememberingLog()


async def tell(request: Request) -> Response:
    request.state.route = "/tell/{what}"
    return PlainTextResponse(request.path_params["what"])


async def fail(request: Request) -> Response:
    del request
    raise RuntimeError(SECRET)


async def start_and_fail(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise RuntimeError(SECRET)


# What may stand before the path in a request's target.
WHOLE = ["http://vacate.test", "http://vacate.test:8686", "HTTPS://[::1]:8686", "https://192.0.2.7"]


@pytest.fixture
def app(log: RememberingLog) -> ASGIApp:
    routes = [Route("/tell/{what}", tell, methods=["GET"]), Route("/fail", fail, methods=["POST"])]
    return build_app(routes, log)


async def test_what_was_not_foreseen_is_told_to_the_log_and_not_to_the_caller(
    app: ASGIApp, log: RememberingLog
) -> None:
    answer = await call(app, "POST", b"/fail")
    assert answer.refusal == (500, "DBS.108000")
    assert answer.json["error_msg"] == "Server failure."
    assert b"hunter2" not in answer.body
    assert b"RuntimeError" not in answer.body
    ((request_id, error),) = log.failures
    assert request_id == answer.headers["x-request-id"]
    assert str(error) == SECRET
    assert error.__traceback__ is not None
    assert [line["status"] for line in log.answers] == [500]


async def test_a_failure_after_the_answer_began_sends_no_second_answer(log: RememberingLog) -> None:
    caller = Caller()
    await Envelope(start_and_fail, log)(_scope(), caller.receive, caller.send)
    assert [message["type"] for message in caller.sent] == ["http.response.start"]
    assert len(log.failures) == 1


def _scope() -> Scope:
    return {
        "type": "http",
        "method": "GET",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [],
        "client": None,
    }


async def test_every_answer_is_logged_with_the_id_that_it_carries(app: ASGIApp, log: RememberingLog) -> None:
    first = await call(app, "GET", b"/tell/a?b=c")
    second = await call(app, "GET", b"/nowhere", client=None)
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    seconds = [line.pop("seconds") for line in log.answers]
    assert all(isinstance(value, float) and value >= 0 for value in seconds)
    assert log.answers == [
        {
            "request_id": first.headers["x-request-id"],
            "source_address": "203.0.113.9",
            "method": "GET",
            "path": "/tell/a",
            "route": "/tell/{what}",
            "status": 200,
            "proved": False,
        },
        {
            "request_id": second.headers["x-request-id"],
            "source_address": "unknown",
            "method": "GET",
            "path": "/nowhere",
            "route": "unmatched",
            "status": 404,
            "proved": False,
        },
    ]


@pytest.mark.parametrize(
    ("target", "told"),
    [(b"/tell/a%2Fb", "a%2Fb"), (b"/tell/%2e%2e", "%2e%2e"), (b"/tell/%00", "%00"), (b"/tell/\xff", "\xff")],
)
async def test_the_path_is_routed_as_it_was_sent(app: ASGIApp, target: bytes, told: str) -> None:
    answer = await call(app, "GET", target)
    assert (answer.status, answer.body.decode()) == (200, told)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", b"/tell/a/"),
        ("GET", b"//tell/a"),
        ("GET", b"/tell//a"),
        ("GET", b"/Tell/a"),
        ("GET", b"/tell%2Fa"),
        ("GET", b"/tell/"),
        ("GET", b"/decoded"),
        ("GET", b""),
        ("POST", b"/tell/a"),
        ("GET", b"/fail"),
        ("BREW", b"/tell/a"),
    ],
)
async def test_another_path_or_method_is_no_api_and_no_redirect(app: ASGIApp, method: str, target: bytes) -> None:
    answer = await call(app, method, target)
    assert answer.refusal == (404, "APIGW.0101")
    assert "location" not in answer.headers
    assert "allow" not in answer.headers


@pytest.mark.parametrize(("method", "told"), [("POST", "POST"), ("BREW", "other"), ("post", "other"), ("", "other")])
async def test_a_method_that_somebody_made_up_is_counted_with_its_like(
    app: ASGIApp, log: RememberingLog, method: str, told: str
) -> None:
    await call(app, method, b"/nowhere")
    assert log.answers[0]["method"] == told


async def test_what_is_no_request_is_passed_on(log: RememberingLog) -> None:
    seen: list[str] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        del receive, send
        seen.append(scope["type"])

    caller = Caller()
    await Envelope(application, log)({"type": "lifespan"}, caller.receive, caller.send)
    assert seen == ["lifespan"]
    assert log.answers == []


# --- whole URLs as targets -------------------------------------------------------------------------------------------


async def echo(request: Request) -> Response:
    return PlainTextResponse(request.scope["raw_path"] + b"?" + request.scope["query_string"])


@pytest.mark.parametrize("before", WHOLE)
@pytest.mark.parametrize("path", ["/tell/a%2Fb", "/tell/a?b=http://c/d", "/tell/%20", "/"])
async def test_of_a_whole_url_the_path_is_routed_and_kept_as_it_was_sent(
    log: RememberingLog, before: str, path: str
) -> None:
    app = build_app([Route("/tell/{what:path}", echo), Route("/", echo)], log)
    plain, whole = await call(app, "GET", path.encode()), await call(app, "GET", (before + path).encode())
    assert plain.status == whole.status == 200
    assert plain.body == whole.body
    assert [answer["path"] for answer in log.answers] == [path.partition("?")[0]] * 2


@pytest.mark.parametrize("before", WHOLE)
async def test_a_whole_url_without_a_path_is_the_root(log: RememberingLog, before: str) -> None:
    answer = await call(build_app([Route("/", echo)], log), "GET", f"{before}?a=1".encode())
    assert (answer.status, answer.body) == (200, b"/?a=1")


@pytest.mark.parametrize(
    "target", ["http:///tell/x", "http://olga@vacate.test/tell/x", "ftp://vacate.test/tell/x", "//vacate.test/tell/x"]
)
async def test_what_is_no_address_of_an_http_service_is_an_unknown_path(app: ASGIApp, target: str) -> None:
    assert (await call(app, "GET", target.encode())).refusal == (404, "APIGW.0101")


@pytest.mark.parametrize(
    ("headers", "version"),
    [
        (((b"content-length", b"4"), (b"transfer-encoding", b"chunked")), "1.1"),
        (((b"transfer-encoding", b"chunked"), (b"content-length", b"0")), "1.1"),
        (((b"transfer-encoding", b"chunked"),), "1.0"),
    ],
)
async def test_a_body_with_two_ends_is_refused_and_the_connection_closed(
    log: RememberingLog, headers: tuple[tuple[bytes, bytes], ...], version: str
) -> None:
    app = build_app([Route("/tell/{what}", tell)], log)
    answer = await call(app, "GET", b"/tell/a", headers=headers, version=version)
    assert answer.refusal == (400, "APIGW.0201")
    assert answer.headers["connection"] == "close"


async def test_no_answer_is_kept_by_caches_unless_it_says_so(log: RememberingLog) -> None:
    async def kept(_: Request) -> Response:
        return PlainTextResponse("a", headers={"Cache-Control": "max-age=1"})

    app = build_app([Route("/kept", kept), Route("/tell/{what}", tell), Route("/fail", fail)], log)
    told = {path: (await call(app, "GET", path)).headers["cache-control"] for path in (b"/kept", b"/tell/a", b"/fail")}
    assert told == {b"/kept": "max-age=1", b"/tell/a": "no-store", b"/fail": "no-store"}
    assert (await call(app, "GET", b"/nowhere")).headers["cache-control"] == "no-store"
