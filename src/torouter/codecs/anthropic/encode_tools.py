"""Foreign tools and tool choice in the Messages API's form."""

from __future__ import annotations

from msgspec import Raw

from torouter.canon.blocks import ToolCallBlock
from torouter.canon.losses import LossLog
from torouter.canon.names import wire_name
from torouter.canon.request import ChatRequest, Tool, VendorTool
from torouter.codecs.anthropic.schema import EMPTY_OBJECT, input_schema, is_in_subset
from torouter.codecs.json_objects import Json

__all__ = ["encode_tool_choice", "encode_tools"]


def encode_tools(request: ChatRequest, log: LossLog) -> list[Json]:
    """The tools that the model may know of: all, or the subset that the choice allows."""
    choice = request.tool_choice
    if not request.tools:
        return _from_history(request, log)
    if choice is None or choice.form != "subset":
        return [_tool(tool, log) for tool in request.tools]
    log.report(
        request.path_of("tool_choice"),
        "approximated",
        "only the allowed tools are declared, so cached prefixes change with them",
    )
    return [_tool(tool, log) for tool in request.tools if tool.name in choice.names]


def encode_tool_choice(request: ChatRequest, tools: list[Json], log: LossLog) -> Json | None:
    """`None` says nothing: the model decides. At most one call is a part of the choice here, and no part of `none`."""
    choice, is_single = request.tool_choice, request.settings.parallel_tool_calls is False
    if not request.tools:
        return {"type": "none"} if tools else None
    if choice is None:
        return {"type": "auto", "disable_parallel_tool_use": True} if is_single else None
    if choice.mode == "none":
        return {"type": "none"}
    written: Json
    if choice.form == "named":
        written = {"type": "tool", "name": wire_name(choice.names[0], "anthropic")}
    else:
        written = {"type": "any" if choice.mode == "required" else "auto"}
    if is_single:
        written["disable_parallel_tool_use"] = True
    return written


def _tool(tool: Tool | VendorTool, log: LossLog) -> Json:
    if isinstance(tool, VendorTool):
        raise log.refusal(tool.path, f"tools of type `{tool.kind}` exist at their vendor only", "use function tools")
    log.settle(tool.carried, tool.path)
    schema = input_schema(tool.schema)
    if schema is None:
        raise log.refusal(tool.schema_path, "parameters must be an object", "give the schema `type: object`")
    raw, note = schema
    if note is not None:
        log.report(tool.schema_path, "approximated", note)
    written: Json = {"name": wire_name(tool.name, "anthropic")}
    if tool.description:
        written["description"] = tool.description
    written["input_schema"] = Raw(raw)
    if tool.strict:
        _make_strict(written, tool, raw, log)
    return written


def _make_strict(written: Json, tool: Tool, schema: bytes, log: LossLog) -> None:
    if is_in_subset(schema):
        written["strict"] = True
    else:
        log.report(tool.path, "dropped", "the schema uses words that strict tools do not know there")


def _from_history(request: ChatRequest, log: LossLog) -> list[Json]:
    """Calls in the history need definitions even where none may be made any more."""
    names = {
        block.name: None
        for message in request.messages
        for block in message.blocks
        if isinstance(block, ToolCallBlock) and block.kind == "function"
    }
    if names:
        log.report(
            "tools", "added", "the history's calls need definitions; minimal ones that may not be called were added"
        )
    return [{"name": wire_name(name, "anthropic"), "input_schema": Raw(EMPTY_OBJECT)} for name in names]
