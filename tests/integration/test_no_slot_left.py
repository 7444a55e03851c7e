"""The page for the moment when no slot is left, its SQL done as written on servers that are full."""

import asyncio
import re
import subprocess
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from tests.support.gauss.double import GaussDouble
from tests.support.postgres import APP, VACATE, Client, Clients, LiveServer, eventually
from vacate.demo.servers import Installation, Workplace

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "when-no-slot-is-left.md"
AGE = "interval '5 minutes'"
ANY_AGE = "interval '0'"
POOL = "web"
ADMIN = "keeper"

_SLOTS = 32
_RESERVED = 2
_ENDED = 3  # LIMIT
_FEW = {
    "max_connections": str(_SLOTS),
    "superuser_reserved_connections": str(_RESERVED),
    "wal_level": "replica",
    "max_replication_slots": "2",
}
# What the tests need of the application's role so that its sessions can hold more than a session usually does.
_MAY_HOLD = """
CREATE ROLE boss LOGIN SUPERUSER NOREPLICATION PASSWORD 'correct horse';
GRANT streamer TO app;
GRANT EXECUTE ON FUNCTION pg_backup_start(text, boolean) TO app;
"""


def block(language: str, holding: str) -> str:
    """The one block of that language in the page with these words in it."""
    fences = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (found,) = (body for body in fences if holding in body)
    return found


STATEMENT = block("sql", "pg_terminate_backend")
GAUSS_STATEMENT = block("text", "pg_terminate_session")
LISTING = block("console", "ps -").removeprefix("$ ")


