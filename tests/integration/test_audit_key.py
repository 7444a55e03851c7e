"""The audit's key on real stores: made once, kept outside, and begun by an event of its own where there was none."""

from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from tests.integration.test_audit_chain import event, tampered
from vacate.domain.audit.chain import BEGINNING, FORM, digest_of
from vacate.domain.audit.event import AuditAction
from vacate.domain.errors import AuditUnavailableError, SettingsError
from vacate.store.audit import SqlAuditLog
from vacate.store.audit_key import KeyFile
from vacate.store.audit_rows import every_row, link_of
from vacate.store.database import Database
from vacate.store.tables import audit_events, audit_head
from vacate.store.verification import verify


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "audit.key")


async def test_a_new_store_is_keyed_from_its_first_event_on(database: Database, file: KeyFile) -> None:
    log = SqlAuditLog(database, key=file)
    for number in range(1, 4):
        await log.append(event(number))
    assert (await verify(log, ())).problem is None
    assert [each.id for each in await log.recent(10)] == [3, 2, 1]
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert "cannot" not in ((await verify(SqlAuditLog(database, key=KeyFile(file.path)), ())).problem or "")


async def test_a_store_without_a_key_goes_on_with_one_when_an_operator_wants_it_and_says_where(
    database: Database, file: KeyFile
) -> None:
    for number in range(1, 4):
        await SqlAuditLog(database).append(event(number))
    log = SqlAuditLog(database, key=file)
    assert await log.lacks_key()
    with pytest.raises(AuditUnavailableError, match=r"event 3, its last one, was made without .*store migrate"):
        await log.append(event(4))
    await log.append(event(4), begin_key=True)
    assert not await log.lacks_key()
    await SqlAuditLog(database, key=file).append(event(5))
    found = await verify(log, ())
    assert (found.problem, found.events) == (None, 6)
    begun = [each for each in await log.recent(10) if each.action is AuditAction.AUDIT_KEYED]
    assert [
        (each.id, each.note and each.note.startswith("digests are made with a key behind event 3")) for each in begun
    ] == [(4, True)]


async def test_a_history_made_anew_without_the_key_is_never_vouched_for(database: Database, file: KeyFile) -> None:
    log = SqlAuditLog(database, key=file)
    for number in range(1, 5):
        await log.append(event(number))
    await tampered(database, rewritten_without_key)
    # A service that was started again, and knows no anchor.
    again = SqlAuditLog(database, key=KeyFile(file.path))
    for _ in range(2):
        with pytest.raises(AuditUnavailableError, match="made without the key"):
            await again.append(event(9))
        assert "event 4 is the last and was made without the key" in ((await verify(again, ())).problem or "whole")


def rewritten_without_key(connection: Connection) -> None:
    """Every event as its owner would have it, with digests that anybody can make."""
    previous = BEGINNING
    for row in connection.execute(every_row().order_by(audit_events.c.id)).mappings().all():
        link = link_of(row)
        fields = {**link.fields, "form": FORM, "user_name": "nobody"}
        digest = digest_of(previous, fields)
        changed = {"form": FORM, "user_name": "nobody", "previous": previous, "digest": digest}
        connection.execute(update(audit_events).where(audit_events.c.id == link.id).values(changed))
        previous = digest
    connection.execute(update(audit_head).values(digest=previous))


async def test_whoever_writes_the_store_cannot_make_a_link(database: Database, file: KeyFile) -> None:
    log = SqlAuditLog(database, key=file)
    for number in range(1, 4):
        await log.append(event(number))
    async with database.read() as connection:
        row = (await connection.execute(every_row().where(audit_events.c.id == 3))).mappings().one()
    link = link_of(row)
    for form in (1, 2):
        fields = {**link.fields, "note": "nothing happened", "form": form}
        digest = digest_of(link.previous, fields, bytes(32))
        changed = update(audit_events).where(audit_events.c.id == 3)
        await tampered(
            database,
            lambda table, f=form, d=digest, c=changed: (
                table.execute(c.values(note="nothing happened", form=f, digest=d)),
                table.execute(update(audit_head).values(digest=d)),
            ),
        )
        assert "event 3 was" in ((await verify(log, ())).problem or "whole")


async def test_a_lost_key_is_never_replaced_by_another_one(database: Database, file: KeyFile) -> None:
    await SqlAuditLog(database, key=file).append(event(1))
    kept = file.path.read_bytes()
    file.path.unlink()
    again = SqlAuditLog(database, key=KeyFile(file.path))
    with pytest.raises(AuditUnavailableError, match="put its file back"):
        await again.append(event(2))
    assert not file.path.exists()
    assert "with the audit's key only" in ((await verify(again, ())).problem or "whole")
    file.path.write_bytes(kept)
    file.path.chmod(0o600)
    await again.append(event(2))
    assert (await verify(again, ())).problem is None


async def test_a_key_file_that_others_may_read_or_that_is_no_key_is_refused(database: Database, file: KeyFile) -> None:
    file.path.write_text("short")
    file.path.chmod(0o600)
    with pytest.raises(SettingsError, match="32 bytes in base64"):
        file.find()
    file.path.chmod(0o644)
    with pytest.raises(AuditUnavailableError, match="open to others"):
        await SqlAuditLog(database, key=file).append(event(1))
    assert (await SqlAuditLog(database).head()).id == 0


def test_of_several_who_make_it_at_once_all_get_the_same(tmp_path: Path) -> None:
    keys = {KeyFile(tmp_path / "key").make() for _ in range(5)}
    assert len(keys) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["key"]
