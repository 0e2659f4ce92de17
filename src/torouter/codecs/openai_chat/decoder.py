"""Chat Completions answers into events: chunks of a stream, or a whole body, which is read as one chunk.

The finish reason comes before the usage, so the end is held back until `[DONE]` or the end of the bytes. Fields beyond
OpenAI's that compatible servers are known for are read: `reasoning_content`, `reasoning`, `stop_reason`. Seen 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Final

import msgspec
from msgspec import Raw

from torouter.canon.blocks import Citation
from torouter.canon.events import (
    Event,
    Fault,
    FinishReason,
    PartCited,
    PartDelta,
    PartEnd,
    PartKind,
    PartStart,
    Start,
    UsageSeen,
)
from torouter.canon.finish import settle_finish
from torouter.canon.usage import Usage
from torouter.codecs.codec import Framing
from torouter.codecs.endings import fault_in, malformed, truncated
from torouter.codecs.figures import is_given
from torouter.codecs.openai_chat.calls import CallDelta, CallTracker, FunctionDelta
from torouter.codecs.openai_usage import openai_figures
from torouter.errors import UpstreamError
from torouter.wire.sse import SseFramer

__all__ = ["Decoder"]

_ABSENT: Final = Raw()
_DONE: Final = b"[DONE]"
_REASONS: Final[Mapping[str, FinishReason]] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop_sequence",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "context_length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "refusal",
}
"""OpenAI's words, and what sloppy servers mean by theirs. A word that is not here is unknown, which is no `stop`."""


class _Delta(msgspec.Struct):
    """`delta` of a chunk, `message` of a body: the same fields."""

    content: str | list[Raw] | None = None
    reasoning_content: str | None = None
    reasoning: Raw = _ABSENT
    refusal: str | None = None
    tool_calls: list[CallDelta] | None = None
    function_call: FunctionDelta | None = None
    annotations: Raw = _ABSENT


class _Choice(msgspec.Struct):
    index: int | None = 0
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None
    stop_reason: Raw = _ABSENT
    error: Raw = _ABSENT


class _Chunk(msgspec.Struct):
    id: str | int | None = None
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: Raw = _ABSENT
    error: Raw = _ABSENT
    x_groq: Raw = _ABSENT


class _Groq(msgspec.Struct):
    usage: Raw = _ABSENT


class _UrlCitation(msgspec.Struct):
    url: str | None = None
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None


class _Annotation(msgspec.Struct):
    url_citation: _UrlCitation | None = None


class _Segment(msgspec.Struct):
    """Mistral writes content as a list of segments, of which some are its reasoning."""

    type: str = ""
    text: str | None = None
    thinking: str | list[Raw] | None = None


