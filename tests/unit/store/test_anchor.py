"""The anchor file: whole, only ever ahead, and never in the way of an event."""

import os
import stat
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.anchoring import Told
from tests.support.fakes import actor
from vacate.domain.audit.chain import Anchor
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.errors import SettingsError
from vacate.domain.topology.components import ComponentId, InstanceId, NodeId, ProjectId, Target
from vacate.store.anchor import AnchorFile
from vacate.store.anchored_audit import AnchoredAuditLog
from vacate.store.audit import SqlAuditLog
from vacate.store.database import open_database

AT = datetime(2026, 1, 2, tzinfo=UTC)
EVENT = AuditEvent(
    at=AT,
    action=AuditAction.KILL_IDLE_REFUSED,
    actor=actor(),
    target=Target(
        project_id=ProjectId("p"), instance_id=InstanceId("i"), node_id=NodeId("n"), component_id=ComponentId("c")
    ),
)


def anchor(number: int) -> Anchor:
    return Anchor(id=number, digest=bytes([number]) * 32, source="")


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqlAuditLog]:
    database = await open_database(f"sqlite:///{tmp_path / 'vacate.db'}")
    yield SqlAuditLog(database)
    await database.close()


def test_there_is_none_before_the_first_event(tmp_path: Path) -> None:
    assert AnchorFile(tmp_path / "anchor").read() is None


def test_it_only_ever_goes_forward(tmp_path: Path) -> None:
    file = AnchorFile(tmp_path / "anchor")
    for number in (3, 5, 4, 5):
        file.advance(anchor(number), AT)
    kept = file.read()
    assert kept is not None
    assert (kept.id, kept.digest) == (5, bytes([5]) * 32)
    assert kept.source == f"anchored in {tmp_path / 'anchor'}"


def test_of_many_who_move_it_at_once_the_furthest_stands(tmp_path: Path) -> None:
    path = tmp_path / "anchor"
    with ThreadPoolExecutor(8) as pool:
        moves = [pool.submit(AnchorFile(path).advance, anchor(number), AT) for number in range(1, 100)]
    assert not [move.exception() for move in moves if move.exception()]
    kept = AnchorFile(path).read()
    assert kept is not None
    assert kept.id == 99
    assert {each.name for each in tmp_path.iterdir()} == {"anchor", "anchor.lock"}


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    AnchorFile(tmp_path / "anchor").advance(anchor(1), AT)
    assert (tmp_path / "anchor").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "content", [b"", b"{", b"{}", b'{"id": 1, "digest": "zz", "at": "2026-01-01T00:00:00Z"}', b"\xff"]
)
def test_a_file_that_is_no_anchor_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "anchor"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=f"the anchor {path} cannot be read"):
        AnchorFile(path).read()


async def test_every_event_moves_it(log: SqlAuditLog, tmp_path: Path) -> None:
    file, told = AnchorFile(tmp_path / "anchor"), Told()
    anchored = AnchoredAuditLog(log, file, told)
    for number in range(3):
        await anchored.append(replace(EVENT, at=AT + timedelta(seconds=number)))
    head, kept = await log.head(), file.read()
    assert kept is not None
    assert (kept.id, kept.digest) == (head.id, head.digest) == (3, head.digest)
    assert (told.events, told.failures) == ([1, 2, 3], [])


async def test_an_anchor_that_cannot_be_moved_is_told_and_undoes_nothing(log: SqlAuditLog, tmp_path: Path) -> None:
    path, told = tmp_path / "away" / "anchor", Told()
    anchored = AnchoredAuditLog(log, AnchorFile(path), told)
    await anchored.append(EVENT)
    assert len(await log.recent(10)) == 1
    (reason,) = told.failures
    assert str(path) in reason
    path.parent.mkdir()
    await anchored.append(EVENT)
    kept = AnchorFile(path).read()
    assert kept is not None
    assert kept.id == 2, "the next event moves it as far as it should be"


async def test_without_a_file_the_log_line_is_the_anchor(log: SqlAuditLog) -> None:
    told = Told()
    await AnchoredAuditLog(log, None, told).append(EVENT)
    assert told.events == [1]


def test_the_anchor_and_its_lock_are_their_owners_alone(tmp_path: Path) -> None:
    file = AnchorFile(tmp_path / "vacate.anchor")
    file.advance(Anchor(id=1, digest=bytes(32), source="a test"), datetime(2026, 1, 2, tzinfo=UTC))
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {
        "vacate.anchor": 0o600,
        "vacate.anchor.lock": 0o600,
    }


def test_what_root_anchors_stays_the_services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether this runs as root or not, root's commands give what they make to the owner of the folder or the file."""
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    def chown(_: object, uid: int, gid: int) -> None:
        given.append((uid, gid))

    monkeypatch.setattr(os, "chown", chown)
    file = AnchorFile(tmp_path / "vacate.anchor")
    for number in (1, 2):
        file.advance(Anchor(id=number, digest=bytes(32), source="a test"), datetime(2026, 1, 2, tzinfo=UTC))
    owner = (tmp_path.stat().st_uid, tmp_path.stat().st_gid)
    assert given == [owner] * 3
