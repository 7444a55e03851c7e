"""What is kept: every table but those of plans."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

from vacate.store.types import AnyText, UtcDateTime

# Constraints have the names that the database gives them, as in the stores that are there already.
metadata = MetaData(naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s"})

users = Table(
    "users",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("name", AnyText, nullable=False),
    Column("domain", AnyText, nullable=False),
    Column("password_hash", AnyText),
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
    UniqueConstraint("domain", "name"),
)

grants = Table(
    "grants",
    metadata,
    Column("user_id", AnyText, ForeignKey(users.c.id), primary_key=True),
    Column("project_id", AnyText, primary_key=True),
    Column("role", AnyText, nullable=False),
)

access_keys = Table(
    "access_keys",
    metadata,
    Column("access_key", AnyText, primary_key=True),
    Column("user_id", AnyText, ForeignKey(users.c.id), nullable=False),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
)

tokens = Table(
    "tokens",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("user_id", AnyText, ForeignKey(users.c.id), nullable=False),
    # None for a token that is unscoped, or for the user's whole domain.
    Column("project_id", AnyText),
    Column("for_domain", Boolean, nullable=False),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

# A temporary key has its user and its project from the token that it was made from, and goes with it.
temporary_keys = Table(
    "temporary_keys",
    metadata,
    Column("access_key", AnyText, primary_key=True),
    Column("token", LargeBinary, ForeignKey(tokens.c.digest, ondelete="CASCADE"), nullable=False, index=True),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

# Requests that changed something, by the digest of what was signed, until their signatures are no good any more.
seen_requests = Table(
    "seen_requests",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

# An empty instance id stands for all instances.
freezes = Table(
    "freezes",
    metadata,
    Column("instance_id", AnyText, primary_key=True),
    Column("by", AnyText, nullable=False),
    Column("reason", AnyText, nullable=False),
    Column("since", UtcDateTime, nullable=False),
)

# The audit copies the names it needs and refers to no other table: nothing else can change what it says.
audit_events = Table(
    "audit_events",
    metadata,
    # Given out by the head, one after the other: a number that is missing was removed.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("action", AnyText, nullable=False),
    Column("request_id", AnyText, nullable=False),
    Column("user_id", AnyText, nullable=False),
    Column("user_name", AnyText, nullable=False, index=True),
    Column("role", AnyText),
    Column("credential_kind", AnyText, nullable=False),
    Column("credential", AnyText, nullable=False),
    Column("source_address", AnyText, nullable=False),
    Column("project_id", AnyText, nullable=False),
    Column("instance_id", AnyText, nullable=False),
    Column("node_id", AnyText, nullable=False),
    Column("component_id", AnyText, nullable=False),
    Column("error", AnyText),
    # A JSON list of every session with its outcome. One text is written an order of magnitude faster than a row a
    # session, and a sweep's intent must be durable before it may begin.
    Column("sessions", Text, nullable=False),
    # A JSON list of the ids that the caller named; NULL where the call named none.
    Column("named", Text),
    Column("plan_id", AnyText, index=True),
    Column("note", AnyText),
    # How the digest is made of the other columns; see `domain.audit.chain`.
    Column("form", Integer, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Index(None, "request_id"),
)

# One row: the last event. Whoever appends holds it, so that many services write one chain.
audit_head = Table(
    "audit_head",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("last_id", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)

# One row: the last event that was pruned; where the chain begins.
audit_base = Table(
    "audit_base",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("last_id", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)

# Derived from the events, for searching only: filled after they are written, and made anew at any time.
audit_sessions = Table(
    "audit_sessions",
    metadata,
    Column("event_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("pid", BigInteger, nullable=False, index=True),
    Column("session_id", BigInteger, nullable=False, index=True),
    Column("user", AnyText, index=True),
    Column("database", AnyText, index=True),
    Column("client_address", AnyText, index=True),
)

# One row: the last event that the table above knows.
audit_indexed = Table(
    "audit_indexed",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("last_id", BigInteger, nullable=False),
)

pins = Table(
    "pins",
    metadata,
    Column("project_id", AnyText, primary_key=True),
    Column("instance_id", AnyText, primary_key=True),
    Column("component_id", AnyText, primary_key=True),
    Column("system_identifier", AnyText, nullable=False),
)
