"""Every operation that the doors and the rounds call, joined to the rooms that it needs."""

from dataclasses import dataclass

from vacate.components.gateway import EngineGateway
from vacate.domain.durations import duration
from vacate.http.admin.served import Served as AdminServed
from vacate.http.gaussdb_v3.served import Served as CompatibleServed
from vacate.inventory.static import StaticInventory
from vacate.operations.access.admit import Admit
from vacate.operations.audit.journal import Journal
from vacate.operations.audit.search_audit import SearchAudit
from vacate.operations.clock import utc_now
from vacate.operations.plans.apply_plan import ApplyPlan, StopPlan
from vacate.operations.plans.make_plan import MakePlan
from vacate.operations.plans.settle_plans import SettlePlans
from vacate.operations.plans.show_plan import ShowPlan
from vacate.operations.reading.describe import Describe
from vacate.operations.reading.explain import Explain
from vacate.operations.reading.list_databases import ListDatabases
from vacate.operations.reading.list_sessions import ListSessions
from vacate.operations.reading.list_transactions import ListTransactions
from vacate.operations.reading.survey import Survey
from vacate.operations.reading.take_census import TakeCensus
from vacate.operations.sweeps.kill_idle import KillIdle
from vacate.operations.sweeps.kill_sessions import KillSessions
from vacate.operations.sweeps.kill_transactions import KillTransactions
from vacate.operations.sweeps.sweep import Limits, Sweep
from vacate.operations.sweeps.turn_freeze import TurnFreeze
from vacate.settings.file import Settings
from vacate.telemetry.observer import TelemetryObserver
from vacate.wiring.rounds import snapshots_good_for
from vacate.wiring.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Verbs:
    """What the service does: for the compatible door, for our own, and by itself."""

    compatible: CompatibleServed
    admin: AdminServed
    apply_plan: ApplyPlan
    settle_plans: SettlePlans
    take_census: TakeCensus


def verbs(
    settings: Settings, gateway: EngineGateway, state: State, journal: Journal, observer: TelemetryObserver
) -> Verbs:
    """Join every operation to what it needs."""
    inventory = StaticInventory(settings.configured_instances())
    admit = Admit(journal=journal, clock=utc_now)
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
    apply_plan = ApplyPlan(plans=state.plans, sweep=sweep, journal=journal, clock=utc_now)
    return Verbs(
        compatible=_compatible(settings, admit, inventory, gateway, sweep),
        admin=_admin(settings, admit, inventory, gateway, state, apply_plan, observer),
        apply_plan=apply_plan,
        settle_plans=SettlePlans(
            plans=state.plans, audit=state.search, gateway=gateway, journal=journal, clock=utc_now
        ),
        take_census=TakeCensus(
            inventory=inventory, gateway=gateway, clock=utc_now, good_for=snapshots_good_for(settings)
        ),
    )


def _compatible(
    settings: Settings, admit: Admit, inventory: StaticInventory, gateway: EngineGateway, sweep: Sweep
) -> CompatibleServed:
    answer_within = duration(settings.watch.answer_within, "watch.answer_within")
    describe = Describe(inventory=inventory, gateway=gateway)
    return CompatibleServed(
        admit=admit,
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


def _admin(
    settings: Settings,
    admit: Admit,
    inventory: StaticInventory,
    gateway: EngineGateway,
    state: State,
    apply_plan: ApplyPlan,
    observer: TelemetryObserver,
) -> AdminServed:
    journal = apply_plan.journal
    make_plan = MakePlan(
        inventory=inventory,
        gateway=gateway,
        plans=state.plans,
        journal=journal,
        clock=utc_now,
        answer_within=duration(settings.watch.answer_within, "watch.answer_within"),
        expires_after=duration(settings.plans.expire_after, "plans.expire_after"),
        unforeseen=observer.unforeseen,
    )
    show_plan = ShowPlan(plans=state.plans)
    turn_freeze = TurnFreeze(switch=state.freezes, inventory=inventory, journal=journal, clock=utc_now)
    return AdminServed(
        admit=admit,
        make_plan=make_plan,
        show_plan=show_plan,
        list_plans=show_plan.all,
        apply_plan=apply_plan,
        stop_plan=StopPlan(plans=state.plans),
        explain=Explain(inventory=inventory, gateway=gateway, unforeseen=observer.unforeseen),
        instances=Describe(inventory=inventory, gateway=gateway).instances,
        search_audit=SearchAudit(audit=state.search),
        standing=turn_freeze.standing,
        freeze=turn_freeze.on,
        thaw=turn_freeze.off,
    )
