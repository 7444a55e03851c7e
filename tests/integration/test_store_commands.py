"""`vacate store` and `vacate audit`, as an administrator runs them on a store that is a file."""

import asyncio
import csv
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.house.checkout import ROOT
from tests.integration.test_store import EVENT, NOW, outcome
from tests.support.anchoring import Told
from tests.support.hostile import acting
from vacate.cli import main
from vacate.domain.sweeps.report import Outcome
from vacate.store.anchor import AnchorFile
from vacate.store.anchored_audit import AnchoredAuditLog
from vacate.store.audit import SqlAuditLog
from vacate.store.audit_key import KeyFile
from vacate.store.database import open_database

EVENTS = 4
Vacate = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "src" / "vacate" / "settings" / "example.toml", tmp_path / "vacate.toml")
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Path:
    """A store with some events, written and anchored as a service does it."""
    file = folder / "vacate.db"

    async def fill() -> None:
        database = await open_database(f"sqlite:///{file}")
        key = KeyFile(Path(f"{file}.audit-key"))
        log = AnchoredAuditLog(SqlAuditLog(database, key=key), AnchorFile(Path(f"{file}.anchor")), Told())
        for number in range(1, EVENTS + 1):
            formula = replace(outcome(number).session, application="=1+1")
            sessions = (replace(outcome(number), session=formula), outcome(90, Outcome.SPARED, "not_idle"))
            await log.append(replace(EVENT, at=NOW + timedelta(days=number), sessions=sessions))
        await database.close()

    asyncio.run(fill())
    return file


@pytest.fixture
def vacate(folder: Path) -> Vacate:
    def run(*arguments: str) -> Result:
        return CliRunner(env={"COLUMNS": "240"}).invoke(main, [*arguments, "--config", str(folder / "vacate.toml")])

    return run


def tampered(store: Path, statement: str) -> None:
    with closing(sqlite3.connect(store)) as connection:
        connection.execute(statement)
        connection.commit()


# --- the store -------------------------------------------------------------------------------------------------------


def test_a_store_is_checked(store: Path, vacate: Vacate) -> None:
    del store
    done = vacate("store", "check")
    assert done.exit_code == 0, done.output
    assert "can be written" in done.output
    assert f"audit_events: {EVENTS} rows" in done.output


def test_a_damaged_store_is_told(store: Path, vacate: Vacate) -> None:
    tampered(store, "INSERT INTO grants (user_id, project_id, role) VALUES ('nobody', 'p', 'admin')")
    done = vacate("store", "check")
    assert done.exit_code == 1
    assert "DAMAGED: a row of grants refers to nothing" in done.output


def test_an_old_store_is_told_and_migrated(store: Path, vacate: Vacate) -> None:
    for name in ("plan_lines", "plans", "webhook_deliveries", "webhook_endpoints", "seen_requests"):
        tampered(store, f"DROP TABLE {name}")
    tampered(store, "UPDATE alembic_version SET version_num = '0002'")
    assert vacate("store", "check").exit_code == 1
    refused = vacate("audit", "list")
    assert refused.exit_code == 1
    assert "vacate store migrate" in refused.output
    done = vacate("store", "migrate")
    assert done.exit_code == 0, done.output
    assert "it lacked 0003, " in done.output
    assert "nothing to do" in vacate("store", "migrate").output
    assert vacate("audit", "list").output.count("store:migrate:finished") == 1
    assert vacate("audit", "verify").output.startswith("whole: ")


def test_a_copy_is_a_store_of_its_own_and_nothing_is_overwritten(store: Path, folder: Path, vacate: Vacate) -> None:
    copy = folder / "copy.db"
    done = vacate("store", "backup", str(copy))
    assert done.exit_code == 0, done.output
    assert copy.stat().st_mode & 0o777 == 0o600
    again = vacate("store", "backup", str(copy))
    assert again.exit_code == 1
    assert "nothing is overwritten" in again.output
    head = vacate("audit", "verify").output.splitlines()[1]
    for each in folder.glob("vacate.db*"):
        if each.name not in {"vacate.db.anchor", "vacate.db.audit-key"}:
            each.unlink()
    copy.rename(store)
    proved = vacate("audit", "verify")
    assert proved.output.startswith("whole: ")
    assert proved.output.splitlines()[1] == head


def test_an_audit_without_a_key_goes_on_with_one_when_the_store_is_migrated(folder: Path, vacate: Vacate) -> None:
    async def fill() -> None:
        database = await open_database(f"sqlite:///{folder / 'vacate.db'}")
        await SqlAuditLog(database).append(EVENT)
        await database.close()

    asyncio.run(fill())
    refused = vacate("freeze", "on", "--reason", "month end")
    assert "IT IS NOT IN THE AUDIT" in refused.output
    assert "made without the key" in refused.output
    assert "its audit goes on with a key" in vacate("store", "migrate").output
    assert "nothing to do" in vacate("store", "migrate").output
    assert "audit:key:started" in vacate("audit", "list").output
    assert vacate("audit", "verify").output.startswith("whole: events 1 to 3 ")


# --- the audit -------------------------------------------------------------------------------------------------------


def test_a_whole_audit_is_proved_against_its_anchor(store: Path, vacate: Vacate) -> None:
    done = vacate("audit", "verify")
    assert done.exit_code == 0, done.output
    first, head = done.output.splitlines()
    assert first.startswith(f"whole: events 1 to {EVENTS} are as they were written, and none is missing; anchored at")
    assert str(store) in first
    assert vacate("audit", "verify", "--expect", head.removeprefix("head: ")).exit_code == 0
    other = f"{EVENTS}:{'00' * 32}"
    assert "is not the one that was anchored" in vacate("audit", "verify", "--expect", other).output


