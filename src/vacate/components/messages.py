"""What a server sends is watched on its way to the driver, and what it says in words reaches the driver as UTF-8.

Both drivers take the words of errors, notices and settings for UTF-8. Before a login is over, and always where the
server converts nothing for us, they are in whatever encoding the server happens to use: one byte that is no UTF-8, and
the driver loses the whole message with its SQLSTATE. So the words are decoded on their way to the driver.

The drivers also keep whatever is sent, and answer whatever is asked. `caution` says what goes too far; then the
connection is dropped before the driver sees it.
"""

import asyncio
import ssl
import struct
from collections.abc import Callable
from typing import Any, cast

from vacate.components.caution import SEEN_OF_A_BODY, Caution, Privacy, UntrustedServerError, Watch
from vacate.components.decoding import RAW, readable

# The letter of a message, and its length, which counts itself.
_HEAD = struct.Struct("!Bi")
_LENGTH = 4
_SETTING = ord("S")
_WORDS = frozenset({ord("E"), ord("N"), _SETTING})
"""Errors, notices, and settings that the server tells."""
_ENCODING = b"server_encoding"
# What the server passes on as it is, the driver may take for UTF-8: what is not ASCII, our statements ask for as bytes,
# and for UTF-8 the driver has a way that is several times as fast.
_RAW = b"client_encoding\0" + RAW.encode() + b"\0"
_AS_UTF_8 = b"client_encoding\0UTF8\0"
# Longer words are left to the driver as they are.
_LONGEST = 1 << 20


class Readable:
    """Passes a server's messages on, with the words of some of them as UTF-8.

    A message may come in parts. Of those with words each is held until it is whole.
    """

    def __init__(self, pass_on: Callable[[bytes], object], watch: Watch | None = None) -> None:
        """Take what is to have the bytes, and what looks at each message before."""
        self._pass_on = pass_on
        self._watch = watch
        self._held = b""
        self._rest = 0
        self._judged = False
        self._encoding: str | None = None

    def __call__(self, data: bytes) -> None:
        """Take the next bytes from the server.

        Raises:
            UntrustedServerError: they go too far; none of them is passed on.
        """
        if self._held:
            data, self._held = self._held + data, b""
        position = min(self._rest, len(data))
        self._rest -= position
        begun, ready = 0, bytearray()
        size = len(data)
        held_judged = False
        while position < size:
            if size - position < _HEAD.size:
                self._held, data = data[position:], data[:position]
                break
            kind, length = _HEAD.unpack_from(data, position)
            # A message that was held is not counted twice.
            if self._watch is not None and not (self._judged and position == 0):
                body = position + _HEAD.size
                seen = min(SEEN_OF_A_BODY.get(kind, 0), max(length - _LENGTH, 0))
                if size - body < seen:
                    self._held, data = data[position:], data[:position]
                    break
                self._watch.check(kind, length, data[body : body + seen])
            end = position + 1 + max(_LENGTH, length)
            if kind in _WORDS:
                if end > size and length <= _LONGEST:
                    self._held, data = data[position:], data[:position]
                    held_judged = True
                    break
                words = self._in_utf_8(kind, data[position + _HEAD.size : end]) if end <= size else None
                if words is not None:
                    ready += data[begun:position] + _HEAD.pack(kind, _LENGTH + len(words)) + words
                    begun = end
            position = end
        self._judged = held_judged
        self._rest += max(position - len(data), 0)
        whole = data if not ready else bytes(ready + data[begun:])
        if whole:
            self._pass_on(whole)

    def _in_utf_8(self, kind: int, message: bytes) -> bytes | None:
        """The body of a message with words; `None` if it may stay as it is."""
        if kind == _SETTING:
            if message == _RAW:
                return _AS_UTF_8
            self._notice_encoding(message)
        if message.isascii():
            return None
        # Each text of an error or a notice follows a letter that says what it is.
        letters = 0 if kind == _SETTING else 1
        return b"\0".join(
            text[:letters] + readable(text[letters:], self._encoding).encode() for text in message.split(b"\0")
        )

    def _notice_encoding(self, message: bytes) -> None:
        name, _, value = message.partition(b"\0")
        if name == _ENCODING:
            self._encoding = readable(value.rstrip(b"\0"))


