"""The journal: what something depends on is written first or not at all, and what has happened is never lost."""

import asyncio
from dataclasses import replace

import pytest

from tests.support.fakes import MemoryAudit, TickingClock, Witness, actor
from tests.support.hurry import run
from tests.support.place import TARGET
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.errors import AuditUnavailableError
from vacate.operations.audit.journal import Journal

CLOCK = TickingClock()


def an_event(name: str, action: AuditAction = AuditAction.KILL_IDLE_FINISHED) -> AuditEvent:
    return AuditEvent(at=CLOCK(), action=action, actor=actor(request_id=name), target=TARGET)


class Desk:
    """A journal with its log and its observer."""

    def __init__(self) -> None:
        self.log = MemoryAudit()
        self.observer = Witness()
        self.journal = Journal(self.log, self.observer)

    def written(self) -> list[str]:
        return [event.actor.request_id for event in self.log.events]

    def delayed(self) -> list[str]:
        return [event.actor.request_id for event, _ in self.observer.delayed]


async def test_a_recorded_event_is_durable() -> None:
    desk = Desk()
    event = an_event("a")
    await desk.journal.record(event)
    assert desk.log.events == [event]
    assert desk.journal.waiting == 0


def test_an_event_that_is_being_written_is_not_told_of_as_one_that_waits() -> None:
    desk = Desk()

    async def meanwhile() -> int:
        concluding = asyncio.create_task(desk.journal.conclude(an_event("a")))
        await asyncio.sleep(0.0005)
        seen = desk.journal.waiting
        assert not desk.written()
        await concluding
        return seen

    assert run(meanwhile()) == 0
    assert desk.written() == ["a"]
    desk.log.break_down()
    run(desk.journal.conclude(an_event("b")))
    assert desk.journal.waiting == 1


async def test_an_event_that_cannot_be_recorded_raises_and_is_not_kept() -> None:
    desk = Desk()
    desk.log.break_down()
    with pytest.raises(AuditUnavailableError):
        await desk.journal.record(an_event("a"))
    assert desk.journal.waiting == 0
    desk.log.recover()
    await desk.journal.catch_up()
    assert desk.written() == []
    assert desk.delayed() == []


async def test_a_concluded_event_is_written_at_once_when_the_log_takes_it() -> None:
    desk = Desk()
    await desk.journal.conclude(an_event("a"))
    assert desk.written() == ["a"]
    assert desk.journal.waiting == 0
    assert desk.delayed() == []


async def test_a_concluded_event_that_cannot_be_written_waits_and_the_observer_is_told_why() -> None:
    desk = Desk()
    desk.log.break_down()
    event = an_event("a")
    await desk.journal.conclude(event)
    assert desk.journal.waiting == 1
    ((told, reason),) = desk.observer.delayed
    assert told is event
    assert "the disk is full" in reason


async def test_waiting_events_are_written_before_a_new_one_and_in_their_order() -> None:
    desk = Desk()
    desk.log.break_down()
    for name in "abc":
        await desk.journal.conclude(an_event(name))
    desk.log.recover()
    await desk.journal.record(an_event("d"))
    assert desk.written() == ["a", "b", "c", "d"]
    assert desk.journal.waiting == 0


async def test_nothing_is_recorded_as_long_as_an_event_waits() -> None:
    desk = Desk()
    desk.log.refuses = frozenset({AuditAction.KILL_IDLE_FINISHED})
    await desk.journal.conclude(an_event("a"))
    with pytest.raises(AuditUnavailableError):
        await desk.journal.record(an_event("b", AuditAction.KILL_IDLE_INTENDED))
    assert desk.written() == []


async def test_a_concluded_event_takes_those_that_waited_along() -> None:
    desk = Desk()
    desk.log.break_down()
    await desk.journal.conclude(an_event("a"))
    desk.log.recover()
    await desk.journal.conclude(an_event("b"))
    assert desk.written() == ["a", "b"]
    assert desk.delayed() == ["a"]


