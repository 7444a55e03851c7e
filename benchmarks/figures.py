"""From measurements to tables."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

MEDIAN = 0.50


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What a benchmark found: the same text for people and for README.md."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def __str__(self) -> str:
        """Write it as Markdown, its columns as wide as what is in them and its figures to the right."""
        widths = [max(map(len, column)) for column in zip(self.columns, *self.rows, strict=True)]
        lines = [
            _line(self.columns, widths),
            _line(["-" * (width - 1) + ":" for width in widths], widths),
            *(_line(row, widths) for row in self.rows),
        ]
        return "\n".join([f"**{self.title}**", "", *lines, *(line for note in self.notes for line in ("", note))])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return f"| {' | '.join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))} |"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of the values does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def ms(seconds: Sequence[float], share: float = MEDIAN) -> str:
    """A percentile in milliseconds."""
    value = statistics.median(seconds) if share == MEDIAN else percentile(seconds, share)
    return f"{value * 1000:.1f}" if value >= 0.01 else f"{value * 1000:.2f}"


def ratios(ours: Sequence[float], peers: Sequence[float]) -> str:
    """Ours over the peer's, pair by pair: the least, the median and the greatest."""
    return spread([our / peer for our, peer in zip(ours, peers, strict=True)])


def spread(values: Sequence[float], digits: int = 2) -> str:
    """The least, the median and the greatest."""
    return " / ".join(f"{value:.{digits}f}" for value in (min(values), statistics.median(values), max(values)))
