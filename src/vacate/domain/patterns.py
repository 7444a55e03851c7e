"""Patterns that names and statements are compared with, in time that grows with the length of the text alone."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TypeAlias

_GLOB = re.compile(r"(?s)\\(?P<plain>.)|(?P<run>\*+)|(?P<one>\?)|(?P<other>[^\\*?]+|\\)")


@dataclass(frozen=True, slots=True)
class Glob:
    """A whole text with gaps: `*` stands for any run of characters, `?` for one, a backslash takes either as it is.

    Two globs of the same text are equal.
    """

    text: str
    _fits: Callable[[str], object] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Translate it once."""
        object.__setattr__(self, "_fits", re.compile(_translated(self.text), re.DOTALL).fullmatch)

    @property
    def shortest(self) -> str:
        """The shortest text that the glob describes, with a `?` in each place where it takes any one character."""
        return "".join(
            "" if token["run"] else token["plain"] or token["one"] or token["other"]
            for token in _GLOB.finditer(self.text)
        )

    def matches(self, text: str) -> bool:
        """Whether the text is one that the glob describes, letter case included."""
        return self._fits(text) is not None


@dataclass(frozen=True, slots=True)
class Regex:
    """A regular expression that is looked for anywhere in a text, as by PostgreSQL's `~`; `^` and `$` hold it down.

    `found_in` looks for it. The domain has no engine of its own that would do that in bounded time, so whoever reads
    the pattern brings one; see `operations.patterns`. Two expressions of the same text are equal.
    """

    text: str
    found_in: Callable[[str], bool] = field(repr=False, compare=False)

    def matches(self, text: str) -> bool:
        """Whether the expression is found in the text."""
        return self.found_in(text)


Pattern: TypeAlias = str | Glob | Regex
"""A text stands for exactly itself."""


def is_one_of(text: str, patterns: Collection[Pattern]) -> bool:
    """Whether any of the patterns fits the text."""
    return text in patterns or any(not isinstance(p, str) and p.matches(text) for p in patterns)


def _translated(glob: str) -> str:
    """A glob as an expression of Python's.

    What follows a `*` is looked for from left to right and, once found, never again: each such part is an atomic
    group. To take the first place is enough, for a later one leaves less to the parts behind it. Only the last part
    has its place from the end.
    """
    parts = [""]
    for token in _GLOB.finditer(glob):
        if token["run"]:
            parts.append("")
        elif token["one"]:
            parts[-1] += "."
        else:
            parts[-1] += re.escape(token["plain"] or token["other"])
    first, *others = parts
    if not others:
        return first
    *middle, last = others
    return first + "".join(f"(?>.*?{part})" for part in middle if part) + ".*" + last
