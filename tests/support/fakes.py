"""The ports of the operations, in memory.

`World` joins them around one `Sweep` and its verbs. Everything that happens in it is put on one tape, in order.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.support.hurry import run
from tests.support.place import COMPONENT, INSTANCE, PROJECT, TARGET
from tests.support.server_model import ModelLink, ServerModel, Tape
from vacate.domain.access.identity import Actor, CredentialKind, Grant, Role
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.errors import (
    AuditUnavailableError,
    ComponentBusyError,
    ComponentUnknownError,
    InstanceUnknownError,
    VacateError,
)
from vacate.domain.judging.criteria import Criteria
from vacate.domain.judging.settings import GuardSettings
from vacate.domain.sessions.activity import Activity
from vacate.domain.sessions.snapshot import ComponentSnapshot
from vacate.domain.sweeps.freezing import Freeze
from vacate.domain.sweeps.report import Report
from vacate.domain.topology.components import (
    Component,
    Instance,
    InstanceId,
    ProjectId,
    Target,
)
from vacate.domain.topology.health import ComponentHealth
from vacate.operations.audit.journal import Journal
from vacate.operations.ports import Placement
from vacate.operations.sweeps.kill_idle import KillIdle
from vacate.operations.sweeps.kill_sessions import KillSessions
from vacate.operations.sweeps.kill_transactions import KillTransactions
from vacate.operations.sweeps.sweep import Limits, Sweep

LIMITS = Limits(signal_for=timedelta(seconds=45), confirm_for=timedelta(seconds=5))


def actor(role: Role = Role.OPERATOR, *, project_id: ProjectId = PROJECT, request_id: str = "request-1") -> Actor:
    """A caller with one role in one project."""
    return Actor(
        user_id="u1",
        user_name="olga",
        grants=(Grant(project_id=project_id, role=role),),
        credential_kind=CredentialKind.ACCESS_KEY,
        credential="AKTEST0123456789ABCD",
        source_address="203.0.113.9",
        request_id=request_id,
    )


class TickingClock:
    """A service's clock that moves by a second whenever somebody looks at it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@dataclass(kw_only=True)
class ModelGateway:
    """Lends the one link to one sweep at a time, without waiting; everybody may read."""

    lent: ModelLink
    refuses_with: VacateError | None = None
    held: bool = False
    asked: int = 0

    @asynccontextmanager
    async def link(self, component: Component) -> AsyncGenerator[ModelLink]:
        assert component == COMPONENT
        self.asked += 1
        if self.refuses_with is not None:
            raise self.refuses_with
        if self.held:
            raise ComponentBusyError
        self.held = True
        try:
            yield self.lent
        finally:
            self.held = False

    async def snapshot(self, component: Component) -> ComponentSnapshot:
        return await self._answering(component).snapshot()

    async def activity(self, component: Component) -> tuple[Activity, ...]:
        return await self._answering(component).activity()

    async def databases(self, component: Component) -> tuple[str, ...]:
        return await self._answering(component).databases()

    def latest(self, component: Component) -> ComponentSnapshot | None:
        raise NotImplementedError(component)

    def _answering(self, component: Component) -> ModelLink:
        assert component == COMPONENT
        self.asked += 1
        if self.refuses_with is not None:
            raise self.refuses_with
        return self.lent

    def health(self) -> tuple[ComponentHealth, ...]:
        return (ComponentHealth(component=COMPONENT, checked_at=None, problem=None),)


@dataclass(kw_only=True)
class OnePlace:
    """An inventory of one component."""

    criteria: Criteria = field(default_factory=Criteria)
    guards: GuardSettings = field(default_factory=GuardSettings)

    def place(self, target: Target) -> Placement:
        if target != TARGET:
            raise ComponentUnknownError
        return Placement(component=COMPONENT, instance=INSTANCE, criteria=self.criteria, guards=self.guards)

    def instances(self, project_id: ProjectId) -> tuple[Instance, ...]:
        return (INSTANCE,) if project_id == PROJECT else ()

    def instance(self, project_id: ProjectId, instance_id: InstanceId) -> Instance:
        if (project_id, instance_id) != (PROJECT, INSTANCE.id):
            raise InstanceUnknownError
        return INSTANCE

    def components(self) -> tuple[Component, ...]:
        return (COMPONENT,)


