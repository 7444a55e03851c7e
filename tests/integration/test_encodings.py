"""No text can stop a component: databases of every encoding beside one another, looked at from each of them."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.support.gauss.double import GaussDouble
from tests.support.in_process import COMPONENT, INSTANCE, PROJECT, Vacate, fates, new_actor, session_ids, vacate
from tests.support.postgres import VACATE, LiveServer
from tests.support.raw_sessions import RawSessions, database_dsn, raw_sessions
from tests.support.watched import inventory_of
from vacate.domain.errors import ComponentUnreachableError
from vacate.domain.judging.criteria import Criteria, Selection
from vacate.domain.judging.guards import GuardName
from vacate.domain.plans.plan import Scope
from vacate.domain.sessions.activity import Activity, ActivityFilter
from vacate.domain.sessions.census import Census
from vacate.domain.sweeps.report import Outcome
from vacate.domain.texts import for_csv, for_log, for_terminal
from vacate.domain.topology.components import Instance, Target
from vacate.operations.clock import utc_now
from vacate.operations.patterns import glob
from vacate.operations.plans.make_plan import MakePlan
from vacate.operations.reading.explain import Explain
from vacate.operations.reading.list_databases import ListDatabases
from vacate.operations.reading.list_sessions import ListSessions
from vacate.operations.reading.take_census import TakeCensus
from vacate.store.plans import SqlPlans
from vacate.store.types import as_kept

ENCODINGS = {"utf8": "UTF8", "latin1": "LATIN1", "sqlascii": "SQL_ASCII", "eucjp": "EUC_JP", "win1251": "WIN1251"}
TARGET = Target(project_id=PROJECT, instance_id=INSTANCE, node_id=COMPONENT.node_id, component_id=COMPONENT.id)
PATIENCE = timedelta(seconds=20)
SHOP = Instance(project_id=PROJECT, id=INSTANCE, name="shop", components=(COMPONENT,))

# Whatever Vacate's own database is, it reads the others; the one it is in is named first.
from_each = pytest.mark.parametrize("home", ENCODINGS)


@pytest.fixture(scope="module")
def babel(server: LiveServer) -> LiveServer:
    """The server with a database of each encoding."""
    for name, encoding in ENCODINGS.items():
        server.server.psql(
            f"CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
    return server


@pytest.fixture
async def raw(babel: LiveServer) -> AsyncGenerator[RawSessions]:
    async with raw_sessions(babel) as sessions:
        yield sessions


@asynccontextmanager
async def vacate_in(
    home: str, server: LiveServer, tmp_path: Path, criteria: Criteria | None = None
) -> AsyncGenerator[Vacate]:
    """Vacate with its own session in one of the databases."""
    async with vacate(tmp_path, database_dsn(server, home, VACATE), criteria=criteria) as service:
        yield service


async def listed(service: Vacate, wanted: ActivityFilter | None = None) -> dict[int, Activity]:
    """The sessions of the component, by what they are ended by."""
    operation = ListSessions(inventory=inventory_of(SHOP), gateway=service.gateway)
    return {found.session_id: found for found in await operation(new_actor(), TARGET, wanted or ActivityFilter())}


@from_each
async def test_an_idle_session_of_any_encoding_is_read_and_ended(
    home: str, babel: LiveServer, raw: RawSessions, tmp_path: Path
) -> None:
    statements = {
        "utf8": r"SELECT 'café \x 中'",
        "latin1": r"SELECT 'café \x'",
        "sqlascii": "SELECT 'café 中'",
        "eucjp": "SELECT 'カフェ'",
        "win1251": "SELECT 'кофе'",
    }
    codecs = {"latin1": "latin-1", "eucjp": "euc_jp", "win1251": "cp1251"}
    opened = {
        name: await raw.idle(name, statement.encode(codecs.get(name, "utf-8")))
        for name, statement in statements.items()
    }
    async with vacate_in(home, babel, tmp_path) as service:
        found = await listed(service)
        report = await service.sweep()
    assert {name: found[session.pid].query for name, session in opened.items()} == statements
    assert session_ids(report, Outcome.TERMINATED) == {session.pid for session in opened.values()}
    assert report.succeeded


@from_each
async def test_a_statement_that_cannot_be_decoded_spares_its_session_and_no_other(
    home: str, babel: LiveServer, raw: RawSessions, tmp_path: Path
) -> None:
    garbled = await raw.idle("sqlascii", b"SELECT 'caf\xe9'")
    readable = await raw.idle("latin1", b"SELECT 'caf\xe9'")
    async with vacate_in(home, babel, tmp_path) as service:
        found = await listed(service)
        report = await service.sweep()
    assert found[garbled.pid].query == r"SELECT 'caf\xe9'"
    assert session_ids(report, Outcome.TERMINATED) == {readable.pid}
    spared = fates(report)[garbled.pid]
    assert (spared.by, spared.reason) == (GuardName.UNKNOWN, "not decodable: statement")


@from_each
async def test_a_statement_that_the_server_cut_within_a_character_is_decoded(
    home: str, babel: LiveServer, raw: RawSessions, tmp_path: Path
) -> None:
    sessions = [await raw.idle("utf8", b"SELECT '" + b"x" * shift + "中".encode() * 500 + b"'") for shift in range(3)]
    sessions += [
        await raw.idle("eucjp", b"SELECT '" + b"x" * shift + "カ".encode("euc_jp") * 600 + b"'") for shift in (0, 1)
    ]
    async with vacate_in(home, babel, tmp_path) as service:
        report = await service.sweep()
    assert session_ids(report, Outcome.TERMINATED) == {session.pid for session in sessions}


async def test_names_are_decoded_by_our_own_database_where_they_are_no_utf_8(
    babel: LiveServer, raw: RawSessions, tmp_path: Path
) -> None:
    boss = await raw.idle("latin1", user="postgres")
    for statement in (
        b"CREATE ROLE \"jos\xe9\" LOGIN PASSWORD 'correct horse'",
        b"CREATE DATABASE \"caf\xe9\" ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0",
    ):
        assert await boss.run(statement) is None
    try:
        for home, user, database in (("utf8", r"jos\xe9", r"caf\xe9"), ("latin1", "josé", "café")):
            named = await raw.named(b"caf\xe9", b"jos\xe9")
            async with vacate_in(home, babel, tmp_path) as service:
                found = await listed(service, ActivityFilter(user=user, database=database))
                databases = await ListDatabases(
                    inventory=inventory_of(SHOP), gateway=service.gateway, answer_within=PATIENCE
                )(new_actor(), PROJECT, INSTANCE)
                report = await service.sweep()
            assert set(found) == {named}
            assert database in databases
            if home == "utf8":
                assert fates(report)[named].reason == "not decodable: database, user"
            assert (named in session_ids(report, Outcome.TERMINATED)) is (home == "latin1")
            await raw.close()
    finally:
        babel.server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        for statement in (b'DROP DATABASE "caf\xe9" WITH (FORCE)', b'DROP ROLE "jos\xe9"'):
            boss = await raw.idle("latin1", user="postgres")
            assert await boss.run(statement) is None


async def test_no_criterion_chooses_a_session_by_a_text_that_could_not_be_decoded(
    babel: LiveServer, raw: RawSessions, tmp_path: Path
) -> None:
    garbled = await raw.idle("sqlascii", b"SELECT 'caf\xe9'")
    everything = Criteria(statements=Selection(include=(glob("*", "here"),)))
    async with vacate_in("utf8", babel, tmp_path, criteria=everything) as service:
        report = await service.sweep()
    assert fates(report)[garbled.pid].reason == "its last statement is unknown"


async def test_a_server_that_refuses_in_words_of_another_encoding_is_understood_by_its_sqlstate(
    tmp_path: Path,
) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(int.from_bytes(await reader.readexactly(4)) - 4)
        fields = "SFATALÉ", "VFATAL", "C53300", "Mdésolé, trop de clients"
        body = b"".join(each.encode("latin-1") + b"\0" for each in fields) + b"\0"
        writer.write(b"E" + (4 + len(body)).to_bytes(4) + body)
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, vacate(tmp_path, f"postgresql://v:x@127.0.0.1:{port}/postgres?sslmode=disable") as service:
        with pytest.raises(ComponentUnreachableError, match=r"no connection slot is left .*d\\xe9sol\\xe9"):
            await service.sweep()


@seed(20)
@settings(
    max_examples=int(os.environ.get("VACATE_EXAMPLES", "100")) // 25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    database=None,
)
@given(texts=st.lists(st.binary(min_size=1, max_size=40), min_size=3, max_size=3), home=st.sampled_from([*ENCODINGS]))
async def test_whatever_the_bytes_are_every_way_of_asking_answers(
    texts: list[bytes], home: str, babel: LiveServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Every database gets every text that its server takes. What can be decoded is ended, the rest is spared."""
    async with raw_sessions(babel) as raw, vacate_in(home, babel, tmp_path_factory.mktemp("store")) as service:
        for name in ENCODINGS:
            for text in texts:
                session = await raw.idle(name)
                # A server refuses what is not valid in its own encoding, except where it has none.
                await session.run(b"SET application_name = '" + _quoted(text) + b"'")
                await session.run(b"SELECT '" + _quoted(text) + b"'")
        inventory = inventory_of(SHOP)
        found = await listed(service)
        planned = MakePlan(
            inventory=inventory,
            gateway=service.gateway,
            plans=SqlPlans(service.database),
            journal=service.journal,
            clock=utc_now,
            answer_within=PATIENCE,
        )
        plan = await planned(new_actor(), Scope(project_id=PROJECT))
        explained = [
            await Explain(inventory=inventory, gateway=service.gateway)(new_actor(), TARGET, pid=session.pid)
            for session in raw.opened[:2]
        ]
        census = await TakeCensus(
            inventory=inventory, gateway=service.gateway, clock=utc_now, good_for=timedelta(minutes=1)
        )()
        report = await service.sweep()
        recorded = [entry for event in await service.events_of(report) for entry in event.sessions]

    assert len(found) == len(ENCODINGS) * len(texts)
    outcomes = fates(report)
    for pid, activity in found.items():
        fate = outcomes[pid]
        garbled = fate.session.undecodable
        assert fate.outcome is (Outcome.SPARED if garbled else Outcome.TERMINATED), fate
        assert not garbled or fate.reason.startswith("not decodable: "), fate
        for text in (activity.query, activity.application, fate.session.query, fate.reason):
            assert text is not None
            assert as_kept(text) == text
            for destination in (for_csv, for_log, for_terminal):
                destination(text)
    assert {line.problem for line in plan.plan.components} == {None}
    assert {victim.pid for line in plan.plan.components for victim in line.victims} == session_ids(
        report, Outcome.TERMINATED
    )
    assert all(isinstance(counted, Census) for counted in census)
    assert len(explained) == 2
    assert {entry.session_id for entry in recorded} >= set(found)
    msgspec.json.encode([[activity._asdict() for activity in found.values()], [asdict(entry) for entry in recorded]])


def _quoted(text: bytes) -> bytes:
    return text.replace(b"\0", b"").replace(b"'", b"''")


async def test_a_session_of_the_gauss_family_is_read_by_the_encoding_of_its_database(
    gauss_server: GaussDouble, tmp_path: Path
) -> None:
    for name, encoding in (("gl1", "LATIN1"), ("gcn", "EUC_CN"), ("gsa", "SQL_ASCII")):
        gauss_server.server.psql(
            f"CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
    async with raw_sessions(gauss_server) as raw:
        statements = {"gl1": "SELECT 'café'", "gcn": "SELECT '咖啡'"}
        for name, codec in (("gl1", "latin-1"), ("gcn", "gb2312")):
            await raw.idle(name, statements[name].encode(codec))
        await raw.idle("gsa", b"SELECT 'caf\xe9'")
        async with vacate(tmp_path, gauss_server.dsn()) as service:
            found = {activity.query: activity.session_id for activity in (await listed(service)).values()}
            report = await service.sweep()
    garbled = found.pop(r"SELECT 'caf\xe9'")
    assert set(found) == set(statements.values())
    assert session_ids(report, Outcome.TERMINATED) == set(found.values())
    assert fates(report)[garbled].reason == "not decodable: statement"
