"""The state in a request, put back: what came in capsules stands on the very blocks that its issuer had put it on.

The slots of a dialect are not where the state belongs: an item in front of a call holds what was on the call. What is
not valid at the upstream that is asked stays as it came, foreign, for the encoder to drop and to report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import NamedTuple

from msgspec.structs import replace

from torouter.canon.blocks import Blob, Block, MediaBlock, Origin, ReasoningBlock, TextBlock, ToolCallBlock
from torouter.canon.capsule import Capsule, is_capsule
from torouter.canon.request import ChatRequest, Message

__all__ = ["capsules_in", "restored", "unaccompanied", "with_tokens"]

Valid = Callable[[str], Capsule | None]
"""A capsule's text → the capsule, if the upstream that is asked can have issued what is in it."""
_Stateful = (TextBlock, ToolCallBlock, MediaBlock)


class _Spot(NamedTuple):
    """A block, and the message that it stands in."""

    message: int
    block: Block
    place: str


def capsules_in(request: ChatRequest) -> list[str]:
    blocks = (block for message in request.messages for block in message.blocks)
    return [blob.data for block in blocks for blob in _blobs(block) if is_capsule(blob.data)]


def restored(request: ChatRequest, valid: Valid, *, wants_text: bool) -> ChatRequest:
    """`wants_text`: the upstream takes visible reasoning without any state."""
    if not capsules_in(request):
        return request
    messages = list(request.messages)
    for run in _runs(messages):
        spots = _Turn(valid, wants_text).read(run)
        for number in dict.fromkeys(spot.message for spot in run):
            mine = [spot for spot in spots if spot.message == number]
            blocks, places = tuple(spot.block for spot in mine), tuple(spot.place for spot in mine)
            messages[number] = replace(messages[number], blocks=blocks, places=places)
    return replace(request, messages=tuple(messages))


def unaccompanied(request: ChatRequest) -> list[ToolCallBlock]:
    """The calls of turns that hold no state at all: their client may have dropped it."""
    found: list[ToolCallBlock] = []
    for run in _runs(request.messages):
        if not any(_blobs(spot.block) for spot in run):
            found += [spot.block for spot in run if isinstance(spot.block, ToolCallBlock)]
    return found


def with_tokens(request: ChatRequest, tokens: Mapping[str, Iterable[str]]) -> ChatRequest:
    """Capsules that were kept aside, by the id of their call, in front of it."""
    return replace(request, messages=tuple(_accompanied(message, tokens) for message in request.messages))


def _accompanied(message: Message, tokens: Mapping[str, Iterable[str]]) -> Message:
    blocks: list[Block] = []
    places: list[str] = []
    for index, block in enumerate(message.blocks):
        place = message.places[index] if index < len(message.places) else f"content.{index}"
        if isinstance(block, ToolCallBlock) and message.role == "assistant":
            kept = [ReasoningBlock(blobs=(_carrying(token),)) for token in tokens.get(block.id, ())]
            blocks += kept
            places += [place] * len(kept)
        blocks.append(block)
        places.append(place)
    return (
        message if len(blocks) == len(message.blocks) else replace(message, blocks=tuple(blocks), places=tuple(places))
    )


def _carrying(token: str) -> Blob:
    return Blob(kind="encrypted", data=token, origin=Origin(dialect="openai-chat"))


def _blobs(block: Block) -> tuple[Blob, ...]:
    return block.blobs if isinstance(block, (ReasoningBlock, *_Stateful)) else ()


def _runs(messages: Iterable[Message]) -> Iterator[list[_Spot]]:
    """The assistant's turns, each as one row of blocks, whatever messages they are spread over."""
    for role, numbered in groupby(enumerate(messages), lambda each: each[1].role):
        if role == "assistant":
            yield [
                _Spot(number, block, message.places[index] if index < len(message.places) else f"content.{index}")
                for number, message in numbered
                for index, block in enumerate(message.blocks)
            ]


class _Turn:
    """One turn on its way through. `_carried` is what belongs to the block that comes next, with where it came from."""

    def __init__(self, valid: Valid, wants_text: bool) -> None:
        self._valid = valid
        self._wants_text = wants_text
        self._out: list[_Spot] = []
        self._carried: list[tuple[Capsule, _Spot]] = []

    def read(self, run: Iterable[_Spot]) -> list[_Spot]:
        for spot in run:
            if isinstance(spot.block, ReasoningBlock):
                self._reasoning(spot, spot.block)
            else:
                self._other(spot)
        self._leave()
        return self._out

    def _leave(self) -> None:
        """What it belonged to is gone: it stays where it was, foreign."""
        self._out += [spot for _, spot in self._carried]
        self._carried.clear()

    def _reasoning(self, spot: _Spot, block: ReasoningBlock) -> None:
        capsule = next((found for blob in block.blobs if (found := self._valid(blob.data)) is not None), None)
        if capsule is None:
            self._out.append(spot)
            return
        if capsule.place == "reasoning":
            self._own(spot, block, capsule)
        elif capsule.place == "empty":
            self._out.append(spot._replace(block=TextBlock(text="", blobs=(capsule.blob(),))))
        elif capsule.place == "text" and self._out and _is_said(self._out[-1].block):
            before = self._out.pop()
            self._out.append(before._replace(block=_signed(before.block, capsule)))
        else:
            self._carried.append((capsule, spot))

    def _own(self, spot: _Spot, block: ReasoningBlock, capsule: Capsule) -> None:
        """The state of reasoning, with the text that it came with; in front of what was said, if it came first. A copy
        of the text is the same again; text that never had state is missed by nobody but servers that read it."""
        text = capsule.text or block.text or "\n\n".join(block.summary)
        if capsule.kind == "mark":
            if self._wants_text:
                self._out.append(spot._replace(block=ReasoningBlock(text=text)))
            return
        if capsule.text:
            self._out = [each for each in self._out if not _is_bare(each.block)]
        whole = ReasoningBlock(text=text, blobs=(capsule.blob(),), id=capsule.item or None)
        said = (index for index, each in enumerate(self._out) if isinstance(each.block, _Stateful))
        at = next(said, len(self._out)) if capsule.is_first else len(self._out)
        message = self._out[at].message if at < len(self._out) else spot.message
        self._out.insert(at, _Spot(message, whole, spot.place))

    def _other(self, spot: _Spot) -> None:
        block = spot.block
        place = "call" if isinstance(block, ToolCallBlock) else "text" if isinstance(block, TextBlock) else ""
        for capsule, _ in [each for each in self._carried if each[0].place == place]:
            block = _signed(block, capsule)
        self._carried = [each for each in self._carried if each[0].place != place]
        self._leave()
        if isinstance(block, _Stateful) and block.blobs:
            opened = [(blob, self._valid(blob.data)) for blob in block.blobs]
            blobs = tuple(blob if capsule is None else capsule.blob() for blob, capsule in opened)
            block = replace(block, blobs=blobs)
        self._out.append(spot._replace(block=block))


def _signed(block: Block, capsule: Capsule) -> Block:
    assert isinstance(block, _Stateful), "only such blocks are given state"
    return replace(block, blobs=(*block.blobs, capsule.blob()))


def _is_said(block: Block) -> bool:
    return isinstance(block, TextBlock) and bool(block.text)


def _is_bare(block: Block) -> bool:
    return isinstance(block, ReasoningBlock) and not block.blobs