_read_chunk = msgspec.json.Decoder(_Chunk).decode
_read_groq = msgspec.json.Decoder(_Groq).decode
_read_annotations = msgspec.json.Decoder(list[Raw]).decode
_read_annotation = msgspec.json.Decoder(_Annotation).decode
_read_segment = msgspec.json.Decoder(_Segment).decode
_read_text = msgspec.json.Decoder(str).decode
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Decoder:
    """A `codecs.codec.Decoder`. Of several choices the first is read: more are never asked for."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._framer = SseFramer()
        self._body: list[bytes] = []
        self._next_part = count().__next__
        self._calls = CallTracker(self._next_part)
        self._parts: dict[PartKind, int] = {}
        self._response_id = ""
        self._usage = Usage()
        self._raw_reason = ""
        self._stop_sequence: str | None = None
        self._has_started = False
        self._has_ended = False

    def feed(self, data: bytes, /) -> list[Event]:
        events: list[Event] = []
        if self._framing == "whole":
            self._body.append(data)
            return events
        try:
            for frame in self._framer.feed(data):
                self._frame(frame.data, events)
        except UpstreamError as error:
            self._end(Fault(kind=error.kind, message=error.message, code=error.code), events)
        return events

    def close(self) -> list[Event]:
        """A whole body is read here. Of a stream, an event without its blank line counts if it can be read."""
        events: list[Event] = []
        if self._framing == "whole":
            self._whole(b"".join(self._body), events)
        else:
            for frame in self._framer.close():
                if frame.data == _DONE or _is_readable(frame.data):
                    self._frame(frame.data, events)
            if not self._has_started and self._framer.stray:
                self._whole(self._framer.stray, events)
        self._terminate(events)
        return events

    def _whole(self, body: bytes, events: list[Event]) -> None:
        if body.strip():
            self._frame(body, events)

    def _frame(self, data: bytes, events: list[Event]) -> None:
        if self._has_ended:
            return
        if data == _DONE:
            self._terminate(events)
            return
        try:
            chunk = _read_chunk(data)
        except _UNREADABLE as error:
            self._end(malformed(f"the upstream sent what is no chat completion: {error}"), events)
            return
        if _is_given(chunk.error) or (chunk.choices is None and self._framing == "whole"):
            self._end(fault_in(data), events)
        else:
            self._read(chunk, events)

    def _read(self, chunk: _Chunk, events: list[Event]) -> None:
        for choice in chunk.choices or ():
            if choice.index:
                continue
            if not self._has_started:
                self._start(chunk, events)
            delta = self._said_in(choice)
            if delta is not None:
                self._delta(delta, events)
            if _is_given(choice.error):  # OpenRouter, beside the finish reason `error`
                self._end(fault_in(b'{"error":%b}' % bytes(choice.error)), events)
                return
            if choice.finish_reason:  # `""` on every chunk is some servers' null
                self._raw_reason = choice.finish_reason
                self._stop_sequence = _text_of(choice.stop_reason)
        usage = chunk.usage
        if not _is_given(usage) and _is_given(chunk.x_groq):  # older Groq streams, seen 2024
            usage = _groq_usage(chunk.x_groq)
        if _is_given(usage):
            self._count_usage(usage, events)

    def _said_in(self, choice: _Choice) -> _Delta | None:
        """Perplexity writes both, of which each holds all there is in its own mode only."""
        if self._framing == "whole":
            return choice.message or choice.delta
        return choice.delta or choice.message

    def _start(self, chunk: _Chunk, events: list[Event]) -> None:
        self._has_started = True
        self._response_id = "" if chunk.id is None else str(chunk.id)
        events.append(Start(id=self._response_id, model=chunk.model or ""))

    def _delta(self, delta: _Delta, events: list[Event]) -> None:
        reasoning = delta.reasoning_content or _text_of(delta.reasoning)
        if reasoning:
            self._say("reasoning", reasoning, events)
        content = delta.content
        if content:
            if isinstance(content, str):
                self._say("text", content, events)
            else:
                self._segments(content, events)
        if delta.refusal:
            self._say("refusal", delta.refusal, events)
        calls = delta.tool_calls
        if delta.function_call is not None:
            calls = [*(calls or ()), CallDelta(index=0, function=delta.function_call)]
        if calls:
            events += self._calls.take(calls, self._response_id)
        if _is_given(delta.annotations):
            self._cite(delta.annotations, events)

    def _say(self, kind: PartKind, text: str, events: list[Event]) -> None:
        part = self._parts.get(kind)
        if self._calls:
            events += self._calls.pause()
        if part is None:
            part = self._parts[kind] = self._next_part()
            events.append(PartStart(part=part, kind=kind))
        events.append(PartDelta(part, text))

    def _segments(self, segments: list[Raw], events: list[Event]) -> None:
        for raw in segments:
            try:
                segment = _read_segment(raw)
            except _UNREADABLE:
                continue
            if isinstance(segment.thinking, list):
                inner = [_read_segment(each).text or "" for each in segment.thinking]
                segment.thinking = "".join(inner)
            if segment.thinking:
                self._say("reasoning", segment.thinking, events)
            elif segment.text:
                self._say("text", segment.text, events)

    def _cite(self, raw: Raw, events: list[Event]) -> None:
        part = self._parts.get("text")
        try:
            annotations = _read_annotations(raw)
            citations = [_citation(each) for each in annotations]
        except _UNREADABLE:
            return
        if part is not None:
            events += [PartCited(part, citation) for citation in citations]

    def _count_usage(self, raw: Raw, events: list[Event]) -> None:
        figures = openai_figures(raw)
        if figures is not None:
            self._usage = msgspec.structs.replace(figures, quality="partial")
            events.append(UsageSeen(self._usage))

    def _terminate(self, events: list[Event]) -> None:
        """The end that the upstream's own words make. Without a finish reason a stream was cut off; a whole body was
        not, whose end is its last brace."""
        if self._has_ended:
            return
        if not self._raw_reason and not (self._framing == "whole" and self._has_started):
            self._end(truncated(), events)
            return
        if self._raw_reason == "error":
            self._end(malformed("the upstream ended its answer with an error"), events)
            return
        reason = _REASONS.get(self._raw_reason)
        if reason == "stop" and self._stop_sequence is not None:
            reason = "stop_sequence"
        if reason == "stop" and "refusal" in self._parts:
            reason = "refusal"
        end = settle_finish(
            reason,
            self._raw_reason,
            has_content="text" in self._parts or "refusal" in self._parts,
            has_calls=bool(self._calls),
            stop_sequence=self._stop_sequence,
        )
        if self._usage.quality == "partial" and not isinstance(end, Fault):
            events.append(UsageSeen(msgspec.structs.replace(self._usage, quality="reported")))
        self._end(end, events)

    def _end(self, end: Event, events: list[Event]) -> None:
        """The last events: every part is ended before."""
        if self._has_ended:
            return
        self._has_ended = True
        events += [PartEnd(part) for part in self._parts.values()]
        events += self._calls.finish()
        events.append(end)


def _citation(raw: Raw) -> Citation:
    said = _read_annotation(raw).url_citation or _UrlCitation()
    return Citation(
        origin="openai-chat",
        raw=bytes(raw),
        url=said.url,
        title=said.title,
        start=said.start_index,
        end=said.end_index,
    )


def _is_given(raw: Raw) -> bool:
    return raw is not _ABSENT and is_given(raw)


def _text_of(raw: Raw) -> str | None:
    return _read_text(raw) if raw is not _ABSENT and bytes(raw)[:1] == b'"' else None


def _groq_usage(raw: Raw) -> Raw:
    try:
        return _read_groq(raw).usage
    except _UNREADABLE:
        return _ABSENT


def _is_readable(data: bytes) -> bool:
    try:
        _read_chunk(data)
    except _UNREADABLE:
        return False
    return True
