"""`reasoning_details` of an upstream: state in a list, which streams send in pieces (OpenRouter, seen 2026-11)."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from torouter.canon.blocks import Blob, Origin
from torouter.codecs.absent import ABSENT, has_value
from torouter.codecs.json_objects import Json
from torouter.codecs.unreadable import UNREADABLE

__all__ = ["Details", "call_state"]

_HOME: Final = Origin(dialect="openai-chat")
_GROWING: Final = frozenset({"text", "summary"})
_OPAQUE: Final = ("data", "signature")


class _Google(msgspec.Struct):
    thought_signature: str | None = None


class _Beside(msgspec.Struct):
    google: _Google | None = None


_read_entries = msgspec.json.Decoder(list[Json]).decode
_read_beside = msgspec.json.Decoder(_Beside).decode


class Details:
    """Entries as they grow. Pieces of one index and type are one entry: texts are joined, other fields replaced."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: list[Json] = []

    def take(self, raw: Raw) -> None:
        try:
            pieces = _read_entries(raw)
        except UNREADABLE:
            return
        for piece in pieces:
            entry = self._entry_of(piece)
            for name, value in piece.items():
                before = entry.get(name)
                if name in _GROWING and isinstance(before, str) and isinstance(value, str):
                    entry[name] = before + value
                elif value is not None or name not in entry:
                    entry[name] = value

    def take_blob(self) -> Blob | None:
        """What has come so far, if any of it is state. What comes later is another blob."""
        entries, self._entries = self._entries, []
        if not any(entry.get(name) for entry in entries for name in _OPAQUE):
            return None
        return Blob(kind="details", data=msgspec.json.encode(entries).decode(), origin=_HOME)

    def _entry_of(self, piece: Json) -> Json:
        index = piece.get("index")
        for entry in self._entries if index is not None else ():
            if (entry.get("index"), entry.get("type")) == (index, piece.get("type", entry.get("type"))):
                return entry
        entry = {}
        self._entries.append(entry)
        return entry


def call_state(extra_content: Raw) -> tuple[Blob, ...]:
    """The signature that Google's own endpoint in OpenAI's form puts beside a call."""
    if extra_content is ABSENT or not has_value(extra_content):
        return ()
    try:
        google = _read_beside(extra_content).google
    except UNREADABLE:
        return ()
    if google is None or not google.thought_signature:
        return ()
    return (Blob(kind="thought_signature", data=google.thought_signature, origin=_HOME),)
