"""What real servers of the Gauss family list as sessions, and what is made of it: each of them once, with its owner."""

import asyncio
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.gauss.double import GaussDouble
from tests.support.in_process import COMPONENT, fates, session_ids, vacate
from tests.support.postgres import Client, Clients, eventually
from vacate.domain.judging.criteria import Criteria, Criterion, idle_for
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.sweeps.report import Outcome

THREADS = 12
PARALLEL = "parallel"
in_the_pool = pytest.mark.parametrize("gauss_server", [True], indirect=True, ids=["pool"], scope="module")


@pytest.fixture
def forgetful(gauss_server: GaussDouble) -> Generator[GaussDouble]:
    """The double, for tests that arrange something on it."""
    yield gauss_server
    gauss_server.forget()


async def id_of(double: GaussDouble, client: Client) -> int:
    return await double.sessionid_of(client.pid)


# --- a statement that runs in parallel -------------------------------------------------------------------------------


async def in_parallel(double: GaussDouble, clients: Clients) -> Client:
    """A session in the middle of a statement that runs on many threads, all listed under its id."""
    double.parallel(PARALLEL, THREADS)
    client = await clients.idle(application=PARALLEL)
    client.statement = asyncio.create_task(client.connection.execute("SELECT pg_sleep(600)"))
    question = "SELECT 1 FROM pg_stat_activity WHERE sessionid = $1 AND state = 'active'"
    session_id = await id_of(double, client)

    async def is_listed_often() -> bool:
        return len(await double.ask_as("vacate", question, session_id)) == THREADS + 1

    await eventually(is_listed_often)
    return client


async def test_a_session_whose_statement_runs_in_parallel_is_one_session_and_is_spared(
    forgetful: GaussDouble, gauss_clients: Clients, tmp_path: Path
) -> None:
    client = await in_parallel(forgetful, gauss_clients)
    session_id = await id_of(forgetful, client)
    async with vacate(tmp_path, forgetful.dsn()) as service:
        report = await service.sweep()
        active = await service.gateway.activity(COMPONENT)
        slots = (await service.gateway.snapshot(COMPONENT)).slots
    assert [entry.session.session_id for entry in report.sessions if not entry.session.own] == [session_id]
    assert fates(report)[session_id].by is Criterion.NOT_IDLE
    assert fates(report)[session_id].session.client_address is not None
    assert [(each.session_id, each.state) for each in active] == [(session_id, "active")]
    assert slots.used == 2


async def test_a_session_whose_statement_runs_in_parallel_is_ended_by_name_and_reported_once(
    forgetful: GaussDouble, gauss_clients: Clients, tmp_path: Path
) -> None:
    client = await in_parallel(forgetful, gauss_clients)
    session_id = await id_of(forgetful, client)
    before = len(forgetful.asked_to_end())
    async with vacate(tmp_path, forgetful.dsn()) as service:
        report = await service.kill(session_id)
    assert [(entry.session.session_id, entry.outcome) for entry in report.sessions] == [
        (session_id, Outcome.TERMINATED)
    ]
    assert [each.hit for each in forgetful.asked_to_end()[before:]] == [client.pid]


async def test_its_transaction_is_ended_by_name_and_reported_once(
    forgetful: GaussDouble, gauss_clients: Clients, tmp_path: Path
) -> None:
    session_id = await id_of(forgetful, await in_parallel(forgetful, gauss_clients))
    async with vacate(tmp_path, forgetful.dsn()) as service:
        report = await service.kill_in_transaction(session_id)
    assert [(entry.session.session_id, entry.outcome) for entry in report.sessions] == [
        (session_id, Outcome.TERMINATED)
    ]


