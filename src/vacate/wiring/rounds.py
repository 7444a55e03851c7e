"""What the service does again and again without being asked."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from vacate.domain.durations import duration
from vacate.domain.errors import AuditUnavailableError, VacateError
from vacate.iam.replays import Replays
from vacate.operations.audit.journal import Journal
from vacate.operations.audit.prune_audit import PruneAudit
from vacate.operations.clock import utc_now
from vacate.operations.plans.settle_plans import SettlePlans
from vacate.operations.reading.take_census import TakeCensus
from vacate.settings.file import Settings
from vacate.store.anchored_audit import AnchoredAuditLog
from vacate.telemetry.logs import log
from vacate.telemetry.observer import TelemetryObserver
from vacate.wiring.state import State

_CATCH_UP_EVERY = 2.0
_SETTLE_EVERY = timedelta(seconds=5)
_CHECK_AUDIT_EVERY = timedelta(seconds=5)
_TAKE_IN_EVERY = timedelta(minutes=1)
_FORGET_EVERY = timedelta(minutes=1)
_CLEAR_OUT_EVERY = timedelta(hours=6)
# A census asks no server, so it is taken soon after the components were read.
_COUNT_EVERY = timedelta(seconds=5)
_READ_WITHIN = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Work that is done every so often. A failure is a line in the log, and the next turn tries again."""

    name: str
    every: timedelta
    work: Callable[[], Awaitable[object]]


def rounds(
    settings: Settings, state: State, audit: AnchoredAuditLog, settle_plans: SettlePlans, replays: Replays
) -> tuple[Round, ...]:
    """The rounds of a service. Several services on one store may make them at the same time."""
    keep_plans = duration(settings.plans.keep, "plans.keep")

    async def forget_plans() -> None:
        await state.plans.forget(utc_now() - keep_plans)

    always = (
        Round(name="look at the audit's end", every=_CHECK_AUDIT_EVERY, work=audit.check),
        Round(name="settling of plans", every=_SETTLE_EVERY, work=settle_plans),
        Round(name="index of the audit", every=_TAKE_IN_EVERY, work=state.search.take_in),
        Round(name="forgetting of plans", every=_CLEAR_OUT_EVERY, work=forget_plans),
        Round(name="forgetting of signed requests", every=_FORGET_EVERY, work=replays.forget),
    )
    if not settings.audit.keep:
        return always
    keep_events = duration(settings.audit.keep, "audit.keep")
    pruning = PruneAudit(audit=audit, clock=utc_now)

    async def prune() -> None:
        await pruning.older_than(keep_events)

    return (*always, Round(name="pruning of the audit", every=_CLEAR_OUT_EVERY, work=prune))


def watching(
    settings: Settings, state: State, take_census: TakeCensus, observer: TelemetryObserver
) -> tuple[Round, ...]:
    """The rounds that keep the metrics of sessions, slots and the freeze switch up to date."""
    good_for = snapshots_good_for(settings)
    every = min(_COUNT_EVERY, duration(settings.watch.census_every, "watch.census_every"))

    async def count() -> None:
        observer.counted(await take_census(), good_for=good_for)

    async def see_freezes() -> None:
        observer.frozen(await state.freezes.standing(), good_for=good_for)

    return (
        Round(name="census", every=every, work=count),
        Round(name="look at the freeze switch", every=every, work=see_freezes),
    )


def snapshots_good_for(settings: Settings) -> timedelta:
    """Return how long a component's snapshot tells of now: one read may be missed, after a second one nobody knows."""
    return 2 * (duration(settings.watch.census_every, "watch.census_every") + _READ_WITHIN)


@asynccontextmanager
async def going(journal: Journal, observer: TelemetryObserver, *rounds: Round) -> AsyncGenerator[None]:
    """Keep the rounds and the audit's catching up going for the length of the block."""
    tasks = [
        asyncio.create_task(_catch_up(journal), name="audit catching up"),
        *(asyncio.create_task(_go(each, observer), name=each.name) for each in rounds),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _go(each: Round, observer: TelemetryObserver) -> None:
    failing = False
    while True:
        try:
            await each.work()
        except VacateError as error:
            if not failing:
                log(f"{each.name} failed", {"reason": str(error)}, level=logging.WARNING)
            failing = True
        except Exception as error:  # noqa: BLE001 - what nobody foresaw must not end the rounds; it is logged instead
            observer.failed_by_itself()
            if not failing:
                log(f"{each.name} failed", {}, level=logging.ERROR, error=error)
            failing = True
        else:
            if failing:
                log(f"{each.name} works again", {})
            failing = False
        await asyncio.sleep(each.every.total_seconds())


async def _catch_up(journal: Journal) -> None:
    """Write what had to wait as soon as the store takes it, also when no call comes."""
    while True:
        await asyncio.sleep(_CATCH_UP_EVERY)
        if journal.waiting:
            try:
                await journal.catch_up()
            except AuditUnavailableError as error:
                log("audit still behind", {"waiting": journal.waiting, "reason": str(error)}, level=logging.WARNING)
            else:
                log("audit caught up", {})
