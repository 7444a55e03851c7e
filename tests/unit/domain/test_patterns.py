"""Patterns: what a glob fits, and that none of them takes longer than the text is long."""

import re
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sessions import examples
from vacate.domain.judging.patterns import Glob, Pattern, Regex, is_one_of
from vacate.operations.patterns import glob as read_glob


@pytest.mark.parametrize(
    ("glob", "fits", "fits_not"),
    [
        ("app_*", ["app_", "app_1", "app_*", "app_a\nb"], ["app", "xapp_1", "APP_1", ""]),
        ("*_ro", ["_ro", "x_ro", "_ro_ro"], ["x_ro ", "ro"]),
        ("*mid*", ["mid", "amidb", "midmid"], ["mi", "m-id"]),
        ("a?c", ["abc", "a?c", "a\nc"], ["ac", "abbc"]),
        ("a*b*c", ["abc", "axbxc", "abcbc"], ["acb", "abcx"]),
        ("aba*aba", ["abaaba", "abaxaba"], ["aba", "ababa"]),
        ("*ab?a*", ["abba", "xabaa", "ababba"], ["aba", "ababa"]),
        ("a\\*c", ["a*c"], ["abc", "a\\*c"]),
        ("a\\?c", ["a?c"], ["abc"]),
        ("a\\\\c", ["a\\c"], ["ac"]),
        ("a\\", ["a\\"], ["a"]),
        ("[a-z].+", ["[a-z].+"], ["b.+", "abc"]),
        ("", [""], ["a"]),
        ("*", ["", "a", "a\nb"], []),
        ("**", ["", "abc"], []),
    ],
)
def test_a_glob_fits_the_whole_text_with_gaps(glob: str, fits: list[str], fits_not: list[str]) -> None:
    assert [text for text in fits if not read_glob(glob, "here").matches(text)] == []
    assert [text for text in fits_not if read_glob(glob, "here").matches(text)] == []


@examples
@given(glob=st.text("ab?*", max_size=12), text=st.text("ab", max_size=16))
def test_a_glob_fits_what_the_shells_would_fit(glob: str, text: str) -> None:
    assert read_glob(glob, "here").matches(text) is fnmatchcase(text, glob)


def in_pythons_words(glob: str) -> str:
    """What a glob means, as an expression of Python's, which tries every way of filling the gaps."""
    meant, escaped = "", False
    for character in glob:
        if escaped:
            meant, escaped = meant + re.escape(character), False
        elif character == "\\":
            escaped = True
        else:
            meant += {"*": ".*", "?": "."}.get(character, re.escape(character))
    return meant + (re.escape("\\") if escaped else "")


_HARD = st.sampled_from((*"ab?*\\.[]^$|(){}+- \n\0\tä€😀QE0", "\\*", "\\?", "\\\\"))


@examples
@given(glob=st.lists(_HARD, max_size=10).map("".join), text=st.lists(_HARD, max_size=10).map("".join))
def test_a_glob_means_the_same_to_every_engine(glob: str, text: str) -> None:
    assert read_glob(glob, "here").matches(text) is bool(re.fullmatch(in_pythons_words(glob), text, re.DOTALL))


@examples
@given(text=st.text(max_size=20))
def test_a_glob_without_gaps_fits_only_itself(text: str) -> None:
    escaped = re.sub(r"([*?\\])", r"\\\1", text)
    assert read_glob(escaped, "here").matches(text)
    assert not read_glob(escaped, "here").matches(text + "x")


@pytest.mark.parametrize("glob", ["*a" * 400 + "*b", "*a?" * 300 + "b", "*" * 900 + "b", "a*" * 400 + "b"])
def test_a_hostile_glob_comes_to_its_end(glob: str) -> None:
    # To try every way of filling the gaps would outlast whoever waits for it, and this is all there is to see.
    assert not read_glob(glob, "here").matches("a" * 20_000)


def test_patterns_of_one_text_are_equal_whoever_made_them() -> None:
    assert Glob("a*", str.islower) == Glob("a*", str.isupper) != Glob("b*", str.islower)
    assert Regex("a", lambda _: True) == Regex("a", lambda _: False) != Regex("b", lambda _: True)
    assert (
        len({Glob("a", str.islower), Glob("a", str.isupper), Regex("a", lambda _: True), Regex("a", lambda _: True)})
        == 2
    )
    assert Glob("a", str.islower) != Regex("a", lambda _: True)


def test_a_pattern_is_shown_by_its_text() -> None:
    assert repr(Glob("a*", str.islower)) == "Glob(text='a*')"
    assert repr(Regex("^a", lambda _: True)) == "Regex(text='^a')"


def test_a_text_fits_a_list_by_any_of_its_patterns() -> None:
    patterns: tuple[Pattern, ...] = ("anna", read_glob("b*", "here"), Regex("^c", lambda text: text.startswith("c")))
    for name in ("anna", "b", "bert", "carl"):
        assert is_one_of(name, patterns)
    for name in ("Anna", "ann", "annab", "dora", "xc", ""):
        assert not is_one_of(name, patterns)
    assert not is_one_of("anna", ())


def test_a_plain_text_is_no_pattern() -> None:
    assert not is_one_of("app_1", ("app_*", "app_[0-9]"))
    assert is_one_of("app_*", ("app_*",))
