"""Events into a Messages stream, one block at a time.

Clients append deltas to what a block started with, so blocks start empty, are numbered 0, 1, 2 … without gaps, and are
opened only when there is something to say in them. What the official client punishes: protocols as seen 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from msgspec import Raw

from torouter.canon.blocks import Blob, Citation
from torouter.canon.events import Event, Finish, PartBlob, PartKind, PartStart
from torouter.canon.logprobs import TokenLogprob
from torouter.canon.usage import Usage
from torouter.codecs.answer_losses import report_citation
from torouter.codecs.anthropic.encode_answer import citation_of, stop_fields
from torouter.codecs.anthropic.errors import render_stream_error
from torouter.codecs.anthropic.usage import render_usage
from torouter.codecs.codec import AnswerOptions
from torouter.codecs.row_encoder import RowEncoder
from torouter.errors import UpstreamError

__all__ = ["Encoder"]

_STOP: Final = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
_DELTAS: Final[dict[PartKind, tuple[bytes, bytes]]] = {
    "text": (b"text_delta", b"text"),
    "refusal": (b"text_delta", b"text"),
    "reasoning": (b"thinking_delta", b"thinking"),
    "tool_call": (b"input_json_delta", b"partial_json"),
}
"""Delta type and field by kind of part; parts of other kinds exist for their own vendor only."""
_encode = msgspec.json.Encoder().encode


class Encoder(RowEncoder):
    """Thinking always ends with a signature: without one no client gives it back, and no upstream takes it."""

    kinds = frozenset(_DELTAS)
    keepalive = b'event: ping\ndata: {"type":"ping"}\n\n'

    def __init__(self, options: AnswerOptions) -> None:
        super().__init__(options, "anthropic")
        self._kind: PartKind = "text"
        self._is_unsigned = False
        self._index = b""
        self._has_said = False
        self._text: list[str] = []

    def sign_text(self, blob: Blob) -> Iterator[Event]:
        """Behind a text a thinking block would be out of place (clients show it as the answer's)."""
        self.drop_state(blob)
        yield from ()

    def sign_empty(self, blob: Blob) -> Iterator[Event]:
        """Thinking that is still open takes it for its signature."""
        if self._is_unsigned and self.row.current is not None and blob.token("anthropic"):
            yield PartBlob(self.row.current, blob)
        else:
            yield from self.state(blob)

    def begin(self) -> bytes:
        """The figures are not known yet: an estimate, for clients that look no further (vercel/ai#17326), which
        `message_delta` overrides."""
        message: dict[str, object] = {
            "id": f"msg_{self.options.seed}",
            "type": "message",
            "role": "assistant",
            "model": self.options.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": render_usage(Usage(input_tokens=self.options.prompt_tokens)),
        }
        return b'event: message_start\ndata: {"type":"message_start","message":%b}\n\n' % _encode(message)

    def begin_part(self, head: PartStart) -> bytes:
        self._kind, self._has_said, self._index = head.kind, False, b"%d" % head.part
        self._text.clear()
        block: dict[str, object]
        if head.kind == "tool_call":
            block = {"type": "tool_use", "id": head.id, "name": head.name, "input": {}}
        elif head.blobs:
            block = {"type": "redacted_thinking", "data": head.blobs[0].token("anthropic")}
        elif head.kind == "reasoning":
            self._is_unsigned = True
            block = {"type": "thinking", "thinking": "", "signature": ""}
        else:
            block = {"type": "text", "text": ""}
        return b'event: content_block_start\ndata: {"type":"content_block_start","index":%b,"content_block":%b}\n\n' % (
            self._index,
            _encode(block),
        )

    def say(self, part: int, text: str, logprobs: Sequence[TokenLogprob] = ()) -> bytes:
        """Nobody can ask for log probabilities here."""
        if not text:
            return b""
        self._has_said = True
        if self._kind == "text":
            self._text.append(text)
        word, field = _DELTAS[self._kind]
        return self._block_delta(b'"type":"%b","%b":%b' % (word, field, _encode(text)))

    def _block_delta(self, fields: bytes) -> bytes:
        return b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%b,"delta":{%b}}\n\n' % (
            self._index,
            fields,
        )

    def end_part(self, part: int) -> bytes:
        """A call of which nothing came has no arguments; clients want to be told so."""
        last = b""
        if self._kind == "tool_call" and not self._has_said:
            last = self.say(part, "{}")
        elif self._is_unsigned and self.options.mark:
            last = self._signature(self.options.mark)
        self._is_unsigned = False
        return b'%bevent: content_block_stop\ndata: {"type":"content_block_stop","index":%b}\n\n' % (last, self._index)

    def sign(self, part: int, blob: Blob) -> bytes:
        """The last signature of a block is the one that counts, so there is only one."""
        token = blob.token("anthropic")
        if not token or not self._is_unsigned:
            self.drop_state(blob)
            return b""
        self._is_unsigned = False
        return self._signature(token)

    def _signature(self, token: str) -> bytes:
        return self._block_delta(b'"type":"signature_delta","signature":%b' % _encode(token))

    def cite(self, part: int, citation: Citation) -> bytes:
        cited = citation_of(citation, "".join(self._text))
        if cited is None:
            report_citation(self.log)
            return b""
        return self._block_delta(b'"type":"citations_delta","citation":%b' % _encode(cited))

    def finish(self, finish: Finish) -> bytes:
        end = {
            "type": "message_delta",
            "delta": stop_fields(finish),
            "usage": Raw(_encode(render_usage(self.usage))),
        }
        return b"event: message_delta\ndata: %b\n\n%b" % (_encode(end), _STOP)

    def fail(self, error: UpstreamError) -> bytes:
        return render_stream_error(error, f"req_{self.options.seed}", "sse")
