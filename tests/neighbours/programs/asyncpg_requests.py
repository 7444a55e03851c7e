"""A service with asyncpg's pool: `CHECKED=1` leaves its event loop free while it waits, as it should be."""

import asyncio
import os
import sys

import asyncpg

SIZE = 4


async def main() -> None:
    async with asyncpg.create_pool(os.environ["DSN"], min_size=SIZE, max_size=SIZE) as pool:
        busy = [await pool.acquire() for _ in range(SIZE)]
        for connection in busy:
            await pool.release(connection)
        print("ready", flush=True)
        # A loop that is blocked does not notice that the server has hung up.
        free = os.environ["CHECKED"] == "1"
        while await asyncio.to_thread(sys.stdin.readline) if free else sys.stdin.readline():
            try:
                await pool.fetchval("SELECT 1")
            except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
                print(f"failed: {type(error).__name__}", flush=True)
            else:
                print("ok", flush=True)


asyncio.run(main())
