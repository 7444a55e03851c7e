"""What the shapes of several calls share: ids, paging, and the ways in which the contract writes numbers and times.

A range that is checked is written as a constraint. What is checked elsewhere, for a better answer or at a later step,
is written into the schema only.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

Row = TypeVar("Row")

MAXIMUM_IDS = 1000
_LARGEST_INT32 = 2**31 - 1
# Long enough for every id there is, and for the mistakes that deserve a better answer than "too long".
_LONGEST_ID = 128
_LONG_ID = "^[0-9a-zA-Z]{36}$"

ProjectIdText = Annotated[
    str,
    Meta(
        description="The project's id: 32 letters and digits.",
        examples=["0611f1bd8b00d5d32f17c017f15b599f"],
        extra_json_schema={"pattern": "^[0-9a-zA-Z]{32}$"},
    ),
]
InstanceIdText = Annotated[
    str,
    Meta(
        description="The instance's id: 36 letters and digits.",
        examples=["3d39c18788b54a919bab633874c159dfin14"],
        extra_json_schema={"pattern": _LONG_ID},
    ),
]
NodeIdText = Annotated[
    str,
    Meta(
        max_length=_LONGEST_ID,
        description="The node's id: 36 letters and digits.",
        examples=["52c25e148a4a48c293b66ca95565719cno14"],
        extra_json_schema={"pattern": _LONG_ID},
    ),
]
ComponentIdText = Annotated[
    str,
    Meta(
        max_length=_LONGEST_ID,
        description="The component's id: `cn_…` for a coordinator, `dn_…` for a data node.",
        examples=["cn_5001"],
        extra_json_schema={"pattern": "^(cn|dn)_[0-9a-zA-Z_]{1,61}$"},
    ),
]
SessionIdText = Annotated[
    str,
    Meta(
        description="The session's id, as the listing calls name it: a decimal number.",
        examples=["4711"],
        extra_json_schema={"pattern": "^[0-9]{1,19}$"},
    ),
]
# The vendor's SDK and its manual do not agree on which of the two a call takes, so both calls take both.
SessionIds = Annotated[
    tuple[SessionIdText | Annotated[int, Meta(extra_json_schema={"format": "int64"})], ...],
    Meta(
        description=(
            "The ids of the sessions, as the listing calls name them: decimal numbers, as strings or as JSON numbers. "
            "Each counts once."
        ),
        examples=[["4711", "4712"], [4711]],
        extra_json_schema={"minItems": 1, "maxItems": MAXIMUM_IDS},
    ),
]

# The contract writes most numbers as decimal strings.
Number = Annotated[str, Meta(extra_json_schema={"pattern": "^[0-9]+$"})]
Seconds = Annotated[str, Meta(extra_json_schema={"pattern": "^[0-9]+$", "x-unit": "s"})]
Truth = Literal["true", "false"]
# Typed clients keep these in 32 bits, so there is room for seconds and not for milliseconds.
EpochSeconds = Annotated[
    int, Meta(ge=0, le=_LARGEST_INT32, extra_json_schema={"format": "int32", "x-unit": "s since 1970"})
]
Moment = Annotated[str, Meta(extra_json_schema={"x-format": "YYYY-MM-DD hh:mm:ss.ffffff+00:00"})]

Offset = Annotated[
    int, Meta(ge=0, le=_LARGEST_INT32, description="How many entries to leave out at the beginning.", examples=[0])
]
Limit = Annotated[int, Meta(ge=1, le=100, description="How many entries to give at most.", examples=[100])]


class PathParameters(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of the door's path templates."""

    project_id: ProjectIdText
    instance_id: InstanceIdText


class ComponentNamed(msgspec.Struct, frozen=True, kw_only=True):
    """A body that names a component and the node it is deployed on."""

    node_id: NodeIdText
    component_id: ComponentIdText


class ComponentNamedTwice(ComponentNamed, frozen=True, kw_only=True):
    """A body that may repeat the instance of the path."""

    instance_id: Annotated[
        str | None, Meta(description="Redundant; when sent, it must be the path's.", examples=[None])
    ] = None


class Paging(msgspec.Struct, frozen=True, kw_only=True):
    """A query that asks for a part of a list."""

    offset: Offset = 0
    limit: Limit = 100


def page(rows: Sequence[Row], *, offset: int, limit: int) -> Sequence[Row]:
    """The part of a list that was asked for; empty beyond its end."""
    return rows[offset : offset + limit]
