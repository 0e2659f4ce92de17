"""How a process follows the store: whatever anybody edits is in force here within a moment, and the store is told so.

One thread asks for the revision ten times a second (a small read); what is new is made ready there and put in its place
on the event loop. Then the process says by which revision it works, which is what `accounts.propagation` waits for.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from torouter.access.freshness import Freshness
from torouter.errors import TorouterError
from torouter.store import ProcessRow
from torouter.units import wall_ms

__all__ = ["BEAT_S", "Book", "Following", "Process"]

News = TypeVar("News")

_log = logging.getLogger("torouter.access")

BEAT_S: Final = 2.0
"""How often a process says that it lives."""
_POLL_S: Final = 0.1
_DAY_MS: Final = 24 * 60 * 60 * 1000


class Process(msgspec.Struct, frozen=True):
    """`place` is for people; `replica` is common to all workers of one start."""

    id: str
    place: str
    replica: str
    started_ms: int


class Book(Protocol):
    """What is asked of the store."""

    def revision(self) -> int: ...

    def beat(self, row: ProcessRow, /) -> None: ...

    def leave(self, process_id: str, /) -> None: ...

    def live_processes(self, since_ms: int, /) -> list[ProcessRow]: ...


class Following(Generic[News]):
    """`read` gives what is new since a revision, and the revision that it leads to; it runs in the thread. `apply` runs
    on the event loop."""

    def __init__(
        self,
        book: Book,
        process: Process,
        freshness: Freshness,
        read: Callable[[int], tuple[int, News]],
        apply: Callable[[News], None],
    ) -> None:
        self._book = book
        self._process = process
        self._freshness = freshness
        self._read = read
        self._apply = apply
        self._revision = 0
        self._beaten_s = 0.0
        self._is_away = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="torouter-following", daemon=True)

    def begin(self) -> None:
        """The first reading. Blocks, and raises what the store raises. Who edits meanwhile waits for this process, for
        it is told of before anything is read."""
        self._beat()
        self._apply(self._news())
        self._beat()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread.start()

    def stop(self) -> None:
        """Waits for the thread; the store forgets this process."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        try:
            self._book.leave(self._process.id)
        except TorouterError as error:
            _log.warning("store not told of the end error=%s", error.message)

    def _run(self) -> None:
        self._sweep()
        while not self._stopping.wait(_POLL_S):
            try:
                self._look()
            except TorouterError as error:
                self._told(is_away=True, words=error.message)
            except Exception:
                _log.exception("store not followed")
            else:
                self._told(is_away=False)

    def _look(self) -> None:
        if self._book.revision() != self._revision:
            self._deliver(self._news())
            self._beat()
        elif time.monotonic() - self._beaten_s >= BEAT_S:
            self._beat()

    def _news(self) -> News:
        self._revision, news = self._read(self._revision)
        return news

    def _deliver(self, news: News) -> None:
        """Returns once it is in force."""
        is_in_force = threading.Event()

        def put() -> None:
            self._apply(news)
            is_in_force.set()

        self._loop.call_soon_threadsafe(put)
        while not is_in_force.wait(_POLL_S):
            if self._stopping.is_set():
                return

    def _beat(self) -> None:
        now_s, process = time.monotonic(), self._process
        self._book.beat(
            ProcessRow(
                id=process.id,
                place=process.place,
                replica=process.replica,
                started_ms=process.started_ms,
                seen_ms=wall_ms(),
                revision=self._revision,
            )
        )
        self._beaten_s = now_s
        self._freshness.renew(now_s)

    def _sweep(self) -> None:
        """Who was killed could not take leave."""
        try:
            for row in self._book.live_processes(0):
                if row.seen_ms < wall_ms() - _DAY_MS:
                    self._book.leave(row.id)
        except TorouterError as error:
            self._told(is_away=True, words=error.message)

    def _told(self, *, is_away: bool, words: str = "") -> None:
        if is_away != self._is_away:
            self._is_away = is_away
            if is_away:
                _log.error("store is not readable; going on with what is known error=%s", words)
            else:
                _log.info("store is readable again")
