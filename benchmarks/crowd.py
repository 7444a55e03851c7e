"""So many idle sessions of one application, held by a process of their own."""

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from benchmarks.stage import BenchmarkError
from benchmarks.witness import Witness
from tests.support.load import Load
from tests.support.postgres import APP, LiveServer

SETTLED_S = 3.0
# A session that is idle for less is told to the server singly; see `vacate.components.postgresql.link`.
JUST_IDLE_S = 2.0

_TRIES = 5
_ANOTHER_TRY_S = 1.0
_PATIENCE_S = 120.0


@asynccontextmanager
async def crowd(server: LiveServer, witness: Witness, size: int, *, just_idle: bool = False) -> AsyncGenerator[None]:
    """Open the sessions, and wait until all have been idle for a while, or are idle only just; end with the last one.

    Raises:
        BenchmarkError: they do not become so.
    """
    idle, flipping = (0, size) if just_idle else (size, 0)
    async with asyncio.timeout(_PATIENCE_S):
        load = await Load.start(server.dsn(APP), idle=idle, flipping=flipping)
    async with load:
        if just_idle:
            await _until_just_idle(load, witness, size)
        else:
            await witness.until(
                lambda count: count.idle == count.sessions == size and count.youngest_s >= SETTLED_S,
                f"{size} sessions are idle for {SETTLED_S:g} s",
            )
        yield
    await witness.until_all_are_gone()


async def _until_just_idle(load: Load, witness: Witness, size: int) -> None:
    """All of them have run a statement, and then their owner is stopped, so that none runs another one."""
    async with asyncio.timeout(_PATIENCE_S):
        await load.flip()
    for _ in range(_TRIES):
        load.process.send_signal(signal.SIGSTOP)
        count = await witness.until(lambda count: count.idle == count.sessions == size, f"{size} sessions are idle")
        if count.oldest_s < JUST_IDLE_S / 2:
            return
        load.process.send_signal(signal.SIGCONT)
        await asyncio.sleep(_ANOTHER_TRY_S)
    raise BenchmarkError(f"this machine cannot keep {size} sessions in use: one was idle for {JUST_IDLE_S / 2:g} s")
