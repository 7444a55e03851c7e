"""Tables: aligned columns for a terminal, tab-separated values for everything else.

On a terminal a table fits the width: texts are folded first, then the least important columns go, and at last each row
is a block. Ids are never folded or cut.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len

from vacate.cli import output

_GAP = 2
_LEAST = 10
# A letter, or an escape, which is not torn apart.
_UNIT = re.compile(r"(?s)\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U[0-9a-f]{8}|.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: its title, and what happens to it where room is short.

    Texts are folded, down to `least` letters; what is no `text` is an id, a number or a moment and stays whole.
    The column with the highest `minor` is left out first; with 0 it never is.
    """

    title: str
    text: bool = False
    least: int = _LEAST
    minor: int = 0
    right: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of foreign text below their columns. Rows whose number is in `marked` are red."""

    columns: tuple[Column, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    marked: set[int] = field(default_factory=set)

    def add(self, *cells: str, marked: bool = False) -> None:
        """Add a row, with a cell for each column."""
        if marked:
            self.marked.add(len(self.rows))
        self.rows.append(cells)


def show(table: Table, *, talk: bool = False) -> None:
    """Print a table, as standard output shows it best; as talk on standard error.

    Raises:
        OutputClosedError, OutputFailedError.
    """
    titles = tuple(column.title for column in table.columns)
    rows = [tuple(output.writable(cell, talk=talk) for cell in row) for row in table.rows]
    if not output.is_terminal(talk=talk):
        output.table_lines(["\t".join(row) for row in (titles, *rows)], talk=talk)
        return
    kept = list(range(len(table.columns)))
    while True:
        widths = _widths([(table.columns[at], [row[at] for row in rows]) for at in kept], output.width())
        if widths is not None:
            break
        at = max(kept, key=lambda at: table.columns[at].minor)
        if not table.columns[at].minor:
            _show_blocks(table, rows, talk=talk)
            return
        kept.remove(at)
    columns = [table.columns[at] for at in kept]
    lines = [output.bold(line, talk=talk) for line in _row([column.title for column in columns], columns, widths)]
    for number, row in enumerate(rows):
        laid = _row([row[at] for at in kept], columns, widths)
        lines.extend(output.red(line, talk=talk) if number in table.marked else line for line in laid)
    output.table_lines(lines, talk=talk)
    if gone := [column.title for at, column in enumerate(table.columns) if at not in kept]:
        output.tell(f"no room for: {', '.join(gone)} (a pipe has everything)")


def show_block(pairs: Sequence[tuple[Column, str]]) -> None:
    """Print one thing as a line for each of its values; those without a value are left out.

    Raises:
        OutputClosedError, OutputFailedError.
    """
    said = [(column, output.writable(value)) for column, value in pairs if value]
    if output.is_terminal():
        output.table_lines(_block(said))
    else:
        output.table_lines([f"{column.title}\t{value}" for column, value in said])


def folded(text: str, width: int) -> list[str]:
    """Text in lines of that width: at its spaces, or where that is not enough anywhere. Nothing is cut off."""
    lines: list[str] = []
    line = ""
    for number, word in enumerate(text.split(" ")):
        longer = f"{line} {word}" if number else word
        if cell_len(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        *full, line = _pieces(word, width)
        lines.extend(full)
    return [*lines, line]


def _pieces(word: str, width: int) -> list[str]:
    pieces = [""]
    used = 0
    for letter in _UNIT.findall(word):
        wide = cell_len(letter)
        if used + wide > width and pieces[-1]:
            pieces.append("")
            used = 0
        pieces[-1] += letter
        used += wide
    return pieces


def _widths(columns: Sequence[tuple[Column, Sequence[str]]], room: int) -> list[int] | None:
    """How wide each column becomes; `None` where they do not fit side by side."""
    widths = [max(map(cell_len, (column.title, *cells))) for column, cells in columns]
    least = [
        max(cell_len(column.title), min(column.least, width)) if column.text else width
        for (column, _), width in zip(columns, widths, strict=True)
    ]
    room -= _GAP * (len(columns) - 1)
    if sum(least) > room:
        return None
    while (over := sum(widths) - room) > 0:
        # The widest gives way, down to the next one.
        at = max(range(len(widths)), key=lambda at: widths[at] - least[at] and widths[at])
        others = [width for other, width in enumerate(widths) if other != at and width < widths[at]]
        widths[at] = max(least[at], widths[at] - over, min(widths[at] - 1, max(others, default=0)))
    return widths


def _row(cells: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> list[str]:
    """A row's lines: as many as its longest cell needs."""
    parts = [
        folded(cell, width) if column.text else [cell]
        for cell, column, width in zip(cells, columns, widths, strict=True)
    ]
    lines: list[str] = []
    for number in range(max(map(len, parts))):
        words = [part[number] if number < len(part) else "" for part in parts]
        padded = [
            " " * (width - cell_len(word)) + word if column.right else word + " " * (width - cell_len(word))
            for word, column, width in zip(words, columns, widths, strict=True)
        ]
        lines.append((" " * _GAP).join(padded).rstrip(" "))
    return lines


def _show_blocks(table: Table, rows: Sequence[tuple[str, ...]], *, talk: bool) -> None:
    lines: list[str] = []
    for number, row in enumerate(rows):
        block = _block(list(zip(table.columns, row, strict=True)), talk=talk)
        lines.extend(["", *block] if number else block)
    output.table_lines(lines, talk=talk)


def _block(pairs: Sequence[tuple[Column, str]], *, talk: bool = False) -> list[str]:
    """One line a value, beside its title; an id that has no room there stands below it, from the left edge on."""
    if not pairs:
        return []
    beside = max(cell_len(column.title) for column, _ in pairs) + _GAP
    room = max(output.width() - beside, _LEAST)
    lines: list[str] = []
    for column, value in pairs:
        title = output.bold(column.title, talk=talk)
        pad = " " * (beside - cell_len(column.title))
        if not column.text and cell_len(value) > room:
            lines.extend([title, value])
            continue
        first, *rest = folded(value, room) if column.text else [value]
        lines.append(f"{title}{pad}{first}".rstrip(" "))
        lines.extend(f"{' ' * beside}{line}" for line in rest)
    return lines
