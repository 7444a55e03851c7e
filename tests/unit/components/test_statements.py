"""The catalogue: each server gets the newest block that is not too new for it, or is refused by name."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from vacate.components import statements
from vacate.components.statements import blocks, statement
from vacate.domain.errors import UnsupportedServerError

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
    statements.blocks.cache_clear()  # What was read before is not this one.
    yield folder
    statements.blocks.cache_clear()  # Nor the other way round.


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


def test_floors_are_compared_as_numbers(catalogue: Path) -> None:
    (catalogue / "count.sql").write_text("-- since: 9\nSELECT 9;\n-- since: 10\nSELECT 10;\n", encoding="utf-8")
    assert statement("eldb", "count", 9) == "SELECT 9;"
    assert statement("eldb", "count", 10) == "SELECT 10;"


OFFERS = """-- with: lwtid
/* vacate:end */ SELECT 'by thread';
-- with: sessionid
/* vacate:end */ SELECT 'listed';
-- with: sessionid, pg_end()
/* vacate:end */ SELECT 'by session';
"""


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        ({"lwtid"}, "by thread"),
        ({"sessionid"}, "listed"),
        ({"sessionid", "pg_end()", "more"}, "by session"),
        ({"lwtid", "pg_end()"}, "by thread"),
    ],
)
def test_a_server_gets_the_last_block_whose_needs_it_offers(catalogue: Path, offered: set[str], expected: str) -> None:
    (catalogue / "end.sql").write_text(OFFERS, encoding="utf-8")
    assert f"SELECT '{expected}';" in statement("eldb", "end", offered=offered)


def test_a_server_that_offers_too_little_is_told_what_it_lacks(catalogue: Path) -> None:
    (catalogue / "end.sql").write_text(OFFERS.partition("-- with: sessionid\n")[0], encoding="utf-8")
    with pytest.raises(UnsupportedServerError) as refused:
        statement("eldb", "end", offered={"pg_end()"})
    assert str(refused.value) == "the server is not supported: the statement 'end' needs lwtid, which it has not"


# --- our own ---------------------------------------------------------------------------------------------------------

NAMES = sorted(
    entry.name.removesuffix(".sql")
    for entry in (files("vacate.components") / "postgresql").iterdir()
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


GAUSS = sorted(
    entry.name.removesuffix(".sql")
    for entry in (files("vacate.components") / "gauss").iterdir()
    if entry.name.endswith(".sql")
)
SERVERS = {
    "openGauss 2.0": {"sessionid", "rolmonitoradmin", "pg_terminate_session()"},
    "openGauss 6.0 and GaussDB": {
        "sessionid",
        "rolmonitoradmin",
        "unique_sql_id",
        "pg_terminate_session()",
        "pg_stat_get_activity()",
    },
    "DWS": {"lwtid"},
}


@pytest.mark.parametrize("offered", SERVERS.values(), ids=SERVERS)
@pytest.mark.parametrize("name", GAUSS)
def test_every_server_of_the_gauss_family_has_every_statement(name: str, offered: set[str]) -> None:
    assert statement("gauss", name, offered=offered).startswith(f"/* vacate:{name} */")


def test_where_sessions_cannot_be_told_from_threads_nobody_is_ended() -> None:
    with pytest.raises(UnsupportedServerError, match="needs pg_terminate_session"):
        statement("gauss", "terminate", offered={"sessionid", "rolmonitoradmin"})


def test_a_statement_of_the_gauss_family_ends_sessions_by_their_id_wherever_they_have_one() -> None:
    for block in blocks("gauss", "terminate"):
        assert ("pg_terminate_session(" in block.sql) == ("sessionid" in block.needs)
        assert ("pg_terminate_backend(" in block.sql) == ("lwtid" in block.needs)
