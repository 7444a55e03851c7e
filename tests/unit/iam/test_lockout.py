"""The lock-out: how many failures lock, for how long, and what is remembered."""

from datetime import timedelta

import pytest

from tests.support.set_clock import SetClock
from vacate.iam.lockout import WINDOW, Lockout

HOLD = timedelta(minutes=2)


@pytest.fixture
def lockout(clock: SetClock) -> Lockout:
    return Lockout(after=3, hold=HOLD, seconds=clock.seconds, most=4)


def fail(lockout: Lockout, times: int, name: str = "ana") -> None:
    for _ in range(times):
        lockout.failed(name)


def test_so_many_failures_in_a_row_lock_and_one_less_does_not(lockout: Lockout) -> None:
    fail(lockout, 2)
    assert not lockout.locked("ana")
    fail(lockout, 1)
    assert lockout.locked("ana")
    assert not lockout.locked("bob")


def test_a_success_forgives(lockout: Lockout) -> None:
    fail(lockout, 2)
    lockout.succeeded("ana")
    fail(lockout, 2)
    assert not lockout.locked("ana")


def test_a_lock_is_over_after_its_time_and_begins_from_nothing(lockout: Lockout, clock: SetClock) -> None:
    fail(lockout, 3)
    clock.now += HOLD - timedelta(microseconds=1)
    assert lockout.locked("ana")
    clock.now += timedelta(microseconds=1)
    assert not lockout.locked("ana")
    fail(lockout, 2)
    assert not lockout.locked("ana")
    fail(lockout, 1)
    assert lockout.locked("ana")


def test_trying_on_makes_a_lock_no_longer(lockout: Lockout, clock: SetClock) -> None:
    fail(lockout, 3)
    clock.now += HOLD / 2
    fail(lockout, 10)
    clock.now += HOLD / 2
    assert not lockout.locked("ana")


def test_failures_that_are_far_apart_do_not_lock(lockout: Lockout, clock: SetClock) -> None:
    for _ in range(6):
        fail(lockout, 1)
        clock.now += WINDOW / 2 + timedelta(seconds=1)
        assert not lockout.locked("ana")


def test_names_that_are_made_up_do_not_fill_the_memory(lockout: Lockout) -> None:
    fail(lockout, 3, "first")
    for number in range(1000):
        lockout.failed(number)
    assert not lockout.locked("first")


def test_it_can_be_switched_off(clock: SetClock) -> None:
    off = Lockout(after=0, hold=HOLD, seconds=clock.seconds)
    fail(off, 100)
    assert not off.locked("ana")
