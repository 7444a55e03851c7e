"""The audit becomes a chain: its events are numbered without gaps, and each carries a digest of the one before."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0002"
down_revision = "0001"

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_BEGINNING = bytes(32)
_FORM = 1
_PAGE = 1000
# In the order in which they are hashed, form 1. What this Vacate hashes may be another thing by now.
_FIELDS = (
    "id",
    "at",
    "action",
    "request_id",
    "user_id",
    "user_name",
    "role",
    "credential_kind",
    "credential",
    "source_address",
    "project_id",
    "instance_id",
    "node_id",
    "component_id",
    "error",
    "sessions",
    "named",
    "plan_id",
    "note",
)


def upgrade(op: Operations) -> None:
    """Add the columns, chain the events that are there, and make the tables around them."""
    for name in ("audit_head", "audit_base"):
        op.create_table(
            name,
            sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("last_id", sa.BigInteger, nullable=False),
            sa.Column("digest", sa.LargeBinary, nullable=False),
        )
    op.create_table(
        "audit_indexed",
        sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("last_id", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "audit_sessions",
        sa.Column("event_id", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("pid", sa.BigInteger, nullable=False, index=True),
        sa.Column("session_id", sa.BigInteger, nullable=False, index=True),
        sa.Column("user", sa.Text, index=True),
        sa.Column("database", sa.Text, index=True),
        sa.Column("client_address", sa.Text, index=True),
    )
    for column in (
        sa.Column("plan_id", sa.Text),
        sa.Column("note", sa.Text),
        sa.Column("form", sa.Integer),
        sa.Column("previous", sa.LargeBinary),
        sa.Column("digest", sa.LargeBinary),
    ):
        op.add_column("audit_events", column)
    last_id, digest = _chain(op)
    with op.batch_alter_table("audit_events") as batch:
        for name, kind in (("form", sa.Integer), ("previous", sa.LargeBinary), ("digest", sa.LargeBinary)):
            batch.alter_column(name, existing_type=kind(), nullable=False)
        if op.get_bind().dialect.name == "postgresql":
            batch.alter_column("id", existing_type=sa.BigInteger(), server_default=None)
    for name in ("at", "user_name", "plan_id"):
        op.create_index(op.f(f"ix_audit_events_{name}"), "audit_events", [name])
    op.execute(sa.text("INSERT INTO audit_indexed (one, last_id) VALUES (1, 0)"))
    insert = sa.text("INSERT INTO audit_base (one, last_id, digest) VALUES (1, 0, :digest)")
    op.get_bind().execute(insert, {"digest": _BEGINNING})
    insert = sa.text("INSERT INTO audit_head (one, last_id, digest) VALUES (1, :last_id, :digest)")
    op.get_bind().execute(insert, {"last_id": last_id, "digest": digest})


def _chain(op: Operations) -> tuple[int, bytes]:
    """Number the events anew, where rolled back writes left gaps, and give each its digests; the last one's."""
    connection = op.get_bind()
    names = (*_FIELDS, "form", "previous", "digest")
    columns: list[sa.ColumnClause[Any]] = [sa.column(name) for name in names]
    events = sa.table("audit_events", *columns)
    last_id, digest = 0, _BEGINNING
    old_id = -1
    while True:
        chosen = sa.select(events).where(events.c.id > old_id).order_by(events.c.id).limit(_PAGE)
        rows = connection.execute(chosen).mappings().all()
        if not rows:
            return last_id, digest
        for row in rows:
            old_id = row["id"]
            last_id += 1
            fields = {**row, "id": last_id, "at": _text(row["at"])}
            said = json.dumps([_FORM, *(fields[name] for name in _FIELDS)], ensure_ascii=True, separators=(",", ":"))
            previous, digest = digest, hashlib.sha256(digest + said.encode("ascii")).digest()
            changed = (
                events.update()
                .where(events.c.id == old_id)
                .values(id=last_id, form=_FORM, previous=previous, digest=digest)
            )
            connection.execute(changed)


def _text(at: datetime | str) -> str:
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return aware.isoformat(timespec="microseconds")
