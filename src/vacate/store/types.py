"""The types that make SQLite and PostgreSQL keep the same."""

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import DateTime, Dialect, Text, TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time, in UTC and to the microsecond.

    SQLite keeps no time zone, so a naive value would be read back as another time than was meant: it is
    refused.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[..., datetime | str | None]:
        """How a time is written. A sweep writes thousands of them, so it is one plain function."""
        return _as_text if dialect.name == "sqlite" else _as_utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn what was read into an aware time."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


def _as_utc(value: datetime | None) -> datetime | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError(f"a time without its time zone cannot be kept: {value.isoformat()}")
    return value.astimezone(UTC)


def _as_text(value: datetime | None) -> str | None:
    in_utc = _as_utc(value)
    return None if in_utc is None else in_utc.replace(tzinfo=None).isoformat(" ", "microseconds")


class AnyText(TypeDecorator[str]):
    """Text of any origin.

    PostgreSQL takes no NUL and neither database takes half a character. Such a text comes from a caller who
    tries what happens; it is written with replacement characters, because it must not make the audit fail.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Turn any text into one that every server takes."""
        del dialect
        return None if value is None else as_kept(value)


def as_kept(text: str) -> str:
    """A text as it will be read back."""
    if text.isascii():
        return text if "\0" not in text else text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
