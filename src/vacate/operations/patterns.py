"""Globs and regular expressions that anybody may write: they run on RE2, in bounded time and memory.

RE2 lets other threads run while it looks, so a comparison in a thread of its own keeps nobody waiting.
"""

from collections.abc import Callable
from typing import Any, Final

import re2  # pyright: ignore[reportMissingTypeStubs] - it comes without types; what is used of it gets them here.

from vacate.domain.errors import CriteriaError
from vacate.domain.judging.patterns import Glob, Regex, parts
from vacate.operations.aside import take_time

_RE2: Any = re2
_Unreadable: type[Exception] = _RE2.error
# A program of so much memory is compared with a statement of 1 KiB in about 30 ms where it is at its slowest.
_MOST_MEMORY = 1 << 18
MOST_BYTES: Final = 4096
"""How long one glob or expression may be."""
_SHOWN = 200


def regex(text: str, place: str) -> Regex:
    """An expression as RE2 understands it, searched for as by PostgreSQL's `~`: anywhere, letter case included.

    `^` and `$` are the ends of the whole text, and `.` is any character.

    Raises:
        CriteriaError: RE2 does not understand it, or it is too large; the message names `place` and gives the reason.
    """
    # An empty expression is found everywhere, which nobody writes on purpose.
    if not text:
        raise CriteriaError(f"{place}: the expression is empty; leave the list out to mean everybody")
    return Regex(text, _told(_compiled(text, place, _as_it_is).search))


def glob(text: str, place: str) -> Glob:
    """A glob as RE2 compares it.

    Raises:
        CriteriaError: it is no text, or too large; the message names `place` and gives the reason.
    """
    return Glob(text, _told(_compiled(text, place, _from_glob).fullmatch))


def _from_glob(text: str) -> str:
    return "".join(".*" if part is None else _RE2.escape(part) if part else "." for part in parts(text))


def _as_it_is(text: str) -> str:
    return text


def _compiled(written: str, place: str, expression: Callable[[str], str]) -> Any:  # noqa: ANN401 - RE2 has no types.
    take_time()
    try:
        size = len(written.encode())
    except UnicodeEncodeError:
        raise CriteriaError(f"{place}: {_shown(written)} is no text") from None
    if size > MOST_BYTES:
        raise CriteriaError(f"{place}: {_shown(written)} has {size} bytes; at most {MOST_BYTES} can be in one pattern")
    try:
        return _RE2.compile(expression(written), _options())
    except _Unreadable as error:
        why = f"is no expression that RE2 understands: {_reason(error)}"
        raise CriteriaError(f"{place}: {_shown(written)} {why}") from None


def _options() -> object:
    options = _RE2.Options()
    options.log_errors = False
    options.max_mem = _MOST_MEMORY
    options.dot_nl = True
    options.never_capture = True
    return options


def _told(search: Callable[[str], object]) -> Callable[[str], bool]:
    def found(text: str) -> bool:
        take_time()
        try:
            return search(text) is not None
        except UnicodeEncodeError:
            # Bytes that are no text in the database's encoding; what stands around them is still compared.
            return search(text.encode("utf-8", "replace").decode()) is not None

    return found


def _reason(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return _short(said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said))


def _shown(text: str) -> str:
    return repr(_short(text))


def _short(text: str) -> str:
    """Enough of a text to know it again."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