@dataclass(kw_only=True)
class MemoryAudit:
    """An audit log that can be full, for every event or for some kinds, or after so many more."""

    tape: Tape = field(default_factory=Tape)
    events: list[AuditEvent] = field(default_factory=list[AuditEvent])
    refuses: frozenset[AuditAction] = frozenset()
    takes_only: int | None = None
    problem: str | None = None
    appends: int = 0

    def break_down(self) -> None:
        self.refuses = frozenset(AuditAction)

    def recover(self) -> None:
        self.refuses, self.takes_only = frozenset(), None

    def actions(self) -> list[AuditAction]:
        return [event.action for event in self.events]

    async def append(self, *events: AuditEvent, concluding: bool = False) -> None:
        await asyncio.sleep(0.001)
        if self.problem is not None and not concluding:
            raise AuditUnavailableError(self.problem)
        if any(each.action in self.refuses for each in events):
            raise AuditUnavailableError("the disk is full")
        if self.takes_only is not None:
            if self.takes_only < len(events):
                raise AuditUnavailableError("the disk is full")
            self.takes_only -= len(events)
        self.appends += 1
        self.events.extend(events)
        self.tape.extend(events)


@dataclass(kw_only=True)
class Switch:
    """The freeze switch. `turns` is what it shows from one look to the next; the last one stays."""

    turns: list[tuple[Freeze, ...] | VacateError] = field(default_factory=lambda: [()])
    looks: int = 0

    async def standing(self) -> tuple[Freeze, ...]:
        await asyncio.sleep(0)
        self.looks += 1
        shown = self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]
        if isinstance(shown, VacateError):
            raise shown
        return shown


@dataclass(kw_only=True)
class Witness:
    """An observer that remembers what it was told."""

    reports: list[Report] = field(default_factory=list[Report])
    delayed: list[tuple[AuditEvent, str]] = field(default_factory=list[tuple[AuditEvent, str]])
    failures: list[tuple[Component, Exception]] = field(default_factory=list[tuple[Component, Exception]])

    def unforeseen(self, component: Component, error: Exception, /) -> None:
        self.failures.append((component, error))

    def swept(self, report: Report) -> None:
        self.reports.append(report)

    def audit_delayed(self, event: AuditEvent, reason: str) -> None:
        self.delayed.append((event, reason))


class World:
    """Everything that one sweep meets. Change its parts before the call, and look at them after it."""

    def __init__(self, *, limits: Limits = LIMITS) -> None:
        self.tape: Tape = []
        self.server = ServerModel(self.tape)
        self.link = ModelLink(server=self.server)
        self.gateway = ModelGateway(lent=self.link)
        self.inventory = OnePlace()
        self.switch = Switch()
        self.audit = MemoryAudit(tape=self.tape)
        self.observer = Witness()
        self.journal = Journal(self.audit, self.observer)
        sweep = Sweep(
            inventory=self.inventory,
            gateway=self.gateway,
            freezes=self.switch,
            journal=self.journal,
            observer=self.observer,
            clock=TickingClock(),
            limits=limits,
        )
        self.kill_idle = KillIdle(sweep=sweep)
        self.kill_sessions = KillSessions(sweep=sweep)
        self.kill_transactions = KillTransactions(sweep=sweep)

    def sweep(self, caller: Actor | None = None, target: Target = TARGET) -> Report:
        """One call for the idle sessions, to its end, in no time."""
        return run(self.kill_idle(caller or actor(), target))

    def kill_named(self, *session_ids: int, caller: Actor | None = None) -> Report:
        """One call for named sessions."""
        return run(self.kill_sessions(caller or actor(), TARGET, session_ids))

    def kill_named_transactions(self, *session_ids: int, caller: Actor | None = None) -> Report:
        """One call for the transactions of named sessions."""
        return run(self.kill_transactions(caller or actor(), TARGET, session_ids))