@in_the_pool
async def test_threads_that_stay_after_a_parallel_statement_are_no_sessions(
    forgetful: GaussDouble, gauss_clients: Clients, tmp_path: Path
) -> None:
    """They are idle, under the application's user, and all have the id 0."""
    forgetful.parallel(PARALLEL, THREADS)
    client = await gauss_clients.idle(application=PARALLEL)
    session_id = await id_of(forgetful, client)
    (left,) = await forgetful.ask_as("vacate", "SELECT count(*) FROM pg_stat_activity WHERE sessionid = 0")
    before = len(forgetful.asked_to_end())
    async with vacate(tmp_path, forgetful.dsn()) as service:
        report = await service.sweep()
        named = await service.kill(0)
    assert tuple(left) == (THREADS,)
    assert [entry.session.session_id for entry in report.sessions if not entry.session.own] == [session_id]
    assert session_ids(report, Outcome.TERMINATED) == {session_id}
    assert not named.terminated
    assert [each.hit for each in forgetful.asked_to_end()[before:]] == [client.pid]


@in_the_pool
async def test_a_session_that_is_listed_twice_is_not_idle(
    forgetful: GaussDouble, gauss_clients: Clients, tmp_path: Path
) -> None:
    """As one may be that is just given from one thread to another."""
    one, other = await gauss_clients.many_idle(2)
    async with vacate(tmp_path, forgetful.dsn()) as service:

        async def renumber() -> None:
            forgetful.renumber(other.pid, await id_of(forgetful, one))

        await forgetful.ask("ALTER TABLE gauss.renumbered DROP CONSTRAINT renumbered_sessionid_key")
        try:
            service.meanwhile.before_signals = renumber
            report = await service.sweep()
        finally:
            await forgetful.ask("DELETE FROM gauss.renumbered")
            await forgetful.ask(
                "ALTER TABLE gauss.renumbered ADD CONSTRAINT renumbered_sessionid_key UNIQUE (sessionid)"
            )
    assert fates(report)[await id_of(forgetful, one)].outcome is Outcome.WOKE
    assert not report.terminated
    assert await one.is_alive()
    assert await other.is_alive()


# --- administrators --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("separated", ["off", "on"])
async def test_sessions_of_a_system_administrator_are_spared_by_a_role_that_only_monitors(
    gauss_server: GaussDouble, gauss_clients: Clients, tmp_path: Path, separated: str
) -> None:
    """Such a role sees no role but itself in the catalogue."""
    gauss_server.sysadmin("administers")
    gauss_server.setting("enableSeparationOfDuty", separated)
    administrator, other = await gauss_clients.idle(user="administers"), await gauss_clients.idle()
    try:
        async with vacate(tmp_path, gauss_server.dsn()) as service:
            report = await service.sweep()
    finally:
        gauss_server.setting("enableSeparationOfDuty", None)
    assert fates(report)[await id_of(gauss_server, administrator)].by is GuardName.SUPERUSER
    assert await administrator.is_alive()
    assert not await other.is_alive()


# --- sessions that never ran a statement -----------------------------------------------------------------------------


async def test_a_session_that_never_ran_a_statement_is_idle_since_it_began(
    gauss_server: GaussDouble, gauss_clients: Clients, tmp_path: Path
) -> None:
    client = await gauss_clients.open()
    session_id = await id_of(gauss_server, client)
    async with vacate(tmp_path, gauss_server.dsn()) as service:
        (activity,) = await service.gateway.activity(COMPONENT)
        (session,) = [each for each in (await service.gateway.snapshot(COMPONENT)).sessions if not each.own]
        report = await service.sweep()
    assert (activity.state, activity.query) == ("idle", "")
    assert (session.state, session.query) == ("idle", "")
    assert session.backend_start is not None
    assert session.state_change is not None
    assert session.in_state_for is not None
    assert session.state_change - session.backend_start < timedelta(seconds=5)
    assert session_ids(report, Outcome.TERMINATED) == {session_id}
    assert not await client.is_alive()


async def test_a_session_that_never_ran_a_statement_is_spared_while_it_is_young(
    gauss_server: GaussDouble, gauss_clients: Clients, tmp_path: Path
) -> None:
    client = await gauss_clients.open()
    session_id = await id_of(gauss_server, client)
    async with vacate(tmp_path, gauss_server.dsn(), criteria=Criteria(states=idle_for(timedelta(hours=1)))) as service:
        report = await service.sweep()
    assert fates(report)[session_id].by is Criterion.TOO_FRESH
    assert await client.is_alive()


