"""Equal questions that wait are answered once; one that has begun is of the past for whoever comes then."""

import asyncio
import gc
from collections.abc import Coroutine

import pytest

from tests.support.hurry import run
from vacate.components.sharing import Begun, SharedReads
from vacate.domain.errors import ComponentUnreachableError


class Server:
    """Answers one question after the other, each after a second, with how many it has answered before."""

    def __init__(self) -> None:
        self.reads = SharedReads()
        self.turn = asyncio.Lock()
        self.answered = 0
        self.lost = 0
        self.fails: Exception | None = None

    async def ask(self, begun: Begun) -> int:
        async with self.turn:
            begun()
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                self.lost += 1
                raise
            if self.fails is not None:
                raise self.fails
            self.answered += 1
            return self.answered

    def read(self, what: str = "sessions") -> Coroutine[object, object, int]:
        return self.reads.read(what, self.ask)


def test_questions_that_wait_for_the_same_turn_get_one_answer() -> None:
    async def play() -> None:
        server = Server()
        async with server.turn:
            waiting = [asyncio.create_task(server.read()) for _ in range(5)]
            await asyncio.sleep(0.1)
        assert await asyncio.gather(*waiting) == [1] * 5

    run(play())


def test_who_comes_when_a_question_is_on_its_way_gets_an_answer_of_their_own() -> None:
    async def play() -> None:
        server = Server()
        first = asyncio.create_task(server.read())
        await asyncio.sleep(0.5)
        late = [asyncio.create_task(server.read()) for _ in range(3)]
        assert await first == 1
        assert await asyncio.gather(*late) == [2, 2, 2]

    run(play())


def test_different_questions_are_asked_each() -> None:
    async def play() -> None:
        server = Server()
        assert await asyncio.gather(server.read("sessions"), server.read("databases")) == [1, 2]

    run(play())


def test_a_caller_that_goes_away_costs_no_answer() -> None:
    async def play() -> None:
        server = Server()
        gone, stays = asyncio.create_task(server.read()), asyncio.create_task(server.read())
        await asyncio.sleep(0.5)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert await stays == 1
        assert not server.lost

    run(play())


def test_a_read_that_nobody_waits_for_any_more_ends_by_itself_and_in_silence() -> None:
    async def play() -> None:
        unheard: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
        server = Server()
        server.fails = ComponentUnreachableError("the cable was cut")
        call = asyncio.create_task(server.read())
        await asyncio.sleep(0.5)
        call.cancel()
        await asyncio.wait([call])
        del call
        gc.collect()
        await asyncio.sleep(2)
        gc.collect()
        assert not server.lost
        assert not unheard

    run(play())


def test_an_error_is_told_to_everybody_who_waits_and_to_nobody_afterwards() -> None:
    async def play() -> None:
        server = Server()
        server.fails = ComponentUnreachableError("the cable was cut")
        found = await asyncio.gather(server.read(), server.read(), return_exceptions=True)
        assert found == [server.fails] * 2
        server.fails = None
        assert await server.read() == 1

    run(play())


def test_at_the_end_what_is_still_read_is_given_up() -> None:
    async def play() -> None:
        server = Server()
        call = asyncio.create_task(server.read())
        await asyncio.sleep(0.5)
        await server.reads.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert server.lost == 1

    run(play())
