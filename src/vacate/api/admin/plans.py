"""Plans: make one, look at it, apply what was looked at, stop it."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from vacate.api.admin import fields
from vacate.api.admin.errors import OF_A_BODY, OF_A_PLACE, BodyInvalidError
from vacate.api.admin.examples import APPLIED, APPLYING, CRITERIA, OPEN
from vacate.api.admin.plan_rows import CRITERIA_SCHEMA, PlanAnswer, PlanList, plan_answer, plan_summary
from vacate.api.gaussdb_v3.examples import CN_NODE, COORDINATOR, INSTANCE
from vacate.api.operation import Example, Operation
from vacate.domain import errors as domain
from vacate.domain.plans.plan import Scope
from vacate.domain.topology.components import ComponentId, InstanceId, NodeId, ProjectId

_FAMILY = "Plans"
_PLANS = "/admin/v1/{project_id}/plans"
_PLAN = f"{_PLANS}/{{plan_id}}"
UNDER_WAY = 202
_SHOWN = msgspec.json.decode(CRITERIA)


Criteria = Annotated[
    msgspec.Raw | UnsetType,
    Meta(
        description="The criteria to judge by, instead of each instance's own; kept as they are written.",
        extra_json_schema=CRITERIA_SCHEMA,
    ),
]

# --- making ----------------------------------------------------------------------------------------------------------


class MakePlanRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to plan. An empty object plans every instance of the project by its own criteria."""

    instance_id: Annotated[fields.InstanceId | None, Meta(description="The instance; left out, all of them.")] = None
    node_id: Annotated[
        fields.NodeId | None, Meta(description="The node of the component; comes with `component_id`.")
    ] = None
    component_id: Annotated[
        fields.ComponentId | None,
        Meta(description="The component; left out, all of the instance's. Comes with `node_id` and `instance_id`."),
    ] = None
    criteria: Criteria = UNSET
    expires_in: Annotated[
        str | None,
        Meta(
            description=(
                "How long the plan may be applied: a number with `s`, `min`, `h` or `d`. It is taken into the bounds "
                "of 10 s and 1 d; left out, the service's own time holds."
            ),
            examples=["10min"],
            extra_json_schema={"pattern": "^[0-9]{1,9}(ms|s|min|h|d)?$"},
        ),
    ] = None

    def scope(self, project_id: ProjectId) -> Scope:
        """What the plan is to be over.

        Raises:
            BodyInvalidError: ids are missing that come together.
        """
        if (self.node_id is None) != (self.component_id is None):
            missing = "node_id" if self.node_id is None else "component_id"
            raise BodyInvalidError(f"node_id and component_id come together - at `$.{missing}`")
        if self.component_id is not None and self.instance_id is None:
            raise BodyInvalidError("a component is one of an instance - at `$.instance_id`")
        return Scope(
            project_id=project_id,
            instance_id=None if self.instance_id is None else InstanceId(self.instance_id),
            node_id=None if self.node_id is None else NodeId(self.node_id),
            component_id=None if self.component_id is None else ComponentId(self.component_id),
        )


MAKE_PLAN = Operation(
    id="make_plan",
    family=_FAMILY,
    title="Make a plan",
    description=(
        "Looks at every component of the scope, judges its sessions, and keeps whom a sweep would end. Nobody is "
        "ended. A component that cannot be looked at is a line with a `problem`."
    ),
    method="POST",
    path=_PLANS,
    request=MakePlanRequest,
    response=PlanAnswer,
    status=201,
    errors=(*OF_A_BODY, *OF_A_PLACE, domain.CriteriaError, domain.AuditUnavailableError),
    examples=(
        Example(
            title="An instance, by criteria of the caller",
            request={"instance_id": INSTANCE, "criteria": _SHOWN, "expires_in": "10min"},
            response=plan_answer(OPEN),
        ),
        Example(
            title="One component, by the instance's own criteria",
            request={"instance_id": INSTANCE, "node_id": CN_NODE, "component_id": COORDINATOR},
            response=plan_answer(OPEN),
        ),
    ),
)

# --- looking ---------------------------------------------------------------------------------------------------------


class PlansQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many plans to list."""

    limit: Annotated[int, Meta(ge=1, le=100, description="How many plans to give at most.", examples=[20])] = 20


LIST_PLANS = Operation(
    id="list_plans",
    family=_FAMILY,
    title="List the last plans",
    description="Lists the project's last plans without their victims, the newest first.",
    method="GET",
    path=_PLANS,
    query=PlansQuery,
    response=PlanList,
    examples=(Example(title="The last plan", query=(("limit", "1"),), response=PlanList(plans=[plan_summary(OPEN)])),),
)


SHOW_PLAN = Operation(
    id="show_plan",
    family=_FAMILY,
    title="Show a plan",
    description="Shows whom a plan would end, and how far it has come when it is applied.",
    method="GET",
    path=_PLAN,
    response=PlanAnswer,
    errors=(domain.PlanUnknownError,),
    examples=(Example(title="A plan that may be applied", response=plan_answer(OPEN)),),
)

# --- applying --------------------------------------------------------------------------------------------------------


class ApplyPlanRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the caller has read, and how long to wait for its end."""

    digest: Annotated[
        str,
        Meta(
            description="The digest of the plan as the caller has read it.",
            examples=[OPEN.plan.digest],
            extra_json_schema={"pattern": "^[0-9a-f]{64}$"},
        ),
    ]
    wait_seconds: Annotated[
        int,
        Meta(ge=0, le=60, description="How long to wait for the end.", extra_json_schema={"x-unit": "s"}),
    ] = 0


APPLY_PLAN = Operation(
    id="apply_plan",
    family=_FAMILY,
    title="Apply a plan",
    description=(
        "Ends those of the plan's victims that are still what they were when it was made: a session that was used "
        "since, or that a guard spares by now, is left alone. A plan is applied once. The answer is 202 while that "
        "goes on, and it goes on when nobody waits."
    ),
    method="POST",
    path=f"{_PLAN}/apply",
    request=ApplyPlanRequest,
    response=PlanAnswer,
    status=200,
    under_way=UNDER_WAY,
    errors=(
        *OF_A_BODY,
        domain.PlanUnknownError,
        domain.PlanDiffersError,
        domain.PlanSpentError,
        domain.PlanExpiredError,
        domain.AuditUnavailableError,
    ),
    examples=(
        Example(
            title="To its end",
            request={"digest": OPEN.plan.digest, "wait_seconds": 30},
            response=plan_answer(APPLIED),
        ),
    ),
)


STOP_PLAN = Operation(
    id="stop_plan",
    family=_FAMILY,
    title="Stop a plan",
    description=(
        "Stops a plan that is being applied before its next statement, whichever service applies it. Who was signalled "
        "by then is confirmed and reported. The answer is 202 until it has stopped; look at the plan again. A body is "
        "not looked at."
    ),
    method="POST",
    path=f"{_PLAN}/stop",
    response=PlanAnswer,
    status=200,
    under_way=UNDER_WAY,
    errors=(domain.PlanUnknownError, domain.PlanNotRunningError),
    examples=(Example(title="It stops before its next statement", response=plan_answer(APPLYING)),),
)
