"""What the operations need from the outside, as protocols. Each is implemented by one room."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vacate.domain.audit.event import AuditEvent
from vacate.domain.audit.record import AuditQuery, RecordedEvent
from vacate.domain.judging.criteria import Criteria
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.plans.plan import Application, LineProgress, Plan, PlanId, PlanStage, PlanState
from vacate.domain.sessions.activity import Activity
from vacate.domain.sessions.session import SessionKey, Victim
from vacate.domain.sessions.snapshot import ComponentSnapshot
from vacate.domain.sweeps.freezing import Freeze
from vacate.domain.sweeps.report import Report, Signal
from vacate.domain.topology.components import Component, Instance, InstanceId, ProjectId, Target
from vacate.domain.topology.health import ComponentHealth

# --- inventory -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A target that exists: the component, its instance, and what the instance wants to be judged by."""

    component: Component
    instance: Instance
    criteria: Criteria
    guards: GuardSettings


class Inventory(Protocol):
    """Where the clusters are."""

    def place(self, target: Target) -> Placement:
        """Find the component a target names.

        Raises:
            InstanceUnknownError: no such instance in that project.
            NodeUnknownError: the node is not one of the instance's.
            ComponentUnknownError: the component is not on that node.
        """
        ...

    def instances(self, project_id: ProjectId) -> tuple[Instance, ...]:
        """The project's instances, in the order of the configuration."""
        ...

    def instance(self, project_id: ProjectId, instance_id: InstanceId) -> Instance:
        """One instance of the project.

        Raises:
            InstanceUnknownError: no such instance in that project.
        """
        ...

    def components(self) -> tuple[Component, ...]:
        """Every component of every project."""
        ...


# --- components ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Signalled:
    """What became of one victim at its second read, with the state that was read."""

    key: SessionKey
    signal: Signal
    reason: str


class TerminateBrokenError(Exception):
    """The link broke while victims were being signalled."""

    def __init__(self, reason: str, in_flight: Sequence[SessionKey]) -> None:
        super().__init__(reason)
        self.in_flight = frozenset(in_flight)


class Link(Protocol):
    """A component that is held for one sweep."""

    async def snapshot(self) -> ComponentSnapshot:
        """Read every session once, after the call began.

        Raises:
            ComponentUnreachableError, MissingRightsError, WrongServerError, UnsupportedServerError.
        """
        ...

    def terminate(self, victims: Sequence[Victim], off: frozenset[GuardName]) -> AsyncIterator[Sequence[Signalled]]:
        """Signal the victims that are still what they were; yields the answers chunk by chunk, as seen.

        Raises:
            TerminateBrokenError: the link broke; it names the victims whose answer was under way.
        """
        ...

    async def still_present(self, keys: Sequence[SessionKey]) -> frozenset[SessionKey]:
        """Which of these sessions the server still lists.

        Raises:
            ComponentUnreachableError: the server does not answer.
        """
        ...


class Gateway(Protocol):
    """The way to every component's server.

    A caller may go away at any time: a read that has begun runs to its own end, and costs nobody the connection.
    Reads go on while a sweep holds the component.
    """

    def link(self, component: Component) -> AbstractAsyncContextManager[Link]:
        """Hold the component for one sweep.

        Raises:
            ComponentBusyError: another sweep holds it for too long.
            ComponentUnreachableError, MissingRightsError, WrongServerError, UnsupportedServerError,
            StoreUnavailableError: its server is in no state to be swept.
        """
        ...

    async def snapshot(self, component: Component) -> ComponentSnapshot:
        """Read every session of a component, after the call began.

        Raises:
            ComponentUnreachableError, MissingRightsError, WrongServerError, UnsupportedServerError,
            StoreUnavailableError: its server is in no state to be read.
        """
        ...

    async def activity(self, component: Component) -> tuple[Activity, ...]:
        """Read every client session of a component with what it does; our own is left out. Raises as `snapshot`."""
        ...

    async def databases(self, component: Component) -> tuple[str, ...]:
        """The names of the databases that clients may use, sorted. Raises as `snapshot`."""
        ...

    def latest(self, component: Component) -> ComponentSnapshot | None:
        """The last snapshot that was taken of a component, without asking it now; `None` before the first."""
        ...

    def health(self) -> tuple[ComponentHealth, ...]:
        """What is known of every component's server, without asking it now."""
        ...


# --- our own state ---------------------------------------------------------------------------------------------------


