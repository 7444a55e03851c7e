"""The stories of `test_kill_idle_interleaved` end badly where a link is careless, or they would prove nothing."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import ClassVar

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.fakes import World
from tests.support.server_model import Kind, ModelLink, Seen, ServerModel, answer
from tests.unit.operations.test_kill_idle_interleaved import (
    PATIENT,
    LivingPool,
    LivingServer,
    LivingServerOfTheGaussFamily,
    world_of,
)
from vacate.domain.judging.settings import GuardName
from vacate.domain.sessions.session import Victim
from vacate.domain.sweeps.report import Report, Signal
from vacate.operations.ports import Signalled


class CarelessLink(ModelLink):
    """Signals whoever has the pid, as the popular one-line statement does."""

    def second_read(self, victim: Victim, off: frozenset[GuardName]) -> Signalled:
        del off
        return answer(victim, Signal.SIGNALLED if self.server.terminate_backend(victim.pid) else Signal.GONE)


class GoesByThePid(ModelLink):
    """Compares everything, and then signals whoever has the pid that the victim had at the look."""

    def second_read(self, victim: Victim, off: frozenset[GuardName]) -> Signalled:
        signal = self.server.compare(victim, off)
        if signal is Signal.SIGNALLED and not self.server.terminate_backend(victim.pid):
            signal = Signal.GONE
        return answer(victim, signal)


class BadlySweptServer(LivingServer):
    """Its reports are not read: that somebody is signalled who must not be has to come out by itself."""

    link: ClassVar[type[ModelLink]] = CarelessLink

    def new_link(self) -> ModelLink:
        return self.link(server=self.world.server)

    def compare(self, report: Report, signals: Sequence[Seen], named: Sequence[int] | None) -> None:
        del report, signals, named


class CarelesslySweptThreads(BadlySweptServer, LivingServerOfTheGaussFamily):
    pass


class CarelesslySweptPool(BadlySweptServer, LivingPool):
    pass


class PoolSweptByPid(BadlySweptServer, LivingPool):
    link = GoesByThePid


@pytest.mark.parametrize(
    "machine", [BadlySweptServer, CarelesslySweptThreads, CarelesslySweptPool, PoolSweptByPid], ids=lambda m: m.__name__
)
def test_the_same_story_told_of_a_bad_link_ends_badly(machine: type[BadlySweptServer]) -> None:
    hunting = settings(
        PATIENT, max_examples=300, phases=[Phase.generate], database=None, derandomize=True, report_multiple_bugs=False
    )
    with pytest.raises(AssertionError, match=r"= wrong\("):
        run_state_machine_as_test(machine, settings=hunting)


# --- the shortest stories -------------------------------------------------------------------------------------------

not_in_a_pool = pytest.mark.parametrize("kind", [Kind.POSTGRESQL, Kind.THREADS])


def carelessly(kind: Kind, change: Callable[[ServerModel, int], None]) -> tuple[World, int]:
    """A world with a careless link and one session, which changes right after the look."""
    world = world_of(kind)
    session_id = world.server.open()
    world.gateway.lent = CarelessLink(server=world.server)
    steps = deque([lambda: None, lambda: change(world.server, session_id)])
    world.gateway.lent.meanwhile = lambda: steps.popleft()() if steps else None
    return world, session_id


@not_in_a_pool
@pytest.mark.parametrize("change", [ServerModel.wake, ServerModel.rest, ServerModel.reuse])
def test_a_careless_link_is_found_out(kind: Kind, change: Callable[[ServerModel, int], None]) -> None:
    world, _ = carelessly(kind, change)
    world.sweep()
    assert len(world.server.wrong(world.server.signals)) == 1


@not_in_a_pool
def test_a_careless_link_is_found_out_when_it_ends_a_stranger(kind: Kind) -> None:
    world, session_id = carelessly(kind, ServerModel.reuse)
    world.kill_named(session_id)
    assert len(world.server.strangers(world.server.signals, [session_id])) == 1


@not_in_a_pool
@pytest.mark.parametrize("change", [ServerModel.rest, ServerModel.begin, ServerModel.reuse])
def test_a_careless_link_is_found_out_when_it_ends_another_transaction(
    kind: Kind, change: Callable[[ServerModel, int], None]
) -> None:
    world, session_id = carelessly(kind, change)
    world.server.begin(session_id)
    world.kill_named_transactions(session_id)
    assert len(world.server.wrong_transactions(world.server.signals)) == 1


def handed_on() -> tuple[World, int, int]:
    """A pool, swept by pid, and two sessions: a busy one, which hands its worker on to the other after the look."""
    world = world_of(Kind.POOL)
    world.gateway.lent = GoesByThePid(server=world.server)
    busy, idle = world.server.open(), world.server.open()
    world.server.begin(busy)
    steps = deque([lambda: None, lambda: world.server.pass_on(busy)])
    world.gateway.lent.meanwhile = lambda: steps.popleft()() if steps else None
    return world, busy, idle


def test_in_a_pool_a_signal_by_the_pid_of_the_look_hits_whoever_has_the_worker_now() -> None:
    world, named, other = handed_on()
    world.kill_named(named)
    (seen,) = world.server.strangers(world.server.signals, [named])
    assert (seen.session_id, seen.state) == (other, "active")


def test_in_a_pool_a_signal_by_pid_never_ends_an_idle_session() -> None:
    world = world_of(Kind.POOL)
    world.gateway.lent = GoesByThePid(server=world.server)
    session_id = world.server.open()
    world.sweep()
    assert world.server.signals == []
    assert world.server.session_ids() == (session_id,)
