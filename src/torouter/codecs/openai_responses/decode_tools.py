"""Tools and tool choice of a Responses request into canon. Both are flat here where Chat nests them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal

import msgspec
from msgspec import Raw

from torouter.canon.blocks import Carried, Fate, Origin
from torouter.canon.request import Tool, ToolChoice, VendorTool
from torouter.codecs.fields import BOOL, STR, STRS, Fields, meaning
from torouter.codecs.strict_schema import is_strict

__all__ = ["SEARCH", "decode_tool_choice", "decode_tools", "descriptions"]

SEARCH: Final = "tool_search"

_HOME: Final = Origin(dialect="openai-responses")
_FATES: Final[Mapping[str, tuple[Fate, str]]] = {
    "cache_control": ("hint", ""),
    "output_schema": ("report", "what a tool gives back is not described there"),
}
_DISPENSABLE: Final[Mapping[str, str]] = {
    "web_search": "the search is run by OpenAI's own servers; the model was not told of it",
    SEARCH: "all tools that are known are declared at once, so that there is nothing to search",
}
"""Tools that agents declare with every request without a word of it (Codex 0.169, seen 2026-11). Where nothing forces
a call of them, a request is answered without them, and the loss reported."""
_NO_NAMESPACES: Final = "namespaces became a part of the names, and have no description there"
_MODES: Final[Mapping[str, Literal["auto", "none", "required"]]] = {
    "auto": "auto",
    "none": "none",
    "required": "required",
}


def decode_tools(top: Fields, items: Iterable[Fields], choice: ToolChoice | None) -> tuple[Tool | VendorTool, ...]:
    """The tools of `tools` and of the `items` that declare some; one that is declared again counts as it was last."""
    forced = choice.names if choice is not None else ()
    found: dict[object, Tool | VendorTool] = {}
    for said in (top, *items):
        for tool in _tools(said, forced):
            identity = (tool.namespace, tool.name) if isinstance(tool, Tool) else tool.path
            found[identity] = tool
    return tuple(found.values())


def _tools(said: Fields, forced: tuple[str, ...], namespace: str | None = None) -> Iterator[Tool | VendorTool]:
    for index, raw in enumerate(said.list("tools")):
        yield from _tool(Fields(raw, said.at(f"tools.{index}")), raw, forced, namespace)


def _tool(said: Fields, raw: Raw, forced: tuple[str, ...], namespace: str | None) -> Iterator[Tool | VendorTool]:
    word = said.get("type", STR) or "function"
    if word == "function":
        yield _function(said, bytes(raw), namespace)
    elif word == "custom":
        yield _custom(said, bytes(raw), namespace)
    elif word == SEARCH and said.get("execution", STR) == "client":
        yield _search(said, bytes(raw))
    elif word == "namespace":
        yield from _tools(said, forced, said.need("name", STR))
    else:
        why = "" if word in forced else _DISPENSABLE.get(word, "")
        fate: Fate = "report" if why else "refuse"
        yield VendorTool(
            origin=_HOME,
            kind=word,
            raw=bytes(raw),
            path=said.path,
            name=said.get("name", STR) or word,
            fate=fate,
            why=why,
        )


def _function(said: Fields, raw: bytes, namespace: str | None) -> Tool:
    """Strict where the caller did not say, if the schema can be: that is this dialect's default."""
    schema, strict = said.raw("parameters"), said.get("strict", BOOL)
    return Tool(
        name=said.need("name", STR),
        path=said.path,
        namespace=namespace,
        description=said.get("description", STR),
        schema=schema,
        schema_path=said.at("parameters"),
        strict=is_strict(schema) and schema is not None if strict is None else strict,
        raw=raw,
        carried=(*_deferral(said), *_callers(said), *said.rest("openai-responses", _FATES)),
    )


def _custom(said: Fields, raw: bytes, namespace: str | None) -> Tool:
    return Tool(
        name=said.need("name", STR),
        path=said.path,
        namespace=namespace,
        description=said.get("description", STR),
        kind="custom",
        grammar=said.raw("format"),
        raw=raw,
        carried=(*_deferral(said), *_callers(said), *said.rest("openai-responses", _FATES)),
    )


def _search(said: Fields, raw: bytes) -> Tool:
    """A search that the client runs is a function but for its name, which is its type."""
    return Tool(
        name=SEARCH,
        path=said.path,
        description=said.get("description", STR),
        schema=said.raw("parameters"),
        schema_path=said.at("parameters"),
        strict=False,
        kind="search",
        raw=raw,
        carried=said.rest("openai-responses", _FATES),
    )


def _deferral(said: Fields) -> tuple[Carried, ...]:
    fate: Fate = "report" if said.get("defer_loading", BOOL) else "hint"
    return said.carry("defer_loading", "openai-responses", fate, "the tool is declared at once")


def _callers(said: Fields) -> tuple[Carried, ...]:
    is_direct = set(said.get("allowed_callers", STRS) or ("direct",)) == {"direct"}
    why = "programs that call tools are run by OpenAI's own servers"
    return said.carry("allowed_callers", "openai-responses", "hint" if is_direct else "refuse", why)


def descriptions(top: Fields, items: Iterable[Fields]) -> tuple[Carried, ...]:
    """Those of namespaces, which are lost where there are none, and what else is said of one."""
    return tuple(
        msgspec.structs.replace(item, within=group.path)
        for said in (top, *items)
        for group in said.objects("tools")
        if group.get("type", STR) == "namespace"
        for item in _group(group)
    )


def _group(said: Fields) -> tuple[Carried, ...]:
    said.raw("name")
    said.raw("tools")
    return said.rest("openai-responses", {"description": ("report", _NO_NAMESPACES)})


def decode_tool_choice(top: Fields) -> ToolChoice | None:
    raw = top.raw("tool_choice")
    if raw is None:
        return None
    if top.is_text("tool_choice"):
        return ToolChoice(mode=meaning(top.need("tool_choice", STR), _MODES, "tool_choice"), raw=raw)
    said = Fields(raw, "tool_choice")
    word = said.need("type", STR)
    if word in _MODES:
        return ToolChoice(mode=_MODES[word], raw=raw)
    if word == "allowed_tools":
        return _subset(said, raw)
    names = (_named(said),)
    return ToolChoice(mode="required", form="named", names=names, raw=raw, carried=_unread(said))


def _subset(said: Fields, raw: bytes) -> ToolChoice:
    mode = meaning(said.get("mode", STR) or "auto", _MODES, said.at("mode"))
    names = tuple(map(_named, said.objects("tools")))
    return ToolChoice(mode=mode, form="subset", names=names, raw=raw, carried=_unread(said))


def _unread(said: Fields) -> tuple[Carried, ...]:
    """What nobody knows of a choice."""
    return said.rest("openai-responses", within=said.path)


def _named(said: Fields) -> str:
    """Tools that OpenAI runs have no name but their type."""
    word = said.get("type", STR) or "function"
    return said.need("name", STR) if word in ("function", "custom") else said.get("name", STR) or word
