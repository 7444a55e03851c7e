"""A sweep on a streaming standby: its own idle sessions end, and it goes on following its primary."""

import asyncio
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support.in_process import COMPONENT, STANDBY, fates, session_ids, vacate
from tests.support.postgres import Clients, LiveServer, eventually
from vacate.demo.servers import Installation, Server, Workplace
from vacate.domain.judging.criteria import Criterion
from vacate.domain.judging.settings import GuardName
from vacate.domain.sweeps.report import Outcome

_BACKENDS = "SELECT pid, backend_type FROM pg_stat_activity WHERE backend_type IN ('walreceiver', 'startup')"


@pytest.fixture(scope="module")
def standby(server: LiveServer, workplace: Workplace, installation: Installation) -> Generator[LiveServer]:
    made = Server.standby_of(server.server, f"standby-{installation.major}")
    made.start()
    assert made.place is workplace
    live = LiveServer(server=made)
    yield live
    made.stop("immediate")


async def test_a_sweep_on_a_standby_ends_its_idle_sessions_alone(
    server: LiveServer, clients: Clients, standby: LiveServer, tmp_path: Path
) -> None:
    async with Clients(standby) as on_standby:
        idle = await on_standby.many_idle(3)
        in_transaction = await on_standby.idle("BEGIN", "SELECT 1")
        active = await on_standby.active()
        lock_holder = await on_standby.idle("SELECT pg_advisory_lock(7)")
        on_primary = await clients.idle()
        before = set(map(tuple, await standby.ask(_BACKENDS)))

        servers = {COMPONENT: server.dsn(), STANDBY: standby.dsn()}
        async with vacate(tmp_path, servers) as service:
            report = await service.sweep(STANDBY)
            following = await service.sweep(COMPONENT)

        assert session_ids(report, Outcome.TERMINATED) == {client.pid for client in idle}
        assert await standby.pids("usename = 'app'") == {in_transaction.pid, active.pid, lock_holder.pid}
        assert fates(report)[in_transaction.pid].by == fates(report)[active.pid].by == Criterion.NOT_IDLE
        assert fates(report)[lock_holder.pid].by == GuardName.ADVISORY_LOCK
        assert report.component == STANDBY
        assert session_ids(following, Outcome.TERMINATED) == {on_primary.pid}

        assert {kind for _, kind in before} == {"walreceiver", "startup"}
        assert set(map(tuple, await standby.ask(_BACKENDS))) == before
        assert {fates(report)[pid].by for pid, _ in before} == {GuardName.NOT_A_CLIENT}


async def test_a_standby_that_was_swept_follows_its_primary(
    server: LiveServer, standby: LiveServer, tmp_path: Path
) -> None:
    async with Clients(standby) as on_standby, vacate(tmp_path, {STANDBY: standby.dsn()}) as service:
        await on_standby.idle()
        await service.sweep()
    await asyncio.to_thread(server.server.psql, "CREATE TABLE written_later ()")

    async def is_there() -> bool:
        return bool(await standby.ask("SELECT FROM pg_class WHERE relname = 'written_later'"))

    await eventually(is_there)


async def test_a_sweep_on_the_primary_spares_the_stream_to_its_standby(
    server: LiveServer, clients: Clients, standby: LiveServer, tmp_path: Path
) -> None:
    idle = await clients.idle()
    stream = "SELECT pid FROM pg_stat_replication WHERE application_name = $1 AND state = 'streaming'"
    (before,) = await server.ask(stream, standby.server.name)
    async with vacate(tmp_path, server.dsn()) as service:
        report = await service.sweep()

    assert session_ids(report, Outcome.TERMINATED) == {idle.pid}
    assert fates(report)[before["pid"]].by == GuardName.NOT_A_CLIENT
    assert await server.ask(stream, standby.server.name) == [before]
