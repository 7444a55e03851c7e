"""Named sessions on real servers: they end whatever they do, and nobody else does."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from tests.support.in_process import COMPONENT, fates, session_ids, vacate
from tests.support.postgres import VACATE, Client, Clients, LiveServer, eventually
from vacate.components.statements import statement
from vacate.domain.audit.event import AuditAction
from vacate.domain.judging.criteria import Criteria, Criterion, Selection
from vacate.domain.judging.guards import WAIVED_WHEN_NAMED
from vacate.domain.judging.judge import judge_named
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.judging.surroundings import Surroundings
from vacate.domain.sessions.session import Demand, Session, Victim
from vacate.domain.sweeps.report import Outcome, Signal

UNUSED = (-1, 0, 2**31 - 1, 2**31, 2**63, 10**40)


def _pids(*clients: Client) -> set[int]:
    return {client.pid for client in clients}


def _victim(seen: tuple[Session, ...], pid: int, demand: Demand = Demand.SAME_SESSION) -> Victim:
    named = [session for session in seen if session.pid == pid]
    (verdict,) = judge_named(named, GuardSettings(), Surroundings(kind=COMPONENT.kind), demand=demand)
    assert verdict.victim is not None
    return verdict.victim


# --- sessions --------------------------------------------------------------------------------------------------------


async def test_named_sessions_end_whatever_they_do_and_nobody_else_does(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    async def one_of_each() -> list[Client]:
        return [await clients.idle(), await clients.idle("BEGIN"), await clients.aborted(), await clients.active()]

    named, others = await one_of_each(), await one_of_each()
    async with vacate(tmp_path, server.dsn()) as service:
        report = await service.kill(*_pids(*named))
        intended, finished = await service.events_of(report)

    assert set(report.terminated) == session_ids(report, Outcome.TERMINATED) == _pids(*named)
    assert report.succeeded
    assert report.absent == ()
    assert set(fates(report)) == _pids(*named)
    assert await server.pids("usename = 'app'") == _pids(*others)
    assert (intended.action, finished.action) == (AuditAction.KILL_NAMED_INTENDED, AuditAction.KILL_NAMED_FINISHED)
    assert {each.pid for each in intended.sessions} == _pids(*named)
    assert set(intended.named) == set(finished.named) == _pids(*named)
    working = named[-1].statement
    assert working is not None
    with pytest.raises(asyncpg.PostgresConnectionError, match="administrator command"):
        await working


async def test_what_an_open_transaction_had_done_is_rolled_back(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    server.server.psql("CREATE TABLE IF NOT EXISTS bookings (id int); GRANT ALL ON bookings TO app")
    client = await clients.idle("BEGIN", "INSERT INTO bookings VALUES (1)")
    async with vacate(tmp_path, server.dsn()) as service:
        assert (await service.kill(client.pid)).terminated == (client.pid,)

    assert await server.ask("SELECT FROM bookings") == []
    await (await clients.open()).use("TRUNCATE bookings")


async def test_naming_answers_whether_a_session_is_abandoned(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    doubtful = [
        await clients.local(),
        await clients.idle("LISTEN jobs"),
        await clients.idle("SELECT pg_advisory_lock(42)"),
        await clients.idle(application="postgres_fdw"),
    ]
    async with vacate(tmp_path, server.dsn(), criteria=Criteria(users=Selection(include=()))) as service:
        swept = await service.sweep()
        report = await service.kill(*_pids(*doubtful))

    assert not session_ids(swept, Outcome.TERMINATED)
    assert session_ids(report, Outcome.TERMINATED) == _pids(*doubtful)


async def test_what_a_session_is_protects_it_from_being_named(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    superuser = await clients.idle(user="postgres")
    other_vacate = await clients.idle(user=VACATE, application="vacate")
    clerk, ledger = await clients.idle(user="clerk"), await clients.idle(application="ledger")
    (row,) = await server.ask("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
    guards = GuardSettings(users=frozenset({"clerk"}), applications=frozenset({"ledger"}))
    async with vacate(tmp_path, server.dsn(), guards=guards) as service:
        await service.sweep()
        (own,) = await server.pids("application_name = 'vacate'") - {other_vacate.pid}
        report = await service.kill(superuser.pid, other_vacate.pid, clerk.pid, ledger.pid, own, row["pid"])
        assert await server.pids("pid = $1", own)

    assert {pid: entry.by for pid, entry in fates(report).items()} == {
        superuser.pid: GuardName.SUPERUSER,
        other_vacate.pid: GuardName.OWN_SESSION,
        clerk.pid: GuardName.PROTECTED_USER,
        ledger.pid: GuardName.PROTECTED_APPLICATION,
        own: GuardName.OWN_SESSION,
        row["pid"]: GuardName.NOT_A_CLIENT,
    }
    assert set(report.counts) == {Outcome.SPARED}
    assert not report.succeeded
    assert all([await client.is_alive() for client in (superuser, other_vacate, clerk, ledger)])
    assert await server.ask("SELECT FROM pg_stat_activity WHERE pid = $1", row["pid"])


async def test_a_named_superuser_is_refused_by_the_server_when_the_guard_is_off(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    superuser, other = await clients.idle(user="postgres"), await clients.active()
    guards = GuardSettings(off=frozenset({GuardName.SUPERUSER}))
    async with vacate(tmp_path, server.dsn(), guards=guards) as service:
        report = await service.kill(superuser.pid, other.pid)

    assert session_ids(report, Outcome.REFUSED) == {superuser.pid}
    assert report.terminated == (other.pid,)
    assert not report.succeeded
    assert await superuser.is_alive()


async def test_ids_that_nobody_has_are_absent_whatever_their_size(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    client, bystander = await clients.idle(), await clients.idle()
    async with vacate(tmp_path, server.dsn()) as service:
        report = await service.kill(*UNUSED, client.pid, client.pid)
        (intended, finished) = await service.events_of(report)
        nobody = await service.kill(*UNUSED)

    assert report.absent == UNUSED
    assert report.terminated == (client.pid,)
    assert report.succeeded
    assert intended.named == finished.named == (*UNUSED, client.pid)
    assert (nobody.sessions, nobody.absent, nobody.succeeded) == ((), UNUSED, True)
    assert await bystander.is_alive()


async def test_a_session_that_got_the_pid_of_a_named_one_lives(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    client, busy = await clients.idle(), await clients.idle("BEGIN")
    async with vacate(tmp_path, server.dsn()) as service, service.gateway.link(COMPONENT) as link:
        seen = (await link.snapshot()).sessions
        victims = [_victim(seen, client.pid), _victim(seen, busy.pid, Demand.SAME_TRANSACTION)]
        earlier = timedelta(microseconds=1)
        predecessors = [
            replace(victim, key=replace(victim.key, backend_start=victim.key.backend_start - earlier))
            for victim in victims
        ]
        answers = [each async for chunk in link.terminate(predecessors, WAIVED_WHEN_NAMED) for each in chunk]

    assert [each.signal for each in answers] == [Signal.GONE] * 2
    assert await client.is_alive()
    assert await busy.is_alive()


async def test_a_named_session_that_changes_its_state_after_the_look_still_ends(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    wakes, rests = await clients.idle(), await clients.idle("BEGIN")

    async def change() -> None:
        wakes.statement = asyncio.create_task(wakes.connection.execute("SELECT pg_sleep(600)"))
        await eventually(lambda: server.pids("pid = $1 AND state = 'active'", wakes.pid))
        await rests.use("COMMIT")

    async with vacate(tmp_path, server.dsn()) as service:
        service.meanwhile.after_look = change
        report = await service.kill(wakes.pid, rests.pid)

    assert session_ids(report, Outcome.TERMINATED) == _pids(wakes, rests)


async def test_a_named_session_that_leaves_after_the_look_is_gone(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    client = await clients.idle()

    async def leave() -> None:
        await client.connection.close()
        await eventually(lambda: _is_gone(server, client.pid))

    async with vacate(tmp_path, server.dsn()) as service:
        service.meanwhile.after_look = leave
        report = await service.kill(client.pid)

    assert set(report.counts) == {Outcome.GONE}
    assert report.succeeded


async def _is_gone(server: LiveServer, pid: int) -> bool:
    return not await server.pids("pid = $1", pid)


async def test_a_demand_that_is_not_known_or_says_nothing_is_met_by_nobody(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    client = await clients.idle()
    async with vacate(tmp_path, server.dsn()) as service, service.gateway.link(COMPONENT) as link:
        key = _victim((await link.snapshot()).sessions, client.pid).key
    vacates = (await clients.open(user=VACATE)).connection
    for demand, since in (("anything", None), (None, None), ("same_idle_period", None), ("same_transaction", None)):
        (row,) = await vacates.fetch(
            statement("postgresql", "terminate", server.major),
            *([key.session_id], [key.backend_start], [since], 1, True, True, demand),
        )
        assert row["signal"] == "woke", demand
    assert await client.is_alive()


# --- transactions ----------------------------------------------------------------------------------------------------


async def test_only_named_sessions_in_a_transaction_end(server: LiveServer, clients: Clients, tmp_path: Path) -> None:
    named = [await clients.idle("BEGIN"), await clients.active()]
    without = [await clients.idle(), await clients.aborted()]
    other = await clients.idle("BEGIN")
    async with vacate(tmp_path, server.dsn()) as service:
        report = await service.kill_in_transaction(*_pids(*named, *without), 0)
        intended, finished = await service.events_of(report)

    assert set(report.terminated) == _pids(*named)
    assert session_ids(report, Outcome.SPARED) == _pids(*without)
    assert {fates(report)[client.pid].by for client in without} == {Criterion.NO_TRANSACTION}
    assert report.absent == (0,)
    assert report.succeeded
    assert (intended.action, finished.action) == (
        AuditAction.KILL_TRANSACTION_INTENDED,
        AuditAction.KILL_TRANSACTION_FINISHED,
    )
    assert {each.pid for each in intended.sessions} == _pids(*named)
    for client in (*without, other):
        await client.use("ROLLBACK")


async def test_a_transaction_that_ended_after_the_look_costs_nobody_their_session(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    committed, failed, in_the_next, goes_on = [await clients.idle("BEGIN") for _ in range(4)]

    async def go_on() -> None:
        await committed.use("COMMIT")
        await failed.use("ROLLBACK")
        await in_the_next.use("COMMIT")
        await in_the_next.use("BEGIN")
        await goes_on.use("SELECT 1")

    async with vacate(tmp_path, server.dsn()) as service:
        service.meanwhile.after_look = go_on
        report = await service.kill_in_transaction(*_pids(committed, failed, in_the_next, goes_on))

    assert session_ids(report, Outcome.WOKE) == _pids(committed, failed, in_the_next)
    assert report.terminated == (goes_on.pid,)
    assert report.succeeded
    assert fates(report)[committed.pid].reason == "its transaction ended since the look (state now: idle)"
    assert all([await client.is_alive() for client in (committed, failed)])
    await in_the_next.use("COMMIT")


async def test_every_transaction_is_read_anew_before_its_signal(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    """Also behind many others, and though they have been open for long: no two share a copy of the list."""
    many = [await clients.idle("BEGIN") for _ in range(3)]
    committed: list[Client] = []

    async def commit_the_rest() -> None:
        for client in many:
            if await client.is_alive():
                await client.use("COMMIT")
                committed.append(client)

    async with vacate(tmp_path, server.dsn()) as service:
        service.meanwhile.signals_at_once = 1
        service.meanwhile.after_chunk = commit_the_rest
        report = await service.kill_in_transaction(*_pids(*many))

    assert len(committed) == 2
    assert session_ids(report, Outcome.WOKE) == _pids(*committed)
    assert len(report.terminated) == 1


async def test_a_session_that_is_protected_keeps_its_transaction(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    superuser = await clients.idle("BEGIN", user="postgres")
    async with vacate(tmp_path, server.dsn()) as service:
        report = await service.kill_in_transaction(superuser.pid)

    assert fates(report)[superuser.pid].by == GuardName.SUPERUSER
    assert not report.succeeded
    await superuser.use("COMMIT")
