"""Tools and tool choice of a Messages request into canon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import UNSET, Raw, UnsetType

from torouter.canon.blocks import Carried, Fate, Origin
from torouter.canon.request import Tool, ToolChoice, VendorTool
from torouter.codecs.anthropic.decode_content import read_cache_hint
from torouter.codecs.fields import BOOL, STR, STRS, Fields
from torouter.errors import RequestError

__all__ = ["decode_tool_choice", "decode_tools"]

_HOME: Final = Origin(dialect="anthropic")
_MODES: Final[Mapping[str, Literal["auto", "none", "required"]]] = {"auto": "auto", "any": "required", "none": "none"}
_FATES: Final[Mapping[str, tuple[Fate, str]]] = {
    "eager_input_streaming": ("hint", "it is only how a call's input is streamed"),
    "input_examples": ("report", "examples of a tool's input have no field there"),
    "defer_loading": ("report", "the tool is declared at once"),
}


def decode_tools(top: Fields) -> tuple[Tool | VendorTool, ...]:
    return tuple(_tool(Fields(raw, f"tools.{index}"), raw) for index, raw in enumerate(top.list("tools")))


def _tool(said: Fields, raw: Raw) -> Tool | VendorTool:
    word = said.get("type", STR) or "custom"
    if word != "custom":
        name = said.get("name", STR) or ""
        return VendorTool(origin=_HOME, kind=word, raw=bytes(raw), path=said.path, name=name)
    return Tool(
        name=said.need("name", STR),
        path=said.path,
        description=said.get("description", STR),
        schema=said.raw("input_schema"),
        schema_path=said.at("input_schema"),
        strict=said.get("strict", BOOL),
        raw=bytes(raw),
        cache=read_cache_hint(said),
        carried=(*_callers(said), *said.rest("anthropic", _FATES)),
    )


def _callers(said: Fields) -> tuple[Carried, ...]:
    is_direct = set(said.get("allowed_callers", STRS) or ["direct"]) == {"direct"}
    fate: Fate = "hint" if is_direct else "refuse"
    return said.carry("allowed_callers", "anthropic", fate, "only Anthropic can let its own tools call it")


def decode_tool_choice(top: Fields) -> tuple[ToolChoice | None, bool | UnsetType]:
    """The choice, and whether parallel calls may be made."""
    raw, said = top.raw("tool_choice"), top.object("tool_choice")
    if raw is None or said is None:
        return None, UNSET
    word = said.need("type", STR)
    is_single = said.get("disable_parallel_tool_use", BOOL)
    parallel = UNSET if is_single is None else not is_single
    if word == "tool":
        names = (said.need("name", STR),)
        unread = said.rest("anthropic", within=said.path)
        return ToolChoice(mode="required", form="named", names=names, raw=raw, carried=unread), parallel
    if word not in _MODES:
        raise RequestError(
            f"`tool_choice.type` is `{word}`, which is unknown", code="invalid_value", param="tool_choice"
        )
    return ToolChoice(mode=_MODES[word], raw=raw, carried=said.rest("anthropic", within=said.path)), parallel
