"""Shapes that are told of here and made elsewhere: what a monitor reads."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    """The service answers."""

    status: Annotated[Literal["ok"], Meta(description="Always the same.")]


class StoreReadiness(msgspec.Struct, frozen=True, kw_only=True):
    """Vacate's own store."""

    ready: Annotated[bool, Meta(description="Whether it can be used.")]
    problem: Annotated[str | None, Meta(description="What is wrong; null when nothing is.")]


class ComponentReadiness(msgspec.Struct, frozen=True, kw_only=True):
    """What the last check of one component found."""

    instance_id: Annotated[str, Meta(description="The instance.")]
    node_id: Annotated[str, Meta(description="The node.")]
    component_id: Annotated[str, Meta(description="The component.")]
    engine: Annotated[
        str | None,
        Meta(
            description="`postgresql`, `opengauss`, `gaussdb` or `dws`; null as long as the server was never reached."
        ),
    ]
    ready: Annotated[bool, Meta(description="Whether it can be swept.")]
    problem: Annotated[
        str | None,
        Meta(description="Where it is told what is wrong, to those who have a role in the project; null when ready."),
    ]
    checked_at: Annotated[datetime | None, Meta(description="When it was looked at last, in UTC; null before that.")]


class FrozenScope(msgspec.Struct, frozen=True, kw_only=True):
    """What is frozen: nobody's session is ended there."""

    instance_id: Annotated[str | None, Meta(description="The instance; null for all of them.")]
    since: Annotated[datetime, Meta(description="Since when, in UTC.")]


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """What can be swept."""

    status: Annotated[
        Literal["ok", "degraded", "unavailable"],
        Meta(description="`ok`: everything can be swept. `degraded`: some of it. `unavailable`: nothing."),
    ]
    frozen: Annotated[
        tuple[FrozenScope, ...] | None,
        Meta(
            description="Where the freeze switch is on; null when the store cannot be read, and nothing is ended then."
        ),
    ]
    store: Annotated[StoreReadiness, Meta(description="Vacate's own store.")]
    components: Annotated[tuple[ComponentReadiness, ...], Meta(description="Every configured component.")]
