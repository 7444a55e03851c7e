"""The catalogue: each server gets the newest block that is not too new for it, or is refused by name."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from vacate.domain.errors import UnsupportedServerError
from vacate.engines import statements
from vacate.engines.statements import oldest_supported, statement

THREE_FLOORS = """-- Why there are three is said up here.
-- since: 9
/* vacate:list */ SELECT 'nine';
-- since: 15
/* vacate:list */
-- The old name is gone.
SELECT 'fifteen';
-- since: 17
/* vacate:list */ SELECT 'seventeen';
"""


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A catalogue of one engine, instead of ours."""
    folder = tmp_path / "eldb"
    folder.mkdir()
    (folder / "list.sql").write_text(THREE_FLOORS, encoding="utf-8")

    def ours(_package: str) -> Path:
        return tmp_path

    monkeypatch.setattr(statements, "files", ours)
    statements._blocks.cache_clear()  # pyright: ignore[reportPrivateUsage] - what was read before is not this one.
    yield folder
    statements._blocks.cache_clear()  # pyright: ignore[reportPrivateUsage] - nor the other way round.


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize(
    ("major", "expected"),
    [(9, "nine"), (10, "nine"), (14, "nine"), (15, "fifteen"), (16, "fifteen"), (17, "seventeen"), (99, "seventeen")],
)
def test_a_server_gets_the_last_block_whose_floor_it_reaches(major: int, expected: str) -> None:
    assert f"SELECT '{expected}';" in statement("eldb", "list", major)


@pytest.mark.usefixtures("catalogue")
def test_a_block_is_its_own_text_and_nothing_of_its_neighbours() -> None:
    assert statement("eldb", "list", 15) == "/* vacate:list */\n-- The old name is gone.\nSELECT 'fifteen';"


@pytest.mark.usefixtures("catalogue")
def test_a_server_below_the_lowest_floor_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedServerError) as refused:
        statement("eldb", "list", 8)
    assert str(refused.value) == "eldb 8 is not supported: the statement 'list' needs version 9 or newer"


@pytest.mark.usefixtures("catalogue")
def test_the_oldest_supported_version_is_the_lowest_floor() -> None:
    assert oldest_supported("eldb", "list") == 9


def test_floors_are_compared_as_numbers(catalogue: Path) -> None:
    (catalogue / "count.sql").write_text("-- since: 9\nSELECT 9;\n-- since: 10\nSELECT 10;\n", encoding="utf-8")
    assert statement("eldb", "count", 9) == "SELECT 9;"
    assert statement("eldb", "count", 10) == "SELECT 10;"


# --- our own ---------------------------------------------------------------------------------------------------------

NAMES = sorted(
    entry.name.removesuffix(".sql")
    for entry in (files("vacate.engines") / "postgresql").iterdir()
    if entry.name.endswith(".sql")
)


def test_the_statements_of_a_sweep_are_there() -> None:
    assert {"setup", "probe", "look", "terminate", "still_present"} <= set(NAMES)


@pytest.mark.parametrize("major", [15, 16, 17, 18, 19])
@pytest.mark.parametrize("name", NAMES)
def test_every_supported_postgresql_has_every_statement(name: str, major: int) -> None:
    assert statement("postgresql", name, major).startswith(f"/* vacate:{name} */")


@pytest.mark.parametrize("name", NAMES)
def test_an_older_postgresql_is_refused_by_name(name: str) -> None:
    with pytest.raises(UnsupportedServerError, match=f"postgresql 14 .* '{name}' needs version 15"):
        statement("postgresql", name, 14)
