"""A server that hides sessions, or that is not the component's, is refused by name: never taken for an empty one."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Generator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.in_process import COMPONENT, STANDBY, Vacate, session_ids, vacate
from tests.support.postgres import Clients, LiveServer, eventually
from tests.support.proxy import LinkProxy
from vacate.demo.servers import Installation, Server, Workplace
from vacate.domain.audit.event import AuditAction
from vacate.domain.errors import MissingRightsError, WrongServerError
from vacate.domain.sweeps.report import Outcome
from vacate.domain.topology.components import ComponentRole
from vacate.operations.sweeps.sweep import Limits

SEE = "pg_read_all_stats"
SIGNAL = "pg_signal_backend"


# --- rights ----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def unprivileged(server: LiveServer) -> AsyncGenerator[str]:
    """The login of Vacate's role, which has no rights at all during the test."""
    await server.ask(f"REVOKE {SEE}, {SIGNAL} FROM vacate")
    yield server.dsn()
    await server.ask(f"GRANT {SEE}, {SIGNAL} TO vacate")


@pytest.mark.parametrize(
    ("granted", "missing"),
    [((SIGNAL,), (SEE,)), ((SEE,), (SIGNAL,)), ((), (SEE, SIGNAL))],
    ids=["may only signal", "may only see", "may nothing"],
)
async def test_missing_rights_are_an_error_that_names_the_grant(
    server: LiveServer,
    clients: Clients,
    unprivileged: str,
    tmp_path: Path,
    granted: tuple[str, ...],
    missing: tuple[str, ...],
) -> None:
    idle = await clients.idle()
    for right in granted:
        await server.ask(f"GRANT {right} TO vacate")
    async with vacate(tmp_path, unprivileged) as service:
        with pytest.raises(MissingRightsError) as refused:
            await service.sweep()
        event = await service.last_event()

        inherited = " WITH INHERIT TRUE" if server.major >= 16 else ""
        assert refused.value.remedies == tuple(f'GRANT {right} TO "vacate"{inherited};' for right in missing)
        assert service.problem() == str(refused.value)
        assert event.action is AuditAction.KILL_IDLE_REFUSED
        assert event.error
        assert all(right in event.error for right in missing)
    assert await idle.is_alive()


async def test_the_remedies_that_an_error_names_are_remedies(
    server: LiveServer, clients: Clients, unprivileged: str, tmp_path: Path
) -> None:
    """They count from the next sweep on, over the link that is there already."""
    async with vacate(tmp_path, unprivileged) as service:
        with pytest.raises(MissingRightsError) as refused:
            await service.sweep()
        before = await server.pids("application_name = 'vacate'")
        for remedy in refused.value.remedies:
            await server.ask(remedy)
        idle = await clients.idle()
        report = await service.sweep()

        assert session_ids(report, Outcome.TERMINATED) == {idle.pid}
        assert service.problem() is None
        assert await server.pids("application_name = 'vacate'") == before


