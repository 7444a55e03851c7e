"""What can break does: every sweep ends in time, tells the truth about it, and the next one works."""

import asyncio
import os
import re
import shutil
import signal
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from tests.support.broken_store import Breaking, failing_disk, file_of, full, locked, read_only
from tests.support.in_process import COMPONENT, Vacate, fates, session_ids, vacate
from tests.support.postgres import Client, Clients, LiveServer, eventually, stopped_meanwhile
from tests.support.proxy import LinkProxy
from vacate.components.agent import GatewaySettings
from vacate.components.timeouts import Timeouts
from vacate.demo.servers import HOST, Installation, Workplace
from vacate.domain.audit.event import AuditAction
from vacate.domain.errors import AuditUnavailableError, ComponentBusyError, ComponentUnreachableError
from vacate.domain.sweeps.report import Outcome, Report
from vacate.operations.sweeps.sweep import Limits

IMPATIENT = Timeouts(connect=timedelta(seconds=1), answer=timedelta(seconds=1))
SHORTLY = Limits(signal_for=timedelta(seconds=20), confirm_for=timedelta(seconds=0.4))
# A sweep may wait once for an answer, twice for a login and once to confirm; the rest is for a loaded machine.
BOUND_S = 10.0
RESERVED_SINCE = 16


def _pids(*clients: Client) -> set[int]:
    return {client.pid for client in clients}


async def _in_time(service: Vacate) -> Report:
    async with asyncio.timeout(BOUND_S):
        return await service.sweep()


async def _works_again(service: Vacate, clients: Clients) -> None:
    """The fault is over: the next sweep ends whoever is idle, and its audit is whole."""
    await clients.idle()
    idle = await clients.server.pids("usename = 'app' AND state = 'idle'")
    report = await _in_time(service)

    assert session_ids(report, Outcome.TERMINATED) == idle
    intended, finished = await service.events_of(report)
    assert (intended.action, finished.action) == (AuditAction.KILL_IDLE_INTENDED, AuditAction.KILL_IDLE_FINISHED)
    assert service.problem() is None


async def _is_audited(service: Vacate, report: Report) -> None:
    intended, finished = await service.events_of(report)
    victims = {each.pid for each in intended.sessions}
    assert {each.pid: each.outcome for each in finished.sessions} == {
        pid: entry.outcome for pid, entry in fates(report).items()
    }
    assert victims == {pid for pid, entry in fates(report).items() if entry.outcome is not Outcome.SPARED}


# --- the server ------------------------------------------------------------------------------------------------------


