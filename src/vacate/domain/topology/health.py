"""What the last check found of components and their instances."""

from dataclasses import dataclass
from datetime import datetime

from vacate.domain.topology.components import Component, Instance
from vacate.domain.topology.servers import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentHealth:
    """What the last check of a component's server found. `problem` says what to do; `None` means ready.

    `engine` and `version` are the server's own words, such as `18.6`; `None` as long as it was never reached.
    """

    component: Component
    checked_at: datetime | None
    problem: str | None
    engine: Engine | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceState:
    """An instance, and what the last check found of each of its components, in the instance's order."""

    instance: Instance
    components: tuple[ComponentHealth, ...]
