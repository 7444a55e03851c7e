"""The way out: what commands print goes through here, escaped, whatever it holds and wherever it goes.

Data is for standard output, talk for standard error. A line stays one line, and what the locale cannot write is written
as an escape.
"""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from typing import TextIO

from vacate.domain.texts import for_terminal, in_encoding

BROKEN_PIPE_STATUS = 141
"""What a shell says of a program whose reader went away: 128 and the number of SIGPIPE."""

_COLUMNS = 80
_DIGITS = 5
_BOLD, _RED, _PLAIN = "\x1b[1m", "\x1b[31m", "\x1b[0m"


class OutputClosedError(Exception):
    """Whoever read standard output has gone; nothing more is said."""


class OutputFailedError(Exception):
    """Standard output cannot be written, such as on a full disk."""


def open_streams() -> None:
    """Let both streams escape what their encoding lacks, before anything is printed."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(*lines: str) -> None:
    """Print lines of data. What would end a line or steer the terminal is escaped.

    Raises:
        OutputClosedError, OutputFailedError: they cannot be read by anybody, or cannot be written.
    """
    _write("".join(f"{for_terminal(line)}\n" for line in lines))


def tell(*lines: str) -> None:
    """Print lines for the person who waits, on standard error."""
    _talk("".join(f"{for_terminal(line)}\n" for line in lines))


def document(text: str, for_encoding: Callable[[str, str], str]) -> None:
    """Print a part of a document whose format makes it safe; `for_encoding` writes it as the stream's encoding can.

    Raises:
        OutputClosedError, OutputFailedError.
    """
    _write(for_encoding(text, encoding(sys.stdout)))


def table_lines(lines: list[str], *, talk: bool = False) -> None:
    """Print lines that a table was laid out in, which has escaped its cells."""
    text = "".join(f"{line}\n" for line in lines)
    if talk:
        _talk(text)
    else:
        _write(text)


def is_terminal(*, talk: bool = False) -> bool:
    """Whether a person looks at the stream."""
    stream = _stream(talk=talk)
    return stream is not None and stream.isatty()


def width() -> int:
    """How many columns a terminal has; `COLUMNS` wins."""
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and len(said) <= _DIGITS and int(said):
        return int(said)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            return os.get_terminal_size(stream.fileno()).columns
    return _COLUMNS


def encoding(stream: TextIO | None) -> str:
    """What the stream writes its letters in."""
    return (stream.encoding if stream is not None else None) or "utf-8"


def writable(text: str, *, talk: bool = False) -> str:
    """Foreign text as the stream will show it, so that its width can be told."""
    return in_encoding(for_terminal(text), encoding(_stream(talk=talk)))


def bold(text: str, *, talk: bool = False) -> str:
    """Emphasised where a person sees colours."""
    return f"{_BOLD}{text}{_PLAIN}" if _colours(talk=talk) else text


def red(text: str, *, talk: bool = False) -> str:
    """In red where a person sees colours."""
    return f"{_RED}{text}{_PLAIN}" if _colours(talk=talk) else text


def _colours(*, talk: bool) -> bool:
    return is_terminal(talk=talk) and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


def _stream(*, talk: bool) -> TextIO | None:
    return sys.stderr if talk else sys.stdout


def _write(text: str) -> None:
    stream: TextIO | None = sys.stdout
    if stream is None:
        return
    try:
        stream.write(text)
        # What stays in a buffer would fail when nobody can say so any more.
        stream.flush()
    except BrokenPipeError:
        _silence(stream)
        raise OutputClosedError from None
    except OSError as error:
        _silence(stream)
        raise OutputFailedError(f"cannot write standard output: {error.strerror}") from error


def _talk(text: str) -> None:
    stream: TextIO | None = sys.stderr
    if stream is None:
        return
    try:
        stream.write(text)
        stream.flush()
    except OSError:
        # Nobody is left to be told.
        _silence(stream)


def _silence(stream: TextIO) -> None:
    """Let what is left in the buffer go nowhere: Python would complain of it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
