"""A request on its way to a dialect that is not its own: what holds wherever it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import json

from torouter.canon.blocks import Blob, Block, MediaBlock, TextBlock, ToolCallBlock
from torouter.canon.losses import LossLog
from torouter.canon.request import ChatRequest
from torouter.codecs.codec import Encoded
from torouter.codecs.json_objects import Json
from torouter.errors import RequestError
from torouter.units import Dialect

__all__ = ["encode_foreign", "instruction", "own_state"]


def encode_foreign(request: ChatRequest, dialect: Dialect, body: Callable[[LossLog], Json]) -> Encoded:
    """The request in `dialect`, by its `body`. Top-level fields that only the caller's dialect knows are settled
    before. Raises `RequestError` for what must not be dropped."""
    log = LossLog(dialect)
    log.settle(request.carried)
    _report_signatures(request, dialect, log)
    _check_tool_choice(request, log)
    try:
        return Encoded(body=json.encode(body(log)), losses=log.losses())
    except RecursionError:
        raise RequestError("a schema in the request is nested too deeply") from None


def instruction(block: Block, path: str, log: LossLog) -> str:
    """The text of a system or developer message's block: nobody takes anything else there."""
    if not isinstance(block, TextBlock):
        raise log.refusal(path, "instructions may hold text only", "move it into a user message")
    log.settle(block.carried, path)
    return block.text


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


def _check_tool_choice(request: ChatRequest, log: LossLog) -> None:
    """A choice can only be kept if the tools that it speaks of are there."""
    choice, declared = request.tool_choice, {tool.name for tool in request.tools}
    path = request.path_of("tool_choice")
    if choice is None:
        return
    if not declared and choice.mode == "required":
        raise log.refusal(path, "a call is required, but no tools are declared", "declare `tools`")
    for name in choice.names if declared else ():
        if name not in declared:
            raise log.refusal(path, f"the tool `{name}` is not declared", "declare it in `tools`")
