"""Foreign tools, tool choice and output format in Chat Completions' form."""

from __future__ import annotations

from typing import Final

from msgspec import Raw

from torouter.canon.losses import LossLog
from torouter.canon.names import wire_name
from torouter.canon.request import ChatRequest, OutputFormat, Tool, VendorTool
from torouter.codecs.json_objects import Json
from torouter.codecs.strict_schema import is_strict

__all__ = ["encode_format", "encode_tool_choice", "encode_tools"]

_DEFAULT_FORMAT_NAME: Final = "response"


def encode_tools(request: ChatRequest, log: LossLog) -> list[Json]:
    return [_tool(tool, log) for tool in request.tools]


def encode_tool_choice(request: ChatRequest, log: LossLog) -> Json:
    """`tool_choice` and `parallel_tool_calls`, as far as they say something. Without tools neither may be sent."""
    choice = request.tool_choice
    if not request.tools:
        return {}
    written: Json = {}
    if choice is not None and choice.form != "mode":
        functions = [_function(name) for name in choice.names]
        subset: Json = {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": functions}}
        written["tool_choice"] = functions[0] if choice.form == "named" else subset
    elif choice is not None:
        written["tool_choice"] = choice.mode
    if request.settings.parallel_tool_calls is False and not (choice is not None and choice.mode == "none"):
        written["parallel_tool_calls"] = False
    return written


def _function(name: str) -> Json:
    return {"type": "function", "function": {"name": wire_name(name, "openai-chat")}}


def _tool(tool: Tool | VendorTool, log: LossLog) -> Json:
    if isinstance(tool, VendorTool):
        named = f"`{tool.name}` of type `{tool.kind}`" if tool.name else f"of type `{tool.kind}`"
        raise log.refusal(tool.path, f"the tool {named} exists at its vendor only", "use function tools")
    log.settle(tool.carried, tool.path)
    function: Json = {"name": wire_name(tool.name, "openai-chat")}
    if tool.description:
        function["description"] = tool.description
    if tool.schema is not None:
        function["parameters"] = Raw(tool.schema)
    if tool.strict:
        if is_strict(tool.schema):
            function["strict"] = True
        else:
            log.report(tool.path, "dropped", "`strict` needs closed objects with all properties required there")
    return {"type": "function", "function": function}


def encode_format(output: OutputFormat | None, log: LossLog) -> Json:
    """`response_format`, or nothing."""
    if output is None or output.kind == "text":
        return {}
    if output.kind == "json":
        return {"response_format": {"type": "json_object"}}
    if output.schema is None:
        raise log.refusal(output.path, "the schema is missing", "give the schema")
    schema: Json = {"name": output.name or _DEFAULT_FORMAT_NAME, "schema": Raw(output.schema)}
    if output.description:
        schema["description"] = output.description
    if output.strict and not is_strict(output.schema):
        log.report(output.path, "approximated", "a guarantee needs closed objects with all properties required there")
        schema["strict"] = False
    elif output.strict is not None:
        schema["strict"] = output.strict
    return {"response_format": {"type": "json_schema", "json_schema": schema}}
