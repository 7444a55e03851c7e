"""Durations as PostgreSQL writes them."""

import re
from collections.abc import Callable
from datetime import timedelta

from vacate.domain.errors import SettingsError, VacateError

_DURATION = re.compile(r"(?P<number>\d+)\s*(?P<unit>ms|s|min|h|d)?")
_UNITS = {"ms": 0.001, "s": 1.0, None: 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_MOST_DIGITS = 9


def duration(text: str, place: str, error: Callable[[str], VacateError] = SettingsError) -> timedelta:
    """A duration in PostgreSQL's units: `90`, `90s`, `250ms`, `15min`, `1h`, `2d`. A bare number is seconds.

    Raises:
        SettingsError, or what `error` makes of the words: it is something else; the message names `place`.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None or len(found["number"]) > _MOST_DIGITS:
        raise error(f"{place}: {text!r} is no duration; write for example 90s, 15min or 1h")
    return timedelta(seconds=int(found["number"]) * _UNITS[found["unit"]])
