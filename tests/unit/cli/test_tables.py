"""Tables fit the terminal they are shown on, and are whole everywhere else."""

from collections.abc import Callable

import pytest
from rich.cells import cell_len

from tests.support.hostile import NAMES, acting
from vacate.cli import output
from vacate.cli.tables import Column, Table, folded, show, show_block

ID = "0c8f2f1be0c35a8f9d0c51c1f2a7be90"
COLUMNS = (
    Column(title="id"),
    Column(title="name", text=True, minor=1),
    Column(title="place", text=True, minor=2),
    Column(title="count", right=True),
    Column(title="why", text=True, least=20),
)
Shown = Callable[..., list[str]]


def table(*rows: tuple[str, ...]) -> Table:
    made = Table(columns=COLUMNS)
    for row in rows:
        made.add(*row)
    return made


def looked_at(*, terminal: bool) -> Callable[..., bool]:
    def answer(*, talk: bool = False) -> bool:
        del talk
        return terminal

    return answer


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shown:
    """A table's lines on a terminal of a width, or in a pipe."""

    def lines(made: Table, width: int | None) -> list[str]:
        monkeypatch.setattr(output, "is_terminal", looked_at(terminal=width is not None))
        monkeypatch.setenv("COLUMNS", str(width or 80))
        monkeypatch.setenv("NO_COLOR", "1")
        show(made)
        return capsys.readouterr().out.splitlines()

    return lines


def test_a_wide_terminal_has_aligned_columns_and_no_box(shown: Shown) -> None:
    lines = shown(table((ID, "ana", "here", "7", "it holds a lock"), (ID, "漢字", "there", "12", "-")), 120)
    assert lines == [
        "id                                name  place  count  why",
        f"{ID}  ana   here       7  it holds a lock",
        f"{ID}  漢字  there     12  -",
    ]


def test_texts_are_folded_before_a_column_goes(shown: Shown) -> None:
    lines = shown(table((ID, "ana", "here", "7", "one two three four five six seven")), 80)
    assert lines[0].split() == ["id", "name", "place", "count", "why"]
    assert max(map(cell_len, lines)) <= 80
    assert " ".join(line.split("7 ")[-1].strip() for line in lines[1:]) == "one two three four five six seven"


def test_the_least_important_columns_go_first_and_that_is_said(
    shown: Shown, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = table((ID, "n" * 30, "p" * 30, "7", "w" * 40))
    assert shown(made, 80)[0].split() == ["id", "name", "count", "why"]
    assert shown(made, 66)[0].split() == ["id", "count", "why"]
    monkeypatch.setenv("COLUMNS", "66")
    show(made)
    assert "no room for: name, place" in capsys.readouterr().err


def test_a_narrow_terminal_has_a_block_a_row_and_ids_in_one_piece(shown: Shown) -> None:
    lines = shown(table((ID, "ana", "here", "7", "it holds an advisory lock and more"), (ID, "bo", "-", "8", "-")), 40)
    assert lines == [
        f"id     {ID}",
        "name   ana",
        "place  here",
        "count  7",
        "why    it holds an advisory lock and",
        "       more",
        "",
        f"id     {ID}",
        "name   bo",
        "place  -",
        "count  8",
        "why    -",
    ]
    assert ID in shown(table((ID, "ana", "here", "7", "x")), 35)


@pytest.mark.parametrize("width", [1, 20, 40, 66, 80, 120, 200])
def test_whatever_is_in_it_a_table_fits_and_nothing_is_lost(shown: Shown, width: int) -> None:
    for name in NAMES.values():
        lines = shown(table((ID, name, name, "7", name)), width)
        assert not acting("".join(lines))
        if width >= 40:
            assert max(map(cell_len, lines)) <= width
        written = "".join("".join(lines).split())
        assert ID in written


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_pipe_has_tabs_and_whole_values(shown: Shown, name: str) -> None:
    head, row = shown(table((ID, name, "here", "7", name)), None)
    assert head == "id\tname\tplace\tcount\twhy"
    assert row.split("\t") == [ID, output.writable(name), "here", "7", output.writable(name)]
    assert not acting(row)


def test_one_thing_is_a_line_a_value(
    shown: Shown, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown(table(), 40)
    show_block([(Column(title="request"), ID), (Column(title="none"), ""), (Column(title="by", text=True), "a\nb")])
    assert capsys.readouterr().out == f"request\n{ID}\nby       a\\nb\n"
    monkeypatch.setattr(output, "is_terminal", looked_at(terminal=False))
    show_block([(Column(title="by", text=True), "a\tb")])
    assert capsys.readouterr().out == "by\ta\\tb\n"


@pytest.mark.parametrize("width", [1, 2, 3, 7, 20])
@pytest.mark.parametrize("text", ["", "a", "one two  three", "n" * 50, "漢字" * 9, "e\u0301 " * 9])
def test_folded_text_is_all_there(text: str, width: int) -> None:
    lines = folded(text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(cell_len(line) <= max(width, 2) for line in lines)


def test_an_escape_is_not_torn_apart() -> None:
    assert folded(r"aaaa\u202eb", 8) == ["aaaa", r"\u202eb"]


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "is_terminal", looked_at(terminal=True))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert output.red("x") == "\x1b[31mx\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert output.red("x") == "x"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert output.bold("x") == "x"
