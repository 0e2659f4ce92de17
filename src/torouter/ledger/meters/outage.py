"""What one process admits by itself while the shared meters are away, and what has to be told to them afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from torouter.ledger.meters.local import LocalMeters
from torouter.ledger.meters.meters import Ask, Hold, Refusal, WindowName
from torouter.ledger.meters.sliding import SPANS

__all__ = ["Outage"]

_Place = tuple[str, int, WindowName, int]
"""`w` (requests) or `t` (tokens), key, window, slot."""

_MINUTE: Final = SPANS["1m"]


class Outage:
    """`meters` are this process's own for as long as it lasts; they begin with what it holds already."""

    def __init__(self, meters: LocalMeters, since_ms: int, holds: Iterable[Hold]) -> None:
        self.meters = meters
        self.since_ms = since_ms
        self._counts: Counter[_Place] = Counter()
        self._doubtful: dict[int, Counter[_Place]] = {}
        """By number, what was asked of the shared meters as well, which did not answer. They may have counted it."""
        for hold in holds:
            self.adopt(hold)

    def adopt(self, hold: Hold) -> None:
        hold.twin = self.meters.adopt(hold.ask, hold.at_ms)

    async def reserve(self, ask: Ask, number: int, *, is_doubtful: bool) -> Hold | Refusal:
        twin = await self.meters.reserve(ask)
        if isinstance(twin, Refusal):
            return twin
        hold = Hold(ask, twin.at_ms, number)
        hold.twin = twin
        if is_doubtful:
            self._doubtful[number] = Counter(dict(_places(hold)))
        else:
            for place, count in _places(hold):
                self._counts[place] += count
        return hold

    def settle(self, hold: Hold, cost_nusd: int, tokens: int) -> None:
        if hold.twin is None:
            return
        self.meters.settle(hold.twin, cost_nusd, tokens)
        place = _token_place(hold)
        for counts in (self._counts, self._doubtful.get(hold.number, Counter())):
            if hold.ask.tokens_per_minute and place in counts and hold.at_ms >= self.since_ms:
                counts[place] += tokens - hold.ask.tokens

    def tidy(self, now_ms: int) -> None:
        """Forgets what has left its window, so that a long outage does not fill the memory."""
        for place in [each for each in self._counts if _has_left(each, now_ms)]:
            del self._counts[place]

    def counted(self, there: Iterable[int]) -> Counter[_Place]:
        """What was admitted here; of the doubtful, those whose numbers are not `there`."""
        found = Counter(self._counts)
        for number in self._doubtful.keys() - set(there):
            found.update(self._doubtful[number])
        return found


def _places(hold: Hold) -> Iterator[tuple[_Place, int]]:
    ask = hold.ask
    for name, _ in ask.windows:
        yield ("w", ask.key_id, name, hold.at_ms // SPANS[name].slot_ms), 1
    if ask.tokens_per_minute:
        yield _token_place(hold), ask.tokens


def _has_left(place: _Place, now_ms: int) -> bool:
    span = SPANS[place[2]]
    return place[3] < now_ms // span.slot_ms - span.slots


def _token_place(hold: Hold) -> _Place:
    return "t", hold.ask.key_id, "1m", hold.at_ms // _MINUTE.slot_ms
