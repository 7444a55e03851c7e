"""Sweeps on a server that lives on: whatever happens between any two steps, only who may be is signalled.

That is who sits idle, or who was named, or who was named and still is in the same transaction.

Hypothesis writes the story: sessions open, wake, rest, end and hand on their id before, between and within sweeps,
links break and the audit fails. After every sweep the ground truth is compared with what was reported and written.

The story is told of each kind of server.
"""

from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import ClassVar

from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.support.fakes import World, actor
from tests.support.hurry import run
from tests.support.server_model import Kind, ModelLink, Seen, ServerModel
from tests.support.sessions import Facts
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.errors import AuditUnavailableError, ComponentUnreachableError, StoreUnavailableError, VacateError
from vacate.domain.judging.criteria import Criteria, idle_for
from vacate.domain.sessions.session import SessionKey
from vacate.domain.sweeps.report import Outcome, Report, Signal, Verb

INTENDED = frozenset(action for action in AuditAction if action.endswith(":intended"))
FINISHED = frozenset(action for action in AuditAction if action.endswith(":finished"))

VERBS = [Verb.KILL_IDLE, Verb.KILL_NAMED, Verb.KILL_TRANSACTION]

Change = tuple[str, int]

CHANGES: dict[str, Callable[[ServerModel, int], None]] = {
    "arrive": ServerModel.arrive,
    "wake": ServerModel.wake,
    "rest": ServerModel.rest,
    "pass on": ServerModel.pass_on,
    "begin": ServerModel.begin,
    "end": ServerModel.end,
    "reuse": ServerModel.reuse,
    "freeze": ServerModel.freeze,
    "forbid": ServerModel.forbid,
}
PLAIN: list[Facts] = [{}, {"application": ""}, {"user": "batch"}, {"application": "vacate"}]
SPARED: list[Facts] = [
    {"query": "LISTEN jobs"},
    {"superuser": True},
    {"client_address": None},
    {"holds_advisory_lock": True},
    {"backend_type": "walsender"},
    {"user": None},
]
SPARED_IN_THE_GAUSS_FAMILY: list[Facts] = [
    {"application": "cm_agent"},
    {"application": "cn_5002"},
    {"user": "rdsAdmin"},
]
NOBODY = 4242
PROBLEMS: list[VacateError | None] = [
    None,
    ComponentUnreachableError("no answer"),
    StoreUnavailableError("the pins cannot be read"),
]

changes = st.tuples(st.sampled_from(sorted(CHANGES)), st.integers(0, 11))
scripts = st.lists(st.lists(changes, max_size=2), max_size=14)
# What a session's own client does to it, in every step.
uses = st.tuples(st.sampled_from(["arrive", "wake", "rest", "begin", "pass on", "reuse"]), st.integers(0, 5))
busy_scripts = st.lists(st.lists(uses, min_size=1, max_size=2), min_size=2, max_size=6)


def apply(server: ServerModel, change: Change) -> None:
    verb, place = change
    if ids := server.session_ids():
        CHANGES[verb](server, ids[place % len(ids)])


def world_of(kind: Kind) -> World:
    """A world around a server of this kind."""
    world = World()
    world.server = ServerModel(world.tape, kind=kind)
    world.link = ModelLink(server=world.server)
    world.gateway.lent = world.link
    return world


