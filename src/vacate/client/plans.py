"""Plans, and explanations: whom a sweep would end and why, and ending exactly those."""

from collections.abc import Mapping
from datetime import timedelta

import msgspec
from msgspec import UNSET, UnsetType

from vacate.api.admin import explain, plans
from vacate.api.admin.explain import ExplainedAnswer
from vacate.api.admin.plan_rows import PlanAnswer, PlanList, PlanSummary
from vacate.client.calling import Caller, Located
from vacate.client.driving import call
from vacate.client.exchange import Flow, Pause
from vacate.domain.plans.plan import PlanStage

# The service waits for no more than a minute, and the client for less than for an answer.
_LONGEST_WAIT = timedelta(seconds=30)
_LOOK_EVERY = timedelta(seconds=1)


class Plans(Caller):
    """The calls about plans and explanations."""

    @call
    def make_plan(
        self,
        *,
        instance_id: str | None = None,
        component: Located | None = None,
        criteria: Mapping[str, object] | None = None,
        expires_in: timedelta | None = None,
    ) -> Flow[PlanAnswer]:
        """Make a plan: whom a sweep would end now. Nobody is ended.

        Args:
            instance_id: Over this instance; without it and without `component` over the whole project.
            component: Over this component only: a row of `list_components`, or a `Target`.
            criteria: To judge by, as docs/reference/criteria.md has them; None takes each instance's own.
            expires_in: How long the plan may be applied; None takes the service's own time.

        Returns:
            The plan. A component that could not be looked at is a line with a `problem`.

        Raises:
            ValueError: `component` is one of another instance than `instance_id`.
            RefusedError: the service refused the call.
            ClientError: no answer came, or none that can be read.
        """
        if component is not None and instance_id not in {None, component.instance_id}:
            raise ValueError("the component is one of another instance; leave instance_id out")
        body = plans.MakePlanRequest(
            instance_id=instance_id if component is None else component.instance_id,
            node_id=None if component is None else component.node_id,
            component_id=None if component is None else component.component_id,
            criteria=_written(criteria),
            expires_in=None if expires_in is None else f"{expires_in // timedelta(milliseconds=1)}ms",
        )
        return (yield from self._ask(plans.MAKE_PLAN, PlanAnswer, body=body))

    @call
    def list_plans(self, *, limit: int = 20) -> Flow[list[PlanSummary]]:
        """List the last plans of the project without their victims, the newest first.

        Args:
            limit: How many at most, up to 100.

        Raises:
            RefusedError: the service refused the call.
            ClientError: no answer came, or none that can be read.
        """
        answer = yield from self._ask(plans.LIST_PLANS, PlanList, query=plans.PlansQuery(limit=limit))
        return answer.plans

    @call
    def show_plan(self, plan_id: str) -> Flow[PlanAnswer]:
        """Show whom a plan would end, and how far it has come when it is applied.

        Args:
            plan_id: The plan.

        Raises:
            NotFoundError: there is no such plan.
            RefusedError: the service refused the call.
            ClientError: no answer came, or none that can be read.
        """
        return (yield from self._shown(plan_id))

    @call
    def apply_plan(self, plan: PlanSummary, *, wait: timedelta = timedelta()) -> Flow[PlanAnswer]:
        """Apply a plan as it was read: end those of its victims that are still what they were. This happens once.

        The call is never sent again by itself. When no answer comes, `show_plan` says whether the plan is applied.

        Args:
            plan: As `make_plan` or `show_plan` answered it; its digest says what was read.
            wait: For how long to wait for its end. It goes on when nobody waits.

        Returns:
            The plan, and how far it has come; its stage is still `applying` when the wait was too short.

        Raises:
            ConflictError: it has been applied before, or is not the one that was read.
            ExpiredError: its time is over.
            NoAnswerError: no answer came; `show_plan` says how far it has come.
            RefusedError: the service refused the call.
            ClientError: the service was not reached, or its answer cannot be read.
        """
        began = self._clocks.elapsed()
        first = min(wait, _LONGEST_WAIT, self._timeout / 2)
        body = plans.ApplyPlanRequest(digest=plan.digest, wait_seconds=int(first.total_seconds()))
        state = yield from self._ask(plans.APPLY_PLAN, PlanAnswer, path={"plan_id": plan.id}, body=body)
        while state.stage is PlanStage.APPLYING:
            left = wait.total_seconds() - (self._clocks.elapsed() - began)
            if left <= 0:
                break
            yield Pause(min(left, _LOOK_EVERY.total_seconds()))
            state = yield from self._shown(plan.id)
        return state

    @call
    def stop_plan(self, plan_id: str) -> Flow[PlanAnswer]:
        """Stop a plan that is being applied before its next statement.

        Args:
            plan_id: The plan.

        Returns:
            The plan. Its stage is still `applying` until it has stopped; look at it again with `show_plan`.

        Raises:
            ConflictError: it is not being applied.
            NotFoundError: there is no such plan.
            RefusedError: the service refused the call.
            ClientError: no answer came, or none that can be read.
        """
        return (yield from self._ask(plans.STOP_PLAN, PlanAnswer, path={"plan_id": plan_id}))

    @call
    def explain_session(
        self,
        component: Located,
        *,
        session_id: int | None = None,
        pid: int | None = None,
        criteria: Mapping[str, object] | None = None,
    ) -> Flow[ExplainedAnswer]:
        """Explain what a sweep would do with one session, rule by rule. Nobody is ended.

        Args:
            component: A row of `list_components`, or a `Target`.
            session_id: The session by its id, or
            pid: by its process.
            criteria: To judge by, as docs/reference/criteria.md has them; None takes the instance's own.

        Raises:
            NotFoundError: there is no such session.
            RefusedError: the service refused the call.
            ClientError: no answer came, or none that can be read.
        """
        body = explain.ExplainRequest(
            instance_id=component.instance_id,
            node_id=component.node_id,
            component_id=component.component_id,
            session_id=session_id,
            pid=pid,
            criteria=_written(criteria),
        )
        return (yield from self._ask(explain.EXPLAIN, ExplainedAnswer, body=body))

    def _shown(self, plan_id: str) -> Flow[PlanAnswer]:
        return (yield from self._ask(plans.SHOW_PLAN, PlanAnswer, path={"plan_id": plan_id}))


def _written(criteria: Mapping[str, object] | None) -> msgspec.Raw | UnsetType:
    return UNSET if criteria is None else msgspec.Raw(msgspec.json.encode(criteria))
