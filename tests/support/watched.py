"""Instances to be watched, in memory: sessions with what they do, and components that answer, are late, or do not."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypedDict, Unpack

from tests.support.place import COMPONENT, INSTANCE
from tests.support.server_model import ModelLink, ServerModel
from vacate.domain.errors import VacateError
from vacate.domain.judging.criteria import Criteria
from vacate.domain.judging.settings import GuardSettings
from vacate.domain.sessions.activity import Activity
from vacate.domain.sessions.snapshot import ComponentSnapshot
from vacate.domain.topology.components import Component, ComponentId, ComponentKind, ComponentRole, Instance, NodeId
from vacate.domain.topology.health import ComponentHealth
from vacate.inventory.static import ConfiguredInstance, StaticInventory

SEEN_AT = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
CHECKED_AT = datetime(2026, 1, 2, 11, 59, 57, tzinfo=UTC)


def component(name: str, *, role: ComponentRole = ComponentRole.PRIMARY) -> Component:
    """A component of `INSTANCE`, alone on its node."""
    kind = ComponentKind.COORDINATOR if name.startswith("cn") else ComponentKind.DATA_NODE
    return replace(COMPONENT, node_id=NodeId(f"node-of-{name}"), id=ComponentId(name), kind=kind, role=role)


def instance_of(*components: Component) -> Instance:
    """`INSTANCE` with these components."""
    return replace(INSTANCE, components=components)


def inventory_of(*instances: Instance) -> StaticInventory:
    """An inventory of these instances."""
    return StaticInventory(
        ConfiguredInstance(instance=instance, criteria=Criteria(), guards=GuardSettings()) for instance in instances
    )


# --- sessions --------------------------------------------------------------------------------------------------------


class Doing(TypedDict, total=False):
    """What of an activity a test may set."""

    session_id: int
    pid: int
    backend_start: datetime
    open_for: timedelta
    user: str | None
    database: str | None
    application: str | None
    client_address: str | None
    client_port: int | None
    state: str | None
    state_change: datetime | None
    transaction_start: datetime | None
    in_transaction_for: timedelta | None
    transaction_id: str | None
    statement_start: datetime | None
    running_for: timedelta | None
    statement_id: int | None
    query: str | None
    wait_event_type: str | None
    wait_event: str | None
    blocked_by: tuple[int, ...] | None
    lock_mode: str | None
    lock_tag: str | None


_IDLE = Activity(
    session_id=4711,
    pid=4711,
    backend_start=SEEN_AT - timedelta(hours=2),
    open_for=timedelta(hours=2),
    user="app",
    database="shop",
    application="web",
    client_address="192.0.2.7",
    client_port=51234,
    state="idle",
    state_change=SEEN_AT - timedelta(hours=1),
    transaction_start=None,
    in_transaction_for=None,
    transaction_id=None,
    statement_start=SEEN_AT - timedelta(hours=1, seconds=1),
    running_for=None,
    statement_id=None,
    query="SELECT 1",
    wait_event_type="Client",
    wait_event="ClientRead",
    blocked_by=None,
    lock_mode=None,
    lock_tag=None,
)


def idle(**changes: Unpack[Doing]) -> Activity:
    """A session that sits idle; a pid alone changes the session id with it."""
    if "pid" in changes and "session_id" not in changes:
        changes["session_id"] = changes["pid"]
    return _IDLE._replace(**changes)


def busy(text: str | None = "SELECT sum(price) FROM orders", /, **changes: Unpack[Doing]) -> Activity:
    """A session that has been running a statement of one second, with nothing to wait for."""
    running: Doing = {
        "state": "active",
        "query": text,
        "running_for": timedelta(seconds=1),
        "in_transaction_for": timedelta(seconds=1),
        "transaction_start": SEEN_AT - timedelta(seconds=1),
        "wait_event_type": None,
        "wait_event": None,
    }
    return idle(**(running | changes))


def in_transaction(age: timedelta = timedelta(minutes=5), /, **changes: Unpack[Doing]) -> Activity:
    """A session that is idle in its transaction."""
    waiting: Doing = {
        "state": "idle in transaction",
        "in_transaction_for": age,
        "transaction_start": SEEN_AT - age,
    }
    return idle(**(waiting | changes))


# --- components ------------------------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class WatchedLink(ModelLink):
    """A link to a server with these sessions and databases; it is lost when an answer is not awaited."""

    server: ServerModel = field(default_factory=ServerModel)
    activities: Sequence[Activity] = ()
    names: tuple[str, ...] = ("orders", "shop")
    takes: timedelta = timedelta(seconds=0.05)
    fails: VacateError | None = None
    answered: int = 0
    lost: bool = False

    async def activity(self) -> tuple[Activity, ...]:
        await self._answer()
        return tuple(self.activities)

    async def databases(self) -> tuple[str, ...]:
        await self._answer()
        return self.names

    async def _answer(self) -> None:
        try:
            await asyncio.sleep(self.takes.total_seconds())
        except asyncio.CancelledError:
            self.lost = True
            raise
        if self.fails is not None:
            raise self.fails
        self.answered += 1


class WatchedGateway:
    """Lends each component's link to one sweep at a time; reads do not wait for it."""

    def __init__(self, links: dict[Component, WatchedLink]) -> None:
        self.links = links
        self.locks = {component: asyncio.Lock() for component in links}
        self.asked: list[str] = []
        self.problems: dict[Component, str] = {}
        self.refuses: dict[Component, VacateError] = {}
        self.snapshots: dict[Component, ComponentSnapshot] = {}

    @asynccontextmanager
    async def link(self, component: Component) -> AsyncGenerator[WatchedLink]:
        async with self.locks[component]:
            self.asked.append(component.id)
            if component in self.refuses:
                raise self.refuses[component]
            yield self.links[component]

    async def snapshot(self, component: Component) -> ComponentSnapshot:
        return await self._answering(component).snapshot()

    async def activity(self, component: Component) -> tuple[Activity, ...]:
        return await self._answering(component).activity()

    async def databases(self, component: Component) -> tuple[str, ...]:
        return await self._answering(component).databases()

    def latest(self, component: Component) -> ComponentSnapshot | None:
        return self.snapshots.get(component)

    def _answering(self, component: Component) -> WatchedLink:
        self.asked.append(component.id)
        if component in self.refuses:
            raise self.refuses[component]
        return self.links[component]

    def health(self) -> tuple[ComponentHealth, ...]:
        return tuple(
            ComponentHealth(
                component=component, checked_at=CHECKED_AT, problem=self.problems.get(component), version="18.6"
            )
            for component in self.links
        )
