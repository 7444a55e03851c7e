"""What clients and roles are called can act on nobody who reads the record of their end, however they read it."""

import asyncio
import csv
import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.house.checkout import ROOT
from tests.support.hostile import acting
from tests.support.in_process import Vacate, session_ids, vacate
from tests.support.postgres import DATABASE, PASSWORD, Clients, LiveServer
from tests.support.receiver import KEYS
from tests.support.told_metrics import told_metrics
from vacate.domain.errors import MissingRightsError
from vacate.domain.sessions.owners import Ownership
from vacate.domain.sweeps.report import Outcome, Report
from vacate.domain.texts import for_terminal, sql_identifier, sql_literal
from vacate.telemetry.logs import LogFormat, start_logging
from vacate.telemetry.observer import TelemetryObserver
from vacate.webhooks.endpoints import Endpoint
from vacate.webhooks.messages import message_for

# As far as a server keeps them: an application's name is ASCII to it, a role's is any text.
APPLICATIONS = (
    "[/]",
    "[bold red]x[/]",
    "\x1b[2J\x1b]0;owned\x07",
    "a\tb\nvacate: all is well",
    '=1+1","',
    "\u202ereversed",
)
ROLES = (
    'we"ird',
    "r\x1b[31m\u202e\u2066\x9b",
    "=cmd|' /C calc'!A0",
    "two\nlines\r\u2028",
    "[/]",
    "\U000e0041\u200b\\\\x1b",
    "漢字\u0301",
)
OURS = re.compile(r"\x1b\[(?:0|1|31)m")
ASCII = {"PYTHONIOENCODING": "ascii"}
NO_LOCALE = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


def environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "NO_COLOR"}} | more


def piped(*arguments: str, **more: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", "from vacate.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, env=environment(**more), check=False)


