"""Events into a Chat Completions stream.

The official client's accumulating helper concatenates every string it sees twice and adds up numbers, so role, ids and
names are sent once, lists in one chunk only, calls are numbered 0, 1, 2 … among themselves, and usage stands in the
very last chunk, if it was asked for. Seen 2026-11.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from torouter.canon.blocks import Blob, Citation
from torouter.canon.custom import unwrapped
from torouter.canon.events import Finish, PartStart
from torouter.canon.logprobs import TokenLogprob
from torouter.codecs.answer_encoder import AnswerEncoder
from torouter.codecs.answer_losses import report_citation
from torouter.codecs.codec import AnswerOptions
from torouter.codecs.openai_chat.encode_answer import annotation_of, finish_fields, logprobs_field, render_usage
from torouter.codecs.openai_chat.errors import render_stream_error
from torouter.codecs.openai_chat.legacy import is_legacy
from torouter.codecs.openai_chat.state import StateDetails, beside_call
from torouter.errors import UpstreamError

__all__ = ["Encoder"]

_DONE: Final = b"data: [DONE]\n\n"
_ROLE: Final = b'{"role":"assistant","content":""}'
_encode = msgspec.json.Encoder().encode


class _Part:
    """What is to be said of a part while it is open. `field` is the delta's field for its text, without a call's;
    `wrapped` is what has come of a custom call whose text is in JSON, which has to be whole."""

    __slots__ = ("citations", "field", "has_said", "index", "is_custom", "start", "wrapped")

    def __init__(
        self, field: bytes, start: int = 0, index: int = 0, *, is_custom: bool = False, is_wrapped: bool = False
    ) -> None:
        self.field = field
        self.start = start
        self.index = index
        self.is_custom = is_custom
        self.wrapped: list[str] | None = [] if is_wrapped else None
        self.has_said = False
        self.citations: list[Citation] = []


class Encoder(AnswerEncoder):
    keepalive = b": keep-alive\n\n"

    def __init__(self, options: AnswerOptions) -> None:
        super().__init__(options, "openai-chat")
        head = _encode(
            {
                "id": f"chatcmpl-{options.seed}",
                "object": "chat.completion.chunk",
                "created": options.created_s,
                "model": options.model,
            }
        )[:-1]
        self._head = b'data: %b,"choices":[' % head
        self._before = self._head + b'{"index":0,"delta":'
        self._parts: dict[int, _Part] = {}
        self._calls = 0
        self._is_legacy = is_legacy(options.request)
        self._characters = 0
        self._has_refusal = False
        self._annotations: list[dict[str, object]] = []
        self._details = StateDetails()
        self._call_ids: dict[int, str] = {}

    def begin(self) -> bytes:
        return self._chunk(_ROLE)

    def _chunk(self, delta: bytes, logprobs: bytes = b"null") -> bytes:
        return b'%b%b,"logprobs":%b,"finish_reason":null}]}\n\n' % (self._before, delta, logprobs)

    def begin_part(self, head: PartStart) -> bytes:
        match head.kind:
            case "text":
                self._parts[head.part] = _Part(b"content", start=self._characters)
            case "refusal":
                self._parts[head.part] = _Part(b"refusal")
                self._has_refusal = True
            case "reasoning":
                if self.options.show_reasoning:
                    self._parts[head.part] = _Part(b"reasoning_content")
                for blob in head.blobs:
                    self.sign(head.part, blob)
            case "tool_call":
                return self._call_began(head)
            case _:
                self.drop_part(head)
        return b""

    def _call_began(self, head: PartStart) -> bytes:
        if self._is_legacy:
            return self._legacy_call_began(head)
        is_custom = head.call_kind == "custom"
        part = self._parts[head.part] = _Part(b"", index=self._calls, is_custom=is_custom, is_wrapped=head.is_wrapped)
        self._calls += 1
        said: dict[str, object] = {"index": part.index, "id": head.id, "type": head.call_kind}
        said[head.call_kind] = {"name": head.name, "input" if is_custom else "arguments": ""}
        self._details.begin_call(head.id)
        self._call_ids[head.part] = head.id
        for blob in head.blobs:
            beside = beside_call(blob)
            said |= beside
            if not beside:
                self._details.take(blob, head.id)
        return self._chunk(b'{"tool_calls":[%b]}' % _encode(said))

    def _legacy_call_began(self, head: PartStart) -> bytes:
        """The old form has room for one call; the upstream was asked for no more."""
        if self._calls:
            self.log.report("function_call", "dropped", "an answer holds one call")
            return b""
        self._parts[head.part] = _Part(b"", is_wrapped=head.is_wrapped)
        self._calls = 1
        return self._chunk(b'{"function_call":%b}' % _encode({"name": head.name, "arguments": ""}))

    def say(self, part: int, text: str, logprobs: Sequence[TokenLogprob] = ()) -> bytes:
        saying = self._parts.get(part)
        if saying is None or not (text or self.shows_logprobs):
            return b""
        if saying.wrapped is not None:
            saying.wrapped.append(text)
            return b""
        saying.has_said = True
        written = _encode(text)
        if saying.field:
            if saying.field == b"content":
                self._characters += len(text)
            if logprobs and self.shows_logprobs:
                return self._chunk(b'{"%b":%b}' % (saying.field, written), _encode(logprobs_field(logprobs)))
            return self._chunk(b'{"%b":%b}' % (saying.field, written))
        if self._is_legacy:
            return self._chunk(b'{"function_call":{"arguments":%b}}' % written)
        if saying.is_custom:
            return self._chunk(b'{"tool_calls":[{"index":%d,"custom":{"input":%b}}]}' % (saying.index, written))
        return self._chunk(b'{"tool_calls":[{"index":%d,"function":{"arguments":%b}}]}' % (saying.index, written))

    def cite(self, part: int, citation: Citation) -> bytes:
        """Where a citation ends is known when its part has ended."""
        if part in self._parts:
            self._parts[part].citations.append(citation)
        return b""

    def sign(self, part: int, blob: Blob) -> bytes:
        """All state is told at the end, in one list: the helper takes a second one for an error."""
        if not self._details.take(blob, self._call_ids.get(part)):
            self.drop_state(blob)
        return b""

    def end_part(self, part: int) -> bytes:
        """A call of which nothing came has no arguments: that is `{}`, never empty text."""
        ended = self._parts.get(part)
        if ended is None:
            return b""
        for citation in ended.citations:
            annotation = annotation_of(citation, ended.start, self._characters)
            if annotation is None:
                report_citation(self.log)
            else:
                self._annotations.append(annotation)
        if ended.wrapped:
            text, ended.wrapped = unwrapped("".join(ended.wrapped), "custom" if ended.is_custom else "function"), None
            return self.say(part, text) if text else b""
        if not ended.field and not ended.is_custom and not ended.has_said:
            return self.say(part, "{}")
        return b""

    def finish(self, finish: Finish) -> bytes:
        pieces = []
        if self._annotations:
            pieces.append(self._chunk(b'{"annotations":%b}' % _encode(self._annotations)))
        details = self._details.entries()
        if details:
            pieces.append(self._chunk(b'{"reasoning_details":%b}' % _encode(details)))
        if finish.explanation and not self._has_refusal:
            pieces.append(self._chunk(b'{"refusal":%b}' % _encode(finish.explanation)))
        pieces.append(b"%b{},%b}]}\n\n" % (self._before, _encode(finish_fields(finish, self.options))[1:-1]))
        if self.options.ask_usage:
            pieces.append(b'%b],"usage":%b}\n\n' % (self._head, _encode(render_usage(self.usage))))
        pieces.append(_DONE)
        return b"".join(pieces)

    def fail(self, error: UpstreamError) -> bytes:
        return render_stream_error(error, self.options.seed, "sse")
