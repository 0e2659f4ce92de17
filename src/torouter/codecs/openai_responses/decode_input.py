"""The input items of a Responses request into canon, each item a message of its own, in exact order.

An item goes home as the bytes that it came in. Tools may be declared by items too: they are given beside the messages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Raw

from torouter.canon.blocks import (
    Blob,
    Block,
    Carried,
    Fate,
    MediaBlock,
    OpaqueBlock,
    Origin,
    ReasoningBlock,
    ServerToolBlock,
    TextBlock,
    ToolCallBlock,
    ToolResultBlock,
)
from torouter.canon.names import flat_name
from torouter.canon.request import Message, Role
from torouter.codecs.fields import STR, Fields
from torouter.codecs.openai_responses.decode_content import decode_content
from torouter.codecs.openai_responses.decode_tools import SEARCH
from torouter.errors import RequestError

__all__ = ["ITEM", "decode_input"]

ITEM: Final = "item"
"""The name under which a message carries the item that it was."""
_HOME: Final = Origin(dialect="openai-responses")
_ROLES: Final[Mapping[str, Role]] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
}
_FATES: Final[Mapping[str, tuple[Fate, str]]] = {
    "id": ("hint", "an item's id is for the store of its own vendor"),
    "status": ("hint", "what stands in the history is read as it is"),
    "created_by": ("hint", "it says nothing to a model"),
    "phase": ("report", "messages have no phase there"),
}
_HOSTED: Final = frozenset(
    {
        *("web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call"),
        *("mcp_list_tools", "mcp_call", "tool_search_call", "tool_search_output"),
    }
)
"""What the provider ran and the model has used already. Only a tool search may have been run by the client."""
_DECLARING: Final = frozenset({"additional_tools", "tool_search_output"})
_Placed = list[tuple[str, Block]]
_Read = tuple[Role, _Placed]


def decode_input(top: Fields) -> tuple[tuple[Message, ...], list[Fields]]:
    """The messages, `instructions` first, and the items that declare tools."""
    front = _instructions(top)
    if top.is_text("input"):
        return (*front, _plain(top)), []
    items = top.list("input")
    if not items:
        raise RequestError("`input` must hold at least one item", code="missing_required_parameter", param="input")
    read = [(Fields(raw, f"input.{index}"), raw) for index, raw in enumerate(items)]
    declaring = [said for said, _ in read if said.get("type", STR) in _DECLARING]
    return (*front, *(_message(said, raw) for said, raw in read)), declaring


def _instructions(top: Fields) -> tuple[Message, ...]:
    text = top.get("instructions", STR)
    if text is None:
        return ()
    return (Message(role="system", blocks=(TextBlock(text=text),), path="instructions", places=("",), is_front=True),)


def _plain(top: Fields) -> Message:
    text = TextBlock(text=top.need("input", STR))
    return Message(
        role="user", blocks=(text,), path="input", places=("",), carried=top.carry("input", "openai-responses", "typed")
    )


def _message(said: Fields, raw: Raw) -> Message:
    word = said.get("type", STR) or ("message" if "role" in said else "item_reference")
    role, placed = _ITEMS.get(word, _unknown)(said, raw)
    carried = () if word in _HOSTED or word not in _ITEMS else (*_caller(said), *said.rest("openai-responses", _FATES))
    return Message(
        role=role,
        path=said.path,
        blocks=tuple(block for _, block in placed),
        places=tuple(place for place, _ in placed),
        phase=said.get("phase", STR),
        carried=(*carried, Carried(name=ITEM, value=bytes(raw), origin="openai-responses", fate="typed")),
    )


def _caller(said: Fields) -> tuple[Carried, ...]:
    """The model itself (`direct`), or a program that the provider ran."""
    caller = said.object("caller")
    if caller is None or caller.get("type", STR) == "direct":
        return said.carry("caller", "openai-responses", "hint", "the model itself is the caller everywhere")
    return said.carry("caller", "openai-responses", "report", "the program that made the call is not known there")


def _said(said: Fields, raw: Raw) -> _Read:
    _, role = said.need_word("role", _ROLES)
    return role, decode_content(said, "content")


def _function_call(said: Fields, raw: Raw) -> _Read:
    arguments = said.get("arguments", STR) if said.is_text("arguments") else (said.raw("arguments") or b"").decode()
    return "assistant", [("", _call(said, arguments or ""))]


def _custom_call(said: Fields, raw: Raw) -> _Read:
    return "assistant", [("", _call(said, said.get("input", STR) or "", is_custom=True))]


def _call(said: Fields, arguments: str, *, is_custom: bool = False) -> ToolCallBlock:
    return ToolCallBlock(
        id=said.need("call_id", STR),
        name=said.need("name", STR),
        arguments=arguments,
        kind="custom" if is_custom else "function",
        namespace=said.get("namespace", STR),
    )


def _function_output(said: Fields, raw: Raw) -> _Read:
    return "user", [("", _result(said, is_custom=False))]


def _custom_output(said: Fields, raw: Raw) -> _Read:
    return "user", [("", _result(said, is_custom=True))]


def _result(said: Fields, *, is_custom: bool) -> ToolResultBlock:
    call_id = said.need("call_id", STR)
    placed = [
        (place, block)
        for place, block in decode_content(said, "output")
        if isinstance(block, TextBlock | MediaBlock | OpaqueBlock)
    ]
    return ToolResultBlock(
        call_id=call_id,
        content=tuple(block for _, block in placed),
        places=tuple(place for place, _ in placed),
        name=said.get("name", STR),
        kind="custom" if is_custom else "function",
    )


def _reasoning(said: Fields, raw: Raw) -> _Read:
    """Without visible words or state an item says nothing, and nothing is lost with it."""
    summary = tuple(part.get("text", STR) or "" for part in said.objects("summary"))
    text = "".join(part.get("text", STR) or "" for part in said.objects("content"))
    sealed = said.get("encrypted_content", STR)
    blobs = (Blob(kind="encrypted", data=sealed, origin=_HOME),) if sealed else ()
    if not (any(summary) or text or blobs):
        return "assistant", []
    return "assistant", [("", ReasoningBlock(text=text, summary=summary, blobs=blobs, id=said.get("id", STR)))]


def _hosted(said: Fields, raw: Raw) -> _Read:
    word = said.need("type", STR)
    if word == "tool_search_output":
        return "user", [("", ServerToolBlock(stage="result", origin=_HOME, kind=word, raw=bytes(raw)))]
    return "assistant", [("", ServerToolBlock(stage="call", origin=_HOME, kind=word, raw=bytes(raw)))]


def _search_call(said: Fields, raw: Raw) -> _Read:
    """One that the client runs is a call like any other."""
    if said.get("execution", STR) != "client":
        return _hosted(said, raw)
    arguments = (said.raw("arguments") or b"{}").decode()
    if said.is_text("arguments"):
        arguments = said.need("arguments", STR)
    call = ToolCallBlock(id=said.need("call_id", STR), name=SEARCH, arguments=arguments, kind="search")
    return "assistant", [("", call)]


def _search_output(said: Fields, raw: Raw) -> _Read:
    """The tools that were found are declared with all others; the model is told which they are."""
    if said.get("execution", STR) != "client":
        return _hosted(said, raw)
    names = ", ".join(name for tool in said.objects("tools") for name in _names(tool) if name)
    text = f"Found: {names}. They can be called now." if names else "No tools were found."
    result = ToolResultBlock(call_id=said.need("call_id", STR), content=(TextBlock(text=text),))
    return "user", [("", result)]


def _names(tool: Fields) -> list[str]:
    """As they are told to upstreams without namespaces."""
    name = tool.get("name", STR) or ""
    if tool.get("type", STR) != "namespace":
        return [name]
    return [flat_name(inner.get("name", STR) or "", name) for inner in tool.objects("tools")]


def _tools(said: Fields, raw: Raw) -> _Read:
    """What it declares is read as tools; of the message itself nothing is left to say."""
    said.list("tools")
    said.get("role", STR)
    return "developer", []


def _unknown(said: Fields, raw: Raw) -> _Read:
    return "user", [("", OpaqueBlock(origin=_HOME, kind=said.get("type", STR) or "", raw=bytes(raw)))]


_ITEMS: Final[Mapping[str, Callable[[Fields, Raw], _Read]]] = {
    "message": _said,
    "function_call": _function_call,
    "custom_tool_call": _custom_call,
    "function_call_output": _function_output,
    "custom_tool_call_output": _custom_output,
    "reasoning": _reasoning,
    "additional_tools": _tools,
    **dict.fromkeys(_HOSTED, _hosted),
    "tool_search_call": _search_call,
    "tool_search_output": _search_output,
}
