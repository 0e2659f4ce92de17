"""The channels of one priority, so that one of them is drawn in log n steps however many there are.

What is known of a channel changes elsewhere: other routes use it, it fails, it recovers, it is full. So nothing here is
kept true at once. A channel that is drawn is looked at, and moved if it stands in the wrong place; one that was left
out comes back when its time has come, or when somebody says that it may be asked sooner (`Wakes`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from heapq import heapify, heappop, heappush
from itertools import accumulate, groupby
from typing import Final

from torouter.routing.snapshot import Bucket, Candidate
from torouter.routing.traffic import Traffic
from torouter.routing.weights import Weights

__all__ = ["RESTED_AFTER_S", "LeftOut", "Pool", "is_left_out"]

RESTED_AFTER_S: Final = 60.0

LeftOut = Mapping[str, set[str] | None]
"""Whom a request does not ask again: by channel, the labels of its credentials; `None`: any of them."""

_RESTED, _RECENT, _OUT = 0, 1, 2
_DUE_AT_ONCE: Final = 32
"""How many are brought back for one request: what falls due together is no burden for a single one."""

_KEYED_TRIES: Final = 16
_MASK: Final = (1 << 64) - 1


def is_left_out(candidate: Candidate, left_out: LeftOut) -> bool:
    labels = left_out.get(candidate.channel.name, _NO_LABELS)
    return labels is None or candidate.credential.label in labels


_NO_LABELS: Final[set[str]] = set()


class Pool:
    """`ready_s` says from when a candidate may be asked, healthy and with room."""

    def __init__(self, bucket: Bucket, traffic: Traffic, ready_s: Callable[[Candidate, float], float]) -> None:
        found = groupby(bucket.candidates, key=lambda candidate: candidate.channel)
        self._channels = [(channel.name, channel.weight, tuple(candidates)) for channel, candidates in found]
        self._index = {name: index for index, (name, _, _) in enumerate(self._channels)}
        weights = [weight for _, weight, _ in self._channels]
        self._bounds = [*accumulate(weights)]
        self._trees = Weights(weights), Weights([0] * len(weights))
        self._standing = [_RESTED] * len(weights)
        self._due: list[tuple[float, int]] = []
        self._due_s = [0.0] * len(weights)
        self._traffic = traffic
        self._ready_s = ready_s
        self._seen = traffic.wakes.count

    def find(self, names: tuple[str, str], now_s: float, left_out: LeftOut) -> Candidate | None:
        """A credential of a channel, if it is here and may be asked."""
        index = self._index.get(names[0])
        if index is None:
            return None
        return next((each for each in self._ready(index, now_s, left_out) if each.credential.label == names[1]), None)

    def draw(self, now_s: float, draw: Callable[[], float], left_out: LeftOut) -> tuple[Candidate, bool] | None:
        """By weight among those that were not used for a minute, else among the others. Tells too whether that made a
        difference. Of a channel's credentials the least recently used one."""
        self._catch_up(now_s)
        for standing, tree in enumerate(self._trees):
            while tree.total:
                index = tree.find(int(draw() * tree.total))
                if standing == _RESTED and (due_s := self._used_s(index) + RESTED_AFTER_S) > now_s:
                    self._move(index, _RECENT, due_s)
                    continue
                found = self._ready(index, now_s, left_out)
                if found:
                    has_preferred = standing == _RESTED and self._trees[_RECENT].total > 0
                    return self._longest_unused(found), has_preferred
                candidates = self._channels[index][2]
                self._move(index, _OUT, min(self._ready_s(each, now_s) for each in candidates))
        return None

    def draw_keyed(self, key: bytes, now_s: float, left_out: LeftOut) -> Candidate | None:
        """The same for the same key in every process, as long as the same channels may be asked. Each channel has its
        own share of all keys, by weight; only keys of those that may not be asked are drawn again."""
        point = int.from_bytes(key[:8], "big")
        for _ in range(_KEYED_TRIES):
            index = bisect_right(self._bounds, (point * self._bounds[-1]) >> 64)
            found = self._ready(index, now_s, left_out)
            if found:
                candidates = self._channels[index][2]
                first = ((point & 0xFFFFFFFF) * len(candidates)) >> 32
                return next(each for each in candidates[first:] + candidates[:first] if each in found)
            point = (point * 6364136223846793005 + 1442695040888963407) & _MASK  # Knuth's MMIX
        return None

    def _ready(self, index: int, now_s: float, left_out: LeftOut) -> list[Candidate]:
        ready_s = self._ready_s
        return [
            candidate
            for candidate in self._channels[index][2]
            if ready_s(candidate, now_s) <= now_s and not (left_out and is_left_out(candidate, left_out))
        ]

    def _longest_unused(self, candidates: list[Candidate]) -> Candidate:
        if len(candidates) == 1:
            return candidates[0]
        use = self._traffic.uses.get(candidates[0].channel.name)
        if use is None:
            return candidates[0]
        return min(candidates, key=lambda candidate: use.turns.get(candidate.credential.label, 0))

    def _used_s(self, index: int) -> float:
        use = self._traffic.uses.get(self._channels[index][0])
        return float("-inf") if use is None else use.used_s

    def _move(self, index: int, standing: int, due_s: float) -> None:
        weight, was = self._channels[index][1], self._standing[index]
        if was != _OUT:
            self._trees[was].add(index, -weight)
        if standing != _OUT:
            self._trees[standing].add(index, weight)
        self._standing[index] = standing
        self._due_s[index] = due_s
        if standing != _RESTED:
            heappush(self._due, (due_s, index))

    def _catch_up(self, now_s: float) -> None:
        if self._seen != self._traffic.wakes.count:
            self._wake(now_s)
        due, left = self._due, _DUE_AT_ONCE
        while due and due[0][0] <= now_s and left:
            due_s, index = heappop(due)
            left -= 1
            if due_s == self._due_s[index] and self._standing[index] != _RESTED:
                self._return(index, now_s)

    def _wake(self, now_s: float) -> None:
        wakes = self._traffic.wakes
        names = wakes.since(self._seen)
        self._seen = wakes.count
        for index in range(len(self._channels)) if names is None else [self._index.get(name, -1) for name in names]:
            if index >= 0 and self._standing[index] == _OUT:
                self._return(index, now_s)
        if len(self._due) > 4 * len(self._channels) + 64:  # of many that were woken the former times are still there
            self._due = [(self._due_s[index], index) for index, at in enumerate(self._standing) if at != _RESTED]
            heapify(self._due)

    def _return(self, index: int, now_s: float) -> None:
        due_s = self._used_s(index) + RESTED_AFTER_S
        self._move(index, _RECENT if due_s > now_s else _RESTED, due_s)
