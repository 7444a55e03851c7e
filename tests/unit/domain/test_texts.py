"""Foreign text is shown and does nothing, wherever it goes."""

import csv
import html
import io
import json
import re
import tomllib
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.hostile import NAMES, acting
from tests.support.sessions import examples
from vacate.domain import texts

# Half surrogates are of a category that Hypothesis leaves out unless it is told not to.
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
WHOLE_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
hostile = pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())


@hostile
def test_a_hostile_name_is_one_line_that_does_nothing(name: str) -> None:
    for shown in (texts.for_terminal(name), texts.for_log(name), texts.for_label(name), texts.for_csv(name)):
        assert not acting(shown)
        assert not {"\n", "\t"} & set(shown)
        assert len(shown.splitlines()) <= 1
        shown.encode()


@examples
@given(text=ANY_TEXT)
def test_what_is_shown_once_is_shown_the_same_again(text: str) -> None:
    shown = texts.for_terminal(text)
    assert not acting(shown)
    assert texts.for_terminal(shown) == shown


def read_back(label: str) -> str:
    short = {"t": "\t", "n": "\n", "r": "\r"}
    escape = r"\\([tnr]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})"
    return re.sub(escape, lambda found: short.get(found[1]) or chr(int(found[1][1:], base=16)), label)


@examples
@given(text=ANY_TEXT)
@example(text="\\x1b")
@example(text="\\\x1b")
@example(text="\\\\x1b")
@example(text="\\x5cx1b")
@example(text="\\u202\u202e")
def test_no_two_names_become_the_same_label(text: str) -> None:
    label = texts.for_label(text)
    assert not acting(label)
    assert read_back(label) == text


@pytest.mark.parametrize(
    "text",
    [
        "web",
        "café",
        "漢字 かな 한국어",
        "Ελληνικά Русский",
        "שלום",
        "مرحبا",
        "हिन्दी",
        "ไทย",
        "e\u0301",
        "\U0001f600",
        "DOMAIN\\user",
        "C:\\dir",
        "a\u00a0b\u3000c",
        "\u0601\u0661",
    ],
)
def test_printable_text_of_any_language_stays_as_it_is(text: str) -> None:
    assert texts.for_terminal(text) == text


def test_escapes_say_which_character_was_there() -> None:
    assert texts.for_terminal("a\tb\nc\rd") == r"a\tb\nc\rd"
    assert texts.for_terminal("\x00\x1b\x7f\x9b") == r"\x00\x1b\x7f\x9b"
    assert texts.for_terminal("\u200b\u202e\u2028\ud800") == r"\u200b\u202e\u2028\ud800"
    assert texts.for_terminal("\U000e0041") == r"\U000e0041"
    assert texts.for_terminal(r"\x1b C:\temp") == r"\x1b C:\temp"
    assert texts.for_label(r"\x1b C:\dir") == r"\x5cx1b C:\dir"


def test_a_mark_without_a_letter_is_escaped_and_so_is_a_tower_of_them() -> None:
    assert texts.for_terminal("\u0301x") == r"\u0301x"
    assert texts.for_terminal("\x1b\u0301") == r"\x1b\u0301"
    assert texts.for_terminal("Z" + "\u0301" * 9) == "Z" + "\u0301" * 8 + r"\u0301"


@hostile
def test_a_cell_of_csv_is_no_formula(name: str) -> None:
    line = io.StringIO()
    csv.writer(line).writerow([texts.for_csv(name)])
    (cell,) = next(csv.reader([line.getvalue()])) or [""]
    bare = unicodedata.normalize("NFKC", cell.lstrip())
    assert not re.match(r"[\"\s]*[=+@\-\t\r]", bare)


@pytest.mark.parametrize(
    "text", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", ' "=1', "'=1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff20x"]
)
def test_a_formula_becomes_a_text(text: str) -> None:
    assert texts.for_csv(text) == "'" + texts.for_terminal(text)


@pytest.mark.parametrize("text", ["web", "a=b", "x-y", "'a'", "10.0.0.1", "漢字"])
def test_what_is_no_formula_has_no_apostrophe(text: str) -> None:
    assert texts.for_csv(text) == text


