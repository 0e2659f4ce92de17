"""Messages answers into events: a stream's, or a whole body's, whose blocks are read as if each had just been streamed.

The kind of an event is read from its data: compatible servers leave the `event:` line out, add `[DONE]`, forget
`message_stop`. Blocks that only Anthropic knows stay raw. Messages API reference, seen 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Raw

from torouter.canon.blocks import Blob, Citation, Origin
from torouter.canon.events import (
    Event,
    Fault,
    FinishReason,
    Keepalive,
    PartBlob,
    PartCited,
    PartDelta,
    PartEnd,
    PartKind,
    PartStart,
    Start,
    UsageSeen,
)
from torouter.canon.finish import settle_finish
from torouter.codecs.anthropic.decode_content import SERVER_CALLS, is_server_result
from torouter.codecs.anthropic.usage import Tally
from torouter.codecs.codec import Framing
from torouter.codecs.endings import fault_in, malformed, truncated
from torouter.codecs.figures import is_given
from torouter.errors import UpstreamError
from torouter.wire.sse import SseFramer

__all__ = ["Decoder"]

_ABSENT: Final = Raw()
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
_DELTA_KINDS: Final[Mapping[str, PartKind]] = {"text_delta": "text", "thinking_delta": "reasoning"}


class _Delta(msgspec.Struct):
    """Of a block, or of the message."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    signature: str | None = None
    citation: Raw = _ABSENT
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Raw = _ABSENT


class _Event(msgspec.Struct):
    """An event of a stream, or (by the same fields) a whole message."""

    type: str = ""
    index: int = 0
    delta: _Delta | None = None
    message: Raw = _ABSENT
    content_block: Raw = _ABSENT
    usage: Raw = _ABSENT


class _Message(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    content: list[Raw] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Raw = _ABSENT
    usage: Raw = _ABSENT


class _Block(msgspec.Struct):
    type: str = ""
    id: str | None = None
    tool_use_id: str | None = None
    name: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    input: Raw = _ABSENT
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
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


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


class Decoder:
    """A `codecs.codec.Decoder`. Blocks are found by their index."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._framer = SseFramer()
        self._body: list[bytes] = []
        self._open: dict[int, _Open] = {}
        self._count = 0
        self._tally = Tally()
        self._kinds: set[PartKind] = set()
        self._stop: _Delta | None = None
        self._has_started = False
        self._has_stopped = False
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
                if _is_readable(frame.data):
                    self._frame(frame.data, events)
            if not self._has_started and self._framer.stray:
                self._whole(self._framer.stray, events)
        self._terminate(events)
        return events

    def _whole(self, body: bytes, events: list[Event]) -> None:
        if body.strip():
            self._frame(body, events)

    def _frame(self, data: bytes, events: list[Event]) -> None:
        if self._has_ended or data == _DONE:
            return
        try:
            event = _read_event(data)
            self._event(event, data, events)
        except _UNREADABLE as error:
            self._end(malformed(f"the upstream sent what is no message: {error}"), events)

    def _event(self, event: _Event, data: bytes, events: list[Event]) -> None:
        match event.type:
            case "content_block_delta":
                if event.delta is not None:
                    self._delta(event.index, event.delta, events)
            case "content_block_start":
                self._block_start(event.index, event.content_block, events)
            case "content_block_stop":
                self._block_stop(event.index, events)
            case "message_start":
                self._start(_read_message(event.message), events)
            case "message_delta":
                self._message_delta(event, events)
            case "message_stop":
                self._has_stopped = True
                self._terminate(events)
            case "ping":
                events.append(Keepalive())
            case "message":
                self._message(_read_message(data), events)
            case _ if event.type == "error" or _is_error(data) or self._framing == "whole":
                self._end(fault_in(data), events)
            case _:  # events to come: nothing that we could say in another dialect
                pass

    def _start(self, message: _Message, events: list[Event]) -> None:
        if self._has_started:
            return
        self._has_started = True
        events.append(Start(id=message.id or "", model=message.model or ""))
        self._count_usage(message.usage, events)

    def _message(self, message: _Message, events: list[Event]) -> None:
        """A whole body."""
        self._start(message, events)
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
        if block.type == "redacted_thinking" and block.data:
            blob = Blob(kind="redacted", data=block.data, origin=_HOME)
            events.append(PartBlob(opened.part, blob))
        if kind == "text":
            events += [PartCited(opened.part, _citation(each)) for each in block.citations or ()]

    def _begin(
        self, index: int, kind: PartKind, events: list[Event], block: _Block | None = None, raw: Raw = _ABSENT
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
            )
        )
        return opened

    def _delta(self, index: int, delta: _Delta, events: list[Event]) -> None:
        opened = self._open.get(index)
        if opened is None:
            kind = _DELTA_KINDS.get(delta.type)
            if kind is None:
                return
            opened = self._begin(index, kind, events)
        text = delta.text or delta.thinking or delta.partial_json
        if text:
            self._say(opened, text, events)
        elif delta.signature:
            opened.signature = delta.signature
        elif _is_given(delta.citation):
            events.append(PartCited(opened.part, _citation(delta.citation)))

    def _say(self, opened: _Open, text: str, events: list[Event]) -> None:
        opened.has_text = True
        events.append(PartDelta(opened.part, text))

    def _block_stop(self, index: int, events: list[Event]) -> None:
        opened = self._open.pop(index, None)
        if opened is None:
            return
        if opened.kind == "tool_call" and not opened.has_text:
            self._say(opened, opened.input, events)
        if opened.kind == "reasoning" and opened.signature:
            events.append(PartBlob(opened.part, Blob(kind="signature", data=opened.signature, origin=_HOME)))
        events.append(PartEnd(opened.part))

    def _count_usage(self, raw: Raw, events: list[Event]) -> None:
        self._tally.take(raw)
        usage = self._tally.usage("partial")
        if usage.quality != "none" and _is_given(raw):
            events.append(UsageSeen(usage))

    def _terminate(self, events: list[Event]) -> None:
        """The end that the upstream's own words make. `message_stop` without a reason is an end all the same."""
        if self._has_ended:
            return
        stop = self._stop
        if stop is None and not self._has_stopped:
            self._end(truncated(), events)
            return
        raw = "" if stop is None else stop.stop_reason or ""
        details = b"" if stop is None or not _is_given(stop.stop_details) else bytes(stop.stop_details)
        end = settle_finish(
            _REASONS.get(raw),
            raw,
            has_content=bool(self._kinds - {"reasoning"}),
            has_calls="tool_call" in self._kinds,
            stop_sequence=None if stop is None else stop.stop_sequence,
            explanation=_read_details(details).explanation if details else None,
            details=details,
        )
        usage = self._tally.usage("reported")
        if usage.quality == "reported" and not isinstance(end, Fault):
            events.append(UsageSeen(usage))
        self._end(end, events)

    def _end(self, end: Event, events: list[Event]) -> None:
        """The last events: every part is ended before. A call that was cut stays as it was cut."""
        if self._has_ended:
            return
        self._has_ended = True
        for opened in self._open.values():
            if opened.kind == "reasoning" and opened.signature:
                events.append(PartBlob(opened.part, Blob(kind="signature", data=opened.signature, origin=_HOME)))
            events.append(PartEnd(opened.part))
        self._open.clear()
        events.append(end)


def _is_given(raw: Raw) -> bool:
    return raw is not _ABSENT and is_given(raw)


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


def _is_readable(data: bytes) -> bool:
    try:
        _read_event(data)
    except _UNREADABLE:
        return False
    return True
