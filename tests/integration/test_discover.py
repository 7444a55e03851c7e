"""`vacate discover` on real servers: what it finds it writes, what it cannot know it refuses."""

import asyncio
import base64
import json
import stat
import subprocess
import threading
from collections.abc import Callable, Generator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.support.postgres import PASSWORD, LiveServer, eventually, on_every_major
from vacate.cli import main
from vacate.demo.servers import HOST, Installation, Server, Workplace
from vacate.domain.topology.components import ComponentKind, ComponentRole
from vacate.iam.sealing import SEALING_KEY_VARIABLE
from vacate.settings.loading import load_settings
from vacate.wiring import open_service

_UP_S = 20.0
_QUOTED_PASSWORD = "correct%20horse"  # noqa: S105 - as the DSNs of these servers have it.


@pytest.fixture(scope="module")
def server(workplace: Workplace, installation: Installation) -> Generator[LiveServer]:
    """A primary that also decodes changes for subscribers."""
    live = LiveServer.start(
        workplace, f"discovered-{installation.major}", installation, settings={"wal_level": "logical"}
    )
    yield live
    live.server.stop("immediate")


@pytest.fixture(scope="module")
def standby(server: LiveServer) -> Generator[LiveServer]:
    made = Server.standby_of(server.server, f"discovered-standby-{server.major}")
    made.start()
    live = LiveServer(server=made)
    _wait(lambda: made.psql("SELECT sender_port FROM pg_stat_wal_receiver WHERE status = 'streaming'") != "")
    yield live
    made.stop("immediate")


@pytest.fixture(scope="module")
def stranger(workplace: Workplace, installation: Installation) -> Generator[LiveServer]:
    """A server of another cluster."""
    live = LiveServer.start(workplace, f"discovered-stranger-{installation.major}", installation, own_identity=True)
    yield live
    live.server.stop("immediate")


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "vacate.toml"


def _wait(condition: Callable[[], bool]) -> None:
    patience = threading.Event()
    for _ in range(int(_UP_S / 0.05)):
        if condition():
            return
        patience.wait(0.05)
    pytest.fail(f"not so within {_UP_S:g} s")


def discover(*arguments: str, output: Path | None = None, stdin: str = "") -> Result:
    where = [] if output is None else ["--output", str(output)]
    done = CliRunner().invoke(main, ["discover", *arguments, *where], input=stdin)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def refused(done: Result, *words: str, output: Path) -> None:
    """That it says these words on one line, keeps the password to itself and writes nothing."""
    assert done.exit_code == 1, done.output
    assert done.stderr.startswith("vacate: ")
    assert done.stderr.count("\n") == 1, done.stderr
    missing = [word for word in words if word not in done.stderr]
    assert not missing, done.stderr
    assert PASSWORD not in done.output
    assert _QUOTED_PASSWORD not in done.output
    assert list(output.parent.iterdir()) == []


def at(live: LiveServer) -> str:
    return f"{HOST}:{live.port}"


# --- found -----------------------------------------------------------------------------------------------------------


@on_every_major
def test_a_primary_and_its_standby_become_one_centralised_instance(
    server: LiveServer, standby: LiveServer, output: Path
) -> None:
    done = discover(server.dsn(), standby.dsn(), output=output)
    assert done.exit_code == 0, done.stderr

    servers = load_settings(output).servers()
    by_port = sorted([server, standby], key=lambda live: live.port)
    assert {(c.id, c.kind, c.role): dsn for c, dsn in servers.items()} == {
        (
            f"dn_600{number}",
            ComponentKind.DATA_NODE,
            ComponentRole.PRIMARY if live is server else ComponentRole.STANDBY,
        ): live.dsn()
        for number, live in enumerate(by_port, start=1)
    }
    assert len({(c.instance_id, c.node_id, c.shard) for c in servers}) == 1
    (component, *_) = servers
    assert (len(component.instance_id), len(component.node_id), component.shard) == (36, 36, "6001")


def test_the_file_is_its_owners_alone_and_nothing_else_is_left_behind(
    server: LiveServer, standby: LiveServer, output: Path
) -> None:
    discover(server.dsn(), standby.dsn(), output=output)
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert list(output.parent.iterdir()) == [output]


@on_every_major
async def test_the_file_serves_at_once(
    server: LiveServer, standby: LiveServer, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SEALING_KEY_VARIABLE, base64.b64encode(bytes(32)).decode())
    await asyncio.to_thread(discover, server.dsn(), standby.dsn(), output=output)
    async with open_service(load_settings(output)) as service:

        async def all_ready() -> bool:
            health = service.gateway.health()
            assert len(health) == 2
            return all(each.checked_at and each.problem is None for each in health)

        await eventually(all_ready)


@on_every_major
def test_from_the_standby_alone_its_primary_is_found_with_the_same_login(
    server: LiveServer, standby: LiveServer, output: Path
) -> None:
    done = discover(standby.dsn(), output=output)
    assert done.exit_code == 0, done.stderr
    servers = load_settings(output).servers()
    assert {c.role: dsn for c, dsn in servers.items()} == {
        ComponentRole.PRIMARY: server.dsn(),
        ComponentRole.STANDBY: standby.dsn(),
    }


