"""Plans on servers that live on: whatever happens between any two steps, only planned sessions are signalled, once.

Hypothesis writes the story: sessions open, wake, rest, end and hand on their ids between a plan and its application,
and between the look and each signal; several services apply the same plan, some are killed in the middle, links break,
the audit fails, somebody freezes, stops, protects. Afterwards the ground truth is compared with what was told.
"""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from tests.support.fakes import actor
from tests.support.hurry import run
from tests.support.planning import PlanWorld
from tests.support.server_model import Seen, ServerModel
from tests.support.sessions import LOOK_AT
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.errors import AuditUnavailableError, ComponentUnreachableError, PlanSpentError, VacateError
from vacate.domain.judging.settings import GuardSettings
from vacate.domain.plans.plan import LineStage, Plan, PlanId, PlanStage, PlanState
from vacate.domain.sessions.session import SessionKey
from vacate.domain.sweeps.freezing import Freeze
from vacate.domain.sweeps.report import Outcome
from vacate.domain.topology.components import Component

CHANGES: dict[str, Callable[[ServerModel, int], None]] = {
    "wake": ServerModel.wake,
    "rest": ServerModel.rest,
    "begin": ServerModel.begin,
    "end": ServerModel.end,
    "reuse": ServerModel.reuse,
}
FREEZE = Freeze(instance_id=None, by="oleg", reason="month end", since=LOOK_AT)
FINISHED = frozenset(action for action in AuditAction if action.endswith(":finished"))
ENDED_STAGES = {PlanStage.APPLIED, PlanStage.STOPPED}

Change = tuple[int, str, int]
changes = st.tuples(st.integers(0, 1), st.sampled_from(sorted(CHANGES)), st.integers(0, 7))
scripts = st.lists(st.lists(changes, max_size=2), max_size=16)
Where = tuple[Component, SessionKey]


class Killed(BaseException):
    """A service is killed at this very point."""


