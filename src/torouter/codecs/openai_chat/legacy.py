"""Calls as they were before there were tools: `functions`, `function_call`, at most one call in an answer, no ids.

Old clients still send them. Elsewhere they are tools; the answer wears the old form again.
"""

from __future__ import annotations

from torouter.canon.request import ChatRequest, Tool, ToolChoice
from torouter.codecs.fields import STR, Fields, meaning
from torouter.codecs.openai_chat.decode_tools import MODES, unread
from torouter.errors import RequestError

__all__ = ["decode_function_choice", "decode_functions", "is_legacy"]


def is_legacy(request: ChatRequest | None) -> bool:
    """Is the answer to be in the old form?"""
    return request is not None and bool(request.tools) and any(item.name == "functions" for item in request.carried)


def decode_functions(top: Fields) -> tuple[Tool, ...]:
    functions = top.objects("functions")
    if functions and top.list("tools"):
        raise RequestError("`functions` and `tools` exclude each other: send `tools`", param="functions")
    raws = top.list("functions")
    return tuple(_function(said, bytes(raw)) for said, raw in zip(functions, raws, strict=True))


def _function(said: Fields, raw: bytes) -> Tool:
    return Tool(
        name=said.need("name", STR),
        path=said.path,
        description=said.get("description", STR),
        schema=said.raw("parameters"),
        schema_path=said.at("parameters"),
        raw=raw,
        carried=said.rest("openai-chat"),
    )


def decode_function_choice(top: Fields) -> ToolChoice | None:
    raw = top.raw("function_call")
    if raw is None:
        return None
    if top.is_text("function_call"):
        return ToolChoice(mode=meaning(top.need("function_call", STR), MODES, "function_call"), raw=raw)
    said = Fields(raw, "function_call")
    return ToolChoice(mode="required", form="named", names=(said.need("name", STR),), raw=raw, carried=unread(said))
