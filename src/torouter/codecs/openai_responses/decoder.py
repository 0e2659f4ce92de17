"""Responses answers into events: a stream's, or a whole body's, whose items are read as if each had just been done.

Servers that imitate the API leave things out, so everything that is said twice is taken from wherever it comes first:
a text whose deltas did not come is taken from its `done` copy, an item that was never announced from the terminal
response. The kind of an event is read from its data. Responses reference, seen 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
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
from torouter.canon.logprobs import TokenLogprob
from torouter.codecs.absent import ABSENT, has_value
from torouter.codecs.answer_decoder import AnswerDecoder
from torouter.codecs.codec import Framing
from torouter.codecs.endings import fault_in, malformed, truncated
from torouter.codecs.openai_logprobs import read_logprobs
from torouter.codecs.openai_usage import openai_figures

__all__ = ["Decoder"]

_DONE: Final = b"[DONE]"
_HOME: Final = Origin(dialect="openai-responses")
_INCOMPLETE: Final[dict[str, FinishReason]] = {
    "max_output_tokens": "length",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
}
_TERMINAL: Final = frozenset(
    {"response.completed", "response.incomplete", "response.failed", "response.cancelled", "response.done"}
)
_TEXTS: Final[dict[str, tuple[PartKind, str]]] = {
    "response.output_text": ("text", "content"),
    "response.refusal": ("refusal", "content"),
    "response.reasoning_summary_text": ("reasoning", "summary"),
    "response.reasoning_summary": ("reasoning", "summary"),
    "response.reasoning_text": ("reasoning", "content"),
    "response.function_call_arguments": ("tool_call", ""),
    "response.custom_tool_call_input": ("tool_call", ""),
}
"""What events speak of, before `.delta` and `.done`: a kind of part, and which list of its item the text belongs to."""
_PROGRESS: Final = frozenset(
    {
        *("added", "done", "queued", "in_progress", "searching", "interpreting", "generating", "completed", "failed"),
        *("keepalive", "incomplete"),
    }
)
"""Last words of events that tell how far something is, whose item tells all of it in the end."""
_CALLS: Final = ("function_call", "custom_tool_call")
_BREAK: Final = "\n\n"
"""Between segments of one reasoning, which are parts of their own here and in no other dialect."""


class _Event(msgspec.Struct):
    type: str = ""
    response: Raw = ABSENT
    item: Raw = ABSENT
    item_id: str | None = None
    output_index: int | None = None
    content_index: int | None = None
    summary_index: int | None = None
    delta: Raw = ABSENT
    text: Raw = ABSENT
    refusal: Raw = ABSENT
    arguments: Raw = ABSENT
    input: Raw = ABSENT
    annotation: Raw = ABSENT
    logprobs: Raw = ABSENT
    error: Raw = ABSENT


class _Reason(msgspec.Struct):
    reason: str | None = None


class _Response(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    status: str | None = None
    output: list[Raw] | None = None
    usage: Raw = ABSENT
    service_tier: object = None
    error: Raw = ABSENT
    incomplete_details: _Reason | None = None


class _Text(msgspec.Struct):
    type: str = ""
    text: str | None = None
    refusal: str | None = None
    annotations: list[Raw] | None = None
    logprobs: Raw = ABSENT


class _Item(msgspec.Struct):
    type: str = ""
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None
    arguments: str | None = None
    input: str | None = None
    content: list[_Text] | None = None
    summary: list[_Text] | None = None
    encrypted_content: str | None = None
    phase: str | None = None


class _Annotation(msgspec.Struct):
    url: str | None = None
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None


_read_event = msgspec.json.Decoder(_Event).decode
_read_response = msgspec.json.Decoder(_Response).decode
_read_item = msgspec.json.Decoder(_Item).decode
_read_annotation = msgspec.json.Decoder(_Annotation).decode
_read_text = msgspec.json.Decoder(str).decode

_Place = tuple[str, int]
"""One of an item's lists, and an index in it."""


