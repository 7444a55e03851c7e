"""Durations as PostgreSQL writes them, and times that are typed as one or as a date."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

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


def moment(text: str, now: datetime) -> datetime:
    """A time in UTC, typed in ISO 8601 (UTC where it names no offset) or as an age with its unit: `1h` is an hour ago.

    Raises:
        ValueError: it is neither.
    """
    text = text.strip()
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        # A bare number could be a year as well as seconds.
        if text.isdecimal():
            raise
        try:
            return now - duration(text, "age")
        except (SettingsError, OverflowError) as error:
            raise ValueError(str(error)) from None
    return given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)
