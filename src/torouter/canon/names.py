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

from torouter.canon.blocks import CallKind, ToolCallBlock
from torouter.canon.custom import unwrapped
from torouter.canon.events import Event, PartStart
from torouter.canon.fold import Answer
from torouter.canon.request import ChatRequest, Tool
from torouter.canon.valued import valued_tools
from torouter.units import Dialect

__all__ = ["OwnName", "flat_name", "restore_answer", "restore_event", "tool_names", "wire_id", "wire_name"]

_NAME_LIMITS: Final[dict[Dialect, int]] = {
    "openai-chat": 64,
    "openai-responses": 64,
    "anthropic": 128,
    "gemini": 63,
}
_ID_LIMITS: Final[dict[Dialect, int]] = {"openai-chat": 40, "openai-responses": 64, "anthropic": 256, "gemini": 256}
_FITTING: Final = re.compile(r"[A-Za-z0-9_-]+\Z")
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_-]")
_OBJECTS_ONLY: Final[frozenset[Dialect]] = frozenset({"anthropic", "gemini"})
"""Dialects in which a call's arguments are an object, and no text of one."""
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


class OwnName(str):
    """The caller's own name of a tool, which knows what else the caller calls it by."""

    kind: CallKind
    namespace: str | None
    is_valued: bool
    """Its arguments are no object, and were put into one for this upstream."""

    def __new__(
        cls, name: str, kind: CallKind = "function", namespace: str | None = None, *, is_valued: bool = False
    ) -> OwnName:
        own = super().__new__(cls, name)
        own.kind, own.namespace, own.is_valued = kind, namespace, is_valued
        return own


def flat_name(name: str, namespace: str | None) -> str:
    """A tool's name where there are no namespaces."""
    return name if namespace is None else f"{namespace}__{name}"


def tool_names(request: ChatRequest, dialect: Dialect) -> dict[str, str]:
    """From names that this upstream was told to the caller's own (`OwnName`s), for those that differ in anything."""
    valued = valued_tools(request) if dialect in _OBJECTS_ONLY else frozenset()
    wired = ((wire_name(flat_name(own, own.namespace), dialect), own) for own in _names(request, valued))
    return {wire: own for wire, own in wired if wire != own or own.kind != "function" or own.is_valued}


def restore_event(event: Event, names: Mapping[str, str]) -> Event:
    """The event with the caller's own name for a tool."""
    if type(event) is not PartStart or event.name not in names:
        return event
    own = names[event.name]
    if not isinstance(own, OwnName):
        return msgspec.structs.replace(event, name=own)
    is_wrapped = own.is_valued or (own.kind == "custom" and event.call_kind == "function")
    return msgspec.structs.replace(
        event, name=str(own), namespace=own.namespace, call_kind=own.kind, is_wrapped=is_wrapped
    )


def restore_answer(answer: Answer, names: Mapping[str, str]) -> Answer:
    """The folded answer with the caller's own names for tools."""
    blocks = tuple(
        _restored(block, names[block.name]) if isinstance(block, ToolCallBlock) and block.name in names else block
        for block in answer.blocks
    )
    return msgspec.structs.replace(answer, blocks=blocks)


def _restored(block: ToolCallBlock, own: str) -> ToolCallBlock:
    if not isinstance(own, OwnName):
        return msgspec.structs.replace(block, name=own)
    is_wrapped = own.is_valued or (own.kind == "custom" and block.kind == "function")
    arguments = unwrapped(block.arguments, own.kind) if is_wrapped else block.arguments
    return msgspec.structs.replace(block, name=str(own), namespace=own.namespace, kind=own.kind, arguments=arguments)


def _names(request: ChatRequest, valued: frozenset[str]) -> Iterator[OwnName]:
    """Those of tools last: they know most."""
    calls = (block for message in request.messages for block in message.blocks if isinstance(block, ToolCallBlock))
    yield from (OwnName(call.name, call.kind, call.namespace) for call in calls)
    for tool in request.tools:
        if isinstance(tool, Tool):
            yield OwnName(tool.name, tool.kind, tool.namespace, is_valued=tool.name in valued)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
