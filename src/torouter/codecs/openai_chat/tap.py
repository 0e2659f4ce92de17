"""Usage of chat answers, and of the other operations of this dialect.

Streams carry usage on a chunk without choices, on the finish chunk, or on every chunk (cumulative): the last that is
not null counts. A stream has ended when every choice has a finish reason; `[DONE]` alone is no end.
"""

from __future__ import annotations

from typing import Final

import msgspec

from torouter.canon.usage import Usage
from torouter.codecs.codec import BrokenStream, Framing, Tap
from torouter.codecs.figures import is_given, word
from torouter.codecs.openai_usage import openai_figures
from torouter.codecs.surrogates import lenient_decoder
from torouter.codecs.taps import Ending, SseTap, WholeTap
from torouter.units import Operation

__all__ = ["tap"]

_ABSENT: Final = msgspec.Raw()
_NULL_BYTES: Final = len(b"null")
_DONE: Final = b"[DONE]"
_NOT_JSON: Final[frozenset[Operation]] = frozenset({"speech", "transcriptions"})


class _Choice(msgspec.Struct):
    index: object = 0
    finish_reason: object = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = _ABSENT
    error: msgspec.Raw = _ABSENT
    x_groq: msgspec.Raw = _ABSENT


class _Body(msgspec.Struct):
    usage: msgspec.Raw = _ABSENT
    service_tier: object = None
    meta: msgspec.Raw = _ABSENT


class _Event(msgspec.Struct):
    type: object = None
    usage: msgspec.Raw = _ABSENT
    error: msgspec.Raw = _ABSENT


class _Tier(msgspec.Struct):
    service_tier: object = None


class _Groq(msgspec.Struct):
    usage: msgspec.Raw = _ABSENT


class _RerankMeta(msgspec.Struct):
    tokens: msgspec.Raw = _ABSENT
    billed_units: msgspec.Raw = _ABSENT


_read_chunk = msgspec.json.Decoder(_Chunk).decode
_read_chunk_leniently = lenient_decoder(_Chunk)
_read_body = lenient_decoder(_Body)
_read_event = lenient_decoder(_Event)
_read_tier = lenient_decoder(_Tier)
_read_groq = lenient_decoder(_Groq)
_read_meta = lenient_decoder(_RerankMeta)
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def tap(operation: Operation, framing: Framing) -> Tap:
    if framing == "sse":
        return SseTap(_ChunkMeter() if operation == "chat" else _EventMeter())
    return WholeTap(_of_body, is_json=operation not in _NOT_JSON)


def _chunk_of(event: bytes) -> _Chunk | None:
    """`None`: the terminator. The plain decoder first: this is done for each event of each stream."""
    try:
        return _read_chunk(event)
    except _UNREADABLE:
        return None if event.strip() == _DONE else _read_chunk_leniently(event)


def _of_body(body: bytes) -> Usage | None:
    """Also of embeddings, images, transcriptions, and of rerankers (Cohere puts its counts under `meta`)."""
    read = _read_body(body)
    if len(read.usage) > _NULL_BYTES:
        return openai_figures(read.usage, "reported", read.service_tier)
    if not is_given(read.meta):
        return None
    meta = _read_meta(read.meta)
    return openai_figures(meta.tokens) or openai_figures(meta.billed_units)


class _ChunkMeter:
    """Chat chunks. Choices are followed by index: the stream of `n` answers ends with the last of them."""

    __slots__ = ("_counted", "_error", "_figures", "_finished", "_open")

    def __init__(self) -> None:
        self._figures: Usage | None = None
        self._counted = b""
        self._open: set[int] = set()
        self._finished: set[int] = set()
        self._error = b""

    def read(self, event: bytes, /) -> bool:
        chunk = _chunk_of(event)
        if chunk is None:
            if self.ending == "none":
                raise BrokenStream("upstream_truncated")
            return True
        for choice in chunk.choices or ():
            if choice.finish_reason == "error" and not is_given(chunk.error):
                raise BrokenStream("upstream_truncated")  # no client knows the word
            index = choice.index if isinstance(choice.index, int) else 0
            if choice.finish_reason:  # `""` on every chunk is some servers' null
                self._finished.add(index)
            else:
                self._open.add(index)
        if len(chunk.usage) > _NULL_BYTES:
            self._figures = openai_figures(chunk.usage) or self._figures
            self._counted = event
        elif chunk.x_groq is not _ABSENT:
            self._read_groq(chunk.x_groq)
        if chunk.error is not _ABSENT and is_given(chunk.error):
            self._error = event
        return False

    def _read_groq(self, raw: msgspec.Raw) -> None:
        """Older streams of Groq, seen 2024."""
        try:
            usage = _read_groq(raw).usage
        except _UNREADABLE:
            return
        if is_given(usage):
            self._figures = openai_figures(usage) or self._figures

    @property
    def figures(self) -> Usage | None:
        """The tier is on every chunk of OpenAI's; it is read from the last that had figures, and when somebody asks."""
        if self._figures is None or b'"service_tier"' not in self._counted:
            return self._figures
        return msgspec.structs.replace(self._figures, service_tier=word(_read_tier(self._counted).service_tier))

    @property
    def ending(self) -> Ending:
        """An error behind the last finish reason (OpenRouter's "Token limit reached", recorded) takes nothing back."""
        if self._finished and self._finished >= self._open:
            return "normal"
        return "error" if self._error else "none"

    @property
    def fault(self) -> bytes:
        return self._error if self.ending == "error" else b""


class _EventMeter:
    """Streamed images, speech and transcripts: typed events, of which `….done` or `….completed` is the last."""

    __slots__ = ("ending", "fault", "figures")

    def __init__(self) -> None:
        self.figures: Usage | None = None
        self.ending: Ending = "none"
        self.fault = b""

    def read(self, event: bytes, /) -> bool:
        """Several things may be done or completed in one stream: none is known to be the last."""
        if event.strip() == _DONE:
            return False
        read = _read_event(event)
        if is_given(read.usage):
            self.figures = openai_figures(read.usage) or self.figures
        if is_given(read.error) or read.type == "error":
            self.ending, self.fault = "error", event
        elif isinstance(read.type, str) and read.type.endswith((".done", ".completed")):
            self.ending, self.fault = "normal", b""
        return False
