"""Modules stay short enough to read."""

from tests.house.checkout import ROOT, modules

LONGEST = 400


def test_no_module_is_longer_than_one_sitting() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    assert lengths, "No module was found, so nothing was measured."
    too_long = {name: length for name, length in lengths.items() if length > LONGEST}
    assert not too_long, f"Split these; {LONGEST} lines is the limit: {too_long}"
