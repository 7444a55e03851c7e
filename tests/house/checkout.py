"""What the house tests look at: the files of this checkout, without whatever git ignores."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "vacate"


def files(pattern: str = "*") -> tuple[Path, ...]:
    """Every file that is committed, or would be, and whose name matches the pattern."""
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = (ROOT / name for name in sorted(set(listing.stdout.split("\0"))) if name)
    return tuple(path for path in paths if path.is_file() and path.match(pattern))


def modules() -> tuple[Path, ...]:
    """Every Python module of the package."""
    return tuple(path for path in files("*.py") if path.is_relative_to(PACKAGE))
