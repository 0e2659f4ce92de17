"""Where a Chat client keeps opaque state: OpenRouter's list beside the message, and Google's field beside a call.

Neither is OpenAI's, and clients that know only OpenAI's fields drop both. (OpenRouter's reasoning guide, Google's guide
to thought signatures in OpenAI's form; seen 2026-11.)
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from torouter.canon.blocks import Blob, Origin, ReasoningBlock
from torouter.canon.capsule import is_capsule
from torouter.codecs.fields import RAWS, STR, Fields
from torouter.codecs.json_objects import Json

__all__ = ["StateDetails", "beside_call", "decode_beside_call", "decode_details"]

_HOME: Final = Origin(dialect="openai-chat")
_FORMAT: Final = "torouter-v1"


def beside_call(blob: Blob) -> Json:
    """The field beside a call; nothing for state of another kind than Google's."""
    token = blob.token("openai-chat")
    if blob.kind != "thought_signature" or not token:
        return {}
    return {"extra_content": {"google": {"thought_signature": token}}}


class StateDetails:
    """`reasoning_details` as it grows. An entry names the call that it is on, or the next one behind it."""

    __slots__ = ("_entries", "_named")

    def __init__(self) -> None:
        self._entries: list[Json] = []
        self._named = 0

    def take(self, blob: Blob, call_id: str | None = None) -> bool:
        """False where there is nothing that this client may be given."""
        token = blob.token("openai-chat")
        if not token:
            return False
        if blob.kind == "details" and not blob.sealed:
            self._entries += msgspec.json.decode(token, type=list[Json])
            return True
        number = len(self._entries)
        entry: Json = {"type": "reasoning.encrypted", "data": token, "id": call_id, "format": _FORMAT, "index": number}
        self._entries.append(entry)
        return True

    def begin_call(self, call_id: str) -> None:
        for entry in self._entries[self._named :]:
            entry["id"] = entry.get("id") or call_id
        self._named = len(self._entries)

    def entries(self) -> list[Json]:
        return self._entries


def decode_beside_call(said: Fields) -> tuple[Blob, ...]:
    """These fields are nobody's by right, so what they hold is never an error."""
    beside = _object(said, "extra_content")
    google = None if beside is None else _object(beside, "google")
    is_given = google is not None and google.is_text("thought_signature")
    signature = google.get("thought_signature", STR) if google is not None and is_given else None
    return (Blob(kind="thought_signature", data=signature, origin=_HOME),) if signature else ()


def decode_details(said: Fields) -> list[tuple[str, ReasoningBlock]]:
    """The entries of a message that are state, each with the id of the call that it names, if any. A capsule stands for
    itself; an entry of another issuer stays as it is."""
    found: list[tuple[str, ReasoningBlock]] = []
    value = said.raw("reasoning_details") or b""
    for raw in RAWS.decode(value) if value.startswith(b"[") else ():
        entry = Fields(raw, said.at("reasoning_details")) if bytes(raw).startswith(b"{") else None
        blob = None if entry is None else _state(entry, raw)
        if entry is not None and blob is not None:
            call_id = entry.get("id", STR) if entry.is_text("id") else None
            found.append((call_id or "", ReasoningBlock(blobs=(blob,))))
    return found


def _object(said: Fields, name: str) -> Fields | None:
    return said.object(name) if (said.raw(name) or b"").startswith(b"{") else None


def _state(entry: Fields, raw: Raw) -> Blob | None:
    for name in ("data", "signature"):
        token = entry.get(name, STR) if entry.is_text(name) else None
        if token and is_capsule(token):
            return Blob(kind="encrypted", data=token, origin=_HOME)
        if token:
            return Blob(kind="details", data=f"[{bytes(raw).decode()}]", origin=_HOME)
    return None
