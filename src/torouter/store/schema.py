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
    text,
)

__all__ = [
    "accounts",
    "admin_tokens",
    "audit",
    "channel_credentials",
    "channels",
    "done_once",
    "groups",
    "kept_responses",
    "key_minutes",
    "keys",
    "ledger",
    "metadata",
    "plan_spend",
    "plans",
    "prices",
    "processes",
    "revision",
    "segments",
    "sessions",
    "subscriptions",
    "usage",
    "usage_days",
    "usage_hours",
    "vault",
]

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
    # `prepaid` spends a balance, `unlimited` is only written down.
    Column("billing", Text, nullable=False, server_default="prepaid"),
    # The balance is their difference. Both are only added to, so that two who change it at once cannot undo each other.
    Column("credited_nusd", BigInteger, nullable=False, server_default="0"),
    Column("charged_nusd", BigInteger, nullable=False, server_default="0"),
    Column("deleted_ms", BigInteger),
    # Argon2's own form, with its parameters. Null: nobody signs in with a password.
    Column("password_hash", Text),
    # Of the change that made the row what it is: who follows changes asks for later ones only.
    Column("revision", BigInteger, nullable=False, server_default="0", index=True),
)

groups = Table(
    "groups",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_ms", BigInteger, nullable=False),
    # Empty: any.
    Column("platform", Text, nullable=False, server_default=""),
    # `balance`: calls are paid from the account's balance. `subscription`: from the windows of a plan.
    Column("billing", Text, nullable=False, server_default="balance"),
    Column("multiplier_ppm", BigInteger, nullable=False, server_default="1000000"),
    # The catalog; empty: all that the group's channels have.
    Column("models", JSON, nullable=False, server_default="[]"),
    # Limits of keys that set none themselves, by the names of the columns of `keys`.
    Column("defaults", JSON, nullable=False, server_default="{}"),
    # What follows a cut, and which models may stand in for others.
    Column("routing", JSON, nullable=False, server_default="{}"),
    # Empty: whoever may. `file`: a configuration file that is applied.
    Column("managed_by", Text, nullable=False, server_default=""),
    Column("deleted_ms", BigInteger),
    Column("revision", BigInteger, nullable=False, server_default="0"),
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
    # Of all limits: 0 is no limit of the key's own, and then the group's holds.
    Column("cap_nusd", BigInteger, nullable=False, server_default="0"),
    Column("limit_5h", BigInteger, nullable=False, server_default="0"),
    Column("limit_1d", BigInteger, nullable=False, server_default="0"),
    Column("limit_7d", BigInteger, nullable=False, server_default="0"),
    Column("rpm", BigInteger, nullable=False, server_default="0"),
    Column("tpm", BigInteger, nullable=False, server_default="0"),
    Column("concurrency", BigInteger, nullable=False, server_default="0"),
    # CIDRs in their canonical form.
    Column("ip_allow", JSON, nullable=False, server_default="[]"),
    Column("ip_deny", JSON, nullable=False, server_default="[]"),
    # Null: as the operator's setting says.
    Column("is_strict", Boolean),
    Column("on_hangup", Text),
    Column("spent_nusd", BigInteger, nullable=False, server_default="0"),
    Column("last_used_address", Text),
    # The key that this one takes over from.
    Column("replaces_id", _ID),
    # Of the portal's playground: it ends with this session. Null: a key that its owner keeps.
    Column("session_id", _ID),
    Column("revision", BigInteger, nullable=False, server_default="0", index=True),
    Index(
        "ix_keys_session_id",
        "session_id",
        sqlite_where=text("session_id IS NOT NULL AND deleted_ms IS NULL"),
        postgresql_where=text("session_id IS NOT NULL AND deleted_ms IS NULL"),
    ),
)

