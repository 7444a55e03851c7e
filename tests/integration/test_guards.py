"""The guards on real servers: each spares as long as its evidence lasts, and no longer."""

from pathlib import Path

from tests.support.in_process import fates, session_ids, vacate
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
