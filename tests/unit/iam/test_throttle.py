"""The throttle: a bucket for each caller, filled again by time alone."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from vacate.domain.errors import ThrottledError
from vacate.iam.throttle import Throttle


@dataclass
class Seconds:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def throttle(seconds: Seconds) -> Throttle:
    return Throttle(per_second=4, seconds=seconds, most=3)


def taken(throttle: Throttle, caller: str = "ana") -> int:
    """How many come through until one is refused."""
    for count in range(100):
        try:
            throttle.take(caller)
        except ThrottledError:
            return count
    return 100


def test_a_full_bucket_lets_one_second_of_requests_through_at_once(throttle: Throttle) -> None:
    assert taken(throttle) == 4


def test_it_fills_again_with_time_and_never_over(throttle: Throttle, seconds: Seconds) -> None:
    taken(throttle)
    seconds.now += 0.5
    assert taken(throttle) == 2
    seconds.now += 3600
    assert taken(throttle) == 4


def test_who_is_refused_is_told_when_to_come_back(throttle: Throttle, seconds: Seconds) -> None:
    taken(throttle)
    with pytest.raises(ThrottledError, match="try again in 1 s") as refused:
        throttle.take("ana")
    assert refused.value.retry_after == timedelta(seconds=0.25)
    seconds.now += 0.25
    throttle.take("ana")


def test_being_refused_costs_nothing(throttle: Throttle, seconds: Seconds) -> None:
    taken(throttle)
    for _ in range(50):
        with pytest.raises(ThrottledError):
            throttle.take("ana")
    seconds.now += 0.25
    throttle.take("ana")


def test_one_caller_does_not_use_up_anothers_share(throttle: Throttle) -> None:
    taken(throttle)
    assert taken(throttle, "bob") == 4


def test_of_too_many_callers_the_one_that_was_silent_longest_is_forgotten(throttle: Throttle) -> None:
    for caller in ("ana", "bob", "ana", "cleo", "dora"):
        throttle.take(caller)
    assert taken(throttle, "ana") == 2
    assert taken(throttle, "bob") == 4


def test_it_can_be_switched_off(seconds: Seconds) -> None:
    assert taken(Throttle(per_second=0, seconds=seconds)) == 100