plans = Table(
    "plans",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    # 0: no such window.
    Column("daily_nusd", BigInteger, nullable=False),
    Column("weekly_nusd", BigInteger, nullable=False),
    Column("monthly_nusd", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("deleted_ms", BigInteger),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("account_id", _ID, ForeignKey("accounts.id"), nullable=False),
    Column("group_id", _ID, ForeignKey("groups.id"), nullable=False),
    Column("plan_id", _ID, ForeignKey("plans.id"), nullable=False),
    Column("status", Text, nullable=False),
    # The windows of the plan are counted from here: 24 h, 7 d and 30 d each.
    Column("started_ms", BigInteger, nullable=False),
    Column("ends_ms", BigInteger),
    Column("created_ms", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False, server_default="0"),
    # One per account and group: a change of plan changes the row.
    Index(None, "account_id", "group_id", unique=True),
)

channels = Table(
    "channels",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    # What a configuration file would say of it, without its name, kind and secrets.
    Column("spec", JSON, nullable=False),
    Column("is_enabled", Boolean, nullable=False),
    # Empty: whoever may. `file`: a configuration file that is applied.
    Column("managed_by", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("deleted_ms", BigInteger),
    Column("revision", BigInteger, nullable=False, index=True),
)
"""Those that are not in the servers' own configuration file. A deleted one keeps its row, without credentials."""

channel_credentials = Table(
    "channel_credentials",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("channel_id", _ID, ForeignKey("channels.id"), nullable=False),
    Column("label", Text, nullable=False),
    # The last characters of the key, for people.
    Column("tail", Text, nullable=False),
    # When the key became this one.
    Column("set_ms", BigInteger, nullable=False),
    # The key, encrypted: the store cannot read it.
    Column("sealed", LargeBinary, nullable=False),
    Index(None, "channel_id", "label", unique=True),
)

plan_spend = Table(
    "plan_spend",
    metadata,
    Column("subscription_id", _ID, primary_key=True),
    Column("window", Text, primary_key=True),
    Column("started_ms", BigInteger, primary_key=True),
    Column("spent_nusd", BigInteger, nullable=False),
)
"""What was charged within each window of a subscription (`day`, `week`, `month`)."""

key_minutes = Table(
    "key_minutes",
    metadata,
    Column("key_id", _ID, primary_key=True),
    Column("minute", BigInteger, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Index(None, "minute"),
)
"""Requests of keys that have request windows, by minute since the epoch: windows survive a restart."""

prices = Table(
    "prices",
    metadata,
    Column("id", _ID, primary_key=True),
    # A name, or a pattern with `*`.
    Column("model", Text, nullable=False),
    # Empty: every channel.
    Column("channel", Text, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    # As `ledger.rates` writes them.
    Column("rates", JSON, nullable=False),
    Column("note", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("deleted_ms", BigInteger),
)
"""The operator's own. A price is never changed, for old bills name it: a later one takes its place."""

ledger = Table(
    "ledger",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("account_id", _ID, nullable=False),
    # 0 and empty where no request was the cause.
    Column("key_id", _ID, nullable=False),
    Column("request_id", Text, nullable=False, index=True),
    # Counted from 1 within a request; 0 of the sum of those that were pruned.
    Column("attempt", Integer, nullable=False),
    # `attempt`, `top_up`, `adjustment`, `refund`.
    Column("kind", Text, nullable=False),
    # Negative: a charge.
    Column("amount_nusd", BigInteger, nullable=False),
    Column("channel", Text, nullable=False),
    Column("upstream_model", Text, nullable=False),
    # 0: no answer came.
    Column("status", Integer, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("latency_ms", BigInteger, nullable=False),
    Column("first_token_ms", BigInteger),
    Column("note", Text, nullable=False),
    # Of attempts: the credential's label, why it was this candidate's turn, why it was left again, and the cost.
    Column("credential", Text, nullable=False, server_default=""),
    Column("picked", Text, nullable=False, server_default=""),
    Column("left_for", Text, nullable=False, server_default=""),
    Column("cost_nusd", BigInteger, nullable=False, server_default="0"),
    Index(None, "account_id", "id"),
    # The sums of attempts that were pruned: they are found, and there is one for each key.
    Index(
        "ix_ledger_pruned",
        "account_id",
        "key_id",
        unique=True,
        sqlite_where=text("kind = 'attempt' AND attempt = 0"),
        postgresql_where=text("kind = 'attempt' AND attempt = 0"),
    ),
)
"""Every movement of money, and every attempt, also those that cost nothing: an account's balance is the sum of its
amounts."""

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
    Column("group_id", _ID, nullable=False, server_default="0"),
    Column("cost_nusd", BigInteger, nullable=False, server_default="0"),
    # Empty: there was no price.
    Column("price_version", Text, nullable=False, server_default=""),
    Column("cost_parts", Text),
    # In the order of pages, with what they are filtered by: what is passed over is never looked up in the table.
    Index(None, "account_id", "at_ms", "id", "outcome"),
    Index(None, "account_id", "model", "at_ms", "id", "outcome"),
    Index(None, "key_id", "at_ms", "id", "model", "outcome"),
    Index(None, "at_ms"),
    # Failures are few, and looked for among all the rest.
    Index(
        "ix_usage_failures",
        "account_id",
        "outcome",
        "at_ms",
        "id",
        "key_id",
        "model",
        "status",
        sqlite_where=text("outcome <> 'ok'"),
        postgresql_where=text("outcome <> 'ok'"),
    ),
)


def _sums(name: str, since: str) -> Table:
    """Roll-ups of `usage`, written in the transaction of its rows. `failures` are requests without a good answer.
    `outcome` is empty of requests that were pruned before roll-ups knew it."""
    return Table(
        name,
        metadata,
        Column("account_id", _ID, primary_key=True),
        Column(since, BigInteger, primary_key=True),
        Column("key_id", _ID, primary_key=True),
        Column("model", Text, primary_key=True),
        Column("outcome", Text, primary_key=True),
        *(
            Column(counter, BigInteger, nullable=False)
            for counter in (
                "requests",
                "failures",
                "input_tokens",
                "cache_read_tokens",
                "cache_write_tokens",
                "output_tokens",
                "cost_nusd",
            )
        ),
        # An account looks at its own, which lie together, and the operator at all: neither reads past the other's rows.
        Index(None, since),
        sqlite_with_rowid=False,
    )


usage_hours = _sums("usage_hours", "hour_ms")
usage_days = _sums("usage_days", "day_ms")

segments = Table(
    "segments",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
)
"""Pieces of processes' journals whose entries are stored: one that is found again on a disk is not stored twice."""

processes = Table(
    "processes",
    metadata,
    Column("id", Text, primary_key=True),
    # Where it runs, for people.
    Column("place", Text, nullable=False),
    # One start of `torouter serve`, with all its workers.
    Column("replica", Text, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    # The revision that it works by.
    Column("revision", BigInteger, nullable=False),
)
"""Those that serve, with the time at which they last said so."""

audit = Table(
    "audit",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("object_kind", Text, nullable=False),
    Column("object_id", _ID, nullable=False),
    Column("before", JSON),
    Column("after", JSON),
    Index(None, "object_kind", "object_id"),
)

admin_tokens = Table(
    "admin_tokens",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("account_id", _ID, ForeignKey("accounts.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("head", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger),
    Column("last_used_ms", BigInteger),
    Column("deleted_ms", BigInteger),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("account_id", _ID, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    # Whatever happens; one that is not seen for long ends before.
    Column("expires_ms", BigInteger, nullable=False),
    Column("address", Text, nullable=False),
)
"""Browsers that are signed in. One that ends is deleted."""

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

done_once = Table(
    "done_once",
    metadata,
    Column("name", LargeBinary, primary_key=True),
    Column("expires_ms", BigInteger, nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
)
"""What is not to be done again when it is asked for again: a keyed hash of who asked for what by which word, and the
answer, encrypted, written in the transaction of what was done."""

revision = Table(
    "revision",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""One row. Its value rises with every change of what deciding about requests takes, in that change's transaction."""

vault = Table(
    "vault",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("expires_ms", BigInteger, nullable=False, index=True),
)
"""Opaque state by a keyed hash, encrypted: the store can read neither."""