def test_whoever_is_given_first_the_ids_are_the_same(server: LiveServer, standby: LiveServer, tmp_path: Path) -> None:
    texts: list[str] = []
    for number, dsns in enumerate([(server, standby), (standby, server), (standby,)]):
        output = tmp_path / f"{number}.toml"
        discover(*(live.dsn() for live in dsns), output=output)
        texts.append(output.read_text())
    assert texts[0] == texts[1] == texts[2]


def test_it_says_what_was_found_and_what_to_do_next(server: LiveServer, standby: LiveServer, output: Path) -> None:
    done = discover(server.dsn(), standby.dsn(), "--region", "eu-west", "--name", "shop", output=output)
    project = load_settings(output).projects[0]
    assert at(server) in done.stdout
    assert f"postgresql {server.major}." in done.stdout
    assert "centralised instance shop" in done.stdout
    assert f"vacate user grant oncall --project {project.id} --role operator --config {output}" in done.stdout
    assert f"vacate serve --config {output}" in done.stdout
    assert PASSWORD not in done.output
    assert (project.name, project.region) == ("eu-west", "eu-west")


def test_a_sealing_key_that_is_there_is_not_made_anew(server: LiveServer, standby: LiveServer, output: Path) -> None:
    making = f"> {output.with_name('vacate.key')}"
    assert making in discover(server.dsn(), standby.dsn(), output=output).stdout
    output.unlink()
    output.with_name("vacate.key").touch()
    assert making not in discover(server.dsn(), standby.dsn(), output=output).stdout


def test_the_configuration_can_go_to_standard_output_and_dsns_come_from_standard_input(
    server: LiveServer, standby: LiveServer, tmp_path: Path
) -> None:
    done = discover("-", "--output", "-", stdin=f"{server.dsn()}\n\n{standby.dsn()}\n")
    assert done.exit_code == 0, done.stderr
    (tmp_path / "vacate.toml").write_text(done.stdout)
    assert sorted(load_settings(tmp_path / "vacate.toml").servers().values()) == sorted([server.dsn(), standby.dsn()])
    assert at(server) in done.stderr


# --- refused ---------------------------------------------------------------------------------------------------------


def test_a_standby_whose_port_nobody_tells_is_asked_for(server: LiveServer, standby: LiveServer, output: Path) -> None:
    assert standby.port
    done = discover(server.dsn(), output=output)
    words = (at(server), f"streams to {HOST} ({standby.server.name})", "give its DSN", "--without")
    refused(done, *words, output=output)


def test_a_standby_can_be_left_out_by_name(server: LiveServer, standby: LiveServer, output: Path) -> None:
    done = discover(server.dsn(), "--without", standby.server.name, output=output)
    assert done.exit_code == 0, done.stderr
    assert list(load_settings(output).servers().values()) == [server.dsn()]


def test_a_name_that_leaves_nobody_out_is_refused(server: LiveServer, standby: LiveServer, output: Path) -> None:
    done = discover(server.dsn(), standby.dsn(), "--without", "nobody", output=output)
    refused(done, "--without nobody", output=output)


def test_servers_of_two_clusters_are_refused(server: LiveServer, stranger: LiveServer, output: Path) -> None:
    done = discover(stranger.dsn(), server.dsn(), output=output)
    refused(done, at(stranger), at(server), "system identifiers differ", output=output)


def test_one_server_under_two_addresses_is_refused(server: LiveServer, standby: LiveServer, output: Path) -> None:
    assert standby.port
    done = discover(server.dsn(), server.dsn().replace(HOST, "localhost"), output=output)
    refused(done, f"{at(server)} and localhost:{server.port} are the same server", output=output)


def test_a_role_without_rights_is_refused_with_what_to_run(server: LiveServer, output: Path) -> None:
    done = discover(server.dsn("clerk"), output=output)
    refused(done, 'GRANT pg_read_all_stats TO "clerk"', 'GRANT pg_signal_backend TO "clerk"', output=output)


def test_a_wrong_password_is_refused_and_not_repeated(server: LiveServer, output: Path) -> None:
    done = discover(server.dsn(password="battery staple"), output=output)  # noqa: S106 - a wrong one.
    refused(done, at(server), "login refused", output=output)
    assert "staple" not in done.output


def test_a_file_that_is_there_is_not_overwritten(server: LiveServer, output: Path) -> None:
    output.write_text("mine")
    done = discover(server.dsn(), output=output)
    assert done.exit_code == 1
    assert "exists already" in done.stderr
    assert output.read_text() == "mine"


