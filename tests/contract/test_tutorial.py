"""The tutorial and the pages with programs, done as written: their programs, commands and SQL, on the demo."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from tests.support.service import COORDINATOR, DATA_NODE, HOST, eventually

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial" / "first-sweep.md"
CLIENTS = ROOT / "docs" / "howto" / "use-the-vendors-clients.md"
EMERGENCY = ROOT / "docs" / "howto" / "when-no-slot-is-left.md"
CLIENT = ROOT / "docs" / "reference" / "client.md"
PLANNING = ROOT / "docs" / "howto" / "plan-and-apply.md"
PASSWORD = "a long password"  # noqa: S105 - of a user that lives as long as the demo

_UP_S = 60.0
_DOWN_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """The demo, up, in a folder that looks like a checkout to who follows the pages."""

    folder: Path
    connection: dict[str, Any]
    words: Path

    def run(self, *command: str | Path, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the folder, to its end."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env=_environment() | environment,
            input=stdin,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def component(self, component_id: str) -> dict[str, Any]:
        """What a client is told of a component."""
        return next(entry for entry in self.connection["components"] if entry["component_id"] == component_id)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Generator[Demo]:
    folder = tmp_path_factory.mktemp("checkout")
    words = folder / "words.txt"
    with words.open("wb") as output:
        process = subprocess.Popen(
            [_program(), "demo", "--port", "0"],
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        eventually(lambda: process.poll() is not None or "until Ctrl-C" in words.read_text(), within_s=_UP_S)
        assert process.poll() is None, words.read_text()
        connection = json.loads((folder / ".demo" / "connection.json").read_text())
        yield Demo(folder=folder, connection=connection, words=words)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            status = process.wait(_DOWN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
    assert status == 0, words.read_text()


@pytest.fixture(scope="module")
def first_sweep(demo: Demo) -> str:
    """What the tutorial's program prints."""
    (demo.folder / ".demo" / "first_sweep.py").write_text(_block(TUTORIAL, "python"), encoding="utf-8")
    done = demo.run(sys.executable, ".demo/first_sweep.py")
    assert done.returncode == 0, done.stderr
    return done.stdout


def _block(page: Path, info: str, *, holding: str = "") -> str:
    """The one block of that kind in a page; where there are several, the one with these words in it."""
    fences = re.findall(rf"^```{info}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    found = [body for body in fences if holding in body]
    assert len(found) == 1, f"{page.name} has {len(found)} such blocks"
    return found[0]


def _program() -> Path:
    return Path(sys.executable).with_name("vacate")


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("VACATE_")} | {"NO_PROXY": HOST}


# --- what the demo offers ---------------------------------------------------------------------------------------------


def _sign_in(demo: Demo, body: dict[str, Any]) -> httpx.Response:
    return httpx.post(f"{demo.connection['endpoint']}/v3/auth/tokens", json=body, trust_env=False)


def test_a_call_of_the_reference_can_be_tried_with_what_the_demo_wrote_down(demo: Demo) -> None:
    signed_in = _sign_in(demo, demo.connection["sign_in"])
    assert signed_in.status_code == 201, signed_in.text
    token = {"X-Auth-Token": signed_in.headers["X-Subject-Token"]}
    path = f"/v3/{demo.connection['project_id']}/instances"
    listed = httpx.get(demo.connection["endpoint"] + path, headers=token, trust_env=False)
    assert [instance["id"] for instance in listed.json()["instances"]] == [demo.connection["instance_id"]]


def test_the_commands_that_the_demo_names_work_beside_it(demo: Demo) -> None:
    shown = [line.strip() for line in demo.words.read_text().splitlines() if line.rstrip().endswith("vacate.toml")]
    audit, password = (line.removeprefix("as an operator").strip() for line in shown)
    listed = demo.run("sh", "-c", audit)
    assert listed.returncode == 0, listed.stderr
    assert "session:kill_idle" in listed.stdout

    for given, refused in (("another long password", demo.connection["password"]), (demo.connection["password"], "no")):
        done = demo.run("sh", "-c", password, stdin=f"{given}\n")
        assert done.returncode == 0, done.stderr
        body = json.dumps(demo.connection["sign_in"])
        assert _sign_in(demo, json.loads(body.replace(demo.connection["password"], given))).status_code == 201
        assert _sign_in(demo, json.loads(body.replace(demo.connection["password"], refused))).status_code == 401


