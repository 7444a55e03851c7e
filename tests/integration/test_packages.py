"""What is built can be installed and started: the wheel in an empty environment; the sdist builds the same wheel."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Callable
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from tests.house.checkout import ROOT, files

_WITHIN_S = 120
_PACKAGE = "src/vacate/"
Run = Callable[..., str]


def _run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        # No setting of whoever runs the tests, and no network: whatever is wanted is there.
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        check=False,
        capture_output=True,
        text=True,
        timeout=_WITHIN_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "hatchling", "build", "--directory", folder, cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (found,) = built.glob("vacate-*.whl")
    return found


@pytest.fixture(scope="module")
def sdist(built: Path) -> Path:
    (found,) = built.glob("vacate-*.tar.gz")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with nothing in it but the wheel; what it needs is lent by ours."""
    home = tmp_path_factory.mktemp("installed")
    _run(sys.executable, "-m", "venv", "--without-pip", home / "venv", cwd=home)
    python = home / "venv" / "bin" / "python"
    _run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", wheel, cwd=home)
    site = _run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home).strip()
    # Paths of a .pth file are searched, and the .pth files in them are not: the checkout itself stays out of reach.
    Path(site, "lent.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    place = _run(python, "-c", "import vacate; print(vacate.__file__)", cwd=home).strip()
    assert Path(place).is_relative_to(home)
    return python.parent


def _names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as opened:
        return {name for name in opened.namelist() if ".dist-info/" not in name}


def _metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as opened:
        (name,) = (name for name in opened.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(opened.read(name))


def test_the_wheel_holds_every_file_of_the_package_and_no_other(wheel: Path) -> None:
    relative = (path.relative_to(ROOT).as_posix() for path in files())
    package = {name.removeprefix("src/") for name in relative if name.startswith(_PACKAGE)}
    assert _names(wheel) == package
    assert "vacate/settings/example.toml" in package


def test_the_sdist_holds_what_is_committed_of_its_folders_and_nothing_that_git_ignores(sdist: Path) -> None:
    with tarfile.open(sdist) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    known = {path.relative_to(ROOT).as_posix() for path in files()}
    folders = ("src/", "tests/", "docs/", "deploy/", "benchmarks/", "requirements/")
    assert {name for name in known if name.startswith(folders)} <= names
    assert names <= known | {"PKG-INFO"}


def test_the_sdist_builds_the_same_wheel_without_git(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    _run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", sdist, cwd=tmp_path)
    (again,) = tmp_path.glob("*.whl")
    assert _names(again) == _names(wheel)
    assert _metadata(again).as_string() == _metadata(wheel).as_string()


def test_the_metadata_says_what_it_is_for_whom_and_what_it_needs(wheel: Path) -> None:
    metadata = _metadata(wheel)
    assert metadata["Summary"]
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert str(metadata.get_payload()).startswith("# Vacate\n")
    assert "postgresql" in metadata["Keywords"].split(",")
    assert "Topic :: Database" in metadata.get_all("Classifier", [])
    assert {"demo", "gaussdb"} <= set(metadata.get_all("Provides-Extra", []))


@pytest.mark.parametrize("command", [("vacate",), ("python", "-m", "vacate")], ids=" ".join)
def test_an_installed_wheel_says_its_version(installed: Path, wheel: Path, tmp_path: Path, command: list[str]) -> None:
    program, *arguments = command
    said = _run(installed / program, *arguments, "--version", cwd=tmp_path)
    assert said == f"vacate {_metadata(wheel)['Version']}\n"


def test_an_installed_wheel_prints_and_writes_the_example_that_it_can_read(installed: Path, tmp_path: Path) -> None:
    example = (ROOT / _PACKAGE / "settings" / "example.toml").read_text(encoding="utf-8")
    assert _run(installed / "vacate", "config", "example", cwd=tmp_path) == example
    _run(installed / "vacate", "config", "example", "--output", "vacate.toml", cwd=tmp_path)
    written = tmp_path / "vacate.toml"
    assert written.read_text(encoding="utf-8") == example
    assert written.stat().st_mode & 0o777 == 0o600
    assert "is frozen" in _run(installed / "vacate", "freeze", "show", cwd=tmp_path)


def test_the_example_never_takes_the_place_of_a_file(installed: Path, tmp_path: Path) -> None:
    mine = tmp_path / "vacate.toml"
    mine.write_text("# mine\n")
    done = subprocess.run(
        [installed / "vacate", "config", "example", "--output", mine],
        check=False,
        capture_output=True,
        text=True,
        timeout=_WITHIN_S,
    )
    assert done.returncode == 1
    assert "File exists" in done.stderr
    assert mine.read_text() == "# mine\n"


def test_the_version_is_told_without_loading_what_commands_need(installed: Path, tmp_path: Path) -> None:
    program = (
        "import atexit, sys; atexit.register(lambda: print(*sys.modules)); "
        "from vacate.cli import main; main(['--version'])"
    )
    *_, loaded = _run(installed / "python", "-c", program, cwd=tmp_path).splitlines()
    heavy = {"asyncio", "sqlalchemy", "alembic", "msgspec", "starlette", "uvicorn", "httpx", "rich", "asyncpg"}
    assert not heavy & set(loaded.split())
    assert not [name for name in loaded.split() if name.startswith(("vacate.store", "vacate.http", "vacate.wiring"))]