@pytest.fixture(scope="module")
def server(workplace: Workplace, installation: Installation) -> Generator[LiveServer]:
    """A server that is soon full."""
    live = LiveServer.start(workplace, f"full-{installation.major}", installation, settings=_FEW)
    live.server.psql(_MAY_HOLD)
    yield live
    live.server.stop("immediate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Full:
    """A server without a slot for anybody but superusers, who have one left. The oldest sessions are protected."""

    server: LiveServer
    superuser: asyncpg.Connection
    protected: dict[str, Client]
    pool: list[Client]

    async def run(self, statement: str) -> list[asyncpg.Record]:
        return await self.superuser.fetch(statement)


@pytest.fixture
async def full(server: LiveServer, clients: Clients) -> AsyncGenerator[Full]:
    hold = "BEGIN; DECLARE held CURSOR WITH HOLD FOR SELECT generate_series(1, 9); COMMIT"
    slot = "SET ROLE streamer; SELECT pg_create_physical_replication_slot('owned', true, true); RESET ROLE"
    protected = {
        "listener": await clients.idle("LISTEN jobs"),
        "advisory lock": await clients.idle("SELECT pg_advisory_lock(7)"),
        "slot owner": await clients.idle(slot, "SELECT 1"),
        "held cursor": await clients.idle(hold),
        "held cursor in use": await clients.idle(hold, "FETCH held"),
        "backup": await clients.idle("SELECT pg_backup_start('nightly', true)"),
        "working": await clients.active(),
        "in a transaction": await clients.idle("BEGIN"),
        "failed transaction": await clients.aborted(),
        "its pool's last": await clients.idle(application="alone"),
    }
    # Each of these is the oldest of two, so that it does not live for being the last of its pool.
    for turn in ("oldest", "youngest"):
        protected |= {
            f"{turn} superuser": await clients.idle(user="boss"),
            f"{turn} replication role": await clients.idle(user="streamer"),
            f"{turn} of Vacate": await clients.idle(user=VACATE, application="anything"),
            f"{turn} restore": await clients.idle(application="pg_restore"),
            f"{turn} cluster manager": await clients.idle(application="Patroni"),
            f"{turn} coordinator": await clients.idle(application="cn_5001"),
            f"{turn} without an address": await clients.local(),
        }
    pool = [await clients.idle() for _ in range(_SLOTS - _RESERVED - len(protected))]
    superuser = await asyncpg.connect(server.server.superuser_dsn)
    with pytest.raises(asyncpg.TooManyConnectionsError):
        await asyncpg.connect(server.dsn(APP))
    yield Full(server=server, superuser=superuser, protected=protected, pool=pool)
    await superuser.close(timeout=5)


async def _gone(server: LiveServer, pids: list[int]) -> bool:
    return not await server.pids("pid = ANY($1::int[])", pids)


async def _fates(full: Full) -> dict[str, bool]:
    """Whether each protected session still works; the one at work must only be there."""
    await full.protected["failed transaction"].use("ROLLBACK")
    fates = {name: await client.is_alive() for name, client in full.protected.items() if client.statement is None}
    working = full.protected["working"]
    return {**fates, "working": bool(await full.server.pids("pid = $1 AND state = 'active'", working.pid))}


async def test_the_longest_idle_of_a_pool_end_and_whoever_vacate_spares_lives(full: Full) -> None:
    rows = await full.run(STATEMENT.replace(AGE, ANY_AGE))
    ended, rest = full.pool[:_ENDED], full.pool[_ENDED:]
    assert [(row["pid"], row["ended"]) for row in rows] == [(client.pid, True) for client in ended]
    await eventually(lambda: _gone(full.server, [client.pid for client in ended]))

    application = await asyncpg.connect(full.server.dsn(APP))
    await application.close()
    assert [name for name, alive in (await _fates(full)).items() if not alive] == []
    assert all([await client.is_alive() for client in rest])


async def test_the_youngest_of_a_pool_stays_however_often_it_is_repeated(full: Full) -> None:
    for _ in range(len(full.pool)):
        await full.run(STATEMENT.replace(AGE, ANY_AGE))
    await eventually(lambda: _gone(full.server, [client.pid for client in full.pool[:-1]]))
    assert await full.pool[-1].is_alive()
    assert all((await _fates(full)).values())


async def test_sessions_that_have_not_been_idle_for_long_are_nobodys_victims(full: Full) -> None:
    assert await full.run(STATEMENT) == []


async def test_a_session_that_wakes_between_the_two_reads_lives(full: Full) -> None:
    # The statement stops where it drops its copy of the list, until the pool's oldest session was used.
    await full.superuser.execute("""
        CREATE SCHEMA between;
        CREATE FUNCTION between.pg_stat_clear_snapshot() RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_advisory_lock(8), pg_advisory_unlock(8);
            PERFORM pg_catalog.pg_stat_clear_snapshot();
        END $$;
        SET search_path = between, pg_catalog;
    """)
    woken, *others = full.pool[:_ENDED]
    holder = full.protected["oldest superuser"].connection
    await holder.execute("SELECT pg_advisory_lock(8)")
    running = asyncio.create_task(full.run(STATEMENT.replace(AGE, ANY_AGE)))
    try:
        # No slot is left for another superuser's question.
        waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        await eventually(lambda: holder.fetchval(waits))
        await woken.use()
        await holder.execute("SELECT pg_advisory_unlock(8)")
        rows = await running
    finally:
        await asyncio.wait([running])
        await full.superuser.execute("RESET search_path; DROP SCHEMA between CASCADE")
    assert {row["pid"]: row["ended"] for row in rows} == {woken.pid: False} | {other.pid: True for other in others}
    assert await woken.is_alive()


async def test_without_any_login_the_machine_names_the_idle_processes(full: Full) -> None:
    last = await asyncpg.connect(full.server.server.superuser_dsn)
    try:
        with pytest.raises(asyncpg.TooManyConnectionsError):
            await asyncpg.connect(full.server.server.superuser_dsn)
        listed = await asyncio.to_thread(
            subprocess.run, ["sh", "-c", LISTING], check=True, capture_output=True, text=True
        )
        lines = {int(line.split()[0]): line for line in listed.stdout.splitlines()}
        assert {client.pid for client in full.pool} <= lines.keys()
        assert APP in lines[full.pool[0].pid]
        assert full.protected["working"].pid not in lines
        assert full.protected["in a transaction"].pid not in lines
        await asyncio.to_thread(subprocess.run, ["kill", str(full.pool[0].pid)], check=True)
    finally:
        await last.close(timeout=5)
    await eventually(lambda: _gone(full.server, [full.pool[0].pid]))
    assert all((await _fates(full)).values())


# --- openGauss and GaussDB, on the double -----------------------------------------------------------------------------


async def test_on_the_gauss_family_the_longest_idle_of_a_pool_end_too(
    gauss_server: GaussDouble, gauss_clients: Clients
) -> None:
    gauss_server.sysadmin(ADMIN)
    gauss_server.user("rdsAdmin")
    protected = {
        "advisory lock": await gauss_clients.idle("SELECT pg_advisory_lock(7)"),
        "in a transaction": await gauss_clients.idle("BEGIN"),
        "its pool's last": await gauss_clients.idle(application="alone"),
    }
    for turn in ("oldest", "youngest"):
        protected |= {
            f"{turn} administrator": await gauss_clients.idle(user=ADMIN),
            f"{turn} of Vacate": await gauss_clients.idle(user=VACATE, application="anything"),
            f"{turn} of the platform": await gauss_clients.idle(user="rdsAdmin"),
            f"{turn} coordinator": await gauss_clients.idle(application="cn_5001"),
            f"{turn} tool": await gauss_clients.idle(application="gs_clean"),
            f"{turn} thread": await gauss_clients.idle(application="JobWorker"),
            f"{turn} without an address": await gauss_clients.local(),
        }
    pool = [await gauss_clients.idle() for _ in range(_ENDED + 2)]
    assert await gauss_server.ask_as(ADMIN, GAUSS_STATEMENT) == []

    ids = [await gauss_server.sessionid_of(client.pid) for client in pool[:_ENDED]]
    rows = await gauss_server.ask_as(ADMIN, GAUSS_STATEMENT.replace(AGE, ANY_AGE))
    assert [(row["sessionid"], row["ended"]) for row in rows] == [(session_id, True) for session_id in ids]
    await eventually(lambda: _gone(gauss_server, [client.pid for client in pool[:_ENDED]]))
    assert [name for name, client in protected.items() if not await client.is_alive()] == []
    assert all([await client.is_alive() for client in pool[_ENDED:]])