class Pins(Protocol):
    """Which server each component was found to be, so that another one is never taken for it."""

    async def pinned(self, component: Component) -> str | None:
        """The system identifier kept for the component."""
        ...

    async def pin(self, component: Component, system_identifier: str) -> str:
        """Keep an identifier unless one is kept already; returns the one that is kept."""
        ...


class Freezes(Protocol):
    """The freeze switch."""

    async def standing(self) -> tuple[Freeze, ...]:
        """Everything that is frozen now.

        Raises:
            StoreUnavailableError: it cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Whether a plan is still applied by whoever asks, and who wants it stopped."""

    ours: bool
    stop_by: str | None


class Plans(Protocol):
    """Plans, and how far each has come. `claim` is the request id of the call that holds a plan.

    Every method raises StoreUnavailableError when the store does not answer.
    """

    async def keep(self, plan: Plan) -> None:
        """Keep a new plan, open."""
        ...

    async def find(self, project_id: ProjectId, plan_id: PlanId) -> PlanState | None:
        """One plan of the project."""
        ...

    async def recent(self, project_id: ProjectId, limit: int) -> tuple[PlanState, ...]:
        """The project's last plans, the newest first."""
        ...

    async def claim(self, plan_id: PlanId, application: Application) -> bool:
        """Begin the plan's one application. Whether it was open: nobody else gets it afterwards."""
        ...

    async def hold(self, plan_id: PlanId, claim: str, now: datetime) -> Hold:
        """Say that whoever applies the plan is still there."""
        ...

    async def advance(self, plan_id: PlanId, claim: str, position: int, line: LineProgress) -> None:
        """Keep how far the component at that place in the plan has come, if the claim still holds."""
        ...

    async def finish(self, plan_id: PlanId, claim: str, stage: PlanStage, now: datetime) -> bool:
        """End the application. Whether the claim still held."""
        ...

    async def ask_to_stop(self, plan_id: PlanId, by: str) -> bool:
        """Have a plan stopped between two statements. Whether it is being applied."""
        ...

    async def heartbeats(self) -> Mapping[PlanId, datetime]:
        """The last heartbeat of every plan that is being applied, as whoever applies it wrote it."""
        ...

    async def take_over(self, plan_id: PlanId, held_at: datetime, claim: str, now: datetime) -> PlanState | None:
        """Claim a plan that is being applied, if this is still its last heartbeat; nobody else gets the same."""
        ...

    async def forget(self, expired_before: datetime) -> int:
        """Remove plans whose time is over since then; how many. What they did stays in the audit."""
        ...


class AuditLog(Protocol):
    """The durable record."""

    @property
    def problem(self) -> str | None:
        """Why nothing may be ended now, in words: the record has lost events. `None` while it is whole."""
        ...

    async def append(self, *events: AuditEvent, concluding: bool = False) -> None:
        """Write events in their order; all of them are durable when this returns, or none.

        Concluding events say what has already happened. They are written also where the record has lost others.

        Raises:
            AuditUnavailableError: they could not be written, in whole.
        """
        ...


class AuditSearch(Protocol):
    """What the durable record can be asked for. Every method raises StoreUnavailableError when it cannot be read."""

    async def find(self, query: AuditQuery) -> tuple[RecordedEvent, ...]:
        """The events that a query asks for, the newest first."""
        ...

    async def events_of(self, request_id: str) -> tuple[RecordedEvent, ...]:
        """Every event of one call, in the order they were written. Those that cannot be read are left out."""
        ...

    async def unreadable_of(self, request_id: str) -> int:
        """How many events of one call cannot be read."""
        ...


class DelayObserver(Protocol):
    """Who leaves a trace elsewhere of events that cannot be written yet."""

    def audit_delayed(self, event: AuditEvent, reason: str) -> None:
        """An event that says what has happened could not be written yet; `reason` says why."""
        ...


class Observer(DelayObserver, Protocol):
    """Who counts what happened (metrics and logs)."""

    def swept(self, report: Report) -> None:
        """A sweep ended."""
        ...

    def unforeseen(self, component: Component, error: Exception, /) -> None:
        """Something that nobody foresaw happened at a component."""
        ...


class Unforeseen(Protocol):
    """Who is told of an error that nobody foresaw, and of the component where it happened."""

    def __call__(self, component: Component, error: Exception, /) -> None:
        """It happened."""
        ...


def untold(component: Component, error: Exception, /) -> None:
    """Tell nobody."""
    del component, error


class Clock(Protocol):
    """The service's clock."""

    def __call__(self) -> datetime:
        """Now, aware and in UTC."""
        ...
