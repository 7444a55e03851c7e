"""Webhooks as they are kept: how far the audit was read for each endpoint, and what each is to be told."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from vacate.store.tables import metadata
from vacate.store.types import AnyText, UtcDateTime

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("name", AnyText, primary_key=True),
    # The last event of the audit that was read for it.
    Column("cursor", BigInteger, nullable=False),
    # When some service last had it in its configuration.
    Column("used_at", UtcDateTime, nullable=False),
    Column("delivered_at", UtcDateTime),
    Column("failed_at", UtcDateTime),
    Column("failure", AnyText),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("endpoint", AnyText, ForeignKey(webhook_endpoints.c.name, ondelete="CASCADE"), nullable=False),
    Column("event_id", BigInteger, nullable=False),
    Column("type", AnyText, nullable=False),
    # JSON, written once: the same at every attempt, also when the event was pruned from the audit.
    Column("body", Text, nullable=False),
    Column("stage", AnyText, nullable=False),
    Column("attempts", Integer, nullable=False),
    # Nobody attempts it earlier. A lease moves it to its own end, so what a crash leaves is due again by itself.
    Column("due_at", UtcDateTime, nullable=False),
    # Who makes an attempt now; NULL between attempts.
    Column("claim", AnyText),
    Column("created_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime, index=True),
    UniqueConstraint("endpoint", "event_id"),
    Index(None, "endpoint", "stage", "due_at"),
)
