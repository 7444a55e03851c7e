"""What a server says in words reaches the driver as UTF-8, so that the driver reads the error that the words belong to.

Both drivers take the words of errors, notices and settings for UTF-8. Before a login is over, and always where the
server converts nothing for us, they are in whatever encoding the server happens to use: one byte that is no UTF-8, and
the driver loses the whole message with its SQLSTATE. So the words are decoded on their way to the driver.
"""

import asyncio
import struct
from collections.abc import Callable
from typing import Any, cast

from vacate.engines.decoding import RAW, readable

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

    def __init__(self, pass_on: Callable[[bytes], object]) -> None:
        """Take what is to have the bytes."""
        self._pass_on = pass_on
        self._held = b""
        self._rest = 0
        self._encoding: str | None = None

    def __call__(self, data: bytes) -> None:
        """Take the next bytes from the server."""
        if self._held:
            data, self._held = self._held + data, b""
        position = min(self._rest, len(data))
        self._rest -= position
        begun, ready = 0, bytearray()
        size = len(data)
        while position < size:
            if size - position < _HEAD.size:
                self._held, data = data[position:], data[:position]
                break
            kind, length = _HEAD.unpack_from(data, position)
            end = position + 1 + max(_LENGTH, length)
            if kind in _WORDS:
                if end > size and length <= _LONGEST:
                    self._held, data = data[position:], data[:position]
                    break
                words = self._in_utf_8(kind, data[position + _HEAD.size : end]) if end <= size else None
                if words is not None:
                    ready += data[begun:position] + _HEAD.pack(kind, _LENGTH + len(words)) + words
                    begun = end
            position = end
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


def readable_loop() -> asyncio.AbstractEventLoop:
    """The running event loop, as a driver is to see it: whatever logs in through it reads its server's words.

    A driver makes its protocols by itself and takes nothing but the loop for it.
    """
    return cast("asyncio.AbstractEventLoop", _Loop(asyncio.get_running_loop()))


class _Loop:
    """An event loop that lets every protocol of a driver read words."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = cast("Any", loop)

    def __getattr__(self, name: str) -> object:
        return getattr(self._loop, name)

    async def create_connection(
        self, factory: Callable[[], asyncio.Protocol], *where: object, **how: object
    ) -> tuple["_Transport", asyncio.Protocol]:
        transport, protocol = await self._loop.create_connection(lambda: _reading(factory()), *where, **how)
        return _Transport(transport), protocol

    async def create_unix_connection(
        self, factory: Callable[[], asyncio.Protocol], *where: object, **how: object
    ) -> tuple["_Transport", asyncio.Protocol]:
        transport, protocol = await self._loop.create_unix_connection(lambda: _reading(factory()), *where, **how)
        return _Transport(transport), protocol

    async def start_tls(self, transport: "_Transport", *what: object, **how: object) -> "_Transport | None":
        encrypted = await self._loop.start_tls(transport.inner, *what, **how)
        return None if encrypted is None else _Transport(encrypted)


class _Transport:
    """A transport that lets a protocol read words that comes to it later: after the encryption was agreed upon."""

    def __init__(self, inner: asyncio.Transport) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def set_protocol(self, protocol: asyncio.Protocol) -> None:
        self.inner.set_protocol(_reading(protocol))


def _reading(protocol: asyncio.Protocol) -> asyncio.Protocol:
    """The same protocol; if it is one that reads messages, with words that it can read."""
    if hasattr(protocol, "get_settings"):
        protocol.data_received = Readable(protocol.data_received)
    return protocol
