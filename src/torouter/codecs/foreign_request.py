"""A request on its way to a dialect that is not its own: what holds wherever it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from msgspec import json

from torouter.canon.blocks import Blob, Block, InlineMedia, MediaBlock, TextBlock, ToolCallBlock, ToolResultBlock
from torouter.canon.losses import LossLog
from torouter.canon.reasoning import ModelFacts
from torouter.canon.request import ChatRequest
from torouter.codecs.codec import Encoded
from torouter.codecs.json_objects import Json
from torouter.errors import RequestError
from torouter.units import Dialect

__all__ = ["NO_RESULT", "answered_ids", "encode_foreign", "instruction", "own_state", "settle_text"]

NO_RESULT: Final = '{"error":"no result"}'

_MAX_STOPS: Final = 16
_MAX_STOP_CHARACTERS: Final = 1024


def encode_foreign(
    request: ChatRequest,
    dialect: Dialect,
    facts: ModelFacts,
    body: Callable[[LossLog], Json],
    *,
    stops: tuple[str, ...] = (),
) -> Encoded:
    """The request in `dialect`, by its `body`. Top-level fields that only the caller's dialect knows are settled
    before. `stops` are stop sequences that the body cannot say. Raises `RequestError` for what must not be dropped."""
    log = LossLog(dialect)
    log.settle(request.carried)
    if request.output is not None:
        log.settle(request.output.carried, request.output.path)
    _report_signatures(request, dialect, log)
    _check_tool_choice(request, log)
    _check_stops(request, stops, log)
    if facts.media_limit_bytes is not None:
        _check_media(request, facts.media_limit_bytes, log)
    try:
        return Encoded(body=json.encode(body(log)), losses=log.losses(), stops=stops)
    except RecursionError:
        raise RequestError("a schema in the request is nested too deeply") from None


def answered_ids(request: ChatRequest) -> set[str]:
    """The ids of calls that have a result somewhere. One that has none (its user interrupted it) is refused by every
    API for ever, so encoders give it an error for a result: the client cannot mend its history."""
    blocks = (block for message in request.messages for block in message.blocks)
    return {block.call_id for block in blocks if isinstance(block, ToolResultBlock)}


def instruction(block: Block, path: str, log: LossLog) -> str:
    """The text of a system or developer message's block: nobody takes anything else there."""
    if not isinstance(block, TextBlock):
        raise log.refusal(path, "instructions may hold text only", "move it into a user message")
    settle_text(block, path, log)
    return block.text


def settle_text(block: TextBlock, path: str, log: LossLog) -> None:
    """All that a text of the history holds besides its words."""
    log.settle(block.carried, path)
    if block.citations:
        name = "citations" if block.citations[0].origin == "anthropic" else "annotations"
        log.report(f"{path}.{name}", "dropped", "citations have no place in a request")


def own_state(blobs: Iterable[Blob], dialect: Dialect) -> Blob | None:
    """The state that an upstream of this dialect issued itself, which is given back to the letter."""
    return next((blob for blob in blobs if blob.origin.dialect == dialect), None)


def _report_signatures(request: ChatRequest, dialect: Dialect, log: LossLog) -> None:
    """Opaque state on what is said and called (reasoning reports its own) means nothing to anybody else."""
    for message in request.messages:
        for block, path in message.placed():
            blobs = block.blobs if isinstance(block, TextBlock | ToolCallBlock | MediaBlock) else ()
            if any(blob.origin.dialect != dialect for blob in blobs):
                log.report_once(path, "dropped", "a signature goes back only to the provider that issued it")


def _check_media(request: ChatRequest, limit_bytes: int, log: LossLog) -> None:
    """The upstream would refuse the request, after all of it has been sent. The largest piece is named."""
    sizes = [(len(source.data), path) for source, path in _inline_media(request)]
    total_bytes = sum(size for size, _ in sizes)
    if total_bytes > limit_bytes:
        problem = f"its requests hold at most {limit_bytes >> 20} MiB of media in base64, and here are more"
        raise log.refusal(max(sizes)[1], problem, "send less of it, smaller, or as links")


def _inline_media(request: ChatRequest) -> Iterator[tuple[InlineMedia, str]]:
    for message in request.messages:
        for block, path in message.placed():
            if isinstance(block, ToolResultBlock):
                places = [f"{path}.{block.place(index)}" for index in range(len(block.content))]
                inner: list[tuple[Block, str]] = list(zip(block.content, places, strict=True))
            else:
                inner = [(block, path)]
            for each, place in inner:
                if isinstance(each, MediaBlock) and isinstance(each.source, InlineMedia):
                    yield each.source, f"{place}.{each.place}"


def _check_stops(request: ChatRequest, stops: tuple[str, ...], log: LossLog) -> None:
    """Ours to find in the answer: each costs something for every character of it."""
    path = request.path_of("stop")
    if "" in stops:
        raise log.refusal(path, "a stop sequence is empty", "remove it")
    if len(stops) > _MAX_STOPS:
        raise log.refusal(path, f"at most {_MAX_STOPS} stop sequences are looked for", "send fewer")
    if any(len(stop) > _MAX_STOP_CHARACTERS for stop in stops):
        problem = f"stop sequences of up to {_MAX_STOP_CHARACTERS} characters are looked for"
        raise log.refusal(path, problem, "send shorter ones")
    if stops:
        log.report(path, "approximated", "it takes no such stop sequence; the answer is cut off in front of it")


def _check_tool_choice(request: ChatRequest, log: LossLog) -> None:
    """A choice can only be kept if the tools that it speaks of are there."""
    choice, declared = request.tool_choice, {tool.name for tool in request.tools}
    path = request.path_of("tool_choice")
    if choice is None:
        return
    log.settle(choice.carried)
    if not declared and choice.mode == "required":
        raise log.refusal(path, "a call is required, but no tools are declared", "declare `tools`")
    if choice.form == "subset" and not choice.names:
        raise log.refusal(path, "it allows none of the tools", "name those that may be called, or choose `none`")
    for name in choice.names if declared else ():
        if name not in declared:
            raise log.refusal(path, f"the tool `{name}` is not declared", "declare it in `tools`")
