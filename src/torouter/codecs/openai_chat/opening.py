"""Which chunks of a chat say something. The first of nearly every stream names a role and no more."""

from __future__ import annotations

from typing import Final

import msgspec

from torouter.codecs.early_error import ended_badly
from torouter.codecs.figures import is_given
from torouter.codecs.opening import Opened, says
from torouter.codecs.surrogates import lenient_decoder

__all__ = ["is_refusal", "opens"]

_ABSENT: Final = msgspec.Raw()
_DONE: Final = b"[DONE]"


class _Choice(msgspec.Struct):
    delta: object = None
    message: object = None
    text: object = None
    finish_reason: object = None
    error: object = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    type: object = None
    error: msgspec.Raw = _ABSENT
    base_resp: object = None


_read = lenient_decoder(_Chunk)


def opens(event: bytes) -> Opened | bytes:
    if event.strip() == _DONE:
        return "end"
    chunk = _read(event)
    if chunk.type == "error" or _is_error(chunk.error) or is_refusal(chunk.base_resp):
        return event
    for choice in chunk.choices or ():
        if choice.finish_reason == "error":
            return ended_badly({"finish_reason": "error", "error": choice.error})
        if choice.finish_reason or says(choice.delta) or says(choice.message) or says(choice.text):
            return "something"
    return "nothing"


def _is_error(raw: msgspec.Raw) -> bool:
    return is_given(raw) and bytes(raw) not in (b"{}", b'""', b"false", b"[]")


def is_refusal(base_resp: object) -> bool:
    """MiniMax says 200, and then that it has failed."""
    return isinstance(base_resp, dict) and bool(base_resp.get("status_code"))
