"""A plan and how far it has come, as our own door writes it."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from vacate.api.admin.fields import ComponentId, InstanceId, Moment, NodeId, Number, Seconds
from vacate.domain.judging.victim_warnings import ADVICE, VictimWarning, WarningKind
from vacate.domain.plans.plan import LineProgress, LineStage, PlannedComponent, PlannedVictim, PlanStage, PlanState
from vacate.domain.sessions.slots import Slots

# Described by the shape that reads it; see `http.reference.catalogue`.
CRITERIA_SCHEMA: dict[str, Any] = {"$ref": "#/components/schemas/CriteriaShape"}


class PlanScope(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan is over: one component, one instance, or, without an instance, every instance of the project."""

    instance_id: Annotated[str | None, Meta(description="The instance; null for all of them.")]
    node_id: Annotated[str | None, Meta(description="The node; null for all of them.")]
    component_id: Annotated[str | None, Meta(description="The component; null for all of them.")]


class PlanVictim(msgspec.Struct, frozen=True, kw_only=True):
    """A session that would be ended, as it was when the plan was made. What it ran is not kept."""

    session_id: Annotated[Number, Meta(description="The server's own id of the session.", examples=[4711])]
    pid: Annotated[Number, Meta(description="The server's process that serves it.", examples=[4711])]
    backend_start: Annotated[Moment, Meta(description="When it began, in UTC; with the id it names it for life.")]
    state: Annotated[str | None, Meta(description="Its state, in the server's words.", examples=["idle"])]
    in_state_seconds: Annotated[
        Seconds | None, Meta(description="For how long it had been in this state.", examples=[720.5])
    ]
    user: Annotated[str | None, Meta(description="Its user.", examples=["app"])]
    database: Annotated[str | None, Meta(description="Its database.", examples=["shop"])]
    application: Annotated[str | None, Meta(description="What its client calls itself.", examples=["web"])]
    client_address: Annotated[str | None, Meta(description="Its client's address.", examples=["192.0.2.7"])]


class PlanSlots(msgspec.Struct, frozen=True, kw_only=True):
    """How many sessions the server has room for. All are counts of sessions."""

    maximum: Annotated[int, Meta(description="The server's `max_connections`.", examples=[100])]
    reserved: Annotated[int, Meta(description="Of these, kept for superusers and roles with a right to them.")]
    used: Annotated[int, Meta(description="Taken when the plan was made.", examples=[92])]
    free: Annotated[int, Meta(description="Left for everybody when the plan was made.", examples=[5])]
    free_after: Annotated[int, Meta(description="Left for everybody when every victim is gone.", examples=[45])]


class PlanWarning(msgspec.Struct, frozen=True, kw_only=True):
    """Victims of one user, client and application that look like one thing that would suffer from their end."""

    kind: Annotated[
        WarningKind,
        Meta(
            description=(
                "`pool`: an application's connection pool. `pooler`: a pooler's parked connections. `restore`: a "
                "restore between two steps. `agent`: pgAgent. `rewind`: pg_rewind between two reads."
            )
        ),
    ]
    sessions: Annotated[int, Meta(description="How many of the victims.", examples=[4])]
    user: Annotated[str | None, Meta(description="Their user.", examples=["app"])]
    client_address: Annotated[str | None, Meta(description="Their client's address.", examples=["192.0.2.7"])]
    application: Annotated[str | None, Meta(description="What their client calls itself; empty for no name.")]
    advice: Annotated[str, Meta(description="What to do about it.", examples=[ADVICE[WarningKind.POOL]])]


class PlanProgress(msgspec.Struct, frozen=True, kw_only=True):
    """What has become of one component's victims by now."""

    stage: Annotated[
        LineStage,
        Meta(
            description=(
                "`waiting`, `running`, `done`; `failed`: nobody was ended there; `stopped`: its turn never came, or "
                "not in whole; `interrupted`: whoever swept it went away."
            )
        ),
    ]
    outcomes: Annotated[dict[str, int], Meta(description="How many victims had which outcome; none are left out.")]
    problem: Annotated[str | None, Meta(description="What was in the way; null when nothing was.")]
    started_at: Annotated[Moment | None, Meta(description="When its turn came, in UTC.")]
    finished_at: Annotated[Moment | None, Meta(description="When its turn was over, in UTC.")]


class PlanComponent(msgspec.Struct, frozen=True, kw_only=True):
    """One component's line of a plan."""

    instance_id: InstanceId
    node_id: NodeId
    component_id: ComponentId
    victims: Annotated[list[PlanVictim], Meta(description="Who would be ended there.")]
    spared: Annotated[
        dict[str, int],
        Meta(description="How many sessions are left alone, by the first criterion or guard that objects."),
    ]
    slots: Annotated[PlanSlots | None, Meta(description="The server's slots; null when it could not be looked at.")]
    warnings: Annotated[
        list[PlanWarning],
        Meta(description="What groups of the victims look like. A warning spares nobody; see the page on neighbours."),
    ]
    problem: Annotated[
        str | None, Meta(description="Why it could not be looked at; null when it could. Such a line has no victims.")
    ]
    progress: Annotated[PlanProgress, Meta(description="What has become of the victims by now.")]


