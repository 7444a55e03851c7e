"""Sessions as a real day opens them, on every component of the demo's cluster.

Nothing is faked: every session logs in over TCP, does what its kind does and stays. Idle sessions differ in
age because they were opened apart.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum

import asyncpg

from vacate.demo.cluster import PRIMARY, DemoCluster, DemoComponent
from vacate.demo.servers import DemoError
from vacate.domain.topology.components import ComponentKind, ComponentRole

LINK_APPLICATION = "postgres_fdw"

_IDLE = "idle"
_ACTIVE = "active"
_IN_TRANSACTION = "idle in transaction"

_LOOK = "SELECT now()"
# On the coordinator this opens a link to the data node, which stays for as long as the session.
_READ_ORDERS = "SELECT count(*) FROM orders"
_STATES = "SELECT pid AS session_id, state FROM pg_stat_activity WHERE pid = ANY($1::int[])"
_LINKS = "SELECT pid AS session_id FROM pg_stat_activity WHERE application_name = $1 AND state = 'idle'"

_READY_S = 20.0
_CLOSE_S = 5.0
_POLL_S = 0.02


class SessionKind(StrEnum):
    """What a session of the demo is there for."""

    WEB = "web"
    DESKTOP = "desktop"
    BATCH = "batch"
    REPORT = "report"
    ACTIVE = "active"
    IN_TRANSACTION = "in transaction"
    LISTENER = "listener"
    LOCK_HOLDER = "lock holder"
    OPERATOR = "operator"
    COORDINATOR_LINK = "coordinator link"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSession:
    """One session that was opened, in the state its server shows it in. Wave 0 holds the oldest sessions."""

    component_id: str
    kind: SessionKind
    application: str
    session_id: int
    state: str
    wave: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Everything that was opened."""

    sessions: tuple[OpenedSession, ...]

    def on(self, component_id: str) -> tuple[OpenedSession, ...]:
        """The sessions on one component."""
        return tuple(each for each in self.sessions if each.component_id == component_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One kind of session: what it runs until it is in its state, and where and how often it is opened."""

    kind: SessionKind
    application: str
    statements: tuple[str, ...]
    state: str = _IDLE
    per_wave: int = 1
    # Most are there once, in the first wave.
    in_every_wave: bool = False
    superuser: bool = False
    on_standby: bool = True
    on_data_node: bool = True

    def suits(self, component: DemoComponent, wave: int) -> bool:
        return (
            (self.in_every_wave or wave == 0)
            and (self.on_standby or component.role is not ComponentRole.STANDBY)
            and (self.on_data_node or component.kind is not ComponentKind.DATA_NODE)
        )


_PARTS = (
    _Part(
        kind=SessionKind.WEB,
        application="shop-web",
        statements=(_LOOK,),
        per_wave=2,
        in_every_wave=True,
    ),
    _Part(kind=SessionKind.DESKTOP, application="pgAdmin 4 - DB:shop", statements=(_LOOK,)),
    _Part(kind=SessionKind.BATCH, application="nightly-batch", statements=(_LOOK,), in_every_wave=True),
    _Part(
        kind=SessionKind.REPORT,
        application="sales-report",
        statements=(_READ_ORDERS,),
        on_data_node=False,
    ),
    _Part(
        kind=SessionKind.ACTIVE,
        application="stock-count",
        statements=("SELECT pg_sleep(86400)",),
        state=_ACTIVE,
    ),
    _Part(
        kind=SessionKind.IN_TRANSACTION,
        application="checkout",
        statements=("BEGIN", _LOOK),
        state=_IN_TRANSACTION,
    ),
    # A standby refuses LISTEN.
    _Part(
        kind=SessionKind.LISTENER,
        application="job-worker",
        statements=(_READ_ORDERS, "LISTEN jobs"),
        on_standby=False,
    ),
    _Part(
        kind=SessionKind.LOCK_HOLDER,
        application="scheduler",
        statements=(_READ_ORDERS, "SELECT pg_advisory_lock(5001)"),
    ),
    _Part(kind=SessionKind.OPERATOR, application="psql", statements=(_LOOK,), superuser=True),
)


@dataclass(slots=True)
class _Opening:
    """What is open so far."""

    sessions: list[OpenedSession] = field(default_factory=list[OpenedSession])
    handles: list[asyncpg.Connection] = field(default_factory=list[asyncpg.Connection])
    running: list[asyncio.Task[str]] = field(default_factory=list[asyncio.Task[str]])
    links: int = 0

    async def open(self, component: DemoComponent, part: _Part, wave: int) -> None:
        dsn = component.superuser_dsn if part.superuser else component.application_dsn
        handle = await asyncpg.connect(dsn, server_settings={"application_name": part.application})
        self.handles.append(handle)
        self.sessions.append(
            OpenedSession(
                component_id=component.component_id,
                kind=part.kind,
                application=part.application,
                session_id=handle.get_server_pid(),
                state=part.state,
                wave=wave,
            )
        )
        if part.state == _ACTIVE:
            self.running += [asyncio.create_task(handle.execute(statement)) for statement in part.statements]
            return
        for statement in part.statements:
            await handle.execute(statement)
        if component.kind is ComponentKind.COORDINATOR and _READ_ORDERS in part.statements:
            self.links += 1

    async def close(self) -> None:
        """Close what is still open; sessions that were terminated meanwhile are as closed as they can be."""
        for task in self.running:
            task.cancel()
        await asyncio.gather(*self.running, return_exceptions=True)
        await asyncio.gather(*map(_close, self.handles))


@asynccontextmanager
async def traffic(cluster: DemoCluster, *, waves: int = 3, apart_s: float = 1.0) -> AsyncGenerator[Traffic]:
    """Open the sessions, give them once every server shows them in their states, and close them.

    Args:
        cluster: Where to open them.
        waves: How many ages idle sessions have.
        apart_s: Seconds between two waves.

    Raises:
        DemoError: A session did not get into its state.
    """
    opening = _Opening()
    try:
        for wave in range(waves):
            # Ages are real: the sessions of the next wave are opened that much later.
            await asyncio.sleep(apart_s if wave else 0)
            async with asyncio.TaskGroup() as together:
                for component, part in _program(cluster, wave):
                    together.create_task(opening.open(component, part, wave))
        await asyncio.gather(*(_settled(component, opening.sessions) for component in cluster.components))
        links = await _pooled_links(cluster.component(PRIMARY), opening.links)
        yield Traffic(sessions=(*opening.sessions, *links))
    finally:
        await opening.close()


def _program(cluster: DemoCluster, wave: int) -> Iterator[tuple[DemoComponent, _Part]]:
    for component in cluster.components:
        for part in _PARTS:
            if part.suits(component, wave):
                yield from [(component, part)] * part.per_wave


async def _settled(component: DemoComponent, sessions: Iterable[OpenedSession]) -> None:
    """Wait until the component's server shows each of its sessions in the state it is meant to be in."""
    wanted = {each.session_id: each.state for each in sessions if each.component_id == component.component_id}
    async with _watching(component) as watcher:
        seen: Mapping[int, str] = {}
        with suppress(TimeoutError):
            async with asyncio.timeout(_READY_S):
                while seen != wanted:
                    seen = {row["session_id"]: row["state"] for row in await watcher.fetch(_STATES, list(wanted))}
                    await asyncio.sleep(_POLL_S)
    if seen != wanted:
        odd = {each: seen.get(each) for each in wanted if seen.get(each) != wanted[each]}
        raise DemoError(f"sessions on {component.component_id} did not get into their states, but: {odd}")


async def _pooled_links(data_node: DemoComponent, expected: int) -> tuple[OpenedSession, ...]:
    """Wait for the coordinator's links on the data node to fall idle."""
    async with _watching(data_node) as watcher:
        ids: list[int] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(_READY_S):
                while len(ids) != expected:
                    ids = [row["session_id"] for row in await watcher.fetch(_LINKS, LINK_APPLICATION)]
                    await asyncio.sleep(_POLL_S)
    if len(ids) != expected:
        raise DemoError(f"{data_node.component_id} has {len(ids)} idle links of a coordinator, not {expected}")
    return tuple(
        OpenedSession(
            component_id=data_node.component_id,
            kind=SessionKind.COORDINATOR_LINK,
            application=LINK_APPLICATION,
            session_id=session_id,
            state=_IDLE,
            wave=0,
        )
        for session_id in ids
    )


@asynccontextmanager
async def _watching(component: DemoComponent) -> AsyncGenerator[asyncpg.Connection]:
    watcher = await asyncpg.connect(component.superuser_dsn)
    try:
        yield watcher
    finally:
        await _close(watcher)


async def _close(handle: asyncpg.Connection) -> None:
    try:
        await handle.close(timeout=_CLOSE_S)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
        handle.terminate()
