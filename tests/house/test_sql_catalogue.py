"""The SQL catalogue: one file per statement and engine, in blocks by server version, nothing twice."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.house.checkout import PACKAGE, files

HEADER = re.compile(r"^-- (?:since:[ ]*(?P<floor>\S+)|with:(?P<needs>[^\n]*))[ ]*$", re.MULTILINE)
FLOOR = re.compile(r"\d+")
NEED = re.compile(r"[a-z_]+(\(\))?")
MARKER = re.compile(r"/\* vacate:(?P<name>[a-z][a-z0-9_-]*) \*/")
LINES_OF_COMMENT = re.compile(r"(?:\s*--[^\n]*\n)*\s*")
COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One statement, as it is written for servers from the floor on, or for those that offer what it needs."""

    path: Path
    floor: str
    needs: tuple[str, ...]
    text: str

    @property
    def head(self) -> str:
        return f"since {self.floor}" if self.floor else f"with {', '.join(self.needs)}"

    @property
    def bare(self) -> str:
        """The statement without its comments, line breaks and capitals, for comparing."""
        return " ".join(COMMENT.sub(" ", self.text).split()).rstrip("; ").casefold()


def sql_files() -> tuple[Path, ...]:
    return tuple(path for path in files("*.sql") if path.is_relative_to(PACKAGE))


def blocks(path: Path) -> tuple[Block, ...]:
    text = path.read_text(encoding="utf-8")
    headers = tuple(HEADER.finditer(text))
    ends = (*(header.start() for header in headers[1:]), len(text))
    return tuple(
        Block(
            path=path,
            floor=header["floor"] or "",
            needs=tuple(filter(None, (need.strip() for need in (header["needs"] or "").split(",")))),
            text=text[header.end() : end],
        )
        for header, end in zip(headers, ends, strict=True)
    )


def name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.fixture(params=sql_files(), ids=name)
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def test_the_catalogue_holds_statements() -> None:
    assert sql_files(), "No statement was found, so the other tests here looked at nothing."


def test_a_statement_lies_with_the_engine_it_is_for(path: Path) -> None:
    room, _engine, _file = path.relative_to(PACKAGE).parts
    assert room == "components"


def test_every_line_of_sql_stands_in_a_block(path: Path) -> None:
    before, *_ = HEADER.split(path.read_text(encoding="utf-8"), maxsplit=1)
    assert not COMMENT.sub("", before).strip(), "A statement without `-- since:` or `-- with:` belongs to no server."
    assert blocks(path), "Head each block with `-- since: <floor>` or `-- with: <needs>`."
    assert all(block.bare for block in blocks(path)), "A block without a statement."


def test_blocks_come_oldest_first(path: Path) -> None:
    floors = [block.floor for block in blocks(path) if block.floor]
    assert all(FLOOR.fullmatch(floor) for floor in floors), f"A floor is a version number: {floors}"
    numbers = [tuple(int(part) for part in floor.split(".")) for floor in floors]
    assert numbers == sorted(set(numbers))


def test_a_block_says_what_it_needs_in_names_of_columns_and_functions(path: Path) -> None:
    named = [block for block in blocks(path) if not block.floor]
    assert all(NEED.fullmatch(need) for block in named for need in block.needs)
    needs = [frozenset(block.needs) for block in named]
    assert len(set(needs)) == len(needs), "Two blocks of one statement are for the same servers."
    assert not any(later < earlier for i, earlier in enumerate(needs) for later in needs[i:]), (
        "The last block that fits is taken, so a block that needs less comes before one that needs more."
    )


# What the grammar of PostgreSQL 9.2 does not have, or the family took out of it.
TOO_NEW = re.compile(
    r"\bLATERAL\b|\bFILTER\s*\(|\bMATERIALIZED\b|\bORDINALITY\b|\bmake_interval\b|\bto_reg\w+\b|\bunnest\([^()]*,"
    r"|\bLISTEN\b|\bIS JSON\b|\bbackend_type\s*=|\bwait_event_type\s*=|\bpg_blocking_pids\b|\bSKIP LOCKED\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("gauss", [path for path in sql_files() if path.parent.name == "gauss"], ids=name)
def test_the_gauss_family_is_asked_in_words_of_its_own_age(gauss: Path) -> None:
    for block in blocks(gauss):
        assert not TOO_NEW.findall(COMMENT.sub(" ", block.text)), f"{gauss.name}, {block.head}"


@pytest.mark.parametrize("gauss", [path for path in sql_files() if path.parent.name == "gauss"], ids=name)
def test_the_gauss_familys_own_objects_stand_without_a_schema(gauss: Path) -> None:
    """A double can stand in for them then."""
    assert "pg_catalog." not in gauss.read_text(encoding="utf-8")


def test_every_statement_says_on_the_server_whose_it_is(path: Path) -> None:
    for block in blocks(path):
        names = [marker["name"].replace("-", "_") for marker in MARKER.finditer(block.text)]
        assert names == [path.stem], f"{block.head}: open with /* vacate:{path.stem} */"
        opening = LINES_OF_COMMENT.sub("", block.text, count=1)
        assert MARKER.match(opening), f"{block.head}: a server cuts long texts, so the marker comes first."


def test_no_statement_is_written_twice() -> None:
    places = [(block.bare, name(block.path), block.head) for path in sql_files() for block in blocks(path)]
    counts = Counter(bare for bare, _, _ in places)
    twice = [(where, head) for bare, where, head in places if counts[bare] > 1]
    assert not twice, f"The same statement in several blocks: {twice}"
