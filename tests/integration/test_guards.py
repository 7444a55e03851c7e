"""The guards on real servers: each spares as long as its evidence lasts, and no longer."""

from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import asyncpg
import pytest

from tests.support.in_process import Vacate, fates, session_ids, vacate
from tests.support.postgres import VACATE, Clients, LiveServer, eventually
from vacate.components.agent import GatewaySettings
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.judging.stored_names import stored_application
from vacate.domain.sweeps.report import Outcome
from vacate.operations.patterns import glob

_OWNS_SLOT = "SELECT pg_create_physical_replication_slot('copying', true, true)"


async def test_the_owner_of_a_slot_lives_until_the_slot_is_dropped(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    owner = await clients.idle(_OWNS_SLOT, "SELECT 1", user="streamer")
    async with vacate(tmp_path, server.dsn()) as service:
        first = await service.sweep()
        assert fates(first)[owner.pid].by == GuardName.REPLICATION_SLOT
        await owner.use("SELECT pg_drop_replication_slot('copying')")
        second = await service.sweep()

    assert session_ids(second, Outcome.TERMINATED) == {owner.pid}


async def test_whoever_names_the_owner_of_a_slot_means_it(server: LiveServer, clients: Clients, tmp_path: Path) -> None:
    owner = await clients.idle(_OWNS_SLOT, user="streamer")
    async with vacate(tmp_path, server.dsn()) as service:
        assert (await service.kill(owner.pid)).terminated == (owner.pid,)


async def test_a_stranger_that_is_called_vacate_is_ended_by_a_sweep_and_by_name(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    stranger, other = await clients.idle(application="vacate"), await clients.idle(application="vacate")
    async with vacate(tmp_path, server.dsn()) as service:
        assert (await service.kill(other.pid)).terminated == (other.pid,)
        assert session_ids(await service.sweep(), Outcome.TERMINATED) == {stranger.pid}


async def test_the_services_other_user_is_known_by_its_name_and_its_application(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    store = await clients.idle(user="clerk", application="vacate")
    person = await clients.idle(user="clerk", application="psql")
    settings = GatewaySettings(own_users=frozenset({"clerk"}))
    async with vacate(tmp_path, server.dsn(), settings=settings) as service:
        report = await service.sweep()

    assert fates(report)[store.pid].by == GuardName.OWN_SESSION
    assert session_ids(report, Outcome.TERMINATED) == {person.pid}


async def test_a_session_without_its_user_is_spared_as_such_and_ended_by_name(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    server.server.psql("CREATE ROLE leaver LOGIN PASSWORD 'correct horse'")
    left = await clients.idle(user="leaver")
    server.server.psql("DROP ROLE leaver")
    async with vacate(tmp_path, server.dsn()) as service:
        swept = await service.sweep()
        assert await left.is_alive()
        named = await service.kill(left.pid)

    assert (fates(swept)[left.pid].by, fates(swept)[left.pid].reason) == (
        GuardName.OWNER_DROPPED,
        "its user was dropped meanwhile",
    )
    assert named.terminated == (left.pid,)
    await eventually(lambda: _gone(server, left.pid))


async def _gone(server: LiveServer, pid: int) -> bool:
    return pid not in await server.pids()


async def test_vacates_own_sessions_stay_its_own_whatever_role_looks(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    other = await clients.idle(user=VACATE, application="vacate")
    tool = await clients.idle(user=VACATE, application="psql")
    async with vacate(tmp_path, server.dsn()) as service:
        report = await service.sweep()

    assert fates(report)[other.pid].by == GuardName.OWN_SESSION
    assert session_ids(report, Outcome.TERMINATED) == {tool.pid}


# --- what the server does not tell, and statements prove -------------------------------------------------------------


async def test_a_listener_that_was_seen_once_is_spared_whatever_it_says_afterwards(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    listener = await clients.idle("LISTEN jobs")
    async with vacate(tmp_path, server.dsn()) as service:
        await service.sweep()
        await listener.use("SELECT 1")
        remembered = await service.sweep()
        assert fates(remembered)[listener.pid].by == GuardName.LISTENER
        assert "earlier in its life" in fates(remembered)[listener.pid].reason
        await listener.use("UNLISTEN *")
        over = await service.sweep()

    assert session_ids(over, Outcome.TERMINATED) == {listener.pid}


async def test_the_regular_check_remembers_what_no_sweep_saw(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    listener, other = await clients.idle("LISTEN jobs"), await clients.idle()
    settings = GatewaySettings(read_every=timedelta(milliseconds=50))
    async with vacate(tmp_path, server.dsn(), settings=settings) as service:
        service.gateway.start()
        await eventually(lambda: _checked(service))
        await listener.use("SELECT 1")
        report = await service.sweep()

    assert fates(report)[listener.pid].by == GuardName.LISTENER
    assert session_ids(report, Outcome.TERMINATED) == {other.pid}


async def _checked(service: Vacate) -> bool:
    before = service.gateway.health()[0].checked_at
    if before is None:
        return False
    await eventually(lambda: _checked_after(service, before))
    return True


async def _checked_after(service: Vacate, before: datetime) -> bool:
    checked_at = service.gateway.health()[0].checked_at
    return checked_at is not None and checked_at > before


async def test_a_service_that_starts_anew_remembers_nothing(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    listener = await clients.idle("LISTEN jobs")
    async with vacate(tmp_path, server.dsn()) as service:
        await service.sweep()
    await listener.use("SELECT 1")
    async with vacate(tmp_path, server.dsn()) as service:
        report = await service.sweep()

    assert session_ids(report, Outcome.TERMINATED) == {listener.pid}


async def test_a_session_with_an_open_cursor_is_spared_until_it_closes_it(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    reader = await clients.idle("BEGIN", "DECLARE page CURSOR WITH HOLD FOR SELECT generate_series(1, 9)", "COMMIT")
    fresh = await clients.idle("DECLARE page CURSOR WITH HOLD FOR SELECT generate_series(1, 9)")
    async with vacate(tmp_path, server.dsn()) as service:
        # The first one's COMMIT tells nothing, and nobody saw it before; what it reads from its cursor does.
        await reader.use("FETCH 2 FROM page")
        assert fates(await service.sweep())[reader.pid].by == GuardName.HELD_CURSOR
        await fresh.use("SELECT 1")
        report = await service.sweep()
        assert fates(report)[fresh.pid].by == GuardName.HELD_CURSOR
        await fresh.use("CLOSE page")
        await reader.use("CLOSE ALL")
        over = await service.sweep()

    assert session_ids(over, Outcome.TERMINATED) == {reader.pid, fresh.pid}


async def test_a_running_base_backup_is_spared_until_it_is_stopped(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    server.server.psql(
        "GRANT EXECUTE ON FUNCTION pg_backup_start(text, boolean), pg_backup_stop(boolean) TO streamer",
    )
    backup = await clients.idle("SELECT pg_backup_start('nightly', true)", user="streamer")
    async with vacate(tmp_path, server.dsn()) as service:
        assert fates(await service.sweep())[backup.pid].by == GuardName.BASE_BACKUP
        await backup.use("SELECT 'copying'")
        assert fates(await service.sweep())[backup.pid].by == GuardName.BASE_BACKUP
        # The server confirms that the backup had lasted until now.
        await backup.use("SELECT pg_backup_stop(false)")
        over = await service.sweep()

    assert session_ids(over, Outcome.TERMINATED) == {backup.pid}


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["café", "é" * 40, "x" * 70, "tab\tname", "web"])
async def test_the_server_keeps_an_applications_name_as_it_is_foretold(
    server: LiveServer, clients: Clients, name: str
) -> None:
    client = await clients.idle()
    await client.use("SELECT set_config('application_name', '" + name + "', false)")
    (row,) = await server.ask("SELECT application_name FROM pg_stat_activity WHERE pid = $1", client.pid)
    assert row["application_name"] == stored_application(name, escaped=server.major >= 16)


@pytest.mark.parametrize(
    ("application", "user", "guard"),
    [
        ("pg_restore", "app", GuardName.MAINTENANCE_TOOL),
        ("pgBackRest [backup]", "app", GuardName.MAINTENANCE_TOOL),
        ("Patroni heartbeat", "app", GuardName.CLUSTER_MANAGER),
        ("citus_internal gpid=10000012345", "app", GuardName.COORDINATOR_LINK),
        ("", "rewind_user", GuardName.COMPANION_USER),
    ],
)
async def test_a_program_beside_the_server_is_spared_and_its_guard_can_be_switched_off(
    server: LiveServer, clients: Clients, tmp_path: Path, application: str, user: str, guard: GuardName
) -> None:
    if user != "app":
        server.server.psql(f"CREATE ROLE {user} LOGIN PASSWORD 'correct horse'")
    program = await clients.idle(application=application, user=user)
    async with vacate(tmp_path, server.dsn()) as service:
        spared = await service.sweep()
    assert fates(spared)[program.pid].by == guard
    async with vacate(tmp_path, server.dsn(), guards=GuardSettings(off=frozenset({guard}))) as service:
        ended = await service.sweep()
    assert session_ids(ended, Outcome.TERMINATED) == {program.pid}


async def test_the_poller_of_pgagent_is_spared_by_what_it_asks(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    server.server.psql("CREATE SCHEMA pgagent; CREATE TABLE pgagent.pga_job (jobid int)")
    server.server.psql("GRANT USAGE ON SCHEMA pgagent TO app; GRANT SELECT ON pgagent.pga_job TO app")
    poller = await clients.idle("SELECT jobid FROM pgagent.pga_job", application="")
    async with vacate(tmp_path, server.dsn()) as service:
        assert fates(await service.sweep())[poller.pid].by == GuardName.JOB_AGENT
        await poller.use("SELECT 1")
        over = await service.sweep()
    assert session_ids(over, Outcome.TERMINATED) == {poller.pid}


async def test_databases_and_clients_are_protected_by_pattern_and_network(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    client = await clients.idle()
    by_database = GuardSettings(databases=frozenset({glob("post*", "here")}))
    by_client = GuardSettings(clients=frozenset({ip_network("127.0.0.0/8"), ip_network("::1/128")}))
    for guards, guard in ((by_database, GuardName.PROTECTED_DATABASE), (by_client, GuardName.PROTECTED_CLIENT)):
        async with vacate(tmp_path, server.dsn(), guards=guards) as service:
            assert fates(await service.sweep())[client.pid].by == guard
    assert await client.is_alive()


# --- between the look and the signal ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "user"),
    [
        ("LISTEN jobs", "app"),
        ("DECLARE page CURSOR WITH HOLD FOR SELECT 1", "app"),
        ("SELECT pg_advisory_lock(42)", "app"),
        (_OWNS_SLOT, "streamer"),
    ],
)
async def test_evidence_that_appears_after_the_look_comes_with_a_new_idle_period(
    server: LiveServer, clients: Clients, tmp_path: Path, statement: str, user: str
) -> None:
    client = await clients.idle(user=user)
    async with vacate(tmp_path, server.dsn()) as service:
        service.meanwhile.after_look = lambda: client.use(statement)
        report = await service.sweep()

    assert fates(report)[client.pid].outcome is Outcome.WOKE
    assert await client.is_alive()


async def test_nobody_else_can_take_away_what_a_guard_goes_by(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    owner = await clients.idle(_OWNS_SLOT, "SELECT 1", user="streamer")
    with pytest.raises(asyncpg.PostgresError, match="active"):
        await server.ask("SELECT pg_drop_replication_slot('copying')")
    async with vacate(tmp_path, server.dsn()) as service:
        assert fates(await service.sweep())[owner.pid].by == GuardName.REPLICATION_SLOT


async def test_a_list_of_sessions_is_remembered_like_a_sweep(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    listener = await clients.idle("LISTEN jobs")
    async with vacate(tmp_path, server.dsn()) as service:
        await service.gateway.activity(service.components[0])
        await listener.use("SELECT 1")
        report = await service.sweep()

    assert fates(report)[listener.pid].by == GuardName.LISTENER
