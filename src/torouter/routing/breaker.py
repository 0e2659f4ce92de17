"""One place that may fail, as a circuit breaker: closed, open for a while, then half open for one request at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from torouter.routing.window import Window

__all__ = ["Breaker"]

_IN_A_ROW: Final = 3
_RATIO: Final = 0.5
_RATIO_REQUESTS: Final = 10
_LONGEST_TOLD_S: Final = 3600.0
_JITTER: Final = 0.25


class Breaker:
    """`failures` are those in a row. `until_s`: it was opened until then, and is half open afterwards; 0: it is closed.
    `is_midway`: one of them broke an answer off that had begun, so that a beginning is no sign of recovery.
    `probe_until_s`: until then nobody follows the one who looks whether it has recovered; `prober` is where that one
    went. `why` is a word on what opened it. The first time it is opened for `first_s`, and for twice as long each
    further time, up to `longest_s`."""

    __slots__ = (
        *("failures", "failures_lately", "first_s", "is_midway", "is_told", "longest_s", "names", "openings"),
        *("probe_until_s", "prober", "until_s", "why"),
    )

    def __init__(self, names: tuple[str, str, str], first_s: float, longest_s: float) -> None:
        self.names = names
        self.first_s = first_s
        self.longest_s = longest_s
        self.failures = 0
        self.failures_lately = Window()
        self.openings = 0
        self.until_s = 0.0
        self.is_midway = False
        self.is_told = False
        self.probe_until_s = 0.0
        self.prober = ""
        self.why = ""

    def ready_s(self, now_s: float) -> float:
        """From when one request may pass; past, if it may now."""
        return self.until_s if self.until_s > now_s else self.probe_until_s

    def failed(
        self,
        now_s: float,
        told_s: float | None,
        *,
        is_sudden: bool,
        requests: int,
        draw: Callable[[], float],
        is_midway: bool = False,
    ) -> bool:
        """Has it opened, or does it stay open for longer? `requests` went there in the last 60 s, this one too."""
        self.failures += 1
        self.is_midway = self.is_midway or is_midway
        self.failures_lately.add(now_s)
        if told_s is not None:
            return self._open(now_s, min(told_s, _LONGEST_TOLD_S), is_told=True)
        if self.until_s > now_s:
            return False  # those that were under way when it opened are no further reason
        if self.until_s == 0.0 and not (is_sudden or self._is_bad(now_s, requests)):
            return False
        grown_s = min(self.first_s * 2.0 ** min(self.openings, 20), self.longest_s)
        return self._open(now_s, grown_s * (1.0 - _JITTER * draw()), is_told=False)

    def succeeded(self, now_s: float) -> bool:
        """Has it closed? Not before a time that the upstream itself named: its other answers say nothing of that."""
        if self.is_told and self.until_s > now_s:
            return False
        self.failures = 0
        self.is_midway = False
        if self.until_s == 0.0:
            return False
        self.close()
        return True

    def learn(self, until_s: float, failures: int, *, is_told: bool, is_midway: bool = False) -> None:
        """That another process has opened it."""
        self.is_midway = self.is_midway or is_midway
        self.failures = max(self.failures, failures)
        self.openings = max(self.openings, 1)
        if until_s > self.until_s:
            self.until_s, self.is_told = until_s, is_told
            self.probe_until_s, self.prober = 0.0, ""

    def close(self) -> None:
        self.failures = self.openings = 0
        self.until_s = self.probe_until_s = 0.0
        self.is_midway = self.is_told = False
        self.prober = ""
        self.failures_lately.clear()

    def _is_bad(self, now_s: float, requests: int) -> bool:
        if self.failures >= _IN_A_ROW:
            return True
        return requests >= _RATIO_REQUESTS and self.failures_lately.count(now_s) >= _RATIO * requests

    def _open(self, now_s: float, for_s: float, *, is_told: bool) -> bool:
        if now_s + for_s <= self.until_s:
            return False
        self.openings += self.until_s <= now_s
        self.until_s, self.is_told = now_s + for_s, is_told
        self.probe_until_s, self.prober = 0.0, ""
        return True
