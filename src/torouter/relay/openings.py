"""What is held against channels now: every cool-down that has begun and that nothing has ended yet, whoever noticed it.

Health says of a model at a credential whether it may be asked. Who mends something, or looks whether it has mended
itself, wants to know it the other way round: what is open, and for how wide a reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from torouter.routing.health import Health, Note

__all__ = ["Openings", "Place", "place_of"]

Place = tuple[str, str, str, str]
"""Channel, blame, credential, model."""

_MOST: Final = 10_000
"""Names of models may be the callers'."""
_SOON_S: Final = 1.0
"""Long enough for others to learn of it in time."""


class Openings:
    """Listens to what health notices; `tell` is told of it too. `clock` is the one that health goes by."""

    def __init__(self, health: Health, clock: Callable[[], float]) -> None:
        self.tell: Callable[[Note], None] = lambda _: None
        self._health = health
        self._clock = clock
        self._open: dict[Place, tuple[Note, float]] = {}
        health.on_note = self._noticed

    def learn(self, note: Note, age_s: float = 0.0) -> None:
        """What another process noticed, so long ago. It ends what is held here, and never shortens it."""
        if note.left_s:
            if note.left_s <= age_s:
                return
            note = replace(note, left_s=note.left_s - age_s)
        if not note.left_s or note.left_s > self._left_s(place_of(note)):
            self._keep(note)
        self._health.learn(note, self._clock())

    def of(self, channel: str) -> list[Note]:
        """What is open of it, with what is left; `left_s` 0: the next request will show whether it has recovered."""
        found = [(place, note) for place, (note, _) in self._open.items() if note.channel == channel]
        return [replace(note, left_s=self._left_s(place)) for place, note in found]

    def reset(self, channel: str) -> None:
        """Nothing is held against it any more."""
        for note in self.of(channel):
            self.learn(replace(note, left_s=0.0))

    def may_be_asked(self, note: Note) -> None:
        """In a second one request may see whether it has recovered; others learn that, too."""
        for told in (replace(note, left_s=0.0), replace(note, left_s=_SOON_S, is_told=False)):
            self.learn(told)
            self.tell(told)

    def _noticed(self, note: Note) -> None:
        self._keep(note)
        self.tell(note)

    def _left_s(self, place: Place) -> float:
        if place not in self._open:
            return 0.0
        note, at_s = self._open[place]
        return max(0.0, note.left_s - (self._clock() - at_s))

    def _keep(self, note: Note) -> None:
        place = place_of(note)
        self._open.pop(place, None)
        if note.left_s:
            self._open[place] = note, self._clock()
            if len(self._open) > _MOST:
                del self._open[next(iter(self._open))]


def place_of(note: Note) -> Place:
    return note.channel, note.blame, note.credential, note.model
