"""Our own door: every call as it is described, and the function that answers it."""

from collections.abc import Awaitable, Callable
from functools import partial

from starlette.responses import Response
from starlette.routing import Route

from vacate.api.admin.audit import SEARCH_AUDIT
from vacate.api.admin.components import LIST_COMPONENTS
from vacate.api.admin.errors import ERRORS
from vacate.api.admin.explain import EXPLAIN
from vacate.api.admin.freezes import FREEZE, LIST_FREEZES, THAW
from vacate.api.admin.plans import APPLY_PLAN, LIST_PLANS, MAKE_PLAN, SHOW_PLAN, STOP_PLAN
from vacate.api.operation import Operation
from vacate.http.admin import audit, components, explain, freezes, plans
from vacate.http.admin.served import Served
from vacate.http.gate import Call, Gate

Handler = Callable[[Served, Call], Awaitable[Response]]

_CALLS: tuple[tuple[Operation, Handler], ...] = (
    (MAKE_PLAN, plans.make_plan),
    (LIST_PLANS, plans.list_plans),
    (SHOW_PLAN, plans.show_plan),
    (APPLY_PLAN, plans.apply_plan),
    (STOP_PLAN, plans.stop_plan),
    (EXPLAIN, explain.explain),
    (LIST_COMPONENTS, components.list_components),
    (SEARCH_AUDIT, audit.search_audit),
    (LIST_FREEZES, freezes.list_freezes),
    (FREEZE, freezes.freeze),
    (THAW, freezes.thaw),
)
OPERATIONS: tuple[Operation, ...] = tuple(operation for operation, _ in _CALLS)


class AdminDoor:
    """Plans, explanations, the audit and the freeze switch. What is not described above is not routed."""

    def __init__(self, *, gate: Gate, served: Served) -> None:
        self._gate = gate
        self._served = served

    def routes(self) -> list[Route]:
        """Every call of this door."""
        return [
            Route(
                operation.path,
                self._gate.authenticated(operation, partial(handler, self._served), ERRORS),
                methods=[operation.method],
            )
            for operation, handler in _CALLS
        ]
