"""The meters of one process, in its memory. `reserve` does not wait once it knows what it is asked about."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from torouter.ledger.meters.meters import Ask, Hold, Refusal, WindowName
from torouter.ledger.meters.sliding import SPANS, Sliding, in_slots
from torouter.units import wall_ms

__all__ = ["AWAY", "LocalMeters"]

AWAY: Final = Refusal("away", "", 1.0)

_log = logging.getLogger("torouter.ledger")

_NAMES: Final[tuple[WindowName, ...]] = tuple(SPANS)
_PLACES: Final[dict[str, int]] = {name: place for place, name in enumerate(_NAMES)}
_MINUTE_MS: Final = 60_000

_Place = str | tuple[int, str]
"""What can be read: a meter, or a window of a key."""
_Numbers = dict[Any, int]

_TIDY_S: Final = 60.0
_IDLE_MS: Final = 3_600_000
_STRETCH: Final = 500
"""How many meters or keys are looked at before others have their turn."""
_PAUSE_S: Final = 0.01


class _Till:
    """Money of one meter, nano-dollars. `stored` is what the store is known to have: as long as that is less than what
    was spent, forgetting the till would lose money."""

    __slots__ = ("held", "spent", "stored", "used_ms")

    def __init__(self, spent: int) -> None:
        self.spent = self.stored = spent
        self.held = 0
        self.used_ms = 0


class _Key:
    """What one key has done lately. A window that nothing has asked about is `None`."""

    __slots__ = ("running", "tokens", "windows")

    def __init__(self) -> None:
        self.running = 0
        self.tokens: Sliding | None = None
        self.windows: list[Sliding | None] = [None] * len(_NAMES)

    def is_idle(self, now_ms: int) -> bool:
        counts = (self.tokens, *self.windows)
        return not self.running and all(each is None or not each.slide(now_ms) for each in counts)


class LocalMeters:
    """`read_spent` gives what the store has charged to meters (a missing one: 0), `read_minutes` the requests of a key
    that were admitted since a minute of the epoch, by minute. Both may block and run in threads; if they fail, what
    they were needed for is refused as `away`."""

    def __init__(
        self,
        *,
        read_spent: Callable[[Sequence[str]], dict[str, int]],
        read_minutes: Callable[[int, int], dict[int, int]],
        now_ms: Callable[[], int] = wall_ms,
    ) -> None:
        self._read_spent = read_spent
        self._read_minutes = read_minutes
        self._now_ms = now_ms
        self._tills: dict[str, _Till] = {}
        self._keys: dict[int, _Key] = {}
        self._adopted: dict[str, int] = {}
        """What is held on meters of which the rest is not known yet."""
        self._reads: dict[_Place, asyncio.Future[bool]] = {}
        self._raised: dict[str, int] = {}
        """Totals of unknown meters that were raised while something was read: the reader may not have seen them."""

    async def check(self, ask: Ask) -> Refusal | None:
        if not await self._is_known(ask, windows=False):
            return AWAY
        return self._refuse_money(ask)

    async def foresee(self, ask: Ask) -> Refusal | None:
        if not await self._is_known(ask, windows=True):
            return AWAY
        return self._refuse(ask, self._now_ms())

    async def reserve(self, ask: Ask) -> Hold | Refusal:
        if not self._knows(ask) and not await self._is_known(ask, windows=True):
            return AWAY
        now_ms = self._now_ms()
        return self._refuse(ask, now_ms) or self._take(ask, now_ms)

    def settle(self, hold: Hold, cost_nusd: int, tokens: int) -> None:
        if hold.is_settled:
            return
        hold.is_settled = True
        ask, tills = hold.ask, self._tills
        for name, _ in ask.money:
            till = tills.get(name)
            if till is not None:
                till.held -= ask.hold_nusd
                till.spent += cost_nusd
            elif name in self._adopted:  # the cost comes with what is read, or is raised
                self._adopted[name] -= ask.hold_nusd
        key = self._keys.get(ask.key_id)
        if key is not None:
            if ask.concurrency:
                key.running -= 1
            if ask.tokens_per_minute and key.tokens is not None and tokens != ask.tokens:
                key.tokens.correct(hold.at_ms, tokens - ask.tokens)

    def raise_spent(self, totals: Mapping[str, int], written: Mapping[str, int]) -> None:
        for name, total in totals.items():
            till = self._tills.get(name)
            if till is not None:
                till.spent = max(till.spent, total)
                till.stored = max(till.stored, total)
            elif self._reads:
                self._raised[name] = max(total, self._raised.get(name, 0))

    async def open(self) -> None:
        """There is nothing to open."""

    async def run(self) -> None:
        """Forgets what is idle and can be read again."""
        while True:
            await asyncio.sleep(_TIDY_S)
            await self._tidy()

    async def close(self) -> None:
        """Nothing is open."""

    def adopt(self, ask: Ask, at_ms: int) -> Hold:
        """A hold that was taken elsewhere, of its money and concurrency."""
        for name, _ in ask.money:
            till = self._tills.get(name)
            if till is not None:
                till.held += ask.hold_nusd
            else:
                self._adopted[name] = self._adopted.get(name, 0) + ask.hold_nusd
        if ask.concurrency:
            self._key(ask.key_id).running += 1
        return Hold(ask, at_ms)

    # -- what is asked of what is known ---------------------------------------------------------------------------

    def _refuse(self, ask: Ask, now_ms: int) -> Refusal | None:
        refusal = self._refuse_money(ask) if ask.money else None
        if refusal is None and (ask.windows or ask.tokens_per_minute or ask.concurrency):
            key = self._key(ask.key_id)
            refusal = _refuse_requests(key, ask, now_ms)
            if refusal is None and ask.tokens_per_minute:
                refusal = _refuse_tokens(key, ask, now_ms)
            if refusal is None and 0 < ask.concurrency <= key.running:
                refusal = Refusal("concurrency", "", None)
        return refusal

    def _refuse_money(self, ask: Ask) -> Refusal | None:
        for name, limit_nusd in ask.money:
            till = self._tills[name]
            level = till.spent + till.held
            if (level + ask.hold_nusd > limit_nusd) if ask.is_strict else (level >= limit_nusd):
                return Refusal("money", name, None)
        return None

    def _take(self, ask: Ask, now_ms: int) -> Hold:
        for name, _ in ask.money:
            till = self._tills[name]
            till.held += ask.hold_nusd
            till.used_ms = now_ms
        if ask.windows or ask.tokens_per_minute or ask.concurrency:
            key = self._keys[ask.key_id]
            for name, _ in ask.windows:
                window = key.windows[_PLACES[name]]
                if window is not None:
                    window.add(now_ms, 1)
            if ask.tokens_per_minute and key.tokens is not None:
                key.tokens.add(now_ms, ask.tokens)
            if ask.concurrency:
                key.running += 1
        return Hold(ask, now_ms)

    def _key(self, key_id: int) -> _Key:
        key = self._keys.get(key_id)
        if key is None:
            key = self._keys[key_id] = _Key()
        return key

    # -- getting to know ------------------------------------------------------------------------------------------

    def _knows(self, ask: Ask) -> bool:
        tills = self._tills
        for name, _ in ask.money:
            if name not in tills:
                return False
        if ask.windows:
            key = self._keys.get(ask.key_id)
            if key is None:
                return False
            for name, _ in ask.windows:
                if key.windows[_PLACES[name]] is None:
                    return False
        return True

    async def _is_known(self, ask: Ask, *, windows: bool) -> bool:
        """Reads what is missing, and waits for what is being read; whether that went well."""
        while reads := [*self._money_reads(ask), *(self._window_reads(ask) if windows else ())]:
            for read in reads:
                if not await asyncio.shield(read):
                    return False
        return True

    def _money_reads(self, ask: Ask) -> Iterator[asyncio.Future[bool]]:
        missing = [name for name, _ in ask.money if name not in self._tills]
        if unread := [name for name in missing if name not in self._reads]:
            self._read(unread, partial(self._read_spent, unread), partial(self._learn_spent, unread))
        yield from [self._reads[name] for name in missing]

    def _window_reads(self, ask: Ask) -> Iterator[asyncio.Future[bool]]:
        key = self._key(ask.key_id)
        missing: list[WindowName] = [name for name, _ in ask.windows if key.windows[_PLACES[name]] is None]
        if "1m" in missing:
            key.windows[0] = Sliding(SPANS["1m"])
            missing.remove("1m")
        places: list[tuple[int, WindowName]] = [(ask.key_id, name) for name in missing]
        if unread := [place for place in places if place not in self._reads]:
            now_ms = self._now_ms()
            names: list[WindowName] = [name for _, name in unread]
            longest_ms = max(SPANS[name].window_ms + SPANS[name].slot_ms for name in names)
            read = partial(self._read_minutes, ask.key_id, (now_ms - longest_ms) // _MINUTE_MS)
            self._read(unread, read, partial(self._learn_windows, ask.key_id, names))
        yield from [self._reads[place] for place in places]

    def _read(self, places: Sequence[_Place], read: Callable[[], _Numbers], learn: Callable[[_Numbers], None]) -> None:
        loop = asyncio.get_running_loop()
        # Not the executor's future: that is done before what it brought is learnt.
        self._reads |= dict.fromkeys(places, loop.create_future())
        loop.run_in_executor(None, read).add_done_callback(partial(self._was_read, places, learn))

    def _was_read(
        self, places: Sequence[_Place], learn: Callable[[_Numbers], None], reading: asyncio.Future[_Numbers]
    ) -> None:
        error = None if reading.cancelled() else reading.exception()
        if error is not None:
            _log.error("spending and requests so far could not be read", exc_info=error)
        is_well = not reading.cancelled() and error is None
        if is_well:
            learn(reading.result())
        learnt = {self._reads.pop(place) for place in places}
        if not self._reads:
            self._raised.clear()
        for each in learnt:
            each.set_result(is_well)

    def _learn_spent(self, names: Sequence[str], totals: Mapping[str, int]) -> None:
        for name in names:
            till = _Till(max(totals.get(name, 0), self._raised.get(name, 0)))
            till.held = self._adopted.pop(name, 0)
            till.used_ms = self._now_ms()
            self._tills[name] = till

    def _learn_windows(self, key_id: int, names: Sequence[WindowName], minutes: Mapping[int, int]) -> None:
        key = self._key(key_id)
        for name in names:
            span = SPANS[name]
            window = key.windows[_PLACES[name]] = Sliding(span)
            for slot, count in in_slots(minutes, span).items():
                window.add(slot * span.slot_ms, count)

    # -- forgetting -----------------------------------------------------------------------------------------------

    async def _tidy(self) -> None:
        idle_since_ms = self._now_ms() - _IDLE_MS
        async for name in _in_stretches(list(self._tills)):
            till = self._tills[name]
            if not till.held and till.used_ms < idle_since_ms and till.spent <= till.stored:
                del self._tills[name]
        async for key_id in _in_stretches(list(self._keys)):
            if self._keys[key_id].is_idle(self._now_ms()):
                del self._keys[key_id]


_T = TypeVar("_T")


async def _in_stretches(things: Sequence[_T]) -> AsyncIterator[_T]:
    """All of them, with pauses in which others have their turn."""
    for at, thing in enumerate(things):
        if at % _STRETCH == _STRETCH - 1:
            await asyncio.sleep(_PAUSE_S)
        yield thing


def _refuse_requests(key: _Key, ask: Ask, now_ms: int) -> Refusal | None:
    for name, limit in ask.windows:
        window = key.windows[_PLACES[name]]
        if window is not None and window.slide(now_ms) >= limit:
            return Refusal("requests", name, _in_s(window.wait_ms(now_ms, limit - 1)))
    return None


def _refuse_tokens(key: _Key, ask: Ask, now_ms: int) -> Refusal | None:
    """One request that is larger than the limit has its turn when nothing else is in the window."""
    if key.tokens is None:
        key.tokens = Sliding(SPANS["1m"])
    used = key.tokens.slide(now_ms)
    if not used or used + ask.tokens <= ask.tokens_per_minute:
        return None
    room = max(0, ask.tokens_per_minute - ask.tokens)
    return Refusal("tokens", "1m", _in_s(key.tokens.wait_ms(now_ms, room)))


def _in_s(wait_ms: int | None) -> float | None:
    return None if wait_ms is None else wait_ms / 1000
