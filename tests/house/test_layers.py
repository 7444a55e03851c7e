"""Imports point one way, and the contract that says so can break."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.checkout import PACKAGE, ROOT, modules


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of that checkout, on that checkout's own source."""
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root / "src"), "NO_COLOR": "1", "COLUMNS": "200"},
        check=False,
        capture_output=True,
        text=True,
    )


def test_the_rooms_keep_their_contracts() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "imported", "contract"),
    [
        pytest.param("domain/planted.py", "vacate.operations", "Imports point one way", id="inner_to_outer"),
        pytest.param("operations/planted.py", "vacate.components", "Imports point one way", id="verb_to_engine"),
        pytest.param("store/planted.py", "vacate.iam", "Imports point one way", id="room_to_its_neighbour"),
        pytest.param("components/planted.py", "vacate.wiring", "Imports point one way", id="room_to_wiring"),
        pytest.param("attic/__init__.py", "json", "Imports point one way", id="room_without_a_place"),
        pytest.param("domain/planted.py", "msgspec", "standard library only", id="domain_to_a_library"),
        pytest.param("api/planted.py", "vacate.operations.access.ports", "Imports point one way", id="wire_to_verb"),
        pytest.param("api/planted.py", "starlette", "free of web frameworks", id="wire_to_the_web_framework"),
        pytest.param("client/planted.py", "vacate.http", "Imports point one way", id="client_to_the_routers"),
        pytest.param("client/planted.py", "sqlalchemy", "neither the web stack", id="client_to_the_store"),
        pytest.param("store/planted.py", "httpx", "HTTP client", id="store_to_the_http_client"),
        pytest.param("store/planted.py", "asyncpg", "databases' driver", id="store_to_the_driver"),
    ],
)
def test_a_planted_breach_is_caught(tmp_path: Path, module: str, imported: str, contract: str) -> None:
    shutil.copytree(PACKAGE, tmp_path / "src" / "vacate", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    planted = tmp_path / "src" / "vacate" / module
    planted.parent.mkdir(exist_ok=True)
    planted.write_text(f"import {imported}\n", encoding="utf-8")
    result = lint(tmp_path)
    broken = [line for line in result.stdout.splitlines() if line.endswith("BROKEN")]
    assert result.returncode != 0, result.stdout
    assert any(contract in line for line in broken), result.stdout


def test_the_domain_imports_the_standard_library_only() -> None:
    foreign: set[str] = set()
    for path in (path for path in modules() if path.is_relative_to(PACKAGE / "domain")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            roots = {name.partition(".")[0] for name in names} - {"vacate"} - sys.stdlib_module_names
            foreign.update(f"{path.name}: {name}" for name in roots)
    assert not foreign
