"""The store on SQLite: what the file is like, and what is said when it cannot be used."""

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from vacate.domain.access.identity import Actor, CredentialKind
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.errors import AuditUnavailableError, SettingsError, StoreUnavailableError
from vacate.domain.sessions.session import Session
from vacate.domain.sweeps.report import Outcome, SessionOutcome
from vacate.domain.topology.components import ComponentId, InstanceId, NodeId, ProjectId, Target
from vacate.store.audit import SqlAuditLog
from vacate.store.database import Database, open_database

EVENT = AuditEvent(
    at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    action=AuditAction.KILL_IDLE_REFUSED,
    actor=Actor(
        user_id="u1",
        user_name="ana",
        grants=(),
        credential_kind=CredentialKind.ACCESS_KEY,
        credential="AK1",
        source_address="203.0.113.9",
        request_id="r1",
    ),
    target=Target(
        project_id=ProjectId("p"), instance_id=InstanceId("i"), node_id=NodeId("n"), component_id=ComponentId("c")
    ),
)
SPARED = SessionOutcome(
    session=Session(
        session_id=1,
        pid=1,
        backend_start=EVENT.at,
        backend_type="client backend",
        state="active",
        state_change=EVENT.at,
        in_state_for=timedelta(0),
        transaction_start=None,
        user="shop",
        superuser=False,
        database="orders",
        application="",
        client_address="10.0.0.1",
        client_port=50000,
        query="",
        holds_advisory_lock=False,
        holds_replication_slot=False,
        own=False,
    ),
    outcome=Outcome.SPARED,
    by="not_idle",
    reason="its state is 'active'",
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "vacate.db"


@pytest.fixture
async def database(file: Path) -> AsyncIterator[Database]:
    database = await open_database(f"sqlite:///{file}", patience_s=0.2)
    yield database
    await database.close()


async def from_now_on(database: Database, pragma: str) -> None:
    """Have every session of the store with its file under that pragma."""

    def obey(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own type is not public.
        cursor = connection.cursor()
        cursor.execute(pragma)
        cursor.close()

    await database.close()
    event.listen(database.engine.sync_engine, "connect", obey)


async def pragma_value(database: Database, pragma: str) -> object:
    async with database.read() as connection:
        return await connection.scalar(text(pragma))


async def test_the_file_and_its_companions_are_closed_to_others(database: Database, file: Path) -> None:
    await database.check()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    assert modes == {"vacate.db": 0o600, "vacate.db-wal": 0o600, "vacate.db-shm": 0o600}


async def test_a_commit_survives_a_power_cut(database: Database) -> None:
    assert await pragma_value(database, "PRAGMA journal_mode") == "wal"
    assert await pragma_value(database, "PRAGMA synchronous") == 2, "FULL: every commit is on the disk"


async def test_keys_between_tables_are_kept(database: Database) -> None:
    assert await pragma_value(database, "PRAGMA foreign_keys") == 1


async def test_a_lock_is_waited_for(database: Database) -> None:
    assert await pragma_value(database, "PRAGMA busy_timeout") == 200


async def test_opening_again_keeps_what_is_there(file: Path) -> None:
    for expected in (1, 2):
        database = await open_database(f"sqlite+aiosqlite:///{file}")
        await SqlAuditLog(database).append(EVENT)
        assert len(await SqlAuditLog(database).recent(10)) == expected
        await database.close()


async def test_several_may_open_a_new_store_at_once(file: Path) -> None:
    databases = await asyncio.gather(*(open_database(f"sqlite:///{file}") for _ in range(4)))
    for database in databases:
        await database.check()
        await database.close()


async def test_many_writers_wait_their_turn(file: Path) -> None:
    database = await open_database(f"sqlite:///{file}", patience_s=60)
    log = SqlAuditLog(database)
    await asyncio.gather(*(log.append(EVENT) for _ in range(50)))
    assert len(await log.recent(100)) == 50
    await database.close()


async def test_a_writer_that_goes_away_leaves_the_store_usable(database: Database) -> None:
    log = SqlAuditLog(database)
    for steps in range(30):
        writer = asyncio.ensure_future(log.append(EVENT))
        for _ in range(steps):
            await asyncio.sleep(0)
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
    before = len(await log.recent(100))
    await log.append(EVENT)
    assert len(await log.recent(100)) == before + 1


# --- what is said ----------------------------------------------------------------------------------------------------


async def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match=r"there is no directory for .*/missing/x\.db; make it"):
        await open_database(f"sqlite:///{tmp_path}/missing/x.db")


async def test_a_directory_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match=r"cannot be opened .*name another file"):
        await open_database(f"sqlite:///{tmp_path}")


