"""What memory a session uses, which PostgreSQL tells to nobody but the session itself."""

from starlette.responses import Response

from vacate.api.gaussdb_v3.memory import MemoryContextQuery, MemoryContexts
from vacate.domain.errors import NodeUnknownError
from vacate.http.answers import json_response
from vacate.http.gate import Call
from vacate.http.gaussdb_v3.reading import decode_query, node_id, place_of
from vacate.http.gaussdb_v3.served import Served


async def memory_context(served: Served, call: Call) -> Response:
    """Check what is named, and tell nothing."""
    place = await place_of(served, call)
    asked = decode_query(call.presented.query, MemoryContextQuery)
    state = await served.describe_instance(call.actor, place.project_id, place.instance_id)
    if not state.instance.on(node_id(asked.node_id)):
        raise NodeUnknownError
    return json_response(MemoryContexts(total=0, memory_context_info=[]))