def at_terminal(width: int, *arguments: str) -> str:
    """What a command shows on a terminal, standard error included."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    command = [sys.executable, "-c", "from vacate.cli import main; main()", *arguments]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment(TERM="xterm")):
        os.close(theirs)
        shown = b""
        # Linux ends a terminal whose other side is closed with an error.
        while part := read(ours):
            shown += part
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:
        return b""


@asynccontextmanager
async def role(server: LiveServer, name: str, *, rights: str = "") -> AsyncGenerator[None]:
    """A role of that name, made and dropped with the same quotes that remedies are written with."""
    await server.ask(f"CREATE ROLE {sql_identifier(name)} LOGIN PASSWORD {sql_literal(PASSWORD)} {rights}")
    try:
        yield
    finally:
        await server.ask(f"DROP ROLE {sql_identifier(name)}")


@pytest.fixture
async def ended(server: LiveServer, clients: Clients, tmp_path: Path) -> AsyncGenerator[tuple[Vacate, Report]]:
    """A sweep that ended sessions of hostile names, and a configuration for the commands that read of it."""
    example = (ROOT / "src" / "vacate" / "settings" / "example.toml").read_text(encoding="utf-8")
    (tmp_path / "vacate.toml").write_text(example, encoding="utf-8")
    async with vacate(tmp_path, server.dsn()) as service, AsyncExitStack() as roles:
        pids = {(await clients.idle(application=name)).pid for name in APPLICATIONS}
        for name in ROLES:
            await roles.enter_async_context(role(server, name))
            pids.add((await clients.idle(user=name)).pid)
        report = await service.sweep()
        assert session_ids(report, Outcome.TERMINATED) == pids
        yield service, report


def config(service: Vacate) -> tuple[str, str]:
    file = service.database.engine.url.database
    assert file
    return "--config", str(Path(file).with_name("vacate.toml"))


async def every_way(*arguments: str) -> list[str]:
    """What a command shows in pipes of several locales and on terminals of several widths."""
    pipes = [asyncio.to_thread(piped, *arguments, **settings) for settings in ({}, ASCII, NO_LOCALE)]
    terminals = [asyncio.to_thread(at_terminal, width, *arguments) for width in (40, 80)]
    done = await asyncio.gather(*pipes)
    assert [each.returncode for each in done] == [0, 0, 0], done
    assert [each.stderr.decode() for each in done] == ["", "", ""]
    in_pipes = [each.stdout.decode(encoding) for each, encoding in zip(done, ("utf-8", "ascii", "ascii"), strict=True)]
    return [*in_pipes, *(OURS.sub("", shown) for shown in await asyncio.gather(*terminals))]


async def test_the_record_of_hostile_names_can_be_read_in_every_way(ended: tuple[Vacate, Report]) -> None:
    service, report = ended
    finished = (await service.events_of(report))[-1]
    for arguments in (
        ("audit", "list"),
        ("audit", "show", report.request_id),
        ("audit", "search", "--pid", str(finished.sessions[0].pid)),
    ):
        for shown in await every_way(*arguments, *config(service)):
            assert not acting(shown)
            assert report.request_id in shown
    whole = (await asyncio.to_thread(piped, "audit", "show", report.request_id, *config(service))).stdout.decode()
    rows = [line.split("\t") for line in whole.splitlines() if "\tterminated\t" in line]
    assert {row[1] for row in rows} == {"app", *map(for_terminal, ROLES)}
    assert {"[/]", "[bold red]x[/]"} < {row[2] for row in rows}


async def test_an_export_has_every_name_exactly_or_without_effect(ended: tuple[Vacate, Report]) -> None:
    service, report = ended
    for settings in ({}, ASCII):
        lines = (await asyncio.to_thread(piped, "audit", "export", *config(service), **settings)).stdout.decode()
        assert not acting(lines)
        sessions = json.loads(json.loads(lines.splitlines()[-1])["sessions"])
        assert {session["user"] for session in sessions} >= {"app", *ROLES}
        sheet = await asyncio.to_thread(piped, "audit", "export", "--format", "csv", *config(service), **settings)
        assert not acting(sheet.stdout.decode())
        rows = list(csv.DictReader(io.StringIO(sheet.stdout.decode())))
        assert len(rows) == sum(len(event.sessions) for event in await service.events_of(report))
        assert not [cell for row in rows for cell in row.values() if re.match(r"\s*[=+@-]", cell or "")]


async def test_a_reader_who_goes_away_is_no_trouble(ended: tuple[Vacate, Report]) -> None:
    service, report = ended
    command = f"{sys.executable} -c 'from vacate.cli import main; main()'"
    for arguments in ("audit list", f"audit show {report.request_id}", "audit export", "--help", "config example"):
        where = "" if arguments in {"--help", "config example"} else " ".join(config(service))
        line = f"{command} {arguments} {where} | head -c 1 >/dev/null; exit ${{PIPESTATUS[0]}}"
        done = await asyncio.to_thread(
            subprocess.run, ["bash", "-c", line], capture_output=True, env=environment(), check=False
        )
        assert done.returncode in {0, 1, 141}, done
        # An export that was shorter than the pipe is deep was written before its reader went away.
        assert not done.stderr or (arguments == "audit export" and done.stderr.endswith(b" events\n")), done.stderr
    full = await asyncio.to_thread(
        subprocess.run,
        ["bash", "-c", f"{command} audit list {' '.join(config(service))} >/dev/full"],
        capture_output=True,
        env=environment(),
        check=False,
    )
    assert (full.returncode, full.stderr.decode()) == (
        1,
        "vacate: cannot write standard output: No space left on device\n",
    )


@pytest.mark.parametrize("form", LogFormat)
async def test_log_lines_and_webhooks_of_hostile_names_do_nothing(
    ended: tuple[Vacate, Report], form: LogFormat, capsys: pytest.CaptureFixture[str]
) -> None:
    service, report = ended
    start_logging(form=form)
    TelemetryObserver(told_metrics()).swept(report)
    logged = capsys.readouterr().err
    assert not acting(logged)
    assert len(logged.splitlines()) == report.counts[Outcome.TERMINATED] + 1
    endpoint = Endpoint(name="teams", url="https://hooks.example.com/x", keys=KEYS)
    for event in await service.events_of(report):
        told = message_for(endpoint, event, Ownership())
        assert told is not None
        assert not acting(told.body)
        sessions = [session for owner in json.loads(told.body)["data"]["owners"] for session in owner["sessions"]]
        assert {session["user"] for session in sessions} == {"app", *ROLES}


@pytest.mark.parametrize("name", ROLES)
async def test_the_remedies_for_a_role_of_any_name_can_be_shown_and_run(
    server: LiveServer, tmp_path: Path, name: str
) -> None:
    dsn = f"postgresql://{quote(name, safe='')}:{quote(PASSWORD, safe='')}@127.0.0.1:{server.port}/{DATABASE}"
    async with role(server, name), vacate(tmp_path, dsn) as service:
        with pytest.raises(MissingRightsError) as refused:
            await service.sweep()
        assert not acting(str(refused.value))
        for remedy in refused.value.remedies:
            assert len(remedy.splitlines()) == 1
            await server.ask(remedy)
        await service.sweep()
