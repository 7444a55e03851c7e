"""The catalogue of SQL statements: one file per statement and engine, a block per oldest version it is for."""

import re
from functools import cache
from importlib.resources import files

from vacate.domain.errors import UnsupportedServerError

_BLOCK = re.compile(r"^-- since: (?P<floor>\d+)\s*$", re.MULTILINE)


@cache
def _blocks(engine: str, name: str) -> tuple[tuple[int, str], ...]:
    text = (files("vacate.engines") / engine / f"{name}.sql").read_text(encoding="utf-8")
    parts = _BLOCK.split(text)[1:]
    return tuple((int(floor), sql.strip()) for floor, sql in zip(parts[::2], parts[1::2], strict=True))


def oldest_supported(engine: str, name: str) -> int:
    """The lowest major version that a statement has a block for."""
    return _blocks(engine, name)[0][0]


def statement(engine: str, name: str, major: int) -> str:
    """The block for a server: the last one whose floor is not above the server's major version.

    Raises:
        UnsupportedServerError: the server is older than the oldest block.
    """
    fitting = [sql for floor, sql in _blocks(engine, name) if floor <= major]
    if not fitting:
        floor = oldest_supported(engine, name)
        raise UnsupportedServerError(
            f"{engine} {major} is not supported: the statement {name!r} needs version {floor} or newer"
        )
    return fitting[-1]
