"""A Chat Completions request that is sent home again: nothing is lost or merged; what was kept raw is spliced in."""

from __future__ import annotations

from msgspec import UNSET, Raw, json
from msgspec.structs import replace

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
from torouter.canon.request import ChatRequest, Message, OutputFormat, Settings, Tool, VendorTool
from torouter.codecs.json_objects import Json, given, kept
from torouter.codecs.openai_chat.legacy import is_legacy

__all__ = ["encode_home"]


def encode_home(request: ChatRequest, model: str) -> bytes:
    settings = request.settings
    if is_legacy(request):  # the functions are among what was kept raw
        settings, request = replace(settings, parallel_tool_calls=UNSET), replace(request, tools=(), tool_choice=None)
    body: Json = {"model": model}
    body |= given(stream=request.stream, **_settings(settings, request.path_of("max_output_tokens")))
    body |= kept(request.carried, "openai-chat")
    if request.output is not None:
        body["response_format"] = _format(request.output)
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    if request.tool_choice is not None:
        body["tool_choice"] = Raw(request.tool_choice.raw)
    body["messages"] = [_message(message) for message in request.messages]
    return json.encode(body)


def _settings(settings: Settings, limit_name: str) -> Json:
    return {
        limit_name: settings.max_output_tokens,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "top_k": settings.top_k,
        "presence_penalty": settings.presence_penalty,
        "frequency_penalty": settings.frequency_penalty,
        "seed": settings.seed,
        "n": settings.candidates,
        "logprobs": settings.logprobs,
        "top_logprobs": settings.top_logprobs,
        "logit_bias": _raw(settings.logit_bias),
        "stop": settings.stop,
        "verbosity": settings.verbosity,
        "service_tier": settings.service_tier,
        "parallel_tool_calls": settings.parallel_tool_calls,
        "user": settings.user,
        "safety_identifier": settings.safety_identifier,
        "store": settings.store,
        "metadata": _raw(settings.metadata),
    }


def _raw(value: object) -> object:
    return Raw(value) if isinstance(value, bytes) else value


def _format(output: OutputFormat) -> Json:
    beside = kept(output.carried, "openai-chat")
    if output.kind != "schema":
        return {"type": "json_object" if output.kind == "json" else "text", **beside}
    schema: Json = {
        name: value
        for name, value in (
            ("name", output.name),
            ("description", output.description),
            ("schema", None if output.schema is None else Raw(output.schema)),
            ("strict", output.strict),
        )
        if value is not None
    }
    within = kept(output.carried, "openai-chat", "json_schema")
    return {"type": "json_schema", "json_schema": {**schema, **within}, **beside}


def _tool(tool: Tool | VendorTool) -> Json | Raw:
    if tool.raw or isinstance(tool, VendorTool):
        return Raw(tool.raw)
    function: Json = {"name": tool.name, "description": tool.description}
    if tool.schema is not None:
        function["parameters"] = Raw(tool.schema)
    return {"type": "function", "function": function}


def _message(message: Message) -> Json:
    first = message.blocks[0] if message.blocks else None
    if isinstance(first, ToolResultBlock):
        return {**_result(first), **kept(message.carried, "openai-chat")}
    body: Json = {"role": message.role}
    if message.name is not None:
        body["name"] = message.name
    contents = [block for block in message.blocks if _is_content(block, message)]
    if contents or message.role != "assistant":
        body["content"] = _content(contents)
    calls = [block for block in message.blocks if isinstance(block, ToolCallBlock) or _is_unknown_call(block, message)]
    for block in message.blocks:
        if isinstance(block, ReasoningBlock) and (block.text or block.carried):
            body |= kept(block.carried, "openai-chat") or {"reasoning_content": block.text}
        elif isinstance(block, RefusalBlock) and not _is_content(block, message):
            body["refusal"] = block.text
    if calls and isinstance(calls[0], ToolCallBlock) and calls[0].is_id_synthesised:
        body["function_call"] = _function(calls[0], "")
    elif calls:
        body["tool_calls"] = [_call(block) for block in calls]
    return {**body, **kept(message.carried, "openai-chat")}


def _is_content(block: Block, message: Message) -> bool:
    """Refusals stand beside the content, or are parts of it: their place tells."""
    if isinstance(block, RefusalBlock):
        return _place(block, message).startswith("content")
    if isinstance(block, OpaqueBlock):
        return not _is_unknown_call(block, message)
    return isinstance(block, TextBlock | MediaBlock | ServerToolBlock)


def _is_unknown_call(block: Block, message: Message) -> bool:
    return isinstance(block, OpaqueBlock) and _place(block, message).startswith("tool_calls")


def _place(block: Block, message: Message) -> str:
    return next((place for place, each in zip(message.places, message.blocks, strict=False) if each is block), "")


def _content(blocks: list[Block]) -> str | list[Json | Raw]:
    only = blocks[0] if len(blocks) == 1 else None
    if isinstance(only, TextBlock) and only.cache is None and not only.carried:
        return only.text
    return [_part(block) for block in blocks]


def _part(block: Block) -> Json | Raw:
    if isinstance(block, TextBlock):
        return {"type": "text", "text": block.text, **_cache(block.cache), **kept(block.carried, "openai-chat")}
    if isinstance(block, RefusalBlock):
        return {"type": "refusal", "refusal": block.text}
    assert isinstance(block, MediaBlock | OpaqueBlock | ServerToolBlock)
    return Raw(block.raw)


def _result(block: ToolResultBlock) -> Json:
    is_legacy = block.call_id.startswith("call_legacy_")
    head: Json = {"role": "function"} if is_legacy else {"role": "tool", "tool_call_id": block.call_id}
    if block.name is not None:
        head["name"] = block.name
    return {**head, "content": _content(list(block.content)) if block.content else ""}


def _call(block: Block) -> Json | Raw:
    if isinstance(block, OpaqueBlock):
        return Raw(block.raw)
    assert isinstance(block, ToolCallBlock)
    if block.kind == "custom":
        return {"id": block.id, "type": "custom", "custom": {"name": block.name, "input": block.arguments}}
    function = _function(block, "function")
    return {"id": block.id, "type": "function", "function": function, **kept(block.carried, "openai-chat")}


def _function(block: ToolCallBlock, within: str) -> Json:
    return {"name": block.name, "arguments": block.arguments, **kept(block.carried, "openai-chat", within)}


def _cache(hint: CacheHint | None) -> Json:
    return {} if hint is None else {"prompt_cache_breakpoint": Raw(hint.raw)}
