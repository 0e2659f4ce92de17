"""Messages answers into events: a stream's, or a whole body's, whose blocks are read as if each had just been streamed.

The kind of an event is read from its data: compatible servers leave the `event:` line out, add `[DONE]`, forget
`message_stop`. Blocks that only Anthropic knows stay raw. Messages API reference, seen 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec
from msgspec import Raw

from torouter.canon.blocks import Blob, Citation, Origin
from torouter.canon.events import (
    Event,
    Fault,
    Finish,
    FinishReason,
    Keepalive,
    Lost,
    PartBlob,
    PartCited,
    PartDelta,
    PartEnd,
    PartKind,
    PartStart,
)
from torouter.canon.finish import settle_finish
from torouter.codecs.absent import ABSENT, has_value
from torouter.codecs.answer_decoder import AnswerDecoder
from torouter.codecs.anthropic.decode_content import SERVER_CALLS, is_server_result
from torouter.codecs.anthropic.usage import Tally
from torouter.codecs.codec import Framing
from torouter.codecs.endings import fault_in, truncated
from torouter.codecs.unreadable import UNREADABLE

__all__ = ["Decoder"]

_DONE: Final = b"[DONE]"
_HOME: Final = Origin(dialect="anthropic")
_REASONS: Final[Mapping[str, FinishReason]] = {
    "end_turn": "stop",
    "max_tokens": "length",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "refusal": "refusal",
    "model_context_window_exceeded": "context_length",
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
}
"""Anthropic's words, and those that compatible servers forget to translate."""
_KINDS: Final[Mapping[str, PartKind]] = {
    "text": "text",
    "thinking": "reasoning",
    "redacted_thinking": "reasoning",
    "tool_use": "tool_call",
}
_DELTAS: Final = frozenset({"text_delta", "thinking_delta", "input_json_delta", "signature_delta", "citations_delta"})
_DELTA_KINDS: Final[Mapping[str, PartKind]] = {"text_delta": "text", "thinking_delta": "reasoning"}


