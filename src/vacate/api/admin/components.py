"""The components of a project, and why one of them cannot be swept."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from vacate.api.admin.examples import AT
from vacate.api.gaussdb_v3.examples import CN_NODE, COORDINATOR, INSTANCE
from vacate.api.operation import Example, Operation


class CheckedComponent(msgspec.Struct, frozen=True, kw_only=True):
    """What the last check of one component's server found."""

    instance_id: Annotated[str, Meta(description="The instance.")]
    node_id: Annotated[str, Meta(description="The node.")]
    component_id: Annotated[str, Meta(description="The component.")]
    engine: Annotated[
        str | None,
        Meta(
            description="`postgresql`, `opengauss`, `gaussdb` or `dws`; null as long as the server was never reached."
        ),
    ]
    version: Annotated[str | None, Meta(description="The server's version in its own words; null before that.")]
    ready: Annotated[bool, Meta(description="Whether it can be swept.")]
    problem: Annotated[str | None, Meta(description="What is wrong and what to do; null when nothing is.")]
    checked_at: Annotated[datetime | None, Meta(description="When it was looked at last, in UTC; null before that.")]


class ComponentList(msgspec.Struct, frozen=True, kw_only=True):
    """The components of the project."""

    components: Annotated[list[CheckedComponent], Meta(description="In the order of the configuration.")]


LIST_COMPONENTS = Operation(
    id="list_components",
    family="Components",
    title="Say which components can be swept, and why others cannot",
    description=(
        "What the last check of each component of the project found. `/readyz`, which anybody may ask, tells which "
        "ones are ready; what is wrong with the others, in the words of their servers, is told here."
    ),
    method="GET",
    path="/admin/v1/{project_id}/components",
    response=ComponentList,
    examples=(
        Example(
            title="A component without its rights",
            response=ComponentList(
                components=[
                    CheckedComponent(
                        instance_id=INSTANCE,
                        node_id=CN_NODE,
                        component_id=COORDINATOR,
                        engine="postgresql",
                        version="18.1",
                        ready=False,
                        problem='rights are missing: run GRANT pg_signal_backend TO "vacate"',
                        checked_at=AT,
                    )
                ]
            ),
        ),
    ),
)
