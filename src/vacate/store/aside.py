"""Work that may hang, such as that on a network share: done in a thread of its own, and waited for in bounded time."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")


class _Call(Generic[_T]):
    """One call in its thread, with what came of it."""

    def __init__(self, work: Callable[[], _T]) -> None:
        self._work = work
        self._done = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._result: _T | None = None
        self._error: Exception | None = None
        # Nobody waits for the thread at the end of the process: what hangs there would hold that up as well.
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.over = False

    def _run(self) -> None:
        try:
            self._result = self._work()
        except Exception as error:  # noqa: BLE001 - it is raised where the call is waited for.
            self._error = error
        self.over = True
        with suppress(RuntimeError):  # The loop may have ended meanwhile.
            self._loop.call_soon_threadsafe(self._done.set)

    async def result(self) -> _T:
        self._thread.start()
        await self._done.wait()
        if self._error is not None:
            raise self._error
        return self._result  # pyright: ignore[reportReturnType] - without an error it is the result.


class Aside:
    """Does one call after the other. While one hangs, further calls fail at once instead of piling up."""

    def __init__(self, *, patience_s: float) -> None:
        """Take how long a call is waited for."""
        self._patience_s = patience_s
        self._turn = asyncio.Lock()
        self._last: _Call[Any] | None = None

    async def do(self, work: Callable[[], _T]) -> _T:
        """Run the work and return what it returns.

        Raises:
            TimeoutError: it takes longer than is waited for, or an earlier call does. It goes on in its thread.
        """
        async with asyncio.timeout(self._patience_s), self._turn:
            if self._last is not None and not self._last.over:
                raise TimeoutError
            self._last = call = _Call(work)
            return await call.result()
