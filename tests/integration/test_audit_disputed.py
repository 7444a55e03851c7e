"""A store that has lost events of its audit: nothing depends on it any more until an operator acknowledges that."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from tests.integration.test_audit_chain import event, tampered
from tests.support.anchoring import Told
from vacate.domain.audit.chain import Anchor
from vacate.domain.audit.event import AuditAction
from vacate.domain.errors import AuditUnavailableError
from vacate.store.anchor import AnchorFile
from vacate.store.anchored_audit import AnchoredAuditLog
from vacate.store.audit import SqlAuditLog
from vacate.store.audit_search import SqlAuditSearch
from vacate.store.chain_watch import acknowledging
from vacate.store.database import Database
from vacate.store.tables import audit_base, audit_events, audit_head, audit_sessions
from vacate.store.verification import verify

EVENTS = 6


def cut(to: int) -> Callable[[Connection], None]:
    """Cut off the last events, and make the head fit."""

    def act(table: Connection) -> None:
        digest = table.execute(select(audit_events.c.digest).where(audit_events.c.id == to)).scalar_one()
        table.execute(delete(audit_events).where(audit_events.c.id > to))
        table.execute(update(audit_head).values(last_id=to, digest=digest))

    return act


class Desk:
    """A service's audit with its anchor."""

    def __init__(self, database: Database, path: Path | None) -> None:
        self.database = database
        self.log = SqlAuditLog(database)
        self.file = None if path is None else AnchorFile(path)
        self.told = Told()
        self.audit = AnchoredAuditLog(self.log, self.file, self.told)

    async def acknowledge(self, lost: Anchor) -> Anchor:
        """What the command does, in a process of its own."""
        audit = AnchoredAuditLog(self.log, self.file, Told())
        said = replace(event(50), action=AuditAction.AUDIT_ACKNOWLEDGED, note=f"{acknowledging(lost)}a bad disk")
        return await audit.acknowledge(said)

    async def problem(self) -> str:
        await self.audit.check()
        return self.audit.problem or "none"


