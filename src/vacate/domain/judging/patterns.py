"""Patterns that names and statements are compared with, in time that grows with the length of the text alone."""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

_GLOB = re.compile(r"(?s)\\(?P<plain>.)|(?P<run>\*+)|(?P<one>\?)|(?P<other>[^\\*?]+|\\)")


@dataclass(frozen=True, slots=True)
class Glob:
    """A whole text with gaps: `*` stands for any run of characters, `?` for one, a backslash takes either as it is.

    `fits` compares it with a whole text; as with `Regex`, it comes from whoever reads the pattern. Two globs of the
    same text are equal.
    """

    text: str
    fits: Callable[[str], bool] = field(repr=False, compare=False)

    @property
    def shortest(self) -> str:
        """The shortest text that the glob describes, with a `?` in each place where it takes any one character."""
        return "".join("" if part is None else part or "?" for part in parts(self.text))

    def matches(self, text: str) -> bool:
        """Whether the text is one that the glob describes, letter case included."""
        return self.fits(text)


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


def parts(glob: str) -> Iterator[str | None]:
    """What a glob consists of: a text that stands for itself, "" for any one character, `None` for any run of them."""
    for token in _GLOB.finditer(glob):
        if token["run"]:
            yield None
        elif token["one"]:
            yield ""
        else:
            yield token["plain"] or token["other"]
