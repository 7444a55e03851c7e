r"""Texts of a server, decoded: the one place where bytes of another encoding become text.

A server keeps each text in the encoding of the database it was written in, and lists the texts of all databases side
by side. Our connection has every byte handed over as it is (`RAW`), and the encoding of a row's own database says what
the bytes mean. Bytes that mean nothing are shown escaped, as in `caf\xe9`; nothing here fails.
"""

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

RAW = "SQL_ASCII"
"""The `client_encoding` for which every server, whatever the encoding of its databases, converts no text."""

_UTF_8 = ("utf-8",)
# Which part of ISO 8859 each LATIN is.
_LATIN = {1: 1, 2: 2, 3: 3, 4: 4, 5: 9, 6: 10, 7: 13, 8: 14, 9: 15, 10: 16}
# A codec that knows more characters comes behind the one that is the encoding's own: servers take characters of a
# known form whether or not the standard gives them a meaning. Servers and their users spell the names in many ways;
# they are compared without case and punctuation. What is not here (EUC_TW, MULE_INTERNAL) has no codec in Python.
_CODECS: dict[str, tuple[str, ...]] = {
    "utf8": _UTF_8,
    "unicode": _UTF_8,
    "al32utf8": _UTF_8,
    # Whatever clients sent was kept, and most of them send UTF-8.
    "sqlascii": _UTF_8,
    "eucjp": ("euc_jp", "euc_jis_2004"),
    "eucjis2004": ("euc_jis_2004",),
    "euccn": ("gb2312", "gbk"),
    "euckr": ("euc_kr", "cp949"),
    "sjis": ("cp932", "shift_jis_2004"),
    "mskanji": ("cp932", "shift_jis_2004"),
    "shiftjis": ("cp932", "shift_jis_2004"),
    "win932": ("cp932", "shift_jis_2004"),
    "windows932": ("cp932", "shift_jis_2004"),
    "shiftjis2004": ("shift_jis_2004",),
    "big5": ("cp950", "big5hkscs"),
    "win950": ("cp950", "big5hkscs"),
    "windows950": ("cp950", "big5hkscs"),
    "gbk": ("gbk", "gb18030"),
    "zhs16gbk": ("gbk", "gb18030"),
    "win936": ("gbk", "gb18030"),
    "windows936": ("gbk", "gb18030"),
    "gb18030": ("gb18030",),
    "gb180302022": ("gb18030",),
    "uhc": ("cp949",),
    "win949": ("cp949",),
    "windows949": ("cp949",),
    "johab": ("johab",),
    "koi8": ("koi8_r",),
    "koi8r": ("koi8_r",),
    "koi8u": ("koi8_u",),
    "win": ("cp1251",),
    "alt": ("cp866",),
    "abc": ("cp1258",),
    "tcvn": ("cp1258",),
    "tcvn5712": ("cp1258",),
    "vscii": ("cp1258",),
    **{f"{word}{page}": (f"cp{page}",) for word in ("win", "windows") for page in (866, 874, *range(1250, 1259))},
    **{f"latin{number}": (f"iso8859_{part}",) for number, part in _LATIN.items()},
    **{f"iso8859{part}": (f"iso8859_{part}",) for part in (*range(1, 12), 13, 14, 15, 16)},
}
_PUNCTUATION = re.compile(r"[^a-z0-9]")
# The bytes by which the longest character of any encoding can be short of a statement's limit.
_LONGEST_REST = 4


class Text(NamedTuple):
    """A text as it can be shown. `known` is false where it could not be decoded, and nothing may follow from it."""

    shown: str
    known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoder:
    """Decodes the texts of one server.

    `encoding` is that of the database our own connection is in, and `encodings` has the names of all by their number. A
    statement of `statement_limit` bytes or more may be longer than the server shows (`track_activity_query_size`), and
    so may end within a character.
    """

    encoding: str
    encodings: Sequence[str] = ()
    statement_limit: int

    def name(self, raw: bytes, _number: int | None = None) -> Text:
        """Decode the name of a role, a database or a node, of which no server tells the encoding.

        Such a name is in the encoding of the database in which the statement ran that gave it: UTF-8 where it is valid
        UTF-8, which a text in another encoding hardly ever is by chance, and otherwise taken for our own database's.
        """
        return _decoded(raw, (*_UTF_8, *codecs_of(self.encoding)))

    def text(self, raw: bytes, number: int | None) -> Text:
        """Decode a text of a session; `number` names the encoding of the session's database, where it has one."""
        return _decoded(raw, self._codecs(number))

    def statement(self, raw: bytes, number: int | None) -> Text:
        """Decode a session's statement, which may have been cut within a character."""
        found = self.text(raw, number)
        if found.known or len(raw) < self.statement_limit - _LONGEST_REST:
            return found
        return _decoded(raw, self._codecs(number), cut=True)

    def _codecs(self, number: int | None) -> Sequence[str]:
        if number is None:
            return _UTF_8
        return codecs_of(self.encodings[number]) if 0 <= number < len(self.encodings) else ()


def plain(raw: bytes) -> str | None:
    """Read a text that means the same in every encoding that a database may have; `None` for any other.

    Nearly all texts are such, and there are thousands at once.
    """
    return raw.decode("ascii") if raw.isascii() and b"\0" not in raw else None


def codecs_of(encoding: str) -> tuple[str, ...]:
    """Python's codecs for an encoding as servers name it, in the order in which they are tried; none if unknown."""
    return _CODECS.get(_PUNCTUATION.sub("", encoding.lower()), ())


def readable(raw: bytes, encoding: str | None = None) -> str:
    """Decode words that a server says about itself or an error: the encoding may not be known yet."""
    return _decoded(raw, (*_UTF_8, *codecs_of(encoding or ""))).shown


def _decoded(raw: bytes, codecs_to_try: Sequence[str], *, cut: bool = False) -> Text:
    shown = plain(raw)
    if shown is not None:
        return Text(shown, known=True)
    for codec in codecs_to_try:
        try:
            shown = codecs.getincrementaldecoder(codec)().decode(raw) if cut else raw.decode(codec)
            shown.encode()  # No text may hold half a surrogate pair: nothing that takes it from us would.
        except UnicodeError:
            continue
        # No text of a server has a NUL.
        return Text(shown, known=True) if "\0" not in shown else _escaped(raw)
    return _escaped(raw)


def _escaped(raw: bytes) -> Text:
    shown = raw.decode("ascii", "backslashreplace").replace("\0", r"\x00")
    return Text(shown, known=False)