def readable_loop(caution: Caution) -> asyncio.AbstractEventLoop:
    """The running event loop, as a driver is to see it: whatever logs in through it is watched, and reads words.

    A driver makes its protocols by itself and takes nothing but the loop for it.
    """
    return cast("asyncio.AbstractEventLoop", _Loop(asyncio.get_running_loop(), caution))


class _Loop:
    """An event loop that watches every protocol of a driver, and lets it read words."""

    def __init__(self, loop: asyncio.AbstractEventLoop, caution: Caution) -> None:
        self._loop = cast("Any", loop)
        self._caution = caution

    def __getattr__(self, name: str) -> object:
        return getattr(self._loop, name)

    async def create_connection(
        self, factory: Callable[[], asyncio.Protocol], *where: object, **how: object
    ) -> tuple["_Transport", asyncio.Protocol]:
        watch = self._caution.watch(_privacy_of(how.get("ssl")))
        transport, protocol = await self._loop.create_connection(lambda: _reading(factory(), watch), *where, **how)
        return _Transport(transport, watch), protocol

    async def create_unix_connection(
        self, factory: Callable[[], asyncio.Protocol], *where: object, **how: object
    ) -> tuple["_Transport", asyncio.Protocol]:
        watch = self._caution.watch(Privacy.PROVED)
        transport, protocol = await self._loop.create_unix_connection(lambda: _reading(factory(), watch), *where, **how)
        return _Transport(transport, watch), protocol

    async def start_tls(
        self, transport: "_Transport", protocol: object, context: ssl.SSLContext, **how: object
    ) -> "_Transport | None":
        encrypted = await self._loop.start_tls(transport.inner, protocol, context, **how)
        return None if encrypted is None else _Transport(encrypted, self._caution.watch(_privacy_of(context)))


def _privacy_of(context: object) -> Privacy:
    if not isinstance(context, ssl.SSLContext):
        return Privacy.NONE
    proves = context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname
    return Privacy.PROVED if proves else Privacy.ENCRYPTED


class _Transport:
    """A transport that tells when something is sent.

    It lets a protocol read words that comes to it later: after the encryption was agreed upon.
    """

    def __init__(self, inner: asyncio.Transport, watch: Watch) -> None:
        self.inner = inner
        self._watch = watch

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def set_protocol(self, protocol: asyncio.Protocol) -> None:
        self.inner.set_protocol(_reading(protocol, self._watch, self.inner))

    def write(self, data: bytes) -> None:
        self._watch.asked()
        self.inner.write(data)


def _reading(protocol: asyncio.Protocol, watch: Watch, transport: asyncio.Transport | None = None) -> asyncio.Protocol:
    """The same protocol; if it is one that reads messages, watched and with words that it can read.

    `transport` is where its connection is made already.
    """
    if hasattr(protocol, "get_settings"):
        _watched(protocol, watch, transport)
    return protocol


def _watched(protocol: asyncio.Protocol, watch: Watch, transport: asyncio.Transport | None) -> None:
    readable = Readable(protocol.data_received, watch)
    made = protocol.connection_made

    def connection_made(connected: asyncio.Transport | _Transport) -> None:
        nonlocal transport
        transport = connected.inner if isinstance(connected, _Transport) else connected
        made(cast("asyncio.Transport", _Transport(transport, watch)))

    def data_received(data: bytes) -> None:
        if transport is None or transport.is_closing():
            return
        try:
            readable(data)
        except UntrustedServerError:
            transport.abort()

    changed = cast("Any", protocol)
    changed.connection_made, changed.data_received = connection_made, data_received
