"""Accepts connections, a few at a time, and survives running out of files."""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any

from vacate.telemetry.seldom import Seldom

# Connections that the system holds until they are accepted, and how many of them are at once.
_BACKLOG = 2048
_AT_ONCE = 256
_PAUSE_S = 0.5


class Acceptor:
    """Hands every connection of a listening socket to `accepted`, as long as it is open.

    The event loop's own way accepts the whole backlog at once, and writes a traceback for each attempt that fails.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, listener: socket.socket, accepted: Callable[[socket.socket, Any], None]
    ) -> None:
        self._loop = loop
        self._listener = listener
        self._accepted = accepted
        self._complaints = Seldom("connections cannot be accepted", level=logging.ERROR)
        self._pause: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to listen."""
        self._listener.settimeout(0)
        self._listener.listen(_BACKLOG)
        self._resume()

    def stop(self) -> None:
        """Accept no more, and close the socket."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listener.fileno())
        self._listener.close()

    def _resume(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listener.fileno(), self._ready)

    def _ready(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                # Mostly there are no files left. The socket stays readable, so asking again at once would spin.
                self._complaints.say({"reason": error.strerror or str(error)})
                self._loop.remove_reader(self._listener.fileno())
                self._pause = self._loop.call_later(_PAUSE_S, self._resume)
                return
            self._accepted(connection, address)
