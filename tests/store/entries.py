"""Requests as they are written down, for tests to vary."""

from __future__ import annotations

from itertools import count

from torouter.store import Entry, LedgerRow, PlanWindow, Store, UsageRow

__all__ = ["AT_MS", "entry", "make_accounts_and_keys", "usage_row"]

AT_MS = 1_795_420_970_879
_NUMBERS = count(1)

_USAGE = UsageRow(
    request_id="",
    at_ms=AT_MS,
    account_id=1,
    key_id=1,
    channel="up-chat",
    surface="openai",
    operation="chat",
    dialect_in="openai-chat",
    dialect_out="anthropic",
    model="gw",
    upstream_model="up-n100",
    status=200,
    outcome="ok",
    is_stream=True,
    retries=1,
    input_tokens=10,
    cache_read_tokens=11,
    cache_write_tokens=12,
    cache_write_5m_tokens=13,
    cache_write_1h_tokens=14,
    tool_input_tokens=15,
    output_tokens=16,
    reasoning_tokens=2**40,
    quality="reported",
    latency_ms=812,
    first_token_ms=130,
    losses="top_k: dropped",
    group_id=1,
    cost_nusd=1_000,
    price_version="book-1",
    cost_parts='{"input":400,"output":600}',
)


def usage_row(**fields: object) -> UsageRow:
    return _USAGE._replace(**{"request_id": f"req_0123456789abcdef{next(_NUMBERS):08x}", **fields})  # type: ignore[arg-type]


def entry(
    *,
    plan_windows: tuple[PlanWindow, ...] = (),
    is_windowed: bool = False,
    address: str = "192.0.2.7",
    failed_attempts: int = 0,
    **fields: object,
) -> Entry:
    """Of a request that cost what its usage row says, after so many attempts that cost nothing."""
    row = usage_row(**fields)
    last = LedgerRow(
        at_ms=row.at_ms,
        account_id=row.account_id,
        key_id=row.key_id,
        request_id=row.request_id,
        attempt=failed_attempts + 1,
        kind="attempt",
        amount_nusd=-row.cost_nusd,
        channel=row.channel,
        upstream_model=row.upstream_model,
        status=row.status,
        outcome=row.outcome,
        latency_ms=row.latency_ms,
        first_token_ms=row.first_token_ms,
        note="",
    )
    failed = [last._replace(attempt=number + 1, amount_nusd=0, status=503) for number in range(failed_attempts)]
    return Entry(row, (*failed, last), plan_windows, is_windowed, address)


def make_accounts_and_keys(store: Store, accounts: int = 1, keys_each: int = 1) -> None:
    """With ids from 1 on; the keys of the first account come first."""
    with store.transaction():
        for number in range(accounts):
            account = store.create_account(f"a{number}@example.com", f"A {number}", "user")
            for each in range(keys_each):
                key_hash = f"{number}-{each}".encode()
                store.create_key(
                    account_id=account.id, group="default", name="k", key_hash=key_hash, head="sk-a…", tail="z"
                )
