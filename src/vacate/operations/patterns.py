"""Regular expressions that anybody may write: they run on RE2, in bounded time and memory whatever they say."""

from collections.abc import Callable
from typing import Any

import re2  # pyright: ignore[reportMissingTypeStubs] - it comes without types; what is used of it gets them here.

from vacate.domain.errors import CriteriaError
from vacate.domain.patterns import Regex

_RE2: Any = re2
_Unreadable: type[Exception] = _RE2.error
_MOST_MEMORY = 1 << 20
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
    try:
        search: Callable[[str], object] = _RE2.compile(text, _options()).search
    except _Unreadable as error:
        why = f"is no expression that RE2 understands: {_reason(error)}"
        raise CriteriaError(f"{place}: {_shown(text)} {why}") from None
    except UnicodeEncodeError:
        raise CriteriaError(f"{place}: {_shown(text)} is no text") from None
    return Regex(text, _found_by(search))


def _options() -> object:
    options = _RE2.Options()
    options.log_errors = False
    options.max_mem = _MOST_MEMORY
    options.dot_nl = True
    options.never_capture = True
    return options


def _found_by(search: Callable[[str], object]) -> Callable[[str], bool]:
    def found(text: str) -> bool:
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
