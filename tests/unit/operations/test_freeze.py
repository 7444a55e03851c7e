"""The freeze switch stops a sweep at once: before it begins, before its first signal, and between two chunks."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from tests.support.fakes import World
from tests.support.place import COMPONENT
from tests.support.sessions import LOOK_AT
from vacate.domain.audit.event import AuditAction
from vacate.domain.errors import AuditUnavailableError, KillsFrozenError, StoreUnavailableError, VacateError
from vacate.domain.sweeps.freezing import Freeze
from vacate.domain.sweeps.report import Outcome, Report
from vacate.domain.topology.components import InstanceId

FROZEN = Freeze(instance_id=COMPONENT.instance_id, by="olga", reason="month end", since=LOOK_AT)
EVERYWHERE = replace(FROZEN, instance_id=None)
ELSEWHERE = replace(FROZEN, instance_id=InstanceId("another"))
UNREADABLE = StoreUnavailableError("the disk is gone")
VERBS: Mapping[str, Callable[[World], object]] = {
    "kill_idle": World.sweep,
    "kill_named": lambda world: world.kill_named(*world.server.session_ids()),
    "kill_transactions": lambda world: world.kill_named_transactions(*world.server.session_ids()),
}


@pytest.fixture
def world() -> World:
    made = World()
    for _ in range(7):
        made.server.open()
    return made


def outcomes(report: Report) -> list[Outcome]:
    return [entry.outcome for entry in report.sessions]


@pytest.mark.parametrize("freeze", [FROZEN, EVERYWHERE], ids=["this instance", "all instances"])
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_refused_before_the_server_is_asked_anything(world: World, freeze: Freeze, verb: str) -> None:
    world.switch.turns = [(freeze,)]
    with pytest.raises(KillsFrozenError):
        VERBS[verb](world)
    assert world.gateway.asked == 0
    assert not world.server.signals
    (event,) = world.audit.events
    assert event.action.endswith(":refused")
    assert "olga: month end" in str(event.error)


def test_a_freeze_of_another_instance_stops_nothing(world: World) -> None:
    world.switch.turns = [(ELSEWHERE,)]
    assert outcomes(world.sweep()) == [Outcome.TERMINATED] * 7


@pytest.mark.parametrize("turned", [(FROZEN,), UNREADABLE], ids=["frozen", "unreadable"])
def test_a_switch_that_is_turned_after_the_look_leaves_no_intent_and_no_signal(
    world: World, turned: tuple[Freeze, ...] | VacateError
) -> None:
    world.switch.turns = [(), turned]
    with pytest.raises((KillsFrozenError, StoreUnavailableError)):
        world.sweep()
    assert world.audit.actions() == [AuditAction.KILL_IDLE_REFUSED]
    assert not world.server.signals


@pytest.mark.parametrize(
    ("turned", "words"),
    [((FROZEN,), "kills were frozen before its turn (instance"), (UNREADABLE, "could not be read before its turn")],
    ids=["frozen", "unreadable"],
)
def test_a_switch_that_is_turned_between_two_chunks_leaves_the_others_alive(
    world: World, turned: tuple[Freeze, ...] | VacateError, words: str
) -> None:
    world.link.chunk = 3
    world.switch.turns = [(), (), turned]
    report = world.sweep()
    assert outcomes(report) == [Outcome.TERMINATED] * 3 + [Outcome.NOT_REACHED] * 4
    assert all(words in entry.reason for entry in report.sessions[3:])
    assert len(world.server.session_ids()) == 4
    assert not report.succeeded
    assert world.audit.actions() == [AuditAction.KILL_IDLE_INTENDED, AuditAction.KILL_IDLE_FINISHED]


@pytest.mark.parametrize("verb", VERBS)
def test_an_audit_that_has_lost_events_stops_every_verb_before_any_signal(world: World, verb: str) -> None:
    world.audit.problem = "the last events are missing"
    with pytest.raises(AuditUnavailableError, match="the last events are missing"):
        VERBS[verb](world)
    assert not world.server.signals
    (event,) = world.audit.events
    assert event.action.endswith(":refused"), "what was refused is written all the same"


def test_an_audit_that_is_seen_to_have_lost_events_stops_a_sweep_between_two_chunks(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.link.chunk = 3
    standing = world.switch.standing

    async def losing() -> tuple[Freeze, ...]:
        if world.switch.looks == 2:
            world.audit.problem = "the last events are missing"
        return await standing()

    monkeypatch.setattr(world.switch, "standing", losing)
    report = world.sweep()
    assert outcomes(report) == [Outcome.TERMINATED] * 3 + [Outcome.NOT_REACHED] * 4
    assert "the audit stopped all kills before its turn (the last events are missing)" in report.sessions[3].reason
    assert world.audit.actions() == [AuditAction.KILL_IDLE_INTENDED, AuditAction.KILL_IDLE_FINISHED]


def test_a_sweep_without_victims_is_finished_although_somebody_turns_the_switch_meanwhile() -> None:
    world = World()
    world.switch.turns = [(), (FROZEN,)]
    assert world.sweep().succeeded
