"""Log lines on standard error, one record a line: JSON for machines, or words for a person at a console."""

import logging
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec

_LOGGER = logging.getLogger("vacate")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_BARE = re.compile(r"[^\s\"=\\{\[]+")


class LogFormat(StrEnum):
    """How a record is written."""

    JSON = "json"
    CONSOLE = "console"


class _JsonLines(logging.Formatter):
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
        return msgspec.json.encode(line, enc_hook=str).decode()


class _ConsoleLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """One record as one line: time in UTC, level, message, and the fields that have a value."""
        at = datetime.fromtimestamp(record.created, tz=UTC)
        source = "" if record.name == _LOGGER.name else f"{record.name}: "
        fields = dict(_fields(record))
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        words = [
            f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z {record.levelname:<8}",
            _escaped(source + record.getMessage()),
            *(f"{_escaped(name)}={_value(value)}" for name, value in fields.items() if value is not None),
        ]
        return " ".join(words)


_FORMATTERS: Mapping[LogFormat, type[logging.Formatter]] = {
    LogFormat.JSON: _JsonLines,
    LogFormat.CONSOLE: _ConsoleLines,
}


def start_logging(level: str = "info", form: LogFormat = LogFormat.JSON) -> None:
    """Send what Vacate logs from `level` upwards to standard error.

    Libraries are heard from warnings upwards; `debug` is the level for whoever wants all that they say.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_FORMATTERS[form]())
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


def _value(value: object) -> str:
    """A field's value: bare where it is one word, in quotes where it is not, as JSON where it has parts."""
    plain = msgspec.to_builtins(value, enc_hook=str)
    if isinstance(plain, str):
        return plain if _BARE.fullmatch(plain) and plain.isprintable() else f'"{_escaped(plain, quoted=True)}"'
    return _escaped(msgspec.json.encode(plain, enc_hook=str).decode())


def _escaped(text: str, *, quoted: bool = False) -> str:
    """The text with everything escaped that would end the line, or steer the terminal that shows it."""
    if quoted:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def _escape(character: str) -> str:
    """One character as JSON writes it, also those that JSON would let pass."""
    if character in _SHORT:
        return _SHORT[character]
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
