"""Foreign tools and tool choice in Responses' flat form."""

from __future__ import annotations

from msgspec import Raw

from torouter.canon.losses import LossLog
from torouter.canon.names import wire_name
from torouter.canon.request import ChatRequest, Tool, VendorTool
from torouter.codecs.figures import decoded
from torouter.codecs.json_objects import Json
from torouter.codecs.strict_schema import is_strict

__all__ = ["encode_tool_choice", "encode_tools"]


def encode_tools(request: ChatRequest, log: LossLog) -> list[Json]:
    return [_tool(tool, log) for tool in request.tools]


def encode_tool_choice(request: ChatRequest) -> Json:
    """`tool_choice` and `parallel_tool_calls`, as far as they say something."""
    choice = request.tool_choice
    if not request.tools:
        return {}
    written: Json = {}
    if choice is not None and choice.form != "mode":
        kinds = {tool.name: tool.kind for tool in request.tools if isinstance(tool, Tool)}
        named: list[Json] = [
            {"type": kinds.get(name, "function"), "name": wire_name(name, "openai-responses")} for name in choice.names
        ]
        subset: Json = {"type": "allowed_tools", "mode": choice.mode, "tools": named}
        written["tool_choice"] = named[0] if choice.form == "named" else subset
    elif choice is not None:
        written["tool_choice"] = choice.mode
    if request.settings.parallel_tool_calls is False and not (choice is not None and choice.mode == "none"):
        written["parallel_tool_calls"] = False
    return written


def _tool(tool: Tool | VendorTool, log: LossLog) -> Json:
    if isinstance(tool, VendorTool):
        named = f"`{tool.name}` of type `{tool.kind}`" if tool.name else f"of type `{tool.kind}`"
        raise log.refusal(tool.path, f"the tool {named} exists at its vendor only", "use function tools")
    log.settle(tool.carried, tool.path)
    described: Json = {"description": tool.description} if tool.description else {}
    name = wire_name(tool.name, "openai-responses")
    if tool.kind == "custom":
        return {"type": "custom", "name": name, **described, **_grammar(tool.grammar)}
    is_kept = bool(tool.strict) and is_strict(tool.schema)
    if tool.strict and not is_kept:
        log.report(tool.path, "dropped", "`strict` needs closed objects with all properties required there")
    schema = Raw(tool.schema) if tool.schema is not None else None
    return {"type": "function", "name": name, **described, "parameters": schema, "strict": is_kept}


def _grammar(raw: bytes | None) -> Json:
    """Chat nests a grammar's words in an object of their own."""
    if raw is None:
        return {}
    said = decoded(raw)
    nested = said.get("grammar") if isinstance(said, dict) else None
    return {"format": {"type": "grammar", **nested} if isinstance(nested, dict) else Raw(raw)}
