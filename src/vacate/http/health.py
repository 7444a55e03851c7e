"""What a monitor asks: is the service alive, what can it sweep, and its metrics."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vacate.domain.errors import VacateError
from vacate.domain.sweeps.freezing import Freeze
from vacate.domain.topology.health import ComponentHealth
from vacate.http.answers import json_response
from vacate.http.gate import FailureLog
from vacate.http.prepared import Preparation, Prepared

# Why is said in the words of servers and drivers, which name hosts, users and databases, and anybody may ask here.
_NOT_READY = "it cannot be swept; GET /admin/v1/{project_id}/components says why"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditProblems:
    """What is wrong with the audit, in words that everybody may read; `None` for nothing."""

    stopped: str | None = None
    anchor: str | None = None
    unreadable: str | None = None


class HealthDoor:
    """Open to everybody who reaches the port; it names instances and components, never hosts or credentials."""

    def __init__(
        self,
        *,
        health: Callable[[], Iterable[ComponentHealth]],
        freezes: Callable[[], Awaitable[Sequence[Freeze]]],
        check_store: Callable[[], Awaitable[None]],
        audit: Callable[[], AuditProblems],
        failures: FailureLog,
        exposition: Callable[[], bytes],
        content_type: str,
    ) -> None:
        self._health = health
        self._freezes = freezes
        self._check_store = check_store
        self._audit = audit
        self._failures = failures
        self._exposition = exposition
        self._readiness = Preparation(self._look)
        self._exposed = Preparation(self._expose)
        self._content_type = content_type

    def routes(self) -> list[Route]:
        """`/healthz`, `/readyz` and `/metrics`."""
        return [
            Route("/healthz", self._alive, methods=["GET"]),
            Route("/readyz", self._ready, methods=["GET"]),
            Route("/metrics", self._metrics, methods=["GET"]),
        ]

    async def _alive(self, request: Request) -> Response:
        request.state.route = "/healthz"
        return json_response({"status": "ok"})

    async def _ready(self, request: Request) -> Response:
        """`ok`: everything can be swept. `degraded`: some of it. `unavailable` (503): nothing."""
        request.state.route = "/readyz"
        found = await self._readiness.get(request.state.request_id)
        return Response(found.body, status_code=found.status, media_type="application/json")

    async def _look(self, request_id: str) -> Prepared:
        frozen: list[dict[str, object]] | None = None
        try:
            await self._check_store()
            # Who turned the switch and why is for those who may call, and in the error that they get.
            frozen = [{"instance_id": each.instance_id, "since": each.since} for each in await self._freezes()]
            store = None
        except VacateError as error:
            # Its words name files and hosts, and anybody may ask here.
            store = "it cannot be used; Vacate's log says why"
            self._failures.withheld(request_id=request_id, error=error)
        entries = tuple(self._health())
        ready = [entry for entry in entries if entry.problem is None]
        audit = self._audit()
        if store is not None or audit.stopped is not None or (entries and not ready):
            status = "unavailable"
        else:
            status = "ok" if len(ready) == len(entries) and audit.anchor is None else "degraded"
        components = [
            {
                "instance_id": entry.component.instance_id,
                "node_id": entry.component.node_id,
                "component_id": entry.component.id,
                "engine": entry.engine,
                "ready": entry.problem is None,
                "problem": None if entry.problem is None else _NOT_READY,
                "checked_at": entry.checked_at,
            }
            for entry in entries
        ]
        content = {
            "status": status,
            "frozen": frozen,
            "store": {"ready": store is None, "problem": store},
            "audit": {"ready": audit.stopped is None, "problem": audit.stopped or audit.anchor or audit.unreadable},
            "components": components,
        }
        answer = json_response(content)
        return Prepared(503 if status == "unavailable" else 200, bytes(answer.body))

    async def _metrics(self, request: Request) -> Response:
        request.state.route = "/metrics"
        found = await self._exposed.get(request.state.request_id)
        return Response(found.body, headers={"content-type": self._content_type})

    async def _expose(self, _: str) -> Prepared:
        return Prepared(200, self._exposition())