class PlansOnLivingServers(RuleBasedStateMachine):
    """Two servers, one store, and services that come and go."""

    plans = Bundle("plans")

    def __init__(self) -> None:
        super().__init__()
        self.world = PlanWorld()
        self.servers = list(self.world.servers.values())
        self.periods: dict[PlanId, dict[Where, int]] = {}
        self.begun: dict[PlanId, int] = {}
        self.calls = 0

    def apply_change(self, change: Change) -> None:
        which, verb, place = change
        server = self.servers[which]
        if ids := server.session_ids():
            CHANGES[verb](server, ids[place % len(ids)])

    @initialize(counts=st.tuples(st.integers(1, 5), st.integers(0, 3)))
    def servers_in_use(self, counts: tuple[int, int]) -> None:
        for component, count in zip(self.world.components, counts, strict=True):
            self.world.open(component, count)

    @rule(which=st.integers(0, 1))
    def a_session_opens(self, which: int) -> None:
        self.servers[which].open()

    @rule(change=changes)
    def something_happens(self, change: Change) -> None:
        self.apply_change(change)

    @rule(protects=st.booleans())
    def somebody_protects_a_user_or_nobody(self, protects: bool) -> None:  # noqa: FBT001 - Hypothesis names it.
        self.world.guards = GuardSettings(users=frozenset({"batch"} if protects else ()))

    @rule(which=st.integers(0, 1), place=st.integers(0, 7))
    def a_session_becomes_the_protected_users(self, which: int, place: int) -> None:
        if ids := self.servers[which].session_ids():
            self.servers[which].change(ids[place % len(ids)], user="batch")

    @rule(which=st.none() | st.integers(0, 1))
    def a_component_is_out_of_reach(self, which: int | None) -> None:
        self.world.gateway.refusals.clear()
        if which is not None:
            self.world.gateway.refusals[self.world.components[which]] = ComponentUnreachableError("no answer")

    @rule(refuses=st.sampled_from([frozenset(AuditAction), FINISHED, frozenset[AuditAction]()]))
    def the_audit_takes_everything_or_not(self, refuses: frozenset[AuditAction]) -> None:
        self.world.audit.refuses = refuses

    @rule(frozen=st.booleans())
    def the_freeze_switch_is_turned(self, frozen: bool) -> None:  # noqa: FBT001 - Hypothesis names it.
        self.world.switch.turns = [(FREEZE,) if frozen else ()]

    @rule(target=plans)
    def a_plan_is_made(self) -> Plan | None:
        self.calls += 1
        before = [len(server.signals) for server in self.servers]
        try:
            plan = self.world.planned(caller=actor(request_id=f"plan-{self.calls}")).plan
        except AuditUnavailableError:
            return None
        assert [len(server.signals) for server in self.servers] == before
        self.periods[plan.id] = {
            (line.component, victim.key): self.world.servers[line.component].periods_at_last_look[victim.key]
            for line in plan.components
            for victim in line.victims
        }
        return plan

    @rule(
        plan=plans,
        script=scripts,
        chunk=st.integers(1, 3),
        breaks_after=st.none() | st.integers(0, 3),
        killed_at=st.none() | st.integers(0, 8),
        stopped_at=st.none() | st.integers(0, 8),
        lingers=st.integers(0, 2),
    )
    def a_plan_is_applied(
        self,
        plan: Plan | None,
        script: list[list[Change]],
        chunk: int,
        breaks_after: int | None,
        killed_at: int | None,
        stopped_at: int | None,
        lingers: int,
    ) -> None:
        if plan is None:
            return
        meanwhile = self.between(script, plan, killed_at=killed_at, stopped_at=stopped_at)
        for component, link in self.world.links.items():
            link.chunk, link.breaks_after, link.meanwhile = chunk, breaks_after, meanwhile
            self.world.servers[component].lingers = lingers
        self.calls += 1
        before = {component: len(server.signals) for component, server in self.world.servers.items()}
        spent = plan.id in self.begun
        try:
            state: PlanState | VacateError = self.world.applied(plan, caller=actor(request_id=f"apply-{self.calls}"))
        except VacateError as error:
            state = error
        for link in self.world.links.values():
            link.meanwhile = lambda: None
        # Whoever was killed holds no link any more.
        self.world.gateway.held.clear()
        signals = {component: server.signals[before[component] :] for component, server in self.world.servers.items()}
        if isinstance(state, VacateError):
            assert not any(signals.values())
            assert isinstance(state, PlanSpentError) == (spent and not isinstance(state, AuditUnavailableError))
            if not spent:
                self.begun[plan.id] = 0
            event(f"refused: {type(state).__name__}")
            return
        assert not spent
        self.it_was_seen(plan, state, signals)

    def between(
        self, script: list[list[Change]], plan: Plan, *, killed_at: int | None, stopped_at: int | None
    ) -> Callable[[], None]:
        """What happens before each step on a link: the script, and once the stop or the end of the process."""
        steps = deque(script)
        step = iter(range(10_000))

        def meanwhile() -> None:
            now = next(step)
            if now == killed_at:
                raise Killed
            if now == stopped_at:
                self.world.plans.kept[plan.id].stop_by = "oleg"
            for change in steps.popleft() if steps else ():
                self.apply_change(change)

        return meanwhile

    def it_was_seen(self, plan: Plan, state: PlanState, signals: dict[Component, list[Seen]]) -> None:
        self.begun[plan.id] = sum(map(len, signals.values()))
        event(f"{state.stage}: {'some' if self.begun[plan.id] else 'no'} signals")
        self.only_the_planned_were_hit(plan, signals)
        if state.stage in ENDED_STAGES:
            self.the_counts_are_the_truth(state, signals)

    def only_the_planned_were_hit(self, plan: Plan, signals: dict[Component, list[Seen]]) -> None:
        """Each in the very idle period that the plan saw, and once."""
        for component, hits in signals.items():
            assert not self.world.servers[component].wrong(hits)
            assert len({seen.key for seen in hits}) == len(hits)
            for seen in hits:
                assert self.periods[plan.id][component, seen.key] == seen.period

    def the_counts_are_the_truth(self, state: PlanState, signals: dict[Component, list[Seen]]) -> None:
        for planned, line in zip(state.plan.components, state.lines, strict=True):
            event(f"line {line.stage}")
            if line.stage is LineStage.FAILED:
                assert not signals[line.component] or "unforeseen" in str(line.problem)
            elif line.stage is LineStage.STOPPED and not line.counts:
                assert not signals[line.component]
            else:
                assert sum(line.counts.values()) == len(planned.victims)
                living = {
                    server.key(each) for server in [self.world.servers[line.component]] for each in server.session_ids()
                }
                gone = sum(seen.key not in living for seen in signals[line.component])
                assert line.counts.get(Outcome.TERMINATED, 0) <= gone
                told = line.counts.get(Outcome.TERMINATED, 0) + line.counts.get(Outcome.UNCONFIRMED, 0)
                assert told + line.counts.get(Outcome.GONE, 0) >= len(signals[line.component])

    @rule()
    def what_was_cut_off_is_settled(self) -> None:
        cut_off = [kept for kept in self.world.plans.kept.values() if kept.state.stage is PlanStage.APPLYING]
        # Once to see the last heartbeats, and once to find them unchanged.
        self.world.clock.now += timedelta(minutes=1)
        with suppress(AuditUnavailableError):
            run(self.world.settle())
        cut_off = [kept for kept in cut_off if kept.state.stage is PlanStage.APPLYING]
        self.world.clock.now += timedelta(minutes=1)
        before = [len(server.signals) for server in self.servers]
        try:
            assert run(self.world.settle()) == len(cut_off)
        except AuditUnavailableError:
            event("a settlement was put off")
        else:
            assert all(kept.state.stage is PlanStage.INTERRUPTED for kept in cut_off)
            for kept in cut_off:
                event("settled")
                assert not {line.stage for line in kept.state.lines} & {LineStage.WAITING, LineStage.RUNNING}
        assert [len(server.signals) for server in self.servers] == before

    @rule(plan=consumes(plans))
    def a_plan_that_somebody_changed_in_the_store_is_applied(self, plan: Plan | None) -> None:
        if plan is None or plan.id not in self.world.plans.kept:
            return
        kept = self.world.plans.kept[plan.id]
        kept.state = replace(kept.state, plan=replace(plan, by="somebody else"))
        before = [len(server.signals) for server in self.servers]
        self.calls += 1
        try:
            self.world.applied(plan, caller=actor(request_id=f"apply-{self.calls}"))
        except VacateError:
            pass
        else:
            raise AssertionError("a changed plan was applied")
        assert [len(server.signals) for server in self.servers] == before

    @invariant()
    def every_signal_stands_in_an_intent_that_was_written_before(self) -> None:
        intended: set[SessionKey | None] = set()
        for entry in self.world.tape:
            if isinstance(entry, AuditEvent) and entry.action is AuditAction.KILL_PLANNED_INTENDED:
                intended |= {each.session.key for each in entry.sessions}
            elif isinstance(entry, Seen):
                assert entry.key in intended

    @invariant()
    def the_links_are_free(self) -> None:
        assert not self.world.gateway.held


TestPlansOnLivingServers = PlansOnLivingServers.TestCase
TestPlansOnLivingServers.settings = settings(
    deadline=None, max_examples=120, stateful_step_count=20, suppress_health_check=[HealthCheck.too_slow]
)
