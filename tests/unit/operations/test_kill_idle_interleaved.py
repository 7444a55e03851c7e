"""Sweeps on a server that lives on: whatever happens between any two steps, only who sits idle is signalled.

Hypothesis writes the story: sessions open, wake, rest, end and hand on their pid before, between and within sweeps,
links break and the audit fails. After every sweep the ground truth is compared with what was reported and written.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.support.fakes import TARGET, World, actor
from tests.support.hurry import run
from tests.support.server_model import ModelLink, Seen, ServerModel
from tests.support.sessions import Facts
from vacate.domain.audit import AuditAction, AuditEvent
from vacate.domain.criteria import Criteria
from vacate.domain.errors import AuditUnavailableError, ComponentUnreachableError, StoreUnavailableError, VacateError
from vacate.domain.guards import GuardName
from vacate.domain.sessions import SessionKey, Victim
from vacate.domain.sweeps import Outcome, Report, Signal
from vacate.operations.ports import Signalled

INTENDED = AuditAction.KILL_IDLE_INTENDED
FINISHED = AuditAction.KILL_IDLE_FINISHED
REFUSED = AuditAction.KILL_IDLE_REFUSED

Change = tuple[str, int]

CHANGES: dict[str, Callable[[ServerModel, int], None]] = {
    "wake": ServerModel.wake,
    "rest": ServerModel.rest,
    "begin": ServerModel.begin,
    "end": ServerModel.end,
    "reuse": ServerModel.reuse,
    "freeze": ServerModel.freeze,
    "forbid": ServerModel.forbid,
}
PLAIN: list[Facts] = [{}, {"application": ""}, {"user": "batch"}]
SPARED: list[Facts] = [
    {"query": "LISTEN jobs"},
    {"superuser": True},
    {"client_address": None},
    {"application": "vacate"},
    {"holds_advisory_lock": True},
    {"backend_type": "walsender"},
    {"user": None},
]
PROBLEMS: list[VacateError | None] = [
    None,
    ComponentUnreachableError("no answer"),
    StoreUnavailableError("the pins cannot be read"),
]

changes = st.tuples(st.sampled_from(sorted(CHANGES)), st.integers(0, 11))
scripts = st.lists(st.lists(changes, max_size=2), max_size=14)


def apply(server: ServerModel, change: Change) -> None:
    verb, place = change
    if pids := server.pids():
        CHANGES[verb](server, pids[place % len(pids)])


class LivingServer(RuleBasedStateMachine):
    """One world and everything that happens to it."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.world.gateway.lent = self.new_link()
        self.server = self.world.server
        self.protected: set[SessionKey] = set()
        self.expected: list[tuple[str, AuditAction]] = []
        self.calls = 0

    def new_link(self) -> ModelLink:
        return self.world.link

    @initialize(facts=st.lists(st.sampled_from(PLAIN), min_size=2, max_size=5))
    def a_server_in_use(self, facts: list[Facts]) -> None:
        for each in facts:
            self.server.open(**each)

    @rule(facts=st.sampled_from(PLAIN))
    def a_session_opens(self, facts: Facts) -> None:
        self.server.open(**facts)

    @rule(facts=st.sampled_from(SPARED))
    def a_session_opens_that_is_protected(self, facts: Facts) -> None:
        self.protected.add(self.server.key(self.server.open(**facts)))

    @rule(change=changes)
    def something_happens(self, change: Change) -> None:
        apply(self.server, change)

    @rule(refuses=st.sampled_from([frozenset(AuditAction), frozenset({FINISHED}), frozenset({INTENDED})]))
    def the_audit_breaks_down(self, refuses: frozenset[AuditAction]) -> None:
        self.world.audit.refuses = refuses

    @rule()
    def the_audit_recovers(self) -> None:
        self.world.audit.recover()

    @precondition(lambda self: not self.world.audit.refuses)
    @rule()
    def the_audit_catches_up(self) -> None:
        run(self.world.journal.catch_up())
        assert self.world.journal.waiting == 0

    @rule(
        script=scripts,
        chunk=st.integers(1, 4),
        breaks_after=st.none() | st.integers(0, 5),
        unseen=st.lists(st.sampled_from(PROBLEMS), max_size=3),
        lingers=st.integers(0, 3),
        hurried=st.booleans(),
    )
    def a_sweep(
        self,
        script: list[list[Change]],
        chunk: int,
        breaks_after: int | None,
        unseen: list[VacateError | None],
        lingers: int,
        hurried: bool,  # noqa: FBT001 - Hypothesis names every argument.
    ) -> None:
        link = self.world.gateway.lent
        link.chunk, link.breaks_after, link.unseen = chunk, breaks_after, deque(unseen)
        link.chunk_takes = timedelta(seconds=20 if hurried else 0)
        self.server.lingers = lingers
        self.world.inventory.criteria = Criteria(min_idle=timedelta(milliseconds=10 if hurried else 0))
        steps = deque(script)

        def meanwhile() -> None:
            for change in steps.popleft() if steps else ():
                apply(self.server, change)

        link.meanwhile = meanwhile
        self.calls += 1
        request_id = f"request-{self.calls}"
        before = len(self.server.signals)
        try:
            report = run(self.world.kill_idle(actor(request_id=request_id), TARGET))
        except AuditUnavailableError:
            report = None
        signals = self.server.signals[before:]

        assert not self.server.wrong(signals)
        assert not {seen.key for seen in signals} & self.protected
        if report is None:
            event("refused")
            assert not signals
            self.expected.append((request_id, REFUSED))
        else:
            event(f"{'some' if signals else 'no'} signals")
            self.compare(report, signals)
            stages = (
                [INTENDED, FINISHED]
                if any(entry.outcome is not Outcome.SPARED for entry in report.sessions)
                else [FINISHED]
            )
            self.expected += [(request_id, stage) for stage in stages]

    def compare(self, report: Report, signals: Sequence[Seen]) -> None:
        """The report tells the truth about every session of the look, once."""
        assert tuple(entry.session for entry in report.sessions) == self.server.last_look
        signalled = {seen.key for seen in signals}
        assert len(signalled) == len(signals)
        living = {self.server.session(pid).key for pid in self.server.pids()}
        for entry in report.sessions:
            key = entry.session.key
            event(f"{entry.outcome} by {entry.by}")
            if entry.outcome is Outcome.TERMINATED:
                assert key in signalled
                assert key not in living
            elif entry.outcome is Outcome.UNCONFIRMED and entry.by == Signal.SIGNALLED:
                assert key in signalled
            elif entry.by == "link":
                assert entry.outcome in {Outcome.UNCONFIRMED, Outcome.GONE}
            else:
                assert key not in signalled
            if entry.outcome is Outcome.GONE:
                assert key not in living

    @invariant()
    def every_signal_stands_in_an_intended_event_that_was_written_before(self) -> None:
        intended: set[SessionKey | None] = set()
        for entry in self.world.tape:
            if isinstance(entry, AuditEvent):
                intended = {each.session.key for each in entry.sessions} if entry.action is INTENDED else set()
            elif isinstance(entry, Seen):
                assert entry.key in intended

    @invariant()
    def every_call_is_in_the_audit_or_waits_for_it_in_order(self) -> None:
        written = [(each.actor.request_id, each.action) for each in self.world.audit.events]
        assert written == self.expected[: len(written)]
        assert len(written) + self.world.journal.waiting == len(self.expected)

    @invariant()
    def the_link_is_free(self) -> None:
        assert not self.world.gateway.held


