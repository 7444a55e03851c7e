"""What Vacate promises of openGauss and GaussDB, proven on one server: a real one, or the double.

Every test is one sentence of what was proven. A sweep is about the sessions of the suite's own application; a real
server has other users, and they are left alone.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.live.server import Clients, FamilyServer
from tests.support.in_process import COMPONENT, Vacate, vacate
from tests.support.postgres import eventually
from vacate.domain.errors import ComponentUnreachableError, MissingRightsError
from vacate.domain.judging.criteria import Criteria, Criterion, Selection
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.sessions.activity import WAITS_FOR_LOCK
from vacate.domain.sweeps.report import Outcome, Report, SessionOutcome
from vacate.operations.sweeps.sweep import Limits


def service(
    directory: Path, family: FamilyServer, *, confirm_for: timedelta = timedelta(seconds=5)
) -> AbstractAsyncContextManager[Vacate]:
    """Vacate on the server. Everybody on it may be a neighbour's client here, so that guard is off."""
    criteria = Criteria(users=Selection(include=(family.app_user,)))
    guards = GuardSettings(off=frozenset({GuardName.PEER_NODE}))
    limits = Limits(confirm_for=confirm_for)
    return vacate(directory, family.vacate, criteria=criteria, guards=guards, limits=limits)


def with_outcome(report: Report, outcome: Outcome) -> set[int]:
    return {entry.session.session_id for entry in report.sessions if entry.outcome is outcome}


def fate(report: Report, session_id: int) -> SessionOutcome:
    (entry,) = [entry for entry in report.sessions if entry.session.session_id == session_id]
    return entry


# --- who it is and what may be done ----------------------------------------------------------------------------------


async def test_the_server_is_recognised_by_what_it_says_of_itself(family: FamilyServer, tmp_path: Path) -> None:
    async with service(tmp_path, family) as running:
        await running.sweep()
        (health,) = running.gateway.health()
    assert health.engine is not None
    assert health.engine.of_gauss_family
    assert f"{health.engine} {health.version}" == family.name


async def test_missing_rights_are_refused_with_what_to_run_and_running_it_is_enough(
    family: FamilyServer, clients: Clients, tmp_path: Path
) -> None:
    client = await clients.idle()
    async with service(tmp_path, family) as running:
        await family.take_rights()
        try:
            with pytest.raises(MissingRightsError) as refused:
                await running.sweep()
        finally:
            await family.give_rights()
        report = await running.sweep()
    assert refused.value.remedies == (
        f'ALTER USER "{family.vacate_user}" MONADMIN;',
        f'GRANT gs_role_signal_backend TO "{family.vacate_user}";',
    )
    assert with_outcome(report, Outcome.TERMINATED) == {client.id}


async def test_rights_lost_after_the_look_end_nobody_and_prove_nobody_gone(
    family: FamilyServer, clients: Clients, tmp_path: Path
) -> None:
    client = await clients.idle()
    async with service(tmp_path, family) as running:
        running.meanwhile.before_signals = family.take_rights
        try:
            report = await running.sweep()
        finally:
            await family.give_rights()
    assert fate(report, client.id).outcome is Outcome.REFUSED
    assert await client.is_alive(family.driver)


async def test_rights_lost_after_the_signals_leave_the_end_unconfirmed(
    family: FamilyServer, clients: Clients, tmp_path: Path
) -> None:
    client = await clients.idle()
    async with service(tmp_path, family, confirm_for=timedelta(seconds=0.5)) as running:
        running.meanwhile.after_signals = family.take_rights
        try:
            report = await running.sweep()
        finally:
            await family.give_rights()
    assert fate(report, client.id).outcome is Outcome.UNCONFIRMED


async def test_a_wrong_password_is_a_clear_error(family: FamilyServer, tmp_path: Path) -> None:
    async with vacate(
        tmp_path, family.vacate.replace(f"{family.vacate_user}:", f"{family.vacate_user}:x", 1)
    ) as running:
        with pytest.raises(ComponentUnreachableError, match="login refused"):
            await running.sweep()


# --- who ends and who lives ------------------------------------------------------------------------------------------


