"""What an account sees of its own requests: never a channel, a credential or an upstream's name."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import msgspec
import pytest

from tests.console.admin.desk import entry
from torouter.accounts import OwnRequests
from torouter.errors import StoreError
from torouter.store import Entry, Store


def failed_over() -> Entry:
    """Two attempts: at a channel that was at its limit, and at one that served."""
    one = entry(1, channel="hidden-b", upstream_model="hidden-name", cost_nusd=7, losses="seed;dropped, top_k;dropped")
    [served] = one.attempts
    first = served._replace(
        channel="hidden-a", credential="hidden-key", upstream_model="gpt-5", picked="weight",
        left_for="rate_limited", status=429, outcome="rate_limited", amount_nusd=0,
    )  # fmt: skip
    second = served._replace(attempt=2, credential="hidden-key", picked="next", first_token_ms=12, cost_nusd=7)
    return Entry(one.usage, (first, second))


@pytest.mark.parametrize("is_stored", [True, False])
async def test_it_is_shown_without_who_was_asked(store: Store, is_stored: bool) -> None:
    told = failed_over()
    if is_stored:
        store.write_entries([told])
    found = await OwnRequests(store, lambda: [] if is_stored else [told]).find(1, told.usage.request_id)
    assert found is not None
    assert b"hidden" not in msgspec.json.encode(found)
    assert (found.model, found.status, found.cost_usd) == ("gpt-5", 200, "0.000000007")
    assert found.losses == ["seed;dropped", "top_k;dropped"]
    first, second = found.attempts
    assert (first.attempt, first.model, first.status) == (1, "gpt-5", 429)
    assert (first.outcome, first.left_for, first.cost_usd) == ("rate_limited", "rate_limited", "0.00")
    assert (second.attempt, second.model, second.status) == (2, None, 200)
    assert (second.left_for, second.first_token_ms, second.cost_usd) == (None, 12, "0.000000007")


@pytest.mark.parametrize("is_stored", [True, False])
async def test_it_is_not_shown_to_others(store: Store, is_stored: bool) -> None:
    told = failed_over()
    if is_stored:
        store.write_entries([told])
    requests = OwnRequests(store, lambda: [] if is_stored else [told])
    assert await requests.find(2, told.usage.request_id) is None
    assert await requests.find(1, "req_unknown") is None


async def test_a_store_that_is_away_is_told_without_its_words(store: Store) -> None:
    requests = OwnRequests(store, list)
    with closing(sqlite3.connect(store.place)) as connection:
        connection.execute("DROP TABLE usage")
    with pytest.raises(StoreError) as failed:
        await requests.find(1, "req_1")
    assert (failed.value.status, "usage" in failed.value.message) == (503, False)
