"""The main job on real servers: idle sessions end, all others live, and every word about it is true."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.support.in_process import COMPONENT, COORDINATOR, fates, session_ids, vacate
from tests.support.postgres import (
    APP,
    DATABASE,
    PASSWORD,
    VACATE,
    Client,
    Clients,
    LiveServer,
    eventually,
    on_every_major,
)
from tests.support.proxy import LinkProxy
from vacate.components.statements import statement
from vacate.domain.audit.event import AuditAction
from vacate.domain.judging.criteria import Criteria, Selection, idle_for
from vacate.domain.judging.criterion import Criterion
from vacate.domain.judging.judge import judge
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.judging.surroundings import Surroundings
from vacate.domain.sessions.session import Demand, Session, Victim
from vacate.domain.sweeps.report import Outcome, Signal
from vacate.domain.topology.components import Component

_FACTS = """
SELECT pid, backend_start, state_change, usename, datname, application_name, host(client_addr) AS client_address
FROM pg_stat_activity
"""


def _pids(*clients: Client) -> set[int]:
    return {client.pid for client in clients}


def _victims(seen: Sequence[Session]) -> tuple[Victim, ...]:
    verdicts = judge(seen, Criteria(), GuardSettings(), Surroundings(kind=COMPONENT.kind))
    return tuple(verdict.victim for verdict in verdicts if verdict.victim is not None)


def _off(*names: GuardName) -> GuardSettings:
    return GuardSettings(off=frozenset(names))


# --- who ends and who lives ------------------------------------------------------------------------------------------


@on_every_major
async def test_idle_sessions_end_and_all_others_live(server: LiveServer, clients: Clients, tmp_path: Path) -> None:
    idle = await clients.many_idle(3)
    in_transaction = await clients.idle("BEGIN", "SELECT pg_advisory_xact_lock(6001)")
    aborted = await clients.aborted()
    active = await clients.active("SELECT pg_advisory_xact_lock(6001)")
    busy = _pids(in_transaction, aborted, active)

    async with vacate(tmp_path, server.dsn()) as service:
        report = await service.sweep()

    assert session_ids(report, Outcome.TERMINATED) == _pids(*idle)
    assert await server.pids("usename = 'app'") == busy
    assert not any([await client.is_alive() for client in idle])
    assert {fates(report)[pid].by for pid in busy} == {Criterion.NOT_IDLE}
    assert report.succeeded

    # The busy ones were not even disturbed: what they had begun comes to its end.
    with pytest.raises(asyncpg.InFailedSQLTransactionError):
        await aborted.use("SELECT 1")
    await in_transaction.use("COMMIT")
    assert active.statement is not None
    assert await active.statement == "SELECT 1"


@on_every_major
async def test_the_report_and_the_audit_say_what_the_superuser_saw(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    await clients.many_idle(2)
    await clients.idle(user="clerk", application="desk")
    await clients.idle("BEGIN")
    async with vacate(tmp_path, server.dsn()) as service:
        before = {row["pid"]: row for row in await server.ask(_FACTS)}
        report = await service.sweep()
        after = await server.pids()

        intended, finished = await service.events_of(report)

    ended = session_ids(report, Outcome.TERMINATED)
    assert ended == {pid for pid in before if before[pid]["usename"] in {"app", "clerk"}} - after
    assert len(ended) == 3
    assert intended.action is AuditAction.KILL_IDLE_INTENDED
    assert {each.pid for each in intended.sessions} == ended
    assert {each.outcome for each in intended.sessions} == {Outcome.NOT_REACHED}
    assert finished.action is AuditAction.KILL_IDLE_FINISHED
    assert {each.pid: each.outcome for each in finished.sessions} == {
        pid: entry.outcome for pid, entry in fates(report).items()
    }
    for each in finished.sessions:
        # Vacate's own session was not there yet when the superuser looked.
        if each.application == VACATE or each.pid not in before:
            assert each.outcome is Outcome.SPARED
            continue
        row = before[each.pid]
        assert (each.backend_start, each.user, each.database, each.application, each.client_address) == tuple(
            row[name] for name in ("backend_start", "usename", "datname", "application_name", "client_address")
        )
        if each.pid in ended:
            assert each.state_change == row["state_change"]
    assert finished.target.component_id == COMPONENT.id
    assert (finished.user_name, finished.source_address) == ("olga", "203.0.113.9")


async def test_a_sweep_that_finds_nothing_ends_nothing_and_is_written_down(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    busy = await clients.idle("BEGIN")
    async with vacate(tmp_path, server.dsn()) as service:
        report = await service.sweep()
        (finished,) = await service.events_of(report)

    assert set(report.counts) == {Outcome.SPARED}
    assert report.succeeded
    assert finished.action is AuditAction.KILL_IDLE_FINISHED
    assert await busy.is_alive()


async def test_sweeps_follow_each_other_over_the_same_link(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    async with vacate(tmp_path, server.dsn()) as service:
        links: set[int] = set()
        # A statement that is run often is planned anew; its answer must stay the same.
        for _ in range(8):
            client = await clients.idle()
            report = await service.sweep()
            assert session_ids(report, Outcome.TERMINATED) == {client.pid}
            links |= await server.pids("application_name = 'vacate'")

    assert len(links) == 1


async def test_all_slots_of_many_idle_sessions_are_free_again(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    many = await clients.many_idle(40)
    async with vacate(tmp_path, server.dsn()) as service:
        report = await service.sweep()

    assert session_ids(report, Outcome.TERMINATED) == _pids(*many)
    assert not await server.pids("usename = 'app'")


# --- criteria --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("include", [("nobody",), ()], ids=["a name that nobody has", "no name at all"])
@pytest.mark.parametrize("kind", ["users", "databases", "applications"])
async def test_an_include_list_that_matches_nobody_selects_nobody(
    server: LiveServer, clients: Clients, tmp_path: Path, kind: str, include: tuple[str, ...]
) -> None:
    client = await clients.idle()
    criteria = replace(Criteria(), **{kind: Selection(include=include)})
    async with vacate(tmp_path, server.dsn(), criteria=criteria) as service:
        report = await service.sweep()
        events = await service.events_of(report)

    assert fates(report)[client.pid].by == Criterion.NOT_SELECTED
    assert set(report.counts) == {Outcome.SPARED}
    assert [event.action for event in events] == [AuditAction.KILL_IDLE_FINISHED]
    assert await client.is_alive()


async def test_only_selected_sessions_end(server: LiveServer, clients: Clients, tmp_path: Path) -> None:
    chosen = await clients.idle(user="clerk", application="desk")
    of_others = await clients.idle(application="desk")
    excluded = await clients.idle(user="clerk", application="till")
    criteria = Criteria(
        users=Selection(include=("clerk",)),
        databases=Selection(include=(DATABASE,)),
        applications=Selection(exclude=("till",)),
    )
    async with vacate(tmp_path, server.dsn(), criteria=criteria) as service:
        report = await service.sweep()

    assert session_ids(report, Outcome.TERMINATED) == {chosen.pid}
    assert await of_others.is_alive()
    assert await excluded.is_alive()


async def test_a_session_that_is_not_idle_for_long_enough_lives(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    old, fresh = await clients.idle(), await clients.idle()
    age = "SELECT clock_timestamp() - state_change AS age FROM pg_stat_activity WHERE pid = $1"

    async def age_of_old() -> timedelta:
        found: timedelta = (await server.ask(age, old.pid))[0]["age"]
        return found

    async def is_old() -> bool:
        return await age_of_old() > timedelta(seconds=1.5)

    await eventually(is_old)
    await fresh.use()
    # The fresh one would have to stay idle for as long as the two are apart to become a victim.
    async with vacate(tmp_path, server.dsn(), criteria=Criteria(states=idle_for(await age_of_old()))) as service:
        report = await service.sweep()

    assert session_ids(report, Outcome.TERMINATED) == {old.pid}
    assert fates(report)[fresh.pid].by == Criterion.TOO_FRESH
    assert await fresh.is_alive()


# --- guards ----------------------------------------------------------------------------------------------------------


async def test_sessions_of_vacate_itself_live(server: LiveServer, clients: Clients, tmp_path: Path) -> None:
    store = await clients.idle(user=VACATE, application="vacate")
    victim = await clients.idle()
    async with vacate(tmp_path, server.dsn()) as service:
        await service.sweep()
        report = await service.sweep()
        own = await server.pids("application_name = 'vacate'")

    assert store.pid in own
    assert len(own) == 2
    assert {fates(report)[pid].by for pid in own} == {GuardName.OWN_SESSION}
    assert not await victim.is_alive()
    assert await store.is_alive()


async def test_the_link_of_a_sweep_survives_its_own_sweep_whatever_is_switched_off(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    namesake = await clients.idle(user=VACATE, application="vacate")
    async with vacate(tmp_path, server.dsn(), guards=GuardSettings(off=frozenset(GuardName))) as service:
        await service.sweep()
        (own,) = await server.pids("application_name = 'vacate'")
        report = await service.sweep()

        assert fates(report)[own].outcome is Outcome.SPARED
        assert await server.pids("application_name = 'vacate'") == {own}
    assert not await namesake.is_alive()


@on_every_major
async def test_the_servers_own_backends_live(server: LiveServer, tmp_path: Path) -> None:
    others = "SELECT pid FROM pg_stat_activity WHERE backend_type <> 'client backend'"
    async with vacate(tmp_path, server.dsn()) as service:
        before = {row["pid"] for row in await server.ask(others)}
        report = await service.sweep()
        after = {row["pid"] for row in await server.ask(others)}

    # Workers come and go by themselves, but the lasting ones are all the same.
    lasting = before & after & set(fates(report))
    assert len(lasting) >= 5
    assert {fates(report)[pid].by for pid in lasting} == {GuardName.NOT_A_CLIENT}
    assert any("checkpointer" in fates(report)[pid].reason for pid in lasting)


async def _replication(clients: Clients) -> Client:
    """A replication session with a client address whose state is idle: it looks like a victim in every other way."""
    client = await clients.open(user="streamer", application="receiver", replication="database")
    await client.use("IDENTIFY_SYSTEM")
    rows = await clients.server.ask(
        "SELECT backend_type, state, client_addr IS NOT NULL AS remote FROM pg_stat_activity WHERE pid = $1", client.pid
    )
    assert [tuple(row) for row in rows] == [("walsender", "idle", True)]
    return client


async def _listener(clients: Clients) -> Client:
    return await clients.idle("LISTEN jobs")


async def _lock_holder(clients: Clients) -> Client:
    return await clients.idle("SELECT pg_advisory_lock(42)")


async def _of_protected_user(clients: Clients) -> Client:
    return await clients.idle(user="clerk")


async def _of_protected_application(clients: Clients) -> Client:
    return await clients.idle(application="ledger")


async def _slot_owner(clients: Clients) -> Client:
    make = "SELECT pg_create_physical_replication_slot('copying', true, true)"
    return await clients.idle(make, "SELECT 1", user="streamer")


async def _of_coordinator(clients: Clients) -> Client:
    return await clients.idle(application=COORDINATOR.id)


async def _namesake(clients: Clients) -> Client:
    return await clients.idle(user=VACATE, application="vacate")


async def _local(clients: Clients) -> Client:
    return await clients.local()


_PROTECTED = {
    GuardName.OWN_SESSION: _namesake,
    GuardName.NOT_A_CLIENT: _replication,
    GuardName.NO_CLIENT_ADDRESS: _local,
    GuardName.PROTECTED_USER: _of_protected_user,
    GuardName.PROTECTED_APPLICATION: _of_protected_application,
    GuardName.LISTENER: _listener,
    GuardName.ADVISORY_LOCK: _lock_holder,
    GuardName.REPLICATION_SLOT: _slot_owner,
    GuardName.COORDINATOR_LINK: _of_coordinator,
}
_BY_NAME = GuardSettings(users=frozenset({"clerk"}), applications=frozenset({"ledger"}))
each_guard = pytest.mark.parametrize("guard", [pytest.param(name, id=name) for name in _PROTECTED])


@each_guard
async def test_a_guard_spares_its_session_and_says_so(
    server: LiveServer, clients: Clients, tmp_path: Path, guard: GuardName
) -> None:
    protected, other = await _PROTECTED[guard](clients), await clients.idle()
    servers = {COMPONENT: server.dsn(), COORDINATOR: server.dsn()}
    async with vacate(tmp_path, servers, guards=_BY_NAME) as service:
        report = await service.sweep(COMPONENT)

    assert fates(report)[protected.pid].outcome is Outcome.SPARED
    assert fates(report)[protected.pid].by == guard
    assert fates(report)[protected.pid].reason
    assert session_ids(report, Outcome.TERMINATED) == {other.pid}
    assert await protected.is_alive()


@each_guard
async def test_a_guard_that_is_switched_off_by_name_spares_nobody(
    server: LiveServer, clients: Clients, tmp_path: Path, guard: GuardName
) -> None:
    another = next(each for name, each in _PROTECTED.items() if name is not guard)
    spared, victim = await another(clients), await _PROTECTED[guard](clients)
    servers = {COMPONENT: server.dsn(), COORDINATOR: server.dsn()}
    async with vacate(tmp_path, servers, guards=replace(_BY_NAME, off=frozenset({guard}))) as service:
        report = await service.sweep(COMPONENT)

    assert session_ids(report, Outcome.TERMINATED) == {victim.pid}
    assert not await server.ask("SELECT FROM pg_stat_activity WHERE pid = $1", victim.pid)
    assert await spared.is_alive()


async def test_a_superuser_lives_and_is_refused_by_the_server_when_the_guard_is_off(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    superuser = await clients.idle(user="postgres")
    first = await clients.idle()
    async with vacate(tmp_path, server.dsn()) as service:
        guarded = await service.sweep()
    second, third = await clients.idle(), await clients.idle()
    async with vacate(tmp_path, server.dsn(), guards=_off(GuardName.SUPERUSER)) as service:
        unguarded = await service.sweep()
        (_, finished) = await service.events_of(unguarded)

    assert fates(guarded)[superuser.pid].by == GuardName.SUPERUSER
    assert session_ids(guarded, Outcome.TERMINATED) == {first.pid}
    assert guarded.succeeded
    # One refusal stops nobody else's end, and is not passed over.
    assert session_ids(unguarded, Outcome.REFUSED) == {superuser.pid}
    assert session_ids(unguarded, Outcome.TERMINATED) == _pids(second, third)
    assert not unguarded.succeeded
    assert [each.pid for each in finished.sessions if each.outcome is Outcome.REFUSED] == [superuser.pid]
    assert await superuser.is_alive()


_FOREIGN_SERVER = """
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
CREATE SERVER IF NOT EXISTS itself FOREIGN DATA WRAPPER postgres_fdw
    OPTIONS (host '127.0.0.1', port :'port', dbname 'postgres');
