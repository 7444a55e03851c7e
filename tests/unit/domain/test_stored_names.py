"""Names as servers keep them: what can never be met is told, with what would be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sessions import examples
from vacate.domain.judging.patterns import Pattern
from vacate.domain.judging.stored_names import MOST_BYTES, clipped, never_met, stored_application
from vacate.operations.patterns import glob, regex


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("web", "web", "web"),
        ("café", "caf??", r"caf\xc3\xa9"),
        ("a\tb\x7f", "a?b?", r"a\x09b\x7f"),
        ("é" * 40, "?" * 62, (r"\xc3\xa9" * 40)[:63]),
        ("x" * 70, "x" * 63, "x" * 63),
    ],
)
def test_an_applications_name_is_kept_as_printable_ascii(name: str, old: str, new: str) -> None:
    assert stored_application(name, escaped=False) == old
    assert stored_application(name, escaped=True) == new


def test_a_name_is_cut_between_two_characters() -> None:
    assert clipped("é" * 40) == "é" * 31
    assert clipped("a" + "é" * 31) == "a" + "é" * 31
    assert clipped("x" * 63) == "x" * 63


@pytest.mark.parametrize(
    ("written", "what", "said"),
    [
        ("x" * 64, "user", f'write "{"x" * 63}"'),
        ("é" * 32, "database", f'write "{"é" * 31}"'),
        ("x" * 64, "application", f'write "{"x" * 63}"'),
        ("café", "application", r'PostgreSQL 16 and newer keep it as "caf\\xc3\\xa9", PostgreSQL 15'),
        ("café", "application", 'as "caf??"'),
        ("", "user", "no user has an empty name"),
        ("", "database", "no database has an empty name"),
        ("etl_*", "user", 'write { glob = "etl_*" }'),
        ("etl_*", "application", r'the star itself { glob = "etl_\\*" }'),
        (glob("caf*é", "here"), "application", "replace what is not printable ASCII"),
        (glob("x" * 40 + "*" + "y" * 24, "here"), "user", "servers keep 63 bytes"),
    ],
)
def test_a_name_that_can_never_be_met_is_told_with_what_would_be(written: Pattern, what: str, said: str) -> None:
    assert said in (never_met(written, what) or "")


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("", "application"),
        ("café", "user"),
        ("x" * 63, "user"),
        ("why?", "application"),
        (r"caf\xc3\xa9", "application"),
        (glob("é*", "here"), "user"),
        (glob(r"star\*", "here"), "application"),
        (glob("x" * 32 + "*" + "y" * 31, "here"), "user"),
        (regex("é{70}", "here"), "application"),
    ],
)
def test_a_name_that_can_be_met_is_taken(written: Pattern, what: str) -> None:
    assert never_met(written, what) is None


@examples
@given(name=st.text(max_size=80), escaped=st.booleans())
def test_what_a_server_keeps_it_keeps_unchanged(name: str, escaped: bool) -> None:  # noqa: FBT001 - drawn by name.
    kept = stored_application(name, escaped=escaped)
    assert stored_application(kept, escaped=escaped) == kept
    assert len(kept.encode()) <= MOST_BYTES
    assert clipped(clipped(name)) == clipped(name)
    assert len(clipped(name).encode()) <= MOST_BYTES