async def test_rights_that_are_taken_away_are_missed_at_the_next_sweep(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    async with vacate(tmp_path, server.dsn()) as service:
        await service.sweep()
        idle = await clients.idle()
        await server.ask(f"REVOKE {SEE} FROM vacate")
        try:
            with pytest.raises(MissingRightsError, match=SEE):
                await service.sweep()
        finally:
            await server.ask(f"GRANT {SEE} TO vacate")
    assert await idle.is_alive()


async def test_a_right_to_signal_that_is_taken_away_after_the_look_ends_nobody(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    idle = await clients.idle()

    async def revoke() -> None:
        await server.ask(f"REVOKE {SIGNAL} FROM vacate")

    async with vacate(tmp_path, server.dsn(), limits=Limits(confirm_for=timedelta(seconds=0.2))) as service:
        service.meanwhile.after_look = revoke
        try:
            report = await service.sweep()
        finally:
            await server.ask(f"GRANT {SIGNAL} TO vacate")

        assert not report.succeeded
        assert not session_ids(report, Outcome.TERMINATED)
        assert await idle.is_alive()
        following = await service.sweep()
    assert session_ids(following, Outcome.TERMINATED) == {idle.pid}


async def test_a_right_to_see_that_is_taken_away_after_the_signals_makes_nobody_gone(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    """A frozen session stays, and a server that hides it must not be taken for one that has ended it."""
    idle = await clients.idle()

    async def revoke() -> None:
        await server.ask(f"REVOKE {SEE} FROM vacate")

    async with vacate(tmp_path, server.dsn(), limits=Limits(confirm_for=timedelta(seconds=0.2))) as service:
        service.meanwhile.after_signals = revoke
        os.kill(idle.pid, signal.SIGSTOP)
        try:
            report = await service.sweep()
        finally:
            os.kill(idle.pid, signal.SIGCONT)
            await server.ask(f"GRANT {SEE} TO vacate")

    assert session_ids(report, Outcome.UNCONFIRMED) == {idle.pid}
    assert not await idle.is_alive()


async def test_rights_that_a_role_holds_but_does_not_inherit_are_missing_rights(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    idle = await clients.idle()
    await server.ask("CREATE ROLE aloof LOGIN NOINHERIT PASSWORD 'correct horse'")
    await server.ask(f"GRANT {SEE}, {SIGNAL} TO aloof")
    try:
        async with vacate(tmp_path, server.dsn("aloof")) as service:
            with pytest.raises(MissingRightsError):
                await service.sweep()
    finally:
        await server.ask("DROP ROLE aloof")
    assert await idle.is_alive()


WAYS = {
    "held by a role that inherits nothing": [
        """CREATE ROLE "o""dd; ro le" LOGIN NOINHERIT PASSWORD 'correct horse'""",
        """GRANT pg_read_all_stats, pg_signal_backend TO "o""dd; ro le\"""",
    ],
    "held through a role that inherits nothing": [
        """CREATE ROLE "o""dd; ro le" LOGIN PASSWORD 'correct horse'""",
        "CREATE ROLE between NOINHERIT",
        "GRANT pg_read_all_stats, pg_signal_backend TO between",
        """GRANT between TO "o""dd; ro le\"""",
    ],
    "not held by a role that inherits nothing": [
        """CREATE ROLE "o""dd; ro le" LOGIN NOINHERIT PASSWORD 'correct horse'"""
    ],
}
TAKEN_AWAY = (
    "EXECUTE ON FUNCTION pg_control_system()",
    "EXECUTE ON FUNCTION pg_stat_get_activity(integer)",
    "EXECUTE ON FUNCTION pg_terminate_backend(integer, bigint)",
    "EXECUTE ON FUNCTION pg_stat_clear_snapshot()",
    "EXECUTE ON FUNCTION pg_lock_status()",
    "SELECT ON pg_roles",
    "SELECT ON pg_database",
    "SELECT ON pg_locks",
)


@pytest.mark.parametrize("way", WAYS)
async def test_the_remedies_mend_every_way_in_which_a_role_can_lack_its_rights(
    server: LiveServer, clients: Clients, tmp_path: Path, way: str
) -> None:
    idle = await clients.idle()
    try:
        for statement in WAYS[way]:
            await server.ask(statement)
        async with vacate(tmp_path, server.dsn('o"dd; ro le')) as service:
            with pytest.raises(MissingRightsError) as refused:
                await service.sweep()
            for remedy in refused.value.remedies:
                await server.ask(remedy)
            assert session_ids(await service.sweep(), Outcome.TERMINATED) == {idle.pid}
    finally:
        await server.ask("DROP ROLE IF EXISTS between")
        await server.ask('DROP ROLE IF EXISTS "o""dd; ro le"')


@pytest.mark.parametrize("right", TAKEN_AWAY)
async def test_the_remedies_give_back_what_was_taken_from_everybody(
    server: LiveServer, clients: Clients, tmp_path: Path, right: str
) -> None:
    idle = await clients.idle()
    await server.ask(f"REVOKE {right} FROM public")
    try:
        async with vacate(tmp_path, server.dsn()) as service:
            with pytest.raises(MissingRightsError) as refused:
                await service.sweep()
            for remedy in refused.value.remedies:
                await server.ask(remedy)
            assert session_ids(await service.sweep(), Outcome.TERMINATED) == {idle.pid}
    finally:
        await server.ask(f"REVOKE {right} FROM vacate")
        await server.ask(f"GRANT {right} TO public")


async def test_a_server_that_does_not_tell_who_it_is_is_refused(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    idle = await clients.idle()
    await server.ask("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM public")
    try:
        async with vacate(tmp_path, server.dsn()) as service:
            with pytest.raises(MissingRightsError, match=r"GRANT EXECUTE ON FUNCTION pg_control_system\(\)"):
                await service.sweep()
    finally:
        await server.ask("GRANT EXECUTE ON FUNCTION pg_control_system() TO public")
    assert await idle.is_alive()


# --- the wrong server ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stranger(workplace: Workplace, installation: Installation) -> Generator[LiveServer]:
    """Another server, with the same roles and an identity of its own."""
    live = LiveServer.start(workplace, f"stranger-{installation.major}", installation, own_identity=True)
    yield live
    live.server.stop("immediate")


async def _identity(server: LiveServer) -> str:
    rows = await server.ask("SELECT system_identifier::text AS id FROM pg_control_system()")
    return str(rows[0]["id"])


async def test_a_server_that_took_the_components_place_is_refused_until_the_component_is_unpinned(
    server: LiveServer, stranger: LiveServer, clients: Clients, proxy: LinkProxy, tmp_path: Path
) -> None:
    known, other = await _identity(server), await _identity(stranger)
    async with vacate(tmp_path, server.dsn(port=proxy.port)) as service, Clients(stranger) as of_stranger:
        first = await clients.idle()
        assert session_ids(await service.sweep(), Outcome.TERMINATED) == {first.pid}

        proxy.lead_to(stranger.port)
        proxy.cut()
        idle = await of_stranger.idle()
        with pytest.raises(WrongServerError) as refused:
            await service.sweep()

        assert known in str(refused.value)
        assert other in str(refused.value)
        assert "unpin" in str(refused.value)
        assert service.problem() == str(refused.value)
        assert (await service.last_event()).action is AuditAction.KILL_IDLE_REFUSED
        assert await idle.is_alive()

        assert await service.pins.forget(COMPONENT)
        assert session_ids(await service.sweep(), Outcome.TERMINATED) == {idle.pid}
        assert await service.pins.pinned(COMPONENT) == other


async def test_a_pin_outlives_the_service(
    server: LiveServer, stranger: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    async with vacate(tmp_path, server.dsn()) as service:
        await service.sweep()
    idle = await clients.idle()
    async with vacate(tmp_path, stranger.dsn()) as service, Clients(stranger) as of_stranger:
        idle_there = await of_stranger.idle()
        with pytest.raises(WrongServerError):
            await service.sweep()
        assert await idle_there.is_alive()
    assert await idle.is_alive()


async def test_a_server_that_was_replaced_after_the_look_is_not_searched_for_the_victims(
    server: LiveServer, stranger: LiveServer, clients: Clients, proxy: LinkProxy, tmp_path: Path
) -> None:
    """Its sessions are others; that none of the victims is among them says nothing."""
    idle = await clients.idle()

    async def replace_server() -> None:
        proxy.lead_to(stranger.port)
        proxy.cut()

    limits = Limits(confirm_for=timedelta(seconds=0.2))
    dsn = server.dsn(port=proxy.port)
    async with vacate(tmp_path, dsn, limits=limits) as service, Clients(stranger) as of_stranger:
        idle_there = await of_stranger.idle()
        service.meanwhile.after_look = replace_server
        report = await service.sweep()

        assert session_ids(report, Outcome.UNCONFIRMED) == {idle.pid}
        assert not report.succeeded
        assert await idle_there.is_alive()
    assert await idle.is_alive()


# --- the wrong role --------------------------------------------------------------------------------------------------


async def test_a_primary_that_is_configured_as_a_standby_is_refused(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    idle = await clients.idle()
    async with vacate(tmp_path, {STANDBY: server.dsn()}) as service:
        with pytest.raises(WrongServerError, match="it is a primary, and dn_6002 is configured as standby"):
            await service.sweep()
        # A server that was never right is not pinned either.
        assert await service.pins.pinned(STANDBY) is None
    assert await idle.is_alive()


@pytest.fixture
async def standby(server: LiveServer) -> AsyncGenerator[LiveServer]:
    """A standby of the server, for the one test that promotes it."""
    made = await asyncio.to_thread(Server.standby_of, server.server, f"promoted-{server.major}")
    await asyncio.to_thread(made.start)
    live = LiveServer(server=made)
    yield live
    await live.stop()


async def test_a_standby_that_was_promoted_is_refused_until_the_configuration_says_so(
    standby: LiveServer, tmp_path: Path
) -> None:
    promoted = replace(STANDBY, role=ComponentRole.PRIMARY)

    async def takes_writes() -> bool:
        return not (await standby.ask("SELECT pg_is_in_recovery() AS recovering"))[0]["recovering"]

    async with Clients(standby) as of_standby:
        async with vacate(tmp_path, {promoted: standby.dsn()}) as service:
            idle = await of_standby.idle()
            with pytest.raises(WrongServerError, match="it is a standby, and dn_6002 is configured as primary"):
                await service.sweep()
            assert await idle.is_alive()

        async with vacate(tmp_path, {STANDBY: standby.dsn()}) as service:
            assert session_ids(await service.sweep(), Outcome.TERMINATED) == {idle.pid}
            pinned = await service.pins.pinned(STANDBY)

            await standby.ask("SELECT pg_promote(false)")
            await eventually(takes_writes)
            idle = await of_standby.idle()
            with pytest.raises(WrongServerError, match="after a switchover, correct the role"):
                await service.sweep()
            assert await idle.is_alive()

        async with vacate(tmp_path, {promoted: standby.dsn()}) as service:
            assert session_ids(await service.sweep(), Outcome.TERMINATED) == {idle.pid}
            assert await service.pins.pinned(promoted) == pinned


async def test_a_component_is_checked_before_the_first_call(
    server: LiveServer, unprivileged: str, tmp_path: Path
) -> None:
    """So that whoever asks for readiness reads the remedy before a sweep is wanted."""

    def says(service: Vacate, word: str) -> bool:
        return word in (service.problem() or "nothing")

    async with vacate(tmp_path, unprivileged) as service:
        service.gateway.start()

        async def is_found() -> bool:
            return says(service, f'GRANT {SEE} TO "vacate"')

        await eventually(is_found)
        (health,) = service.gateway.health()
        assert health.checked_at is not None
    assert not await server.pids("application_name = 'vacate'")
