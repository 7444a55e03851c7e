"""A census asks every component at once, leaves out whoever does not answer, and stands in no sweep's way."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from tests.support.fakes import TickingClock
from tests.support.hurry import run
from tests.support.watched import WatchedGateway, WatchedLink, component, instance_of, inventory_of
from vacate.domain.census import Census, Uncounted
from vacate.domain.errors import ComponentUnreachableError, MissingRightsError
from vacate.domain.sessions import IDLE, Session
from vacate.domain.slots import Slots
from vacate.domain.topology import Component
from vacate.operations.ports import ComponentHealth
from vacate.operations.take_census import TakeCensus

CN, ONE, TWO = component("cn_5001"), component("dn_6001"), component("dn_6002")
INSTANCE = instance_of(CN, ONE, TWO)
PATIENCE = timedelta(seconds=5)
A_SECOND = timedelta(seconds=1)


@dataclass(kw_only=True)
class SlowLink(WatchedLink):
    """A link whose looks and counts of slots take their time."""

    takes: timedelta = A_SECOND
    crashes: Exception | None = None

    async def look(self) -> tuple[Session, ...]:
        await self._answer()
        if self.crashes is not None:
            raise self.crashes
        return await super().look()

    async def slots(self) -> Slots:
        await self._answer()
        return await super().slots()


class KeptGateway(WatchedGateway):
    """One whose keepers have not checked every component yet."""

    unchecked: set[Component]

    def health(self) -> tuple[ComponentHealth, ...]:
        return tuple(
            replace(health, checked_at=None, problem="not checked yet")
            if health.component in self.unchecked
            else health
            for health in super().health()
        )


class Scene:
    """Three components with one idle session each. Each answers two questions, in a second, unless told otherwise."""

    def __init__(self) -> None:
        self.cn, self.one, self.two = SlowLink(), SlowLink(), SlowLink()
        for link in (self.cn, self.one, self.two):
            link.server.open()
        self.gateway = KeptGateway({CN: self.cn, ONE: self.one, TWO: self.two})
        self.gateway.unchecked = set()
        self.took = 0.0

    def operation(self) -> TakeCensus:
        return TakeCensus(
            inventory=inventory_of(INSTANCE), gateway=self.gateway, clock=TickingClock(), answer_within=PATIENCE
        )

    async def timed(self) -> dict[str, Census | Uncounted]:
        started = asyncio.get_running_loop().time()
        found = await self.operation()()
        self.took = asyncio.get_running_loop().time() - started
        return {entry.component.id: entry for entry in found}

    def take(self) -> dict[str, Census | Uncounted]:
        """One census; afterwards everybody has given the links back."""

        async def to_the_end() -> dict[str, Census | Uncounted]:
            found = await self.timed()
            for lock in self.gateway.locks.values():
                async with lock:
                    pass
            return found

        return run(to_the_end())


def counted(found: dict[str, Census | Uncounted]) -> list[str]:
    return [name for name, entry in found.items() if isinstance(entry, Census)]


def reason(entry: Census | Uncounted) -> str:
    assert isinstance(entry, Uncounted)
    return entry.reason


def test_every_component_is_counted_side_by_side() -> None:
    scene = Scene()
    found = scene.take()
    assert list(found) == ["cn_5001", "dn_6001", "dn_6002"]
    assert scene.took == pytest.approx(2)
    for entry in found.values():
        assert isinstance(entry, Census)
        assert [(each.state, each.sessions) for each in entry.counts] == [(IDLE, 1)]
        assert entry.slots == Slots(maximum=100, reserved=3, used=1)


def test_a_component_that_fails_is_left_out_with_its_reason_and_the_others_are_counted() -> None:
    scene = Scene()
    scene.one.fails = ComponentUnreachableError("the cable was cut")
    scene.gateway.refuses[TWO] = MissingRightsError(["GRANT pg_read_all_stats TO vacate;"])
    found = scene.take()
    assert counted(found) == ["cn_5001"]
    assert "dn_6001: the cable was cut" in reason(found["dn_6001"])
    assert "GRANT pg_read_all_stats TO vacate;" in reason(found["dn_6002"])


def test_an_answer_that_nobody_foresaw_is_one_components_reason_and_no_more() -> None:
    scene = Scene()
    scene.two.crashes = ValueError("a state that is no text")
    found = scene.take()
    assert counted(found) == ["cn_5001", "dn_6001"]
    assert reason(found["dn_6002"]) == "unforeseen: ValueError: a state that is no text"


def test_a_component_that_was_found_in_no_state_to_be_read_is_not_asked() -> None:
    scene = Scene()
    scene.gateway.problems[ONE] = "the role is locked"
    found = scene.take()
    assert reason(found["dn_6001"]) == "the role is locked"
    assert scene.gateway.asked == ["cn_5001", "dn_6002"]


def test_the_first_check_of_a_component_is_waited_for_and_nobody_asks_before_it() -> None:
    scene = Scene()
    scene.gateway.unchecked = {ONE, TWO}

    async def while_the_service_starts() -> dict[str, Census | Uncounted]:
        census = asyncio.ensure_future(scene.timed())
        await asyncio.sleep(1)
        assert scene.gateway.asked == ["cn_5001"]
        scene.gateway.unchecked.discard(ONE)
        return await census

    found = run(while_the_service_starts())
    assert counted(found) == ["cn_5001", "dn_6001"]
    assert "dn_6002: no answer within 5 s" in reason(found["dn_6002"])
    assert scene.gateway.asked == ["cn_5001", "dn_6001"]


def test_a_slow_component_is_waited_for_no_longer_than_the_limit_and_keeps_its_link() -> None:
    scene = Scene()
    scene.two.takes = timedelta(seconds=60)
    found = scene.take()
    assert counted(found) == ["cn_5001", "dn_6001"]
    assert "dn_6002: no answer within 5 s" in reason(found["dn_6002"])
    assert scene.took == pytest.approx(5)
    assert not scene.two.lost


def test_once_the_time_is_over_nothing_further_is_asked_of_the_link() -> None:
    scene = Scene()
    scene.two.takes = timedelta(seconds=60)
    scene.take()
    assert scene.two.answered == 1, "the look was answered, and the slots were not asked for"


def test_a_link_that_a_sweep_holds_is_not_waited_for_for_longer_and_not_asked_for_afterwards() -> None:
    scene = Scene()

    async def while_a_sweep_runs() -> dict[str, Census | Uncounted]:
        async with scene.gateway.link(ONE):
            found = await scene.timed()
        async with scene.gateway.locks[ONE]:
            return found

    found = run(while_a_sweep_runs())
    assert counted(found) == ["cn_5001", "dn_6002"]
    assert "dn_6001: no answer" in reason(found["dn_6001"])
    assert scene.took == pytest.approx(5)
    assert scene.one.answered == 0


def test_a_sweep_that_waits_for_the_link_gets_it_after_two_answers() -> None:
    scene = Scene()

    async def sweep() -> float:
        started = asyncio.get_running_loop().time()
        async with scene.gateway.link(CN):
            return asyncio.get_running_loop().time() - started

    async def meanwhile() -> float:
        census = asyncio.ensure_future(scene.timed())
        await asyncio.sleep(0.5)
        waited = await sweep()
        await census
        return waited

    assert run(meanwhile()) == pytest.approx(1.5)


def test_a_census_is_stamped_when_its_look_is_done() -> None:
    scene = Scene()
    clock = TickingClock()
    before = clock.now
    census = TakeCensus(inventory=inventory_of(INSTANCE), gateway=scene.gateway, clock=clock)
    (first, *_) = run(census())
    assert isinstance(first, Census)
    assert before < first.taken_at <= clock.now
