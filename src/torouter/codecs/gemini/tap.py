"""Usage of Gemini answers, in tokens: `usageMetadata` is cumulative and may be on every chunk; the last one counts.

A finish reason is no sign to stop reading (some servers write it on every chunk), only that the end was not cut off.
Gemini API, seen 2026-11.
"""

from __future__ import annotations

from typing import Final

import msgspec

from torouter.canon.usage import Usage
from torouter.codecs.codec import Framing, Tap
from torouter.codecs.figures import is_given
from torouter.codecs.gemini.usage import read_usage
from torouter.codecs.surrogates import lenient_decoder
from torouter.codecs.taps import ArrayTap, Ending, SseTap, WholeTap
from torouter.units import Operation

__all__ = ["tap"]

_ABSENT: Final = msgspec.Raw()
_NULL_BYTES: Final = len(b"null")


class _Candidate(msgspec.Struct, rename="camel"):
    finish_reason: object = None


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: object = None


class _Chunk(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: msgspec.Raw = _ABSENT
    error: msgspec.Raw = _ABSENT


_read_chunk = lenient_decoder(_Chunk)


def tap(operation: Operation, framing: Framing) -> Tap:
    if framing == "sse":
        return SseTap(_ChunkMeter())
    if framing == "array":
        return ArrayTap(_ChunkMeter())
    return WholeTap(_of_count if operation == "count_tokens" else _of_body)


def _of_body(body: bytes) -> Usage | None:
    usage = _read_chunk(body).usage_metadata
    return read_usage(usage) if is_given(usage) else None


def _of_count(body: bytes) -> Usage | None:
    """A count of tokens is no use of them."""
    _read_chunk(body)
    return None


class _ChunkMeter:
    """Parses only the last usage object, and that when asked."""

    __slots__ = ("_usage", "ending", "fault")

    def __init__(self) -> None:
        self._usage = _ABSENT
        self.ending: Ending = "none"
        self.fault = b""

    def read(self, event: bytes, /) -> bool:
        """More figures may come with any further chunk."""
        chunk = _read_chunk(event)
        if len(chunk.usage_metadata) > _NULL_BYTES:
            self._usage = chunk.usage_metadata
        if chunk.error is not _ABSENT and is_given(chunk.error):
            self.ending, self.fault = "error", event
        elif _has_end(chunk):
            self.ending, self.fault = "normal", b""
        return False

    @property
    def figures(self) -> Usage | None:
        return read_usage(self._usage) if is_given(self._usage) else None


def _has_end(chunk: _Chunk) -> bool:
    if any(candidate.finish_reason for candidate in chunk.candidates or ()):
        return True
    return chunk.prompt_feedback is not None and bool(chunk.prompt_feedback.block_reason)
