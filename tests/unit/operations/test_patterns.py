"""Regular expressions run on RE2: searched for, bounded, and refused with their place."""

import logging

import pytest

from vacate.domain.errors import CriteriaError
from vacate.operations.patterns import regex


@pytest.mark.parametrize(
    ("text", "found_in", "not_in"),
    [
        ("app", ["app", "my app 1"], ["App", "ap"]),
        ("^app_[0-9]+$", ["app_1"], ["app_", "xapp_1", "app_1x", "app_1\n", "x\napp_1"]),
        ("a.c", ["abc", "a\nc"], ["ac"]),
        ("(?i)app", ["APP"], ["ap"]),
        (r"\bselect\b", ["x select y"], ["selected"]),
        ("ä+", ["bäd"], ["bad"]),
        ("^$", [""], ["a"]),
    ],
)
def test_an_expression_is_looked_for_anywhere_in_the_text(text: str, found_in: list[str], not_in: list[str]) -> None:
    pattern = regex(text, "here")
    assert [each for each in found_in if not pattern.matches(each)] == []
    assert [each for each in not_in if pattern.matches(each)] == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("(app", "missing )"),
        ("[a", "missing ]"),
        ("a**", "bad repetition operator"),
        ("(?=a)", "invalid perl operator"),
        (r"(a)\1", "invalid escape sequence"),
        ("a{1001}", "invalid repetition size"),
        ("|".join(f"a{number}{{1000}}" for number in range(100)), "too large"),
        ("", "the expression is empty"),
    ],
)
def test_an_expression_that_cannot_be_used_is_refused_with_its_place_and_the_reason(
    text: str, reason: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(CriteriaError) as refused:
        regex(text, "criteria.users.include[2].regex")
    assert str(refused.value).startswith("criteria.users.include[2].regex: ")
    assert reason in str(refused.value)
    assert len(str(refused.value)) < 1000
    assert (caplog.text, *capfd.readouterr()) == ("", "", "")


def test_an_expression_that_is_no_text_is_refused() -> None:
    with pytest.raises(CriteriaError, match=r"here: .* is no text"):
        regex("a\udc80", "here")


def test_a_text_with_bytes_that_are_no_text_is_compared_all_the_same() -> None:
    assert regex("shop", "here").matches("\udc80shop")
    assert not regex("^shop", "here").matches("\udc80shop")


@pytest.mark.parametrize("text", ["(a+)+$", "(a|aa)+$", "(a*)*b", "(.*a){20}$", "^(([a-z])+.)+[A-Z]([a-z])+$"])
def test_a_hostile_expression_comes_to_its_end(text: str) -> None:
    # An engine that goes back would outlast whoever waits for it, and this is all there is to see.
    assert not regex(text, "here").matches("a" * 50_000 + "!")


def test_the_same_expression_is_the_same_pattern() -> None:
    assert regex("^a", "here") == regex("^a", "there") != regex("^b", "here")
