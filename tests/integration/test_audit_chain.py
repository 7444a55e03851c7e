"""The audit as a chain on real stores: what is done to the tables is found, and pruned or exported it can be proved."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from tests.integration.test_store import ACTOR, EVENT, NOW, TARGET, outcome
from tests.support.anchoring import Told
from vacate.domain.audit.chain import Anchor
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.sweeps.report import Outcome
from vacate.store.anchored_audit import AnchoredAuditLog
from vacate.store.audit import SqlAuditLog
from vacate.store.audit_search import SqlAuditSearch
from vacate.store.database import Database, open_database
from vacate.store.tables import audit_base, audit_events, audit_head, audit_sessions
from vacate.store.verification import Verification, read_link, verify, verify_export, written_link

EVENTS = 6


def event(number: int) -> AuditEvent:
    return AuditEvent(
        at=NOW + timedelta(seconds=number),
        action=AuditAction.KILL_IDLE_FINISHED,
        actor=ACTOR,
        target=TARGET,
        sessions=(outcome(number), outcome(number + 100, Outcome.SPARED, "not_idle")),
        error="wörds \N{GRINNING FACE}",
    )


@pytest.fixture
async def log(database: Database) -> SqlAuditLog:
    log = SqlAuditLog(database)
    for number in range(1, EVENTS + 1):
        await log.append(event(number))
    return log


async def tampered(database: Database, act: Callable[[Connection], object]) -> None:
    async with database.write() as connection:
        await connection.run_sync(act)


async def proved(log: SqlAuditLog, *anchors: Anchor) -> Verification:
    return await verify(log, anchors)


async def test_what_was_only_added_to_is_whole(log: SqlAuditLog) -> None:
    found = await proved(log, await log.head())
    assert (found.problem, found.events, found.first_id, found.last_id) == (None, EVENTS, 1, EVENTS)


def edits(table: Connection) -> None:
    table.execute(update(audit_events).where(audit_events.c.id == 3).values(user_name="nobody"))


def edits_a_session(table: Connection) -> None:
    text = table.execute(select(audit_events.c.sessions).where(audit_events.c.id == 3)).scalar_one()
    changed = text.replace('"outcome":"terminated"', '"outcome":"spared"', 1)
    assert changed != text
    table.execute(update(audit_events).where(audit_events.c.id == 3).values(sessions=changed))


def moves_in_time(table: Connection) -> None:
    table.execute(update(audit_events).where(audit_events.c.id == 3).values(at=NOW - timedelta(days=1)))


def removes(table: Connection) -> None:
    table.execute(delete(audit_events).where(audit_events.c.id == 3))


def removes_and_closes_the_gap(table: Connection) -> None:
    removes(table)
    for number in range(4, EVENTS + 1):
        table.execute(update(audit_events).where(audit_events.c.id == number).values(id=number - 1))


def swaps(table: Connection) -> None:
    move = update(audit_events).where(audit_events.c.id == bindparam("old")).values(id=bindparam("new"))
    for old, new in ((3, 99), (4, 3), (99, 4)):
        table.execute(move, {"old": old, "new": new})


def inserts(table: Connection) -> None:
    row = dict(table.execute(select(audit_events).where(audit_events.c.id == 3)).mappings().one())
    for number in range(EVENTS, 2, -1):
        table.execute(update(audit_events).where(audit_events.c.id == number).values(id=number + 1))
    table.execute(insert(audit_events), row)


def cuts_off_the_first(table: Connection) -> None:
    table.execute(delete(audit_events).where(audit_events.c.id <= 2))


def claims_that_the_first_were_pruned(table: Connection) -> None:
    digest = table.execute(select(audit_events.c.digest).where(audit_events.c.id == 2)).scalar_one()
    cuts_off_the_first(table)
    table.execute(update(audit_base).values(last_id=2, digest=digest))


def cuts_off_the_last(table: Connection) -> None:
    table.execute(delete(audit_events).where(audit_events.c.id > 4))


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (edits, "event 3 was changed"),
        (edits_a_session, "event 3 was changed"),
        (moves_in_time, "event 3 was changed"),
        (removes, "event 3 is missing: the next one there is event 4"),
        (removes_and_closes_the_gap, "event 3 does not continue the event before it"),
        (swaps, "event 3 does not continue the event before it"),
        (inserts, "event 4 does not continue the event before it"),
        (cuts_off_the_first, "event 1 is missing: the next one there is event 3"),
        (claims_that_the_first_were_pruned, "no event in it says that those before were pruned"),
        (cuts_off_the_last, "the last events are missing: event 4 is the last, and once there was event 6"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
async def test_whatever_is_done_to_the_table_is_found(
    database: Database, log: SqlAuditLog, act: Callable[[Connection], None], words: str
) -> None:
    await tampered(database, act)
    found = await proved(log)
    assert words in (found.problem or "whole")


async def test_the_last_events_cut_off_with_the_head_are_missed_by_the_anchor_alone(
    database: Database, log: SqlAuditLog
) -> None:
    anchored = await log.head()

    def cut(table: Connection) -> None:
        digest = table.execute(select(audit_events.c.digest).where(audit_events.c.id == 4)).scalar_one()
        cuts_off_the_last(table)
        table.execute(update(audit_head).values(last_id=4, digest=digest))

    await tampered(database, cut)
    assert (await proved(log)).problem is None
    found = await proved(log, Anchor(id=anchored.id, digest=anchored.digest, source="a log line"))
    assert "once there was event 6 (a log line)" in (found.problem or "whole")


async def test_two_stores_opened_on_one_database_write_one_chain_without_a_gap(
    store_url: str, database: Database
) -> None:
    other = await open_database(store_url)
    try:
        logs = [SqlAuditLog(database), SqlAuditLog(other)]
        await asyncio.gather(*(logs[number % 2].append(event(number)) for number in range(40)))
        found = await proved(logs[0], await logs[1].head())
    finally:
        await other.close()
    assert (found.problem, found.events) == (None, 40)


# --- pruning ---------------------------------------------------------------------------------------------------------


async def pruned(log: SqlAuditLog, older_than: int) -> int:
    pruning = AuditEvent(at=NOW + timedelta(days=1), action=AuditAction.AUDIT_PRUNED, actor=ACTOR, target=TARGET)
    return await AnchoredAuditLog(log, None, Told()).prune(NOW + timedelta(seconds=older_than), pruning)


async def test_a_pruned_chain_is_whole_and_says_what_was_removed(database: Database, log: SqlAuditLog) -> None:
    search = SqlAuditSearch(database, log)
    await search.take_in()
    assert await pruned(log, 4) == 3
    found = await proved(log, await log.head())
    assert (found.problem, found.first_id, found.last_id) == (None, 4, EVENTS + 1)
    (last,) = await log.recent(1)
    assert last.action is AuditAction.AUDIT_PRUNED
    assert "removed every event up to 3, whose digest is " in (last.note or "")
    async with database.read() as connection:
        known = set((await connection.execute(select(audit_sessions.c.event_id))).scalars())
    assert known == {4, 5, 6}, "who was in the removed events is forgotten"
    assert await pruned(log, 5) == 1
    assert (await proved(log)).problem is None


async def test_with_nothing_to_remove_nothing_is_written(log: SqlAuditLog) -> None:
    assert await pruned(log, 0) == 0
    assert (await log.head()).id == EVENTS


async def test_the_last_event_stays_whatever_its_age(log: SqlAuditLog) -> None:
    assert await pruned(log, 10_000) == EVENTS - 1
    found = await proved(log)
    assert (found.problem, found.first_id) == (None, EVENTS)


async def test_more_removed_than_was_vouched_for_is_found(database: Database, log: SqlAuditLog) -> None:
    await pruned(log, 3)

    def further(table: Connection) -> None:
        digest = table.execute(select(audit_events.c.digest).where(audit_events.c.id == 4)).scalar_one()
        table.execute(delete(audit_events).where(audit_events.c.id <= 4))
        table.execute(update(audit_base).values(last_id=4, digest=digest))

    await tampered(database, further)
    assert "the first events were removed" in ((await proved(log)).problem or "whole")


# --- export ----------------------------------------------------------------------------------------------------------


async def test_an_export_is_proved_without_the_store(log: SqlAuditLog) -> None:
    lines = [written_link(link) async for links in log.links() for link in links]
    assert [read_link(line).id for line in lines] == list(range(1, EVENTS + 1))
    whole = verify_export(lines, [await log.head()])
    assert (whole.problem, whole.events) == (None, EVENTS)
    assert verify_export(lines[2:5], ()).problem is None, "a part of it begins with what it says came before"
    forged = [*lines[:3], lines[3].replace(b"ana", b"eve"), *lines[4:]]
    assert "event 4 was changed" in (verify_export(forged, ()).problem or "whole")
    assert "event 3 is missing" in (verify_export([*lines[:2], *lines[3:]], ()).problem or "whole")
    cut = verify_export(lines[:4], [await log.head()])
    assert "the last events are missing" in (cut.problem or "whole")
    assert "line 2 is no exported event" in (verify_export([lines[0], b"{}\n"], ()).problem or "whole")


async def test_an_event_is_hashed_as_it_is_read_back(log: SqlAuditLog) -> None:
    await log.append(AuditEvent(at=EVENT.at, action=EVENT.action, actor=ACTOR, target=TARGET, error="a\0b \ud800"))
    assert (await proved(log)).problem is None
