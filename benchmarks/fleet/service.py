"""A program: the service in this process, with an eye on its event loop.

    python -m benchmarks.fleet.service CONFIG

Each line on standard input is something to do; the answer is a line of JSON. `rest SECONDS` lets time pass, `census`
counts every component's sessions, `plan` makes a plan over everything. Every answer has `seconds`, `cpu_s` and
`longest_stall_ms` of the event loop meanwhile, and `rss_kib`.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from vacate.domain.access.identity import Actor, CredentialKind, Grant, Role
from vacate.domain.plans.plan import Scope
from vacate.domain.topology.components import ProjectId
from vacate.operations.clock import utc_now
from vacate.settings.file import Settings
from vacate.settings.loading import load_settings
from vacate.wiring.service import Service, open_service

_BEAT_S = 0.001
_POLL_S = 0.2


class Heart:
    """Beats as often as the event loop lets it, and remembers the longest pause."""

    def __init__(self) -> None:
        self.longest_s = 0.0

    @asynccontextmanager
    async def beating(self) -> AsyncGenerator[None]:
        """Beat until the block ends."""
        task = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _beat(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(_BEAT_S)
            self.longest_s = max(self.longest_s, time.perf_counter() - began - _BEAT_S)


async def main(config: Path) -> None:
    """Say `ready` when every component is, and do what is asked until standard input ends."""
    settings = load_settings(config)
    async with open_service(settings) as service:
        began = time.perf_counter()
        while any(each.problem is not None for each in service.gateway.health()):  # noqa: ASYNC110 - monitors ask too
            await asyncio.sleep(_POLL_S)
        _say({"ready_s": time.perf_counter() - began})
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            _say(await _measured(_deeds(settings, service, *line.split())))


def _deeds(settings: Settings, service: Service, name: str, *arguments: str) -> Callable[[], Awaitable[object]]:
    project = ProjectId(settings.projects[0].id)
    actor = Actor(
        user_id="bench",
        user_name="bench",
        domain="default",
        grants=(Grant(project_id=project, role=Role.OPERATOR),),
        credential_kind=CredentialKind.ACCESS_KEY,
        credential="bench",
        source_address="127.0.0.1",
        request_id="bench",
    )
    match name:
        case "rest":
            return lambda: asyncio.sleep(float(arguments[0]))
        case "census":
            return service.does.take_census
        case "plan":
            return lambda: service.does.admin.make_plan(
                actor, Scope(project_id=project), criteria=None, expires_in=None
            )
        case _:
            raise ValueError(f"there is no {name!r} to do")


async def _measured(deed: Callable[[], Awaitable[object]]) -> dict[str, object]:
    heart = Heart()
    cpu, began = time.process_time(), time.perf_counter()
    async with heart.beating():
        found = await deed()
    return {
        "seconds": time.perf_counter() - began,
        "cpu_s": time.process_time() - cpu,
        "longest_stall_ms": heart.longest_s * 1000,
        "rss_kib": _rss_kib(),
        "at": utc_now().isoformat(),
        "found": str(found)[:200],
    }


def _rss_kib() -> int:
    text = Path("/proc/self/smaps_rollup").read_text()
    return int(re.findall(r"^Rss:\s+(\d+) kB$", text, re.MULTILINE)[0])


def _say(answer: dict[str, object]) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
