"""The composition root: the one file that knows every room and joins them."""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from starlette.types import ASGIApp

from vacate import __version__
from vacate.domain.errors import AuditUnavailableError, StoreUnavailableError
from vacate.engines.gateway import EngineGateway, GatewaySettings
from vacate.engines.scout import EngineScout
from vacate.engines.timeouts import Timeouts
from vacate.http.app import build_app
from vacate.http.gate import Gate
from vacate.http.gaussdb_v3.routes import GaussdbV3Door
from vacate.http.gaussdb_v3.served import Served
from vacate.http.health import HealthDoor
from vacate.http.iam_v3.routes import IamV3Door
from vacate.http.reference.catalogue import DOORS
from vacate.http.reference.document import document
from vacate.http.reference.routes import ReferenceDoor
from vacate.iam.authenticator import RequestAuthenticator
from vacate.iam.directory import UserDirectory
from vacate.iam.limits import sign_in_limits
from vacate.iam.lockout import Lockout
from vacate.iam.passwords import Passwords
from vacate.iam.projects import KnownProjects
from vacate.iam.sealing import Sealer, sealing_key
from vacate.iam.temporary import TemporaryKeyService
from vacate.iam.throttle import Throttle
from vacate.iam.tokens import TokenService
from vacate.inventory.patroni import PatroniCluster
from vacate.inventory.static import StaticInventory
from vacate.operations.admit import Admit
from vacate.operations.clock import utc_now
from vacate.operations.describe import Describe
from vacate.operations.discover import Discover
from vacate.operations.journal import Journal
from vacate.operations.kill_idle import KillIdle
from vacate.operations.kill_sessions import KillSessions
from vacate.operations.kill_transactions import KillTransactions
from vacate.operations.list_databases import ListDatabases
from vacate.operations.list_sessions import ListSessions
from vacate.operations.list_transactions import ListTransactions
from vacate.operations.survey import Survey
from vacate.operations.sweep import Limits, Sweep
from vacate.settings.durations import duration
from vacate.settings.file import Settings
from vacate.store.audit import SqlAuditLog
from vacate.store.credentials import SqlCredentials
from vacate.store.database import Database, open_database
from vacate.store.freezes import SqlFreezes
from vacate.store.pins import SqlPins
from vacate.telemetry.access_log import TelemetryAccessLog
from vacate.telemetry.logs import log
from vacate.telemetry.metrics import Metrics
from vacate.telemetry.observer import TelemetryObserver