def test_a_file_of_something_else_is_named_and_left_alone(file: Path) -> None:
    file.write_text("a letter to a friend " * 100)
    with pytest.raises(StoreUnavailableError, match=r"vacate\.db is not a SQLite database"):
        asyncio.run(open_database(f"sqlite:///{file}"))
    assert file.read_text() == "a letter to a friend " * 100


async def assert_unusable(database: Database, words: str) -> None:
    with pytest.raises(AuditUnavailableError, match=f"nothing was ended: .*{words}"):
        await SqlAuditLog(database).append(EVENT)
    with pytest.raises(StoreUnavailableError, match=words):
        await database.check()


async def test_a_read_only_file_is_named(database: Database) -> None:
    await from_now_on(database, "PRAGMA query_only = ON")
    await assert_unusable(database, "is read-only for Vacate; let it write the file and its directory")
    assert await SqlAuditLog(database).recent(1) == ()


async def test_a_full_disk_is_named_and_half_an_event_is_never_there(database: Database) -> None:
    log = SqlAuditLog(database)
    await log.append(EVENT)
    pages = await pragma_value(database, "PRAGMA page_count")
    await from_now_on(database, f"PRAGMA max_page_count = {pages}")
    with pytest.raises(AuditUnavailableError, match=r"the disk that holds .* is full; make room on it"):
        await log.append(replace(EVENT, sessions=(SPARED,) * 500))
    (kept,) = await log.recent(10)
    assert kept.sessions == ()


async def test_a_lock_of_another_program_is_named_and_its_end_noticed(database: Database, file: Path) -> None:
    other = sqlite3.connect(file)
    other.execute("BEGIN IMMEDIATE")
    try:
        await assert_unusable(database, "is locked by another program")
    finally:
        other.close()
    await SqlAuditLog(database).append(EVENT)


async def test_waiting_for_ones_turn_ends_too(database: Database) -> None:
    async with database.write():
        await assert_unusable(database, "is slow: the writes before this one did not end in time")
    await database.check()


async def test_a_time_without_its_zone_is_refused(database: Database) -> None:
    naive = AuditEvent(at=EVENT.at.replace(tzinfo=None), action=EVENT.action, actor=EVENT.actor, target=EVENT.target)
    with pytest.raises(AuditUnavailableError, match="a time without its time zone cannot be kept"):
        await SqlAuditLog(database).append(naive)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "cannot be read"),
        ("vacate.db", "cannot be read"),
        ("postgresql://user:secret@host:port/db", "cannot be read"),
        ("sqlite://", "the store needs a plain file"),
        ("sqlite:///:memory:", "the store needs a plain file"),
        ("sqlite:///file:x?mode=memory&uri=true", "the store needs a plain file"),
        ("mysql://user:secret@host/db", "cannot be a 'mysql' database"),
        ("postgresql+psycopg://user:secret@host/db", "use sqlite or postgresql"),
    ],
)
async def test_a_url_that_names_no_store_is_refused_without_repeating_it(url: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as refused:
        await open_database(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+aiosqlite"])
async def test_either_spelling_of_a_file_is_understood(file: Path, scheme: str) -> None:
    database = await open_database(f"{scheme}:///{file}")
    await database.check()
    await database.close()
