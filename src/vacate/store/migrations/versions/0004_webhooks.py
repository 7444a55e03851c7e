"""Webhooks: how far each endpoint has come, and what it is to be told."""

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0004"
down_revision = "0003"

_WHEN = sa.DateTime(timezone=True)


def upgrade(op: Operations) -> None:
    """Make the two tables."""
    op.create_table(
        "webhook_endpoints",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("cursor", sa.BigInteger, nullable=False),
        sa.Column("used_at", _WHEN, nullable=False),
        sa.Column("delivered_at", _WHEN),
        sa.Column("failed_at", _WHEN),
        sa.Column("failure", sa.Text),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("endpoint", sa.Text, sa.ForeignKey("webhook_endpoints.name", ondelete="CASCADE"), nullable=False),
        sa.Column("event_id", sa.BigInteger, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", _WHEN, nullable=False),
        sa.Column("claim", sa.Text),
        sa.Column("created_at", _WHEN, nullable=False),
        sa.Column("ended_at", _WHEN, index=True),
        sa.UniqueConstraint("endpoint", "event_id"),
    )
    op.create_index(
        op.f("ix_webhook_deliveries_endpoint_stage_due_at"), "webhook_deliveries", ["endpoint", "stage", "due_at"]
    )
