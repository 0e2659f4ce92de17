"""Which chunks of Gemini say something."""

from __future__ import annotations

from typing import Final

import msgspec

from torouter.codecs.figures import is_given
from torouter.codecs.opening import Opened, says
from torouter.codecs.surrogates import lenient_decoder

__all__ = ["opens"]

_ABSENT: Final = msgspec.Raw()


class _Candidate(msgspec.Struct, rename="camel"):
    content: object = None
    finish_reason: object = None


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: object = None


class _Chunk(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    error: msgspec.Raw = _ABSENT


_read = lenient_decoder(_Chunk)


def opens(event: bytes) -> Opened | bytes:
    chunk = _read(event)
    if is_given(chunk.error):
        return event
    if chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason:
        return "something"
    for candidate in chunk.candidates or ():
        if candidate.finish_reason or says(candidate.content):
            return "something"
    return "nothing"
