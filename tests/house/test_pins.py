"""The pins are whole: everything that pyproject.toml asks for, by version and hash, from any index."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.checkout import ROOT

PIN = re.compile(r"(?P<name>[a-z0-9][a-z0-9.-]*)==(?P<version>[^ ;]+)( ; [^\\]+)?")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
FILES = ("runtime.txt", "gaussdb.txt", "demo.txt", "dev.txt", "neighbours.txt", "servers.txt")
# Unpacked in a folder of its own, so that it shares no environment with the rest.
APART = "servers.txt"


def pinned(name: str) -> dict[str, str]:
    """Name to version; a line that is neither a pin nor a hash is refused."""
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for entry in re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines():
        requirement, *hashes = re.split(r"\s+(?=--)", entry.strip())
        pin = PIN.fullmatch(requirement)
        assert pin, f"Not a pin: {entry}"
        assert hashes, f"A pin without hashes: {entry}"
        assert all(HASH.fullmatch(value) for value in hashes), f"Not a hash: {entry}"
        found[pin["name"]] = pin["version"]
    return found


def asked(name: str) -> list[Requirement]:
    """What pyproject.toml wants in the file of that name."""
    pyproject: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    if name == APART:
        return [Requirement(entry) for entry in pyproject["dependency-groups"]["servers"]]
    wanted: list[str] = list(pyproject["project"]["dependencies"])
    if name == "gaussdb.txt":
        wanted += pyproject["project"]["optional-dependencies"]["gaussdb"]
    if name in {"demo.txt", "dev.txt"}:
        wanted += pyproject["project"]["optional-dependencies"]["demo"]
        wanted += pyproject["dependency-groups"]["build"]
    if name == "dev.txt":
        wanted += [entry for entry in pyproject["dependency-groups"]["dev"] if isinstance(entry, str)]
    if name == "neighbours.txt":
        wanted += pyproject["dependency-groups"]["neighbours"]
    return [Requirement(entry) for entry in wanted]


@pytest.mark.parametrize("file", FILES)
def test_everything_asked_for_is_pinned(file: str) -> None:
    pins = pinned(file)
    stale = [
        str(requirement)
        for requirement in asked(file)
        if (name := canonicalize_name(requirement.name)) not in pins or pins[name] not in requirement.specifier
    ]
    assert not stale, f"Run `make pins`: {stale}"


@pytest.mark.parametrize("name", [name for name in FILES if name != APART])
def test_one_environment_holds_one_version_of_each(name: str) -> None:
    whole = pinned("dev.txt")
    own = pinned(name).keys() - whole.keys() if name == "neighbours.txt" else set[str]()
    assert {
        package: version for package, version in pinned(name).items() if package not in own
    }.items() <= whole.items()


def test_no_other_file_of_pins_lies_around() -> None:
    assert sorted(path.name for path in Path(ROOT / "requirements").iterdir()) == sorted(FILES)
