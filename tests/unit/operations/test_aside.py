"""Work that only computes runs beside the loop: nobody waits for it, and a caller's comes to its end."""

import asyncio
import threading
from datetime import timedelta

import pytest

from vacate.domain.errors import CriteriaError
from vacate.operations.aside import aside, paced, take_time

AT_ONCE = timedelta(days=-1)


async def test_the_loop_goes_on_while_something_is_computed() -> None:
    entered, go_on = threading.Event(), threading.Event()

    def work() -> str:
        entered.set()
        assert go_on.wait(30)
        return "done"

    running = asyncio.create_task(aside(work))
    assert await asyncio.to_thread(entered.wait, 30)
    go_on.set()
    assert await running == "done"


async def test_a_callers_work_ends_when_its_time_is_over() -> None:
    with pytest.raises(CriteriaError, match="more than 5 s of computing"):
        await aside(lambda: list(paced(range(3))), budget=AT_ONCE)
    assert await aside(lambda: list(paced(range(3))), budget=timedelta(hours=1)) == [0, 1, 2]


async def test_what_the_configuration_asks_for_has_no_end() -> None:
    assert await aside(lambda: list(paced(range(3)))) == [0, 1, 2]
    take_time()


async def test_the_work_of_a_caller_that_went_away_ends() -> None:
    entered, cancelled, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        entered.set()
        assert cancelled.wait(30)
        try:
            take_time()
        except CriteriaError:
            ended.set()

    running = asyncio.create_task(aside(work, budget=timedelta(hours=1)))
    assert await asyncio.to_thread(entered.wait, 30)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    cancelled.set()
    await asyncio.to_thread(ended.wait, 30)
    assert ended.is_set()


async def test_callers_take_no_thread_from_what_the_configuration_asks_for() -> None:
    entered, go_on = threading.Semaphore(0), threading.Event()

    def slow() -> None:
        entered.release()
        assert go_on.wait(30)

    callers = [asyncio.create_task(aside(slow, budget=timedelta(hours=1))) for _ in range(20)]
    try:
        await asyncio.to_thread(entered.acquire)
        async with asyncio.timeout(30):
            assert await aside(lambda: "judged") == "judged"
    finally:
        go_on.set()
        await asyncio.gather(*callers)