async def test_catching_up_writes_what_waits() -> None:
    desk = Desk()
    desk.log.break_down()
    await desk.journal.conclude(an_event("a"))
    with pytest.raises(AuditUnavailableError):
        await desk.journal.catch_up()
    assert desk.journal.waiting == 1
    desk.log.recover()
    await desk.journal.catch_up()
    assert desk.written() == ["a"]
    assert desk.journal.waiting == 0


async def test_catching_up_with_nothing_is_no_error() -> None:
    desk = Desk()
    desk.log.break_down()
    await desk.journal.catch_up()
    assert desk.written() == []


async def test_a_log_that_fails_again_while_catching_up_keeps_the_rest_and_writes_nothing_twice() -> None:
    desk = Desk()
    desk.log.break_down()
    for name in "abc":
        await desk.journal.conclude(an_event(name))
    desk.log.recover()
    desk.log.takes_only = 1
    with pytest.raises(AuditUnavailableError):
        await desk.journal.catch_up()
    assert desk.written() == ["a"]
    assert desk.journal.waiting == 2
    desk.log.recover()
    await desk.journal.catch_up()
    assert desk.written() == ["a", "b", "c"]


def test_events_that_are_recorded_at_the_same_time_are_written_together() -> None:
    desk = Desk()

    async def all_at_once() -> None:
        await asyncio.gather(*(desk.journal.record(an_event(name)) for name in "abcde"))

    run(all_at_once())
    assert desk.written() == ["a", "b", "c", "d", "e"]
    assert desk.log.appends == 1


def test_an_event_that_the_log_does_not_take_costs_none_of_the_others() -> None:
    desk = Desk()
    refused = AuditAction.PLAN_MADE
    desk.log.refuses = frozenset({refused})

    async def all_at_once() -> tuple[BaseException | None, ...]:
        return await asyncio.gather(
            desk.journal.record(an_event("a")),
            desk.journal.record(an_event("b", refused)),
            desk.journal.record(an_event("c")),
            return_exceptions=True,
        )

    first, second, third = run(all_at_once())
    assert isinstance(second, AuditUnavailableError)
    assert first is None
    assert third is None
    assert desk.written() == ["a", "c"]


def test_a_caller_that_goes_away_while_events_are_written_costs_nobody_an_event() -> None:
    desk = Desk()

    async def one_goes_away() -> None:
        gone, stays = (asyncio.create_task(desk.journal.record(an_event(name))) for name in "ab")
        await asyncio.sleep(0.0005)
        gone.cancel()
        await stays

    run(one_goes_away())
    assert desk.written() == ["a", "b"]


async def test_several_events_are_recorded_all_or_none() -> None:
    desk = Desk()
    desk.log.takes_only = 1
    with pytest.raises(AuditUnavailableError):
        await desk.journal.record(an_event("a"), an_event("b"))
    assert desk.written() == []


def test_calls_at_the_same_time_write_each_event_once_and_those_that_waited_first() -> None:
    desk = Desk()

    async def all_at_once() -> None:
        desk.log.break_down()
        await desk.journal.conclude(an_event("a"))
        desk.log.recover()
        await asyncio.gather(
            desk.journal.record(an_event("b")),
            desk.journal.conclude(an_event("c")),
            desk.journal.catch_up(),
            desk.journal.conclude(an_event("d")),
            desk.journal.record(an_event("e")),
        )

    run(all_at_once())
    assert desk.written()[0] == "a"
    assert sorted(desk.written()) == ["a", "b", "c", "d", "e"]
    assert desk.journal.waiting == 0


def test_events_that_are_equal_are_still_two() -> None:
    desk = Desk()
    desk.log.break_down()
    event = an_event("a")

    async def twice() -> None:
        await desk.journal.conclude(event)
        await desk.journal.conclude(replace(event))
        desk.log.recover()
        await desk.journal.catch_up()

    run(twice())
    assert desk.written() == ["a", "a"]
