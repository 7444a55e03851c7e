"""The verbs for named sessions: exactly these, whoever has asked, and whatever happens in between."""

from collections import deque
from collections.abc import Callable

import pytest

from tests.support.fakes import World, actor
from tests.support.server_model import Kind, Seen, ServerModel
from vacate.domain.access.identity import Role
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.errors import AuditUnavailableError, ComponentBusyError, PermissionDeniedError, VacateError
from vacate.domain.judging.criteria import Criteria, Criterion, Selection
from vacate.domain.judging.guards import WAIVED_WHEN_NAMED
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.sessions.session import Demand
from vacate.domain.sweeps.report import Outcome, Report, SessionOutcome, Signal, Verb

NAMED = (AuditAction.KILL_NAMED_INTENDED, AuditAction.KILL_NAMED_FINISHED, AuditAction.KILL_NAMED_REFUSED)
TRANSACTION = (
    AuditAction.KILL_TRANSACTION_INTENDED,
    AuditAction.KILL_TRANSACTION_FINISHED,
    AuditAction.KILL_TRANSACTION_REFUSED,
)
Kill = Callable[..., Report]
both_verbs = pytest.mark.parametrize(
    ("kill", "actions"),
    [
        pytest.param(World.kill_named, NAMED, id="sessions"),
        pytest.param(World.kill_named_transactions, TRANSACTION, id="transactions"),
    ],
)