async def test_idle_sessions_end_and_all_others_live(family: FamilyServer, clients: Clients, tmp_path: Path) -> None:
    idle = await clients.many_idle(3)
    in_transaction = await clients.idle("BEGIN", "SELECT 1")
    active = await clients.active()
    async with service(tmp_path, family) as running:
        report = await running.sweep()
    assert with_outcome(report, Outcome.TERMINATED) == {client.id for client in idle}
    assert not any([await client.is_alive(family.driver) for client in idle])
    assert {fate(report, client.id).by for client in (in_transaction, active)} == {Criterion.NOT_IDLE}
    assert set(await family.sessions()) == {in_transaction.id, active.id}
    await in_transaction.use("COMMIT")
    assert active.statement is not None
    assert not active.statement.done()


async def test_an_idle_session_of_a_thread_pool_has_no_thread_and_is_ended_by_its_id(
    family: FamilyServer, clients: Clients, tmp_path: Path
) -> None:
    client = await clients.idle()

    async def has_settled() -> bool:
        return (await family.sessions())[client.id]["pid"] in {0, client.id}

    await eventually(has_settled)
    async with service(tmp_path, family) as running:
        report = await running.sweep()
    assert fate(report, client.id).session.pid in {0, client.id}
    assert fate(report, client.id).outcome is Outcome.TERMINATED
    assert client.id not in await family.sessions()


async def test_a_session_that_never_ran_a_statement_ends_and_one_that_runs_its_first_meanwhile_lives(
    family: FamilyServer, clients: Clients, tmp_path: Path
) -> None:
    unused, woken = await clients.unused(), await clients.unused()

    async def wake() -> None:
        await woken.use("BEGIN")

    async with service(tmp_path, family) as running:
        running.meanwhile.before_signals = wake
        report = await running.sweep()
    assert fate(report, unused.id).outcome is Outcome.TERMINATED
    assert fate(report, woken.id).outcome is Outcome.WOKE
    assert await woken.is_alive(family.driver)


async def test_sixty_idle_sessions_end_in_one_sweep(family: FamilyServer, clients: Clients, tmp_path: Path) -> None:
    idle = await clients.many_idle(60)
    async with service(tmp_path, family) as running:
        report = await running.sweep()
    assert with_outcome(report, Outcome.TERMINATED) == {client.id for client in idle}
    assert report.succeeded


async def test_a_session_that_wakes_between_look_and_signal_lives(
    family: FamilyServer, clients: Clients, tmp_path: Path
) -> None:
    woken, working, still_idle = await clients.many_idle(3)

    async def wake() -> None:
        await woken.use()
        working.statement = asyncio.create_task(clients.run(working, "SELECT pg_sleep(600)"))
        await eventually(lambda: family.is_active(working.id))

    async with service(tmp_path, family) as running:
        running.meanwhile.before_signals = wake
        report = await running.sweep()
    assert with_outcome(report, Outcome.WOKE) == {woken.id, working.id}
    assert with_outcome(report, Outcome.TERMINATED) == {still_idle.id}
    assert await woken.is_alive(family.driver)
    assert working.statement is not None
    assert not working.statement.done()


async def test_a_session_that_leaves_between_look_and_signal_is_gone_and_not_ours(
    family: FamilyServer, clients: Clients, tmp_path: Path
) -> None:
    leaving = await clients.idle()

    async def leave() -> None:
        await leaving.connection.close(timeout=5)
        await eventually(lambda: family.is_gone(leaving.id))

    async with service(tmp_path, family) as running:
        running.meanwhile.before_signals = leave
        report = await running.sweep()
    assert fate(report, leaving.id).outcome is Outcome.GONE


@pytest.mark.parametrize("application", ["cm_agent", "gs_dump", "cn_5001", "dn_6001_6002_6003", "JobScheduler"])
async def test_the_clusters_own_applications_are_spared(
    family: FamilyServer, clients: Clients, tmp_path: Path, application: str
) -> None:
    own = await clients.idle(application=application)
    other = await clients.idle()
    async with service(tmp_path, family) as running:
        report = await running.sweep()
    assert fate(report, own.id).by in {GuardName.CLUSTER_TOOL, GuardName.COORDINATOR_LINK}
    assert with_outcome(report, Outcome.TERMINATED) == {other.id}


