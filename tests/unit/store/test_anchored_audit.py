"""The audit beside an anchor that hangs or is held: an event is durable in bounded time, and it is told."""

import fcntl
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.anchoring import Told
from tests.unit.store.test_anchor import AT, EVENT
from vacate.domain.audit.chain import Anchor
from vacate.domain.errors import AuditUnavailableError
from vacate.store.anchor import AnchorFile
from vacate.store.anchored_audit import AnchoredAuditLog
from vacate.store.audit import SqlAuditLog
from vacate.store.database import open_database


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqlAuditLog]:
    database = await open_database(f"sqlite:///{tmp_path / 'vacate.db'}")
    yield SqlAuditLog(database)
    await database.close()


class HangingFile(AnchorFile):
    """An anchor on a share that does not answer until it is told to."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.answers = threading.Event()
        self.asked = 0

    def kept(self) -> Anchor | None:
        self.asked += 1
        self.answers.wait()
        return super().kept()


async def test_a_held_lock_delays_an_event_for_bounded_time_and_is_told(log: SqlAuditLog, tmp_path: Path) -> None:
    path, told = tmp_path / "anchor", Told()
    audit = AnchoredAuditLog(log, AnchorFile(path, patience_s=0.05), told)
    await audit.append(EVENT)
    with path.with_name("anchor.lock").open("r") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        await audit.append(EVENT)
        assert "somebody else has held its lock" in (audit.anchor_problem or "")
        assert [words for words in told.failures if str(path) in words]
        assert (await log.head()).id == 2, "it is durable all the same"
    await audit.append(EVENT)
    assert audit.anchor_problem is None
    kept = AnchorFile(path).read()
    assert kept is not None
    assert kept.id == 3


async def test_a_share_that_hangs_is_waited_for_once(log: SqlAuditLog, tmp_path: Path) -> None:
    file, told = HangingFile(tmp_path / "anchor"), Told()
    audit = AnchoredAuditLog(log, file, told, within_s=0.05)
    try:
        for _ in range(3):
            await audit.append(EVENT)
        assert (await log.head()).id == 3
        assert file.asked == 1, "no thread piles up behind the one that hangs"
        assert "does not answer within 0.05 s" in (audit.anchor_problem or "")
        assert audit.problem is None
    finally:
        file.answers.set()


async def test_nobody_else_can_open_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "anchor.lock"
    lock.touch(mode=0o644)
    lock.chmod(0o644)
    AnchorFile(tmp_path / "anchor").advance(Anchor(id=1, digest=bytes(32), source=""), AT)
    assert lock.stat().st_mode & 0o777 == 0o600


async def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").touch()
    (tmp_path / "anchor.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        AnchorFile(tmp_path / "anchor").advance(Anchor(id=1, digest=bytes(32), source=""), AT)


async def test_a_file_that_is_no_anchor_stops_whatever_depends_on_the_audit(log: SqlAuditLog, tmp_path: Path) -> None:
    path, told = tmp_path / "anchor", Told()
    path.write_text("{}")
    audit = AnchoredAuditLog(log, AnchorFile(path), told)
    with pytest.raises(AuditUnavailableError, match="is no anchor"):
        await audit.append(EVENT)
    await audit.append(EVENT, concluding=True)
    assert path.read_text() == "{}"
    assert len(told.disputes) == 1
    path.unlink()
    await audit.append(EVENT)
    assert told.disputes[-1] is None
