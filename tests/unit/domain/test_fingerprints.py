"""Fingerprints: equal for statements that do the same with other values, and for no others."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sessions import examples
from vacate.domain.sessions.fingerprints import fingerprint, normalised

SAME = [
    pytest.param("SELECT 1", "select  2\n", id="number_case_space"),
    pytest.param("select 1", "select 1 ; ;", id="semicolon"),
    pytest.param("select 1.5e-3", "select .5", id="fractions"),
    pytest.param("select 0xFF", "select 1_000", id="other_bases"),
    pytest.param("select -1", "select + 1", id="sign"),
    pytest.param("a = -1 and b=-2", "a=1 AND b = 2", id="sign_behind_an_operator"),
    pytest.param("f(-1, -2)", "f(1,2)", id="sign_behind_a_comma"),
    pytest.param("select 'a'", "select 'it''s'", id="text"),
    pytest.param("select 'a'", r"select E'it\'s'", id="escaped_text"),
    pytest.param("select 'a'", "select $$it's$$", id="dollar_text"),
    pytest.param("select 'a'", "select $a$ $b$ $ $a$", id="tagged_text"),
    pytest.param("select 'a'", "select U&'\\0061'", id="unicode_text"),
    pytest.param("select 'a'", "select B'01'", id="bits"),
    pytest.param("select 'a'", "select 'b'\n  'c'", id="text_in_two_parts"),
    pytest.param("select 'a'", "select $1", id="parameter"),
    pytest.param("select 1", "select/* a /* b */ ' */1--'", id="nested_comment"),
    pytest.param("select 1", "-- select\nselect 1", id="line_comment"),
    pytest.param("x in (1)", "x IN (1, 2,\n3)", id="in_list"),
    pytest.param("x in (1)", "x in ('a', $2, -3)", id="in_list_of_anything"),
    pytest.param("x = any(array[1])", "x = any(ARRAY[1,2,3])", id="array"),
    pytest.param("x in (1, 2", "x in (1, 2, ", id="in_list_cut_off"),
    pytest.param("x in (1, 2", "x in (1, 2, 'abc", id="in_list_cut_off_in_a_text"),
    pytest.param("select 'a", "select 'b''", id="text_cut_off"),
    pytest.param("select E'a", "select E'b\\", id="escaped_text_cut_off"),
    pytest.param("select $$a", "select $x$b$", id="dollar_text_cut_off"),
    pytest.param("select 1 /* a", "select 1 /* b /* c */ d", id="comment_cut_off"),
]
OTHER = [
    pytest.param("select a", "select b", id="name"),
    pytest.param("select a", 'select "A"', id="quoted_name"),
    pytest.param('select "a"', 'select "A"', id="case_in_quotes"),
    pytest.param('select "a b"', 'select "a  b"', id="space_in_quotes"),
    pytest.param('select "a--b"', 'select "a', id="comment_in_quotes"),
    pytest.param("select a + 1", "select a - 1", id="operator"),
    pytest.param("select a - 1", "select a", id="subtraction_is_no_sign"),
    pytest.param("select (a) - 1", "select (a) 1", id="subtraction_behind_a_bracket"),
    pytest.param("select a ? 'x'", "select a 'x'", id="question_mark"),
    pytest.param("select a >= 1", "select a > = 1", id="operators_of_two_characters"),
    pytest.param("f(1)", "f(1, 2)", id="arguments_are_no_list"),
    pytest.param("values (1)", "values (1), (2)", id="rows_are_no_list"),
    pytest.param("x in (1)", "x in (y)", id="list_of_a_name"),
    pytest.param("select a", "select a b", id="more_words"),
    pytest.param("select ab", "select a b", id="space_between_words"),
    pytest.param("select null", "select true", id="words_that_are_values"),
    pytest.param("select 1::int", "select 1::text", id="type"),
    pytest.param("select foo$1", "select foo", id="dollar_in_a_name"),
    pytest.param("listen a", "notify a", id="command"),
    pytest.param("", "select 1", id="nothing"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_differs_in_values_and_looks_alone_has_one_fingerprint(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_what_does_something_else_has_another_fingerprint(one: str, other: str) -> None:
    assert fingerprint(one) != fingerprint(other)


def test_a_fingerprint_stays_what_it_was_for_those_who_have_written_it_down() -> None:
    assert fingerprint("SELECT * FROM orders WHERE id = 42") == "88626afa745c7b0c"


@examples
@given(statement=st.text() | st.text("aeE'\"$-/*?()[],;.01xX\\ \nin&U|@", max_size=60))
def test_every_text_has_a_fingerprint(statement: str) -> None:
    assert re.fullmatch("[0-9a-f]{16}", fingerprint(statement))


pieces = st.sampled_from(
    ["select", "a", '"A b"', "+", ">=", "(", ")", "[", "]", ",", "in", "array", "::", "from", "between", "@>", "||"]
)
values = st.sampled_from(["1", "2.5e3", "'x'", "'it''s'", "E'\\''", "$$a$$", "$1", "B'1'", "0x1f"])
blanks = st.sampled_from([" ", "\n", "\t ", " /* x */ ", " -- y\n", " /* /* */ ' */ "])


@examples
@given(data=st.data(), shape=st.lists(st.none() | pieces, max_size=20))
def test_values_blanks_comments_and_case_never_matter(data: st.DataObject, shape: list[str | None]) -> None:
    def written() -> str:
        words: list[str] = []
        for piece in shape:
            word = data.draw(values) if piece is None else piece
            if piece and piece.isalpha() and data.draw(st.booleans()):
                word = piece.upper()
            words.append(word + data.draw(blanks))
        return "".join(words)

    assert fingerprint(written()) == fingerprint(written())


@examples
@given(name=st.text("abcxyz_", min_size=1, max_size=8), other=st.text("abcxyz_", min_size=1, max_size=8))
def test_other_names_never_have_the_same_fingerprint(name: str, other: str) -> None:
    first, second = ("fetch {} from t_{}".format(*each) for each in ((1, name), (2, other)))
    assert (fingerprint(first) == fingerprint(second)) is (name == other)


@pytest.mark.parametrize(
    ("opened", "rest"),
    [("'", "it''s a text'"), ("$tag$", " more $ $tag$"), ("E'", "it\\'s'"), ("/*", " a /* b */ c */")],
)
def test_what_is_cut_off_in_the_middle_is_read_as_if_it_had_ended(opened: str, rest: str) -> None:
    whole = normalised(f"fetch all where name = {opened}{rest}")
    for kept in range(len(rest)):
        assert normalised(f"fetch all where name = {opened}{rest[:kept]}") == whole


@examples
@given(head=st.lists(pieces | values, max_size=8).map(" ".join), cut=st.integers(0, 60))
def test_a_statement_that_is_cut_off_anywhere_can_be_read(head: str, cut: int) -> None:
    whole = f"{head} 'a text' /* a comment */ $tag$ more $tag$ \"a name\" E'\\x'"
    assert len(fingerprint(whole[:cut])) == 16


@pytest.mark.parametrize(
    "unit",
    [
        "'",
        '"',
        "/*",
        "*/",
        "$$",
        "$a",
        "$a$",
        "E'\\",
        "a",
        "(",
        "in (1,",
        "--",
        "- ",
        "+",
        "1.",
        ".",
        "''",
        "1e",
        "U&",
        "in(",
    ],
)
def test_a_hostile_statement_takes_time_in_its_length_alone(unit: str) -> None:
    # A million characters: whoever read any of them as often as there are others would not come to the end.
    assert len(fingerprint.__wrapped__(unit * (1_000_000 // len(unit)))) == 16
