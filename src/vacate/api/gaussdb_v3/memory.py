"""What memory a session uses, which PostgreSQL tells to nobody but the session itself."""

from typing import Annotated

import msgspec
from msgspec import Meta

from vacate.api.gaussdb_v3.errors import OF_A_PAGE, OF_AN_INSTANCE
from vacate.api.gaussdb_v3.examples import CN_NODE
from vacate.api.gaussdb_v3.fields import NodeIdText, Paging
from vacate.api.operation import Example, Operation
from vacate.domain.errors import NodeUnknownError


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
