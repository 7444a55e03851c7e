"""What the shapes of several calls share. Text that is kept or searched for has no control characters and an end."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

_LARGEST = 2**63 - 1
# A `$` would let Python take a line's end for the text's.
_END = r"(?![\s\S])"
_PLAIN = r"^[^\x00-\x1f\x7f]*"
_TELLING = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*"

Id = Annotated[str, Meta(max_length=128, pattern=_PLAIN + _END)]
Name = Annotated[str, Meta(max_length=256, pattern=_PLAIN + _END)]
# One line that says something.
Line = Annotated[str, Meta(max_length=500, pattern=_TELLING + _END)]
Number = Annotated[int, Meta(ge=0, le=_LARGEST, extra_json_schema={"format": "int64"})]
Moment = Annotated[datetime, Meta(tz=True)]
Seconds = Annotated[float, Meta(extra_json_schema={"x-unit": "s"})]

InstanceId = Annotated[Id, Meta(description="The instance.", examples=["3d39c18788b54a919bab633874c159dfin14"])]
NodeId = Annotated[Id, Meta(description="The node.", examples=["52c25e148a4a48c293b66ca95565719cno14"])]
ComponentId = Annotated[Id, Meta(description="The component on that node.", examples=["cn_5001"])]


class AdminPath(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of the door's path templates."""

    project_id: Annotated[
        str,
        Meta(
            description="The project's id: 32 letters and digits.",
            examples=["0611f1bd8b00d5d32f17c017f15b599f"],
            extra_json_schema={"pattern": "^[0-9a-zA-Z]{32}$"},
        ),
    ]
    plan_id: Annotated[
        str, Meta(description="The plan's id, as it was answered.", examples=["8c1c6c1f6a3b4f0b9d3e2a1b0c9d8e7f"])
    ]
    instance_id: Annotated[
        str, Meta(description="The instance's id.", examples=["3d39c18788b54a919bab633874c159dfin14"])
    ]
