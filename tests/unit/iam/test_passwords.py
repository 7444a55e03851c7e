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


async def in_the_queue(passwords: Passwords, source: str, number: int) -> list[asyncio.Task[bool]]:
    """So many wrong guesses of one source, in the queue."""
    checks = [asyncio.create_task(passwords.verify(None, "x", source=source)) for _ in range(number)]
    await asyncio.sleep(0)
    return checks


async def test_a_source_with_few_checks_does_not_wait_for_all_of_one_with_many(hasher: WatchedHasher) -> None:
    passwords = Passwords(hasher)
    kept = hasher.hash("right")
    hasher.gate.clear()
    guesses = await in_the_queue(passwords, "attacker", 80)
    mine = asyncio.create_task(passwords.verify(kept, "right", source="user"))
    await asyncio.sleep(0)
    hasher.gate.set()
    assert await mine
    assert sum(guess.done() for guess in guesses) < 10
    assert not any(await asyncio.gather(*guesses))
    passwords.close()


async def test_a_user_beside_eighty_guessers_at_one_address_is_let_in(passwords: Passwords) -> None:
    kept = await passwords.hash("right")
    guesses = await in_the_queue(passwords, "shared", 80)
    assert await passwords.verify(kept, "right", source="shared")
    assert not any(await asyncio.gather(*guesses))


async def test_who_goes_first_waits_for_nobody_who_waits(hasher: WatchedHasher) -> None:
    passwords = Passwords(hasher)
    kept = await passwords.hash("correct horse")
    hasher.gate.clear()
    guesses = await in_the_queue(passwords, "attacker", 80)
    known = asyncio.create_task(passwords.verify(kept, "correct horse", source="10.0.0.7", first=True))
    await asyncio.sleep(0)
    hasher.gate.set()
    assert await known
    # Two were being checked, and hardly more than two were begun beside this one.
    assert sum(guess.done() for guess in guesses) <= 6
    await asyncio.gather(*guesses)
    passwords.close()


async def test_in_a_full_queue_the_source_with_the_most_gives_way(hasher: WatchedHasher) -> None:
    passwords = Passwords(hasher, most_waiting=10)
    kept = hasher.hash("right")
    hasher.gate.clear()
    guesses = await in_the_queue(passwords, "attacker", 12)
    mine = await in_the_queue(passwords, "user", 1)
    mine.append(asyncio.create_task(passwords.verify(kept, "right", source="user")))
    await asyncio.sleep(0)
    (more,) = await in_the_queue(passwords, "attacker", 1)
    with pytest.raises(ThrottledError):
        await more
    hasher.gate.set()
    assert [await each for each in mine] == [False, True]
    answers = await asyncio.gather(*guesses, return_exceptions=True)
    assert [type(each) for each in answers] == [*[bool] * 10, *[ThrottledError] * 2]
    passwords.close()


async def test_who_would_wait_too_long_is_told_so_at_once(hasher: WatchedHasher) -> None:
    passwords = Passwords(hasher, most_waiting=64)
    hasher.gate.clear()
    checks = await in_the_queue(passwords, "attacker", 66)
    try:
        with pytest.raises(ThrottledError):
            await passwords.verify(None, "x", source="attacker")
    finally:
        hasher.gate.set()
    await asyncio.gather(*checks)
    assert not await passwords.verify(None, "x")
    passwords.close()


async def test_a_check_whose_caller_went_away_while_it_waited_is_not_made(hasher: WatchedHasher) -> None:
    passwords = Passwords(hasher)
    hasher.gate.clear()
    checks = await in_the_queue(passwords, "a", 10)
    for check in checks[2:]:
        check.cancel()
    await asyncio.gather(*checks[2:], return_exceptions=True)
    hasher.gate.set()
    await asyncio.gather(*checks[:2])
    assert not await passwords.verify(None, "x")
    assert hasher.checks == 3
    passwords.close()
