r"""Foreign text, made safe for the place it goes to.

A name from a server, a user or a file can hold characters that act: escape sequences, line ends, characters that turn
the direction of writing, markup, formulas. One function for each destination writes them so that they are seen and do
nothing; what is printable, in any language, stays as it is.

For people the escapes are the same everywhere: `\t`, `\n`, `\r`, and `\xNN`, `\uNNNN`, `\UNNNNNNNN` for one character
each. A backslash that was there already stays one, so what is written for a terminal can be written for it again.
Programs get their own format's escapes, which mean the text exactly.
"""

import html
import re
import unicodedata
from functools import lru_cache

_SHORT = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}
_LOOKALIKE = re.compile(r"\\(?=[tnr]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")

# Format characters that are seen, unlike all others of their category: signs that go before a number or a word.
_SEEN = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
# Letters and marks that leave no trace: fillers, joiners, variation selectors.
_UNSEEN = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0\U00016fe4"
    + "".join(map(chr, range(0xFE00, 0xFE10)))
    + "".join(map(chr, range(0xE0100, 0xE01F0)))
)
# Controls, formats, surrogates, private use, unassigned; ends of lines and paragraphs.
_WITHOUT_SHAPE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ACTING = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TAGS = frozenset(map(chr, range(0xE0000, 0xE0080)))
# More marks than any language stacks on a letter run over the lines above and below.
_MOST_MARKS = 8

# Also in full width and small forms, which some programs take for the same.
_FORMULA = re.compile(
    r"[\s\"'\u2018\u2019\u201c\u201d]*"
    r"(?:[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212]|\\[tnr])"
)
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_LAST_OF_TWO_DIGITS, _LAST_BMP = 0xFF, 0xFFFF


# --- what is read by people -----------------------------------------------------------------------------------------


def for_terminal(text: str) -> str:
    r"""One line that a terminal shows and does not act on.

    Escaped are control characters of both sets, line and paragraph separators, everything that turns the direction of
    writing or leaves no trace on the screen, tags, half surrogates, characters of private use and without meaning, and
    combining marks without a letter to stand on.
    """
    if text.isascii() and text.isprintable():
        return text
    present = set(text)
    if not any(map(_has_no_shape, present)) and not any(map(_is_mark, present)):
        return text
    written: list[str] = []
    marks = _MOST_MARKS
    for character in text:
        if _has_no_shape(character):
            written.append(escaped(character))
            marks = _MOST_MARKS
        elif not _is_mark(character):
            written.append(character)
            marks = 0
        else:
            written.append(character if marks < _MOST_MARKS else escaped(character))
            marks += 1
    return "".join(written)


def for_log(text: str) -> str:
    """One line of a log in words, or a part of it: as for a terminal, where logs are read."""
    return for_terminal(text)


def for_label(text: str) -> str:
    r"""The value of a metric's label: as for a terminal, and no two names become the same.

    A backslash that would look like the beginning of an escape is written as `\x5c`.
    """
    return for_terminal(_LOOKALIKE.sub(lambda _: r"\x5c", text))


def for_csv(text: str) -> str:
    """A cell of a spreadsheet that is no formula, also behind quotes and spaces: an apostrophe makes it a text."""
    shown = for_terminal(text)
    return f"'{shown}" if _FORMULA.match(shown) else shown


def in_encoding(text: str, encoding: str) -> str:
    """Text that was made safe, such as lines of CSV, with what the encoding does not have escaped."""
    return text.encode(encoding, "backslashreplace").decode(encoding)


def for_html(text: str) -> str:
    """Text between tags of HTML, or inside a quoted attribute."""
    return html.escape(for_terminal(text), quote=True)


def for_markdown(text: str) -> str:
    """Text inside a line of Markdown: no emphasis, link, code, table, tag or heading comes of it."""
    return _PUNCTUATION.sub(r"\\\1", for_terminal(text))


# --- what is read by programs ---------------------------------------------------------------------------------------