@pytest.mark.parametrize(
    ("option", "value"), [("--project-id", "short"), ("--region", "two words"), ("--patroni", "http://u:secret@h")]
)
def test_an_option_that_cannot_be_is_refused_before_anybody_is_asked(output: Path, option: str, value: str) -> None:
    done = discover("postgresql://vacate:secret@nowhere.invalid/postgres", option, value, output=output)
    assert done.exit_code == 1
    assert "nowhere" not in done.output
    assert "secret" not in done.output


# --- who is no standby -----------------------------------------------------------------------------------------------


def test_a_program_that_receives_the_log_is_not_taken_for_a_standby(
    server: LiveServer, standby: LiveServer, output: Path
) -> None:
    logs = server.server.place.directory(f"received-{server.major}")
    with _receiving(server, "pg_receivewal", "-D", str(logs), "--no-sync"):
        refused(
            discover(server.dsn(), standby.dsn(), output=output), "pg_receivewal", standby.server.name, output=output
        )
        done = discover(server.dsn(), standby.dsn(), "--without", "pg_receivewal", output=output)
    assert done.exit_code == 0, done.stderr
    assert len(load_settings(output).servers()) == 2


def test_a_subscriber_of_changes_is_not_taken_for_a_standby(
    server: LiveServer, standby: LiveServer, output: Path
) -> None:
    server.server.psql("SELECT pg_create_logical_replication_slot('changes', 'test_decoding')")
    try:
        with _receiving(server, "pg_recvlogical", "--slot", "changes", "--start", "-f", "/dev/null"):
            done = discover(server.dsn(), standby.dsn(), output=output)
    finally:
        _wait(lambda: server.server.psql("SELECT active FROM pg_replication_slots WHERE slot_name = 'changes'") == "f")
        server.server.psql("SELECT pg_drop_replication_slot('changes')")
    assert done.exit_code == 0, done.stderr
    assert len(load_settings(output).servers()) == 2


class _receiving:  # noqa: N801 - reads as what goes on in its block.
    """One of PostgreSQL's programs receives a stream from the server."""

    def __init__(self, server: LiveServer, program: str, *arguments: str) -> None:
        self._server, self._name = server, program
        self._words = server.server.place.path / f"{program}-{server.major}.log"
        passfile = self._words.with_suffix(".pass")
        server.server.place.write(passfile, f"*:*:*:*:{server.server.replication_password()}")
        login = f"host={HOST} port={server.port} user=replicator dbname=postgres passfile={passfile}"
        self._command = [server.server.installation.program(program), "-d", login, "--no-password", *arguments]

    def __enter__(self) -> None:
        self._process = self._server.server.place.spawn(self._command, log=self._words)
        question = f"SELECT count(*) FROM pg_stat_replication WHERE application_name = '{self._name}'"  # noqa: S608
        _wait(lambda: self._server.server.psql(f"{question} AND state = 'streaming'") == "1")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(_UP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


# --- Patroni ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def patroni() -> Generator[tuple[str, list[dict[str, Any]]]]:
    """An interface that names the members it is given."""
    members: list[dict[str, Any]] = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"members": members, "scope": "batman"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - the base's own name.

    with HTTPServer((HOST, 0), Answers) as served:
        thread = threading.Thread(target=served.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://{HOST}:{served.server_port}", members
        served.shutdown()
        thread.join()


def member(live: LiveServer, name: str, role: str, state: str = "running") -> dict[str, Any]:
    return {"name": name, "role": role, "state": state, "host": HOST, "port": live.port, "timeline": 1}


def test_with_patroni_one_dsn_finds_every_member(
    server: LiveServer, standby: LiveServer, patroni: tuple[str, list[dict[str, Any]]], output: Path
) -> None:
    url, members = patroni
    members += [member(server, "a", "leader"), member(standby, "b", "replica", "streaming")]
    done = discover(server.dsn(), "--patroni", url, output=output)
    assert done.exit_code == 0, done.stderr
    settings = load_settings(output)
    assert sorted(settings.servers().values()) == sorted([server.dsn(), standby.dsn()])
    assert settings.projects[0].instances[0].name == "batman"


def test_a_member_that_is_not_what_patroni_calls_it_is_refused(
    server: LiveServer, standby: LiveServer, patroni: tuple[str, list[dict[str, Any]]], output: Path
) -> None:
    url, members = patroni
    members += [member(server, "a", "replica"), member(standby, "b", "leader")]
    done = discover(server.dsn(), "--patroni", url, output=output)
    refused(done, at(server), "is a primary", "a switchover may be under way", output=output)


def test_a_member_that_does_not_run_is_refused_until_it_is_left_out(
    server: LiveServer, standby: LiveServer, patroni: tuple[str, list[dict[str, Any]]], output: Path
) -> None:
    url, members = patroni
    members += [member(server, "a", "leader"), member(standby, "b", "replica"), member(standby, "c", "replica")]
    members[2] |= {"state": "start failed", "port": 1}
    refused(discover(server.dsn(), "--patroni", url, output=output), "start failed", "--without c", output=output)
    done = discover(server.dsn(), "--patroni", url, "--without", "c", output=output)
    assert done.exit_code == 0, done.stderr