@pytest.fixture(autouse=True, params=Kind)
def on_each_kind_of_server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every story is told of each."""
    monkeypatch.setattr(ServerModel, "usual", request.param)


def fate(report: Report, session_id: int) -> SessionOutcome:
    (found,) = [entry for entry in report.sessions if entry.session.session_id == session_id]
    return found


def after_the_look(world: World, change: Callable[[], object]) -> None:
    """Let the change happen right before the first victim is read a second time."""
    left = deque[Callable[[], object]]([lambda: None, change])

    def next_change() -> None:
        if left:
            left.popleft()()

    world.link.meanwhile = next_change


def in_transaction(world: World) -> int:
    session_id = world.server.open()
    world.server.begin(session_id)
    return session_id


# --- exactly the named ones ------------------------------------------------------------------------------------------


def stay(_: ServerModel, __: int) -> None:
    """No change."""


@pytest.mark.parametrize("does", [stay, ServerModel.wake, ServerModel.begin], ids=["idle", "busy", "in transaction"])
def test_a_named_session_ends_whatever_it_does(does: Callable[[ServerModel, int], None]) -> None:
    world = World()
    session_id, other = world.server.open(), world.server.open()
    does(world.server, session_id)
    report = world.kill_named(session_id)
    assert world.server.session_ids() == (other,)
    assert [entry.session.session_id for entry in report.sessions] == [session_id]
    assert report.terminated == (session_id,)
    assert report.succeeded
    assert report.verb is Verb.KILL_NAMED


@both_verbs
def test_the_report_holds_the_named_ones_only(kill: Kill, actions: tuple[AuditAction, ...]) -> None:
    world = World()
    ids = [in_transaction(world) for _ in range(7)]
    report = kill(world, ids[4], ids[1])
    assert [entry.session.session_id for entry in report.sessions] == [ids[1], ids[4]]
    assert set(world.server.session_ids()) == {*ids} - {ids[1], ids[4]}
    assert world.audit.actions() == list(actions[:2])


@both_verbs
def test_an_id_that_nobody_has_is_absent_and_no_failure(kill: Kill, actions: tuple[AuditAction, ...]) -> None:
    world = World()
    bystander = in_transaction(world)
    report = kill(world, 99_999, -1, 0, 2**31, 2**63, 10**30)
    assert report.sessions == ()
    assert report.absent == (99_999, -1, 0, 2**31, 2**63, 10**30)
    assert report.succeeded
    assert world.server.session_ids() == (bystander,)
    assert world.audit.actions() == [actions[1]]
    assert world.link.offs == []


@both_verbs
def test_an_id_that_is_given_twice_counts_once(kill: Kill, actions: tuple[AuditAction, ...]) -> None:
    world = World()
    session_id = in_transaction(world)
    report = kill(world, session_id, 7, session_id, 7)
    assert [entry.session.session_id for entry in report.sessions] == [session_id]
    assert report.absent == (7,)
    assert len(world.server.signals) == 1
    assert {event.named for event in world.audit.events} == {(session_id, 7)}
    assert world.audit.actions() == list(actions[:2])


@both_verbs
def test_to_name_nobody_is_to_end_nobody(kill: Kill, actions: tuple[AuditAction, ...]) -> None:
    world = World()
    in_transaction(world)
    report = kill(world)
    assert (report.sessions, report.absent, report.succeeded) == ((), (), True)
    assert world.server.signals == []
    assert world.audit.actions() == [actions[1]]


def test_criteria_do_not_apply_to_named_sessions() -> None:
    world = World()
    world.inventory.criteria = Criteria(users=Selection(include=("nobody",)))
    assert world.kill_named(world.server.open()).counts == {Outcome.TERMINATED: 1}


def test_a_session_over_a_local_socket_is_ended_and_the_second_read_knows_why() -> None:
    world = World()
    local = world.server.open(client_address=None, client_port=-1)
    assert world.kill_named(local).counts == {Outcome.TERMINATED: 1}
    assert world.link.offs == [WAIVED_WHEN_NAMED]


def test_what_the_instance_has_off_stays_off() -> None:
    world = World()
    world.inventory.guards = GuardSettings(off=frozenset({GuardName.SUPERUSER}))
    world.kill_named(world.server.open(superuser=True))
    assert world.link.offs == [WAIVED_WHEN_NAMED | {GuardName.SUPERUSER}]


@both_verbs
def test_a_named_session_that_is_protected_is_spared_and_that_is_no_success(
    kill: Kill, actions: tuple[AuditAction, ...]
) -> None:
    world = World()
    world.inventory.guards = GuardSettings(users=frozenset({"backup"}))
    superuser = world.server.open(superuser=True)
    protected = world.server.open(user="backup")
    own = world.server.open(own=True)
    for session_id in world.server.session_ids():
        world.server.begin(session_id)
    report = kill(world, superuser, protected, own)
    assert [(entry.outcome, entry.by) for entry in report.sessions] == [
        (Outcome.SPARED, GuardName.SUPERUSER),
        (Outcome.SPARED, GuardName.PROTECTED_USER),
        (Outcome.SPARED, GuardName.OWN_SESSION),
    ]
    assert not report.succeeded
    assert world.server.signals == []
    assert world.audit.actions() == [actions[1]]


# --- between the look and the signal ---------------------------------------------------------------------------------

ANY_CHANGE: list[tuple[str, Callable[[ServerModel, int], None], Outcome, Signal]] = [
    ("a statement started", ServerModel.wake, Outcome.TERMINATED, Signal.SIGNALLED),
    ("a statement ended", ServerModel.rest, Outcome.TERMINATED, Signal.SIGNALLED),
    ("a transaction began", ServerModel.begin, Outcome.TERMINATED, Signal.SIGNALLED),
    ("the client left", ServerModel.end, Outcome.GONE, Signal.GONE),
    ("the id was used again", ServerModel.reuse, Outcome.GONE, Signal.GONE),
    ("rights were lost", ServerModel.forbid, Outcome.REFUSED, Signal.FORBIDDEN),
]


@pytest.mark.parametrize(("change", "outcome", "signal"), [pytest.param(*case, id=name) for name, *case in ANY_CHANGE])
def test_a_named_session_is_held_to_its_identity_only(
    change: Callable[[ServerModel, int], None], outcome: Outcome, signal: Signal
) -> None:
    world = World()
    session_id = world.server.open()
    after_the_look(world, lambda: change(world.server, session_id))
    report = world.kill_named(session_id)
    assert (fate(report, session_id).outcome, fate(report, session_id).by) == (outcome, signal)
    assert report.succeeded == (outcome is not Outcome.REFUSED)
    assert world.server.strangers(world.server.signals, [session_id]) == []


TRANSACTION_CHANGES: list[tuple[str, Callable[[ServerModel, int], None], Outcome, Signal]] = [
    ("the next statement started", ServerModel.wake, Outcome.TERMINATED, Signal.SIGNALLED),
    ("it was committed", ServerModel.rest, Outcome.WOKE, Signal.WOKE),
    ("the next one began", ServerModel.begin, Outcome.WOKE, Signal.WOKE),
    ("the client left", ServerModel.end, Outcome.GONE, Signal.GONE),
    ("the id was used again", ServerModel.reuse, Outcome.GONE, Signal.GONE),
    ("rights were lost", ServerModel.forbid, Outcome.REFUSED, Signal.FORBIDDEN),
]


@pytest.mark.parametrize(
    ("change", "outcome", "signal"), [pytest.param(*case, id=name) for name, *case in TRANSACTION_CHANGES]
)
def test_a_named_transaction_is_held_to_its_beginning(
    change: Callable[[ServerModel, int], None], outcome: Outcome, signal: Signal
) -> None:
    world = World()
    session_id = in_transaction(world)
    after_the_look(world, lambda: change(world.server, session_id))
    report = world.kill_named_transactions(session_id)
    assert (fate(report, session_id).outcome, fate(report, session_id).by) == (outcome, signal)
    assert report.succeeded == (outcome is not Outcome.REFUSED)
    assert world.server.wrong_transactions(world.server.signals) == []


def test_a_session_without_a_transaction_is_spared_and_its_transaction_is_over() -> None:
    world = World()
    idle, working, other = world.server.open(), in_transaction(world), in_transaction(world)
    report = world.kill_named_transactions(idle, working)
    assert (fate(report, idle).outcome, fate(report, idle).by) == (Outcome.SPARED, Criterion.NO_TRANSACTION)
    assert report.terminated == (working,)
    assert report.succeeded
    assert set(world.server.session_ids()) == {idle, other}
    assert report.verb is Verb.KILL_TRANSACTION


@pytest.mark.parametrize("demand", [Demand.SAME_IDLE_PERIOD, Demand.SAME_TRANSACTION, Demand.SAME_SESSION])
def test_the_model_tells_each_demand_from_the_others(demand: Demand) -> None:
    """Each verb makes its own demand, or the tests above would pass on another one."""
    kills: dict[Demand, Callable[[World, int], Report]] = {
        Demand.SAME_IDLE_PERIOD: lambda world, _: world.sweep(),
        Demand.SAME_TRANSACTION: World.kill_named_transactions,
        Demand.SAME_SESSION: World.kill_named,
    }
    kill = kills[demand]
    outcomes: list[bool] = []
    for prepare in (ServerModel.rest, ServerModel.begin):
        world = World()
        session_id = world.server.open()
        prepare(world.server, session_id)
        after_the_look(world, lambda w=world, p=session_id: w.server.wake(p))
        kill(world, session_id)
        outcomes.append(session_id not in world.server.session_ids())
    assert (
        outcomes
        == {
            Demand.SAME_IDLE_PERIOD: [False, False],
            Demand.SAME_TRANSACTION: [False, True],
            Demand.SAME_SESSION: [True, True],
        }[demand]
    )


# --- what is written down --------------------------------------------------------------------------------------------


@both_verbs
def test_every_event_says_who_asked_for_whom(kill: Kill, actions: tuple[AuditAction, ...]) -> None:
    world = World()
    victim, spared = in_transaction(world), world.server.open(superuser=True)
    world.server.begin(spared)
    caller = actor(request_id="request-9")
    report = kill(world, victim, spared, 7, caller=caller)
    intended, finished = world.audit.events
    assert (intended.action, finished.action) == actions[:2]
    assert {event.actor for event in world.audit.events} == {caller}
    assert {event.named for event in world.audit.events} == {(victim, spared, 7)}
    assert [entry.session.session_id for entry in intended.sessions] == [victim]
    assert finished.sessions == report.sessions
    assert world.observer.reports == [report]


@both_verbs
def test_the_intent_is_written_before_the_signal(kill: Kill, actions: tuple[AuditAction, ...]) -> None:
    world = World()
    kill(world, in_transaction(world))
    order = [entry.action if isinstance(entry, AuditEvent) else type(entry) for entry in world.tape]
    assert [each for each in order if each is not str] == [actions[0], Seen, actions[1]]


@both_verbs
def test_without_a_written_intent_no_named_session_ends(kill: Kill, actions: tuple[AuditAction, ...]) -> None:
    world = World()
    session_id = in_transaction(world)
    world.audit.refuses = frozenset({actions[0]})
    with pytest.raises(AuditUnavailableError):
        kill(world, session_id)
    assert world.server.signals == []
    assert [(event.action, event.named) for event in world.audit.events] == [(actions[2], (session_id,))]


@both_verbs
def test_who_may_not_kill_is_refused_and_whom_they_named_is_kept(kill: Kill, actions: tuple[AuditAction, ...]) -> None:
    world = World()
    session_id = in_transaction(world)
    with pytest.raises(PermissionDeniedError):
        kill(world, session_id, 7, caller=actor(Role.VIEWER))
    (event,) = world.audit.events
    assert (event.action, event.named, event.sessions) == (actions[2], (session_id, 7), ())
    assert (event.error or "").startswith("PermissionDeniedError")
    assert world.gateway.asked == 0


@both_verbs
@pytest.mark.parametrize("problem", [ComponentBusyError()], ids=["busy"])
def test_a_server_that_cannot_be_swept_is_a_refusal(
    kill: Kill, actions: tuple[AuditAction, ...], problem: VacateError
) -> None:
    world = World()
    world.gateway.refuses_with = problem
    with pytest.raises(type(problem)):
        kill(world, 7)
    assert [(event.action, event.named) for event in world.audit.events] == [(actions[2], (7,))]


def test_the_main_job_names_nobody() -> None:
    world = World()
    world.server.open()
    assert world.sweep().verb is Verb.KILL_IDLE
    assert {event.named for event in world.audit.events} == {()}
