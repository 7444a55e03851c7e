"""Whatever a reader of the audit can be shown is proved: rows beside the chain, the search index, unreadable events."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import Connection, delete, insert, select, text, update

from tests.integration.test_audit_chain import EVENTS, event, proved, tampered
from tests.integration.test_store import NOW
from vacate.domain.audit.event import AuditAction
from vacate.domain.audit.record import AuditQuery
from vacate.store.audit import SqlAuditLog
from vacate.store.audit_search import SqlAuditSearch
from vacate.store.database import Database
from vacate.store.tables import audit_events, audit_indexed, audit_sessions
from vacate.store.webhook_tables import webhook_endpoints
from vacate.store.webhooks import SqlOutbox

PRUNED = 2
FIRST, LAST = PRUNED + 1, EVENTS + 1
ALL = AuditQuery(limit=1000)


@pytest.fixture
async def log(database: Database) -> SqlAuditLog:
    """A log with an index, whose first events were pruned, and that a webhook follows."""
    log = SqlAuditLog(database)
    for number in range(1, EVENTS + 1):
        await log.append(event(number))
    await SqlAuditSearch(database, log).take_in()
    await SqlOutbox(database).behind(["crm"], NOW)
    await tampered(database, lambda table: table.execute(update(webhook_endpoints).values(cursor=PRUNED)))
    pruning = replace(event(99), action=AuditAction.AUDIT_PRUNED, sessions=())
    await log.prune(event(FIRST).at, pruning)
    await SqlAuditSearch(database, log).take_in()
    return log


def another_at(number: int) -> Callable[[Connection], None]:
    def stray(table: Connection) -> None:
        row = dict(table.execute(select(audit_events).where(audit_events.c.id == 4)).mappings().one())
        table.execute(insert(audit_events), row | {"id": number, "user_name": "stray"})

    return stray


def empties_the_index(table: Connection) -> None:
    table.execute(delete(audit_sessions))


def hides_one_session(table: Connection) -> None:
    table.execute(delete(audit_sessions).where(audit_sessions.c.event_id == 4, audit_sessions.c.position == 1))


def renames_one_session(table: Connection) -> None:
    table.execute(update(audit_sessions).where(audit_sessions.c.event_id == 4).values(user="nobody"))


def index_row(number: int, position: int) -> Callable[[Connection], None]:
    def adds(table: Connection) -> None:
        row = {"event_id": number, "position": position, "pid": 1, "session_id": 1}
        table.execute(insert(audit_sessions), row)

    return adds


def claims_to_know_more(table: Connection) -> None:
    table.execute(update(audit_indexed).values(last_id=LAST + 10))


def moves_a_webhook_on(table: Connection) -> None:
    table.execute(update(webhook_endpoints).values(cursor=LAST + 10))


STRAYS = [(another_at(number), "1 rows are no events of the chain") for number in (-7, 0, PRUNED)]
BEHIND = [(another_at(LAST + 1), f"event {LAST + 1} "), (another_at(LAST + 50), f"event {LAST + 1} is missing")]


@pytest.mark.parametrize(
    ("act", "words"),
    [
        *STRAYS,
        *BEHIND,
        (empties_the_index, "event 3 is not in the search index as it is in the audit; make the index anew"),
        (hides_one_session, "event 4 is not in the search index"),
        (renames_one_session, "event 4 is not in the search index"),
        (index_row(5, 7), "event 5 is not in the search index"),
        (index_row(1, 0), "1 entries of events that it does not know"),
        (index_row(-1, 0), "1 entries of events that it does not know"),
        (index_row(LAST + 3, 0), "1 entries of events that it does not know"),
        (claims_to_know_more, f"says that it knows event {LAST + 10}"),
        (moves_a_webhook_on, "the webhook crm is to be told of events only behind one that is not there yet"),
    ],
)
async def test_whatever_is_beside_the_chain_is_found(
    database: Database, log: SqlAuditLog, act: Callable[[Connection], None], words: str
) -> None:
    assert (await proved(log)).problem is None
    await tampered(database, act)
    assert words in ((await proved(log)).problem or "whole")


async def test_an_index_that_is_made_anew_is_what_the_events_say(database: Database, log: SqlAuditLog) -> None:
    await tampered(database, renames_one_session)
    search = SqlAuditSearch(database, log)
    await search.begin_anew()
    await search.take_in()
    assert (await proved(log)).problem is None


@pytest.mark.parametrize("act", [act for act, _ in (*STRAYS, *BEHIND)])
async def test_no_reader_is_shown_a_row_beside_the_chain(
    database: Database, log: SqlAuditLog, act: Callable[[Connection], None]
) -> None:
    await tampered(database, act)
    search = SqlAuditSearch(database, log)
    await search.begin_anew()
    await search.take_in()
    assert {each.id for each in await log.recent(100)} == set(range(FIRST, LAST + 1))
    assert {each.id for each in await search.find(ALL)} == set(range(FIRST, LAST + 1))
    assert {each.id for each in await search.find(replace(ALL, user="app"))} <= set(range(FIRST, LAST + 1))
    assert "stray" not in {each.user_name for each in await log.events_of(event(1).actor.request_id)}
    exported = {link.id async for links in log.links(-100) for link in links}
    assert exported == set(range(FIRST, LAST + 1))
    unread = await SqlOutbox(database).unread("crm", 100)
    assert ({each.id for each in unread.events}, unread.last) == (set(range(FIRST, LAST + 1)), LAST)


def spoils(column: str, value: str) -> Callable[[Connection], object]:
    return lambda table: table.execute(text(f"UPDATE audit_events SET {column} = '{value}' WHERE id = 4"))  # noqa: S608 - the test's own words.


@pytest.mark.parametrize(
    "act", [spoils("sessions", "{"), spoils("action", "session:kill_all:finished"), spoils("role", "king")]
)
async def test_an_event_that_cannot_be_read_is_left_out_and_told_of_once(
    database: Database, log: SqlAuditLog, act: Callable[[Connection], object]
) -> None:
    told: list[int] = []

    def tell(event_id: int, reason: str) -> None:
        assert reason
        told.append(event_id)

    database.unreadable.tell = tell
    await tampered(database, act)
    search, others = SqlAuditSearch(database, log), set(range(FIRST, LAST + 1)) - {4}
    await search.begin_anew()
    assert await search.take_in() == LAST - PRUNED, "the index goes on behind it"
    assert {each.id for each in await log.recent(100)} == others
    assert {each.id for each in await search.find(ALL)} == others
    outbox = SqlOutbox(database)
    unread = await outbox.unread("crm", 2)
    assert ([each.id for each in unread.events], unread.last) == ([3], 4)
    assert await outbox.take_in("crm", unread, (), NOW)
    assert [each.id for each in (await outbox.unread("crm", 100)).events] == [5, 6, 7], "no webhook stands still"
    assert told == [4]
    assert await log.unreadable_of(event(1).actor.request_id) == 1
    assert "event 4 was changed" in ((await proved(log)).problem or "whole")
