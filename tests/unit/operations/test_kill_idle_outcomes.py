"""What becomes of each session when the world moves on between look, signal and confirmation."""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.support.fakes import World, actor
from tests.support.hurry import run
from tests.support.place import TARGET
from tests.support.server_model import Kind, ServerModel
from vacate.domain.audit.event import AuditAction
from vacate.domain.errors import (
    ComponentUnreachableError,
    MissingRightsError,
    StoreUnavailableError,
    UnsupportedServerError,
    VacateError,
    WrongServerError,
)
from vacate.domain.judging.criteria import Criteria, Criterion, Selection
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.sweeps.report import Outcome, Report, SessionOutcome, Signal
from vacate.operations.sweeps.sweep import Limits

CUT = ComponentUnreachableError("no answer")


@pytest.fixture(autouse=True, params=Kind)
def on_each_kind_of_server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every story is told of each."""
    monkeypatch.setattr(ServerModel, "usual", request.param)


def fate(report: Report, session_id: int) -> SessionOutcome:
    (found,) = [entry for entry in report.sessions if entry.session.session_id == session_id]
    return found


def step_by_step(world: World, *changes: Callable[[], object]) -> None:
    """Let the changes happen one by one, each right before the next step of the server; then nothing more happens."""
    left = deque(changes)

    def next_change() -> None:
        if left:
            left.popleft()()

    world.link.meanwhile = next_change


def nothing() -> None:
    """No change."""


def after_the_look(world: World, change: Callable[[], object]) -> None:
    """Let the change happen right before the first victim is read a second time."""
    step_by_step(world, nothing, change)


# --- each answer of the second read ----------------------------------------------------------------------------------

CHANGES: list[tuple[str, Callable[[ServerModel, int], None], Outcome, Signal]] = [
    ("nothing", lambda _, __: None, Outcome.TERMINATED, Signal.SIGNALLED),
    ("a statement started", ServerModel.wake, Outcome.WOKE, Signal.WOKE),
    ("a statement started and ended", ServerModel.rest, Outcome.WOKE, Signal.WOKE),
    ("a transaction began", ServerModel.begin, Outcome.WOKE, Signal.WOKE),
    ("the client left", ServerModel.end, Outcome.GONE, Signal.GONE),
    ("the id was used again", ServerModel.reuse, Outcome.GONE, Signal.GONE),
    ("rights were lost", ServerModel.forbid, Outcome.REFUSED, Signal.FORBIDDEN),
    ("it lost its address", lambda s, p: s.change(p, client_address=None), Outcome.SPARED, Signal.PROTECTED),
]


@pytest.mark.parametrize(
    ("change", "outcome", "signal"),
    [pytest.param(*case, id=name) for name, *case in CHANGES],
)
def test_what_happened_since_the_look_decides(
    change: Callable[[ServerModel, int], None], outcome: Outcome, signal: Signal
) -> None:
    world = World()
    session_id = world.server.open()
    after_the_look(world, lambda: change(world.server, session_id))
    found = fate(world.sweep(), session_id)
    assert (found.outcome, found.by) == (outcome, signal)
    assert found.reason == (
        "signalled and seen to be gone" if signal is Signal.SIGNALLED else f"the server said {signal}"
    )
    assert [seen.session_id for seen in world.server.signals] == ([session_id] if signal is Signal.SIGNALLED else [])


@pytest.mark.parametrize("signal", list(Signal))
def test_every_answer_has_its_outcome(signal: Signal) -> None:
    assert signal in {case[3] for case in CHANGES}


def test_whoever_got_the_id_of_a_victim_lives_on() -> None:
    world = World()
    session_id = world.server.open()
    before = world.server.key(session_id)
    after_the_look(world, lambda: world.server.reuse(session_id))
    world.sweep()
    assert world.server.signals == []
    assert world.server.key(session_id) != before


def test_an_id_that_is_used_again_right_after_the_signal_does_not_hide_the_end() -> None:
    world = World()
    session_id = world.server.open()
    step_by_step(world, nothing, nothing, lambda: world.server.open(session_id=session_id))
    assert fate(world.sweep(), session_id).outcome is Outcome.TERMINATED
    assert session_id in world.server.session_ids()
    assert len(world.server.signals) == 1


def test_one_that_is_refused_does_not_stop_the_rest() -> None:
    world = World()
    ids = [world.server.open() for _ in range(7)]
    world.server.forbid(ids[2])
    report = world.sweep()
    assert report.counts == {Outcome.TERMINATED: 6, Outcome.REFUSED: 1}
    assert fate(report, ids[2]).outcome is Outcome.REFUSED
    assert not report.succeeded


# --- who is spared ---------------------------------------------------------------------------------------------------


def test_a_spared_session_keeps_its_first_objection_and_its_words() -> None:
    world = World()
    busy = world.server.open()
    world.server.wake(busy)
    listener = world.server.open(query="LISTEN jobs")
    report = world.sweep()
    assert [(entry.outcome, entry.by) for entry in report.sessions] == [
        (Outcome.SPARED, Criterion.NOT_IDLE),
        (Outcome.SPARED, GuardName.LISTENER),
    ]
    assert fate(report, busy).reason == "its state is 'active'"
    assert fate(report, listener).reason == "it waits for notifications (LISTEN)"
    assert report.succeeded


def test_of_several_objections_the_first_one_decides_and_speaks() -> None:
    world = World()
    session_id = world.server.open(superuser=True, query="LISTEN jobs", holds_advisory_lock=True)
    found = fate(world.sweep(), session_id)
    assert (found.by, found.reason) == (GuardName.SUPERUSER, "user 'app' is a superuser")


def test_the_instances_criteria_and_guards_decide() -> None:
    world = World()
    world.inventory.criteria = Criteria(users=Selection(exclude=("anna",)))
    world.inventory.guards = GuardSettings(applications=frozenset({"pg_cron"}))
    anna, cron, other = (
        world.server.open(user="anna"),
        world.server.open(application="pg_cron"),
        world.server.open(),
    )
    report = world.sweep()
    assert fate(report, anna).by == Criterion.NOT_SELECTED
    assert fate(report, cron).by == GuardName.PROTECTED_APPLICATION
    assert fate(report, other).outcome is Outcome.TERMINATED


def test_a_guard_that_is_off_is_off_at_the_second_read_too() -> None:
    world = World()
    world.inventory.guards = GuardSettings(off=frozenset({GuardName.NO_CLIENT_ADDRESS}))
    local = world.server.open(client_address=None, client_port=-1)
    assert fate(world.sweep(), local).outcome is Outcome.TERMINATED
    assert world.link.offs == [frozenset({GuardName.NO_CLIENT_ADDRESS})]


def test_the_report_holds_each_session_of_the_look_once_in_its_order() -> None:
    world = World()
    ids = [world.server.open() for _ in range(5)]
    world.server.wake(ids[1])
    world.server.forbid(ids[3])
    report = world.sweep()
    assert [entry.session.session_id for entry in report.sessions] == ids


def test_a_session_that_opens_during_the_sweep_is_left_alone() -> None:
    world = World()
    world.server.open()
    late: list[int] = []
    after_the_look(world, lambda: late.append(world.server.open()))
    report = world.sweep()
    assert list(world.server.session_ids()) == late
    assert len(report.sessions) == 1


# --- who is seen to be gone ------------------------------------------------------------------------------------------


def test_a_session_that_takes_a_while_to_end_is_waited_for() -> None:
    world = World()
    session_id = world.server.open()
    world.server.lingers = 20
    assert fate(world.sweep(), session_id).outcome is Outcome.TERMINATED
    assert world.tape.count("still_present") == 21


def test_nobody_waits_for_a_session_that_was_not_signalled() -> None:
    world = World()
    woke, refused, other = world.server.open(), world.server.open(), world.server.open()
    world.server.forbid(refused)
    after_the_look(world, lambda: world.server.wake(woke))
    world.sweep()
    assert world.tape.count("still_present") == 1
    assert other not in world.server.session_ids()


def test_without_a_signal_there_is_nothing_to_confirm() -> None:
    world = World()
    world.server.forbid(world.server.open())
    world.sweep()
    assert "still_present" not in world.tape


def test_a_frozen_session_is_unconfirmed_and_does_not_hold_up_the_others() -> None:
    world = World()
    frozen, other = world.server.open(), world.server.open()
    world.server.freeze(frozen)
    report = world.sweep()
    found = fate(report, frozen)
    assert (found.outcome, found.by) == (Outcome.UNCONFIRMED, Signal.SIGNALLED)
    assert found.reason == "signalled; it is still listed"
    assert fate(report, other).outcome is Outcome.TERMINATED
    assert not report.succeeded


@pytest.mark.parametrize("seconds", [0, 1, 5])
def test_waiting_for_a_frozen_session_ends_in_time(seconds: int) -> None:
    world = World(limits=Limits(confirm_for=timedelta(seconds=seconds)))
    world.server.freeze(world.server.open())

    async def timed() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await world.kill_idle(actor(), TARGET)
        return loop.time() - began

    # Both audit events take a moment, too.
    assert seconds - 0.1 < run(timed()) <= seconds + 0.002
    # A question every tenth of a second at the slowest, and a few quick ones before.
    assert 1 + 10 * seconds - 2 <= world.tape.count("still_present") <= 1 + 10 * seconds + 5


@pytest.mark.parametrize(
    "problem",
    [
        CUT,
        WrongServerError("another one took its place"),
        MissingRightsError(["GRANT pg_read_all_stats TO vacate;"]),
        UnsupportedServerError("postgresql 9 is not supported"),
        StoreUnavailableError("the pins cannot be read"),
    ],
    ids=lambda problem: type(problem).__name__,
)
def test_when_nobody_can_see_who_is_gone_the_signalled_are_unconfirmed(problem: VacateError) -> None:
    world = World()
    session_id = world.server.open()
    world.link.unseen = deque([problem] * 1000)
    found = fate(world.sweep(), session_id)
    assert found.outcome is Outcome.UNCONFIRMED
    assert found.reason == f"signalled; whether it is gone could not be seen ({problem})"
    assert world.audit.actions() == [AuditAction.KILL_IDLE_INTENDED, AuditAction.KILL_IDLE_FINISHED]


def test_a_link_that_comes_back_in_time_still_confirms() -> None:
    world = World()
    frozen, other = world.server.open(), world.server.open()
    world.server.freeze(frozen)
    world.link.unseen = deque([CUT, CUT, None, CUT, None])
    report = world.sweep()
    assert fate(report, other).outcome is Outcome.TERMINATED
    assert fate(report, frozen).reason == "signalled; it is still listed"


def test_whoever_was_seen_to_be_gone_stays_gone_when_the_link_breaks_later() -> None:
    world = World()
    frozen, other = world.server.open(), world.server.open()
    world.server.freeze(frozen)
    world.link.unseen = deque([None, *[CUT] * 1000])
    report = world.sweep()
    assert fate(report, other).outcome is Outcome.TERMINATED
    assert fate(report, frozen).reason.startswith("signalled; whether it is gone could not be seen")


# --- a link that breaks ----------------------------------------------------------------------------------------------


def test_a_broken_link_tells_apart_the_answered_the_in_flight_and_the_not_reached() -> None:
    world = World()
    ids = [world.server.open() for _ in range(9)]
    world.link.breaks_after = 4  # Chunks of three: the second chunk has dealt with one of its victims.
    report = world.sweep()
    outcomes = [fate(report, session_id).outcome for session_id in ids]
    assert outcomes == [
        *[Outcome.TERMINATED] * 3,
        Outcome.GONE,
        *[Outcome.UNCONFIRMED] * 2,
        *[Outcome.NOT_REACHED] * 3,
    ]
    assert [fate(report, session_id).by for session_id in ids] == [*["signalled"] * 3, *["link"] * 3, *["sweep"] * 3]
    assert [seen.session_id for seen in world.server.signals] == ids[:4]
    assert not report.succeeded


def test_the_reasons_after_a_broken_link_say_what_is_known() -> None:
    world = World()
    ids = [world.server.open() for _ in range(4)]
    world.link.chunk = 2
    world.link.breaks_after = 1
    report = world.sweep()
    assert [fate(report, session_id).reason for session_id in ids] == [
        "no answer came while it was being signalled; it is gone, by whom was not seen",
        "no answer came while it was being signalled; it is still listed",
        *["the sweep broke off before its turn (the cable was cut)"] * 2,
    ]


def test_what_was_in_flight_when_the_server_went_away_for_good_is_unconfirmed() -> None:
    world = World()
    ids = [world.server.open() for _ in range(2)]
    world.link.breaks_after = 1
    world.link.unseen = deque([CUT] * 1000)
    report = world.sweep()
    assert {fate(report, session_id).outcome for session_id in ids} == {Outcome.UNCONFIRMED}
    assert "could not be seen" in fate(report, ids[0]).reason


def test_a_link_that_breaks_at_once_ends_with_a_report_and_a_last_event() -> None:
    world = World()
    ids = [world.server.open() for _ in range(5)]
    world.link.breaks_after = 0
    report = world.sweep(actor(request_id="cut"))
    assert [fate(report, session_id).outcome for session_id in ids] == [
        *[Outcome.UNCONFIRMED] * 3,
        *[Outcome.NOT_REACHED] * 2,
    ]
    assert world.audit.actions() == [AuditAction.KILL_IDLE_INTENDED, AuditAction.KILL_IDLE_FINISHED]
    assert world.audit.events[1].sessions == report.sessions


# --- out of time -----------------------------------------------------------------------------------------------------


def test_victims_whose_turn_comes_too_late_are_not_reached_and_not_signalled() -> None:
    world = World(limits=Limits(signal_for=timedelta(seconds=45)))
    ids = [world.server.open() for _ in range(9)]
    world.link.chunk_takes = timedelta(seconds=30)
    report = world.sweep()
    assert [fate(report, session_id).outcome for session_id in ids] == [
        *[Outcome.TERMINATED] * 6,
        *[Outcome.NOT_REACHED] * 3,
    ]
    assert [seen.session_id for seen in world.server.signals] == ids[:6]
    late = fate(report, ids[-1])
    assert (late.by, late.reason) == ("sweep", "45 s were over before its turn")
    assert not report.succeeded


def test_a_sweep_that_needs_all_its_time_reaches_everybody() -> None:
    world = World(limits=Limits(signal_for=timedelta(seconds=45)))
    for _ in range(9):
        world.server.open()
    world.link.chunk_takes = timedelta(seconds=15)
    assert world.sweep().counts == {Outcome.TERMINATED: 9}


def test_running_out_of_time_with_the_last_victim_leaves_nobody_out() -> None:
    world = World(limits=Limits(signal_for=timedelta(seconds=1)))
    world.server.open()
    world.link.chunk_takes = timedelta(seconds=30)
    assert world.sweep().counts == {Outcome.TERMINATED: 1}
