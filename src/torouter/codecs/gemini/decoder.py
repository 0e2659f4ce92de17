"""Gemini's answers into events: chunks of a stream (each a whole response whose parts are increments), or one body.

A finish reason is no sign to stop: some servers write it on every chunk, or on leading empty ones, so the last one
counts and the end of the bytes decides. It may stand on a candidate without content. Gemini API, seen 2026-11.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from msgspec import Raw

from torouter.canon.blocks import Blob, Origin
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
from torouter.codecs.frames import ElementCutter, PieceTooLong
from torouter.codecs.gemini.decode_content import SERVER_PARTS
from torouter.codecs.gemini.grounding import citations_in
from torouter.codecs.gemini.logprobs import read_logprobs
from torouter.codecs.gemini.usage import read_usage
from torouter.errors import UpstreamError

__all__ = ["Decoder"]

_HOME: Final = Origin(dialect="gemini")
_SYNTHETIC_DIGITS: Final = 16
_REASONS: Final[Mapping[str, FinishReason]] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "pause",
    **dict.fromkeys(
        (
            *("SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION", "LANGUAGE", "MODEL_ARMOR"),
            *("ESCALATION", "PUP_LIMITED_DISABLED", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
        ),
        "content_filter",
    ),
}
"""A word that is not here is unknown, which is no `stop`."""
_FAILURES: Final = frozenset(
    {
        *("MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"),
        *("MISSING_THOUGHT_SIGNATURE", "NO_IMAGE", "IMAGE_OTHER"),
    }
)
"""The model failed at its answer: an error, never an end."""
_NUMBERED: Final = {1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY", 4: "RECITATION", 5: "OTHER", 7: "BLOCKLIST"}
"""Enumerations as numbers, which some proxies write; of those on which Google's own two APIs agree."""


class _Call(msgspec.Struct):
    id: str | None = None
    name: str | None = None
    args: Raw = ABSENT


class _Part(msgspec.Struct, rename="camel"):
    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: _Call | None = None


class _Content(msgspec.Struct):
    parts: list[Raw] | None = None


class _Candidate(msgspec.Struct, rename="camel"):
    index: int | None = 0
    content: _Content | None = None
    finish_reason: str | int | None = None
    finish_message: str | None = None
    grounding_metadata: Raw = ABSENT
    citation_metadata: Raw = ABSENT
    logprobs_result: Raw = ABSENT
    continuation_token: Raw = ABSENT


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: str | int | None = None
    block_reason_message: str | None = None