@pytest.mark.parametrize("statement", ["SELECT 1", "BEGIN"])
async def test_a_session_that_runs_its_first_statement_between_look_and_signal_lives(
    gauss_server: GaussDouble, gauss_clients: Clients, tmp_path: Path, statement: str
) -> None:
    woken, other = await gauss_clients.open(), await gauss_clients.open()
    session_id = await id_of(gauss_server, woken)

    async def wake() -> None:
        await woken.use(statement)

    async with vacate(tmp_path, gauss_server.dsn()) as service:
        service.meanwhile.before_signals = wake
        report = await service.sweep()
    assert fates(report)[session_id].outcome is Outcome.WOKE
    assert await woken.is_alive()
    assert not await other.is_alive()


async def test_another_session_with_the_id_of_one_that_never_ran_a_statement_lives(
    forgetful: GaussDouble, gauss_clients: Clients, tmp_path: Path
) -> None:
    leaving = await gauss_clients.open()
    leaving_id = await id_of(forgetful, leaving)
    newcomers: list[Client] = []

    async def replaced() -> None:
        await leaving.connection.close()
        newcomers.append(await gauss_clients.open())
        forgetful.renumber(newcomers[0].pid, leaving_id)

    async with vacate(tmp_path, forgetful.dsn()) as service:
        service.meanwhile.before_signals = replaced
        report = await service.sweep()
    assert fates(report)[leaving_id].outcome is Outcome.GONE
    assert await newcomers[0].is_alive()


# --- whom a name does not reach --------------------------------------------------------------------------------------


async def test_whoever_has_got_the_id_of_a_named_session_by_then_lives(
    forgetful: GaussDouble, gauss_clients: Clients, tmp_path: Path
) -> None:
    """Without a thread pool a server gives the id to the next login, at once."""
    leaving = await gauss_clients.idle()
    leaving_id = await id_of(forgetful, leaving)
    newcomers: list[Client] = []

    async def replaced() -> None:
        await leaving.connection.close()
        newcomers.append(await gauss_clients.idle())
        forgetful.renumber(newcomers[0].pid, leaving_id)

    async with vacate(tmp_path, forgetful.dsn()) as service:
        service.meanwhile.before_signals = replaced
        report = await service.kill(leaving_id)
    assert fates(report)[leaving_id].outcome is Outcome.GONE
    assert await newcomers[0].is_alive()


@pytest.mark.parametrize("user", ["persists", "postgres"])
async def test_sessions_that_the_right_to_signal_does_not_reach_are_refused_in_words(
    gauss_server: GaussDouble, gauss_clients: Clients, tmp_path: Path, user: str
) -> None:
    gauss_server.persistence("persists")
    out_of_reach, other = await gauss_clients.idle(user=user), await gauss_clients.idle()
    guards = GuardSettings(off=frozenset({GuardName.SUPERUSER}))
    async with vacate(tmp_path, gauss_server.dsn(), guards=guards) as service:
        report = await service.sweep()
    refused = fates(report)[await id_of(gauss_server, out_of_reach)]
    assert refused.outcome is Outcome.REFUSED
    assert "PERSISTENCE" in refused.reason
    assert "initial user" in refused.reason
    assert await out_of_reach.is_alive()
    assert not await other.is_alive()


@in_the_pool
async def test_an_idle_session_that_keeps_its_worker_is_not_said_to_have_been_used(
    gauss_server: GaussDouble, gauss_clients: Clients, tmp_path: Path
) -> None:
    holder = await gauss_clients.idle("SELECT pg_advisory_lock(42)")
    session_id = await id_of(gauss_server, holder)
    guards = GuardSettings(off=frozenset({GuardName.ADVISORY_LOCK}))
    async with vacate(tmp_path, gauss_server.dsn(), guards=guards) as service:
        report = await service.sweep()
        named = await service.kill(session_id)
    assert fates(report)[session_id].outcome is Outcome.WOKE
    assert "keeps its worker" in fates(report)[session_id].reason
    assert fates(named)[session_id].outcome is Outcome.TERMINATED
