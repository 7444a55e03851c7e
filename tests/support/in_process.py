"""Vacate in the test's own process: the main job with its real engine and its real store, and a say in between."""

import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from tests.support.anchoring import Told
from tests.support.fakes import Witness
from vacate.components.agent import GatewaySettings
from vacate.components.gateway import EngineGateway
from vacate.components.timeouts import Timeouts
from vacate.domain.access.identity import Actor, CredentialKind, Grant, Role
from vacate.domain.audit.record import RecordedEvent
from vacate.domain.judging.criteria import Criteria
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.sessions.activity import Activity
from vacate.domain.sessions.session import SessionKey, Victim
from vacate.domain.sessions.snapshot import ComponentSnapshot
from vacate.domain.sweeps.report import Outcome, Report, SessionOutcome
from vacate.domain.topology.components import (
    Component,
    ComponentId,
    ComponentKind,
    ComponentRole,
    Instance,
    InstanceId,
    NodeId,
    ProjectId,
    Target,
)
from vacate.domain.topology.health import ComponentHealth
from vacate.inventory.static import ConfiguredInstance, StaticInventory
from vacate.operations.audit.journal import Journal
from vacate.operations.clock import utc_now
from vacate.operations.ports import Gateway, Link, Signalled
from vacate.operations.sweeps.kill_idle import KillIdle
from vacate.operations.sweeps.kill_sessions import KillSessions
from vacate.operations.sweeps.kill_transactions import KillTransactions
from vacate.operations.sweeps.sweep import Limits, Sweep
from vacate.store.anchored_audit import AnchoredAuditLog
from vacate.store.audit import SqlAuditLog
from vacate.store.database import Database, open_database
from vacate.store.freezes import SqlFreezes
from vacate.store.pins import SqlPins

PROJECT = ProjectId("0611f1bd8b00d5d32f17c017f15b599f")
INSTANCE = InstanceId("3d39c18788b54a919bab633874c159dfin14")
NODE = NodeId("52c25e148a4a48c293b66ca95565719cno14")
COMPONENT = Component(
    project_id=PROJECT,
    instance_id=INSTANCE,
    node_id=NODE,
    id=ComponentId("dn_6001"),
    kind=ComponentKind.DATA_NODE,
    role=ComponentRole.PRIMARY,
)
COORDINATOR = replace(COMPONENT, id=ComponentId("cn_5001"), kind=ComponentKind.COORDINATOR)
STANDBY = replace(COMPONENT, id=ComponentId("dn_6002"), role=ComponentRole.STANDBY)

# Generous for a loaded machine, and short enough to be waited for.
QUICK = Limits(signal_for=timedelta(seconds=20), confirm_for=timedelta(seconds=5))

_calls = itertools.count(1)
Hook = Callable[[], Awaitable[None]]


async def _nothing() -> None:
    pass


# --- a say in between ------------------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Meanwhile:
    """What happens in the world between two steps of a sweep. Each happens once.

    `signals_at_once` cuts the victims into so many a chunk, so that `after_chunk` comes between two of them.
    """

    after_look: Hook = _nothing
    before_signals: Hook = _nothing
    after_chunk: Hook = _nothing
    after_signals: Hook = _nothing
    signals_at_once: int | None = None

    async def happens(self, name: str) -> None:
        hook: Hook = getattr(self, name)
        setattr(self, name, _nothing)
        await hook()


