"""Passwords: hashed with argon2id, checked beside the event loop."""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from vacate.domain.errors import ThrottledError

_T = TypeVar("_T")

# Whoever comes after so many others would wait for seconds; it is better to be told so at once.
_MOST_WAITING = 64


class Passwords:
    """Hashes and verifies passwords in two threads of its own.

    One check takes tens of milliseconds and 64 MiB on purpose. The two threads bound what sign-ins can take
    from the service, also when callers hang up and leave their check running.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """Take another cost than argon2-cffi's own recommendation with `hasher`."""
        self._hasher = hasher or PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_hex())
        self._waiting = 0
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="password")

    async def hash(self, password: str) -> str:
        """Make the hash to keep."""
        return await self._beside(lambda: self._hasher.hash(_bytes(password)))

    async def verify(self, kept: str | None, password: str) -> bool:
        """Whether the password is the one that was hashed.

        `None` stands for nobody: it costs as much as a wrong password, so that the time an answer takes does
        not tell which users exist.

        Raises:
            ThrottledError: too many others wait for an answer.
        """
        return await self._beside(lambda: self._fits(kept, password))

    def close(self) -> None:
        """Let the threads end once their last check is done."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _fits(self, kept: str | None, password: str) -> bool:
        try:
            fits = self._hasher.verify(kept or self._nobody, _bytes(password))
        except (Argon2Error, InvalidHashError):
            return False
        return fits and kept is not None

    async def _beside(self, work: Callable[[], _T]) -> _T:
        if self._waiting >= _MOST_WAITING:
            raise ThrottledError(timedelta(seconds=1))
        self._waiting += 1
        check = asyncio.get_running_loop().run_in_executor(self._threads, work)
        check.add_done_callback(self._done)
        return await check

    def _done(self, _check: object) -> None:
        self._waiting -= 1


def _bytes(password: str) -> bytes:
    # A JSON escape can smuggle half a character in; it must be a wrong password, not an error.
    return password.encode("utf-8", "surrogatepass")
