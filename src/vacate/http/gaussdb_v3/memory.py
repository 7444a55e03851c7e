"""What memory a session uses, which PostgreSQL tells to nobody but the session itself."""

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from vacate.domain.errors import NodeUnknownError
from vacate.http.answers import json_response
from vacate.http.gate import Call
from vacate.http.gaussdb_v3.errors import OF_A_PAGE, OF_AN_INSTANCE
from vacate.http.gaussdb_v3.examples import CN_NODE
from vacate.http.gaussdb_v3.fields import NodeIdText, Paging
from vacate.http.gaussdb_v3.reading import decode_query, node_id, place_of
from vacate.http.gaussdb_v3.served import Served
from vacate.http.operation import Example, Operation


class MemoryContextQuery(Paging, frozen=True, kw_only=True):
    """Whose memory, and which page."""

    node_id: NodeIdText
    session_id: Annotated[
        str, Meta(pattern="^[0-9]{1,19}$", description="The session's id: a decimal number.", examples=["4711"])
    ]


class MemoryContext(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of a session's memory."""

    context_name: Annotated[str, Meta(description="The context's name.", examples=["CacheMemoryContext"])]
    amount: Annotated[int, Meta(description="How many contexts have this name.", examples=[1])]
    size: Annotated[float, Meta(description="Their size.", examples=[1048576.0], extra_json_schema={"x-unit": "bytes"})]


class MemoryContexts(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the contexts."""

    total: Annotated[int, Meta(description="How many contexts there are; always 0.", examples=[0])]
    memory_context_info: Annotated[list[MemoryContext], Meta(description="The contexts; always empty.", examples=[[]])]


MEMORY_CONTEXT = Operation(
    id="list_session_memory_context",
    family="Statistics",
    title="List a session's memory contexts",
    description=(
        "Answers an empty list, after node and session id were checked: PostgreSQL tells a session's memory contexts "
        "to nobody but the session itself."
    ),
    method="GET",
    path="/v3/{project_id}/instances/{instance_id}/session/memory-context",
    query=MemoryContextQuery,
    response=MemoryContexts,
    errors=(*OF_AN_INSTANCE, *OF_A_PAGE, NodeUnknownError),
    examples=(
        Example(
            title="Nothing is told",
            query=(("node_id", CN_NODE), ("session_id", "4711"), ("offset", "0"), ("limit", "100")),
            response={"total": 0, "memory_context_info": []},
        ),
    ),
)


async def memory_context(served: Served, call: Call) -> Response:
    """Check what is named, and tell nothing."""
    place = await place_of(served, call)
    asked = decode_query(call.presented.query, MemoryContextQuery)
    state = await served.describe_instance(call.actor, place.project_id, place.instance_id)
    if not state.instance.on(node_id(asked.node_id)):
        raise NodeUnknownError
    return json_response(MemoryContexts(total=0, memory_context_info=[]))