@pytest.fixture(params=["with its anchor", "without a file"])
async def desk(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Desk:
    desk = Desk(database, tmp_path / "anchor" if request.param == "with its anchor" else None)
    for number in range(1, EVENTS + 1):
        await desk.audit.append(event(number))
    return desk


async def test_a_tail_cut_off_while_the_service_runs_stops_whatever_depends_on_the_audit(desk: Desk) -> None:
    lost = await desk.log.head()
    await tampered(desk.database, cut(3))
    with pytest.raises(AuditUnavailableError, match="the last events are missing: event 3 is the last"):
        await desk.audit.append(event(7))
    assert (await desk.log.head()).id == 3
    for number in range(7, 14):
        await desk.audit.append(event(number), concluding=True)
    with pytest.raises(AuditUnavailableError, match=f"event {EVENTS} is not the one that was there"):
        await desk.audit.append(event(20))
    assert len(desk.told.disputes) == 1
    if desk.file is not None:
        kept = desk.file.read()
        assert kept is not None
        assert (kept.id, kept.digest) == (lost.id, lost.digest), "the anchor does not follow a chain that lost events"
        found = await verify(desk.log, [kept])
        assert found.problem is not None


async def test_an_acknowledgement_by_name_allows_it_again_and_stays_in_the_chain(desk: Desk) -> None:
    lost = await desk.log.head()
    await tampered(desk.database, cut(3))
    assert f"vacate audit acknowledge {lost.id}:{lost.digest.hex()}" in await desk.problem()
    await desk.acknowledge(replace(lost, digest=bytes(32)))
    if desk.file is None:
        assert "event 6 is not" in await desk.problem() or "missing" in await desk.problem(), "another event was named"
    await desk.acknowledge(lost)
    assert await desk.problem() == "none"
    await desk.audit.append(event(8))
    anchors = [await desk.log.head()]
    if desk.file is not None and (kept := desk.file.read()):
        anchors.append(kept)
    assert (await verify(desk.log, anchors)).problem is None
    actions = [each.action for each in await desk.log.recent(2)]
    assert AuditAction.AUDIT_ACKNOWLEDGED in actions


async def test_an_older_acknowledgement_that_came_back_with_a_copy_counts_for_nothing(desk: Desk) -> None:
    lost = await desk.log.head()
    await tampered(desk.database, cut(3))
    await desk.problem()
    await desk.acknowledge(lost)
    assert await desk.problem() == "none"
    for number in range(10, 15):
        await desk.audit.append(event(number))
    await tampered(desk.database, cut(4))
    assert "the last events are missing" in await desk.problem()


async def test_a_service_that_starts_on_an_older_copy_stops_before_its_first_kill(
    database: Database, tmp_path: Path
) -> None:
    first = Desk(database, tmp_path / "anchor")
    for number in range(1, EVENTS + 1):
        await first.audit.append(event(number))
    await tampered(database, cut(4))
    again = Desk(database, tmp_path / "anchor")
    assert "once there was event 6" in await again.problem()
    with pytest.raises(AuditUnavailableError):
        await again.audit.append(event(9))


def replaces_the_last(table: Connection) -> None:
    digest = bytes([7]) * 32
    table.execute(update(audit_events).where(audit_events.c.id == EVENTS).values(digest=digest))
    table.execute(update(audit_head).values(digest=digest))


def removes_the_last_row_alone(table: Connection) -> None:
    table.execute(delete(audit_events).where(audit_events.c.id == EVENTS))


def adds_behind_the_head(table: Connection) -> None:
    row = dict(table.execute(select(audit_events).where(audit_events.c.id == 3)).mappings().one())
    table.execute(insert(audit_events), row | {"id": EVENTS + 5})


def claims_a_pruning(table: Connection) -> None:
    """Say that all that was known was pruned long ago, and go on from there."""
    row = dict(table.execute(select(audit_events).where(audit_events.c.id == EVENTS)).mappings().one())
    table.execute(delete(audit_events))
    table.execute(update(audit_base).values(last_id=EVENTS + 3, digest=bytes(32)))
    table.execute(insert(audit_events), row | {"id": EVENTS + 4, "previous": bytes(32)})
    table.execute(update(audit_head).values(last_id=EVENTS + 4, digest=row["digest"]))


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (replaces_the_last, "event 6 is not the one that was there"),
        (removes_the_last_row_alone, "event 6, the last by the store's own word, is missing"),
        (adds_behind_the_head, "event 11 stands behind event 6"),
        (claims_a_pruning, "no event says that those up to 9 were pruned"),
    ],
)
async def test_whatever_bends_the_end_of_the_chain_is_seen_at_the_next_look(
    desk: Desk, act: Callable[[Connection], None], words: str
) -> None:
    await tampered(desk.database, act)
    assert words in await desk.problem()


async def test_a_chain_that_others_prune_and_add_to_is_not_blamed(desk: Desk) -> None:
    other = Desk(desk.database, None if desk.file is None else desk.file.path)
    for number in range(20, 24):
        await other.audit.append(event(number))
    assert await desk.problem() == "none"
    pruning = replace(event(100), action=AuditAction.AUDIT_PRUNED, sessions=())
    for number in range(24, 28):
        await other.audit.append(event(number))
    assert await other.audit.prune(event(27).at, pruning) > EVENTS
    assert await desk.problem() == "none"
    await desk.audit.append(event(200))


async def test_the_index_is_made_anew_behind_an_acknowledgement(desk: Desk) -> None:
    search = SqlAuditSearch(desk.database, desk.log)
    await search.take_in()
    lost = await desk.log.head()
    await tampered(desk.database, cut(3))
    await desk.acknowledge(lost)
    for number in range(30, 33):
        await desk.audit.append(event(number))
    await search.take_in()
    async with desk.database.read() as connection:
        known = set((await connection.execute(select(audit_sessions.c.event_id))).scalars())
    assert known == {1, 2, 3, 4, 5, 6, 7}