@hostile
def test_html_has_no_tag_and_no_end_of_an_attribute(name: str) -> None:
    written = texts.for_html(name)
    assert not set("<>\"'") & set(written)
    assert html.unescape(written) == texts.for_terminal(name)


@hostile
def test_markdown_has_every_sign_escaped(name: str) -> None:
    written = texts.for_markdown(name)
    assert not re.search(r"[!-/:-@\[-`{-~]", re.sub(r"\\[!-/:-@\[-`{-~]", "", written))
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", written) == texts.for_terminal(name)


@examples
@given(text=WHOLE_TEXT)
def test_json_means_the_same_and_shows_nothing_that_acts(text: str) -> None:
    document = texts.for_json(json.dumps({"name": text}, ensure_ascii=False))
    assert json.loads(document) == {"name": text}
    assert not acting(document)


def test_json_keeps_its_own_lines_and_letters() -> None:
    document = '{\n\t"name": "é\u202e\x7f\U000e0041"\n}'
    assert texts.for_json(document) == '{\n\t"name": "é\\u202e\\u007f\\udb40\\udc41"\n}'


def test_documents_mean_the_same_where_the_encoding_lacks_letters() -> None:
    name = "café 漢 \U0001f600"
    json_text = texts.for_json(json.dumps({"name": name}, ensure_ascii=False), "ascii")
    assert json_text.isascii()
    assert json.loads(json_text) == {"name": name}
    toml_text = texts.in_toml(f"key = {texts.for_toml(name)}\n", "ascii")
    assert toml_text.isascii()
    assert tomllib.loads(toml_text) == {"key": name}


@examples
@given(text=ANY_TEXT)
def test_what_has_no_halves_can_be_written_in_every_encoding_of_unicode(text: str) -> None:
    whole = texts.without_halves(text)
    whole.encode()
    assert whole == re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text)


@examples
@given(text=WHOLE_TEXT)
def test_toml_means_the_text(text: str) -> None:
    line = f"key = {texts.for_toml(text)}"
    assert tomllib.loads(line) == {"key": text}
    assert not acting(line)
    assert len(line.splitlines()) == 1


def test_half_a_character_is_no_toml() -> None:
    with pytest.raises(ValueError, match="half a character"):
        texts.for_toml("a\ud800")


def test_a_name_is_quoted_for_sql() -> None:
    assert texts.sql_identifier("vacate") == '"vacate"'
    assert texts.sql_identifier('we"ird') == '"we""ird"'
    assert texts.sql_identifier("back\\slash é") == '"back\\slash é"'
    assert texts.sql_identifier('a\x1b"\\\U000e0041') == 'U&"a\\001b""\\\\\\+0e0041"'


def test_a_value_is_quoted_for_sql() -> None:
    assert texts.sql_literal("pg_signal_backend") == "'pg_signal_backend'"
    assert texts.sql_literal("O'Neil é") == "'O''Neil é'"
    assert texts.sql_literal("a\\b'c") == "E'a\\\\b''c'"
    assert texts.sql_literal("a\u202e'\U000e0041") == "E'a\\u202e''\\U000e0041'"


@hostile
def test_sql_for_people_to_copy_has_nothing_that_acts(name: str) -> None:
    assert not acting(texts.sql_identifier(name))
    assert not acting(texts.sql_literal(name))
    assert not {"\n", "\t"} & set(texts.sql_identifier(name) + texts.sql_literal(name))


@pytest.mark.parametrize(
    "character", ["\x00", "\n", "\t", "\x1b", "\x7f", "\x9b", "\u2028", "\u202e", "\u2066", "\u200f", "\ud800"]
)
def test_typed_text_that_would_act_is_unfit(character: str) -> None:
    problem = texts.unfit(f"ab{character}")
    assert problem is not None
    assert problem.startswith(f"character 3 is U+{ord(character):04X}")
    assert not acting(problem)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Wartung um 5",
        "停机维护",
        "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\U0001f468\u200d\U0001f469",
        "[/] =1",
    ],
)
def test_typed_text_of_any_language_is_fit(text: str) -> None:
    assert texts.unfit(text) is None
