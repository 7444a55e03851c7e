"""Other tools at work on a server of ours, and Vacate sweeping beside them.

A tool runs as the server's own account, in the workplace, and is ended by its process id. Those of Debian are looked
for on this machine; the test of one that is absent is skipped by name.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.in_process import Vacate
from tests.support.postgres import LiveServer
from vacate.demo.servers import Workplace
from vacate.domain.sweeps import Outcome, Report, SessionOutcome

_POLL_S = 0.02
_TERM_S = 10.0
_PLACES = ("/usr/sbin", "/usr/lib/postgresql/15/bin")


def program(name: str, package: str) -> Path:
    """The path of a tool of Debian's; the test is skipped by name where it is absent."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_PLACES])
    found = shutil.which(name, path=path)
    if found is None:
        pytest.skip(f"{name} is not on this machine: install Debian's {package}")
    return Path(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool that was started. Everything that it starts stays in its process group, or is ended by it."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def running(self) -> bool:
        """True until it ends."""
        return self.process.poll() is None

    @property
    def words(self) -> str:
        """What it has printed by now."""
        return self.log.read_text("utf-8", errors="replace")

    async def ends(self, *, within_s: float = 60.0) -> int:
        """Wait for its end, and return its exit status."""
        deadline = time.monotonic() + within_s
        while self.running:
            assert time.monotonic() < deadline, f"{self.log.stem} still runs after {within_s:g} s:\n{self.words}"
            await asyncio.sleep(_POLL_S)
        return self.process.wait()

    def stop(self) -> None:
        """End it and its process group."""
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_TERM_S)
        self._signal(signal.SIGKILL)
        self.process.wait(_TERM_S)

    def _signal(self, signum: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signum)


@dataclass(slots=True, kw_only=True)
class Bench:
    """Starts tools as the servers' account. What still runs at the end of the test is ended."""

    place: Workplace
    folder: Path
    tools: list[Tool] = field(default_factory=list[Tool])

    def remember(self, user: str, password: str) -> None:
        """Write a password to the account's `.pgpass`, where libpq finds it for every server."""
        file = self.place.path / ".pgpass"
        known = file.read_text() if file.exists() else ""
        line = f"*:*:*:{user}:{password}\n"
        if line not in known:
            self.place.write(file, known + line)

    def write(self, name: str, text: str, *, mode: int = 0o600) -> Path:
        """Write a file of the account's."""
        path = self.folder / name
        self.place.write(path, text)
        path.chmod(mode)
        return path

    def directory(self, name: str) -> Path:
        """Make a folder of the account's."""
        path = self.folder / name
        self.place.directory(str(path.relative_to(self.place.path)))
        return path

    def start(
        self, command: Sequence[str | Path], *, name: str = "", variables: Mapping[str, str] | None = None
    ) -> Tool:
        """Start a tool; its words go to a log."""
        log = self.folder / f"{name or Path(command[0]).name}-{len(self.tools)}.log"
        settings = [f"{key}={value}" for key, value in (variables or {}).items()]
        line = ["env", *settings, *command] if settings else command
        tool = Tool(process=self.place.spawn(line, log=log), log=log)
        self.tools.append(tool)
        return tool

    async def run(self, command: Sequence[str | Path], **options: Mapping[str, str]) -> str:
        """Run a tool to its end, which has to be a good one, and return its words."""
        tool = self.start(command, **options)  # pyright: ignore[reportArgumentType]
        assert await tool.ends() == 0, tool.words
        return tool.words

    def close(self) -> None:
        """End what still runs, the youngest first."""
        for tool in reversed(self.tools):
            tool.stop()


# --- sweeping beside it ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Seen:
    """Every session that sweeps met while a tool worked, with the last outcome of each."""

    entries: dict[int, SessionOutcome] = field(default_factory=dict[int, SessionOutcome])

    def add(self, report: Report) -> None:
        """Take in the report of one sweep. An end is never written over: the process id may be somebody else's soon."""
        for entry in report.sessions:
            known = self.entries.get(entry.session.session_id)
            if known is None or known.outcome is not Outcome.TERMINATED:
                self.entries[entry.session.session_id] = entry

    def of(self, *, user: str | None = None, application: str | None = None) -> list[SessionOutcome]:
        """The sessions of a user, of an application, or of both."""
        return [
            entry
            for entry in self.entries.values()
            if (user is None or entry.session.user == user)
            and (application is None or entry.session.application == application)
        ]

    @property
    def ended(self) -> list[SessionOutcome]:
        """The sessions that a sweep ended."""
        return [entry for entry in self.entries.values() if entry.outcome is Outcome.TERMINATED]

    def reasons(self, **names: str) -> set[str]:
        """Why sessions were spared, by the first objection to each."""
        return {str(entry.by) for entry in self.of(**names) if entry.outcome is Outcome.SPARED}


async def sweep_while(service: Vacate, condition: Callable[[], bool], *, within_s: float = 90.0) -> Seen:
    """Sweep again and again as long as a condition holds."""
    seen = Seen()
    deadline = time.monotonic() + within_s
    while condition():
        assert time.monotonic() < deadline, f"still so after {within_s:g} s"
        seen.add(await service.sweep())
    return seen


async def sweep_until(
    service: Vacate, condition: Callable[[Seen], Awaitable[bool] | bool], *, within_s: float = 30.0
) -> Seen:
    """Sweep again and again until a condition holds of what was seen."""
    seen = Seen()
    deadline = time.monotonic() + within_s
    while True:
        seen.add(await service.sweep())
        held = condition(seen)
        if held if isinstance(held, bool) else await held:
            return seen
        assert time.monotonic() < deadline, f"not so within {within_s:g} s: {seen}"


def address(server: LiveServer, user: str, database: str = "postgres") -> dict[str, str]:
    """Where libpq finds the server, as its environment variables have it."""
    return {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": user, "PGDATABASE": database}
