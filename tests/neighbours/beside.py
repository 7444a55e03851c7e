"""Other tools at work on a server of ours, and Vacate sweeping beside them.

A tool runs as the server's own account, in the workplace, and is ended by its process id. Those of Debian are looked
for on this machine; the test of one that is absent is skipped by name.
"""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.in_process import Vacate
from tests.support.postgres import LiveServer
from vacate.demo.servers import Workplace
from vacate.domain.judging.victim_warnings import WarningKind, warnings_of
from vacate.domain.sweeps.report import Outcome, SessionOutcome

_POLL_S = 0.02
_TERM_S = 10.0
_ANSWERED_S = 20.0
PROGRAMS = Path(__file__).with_name("programs")
"""Clients that are programs of their own."""
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

    def pause(self) -> None:
        """Have it and its children do nothing until it is resumed."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Have it go on."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it and its process group."""
        self.resume()
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
    ends: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])

    @property
    def account(self) -> str:
        """The name of the account that tools run under."""
        return pwd.getpwuid(self.place.account.uid if self.place.account else os.getuid()).pw_name

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

    def at_close(self, end: Callable[[], None]) -> None:
        """Have a server stopped after the test, when the tools have ended."""
        self.ends.append(end)

    def close(self) -> None:
        """End what still runs, the youngest first."""
        for tool in reversed(self.tools):
            tool.stop()
        for end in reversed(self.ends):
            end()


@dataclass(frozen=True, slots=True, kw_only=True)
class Talker:
    """A program that answers each line with how one request fared."""

    process: subprocess.Popen[str]

    async def says(self) -> str:
        """Its next line; empty when it has ended."""
        assert self.process.stdout is not None
        return (await asyncio.wait_for(asyncio.to_thread(self.process.stdout.readline), _ANSWERED_S)).strip()

    async def requests(self, count: int) -> list[str]:
        """So many requests, one after the other."""
        answers: list[str] = []
        for _ in range(count):
            print(file=self.process.stdin, flush=True)
            answers.append(await self.says())
        return answers


@asynccontextmanager
async def talking(command: Sequence[str | Path], **variables: str) -> AsyncGenerator[Talker]:
    """A client's program under our own account, from the moment on in which it says that it is ready."""
    with subprocess.Popen(  # noqa: ASYNC220 - it starts at once, and every answer of it is awaited in a thread.
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | variables,
    ) as process:
        try:
            talker = Talker(process=process)
            assert await talker.says() == "ready"
            yield talker
        finally:
            process.kill()


# --- sweeping beside it ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Seen:
    """What sweeps met while a tool worked: an entry for each session of each sweep."""

    entries: list[SessionOutcome] = field(default_factory=list[SessionOutcome])

    def of(self, **facts: str) -> list[SessionOutcome]:
        """The sessions of which these facts are so: a user, an application, a kind of backend."""
        return [
            entry
            for entry in self.entries
            if all(getattr(entry.session, name) == value for name, value in facts.items())
        ]

    @property
    def ended(self) -> list[SessionOutcome]:
        """The sessions that a sweep ended."""
        return [entry for entry in self.entries if entry.outcome is Outcome.TERMINATED]

    @property
    def looked_like(self) -> set[WarningKind]:
        """What a plan's preview would have warned of, had these sessions been its victims."""
        return {warning.kind for warning in warnings_of(entry.session for entry in self.ended)}

    def reasons(self, **facts: str) -> set[str]:
        """Why sessions were spared, by the first objection at each sweep."""
        return {str(entry.by) for entry in self.of(**facts) if entry.outcome is Outcome.SPARED}


async def sweep_while(service: Vacate, condition: Callable[[], bool], *, within_s: float = 90.0) -> Seen:
    """Sweep again and again as long as a condition holds."""
    seen = Seen()
    deadline = time.monotonic() + within_s
    while condition():
        assert time.monotonic() < deadline, f"still so after {within_s:g} s"
        seen.entries.extend((await service.sweep()).sessions)
    return seen


async def sweep_until(
    service: Vacate, condition: Callable[[Seen], Awaitable[bool] | bool], *, within_s: float = 30.0
) -> Seen:
    """Sweep again and again until a condition holds of what was seen."""
    seen = Seen()
    deadline = time.monotonic() + within_s
    while True:
        seen.entries.extend((await service.sweep()).sessions)
        held = condition(seen)
        if held if isinstance(held, bool) else await held:
            return seen
        assert time.monotonic() < deadline, f"not so within {within_s:g} s: {seen}"


def address(server: LiveServer, user: str, database: str = "postgres") -> dict[str, str]:
    """Where libpq finds the server, as its environment variables have it."""
    return {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": user, "PGDATABASE": database}
