"""The port itself: what is no HTTP, what never comes to an end, and how the service stops."""

import asyncio
import contextlib
import errno
import socket
import ssl
import time
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.contract.places import call
from tests.contract.raw import Signed, connected, ends, exchange, head, receive
from tests.support.service import HOST, RunningService, ServiceFailedError, Site, configuration
from vacate.cli.acceptor import Acceptor
from vacate.cli.port_limits import PortLimits
from vacate.cli.serving import bind, serving
from vacate.domain.errors import SettingsError
from vacate.http.app import build_app
from vacate.settings.file import ServiceSection
from vacate.settings.listening import ListenAddress, calls_address
from vacate.telemetry.access_log import TelemetryAccessLog
from vacate.telemetry.metrics import Metrics


def client_hello() -> bytes:
    """The first bytes that a TLS client sends."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()


def test_an_answer_on_a_kept_link_is_not_held_back() -> None:
    """With Nagle's algorithm on, every answer but the first waits for the client's delayed acknowledgement."""
    with bind(ListenAddress(host=HOST, port=0)) as listener:
        assert listener.proto == socket.IPPROTO_TCP, "asyncio switches the algorithm off for no other"


def test_tls_at_the_plain_port_is_hung_up_on_at_once(service: RunningService) -> None:
    """An official client with `https` in its endpoint would wait for a minute otherwise."""
    hello = client_hello()
    assert hello[0] == 0x16
    asked = time.monotonic()
    with connected(service.port) as link:
        link.sendall(hello)
        assert ends(link)
    assert time.monotonic() - asked < 5


POST = b"POST " + call().encode() + b" HTTP/1.1\r\nHost: a\r\n"
NO_HTTP = {
    "nulls": b"\x00" * 20,
    "another_protocol": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "no_version": b"POST /x\r\n\r\n",
    "no_host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two_hosts": POST + b"Host: b\r\n\r\n",
    "a_header_without_a_colon": POST + b"no colon\r\n\r\n",
    "a_bare_letter_beyond_ascii": "GET /é HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
    "a_bare_space": b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "a_negative_length": POST + b"Content-Length: -1\r\n\r\n",
    "a_length_of_5000_digits": POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "two_lengths": POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "an_unknown_encoding": POST + b"Transfer-Encoding: gzip\r\n\r\n",
    "a_bad_chunk": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a_head_without_end": POST + b"X: " + b"a" * 1_000_000,
}


@pytest.mark.parametrize("what", NO_HTTP)
def test_what_is_no_http_gets_the_envelope_and_is_hung_up_on(service: RunningService, what: str) -> None:
    errors = service.errors()
    with connected(service.port) as link:
        with contextlib.suppress(ConnectionError):
            link.sendall(NO_HTTP[what])
        answer = receive(link)
        assert answer.refusal == (400, "APIGW.0201")
        assert answer.headers["connection"] == "close"
        assert ends(link)
    assert service.errors() == errors


def test_what_is_no_http_is_logged_with_the_id_it_was_given(service: RunningService) -> None:
    answer = exchange(service.port, b"\x00\r\n\r\n")
    (line,) = [line for line in service.log() if line.get("request_id") == answer.request_id]
    assert (line["message"], line["source_address"]) == ("request not understood", HOST)


def test_rubbish_after_a_good_request_changes_nothing_for_it(service: RunningService, signed: Signed) -> None:
    with connected(service.port) as link:
        link.sendall(signed.request() + b"\x00\x00\r\n\r\n")
        with link.makefile("rb") as everything:
            first, second = everything.read().split(b"HTTP/1.1 ")[1:]
    assert first.startswith(b"200 OK")
    assert first.endswith(b'{"success":true}')
    assert second.startswith(b"400 Bad Request")


def test_an_offer_to_switch_protocols_is_passed_over(service: RunningService) -> None:
    upgrade = {"Host": HOST, "Connection": "upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    answer = exchange(service.port, head("GET", call(), {**upgrade, "Sec-WebSocket-Key": "x" * 24}), "GET")
    assert answer.refusal == (404, "APIGW.0101")


# --- patience, on a port of this program -----------------------------------------------------------------------------


async def never(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that takes its time, for as long as its body does not end."""
    del scope
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@asynccontextmanager
async def impatient_port() -> AsyncGenerator[int]:
    section = ServiceSection(port=0)
    with bind(calls_address(section)) as listener:
        async with serving(never, section, listener, PortLimits(head_s=0.4)):
            yield listener.getsockname()[1]