class _Chunk(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: Raw = ABSENT
    model_version: str | None = None
    response_id: str | None = None
    error: Raw = ABSENT


_read_chunk = msgspec.json.Decoder(_Chunk).decode
_read_part = msgspec.json.Decoder(_Part).decode
_read_fields = msgspec.json.Decoder(dict[str, Raw]).decode


class Decoder(AnswerDecoder):
    """Of several candidates the first is read: more are never asked for. Text parts stay open until the end, for what
    supports them is told last."""

    def __init__(self, framing: Framing) -> None:
        super().__init__(framing)
        self._elements = ElementCutter()
        self._next_part = 0
        self._response_id = ""
        self._current: tuple[PartKind, int] | None = None
        self._texts: dict[int, list[str]] = {}
        self._tokens: tuple[TokenLogprob, ...] = ()
        self._calls = 0
        self._has_content = False
        self._word = ""
        self._message: str | None = None
        self._block_word = ""
        self._token = b""
        self._grounding = ABSENT

    def cut(self, data: bytes) -> Iterable[bytes]:
        if self.framing != "array":
            return super().cut(data)
        try:
            return self._elements.feed(data)
        except PieceTooLong:
            raise UpstreamError(
                "the upstream sent an element of its stream that is too long", phase="stream", code="upstream_malformed"
            ) from None

    def read(self, data: bytes, events: list[Event]) -> None:
        if data == b"[DONE]":  # no word of Gemini's, but of some that serve its API
            return
        if data.lstrip()[:1] == b"[":  # the array form where it was not asked for
            for element in ElementCutter().feed(data):
                if not self.has_ended:
                    self.read(element, events)
            return
        chunk = _read_chunk(data)
        says_nothing = chunk.candidates is None and chunk.prompt_feedback is None
        if has_value(chunk.error) or (says_nothing and self.framing == "whole"):
            self.end(fault_in(data), events)
            return
        if not self.has_started:
            self._response_id = chunk.response_id or ""
            self.start(self._response_id, chunk.model_version or "", events)
        self._read(chunk, events)

    def _read(self, chunk: _Chunk, events: list[Event]) -> None:
        feedback = chunk.prompt_feedback
        if feedback is not None and feedback.block_reason:
            self._block_word, self._message = str(feedback.block_reason), feedback.block_reason_message
        for candidate in chunk.candidates or ():
            if not candidate.index:
                self._candidate(candidate, events)
        if has_value(chunk.usage_metadata):
            figures = read_usage(chunk.usage_metadata)
            if figures is not None:
                self.count_usage(msgspec.structs.replace(figures, quality="partial"), events)

    def _candidate(self, candidate: _Candidate, events: list[Event]) -> None:
        if has_value(candidate.logprobs_result):
            self._tokens += read_logprobs(candidate.logprobs_result)
        content = candidate.content
        for raw in (content.parts if content is not None else None) or ():
            self._part(raw, events)
        if candidate.finish_reason:
            word = candidate.finish_reason
            self._word = word if isinstance(word, str) else _NUMBERED.get(word, str(word))
            self._message = candidate.finish_message
        if has_value(candidate.continuation_token):
            self._token = bytes(candidate.continuation_token)
        if has_value(candidate.grounding_metadata):
            self._grounding = candidate.grounding_metadata
        if has_value(candidate.citation_metadata):
            events.append(Lost("citationMetadata", "sources that the model recited have no form there"))

    def _part(self, raw: Raw, events: list[Event]) -> None:
        part = _read_part(raw)
        if part.function_call is not None:
            self._call(part.function_call, part, events)
        elif part.text is not None:
            self._say("reasoning" if part.thought else "text", part.text, part, events)
        else:
            self._other(raw, part, events)

    def _say(self, kind: PartKind, text: str, part: _Part, events: list[Event]) -> None:
        """A signature closes what it signs: signed and unsigned text are never one part. One without a text signs the
        text before it."""
        if not text and not part.thought_signature:
            return
        if self._current is None or self._current[0] != kind:
            self._leave(events)
            self._current = kind, self._begin(kind, events)
        number = self._current[1]
        if text:
            if kind == "text":
                self._has_content = True
                self._texts[number].append(text)
                events.append(PartDelta(number, text, self._tokens))
                self._tokens = ()
            else:
                events.append(PartDelta(number, text))
        if part.thought_signature:
            events.append(PartBlob(number, _signed(part.thought_signature)))
            self._leave(events)

    def _begin(self, kind: PartKind, events: list[Event]) -> int:
        number = self._next_part
        self._next_part += 1
        if kind == "text":
            self._texts[number] = []
        events.append(PartStart(part=number, kind=kind))
        return number

    def _leave(self, events: list[Event]) -> None:
        """Something else comes. Reasoning has ended; text may still be cited."""
        current, self._current = self._current, None
        if current is not None and current[0] == "reasoning":
            events.append(PartEnd(current[1]))

    def _call(self, call: _Call, part: _Part, events: list[Event]) -> None:
        self._leave(events)
        number, self._next_part = self._next_part, self._next_part + 1
        events.append(
            PartStart(
                part=number,
                kind="tool_call",
                id=call.id or self._synthetic(),
                name=call.name or "",
                is_id_synthesised=not call.id,
                blobs=(_signed(part.thought_signature),) if part.thought_signature else (),
            )
        )
        self._calls += 1
        if has_value(call.args):
            events.append(PartDelta(number, msgspec.json.format(bytes(call.args), indent=-1).decode()))
        events.append(PartEnd(number))

    def _synthetic(self) -> str:
        """Of the answer and the place in it, for two calls may be of one function."""
        digest = hashlib.sha256(self._response_id.encode("utf-8", "replace")).hexdigest()[:_SYNTHETIC_DIGITS]
        return f"call_{digest}_{self._calls}"

    def _other(self, raw: Raw, part: _Part, events: list[Event]) -> None:
        """What Google's servers ran, and parts that only Gemini knows. A lone signature signs the text before it."""
        fields = _read_fields(raw)
        names = [name for name in fields if name not in ("thought", "thoughtSignature")]
        if not names:
            self._say("text", "", part, events)
            return
        self._leave(events)
        word = next((name for name in names if name in SERVER_PARTS), names[0])
        kind: PartKind = "opaque"
        if word in SERVER_PARTS:
            kind = "server_call" if SERVER_PARTS[word] == "call" else "server_result"
        number, self._next_part = self._next_part, self._next_part + 1
        self._has_content = True
        events.append(PartStart(part=number, kind=kind, vendor_kind=word, raw=bytes(raw)))
        events.append(PartEnd(number))

    def ending(self) -> Finish | Fault:
        word = self._word
        if not word and self._block_word:
            return Finish(reason="content_filter", raw=self._block_word, explanation=self._message)
        if not word and not (self.framing == "whole" and self.has_started):
            return truncated()
        if word in _FAILURES:
            said = f": {self._message}" if self._message else ""
            return malformed(f"the upstream's model failed at its answer ({word}){said}")
        reason = _REASONS.get(word)
        return settle_finish(
            reason,
            word,
            has_content=self._has_content,
            has_calls=self._calls > 0,
            explanation=self._message if reason == "content_filter" else None,
            details=self._token if reason == "pause" else b"",
        )

    def end_parts(self) -> Iterable[Event]:
        events: list[Event] = []
        self._leave(events)
        texts = {number: "".join(pieces) for number, pieces in self._texts.items()}
        if self._tokens:
            last = max(texts, default=None)
            late = Lost("logprobsResult", "it belongs to no text")
            events.append(late if last is None else PartDelta(last, "", self._tokens))
        events += [PartCited(number, citation) for number, citation in citations_in(self._grounding, texts)]
        events += map(PartEnd, texts)
        return events


def _signed(signature: str) -> Blob:
    return Blob(kind="thought_signature", data=signature, origin=_HOME)
