"""Text leaves the package by few ways, each of which makes foreign text safe; no module has a way of its own."""

import ast
import itertools
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import pytest

from tests.house.checkout import PACKAGE, modules

OUTPUT = "cli/output.py"
LOGS = "telemetry/logs.py"
TEXTS = "domain/texts.py"

_SQL = re.compile(r"\b(?:GRANT|REVOKE|ALTER|CREATE|DROP|SELECT|INSERT|UPDATE|DELETE|COMMENT|SET)\b")
_TAG = re.compile(r"<(?:/?[a-zA-Z][a-zA-Z0-9]*[\s>/]|!)")
_MARKUP = re.compile(r"\[/?(?:bold|dim|italic|underline|red|green|yellow|blue|link)\b[^\]]*\]|\x1b\[")

Finder = Callable[[ast.AST], bool]


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a name or an attribute; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := dotted(node.value)):
        return f"{base}.{node.attr}"
    return ""


def imported(node: ast.AST) -> Iterator[str]:
    """The modules that an import statement names, and what it takes out of them."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def prints(node: ast.AST) -> bool:
    """A stream is written to, or a helper of a library that does so is used."""
    names = {"print", "sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__"}
    libraries = {"click.echo", "click.secho", "click.style", "click.echo_via_pager"}
    return dotted(node) in names | libraries or bool(set(imported(node)) & (libraries | {"sys.stdout", "sys.stderr"}))


def decorates(node: ast.AST) -> bool:
    """Markup or colours are made: by rich, which is there to measure letters, or by hand."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and _MARKUP.search(node.value):
        return True
    rich = [name for name in imported(node) if name.split(".")[0] == "rich"]
    return any(not name.startswith("rich.cells") for name in rich)


def formats_logs(node: ast.AST) -> bool:
    """A log line is laid out, or sent somewhere."""
    handler = re.compile(r"logging(\.handlers)?\.(\w*Handler|Formatter|basicConfig)")
    return bool(handler.fullmatch(dotted(node))) or any(map(handler.fullmatch, imported(node)))


def writes_csv(node: ast.AST) -> bool:
    """The module for CSV is used."""
    return "csv" in set(imported(node))


def writes_html(node: ast.AST) -> bool:
    """HTML is escaped or put together of texts."""
    if {"html", "html.escape"} & set(imported(node)):
        return True
    return isinstance(node, ast.JoinedStr) and any(map(_TAG.search, constants(node)))


def quotes_sql(node: ast.AST) -> bool:
    """A name or a value is put between quotes of SQL by hand."""
    if not isinstance(node, ast.JoinedStr) or not any(map(_SQL.search, constants(node))):
        return False
    return any(
        str(before.value).endswith(("'", '"'))
        for before, after in itertools.pairwise(node.values)
        if isinstance(before, ast.Constant) and isinstance(after, ast.FormattedValue)
    )


def constants(node: ast.JoinedStr) -> Iterator[str]:
    """The texts of an f-string between its values."""
    return (str(part.value) for part in node.values if isinstance(part, ast.Constant))


# What is looked for, where alone it may be, and a line that must be found.
WAYS: tuple[tuple[Finder, frozenset[str], str], ...] = (
    (prints, frozenset({OUTPUT, LOGS}), "import click\nclick.echo(name)"),
    (prints, frozenset({OUTPUT, LOGS}), "from click import secho as s"),
    (prints, frozenset({OUTPUT, LOGS}), "import sys\nsys.stdout.write(name)"),
    (decorates, frozenset({OUTPUT}), "from rich.console import Console"),
    (decorates, frozenset({OUTPUT}), "say(f'[bold]{name}[/bold]')"),
    (formats_logs, frozenset({LOGS}), "import logging\nlogging.StreamHandler()"),
    (formats_logs, frozenset({LOGS}), "from logging import Formatter"),
    (writes_csv, frozenset({"cli/audit.py"}), "import csv"),
    (writes_html, frozenset({TEXTS}), "f'<td>{name}</td>'"),
    (writes_html, frozenset({TEXTS}), "from html import escape"),
    (quotes_sql, frozenset({TEXTS}), "f'GRANT x TO \"{name}\";'"),
    (quotes_sql, frozenset({TEXTS}), "f\"ALTER ROLE x PASSWORD '{name}'\""),
)


@lru_cache
def sources() -> dict[str, ast.AST]:
    """Every module of the package, read once."""
    return {said(path): ast.parse(path.read_text(encoding="utf-8")) for path in modules()}


def places(finder: Finder, tree: ast.AST) -> list[int]:
    return [getattr(node, "lineno", 0) for node in ast.walk(tree) if finder(node)]


def said(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize(
    ("finder", "allowed", "example"),
    WAYS,
    ids=[f"{finder.__name__}-{number}" for number, (finder, _, _) in enumerate(WAYS)],
)
def test_no_module_has_a_way_out_of_its_own(finder: Finder, allowed: frozenset[str], example: str) -> None:
    found = {path: places(finder, tree) for path, tree in sources().items()}
    others = {path: lines for path, lines in found.items() if lines and path not in allowed}
    assert not others, f"{finder.__doc__} Use {OUTPUT}, {LOGS} or {TEXTS} instead."
    assert places(finder, ast.parse(example)), "What is looked for would not be found."


def test_every_json_that_leaves_is_made_safe() -> None:
    """Whoever encodes JSON keeps it inside, or has it written by `for_json`."""
    inside = {
        "http/reference/answers.py",
        "http/reference/routes.py",  # of our own words
        "client/plans.py",
        "client/requests.py",  # which the service reads
        "cli/demo.py",
        "cli/demo_folder.py",
        "demo/leftovers.py",
        "domain/audit/chain.py",
        "domain/plans/plan.py",
        "store/anchor.py",
        "store/audit.py",
        "store/plans.py",
        "store/verification.py",  # `cli/audit.py` writes it
        "wiring/service.py",  # of which a mark is made
        "store/migrations/versions/0002_audit_chain.py",
    }
    outside = {
        said(path)
        for path in modules()
        if re.search(r"json\.(?:encode|dumps?)\(", text := path.read_text(encoding="utf-8")) and "for_json(" not in text
    }
    assert outside - inside == set()
