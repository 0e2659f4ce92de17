from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from torouter.ledger.books import Books
from torouter.store import UsageRow


def row(number: int) -> UsageRow:
    return UsageRow(
        *(f"req_{number}", 0, 1, 1, "a", "openai", "chat", "openai-chat", "openai-chat", "m", "m", 200, "ok", False, 0),
        *(1, 0, 0, 0, 0, 0, 1, 0, "reported", 5, None, None),
    )


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_rows_are_written_once_and_in_order_also_those_of_the_last_moment() -> None:
    written: list[UsageRow] = []
    books = Books(written.extend)
    running = asyncio.create_task(books.run())
    await asyncio.sleep(0)
    for number in range(5000):
        books.settle(row(number))
    await asyncio.sleep(0.5)
    assert len(written) == 5000
    books.settle(row(5000))
    await stop(running)
    assert [item.request_id for item in written] == [f"req_{number}" for number in range(5001)]
    assert books.waiting_rows == 0


async def test_a_failed_write_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    written: list[UsageRow] = []
    failures = iter([True, False, False])

    def write(rows: Sequence[UsageRow]) -> None:
        if next(failures):
            raise OSError("disk full")
        written.extend(rows)

    books = Books(write)
    running = asyncio.create_task(books.run())
    books.settle(row(1))
    await asyncio.sleep(0.4)
    assert books.waiting_rows == 1
    assert "could not be stored" in caplog.text
    await asyncio.sleep(0.4)
    assert [item.request_id for item in written] == ["req_1"]
    await stop(running)
