"""A process that follows a real store, on a loop of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from torouter.access.following import Following, Process
from torouter.access.freshness import LEASE_S, Freshness
from torouter.accounts.propagation import wait_until_everywhere
from torouter.errors import StoreError
from torouter.store import ProcessRow, Store
from torouter.units import wall_ms


class Follower:
    """What it has been told: (revision, the thread in which it was put in its place)."""

    def __init__(self, store: Store, name: str = "p", stale_s: float = 10.0) -> None:
        self.store = store
        self.told: list[tuple[int, int]] = []
        self.freshness = Freshness(time.monotonic, stale_s, "serve")
        self.hold: threading.Event | None = None
        process = Process(id=name, place=f"{name}'s place", replica="r", started_ms=wall_ms())
        self.following = Following(store, process, self.freshness, self._read, self._apply)

    def _read(self, revision: int) -> tuple[int, int]:
        if self.hold is not None:
            self.hold.wait(10)
        changes = self.store.changes_since(revision)
        return changes.revision, changes.revision

    def _apply(self, news: int) -> None:
        self.told.append((news, threading.get_ident()))

    @property
    def row(self) -> ProcessRow | None:
        return next((row for row in self.store.live_processes(0) if row.id == self.following._process.id), None)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    with Store.open(tmp_path) as opened:
        yield opened


@pytest.fixture
async def follower(store: Store) -> AsyncIterator[Follower]:
    one = Follower(store)
    one.following.begin()
    one.following.start(asyncio.get_running_loop())
    yield one
    await asyncio.to_thread(one.following.stop)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_it_begins_with_everything_and_says_so(store: Store, follower: Follower) -> None:
    row = follower.row
    assert row is not None
    assert (row.place, row.replica, row.revision) == ("p's place", "r", store.revision())
    assert [revision for revision, _ in follower.told] == [store.revision()]


async def test_a_change_is_in_force_on_the_loop_before_it_is_told(store: Store, follower: Follower) -> None:
    store.create_group("gold")
    waiting = await asyncio.to_thread(wait_until_everywhere, store, store.revision())
    assert waiting == []
    assert follower.told[-1] == (store.revision(), threading.get_ident())


async def test_an_edit_waits_for_a_loop_that_is_busy(store: Store, follower: Follower) -> None:
    store.create_group("gold")
    done = threading.Event()

    def wait() -> None:
        wait_until_everywhere(store, store.revision())
        done.set()

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.5)  # noqa: ASYNC251  # nothing else runs on the loop meanwhile
    assert not done.is_set()
    await until(done.is_set)
    thread.join()
    assert follower.told[-1][0] == store.revision()


async def test_who_begins_is_waited_for(store: Store) -> None:
    """Between the first word that it lives and its first reading an edit would else be missed."""
    one = Follower(store)
    one.hold = threading.Event()
    beginning = threading.Thread(target=one.following.begin)
    beginning.start()
    await until(lambda: one.row is not None)
    store.create_group("gold")
    assert [row.id for row in wait_until_everywhere(store, store.revision(), 0.3)] == ["p"]
    one.hold.set()
    beginning.join()
    assert wait_until_everywhere(store, store.revision()) == []
    one.following.stop()


async def test_it_takes_leave(store: Store) -> None:
    one = Follower(store)
    one.following.begin()
    one.following.start(asyncio.get_running_loop())
    await asyncio.to_thread(one.following.stop)
    assert store.live_processes(0) == []


async def test_a_store_that_is_away_is_told_once_and_followed_again(
    store: Store, follower: Follower, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    def away() -> int:
        raise StoreError("The disk is gone.")

    with monkeypatch.context() as patched:
        patched.setattr(store, "revision", away)
        await until(lambda: "The disk is gone." in caplog.text)
        await asyncio.sleep(0.3)
    await until(lambda: "store is readable again" in caplog.text)
    assert caplog.text.count("The disk is gone.") == 1
    store.create_group("gold")
    assert await asyncio.to_thread(wait_until_everywhere, store, store.revision()) == []


class TestWaiting:
    """For processes that are but rows: nobody beats for them."""

    def test_nobody_is_not_waited_for(self, tmp_path: Path) -> None:
        with Store.open(tmp_path) as store:
            assert wait_until_everywhere(store, store.revision()) == []

    def test_one_that_was_killed_is_waited_for_no_longer_than_its_lease(self, tmp_path: Path) -> None:
        clock = Clock()
        with Store.open(tmp_path) as store:
            store.beat(ProcessRow(id="dead", place="", replica="r", started_ms=0, seen_ms=wall_ms(), revision=0))
            store.create_group("gold")
            assert clock.wait(store, 20.0) == []
            assert LEASE_S <= clock.now_s < LEASE_S + 0.1

    def test_one_that_lives_and_does_not_follow_is_named(self, tmp_path: Path) -> None:
        clock = Clock()
        with Store.open(tmp_path) as store:

            def beat() -> None:
                store.beat(
                    ProcessRow(id="slow", place="there", replica="r", started_ms=0, seen_ms=clock.wall_ms, revision=0)
                )

            beat()
            clock.every(2.0, beat)
            store.create_group("gold")
            assert [row.place for row in clock.wait(store, 20.0)] == ["there"]
            assert clock.now_s >= 20.0

    def test_a_clock_that_is_wrong_does_not_make_a_process_dead(self, tmp_path: Path) -> None:
        """Its beats look 30 seconds old."""
        clock = Clock()
        with Store.open(tmp_path) as store:

            def beat(revision: int = 0) -> None:
                seen_ms = clock.wall_ms - 30_000
                store.beat(ProcessRow(id="p", place="", replica="r", started_ms=0, seen_ms=seen_ms, revision=revision))

            beat()
            clock.every(2.0, beat)
            store.create_group("gold")
            assert [row.id for row in clock.wait(store, 8.0)] == ["p"]
            beat(store.revision())
            assert clock.wait(store, 8.0) == []


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._begun_ms = wall_ms()
        self._work: list[tuple[float, Callable[[], None]]] = []
        self._done: dict[int, float] = {}

    @property
    def wall_ms(self) -> int:
        return self._begun_ms + round(self.now_s * 1000)

    def every(self, pause_s: float, work: Callable[[], None]) -> None:
        self._work.append((pause_s, work))

    def sleep(self, pause_s: float) -> None:
        self.now_s += pause_s
        for number, (each_s, work) in enumerate(self._work):
            if self.now_s - self._done.get(number, 0.0) >= each_s:
                self._done[number] = self.now_s
                work()

    def wait(self, store: Store, timeout_s: float) -> list[ProcessRow]:
        return wait_until_everywhere(
            store,
            store.revision(),
            timeout_s,
            sleep=self.sleep,
            clock=lambda: self.now_s,
            now_ms=lambda: self.wall_ms,
        )
