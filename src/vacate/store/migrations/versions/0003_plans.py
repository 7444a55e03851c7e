"""Plans, and how far each has come."""

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0003"
down_revision = "0002"

_WHEN = sa.DateTime(timezone=True)


def upgrade(op: Operations) -> None:
    """Make the two tables."""
    op.create_table(
        "plans",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("project_id", sa.Text, nullable=False),
        sa.Column("instance_id", sa.Text),
        sa.Column("node_id", sa.Text),
        sa.Column("component_id", sa.Text),
        sa.Column("criteria", sa.Text),
        sa.Column("made_at", _WHEN, nullable=False),
        sa.Column("expires_at", _WHEN, nullable=False, index=True),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("components", sa.Text, nullable=False),
        sa.Column("stage", sa.Text, nullable=False, index=True),
        sa.Column("claim", sa.Text),
        sa.Column("held_at", _WHEN),
        sa.Column("stop_by", sa.Text),
        sa.Column("applied_by", sa.Text),
        sa.Column("applied_request_id", sa.Text),
        sa.Column("applied_at", _WHEN),
        sa.Column("finished_at", _WHEN),
    )
    op.create_index(op.f("ix_plans_project_id_made_at"), "plans", ["project_id", "made_at"])
    op.create_table(
        "plan_lines",
        sa.Column("plan_id", sa.Text, sa.ForeignKey("plans.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("problem", sa.Text),
        sa.Column("started_at", _WHEN),
        sa.Column("finished_at", _WHEN),
    )
