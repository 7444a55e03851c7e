"""A small siege of each kind, so that the large one can be had at any time."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.siege.__main__ import ATTACKS

ROOT = Path(__file__).parents[2]
SMALL = ("--clients", "12", "--sources", "4", "--paths", "3", "--sessions", "30", "--requests", "300", "--kills", "1")
# How fast it is on a busy machine is no test's business; that it is answered at all is.
LOOSE = ("--loose", "30")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_small_siege_is_measured_to_its_end(attack: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.siege", attack, *SMALL, *LOOSE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    lines = [[cell.strip() for cell in line.strip("| ").split("|")] for line in done.stdout.splitlines()]
    rows = [cells for cells in lines if len(cells) == 6]
    assert attack in {cells[0] for cells in rows}, done.stderr
    assert done.returncode == int(any(cells[-1] == "NO" for cells in rows)), done.stderr


def test_what_is_missed_fails_the_siege() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.siege", "idle", *SMALL, "--loose", "0.000001"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    assert done.returncode == 1
    assert "| NO |" in done.stdout.replace("  ", " ").replace("  ", " ")
