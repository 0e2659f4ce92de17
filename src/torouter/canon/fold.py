"""A whole answer is its events, folded: there is no second path."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from torouter.canon.blocks import (
    Blob,
    Block,
    Citation,
    OpaqueBlock,
    Origin,
    ReasoningBlock,
    RefusalBlock,
    ServerToolBlock,
    TextBlock,
    ToolCallBlock,
)
from torouter.canon.events import (
    Event,
    Fault,
    Finish,
    Lost,
    PartBlob,
    PartCited,
    PartDelta,
    PartStart,
    Start,
    UsageSeen,
)
from torouter.canon.logprobs import TokenLogprob
from torouter.canon.usage import Usage
from torouter.errors import UpstreamError
from torouter.units import Dialect

__all__ = ["Answer", "Fold", "fold"]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer at rest. Exactly one of `finish` and `fault` is set once the answer has ended. `lost` is what of it
    stands nowhere here."""

    id: str = ""
    model: str = ""
    blocks: tuple[Block, ...] = ()
    finish: Finish | None = None
    fault: Fault | None = None
    usage: Usage = Usage()
    lost: tuple[Lost, ...] = ()

    def failure(self) -> UpstreamError:
        """The exception to raise where there is no `finish`: an answer at rest has no other way to be an error."""
        if self.fault is None:
            return UpstreamError("the upstream's answer has no end", phase="body", code="upstream_truncated")
        return self.fault.error("body")


class _Part:
    """A part as it grows. Text is kept in pieces: joining at the end costs once."""

    __slots__ = ("blobs", "citations", "head", "logprobs", "pieces")

    def __init__(self, head: PartStart) -> None:
        self.head = head
        self.pieces: list[str] = []
        self.blobs: list[Blob] = [*head.blobs]
        self.citations: list[Citation] = []
        self.logprobs: list[TokenLogprob] = []

    def block(self, dialect: Dialect) -> Block | None:
        """The finished block; `None` for a part that turned out to say nothing."""
        text, blobs, head = "".join(self.pieces), tuple(self.blobs), self.head
        match head.kind:
            case "text":
                return self._text(text, blobs) if text or blobs else None
            case "reasoning":
                return ReasoningBlock(text=text, blobs=blobs, id=head.id or None) if text or blobs else None
            case "refusal":
                return RefusalBlock(text=text)
            case "tool_call":
                return self._call(text, blobs)
            case _:
                return self._vendor(text, dialect)

    def _text(self, text: str, blobs: tuple[Blob, ...]) -> TextBlock:
        return TextBlock(text=text, citations=tuple(self.citations), logprobs=tuple(self.logprobs), blobs=blobs)

    def _call(self, text: str, blobs: tuple[Blob, ...]) -> ToolCallBlock:
        head = self.head
        return ToolCallBlock(
            id=head.id,
            name=head.name,
            arguments=text,
            kind=head.call_kind,
            namespace=head.namespace,
            is_id_synthesised=head.is_id_synthesised,
            blobs=blobs,
        )

    def _vendor(self, text: str, dialect: Dialect) -> Block:
        head, origin = self.head, Origin(dialect=dialect)
        if head.kind == "opaque":
            return OpaqueBlock(origin=origin, kind=head.vendor_kind, raw=head.raw, fate="report")
        return ServerToolBlock(
            stage="call" if head.kind == "server_call" else "result",
            origin=origin,
            kind=head.vendor_kind,
            raw=_with_input(head.raw, text) if text else head.raw,
            call_id=head.id,
            name=head.name,
        )


def _with_input(raw: bytes, arguments: str) -> bytes:
    """A server tool's call as it stands when whole: its arguments came in pieces after the head. Arguments that are
    not JSON (the stream was cut) leave the head as it came."""
    try:
        value = msgspec.json.decode(arguments, type=msgspec.Raw)
        fields = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        return raw
    return msgspec.json.encode({**fields, "input": value})


class Fold:
    """Collects events as they come. `answer()` may be asked at any time."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect: Dialect = dialect
        self._start = Start()
        self._parts: dict[int, _Part] = {}
        self._usage = Usage()
        self._finish: Finish | None = None
        self._fault: Fault | None = None
        self._lost: list[Lost] = []

    def feed(self, event: Event) -> None:
        if type(event) is PartDelta:  # nearly every event
            part = self._parts[event.part]
            part.pieces.append(event.text)
            if event.logprobs:
                part.logprobs += event.logprobs
        else:
            self._feed(event)

    def _feed(self, event: Event) -> None:
        match event:
            case PartStart():
                self._parts[event.part] = _Part(event)
            case PartBlob(part, blob):
                self._parts[part].blobs.append(blob)
            case PartCited(part, citation):
                self._parts[part].citations.append(citation)
            case UsageSeen(usage):
                self._usage = usage
            case Start():
                self._start = event
            case Finish():
                self._finish = event
            case Fault():
                self._fault = event
            case Lost():
                self._lost.append(event)
            case _:  # PartEnd and Keepalive: the parts say all there is to know
                pass

    def answer(self) -> Answer:
        blocks = (self._parts[number].block(self._dialect) for number in sorted(self._parts))
        return Answer(
            id=self._start.id,
            model=self._start.model,
            blocks=tuple(block for block in blocks if block is not None),
            finish=self._finish,
            fault=self._fault,
            usage=self._usage,
            lost=tuple(self._lost),
        )


def fold(events: Iterable[Event], dialect: Dialect) -> Answer:
    """`dialect` is the upstream's: the origin of what only it knows."""
    folding = Fold(dialect)
    for event in events:
        folding.feed(event)
    return folding.answer()
