"""Bytes become text by the encoding of their database, or are shown escaped; nothing fails."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sessions import examples
from vacate.components.decoding import Decoder, codecs_of, readable

LIMIT = 64

# Every encoding that a database of PostgreSQL or of the Gauss family may have, with a text for which there is a byte.
SERVER_ENCODINGS = {
    "UTF8": "é中😀",
    "EUC_JP": "カフェ①",
    "EUC_JIS_2004": "カフェ",
    "EUC_CN": "咖啡",
    "EUC_KR": "커피",
    "LATIN1": "café",
    "LATIN2": "kávé",
    "LATIN3": "ĉ",
    "LATIN4": "ā",
    "LATIN5": "ğ",
    "LATIN6": "ŋ",
    "LATIN7": "ė",
    "LATIN8": "ŵ",
    "LATIN9": "€",
    "LATIN10": "ș",
    "ISO_8859_5": "кофе",
    "ISO_8859_6": "قهوة",
    "ISO_8859_7": "καφές",
    "ISO_8859_8": "קפה",
    "WIN866": "кофе",
    "WIN874": "กาแฟ",
    "WIN1250": "kávé",
    "WIN1251": "кофе",
    "WIN1252": "café",
    "WIN1253": "καφές",
    "WIN1254": "ğ",
    "WIN1255": "קפה",
    "WIN1256": "قهوة",
    "WIN1257": "ė",
    "WIN1258": "đ",
    "KOI8R": "кофе",
    "KOI8U": "кофеї",
    "GBK": "咖啡",
    "GB18030": "咖啡😀",
    "GB18030_2022": "咖啡😀",
    "ZHS16GBK": "咖啡",
}
OTHERS = ("MULE_INTERNAL", "EUC_TW", "SQL_ASCII", "of tomorrow")
NAMES = (*SERVER_ENCODINGS, *OTHERS)
NUMBERS: dict[str | None, int | None] = {None: None} | {name: number for number, name in enumerate(NAMES)}
DECODER = Decoder(encoding="LATIN1", encodings=NAMES, statement_limit=LIMIT)


@pytest.mark.parametrize(("encoding", "text"), SERVER_ENCODINGS.items(), ids=SERVER_ENCODINGS)
def test_a_text_is_decoded_by_the_encoding_of_its_database(encoding: str, text: str) -> None:
    raw = text.encode(codecs_of(encoding)[-1])
    assert DECODER.text(raw, NUMBERS[encoding]) == (text, True)
    assert DECODER.statement(raw, NUMBERS[encoding]) == (text, True)


@pytest.mark.parametrize("encoding", [*OTHERS, "UTF8", None])
def test_bytes_of_no_meaning_are_shown_escaped(encoding: str | None) -> None:
    assert DECODER.text(rb"caf\ " + b"\xe9", NUMBERS[encoding]) == (r"caf\ \xe9", False)


def test_an_encoding_of_a_number_that_the_server_did_not_name_makes_no_text() -> None:
    assert DECODER.text(b"\xe9", 99) == (r"\xe9", False)
    assert DECODER.text(b"\xe9", -1) == (r"\xe9", False)


@pytest.mark.parametrize("encoding", ["MULE_INTERNAL", "EUC_TW", "SQL_ASCII", None])
def test_ascii_means_the_same_in_every_encoding(encoding: str | None) -> None:
    assert DECODER.statement(b"SELECT '\\x41'", NUMBERS[encoding]) == ("SELECT '\\x41'", True)


def test_names_are_utf_8_or_in_the_encoding_of_the_database_we_are_in() -> None:
    assert DECODER.name("café".encode()) == ("café", True)
    assert DECODER.name("café".encode("latin-1")) == ("café", True)
    in_utf_8 = Decoder(encoding="UTF8", statement_limit=LIMIT)
    assert in_utf_8.name("café".encode("latin-1")) == (r"caf\xe9", False)


@pytest.mark.parametrize(("encoding", "codec"), [("UTF8", "utf-8"), ("SQL_ASCII", "utf-8"), ("EUC_JP", "euc_jp")])
def test_a_statement_that_was_cut_within_a_character_is_known_as_far_as_it_goes(encoding: str, codec: str) -> None:
    whole = "カ" * LIMIT
    for short_by in range(4):
        cut = whole.encode(codec)[: LIMIT - 1 - short_by]
        shown, known = DECODER.statement(cut, NUMBERS[encoding])
        assert known
        assert shown
        assert whole.startswith(shown)


def test_a_statement_that_nobody_cut_has_no_incomplete_end() -> None:
    assert DECODER.statement(b"caf\xc3", NUMBERS["UTF8"]) == (r"caf\xc3", False)


def test_bytes_of_no_meaning_within_a_cut_statement_are_not_passed_over() -> None:
    assert not DECODER.statement(b"\xe9 " + b"x" * LIMIT, NUMBERS["UTF8"]).known


@examples
@given(st.binary(max_size=80), st.sampled_from([*NAMES, None]))
def test_whatever_the_bytes_are_the_text_can_be_kept_and_sent(raw: bytes, encoding: str | None) -> None:
    for text in (DECODER.name(raw), DECODER.text(raw, NUMBERS[encoding]), DECODER.statement(raw, NUMBERS[encoding])):
        assert text.shown.encode("utf-8").decode() == text.shown
        assert "\0" not in text.shown
        assert text.known or "\\x" in text.shown
    assert "\0" not in readable(raw, encoding)
