"""Tools and tool choice of a request into canon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from torouter.canon.blocks import Carried, Fate, Origin
from torouter.canon.request import Tool, ToolChoice, VendorTool
from torouter.codecs.fields import STR, STRS, meaning
from torouter.codecs.gemini.schema import from_openapi
from torouter.codecs.gemini.spelling import CamelFields

__all__ = ["decode_tool_choice", "decode_tools"]

_HOME: Final = Origin(dialect="gemini")
_Mode = Literal["auto", "none", "required"]
_MODES: Final[Mapping[str, _Mode]] = {
    "AUTO": "auto",
    "ANY": "required",
    "NONE": "none",
    "VALIDATED": "auto",
    "MODE_UNSPECIFIED": "auto",
}
_FATES: Final[Mapping[str, tuple[Fate, str]]] = {
    "response": ("report", "what a tool gives back is not described there"),
    "responseJsonSchema": ("report", "what a tool gives back is not described there"),
    "behavior": ("report", "calls that do not wait for their result exist for Gemini's live API only"),
}


def decode_tools(top: CamelFields, *, is_validated: bool) -> tuple[Tool | VendorTool, ...]:
    """`is_validated`: calls must obey the schemas, which other dialects say of each tool."""
    found: list[Tool | VendorTool] = []
    for said, _ in top.items("tools"):
        for name in said.names():
            if name == "functionDeclarations":
                declared = said.items(name)
                found += [_function(each, raw, is_validated=is_validated) for each, raw in declared]
            else:
                raw = said.raw(name) or b"{}"
                found.append(VendorTool(origin=_HOME, kind=name, raw=raw, path=said.at(name)))
    return tuple(found)


def _function(said: CamelFields, raw: bytes, *, is_validated: bool) -> Tool:
    plain, openapi = said.raw("parametersJsonSchema"), said.raw("parameters")
    schema = plain if plain is not None else (None if openapi is None else from_openapi(openapi))
    return Tool(
        name=said.need("name", STR),
        path=said.path,
        description=said.get("description", STR),
        schema=schema,
        schema_path=said.at("parameters" if plain is None else "parametersJsonSchema"),
        strict=True if is_validated else None,
        raw=raw,
        carried=said.rest("gemini", _FATES),
    )


def decode_tool_choice(top: CamelFields) -> tuple[ToolChoice | None, bool, tuple[Carried, ...]]:
    """The choice, whether calls must obey their schemas, and what else the object says."""
    config = top.object("toolConfig")
    if config is None:
        return None, False, ()
    calling = config.object("functionCallingConfig")
    rest = config.rest("gemini", within=config.path)
    if calling is None:
        return None, False, rest
    word = (calling.get("mode", STR) or "AUTO").upper()
    mode = meaning(word, _MODES, calling.at("mode"))
    names = tuple(calling.get("allowedFunctionNames", STRS) or ())
    rest = (*rest, *calling.rest("gemini", within=calling.path))
    raw = msgspec.json.encode({"mode": word})
    if not names or mode == "none":
        return ToolChoice(mode=mode, raw=raw), word == "VALIDATED", rest
    form: Literal["named", "subset"] = "named" if mode == "required" and len(names) == 1 else "subset"
    return ToolChoice(mode=mode, form=form, names=names, raw=raw), word == "VALIDATED", rest
