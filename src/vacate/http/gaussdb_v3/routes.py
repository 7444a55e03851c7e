"""The compatible calls."""

from collections.abc import Awaitable, Callable

from starlette.responses import Response
from starlette.routing import Route

from vacate.domain.errors import ComponentUnknownError, NodeUnknownError
from vacate.domain.identity import Actor
from vacate.domain.sweeps import Report
from vacate.domain.topology import ProjectId, Target
from vacate.http.answers import json_response
from vacate.http.gate import Call, Gate
from vacate.http.gaussdb_v3.errors import ERRORS
from vacate.http.gaussdb_v3.wire import KillFreeSessionResponse, misspelt, project_id, target

_KILL_FREE_SESSION = "/v3/{project_id}/instances/{instance_id}/kill-free-session"


class GaussdbV3Door:
    """The vendor's session calls over the operations."""

    def __init__(
        self,
        *,
        gate: Gate,
        admit: Callable[[Actor, ProjectId], Awaitable[None]],
        kill_idle: Callable[[Actor, Target], Awaitable[Report]],
    ) -> None:
        self._gate = gate
        self._admit = admit
        self._kill_idle = kill_idle

    def routes(self) -> list[Route]:
        """Every call of this door."""
        endpoint = self._gate.authenticated(_KILL_FREE_SESSION, self._kill_free_session, ERRORS)
        return [Route(_KILL_FREE_SESSION, endpoint, methods=["POST"])]

    async def _kill_free_session(self, call: Call) -> Response:
        project = project_id(call.path["project_id"])
        await self._admit(call.actor, project)
        named = target(project, call.path["instance_id"], call.presented.body)
        try:
            report = await self._kill_idle(call.actor, named)
        except (NodeUnknownError, ComponentUnknownError) as error:
            raise misspelt(named, error) from error
        # The boolean is all that the contract has room for; the counts ride in a header that no client minds.
        counts = ", ".join(f"{outcome}={count}" for outcome, count in sorted(report.counts.items()))
        return json_response(KillFreeSessionResponse(success=report.succeeded), headers={"X-Vacate-Outcomes": counts})