def for_json(document: str, encoding: str = "utf-8") -> str:
    r"""A JSON document that means the same, with every character as `\uNNNN` that a terminal would act on.

    So are those that the encoding does not have. A program that reads it gets each text as it is; a person who only
    looks at it is as safe as with `for_terminal`.
    """
    if document.isascii() and document.isprintable():
        return document
    unsafe = {
        character
        for character in set(document) - {"\t", "\n", "\r"}
        if _has_no_shape(character) or not _fits(character, encoding)
    }
    return (
        document.translate({ord(character): _json_character(character) for character in unsafe}) if unsafe else document
    )


def in_toml(document: str, encoding: str) -> str:
    """A TOML document that means the same, with what the encoding does not have escaped in its texts."""
    missing = {character for character in set(document) if not _fits(character, encoding)}
    return document.translate({ord(character): _unicode_escape(character) for character in missing})


def without_halves(text: str) -> str:
    """The text with half surrogates escaped, which no encoding can write."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join(escaped(each) if unicodedata.category(each) == "Cs" else each for each in text)
    return text


def for_toml(text: str) -> str:
    """A TOML string on one line, quotes included, that means the text.

    Raises:
        ValueError: it holds a half surrogate, which no TOML can say.
    """
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("half a character cannot be written as TOML")
    return f'"{"".join(map(_toml_character, text))}"'


def sql_identifier(name: str) -> str:
    r"""A quoted SQL identifier, such as a role's name, that can be shown, copied and run.

    Names with characters that act are written with Unicode escapes: `U&"d\202ea"`.
    """
    quoted = name.replace('"', '""')
    if not _acts_anywhere(name):
        return f'"{quoted}"'
    return 'U&"' + "".join(map(_identifier_character, quoted)) + '"'


def sql_literal(value: str) -> str:
    r"""A SQL string that can be shown, copied and run, whatever standard_conforming_strings is."""
    quoted = value.replace("'", "''")
    if "\\" not in value and not _acts_anywhere(value):
        return f"'{quoted}'"
    return "E'" + "".join(map(_string_character, quoted)) + "'"


# --- what is taken from people --------------------------------------------------------------------------------------


def unfit(text: str) -> str | None:
    """What makes a text that somebody typed unfit to be kept and shown on one line, in words; `None` for nothing.

    That are control characters, ends of lines, characters that turn the direction of writing, tags and half
    surrogates. All others are kept: joiners are needed to write some languages.
    """
    for place, character in enumerate(text, start=1):
        if character in _DIRECTIONS or character in _TAGS or unicodedata.category(character) in _ACTING:
            known = unicodedata.name(character, "") or "a control character"
            return f"character {place} is U+{ord(character):04X} ({known}), which is not shown as text; leave it out"
    return None


# --- one character --------------------------------------------------------------------------------------------------


def escaped(character: str) -> str:
    """One character as it is written where it must not act."""
    if character in _SHORT:
        return _SHORT[character]
    return f"\\x{ord(character):02x}" if ord(character) <= _LAST_OF_TWO_DIGITS else _unicode_escape(character)


@lru_cache(maxsize=4096)
def _has_no_shape(character: str) -> bool:
    if character in _UNSEEN:
        return True
    return unicodedata.category(character) in _WITHOUT_SHAPE and character not in _SEEN


@lru_cache(maxsize=4096)
def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"


def _acts_anywhere(text: str) -> bool:
    return not (text.isascii() and text.isprintable()) and any(map(_has_no_shape, set(text)))


def _fits(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _unicode_escape(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number <= _LAST_BMP else f"\\U{number:08x}"


def _json_character(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _toml_character(character: str) -> str:
    if character in {"\\", '"'}:
        return f"\\{character}"
    if not _has_no_shape(character):
        return character
    return _SHORT.get(character) or _unicode_escape(character)


def _identifier_character(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if not _has_no_shape(character):
        return character
    return f"\\{ord(character):04x}" if ord(character) <= _LAST_BMP else f"\\+{ord(character):06x}"


def _string_character(character: str) -> str:
    if character == "\\":
        return "\\\\"
    return _unicode_escape(character) if _has_no_shape(character) else character
