"""Answers whose schema is no object's, as Gemini clients may ask for them: out of the object that others gave them in
(`canon.valued`). `text/x.enum` wants the bare word: no quotes."""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

__all__ = ["Unwrapping"]

_HEAD: Final = re.compile(r'\s*\{\s*"value"\s*:\s*')
_HEAD_BEGUN: Final = re.compile(r'\s*(\{\s*("(v(a(l(u(e("\s*)?)?)?)?)?)?)?)?')
_TAIL: Final = re.compile(r"[\s}]*\Z")


class Unwrapping:
    """Text in, cut anywhere, and the text of the value out. What is wrapped otherwise (a model errs, a limit cuts)
    passes as it came."""

    __slots__ = ("_has_said", "_held", "_is_inside", "_is_word", "_passes")

    def __init__(self, kind: Literal["json", "word"]) -> None:
        self._is_word = kind == "word"
        self._held = ""
        self._is_inside = False
        self._has_said = False
        self._passes = False

    def feed(self, text: str) -> str:
        if self._passes:
            return text
        said, self._held = self._held + text, ""
        if not self._is_inside:
            head = _HEAD.match(said)
            if head is None and _HEAD_BEGUN.fullmatch(said):
                self._held = said
                return ""
            if head is None:
                self._passes = True
                return said
            self._is_inside, said = True, said[head.end() :]
        if not self._has_said:
            said = said.lstrip()
        self._has_said = self._has_said or bool(said)
        if self._is_word:
            self._held = said
            return ""
        tail = _TAIL.search(said)
        assert tail is not None, "an empty tail is one"
        self._held = tail.group()
        return said[: tail.start()]

    def close(self) -> str:
        """The rest, without the brace that closes the wrapping."""
        rest, self._held = self._held, ""
        if not self._is_inside:
            return rest
        before, brace, _ = rest.rpartition("}")
        rest = (before if brace else rest).rstrip()
        return _word(rest) if self._is_word else rest


def _word(quoted: str) -> str:
    try:
        return msgspec.json.decode(quoted, type=str)
    except msgspec.DecodeError:
        return quoted
