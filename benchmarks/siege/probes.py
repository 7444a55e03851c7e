"""What is asked of a besieged service: kills that end a real session, its memory, its end."""

import asyncio
import http.client
import json
import signal
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import asyncpg

from benchmarks.siege.figures import NEVER
from benchmarks.stage import KILL_IDLE, BenchmarkError, Caller, Request
from tests.support.postgres import APP, LiveServer
from tests.support.service import HOST
from vacate.api.signing import sign

PATIENCE_S = 20.0
# A second that fails says no more than the first two did.
_ENOUGH_FAILURES = 2
_PAUSE_S = 0.3
_NUMBERS = count()


def signed(caller: Caller, request: Request) -> dict[str, str]:
    """The headers of a call; a number among them makes each signature another one, within one second too."""
    headers = {"X-Turn": str(next(_NUMBERS))} | ({"Content-Type": "application/json"} if request.body else {})
    return sign(
        method=request.method,
        url=caller.service.endpoint + request.path,
        headers=headers,
        body=request.body,
        access_key=caller.key.access_key,
        secret=caller.key.secret_key.encode(),
        at=datetime.now(UTC),
    )


def ask(
    port: int, request: Request, headers: dict[str, str], within_s: float = PATIENCE_S
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Make a call over a new connection: the status, the headers and the body of its answer.

    Raises:
        OSError, http.client.HTTPException: there was no answer.
    """
    connection = http.client.HTTPConnection(HOST, port, timeout=within_s)
    try:
        connection.request(request.method, request.path, body=request.body or None, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


@dataclass(slots=True, kw_only=True)
class Killer:
    """Somebody with an access key who opens a session and has it ended, over a new connection each time."""

    caller: Caller
    server: LiveServer
    problems: list[str] = field(default_factory=list[str])

    def kills(self, times: int, *, for_s: float = 0.0) -> list[float]:
        """How long each took, in seconds; one that was refused or not answered in time took for ever.

        Args:
            times: So many at least.
            for_s: For so long at least.
        """
        return asyncio.run(self._kills(times, for_s))

    async def _kills(self, times: int, for_s: float) -> list[float]:
        taken: list[float] = []
        until = time.monotonic() + for_s
        while len(taken) < times or time.monotonic() < until:
            taken.append(await self._kill())
            if sum(each == NEVER for each in taken) >= _ENOUGH_FAILURES:
                break
            await asyncio.sleep(_PAUSE_S)
        return taken

    async def _kill(self) -> float:
        victim = await asyncpg.connect(self.server.dsn(APP), server_settings={"application_name": "victim"})
        try:
            await victim.execute("SELECT 1")
            headers = signed(self.caller, KILL_IDLE)
            started = time.perf_counter()
            try:
                status, told, body = await asyncio.to_thread(ask, self.caller.service.port, KILL_IDLE, headers)
            except (OSError, http.client.HTTPException) as error:
                self.problems.append(f"a kill was not answered: {error!r}")
                return NEVER
            took = time.perf_counter() - started
            if status != 200 or json.loads(body) != {"success": True} or "terminated=" not in told["X-Vacate-Outcomes"]:
                self.problems.append(f"a kill was answered {status}: {body[:300].decode(errors='replace')}")
                return NEVER
            return took
        finally:
            victim.terminate()


@dataclass(slots=True, kw_only=True)
class Memory:
    """Resident memory of the service, in bytes."""

    pid: int
    before: int = 0

    @property
    def peak(self) -> int:
        """The most since the block began."""
        return _status(self.pid, "VmHWM")


@contextmanager
def memory(service: subprocess.Popen[bytes]) -> Generator[Memory]:
    """Watch the service's memory for the length of the block.

    Raises:
        BenchmarkError: this system does not tell.
    """
    if not Path("/proc/self/clear_refs").exists():
        raise BenchmarkError("the peak of memory is read from /proc, which this system does not have")
    # From now on the peak counts anew.
    Path(f"/proc/{service.pid}/clear_refs").write_text("5")
    yield Memory(pid=service.pid, before=_status(service.pid, "VmRSS"))


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise BenchmarkError(f"/proc/{pid}/status does not tell {name}")


def end_of(service: subprocess.Popen[bytes], patience_s: float) -> float:
    """Seconds from SIGTERM to the end; a service that stays is ended by force, and took for ever."""
    started = time.perf_counter()
    service.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        service.wait(patience_s)
        return time.perf_counter() - started
    service.kill()
    service.wait()
    return NEVER