@dataclass(frozen=True, slots=True, kw_only=True)
class _InterruptedLink:
    link: Link
    meanwhile: Meanwhile

    async def snapshot(self) -> ComponentSnapshot:
        seen = await self.link.snapshot()
        await self.meanwhile.happens("after_look")
        return seen

    async def terminate(
        self, victims: Sequence[Victim], off: frozenset[GuardName]
    ) -> AsyncIterator[Sequence[Signalled]]:
        await self.meanwhile.happens("before_signals")
        size = self.meanwhile.signals_at_once or len(victims)
        for first in range(0, len(victims), size):
            async for answers in self.link.terminate(victims[first : first + size], off):
                yield answers
            await self.meanwhile.happens("after_chunk")

    async def still_present(self, keys: Sequence[SessionKey]) -> frozenset[SessionKey]:
        await self.meanwhile.happens("after_signals")
        return await self.link.still_present(keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class _InterruptedGateway:
    gateway: EngineGateway
    meanwhile: Meanwhile

    @asynccontextmanager
    async def _link(self, component: Component) -> AsyncGenerator[Link]:
        async with self.gateway.link(component) as link:
            yield _InterruptedLink(link=link, meanwhile=self.meanwhile)

    def link(self, component: Component) -> AbstractAsyncContextManager[Link]:
        return self._link(component)

    async def snapshot(self, component: Component) -> ComponentSnapshot:
        return await self.gateway.snapshot(component)

    async def activity(self, component: Component) -> tuple[Activity, ...]:
        return await self.gateway.activity(component)

    async def databases(self, component: Component) -> tuple[str, ...]:
        return await self.gateway.databases(component)

    def latest(self, component: Component) -> ComponentSnapshot | None:
        return self.gateway.latest(component)

    def health(self) -> tuple[ComponentHealth, ...]:
        return self.gateway.health()


# --- the service -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Vacate:
    """Everything that one sweep needs, real but for the observer, and the store to read the audit from."""

    kill_idle: KillIdle
    kill_sessions: KillSessions
    kill_transactions: KillTransactions
    gateway: EngineGateway
    journal: Journal
    audit: SqlAuditLog
    pins: SqlPins
    database: Database
    witness: Witness
    meanwhile: Meanwhile
    components: tuple[Component, ...]

    async def sweep(self, component: Component | None = None) -> Report:
        """One call for the idle sessions of one component; the first one unless another is named."""
        return await self.kill_idle(new_actor(), _target(component or self.components[0]))

    async def kill(self, *session_ids: int) -> Report:
        """One call for named sessions of the first component."""
        return await self.kill_sessions(new_actor(), _target(self.components[0]), session_ids)

    async def kill_in_transaction(self, *session_ids: int) -> Report:
        """One call for named sessions of the first component, as far as they are in a transaction."""
        return await self.kill_transactions(new_actor(), _target(self.components[0]), session_ids)

    async def events_of(self, report: Report) -> tuple[RecordedEvent, ...]:
        """What the audit keeps of a sweep."""
        return await self.audit.events_of(report.request_id)

    async def last_event(self) -> RecordedEvent:
        """What the audit kept last."""
        (event,) = await self.audit.recent(1)
        return event

    def problem(self) -> str | None:
        """What the last check of the first component found."""
        return self.gateway.health()[0].problem


def _target(component: Component) -> Target:
    return Target(
        project_id=component.project_id,
        instance_id=component.instance_id,
        node_id=component.node_id,
        component_id=component.id,
    )


def new_actor() -> Actor:
    """An operator's next call."""
    return Actor(
        user_id="u1",
        user_name="olga",
        grants=(Grant(project_id=PROJECT, role=Role.OPERATOR),),
        credential_kind=CredentialKind.ACCESS_KEY,
        credential="AKTEST0123456789ABCD",
        source_address="203.0.113.9",
        request_id=f"call-{next(_calls)}",
    )


@asynccontextmanager
async def vacate(
    directory: Path,
    servers: str | Mapping[Component, str],
    *,
    criteria: Criteria | None = None,
    guards: GuardSettings | None = None,
    limits: Limits = QUICK,
    timeouts: Timeouts | None = None,
    settings: GatewaySettings | None = None,
) -> AsyncGenerator[Vacate]:
    """Vacate over a store in `directory`, for the components of one instance or for `COMPONENT` alone.

    No link is opened before it is needed, unless the test starts the gateway's keepers.
    """
    if isinstance(servers, str):
        servers = {COMPONENT: servers}
    settings = settings or GatewaySettings()
    settings = replace(settings, timeouts=timeouts or settings.timeouts)
    # A store that is locked by somebody else is waited for only shortly.
    database = await open_database(f"sqlite:///{directory / 'vacate.db'}", patience_s=0.5)
    try:
        audit, pins, witness, meanwhile = SqlAuditLog(database), SqlPins(database), Witness(), Meanwhile()
        instance = Instance(project_id=PROJECT, id=INSTANCE, name="shop", components=tuple(servers))
        configured = ConfiguredInstance(
            instance=instance, criteria=criteria or Criteria(), guards=guards or GuardSettings()
        )
        gateway = EngineGateway(servers, pins=pins, clock=utc_now, settings=settings)
        journal = Journal(AnchoredAuditLog(audit, None, Told()), witness)
        interrupted: Gateway = _InterruptedGateway(gateway=gateway, meanwhile=meanwhile)
        sweep = Sweep(
            inventory=StaticInventory([configured]),
            gateway=interrupted,
            freezes=SqlFreezes(database),
            journal=journal,
            observer=witness,
            clock=utc_now,
            limits=limits,
        )
        try:
            yield Vacate(
                kill_idle=KillIdle(sweep=sweep),
                kill_sessions=KillSessions(sweep=sweep),
                kill_transactions=KillTransactions(sweep=sweep),
                gateway=gateway,
                journal=journal,
                audit=audit,
                pins=pins,
                database=database,
                witness=witness,
                meanwhile=meanwhile,
                components=tuple(servers),
            )
        finally:
            await gateway.close()
    finally:
        await database.close()


# --- reading a report ------------------------------------------------------------------------------------------------


def fates(report: Report) -> dict[int, SessionOutcome]:
    """What became of each session, by its id."""
    return {entry.session.session_id: entry for entry in report.sessions}


def session_ids(report: Report, outcome: Outcome) -> set[int]:
    """The ids of the sessions with one outcome. On PostgreSQL they are their pids."""
    return {entry.session.session_id for entry in report.sessions if entry.outcome is outcome}
