"""Which part of a time is summed up from which table: whole days and hours from roll-ups, what is left from rows."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

__all__ = ["DAY_MS", "HOUR_MS", "Source", "Span", "spans"]

Source = Literal["rows", "hours", "days"]

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000


class Span(NamedTuple):
    """From an instant on and before another; `None`: since ever, or for ever."""

    source: Source
    from_ms: int | None
    until_ms: int | None


def spans(from_ms: int | None, until_ms: int | None) -> list[Span]:
    """That make up the time between, each instant once."""
    return _cut(("rows", "hours", "days"), (1, HOUR_MS, DAY_MS), from_ms, until_ms)


def _cut(
    sources: tuple[Source, ...], steps_ms: tuple[int, ...], from_ms: int | None, until_ms: int | None
) -> list[Span]:
    """The whole larger steps within by the larger sources, and both edges by the first one."""
    if from_ms is not None and until_ms is not None and from_ms >= until_ms:
        return []
    if len(sources) == 1:
        return [Span(sources[0], from_ms, until_ms)]
    step_ms = steps_ms[1]
    first_ms = None if from_ms is None else from_ms + -from_ms % step_ms
    last_ms = None if until_ms is None else until_ms - until_ms % step_ms
    if first_ms is not None and last_ms is not None and first_ms >= last_ms:
        return [Span(sources[0], from_ms, until_ms)]
    found = _cut(sources[1:], steps_ms[1:], first_ms, last_ms)
    if from_ms != first_ms:
        found.insert(0, Span(sources[0], from_ms, first_ms))
    if until_ms != last_ms:
        found.append(Span(sources[0], last_ms, until_ms))
    return found
