"""Users, their credentials, pins, freezes and the audit, as they were before steps were counted.

A store from that time has most of these tables; what it lacks is made.
"""

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0001"
down_revision = None

_WHEN = sa.DateTime(timezone=True)
_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade(op: Operations) -> None:
    """Make every table that is missing."""
    inspector = sa.inspect(op.get_bind())
    there = set(inspector.get_table_names())
    if "tokens" in there and "for_domain" not in {column["name"] for column in inspector.get_columns("tokens")}:
        # A token lasts a day, so an older table of them is made anew rather than changed.
        op.drop_table("tokens")
        there.discard("tokens")
    for name, make in _TABLES.items():
        if name not in there:
            make(op)
    if "audit_events" in there:
        kept = {column["name"] for column in inspector.get_columns("audit_events")}
        if "named" not in kept:
            op.add_column("audit_events", sa.Column("named", sa.Text))


def _users(op: Operations) -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text),
        sa.Column("created_at", _WHEN, nullable=False),
        sa.Column("disabled_at", _WHEN),
        sa.UniqueConstraint("domain", "name"),
    )


def _grants(op: Operations) -> None:
    op.create_table(
        "grants",
        sa.Column("user_id", sa.Text, sa.ForeignKey("users.id"), primary_key=True),
        sa.Column("project_id", sa.Text, primary_key=True),
        sa.Column("role", sa.Text, nullable=False),
    )


def _access_keys(op: Operations) -> None:
    op.create_table(
        "access_keys",
        sa.Column("access_key", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary, nullable=False),
        sa.Column("created_at", _WHEN, nullable=False),
        sa.Column("disabled_at", _WHEN),
    )


def _tokens(op: Operations) -> None:
    op.create_table(
        "tokens",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("user_id", sa.Text, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("project_id", sa.Text),
        sa.Column("for_domain", sa.Boolean, nullable=False),
        sa.Column("issued_at", _WHEN, nullable=False),
        sa.Column("expires_at", _WHEN, nullable=False, index=True),
    )


def _temporary_keys(op: Operations) -> None:
    op.create_table(
        "temporary_keys",
        sa.Column("access_key", sa.Text, primary_key=True),
        sa.Column(
            "token", sa.LargeBinary, sa.ForeignKey("tokens.digest", ondelete="CASCADE"), nullable=False, index=True
        ),
        sa.Column("sealed_secret", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("created_at", _WHEN, nullable=False),
        sa.Column("expires_at", _WHEN, nullable=False, index=True),
    )


def _freezes(op: Operations) -> None:
    op.create_table(
        "freezes",
        sa.Column("instance_id", sa.Text, primary_key=True),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("since", _WHEN, nullable=False),
    )


def _audit_events(op: Operations) -> None:
    op.create_table(
        "audit_events",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("at", _WHEN, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False, index=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("role", sa.Text),
        sa.Column("credential_kind", sa.Text, nullable=False),
        sa.Column("credential", sa.Text, nullable=False),
        sa.Column("source_address", sa.Text, nullable=False),
        sa.Column("project_id", sa.Text, nullable=False),
        sa.Column("instance_id", sa.Text, nullable=False),
        sa.Column("node_id", sa.Text, nullable=False),
        sa.Column("component_id", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("sessions", sa.Text, nullable=False),
        sa.Column("named", sa.Text),
        sqlite_autoincrement=True,
    )


def _pins(op: Operations) -> None:
    op.create_table(
        "pins",
        sa.Column("project_id", sa.Text, primary_key=True),
        sa.Column("instance_id", sa.Text, primary_key=True),
        sa.Column("component_id", sa.Text, primary_key=True),
        sa.Column("system_identifier", sa.Text, nullable=False),
    )


_TABLES = {
    "users": _users,
    "grants": _grants,
    "access_keys": _access_keys,
    "tokens": _tokens,
    "temporary_keys": _temporary_keys,
    "freezes": _freezes,
    "audit_events": _audit_events,
    "pins": _pins,
}
