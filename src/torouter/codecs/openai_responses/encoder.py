"""Events into a Responses stream, one item at a time.

The accumulating helper of the official client and agents read different copies of the same thing, so each is written:
deltas, the `done` of every level, and the terminal response with all items. `added` copies are empty, ids the same in
every copy, `sequence_number` counts from 0 without gaps. What they punish: protocols as seen 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Raw

from torouter.canon.blocks import Blob, CallKind, Citation
from torouter.canon.custom import unwrapped
from torouter.canon.events import Event, Fault, Finish, PartKind, PartStart
from torouter.canon.logprobs import TokenLogprob
from torouter.codecs.answer_losses import report_citation
from torouter.codecs.codec import AnswerOptions
from torouter.codecs.json_objects import Json
from torouter.codecs.openai_errors import openai_code, printable
from torouter.codecs.openai_logprobs import render_logprobs
from torouter.codecs.openai_responses.response_object import (
    CALL_PREFIXES,
    annotation_of,
    call_item,
    message_item,
    reasoning_item,
    response_object,
    status_fields,
)
from torouter.codecs.row_encoder import RowEncoder
from torouter.errors import UpstreamError

__all__ = ["Encoder"]

_KINDS: Final[frozenset[PartKind]] = frozenset({"text", "refusal", "reasoning", "tool_call"})
_CALL_DELTAS: Final[Mapping[CallKind, bytes]] = {
    "function": b"response.function_call_arguments.delta",
    "custom": b"response.custom_tool_call_input.delta",
    "search": b"",
}
"""A search has none: it is done at once."""
_encode = msgspec.json.Encoder().encode


class Encoder(RowEncoder):
    """A call that has ended is held until more comes: only then it is known that nothing cut it off. Agents run a call
    as soon as it is done, and never may run half of one."""

    kinds = _KINDS
    keepalive = b": keep-alive\n\n"

    def __init__(self, options: AnswerOptions) -> None:
        super().__init__(options, "openai-responses")
        self._sequence = 0
        self._output: list[Raw] = []
        self._head: PartStart | None = None
        self._item_id = ""
        self._at = b""
        self._delta = b""
        self._text: list[str] = []
        self._citations: list[Citation] = []
        self._tokens: list[Json] = []
        self._contents: list[Raw] | None = None
        self._held: PartStart | None = None
        self._has_refusal = False
        self._state = ""
        self._late: list[Blob] = []

    def arranged(self, event: Event) -> Iterator[Event]:
        """An item with the state of a text follows that text's, which may still be cited."""
        if self._late and isinstance(event, PartStart | Finish | Fault):
            late, self._late = self._late, []
            for blob in late:
                yield from self.state(blob)
        yield from super().arranged(event)

    def sign_text(self, blob: Blob) -> Iterator[Event]:
        self._late.append(blob)
        yield from ()

    def begin(self) -> bytes:
        response = b'"response":%b' % _encode(response_object(self.options, {}, [], None))
        return self._event(b"response.created", response) + self._event(b"response.in_progress", response)

    def begin_part(self, head: PartStart) -> bytes:
        before = self._settle_call()
        self._text, self._citations, self._tokens, self._head = [], [], [], head
        if head.kind in ("text", "refusal"):
            return before + self._begin_content(head)
        before += self._close_message()
        if head.kind == "reasoning":
            return before + self._begin_reasoning(head)
        return before + self._begin_call(head)

    def say(self, part: int, text: str, logprobs: Sequence[TokenLogprob] = ()) -> bytes:
        self._text.append(text)
        if not (text or self.shows_logprobs):
            return b""
        if not self._delta:  # a custom call's text is in its JSON, which has to be whole
            return b""
        return self._event(self._delta, b"%b,%b" % (self._at, b'"delta":%b' % _encode(text) + self._logprobs(logprobs)))

    def cite(self, part: int, citation: Citation) -> bytes:
        """Where a citation ends is known when its part has ended."""
        self._citations.append(citation)
        return b""

    def end_part(self, part: int) -> bytes:
        head = self._head
        assert head is not None, "a part ends that has begun"
        if head.kind in ("text", "refusal"):
            return self._end_content(head)
        if head.kind == "reasoning":
            return self._end_reasoning()
        self._held = head
        return b""

    def finish(self, finish: Finish) -> bytes:
        is_cut = finish.reason in ("length", "context_length")
        pieces = [self._settle_call(is_cut=is_cut)]
        if finish.explanation and not self._has_refusal:
            pieces += [
                self.begin_part(PartStart(part=-1, kind="refusal")),
                self.say(-1, finish.explanation),
                self.end_part(-1),
            ]
        pieces.append(self._close_message())
        status = status_fields(finish, has_refusal=self._has_refusal)
        pieces.append(self._terminal(status))
        return b"".join(pieces)

    def fail(self, error: UpstreamError) -> bytes:
        """A call that the error cut off is never done: it stands in the terminal response as what it is."""
        before = b"" if self._sequence else self.begin()
        if self._held is not None:
            self._output.append(Raw(_encode(self._call(self._held, "incomplete"))))
            self._held = None
        said: Json = {"code": openai_code(error) or "server_error", "message": printable(error.message)}
        return before + self._close_message() + self._terminal({"status": "failed", "error": said, "store": False})

    def _terminal(self, status: Json) -> bytes:
        response = response_object(self.options, status, self._output, self.usage)
        return self._event(b"response.%b" % str(status["status"]).encode(), b'"response":%b' % _encode(response))

    def _event(self, name: bytes, fields: bytes) -> bytes:
        number = self._sequence
        self._sequence += 1
        return b'event: %b\ndata: {"type":"%b","sequence_number":%d,%b}\n\n' % (name, name, number, fields)

    def _added(self, item: Json) -> bytes:
        return self._event(b"response.output_item.added", self._item_fields(item))

    def _item_done(self, item: Json) -> bytes:
        fields = self._item_fields(item)
        self._output.append(Raw(_encode(item)))
        return self._event(b"response.output_item.done", fields)

    def _item_fields(self, item: Json) -> bytes:
        return b'"output_index":%d,"item":%b' % (len(self._output), _encode(item))

    def _name_item(self, prefix: str) -> bytes:
        """A new item's id, and the coordinates that its events share."""
        self._item_id = f"{prefix}_{self.options.seed}_{len(self._output)}"
        return b'"item_id":%b,"output_index":%d' % (_encode(self._item_id), len(self._output))

    def _logprobs(self, logprobs: Sequence[TokenLogprob]) -> bytes:
        if self._delta != b"response.output_text.delta":
            return b""
        if not logprobs or not self.shows_logprobs:
            return b',"logprobs":[]'
        tokens = render_logprobs(logprobs)
        self._tokens += tokens
        return b',"logprobs":%b' % _encode(tokens)

    def _begin_content(self, head: PartStart) -> bytes:
        added = b""
        if self._contents is None:
            self._contents = []
            self._name_item("msg")
            added = self._added({**message_item(self._item_id, []), "status": "in_progress"})
        is_refusal = head.kind == "refusal"
        self._has_refusal = self._has_refusal or is_refusal
        self._delta = b"response.refusal.delta" if is_refusal else b"response.output_text.delta"
        self._at = b'"item_id":%b,"output_index":%d,"content_index":%d' % (
            _encode(self._item_id),
            len(self._output),
            len(self._contents),
        )
        return added + self._part_event(b"response.content_part.added", _content("", [], [], is_refusal=is_refusal))

    def _part_event(self, name: bytes, part: Json) -> bytes:
        return self._event(name, b'%b,"part":%b' % (self._at, _encode(part)))

    def _end_content(self, head: PartStart) -> bytes:
        assert self._contents is not None, "a message is open"
        text = "".join(self._text)
        pieces: list[bytes] = []
        annotations: list[Json] = []
        for citation in self._citations:
            annotation = annotation_of(citation, len(text))
            if annotation is None:
                report_citation(self.log)
                continue
            fields = b'%b,"annotation_index":%d,"annotation":%b' % (self._at, len(annotations), _encode(annotation))
            pieces.append(self._event(b"response.output_text.annotation.added", fields))
            annotations.append(annotation)
        is_refusal = head.kind == "refusal"
        part = _content(text, annotations, self._tokens, is_refusal=is_refusal)
        if is_refusal:
            pieces.append(self._event(b"response.refusal.done", b'%b,"refusal":%b' % (self._at, _encode(text))))
        else:
            fields = b'%b,"text":%b,"logprobs":%b' % (self._at, _encode(text), _encode(self._tokens))
            pieces.append(self._event(b"response.output_text.done", fields))
        pieces.append(self._part_event(b"response.content_part.done", part))
        self._contents.append(Raw(_encode(part)))
        return b"".join(pieces)

    def _close_message(self) -> bytes:
        contents, self._contents = self._contents, None
        return b"" if contents is None else self._item_done(message_item(self._item_id, contents))

    def _begin_reasoning(self, head: PartStart) -> bytes:
        """What is nothing but state has no summary to begin."""
        self._state = head.blobs[0].token("openai-responses") if head.blobs else ""
        self._at = self._name_item("rs") + b',"summary_index":0'
        self._delta = b"response.reasoning_summary_text.delta"
        added = self._added(reasoning_item(self._item_id, ""))
        if head.blobs:
            return added
        return added + self._part_event(b"response.reasoning_summary_part.added", {"type": "summary_text", "text": ""})

    def _end_reasoning(self) -> bytes:
        text = "".join(self._text)
        item = reasoning_item(self._item_id, text, self._state)
        if not text:
            return self._item_done(item)
        done = self._event(b"response.reasoning_summary_text.done", b'%b,"text":%b' % (self._at, _encode(text)))
        part = self._part_event(b"response.reasoning_summary_part.done", {"type": "summary_text", "text": text})
        return done + part + self._item_done(item)

    def sign(self, part: int, blob: Blob) -> bytes:
        """An item has one state."""
        token = blob.token("openai-responses")
        if token and not self._state:
            self._state = token
        else:
            self.drop_state(blob)
        return b""

    def _begin_call(self, head: PartStart) -> bytes:
        self._at = self._name_item(CALL_PREFIXES[head.call_kind])
        self._delta = b"" if head.is_wrapped else _CALL_DELTAS[head.call_kind]
        return self._added(self._call(head, "in_progress"))

    def _call(self, head: PartStart, status: str) -> Json:
        text = "".join(self._text)
        is_custom = head.call_kind == "custom"
        if head.is_wrapped:
            text = unwrapped(text, head.call_kind) if text else ""
        elif status == "completed" and not is_custom:
            text = text or "{}"
        return call_item(
            self._item_id,
            call_id=head.id,
            name=head.name,
            namespace=head.namespace,
            text=text,
            kind=head.call_kind,
            status=status,
        )

    def _settle_call(self, *, is_cut: bool = False) -> bytes:
        """The `done` copies of the call that was held. One that a limit cut off is left as received, and says so."""
        head, self._held = self._held, None
        if head is None:
            return b""
        is_whole = not is_cut or _is_json("".join(self._text))
        item = self._call(head, "completed" if is_whole else "incomplete")
        if head.call_kind == "search":
            return self._item_done(item)
        is_custom = head.call_kind == "custom"
        text = str(item["input" if is_custom else "arguments"])
        said = b""
        if text and (head.is_wrapped or not self._text):
            said = self._event(_CALL_DELTAS[head.call_kind], b'%b,"delta":%b' % (self._at, _encode(text)))
        if is_custom:
            done = self._event(b"response.custom_tool_call_input.done", b'%b,"input":%b' % (self._at, _encode(text)))
        else:
            fields = b'%b,"name":%b,"arguments":%b' % (self._at, _encode(head.name), _encode(text))
            done = self._event(b"response.function_call_arguments.done", fields)
        return said + done + self._item_done(item)


def _content(text: str, annotations: list[Json], logprobs: list[Json], *, is_refusal: bool) -> Json:
    if is_refusal:
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": logprobs}


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text, type=Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
