"""Passwords: what fits, what it costs, and how many are checked at once."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Literal

import pytest
from argon2 import PasswordHasher

from vacate.domain.errors import ThrottledError
from vacate.iam.passwords import Passwords


class WatchedHasher(PasswordHasher):
    """A cheap hasher that counts its checks, and holds each one while the gate is shut."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.gate = threading.Event()
        self.gate.set()
        self.hashed: list[str | bytes] = []
        self.checks = 0
        self.running = 0
        self.most_running = 0
        self._lock = threading.Lock()

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.hashed.append(password)
        return super().hash(password, salt=salt)

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - the library's name.
        with self._lock:
            self.checks += 1
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        try:
            self.gate.wait(10)
            return super().verify(hash, password)
        finally:
            with self._lock:
                self.running -= 1


@pytest.fixture
def hasher() -> WatchedHasher:
    return WatchedHasher()


@pytest.fixture
def passwords(hasher: WatchedHasher) -> Iterator[Passwords]:
    passwords = Passwords(hasher)
    yield passwords
    hasher.gate.set()
    passwords.close()


async def test_only_the_password_that_was_hashed_fits(passwords: Passwords) -> None:
    kept = await passwords.hash("correct horse")
    assert await passwords.verify(kept, "correct horse")
    assert not await passwords.verify(kept, "correct horse ")
    assert not await passwords.verify(kept, "")


async def test_hashes_are_argon2id_and_salted(passwords: Passwords) -> None:
    first, second = await passwords.hash("same"), await passwords.hash("same")
    assert first != second
    assert first.startswith("$argon2id$")


async def test_nobody_has_a_password_but_it_costs_a_check(passwords: Passwords, hasher: WatchedHasher) -> None:
    assert not await passwords.verify(None, "anything")
    assert hasher.checks == 1
    (stand_in,) = hasher.hashed
    assert not await passwords.verify(None, str(stand_in))


@pytest.mark.parametrize("kept", ["not a hash", "", "$argon2id$v=19$m=8,t=1,p=1$AA$AA", "plain"])
async def test_a_kept_hash_that_is_damaged_fits_nothing(passwords: Passwords, kept: str) -> None:
    assert not await passwords.verify(kept, "plain")


@pytest.mark.parametrize("password", ["\ud800", "\0", "ü" * 1000, "密码"])
async def test_any_text_may_be_tried_as_a_password(passwords: Passwords, password: str) -> None:
    assert not await passwords.verify(None, password)
    assert await passwords.verify(await passwords.hash(password), password)


async def test_at_most_two_passwords_are_checked_at_once(passwords: Passwords, hasher: WatchedHasher) -> None:
    hasher.gate.clear()
    checks = [asyncio.ensure_future(passwords.verify(None, "x")) for _ in range(6)]
    async with asyncio.timeout(10):
        while hasher.running < 2:  # noqa: ASYNC110 - the threads tell no event loop.
            await asyncio.sleep(0.001)
    # Callers who hang up do not make room for more: their checks still run.
    for check in checks[:2]:
        check.cancel()
    await asyncio.gather(*checks[:2], return_exceptions=True)
    checks += [asyncio.ensure_future(passwords.verify(None, "x")) for _ in range(4)]
    hasher.gate.set()
    await asyncio.gather(*checks[2:])
    assert hasher.most_running == 2
    assert hasher.checks == 10


async def test_who_would_wait_too_long_is_told_so_at_once(passwords: Passwords, hasher: WatchedHasher) -> None:
    hasher.gate.clear()
    checks = [asyncio.ensure_future(passwords.verify(None, "x")) for _ in range(64)]
    await asyncio.sleep(0)
    try:
        with pytest.raises(ThrottledError):
            await passwords.verify(None, "x")
    finally:
        hasher.gate.set()
    await asyncio.gather(*checks)
    assert not await passwords.verify(None, "x")
