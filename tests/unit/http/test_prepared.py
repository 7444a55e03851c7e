"""Answers that are made once for many."""

import asyncio

import pytest

from vacate.http.prepared import Preparation, Prepared


class Maker:
    """Makes an answer with its number in it; holds it back while `ready` is not set."""

    def __init__(self) -> None:
        self.made = 0
        self.ready = asyncio.Event()
        self.ready.set()
        self.now = 100.0
        self.cost = 0.05

    async def make(self, request_id: str) -> Prepared:
        del request_id
        await self.ready.wait()
        self.made += 1
        self.now += self.cost
        return Prepared(200, str(self.made).encode())

    def preparation(self) -> Preparation:
        return Preparation(self.make, seconds=lambda: self.now)


async def test_whoever_asks_seldom_gets_a_fresh_answer_each_time() -> None:
    maker = Maker()
    preparation = maker.preparation()
    for number in range(1, 20):
        assert (await preparation.get("a")).body == str(number).encode()
        maker.now += 15


@pytest.mark.parametrize(("cost", "most"), [(0.05, 10 + 12), (0.5, 2 + 11), (0.001, 500 + 500)])
async def test_in_a_flood_little_of_the_time_goes_into_making_answers(cost: float, most: int) -> None:
    maker = Maker()
    maker.cost = cost
    preparation = maker.preparation()
    while maker.now < 110:
        await preparation.get("a")
        maker.now += 0.001
    assert 6 <= maker.made <= most


async def test_while_one_is_made_others_get_the_one_before() -> None:
    maker = Maker()
    preparation = maker.preparation()
    await preparation.get("a")
    maker.ready.clear()
    making = asyncio.create_task(preparation.get("b"))
    await asyncio.sleep(0)
    assert (await preparation.get("c")).body == b"1"
    maker.ready.set()
    assert (await making).body == b"2"


async def test_an_answer_that_takes_long_to_make_is_not_replaced_by_one_that_is_no_longer_true() -> None:
    maker = Maker()
    preparation = maker.preparation()
    await preparation.get("a")
    maker.ready.clear()
    making = [asyncio.create_task(preparation.get("b"))]
    await asyncio.sleep(0)
    maker.now += 3
    making.append(asyncio.create_task(preparation.get("c")))
    await asyncio.sleep(0)
    assert not any(each.done() for each in making)
    maker.ready.set()
    assert b"1" not in {each.body for each in await asyncio.gather(*making)}