class _Part:
    """A part that has begun. `said` keeps the text of each place, for what a `done` copy may add to it."""

    __slots__ = ("citations", "last", "number", "said", "tokens")

    def __init__(self, number: int, place: _Place) -> None:
        self.number = number
        self.last = place
        self.said: dict[_Place, list[str]] = {}
        self.citations = 0
        self.tokens = 0


class _Open:
    """An item between `added` and `done`. `head` is what is known of it."""

    __slots__ = ("head", "is_done", "parts")

    def __init__(self) -> None:
        self.head = _Item()
        self.parts: dict[_Place, _Part] = {}
        self.is_done = False


class Decoder(AnswerDecoder):
    """Items are found by their index in the output; servers that leave it out are read by the item's id."""

    def __init__(self, framing: Framing) -> None:
        super().__init__(framing)
        self._next_part = count().__next__
        self._items: dict[int, _Open] = {}
        self._index_of: dict[str, int] = {}
        self._kinds: set[PartKind] = set()
        self._terminal: _Response | None = None

    def read(self, data: bytes, events: list[Event]) -> None:
        if data == _DONE:
            return
        event = _read_event(data)
        word, _, stage = event.type.rpartition(".")
        spoken = _TEXTS.get(word)
        if spoken is not None:
            self._text_event(event, spoken, stage, events)
        elif event.type == "response.output_item.added":
            self._added(event, events)
        elif event.type == "response.output_item.done":
            self._done(self._index(event), event.item, events)
        elif event.type == "response.output_text.annotation.added":
            self._annotation(event, events)
        elif event.type in _TERMINAL:
            self._ended(_read_response(event.response), events)
        elif event.type == "error" or has_value(event.error):
            self.end(fault_in(_envelope(event, data)), events)
        elif has_value(event.response):
            self._begin(_read_response(event.response), events)
        elif event.type.startswith(("response.", "keepalive")):
            events.append(Keepalive())
            if event.type.rpartition(".")[2] not in _PROGRESS:
                events.append(Lost(event.type, "the event is known to its own vendor only"))
        elif self.framing == "whole" or not self.has_started:
            self._whole_body(data, events)

    def _whole_body(self, data: bytes, events: list[Event]) -> None:
        response = _read_response(data)
        if response.output is None and not has_value(response.error):
            self.end(fault_in(data), events)
        else:
            self._ended(response, events)

    def _begin(self, response: _Response, events: list[Event]) -> None:
        if not self.has_started:
            self.start(response.id or "", response.model or "", events)

    def _index(self, event: _Event) -> int:
        if event.output_index is not None:
            return event.output_index
        return self._index_of.get(event.item_id or "", max(self._items, default=0))

    def _item(self, index: int, events: list[Event]) -> _Open:
        self._begin(_Response(), events)
        return self._items.setdefault(index, _Open())

    def _added(self, event: _Event, events: list[Event]) -> None:
        head = _read_item(event.item)
        index = event.output_index if event.output_index is not None else len(self._items)
        opened = self._item(index, events)
        opened.head = head
        if head.id:
            self._index_of[head.id] = index
        if head.type in _CALLS and head.name and not opened.parts:
            self._start(opened, ("", 0), "tool_call", events)

    def _start(self, opened: _Open, place: _Place, kind: PartKind, events: list[Event]) -> _Part:
        """One part for each text of a message, and one for all of another item."""
        key = place if kind in ("text", "refusal") else ("", 0)
        part = opened.parts.get(key)
        if part is not None:
            return part
        part = opened.parts[key] = _Part(self._next_part(), place)
        head = opened.head
        is_call = kind == "tool_call"
        self._kinds.add(kind)
        events.append(
            PartStart(
                part=part.number,
                kind=kind,
                id=(head.call_id or head.id or "") if is_call else (head.id or "") if kind == "reasoning" else "",
                name=(head.name or "") if is_call else "",
                call_kind="custom" if head.type == "custom_tool_call" else "function",
                namespace=head.namespace if is_call else None,
            )
        )
        return part

    def _text_event(self, event: _Event, spoken: tuple[PartKind, str], stage: str, events: list[Event]) -> None:
        kind, where = spoken
        opened = self._item(self._index(event), events)
        if opened.is_done:
            return
        index = event.summary_index if where == "summary" else event.content_index
        place = (where, index or 0)
        if kind == "tool_call" and not opened.head.name:
            return  # nameless so far: the item's `done` tells all
        if stage == "delta":
            text = _read_text(event.delta) if has_value(event.delta) else ""
            tokens = read_logprobs(event.logprobs) if kind == "text" else ()
            if text or tokens:
                self._say(opened, place, kind, text, events, tokens)
        elif stage == "done":
            whole = next(filter(has_value, (event.text, event.refusal, event.arguments, event.input)), None)
            tokens = read_logprobs(event.logprobs) if kind == "text" else ()
            self._complete(opened, place, kind, "" if whole is None else _read_text(whole), events, tokens)

    def _say(
        self,
        opened: _Open,
        place: _Place,
        kind: PartKind,
        text: str,
        events: list[Event],
        tokens: tuple[TokenLogprob, ...] = (),
    ) -> None:
        part = self._start(opened, place, kind, events)
        if place != part.last and part.said:
            events.append(PartDelta(part.number, _BREAK))
        part.last = place
        part.said.setdefault(place, []).append(text)
        part.tokens += len(tokens)
        events.append(PartDelta(part.number, text, tokens))

    def _complete(
        self,
        opened: _Open,
        place: _Place,
        kind: PartKind,
        whole: str,
        events: list[Event],
        tokens: tuple[TokenLogprob, ...] = (),
    ) -> None:
        """What of a whole text, and of its tokens, has not been said yet."""
        key = place if kind in ("text", "refusal") else ("", 0)
        part = opened.parts.get(key)
        said = "" if part is None else "".join(part.said.get(place, ()))
        text = whole[len(said) :] if whole.startswith(said) else ""
        more = tokens if part is None else tokens[part.tokens :]
        if text or more:
            self._say(opened, place, kind, text, events, more)

    def _annotation(self, event: _Event, events: list[Event]) -> None:
        opened = self._item(self._index(event), events)
        part = opened.parts.get(("content", event.content_index or 0))
        if part is not None and has_value(event.annotation) and not opened.is_done:
            part.citations += 1
            events.append(PartCited(part.number, _citation(event.annotation)))

    def _done(self, index: int, raw: Raw, events: list[Event]) -> None:
        """The whole item. Its first head stays, but for what that left out."""
        opened = self._item(index, events)
        if opened.is_done:
            return
        item = _read_item(raw)
        if not opened.head.type or not opened.head.name:
            opened.head = item
        match item.type:
            case "message":
                self._message(opened, item, events)
            case "reasoning":
                self._reasoning(opened, item, events)
            case "function_call" | "custom_tool_call":
                self._start(opened, ("", 0), "tool_call", events)
                self._complete(opened, ("", 0), "tool_call", item.arguments or item.input or "", events)
            case _:
                self._vendors(opened, item, raw, events)
        self._close(opened, events)

    def _message(self, opened: _Open, item: _Item, events: list[Event]) -> None:
        for index, content in enumerate(item.content or ()):
            place = ("content", index)
            if content.type == "refusal":
                self._complete(opened, place, "refusal", content.refusal or "", events)
                continue
            if content.type not in ("output_text", "text"):
                events.append(Lost(content.type or "content", "the part is known to its own vendor only"))
            self._complete(opened, place, "text", content.text or "", events, read_logprobs(content.logprobs))
            part = opened.parts.get(place)
            if part is not None:
                cited = (content.annotations or [])[part.citations :]
                events += [PartCited(part.number, _citation(each)) for each in cited]
                if item.phase:
                    events.append(PartBlob(part.number, Blob(kind="phase", data=item.phase, origin=_HOME)))

    def _reasoning(self, opened: _Open, item: _Item, events: list[Event]) -> None:
        for where, texts in (("summary", item.summary), ("content", item.content)):
            for index, each in enumerate(texts or ()):
                self._complete(opened, (where, index), "reasoning", each.text or "", events)
        if item.encrypted_content:
            part = self._start(opened, ("", 0), "reasoning", events)
            blob = Blob(kind="encrypted", data=item.encrypted_content, origin=_HOME)
            events.append(PartBlob(part.number, blob))

    def _vendors(self, opened: _Open, item: _Item, raw: Raw, events: list[Event]) -> None:
        kind: PartKind = "server_call" if item.type.endswith("_call") else "opaque"
        self._kinds.add(kind)
        part = opened.parts[("", 0)] = _Part(self._next_part(), ("", 0))
        events.append(
            PartStart(
                part=part.number,
                kind=kind,
                id=item.call_id or item.id or "",
                name=item.name or "",
                vendor_kind=item.type,
                raw=bytes(raw),
            )
        )

    def _close(self, opened: _Open, events: list[Event]) -> None:
        opened.is_done = True
        events += [PartEnd(part.number) for part in opened.parts.values()]

    def _ended(self, response: _Response, events: list[Event]) -> None:
        self._begin(response, events)
        for index, raw in enumerate(response.output or ()):
            if not self._is_known(_read_item(raw).id):
                self._done(index, raw, events)
        figures = openai_figures(response.usage, tier=response.service_tier) if has_value(response.usage) else None
        if figures is not None:
            self.count_usage(msgspec.structs.replace(figures, quality="partial"), events)
        self._terminal = response
        self.terminate(events)

    def _is_known(self, item_id: str | None) -> bool:
        """Has this item been done already? Some servers count otherwise in the terminal response."""
        index = self._index_of.get(item_id or "")
        return index is not None and self._items[index].is_done

    def ending(self) -> Finish | Fault:
        response = self._terminal
        if response is None:
            return truncated()
        if response.status == "failed" or has_value(response.error):
            return _failure(response)
        if response.status == "cancelled":
            return malformed("the upstream's answer was cancelled")
        raw = response.status or "completed"
        reason: FinishReason | None = "refusal" if "refusal" in self._kinds else "stop"
        if raw == "incomplete":
            raw = (response.incomplete_details or _Reason()).reason or raw
            reason = _INCOMPLETE.get(raw, "length")
        elif raw not in ("completed", "in_progress"):
            reason = None
        return settle_finish(
            reason,
            raw,
            has_content=bool(self._kinds - {"reasoning"}),
            has_calls="tool_call" in self._kinds,
        )

    def end_parts(self) -> Iterable[Event]:
        for opened in self._items.values():
            if not opened.is_done:
                yield from _ends(opened)


def _ends(opened: _Open) -> Iterator[Event]:
    opened.is_done = True
    yield from (PartEnd(part.number) for part in opened.parts.values())


def _failure(response: _Response) -> Fault:
    if not has_value(response.error):
        return malformed("the upstream's answer failed, and it does not say why")
    return fault_in(b'{"error":%b}' % bytes(response.error))


def _envelope(event: _Event, data: bytes) -> bytes:
    """An `error` event says its words at the top, where other errors have an object of their own."""
    return data if has_value(event.error) else b'{"error":%b}' % data


def _citation(raw: Raw) -> Citation:
    said = _read_annotation(raw)
    return Citation(
        origin="openai-responses",
        raw=bytes(raw),
        url=said.url,
        title=said.title,
        start=said.start_index,
        end=said.end_index,
    )
