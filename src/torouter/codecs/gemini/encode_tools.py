"""Foreign tools, tool choice and output format in Gemini's form."""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from msgspec import Raw

from torouter.canon.losses import LossLog
from torouter.canon.names import wire_name
from torouter.canon.reasoning import ModelFacts
from torouter.canon.request import ChatRequest, Tool, VendorTool
from torouter.codecs.gemini.openapi import to_openapi
from torouter.codecs.gemini.schema import to_subset
from torouter.codecs.json_objects import Json

__all__ = ["encode_format", "encode_tool_config", "encode_tools"]

_MODES: Final[dict[Literal["auto", "none", "required"], str]] = {"auto": "AUTO", "none": "NONE", "required": "ANY"}


def encode_tools(request: ChatRequest, facts: ModelFacts, log: LossLog) -> list[Json]:
    """All functions in one tool. Where the model may choose among a subset, only that is declared."""
    choice = request.tool_choice
    tools = request.tools
    if choice is not None and choice.form == "subset" and choice.mode == "auto":
        log.report(
            request.path_of("tool_choice"),
            "approximated",
            "only the allowed tools are declared, so cached prefixes change with them",
        )
        tools = tuple(tool for tool in tools if tool.name in choice.names)
    declared = [_function(tool, facts, log) for tool in tools]
    return [{"functionDeclarations": declared}] if declared else []


def encode_tool_config(request: ChatRequest, log: LossLog) -> Json:
    """`toolConfig`, as far as it says something."""
    choice = request.tool_choice
    if not request.tools:
        return {}
    if request.settings.parallel_tool_calls is False and not (choice is not None and choice.mode == "none"):
        log.report(request.path_of("parallel_tool_calls"), "dropped", "the number of calls cannot be limited there")
    mode = "AUTO" if choice is None else _MODES[choice.mode]
    if mode == "AUTO" and _is_strict(request, log):
        mode = "VALIDATED"
    elif choice is None:
        return {}
    calling: Json = {"mode": mode}
    if choice is not None and choice.form != "mode" and choice.mode == "required":
        calling["allowedFunctionNames"] = [wire_name(name, "gemini") for name in choice.names]
    return {"functionCallingConfig": calling}


def _is_strict(request: ChatRequest, log: LossLog) -> bool:
    """Obeying schemas is asked for of all tools or of none."""
    strict = [tool for tool in request.tools if isinstance(tool, Tool) and tool.strict]
    if len(strict) == len(request.tools):
        return True
    for tool in strict:
        log.report(tool.path, "dropped", "calls obey the schemas of all tools there, or of none")
    return False


def _function(tool: Tool | VendorTool, facts: ModelFacts, log: LossLog) -> Json:
    if isinstance(tool, VendorTool):
        named = f"`{tool.name}` of type `{tool.kind}`" if tool.name else f"of type `{tool.kind}`"
        raise log.refusal(tool.path, f"the tool {named} exists at its vendor only", "use function tools")
    log.settle(tool.carried, tool.path)
    function: Json = {"name": wire_name(tool.name, "gemini")}
    if tool.description:
        function["description"] = tool.description
    schema = None if tool.schema is None else _parameters(tool, tool.schema, log)
    if schema is not None and facts.takes_json_schema:
        function["parametersJsonSchema"] = Raw(schema)
    elif schema is not None:
        function["parameters"] = _openapi(schema, tool.schema_path, log)
    return function


def _openapi(schema: bytes, path: str, log: LossLog) -> Raw:
    lowered, changes = to_openapi(schema)
    if changes:
        log.report(path, "approximated", "; ".join(changes))
    return Raw(lowered)


def _parameters(tool: Tool, schema: bytes, log: LossLog) -> bytes | None:
    """The schema of an object; `None` for one without properties, which is how no parameters are said here."""
    narrowed, changes = to_subset(schema, keeps_titles=False)
    value = msgspec.json.decode(narrowed)
    if not isinstance(value, dict) or value.get("type", "object") != "object":
        raise log.refusal(tool.schema_path, "parameters must be an object", "give the schema `type: object`")
    if changes:
        log.report(tool.schema_path, "approximated", "; ".join(changes))
    if not any(value.get(name) for name in ("properties", "$ref", "anyOf", "oneOf")):
        return None
    return narrowed if "type" in value or "$ref" in value else msgspec.json.encode({"type": "object", **value})


def encode_format(request: ChatRequest, facts: ModelFacts, log: LossLog) -> Json:
    """The fields of `generationConfig` that say how the answer is to be written."""
    output = request.output
    if output is None or output.kind == "text":
        return {}
    if request.tools and facts.reasoning != "level":
        raise log.refusal(
            output.path, "this model cannot combine it with tools", "leave out the tools, or use a newer Gemini"
        )
    if output.kind == "json":
        return {"responseMimeType": "application/json"}
    if output.schema is None:
        raise log.refusal(output.path, "the schema is missing", "give the schema")
    schema, changes = to_subset(output.schema, keeps_titles=True)
    if changes:
        log.report(output.path, "approximated", "; ".join(changes))
    if output.strict is False:
        log.report(output.path, "approximated", "schemas are always obeyed there")
    if output.description:
        log.report(output.path, "dropped", "formats have no description there")
    if facts.takes_json_schema:
        return {"responseMimeType": "application/json", "responseJsonSchema": Raw(schema)}
    return {"responseMimeType": "application/json", "responseSchema": _openapi(schema, output.path, log)}
