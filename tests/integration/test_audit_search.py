"""Who ended my session? The audit answers by everything that somebody may know of it, on both kinds of store."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.integration.test_store import ACTOR, NORTH, NOW, SOUTH, TARGET, outcome
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.audit.record import AuditQuery
from vacate.domain.errors import StoreUnavailableError
from vacate.domain.sessions.fingerprints import fingerprint
from vacate.domain.sweeps.report import Outcome, SessionOutcome
from vacate.domain.topology.components import ComponentId, InstanceId
from vacate.store.audit import SqlAuditLog, Statements
from vacate.store.audit_search import SqlAuditSearch
from vacate.store.database import Database
from vacate.store.tables import audit_head


def session(pid: int, **facts: object) -> SessionOutcome:
    made = outcome(pid)
    return replace(made, session=replace(made.session, pid=pid, session_id=pid, **facts))  # pyright: ignore[reportArgumentType]


def event(second: int, *sessions: SessionOutcome, **facts: object) -> AuditEvent:
    made = AuditEvent(
        at=NOW + timedelta(seconds=second),
        action=AuditAction.KILL_IDLE_FINISHED,
        actor=replace(ACTOR, request_id=f"r{second}"),
        target=TARGET,
        sessions=sessions,
    )
    return replace(made, **facts)  # pyright: ignore[reportArgumentType]


BOB = replace(ACTOR, user_name="bob", request_id="rb")
EVENTS = (
    event(1, session(11, user="app"), session(12, user="batch")),
    event(2, session(11, user="batch", database="other"), session(13, client_address="10.9.9.9")),
    event(3, plan_id="p1", action=AuditAction.PLAN_MADE),
    event(4, session(14, backend_start=NOW - timedelta(hours=9)), actor=BOB),
    event(5, session(14, backend_start=NOW - timedelta(hours=1)), target=replace(TARGET, project_id=SOUTH)),
    event(6, target=replace(TARGET, instance_id=InstanceId("i2"), component_id=ComponentId("cn_5001"))),
)


@pytest.fixture
async def search(database: Database) -> SqlAuditSearch:
    log = SqlAuditLog(database)
    for each in EVENTS:
        await log.append(each)
    return SqlAuditSearch(database, log)


QUERIES: tuple[tuple[AuditQuery, Sequence[int]], ...] = (
    (AuditQuery(), (6, 5, 4, 3, 2, 1)),
    (AuditQuery(pid=11), (2, 1)),
    (AuditQuery(session_id=12), (1,)),
    (AuditQuery(session_id=14, backend_start=NOW - timedelta(hours=9)), (4,)),
    (AuditQuery(session_id=14), (5, 4)),
    (AuditQuery(user="batch"), (2, 1)),
    (AuditQuery(pid=11, user="app"), (1,)),
    (AuditQuery(pid=12, user="app"), ()),
    (AuditQuery(database="other"), (2,)),
    (AuditQuery(client="10.9.9.9"), (2,)),
    (AuditQuery(operator="bob"), (4,)),
    (AuditQuery(plan_id="p1"), (3,)),
    (AuditQuery(request_id="r2"), (2,)),
    (AuditQuery(action=AuditAction.PLAN_MADE), (3,)),
    (AuditQuery(project_id=SOUTH), (5,)),
    (AuditQuery(instance_id=InstanceId("i2")), (6,)),
    (AuditQuery(component_id=ComponentId("cn_5001")), (6,)),
    (AuditQuery(since=NOW + timedelta(seconds=2), until=NOW + timedelta(seconds=4)), (3, 2)),
    (AuditQuery(before_id=3), (2, 1)),
    (AuditQuery(limit=2), (6, 5)),
    (AuditQuery(pid=11, limit=1), (2,)),
    (AuditQuery(pid=99), ()),
    (AuditQuery(pid=14, project_id=NORTH, operator="bob", since=NOW), (4,)),
)


@pytest.mark.parametrize(("query", "expected"), QUERIES, ids=lambda value: "" if isinstance(value, tuple) else None)
async def test_all_that_is_given_must_hold_and_of_one_session(
    search: SqlAuditSearch, query: AuditQuery, expected: Sequence[int]
) -> None:
    assert tuple(found.id for found in await search.find(query)) == tuple(expected)


async def test_what_was_written_a_moment_ago_is_found(database: Database, search: SqlAuditSearch) -> None:
    assert await search.find(AuditQuery(pid=77)) == ()
    await SqlAuditLog(database).append(event(9, session(77)))
    (found,) = await search.find(AuditQuery(pid=77))
    assert [each.pid for each in found.sessions] == [77]
    assert await search.take_in() == 0


async def test_an_id_that_was_given_out_again_and_again_hides_nobody(
    database: Database, search: SqlAuditSearch
) -> None:
    log = SqlAuditLog(database)
    for number in range(12):
        await log.append(event(20 + number, session(14, backend_start=NOW + timedelta(minutes=number))))
    found = await search.find(AuditQuery(session_id=14, backend_start=NOW - timedelta(hours=9), limit=5))
    assert [each.id for each in found] == [4]


async def test_an_index_that_is_far_behind_says_so_instead_of_finding_too_little(
    database: Database, search: SqlAuditSearch
) -> None:
    async with database.write() as connection:
        await connection.execute(update(audit_head).values(last_id=1_000_000))
    with pytest.raises(StoreUnavailableError, match="lacks 1,000,000 events; search by time or operator alone"):
        await search.find(AuditQuery(pid=11))
    assert len(await search.find(AuditQuery(operator="bob"))) == 1


@pytest.mark.parametrize("kept", Statements)
async def test_of_statements_is_kept_what_the_configuration_says(database: Database, kept: Statements) -> None:
    log = SqlAuditLog(database, statements=kept)
    text = "SELECT card FROM customers WHERE name = 'Müller'"
    await log.append(event(1, session(11, query=text)))
    (found,) = await log.recent(1)
    (told,) = found.sessions
    assert told.statement == (text if kept is Statements.ON else None)
    assert told.fingerprint == (None if kept is Statements.OFF else fingerprint(text))
    assert told.outcome is Outcome.TERMINATED
