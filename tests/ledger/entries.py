"""Entries as the relay writes them."""

from __future__ import annotations

from torouter.store import Entry, LedgerRow, UsageRow

__all__ = ["entry", "ids"]


def entry(number: int) -> Entry:
    """Of request `req_<number>`, with one attempt, which cost as many nano-dollars."""
    request_id = f"req_{number}"
    usage = UsageRow(
        *(request_id, 5, 1, 1, "a", "openai", "chat", "openai-chat", "openai-chat", "m", "m", 200, "ok", False, 0),
        *(1, 0, 0, 0, 0, 0, 1, 0, "reported", 5, None, None, 1, number, "own 1", None),
    )
    attempt = LedgerRow(5, 1, 1, request_id, 1, "attempt", -number, "a", "m", 200, "ok", 5, None, "")
    return Entry(usage, (attempt,), address="192.0.2.1")


def ids(entries: list[Entry]) -> list[str]:
    return [each.usage.request_id for each in entries]
