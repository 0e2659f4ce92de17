"""Meters by brute force: everything that was ever admitted is kept, and counted anew for each question."""

from __future__ import annotations

from dataclasses import dataclass, field

from torouter.ledger.meters import Ask, Refusal
from torouter.ledger.meters.sliding import SPANS, Span

__all__ = ["Admitted", "Reference"]


@dataclass(eq=False)
class Admitted:
    ask: Ask
    at_ms: int
    tokens: int
    is_settled: bool = False
    cost_nusd: int = 0


@dataclass
class Reference:
    """`before`: money spent by meter, and requests by key and minute."""

    spent_before: dict[str, int]
    minutes_before: dict[int, dict[int, int]]
    admitted: list[Admitted] = field(default_factory=list)
    raised: dict[str, int] = field(default_factory=dict)

    def spent(self, name: str) -> int:
        return self.raised.get(name, self.spent_before.get(name, 0)) + sum(
            each.cost_nusd for each in self._of(name) if each.is_settled
        )

    def held(self, name: str) -> int:
        return sum(each.ask.hold_nusd for each in self._of(name) if not each.is_settled)

    def _of(self, name: str) -> list[Admitted]:
        return [each for each in self.admitted if name in dict(each.ask.money)]

    def requests(self, key_id: int, name: str) -> dict[int, int]:
        """By slot, all of them."""
        span, found = SPANS[name], dict[int, int]()
        for minute, count in self.minutes_before.get(key_id, {}).items() if name != "1m" else ():
            slot = minute * 60_000 // span.slot_ms
            found[slot] = found.get(slot, 0) + count
        for each in self.admitted:
            if each.ask.key_id == key_id and name in dict(each.ask.windows):
                slot = each.at_ms // span.slot_ms
                found[slot] = found.get(slot, 0) + 1
        return found

    def tokens(self, key_id: int) -> dict[int, int]:
        found: dict[int, int] = {}
        for each in self.admitted:
            if each.ask.key_id == key_id and each.ask.tokens_per_minute:
                slot = each.at_ms // SPANS["1m"].slot_ms
                found[slot] = found.get(slot, 0) + each.tokens
        return found

    def check(self, ask: Ask) -> Refusal | None:
        for name, limit in ask.money:
            level = self.spent(name) + self.held(name)
            if (level + ask.hold_nusd > limit) if ask.is_strict else (level >= limit):
                return Refusal("money", name, None)
        return None

    def reserve(self, ask: Ask, now_ms: int) -> Admitted | Refusal:
        if refusal := self.check(ask):
            return refusal
        for name, limit in ask.windows:
            slots = self.requests(ask.key_id, name)
            if _within(slots, SPANS[name], now_ms) >= limit:
                return Refusal("requests", name, _wait_s(slots, SPANS[name], now_ms, limit - 1))
        if ask.tokens_per_minute:
            slots = self.tokens(ask.key_id)
            used = _within(slots, SPANS["1m"], now_ms)
            if used and used + ask.tokens > ask.tokens_per_minute:
                room = max(0, ask.tokens_per_minute - ask.tokens)
                return Refusal("tokens", "1m", _wait_s(slots, SPANS["1m"], now_ms, room))
        running = [e for e in self.admitted if e.ask.key_id == ask.key_id and e.ask.concurrency and not e.is_settled]
        if ask.concurrency and len(running) >= ask.concurrency:
            return Refusal("concurrency", "", None)
        admitted = Admitted(ask, now_ms, ask.tokens)
        self.admitted.append(admitted)
        return admitted

    def settle(self, admitted: Admitted, cost_nusd: int, tokens: int) -> None:
        admitted.is_settled, admitted.cost_nusd, admitted.tokens = True, cost_nusd, tokens


def _within(slots: dict[int, int], span: Span, now_ms: int) -> int:
    return sum(count for slot, count in slots.items() if (slot + 1) * span.slot_ms > now_ms - span.window_ms)


def _wait_s(slots: dict[int, int], span: Span, now_ms: int, room: int) -> float:
    """The first millisecond at which a slot leaves and the rest is small enough."""
    ends = sorted((slot + 1) * span.slot_ms + span.window_ms for slot in slots)
    return next((at - now_ms) / 1000 for at in ends if at > now_ms and _within(slots, span, at) <= room)
