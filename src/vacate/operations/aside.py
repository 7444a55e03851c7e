"""Runs work that only computes beside the event loop, so that whatever it takes nobody else waits.

Criteria of a caller's own may be as slow to compare as their limits allow, for every session of a component. What is
computed for them has threads of its own and a time budget; what the configuration asks for has neither to share.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from datetime import timedelta
from time import thread_time
from typing import Final, TypeVar

from vacate.domain.errors import CriteriaError

BUDGET: Final = timedelta(seconds=5)
"""How much of a processor's time a caller's criteria may take: to be read, and to be compared on one component."""

Result = TypeVar("Result")
Item = TypeVar("Item")


@dataclass(slots=True)
class _Budget:
    until: float


_budget: ContextVar[_Budget | None] = ContextVar("budget", default=None)
_configured = ThreadPoolExecutor(max_workers=4, thread_name_prefix="judging")
_asked_for = ThreadPoolExecutor(max_workers=2, thread_name_prefix="judging for a caller")


async def aside(work: Callable[[], Result], *, budget: timedelta | None = None) -> Result:
    """Run the work in a thread. With a budget it is a caller's, and ends soon after the time is over.

    Work whose caller went away ends as if its time were over.

    Raises:
        CriteriaError: the budget is used up.
    """
    loop = asyncio.get_running_loop()
    context = copy_context()
    if budget is None:
        return await loop.run_in_executor(_configured, context.run, work)
    left = _Budget(until=float("inf"))

    def timed() -> Result:
        # Neither a wait for a thread nor one for a processor counts.
        if left.until > 0:
            left.until = thread_time() + budget.total_seconds()
        return work()

    context.run(_budget.set, left)
    try:
        return await loop.run_in_executor(_asked_for, context.run, timed)
    except asyncio.CancelledError:
        left.until = 0
        raise


def take_time() -> None:
    """Ask whether there is time left; to be called often by work that may be long.

    Raises:
        CriteriaError: there is none.
    """
    left = _budget.get()
    if left is not None and thread_time() > left.until:
        raise CriteriaError(
            f"the criteria take more than {BUDGET.total_seconds():g} s of computing for one component's sessions, so "
            "nobody was judged by them: write fewer or simpler patterns, and names instead of expressions"
        )


def paced(items: Iterable[Item]) -> Iterator[Item]:
    """The same items, with a look at the time before each."""
    for item in items:
        take_time()
        yield item
