"""A load in a process of its own: sessions that stay idle, and sessions that flip between idle and work or wake once.

The process is told what to do on its standard input and answers on its standard output, one line each.
"""

import asyncio
import contextlib
import json
import random
import sys
from dataclasses import dataclass
from typing import Self

import asyncpg

_AT_ONCE = 24
_IDLE_S = (0.02, 0.12)
_QUERY = "SELECT pg_sleep(0.03)"
_WAKES_WITHIN_S = 1.0
_LONGER_QUERY = "SELECT pg_sleep(1)"


@dataclass(slots=True)
class Load:
    """The load as whoever started it holds it."""

    process: asyncio.subprocess.Process

    @classmethod
    async def start(cls, dsn: str, *, idle: int, flipping: int) -> Self:
        """Open the sessions; all of them are idle when this returns."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.support.load",
            dsn,
            str(idle),
            str(flipping),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        load = cls(process)
        try:
            assert await load._heard() == "open", "the load did not open its sessions"
        except BaseException:
            process.kill()
            await process.wait()
            raise
        return load

    async def flip(self) -> None:
        """Let the flipping ones begin; each has run a query when this returns."""
        await self._tell("flip")
        assert await self._heard() == "flipping", "the load did not begin"

    async def wake(self) -> None:
        """Let each of the flipping ones run one longer query instead, at some moment of the next seconds."""
        await self._tell("wake")
        assert await self._heard() == "waking", "the load did not begin"

    async def stop(self) -> int:
        """End the load; how many of the flipping sessions were ended by the server."""
        await self._tell("stop")
        ended = json.loads(await self._heard())
        await self.process.wait()
        return int(ended)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def _tell(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n".encode())
        await self.process.stdin.drain()

    async def _heard(self) -> str:
        assert self.process.stdout is not None
        return (await self.process.stdout.readline()).decode().strip()


class _Flipper:
    def __init__(self, session: asyncpg.Connection) -> None:
        self._session = session
        self.ran_once = asyncio.Event()
        self.ended = False

    async def flip(self) -> None:
        """Run a short query again and again, with a pause of random length, until the session is ended."""
        pause = random.Random()  # noqa: S311 - no secret, only no rhythm.
        try:
            while True:
                await asyncio.sleep(pause.uniform(*_IDLE_S))
                await self._session.execute(_QUERY)
                self.ran_once.set()
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            self.ended = True
            self.ran_once.set()

    async def wake(self) -> None:
        """Run one longer query, at some moment of the next seconds."""
        pause = random.Random()  # noqa: S311 - no secret, only no rhythm.
        await asyncio.sleep(pause.uniform(0, _WAKES_WITHIN_S))
        with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            await self._session.execute(_LONGER_QUERY)


async def _open(dsn: str, count: int, application: str) -> list[asyncpg.Connection]:
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one() -> asyncpg.Connection:
        async with slots:
            session = await asyncpg.connect(dsn, server_settings={"application_name": application}, timeout=60)
            await session.execute("SELECT 1")
            return session

    return await asyncio.gather(*(one() for _ in range(count)))


async def _work(dsn: str, idle: int, flipping: int) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    sessions = await _open(dsn, idle, "idle")
    flippers = [_Flipper(session) for session in await _open(dsn, flipping, "flipping")]
    print("open", flush=True)  # noqa: T201 - this is how it answers.
    tasks: list[asyncio.Task[None]] = []
    while word := (await reader.readline()).decode().strip():
        if word == "flip":
            tasks = [asyncio.create_task(flipper.flip()) for flipper in flippers]
            await asyncio.gather(*(flipper.ran_once.wait() for flipper in flippers))
            print("flipping", flush=True)  # noqa: T201
        elif word == "wake":
            tasks = [asyncio.create_task(flipper.wake()) for flipper in flippers]
            print("waking", flush=True)  # noqa: T201
        else:
            break
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print(json.dumps(sum(flipper.ended for flipper in flippers)), flush=True)  # noqa: T201
    for session in sessions:
        session.terminate()


if __name__ == "__main__":
    asyncio.run(_work(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
