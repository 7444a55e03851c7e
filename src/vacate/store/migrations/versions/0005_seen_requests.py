"""Signed requests that were received, so that none counts twice."""

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0005"
down_revision = "0004"

_WHEN = sa.DateTime(timezone=True)


def upgrade(op: Operations) -> None:
    """Make the table."""
    op.create_table(
        "seen_requests",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("seen_at", _WHEN, nullable=False),
        sa.Column("expires_at", _WHEN, nullable=False, index=True),
    )
