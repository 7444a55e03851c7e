"""A worker of pgqueuer: each line it reads becomes a job, and each job that it has done a line."""

import asyncio
import os
import sys

import asyncpg
from pgqueuer import AsyncpgDriver, Job, PgQueuer, Queries

DSN = os.environ["DSN"]


async def main() -> None:
    link = await asyncpg.connect(DSN)
    if os.environ.get("INSTALL"):
        await Queries(AsyncpgDriver(link)).install()
    worker = PgQueuer(AsyncpgDriver(link))

    @worker.entrypoint("work")
    async def work(_: Job) -> None:
        print("ok", flush=True)

    async def enqueue() -> None:
        while await asyncio.to_thread(sys.stdin.readline):
            client = await asyncpg.connect(DSN)
            await Queries(AsyncpgDriver(client)).enqueue("work", b"")
            await client.close()

    print("ready", flush=True)
    async with asyncio.TaskGroup() as both:
        both.create_task(worker.run())
        both.create_task(enqueue())


asyncio.run(main())
