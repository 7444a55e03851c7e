"""A statement's fingerprint: the same for statements that differ only in what they are about, not in what they do.

One pass, token by token. Every alternative of the tokeniser is told by its first characters and never goes back over
what it has read, so the time grows with the length of the statement and with nothing else. Servers cut long statements
off anywhere, so whatever is opened may end with the text.
"""

import hashlib
import re
from functools import lru_cache

_TOKEN = re.compile(
    r"""
    (?P<blank>     [\ \t\n\r\f\v]++ | --[^\n\r]*+ )
  | (?P<comment>   /\* )
  | (?P<dollar>    \$(?:[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_\u0080-\U0010ffff]*+)?\$ )
  | (?P<parameter> \$[0-9]++ )
  | (?P<escaped>   [eE]'(?:[^'\\]|''|\\.|\\\Z)*+(?:'|\Z) )
  | (?P<text>      (?:[bBxXnN]|[uU]&)?'(?:[^']|'')*+(?:'|\Z) )
  | (?P<quoted>    (?:[uU]&)?"(?:[^"]|"")*+(?:"|\Z) )
  | (?P<number>    (?:0[xX][0-9a-fA-F_]++ | 0[oO][0-7_]++ | 0[bB][01_]++
                     | (?:[0-9][0-9_]*+(?:\.(?!\.)[0-9_]*+)? | \.[0-9][0-9_]*+)(?:[eE][+-]?[0-9]++)? ) )
  | (?P<word>      [A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_$\u0080-\U0010ffff]*+ )
  | (?P<operator>  (?:(?!--|/\*)[+\-*/<>=~!@\#%^&|`?])++ )
  | (?P<sign>      ::|:=|. )
    """,
    re.VERBOSE | re.DOTALL,
)
_LITERALS = frozenset({"parameter", "escaped", "text", "number"})
_COMMENT_EDGE = re.compile(r"/\*|\*/")
# As PostgreSQL reads: an operator of several characters ends in a sign only if one of these is in it.
_MAKES_SIGNS_PART = frozenset("~!@#%^&|`?")
# Behind one of these a sign belongs to the number that follows; elsewhere it adds or subtracts.
_BEFORE_A_VALUE = frozenset(
    {"(", ",", "[", "select", "where", "and", "or", "not", "case", "when", "then", "else"}
    | {"by", "limit", "offset", "in", "between", "like", "values", "return", "set"}
)
_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
# No statement has such a token, whereas `?` is an operator.
_VALUE = "$?"
_HALF_SIZE = 8


# A pool's sessions end in the same few statements, and one look asks of all of them.
@lru_cache(maxsize=2048)
def fingerprint(statement: str) -> str:
    """Sixteen hexadecimal digits.

    Literals, parameters, comments, white space, the case of words outside quotes, a semicolon at the end and the
    length of a list of values behind `IN` or `ARRAY` make no difference. `true`, `false` and `null` are words.
    """
    normal = " ".join(normalised(statement)).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(normal, digest_size=_HALF_SIZE).hexdigest()


def normalised(statement: str) -> list[str]:
    """The tokens that a fingerprint is made of: `$?` for a value, words in lower case, the rest as it stands."""
    made = _Tokens()
    at, end = 0, len(statement)
    while at < end:
        found = _TOKEN.match(statement, at)
        assert found is not None, "every character is at least a sign"  # noqa: S101 - for the type checker.
        kind, text, at = found.lastgroup, found.group(), found.end()
        if kind == "comment":
            at = _behind_comment(statement, at)
        elif kind == "dollar":
            closing = statement.find(text, at)
            at = end if closing < 0 else closing + len(text)
            made.add_value()
        elif kind in _LITERALS:
            made.add_value()
        elif kind == "operator":
            made.add_operator(text)
        elif kind == "word":
            made.add(text.translate(_LOWER))
        elif kind != "blank":
            made.add(text)
    return made.finished()


class _Tokens:
    """The tokens so far. A list of values is known by where its first value stands."""

    def __init__(self) -> None:
        self._tokens: list[str] = []
        self._list_from = -1

    def add(self, text: str) -> None:
        self._tokens.append(text)
        if self._tokens[-2:] in (["in", "("], ["array", "["]):
            self._list_from = len(self._tokens)

    def add_operator(self, text: str) -> None:
        """One operator, and the signs that do not belong to it, each for itself."""
        ends = len(text)
        if not _MAKES_SIGNS_PART.intersection(text):
            while ends > 1 and text[ends - 1] in "+-":
                ends -= 1
        self._tokens.append(text[:ends])
        self._tokens.extend(text[ends:])

    def add_value(self) -> None:
        """A value; one more of the same list and the other half of a text in two parts leave no trace."""
        tokens = self._tokens
        while tokens and tokens[-1] in {"+", "-"} and self._belongs_to_the_value():
            tokens.pop()
        if tokens[-1:] == [_VALUE]:
            return
        if len(tokens) == self._list_from + 2 and tokens[self._list_from :] == [_VALUE, ","]:
            tokens.pop()
        else:
            tokens.append(_VALUE)

    def finished(self) -> list[str]:
        """All of them, without what only the end of the text or its being cut off adds."""
        tokens = self._tokens
        if len(tokens) == self._list_from + 2 and tokens[self._list_from :] == [_VALUE, ","]:
            tokens.pop()
        while tokens and tokens[-1] == ";":
            tokens.pop()
        return tokens

    def _belongs_to_the_value(self) -> bool:
        """Whether a sign is one of a number: nothing that it could be added to stands before it."""
        if len(self._tokens) == 1:
            return True
        before = self._tokens[-2]
        return before in _BEFORE_A_VALUE or (before != _VALUE and all(c in "+-*/<>=~!@#%^&|`?:" for c in before))


def _behind_comment(statement: str, at: int) -> int:
    """Where a comment ends that began before `at`; comments nest."""
    depth = 1
    while depth:
        edge = _COMMENT_EDGE.search(statement, at)
        if edge is None:
            return len(statement)
        depth += 1 if edge.group() == "/*" else -1
        at = edge.end()
    return at
