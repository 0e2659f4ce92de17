"""Events into a Chat Completions stream.

The official client's accumulating helper concatenates every string it sees twice and adds up numbers, so role, ids and
names are sent once, lists in one chunk only, calls are numbered 0, 1, 2 … among themselves, and usage stands in the
very last chunk, if it was asked for. Seen 2026-11.
"""

from __future__ import annotations

from typing import Final

import msgspec

from torouter.canon.blocks import Citation
from torouter.canon.events import (
    Event,
    Fault,
    Finish,
    Keepalive,
    PartBlob,
    PartCited,
    PartDelta,
    PartEnd,
    PartStart,
    Start,
    UsageSeen,
)
from torouter.canon.losses import Loss, LossLog
from torouter.canon.usage import Usage
from torouter.codecs.codec import AnswerOptions
from torouter.codecs.openai_chat.encode_answer import annotation_of, finish_fields, render_usage
from torouter.codecs.openai_chat.errors import render_stream_error
from torouter.errors import UpstreamError

__all__ = ["Encoder"]

_DONE: Final = b"data: [DONE]\n\n"
_KEEPALIVE: Final = b": keep-alive\n\n"
_ROLE: Final = b'{"role":"assistant","content":""}'
_encode = msgspec.json.Encoder().encode


class _Part:
    """What is to be said of a part while it is open. `field` is the delta's field for its text, without a call's."""

    __slots__ = ("citations", "field", "has_said", "index", "is_custom", "start")

    def __init__(self, field: bytes, start: int = 0, index: int = 0, *, is_custom: bool = False) -> None:
        self.field = field
        self.start = start
        self.index = index
        self.is_custom = is_custom
        self.has_said = False
        self.citations: list[Citation] = []


class Encoder:
    """A `codecs.codec.Encoder`. `losses` says what of the answer could not be said."""

    def __init__(self, options: AnswerOptions) -> None:
        self._options = options
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
        self._characters = 0
        self._has_refusal = False
        self._annotations: list[dict[str, object]] = []
        self._usage = Usage()
        self._losses = LossLog("openai-chat")

    @property
    def losses(self) -> tuple[Loss, ...]:
        return self._losses.losses()

    def feed(self, event: Event, /) -> bytes:
        match event:
            case PartDelta():
                return self._said(event)
            case PartStart():
                return self._began(event)
            case PartEnd():
                return self._ended(event.part)
            case PartCited():
                if event.part in self._parts:
                    self._parts[event.part].citations.append(event.citation)
                return b""
            case PartBlob():
                self._losses.report(
                    "signature", "dropped", "opaque state goes back only to the provider that issued it"
                )
                return b""
            case UsageSeen():
                self._usage = event.usage
                return b""
            case Start():
                return self._chunk(_ROLE)
            case Finish():
                return self._finished(event)
            case Fault():
                error = UpstreamError(event.message, phase="stream", kind=event.kind, type=event.type, code=event.code)
                return render_stream_error(error, self._options.seed, "sse")
            case Keepalive():
                return _KEEPALIVE

    def _chunk(self, delta: bytes) -> bytes:
        return b'%b%b,"logprobs":null,"finish_reason":null}]}\n\n' % (self._before, delta)

    def _began(self, head: PartStart) -> bytes:
        match head.kind:
            case "text":
                self._parts[head.part] = _Part(b"content", start=self._characters)
            case "refusal":
                self._parts[head.part] = _Part(b"refusal")
                self._has_refusal = True
            case "reasoning":
                if self._options.show_reasoning:
                    self._parts[head.part] = _Part(b"reasoning_content")
            case "tool_call":
                return self._call_began(head)
            case _:
                self._losses.report(head.vendor_kind, "dropped", "the block is known to its own vendor only")
        return b""

    def _call_began(self, head: PartStart) -> bytes:
        is_custom = head.call_kind == "custom"
        part = self._parts[head.part] = _Part(b"", index=self._calls, is_custom=is_custom)
        self._calls += 1
        said: dict[str, object] = {"index": part.index, "id": head.id, "type": head.call_kind}
        said[head.call_kind] = {"name": head.name, "input" if is_custom else "arguments": ""}
        return self._chunk(b'{"tool_calls":[%b]}' % _encode(said))

    def _said(self, event: PartDelta) -> bytes:
        part = self._parts.get(event.part)
        if part is None:
            return b""
        part.has_said = True
        text = _encode(event.text)
        if part.field:
            if part.field == b"content":
                self._characters += len(event.text)
            return self._chunk(b'{"%b":%b}' % (part.field, text))
        if part.is_custom:
            return self._chunk(b'{"tool_calls":[{"index":%d,"custom":{"input":%b}}]}' % (part.index, text))
        return self._chunk(b'{"tool_calls":[{"index":%d,"function":{"arguments":%b}}]}' % (part.index, text))

    def _ended(self, number: int) -> bytes:
        """A call of which nothing came has no arguments: that is `{}`, never empty text."""
        part = self._parts.get(number)
        if part is None:
            return b""
        for citation in part.citations:
            annotation = annotation_of(citation, part.start, self._characters)
            if annotation is None:
                self._losses.report("citations", "dropped", "citations of documents have no form there")
            else:
                self._annotations.append(annotation)
        if not part.field and not part.is_custom and not part.has_said:
            return self._said(PartDelta(number, "{}"))
        return b""

    def _finished(self, finish: Finish) -> bytes:
        pieces = []
        if self._annotations:
            pieces.append(self._chunk(b'{"annotations":%b}' % _encode(self._annotations)))
        if finish.explanation and not self._has_refusal:
            pieces.append(self._chunk(b'{"refusal":%b}' % _encode(finish.explanation)))
        pieces.append(b"%b{},%b}]}\n\n" % (self._before, _encode(finish_fields(finish))[1:-1]))
        if self._options.ask_usage:
            pieces.append(b'%b],"usage":%b}\n\n' % (self._head, _encode(render_usage(self._usage))))
        pieces.append(_DONE)
        return b"".join(pieces)