class LivingServer(RuleBasedStateMachine):
    """One world and everything that happens to it."""

    kind: ClassVar[Kind] = Kind.POSTGRESQL

    def __init__(self) -> None:
        super().__init__()
        self.world = world_of(self.kind)
        self.world.gateway.lent = self.new_link()
        self.server = self.world.server
        self.protected = set[SessionKey]()
        self.superusers = set[SessionKey]()
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
        key = self.server.key(self.server.open(**facts))
        self.protected.add(key)
        if facts.get("superuser"):
            self.superusers.add(key)

    @rule(change=changes)
    def something_happens(self, change: Change) -> None:
        apply(self.server, change)

    @rule(refuses=st.sampled_from([frozenset(AuditAction), FINISHED, INTENDED]))
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
        asked=st.tuples(st.sampled_from(VERBS), st.lists(st.integers(0, 11), max_size=4)),
        script=scripts,
        chunk=st.integers(1, 4),
        breaks_after=st.none() | st.integers(0, 5),
        unseen=st.lists(st.sampled_from(PROBLEMS), max_size=3),
        lingers=st.integers(0, 3),
        hurried=st.booleans(),
    )
    def a_sweep(
        self,
        asked: tuple[Verb, list[int]],
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
        self.world.inventory.criteria = Criteria(states=idle_for(timedelta(milliseconds=10 if hurried else 0)))
        steps = deque(script)

        def meanwhile() -> None:
            for change in steps.popleft() if steps else ():
                apply(self.server, change)

        link.meanwhile = meanwhile
        self.calls += 1
        request_id = f"request-{self.calls}"
        before = len(self.server.signals)
        ids = (*self.server.session_ids(), NOBODY)
        verb, places = asked
        named = [ids[place % len(ids)] for place in places]
        try:
            report = self.call(verb, named, request_id)
        except AuditUnavailableError:
            report = None
        signals = self.server.signals[before:]

        assert not self.wrong(verb, signals, named)
        if report is None:
            event("refused")
            assert not signals
            self.expected.append((request_id, AuditAction(f"session:{verb}:refused")))
        else:
            event(f"{verb}: {'some' if signals else 'no'} signals")
            self.compare(report, signals, None if verb is Verb.KILL_IDLE else named)
            stages = (
                ["intended", "finished"]
                if any(entry.outcome is not Outcome.SPARED for entry in report.sessions)
                else ["finished"]
            )
            self.expected += [(request_id, AuditAction(f"session:{verb}:{stage}")) for stage in stages]

    @rule(
        asked=st.tuples(st.sampled_from([Verb.KILL_IDLE, *VERBS]), st.lists(st.integers(0, 5), max_size=4)),
        before=st.lists(uses, max_size=3),
        script=busy_scripts,
        chunk=st.integers(1, 4),
    )
    def a_sweep_while_sessions_are_used_and_nothing_else_goes_wrong(
        self, asked: tuple[Verb, list[int]], before: list[Change], script: list[list[Change]], chunk: int
    ) -> None:
        self.the_audit_recovers()
        self.the_audit_catches_up()
        for change in before:
            apply(self.server, change)
        self.a_sweep(asked=asked, script=script, chunk=chunk, breaks_after=None, unseen=[], lingers=0, hurried=False)

    def call(self, verb: Verb, named: Sequence[int], request_id: str) -> Report:
        caller = actor(request_id=request_id)
        match verb:
            case Verb.KILL_IDLE:
                return self.world.sweep(caller)
            case Verb.KILL_NAMED:
                return self.world.kill_named(*named, caller=caller)
            case Verb.KILL_TRANSACTION:
                return self.world.kill_named_transactions(*named, caller=caller)
            case Verb.KILL_PLANNED:
                raise AssertionError("plans have a story of their own")

    def wrong(self, verb: Verb, signals: Sequence[Seen], named: Sequence[int]) -> list[Seen]:
        """The signals that the verb must never send."""
        if verb is Verb.KILL_IDLE:
            return [*self.server.wrong(signals), *[seen for seen in signals if seen.key in self.protected]]
        superusers = [seen for seen in signals if seen.key in self.superusers]
        strangers = [*self.server.strangers(signals, named), *superusers]
        return strangers if verb is Verb.KILL_NAMED else [*strangers, *self.server.wrong_transactions(signals)]

    def compare(self, report: Report, signals: Sequence[Seen], named: Sequence[int] | None) -> None:
        """The report tells the truth about every session of the look that it is about, once."""
        about = [each for each in self.server.last_look if named is None or each.session_id in named]
        assert [entry.session for entry in report.sessions] == about
        if named is not None:
            assert set(named) == {entry.session.session_id for entry in report.sessions} | set(report.absent)
        signalled = {seen.key for seen in signals}
        assert len(signalled) == len(signals)
        living = {self.server.session(each).key for each in self.server.session_ids()}
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
                intended = {each.session.key for each in entry.sessions} if entry.action in INTENDED else set()
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


class LivingServerOfTheGaussFamily(LivingServer):
    """What happens there and nowhere else."""

    kind = Kind.THREADS

    @rule(facts=st.sampled_from(SPARED_IN_THE_GAUSS_FAMILY))
    def a_session_of_the_cluster_opens(self, facts: Facts) -> None:
        self.protected.add(self.server.key(self.server.open(**facts)))

    @rule(facts=st.sampled_from(PLAIN))
    def a_session_opens_past_the_pool(self, facts: Facts) -> None:
        self.server.open(past_the_pool=True, **facts)

    @rule(facts=st.lists(st.sampled_from(PLAIN), max_size=4))
    def the_server_restarts(self, facts: list[Facts]) -> None:
        self.server.restart()
        for each in facts:
            self.server.open(**each)


class LivingPool(LivingServerOfTheGaussFamily):
    """Where a worker serves now one session and now another, a little more happens to workers."""

    kind = Kind.POOL

    @precondition(lambda self: self.server.session_ids())
    @rule(
        places=st.lists(st.integers(0, 11), min_size=1, max_size=4),
        handed_on=st.lists(st.lists(st.integers(0, 11), max_size=2), max_size=6),
        chunk=st.integers(1, 4),
    )
    def sessions_are_named_while_their_workers_are_handed_on(
        self, places: list[int], handed_on: list[list[int]], chunk: int
    ) -> None:
        for place in places:
            apply(self.server, ("wake", place))
        self.a_sweep(
            asked=(Verb.KILL_NAMED, places),
            script=[[("pass on", place) for place in each] for each in handed_on],
            chunk=chunk,
            breaks_after=None,
            unseen=[],
            lingers=0,
            hurried=False,
        )


PATIENT = settings(
    deadline=None, max_examples=100, stateful_step_count=25, suppress_health_check=[HealthCheck.too_slow]
)

TestLivingServer = LivingServer.TestCase
TestLivingServer.settings = PATIENT
TestLivingServerOfTheGaussFamily = LivingServerOfTheGaussFamily.TestCase
TestLivingServerOfTheGaussFamily.settings = settings(PATIENT, max_examples=60)
TestLivingPool = LivingPool.TestCase
TestLivingPool.settings = settings(PATIENT, max_examples=150)
