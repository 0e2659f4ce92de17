"""Names of tools and ids of calls, made fit for an upstream that takes fewer characters than the caller's dialect.

A name that fits is kept. Another is renamed as a function of itself alone (stable from turn to turn, the same in
definitions, history and tool choice) and injectively but for a collision of hashes; `tool_names` gives the way back for
the answer. Limits are those of the dialects' owners (seen 2026-11).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from torouter.canon.blocks import ToolCallBlock
from torouter.canon.events import Event, PartStart
from torouter.canon.fold import Answer
from torouter.canon.request import ChatRequest, Tool
from torouter.units import Dialect

__all__ = ["restore_answer", "restore_event", "tool_names", "wire_id", "wire_name"]

_NAME_LIMITS: Final[dict[Dialect, int]] = {
    "openai-chat": 64,
    "openai-responses": 64,
    "anthropic": 128,
    "gemini": 63,
}
_ID_LIMITS: Final[dict[Dialect, int]] = {"openai-chat": 40, "openai-responses": 64, "anthropic": 256, "gemini": 256}
_FITTING: Final = re.compile(r"[A-Za-z0-9_-]+\Z")
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_-]")
_HASH_DIGITS: Final = 8
_ID_HASH_DIGITS: Final = 24


def wire_name(name: str, dialect: Dialect) -> str:
    """The name under which an upstream of this dialect knows a tool."""
    limit = _NAME_LIMITS[dialect]
    if len(name) <= limit and _FITTING.match(name) and not (dialect == "gemini" and name[0] in "-0123456789"):
        return name
    kept = _UNFIT.sub("_", name)[: limit - _HASH_DIGITS - 2]
    return f"{'_' if dialect == 'gemini' else ''}{kept}_{_digest(name)[:_HASH_DIGITS]}"


def wire_id(call_id: str, dialect: Dialect) -> str:
    """The id under which an upstream of this dialect knows a call; used for the call and its result alike."""
    if len(call_id) <= _ID_LIMITS[dialect] and _FITTING.match(call_id):
        return call_id
    return f"call_{_digest(call_id)[:_ID_HASH_DIGITS]}"


def tool_names(request: ChatRequest, dialect: Dialect) -> dict[str, str]:
    """From names that this upstream was told to the caller's own, for those that differ."""
    wired = ((wire_name(name, dialect), name) for name in _names(request))
    return {wire: name for wire, name in wired if wire != name}


def restore_event(event: Event, names: Mapping[str, str]) -> Event:
    """The event with the caller's own name for a tool."""
    if type(event) is PartStart and event.name in names:
        return msgspec.structs.replace(event, name=names[event.name])
    return event


def restore_answer(answer: Answer, names: Mapping[str, str]) -> Answer:
    """The folded answer with the caller's own names for tools."""
    blocks = tuple(
        msgspec.structs.replace(block, name=names[block.name])
        if isinstance(block, ToolCallBlock) and block.name in names
        else block
        for block in answer.blocks
    )
    return msgspec.structs.replace(answer, blocks=blocks)


def _names(request: ChatRequest) -> Iterator[str]:
    yield from (tool.name for tool in request.tools if isinstance(tool, Tool))
    for message in request.messages:
        yield from (block.name for block in message.blocks if isinstance(block, ToolCallBlock))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