async def test_a_server_that_stops_in_the_middle_of_a_sweep(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    idle = await clients.many_idle(4)
    async with vacate(tmp_path, server.dsn(), limits=SHORTLY, timeouts=IMPATIENT) as service:
        service.meanwhile.signals_at_once = 1
        service.meanwhile.after_chunk = server.stop
        try:
            report = await _in_time(service)
        finally:
            await asyncio.to_thread(server.server.start)

        # One was signalled and one may have been; what became of them nobody can see while the server is down.
        assert len(session_ids(report, Outcome.UNCONFIRMED)) == 2
        assert len(session_ids(report, Outcome.NOT_REACHED)) == 2
        assert session_ids(report, Outcome.UNCONFIRMED) | session_ids(report, Outcome.NOT_REACHED) == _pids(*idle)
        assert all("could not be seen" in fates(report)[pid].reason for pid in session_ids(report, Outcome.UNCONFIRMED))
        assert all(
            "the sweep broke off" in fates(report)[pid].reason for pid in session_ids(report, Outcome.NOT_REACHED)
        )
        assert not report.succeeded
        await _is_audited(service, report)
        service.meanwhile.signals_at_once = None
        await _works_again(service, clients)


async def test_a_server_that_restarts_between_the_look_and_the_signals(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    idle = await clients.many_idle(2)
    later: list[Client] = []

    async def restart() -> None:
        await server.restart()
        later.append(await clients.idle())

    async with vacate(tmp_path, server.dsn(), timeouts=IMPATIENT) as service:
        service.meanwhile.after_look = restart
        report = await _in_time(service)

        assert session_ids(report, Outcome.GONE) == _pids(*idle)
        assert not session_ids(report, Outcome.TERMINATED)
        assert all("by whom was not seen" in fates(report)[client.pid].reason for client in idle)
        assert await later[0].is_alive()
        await _is_audited(service, report)
        await _works_again(service, clients)


async def test_a_server_that_is_down_and_comes_back(server: LiveServer, clients: Clients, tmp_path: Path) -> None:
    async with vacate(tmp_path, server.dsn(), timeouts=IMPATIENT) as service:
        await service.sweep()
        async with stopped_meanwhile(server):
            with pytest.raises(ComponentUnreachableError) as unreachable:
                await _in_time(service)

        assert service.problem() == str(unreachable.value)
        assert (await service.last_event()).action is AuditAction.KILL_IDLE_REFUSED
        await _works_again(service, clients)


async def test_a_server_that_answers_no_login_is_swept_over_the_link_that_is_there(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    (elsewhere := tmp_path / "elsewhere").mkdir()
    async with (
        vacate(tmp_path, server.dsn(), timeouts=IMPATIENT) as warm,
        vacate(elsewhere, server.dsn(), timeouts=IMPATIENT) as cold,
    ):
        await warm.sweep()
        idle = await clients.idle()
        os.kill(server.server.pid, signal.SIGSTOP)
        try:
            with pytest.raises(ComponentUnreachableError, match="no login within 1 s"):
                await _in_time(cold)
            report = await _in_time(warm)
        finally:
            os.kill(server.server.pid, signal.SIGCONT)

        assert session_ids(report, Outcome.TERMINATED) == {idle.pid}
        await _works_again(cold, clients)


async def test_a_session_that_does_not_act_on_its_signal_is_unconfirmed_and_holds_up_nobody(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    frozen, *others = await clients.many_idle(3)

    async def is_gone() -> bool:
        return not await server.pids("pid = $1", frozen.pid)

    async with vacate(tmp_path, server.dsn(), limits=SHORTLY) as service:
        os.kill(frozen.pid, signal.SIGSTOP)
        try:
            report = await _in_time(service)
            following = await _in_time(service)
        finally:
            os.kill(frozen.pid, signal.SIGCONT)

        assert session_ids(report, Outcome.TERMINATED) == _pids(*others)
        assert session_ids(report, Outcome.UNCONFIRMED) == session_ids(following, Outcome.UNCONFIRMED) == {frozen.pid}
        assert fates(report)[frozen.pid].reason == "signalled; it is still listed"
        assert not report.succeeded
        await _is_audited(service, report)
        await eventually(is_gone)
        await _works_again(service, clients)


# --- the link --------------------------------------------------------------------------------------------------------


async def test_a_link_that_broke_while_nobody_used_it_is_opened_anew(
    server: LiveServer, clients: Clients, proxy: LinkProxy, tmp_path: Path
) -> None:
    async with vacate(tmp_path, server.dsn(port=proxy.port)) as service:
        await _works_again(service, clients)
        idle = await clients.idle()
        proxy.cut()
        # Not even the loop has heard of the break yet.
        report = await _in_time(service)

    assert session_ids(report, Outcome.TERMINATED) == {idle.pid}
    # The first login reads the server's challenge over a connection of its own; the second one knows the server.
    assert proxy.accepted == 3


async def test_a_link_that_is_cut_before_the_signals_arrive(
    server: LiveServer, clients: Clients, proxy: LinkProxy, tmp_path: Path
) -> None:
    idle = await clients.many_idle(2)
    async with vacate(tmp_path, server.dsn(port=proxy.port), limits=SHORTLY) as service:
        proxy.once(b"vacate:terminate", proxy.cut)
        report = await _in_time(service)

        assert session_ids(report, Outcome.UNCONFIRMED) == _pids(*idle)
        assert all("it is still listed" in fates(report)[client.pid].reason for client in idle)
        assert await server.pids("usename = 'app'") == _pids(*idle)
        await _is_audited(service, report)
        await _works_again(service, clients)


async def test_a_link_that_is_cut_before_the_answer_arrives(
    server: LiveServer, clients: Clients, proxy: LinkProxy, tmp_path: Path
) -> None:
    idle = await clients.many_idle(2)
    async with vacate(tmp_path, server.dsn(port=proxy.port)) as service:
        proxy.once(b"signalled", proxy.cut, from_server=True)
        report = await _in_time(service)

        # They are seen to be gone, but not by whom: success is not claimed for what was not seen.
        assert session_ids(report, Outcome.GONE) == _pids(*idle)
        assert not await server.pids("usename = 'app'")
        await _is_audited(service, report)
        await _works_again(service, clients)


async def test_a_link_that_is_cut_during_the_look_ends_nobody(
    server: LiveServer, clients: Clients, proxy: LinkProxy, tmp_path: Path
) -> None:
    idle = await clients.idle()
    async with vacate(tmp_path, server.dsn(port=proxy.port)) as service:
        proxy.once(b"vacate:look", proxy.cut)
        with pytest.raises(ComponentUnreachableError, match=r"the link broke|ended the link"):
            await _in_time(service)
        assert await idle.is_alive()
        await _works_again(service, clients)


async def test_a_slow_link_is_no_fault(server: LiveServer, clients: Clients, proxy: LinkProxy, tmp_path: Path) -> None:
    proxy.delay_s = 0.03
    async with vacate(tmp_path, server.dsn(port=proxy.port)) as service:
        await _works_again(service, clients)


@asynccontextmanager
async def _nothing_left_hanging(server: LiveServer, proxy: LinkProxy) -> AsyncGenerator[None]:
    """After the block no task of the driver runs, no link is open, and the server has no session of ours."""
    before = asyncio.all_tasks()
    yield
    proxy.resume()

    async def is_tidy() -> bool:
        hanging = asyncio.all_tasks() - before - proxy.tasks
        return not hanging and not proxy.links and not await server.pids("application_name = 'vacate'")

    await eventually(is_tidy)


async def test_a_black_hole_during_the_look_ends_nobody(
    server: LiveServer, clients: Clients, proxy: LinkProxy, tmp_path: Path
) -> None:
    idle = await clients.idle()
    dsn = server.dsn(port=proxy.port)
    async with _nothing_left_hanging(server, proxy), vacate(tmp_path, dsn, timeouts=IMPATIENT) as service:
        proxy.once(b"vacate:look", proxy.stall)
        with pytest.raises(ComponentUnreachableError, match="no answer within 1 s"):
            await _in_time(service)
        proxy.resume()
        assert await idle.is_alive()
        await _works_again(service, clients)


async def test_a_black_hole_during_the_signals(
    server: LiveServer, clients: Clients, proxy: LinkProxy, tmp_path: Path
) -> None:
    idle = await clients.many_idle(2)
    dsn = server.dsn(port=proxy.port)
    async with (
        _nothing_left_hanging(server, proxy),
        vacate(tmp_path, dsn, limits=SHORTLY, timeouts=IMPATIENT) as service,
    ):
        proxy.once(b"vacate:terminate", proxy.stall)
        report = await _in_time(service)

        assert session_ids(report, Outcome.UNCONFIRMED) == _pids(*idle)
        assert all("could not be seen" in fates(report)[client.pid].reason for client in idle)
        await _is_audited(service, report)
        proxy.resume()
        await _works_again(service, clients)


async def test_a_black_hole_while_nobody_used_the_link(
    server: LiveServer, clients: Clients, proxy: LinkProxy, tmp_path: Path
) -> None:
    dsn = server.dsn(port=proxy.port)
    async with _nothing_left_hanging(server, proxy), vacate(tmp_path, dsn, timeouts=IMPATIENT) as service:
        await _works_again(service, clients)
        proxy.stall()
        with pytest.raises(ComponentUnreachableError, match="no login within 1 s"):
            await _in_time(service)
        proxy.resume()
        await _works_again(service, clients)


async def test_a_check_that_gets_no_answer_is_not_taken_for_another_sweep(
    server: LiveServer, proxy: LinkProxy, tmp_path: Path
) -> None:
    settings = GatewaySettings(check_every=timedelta(seconds=0.01), busy_after=timedelta(seconds=0.2))
    timeouts = Timeouts(connect=timedelta(seconds=1), answer=timedelta(seconds=1))
    stalled = asyncio.Event()

    def stall() -> None:
        proxy.stall()
        stalled.set()

    async with vacate(tmp_path, server.dsn(port=proxy.port), settings=settings, timeouts=timeouts) as service:
        proxy.once(b"vacate:probe", stall)
        service.gateway.start()
        await stalled.wait()
        with pytest.raises(ComponentUnreachableError, match="no answer within 1 s"):
            await _in_time(service)
        proxy.resume()


# --- the login -------------------------------------------------------------------------------------------------------


async def test_a_login_that_is_refused_says_why(server: LiveServer, clients: Clients, tmp_path: Path) -> None:
    idle = await clients.idle()
    reasons = {
        server.dsn(password="guessed"): "login refused: password authentication failed",  # noqa: S106 - a wrong one.
        server.dsn("nobody_there"): "login refused: password authentication failed",
        server.dsn() + "_missing": 'login refused: database "postgres_missing" does not exist',
        f"postgresql://vacate:x@{HOST}:1/postgres": "Connection refused",
        f"postgresql://vacate:x@{HOST}:{server.port}/postgres?sslmode=nonsense": "sslmode",
    }
    for number, (dsn, reason) in enumerate(reasons.items()):
        (directory := tmp_path / str(number)).mkdir()
        async with vacate(directory, dsn) as service:
            with pytest.raises(ComponentUnreachableError, match=reason):
                await _in_time(service)
            event = await service.last_event()
            assert event.error is not None
            assert reason in event.error
            # Whoever may read the audit need not know where the server is, and nobody its password.
            assert not re.search(rf"guessed|{HOST}|{server.port}", event.error)
    assert await idle.is_alive()


async def test_a_login_that_is_allowed_again_needs_no_restart(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    await server.ask("ALTER ROLE vacate NOLOGIN")
    async with vacate(tmp_path, server.dsn()) as service:
        try:
            with pytest.raises(ComponentUnreachableError, match="is not permitted to log in"):
                await _in_time(service)
        finally:
            await server.ask("ALTER ROLE vacate LOGIN")
        await _works_again(service, clients)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="says nothing and leaves"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", id="speaks HTTP"),
        pytest.param(b"N", id="does not encrypt and leaves"),
        pytest.param(b"S", id="claims to encrypt and leaves"),
    ],
)
async def test_a_stranger_at_the_port_is_no_server(tmp_path: Path, answer: bytes) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(speak, HOST, 0) as stranger:
        port = stranger.sockets[0].getsockname()[1]
        async with vacate(tmp_path, f"postgresql://vacate:x@{HOST}:{port}/postgres", timeouts=IMPATIENT) as service:
            with pytest.raises(ComponentUnreachableError):
                await _in_time(service)


# --- the slots -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def narrow(workplace: Workplace, installation: Installation) -> Generator[LiveServer]:
    """A server with few slots: two for superusers, and two more in reserve where the version can."""
    settings = {"max_connections": "10", "superuser_reserved_connections": "2"}
    if installation.major >= RESERVED_SINCE:
        settings["reserved_connections"] = "2"
    live = LiveServer.start(workplace, f"narrow-{installation.major}", installation, settings=settings)
    yield live
    live.server.stop("immediate")


async def _fill(clients: Clients) -> set[int]:
    """Take every slot that an application can get."""
    with suppress(asyncpg.TooManyConnectionsError):
        while True:
            await clients.idle()
    return await clients.server.pids("usename = 'app'")


async def test_no_slot_left_is_said_with_its_remedy_and_ends_nobody(narrow: LiveServer, tmp_path: Path) -> None:
    async with Clients(narrow) as clients, vacate(tmp_path, narrow.dsn()) as service:
        crowd = await _fill(clients)
        with pytest.raises(ComponentUnreachableError, match=r"no connection slot is left.*pg_use_reserved_connections"):
            await _in_time(service)

        assert await narrow.pids("usename = 'app'") == crowd
        assert (await service.last_event()).action is AuditAction.KILL_IDLE_REFUSED

        await clients.opened[0].connection.close()

        async def has_room() -> bool:
            return await narrow.pids("usename = 'app'") < crowd

        await eventually(has_room)
        report = await _in_time(service)
        assert session_ids(report, Outcome.TERMINATED) == crowd - {clients.opened[0].pid}


async def test_a_link_that_is_warm_makes_room_when_no_slot_is_left(narrow: LiveServer, tmp_path: Path) -> None:
    async with Clients(narrow) as clients, vacate(tmp_path, narrow.dsn()) as service:
        await service.sweep()
        crowd = await _fill(clients)
        report = await _in_time(service)

        assert session_ids(report, Outcome.TERMINATED) == crowd
        assert await (await clients.idle()).is_alive()


async def test_a_reserved_slot_lets_the_first_login_in(narrow: LiveServer, tmp_path: Path) -> None:
    if narrow.major < RESERVED_SINCE:
        assert not await narrow.ask("SELECT FROM pg_roles WHERE rolname = 'pg_use_reserved_connections'")
        return
    await narrow.ask("GRANT pg_use_reserved_connections TO vacate")
    try:
        async with Clients(narrow) as clients, vacate(tmp_path, narrow.dsn()) as service:
            crowd = await _fill(clients)
            report = await _in_time(service)
            assert session_ids(report, Outcome.TERMINATED) == crowd
    finally:
        await narrow.ask("REVOKE pg_use_reserved_connections FROM vacate")


# --- the store -------------------------------------------------------------------------------------------------------

# So many that neither event fits into what is left of a page.
CROWD = 35
each_fault = pytest.mark.parametrize(
    "breaking", [read_only, full, failing_disk, locked], ids=lambda each: each.__name__
)


@each_fault
async def test_nobody_is_ended_when_the_intent_cannot_be_written(
    server: LiveServer, clients: Clients, tmp_path: Path, breaking: Breaking
) -> None:
    async with vacate(tmp_path, server.dsn()) as service:
        await service.sweep()
        crowd = await clients.many_idle(CROWD)
        with breaking(service.database), pytest.raises(AuditUnavailableError, match="so nothing was ended: "):
            await _in_time(service)

        assert await server.pids("usename = 'app'") == _pids(*crowd)
        # That the call was refused is remembered, and written as soon as it can be: on a full disk, perhaps at once.
        assert service.journal.waiting == 1 or breaking is full
        await _works_again(service, clients)
        assert service.journal.waiting == 0
        refused = (await service.audit.recent(3))[-1]
        assert refused.action is AuditAction.KILL_IDLE_REFUSED


@each_fault
async def test_what_happened_is_kept_and_written_later_when_only_the_last_event_cannot_be(
    server: LiveServer, clients: Clients, tmp_path: Path, breaking: Breaking
) -> None:
    async with vacate(tmp_path, server.dsn()) as service:
        crowd = await clients.many_idle(CROWD)
        broken = breaking(service.database)

        async def break_store() -> None:
            broken.__enter__()

        service.meanwhile.before_signals = break_store
        try:
            report = await _in_time(service)
            later = await clients.idle()
            # As long as the audit is behind, nobody else is ended.
            with pytest.raises(AuditUnavailableError):
                await _in_time(service)
            behind = service.journal.waiting
            alive = await later.is_alive()
        finally:
            broken.__exit__(None, None, None)

        assert session_ids(report, Outcome.TERMINATED) == _pids(*crowd)
        assert not await server.pids("pid = ANY($1::int[])", [client.pid for client in crowd])
        assert alive
        assert behind == 2
        assert [event.action for event, _ in service.witness.delayed] == [
            AuditAction.KILL_IDLE_FINISHED,
            AuditAction.KILL_IDLE_REFUSED,
        ]
        await service.journal.catch_up()
        await _is_audited(service, report)
        await _works_again(service, clients)


async def test_nobody_is_ended_when_the_stores_directory_is_gone(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    (directory := tmp_path / "state").mkdir()
    async with vacate(directory, server.dsn()) as service:
        await service.sweep()
        crowd = await clients.many_idle(2)
        shutil.rmtree(file_of(service.database).parent)
        with pytest.raises(AuditUnavailableError):
            await _in_time(service)
        assert await server.pids("usename = 'app'") == _pids(*crowd)


# --- the caller ------------------------------------------------------------------------------------------------------


async def test_a_sweep_that_waits_too_long_for_another_one_says_so(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    settings = replace(GatewaySettings(), busy_after=timedelta(seconds=0.1))
    async with vacate(tmp_path, server.dsn(), settings=settings) as service:
        async with service.gateway.link(COMPONENT):
            with pytest.raises(ComponentBusyError):
                await _in_time(service)
        await _works_again(service, clients)


async def test_two_calls_at_once_end_every_session_once(server: LiveServer, clients: Clients, tmp_path: Path) -> None:
    crowd = await clients.many_idle(10)
    async with vacate(tmp_path, server.dsn()) as service:
        one, other = await asyncio.gather(_in_time(service), _in_time(service))

    ended = [session_ids(report, Outcome.TERMINATED) for report in (one, other)]
    assert sorted(ended, key=len) == [set(), _pids(*crowd)]


async def test_a_caller_that_goes_away_stops_no_sweep_half_way(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    crowd = await clients.many_idle(3)
    half_way, go_on = asyncio.Event(), asyncio.Event()

    async def pause() -> None:
        half_way.set()
        await go_on.wait()

    async with vacate(tmp_path, server.dsn()) as service:
        service.meanwhile.signals_at_once = 1
        service.meanwhile.after_chunk = pause
        call = asyncio.create_task(service.sweep())
        await half_way.wait()
        call.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await call

        (report,) = service.witness.reports
        assert session_ids(report, Outcome.TERMINATED) == _pids(*crowd)
        await _is_audited(service, report)
