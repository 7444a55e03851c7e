"""The tutorial and the pages with programs, done as written: their programs, commands and SQL, on the demo."""

import base64
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.support.service import COORDINATOR, DATA_NODE, HOST, eventually

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial" / "first-sweep.md"
CLIENTS = ROOT / "docs" / "howto" / "use-the-vendors-clients.md"
EMERGENCY = ROOT / "docs" / "howto" / "when-no-slot-is-left.md"
PLANNING = ROOT / "docs" / "howto" / "plan-and-apply.md"
EXAMPLE = ROOT / "src" / "vacate" / "settings" / "example.toml"
PASSWORD = "a long password"  # noqa: S105 - of a user that lives as long as the demo

_UP_S = 60.0
_DOWN_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """The demo, up, in a folder that looks like a checkout to who follows the pages."""

    folder: Path
    connection: dict[str, Any]

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
    shutil.copy(EXAMPLE, folder)
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
        yield Demo(folder=folder, connection=json.loads((folder / ".demo" / "connection.json").read_text()))
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
    assert re.search(r"guest.*has nothing to do.*not_reached", intended)
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
    store = {
        "VACATE_STORE_URL": "sqlite:///.demo/vacate.db",
        "VACATE_SECRET_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "VACATE_CONFIG": EXAMPLE.name,
    }
    grant = ("user", "grant", "anna", "--project", demo.connection["project_id"], "--role", "operator")
    for arguments in ("user", "add", "anna", "--password-stdin"), grant:
        done = demo.run(_program(), *arguments, stdin=f"{PASSWORD}\n", **store)
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
