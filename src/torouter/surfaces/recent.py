"""The turns of one connection that its later turns may go on from."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from torouter.codecs.openai_responses.history import Kept

__all__ = ["Recent"]

_TURNS_LIMIT: Final = 16
_LIMIT_BYTES: Final = 8 * 1024 * 1024


class Recent:
    """The newest turns, up to a number and a size; the last one in any case, for that is what clients go on from."""

    __slots__ = ("_body_bytes", "_turns")

    def __init__(self) -> None:
        self._turns: OrderedDict[str, Kept] = OrderedDict()
        self._body_bytes = 0

    def find(self, response_id: str) -> Kept | None:
        return self._turns.get(response_id)

    def add(self, kept: Kept) -> None:
        earlier = self._turns.pop(kept.id, None)
        self._body_bytes += _size(kept) - (0 if earlier is None else _size(earlier))
        self._turns[kept.id] = kept
        while len(self._turns) > 1 and (len(self._turns) > _TURNS_LIMIT or self._body_bytes > _LIMIT_BYTES):
            self._body_bytes -= _size(self._turns.popitem(last=False)[1])


def _size(kept: Kept) -> int:
    return len(kept.input) + len(kept.output)
