"""The tables as they are now. How they came to be is in `migrations/`; a test keeps the two equal.

Words that have a fixed set of values (role, status) are text without a constraint: the sets grow, and SQLite cannot
alter a constraint without copying the table.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
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
)

__all__ = ["accounts", "groups", "kept_responses", "keys", "metadata", "revision", "usage", "vault"]

# Constraints have names that do not depend on the database, so that a later migration can name them.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts up by itself only where the type is INTEGER, which holds 64 bits there.
_ID = BigInteger().with_variant(Integer, "sqlite")

accounts = Table(
    "accounts",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("display_name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

groups = Table(
    "groups",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_ms", BigInteger, nullable=False),
)

keys = Table(
    "keys",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("account_id", _ID, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("group_id", _ID, ForeignKey("groups.id"), nullable=False),
    Column("name", Text, nullable=False),
    # Unique over deleted keys too: a key that was deleted once cannot come back.
    Column("key_hash", LargeBinary, nullable=False, unique=True),
    Column("head", Text, nullable=False),
    Column("tail", Text, nullable=False),
    Column("models", JSON, nullable=False),
    Column("status", Text, nullable=False),
    Column("expires_ms", BigInteger),
    Column("created_ms", BigInteger, nullable=False),
    Column("last_used_ms", BigInteger),
    Column("deleted_ms", BigInteger),
    # Null: as the operator's setting says.
    Column("keep_responses", Boolean),
)

usage = Table(
    "usage",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("request_id", Text, nullable=False, index=True),
    Column("at_ms", BigInteger, nullable=False),
    # Without foreign keys: what a request used is written even if its key is gone, and each would cost a lookup.
    Column("account_id", _ID, nullable=False),
    Column("key_id", _ID, nullable=False),
    Column("channel", Text, nullable=False),
    Column("surface", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("dialect_in", Text, nullable=False),
    Column("dialect_out", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("upstream_model", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("is_stream", Boolean, nullable=False),
    Column("retries", Integer, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("cache_read_tokens", BigInteger, nullable=False),
    Column("cache_write_tokens", BigInteger, nullable=False),
    Column("cache_write_5m_tokens", BigInteger, nullable=False),
    Column("cache_write_1h_tokens", BigInteger, nullable=False),
    Column("tool_input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("reasoning_tokens", BigInteger, nullable=False),
    Column("quality", Text, nullable=False),
    Column("latency_ms", BigInteger, nullable=False),
    Column("first_token_ms", BigInteger),
    Column("losses", Text),
)

kept_responses = Table(
    "kept_responses",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", _ID, nullable=False),
    Column("key_id", _ID, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False, index=True),
    Column("sealed_bytes", BigInteger, nullable=False),
    # Last, so that nothing that only counts has to read past it.
    Column("sealed", LargeBinary, nullable=False),
    Index(None, "account_id", "created_ms", "sealed_bytes"),
)

revision = Table(
    "revision",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""One row. Its value rises with every change that `AccessRows` can show, in the transaction of that change."""

vault = Table(
    "vault",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("expires_ms", BigInteger, nullable=False, index=True),
)
"""Opaque state by a keyed hash, encrypted: the store can read neither."""
