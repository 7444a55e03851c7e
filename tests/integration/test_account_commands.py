"""`vacate user` and `vacate access-key`, as an administrator runs them; each change is in the audit."""

import base64
import os
import pty
import re
import secrets
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.house.checkout import ROOT
from vacate.cli import main

PROJECT = "0611f1bd8b00d5d32f17c017f15b599f"
PASSWORD = "a long password"  # noqa: S105 - of a user that lives as long as a test.
_WITHIN_S = 60
Vacate = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    example = (ROOT / "src" / "vacate" / "settings" / "example.toml").read_text(encoding="utf-8")
    _private(tmp_path / "vacate.toml", example)
    _private(tmp_path / "vacate.key", base64.b64encode(secrets.token_bytes(32)).decode())
    return tmp_path


def _private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def vacate(folder: Path) -> Vacate:
    def run(*arguments: str, stdin: str = "", fails: bool = False) -> Result:
        done = CliRunner().invoke(main, [*arguments, "--config", str(folder / "vacate.toml")], input=stdin)
        assert (done.exit_code != 0) == fails, done.output
        return done

    return run


def _rows(done: Result) -> list[list[str]]:
    return [line.split("\t") for line in done.stdout.splitlines()][1:]


def test_users_are_listed_with_what_they_are_and_may(vacate: Vacate) -> None:
    vacate("user", "add", "anna", "--password", stdin=f"{PASSWORD}\n")
    vacate("user", "add", "oncall")
    vacate("user", "grant", "anna", "--project", "production", "--role", "operator")
    vacate("user", "grant", "oncall", "--project", PROJECT, "--role", "viewer")
    vacate("access-key", "create", "oncall")
    vacate("user", "disable", "oncall")
    anna, oncall = _rows(vacate("user", "list"))
    assert anna == ["anna", "default", "enabled", "yes", "0", "operator in production"]
    assert oncall[:2] == ["oncall", "default"]
    assert oncall[2].startswith("disabled since ")
    assert oncall[3:] == ["no", "1", "viewer in production"]
    assert _rows(vacate("user", "list", "--domain", "other")) == []

    vacate("user", "revoke", "anna", "--project", "production")
    assert _rows(vacate("user", "list"))[0][-1] == ""
    assert "has no role in project" in vacate("user", "revoke", "anna", "--project", PROJECT, fails=True).stderr
    vacate("user", "enable", "oncall")
    assert _rows(vacate("user", "list"))[1][2] == "enabled"


def test_a_project_that_is_not_there_is_answered_with_those_that_are(vacate: Vacate) -> None:
    vacate("user", "add", "anna")
    refused = vacate("user", "grant", "anna", "--project", "prod", "--role", "viewer", fails=True)
    assert f"it has: {PROJECT} (production)" in refused.stderr


def test_access_keys_are_listed_rotated_and_revoked(vacate: Vacate) -> None:
    for name in ("anna", "oncall"):
        vacate("user", "add", name)
    (old,) = re.findall(r"access_key=(\S+)", vacate("access-key", "create", "oncall").stdout)
    assert [(row[0], row[1], row[3]) for row in _rows(vacate("access-key", "list"))] == [(old, "oncall", "enabled")]

    (new,) = re.findall(r"access_key=(\S+)\nsecret_key=\S{40}\n", vacate("access-key", "rotate", old).stdout)
    states = {row[0]: row[3].split()[0] for row in _rows(vacate("access-key", "list", "oncall"))}
    assert states == {old: "disabled", new: "enabled"}
    vacate("access-key", "revoke", new)
    assert {row[3].split()[0] for row in _rows(vacate("access-key", "list"))} == {"disabled"}
    assert _rows(vacate("access-key", "list", "anna")) == []
    for refused in (("rotate", old), ("revoke", new), ("disable", "AK"), ("list", "eve")):
        vacate("access-key", *refused, fails=True)


def test_every_change_is_in_the_audit_and_no_secret_is(vacate: Vacate, folder: Path) -> None:
    grant = ("anna", "--project", PROJECT)
    vacate("user", "add", "anna", "--password-stdin", stdin=f"{PASSWORD}\n")
    vacate("user", "grant", *grant, "--role", "admin")
    issued = vacate("access-key", "create", "anna").stdout
    (key, secret) = re.findall(r"_key=(\S+)", issued)
    rotated = vacate("access-key", "rotate", key).stdout
    vacate("user", "password", "anna", stdin=f"another {PASSWORD}\n")
    vacate("user", "disable", "anna")
    vacate("user", "enable", "anna")
    vacate("user", "revoke", *grant)
    # What was refused is no change.
    vacate("user", "enable", "anna", fails=True)

    exported = vacate("audit", "export").stdout
    assert re.findall(r'"action":\s*"([a-z_:]+)"', exported) == [
        "user:add:finished",
        "user:grant:finished",
        "access_key:create:finished",
        "access_key:create:finished",
        "access_key:disable:finished",
        "user:set_password:finished",
        "user:disable:finished",
        "user:enable:finished",
        "user:revoke:finished",
    ]
    assert exported.count("anna") >= 7
    assert key in exported
    for kept_out in (PASSWORD, secret, *re.findall(r"secret_key=(\S+)", rotated)):
        assert kept_out not in exported
    assert vacate("audit", "verify").stdout.startswith("whole")
    assert folder.joinpath("vacate.db").exists()


def test_only_a_command_that_seals_a_secret_wants_the_sealing_key(vacate: Vacate, folder: Path) -> None:
    (folder / "vacate.key").unlink()
    vacate("user", "add", "anna")
    vacate("user", "password", "anna", stdin=f"{PASSWORD}\n")
    vacate("user", "list")
    vacate("user", "disable", "anna")
    vacate("user", "enable", "anna")
    assert "vacate.key" in vacate("access-key", "create", "anna", fails=True).stderr
    assert _rows(vacate("access-key", "list")) == []


def test_without_a_line_on_standard_input_there_is_no_password(vacate: Vacate) -> None:
    vacate("user", "add", "anna")
    refused = vacate("user", "password", "anna", fails=True)
    assert "standard input holds no password" in refused.stderr


def test_on_a_terminal_a_password_is_asked_for_twice_and_not_shown(vacate: Vacate, folder: Path) -> None:
    vacate("user", "add", "anna")
    terminal, their_end = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "vacate", "user", "password", "anna", "--config", str(folder / "vacate.toml")],
        stdin=their_end,
        stdout=their_end,
        stderr=their_end,
        start_new_session=True,
    ) as command:
        os.close(their_end)
        shown = b""
        try:
            for question in (b"Password", b"once more"):
                while question not in shown.rpartition(b"\n")[2] or _echoes(terminal):
                    shown += os.read(terminal, 1024)
                os.write(terminal, f"{PASSWORD}\n".encode())
            while chunk := _read(terminal):
                shown += chunk
        finally:
            os.close(terminal)
        assert command.wait(_WITHIN_S) == 0, shown
    assert b"has another password" in shown
    assert PASSWORD.encode() not in shown


def _echoes(terminal: int) -> bool:
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


def _read(terminal: int) -> bytes:
    """What is shown next; nothing once the command has gone, which Linux tells as an error."""
    try:
        return os.read(terminal, 1024)
    except OSError:
        return b""
