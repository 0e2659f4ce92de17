"""Chat Completions answers into events: chunks of a stream, or a whole body, which is read as one chunk.

The finish reason comes before the usage, so the end is held back until `[DONE]` or the end of the bytes. Fields beyond
OpenAI's that compatible servers are known for are read: `reasoning_content`, `reasoning`, `stop_reason`. Seen 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count
from typing import Final

import msgspec
from msgspec import Raw

from torouter.canon.blocks import Citation
from torouter.canon.events import (
    Event,
    Fault,
    Finish,
    FinishReason,
    Lost,
    PartBlob,
    PartCited,
    PartDelta,
    PartEnd,
    PartKind,
    PartStart,
)
from torouter.canon.finish import settle_finish
from torouter.canon.logprobs import TokenLogprob
from torouter.codecs.absent import ABSENT, has_value
from torouter.codecs.answer_decoder import AnswerDecoder
from torouter.codecs.codec import Framing
from torouter.codecs.endings import fault_in, malformed, truncated
from torouter.codecs.openai_chat.calls import CallDelta, CallTracker, FunctionDelta
from torouter.codecs.openai_chat.details import Details
from torouter.codecs.openai_chat.opening import is_refusal
from torouter.codecs.openai_logprobs import read_logprobs
from torouter.codecs.openai_usage import openai_figures
from torouter.codecs.unreadable import UNREADABLE

__all__ = ["Decoder"]

_NO_MEDIA: Final = "answers hold no media there"
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
    reasoning: Raw = ABSENT
    refusal: str | None = None
    tool_calls: list[CallDelta] | None = None
    function_call: FunctionDelta | None = None
    annotations: Raw = ABSENT
    audio: Raw = ABSENT
    images: Raw = ABSENT
    reasoning_details: Raw = ABSENT


class _Choice(msgspec.Struct):
    index: int | None = 0
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None
    stop_reason: Raw = ABSENT
    logprobs: Raw = ABSENT
    error: Raw = ABSENT


class _Chunk(msgspec.Struct):
    id: str | int | None = None
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: Raw = ABSENT
    service_tier: object = None
    error: Raw = ABSENT
    x_groq: Raw = ABSENT
    base_resp: object = None


class _Logprobs(msgspec.Struct):
    content: Raw = ABSENT
    refusal: Raw = ABSENT


class _Groq(msgspec.Struct):
    usage: Raw = ABSENT


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
_read_logprobs = msgspec.json.Decoder(_Logprobs).decode
_read_groq = msgspec.json.Decoder(_Groq).decode
_read_annotations = msgspec.json.Decoder(list[Raw]).decode
_read_annotation = msgspec.json.Decoder(_Annotation).decode
_read_segment = msgspec.json.Decoder(_Segment).decode
_read_text = msgspec.json.Decoder(str).decode


class Decoder(AnswerDecoder):
    """Of several choices the first is read: more are never asked for."""

    def __init__(self, framing: Framing) -> None:
        super().__init__(framing)
        self._next_part = count().__next__
        self._calls = CallTracker(self._next_part)
        self._parts: dict[PartKind, int] = {}
        self._details: Details | None = None
        self._tokens: list[TokenLogprob] = []
        self._response_id = ""
        self._raw_reason = ""
        self._stop_sequence: str | None = None

    def read(self, data: bytes, events: list[Event]) -> None:
        if data == _DONE:
            self.terminate(events)
            return
        chunk = _read_chunk(data)
        is_nothing = chunk.choices is None and (self.framing == "whole" or is_refusal(chunk.base_resp))
        if is_nothing or has_value(chunk.error):
            self.end(fault_in(data), events)
        else:
            self._read(chunk, events)

    def _read(self, chunk: _Chunk, events: list[Event]) -> None:
        for choice in chunk.choices or ():
            if choice.index:
                continue
            if not self.has_started:
                self._response_id = "" if chunk.id is None else str(chunk.id)
                self.start(self._response_id, chunk.model or "", events)
            if has_value(choice.logprobs):
                self._weigh(choice.logprobs, events)
            delta = self._said_in(choice)
            if delta is not None:
                self._delta(delta, events)
            if has_value(choice.error):  # OpenRouter, beside the finish reason `error`
                self.end(fault_in(b'{"error":%b}' % bytes(choice.error)), events)
                return
            if choice.finish_reason:  # `""` on every chunk is some servers' null
                self._raw_reason = choice.finish_reason
                self._stop_sequence = _text_of(choice.stop_reason)
        usage = chunk.usage
        if not has_value(usage) and has_value(chunk.x_groq):  # older Groq streams, seen 2024
            usage = _groq_usage(chunk.x_groq)
        if has_value(usage):
            self._count_usage(usage, chunk.service_tier, events)

    def _said_in(self, choice: _Choice) -> _Delta | None:
        """Perplexity writes both, of which each holds all there is in its own mode only."""
        if self.framing == "whole":
            return choice.message or choice.delta
        return choice.delta or choice.message

    def _delta(self, delta: _Delta, events: list[Event]) -> None:
        reasoning = delta.reasoning_content or _text_of(delta.reasoning)
        if reasoning:
            self._say("reasoning", reasoning, events)
        if has_value(delta.reasoning_details):
            self._details = self._details or Details()
            self._details.take(delta.reasoning_details)
        content = delta.content
        if self._details is not None and (content or delta.tool_calls or delta.refusal):
            events += self._state()
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
        if has_value(delta.annotations):
            self._cite(delta.annotations, events)
        if has_value(delta.audio):
            events.append(Lost("audio", _NO_MEDIA))
        if has_value(delta.images):
            events.append(Lost("images", _NO_MEDIA))

    def _say(self, kind: PartKind, text: str, events: list[Event]) -> None:
        part = self._parts.get(kind)
        if self._calls:
            events += self._calls.pause()
        if part is None:
            part = self._parts[kind] = self._next_part()
            events.append(PartStart(part=part, kind=kind))
        if kind == "text" and self._tokens:
            events.append(PartDelta(part, text, self._take_tokens()))
        else:
            events.append(PartDelta(part, text))

    def _weigh(self, raw: Raw, events: list[Event]) -> None:
        """Log probabilities are of the text beside them, or of the next one: a token may be no whole character."""
        try:
            said = _read_logprobs(raw)
        except UNREADABLE:
            events.append(Lost("logprobs", "they cannot be read"))
            return
        self._tokens += read_logprobs(said.content)
        if read_logprobs(said.refusal):
            events.append(Lost("logprobs.refusal", "refusals have no log probabilities there"))

    def _take_tokens(self) -> tuple[TokenLogprob, ...]:
        tokens, self._tokens = tuple(self._tokens), []
        return tokens

    def _late_tokens(self) -> Iterable[Event]:
        if self._tokens and "text" in self._parts:
            yield PartDelta(self._parts["text"], "", self._take_tokens())
        elif self._tokens:
            yield Lost("logprobs", "they belong to no text")

    def _state(self) -> Iterable[Event]:
        """State is of the reasoning that has been said, which other content ends; or of none."""
        details, self._details = self._details, None
        blob = None if details is None else details.take_blob()
        if blob is None:
            return
        part = self._parts.get("reasoning")
        if part is not None:
            yield PartBlob(part, blob)
            return
        yield PartStart(part=(number := self._next_part()), kind="reasoning", blobs=(blob,))
        yield PartEnd(number)

    def _segments(self, segments: list[Raw], events: list[Event]) -> None:
        for raw in segments:
            try:
                segment = _read_segment(raw)
                if isinstance(segment.thinking, list):
                    segment.thinking = "".join(_read_segment(each).text or "" for each in segment.thinking)
            except UNREADABLE:
                continue
            if segment.thinking:
                self._say("reasoning", segment.thinking, events)
            elif segment.text:
                self._say("text", segment.text, events)
            elif segment.type not in ("text", "thinking"):
                events.append(Lost(segment.type or "content", "the part is known to its own vendor only"))

    def _cite(self, raw: Raw, events: list[Event]) -> None:
        part = self._parts.get("text")
        try:
            annotations = _read_annotations(raw)
            citations = [_citation(each) for each in annotations]
        except UNREADABLE:
            return
        if part is not None:
            events += [PartCited(part, citation) for citation in citations]

    def _count_usage(self, raw: Raw, tier: object, events: list[Event]) -> None:
        figures = openai_figures(raw, tier=tier)
        if figures is not None:
            self.count_usage(msgspec.structs.replace(figures, quality="partial"), events)

    def ending(self) -> Finish | Fault:
        """Without a finish reason a stream was cut off; a whole body was not, whose end is its last brace."""
        if not self._raw_reason and not (self.framing == "whole" and self.has_started):
            return truncated()
        if self._raw_reason == "error":
            return malformed("the upstream ended its answer with an error")
        reason = _REASONS.get(self._raw_reason)
        if reason == "stop" and self._stop_sequence is not None:
            reason = "stop_sequence"
        if reason == "stop" and "refusal" in self._parts:
            reason = "refusal"
        return settle_finish(
            reason,
            self._raw_reason,
            has_content="text" in self._parts or "refusal" in self._parts,
            has_calls=bool(self._calls),
            stop_sequence=self._stop_sequence,
        )

    def end_parts(self) -> Iterable[Event]:
        yield from self._state()
        yield from self._late_tokens()
        yield from map(PartEnd, self._parts.values())
        yield from self._calls.finish()


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


def _text_of(raw: Raw) -> str | None:
    return _read_text(raw) if raw is not ABSENT and bytes(raw)[:1] == b'"' else None


def _groq_usage(raw: Raw) -> Raw:
    try:
        return _read_groq(raw).usage
    except UNREADABLE:
        return ABSENT
