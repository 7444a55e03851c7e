"""A program: idle sessions whose names and statements are as long as they get, until standard input ends.

python -m benchmarks.siege.sitters DSN COUNT
"""

import asyncio
import resource
import sys

import asyncpg

_AT_ONCE = 24
_LONG_NAME = "a" * 63
_LONG_STATEMENT = f"SELECT '{'a' * 900}'"


async def _run(dsn: str, number: int) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    turns = asyncio.Semaphore(_AT_ONCE)
    sessions: list[asyncpg.Connection] = []

    async def one() -> None:
        async with turns:
            session = await asyncpg.connect(dsn, server_settings={"application_name": _LONG_NAME}, timeout=60)
            sessions.append(session)
            await session.execute(_LONG_STATEMENT)

    await asyncio.gather(*(one() for _ in range(number)))
    print("open", flush=True)
    await reader.read()
    for session in sessions:
        session.terminate()


if __name__ == "__main__":
    _, _most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_most, _most))
    asyncio.run(_run(sys.argv[1], int(sys.argv[2])))
