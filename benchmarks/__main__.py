"""The command: `python -m benchmarks`, from the root of the checkout."""

import argparse
import contextlib
import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from benchmarks import audit, empty, fleet, kill, listing, machine, memory, overview, planned, race, readme, signatures
from benchmarks.figures import Table
from benchmarks.stage import BenchmarkError, Plan
from tests.support.service import ServiceFailedError
from vacate.demo.servers import DemoError, Installation, find_installations, open_workplace

BENCHMARKS: Mapping[str, Callable[[Plan], Table]] = {
    "kill": kill.measure,
    "planned": planned.measure,
    "race": race.measure,
    "empty": empty.measure,
    "listing": listing.measure,
    "overview": overview.measure,
    "memory": memory.measure,
    "fleet": fleet.measure,
    "signatures": signatures.measure,
    "audit": audit.measure,
}
_TOLD_TO_STOP = 143


def main() -> int:
    """Run what was asked for; 1 when something could not be measured."""
    asked = _arguments()
    _allow_many_files()
    # A run that is told to stop ends its servers and the service first.
    signal.signal(signal.SIGTERM, _stop)
    try:
        installations = _installations(asked.majors)
        with tempfile.TemporaryDirectory(prefix="vacate-bench-") as folder, open_workplace(Path(".demo")) as place:
            plan = Plan(
                rounds=asked.rounds,
                sizes=asked.sizes,
                installations=installations,
                place=place,
                folder=Path(folder),
                beside=asked.beside,
            )
            failed = [name for name in asked.names if not _run(name, plan, write=asked.write)]
    except DemoError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 1 if failed else 0


def _run(name: str, plan: Plan, *, write: bool) -> bool:
    where = machine.description(plan.installations, plan.folder)
    try:
        table = BENCHMARKS[name](plan)
    except (BenchmarkError, ServiceFailedError, DemoError) as error:
        print(f"benchmarks: {name} was not measured: {error}", file=sys.stderr)
        return False
    table = replace(table, notes=(*table.notes, where))
    print(f"\n{table}\n")
    if write:
        readme.write(name, table)
    return True


class _Asked(argparse.Namespace):
    name: str | None
    rounds: int
    sizes: tuple[int, ...]
    majors: tuple[int, ...]
    write: bool
    beside: Path | None

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name,) if self.name else tuple(BENCHMARKS)


def _arguments() -> _Asked:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Vacate beside the plain SQL.")
    parser.add_argument("name", nargs="?", choices=BENCHMARKS, help="one of them; without it, all")
    parser.add_argument("--rounds", type=_number, default=5, help="how often (default: 5)")
    parser.add_argument(
        "--sizes", type=_numbers, default=(100, 500, 2000), help="idle sessions (default: 100,500,2000)"
    )
    parser.add_argument("--majors", type=_numbers, default=(15, 18), help="PostgreSQL versions (default: 15,18)")
    parser.add_argument("--write", action="store_true", help="keep the figures in benchmarks/README.md")
    parser.add_argument(
        "--beside",
        type=_checkout,
        help="another checkout of Vacate, whose service is measured in the same turns (kill and listing)",
    )
    return parser.parse_args(namespace=_Asked())


def _checkout(text: str) -> Path:
    checkout = Path(text).resolve()
    if not (checkout / "src" / "vacate").is_dir():
        raise argparse.ArgumentTypeError(f"{text} is no checkout of Vacate: it has no src/vacate")
    return checkout


def _number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(sorted({_number(part) for part in text.split(",")}))


def _installations(majors: tuple[int, ...]) -> tuple[Installation, ...]:
    """The best installation of each major version; one that is missing is named and left out."""
    found: dict[int, Installation] = {}
    for installation in find_installations():
        found.setdefault(installation.major, installation)
    for major in majors:
        if major not in found:
            print(f"benchmarks: PostgreSQL {major} is not on this machine, so it is left out", file=sys.stderr)
    chosen = tuple(found[major] for major in majors if major in found)
    if not chosen:
        raise DemoError("none of the PostgreSQL versions is on this machine; let PG_BIN name the programs of one")
    return chosen


def _allow_many_files() -> None:
    """Two thousand sessions are two thousand files of the process that holds them, and that inherits our limit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _stop(*_: object) -> NoReturn:
    sys.exit(_TOLD_TO_STOP)


if __name__ == "__main__":
    sys.exit(main())
