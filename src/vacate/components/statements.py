"""The catalogue of SQL statements: one file per statement and dialect, in blocks for servers that differ.

A block's head says what it is for: `-- since: 15`, the oldest major version, or `-- with: sessionid, f()`, the columns
and functions that the server must offer. The last block that fits is taken.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from vacate.domain.errors import UnsupportedServerError

_HEAD = re.compile(r"^-- (?:since: (?P<floor>\d+)|with:(?P<needs>[^\n]*))[ ]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One way to say a statement, and the servers it is for."""

    sql: str
    floor: int = 0
    needs: frozenset[str] = frozenset()

    def fits(self, major: int, offered: Collection[str]) -> bool:
        """Whether a server is new enough and offers all that the block uses."""
        return self.floor <= major and self.needs.issubset(offered)


@cache
def blocks(dialect: str, name: str) -> tuple[Block, ...]:
    """Every block of a statement, in the order of its file.

    Raises:
        FileNotFoundError: there is no such statement.
    """
    text = (files("vacate.components") / dialect / f"{name}.sql").read_text(encoding="utf-8")
    heads = tuple(_HEAD.finditer(text))
    ends = (*(head.start() for head in heads[1:]), len(text))
    return tuple(
        Block(
            sql=text[head.end() : end].strip(),
            floor=int(head["floor"] or 0),
            needs=frozenset(filter(None, (need.strip() for need in (head["needs"] or "").split(",")))),
        )
        for head, end in zip(heads, ends, strict=True)
    )


def statement(dialect: str, name: str, major: int = 0, offered: Collection[str] = frozenset()) -> str:
    """The block for a server: the last one that fits its major version and what it offers.

    Raises:
        UnsupportedServerError: no block fits.
    """
    known = blocks(dialect, name)
    fitting = [block.sql for block in known if block.fits(major, offered)]
    if not fitting:
        raise UnsupportedServerError(_too_old(dialect, name, major, offered, known))
    return fitting[-1]


def _too_old(dialect: str, name: str, major: int, offered: Collection[str], known: tuple[Block, ...]) -> str:
    first = known[0]
    if first.floor > major:
        return f"{dialect} {major} is not supported: the statement {name!r} needs version {first.floor} or newer"
    nearest = max(known, key=lambda block: len(block.needs.intersection(offered)))
    missing = nearest.needs.difference(offered)
    return f"the server is not supported: the statement {name!r} needs {', '.join(sorted(missing))}, which it has not"
