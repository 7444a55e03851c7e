"""Our own door: every call as it is described, and the function that answers it."""

from collections.abc import Awaitable, Callable
from functools import partial

from starlette.responses import Response
from starlette.routing import Route

from vacate.http.admin import audit, components, explain, freezes, plans
from vacate.http.admin.errors import ERRORS
from vacate.http.admin.served import Served
from vacate.http.gate import Call, Gate
from vacate.http.operation import Operation

Handler = Callable[[Served, Call], Awaitable[Response]]

_CALLS: tuple[tuple[Operation, Handler], ...] = (
    (plans.MAKE_PLAN, plans.make_plan),
    (plans.LIST_PLANS, plans.list_plans),
    (plans.SHOW_PLAN, plans.show_plan),
    (plans.APPLY_PLAN, plans.apply_plan),
    (plans.STOP_PLAN, plans.stop_plan),
    (explain.EXPLAIN, explain.explain),
    (components.LIST_COMPONENTS, components.list_components),
    (audit.SEARCH_AUDIT, audit.search_audit),
    (freezes.LIST_FREEZES, freezes.list_freezes),
    (freezes.FREEZE, freezes.freeze),
    (freezes.THAW, freezes.thaw),
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
