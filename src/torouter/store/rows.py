"""What queries return: plain frozen values. Every `_ms` is an instant in milliseconds since the epoch, UTC."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

from torouter.units import Dialect, Operation

__all__ = [
    "AccessRow",
    "AccessRows",
    "AccountRow",
    "AccountStatus",
    "GroupRow",
    "KeptResponseRow",
    "KeyRow",
    "KeyStatus",
    "Role",
    "UsageRow",
]

Role = Literal["admin", "user"]
AccountStatus = Literal["active", "suspended"]
KeyStatus = Literal["enabled", "disabled"]


class AccountRow(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    email: str
    display_name: str
    role: Role
    status: AccountStatus
    created_ms: int


class GroupRow(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    name: str
    created_ms: int


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """An API key as its owner may see it: its first and last characters, never the hash. No models: all models."""

    id: int
    account_id: int
    group: str
    name: str
    head: str
    tail: str
    models: tuple[str, ...]
    status: KeyStatus
    expires_ms: int | None
    created_ms: int
    last_used_ms: int | None
    deleted_ms: int | None
    keep_responses: bool | None = None
    """May this key's answers be kept? `None`: as the operator's setting says."""


class AccessRow(msgspec.Struct, frozen=True, kw_only=True):
    """What deciding about a request takes: a key that is not deleted, its account and its group.

    `account_status` and `role` are `None` where the account is gone."""

    key_id: int
    key_hash: bytes
    key_name: str
    key_status: KeyStatus
    models: tuple[str, ...]
    expires_ms: int | None
    account_id: int
    account_status: AccountStatus | None
    role: Role | None
    group_id: int
    group: str
    keep_responses: bool | None = None


class AccessRows(msgspec.Struct, frozen=True, kw_only=True):
    """All keys that are not deleted, as they were at `revision`."""

    revision: int
    keys: tuple[AccessRow, ...]


class KeptResponseRow(msgspec.Struct, frozen=True, kw_only=True):
    """A response that is kept for its account until `expires_ms`; `sealed` is what only its sealer can read."""

    id: str
    account_id: int
    key_id: int
    created_ms: int
    expires_ms: int
    sealed: bytes


class UsageRow(NamedTuple):
    """One request, in the order of the columns of `usage`: a tuple, because rows are written by the hundred.

    Counters are disjoint, as in `canon.Usage`. Empty text: there was none (no channel was chosen, say).
    `first_token_ms` is the wait for the first byte of the answer's body, in milliseconds, as `latency_ms` is the whole.
    """

    request_id: str
    at_ms: int
    account_id: int
    key_id: int
    channel: str
    surface: str
    operation: Operation
    dialect_in: Dialect
    dialect_out: Dialect | Literal[""]
    model: str
    upstream_model: str
    status: int
    outcome: str
    is_stream: bool
    retries: int
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cache_write_5m_tokens: int
    cache_write_1h_tokens: int
    tool_input_tokens: int
    output_tokens: int
    reasoning_tokens: int
    quality: str
    latency_ms: int
    first_token_ms: int | None
    losses: str | None
