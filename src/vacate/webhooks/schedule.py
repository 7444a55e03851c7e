"""When a delivery that was not accepted is tried again."""

import random
from collections.abc import Callable
from datetime import timedelta

ATTEMPTS = 12
"""After so many a delivery is given up; the pauses between them add up to about a day."""
LONGEST = timedelta(hours=6)
_FIRST = timedelta(seconds=5)
_GROWTH = 3
_JITTER = 0.2

Chance = Callable[[], float]
"""Draws a number from 0 up to 1."""

_by_chance: Chance = random.SystemRandom().random


def pause_after(attempt: int, *, asked: timedelta | None = None, chance: Chance = _by_chance) -> timedelta | None:
    """How long to wait after a failed attempt, counted from 1; `None` to give up.

    The pause is a fifth longer or shorter by chance, so that what failed together does not come back together. `asked`
    is what the endpoint asked for: it is not tried sooner, but its wish counts for no more than the longest pause.
    """
    if attempt >= ATTEMPTS:
        return None
    grown = min(_FIRST * _GROWTH ** (attempt - 1), LONGEST)
    pause = grown * (1 - _JITTER + 2 * _JITTER * chance())
    return pause if asked is None else max(pause, min(asked, LONGEST))
