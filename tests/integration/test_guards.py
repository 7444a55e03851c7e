"""The guards on real servers: each spares as long as its evidence lasts, and no longer."""

from datetime import datetime, timedelta
from pathlib import Path

from tests.support.in_process import Vacate, fates, session_ids, vacate
from tests.support.postgres import VACATE, Clients, LiveServer, eventually
from vacate.domain.judging.settings import GuardName
from vacate.domain.sweeps import Outcome
from vacate.engines.gateway import GatewaySettings

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
    settings = GatewaySettings(check_every=timedelta(milliseconds=50))
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
