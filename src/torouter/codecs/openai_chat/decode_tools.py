"""Tools, tool choice and response format of a Chat Completions request into canon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from msgspec import Raw

from torouter.canon.blocks import Carried, Fate, Origin
from torouter.canon.request import OutputFormat, Tool, ToolChoice, VendorTool
from torouter.codecs.fields import BOOL, STR, Fields, meaning
from torouter.errors import RequestError

__all__ = ["MODES", "decode_output", "decode_tool_choice", "decode_tools", "unread"]

_HOME: Final = Origin(dialect="openai-chat")
_FATES: Final[Mapping[str, tuple[Fate, str]]] = {"cache_control": ("hint", "")}
MODES: Final[Mapping[str, Literal["auto", "none", "required"]]] = {
    "auto": "auto",
    "none": "none",
    "required": "required",
}


def decode_tools(top: Fields) -> tuple[Tool | VendorTool, ...]:
    return tuple(_tool(Fields(raw, f"tools.{index}"), raw) for index, raw in enumerate(top.list("tools")))


def _tool(said: Fields, raw: Raw) -> Tool | VendorTool:
    word = said.get("type", STR) or "function"
    if word == "function":
        function = said.need_object("function")
        return Tool(
            name=function.need("name", STR),
            path=said.path,
            description=function.get("description", STR),
            schema=function.raw("parameters"),
            schema_path=function.at("parameters"),
            strict=function.get("strict", BOOL),
            raw=bytes(raw),
            carried=(*function.rest("openai-chat", within="function"), *said.rest("openai-chat", _FATES)),
        )
    custom = said.object("custom")
    if word == "custom" and custom is not None:
        return Tool(
            name=custom.need("name", STR),
            path=said.path,
            description=custom.get("description", STR),
            kind="custom",
            grammar=custom.raw("format"),
            raw=bytes(raw),
            carried=(*custom.rest("openai-chat", within="custom"), *said.rest("openai-chat", _FATES)),
        )
    return VendorTool(origin=_HOME, kind=word, raw=bytes(raw), path=said.path)


def decode_tool_choice(top: Fields) -> ToolChoice | None:
    raw = top.raw("tool_choice")
    if raw is None:
        return None
    if top.is_text("tool_choice"):
        return ToolChoice(mode=meaning(top.need("tool_choice", STR), MODES, "tool_choice"), raw=raw)
    said = Fields(raw, "tool_choice")
    word = said.need("type", STR)
    if word in ("function", "custom"):
        named = said.object(word) or said  # `{type, name}`, the flat form of Responses, is sent here too
        names = (named.need("name", STR),)
        return ToolChoice(mode="required", form="named", names=names, raw=raw, carried=unread(said, named))
    if word == "allowed_tools":
        inner = said.object("allowed_tools") or said
        return msgspec.structs.replace(_subset(inner, raw), carried=unread(said, inner))
    if word in MODES:
        return ToolChoice(mode=MODES[word], raw=raw)
    raise RequestError(f"`tool_choice.type` is `{word}`, which is unknown", code="invalid_value", param="tool_choice")


def unread(*said: Fields) -> tuple[Carried, ...]:
    """What nobody knows of a choice."""
    return tuple(item for each in said for item in each.rest("openai-chat", within=each.path))


def _subset(said: Fields, raw: bytes) -> ToolChoice:
    names = tuple(
        (tool.object(tool.get("type", STR) or "function") or tool).need("name", STR) for tool in said.objects("tools")
    )
    mode = meaning(said.get("mode", STR) or "auto", MODES, said.at("mode"))
    return ToolChoice(mode=mode, form="subset", names=names, raw=raw)


def decode_output(top: Fields) -> OutputFormat | None:
    said = top.object("response_format")
    if said is None:
        return None
    word = said.need("type", STR)
    if word == "text":
        return OutputFormat(kind="text", path=said.path, carried=said.rest("openai-chat"))
    if word == "json_object":
        return OutputFormat(kind="json", path=said.path, carried=said.rest("openai-chat"))
    schema = said.object("json_schema")
    if word != "json_schema" or schema is None:
        raise RequestError(f"`response_format.type` is `{word}`, or its schema is missing", param="response_format")
    return OutputFormat(
        kind="schema",
        path=said.path,
        name=schema.get("name", STR),
        schema=schema.raw("schema"),
        description=schema.get("description", STR),
        strict=schema.get("strict", BOOL),
        carried=(*schema.rest("openai-chat", within="json_schema"), *said.rest("openai-chat", _FATES)),
    )
