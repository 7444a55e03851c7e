"""What a sweep writes down, and in which order: nothing is ended without its event, and nothing is lost."""

import asyncio
from datetime import timedelta

import pytest

from tests.support.fakes import World, actor
from tests.support.hurry import run
from tests.support.place import COMPONENT, OTHER_PROJECT, TARGET
from tests.support.server_model import Kind, Seen, ServerModel
from vacate.domain.access.identity import Role
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.errors import (
    AuditUnavailableError,
    ComponentBusyError,
    ComponentUnknownError,
    ComponentUnreachableError,
    MissingRightsError,
    PermissionDeniedError,
    ProjectMismatchError,
    UnsupportedServerError,
    VacateError,
    WrongServerError,
)
from vacate.domain.sweeps.report import Outcome
from vacate.domain.topology.components import ComponentId, Target

INTENDED = AuditAction.KILL_IDLE_INTENDED
FINISHED = AuditAction.KILL_IDLE_FINISHED
REFUSED = AuditAction.KILL_IDLE_REFUSED

NOWHERE = Target(
    project_id=TARGET.project_id,
    instance_id=TARGET.instance_id,
    node_id=TARGET.node_id,
    component_id=ComponentId("cn_9999"),
)


@pytest.fixture(autouse=True, params=Kind)
def on_each_kind_of_server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every story is told of each."""
    monkeypatch.setattr(ServerModel, "usual", request.param)


def world_with(*, idle: int = 0, busy: int = 0) -> World:
    world = World()
    for _ in range(idle):
        world.server.open()
    for _ in range(busy):
        world.server.wake(world.server.open())
    return world


def told(tape: list[object]) -> list[str]:
    """The tape in words."""
    return [_word(entry) for entry in tape]


def _word(entry: object) -> str:
    match entry:
        case AuditEvent():
            return entry.action.rpartition(":")[2]
        case Seen():
            return "signal"
        case _:
            return str(entry)


# --- the order -------------------------------------------------------------------------------------------------------


def test_the_intent_is_durable_before_the_first_signal_and_the_end_comes_after_the_last_question() -> None:
    world = world_with(idle=4)
    world.server.lingers = 2
    world.sweep()
    assert told(world.tape) == [
        "look",
        "intended",
        *["signal"] * 4,
        "still_present",
        "still_present",
        "still_present",
        "finished",
    ]


def test_the_intended_event_names_every_victim_and_nobody_else() -> None:
    world = world_with(idle=3, busy=2)
    victims = [session for session in world.server.listed() if session.state == "idle"]
    world.sweep()
    intended = world.audit.events[0]
    assert [entry.session.key for entry in intended.sessions] == [session.key for session in victims]
    assert {entry.outcome for entry in intended.sessions} == {Outcome.NOT_REACHED}


def test_the_finished_event_holds_every_session_as_the_report_does() -> None:
    world = world_with(idle=2, busy=2)
    report = world.sweep()
    finished = world.audit.events[-1]
    assert finished.sessions == report.sessions
    assert len(finished.sessions) == 4


def test_every_event_says_who_from_where_and_at_what() -> None:
    world = world_with(idle=1)
    caller = actor(request_id="request-77")
    world.sweep(caller)
    assert world.audit.actions() == [INTENDED, FINISHED]
    assert [(event.actor, event.target, event.error) for event in world.audit.events] == [(caller, TARGET, None)] * 2


def test_the_report_belongs_to_the_request_and_spans_the_sweep() -> None:
    world = world_with(idle=1)
    report = world.sweep(actor(request_id="request-77"))
    assert report.request_id == "request-77"
    assert report.component == COMPONENT
    assert report.started_at < world.audit.events[0].at < world.audit.events[1].at == report.finished_at


def test_the_observer_hears_of_a_sweep_once_and_of_the_report_that_the_caller_gets() -> None:
    world = world_with(idle=1)
    report = world.sweep()
    assert world.observer.reports == [report]
    assert world.observer.delayed == []


# --- nothing to kill -------------------------------------------------------------------------------------------------


def test_a_sweep_without_victims_is_one_event_and_signals_nothing() -> None:
    world = world_with(busy=2)
    report = world.sweep()
    assert told(world.tape) == ["look", "finished"]
    assert world.link.offs == []
    assert report.succeeded
    assert len(report.sessions) == 2


def test_a_sweep_of_an_empty_server_is_audited_too() -> None:
    world = World()
    assert world.sweep().sessions == ()
    assert world.audit.actions() == [FINISHED]


def test_a_sweep_without_victims_is_no_success_when_it_cannot_be_written_down() -> None:
    world = world_with(busy=1)
    world.audit.break_down()
    with pytest.raises(AuditUnavailableError):
        world.sweep()
    assert world.observer.reports == []


# --- an audit that fails ---------------------------------------------------------------------------------------------


def test_without_a_written_intent_nothing_is_signalled() -> None:
    world = world_with(idle=3)
    world.audit.break_down()
    with pytest.raises(AuditUnavailableError, match="the disk is full"):
        world.sweep()
    assert world.server.signals == []
    assert len(world.server.session_ids()) == 3
    assert world.link.offs == []
    assert world.observer.reports == []


def test_a_sweep_that_could_not_write_its_intent_is_audited_as_refused_later() -> None:
    world = world_with(idle=1)
    world.audit.break_down()
    with pytest.raises(AuditUnavailableError):
        world.sweep()
    assert [event.action for event, _ in world.observer.delayed] == [REFUSED]
    world.audit.recover()
    run(world.journal.catch_up())
    assert world.audit.actions() == [REFUSED]
    assert "AuditUnavailableError" in (world.audit.events[0].error or "")


def test_a_last_event_that_cannot_be_written_is_kept_and_the_caller_gets_the_truth() -> None:
    world = world_with(idle=2)
    world.audit.refuses = frozenset({FINISHED})
    report = world.sweep()
    assert report.counts == {Outcome.TERMINATED: 2}
    assert world.audit.actions() == [INTENDED]
    assert world.journal.waiting == 1
    (event, reason), *others = world.observer.delayed
    assert others == []
    assert event.action is FINISHED
    assert event.sessions == report.sessions
    assert "the disk is full" in reason
    assert world.observer.reports == [report]


def test_what_nobody_foresaw_is_raised_and_leaves_its_last_event() -> None:
    world = world_with(idle=5)
    steps = iter(range(100))

    def stumble() -> None:
        # One step is the look; the fifth is a victim in the middle of the second chunk of three.
        if next(steps) == 5:
            raise ZeroDivisionError("a bug")

    world.link.meanwhile = stumble
    with pytest.raises(ZeroDivisionError):
        world.sweep()
    assert world.audit.actions() == [INTENDED, FINISHED]
    last = world.audit.events[-1]
    assert last.error == "ZeroDivisionError: a bug"
    assert len(last.sessions) == 5
    assert {entry.outcome for entry in last.sessions} == {Outcome.UNCONFIRMED}


def test_the_next_sweep_refuses_until_the_audit_has_caught_up() -> None:
    world = world_with(idle=2)
    world.audit.refuses = frozenset({FINISHED})
    first = world.sweep(actor(request_id="first"))
    late = world.server.open()
    with pytest.raises(AuditUnavailableError):
        world.sweep(actor(request_id="second"))
    assert late in world.server.session_ids()
    assert world.audit.actions() == [INTENDED]

    world.audit.recover()
    world.sweep(actor(request_id="third"))
    assert late not in world.server.session_ids()
    assert [(event.actor.request_id, event.action) for event in world.audit.events] == [
        ("first", INTENDED),
        ("first", FINISHED),
        ("second", REFUSED),
        ("third", INTENDED),
        ("third", FINISHED),
    ]
    assert world.audit.events[1].sessions == first.sessions
    assert world.journal.waiting == 0


def test_a_refusal_keeps_its_own_reason_when_the_audit_fails_as_well() -> None:
    world = world_with(idle=1)
    world.audit.break_down()
    with pytest.raises(PermissionDeniedError):
        world.sweep(actor(Role.VIEWER))
    assert world.journal.waiting == 1


# --- refusals --------------------------------------------------------------------------------------------------------


def refusal(world: World) -> str:
    """The only event there is, which must be a refusal: its words."""
    (event,) = world.audit.events
    assert event.action is REFUSED
    assert event.sessions == ()
    assert world.server.signals == []
    assert world.observer.reports == []
    assert not world.gateway.held
    return event.error or ""


def test_a_viewer_may_not_kill_and_the_attempt_is_audited() -> None:
    world = world_with(idle=1)
    with pytest.raises(PermissionDeniedError):
        world.sweep(actor(Role.VIEWER))
    assert refusal(world).startswith("PermissionDeniedError: role 'viewer' may not kill")
    assert world.gateway.asked == 0


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMIN])
def test_an_operator_and_an_administrator_may_kill(role: Role) -> None:
    world = world_with(idle=1)
    assert world.sweep(actor(role)).counts == {Outcome.TERMINATED: 1}


def test_an_actor_of_another_project_is_turned_away_and_the_attempt_is_audited() -> None:
    world = world_with(idle=1)
    with pytest.raises(ProjectMismatchError):
        world.sweep(actor(Role.ADMIN, project_id=OTHER_PROJECT))
    assert refusal(world).startswith("ProjectMismatchError: ")
    assert world.gateway.asked == 0


def test_an_unknown_target_is_audited_with_what_the_caller_named() -> None:
    world = world_with(idle=1)
    with pytest.raises(ComponentUnknownError):
        world.sweep(target=NOWHERE)
    assert refusal(world).startswith("ComponentUnknownError: ")
    assert world.audit.events[0].target == NOWHERE


def test_who_may_not_kill_does_not_learn_whether_a_target_exists() -> None:
    world = world_with()
    with pytest.raises(PermissionDeniedError):
        world.sweep(actor(Role.VIEWER), NOWHERE)


@pytest.mark.parametrize(
    "problem",
    [
        ComponentUnreachableError("no slot is left"),
        ComponentBusyError(),
        WrongServerError("it is a standby"),
        MissingRightsError(["GRANT pg_signal_backend TO vacate;"]),
        UnsupportedServerError("postgresql 9 is not supported"),
    ],
    ids=lambda problem: type(problem).__name__,
)
@pytest.mark.parametrize("at", ["link", "look"])
def test_a_server_in_no_state_to_be_swept_is_a_refusal(problem: VacateError, at: str) -> None:
    world = world_with(idle=1)
    if at == "link":
        world.gateway.refuses_with = problem
    else:
        world.link.look_fails = problem
    with pytest.raises(type(problem)) as raised:
        world.sweep()
    assert raised.value is problem
    assert refusal(world) == f"{type(problem).__name__}: {problem}"


def test_the_link_is_given_back_after_every_end() -> None:
    world = world_with(idle=1)
    world.sweep()
    assert not world.gateway.held
    world.server.open()
    world.audit.break_down()
    with pytest.raises(AuditUnavailableError):
        world.sweep()
    assert not world.gateway.held


def test_the_link_is_held_until_the_last_event_is_written() -> None:
    world = world_with(idle=1)
    held: list[bool] = []
    world.link.meanwhile = lambda: held.append(world.gateway.held)
    world.sweep()
    assert held
    assert all(held)


# --- a caller that goes away -----------------------------------------------------------------------------------------


def test_a_caller_that_goes_away_does_not_stop_the_sweep_nor_its_audit() -> None:
    world = world_with(idle=9)
    world.link.chunk_takes = timedelta(seconds=2)

    async def impatient() -> None:
        async with asyncio.timeout(3):
            await world.kill_idle(actor(), TARGET)

    with pytest.raises(TimeoutError):
        run(impatient())
    assert world.server.session_ids() == ()
    assert world.audit.actions() == [INTENDED, FINISHED]
    assert {entry.outcome for entry in world.audit.events[1].sessions} == {Outcome.TERMINATED}
    assert len(world.observer.reports) == 1
    assert not world.gateway.held


def test_a_caller_that_goes_away_twice_does_not_stop_the_sweep_either() -> None:
    world = world_with(idle=9)
    world.link.chunk_takes = timedelta(seconds=2)

    async def insistent() -> None:
        call = asyncio.create_task(world.kill_idle(actor(), TARGET))
        for _ in range(2):
            await asyncio.sleep(1)
            call.cancel()
        await asyncio.sleep(60)
        assert call.cancelled()

    run(insistent())
    assert world.server.session_ids() == ()
    assert world.audit.actions() == [INTENDED, FINISHED]


def test_a_caller_that_goes_away_during_a_refusal_leaves_its_event() -> None:
    world = world_with(idle=1)

    async def hasty() -> None:
        call = asyncio.create_task(world.kill_idle(actor(Role.VIEWER), TARGET))
        await asyncio.sleep(0.0005)
        call.cancel()
        await asyncio.wait([call])
        assert call.cancelled()

    run(hasty())
    assert world.audit.actions() == [REFUSED]


def test_two_calls_at_once_never_share_the_link() -> None:
    world = world_with(idle=3)

    async def both() -> list[object]:
        calls = (world.kill_idle(actor(request_id=name), TARGET) for name in ("first", "second"))
        return list(await asyncio.gather(*calls, return_exceptions=True))

    first, second = run(both())
    assert first in world.observer.reports
    assert isinstance(second, ComponentBusyError)
    assert {event.action for event in world.audit.events if event.actor.request_id == "second"} == {REFUSED}