class _Delta(msgspec.Struct):
    """Of a block, or of the message."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    signature: str | None = None
    citation: Raw = ABSENT
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Raw = ABSENT


class _Event(msgspec.Struct):
    """An event of a stream, or (by the same fields) a whole message."""

    type: str = ""
    index: int = 0
    delta: _Delta | None = None
    message: Raw = ABSENT
    content_block: Raw = ABSENT
    usage: Raw = ABSENT


class _Message(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    content: list[Raw] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Raw = ABSENT
    usage: Raw = ABSENT


class _Block(msgspec.Struct):
    type: str = ""
    id: str | None = None
    tool_use_id: str | None = None
    name: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    input: Raw = ABSENT
    citations: list[Raw] | None = None


class _Citation(msgspec.Struct):
    url: str | None = None
    title: str | None = None
    document_title: str | None = None
    cited_text: str | None = None


class _StopDetails(msgspec.Struct):
    explanation: str | None = None


_read_event = msgspec.json.Decoder(_Event).decode
_read_message = msgspec.json.Decoder(_Message).decode
_read_block = msgspec.json.Decoder(_Block).decode
_read_citation = msgspec.json.Decoder(_Citation).decode
_read_details = msgspec.json.Decoder(_StopDetails).decode


class _Open:
    """A block between its start and its stop. Signatures are whole strings, of which the last one counts; a call's
    input may stand in its start, where deltas win over it."""

    __slots__ = ("has_text", "input", "kind", "part", "signature")

    def __init__(self, part: int, kind: PartKind, signature: str = "", call_input: str = "") -> None:
        self.part = part
        self.kind = kind
        self.signature = signature
        self.input = call_input
        self.has_text = False


class Decoder(AnswerDecoder):
    """Blocks are found by their index."""

    def __init__(self, framing: Framing) -> None:
        super().__init__(framing)
        self._open: dict[int, _Open] = {}
        self._count = 0
        self._tally = Tally()
        self._kinds: set[PartKind] = set()
        self._stop: _Delta | None = None
        self._has_stopped = False

    def read(self, data: bytes, events: list[Event]) -> None:
        if data == _DONE:
            return
        event = _read_event(data)
        match event.type:
            case "content_block_delta":
                if event.delta is not None:
                    self._delta(event.index, event.delta, events)
            case "content_block_start":
                self._block_start(event.index, event.content_block, events)
            case "content_block_stop":
                self._block_stop(event.index, events)
            case "message_start":
                self._message_start(_read_message(event.message), events)
            case "message_delta":
                self._message_delta(event, events)
            case "message_stop":
                self._has_stopped = True
                self.terminate(events)
            case "ping":
                events.append(Keepalive())
            case "message":
                self._message(_read_message(data), events)
            case _ if event.type == "error" or _is_error(data) or self.framing == "whole":
                self.end(fault_in(data), events)
            case _:  # events to come
                events.append(Lost(event.type or "event", "the event is known to its own vendor only"))

    def _message_start(self, message: _Message, events: list[Event]) -> None:
        if self.has_started:
            return
        self.start(message.id or "", message.model or "", events)
        self._count_usage(message.usage, events)

    def _message(self, message: _Message, events: list[Event]) -> None:
        """A whole body."""
        self._message_start(message, events)
        for index, raw in enumerate(message.content or ()):
            self._block_start(index, raw, events)
            self._block_stop(index, events)
        if message.stop_reason is not None:
            self._stop = _Delta(
                stop_reason=message.stop_reason,
                stop_sequence=message.stop_sequence,
                stop_details=message.stop_details,
            )

    def _message_delta(self, event: _Event, events: list[Event]) -> None:
        self._count_usage(event.usage, events)
        if event.delta is not None and event.delta.stop_reason:
            self._stop = event.delta

    def _block_start(self, index: int, raw: Raw, events: list[Event]) -> None:
        block = _read_block(raw)
        kind = _kind_of(block.type)
        opened = self._begin(index, kind, events, block, raw)
        if kind == "tool_call":
            opened.input = bytes(block.input).decode() or "{}"
        opened.signature = block.signature or ""
        text = block.text or block.thinking
        if text and kind in ("text", "reasoning"):
            self._say(opened, text, events)
        if kind == "text":
            events += [PartCited(opened.part, _citation(each)) for each in block.citations or ()]

    def _begin(
        self, index: int, kind: PartKind, events: list[Event], block: _Block | None = None, raw: Raw = ABSENT
    ) -> _Open:
        if index in self._open:
            self._block_stop(index, events)
        opened = self._open[index] = _Open(self._count, kind)
        self._count += 1
        self._kinds.add(kind)
        block = block or _Block()
        is_vendors = kind in ("server_call", "server_result", "opaque")
        events.append(
            PartStart(
                part=opened.part,
                kind=kind,
                id=block.id or block.tool_use_id or "",
                name=block.name or "",
                vendor_kind=block.type if is_vendors else "",
                raw=bytes(raw) if is_vendors else b"",
                blobs=_redacted(block),
            )
        )
        return opened

    def _delta(self, index: int, delta: _Delta, events: list[Event]) -> None:
        opened = self._open.get(index)
        if opened is None:
            kind = _DELTA_KINDS.get(delta.type)
            if kind is None:
                self._unsaid(delta, events)
                return
            opened = self._begin(index, kind, events)
        text = delta.text or delta.thinking or delta.partial_json
        if text:
            self._say(opened, text, events)
        elif delta.signature:
            opened.signature = delta.signature
        elif has_value(delta.citation):
            events.append(PartCited(opened.part, _citation(delta.citation)))
        else:
            self._unsaid(delta, events)

    def _unsaid(self, delta: _Delta, events: list[Event]) -> None:
        """Deltas to come. A known one may be empty."""
        if delta.type not in _DELTAS:
            events.append(Lost(delta.type or "delta", "the delta is known to its own vendor only"))

    def _say(self, opened: _Open, text: str, events: list[Event]) -> None:
        opened.has_text = True
        events.append(PartDelta(opened.part, text))

    def _block_stop(self, index: int, events: list[Event]) -> None:
        opened = self._open.pop(index, None)
        if opened is None:
            return
        if opened.kind == "tool_call" and not opened.has_text:
            self._say(opened, opened.input, events)
        events += _ended(opened)

    def _count_usage(self, raw: Raw, events: list[Event]) -> None:
        self._tally.take(raw)
        usage = self._tally.usage("partial")
        if usage.quality != "none" and has_value(raw):
            self.count_usage(usage, events)

    def ending(self) -> Finish | Fault:
        """`message_stop` without a reason is an end all the same."""
        stop = self._stop
        if stop is None and not self._has_stopped:
            return truncated()
        raw = "" if stop is None else stop.stop_reason or ""
        details = b"" if stop is None or not has_value(stop.stop_details) else bytes(stop.stop_details)
        return settle_finish(
            _REASONS.get(raw),
            raw,
            has_content=bool(self._kinds - {"reasoning"}),
            has_calls="tool_call" in self._kinds,
            stop_sequence=None if stop is None else stop.stop_sequence,
            explanation=_explanation(details),
            details=details,
        )

    def end_parts(self) -> Iterable[Event]:
        for opened in self._open.values():
            yield from _ended(opened)
        self._open.clear()


def _ended(opened: _Open) -> Iterator[Event]:
    if opened.kind == "reasoning" and opened.signature:
        yield PartBlob(opened.part, Blob(kind="signature", data=opened.signature, origin=_HOME))
    yield PartEnd(opened.part)


def _redacted(block: _Block) -> tuple[Blob, ...]:
    if block.type != "redacted_thinking" or not block.data:
        return ()
    return (Blob(kind="redacted", data=block.data, origin=_HOME),)


def _explanation(details: bytes) -> str | None:
    try:
        return _read_details(details).explanation if details else None
    except UNREADABLE:
        return None


def _kind_of(word: str) -> PartKind:
    if word in SERVER_CALLS:
        return "server_call"
    return "server_result" if is_server_result(word) else _KINDS.get(word, "opaque")


def _citation(raw: Raw) -> Citation:
    said = _read_citation(raw)
    return Citation(
        origin="anthropic",
        raw=bytes(raw),
        url=said.url,
        title=said.title or said.document_title,
        cited_text=said.cited_text,
    )


def _is_error(data: bytes) -> bool:
    """Errors of servers that speak another dialect's: `{"error": …}` without a type."""
    return data.lstrip().startswith((b'{"error"', b'{ "error"'))
