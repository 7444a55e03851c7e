"""The document and the pages: served from memory by fixed names, and shut in by a policy."""

import asyncio
import gzip
import json
import re
from importlib import resources
from typing import Any

import pytest
from starlette.types import ASGIApp, Message

from tests.unit.http.asgi import call
from tests.unit.http.test_language import QuietLog
from vacate.http.app import build_app
from vacate.http.reference.routes import ReferenceDoor

FILES = {
    "/openapi.json": "application/json",
    "/docs": "text/html; charset=utf-8",
    "/docs/start.js": "text/javascript; charset=utf-8",
    "/docs/swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "/docs/swagger-ui.css": "text/css; charset=utf-8",
}
AT_ONCE, PIECE = 4, 65_536
ADDRESS = re.compile(rb"(?:src|href|url)\s*[=:]\s*[\"']([^\"']*)[\"']")


@pytest.fixture(scope="module")
def app() -> ASGIApp:
    return build_app(ReferenceDoor(document={"openapi": "3.1.0"}).routes(), QuietLog())


@pytest.mark.parametrize(("path", "media_type"), FILES.items())
async def test_each_file_has_its_type_and_the_policy(app: ASGIApp, path: str, media_type: str) -> None:
    answer = await call(app, "GET", path.encode())
    assert answer.status == 200
    assert answer.headers["content-type"] == media_type
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["content-length"] == str(len(answer.body))


@pytest.mark.parametrize("accepted", [b"gzip", b"deflate, GZIP", b"br,gzip , x"])
@pytest.mark.parametrize("path", FILES)
async def test_each_file_is_sent_packed_to_whoever_can_unpack_it(app: ASGIApp, path: str, accepted: bytes) -> None:
    plain = await call(app, "GET", path.encode())
    packed = await call(app, "GET", path.encode(), headers=((b"accept-encoding", accepted),))
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"


async def test_the_policy_lets_nothing_in_from_elsewhere_and_runs_no_script_of_the_page(app: ASGIApp) -> None:
    policy = (await call(app, "GET", b"/docs")).headers["content-security-policy"]
    rules = dict(rule.split(" ", maxsplit=1) for rule in policy.split("; "))
    assert rules == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


async def test_the_document_is_the_one_that_was_given(app: ASGIApp) -> None:
    assert json.loads((await call(app, "GET", b"/openapi.json")).body) == {"openapi": "3.1.0"}


def test_the_page_asks_for_nothing_but_these_files() -> None:
    ours = resources.files("vacate.http.reference")
    wanted = {
        address.decode()
        for name in ("page.html", "start.js")
        for address in ADDRESS.findall(ours.joinpath(name).read_bytes())
    }
    assert wanted == {"data:,", *FILES} - {"/docs"}


async def test_the_scripts_are_swagger_uis_own(app: ASGIApp) -> None:
    assert b"SwaggerUIBundle" in (await call(app, "GET", b"/docs/swagger-ui-bundle.js")).body
    assert b".swagger-ui" in (await call(app, "GET", b"/docs/swagger-ui.css")).body


@pytest.mark.parametrize(
    "path",
    [
        b"/docs/",
        b"/docs/index.html",
        b"/docs/swagger-ui.js",
        b"/docs/../docs",
        b"/docs/%2e%2e/openapi.json",
        b"/docs/..%2fopenapi.json",
        b"/docs/routes.py",
        b"/docs//start.js",
        b"/DOCS",
        b"/openapi.json/",
        b"/docs/start.js%00",
    ],
)
async def test_no_other_name_leads_to_a_file(app: ASGIApp, path: bytes) -> None:
    assert (await call(app, "GET", path)).refusal == (404, "APIGW.0101")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_files_are_only_read(app: ASGIApp, method: str) -> None:
    assert (await call(app, method, b"/docs")).refusal == (404, "APIGW.0101")


async def test_few_large_files_are_sent_at_once_and_each_in_pieces() -> None:
    """So a call that ends sessions does not wait for all that are asked for."""
    door = ReferenceDoor(document={"openapi": "3.1.0", "info": {"title": "x" * 300_000}})
    (route,) = [route for route in door.routes() if route.path == "/openapi.json"]
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": "/openapi.json",
        "headers": [],
        "query_string": b"",
    }
    begun, gate = 0, asyncio.Event()
    bodies: list[bytes] = []

    async def ask() -> None:
        sent: list[bytes] = []

        async def send(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun += 1
                await gate.wait()
            else:
                sent.append(message["body"])

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        await route.app({**scope, "app": None, "state": {}}, receive, send)
        assert max(map(len, sent)) <= PIECE
        bodies.append(b"".join(sent))

    asking = [asyncio.create_task(ask()) for _ in range(20)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert begun == AT_ONCE
    gate.set()
    await asyncio.gather(*asking)
    assert len(bodies) == len(asking)
    assert {len(body) for body in bodies} == {len(bodies[0])}
    assert json.loads(bodies[0])["info"]["title"] == "x" * 300_000
