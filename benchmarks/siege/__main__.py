"""The command: `python -m benchmarks.siege`, from the root of the checkout. The exit code is 1 if a goal was missed."""

import argparse
import contextlib
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from benchmarks import machine
from benchmarks.figures import Table
from benchmarks.siege import criteria, database, deaf_peers, floods, fuzz, guesses, idle_sockets
from benchmarks.siege.field import Field
from benchmarks.siege.figures import MIB, Figure, Found, Scale
from benchmarks.stage import BenchmarkError
from tests.support.postgres import LiveServer
from tests.support.service import ServiceFailedError
from vacate.demo.servers import DemoError, find_installations, open_workplace

ATTACKS: Mapping[str, Callable[[Field], Found]] = {
    "idle": idle_sockets.measure,
    "flood": floods.measure,
    "deaf": deaf_peers.measure,
    "guesses": guesses.measure,
    "database": database.measure,
    "criteria": criteria.measure,
    "fuzz": fuzz.measure,
}
_SOFT_LIMIT = 1024
_SPARE_SLOTS = 40
_TOLD_TO_STOP = 143
_COLUMNS = ("attack", "what", "quiet", "besieged", "goal", "met")


def main() -> int:
    """Run what was asked for; 1 when a goal was missed or something could not be measured."""
    asked = _arguments()
    _allow_few_files()
    # A run that is told to stop ends its servers and the service first.
    signal.signal(signal.SIGTERM, _stop)
    try:
        found, failed = _besieged(asked)
    except DemoError as error:
        print(f"siege: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0 if not failed and all(figure.met for figure in found) else 1


def _besieged(asked: "_Asked") -> tuple[list[Figure], list[str]]:
    installation = find_installations()[0]
    figures: list[Figure] = []
    failed: list[str] = []
    logged = 0
    with tempfile.TemporaryDirectory(prefix="vacate-siege-") as folder, open_workplace(Path(".demo")) as place:
        where = machine.description((installation,), Path(folder))
        slots = _SPARE_SLOTS + (asked.scale.sessions if "criteria" in asked.names else 100)
        server = LiveServer.start(place, "siege", installation, settings={"max_connections": str(slots)})
        try:
            for name in asked.names:
                started = time.monotonic()
                print(f"siege: {name}", file=sys.stderr)
                field = Field(server=server, folder=Path(folder), scale=asked.scale)
                try:
                    found = ATTACKS[name](field)
                except (BenchmarkError, ServiceFailedError, AssertionError) as error:
                    print(f"siege: {name} was not measured: {error!r}", file=sys.stderr)
                    failed.append(name)
                    continue
                figures += found.figures
                figures += [_bad_ending(name, ending) for ending in field.endings]
                logged += found.log_bytes
                for note in found.notes:
                    print(f"siege: {name}: {note}", file=sys.stderr)
                print(f"siege: {name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
        finally:
            server.server.stop("immediate")
    figures.append(
        Figure(
            attack="all",
            what="bytes logged during all of it",
            quiet="-",
            besieged=f"{logged / MIB:.1f} MiB",
            goal=f"<= {asked.scale.log_mib:g} MiB",
            met=logged <= asked.scale.log_mib * MIB,
        )
    )
    table = Table(title="Siege", columns=_COLUMNS, rows=[figure.cells for figure in figures], notes=(where,))
    print(f"\n{table}\n")
    return figures, failed


def _bad_ending(attack: str, ending: str) -> Figure:
    """A service that had to be ended by force, or failed at its end."""
    print(f"siege: {ending}", file=sys.stderr)
    return Figure(
        attack=attack, what="end of the service", quiet="-", besieged="by force", goal="on SIGTERM", met=False
    )


class _Asked(argparse.Namespace):
    names: list[str]
    clients: int
    sources: int
    paths: int
    sessions: int
    requests: int
    kills: int
    loose: float

    @property
    def scale(self) -> Scale:
        """What was asked for; goals are as many times looser as was said."""
        usual = Scale()
        return replace(
            usual,
            clients=self.clients,
            sources=self.sources,
            guessers=min(usual.guessers, self.clients),
            paths=self.paths,
            sessions=self.sessions,
            requests=self.requests,
            kills=self.kills,
            sign_ins=max(1, 2 * self.kills),
            kill_s=usual.kill_s * self.loose,
            memory_mib=usual.memory_mib * self.loose,
            end_s=usual.end_s * self.loose,
            stall_s=usual.stall_s * self.loose,
        )


def _arguments() -> _Asked:
    usual = Scale()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.siege", description="Attack the running service.")
    parser.add_argument("names", nargs="*", metavar="attack", help=f"some of {', '.join(ATTACKS)}; without any, all")
    parser.add_argument("--clients", type=_number, default=usual.clients, help=f"default: {usual.clients}")
    parser.add_argument("--sources", type=_number, default=usual.sources, help="addresses that they come from")
    parser.add_argument("--paths", type=_number, default=usual.paths, help="so many paths at most, for flood")
    parser.add_argument("--sessions", type=_number, default=usual.sessions, help="for criteria")
    parser.add_argument("--requests", type=_number, default=usual.requests, help="for fuzz")
    parser.add_argument("--kills", type=_number, default=usual.kills, help="beside each attack")
    parser.add_argument("--loose", type=float, default=1.0, help="so many times as much as the goals is good enough")
    asked = parser.parse_args(namespace=_Asked())
    asked.names = asked.names or list(ATTACKS)
    for name in asked.names:
        if name not in ATTACKS:
            parser.error(f"there is no attack {name}; choose from {', '.join(ATTACKS)}")
    return asked


def _number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def _allow_few_files() -> None:
    """What is started inherits the limit that a login has on most systems; the attackers raise their own again."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (_SOFT_LIMIT, most))


def _stop(*_: object) -> NoReturn:
    sys.exit(_TOLD_TO_STOP)


if __name__ == "__main__":
    sys.exit(main())
