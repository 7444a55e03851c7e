"""Plans: make one, look at it, apply what was looked at, stop it."""

from datetime import timedelta

import msgspec
from msgspec import UnsetType
from starlette.responses import Response

from vacate.api.admin.errors import BodyInvalidError
from vacate.api.admin.plan_rows import PlanList, plan_answer, plan_summary
from vacate.api.admin.plans import APPLY_PLAN, MAKE_PLAN, UNDER_WAY, ApplyPlanRequest, MakePlanRequest, PlansQuery
from vacate.domain.durations import duration
from vacate.domain.plans.plan import PlanStage, PlanState
from vacate.http.admin.reading import NoQuery, admitted, decode_body, plan_of
from vacate.http.admin.served import Served
from vacate.http.answers import json_response
from vacate.http.gate import Call

_MOST_CRITERIA = 64 * 1024


def criteria_text(written: msgspec.Raw | UnsetType) -> str | None:
    """Criteria as they were written, not understood yet; `None` where each instance's own hold.

    Raises:
        BodyInvalidError: they are too long, or no text.
    """
    if isinstance(written, UnsetType):
        return None
    text = bytes(written)
    if len(text) > _MOST_CRITERIA:
        raise BodyInvalidError(f"criteria may have at most {_MOST_CRITERIA:,} bytes - at `$.criteria`")
    try:
        return None if text == b"null" else text.decode()
    except UnicodeDecodeError as error:
        raise BodyInvalidError(f"criteria are no UTF-8: {error.reason} - at `$.criteria`") from error


# --- making ----------------------------------------------------------------------------------------------------------


async def make_plan(served: Served, call: Call) -> Response:
    """Make a plan."""
    project, _ = await admitted(served, call, NoQuery)
    asked = decode_body(call.presented.body, MakePlanRequest)
    state = await served.make_plan(
        call.actor,
        asked.scope(project),
        criteria=criteria_text(asked.criteria),
        expires_in=None if asked.expires_in is None else duration(asked.expires_in, "expires_in", BodyInvalidError),
    )
    return json_response(plan_answer(state), status=MAKE_PLAN.status)


# --- looking ---------------------------------------------------------------------------------------------------------


async def list_plans(served: Served, call: Call) -> Response:
    """List the last plans."""
    project, query = await admitted(served, call, PlansQuery)
    found = await served.list_plans(call.actor, project, query.limit)
    return json_response(PlanList(plans=[plan_summary(state) for state in found]))


async def show_plan(served: Served, call: Call) -> Response:
    """Show a plan."""
    project, _ = await admitted(served, call, NoQuery)
    return json_response(plan_answer(await served.show_plan(call.actor, project, plan_of(call))))


# --- applying --------------------------------------------------------------------------------------------------------


async def apply_plan(served: Served, call: Call) -> Response:
    """Apply a plan."""
    project, _ = await admitted(served, call, NoQuery)
    plan = plan_of(call)
    asked = decode_body(call.presented.body, ApplyPlanRequest)
    wait = timedelta(seconds=asked.wait_seconds)
    return _progress(await served.apply_plan(call.actor, project, plan, asked.digest, wait=wait))


async def stop_plan(served: Served, call: Call) -> Response:
    """Stop a plan."""
    project, _ = await admitted(served, call, NoQuery)
    return _progress(await served.stop_plan(call.actor, project, plan_of(call)))


def _progress(state: PlanState) -> Response:
    status = UNDER_WAY if state.stage is PlanStage.APPLYING else APPLY_PLAN.status
    return json_response(plan_answer(state), status=status)
