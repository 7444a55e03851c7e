"""Log lines on standard error, one record a line: JSON for machines, or words for a person at a console."""

import logging
import re
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast

import msgspec

from vacate.domain.texts import for_json, for_log, in_encoding, without_halves

_LOGGER = logging.getLogger("vacate")
_BARE = re.compile(r"[^\s\"=\\{\[]+")


class LogFormat(StrEnum):
    """How a record is written."""

    JSON = "json"
    CONSOLE = "console"


class _JsonLines(logging.Formatter):
    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__()
        self._encoding = encoding

    def format(self, record: logging.LogRecord) -> str:
        """One record as one line; `extra={"fields": {...}}` adds to it."""
        line = {
            "at": datetime.fromtimestamp(record.created, tz=UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return for_json(_json(line), self._encoding)


class _ConsoleLines(logging.Formatter):
    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__()
        self._encoding = encoding

    def format(self, record: logging.LogRecord) -> str:
        """One record as one line: time in UTC, level, message, and the fields that have a value."""
        at = datetime.fromtimestamp(record.created, tz=UTC)
        source = "" if record.name == _LOGGER.name else f"{record.name}: "
        fields = dict(_fields(record))
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        words = [
            f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z {record.levelname:<8}",
            for_log(source + record.getMessage()),
            *(f"{for_log(name)}={self._value(value)}" for name, value in fields.items() if value is not None),
        ]
        return in_encoding(" ".join(words), self._encoding)

    def _value(self, value: object) -> str:
        """A field's value: bare where it is one plain word, else as JSON."""
        plain = _builtins(value)
        if isinstance(plain, str) and _BARE.fullmatch(plain) and for_log(plain) == plain:
            return plain
        return for_json(_json(plain), self._encoding)


_FORMATTERS: Mapping[LogFormat, Callable[[str], logging.Formatter]] = {
    LogFormat.JSON: _JsonLines,
    LogFormat.CONSOLE: _ConsoleLines,
}


def start_logging(level: str = "info", form: LogFormat = LogFormat.JSON) -> None:
    """Send what Vacate logs from `level` upwards to standard error.

    Libraries are heard from warnings upwards; `debug` is the level for whoever wants all that they say.
    """
    handler = logging.StreamHandler(sys.stderr)
    # Without an encoding there is no stream to write to either.
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    handler.setFormatter(_FORMATTERS[form](encoding))
    wanted = logging.getLevelNamesMapping()[level.upper()]
    others = wanted if wanted <= logging.DEBUG else max(wanted, logging.WARNING)
    logging.basicConfig(level=others, handlers=[handler], force=True)
    _LOGGER.setLevel(wanted)


def log(
    message: str, fields: Mapping[str, object], *, level: int = logging.INFO, error: BaseException | None = None
) -> None:
    """Write one line with its fields."""
    _LOGGER.log(level, message, exc_info=error, extra={"fields": fields})


def _fields(record: logging.LogRecord) -> Mapping[str, Any]:
    return getattr(record, "fields", {})


def _json(value: object) -> str:
    return msgspec.json.encode(_builtins(value)).decode()


def _builtins(value: object) -> object:
    """What JSON can hold. Half surrogates, which it cannot, are written as escapes."""
    return _whole(msgspec.to_builtins(value, enc_hook=str))


def _whole(plain: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    if isinstance(plain, str):
        return without_halves(plain)
    if isinstance(plain, dict):
        return {_whole(key): _whole(value) for key, value in cast("dict[Any, Any]", plain).items()}
    if isinstance(plain, list):
        return [_whole(value) for value in cast("list[Any]", plain)]
    return plain
