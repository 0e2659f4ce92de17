"""The policy `resume-if-identical`: what a client has been given of an answer, and the answer that is to go on from it.

Only answers under this policy are compared, so only of them is kept what was said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torouter.canon.events import Event, Fault, PartEnd, PartStart
from torouter.canon.names import restore_event
from torouter.canon.resuming import Given, Resuming
from torouter.canon.sealing import Sealer
from torouter.canon.stops import StopAt
from torouter.errors import UpstreamError

__all__ = ["Comparison"]


class Comparison:
    """Events of one answer, and of the one that takes its place when it broke. `names` are the client's own for tools:
    two upstreams may know one tool by two names."""

    __slots__ = ("_given", "_names", "_resuming")

    def __init__(self, names: Mapping[str, str]) -> None:
        self._given = Given()
        self._names = names
        self._resuming: Resuming | None = None

    @property
    def is_used(self) -> bool:
        return self._resuming is not None

    def feed(self, events: Iterable[Event]) -> tuple[list[Event], UpstreamError | None]:
        """What the client may be given, and what broke the first answer. A part that it broke in stays open: another
        answer may go on in it. Raises `Diverged`."""
        named = [restore_event(each, self._names) if type(each) is PartStart else each for each in events]
        if self._resuming is not None:
            return [out for each in named for out in self._resuming.feed(each)], None
        error = None
        if named and isinstance(fault := named[-1], Fault):
            error = fault.error("stream")
            named.pop()
            while named and isinstance(named[-1], PartEnd):
                named.pop()
        for each in named:
            self._given.feed(each)
        return named, error

    def go_on(self, names: Mapping[str, str], sealer: Sealer, stop_at: StopAt | None) -> None:
        """From now on it is the second answer that is fed. `sealer` and `stop_at` are those of its request, which have
        to know what was said before."""
        self._names = names
        for said in self._given.bare():
            if not isinstance(said, PartEnd):
                sealer.feed(said)
            if stop_at is not None:
                for _ in stop_at.feed(said):
                    pass
        self._resuming = Resuming(self._given)
