"""A plan: victims fixed before anything is ended, and how far its one application has come."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from vacate.domain.judging.verdicts import Verdict
from vacate.domain.judging.victim_warnings import VictimWarning
from vacate.domain.sessions.session import Demand, SessionKey, Victim
from vacate.domain.sessions.slots import Slots
from vacate.domain.sweeps.report import Outcome
from vacate.domain.topology.components import Component, ComponentId, InstanceId, NodeId, ProjectId

PlanId = NewType("PlanId", str)

# The first word of what is hashed. Whoever changes the text below gives it another one.
_FORM = "vacate plan 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a plan is over: one component, one instance, or every instance of the project.

    Without an instance it is all of them. `node_id` and `component_id` come together, and only with an instance.
    """

    project_id: ProjectId
    instance_id: InstanceId | None = None
    node_id: NodeId | None = None
    component_id: ComponentId | None = None

    def __str__(self) -> str:
        if self.component_id is not None:
            return f"component {self.component_id} on node {self.node_id} of instance {self.instance_id}"
        return f"instance {self.instance_id}" if self.instance_id is not None else f"project {self.project_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedVictim:
    """A session that was to be ended when the plan was made. What it ran is not kept.

    The times are the server's, aware and in UTC.
    """

    key: SessionKey
    pid: int
    demand: Demand
    since: datetime | None
    state: str | None
    in_state_for: timedelta | None
    user: str | None
    database: str | None
    application: str | None
    client_address: str | None

    def still_meant(self, victim: Victim) -> bool:
        """Whether a victim of a later look is this one, in the same idle period or transaction."""
        return (self.key, self.demand, self.since) == (victim.key, victim.demand, victim.since)


def planned(verdict: Verdict) -> PlannedVictim | None:
    """The victim of a verdict as a plan keeps it; `None` for a session that is spared."""
    victim, session = verdict.victim, verdict.session
    if victim is None:
        return None
    return PlannedVictim(
        key=victim.key,
        pid=victim.pid,
        demand=victim.demand,
        since=victim.since,
        state=session.state,
        in_state_for=session.in_state_for,
        user=session.user,
        database=session.database,
        application=session.application,
        client_address=session.client_address,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedComponent:
    """One component's line of a plan.

    `spared` counts the sessions that are left alone by the first objection to ending each. A component that could not
    be looked at has a `problem`, and no victims and slots. `warnings` say what groups of the victims look like.
    """

    component: Component
    victims: tuple[PlannedVictim, ...] = ()
    spared: tuple[tuple[str, int], ...] = ()
    slots: Slots | None = None
    problem: str | None = None
    warnings: tuple[VictimWarning, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would be ended, fixed, for whoever applies it until `expires_at`.

    `criteria` are the criteria as they were written, in JSON; `None` where each instance's own hold. `by` is who made
    it, `request_id` the call that did.
    """

    id: PlanId
    scope: Scope
    criteria: str | None
    made_at: datetime
    expires_at: datetime
    by: str
    request_id: str
    components: tuple[PlannedComponent, ...]

    @property
    def victims(self) -> int:
        """How many sessions would be ended."""
        return sum(len(line.victims) for line in self.components)

    @property
    def digest(self) -> str:
        """What the plan says, as 64 hexadecimal digits of SHA-256: two that differ in anything have two digests."""
        said = [
            _FORM,
            self.id,
            [self.scope.project_id, self.scope.instance_id, self.scope.node_id, self.scope.component_id],
            self.criteria,
            self.made_at.isoformat(),
            self.expires_at.isoformat(),
            self.by,
            self.request_id,
            [_said(line) for line in self.components],
        ]
        return hashlib.sha256(json.dumps(said, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()


def _said(line: PlannedComponent) -> list[object]:
    where = line.component
    return [
        [where.project_id, where.instance_id, where.node_id, where.id],
        [
            [
                str(victim.key),
                victim.pid,
                victim.demand,
                victim.since.isoformat() if victim.since else None,
                victim.state,
                victim.in_state_for.total_seconds() if victim.in_state_for is not None else None,
                victim.user,
                victim.database,
                victim.application,
                victim.client_address,
            ]
            for victim in line.victims
        ],
        line.spared,
        [line.slots.maximum, line.slots.reserved, line.slots.used] if line.slots else None,
        line.problem,
        # A plan without warnings says the same as one of a service that knew none, and keeps its digest.
        *([_warned(line.warnings)] if line.warnings else ()),
    ]


def _warned(warnings: tuple[VictimWarning, ...]) -> list[object]:
    return [[each.kind, each.sessions, each.user, each.client_address, each.application] for each in warnings]


# --- how far it has come ---------------------------------------------------------------------------------------------


class PlanStage(StrEnum):
    """Where a plan stands. It leaves `open` once and never comes back."""

    OPEN = "open"
    """It was made, and may be applied until it expires."""
    APPLYING = "applying"
    """Somebody applies it now."""
    APPLIED = "applied"
    """It was applied to its end, whatever became of each session."""
    STOPPED = "stopped"
    """Somebody stopped it between two chunks."""
    INTERRUPTED = "interrupted"
    """Whoever applied it went away in the middle; each component says what is known."""


class LineStage(StrEnum):
    """Where one component of a plan stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    """Swept; the counts say what became of the victims."""
    FAILED = "failed"
    """Nothing was ended there; the problem says why."""
    STOPPED = "stopped"
    """Its turn never came."""
    INTERRUPTED = "interrupted"
    """Whoever swept it went away; the counts and the problem say what could be seen afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineProgress:
    """What has become of one component's victims by now. Outcomes that did not occur are left out of `counts`."""

    component: Component
    stage: LineStage = LineStage.WAITING
    counts: Mapping[Outcome, int] = field(default_factory=dict[Outcome, int])
    problem: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """The one time that a plan is applied: by whom, since when, by which call, and until when if it has ended."""

    by: str
    request_id: str
    started_at: datetime
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanState:
    """A plan and how far it has come; the lines are in the order of the plan's components."""

    plan: Plan
    stage: PlanStage
    application: Application | None
    lines: tuple[LineProgress, ...]

    def expired(self, now: datetime) -> bool:
        """Whether it is too late to apply it."""
        return self.stage is PlanStage.OPEN and now >= self.plan.expires_at