async def test_the_servers_own_threads_and_users_are_spared(family: FamilyServer, tmp_path: Path) -> None:
    async with vacate(
        tmp_path, family.vacate, criteria=Criteria(users=Selection(include=("nobody_has_this",)))
    ) as running:
        report = await running.sweep()
    assert not report.terminated
    without_port = [entry for entry in report.sessions if entry.session.client_port is None]
    assert {entry.by for entry in without_port} <= {GuardName.NOT_A_CLIENT, GuardName.OWN_SESSION}
    (own,) = [entry for entry in report.sessions if entry.session.own]
    assert own.by is GuardName.OWN_SESSION


async def test_named_sessions_end_whatever_they_do(family: FamilyServer, clients: Clients, tmp_path: Path) -> None:
    named = [await clients.idle("BEGIN", "SELECT 1"), await clients.active(), await clients.idle()]
    other = await clients.active()
    async with service(tmp_path, family) as running:
        report = await running.kill(*(client.id for client in named))
    assert with_outcome(report, Outcome.TERMINATED) == {client.id for client in named}
    assert set(await family.sessions()) == {other.id}


async def test_a_transaction_ends_with_its_session_unless_it_is_another_one_by_then(
    family: FamilyServer, clients: Clients, tmp_path: Path
) -> None:
    same, renewed = await clients.idle("BEGIN", "SELECT 1"), await clients.idle("BEGIN", "SELECT 1")

    async def renew() -> None:
        for statement in ("COMMIT", "BEGIN", "SELECT 1"):
            await renewed.use(statement)

    async with service(tmp_path, family) as running:
        running.meanwhile.before_signals = renew
        report = await running.kill_in_transaction(same.id, renewed.id)
    assert with_outcome(report, Outcome.TERMINATED) == {same.id}
    assert with_outcome(report, Outcome.WOKE) == {renewed.id}


# --- what is told ----------------------------------------------------------------------------------------------------


async def test_who_waits_for_a_lock_is_listed_with_who_holds_it(
    family: FamilyServer, clients: Clients, tmp_path: Path
) -> None:
    holder = await clients.idle("BEGIN", "SELECT pg_advisory_xact_lock(6001)")
    waiting = await clients.idle()
    waiting.statement = asyncio.create_task(clients.run(waiting, "SELECT pg_advisory_xact_lock(6001)"))

    async with service(tmp_path, family) as running:

        async def waits() -> bool:
            found = {each.session_id: each for each in await running.gateway.activity(COMPONENT)}
            return found[waiting.id].wait_event_type == WAITS_FOR_LOCK

        await eventually(waits)
        found = {each.session_id: each for each in await running.gateway.activity(COMPONENT)}
    assert found[waiting.id].blocked_by == (holder.id,)
    assert found[holder.id].blocked_by is None
    assert found[holder.id].in_transaction_for is not None
    assert found[waiting.id].running_for is not None


async def test_an_idle_session_that_holds_an_advisory_lock_is_spared(
    family: FamilyServer, clients: Clients, tmp_path: Path
) -> None:
    holder = await clients.idle("SELECT pg_advisory_lock(6002)")
    async with service(tmp_path, family) as running:
        report = await running.sweep()
    assert fate(report, holder.id).by is GuardName.ADVISORY_LOCK


async def test_the_databases_are_told_without_the_templates(family: FamilyServer, tmp_path: Path) -> None:
    async with service(tmp_path, family) as running:
        databases = await running.gateway.databases(COMPONENT)
    assert "postgres" in databases
    assert not {"template0", "template1"} & set(databases)


async def test_the_slots_count_clients_and_nothing_is_reserved_of_them(
    family: FamilyServer, clients: Clients, tmp_path: Path
) -> None:
    async with service(tmp_path, family) as running:
        before = (await running.gateway.snapshot(COMPONENT)).slots
        await clients.idle()
        after = (await running.gateway.snapshot(COMPONENT)).slots
    assert after.maximum == before.maximum > after.used
    assert after.reserved == 0
    assert after.used == before.used + 1


async def test_the_link_outlives_the_servers_own_limit_for_idle_sessions(family: FamilyServer, tmp_path: Path) -> None:
    async with service(tmp_path, family) as running:
        await running.sweep()
        wire = next(iter(running.gateway._agents.values()))._wire  # pyright: ignore[reportPrivateUsage] - only it can say.
        (row,) = await wire.fetch("SELECT current_setting('session_timeout') AS limit")
    assert row["limit"] in {"0", "0s"}
