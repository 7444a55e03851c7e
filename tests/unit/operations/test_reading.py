"""A read that has begun runs to its own end, whoever goes away: the link is worth more than the answer."""

import asyncio
import gc
import weakref
from collections.abc import Callable, Coroutine
from datetime import timedelta

import pytest

from tests.support.fakes import COMPONENT, actor
from tests.support.hurry import run
from tests.support.watched import WatchedGateway, WatchedLink, busy
from vacate.domain.activity import Activity
from vacate.domain.errors import ComponentUnreachableError
from vacate.domain.identity import Role
from vacate.operations.reading import watch, within

SHORT = timedelta(seconds=0.01)


class Scene:
    """One component that takes its time, and whoever reads it."""

    def __init__(self, **link: object) -> None:
        self.link = WatchedLink(activities=(busy(),))
        for name, value in link.items():
            setattr(self.link, name, value)
        self.gateway = WatchedGateway({COMPONENT: self.link})
        self.unheard: list[object] = []

    def read(self, role: Role = Role.OPERATOR) -> Coroutine[object, object, tuple[Activity, ...]]:
        return watch(self.gateway, COMPONENT, actor(role))

    @property
    def free(self) -> bool:
        return not self.gateway.locks[COMPONENT].locked()

    async def settled(self) -> None:
        """Until the link is given back, and whatever nobody looked at is heard of."""
        async with self.gateway.locks[COMPONENT]:
            pass
        await asyncio.sleep(0.01)
        gc.collect()

    def play(self, scene: Coroutine[object, object, None]) -> None:
        async def listened() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: self.unheard.append(context))
            await scene

        run(listened())
        assert not self.unheard


def test_a_read_answers_and_gives_the_link_back() -> None:
    scene = Scene()

    async def play() -> None:
        assert await scene.read() == (busy(),)
        assert scene.free

    scene.play(play())


def test_who_may_not_read_statements_gets_none() -> None:
    scene = Scene()

    async def play() -> None:
        assert await scene.read(Role.VIEWER) == (busy(None),)
        assert await scene.read(Role.OPERATOR) == await scene.read(Role.ADMIN) == (busy(),)

    scene.play(play())


@pytest.mark.parametrize("fails", [None, ComponentUnreachableError("the cable was cut")])
def test_a_caller_that_goes_away_is_let_go_at_once_and_costs_no_link(fails: ComponentUnreachableError | None) -> None:
    scene = Scene(takes=timedelta(seconds=5), fails=fails)

    async def play() -> None:
        loop = asyncio.get_running_loop()
        call = asyncio.create_task(scene.read())
        await asyncio.sleep(1)
        call.cancel()
        before = loop.time()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert loop.time() == before
        assert not scene.free
        del call
        await scene.settled()
        assert not scene.link.lost
        assert scene.link.answered == (0 if fails else 1)

    scene.play(play())


class _Forgettable(WatchedLink):
    """Its answer hangs on something that nobody else holds."""

    def __init__(self) -> None:
        super().__init__()
        self.awaited: Callable[[], asyncio.Future[None] | None] = lambda: None

    async def _answer(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self.awaited = weakref.ref(future)
        await future


def test_a_read_whose_caller_is_gone_is_not_forgotten() -> None:
    scene = Scene()
    link = _Forgettable()
    scene.gateway.links[COMPONENT] = link

    async def play() -> None:
        call = asyncio.create_task(scene.read())
        await asyncio.sleep(1)
        call.cancel()
        await asyncio.wait([call])
        del call
        gc.collect()
        awaited = link.awaited()
        assert awaited is not None
        awaited.set_result(None)
        await scene.settled()

    scene.play(play())


def test_a_caller_out_of_patience_costs_no_link_either() -> None:
    scene = Scene(takes=timedelta(seconds=5))

    async def play() -> None:
        with pytest.raises(ComponentUnreachableError, match=r"cn_5001: no answer within 0\.01 s"):
            await within(SHORT, COMPONENT, scene.read())
        await scene.settled()
        assert not scene.link.lost
        assert scene.link.answered == 1

    scene.play(play())


def test_an_error_names_the_component_and_keeps_its_reason() -> None:
    scene = Scene(fails=ComponentUnreachableError("the cable was cut"))

    async def play() -> None:
        with pytest.raises(ComponentUnreachableError) as unreachable:
            await within(timedelta(seconds=9), COMPONENT, scene.read())
        assert str(unreachable.value) == "the component cannot be reached: cn_5001: the cable was cut"

    scene.play(play())


def test_a_question_that_nobody_waits_for_any_more_is_not_asked() -> None:
    scene = Scene(takes=timedelta(seconds=1))

    async def play() -> None:
        first = asyncio.create_task(scene.read())
        await asyncio.sleep(0.1)
        second = asyncio.create_task(scene.read())
        await asyncio.sleep(0.1)
        second.cancel()
        await asyncio.wait([first, second])
        await scene.settled()
        assert scene.link.answered == 1
        assert not scene.link.lost

    scene.play(play())


def test_readers_take_turns() -> None:
    scene = Scene()

    async def play() -> None:
        answers = await asyncio.gather(*(scene.read() for _ in range(5)))
        assert answers == [(busy(),)] * 5
        assert scene.link.answered == 5

    scene.play(play())
