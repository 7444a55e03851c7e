"""Programs that watch over a cluster and decide who is its primary."""

from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.neighbours.beside import Bench, Tool, program, sweep_until
from tests.support.in_process import vacate
from tests.support.postgres import PASSWORD, LiveServer, eventually, installation_of
from vacate.demo.servers import Workplace, free_port
from vacate.domain.judging.settings import GuardName, GuardSettings

TIMES = 3
_REPMGR = """
node_id = 1
node_name = 'one'
conninfo = 'host=127.0.0.1 port={port} user=repmgr dbname=repmgr connect_timeout=5'
data_directory = '{data}'
failover = automatic
promote_command = 'touch {folder}/promoted'
follow_command = 'touch {folder}/followed'
monitoring_history = no
monitor_interval_secs = 1
"""
_PATRONI = """
scope: beside
name: one
restapi: {{listen: "127.0.0.1:{rest}", connect_address: "127.0.0.1:{rest}"}}
raft: {{data_dir: "{folder}/raft", self_addr: "127.0.0.1:{raft}", partner_addrs: []}}
bootstrap:
  dcs: {{ttl: 30, loop_wait: 1, retry_timeout: 10, postgresql: {{use_pg_rewind: false, parameters: {{fsync: "off"}}}}}}
  initdb: [{{encoding: UTF8}}, no-sync]
postgresql:
  listen: "127.0.0.1:{port}"
  connect_address: "127.0.0.1:{port}"
  data_dir: "{folder}/data"
  bin_dir: "{programs}"
  pgpass: "{folder}/pgpass"
  authentication:
    superuser: {{username: postgres, password: "{password}"}}
    replication: {{username: streamer, password: "{password}"}}
  parameters: {{unix_socket_directories: "{folder}"}}
  pg_hba: ["local all all trust", "host all all 127.0.0.1/32 md5", "host replication all 127.0.0.1/32 md5"]
"""


@pytest.fixture
async def watched(workplace: Workplace, bench: Bench) -> tuple[LiveServer, Tool]:
    """A server that repmgr's daemon watches, by a role that is no superuser."""
    repmgr, daemon = program("repmgr", "repmgr"), program("repmgrd", "repmgr")
    server = LiveServer.start(
        workplace, f"watched-{bench.folder.name}", installation_of(15), settings={"shared_preload_libraries": "repmgr"}
    )
    bench.at_close(lambda: server.server.stop("immediate"))
    server.server.psql(
        "CREATE ROLE repmgr LOGIN SUPERUSER PASSWORD 'correct horse'; CREATE DATABASE repmgr OWNER repmgr;"
    )
    bench.remember("repmgr", PASSWORD)
    words = _REPMGR.format(port=server.port, data=server.server.data_dir, folder=bench.folder)
    settings = bench.write("repmgr.conf", words)
    await bench.run([repmgr, "-f", settings, "primary", "register"])
    server.server.psql("ALTER ROLE repmgr NOSUPERUSER; GRANT pg_monitor TO repmgr;")
    watcher = bench.start([daemon, "-f", settings, "--daemonize=false", f"--pid-file={bench.folder}/repmgrd.pid"])

    async def watches() -> bool:
        assert watcher.running, watcher.words
        return "monitoring cluster primary" in watcher.words

    await eventually(watches)
    return server, watcher


async def test_repmgrd_is_a_cluster_manager(watched: tuple[LiveServer, Tool], tmp_path: Path) -> None:
    server, watcher = watched
    async with vacate(tmp_path, server.dsn()) as service:
        seen = await sweep_until(service, lambda seen: "cluster_manager" in seen.reasons(application="repmgr"))

    assert not seen.ended
    assert watcher.running, watcher.words


async def test_repmgrd_connects_again_when_its_session_was_ended(
    watched: tuple[LiveServer, Tool], bench: Bench, tmp_path: Path
) -> None:
    server, watcher = watched
    unguarded = GuardSettings(off=frozenset({GuardName.CLUSTER_MANAGER, GuardName.COMPANION_USER}))
    async with vacate(tmp_path, server.dsn(), guards=unguarded) as service:
        seen = await sweep_until(service, lambda seen: bool(seen.ended))
    ended = {entry.session.pid for entry in seen.ended}
    await eventually(lambda: server.pids("application_name = 'repmgr' AND pid <> ALL($1)", list(ended)), within_s=30)

    assert watcher.running, watcher.words
    assert not (bench.folder / "promoted").exists()


async def test_patroni_keeps_its_primary_also_when_its_sessions_are_ended_again_and_again(
    bench: Bench, tmp_path: Path
) -> None:
    patroni, port, rest = program("patroni", "patroni"), free_port(), free_port()
    words = _PATRONI.format(
        rest=rest,
        raft=free_port(),
        port=port,
        folder=bench.folder,
        password=PASSWORD,
        programs=installation_of(15).bin_dir,
    )
    tool = bench.start([patroni, bench.write("patroni.yml", words)])
    superuser = f"postgresql://postgres:{quote(PASSWORD)}@127.0.0.1:{port}/postgres"

    async def leads() -> bool:
        assert tool.running, tool.words
        with suppress(httpx.TransportError):
            return (await client.get(f"http://127.0.0.1:{rest}/primary")).is_success
        return False

    async with httpx.AsyncClient() as client:
        await eventually(leads, within_s=60)
        async with vacate(tmp_path, superuser) as service:
            seen = await sweep_until(service, lambda seen: bool(seen.of(application="Patroni", state="idle")))
        assert not seen.ended
        assert "superuser" in seen.reasons(application="Patroni")

        unguarded = GuardSettings(off=frozenset({GuardName.SUPERUSER, GuardName.CLUSTER_MANAGER}))
        (tmp_path / "forced").mkdir()
        async with vacate(tmp_path / "forced", superuser, guards=unguarded) as service:
            seen = await sweep_until(service, lambda seen: len(seen.ended) >= TIMES)
        await eventually(leads)

    assert "promoted" not in tool.words
    assert tool.words.count("initialized a new cluster") == 1
