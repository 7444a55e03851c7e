"""What stands behind the compatible door: the operations its calls are made of, as plain callables."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from vacate.domain.access.identity import Actor
from vacate.domain.sessions.activity import Activity, ActivityFilter, ComponentActivity, TransactionFilter
from vacate.domain.sweeps.report import Report
from vacate.domain.topology.components import InstanceId, ProjectId, Target
from vacate.domain.topology.health import InstanceState


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The operations, and the one value that the door itself counts by.

    Everything below the project is looked up by the operations, and so is the actor's role; only `admit` comes first,
    so that who is not of a project learns nothing about the rest of a call. A statement that runs for longer than
    `slow_after` is a slow one.
    """

    admit: Callable[[Actor, ProjectId], Awaitable[None]]
    kill_idle: Callable[[Actor, Target], Awaitable[Report]]
    kill_sessions: Callable[[Actor, Target, tuple[int, ...]], Awaitable[Report]]
    kill_transactions: Callable[[Actor, Target, tuple[int, ...]], Awaitable[Report]]
    list_sessions: Callable[[Actor, Target, ActivityFilter], Awaitable[tuple[Activity, ...]]]
    list_transactions: Callable[[Actor, Target, TransactionFilter], Awaitable[tuple[Activity, ...]]]
    survey: Callable[[Actor, ProjectId, InstanceId], Awaitable[tuple[ComponentActivity, ...]]]
    list_databases: Callable[[Actor, ProjectId, InstanceId], Awaitable[tuple[str, ...]]]
    describe_instances: Callable[[Actor, ProjectId], Awaitable[tuple[InstanceState, ...]]]
    describe_instance: Callable[[Actor, ProjectId, InstanceId], Awaitable[InstanceState]]
    slow_after: timedelta
