"""Durations as PostgreSQL writes them, and nothing that merely looks like one."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vacate.domain.durations import duration, moment
from vacate.domain.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", timedelta(seconds=90)),
        ("90s", timedelta(seconds=90)),
        ("90 s", timedelta(seconds=90)),
        (" 90s ", timedelta(seconds=90)),
        ("250ms", timedelta(milliseconds=250)),
        ("15min", timedelta(minutes=15)),
        ("1h", timedelta(hours=1)),
        ("2d", timedelta(days=2)),
        ("0", timedelta(0)),
        ("0s", timedelta(0)),
        ("007s", timedelta(seconds=7)),
        ("999999999s", timedelta(seconds=999_999_999)),
        ("999999999d", timedelta(days=999_999_999)),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, expected: timedelta) -> None:
    assert duration(text, "here") == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "soon",
        "-1s",
        "+1s",
        "1.5h",
        "1,5h",
        "1m",
        "1M",
        "1H",
        "1 hour",
        "1h30min",
        "1s s",
        "1\ns1",
        "0x10",
        "1e3",
        "1000000000",
        "9" * 400,
        "1us",
        "1w",
        "P1D",
    ],
)
def test_anything_else_is_refused_and_the_place_is_named(text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        duration(text, "vacate.toml: sweep.signal_for")
    assert str(refused.value).startswith(f"vacate.toml: sweep.signal_for: {text!r} is no duration")


@settings(deadline=None)
@given(text=st.text(st.sampled_from("0123456789 smhdin.-+e\n٣"), max_size=12))
def test_every_text_is_a_duration_or_a_mistake_in_the_settings(text: str) -> None:
    try:
        found = duration(text, "here")
    except SettingsError:
        return
    assert timedelta(0) <= found <= timedelta.max


# --- times -----------------------------------------------------------------------------------------------------------

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1h", NOW - timedelta(hours=1)),
        (" 400d ", NOW - timedelta(days=400)),
        ("0s", NOW),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("20260301", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T14:30", datetime(2026, 3, 1, 14, 30, tzinfo=UTC)),
        ("2026-03-01 14:30:00+01:00", datetime(2026, 3, 1, 13, 30, tzinfo=UTC)),
        ("2026-03-01T14:30:00.123456Z", datetime(2026, 3, 1, 14, 30, 0, 123456, tzinfo=UTC)),
    ],
)
def test_a_time_is_a_date_or_how_long_ago_it_was(text: str, expected: datetime) -> None:
    found = moment(text, NOW)
    assert (found, found.tzinfo) == (expected, UTC)


@pytest.mark.parametrize(
    "text", ["", "90", "2026", "yesterday", "-1h", "1 hour", "2026-02-30", "999999999d", "9" * 400]
)
def test_what_is_neither_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        moment(text, NOW)