PATIENT = settings(
    deadline=None, max_examples=120, stateful_step_count=25, suppress_health_check=[HealthCheck.too_slow]
)

TestLivingServer = LivingServer.TestCase
TestLivingServer.settings = PATIENT


# --- the story can end badly -----------------------------------------------------------------------------------------


class CarelessLink(ModelLink):
    """Signals whoever has the pid, as the popular one-line statement does."""

    async def terminate(
        self, victims: Sequence[Victim], off: frozenset[GuardName]
    ) -> AsyncIterator[Sequence[Signalled]]:
        self.offs.append(off)
        for victim in victims:
            self.meanwhile()
            if victim.pid in self.server.pids():
                self.server.signal(victim.pid)
        yield [Signalled(key=victim.key, signal=Signal.SIGNALLED, reason="signalled") for victim in victims]


class CarelesslySweptServer(LivingServer):
    def new_link(self) -> ModelLink:
        return CarelessLink(server=self.world.server)


def test_the_same_story_told_of_a_careless_link_ends_badly() -> None:
    hunting = settings(
        PATIENT, max_examples=300, phases=[Phase.generate], database=None, derandomize=True, report_multiple_bugs=False
    )
    with pytest.raises(AssertionError, match="wrong"):
        run_state_machine_as_test(CarelesslySweptServer, settings=hunting)


@pytest.mark.parametrize("change", [ServerModel.wake, ServerModel.rest, ServerModel.reuse])
def test_a_careless_link_is_found_out(change: Callable[[ServerModel, int], None]) -> None:
    world = World()
    pid = world.server.open()
    world.gateway.lent = CarelessLink(server=world.server)
    steps = deque([lambda: None, lambda: change(world.server, pid)])
    world.gateway.lent.meanwhile = lambda: steps.popleft()() if steps else None
    world.sweep()
    assert len(world.server.wrong(world.server.signals)) == 1
