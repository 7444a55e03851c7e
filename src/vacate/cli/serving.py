"""Serves an application on one port, with TLS where asked."""

import asyncio
import errno
import logging
import signal
import socket
import ssl
import stat
import uuid
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from vacate.domain.errors import SettingsError
from vacate.http.answers import REQUEST_ID_HEADER, error_response
from vacate.http.app import NOT_UNDERSTOOD
from vacate.settings.file import ServiceSection
from vacate.telemetry.logs import log

_SHUTDOWN_S = 60
_IDLE_SECONDS = 5
_HEAD_SECONDS = 30.0
_FAREWELL_SECONDS = 1.0


def bind(service: ServiceSection, *, another_port: str = "choose another one with VACATE_PORT") -> socket.socket:
    """Take the port, before anything else is started; `another_port` tells how to choose one that is free.

    Raises:
        SettingsError: it is taken or not allowed, or the address is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in service.host else socket.AF_INET
    # With the protocol named, asyncio switches Nagle's algorithm off; it would hold back every answer on a kept link.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((service.host, service.port))
    except OSError as error:
        listener.close()
        remedies = {errno.EADDRINUSE: another_port, errno.EACCES: f"this user may not have it; {another_port}"}
        remedy = remedies.get(error.errno or 0, "choose an address of this machine with VACATE_HOST")
        raise SettingsError(f"cannot listen on {service.host}:{service.port}: {error.strerror}; {remedy}") from error
    return listener


class _Protocol(H11Protocol):
    """One peer's link to the port. Whatever a peer sends, or leaves out, it is answered in one way or let go."""

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().connection_made(transport)
        self._be_patient()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came. Bytes alone buy no time: only a request that is whole enough to be handled does."""
        if self.transport.is_closing():
            return
        if not self._handling() and self._patience is None:
            self._be_patient()
        super().data_received(data)
        if self._handling():
            self._stop_waiting()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._hang_up()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._hang_up()

    def shutdown(self) -> None:
        # Closed twice, a transport of TLS forgets how to abort.
        if not self.transport.is_closing():
            super().shutdown()
        if self.transport.is_closing():
            self._hang_up()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP like everything else that is wrong, and hang up."""
        del msg
        request_id = uuid.uuid4().hex
        # Which language was asked for is not known either, so it is English.
        answer = error_response(NOT_UNDERSTOOD, "", request_id=request_id)
        headers = [*answer.raw_headers, (REQUEST_ID_HEADER.encode(), request_id.encode()), (b"Connection", b"close")]
        log(
            "request not understood",
            {"request_id": request_id, "source_address": self.client[0] if self.client else "unknown"},
            level=logging.WARNING,
        )
        # An answer that is under way already cannot be followed by another one.
        with suppress(h11.LocalProtocolError):
            for event in (
                h11.Response(status_code=answer.status_code, headers=headers, reason=b"Bad Request"),
                h11.Data(data=bytes(answer.body)),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self._hang_up()

    def _handling(self) -> bool:
        """Whether the application has a request in its hands; it has limits of its own."""
        cycle = self.cycle
        return cycle is not None and not cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison] - it starts as None

    def _be_patient(self) -> None:
        self._patience = self.loop.call_later(_HEAD_SECONDS, self._hang_up)

    def _hang_up(self) -> None:
        """Close, and do not wait long for a peer to say goodbye: over TLS that could hold up the service's end."""
        if not self.transport.is_closing():
            self.transport.close()
        self._stop_waiting()
        self._patience = self.loop.call_later(_FAREWELL_SECONDS, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


class _Server(uvicorn.Server):
    """A server that leaves the signals alone: whoever runs it decides when to stop, and what to stop first."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@asynccontextmanager
async def serving(app: ASGIApp, service: ServiceSection, listener: socket.socket) -> AsyncGenerator[None]:
    """Answer calls for the length of the block; at its end the calls that run are answered first.

    Raises:
        SettingsError: certificate or key cannot be used.
    """
    context = _tls(service)
    server = _Server(
        uvicorn.Config(
            app,
            # The strict parser: it bounds the size of a request's head, and refuses what it cannot read.
            http=_Protocol,
            # A WebSocket library that happens to be installed must not open a second way in.
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            # The audit names the peer itself; a header that any caller can write is no address.
            proxy_headers=False,
            ssl_context_factory=None if context is None else lambda _config, _default: context,
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=_SHUTDOWN_S,
        )
    )
    running = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    up = asyncio.create_task(server.up.wait(), name="http up")
    try:
        # The block goes on before the first call is answered: a signal to stop must find somebody who waits for it.
        await asyncio.wait([running, up], return_when=asyncio.FIRST_COMPLETED)
        if not server.started:
            await running
            raise SettingsError("the HTTP server ended before it started")
        yield
    finally:
        up.cancel()
        server.should_exit = True
        await asyncio.wait([running])


def _tls(service: ServiceSection) -> ssl.SSLContext | None:
    if service.tls_certificate is None or service.tls_key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        _refuse_open_key(service.tls_key)
        # A key that is locked with a password is refused; nobody sits at a service to type it.
        context.load_cert_chain(service.tls_certificate, service.tls_key, password="")
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(
            f"service.tls_certificate {service.tls_certificate} and service.tls_key {service.tls_key} "
            f"cannot be used together: {reason}"
        ) from error
    return context


def _refuse_open_key(key: Path) -> None:
    """A group may read a key, as Debian's ssl-cert does; everybody may not."""
    mode = stat.S_IMODE(key.stat().st_mode)
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise SettingsError(f"service.tls_key {key} is open to others (mode {mode:04o}); chmod 600 it")


async def until_told_to_stop() -> None:
    """Wait for SIGTERM, or for SIGINT unless it is ignored already, as a shell has it for background jobs."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    signals = (signal.SIGTERM,) if ignored else (signal.SIGTERM, signal.SIGINT)
    for signum in signals:
        loop.add_signal_handler(signum, told.set)
    try:
        await told.wait()
    finally:
        for signum in signals:
            loop.remove_signal_handler(signum)
