"""Keeps the last figures in README.md, each benchmark's between two comments of its own."""

import re
from pathlib import Path

from benchmarks.figures import Table

README = Path(__file__).with_name("README.md")


def write(benchmark: str, table: Table) -> None:
    """Put a benchmark's table in the place of its last one."""
    begin, end = f"<!-- figures of {benchmark}: begin -->", f"<!-- figures of {benchmark}: end -->"
    place = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    text, found = place.subn(lambda _: f"{begin}\n\n{table}\n\n{end}", README.read_text(encoding="utf-8"))
    if found != 1:
        raise ValueError(
            f"{README} has {found} places for the figures of {benchmark}; it needs {begin} and {end}, once"
        )
    README.write_text(text, encoding="utf-8")
