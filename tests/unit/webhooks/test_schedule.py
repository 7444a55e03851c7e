"""The schedule: soon at first, then rarely, and after about a day no more."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.support.sessions import examples
from vacate.webhooks.schedule import ATTEMPTS, LONGEST, pause_after

CHANCES = st.floats(min_value=0, max_value=1, exclude_max=True)


def plainly(attempt: int) -> timedelta:
    pause = pause_after(attempt, chance=lambda: 0.5)
    assert pause is not None
    return pause


def test_the_first_pause_is_five_seconds_and_none_is_shorter_than_the_one_before() -> None:
    pauses = [plainly(attempt) for attempt in range(1, ATTEMPTS)]
    assert pauses[0] == timedelta(seconds=5)
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST


def test_after_about_a_day_it_is_given_up() -> None:
    together = sum((plainly(attempt) for attempt in range(1, ATTEMPTS)), timedelta())
    assert timedelta(hours=20) < together < timedelta(hours=26)
    assert pause_after(ATTEMPTS) is None


@examples
@given(attempt=st.integers(1, ATTEMPTS - 1), chance=CHANCES)
def test_a_pause_differs_by_a_fifth_at_most(attempt: int, chance: float) -> None:
    pause = pause_after(attempt, chance=lambda: chance)
    assert pause is not None
    assert 0.8 * plainly(attempt) <= pause <= 1.2 * plainly(attempt)


def test_two_that_failed_together_do_not_come_back_together() -> None:
    assert pause_after(1, chance=lambda: 0.1) != pause_after(1, chance=lambda: 0.9)
    assert len({pause_after(9) for _ in range(20)}) > 1


@examples
@given(attempt=st.integers(1, ATTEMPTS - 1), seconds=st.integers(0, 10**6), chance=CHANCES)
def test_an_endpoint_may_ask_for_a_longer_pause_in_reason(attempt: int, seconds: int, chance: float) -> None:
    asked = timedelta(seconds=seconds)
    alone = pause_after(attempt, chance=lambda: chance)
    pause = pause_after(attempt, asked=asked, chance=lambda: chance)
    assert alone is not None
    assert pause == max(alone, min(asked, LONGEST))
