"""Ids for calls that came without one: Gemini itself relates results to calls by order and name.

An id is made of the call's place in the conversation, so it stays as it is while the conversation grows.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CallIds"]


@dataclass(slots=True)
class _Open:
    id: str
    name: str


class CallIds:
    """Walks a conversation from front to back. `begin` is told of each content before its parts."""

    __slots__ = ("_content", "_number", "_open")

    def __init__(self) -> None:
        self._content = 0
        self._number = 0
        self._open: list[_Open] = []

    def begin(self, content: int, *, is_model: bool) -> None:
        """Calls are answered in the contents behind the one that made them, until the model speaks again."""
        self._content, self._number = content, 0
        if is_model:
            self._open = []

    def call(self, name: str, given: str | None) -> str:
        call_id = given or self._made("call")
        self._open.append(_Open(call_id, name))
        return call_id

    def answered(self, name: str, given: str | None) -> str:
        """The id of the call that a result answers: by id, else the first one of its name that waits. A result that
        fits no call gets an id that none has."""
        waiting = self._open
        found = next((call for call in waiting if given and call.id == given), None)
        if found is None:
            found = next((call for call in waiting if call.name == name), None)
        if found is None:
            return given or self._made("result")
        waiting.remove(found)
        return found.id

    def _made(self, word: str) -> str:
        self._number += 1
        return f"{word}_{self._content}_{self._number - 1}"
