"""What is kept: every table, with the types that make SQLite and PostgreSQL keep the same."""

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time, in UTC and to the microsecond.

    SQLite keeps no time zone, so a naive value would be read back as another time than was meant: it is
    refused.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[..., datetime | str | None]:
        """How a time is written. A sweep writes thousands of them, so it is one plain function."""
        return _as_text if dialect.name == "sqlite" else _as_utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn what was read into an aware time."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


def _as_utc(value: datetime | None) -> datetime | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError(f"a time without its time zone cannot be kept: {value.isoformat()}")
    return value.astimezone(UTC)


def _as_text(value: datetime | None) -> str | None:
    in_utc = _as_utc(value)
    return None if in_utc is None else in_utc.replace(tzinfo=None).isoformat(" ", "microseconds")


class AnyText(TypeDecorator[str]):
    """Text of any origin.

    PostgreSQL takes no NUL and neither database takes half a character. Such a text comes from a caller who
    tries what happens; it is written with replacement characters, because it must not make the audit fail.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Turn any text into one that every server takes."""
        del dialect
        if value is None or value.isascii():
            return value if value is None or "\0" not in value else value.replace("\0", "\N{REPLACEMENT CHARACTER}")
        return value.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

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
    # SQLite numbers rows by itself only when the column is its plain INTEGER.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("action", AnyText, nullable=False),
    Column("request_id", AnyText, nullable=False),
    Column("user_id", AnyText, nullable=False),
    Column("user_name", AnyText, nullable=False),
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
    Index(None, "request_id"),
    # Numbers of events are never given out twice, so a missing one shows.
    sqlite_autoincrement=True,
)

pins = Table(
    "pins",
    metadata,
    Column("project_id", AnyText, primary_key=True),
    Column("instance_id", AnyText, primary_key=True),
    Column("component_id", AnyText, primary_key=True),
    Column("system_identifier", AnyText, nullable=False),
)
