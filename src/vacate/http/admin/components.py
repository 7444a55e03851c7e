"""The components of a project, and why one of them cannot be swept."""

from starlette.responses import Response

from vacate.api.admin.components import CheckedComponent, ComponentList
from vacate.http.admin.reading import NoQuery, admitted
from vacate.http.admin.served import Served
from vacate.http.answers import json_response
from vacate.http.gate import Call


async def list_components(served: Served, call: Call) -> Response:
    """Say which components can be swept, and why others cannot."""
    project, _ = await admitted(served, call, NoQuery)
    found = [health for each in await served.instances(call.actor, project) for health in each.components]
    rows = [
        CheckedComponent(
            instance_id=health.component.instance_id,
            node_id=health.component.node_id,
            component_id=health.component.id,
            engine=health.engine,
            version=health.version,
            ready=health.problem is None,
            problem=health.problem,
            checked_at=health.checked_at,
        )
        for health in found
    ]
    return json_response(ComponentList(components=rows))
