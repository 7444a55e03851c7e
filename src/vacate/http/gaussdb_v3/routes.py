"""The compatible door: every call as it is described, and the function that answers it."""

from collections.abc import Awaitable, Callable
from functools import partial

from starlette.responses import Response
from starlette.routing import Route

from vacate.api.gaussdb_v3.errors import ERRORS
from vacate.api.gaussdb_v3.memory import MEMORY_CONTEXT
from vacate.api.gaussdb_v3.sessions import KILL_FREE_SESSION, KILL_SESSION, REAL_TIME_SESSION
from vacate.api.gaussdb_v3.statistics import SESSION_OVERVIEW, SESSION_STATISTICS, TOP_SQL, WAIT_EVENT
from vacate.api.gaussdb_v3.topology import COMPONENTS, COORDINATORS, KEY_VIEW
from vacate.api.gaussdb_v3.transactions import AUTO_KILL_CONFIG, KILL_TRANSACTIONS, LIST_TRANSACTIONS
from vacate.api.gaussdb_v3.versions import LIST_VERSIONS
from vacate.api.operation import Operation
from vacate.http.gate import Call, Gate, OpenCall
from vacate.http.gaussdb_v3 import instances, memory, sessions, statistics, topology, transactions, versions
from vacate.http.gaussdb_v3.served import Served

Handler = Callable[[Served, Call], Awaitable[Response]]
OpenHandler = Callable[[OpenCall], Awaitable[Response]]

_CALLS: tuple[tuple[Operation, Handler], ...] = (
    (KILL_FREE_SESSION, sessions.kill_free_session),
    (KILL_SESSION, sessions.kill_session),
    (REAL_TIME_SESSION, sessions.real_time_session),
    (SESSION_OVERVIEW, statistics.session_overview),
    (SESSION_STATISTICS, statistics.session_statistics),
    (TOP_SQL, statistics.top_sql),
    (WAIT_EVENT, statistics.wait_event),
    (MEMORY_CONTEXT, memory.memory_context),
    (LIST_TRANSACTIONS, transactions.list_transactions),
    (KILL_TRANSACTIONS, transactions.kill_transactions),
    (AUTO_KILL_CONFIG, transactions.auto_kill_config),
    (KEY_VIEW, topology.key_view),
    (COMPONENTS, topology.components),
    (COORDINATORS, topology.coordinators),
    *instances.LISTS,
)
_OPEN_CALLS: tuple[tuple[Operation, OpenHandler], ...] = (
    (LIST_VERSIONS, versions.list_versions),
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
