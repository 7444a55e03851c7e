"""Patroni is asked over the network, in bounded time, and its answer is read up to a bound."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Generator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from vacate.demo.servers import HOST
from vacate.domain.discovery.facts import DiscoveryError
from vacate.inventory.patroni import PatroniCluster

ANSWER = json.dumps(
    {
        "members": [{"name": "a", "role": "leader", "state": "running", "host": "10.0.0.11", "port": 5432}],
        "scope": "batman",
    }
).encode()
SHORT = timedelta(seconds=0.3)

Reply = Callable[[BaseHTTPRequestHandler], None]


@contextlib.contextmanager
def interface(reply: Reply) -> Generator[tuple[str, list[str]]]:
    """An HTTP server with one reply to everything; gives its address, and the paths it was asked for."""
    asked: list[str] = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            with contextlib.suppress(OSError):
                reply(self)

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - the base's own name.

    with ThreadingHTTPServer((HOST, 0), Answers) as served:
        thread = threading.Thread(target=served.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://{HOST}:{served.server_port}", asked
        finally:
            served.shutdown()
            thread.join()


def said(body: bytes, status: int = 200) -> Reply:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("Location", "http://127.0.0.1:1/elsewhere")
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def dripping(first: bytes) -> Reply:
    """Begins, and goes on with a byte now and then for ever, so that no single read ever takes long."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(first)
        patience = threading.Event()
        while True:
            handler.wfile.write(b"x")
            handler.wfile.flush()
            patience.wait(0.02)

    return reply


@pytest.mark.parametrize("path", ["", "/", "/cluster"])
async def test_the_members_are_asked_for_once(path: str) -> None:
    with interface(said(ANSWER)) as (url, asked):
        roster = await PatroniCluster(url + path).roster()
    assert (roster.name, [member.name for member in roster.members]) == ("batman", ["a"])
    assert asked == ["/cluster"]


@pytest.mark.parametrize("status", [302, 404, 503])
async def test_another_status_is_refused_and_no_redirect_followed(status: int) -> None:
    with interface(said(ANSWER, status)) as (url, _), pytest.raises(DiscoveryError, match=f"the status {status}"):
        await PatroniCluster(url).roster()


async def test_an_answer_without_end_is_read_to_a_bound() -> None:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
        while True:
            handler.wfile.write(b" " * 65536)

    with interface(reply) as (url, _), pytest.raises(DiscoveryError, match="longer than"):
        await PatroniCluster(url, within=timedelta(seconds=3)).roster()


@pytest.mark.parametrize(
    "first", [b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.0 200 OK\r\nX: ", b"HTTP/1.0 20"], ids=["body", "head", "status"]
)
async def test_an_answer_that_drips_is_given_up_in_time(first: bytes) -> None:
    began = time.monotonic()
    with interface(dripping(first)) as (url, _), pytest.raises(DiscoveryError, match="no answer within"):
        await PatroniCluster(url, within=SHORT).roster()
    assert time.monotonic() - began < 5


async def test_nobody_waits_for_a_server_that_says_nothing() -> None:
    with socket.create_server((HOST, 0)) as silent:
        url = f"http://{HOST}:{silent.getsockname()[1]}"
        with pytest.raises(DiscoveryError, match="no answer within"):
            await PatroniCluster(url, within=SHORT).roster()


async def test_a_port_without_a_server_is_said() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(DiscoveryError, match="cannot be reached: Connection refused"):
        await PatroniCluster(f"http://{HOST}:{port}").roster()


async def test_a_server_that_does_not_speak_http_is_said() -> None:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"SSH-2.0\r\n")

    with interface(reply) as (url, _), pytest.raises(DiscoveryError, match="does not speak HTTP"):
        await PatroniCluster(url).roster()


async def test_a_server_without_tls_is_said() -> None:
    with interface(said(ANSWER)) as (url, _), pytest.raises(DiscoveryError, match="cannot be reached"):
        await PatroniCluster(url.replace("http:", "https:"), within=timedelta(seconds=2)).roster()


async def test_a_host_that_cannot_be_a_name_is_said() -> None:
    with pytest.raises(DiscoveryError, match="cannot be reached"):
        await PatroniCluster(f"http://{'x' * 64}.invalid").roster()