CREATE USER MAPPING IF NOT EXISTS FOR app SERVER itself OPTIONS (user 'app', password :'password');
CREATE TABLE IF NOT EXISTS orders (id int);
GRANT SELECT ON orders TO app;
DROP FOREIGN TABLE IF EXISTS orders_elsewhere;
CREATE FOREIGN TABLE orders_elsewhere (id int) SERVER itself OPTIONS (table_name 'orders');
GRANT SELECT ON orders_elsewhere TO app;
"""


@pytest.mark.parametrize(
    ("component", "lives"), [(COMPONENT, True), (COORDINATOR, False)], ids=["data node", "coordinator"]
)
async def test_a_coordinators_pooled_link_lives_on_a_data_node_only(
    server: LiveServer, clients: Clients, tmp_path: Path, component: Component, *, lives: bool
) -> None:
    server.server.psql(_FOREIGN_SERVER, variables={"port": str(server.port), "password": PASSWORD})
    # The advisory lock keeps the session at the other end of the link alive.
    user_of_link = await clients.idle("SELECT pg_advisory_lock(1)", "SELECT count(*) FROM orders_elsewhere")
    (link,) = await server.pids("application_name = 'postgres_fdw' AND state = 'idle'")
    async with vacate(tmp_path, {component: server.dsn()}) as service:
        report = await service.sweep()

    assert (await server.pids("pid = $1", link) == {link}) is lives
    assert fates(report)[link].outcome is (Outcome.SPARED if lives else Outcome.TERMINATED)
    assert (fates(report)[link].by == GuardName.COORDINATOR_LINK) is lives
    assert await user_of_link.is_alive()


async def test_a_session_that_is_still_logging_in_lives(
    server: LiveServer, clients: Clients, proxy: LinkProxy, tmp_path: Path
) -> None:
    halfway = asyncio.Event()

    def hold() -> None:
        proxy.stall()
        halfway.set()

    proxy.once(b"SCRAM-SHA-256", hold, from_server=True)
    login = asyncio.create_task(clients.open(port=proxy.port))
    await halfway.wait()
    async with vacate(tmp_path, server.dsn(), guards=GuardSettings(off=frozenset(GuardName))) as service:
        await service.sweep()
    proxy.resume()

    assert await (await login).is_alive()


# --- between the look and the signal ---------------------------------------------------------------------------------


@on_every_major
async def test_a_session_that_woke_after_the_look_lives(server: LiveServer, clients: Clients, tmp_path: Path) -> None:
    rested, began, works, still_idle = await clients.many_idle(4)

    async def wake() -> None:
        await rested.use()
        await began.use("BEGIN")
        works.statement = asyncio.create_task(works.connection.execute("SELECT pg_sleep(600)"))
        await eventually(lambda: server.pids("pid = $1 AND state = 'active'", works.pid))

    async with vacate(tmp_path, server.dsn()) as service:
        service.meanwhile.after_look = wake
        report = await service.sweep()
        intended, finished = await service.events_of(report)

    woke = _pids(rested, began, works)
    assert session_ids(report, Outcome.WOKE) == woke
    assert session_ids(report, Outcome.TERMINATED) == {still_idle.pid}
    assert "active" in fates(report)[works.pid].reason
    assert report.succeeded
    assert {each.pid for each in intended.sessions} == woke | {still_idle.pid}
    assert {each.pid for each in finished.sessions if each.outcome is Outcome.WOKE} == woke
    assert await server.pids("usename = 'app'") == woke
    await began.use("COMMIT")
    assert await rested.is_alive()


@on_every_major
async def test_every_statement_that_signals_reads_anew(server: LiveServer, clients: Clients, tmp_path: Path) -> None:
    """Also when the first signals are out, and over a link that has read the same session before."""
    many = await clients.many_idle(5)
    used: list[Client] = []

    async def use_the_rest() -> None:
        used.extend([client for client in many if await client.is_alive()])

    async with vacate(tmp_path, server.dsn()) as service:
        service.meanwhile.signals_at_once = 1
        service.meanwhile.after_chunk = use_the_rest
        report = await service.sweep()

    assert len(used) == 4
    assert session_ids(report, Outcome.WOKE) == _pids(*used)
    assert len(session_ids(report, Outcome.TERMINATED)) == 1
    assert all([await client.is_alive() for client in used])


async def test_a_session_that_left_after_the_look_is_reported_gone(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    leaves, stays = await clients.idle(), await clients.idle()

    async def leave() -> None:
        await leaves.connection.close()
        await eventually(lambda: _is_gone(server, leaves.pid))

    async with vacate(tmp_path, server.dsn()) as service:
        service.meanwhile.after_look = leave
        report = await service.sweep()

    assert fates(report)[leaves.pid].outcome is Outcome.GONE
    assert fates(report)[stays.pid].outcome is Outcome.TERMINATED


async def _is_gone(server: LiveServer, pid: int) -> bool:
    return not await server.pids("pid = $1", pid)


async def test_a_session_that_got_the_pid_of_an_ended_one_lives(
    server: LiveServer, clients: Clients, tmp_path: Path
) -> None:
    client = await clients.idle()
    async with vacate(tmp_path, server.dsn()) as service, service.gateway.link(COMPONENT) as link:
        (victim,) = _victims((await link.snapshot()).sessions)
        began_earlier = victim.key.backend_start - timedelta(microseconds=1)
        predecessor = replace(victim, key=replace(victim.key, backend_start=began_earlier))
        answers = [each async for chunk in link.terminate([predecessor], frozenset(GuardName)) for each in chunk]

        assert [(each.key, each.signal) for each in answers] == [(predecessor.key, Signal.GONE)]
        assert not await link.still_present([predecessor.key])
        assert await link.still_present([victim.key])
    assert await client.is_alive()


async def test_no_statement_ever_signals_its_own_session(server: LiveServer, tmp_path: Path) -> None:
    async with vacate(tmp_path, server.dsn()) as service, service.gateway.link(COMPONENT) as link:
        (own,) = [session for session in (await link.snapshot()).sessions if session.own]
        assert own.key
        assert own.state_change
        assert own.in_state_for is not None
        suicides = [
            Victim(key=own.key, pid=own.pid, demand=demand, since=own.state_change, in_state_for=own.in_state_for)
            for demand in Demand
        ]
        answers = [each async for chunk in link.terminate(suicides, frozenset(GuardName)) for each in chunk]

        assert [each.signal for each in answers] == [Signal.PROTECTED] * len(Demand)
        assert await link.still_present([own.key]) == {own.key}


# --- the plan --------------------------------------------------------------------------------------------------------

_READS = "pg_stat_get_activity"
# Through these a victim that was read passes at once, one by one; anything else would gather victims first.
_PASSING = {"Nested Loop", "Hash Join", "Result", "ProjectSet", "Subquery Scan"}
_VALUES = {
    "int4[]": "array_fill(1, '{{{victims}}}')",
    "text": "'same_idle_period'",
    "timestamptz[]": "array_fill(now(), '{{{victims}}}')",
    "int8": "16",
    "bool": "false",
}


def _way_to_reading(plan: Mapping[str, Any]) -> list[str] | None:
    """The steps from the top of a plan down to where the server's sessions are read."""
    if plan.get("Function Name") == _READS:
        return []
    for below in plan.get("Plans", ()):
        way = _way_to_reading(below)
        if way is not None:
            return [plan["Node Type"], *way]
    return None