@pytest.mark.parametrize("sent", [b"", b"P", b"POST /x HTTP/1.1\r\nHost: a\r\n"])
async def test_a_head_that_does_not_come_is_not_waited_for(sent: bytes) -> None:
    async with impatient_port() as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(sent)
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()


async def test_single_bytes_buy_no_time() -> None:
    async with impatient_port() as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"POST /x HTTP/1.1\r\nX: ")
        end = asyncio.create_task(reader.read())
        async with asyncio.timeout(10):
            while not end.done():
                writer.write(b"a")
                await asyncio.wait([end], timeout=0.05)
        assert await end == b""
        writer.close()


async def test_a_request_that_is_being_handled_has_all_the_time_it_needs() -> None:
    async with impatient_port() as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 1)
        writer.write(b"2")
        assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 204")
        writer.close()


async def test_a_body_that_was_refused_is_not_swallowed_for_ever() -> None:
    """A refused body is let run out, so that its sender can read the answer; but not without end."""
    section = ServiceSection(port=0)
    app = build_app([], TelemetryAccessLog(Metrics("0")))
    with bind(calls_address(section)) as listener:
        async with serving(app, section, listener, PortLimits(head_s=0.4)):
            reader, writer = await asyncio.open_connection(HOST, listener.getsockname()[1])
            writer.write(b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            end = asyncio.create_task(reader.read())
            async with asyncio.timeout(10):
                while not end.done():
                    writer.write(b"1\r\n \r\n")
                    await asyncio.wait([end], timeout=0.05)
            assert (await end).startswith(b"HTTP/1.1 404")
            writer.close()


# --- peers that do not read, and no files left -----------------------------------------------------------------------

BIG = b"a" * 8_000_000


async def big(scope: Scope, receive: Receive, send: Send) -> None:
    """An application with a long answer."""
    del scope, receive
    length = (b"content-length", str(len(BIG)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": BIG})


@asynccontextmanager
async def port_of(app: ASGIApp, limits: PortLimits) -> AsyncGenerator[int]:
    section = ServiceSection(port=0)
    with bind(calls_address(section)) as listener:
        async with serving(app, section, listener, limits):
            yield listener.getsockname()[1]


async def test_a_long_answer_arrives_whole() -> None:
    async with port_of(big, PortLimits()) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 30)
        assert answer.partition(b"\r\n\r\n")[2] == BIG
        writer.close()


@asynccontextmanager
async def peer_that_does_not_read(port: int) -> AsyncGenerator[socket.socket]:
    with socket.socket() as link:
        link.settimeout(0)
        await asyncio.get_running_loop().sock_connect(link, (HOST, port))
        link.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        # Something of the answer is there, so the rest is under way.
        assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(link, 1), 10)
        yield link


async def test_a_peer_that_does_not_read_is_let_go() -> None:
    ended = asyncio.Event()

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        await big(scope, receive, send)
        ended.set()

    async with port_of(watched, PortLimits(stalled_s=0.4)) as port, peer_that_does_not_read(port):
        await asyncio.wait_for(ended.wait(), 10)


async def test_peers_that_do_not_read_do_not_hold_up_the_end() -> None:
    async with contextlib.AsyncExitStack() as peers:
        async with port_of(big, PortLimits(stalled_s=60, stop_others_s=0.5)) as port:
            for _ in range(3):
                await peers.enter_async_context(peer_that_does_not_read(port))
            began = time.monotonic()
        assert time.monotonic() - began < 8


async def test_idle_strangers_make_room_for_whoever_comes() -> None:
    limits = PortLimits(most=8, unproven=4)
    app = build_app([], TelemetryAccessLog(Metrics("0")))
    async with port_of(app, limits) as port, contextlib.AsyncExitStack() as idle:
        links = [await asyncio.open_connection(HOST, port) for _ in range(40)]
        for _, writer in links:
            idle.callback(writer.close)
        reader, writer = await asyncio.open_connection(HOST, port)
        idle.callback(writer.close)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 404")
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(links[0][0].read(), 10) == b""


class Exhausted:
    """A listening socket of a process that has no file left; it says how often it was asked."""

    def __init__(self) -> None:
        self.real, self.other = socket.socketpair()
        self.asked = 0
        self.asked_thrice = asyncio.Event()
        self.other.send(b"somebody is there")

    def fileno(self) -> int:
        return self.real.fileno()

    def accept(self) -> None:
        self.asked += 1
        if self.asked == 3:
            self.asked_thrice.set()
        raise OSError(errno.EMFILE, "Too many open files")

    def settimeout(self, _: float) -> None:
        """It never blocks."""

    def listen(self, _: int) -> None:
        """It does so already."""

    def close(self) -> None:
        self.real.close()
        self.other.close()


def nobody_comes(connection: socket.socket, address: object) -> None:
    raise AssertionError(f"{connection} from {address}")


async def test_having_no_file_left_neither_spins_nor_fills_the_log(caplog: pytest.LogCaptureFixture) -> None:
    listener = Exhausted()
    acceptor = Acceptor(asyncio.get_running_loop(), cast("socket.socket", listener), nobody_comes)
    acceptor.start()
    began = time.monotonic()
    await asyncio.wait_for(listener.asked_thrice.wait(), 20)
    assert time.monotonic() - began > 0.9
    acceptor.stop()
    assert [record.getMessage() for record in caplog.records] == ["connections cannot be accepted"]


# --- starting and stopping -------------------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_named() -> None:
    with bind(ListenAddress(host=HOST, port=0)) as first:
        first.listen()
        port = first.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"cannot listen on {HOST}:{port}: .*VACATE_PORT"):
            bind(ListenAddress(host=HOST, port=port))


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_health_and_metrics_can_have_a_port_of_their_own(path: str, tmp_path: Path) -> None:
    with Site(tmp_path, configuration([], service={"health_listen": f"{HOST}:0"})).serving() as running:
        assert running.health_port != running.port
        assert running.fetch(path)[0] == 200
        assert running.fetch(f"{path}?")[0] == 404, "the port of the calls answers it too"
        with connected(running.health_port) as link:
            link.sendall(head("POST", call(), {"Host": HOST, "Content-Length": "0"}))
            assert receive(link, "POST").status == 404, "calls are answered at the port for health"


