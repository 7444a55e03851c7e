"""The compatible door: every call as it is described, and the function that answers it."""

from collections.abc import Awaitable, Callable
from functools import partial

from starlette.responses import Response
from starlette.routing import Route

from vacate.http.gate import Call, Gate, OpenCall
from vacate.http.gaussdb_v3 import instances, memory, sessions, statistics, topology, transactions, versions
from vacate.http.gaussdb_v3.errors import ERRORS
from vacate.http.gaussdb_v3.served import Served
from vacate.http.operation import Operation

Handler = Callable[[Served, Call], Awaitable[Response]]
OpenHandler = Callable[[OpenCall], Awaitable[Response]]

_CALLS: tuple[tuple[Operation, Handler], ...] = (
    (sessions.KILL_FREE_SESSION, sessions.kill_free_session),
    (sessions.KILL_SESSION, sessions.kill_session),
    (sessions.REAL_TIME_SESSION, sessions.real_time_session),
    (statistics.SESSION_OVERVIEW, statistics.session_overview),
    (statistics.SESSION_STATISTICS, statistics.session_statistics),
    (statistics.TOP_SQL, statistics.top_sql),
    (statistics.WAIT_EVENT, statistics.wait_event),
    (memory.MEMORY_CONTEXT, memory.memory_context),
    (transactions.LIST_TRANSACTIONS, transactions.list_transactions),
    (transactions.KILL_TRANSACTIONS, transactions.kill_transactions),
    (transactions.AUTO_KILL_CONFIG, transactions.auto_kill_config),
    (topology.KEY_VIEW, topology.key_view),
    (topology.COMPONENTS, topology.components),
    (topology.COORDINATORS, topology.coordinators),
    *instances.LISTS,
)
_OPEN_CALLS: tuple[tuple[Operation, OpenHandler], ...] = (
    (versions.LIST_VERSIONS, versions.list_versions),
    *versions.SHOW_VERSION,
)
OPERATIONS: tuple[Operation, ...] = tuple(operation for operation, _ in (*_CALLS, *_OPEN_CALLS))


class GaussdbV3Door:
    """The vendor's session calls over the operations. What is not described above is not routed."""

    def __init__(self, *, gate: Gate, served: Served) -> None:
        self._gate = gate
        self._served = served

    def routes(self) -> list[Route]:
        """Every call of this door."""
        known = (
            (operation, self._gate.authenticated(operation, partial(handler, self._served), ERRORS))
            for operation, handler in _CALLS
        )
        anybody = ((operation, self._gate.open(operation.path, handler, ERRORS)) for operation, handler in _OPEN_CALLS)
        return [Route(op.path, endpoint, methods=[op.method]) for op, endpoint in (*known, *anybody)]
