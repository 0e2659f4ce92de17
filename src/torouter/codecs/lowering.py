"""A request of OpenAI's in words that all dialects have: no namespaces, no free-text tools, none that may be missing.

Namespaces become a part of the names, custom tools functions of one text; `canon.names` is the way back for the answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from torouter.canon.blocks import Block, Carried, ToolCallBlock, ToolResultBlock
from torouter.canon.custom import WRAPPED_SCHEMA, wrapped
from torouter.canon.names import flat_name
from torouter.canon.request import ChatRequest, Message, Tool, ToolChoice, VendorTool
from torouter.canon.valued import in_object, object_schema, valued_tools
from torouter.units import Dialect

__all__ = ["lowered"]

_LOWERED: Final = frozenset({"openai-chat", "openai-responses"})
_GRAMMAR: Final = "The input must obey this grammar"


def lowered(request: ChatRequest, *, has_objects_only: bool) -> ChatRequest:
    """`has_objects_only`: arguments that are no object are put into one."""
    if request.dialect not in _LOWERED:
        return request
    valued = valued_tools(request) if has_objects_only else frozenset()
    dropped = [tool for tool in request.tools if isinstance(tool, VendorTool) and tool.fate == "report"]
    return msgspec.structs.replace(
        request,
        messages=_one_result_each(_message(message, valued) for message in request.messages),
        tools=tuple(_tool(tool, request.dialect, valued) for tool in request.tools if tool not in dropped),
        tool_choice=_choice(request),
        carried=(*request.carried, *(_loss(tool) for tool in dropped)),
    )


def _loss(tool: VendorTool) -> Carried:
    return Carried(name=tool.path, value=tool.raw, origin=tool.origin.dialect, fate="report", why=tool.why)


def _tool(tool: Tool | VendorTool, dialect: Dialect, valued: frozenset[str]) -> Tool | VendorTool:
    if isinstance(tool, VendorTool):
        return tool
    flat = msgspec.structs.replace(tool, name=flat_name(tool.name, tool.namespace), namespace=None, kind="function")
    if tool.name in valued and tool.schema is not None:
        return msgspec.structs.replace(flat, schema=object_schema(tool.schema))
    if tool.kind != "custom":
        return flat
    described, carried = tool.description, tool.carried
    grammar = _grammar(tool.grammar)
    if grammar:
        described = "\n\n".join([*([described] if described else []), grammar])
        why = "a grammar became words in the description: nothing holds the model to it"
        within = "custom" if dialect == "openai-chat" else ""
        carried = (*carried, Carried(name="format", value=tool.grammar or b"", origin=dialect, why=why, within=within))
    return msgspec.structs.replace(flat, schema=WRAPPED_SCHEMA, description=described, grammar=None, carried=carried)


def _grammar(raw: bytes | None) -> str:
    """Chat nests a grammar's words in an object of their own."""
    said = {} if raw is None else msgspec.json.decode(raw)
    said = said.get("grammar", said) if isinstance(said, dict) else {}
    definition = said.get("definition") if isinstance(said, dict) else None
    return f"{_GRAMMAR} ({said.get('syntax')}):\n{definition}" if isinstance(definition, str) else ""


def _message(message: Message, valued: frozenset[str]) -> Message:
    blocks = tuple(_block(block, valued) for block in message.blocks)
    return message if blocks == message.blocks else msgspec.structs.replace(message, blocks=blocks)


def _one_result_each(messages: Iterable[Message]) -> tuple[Message, ...]:
    """A custom tool may report before it has its result (Codex's `notify`, seen 2026-11); elsewhere a call is answered
    once. So the outputs of one call become one result, as long as they stand within a turn."""
    out: list[Message] = []
    answered: dict[str, int] = {}
    for message in messages:
        match message.blocks:
            case (ToolResultBlock(kind="custom") as more,) if (at := answered.get(more.call_id)) is not None:
                first = out[at].blocks[0]
                assert isinstance(first, ToolResultBlock)
                joined = msgspec.structs.replace(first, content=(*first.content, *more.content))
                out[at] = msgspec.structs.replace(out[at], blocks=(joined,))
                continue
            case (ToolResultBlock(kind="custom") as first,):
                answered[first.call_id] = len(out)
        if message.role == "assistant":
            answered.clear()
        out.append(message)
    return tuple(out)


def _block(block: Block, valued: frozenset[str]) -> Block:
    if not isinstance(block, ToolCallBlock):
        return block
    if block.name in valued:
        block = msgspec.structs.replace(block, arguments=in_object(block.arguments))
    if block.kind == "function" and block.namespace is None:
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