def test_an_audit_that_was_changed_is_not_proved(store: Path, vacate: Vacate) -> None:
    tampered(store, "UPDATE audit_events SET user_name = 'nobody' WHERE id = 2")
    done = vacate("audit", "verify")
    assert done.exit_code == 1
    assert done.output.startswith("NOT WHOLE: event 2 was changed")


def test_an_audit_whose_end_was_cut_off_with_its_head_is_missed_by_the_anchor(store: Path, vacate: Vacate) -> None:
    tampered(store, "DELETE FROM audit_events WHERE id = 4")
    cut = "UPDATE audit_head SET last_id = 3, digest = (SELECT digest FROM audit_events WHERE id = 3)"
    tampered(store, cut)
    done = vacate("audit", "verify")
    assert done.exit_code == 1
    assert f"once there was event {EVENTS} (anchored in" in done.output


def test_without_an_anchor_it_is_said_what_that_means(store: Path, vacate: Vacate) -> None:
    Path(f"{store}.anchor").unlink()
    assert "without an anchor nobody would notice" in vacate("audit", "verify").output


@pytest.mark.parametrize("wrong", ["3", "x:00", "3:zz"])
def test_an_expectation_that_cannot_be_read_is_explained(store: Path, vacate: Vacate, wrong: str) -> None:
    del store
    done = vacate("audit", "verify", "--expect", wrong)
    assert done.exit_code == 1
    assert "write ID:DIGEST" in done.output


def test_a_session_is_found_by_what_is_known_of_it(store: Path, vacate: Vacate) -> None:
    del store
    done = vacate("audit", "search", "--pid", "40002")
    assert done.exit_code == 0, done.output
    assert done.output.count("terminated") == 1
    assert "ana" in done.output
    nothing = vacate("audit", "search", "--pid", "4711")
    assert (nothing.exit_code, nothing.output) == (1, "vacate: the audit has no such event\n")


def test_an_export_is_proved_by_itself_and_never_overwrites(store: Path, folder: Path, vacate: Vacate) -> None:
    del store
    lines = folder / "audit.jsonl"
    assert vacate("audit", "export", "--output", str(lines)).exit_code == 0
    assert len(lines.read_text().splitlines()) == EVENTS
    assert vacate("audit", "verify", "--file", str(lines)).exit_code == 0
    assert vacate("audit", "export", "--output", str(lines)).exit_code == 1
    changed = folder / "changed.jsonl"
    changed.write_text(lines.read_text().replace('"user_name":"ana"', '"user_name":"eve"', 1))
    assert "event 1 was changed" in vacate("audit", "verify", "--file", str(changed)).output


def test_a_table_has_a_line_a_session_and_no_formula(store: Path, folder: Path, vacate: Vacate) -> None:
    del store
    sheet = folder / "audit.csv"
    since = (NOW + timedelta(days=3)).isoformat()
    assert vacate("audit", "export", "--format", "csv", "--since", since, "--output", str(sheet)).exit_code == 0
    with sheet.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [row["pid"] for row in rows] == ["40003", "40090", "40004", "40090"]
    assert rows[0]["application"] == "'=1+1"
    assert {row["event_user_name"] for row in rows} == {"ana"}
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "@", "+"))]


def test_pruning_leaves_the_rest_provable_and_says_who_did_it(store: Path, vacate: Vacate) -> None:
    del store
    done = vacate("audit", "prune", "--before", (NOW + timedelta(days=2, hours=12)).isoformat())
    assert done.exit_code == 0, done.output
    proved = vacate("audit", "verify").output
    assert proved.startswith(f"whole: events 3 to {EVENTS + 1}")
    assert "audit:prune:finished" in vacate("audit", "list").output
    assert vacate("audit", "prune").exit_code == 2
    assert vacate("audit", "prune", "--before", "1d", "--older-than", "2d").exit_code == 2


def test_times_are_ages_as_well_as_dates_in_every_command(store: Path, vacate: Vacate) -> None:
    del store
    ages = ("--since", "99999d", "--until", "0s")
    assert vacate("audit", "search", *ages).exit_code == 0
    assert len(vacate("audit", "export", *ages).stdout.splitlines()) == EVENTS
    assert vacate("audit", "prune", "--older-than", "99999d").output == "removed 0 events\n"
    refused = vacate("audit", "search", "--since", "soon")
    assert refused.exit_code == 2
    assert "1h" in refused.output


def test_lines_of_an_export_are_json_with_every_field_of_the_chain(store: Path, vacate: Vacate) -> None:
    del store
    done = vacate("audit", "export")
    first = json.loads(done.stdout.splitlines()[0])
    assert {"id", "form", "previous", "digest", "sessions", "note"} <= first.keys()


# --- the freeze switch -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["a\u009b31mb", "a\u202eb", "a\nb", "a\x1b[2Jb", "a\u2028b"])
def test_a_reason_that_would_act_on_its_readers_is_refused(store: Path, vacate: Vacate, reason: str) -> None:
    del store
    done = vacate("freeze", "on", "--reason", reason)
    assert done.exit_code == 1
    assert "--reason cannot be kept as it is: character 2 is U+" in done.stderr
    assert not acting(done.output)
    assert vacate("freeze", "show").stdout == "nothing is frozen\n"
