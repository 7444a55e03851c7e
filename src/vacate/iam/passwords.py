"""Passwords: hashed with argon2id, checked beside the event loop."""

import asyncio
import os
import secrets
import sys
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeVar, cast

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from vacate.domain.errors import ThrottledError

_T = TypeVar("_T")

_AGAIN = timedelta(seconds=1)
_THREADS = 2
_MOST_WAITING = 512
# The hashing threads give way to the event loop, so that a kill does not wait for sign-ins.
_NICENESS = 5


@dataclass(slots=True, eq=False)
class _Check:
    """One check that waits for a thread."""

    work: Callable[[], object]
    done: "asyncio.Future[object]"


class Passwords:
    """Hashes and verifies passwords in two threads of its own, each source in its turn.

    One check takes tens of milliseconds and 64 MiB on purpose. The two threads bound what sign-ins can take
    from the service, also when callers hang up and leave their check running.

    What waits is bounded too. The threads take one check of each source in turn, and when the queue is full, a check of
    the source that has most of them is given up for one of a source that has fewer. Whether a user of that name exists
    plays no part in it: who gets ahead must not tell. Who has signed in from the same source before goes first.
    """

    def __init__(self, hasher: PasswordHasher | None = None, *, most_waiting: int = _MOST_WAITING) -> None:
        """Take another cost than argon2-cffi's own recommendation with `hasher`."""
        self._hasher = hasher or PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_hex())
        self._most_waiting = most_waiting
        self._waiting = 0
        self._running = 0
        self._by_source: OrderedDict[str, deque[_Check]] = OrderedDict()
        self._first: deque[_Check] = deque()
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="password", initializer=_give_way)

    async def hash(self, password: str) -> str:
        """Make the hash to keep."""
        return await self._beside(lambda: self._hasher.hash(_bytes(password)), "")

    async def verify(self, kept: str | None, password: str, *, source: str = "", first: bool = False) -> bool:
        """Whether the password is the one that was hashed.

        `None` stands for nobody: it costs as much as a wrong password, so that the time an answer takes does
        not tell which users exist. `first` lets it go before all that wait.

        Raises:
            ThrottledError: too many others wait for an answer.
        """
        return await self._beside(lambda: self._fits(kept, password), source, first=first)

    def close(self) -> None:
        """Let the threads end once their last check is done."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _fits(self, kept: str | None, password: str) -> bool:
        try:
            fits = self._hasher.verify(kept or self._nobody, _bytes(password))
        except (Argon2Error, InvalidHashError):
            return False
        return fits and kept is not None

    async def _beside(self, work: Callable[[], _T], source: str, *, first: bool = False) -> _T:
        check = _Check(work, asyncio.get_running_loop().create_future())
        if first and len(self._first) < self._most_waiting:
            self._first.append(check)
        else:
            if self._waiting >= self._most_waiting:
                self._give_one_up_for(source)
            self._by_source.setdefault(source, deque()).append(check)
            self._waiting += 1
        self._start()
        return cast("_T", await check.done)

    def _give_one_up_for(self, source: str) -> None:
        """Make room by refusing the youngest check of the source that has most, unless that is the one that asks."""
        crowded = max(self._by_source, key=lambda each: len(self._by_source[each]))
        if len(self._by_source[crowded]) <= len(self._by_source.get(source, ())) + 1:
            raise ThrottledError(_AGAIN)
        check = self._by_source[crowded].pop()
        self._waiting -= 1
        if not check.done.done():
            check.done.set_exception(ThrottledError(_AGAIN))

    def _start(self) -> None:
        """Give a free thread the next check."""
        while self._running < _THREADS and (self._first or self._by_source):
            check = self._first.popleft() if self._first else self._next_in_turn()
            if check.done.done():
                # Its caller went away while it waited.
                continue
            self._running += 1
            running = asyncio.get_running_loop().run_in_executor(self._threads, check.work)
            running.add_done_callback(partial(self._ended, check))

    def _next_in_turn(self) -> _Check:
        """The next check of the source whose turn is longest ago."""
        source, checks = self._by_source.popitem(last=False)
        check = checks.popleft()
        if checks:
            self._by_source[source] = checks
        self._waiting -= 1
        return check

    def _ended(self, check: _Check, ended: "asyncio.Future[object]") -> None:
        self._running -= 1
        if not check.done.done():
            if ended.cancelled():
                check.done.cancel()
            elif (error := ended.exception()) is not None:
                check.done.set_exception(error)
            else:
                check.done.set_result(ended.result())
        self._start()


def _give_way() -> None:
    """Lower the priority of this thread; elsewhere than on Linux it would be the whole process's."""
    if sys.platform != "linux":
        return
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


def _bytes(password: str) -> bytes:
    # A JSON escape can smuggle half a character in; it must be a wrong password, not an error.
    return password.encode("utf-8", "surrogatepass")