def test_a_second_demo_in_the_same_folder_is_refused_and_harms_nothing(demo: Demo) -> None:
    kept = {path.name: path.read_bytes() for path in (demo.folder / ".demo").glob("*.*") if path.suffix != ".db"}
    second = demo.run(_program(), "demo", "--port", "0", "--once")
    assert second.returncode == 1
    assert "a demo is running in" in second.stderr
    assert "kill " in second.stderr
    assert kept == {
        path.name: path.read_bytes() for path in (demo.folder / ".demo").glob("*.*") if path.suffix != ".db"
    }
    assert _sign_in(demo, demo.connection["sign_in"]).status_code == 201


def test_a_demo_on_a_port_that_is_taken_says_how_to_get_another(demo: Demo, tmp_path: Path) -> None:
    taken = demo.connection["endpoint"].rpartition(":")[2]
    other = Demo(folder=tmp_path, connection={}, words=demo.words)
    # `make demo PORT=…` passes the option; the variable is the service's.
    for options, variable in (("--port", taken), {}), ((), {"VACATE_PORT": taken}):
        refused = other.run(_program(), "demo", *options, **variable)
        assert refused.returncode == 1
        assert "Address already in use" in refused.stderr
        # The fixture above is a demo that was started so.
        assert "`vacate demo --port 0`, or `make demo PORT=0`" in refused.stderr


def test_a_folder_that_cannot_be_used_is_named(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / ".demo").write_text("a file\n")
    refused = Demo(folder=tmp_path, connection={}, words=demo.words).run(_program(), "demo", "--port", "0")
    assert refused.returncode == 1
    assert f"cannot use the folder {tmp_path / '.demo'}" in refused.stderr


# --- the tutorial ----------------------------------------------------------------------------------------------------


def test_the_first_sweep_ends_the_idle_session_and_spares_the_open_transaction(first_sweep: str) -> None:
    outcomes, request_id, *rest = first_sweep.splitlines()
    assert re.fullmatch(r"outcomes: spared=\d+, terminated=1", outcomes)
    assert re.fullmatch(r"request id: [0-9a-f]{32}", request_id)
    assert rest == ["success: True", "still there: has an open transaction - idle in transaction"]


def test_the_page_shows_what_the_program_prints(first_sweep: str) -> None:
    shown = _block(TUTORIAL, "console", holding="first_sweep.py").splitlines()[1:]

    def shape(line: str) -> str:
        return re.sub(r"\d+", "0", re.sub(r"[0-9a-f]{32}", "0", line))

    assert [shape(line) for line in shown] == [shape(line) for line in first_sweep.splitlines()]


def test_the_audit_tells_why(demo: Demo, first_sweep: str) -> None:
    asked = _block(TUTORIAL, "console", holding="audit show").removeprefix("$ ").strip()
    request_id = first_sweep.splitlines()[1].removeprefix("request id: ")
    command = asked.replace("REQUEST_ID", request_id).replace(".venv/bin/vacate", str(_program()))
    done = demo.run("sh", "-c", command)
    assert done.returncode == 0, done.stderr
    intended, _, finished = done.stdout.partition("session:kill_idle:finished")
    assert "session:kill_idle:intended" in intended
    assert re.search(r"guest.*has nothing to do.*intended.*to be ended", intended)
    assert re.search(r"guest.*has nothing to do.*terminated.*seen to be gone", finished)
    assert re.search(r"guest.*has an open transaction.*spared.*its state is 'idle in transaction'", finished)


# --- the vendor's clients --------------------------------------------------------------------------------------------


def test_the_program_finds_its_project_by_region_lists_the_sessions_and_ends_the_named_ones(demo: Demo) -> None:
    (demo.folder / ".demo" / "watch.py").write_text(_block(CLIENTS, "python"), encoding="utf-8")
    shown = _block(CLIENTS, "console", holding="watch.py").splitlines()
    done = demo.run(sys.executable, ".demo/watch.py", *shown[0].split()[3:])
    assert done.returncode == 0, done.stderr

    def without_numbers(line: str) -> str:
        return re.sub(r": \d+ sessions", ": 0 sessions", line)

    assert [without_numbers(line) for line in done.stdout.splitlines()] == [without_numbers(line) for line in shown[1:]]


# --- the emergency ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def anna(demo: Demo) -> str:
    """A user with a password and the role operator, made with our own commands."""
    grant = ("user", "grant", "anna", "--project", demo.connection["project_id"], "--role", "operator")
    for arguments in ("user", "add", "anna", "--password-stdin"), grant:
        done = demo.run(_program(), *arguments, stdin=f"{PASSWORD}\n", VACATE_CONFIG=".demo/vacate.toml")
        assert done.returncode == 0, done.stderr
    return "anna"