@on_every_major
@pytest.mark.parametrize("victims", [1, 100])
@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
async def test_the_plan_signals_each_victim_right_after_its_second_read(
    server: LiveServer, clients: Clients, mode: str, victims: int
) -> None:
    """Also where there are many roles, which tempts a planner to read all victims before it looks up the first."""
    await server.ask("DO $$ BEGIN FOR n IN 1..3000 LOOP EXECUTE 'CREATE ROLE extra_' || n; END LOOP; END $$")
    await server.ask("ANALYZE pg_authid")
    try:
        planner = (await clients.idle(f"SET plan_cache_mode = {mode}", user=VACATE)).connection
        sql = statement("postgresql", "terminate", server.major)
        types = [each.name for each in (await planner.prepare(sql)).get_parameters()]
        await planner.execute(f"PREPARE kill AS {sql}")
        values = ", ".join(_VALUES[name].format(victims=victims) for name in types)
        explained = await planner.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE kill ({values})")
    finally:
        await server.ask("DO $$ BEGIN FOR n IN 1..3000 LOOP EXECUTE 'DROP ROLE extra_' || n; END LOOP; END $$")
        await server.ask("VACUUM ANALYZE pg_authid")

    way = _way_to_reading(json.loads(explained)[0]["Plan"])

    assert way, f"the plan reads the sessions nowhere: {explained}"
    assert set(way) <= _PASSING, way
    assert way[-1] == "Nested Loop", way


async def test_the_roles_that_sweep_may_do_no_more_than_see_and_signal(server: LiveServer) -> None:
    granted = await server.ask(
        "SELECT granted.rolname FROM pg_auth_members m JOIN pg_roles granted ON granted.oid = m.roleid"
        " WHERE m.member = 'vacate'::regrole"
    )
    assert {row["rolname"] for row in granted} == {"pg_read_all_stats", "pg_signal_backend"}
    assert await server.ask("SELECT FROM pg_roles WHERE rolname IN ($1, $2) AND NOT rolsuper", VACATE, APP)
