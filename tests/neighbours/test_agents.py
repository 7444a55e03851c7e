"""Agents, workers and monitors: daemons that are idle between two rounds."""

import sys
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.neighbours.beside import PROGRAMS, Bench, Seen, Tool, program, sweep_until, sweep_while, talking
from tests.support.in_process import vacate
from tests.support.postgres import APP, PASSWORD, LiveServer, eventually, installation_of
from vacate.demo.servers import Workplace, free_port
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.judging.victim_warnings import WarningKind

_AGENT = """
CREATE EXTENSION pgagent;
CREATE ROLE agent LOGIN PASSWORD 'correct horse';
GRANT USAGE ON SCHEMA pgagent TO agent;
GRANT ALL ON ALL TABLES IN SCHEMA pgagent TO agent;
GRANT ALL ON ALL SEQUENCES IN SCHEMA pgagent TO agent;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pgagent TO agent;
"""
STEPS = 2
_JOB = """
INSERT INTO pgagent.pga_job (jobid, jobjclid, jobname, jobnextrun) VALUES (1, 1, 'nightly', now());
INSERT INTO pgagent.pga_jobstep (jstjobid, jstname, jstkind, jstdbname, jstcode)
VALUES (1, 'first', 's', 'postgres', 'SELECT pg_sleep(1)'), (1, 'second', 's', 'postgres', 'SELECT 1');
"""


@pytest.fixture(scope="module")
def agents(shared_server: LiveServer) -> LiveServer:
    """A server with pgAgent's tables and a role for it."""
    program("pgagent", "pgagent")
    shared_server.server.psql(_AGENT)
    return shared_server


@pytest.fixture
async def agent(agents: LiveServer, bench: Bench) -> Tool:
    """The daemon, waiting for its first job."""
    bench.remember("agent", PASSWORD)
    login = f"hostaddr=127.0.0.1 port={agents.port} dbname=postgres user=agent"
    daemon = bench.start([program("pgagent", "pgagent"), "-f", "-t", "1", "-l", "2", login])
    await eventually(lambda: agents.pids("usename = 'agent' AND state = 'idle' AND query LIKE '%pga_job J%'"))
    return daemon


async def test_a_worker_of_pgqueuer_is_a_listener(server: LiveServer, tmp_path: Path) -> None:
    server.server.psql("CREATE DATABASE queue OWNER app;")
    dsn = server.server.dsn(APP, PASSWORD, "queue")
    async with (
        talking([sys.executable, PROGRAMS / "pgqueuer_worker.py"], DSN=dsn, INSTALL="1") as worker,
        vacate(tmp_path, server.dsn()) as service,
    ):
        assert await worker.requests(1) == ["ok"]
        seen = await sweep_until(service, lambda seen: "listener" in seen.reasons(user=APP) or bool(seen.ended))
        assert not seen.ended
        assert await worker.requests(2) == ["ok", "ok"]


async def test_pgagent_has_no_name_and_its_daemon_exits_when_its_session_is_ended(
    agents: LiveServer, agent: Tool, tmp_path: Path
) -> None:
    unguarded = GuardSettings(off=frozenset({GuardName.JOB_AGENT}))
    async with vacate(tmp_path, agents.dsn(), guards=unguarded) as service:
        seen = await sweep_while(service, lambda: agent.running)

    assert await agent.ends() == 1
    assert {entry.session.application for entry in seen.of(user="agent")} == {""}
    assert seen.looked_like == {WarningKind.AGENT}


async def test_a_job_of_pgagent_comes_to_its_end(agents: LiveServer, agent: Tool, tmp_path: Path) -> None:
    agents.server.psql(_JOB)
    async with vacate(tmp_path, agents.dsn()) as service:

        async def done(_: Seen) -> bool:
            steps = await agents.ask("SELECT jslstatus FROM pgagent.pga_jobsteplog WHERE jslstatus <> 'r'")
            return len(steps) == STEPS

        seen = await sweep_until(service, done)
        assert agent.running, agent.words

    log = await agents.ask("SELECT jslstatus FROM pgagent.pga_jobsteplog")
    assert [row["jslstatus"] for row in log] == ["s"] * STEPS
    # A session that is done with its step waits, reset, for the next one; the daemon opens another where it is gone.
    assert {entry.session.query for entry in seen.ended} <= {"RESET ALL"}
    assert "job_agent" in seen.reasons(user="agent")


async def test_one_scrape_of_the_exporter_fails_and_the_next_is_fine(
    server: LiveServer, bench: Bench, tmp_path: Path
) -> None:
    # It cannot read the blank of our usual password.
    server.server.psql("CREATE ROLE exporter LOGIN PASSWORD 'scraper'; GRANT pg_monitor TO exporter;")
    login = server.server.dsn("exporter", "scraper")
    port = free_port()
    where = f"http://127.0.0.1:{port}/metrics"
    exporter = bench.start(
        [
            program("prometheus-postgres-exporter", "prometheus-postgres-exporter"),
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        variables={"DATA_SOURCE_NAME": f"{login}?sslmode=disable"},
    )

    async def answers() -> bool:
        assert exporter.running, exporter.words
        with suppress(httpx.TransportError):
            return "pg_up 1" in (await client.get(where)).text
        return False

    async with httpx.AsyncClient(timeout=20) as client, vacate(tmp_path, server.dsn()) as service:
        await eventually(answers)
        seen = await sweep_until(service, lambda seen: bool(seen.ended))
        after = [(await client.get(where)).text for _ in range(3)]

    assert {entry.session.application for entry in seen.ended} == {""}
    assert ["pg_up 1" in text for text in after] == [False, True, True]


async def test_pg_cron_is_no_client(workplace: Workplace, bench: Bench, tmp_path: Path) -> None:
    if not (installation_of(15).bin_dir.parent / "lib" / "pg_cron.so").exists():
        pytest.skip("pg_cron is not on this machine: install Debian's postgresql-15-cron")
    server = LiveServer.start(workplace, "cron", installation_of(15), settings={"shared_preload_libraries": "pg_cron"})
    bench.at_close(server.server.stop)
    server.server.psql("CREATE EXTENSION pg_cron;")
    async with vacate(tmp_path, server.dsn()) as service:
        seen = await sweep_until(service, lambda seen: bool(seen.of(backend_type="pg_cron launcher")))

    assert not seen.ended
    assert seen.reasons(backend_type="pg_cron launcher") == {"not_a_client"}
