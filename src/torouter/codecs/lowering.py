"""A Responses request in words that every dialect has: no namespaces, no free-text tools, no tools that may be missing.

Namespaces become a part of the names, custom tools functions of one text; `canon.names` is the way back for the answer.
A custom tool of a Chat client is not lowered yet: the way back of its stream is Responses' alone.
"""

from __future__ import annotations

import msgspec

from torouter.canon.blocks import Block, Carried, ToolCallBlock
from torouter.canon.custom import WRAPPED_SCHEMA, wrapped
from torouter.canon.names import flat_name
from torouter.canon.request import ChatRequest, Message, Tool, ToolChoice, VendorTool

__all__ = ["lowered"]

_GRAMMAR: str = "The input must obey this grammar"


def lowered(request: ChatRequest) -> ChatRequest:
    if request.dialect != "openai-responses":
        return request
    dropped = [tool for tool in request.tools if isinstance(tool, VendorTool) and tool.fate == "report"]
    return msgspec.structs.replace(
        request,
        messages=tuple(_message(message) for message in request.messages),
        tools=tuple(_tool(tool) for tool in request.tools if tool not in dropped),
        tool_choice=_choice(request),
        carried=(*request.carried, *(_loss(tool) for tool in dropped)),
    )


def _loss(tool: VendorTool) -> Carried:
    return Carried(name=tool.path, value=tool.raw, origin=tool.origin.dialect, fate="report", why=tool.why)


def _tool(tool: Tool | VendorTool) -> Tool | VendorTool:
    if isinstance(tool, VendorTool):
        return tool
    flat = msgspec.structs.replace(tool, name=flat_name(tool.name, tool.namespace), namespace=None, kind="function")
    if tool.kind != "custom":
        return flat
    described, carried = tool.description, tool.carried
    grammar = _grammar(tool.grammar)
    if grammar:
        described = "\n\n".join([*([described] if described else []), grammar])
        why = "a grammar became words in the description: nothing holds the model to it"
        carried = (*carried, Carried(name="format", value=tool.grammar or b"", origin="openai-responses", why=why))
    return msgspec.structs.replace(flat, schema=WRAPPED_SCHEMA, description=described, grammar=None, carried=carried)


def _grammar(raw: bytes | None) -> str:
    said = {} if raw is None else msgspec.json.decode(raw)
    definition = said.get("definition") if isinstance(said, dict) else None
    return f"{_GRAMMAR} ({said.get('syntax')}):\n{definition}" if isinstance(definition, str) else ""


def _message(message: Message) -> Message:
    blocks = tuple(_block(block) for block in message.blocks)
    return message if blocks == message.blocks else msgspec.structs.replace(message, blocks=blocks)


def _block(block: Block) -> Block:
    if not isinstance(block, ToolCallBlock) or (block.kind == "function" and block.namespace is None):
        return block
    return msgspec.structs.replace(
        block,
        name=flat_name(block.name, block.namespace),
        namespace=None,
        kind="function",
        arguments=wrapped(block.arguments) if block.kind == "custom" else block.arguments,
    )


def _choice(request: ChatRequest) -> ToolChoice | None:
    choice = request.tool_choice
    if choice is None or not choice.names:
        return choice
    flat = {tool.name: flat_name(tool.name, tool.namespace) for tool in request.tools if isinstance(tool, Tool)}
    return msgspec.structs.replace(choice, names=tuple(flat.get(name, name) for name in choice.names))
