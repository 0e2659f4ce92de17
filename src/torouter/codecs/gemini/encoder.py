"""Events into Gemini's streams: chunks of `alt=sse`, or elements of an array that grows.

google-genai takes every line that is not `data: {…}` for bare JSON, so nothing else is ever written: no event names, no
comments, no keep-alive. Each chunk is a whole response whose parts are increments; a call comes whole, in one part.
Seen 2026-11.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Raw

from torouter.canon.blocks import Blob, Citation
from torouter.canon.events import Event, Finish, PartKind, PartStart
from torouter.canon.logprobs import TokenLogprob
from torouter.canon.serial import InARow
from torouter.codecs.answer_encoder import AnswerEncoder
from torouter.codecs.answer_losses import report_citation, report_cut_call
from torouter.codecs.codec import AnswerOptions
from torouter.codecs.gemini.encode_answer import IS_CUT, args_of, finish_fields, unreadable_call, unwrapping
from torouter.codecs.gemini.errors import render_error, render_stream_error
from torouter.codecs.gemini.grounding import grounding_of
from torouter.codecs.gemini.home import slot
from torouter.codecs.gemini.logprobs import logprobs_result
from torouter.codecs.gemini.usage import render_usage
from torouter.codecs.gemini.wrapping import Unwrapping
from torouter.codecs.json_objects import Json
from torouter.errors import UpstreamError

__all__ = ["Encoder"]

_encode = msgspec.json.Encoder().encode
_KINDS: Final[frozenset[PartKind]] = frozenset({"text", "refusal", "reasoning", "tool_call"})


class _Part:
    """A part that is open: what it said (text for its citations, a call's arguments), and what stands beside it."""

    __slots__ = ("blobs", "citations", "head", "pieces", "start_bytes", "unwrap")

    def __init__(self, head: PartStart, start_bytes: int, unwrap: Unwrapping | None) -> None:
        self.head = head
        self.unwrap = unwrap
        self.start_bytes = start_bytes
        self.pieces: list[str] = []
        self.blobs: list[Blob] = [*head.blobs]
        self.citations: list[Citation] = []


class Encoder(AnswerEncoder):
    def __init__(self, options: AnswerOptions) -> None:
        super().__init__(options, "gemini")
        about = _encode({"modelVersion": options.model, "responseId": options.seed})
        self._beside = b'}],"role":"model"},"index":0'
        self._last = b"}],%b" % about[1:]
        self._after = self._beside + self._last
        self._about: Json = {"modelVersion": options.model, "responseId": options.seed}
        self._row = InARow()
        self._parts: dict[int, _Part] = {}
        self._text_bytes = 0
        self._has_begun = False
        self._unread: list[str] = []
        self._cited: list[tuple[Citation, str, int]] = []

    def feed(self, event: Event, /) -> bytes:
        """Calls are written when they are whole, in the order in which they began: clients relate results by order."""
        return b"".join(map(super().feed, self._row.feed(event)))

    def begin(self) -> bytes:
        return b""

    def begin_part(self, head: PartStart) -> bytes:
        if head.kind not in _KINDS:
            self.drop_part(head)
            return b""
        unwrap = unwrapping(self.options) if head.kind == "text" else None
        self._parts[head.part] = _Part(head, self._text_bytes, unwrap)
        return b"" if head.kind == "tool_call" else b"".join(self.sign(head.part, blob) for blob in head.blobs)

    def say(self, part: int, text: str, logprobs: Sequence[TokenLogprob] = ()) -> bytes:
        saying = self._parts.get(part)
        if saying is None or not (text or self.shows_logprobs):
            return b""
        if saying.head.kind == "reasoning" and not self.options.show_reasoning:
            return b""
        if saying.head.kind == "reasoning":
            return self._chunk(b'"text":%b,"thought":true' % _encode(text))
        if saying.unwrap is not None:
            text = saying.unwrap.feed(text)
            if not (text or (logprobs and self.shows_logprobs)):
                return b""
        saying.pieces.append(text)
        if saying.head.kind == "tool_call":
            return b""
        self._text_bytes += len(text.encode("utf-8", "surrogatepass"))
        if logprobs and self.shows_logprobs:
            return self._weighed(text, logprobs)
        return self._chunk(b'"text":%b' % _encode(text))

    def _weighed(self, text: str, logprobs: Sequence[TokenLogprob]) -> bytes:
        weighed = b'%b,"logprobsResult":%b%b' % (self._beside, _encode(logprobs_result(logprobs)), self._last)
        return self._framed(b'{"candidates":[{"content":{"parts":[{"text":%b%b' % (_encode(text), weighed))

    def _chunk(self, part: bytes) -> bytes:
        return self._framed(b'{"candidates":[{"content":{"parts":[{%b%b' % (part, self._after))

    def _framed(self, chunk: bytes) -> bytes:
        if self.options.framing != "array":
            return b"data: %b\n\n" % chunk
        before = b",\n" if self._has_begun else b"["
        self._has_begun = True
        return before + chunk

    def sign(self, part: int, blob: Blob) -> bytes:
        """A signature stays on its own part, which for text has been said by now."""
        signed = self._parts.get(part)
        if signed is None:
            return b""
        told = slot((blob,))
        if not told:
            self.drop_state(blob)
            return b""
        if signed.head.kind == "tool_call":
            signed.blobs.append(blob)
            return b""
        thought = b',"thought":true' if signed.head.kind == "reasoning" else b""
        return self._chunk(b'"text":""%b,%b' % (thought, _encode(told)[1:-1]))

    def cite(self, part: int, citation: Citation) -> bytes:
        if part not in self._parts:
            return b""
        if citation.url is None:
            report_citation(self.log)
        else:
            self._parts[part].citations.append(citation)
        return b""

    def end_part(self, part: int) -> bytes:
        ended = self._parts.pop(part, None)
        if ended is None:
            return b""
        said = "".join(ended.pieces)
        if ended.head.kind == "tool_call":
            return self._call(ended, said)
        rest = "" if ended.unwrap is None else ended.unwrap.close()
        self._cited += [(citation, said + rest, ended.start_bytes) for citation in ended.citations]
        return self._chunk(b'"text":%b' % _encode(rest)) if rest else b""

    def _call(self, ended: _Part, arguments: str) -> bytes:
        """Whether arguments that cannot be read were cut off by a limit is known at the end."""
        args = args_of(arguments)
        if args is None:
            self._unread.append(ended.head.name)
            return b""
        call: Json = {"id": ended.head.id, "name": ended.head.name, "args": Raw(args)}
        return self._chunk(_encode({"functionCall": call, **slot(ended.blobs)})[1:-1])

    def finish(self, finish: Finish) -> bytes:
        if self._unread and finish.reason not in IS_CUT:
            return self.fail(unreadable_call(self._unread[0]))
        for name in self._unread:
            report_cut_call(name, self.log)
        candidate: Json = {
            "content": {"role": "model", "parts": [{"text": ""}]},
            **finish_fields(finish),
            "index": 0,
        }
        grounding = grounding_of(self._cited)
        if grounding:
            candidate["groundingMetadata"] = grounding
        end = {"candidates": [candidate], "usageMetadata": render_usage(self.usage), **self._about}
        return self._framed(_encode(end)) + (b"]" if self.options.framing == "array" else b"")

    def fail(self, error: UpstreamError) -> bytes:
        framing = self.options.framing
        if framing == "array" and not self._has_begun:
            return b"[%b]" % render_error(error, self.options.seed)
        return render_stream_error(error, self.options.seed, framing)
