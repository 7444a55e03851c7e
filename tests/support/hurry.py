"""An event loop for which nobody waits."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import TypeVar, TypeVarTuple

Answer = TypeVar("Answer")
Arguments = TypeVarTuple("Arguments")


class _Impatient(selectors.SelectSelector):
    """Waits for nobody: where a loop would sleep, its time jumps to the moment when somebody is due."""

    def __init__(self) -> None:
        super().__init__()
        self.jumped = 0.0
        self._patience = 600.0
        self.computing = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now; if nothing is, the time until `timeout` has passed."""
        # What is computed in a thread takes none of the loop's time, and it calls when it is done.
        ready = super().select(0 if timeout == 0 or not self.computing else None)
        if not ready and timeout is None:
            raise AssertionError("every task waits, and nothing is due")
        if not ready and timeout:
            self.jumped += timeout
        if self.jumped > self._patience:
            self._patience = 2 * self.jumped  # Whoever cleans up afterwards gets time to do so.
            raise AssertionError("ten minutes have passed, and somebody still waits")
        return ready


class _JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._impatient = _Impatient()
        super().__init__(self._impatient)

    def time(self) -> float:
        return self._impatient.jumped

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Arguments], Answer], *args: *Arguments
    ) -> asyncio.Future[Answer]:
        computed = super().run_in_executor(executor, func, *args)
        self._impatient.computing += 1
        computed.add_done_callback(self._is_computed)
        return computed

    def _is_computed(self, _: object) -> None:
        self._impatient.computing -= 1


def run(work: Coroutine[object, object, Answer]) -> Answer:
    """Run to the end, with every pause and time limit as it is and no time spent on it."""
    with asyncio.Runner(loop_factory=_JumpingLoop) as runner:
        return runner.run(work)
