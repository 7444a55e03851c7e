"""A running service: every room joined to one application."""

import asyncio
import hmac
import os
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import msgspec
from starlette.types import ASGIApp

from vacate import __version__
from vacate.components.agent import GatewaySettings
from vacate.components.gateway import EngineGateway
from vacate.domain.access.identity import the_service
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.durations import duration
from vacate.domain.errors import StoreUnavailableError
from vacate.domain.plans.plan import Scope
from vacate.domain.topology.components import ProjectId
from vacate.http.admin.routes import AdminDoor
from vacate.http.app import build_app
from vacate.http.gaussdb_v3.routes import GaussdbV3Door
from vacate.http.health import AuditProblems, HealthDoor
from vacate.http.reference.catalogue import DOORS
from vacate.http.reference.document import document
from vacate.http.reference.routes import ReferenceDoor
from vacate.iam.passwords import Passwords
from vacate.iam.replays import Replays
from vacate.iam.sealing import Sealer, derived_key, sealing_key
from vacate.operations.audit.journal import Journal
from vacate.operations.clock import utc_now
from vacate.operations.discovery.pinning import AuditedPins
from vacate.operations.plans.make_plan import target_of
from vacate.settings.file import Settings
from vacate.store.anchored_audit import AnchoredAuditLog
from vacate.telemetry.access_log import TelemetryAccessLog
from vacate.telemetry.deliveries import TelemetryDeliveries
from vacate.telemetry.metrics import Metrics
from vacate.telemetry.observer import TelemetryObserver
from vacate.wiring.access import access
from vacate.wiring.heap import settle_heap
from vacate.wiring.preflight import timeouts
from vacate.wiring.rounds import going, rounds, watching
from vacate.wiring.state import State, open_state
from vacate.wiring.verbs import Verbs, verbs
from vacate.wiring.webhooks import telling


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A running service: the application to serve, health and metrics alone, what it does, and its state."""

    app: ASGIApp
    health: ASGIApp
    does: Verbs
    state: State
    gateway: EngineGateway


@asynccontextmanager
async def open_service(settings: Settings, *, health_apart: bool = False) -> AsyncGenerator[Service]:
    """Start everything but the port; at the end let the running sweeps finish and stop everything.

    With `health_apart` health and metrics are an application of their own, and no part of the other one.

    Raises:
        SettingsError, StoreUnavailableError.
    """
    sealing = sealing_key(os.environ, settings.store.secret_key_file)
    sealer = Sealer(sealing)
    async with AsyncExitStack() as stack:
        state = await stack.enter_async_context(open_state(settings))
        metrics = Metrics(__version__)
        access_log = TelemetryAccessLog(metrics, unproven_lines=settings.connections.log_lines)
        observer = TelemetryObserver(metrics)
        state.database.unreadable.tell = observer.event_unreadable
        audit = AnchoredAuditLog(state.audit, state.anchor, observer)
        journal = Journal(audit, observer)

        gateway = EngineGateway(
            settings.servers(),
            pins=AuditedPins(kept=state.pins, journal=journal, clock=utc_now),
            clock=utc_now,
            settings=_gateway_settings(settings),
            unforeseen=observer.unforeseen,
        )
        gateway.start()
        stack.push_async_callback(gateway.close)
        settling = asyncio.create_task(settle_heap(gateway.health), name="heap")
        stack.callback(settling.cancel)
        metrics.expect_sweeps(settings.servers())
        metrics.watch_components(gateway.health)
        metrics.watch_audit(lambda: journal.waiting)

        passwords = Passwords()
        stack.callback(passwords.close)
        replays = Replays(seen=state.seen_requests, clock=utc_now)
        iam_door, gate = access(settings, state.credentials, passwords, sealer, replays, access_log)
        does = verbs(settings, gateway, state, journal, observer)
        stack.push_async_callback(does.apply_plan.close)
        routes = [
            *GaussdbV3Door(gate=gate, served=does.compatible).routes(),
            *AdminDoor(gate=gate, served=does.admin).routes(),
            *iam_door.routes(),
            *ReferenceDoor(document=document(DOORS, __version__)).routes(),
        ]
        health = HealthDoor(
            health=gateway.health,
            freezes=state.freezes.standing,
            check_store=_store_check(state, journal),
            audit=lambda: audit_problems(audit, state.database.unreadable.count),
            failures=access_log,
            exposition=metrics.exposition,
            content_type=metrics.content_type,
        ).routes()
        if not health_apart:
            routes += health
        metrics.expect_requests(
            (route.path, method)
            for route in (*routes, *(health if health_apart else ()))
            for method in (route.methods or ())
            if method != "HEAD"
        )
        # Before the first call: the store may be an older copy of itself.
        await audit.check()
        await journal.conclude(_loaded(settings, sealing))
        await stack.enter_async_context(
            going(
                journal,
                observer,
                *rounds(settings, state, audit, does.settle_plans, replays),
                *watching(settings, state, does.take_census, observer),
                *await telling(settings, state, TelemetryDeliveries(metrics), stack),
            )
        )
        yield Service(
            app=build_app(routes, access_log),
            health=build_app(health, access_log),
            does=does,
            state=state,
            gateway=gateway,
        )


def audit_problems(audit: AnchoredAuditLog, unreadable: int) -> AuditProblems:
    """What is wrong with the audit, in words for everybody: the log has the details."""
    return AuditProblems(
        stopped=None
        if audit.problem is None
        else "it has lost events, so nothing is ended until an operator acknowledges that; Vacate's log says which",
        anchor=None if audit.anchor_problem is None else "its anchor cannot be read or moved; Vacate's log says why",
        unreadable=f"{unreadable} events cannot be read and are left out; Vacate's log says which"
        if unreadable
        else None,
    )


def _loaded(settings: Settings, sealing: bytes) -> AuditEvent:
    """The event of a service that starts. Its mark is keyed, so that nobody can guess passwords by it."""
    key = derived_key(sealing, b"vacate configuration mark 1")
    mark = hmac.digest(key, msgspec.json.encode(settings, enc_hook=str), "sha256").hex()[:16]
    return AuditEvent(
        at=utc_now(),
        action=AuditAction.CONFIGURATION_LOADED,
        actor=the_service(uuid.uuid4().hex),
        target=target_of(Scope(project_id=ProjectId(""))),
        note=f"Vacate {__version__} with {len(settings.servers())} components, configuration {mark}",
    )


def _gateway_settings(settings: Settings) -> GatewaySettings:
    sweep = settings.sweep
    return GatewaySettings(
        timeouts=timeouts(settings),
        check_every=duration(sweep.check_every, "sweep.check_every"),
        read_every=duration(settings.watch.census_every, "watch.census_every"),
        busy_after=duration(sweep.busy_after, "sweep.busy_after"),
        own_users=settings.own_users(),
    )


def _store_check(state: State, journal: Journal) -> Callable[[], Awaitable[None]]:
    async def check() -> None:
        await state.database.check()
        if journal.waiting:
            raise StoreUnavailableError(f"{journal.waiting} audit events wait to be written")

    return check