def test_the_port_for_health_has_room_while_the_other_one_is_full(tmp_path: Path) -> None:
    text = configuration([], service={"health_listen": f"{HOST}:0"}) + "[connections]\nmost = 8\nunproven = 4\n"
    with Site(tmp_path, text).serving() as running, ExitStack() as clients:
        for _ in range(8):
            clients.enter_context(connected(running.port))
        assert running.fetch("/readyz")[0] == 200


def test_the_port_for_health_that_is_taken_is_named(tmp_path: Path) -> None:
    with bind(ListenAddress(host=HOST, port=0)) as taken:
        taken.listen()
        place = f"{HOST}:{taken.getsockname()[1]}"
        site = Site(tmp_path, configuration([], service={"health_listen": place}))
        with (
            pytest.raises(ServiceFailedError, match=rf"cannot listen on {place}: .*service\.health_listen"),
            site.serving(),
        ):
            pass


def test_an_open_link_does_not_hold_up_the_end(tmp_path: Path) -> None:
    site = Site(tmp_path, configuration([]))
    with ExitStack() as client:
        with site.serving() as running:
            link = client.enter_context(connected(running.port))
            link.sendall(head("GET", "/healthz", {"Host": HOST}))
            assert receive(link, "GET").status == 200
            began = time.monotonic()
        assert time.monotonic() - began < 20
        assert ends(link)


def test_the_service_may_be_told_to_stop_as_soon_as_it_answers(tmp_path: Path) -> None:
    site = Site(tmp_path, configuration([]))
    for _ in range(3):
        with site.serving():
            pass