_CATCH_UP_EVERY = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Vacate's own state, opened: audit, pins, the freeze switch, and the directory of users and access keys."""

    database: Database
    audit: SqlAuditLog
    pins: SqlPins
    freezes: SqlFreezes
    credentials: SqlCredentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A running service: the application to serve, and its state."""

    app: ASGIApp
    state: State
    gateway: EngineGateway


@asynccontextmanager
async def open_state(settings: Settings) -> AsyncGenerator[State]:
    """Open the store.

    Raises:
        SettingsError, StoreUnavailableError.
    """
    database = await open_database(settings.store.url)
    try:
        yield State(
            database=database,
            audit=SqlAuditLog(database),
            pins=SqlPins(database),
            freezes=SqlFreezes(database),
            credentials=SqlCredentials(database),
        )
    finally:
        await database.close()


@asynccontextmanager
async def open_directory(settings: Settings) -> AsyncGenerator[UserDirectory]:
    """Open the directory of users and access keys.

    Raises:
        SettingsError, StoreUnavailableError.
    """
    sealer = Sealer(sealing_key(os.environ, settings.store.secret_key_file))
    passwords = Passwords()
    async with open_state(settings) as state:
        try:
            yield UserDirectory(credentials=state.credentials, passwords=passwords, sealer=sealer, clock=utc_now)
        finally:
            passwords.close()


def discovery(patroni: str | None, *, connect_within: timedelta) -> Discover:
    """What looks at a cluster; `patroni` is where to ask for its members.

    Raises:
        DiscoveryError: that is no address.
    """
    scout = EngineScout(Timeouts(connect=connect_within))
    return Discover(scout=scout, enrol=PatroniCluster(patroni).roster if patroni else None)


@asynccontextmanager
async def open_service(settings: Settings) -> AsyncGenerator[Service]:
    """Start everything but the port; at the end let the running sweeps finish and stop everything.

    Raises:
        SettingsError, StoreUnavailableError.
    """
    sealer = Sealer(sealing_key(os.environ, settings.store.secret_key_file))
    async with AsyncExitStack() as stack:
        state = await stack.enter_async_context(open_state(settings))
        metrics = Metrics(__version__)
        access_log = TelemetryAccessLog(metrics)
        observer = TelemetryObserver(metrics)
        journal = Journal(state.audit, observer)

        gateway = EngineGateway(
            settings.servers(), pins=state.pins, clock=utc_now, settings=_gateway_settings(settings)
        )
        gateway.start()
        stack.push_async_callback(gateway.close)
        metrics.watch_components(gateway.health)
        metrics.watch_audit(lambda: journal.waiting)

        passwords = Passwords()
        stack.callback(passwords.close)
        iam_door, gate = _access(settings, state.credentials, passwords, sealer, access_log)
        routes = [
            *GaussdbV3Door(gate=gate, served=_served(settings, gateway, state, journal, observer)).routes(),
            *iam_door.routes(),
            *ReferenceDoor(document=document(DOORS, __version__)).routes(),
            *HealthDoor(
                health=gateway.health,
                freezes=state.freezes.standing,
                check_store=_store_check(state, journal),
                failures=access_log,
                exposition=metrics.exposition,
                content_type=metrics.content_type,
            ).routes(),
        ]
        catching_up = asyncio.create_task(_catch_up(journal), name="audit catching up")
        stack.push_async_callback(_stop, catching_up)
        yield Service(app=build_app(routes, access_log), state=state, gateway=gateway)


def _served(
    settings: Settings, gateway: EngineGateway, state: State, journal: Journal, observer: TelemetryObserver
) -> Served:
    """Every operation that the compatible door calls."""
    inventory = StaticInventory(settings.configured_instances())
    sweep = Sweep(
        inventory=inventory,
        gateway=gateway,
        freezes=state.freezes,
        journal=journal,
        observer=observer,
        clock=utc_now,
        limits=Limits(
            signal_for=duration(settings.sweep.signal_for, "sweep.signal_for"),
            confirm_for=duration(settings.sweep.confirm_for, "sweep.confirm_for"),
        ),
    )
    answer_within = duration(settings.watch.answer_within, "watch.answer_within")
    describe = Describe(inventory=inventory, gateway=gateway)
    return Served(
        admit=Admit(journal=journal, clock=utc_now),
        kill_idle=KillIdle(sweep=sweep),
        kill_sessions=KillSessions(sweep=sweep),
        kill_transactions=KillTransactions(sweep=sweep),
        list_sessions=ListSessions(inventory=inventory, gateway=gateway),
        list_transactions=ListTransactions(inventory=inventory, gateway=gateway),
        survey=Survey(inventory=inventory, gateway=gateway, answer_within=answer_within),
        list_databases=ListDatabases(inventory=inventory, gateway=gateway, answer_within=answer_within),
        describe_instances=describe.instances,
        describe_instance=describe.instance,
        slow_after=duration(settings.watch.slow_statement, "watch.slow_statement"),
    )


def _access(
    settings: Settings,
    credentials: SqlCredentials,
    passwords: Passwords,
    sealer: Sealer,
    access_log: TelemetryAccessLog,
) -> tuple[IamV3Door, Gate]:
    """What tells who asks, as the gate in front of every call and as a door of its own."""
    access = settings.access
    lockout_after = access.lockout_after if access.lockout else 0
    lockout_for = duration(access.lockout_for, "access.lockout_for")
    projects = KnownProjects(settings.known_projects(), credentials)
    limits = sign_in_limits(
        lockout_after=lockout_after, lockout_for=lockout_for, per_second=access.sign_ins_per_second, clock=utc_now
    )
    tokens = TokenService(credentials=credentials, passwords=passwords, projects=projects, limits=limits, clock=utc_now)
    temporary_keys = TemporaryKeyService(
        credentials=credentials,
        tokens=tokens,
        sealer=sealer,
        throttle=Throttle(per_second=access.sign_ins_per_second),
        clock=utc_now,
    )
    authenticator = RequestAuthenticator(
        credentials=credentials,
        sealer=sealer,
        tokens=tokens,
        lockout=Lockout(after=lockout_after, hold=lockout_for, clock=utc_now),
        throttle=Throttle(per_second=access.requests_per_second),
        clock=utc_now,
    )
    gate = Gate(authenticator, access_log)
    door = IamV3Door(
        gate=gate,
        tokens=tokens,
        temporary_keys=temporary_keys,
        projects=projects,
        regions=settings.known_regions(),
        endpoint=settings.service.endpoint,
    )
    return door, gate


def _gateway_settings(settings: Settings) -> GatewaySettings:
    sweep = settings.sweep
    return GatewaySettings(
        timeouts=Timeouts(
            connect=duration(sweep.connect_timeout, "sweep.connect_timeout"),
            answer=duration(sweep.statement_timeout, "sweep.statement_timeout"),
        ),
        check_every=duration(sweep.check_every, "sweep.check_every"),
        busy_after=duration(sweep.busy_after, "sweep.busy_after"),
    )


def _store_check(state: State, journal: Journal) -> Callable[[], Awaitable[None]]:
    async def check() -> None:
        await state.database.check()
        if journal.waiting:
            raise StoreUnavailableError(f"{journal.waiting} audit events wait to be written")

    return check


async def _catch_up(journal: Journal) -> None:
    """Write what had to wait as soon as the store takes it, also when no call comes."""
    while True:
        await asyncio.sleep(_CATCH_UP_EVERY)
        if journal.waiting:
            try:
                await journal.catch_up()
            except AuditUnavailableError as error:
                log(
                    "audit still behind",
                    {"waiting": journal.waiting, "reason": str(error)},
                    level=logging.WARNING,
                )
            else:
                log("audit caught up", {})


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
