"""Which channels are left alone for a while after a failure. One per process; monotonic seconds."""

from __future__ import annotations

from typing import Final

__all__ = ["Cooling"]

_FIRST_S: Final = 2.0
_LONGEST_S: Final = 60.0
_LONGEST_TOLD_S: Final = 3600.0


class Cooling:
    """A failure cools a channel for 2 s, doubled with each further failure in a row up to 60 s, or for what the
    upstream's `Retry-After` says (an hour at most). A success ends it."""

    __slots__ = ("_failures", "_until_s")

    def __init__(self) -> None:
        self._until_s: dict[str, float] = {}
        self._failures: dict[str, int] = {}

    @property
    def is_empty(self) -> bool:
        return not self._until_s

    def is_cooling(self, channel: str, now_s: float) -> bool:
        return self._until_s.get(channel, 0.0) > now_s

    def failed(self, channel: str, now_s: float, retry_after_s: float | None) -> None:
        count = self._failures[channel] = self._failures.get(channel, 0) + 1
        grown_s = min(_FIRST_S * 2 ** min(count - 1, 8), _LONGEST_S)
        told_s = min(retry_after_s, _LONGEST_TOLD_S) if retry_after_s is not None else grown_s
        self._until_s[channel] = now_s + told_s

    def succeeded(self, channel: str) -> None:
        if channel in self._failures:
            del self._failures[channel]
            self._until_s.pop(channel, None)
