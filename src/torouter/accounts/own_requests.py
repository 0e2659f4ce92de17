"""What an account may see of its own requests: what became of them and of each attempt, and nothing of who was asked.

Channels, their credentials and the upstream's names of models are the operator's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from torouter.accounts.dollars import dollars
from torouter.errors import StoreError
from torouter.ledger.books import Entry, LedgerRow, UsageRow
from torouter.store import Store, UsageFilter
from torouter.units import moment

__all__ = ["OwnAttempt", "OwnRequest", "OwnRequests", "OwnTokens"]


class OwnTokens(msgspec.Struct, frozen=True, kw_only=True):
    """Disjoint counters, as in usage rows. `quality`: who counted."""

    input: int
    cache_read: int
    cache_write: int
    output: int
    reasoning: int
    quality: str


class OwnAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """`model` is `null` where the upstream's name is not the client's own. `left_for` is a word of routing; `null`: it
    was not left. `status` is the upstream's, 0 where no answer came."""

    attempt: int
    model: str | None
    outcome: str
    left_for: str | None
    status: int
    first_token_ms: int | None
    latency_ms: int
    cost_usd: str


class OwnRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`model` is the client's name of the model that served, or should have. `losses` are as the answer's header tells
    them."""

    id: str
    object: Literal["request"] = "request"
    at: datetime
    model: str
    operation: str
    is_stream: bool
    status: int
    outcome: str
    tokens: OwnTokens
    cost_usd: str
    losses: list[str]
    first_token_ms: int | None
    latency_ms: int
    attempts: list[OwnAttempt]


class OwnRequests:
    """`waiting` gives what is settled and not stored yet, in this process."""

    def __init__(self, store: Store, waiting: Callable[[], Sequence[Entry]]) -> None:
        self._store = store
        self._waiting = waiting

    async def find(self, account_id: int, request_id: str) -> OwnRequest | None:
        """`None` where this account has no request of that id, or it has not ended. Raises `StoreError`."""
        for entry in self._waiting():
            if entry.usage.request_id == request_id:
                return _own(account_id, entry.usage, entry.attempts)
        try:
            return await asyncio.to_thread(self._find, account_id, request_id)
        except StoreError as error:
            raise StoreError("Requests cannot be looked up right now.", kind="overloaded") from error

    def _find(self, account_id: int, request_id: str) -> OwnRequest | None:
        rows = self._store.usage_page(UsageFilter(request_id=request_id), None, 1)
        return _own(account_id, rows[0].row, self._store.attempts_of(request_id)) if rows else None


def _own(account_id: int, row: UsageRow, attempts: Iterable[LedgerRow]) -> OwnRequest | None:
    if row.account_id != account_id:
        return None
    return OwnRequest(
        id=row.request_id,
        at=moment(row.at_ms),
        model=row.model,
        operation=row.operation,
        is_stream=row.is_stream,
        status=row.status,
        outcome=row.outcome,
        tokens=OwnTokens(
            input=row.input_tokens,
            cache_read=row.cache_read_tokens,
            cache_write=row.cache_write_tokens,
            output=row.output_tokens,
            reasoning=row.reasoning_tokens,
            quality=row.quality,
        ),
        cost_usd=dollars(row.cost_nusd),
        losses=row.losses.split(", ") if row.losses else [],
        first_token_ms=row.first_token_ms,
        latency_ms=row.latency_ms,
        attempts=[_own_attempt(row, attempt) for attempt in attempts],
    )


def _own_attempt(row: UsageRow, attempt: LedgerRow) -> OwnAttempt:
    return OwnAttempt(
        attempt=attempt.attempt,
        model=attempt.upstream_model if attempt.upstream_model == row.model else None,
        outcome=attempt.outcome,
        left_for=attempt.left_for or None,
        status=attempt.status,
        first_token_ms=attempt.first_token_ms,
        latency_ms=attempt.latency_ms,
        cost_usd=dollars(attempt.cost_nusd or -attempt.amount_nusd),  # older versions do not tell them apart
    )
