"""One connection to the port. Whatever a peer sends, or leaves out, it is answered in one way or let go."""

import asyncio
import logging
import re
import socket
import uuid
from contextlib import suppress
from dataclasses import dataclass, field

import h11
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from vacate.api.errors import REQUEST_ID_HEADER
from vacate.cli.admission import Admission, Standing
from vacate.cli.port_limits import PortLimits
from vacate.cli.turns import Turns
from vacate.http.answers import error_response
from vacate.http.envelope import NOT_UNDERSTOOD
from vacate.http.peer import EXTENSION
from vacate.telemetry.logs import log
from vacate.telemetry.seldom import LineBudget

_FAREWELL_S = 1.0
# What is read of an unproven peer in one turn, and what is written to any peer before it has read some of it.
_SLICE = 8 * 1024
_PIECE = 16 * 1024
# How much of what came is searched for credentials.
_HEAD = 16 * 1024
_CREDENTIALS = re.compile(rb"\n(authorization|x-auth-token):", re.IGNORECASE)


@dataclass(slots=True, kw_only=True, eq=False)
class PortState:
    """What the connections of one port share."""

    config: uvicorn.Config
    limits: PortLimits
    admission: Admission
    turns: Turns
    lines: LineBudget
    server: ServerState = field(default_factory=ServerState)
    proved: set[asyncio.Task[object]] = field(default_factory=set["asyncio.Task[object]"])


class Connection:
    """An accepted socket, from before its TLS handshake to its end."""

    def __init__(self, source: str, accepted: socket.socket) -> None:
        self.source = source
        self.accepted = accepted
        self.connecting: asyncio.Task[None] | None = None
        self.protocol: HttpProtocol | None = None
        self.proved = False

    @property
    def standing(self) -> Standing:
        """What it is doing; a handshake that is not done waits for its peer."""
        return Standing.WAITS_FOR_PEER if self.protocol is None else self.protocol.standing

    def let_go(self) -> None:
        """Close it at once, and throw away what was not sent yet."""
        if self.protocol is not None:
            self.protocol.transport.abort()
        elif self.connecting is not None:
            self.connecting.cancel()
        else:
            self.accepted.close()


class _RequestPeer:
    """The connection, as one request's handler sees it."""

    def __init__(self, connection: Connection, port: PortState) -> None:
        self._connection = connection
        self._port = port
        self._task: asyncio.Task[object] | None = None

    @property
    def proved(self) -> bool:
        return self._connection.proved

    @property
    def is_proved(self) -> bool:
        """Whether this very request is proved, and not done yet."""
        return self._task is not None

    def prove(self) -> None:
        self._connection.proved = True
        self._port.admission.prove(self._connection)
        task = asyncio.current_task()
        if self._task is None and task is not None:
            self._task = task
            self._port.proved.add(task)
            self._port.turns.proved_began()

    def ended(self) -> None:
        if self._task is not None:
            self._port.proved.discard(self._task)
            self._port.turns.proved_ended()
            self._task = None


class HttpProtocol(H11Protocol):
    """HTTP/1.1 on one connection."""

    def __init__(self, connection: Connection, port: PortState, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(port.config, port.server, {}, loop)
        self._connection = connection
        self._port = port
        self._patience: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._unread = bytearray()
        self._queued = False
        self._peer: _RequestPeer | None = None
        self._application: ASGIApp = self.app  # pyright: ignore[reportAttributeAccessIssue] - the same shape by another name
        self.app = self._answer  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def standing(self) -> Standing:
        """What the connection is doing."""
        if self._handling() and self.cycle.more_body is False and not self.flow.write_paused:
            return Standing.IS_ANSWERED
        return Standing.ASKS if self._queued else Standing.WAITS_FOR_PEER

    @property
    def is_proved(self) -> bool:
        """Whether a request runs here whose sender is proved."""
        return self._peer is not None and self._peer.is_proved

    @property
    def owes_reading(self) -> bool:
        """Whether the peer leaves its answer unread."""
        return self.flow.write_paused

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Begin: a head is waited for."""
        transport.set_write_buffer_limits(high=_PIECE)
        super().connection_made(transport)
        self._connection.protocol = self
        self._be_patient()

    def connection_lost(self, exc: Exception | None) -> None:
        """End: the place is free again."""
        self._stop_waiting()
        if self._stalled is not None:
            self._stalled.cancel()
        self._port.admission.leave(self._connection)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came: at once from a proved peer, else in slices and by turns.

        Partial data does not reset the time limit of a head.
        """
        if self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        if not self._handling() and self._patience is None:
            self._be_patient()
        if self._connection.proved and not self._unread:
            self._take(data)
            return
        self._unread += data
        self.transport.pause_reading()
        if not self._queued:
            self._queue()

    def pause_writing(self) -> None:
        """The peer reads too little of its answer; it has a while to go on."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self._port.limits.stalled_s, self.transport.abort)

    def resume_writing(self) -> None:
        """The peer has read enough to be sent more."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def on_response_complete(self) -> None:
        """An answer is complete: another request may follow, unless the connection closes."""
        super().on_response_complete()
        self._port.admission.used(self._connection)
        if self.transport.is_closing():
            self._hang_up()

    def timeout_keep_alive_handler(self) -> None:
        """No further request has come."""
        super().timeout_keep_alive_handler()
        self._hang_up()

    def shutdown(self) -> None:
        """Close as soon as no request is being answered."""
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
        if self._port.lines.spend():
            source = self.client[0] if self.client else "unknown"
            log(
                "request not understood",
                {"request_id": request_id, "source_address": source},
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

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing: anybody could fill the log with such lines."""

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._peer = peer = _RequestPeer(self._connection, self._port)
        scope["extensions"] = {**scope.get("extensions", {}), EXTENSION: peer}

        async def send_in_pieces(message: Message) -> None:
            body = message.get("body", b"")
            if message["type"] != "http.response.body" or len(body) <= _PIECE:
                await send(message)
                return
            # Each piece waits until the peer has read enough of those before it.
            view, more = memoryview(body), message.get("more_body", False)
            for start in range(0, len(body), _PIECE):
                last = start + _PIECE >= len(body)
                await send({**message, "body": view[start : start + _PIECE], "more_body": more or not last})

        try:
            await self._application(scope, receive, send_in_pieces)
        finally:
            peer.ended()

    def _queue(self) -> None:
        self._queued = True
        self._port.turns.queue(self._take_slice, credentials=_CREDENTIALS.search(self._unread, 0, _HEAD) is not None)

    def _take_slice(self) -> None:
        self._queued = False
        if self.transport.is_closing():
            return
        piece = bytes(self._unread[:_SLICE])
        del self._unread[:_SLICE]
        if self._unread:
            self._queue()
        elif not self.flow.read_paused:
            self.transport.resume_reading()
        self._take(piece)

    def _take(self, data: bytes) -> None:
        super().data_received(data)
        if self._handling():
            self._stop_waiting()

    def _handling(self) -> bool:
        """Whether the application has a request in its hands; it has limits of its own."""
        cycle = self.cycle
        return cycle is not None and not cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison] - it starts as None

    def _be_patient(self) -> None:
        self._patience = self.loop.call_later(self._port.limits.head_s, self._hang_up)

    def _hang_up(self) -> None:
        """Close, and do not wait long for a peer to say goodbye: over TLS that could hold up the service's end."""
        if not self.transport.is_closing():
            self.transport.close()
        self._stop_waiting()
        self._patience = self.loop.call_later(_FAREWELL_S, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
