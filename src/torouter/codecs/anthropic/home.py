"""A Messages request that is sent home again: nothing is lost, merged or renamed; what was kept raw is spliced in."""

from __future__ import annotations

from msgspec import Raw, UnsetType, json

from torouter.canon.blocks import (
    Block,
    CacheHint,
    MediaBlock,
    OpaqueBlock,
    ReasoningBlock,
    RefusalBlock,
    ServerToolBlock,
    TextBlock,
    ToolCallBlock,
    ToolResultBlock,
)
from torouter.canon.request import ChatRequest, Message, Tool
from torouter.codecs.json_objects import Json, given, kept

__all__ = ["encode_block", "encode_home"]


def encode_home(request: ChatRequest, model: str) -> bytes:
    settings = request.settings
    body: Json = {"model": model}
    body |= given(
        max_tokens=settings.max_output_tokens,
        stream=request.stream,
        temperature=settings.temperature,
        top_p=settings.top_p,
        top_k=settings.top_k,
        stop_sequences=settings.stop,
        service_tier=settings.service_tier,
    )
    body |= kept(request.carried, "anthropic")
    if request.tool_choice is not None:
        body["tool_choice"] = Raw(request.tool_choice.raw)
    if request.tools:
        body["tools"] = [Raw(tool.raw) if tool.raw else _tool(tool) for tool in request.tools]
    front = [block for message in request.messages if message.is_front for block in message.blocks]
    if front:
        body["system"] = [encode_block(block) for block in front]
    body["messages"] = [_message(message) for message in request.messages if not message.is_front]
    return json.encode(body)


def _tool(tool: object) -> Json:
    assert isinstance(tool, Tool)
    return {"name": tool.name, "description": tool.description, "input_schema": Raw(tool.schema or b"{}")}


def _message(message: Message) -> Json:
    return {
        "role": message.role,
        "content": [encode_block(block) for block in message.blocks],
        **kept(message.carried, "anthropic"),
    }


def encode_block(block: Block) -> Json | Raw:
    match block:
        case TextBlock():
            return _text(block)
        case MediaBlock() | ServerToolBlock() | OpaqueBlock():
            return Raw(block.raw)
        case ReasoningBlock():
            return _reasoning(block)
        case ToolCallBlock():
            return {
                "type": "tool_use",
                "id": block.id,
                "name": block.name,
                "input": Raw(block.arguments.encode() or b"{}"),
                **_cache(block.cache),
                **kept(block.carried, "anthropic"),
            }
        case ToolResultBlock():
            return _result(block)
        case RefusalBlock():
            return {"type": "text", "text": block.text}


def _text(block: TextBlock) -> Json:
    cited: Json = {"citations": [Raw(citation.raw) for citation in block.citations]} if block.citations else {}
    return {"type": "text", "text": block.text, **cited, **_cache(block.cache), **kept(block.carried, "anthropic")}


def _reasoning(block: ReasoningBlock) -> Json:
    for blob in block.blobs:
        if blob.kind == "redacted":
            return {"type": "redacted_thinking", "data": blob.data}
    signature = next((blob.data for blob in block.blobs if blob.kind == "signature"), "")
    return {"type": "thinking", "thinking": block.text, "signature": signature, **kept(block.carried, "anthropic")}


def _result(block: ToolResultBlock) -> Json:
    result: Json = {"type": "tool_result", "tool_use_id": block.call_id}
    if block.content and not any(item.name == "content" for item in block.carried):
        result["content"] = [encode_block(part) for part in block.content]
    if block.is_error is not None:
        result["is_error"] = block.is_error
    return {**result, **_cache(block.cache), **kept(block.carried, "anthropic")}


def _cache(hint: CacheHint | UnsetType | None) -> Json:
    return {"cache_control": Raw(hint.raw)} if isinstance(hint, CacheHint) else {}
