"""Serves an application on one port, with TLS where asked."""

import asyncio
import errno
import logging
import signal
import socket
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from email.utils import formatdate
from functools import partial
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from vacate.cli.acceptor import Acceptor
from vacate.cli.admission import Admission
from vacate.cli.connection import Connection, HttpProtocol, PortState
from vacate.cli.descriptors import raise_open_files, room_for_connections
from vacate.cli.port_limits import PortLimits
from vacate.cli.turns import Turns
from vacate.domain.errors import SettingsError
from vacate.settings.file import ServiceSection
from vacate.settings.listening import ListenAddress
from vacate.settings.tls import tls_context
from vacate.telemetry.seldom import LineBudget, Seldom

_FAREWELL_S = 1.0
_POLL_S = 0.05
# What is spent on newcomers before everything else has its turn again.
_WELCOME_S = 0.002
# Bounds what the system itself keeps for each peer that sends or does not read; bodies are small here.
_RECEIVE_BUFFER = 32 * 1024
_SEND_BUFFER = 128 * 1024


def bind(address: ListenAddress) -> socket.socket:
    """Take the port, before anything else is started.

    Raises:
        SettingsError: it is taken or not allowed, or the address is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    # With the protocol named, asyncio switches Nagle's algorithm off; it would hold back every answer on a kept link.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    try:
        listener.bind((address.host, address.port))
    except OSError as error:
        listener.close()
        remedies = {
            errno.EADDRINUSE: address.another_port,
            errno.EACCES: f"this user may not have it; {address.another_port}",
        }
        remedy = remedies.get(error.errno or 0, address.another_host)
        raise SettingsError(f"cannot listen on {address}: {error.strerror}; {remedy}") from error
    return listener


@asynccontextmanager
async def serving(
    app: ASGIApp, service: ServiceSection, listener: socket.socket, limits: PortLimits | None = None
) -> AsyncGenerator[None]:
    """Answer calls for the length of the block; at its end the calls of proved senders are answered first.

    Raises:
        SettingsError: certificate or key cannot be used.
    """
    port = _Port(app, listener, tls_context(service), limits or PortLimits())
    port.start()
    try:
        yield
    finally:
        await port.stop()


class _Port:
    """A listening socket and its connections."""

    def __init__(
        self, app: ASGIApp, listener: socket.socket, context: ssl.SSLContext | None, limits: PortLimits
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._context = context
        self._limits = limits
        room = room_for_connections(raise_open_files(limits.open_files), limits.files_aside)
        self._state = PortState(
            config=_config(app, limits),
            limits=limits,
            admission=Admission(limits, room),
            turns=Turns(self._loop),
            lines=LineBudget(limits.log_lines),
        )
        self._acceptor = Acceptor(self._loop, listener, self._accepted)
        self._refused = Seldom("connection refused: every other one is being answered")
        self._newcomers: list[Connection] = []
        self._dating: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen."""
        self._dating = asyncio.create_task(self._date(), name="http date")
        self._acceptor.start()

    async def stop(self) -> None:
        """Listen no more, answer what runs, and close every connection.

        Requests of proved senders are waited for, until `stop_proved_s`. Everybody else, and whoever does not read an
        answer, has `stop_others_s`.
        """
        self._acceptor.stop()
        for connection in self._connections():
            if connection.protocol is None:
                connection.let_go()
                self._state.admission.leave(connection)
            else:
                connection.protocol.shutdown()
        state, began = self._state, self._loop.time()
        while len(state.admission) or state.server.tasks:
            waited = self._loop.time() - began
            if waited >= self._limits.stop_others_s:
                patient = waited < self._limits.stop_proved_s
                for connection in self._connections():
                    protocol = connection.protocol
                    if not patient or protocol is None or not protocol.is_proved or protocol.owes_reading:
                        connection.let_go()
                for task in state.server.tasks - (state.proved if patient else set()):
                    task.cancel()
            await asyncio.sleep(_POLL_S)
        if self._dating is not None:
            self._dating.cancel()

    def _connections(self) -> tuple[Connection, ...]:
        return cast("tuple[Connection, ...]", self._state.admission.connections())

    def _accepted(self, accepted: socket.socket, address: tuple[object, ...]) -> None:
        connection = Connection(str(address[0]), accepted)
        if not self._state.admission.admit(connection):
            self._refused.say({"source_address": connection.source})
            accepted.close()
            return
        accepted.settimeout(0)
        self._newcomers.append(connection)
        if len(self._newcomers) == 1:
            self._loop.call_soon(self._welcome)

    def _welcome(self) -> None:
        """Begin to talk with newcomers, the newest first: where more come than can be served, the oldest give way."""
        until = self._loop.time() + _WELCOME_S
        while self._newcomers:
            connection = self._newcomers.pop()
            # Whoever had to make room meanwhile has no file any more.
            if connection.accepted.fileno() >= 0:
                connection.connecting = self._loop.create_task(self._connect(connection))
                connection.connecting.add_done_callback(partial(self._connected, connection))
                if self._loop.time() >= until:
                    break
        if self._newcomers:
            self._loop.call_soon(self._welcome)

    async def _connect(self, connection: Connection) -> None:
        accepted = connection.accepted
        tls = self._context is not None
        try:
            await self._loop.connect_accepted_socket(
                lambda: HttpProtocol(connection, self._state, self._loop),
                accepted,
                ssl=self._context,
                ssl_handshake_timeout=self._limits.handshake_s if tls else None,
                ssl_shutdown_timeout=_FAREWELL_S if tls else None,
            )
        except (OSError, asyncio.CancelledError):
            # The peer speaks no TLS, took too long, went away, or had to make room for others.
            accepted.close()

    def _connected(self, connection: Connection, _: "asyncio.Task[None]") -> None:
        """It has begun, or come to nothing; a task that is cancelled before it ran could not clean up by itself."""
        connection.connecting = None
        if connection.protocol is None:
            connection.accepted.close()
            self._state.admission.leave(connection)

    async def _date(self) -> None:
        """Keep the Date header of answers right."""
        while True:
            self._state.server.default_headers = [(b"date", formatdate(usegmt=True).encode())]
            await asyncio.sleep(1)


def _config(app: ASGIApp, limits: PortLimits) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        # The strict parser: it bounds the size of a request's head, and refuses what it cannot read.
        http=HttpProtocol,
        # A WebSocket library that happens to be installed must not open a second way in.
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        # Its warnings are about what peers send, so any peer could fill the log with them.
        log_level=None if logging.getLogger().isEnabledFor(logging.DEBUG) else "error",
        access_log=False,
        # The audit names the peer itself; a header that any caller can write is no address.
        proxy_headers=False,
        timeout_keep_alive=limits.idle_s,  # pyright: ignore[reportArgumentType] - it is only added to a time
    )
    config.load()
    return config


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
