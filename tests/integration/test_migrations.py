"""A store from an older Vacate is refused, and after `migrate` it is as a new one, with all that it held."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import ColumnClause, Connection, insert, table, text
from sqlalchemy import column as named

from tests.integration.test_store import ANA, EVENT
from vacate.domain.errors import StoreUnavailableError
from vacate.store.audit import SqlAuditLog
from vacate.store.credentials import SqlCredentials
from vacate.store.database import Database, open_database
from vacate.store.schema import (
    BEFORE_STEPS,
    NEWEST,
    STEPS,
    StoreOutdatedError,
    StoreTooNewError,
    metadata,
    migrate,
    require_newest,
    step_of,
)
from vacate.store.verification import verify

SCRIPT = ScriptDirectory(str(resources.files("vacate.store").joinpath("migrations")))
BEGAN = datetime(2025, 12, 1, 8, tzinfo=UTC)
SESSION = {
    "session_id": 7,
    "pid": 7,
    "backend_start": "2025-12-01T07:00:00Z",
    "state_change": "2025-12-01T07:30:00Z",
    "user": "app",
    "database": "shop",
    "application": "wörk",
    "client_address": "10.0.0.7",
    "outcome": "terminated",
    "by": "signalled",
    "reason": "signalled and seen to be gone",
}


def made_at(connection: Connection, step: str) -> None:
    """The tables of a step; of the time before steps, they have no number."""
    context = MigrationContext.configure(connection)
    for each in STEPS[: 1 if step == BEFORE_STEPS else STEPS.index(step) + 1]:
        SCRIPT.get_revision(each).module.upgrade(Operations(context))
        if step != BEFORE_STEPS:
            context.stamp(SCRIPT, each)


def with_events(connection: Connection, numbers: list[int]) -> None:
    """Events as they were before there was a chain; a write that failed has left a gap in their numbers."""
    row: dict[str, Any] = {
        "action": "session:kill_idle:finished",
        "user_id": "u1",
        "user_name": "ana",
        "role": "operator",
        "credential_kind": "access_key",
        "credential": "AK",
        "source_address": "203.0.113.9",
        "project_id": "p",
        "instance_id": "i",
        "node_id": "n",
        "component_id": "c",
        "error": None,
        "sessions": json.dumps([SESSION]),
        "named": None,
    }
    columns: list[ColumnClause[Any]] = [named(name) for name in ("id", "at", "request_id", *row)]
    events = table("audit_events", *columns)
    sqlite = connection.dialect.name == "sqlite"
    for number in numbers:
        at = BEGAN + timedelta(minutes=number, microseconds=number)
        written = at.replace(tzinfo=None).isoformat(" ", "microseconds") if sqlite else at
        connection.execute(insert(events), {**row, "id": number, "at": written, "request_id": f"r{number}"})


async def old_store(url: str, step: str, numbers: list[int] | None = None) -> None:
    def make(connection: Connection) -> None:
        made_at(connection, step)
        if numbers:
            with_events(connection, numbers)

    database = await open_database(url, accept=make)
    await database.close()


async def migrated(url: str) -> tuple[str, ...]:
    taken: list[str] = []
    database = await open_database(url, accept=lambda connection: taken.extend(migrate(connection)))
    await database.close()
    return tuple(taken)


async def differences(database: Database) -> list[Any]:
    def compare(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, metadata))

    async with database.read() as connection:
        return await connection.run_sync(compare)


async def test_the_steps_make_the_tables_that_are_declared(database: Database) -> None:
    assert await differences(database) == []
    async with database.read() as connection:
        assert await connection.run_sync(step_of) == NEWEST


@pytest.mark.parametrize("step", [BEFORE_STEPS, *STEPS[:-1]])
async def test_an_older_store_is_refused_unchanged_and_becomes_as_a_new_one(store_url: str, step: str) -> None:
    await old_store(store_url, step)
    with pytest.raises(
        StoreOutdatedError, match=f"it is at step {step} and this Vacate needs {NEWEST}; .*store migrate"
    ):
        await open_database(store_url)
    assert (await migrated(store_url))[-1] == NEWEST
    database = await open_database(store_url)
    assert await differences(database) == []
    await SqlAuditLog(database).append(EVENT)
    assert (await verify(SqlAuditLog(database), ())).problem is None
    await database.close()


async def test_what_an_old_store_held_is_kept_and_its_events_become_a_chain(store_url: str) -> None:
    await old_store(store_url, BEFORE_STEPS, [1, 2, 5, 9])
    assert await migrated(store_url) == STEPS
    database = await open_database(store_url)
    log = SqlAuditLog(database)
    await log.append(EVENT)
    found = await verify(log, [await log.head()])
    assert (found.problem, found.events) == (None, 5)
    assert [event.id for event in await log.recent(10)] == [5, 4, 3, 2, 1]
    (third,) = await log.events_of("r5")
    assert third.at == BEGAN + timedelta(minutes=5, microseconds=5)
    assert third.sessions[0].application == "wörk"
    await database.close()


async def test_a_store_whose_tokens_knew_no_domain_lets_its_users_sign_in_anew(store_url: str) -> None:
    def make(connection: Connection) -> None:
        made_at(connection, BEFORE_STEPS)
        connection.execute(text("DROP TABLE temporary_keys"))
        connection.execute(text("DROP TABLE tokens"))
        connection.execute(text("CREATE TABLE tokens (digest TEXT, user_id TEXT, project_id TEXT NOT NULL)"))
        connection.execute(text("INSERT INTO tokens VALUES ('old', 'u1', 'p-north')"))

    before = await open_database(store_url, accept=make)
    await SqlCredentials(before).add_user(ANA, at=BEGAN)
    await before.close()
    await migrated(store_url)
    database = await open_database(store_url)
    assert await differences(database) == []
    assert await SqlCredentials(database).user(name="ana", domain="acme") is not None
    await database.close()


async def test_to_migrate_twice_does_nothing_the_second_time(store_url: str) -> None:
    assert await migrated(store_url) == STEPS
    assert await migrated(store_url) == ()


async def test_of_many_who_migrate_at_once_one_does(store_url: str) -> None:
    await old_store(store_url, BEFORE_STEPS, [1, 2, 3])
    taken = await asyncio.gather(*(migrated(store_url) for _ in range(4)))
    assert sorted(taken) == [(), (), (), STEPS]


@pytest.mark.parametrize("accept", [require_newest, migrate])
async def test_a_store_of_a_newer_vacate_is_refused(database: Database, store_url: str, accept: Any) -> None:  # noqa: ANN401
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreTooNewError, match=f"it is at step 9999, made by a newer Vacate .* up to {NEWEST}"):
        await open_database(store_url, accept=accept)


async def test_a_step_that_fails_leaves_the_store_as_it_was(store_url: str) -> None:
    await old_store(store_url, BEFORE_STEPS, [1, 2])

    def breaks(connection: Connection) -> None:
        migrate(connection)
        raise StoreUnavailableError("the machine lost its power")

    with pytest.raises(StoreUnavailableError, match="lost its power"):
        await open_database(store_url, accept=breaks)
    with pytest.raises(StoreOutdatedError, match=f"it is at step {BEFORE_STEPS}"):
        await open_database(store_url)
    assert await migrated(store_url) == STEPS