class PlanApplication(msgspec.Struct, frozen=True, kw_only=True):
    """The one time that a plan is applied."""

    by: Annotated[str, Meta(description="Who applies it.", examples=["olga"])]
    request_id: Annotated[str, Meta(description="The call that began it, as in the audit.")]
    started_at: Annotated[Moment, Meta(description="Since when, in UTC.")]
    finished_at: Annotated[Moment | None, Meta(description="Until when, in UTC; null while it runs.")]


class PlanSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A plan without its components."""

    id: Annotated[str, Meta(description="Names the plan.", examples=["8c1c6c1f6a3b4f0b9d3e2a1b0c9d8e7f"])]
    digest: Annotated[str, Meta(description="What the plan says, as 64 hexadecimal digits; apply it with this.")]
    scope: Annotated[PlanScope, Meta(description="What it is over.")]
    made_at: Annotated[Moment, Meta(description="When it was made, in UTC.")]
    expires_at: Annotated[Moment, Meta(description="Until when it may be applied, in UTC.")]
    by: Annotated[str, Meta(description="Who made it.", examples=["olga"])]
    request_id: Annotated[str, Meta(description="The call that made it, as in the audit.")]
    victims: Annotated[int, Meta(description="How many sessions it would end, on all components.", examples=[40])]
    stage: Annotated[
        PlanStage,
        Meta(
            description=(
                "`open`: it may be applied until it expires. `applying`: it is applied now. `applied`: to its end. "
                "`stopped`: before its end. `interrupted`: whoever applied it went away."
            )
        ),
    ]
    application: Annotated[PlanApplication | None, Meta(description="Its one application; null before that.")]


class PlanAnswer(PlanSummary, frozen=True, kw_only=True):
    """A plan, and how far it has come."""

    # Either is one text of JSON: of a union with None the library reads the null only.
    criteria: Annotated[
        msgspec.Raw,
        Meta(
            description="The criteria as they were written; null where each instance's own hold.",
            extra_json_schema={"anyOf": [CRITERIA_SCHEMA, {"type": "null"}]},
        ),
    ]
    components: Annotated[list[PlanComponent], Meta(description="Every component that it is over.")]


class PlanList(msgspec.Struct, frozen=True, kw_only=True):
    """The last plans of a project."""

    plans: Annotated[list[PlanSummary], Meta(description="The newest first.")]


def plan_summary(state: PlanState) -> PlanSummary:
    """A plan as a line of a list."""
    return PlanSummary(**_common(state))


def plan_answer(state: PlanState) -> PlanAnswer:
    """A plan with everything it says, and how far it has come."""
    criteria = state.plan.criteria
    return PlanAnswer(
        **_common(state),
        criteria=msgspec.Raw(b"null" if criteria is None else criteria.encode()),
        components=[
            _component(planned, progress) for planned, progress in zip(state.plan.components, state.lines, strict=True)
        ],
    )


def _common(state: PlanState) -> dict[str, Any]:
    plan, application = state.plan, state.application
    return {
        "id": plan.id,
        "digest": plan.digest,
        "scope": PlanScope(
            instance_id=plan.scope.instance_id, node_id=plan.scope.node_id, component_id=plan.scope.component_id
        ),
        "made_at": plan.made_at,
        "expires_at": plan.expires_at,
        "by": plan.by,
        "request_id": plan.request_id,
        "victims": plan.victims,
        "stage": state.stage,
        "application": application
        and PlanApplication(
            by=application.by,
            request_id=application.request_id,
            started_at=application.started_at,
            finished_at=application.finished_at,
        ),
    }


def _component(planned: PlannedComponent, progress: LineProgress) -> PlanComponent:
    where = planned.component
    return PlanComponent(
        instance_id=where.instance_id,
        node_id=where.node_id,
        component_id=where.id,
        victims=[_victim(victim) for victim in planned.victims],
        spared=dict(planned.spared),
        slots=planned.slots and _slots(planned.slots, len(planned.victims)),
        warnings=[_warning(warning) for warning in planned.warnings],
        problem=planned.problem,
        progress=PlanProgress(
            stage=progress.stage,
            outcomes={outcome.value: count for outcome, count in progress.counts.items()},
            problem=progress.problem,
            started_at=progress.started_at,
            finished_at=progress.finished_at,
        ),
    )


def _victim(victim: PlannedVictim) -> PlanVictim:
    return PlanVictim(
        session_id=victim.key.session_id,
        pid=victim.pid,
        backend_start=victim.key.backend_start,
        state=victim.state,
        in_state_seconds=None if victim.in_state_for is None else victim.in_state_for.total_seconds(),
        user=victim.user,
        database=victim.database,
        application=victim.application,
        client_address=victim.client_address,
    )


def _warning(warning: VictimWarning) -> PlanWarning:
    return PlanWarning(
        kind=warning.kind,
        sessions=warning.sessions,
        user=warning.user,
        client_address=warning.client_address,
        application=warning.application,
        advice=ADVICE[warning.kind],
    )


def _slots(slots: Slots, victims: int) -> PlanSlots:
    return PlanSlots(
        maximum=slots.maximum,
        reserved=slots.reserved,
        used=slots.used,
        free=slots.free,
        free_after=slots.after(victims).free,
    )
