from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.ledger.entries import entry, ids
from torouter.ledger import books as module
from torouter.ledger.books import Books, Entry, PlanWindow
from torouter.ledger.journal import Journal, recover


class Store:
    """Keeps a segment once; `is_away` makes each write fail."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.segments: set[str] = set()
        self.batches: list[int] = []
        self.is_away = False
        self.forgotten: list[str] = []

    def write(self, entries: Sequence[Entry], segment: str) -> Mapping[str, int]:
        if self.is_away:
            raise OSError("away")
        if segment and segment in self.segments:
            return {}
        self.segments.add(segment)
        self.entries += entries
        self.batches.append(len(entries))
        return {"a:1": len(self.entries)}

    def forget(self, names: Sequence[str]) -> None:
        self.forgotten += names


@asynccontextmanager
async def running(books: Books) -> AsyncIterator[None]:
    task = asyncio.create_task(books.run())
    await asyncio.sleep(0)
    try:
        yield
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def numbered(count: int) -> list[str]:
    return [f"req_{number}" for number in range(count)]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def sizes(directory: Path) -> list[int]:
    return [path.stat().st_size for path in directory.iterdir() if path.stat().st_size]


@pytest.fixture
def blocked(directory: Path) -> Path:
    """Where no directory can be made."""
    directory.write_text("in its place")
    return directory


@pytest.fixture(params=["journal", "memory"])
def journal(request: pytest.FixtureRequest, directory: Path) -> Journal | None:
    return Journal(directory) if request.param == "journal" else None


async def test_entries_are_written_once_and_in_order_also_those_of_the_last_moment(journal: Journal | None) -> None:
    store = Store()
    books = Books(store.write, journal)
    async with running(books):
        for number in range(5000):
            books.settle(entry(number))
        await asyncio.sleep(0.5)
        assert len(store.entries) == 5000
        books.settle(entry(5000))
    assert ids(store.entries) == numbered(5001)
    assert (books.waiting_rows, books.waiting_bytes, books.waiting_entries()) == (0, 0, [])


async def test_a_failed_write_is_tried_again(journal: Journal | None, caplog: pytest.LogCaptureFixture) -> None:
    store = Store()
    store.is_away = True
    books = Books(store.write, journal)
    async with running(books):
        books.settle(entry(0))
        await asyncio.sleep(0.4)
        books.settle(entry(1))
        assert books.waiting_rows == 2
        assert "could not be stored" in caplog.text
        store.is_away = False
        await asyncio.sleep(0.4)
        assert ids(store.entries) == numbered(2)
    assert ids(store.entries) == numbered(2)


async def test_the_journal_holds_what_is_not_stored(directory: Path) -> None:
    store = Store()
    store.is_away = True
    books = Books(store.write, Journal(directory))
    async with running(books):
        for number in range(3):
            books.settle(entry(number))
        assert books.waiting_bytes == sum(sizes(directory)) > 0
    assert store.entries == []
    store.is_away = False
    assert recover(directory, store.write) == 3
    assert ids(store.entries) == numbered(3)


async def test_totals_are_told_after_each_flush() -> None:
    """And how much of them was in it."""
    told: list[tuple[Mapping[str, int], Mapping[str, int]]] = []
    books = Books(Store().write, on_stored=lambda totals, written: told.append((totals, written)))
    async with running(books):
        books.settle(replace(entry(5), plan_windows=(PlanWindow(3, "week", 1000),)))
        books.settle(entry(7))
        await asyncio.sleep(0.4)
        assert told == [({"a:1": 2}, {"k:1": 12, "a:1": 12, "p:3:week:1000": 5})]
        books.settle(entry(0))
    assert told[1:] == [({"a:1": 3}, {})]


async def test_what_memory_does_not_hold_is_read_back(
    directory: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_BATCH_ROWS", 10)
    monkeypatch.setattr(module, "_MEMORY_ROWS", 30)
    caplog.set_level(logging.CRITICAL)
    store = Store()
    store.is_away = True
    books = Books(store.write, Journal(directory))
    async with running(books):
        for number in range(105):
            books.settle(entry(number))
        assert (books.waiting_rows, len(books.waiting_entries())) == (105, 35)
        await asyncio.sleep(0.3)
        store.is_away = False
        await asyncio.sleep(0.8)
        assert ids(store.entries) == numbered(105)
    assert sizes(directory) == []


async def test_what_the_journal_could_not_take_stays_in_memory(
    blocked: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_BATCH_ROWS", 10)
    monkeypatch.setattr(module, "_MEMORY_ROWS", 30)
    caplog.set_level(logging.CRITICAL)
    store = Store()
    books = Books(store.write, Journal(blocked))
    async with running(books):
        for number in range(105):
            books.settle(entry(number))
        assert (len(books.waiting_entries()), books.waiting_bytes, books.journal_failures) == (105, 0, 105)
    assert ids(store.entries) == numbered(105)


async def test_a_large_backlog_is_written_in_bounded_transactions(directory: Path) -> None:
    store = Store()
    books = Books(store.write, Journal(directory))
    async with running(books):
        for number in range(7000):
            books.settle(entry(number))
    assert store.batches == [2000, 2000, 2000, 1000]


async def test_a_stop_while_a_batch_is_being_written_writes_it_once(directory: Path) -> None:
    loop, store = asyncio.get_running_loop(), Store()
    begun, may_end = asyncio.Event(), asyncio.Event()

    def write(entries: Sequence[Entry], segment: str) -> Mapping[str, int]:
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(may_end.wait(), loop).result(10)
        store.entries += entries
        return {}

    books = Books(write, Journal(directory))
    task = asyncio.create_task(books.run())
    await asyncio.sleep(0)
    books.settle(entry(0))
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0.05)
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ids(store.entries) == numbered(1)


async def test_names_of_segments_are_forgotten_when_their_files_are_gone(directory: Path) -> None:
    store = Store()
    books = Books(store.write, Journal(directory), forget=store.forget)
    async with running(books):
        books.settle(entry(0))
        await asyncio.sleep(0.4)
        assert store.forgotten == []
    assert store.forgotten == list(store.segments)