def _sweep(
    demo: Demo, user: str, password: str, *wanted: str, component: str = COORDINATOR
) -> subprocess.CompletedProcess[str]:
    (demo.folder / "sweep.py").write_text(_block(EMERGENCY, "python"), encoding="utf-8")
    ids = (demo.connection["project_id"], demo.connection["instance_id"], demo.component(component)["node_id"])
    command = (sys.executable, "sweep.py", demo.connection["endpoint"], *ids, component, user, *wanted)
    return demo.run(*command, VACATE_PASSWORD=password)


def test_the_emergency_program_sweeps_with_a_password(demo: Demo, anna: str) -> None:
    done = _sweep(demo, anna, PASSWORD)
    assert done.returncode == 0, done.stderr
    answer, outcomes, request_id = done.stdout.splitlines()
    assert answer == '{"success":true}'
    assert re.fullmatch(r"outcomes: spared=\d+", outcomes)
    assert re.fullmatch(r"request id: [0-9a-f]{32}", request_id)


def test_the_emergency_program_lists_who_holds_the_rest_and_ends_the_one_that_is_named(demo: Demo, anna: str) -> None:
    listed = _sweep(demo, anna, PASSWORD, "list", component=DATA_NODE)
    assert listed.returncode == 0, listed.stderr
    rows = [line.split(" | ") for line in listed.stdout.splitlines()]
    (named,) = [row[0] for row in rows if row[1:4] == ["idle in transaction", "app", "checkout"]]

    done = _sweep(demo, anna, PASSWORD, named, component=DATA_NODE)
    assert done.returncode == 0, done.stderr
    answer, outcomes, _ = done.stdout.splitlines()
    assert json.loads(answer) == {"session_ids": [named], "success": True}
    assert outcomes == "outcomes: terminated=1"
    assert named not in _sweep(demo, anna, PASSWORD, "list", component=DATA_NODE).stdout


def test_the_emergency_program_says_why_it_was_refused(demo: Demo, anna: str) -> None:
    done = _sweep(demo, anna, "guessed")
    assert done.returncode == 1
    assert "401" in done.stderr
    assert "The username or password is wrong." in done.stderr


async def test_the_emergency_statement_lists_the_holders(demo: Demo) -> None:
    superuser = await asyncpg.connect(demo.component(COORDINATOR)["superuser_dsn"])
    try:
        holders = await superuser.fetch(_block(EMERGENCY, "sql", holding="GROUP BY"))
        assert {"active", "idle", "idle in transaction"} <= {row["state"] for row in holders}
    finally:
        await superuser.close()


# --- the client -------------------------------------------------------------------------------------------------------


def test_the_clients_program_lists_ends_and_finds_what_it_did_in_the_audit(demo: Demo) -> None:
    (demo.folder / "idle.py").write_text(_block(CLIENT, "python"), encoding="utf-8")
    done = demo.run(sys.executable, "idle.py")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^success: True, outcomes: \{'spared': \d+", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^\d\d:\d\d:\d\d session:kill_idle:finished, \d+ sessions$", done.stdout, re.MULTILINE), (
        done.stdout
    )


# --- planning ---------------------------------------------------------------------------------------------------------


def test_the_planning_program_shows_a_plan_and_applies_it_when_told_so(demo: Demo, anna: str) -> None:
    (demo.folder / "plan.py").write_text(_block(PLANNING, "python"), encoding="utf-8")
    wanted = json.dumps({"states": {"idle in transaction": "0s"}, "applications": {"include": ["checkout"]}})
    place = (demo.connection["endpoint"], demo.connection["project_id"], anna, demo.connection["instance_id"])

    def planned(answer: str) -> subprocess.CompletedProcess[str]:
        return demo.run(sys.executable, "plan.py", *place, wanted, stdin=f"{answer}\n", VACATE_PASSWORD=PASSWORD)

    refused = planned("no")
    assert (refused.returncode, refused.stderr) == (1, "nothing was ended\n")
    shown = re.search(r"End these (\d+) sessions\?", refused.stdout)
    assert shown is not None
    assert int(shown[1]) > 0
    done = planned("yes")
    assert done.returncode == 0, done.stderr
    ended = re.findall(r"done {'terminated': (\d+)}", done.stdout)
    assert sum(map(int, ended)) == int(shown[1]), done.stdout
    assert re.search(r"^applied; request id [0-9a-f]{32}$", done.stdout.split("yes/no: ")[-1], re.MULTILINE)
    assert "End these 0 sessions" in planned("no").stdout
