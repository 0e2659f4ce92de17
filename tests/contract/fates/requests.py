"""Where a message, a block or a setting stands so that the request around it is valid: the same for every upstream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torouter.units import Dialect

__all__ = ["BESIDE", "LEAST", "TALKS", "Talk"]

Json = dict[str, Any]
Talk = Callable[[Json], tuple[list[Json], int]]
"""A message among those that it needs beside it, and its index there."""

_CHAT_TOOLS = [
    {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}},
    {"type": "function", "function": {"name": "other", "parameters": {"type": "object", "properties": {}}}},
]
_RESPONSES_TOOLS = [
    {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}, "strict": False},
    {"type": "function", "name": "other", "parameters": {"type": "object", "properties": {}}, "strict": False},
]
_MESSAGES_TOOLS = [
    {"name": "look", "input_schema": {"type": "object", "properties": {}}},
    {"name": "other", "input_schema": {"type": "object", "properties": {}}},
]
_CLOSED = {"type": "object", "properties": {}, "additionalProperties": False}
_GEMINI_TOOLS = [
    {"functionDeclarations": [{"name": name, "parametersJsonSchema": _CLOSED} for name in ("look", "other")]}
]

LEAST: dict[Dialect, Json] = {
    "openai-chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "openai-responses": {"model": "m", "input": [{"type": "message", "role": "user", "content": "hi"}]},
    "anthropic": {"model": "m", "max_tokens": 4000, "messages": [{"role": "user", "content": "hi"}]},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
}
"""The smallest request of each dialect."""

_CUSTOM_CHAT = {"type": "custom", "custom": {"name": "write"}}
_CUSTOM_RESPONSES = {"type": "custom", "name": "write"}
BESIDE: dict[Dialect, dict[str, Json]] = {
    "openai-chat": {
        "messages[": {"tools": _CHAT_TOOLS},
        "tool_choice[custom]": {"tools": [_CUSTOM_CHAT]},
        "tool_choice": {"tools": _CHAT_TOOLS},
        "parallel_tool_calls": {"tools": _CHAT_TOOLS},
        "stream_options": {"stream": True},
        "function_call": {"functions": [{"name": "look"}]},
    },
    "openai-responses": {
        "input[": {"tools": [*_RESPONSES_TOOLS, _CUSTOM_RESPONSES]},
        "tool_choice[custom]": {"tools": [_CUSTOM_RESPONSES]},
        "tool_choice": {"tools": _RESPONSES_TOOLS},
        "parallel_tool_calls": {"tools": _RESPONSES_TOOLS},
        "stream_options": {"stream": True},
    },
    "anthropic": {"messages[": {"tools": _MESSAGES_TOOLS}, "tool_choice": {"tools": _MESSAGES_TOOLS}},
    "gemini": {"contents[": {"tools": _GEMINI_TOOLS}, "toolConfig": {"tools": _GEMINI_TOOLS}},
}
"""What has to stand in a request beside a setting, by the beginning of its name; the first that fits."""


def _chat(message: Json) -> tuple[list[Json], int]:
    hi = {"role": "user", "content": "hi"}
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    match message["role"]:
        case "assistant":
            calls = message.get("tool_calls") or ()
            results = [{"role": "tool", "tool_call_id": each["id"], "content": "sunny"} for each in calls]
            if message.get("function_call"):
                results = [{"role": "function", "name": "look", "content": "sunny"}]
            return [hi, message, *results, {"role": "user", "content": "so?"}], 1
        case "tool":
            return [hi, {"role": "assistant", "content": None, "tool_calls": [call]}, message], 2
        case "function":
            return [hi, {"role": "assistant", "content": None, "function_call": call["function"]}, message], 2
        case "user":
            return [message], 0
        case _:
            return [message, hi], 0


def _responses(item: Json) -> tuple[list[Json], int]:
    hi = {"type": "message", "role": "user", "content": "hi"}
    function = {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"}
    custom = {"type": "custom_tool_call", "call_id": "call_1", "name": "write", "input": "x"}
    match item.get("type"):
        case "function_call":
            return [hi, item, {"type": "function_call_output", "call_id": item["call_id"], "output": "sunny"}], 1
        case "custom_tool_call":
            return [hi, item, {"type": "custom_tool_call_output", "call_id": item["call_id"], "output": "x"}], 1
        case "function_call_output":
            return [hi, function, item], 2
        case "custom_tool_call_output":
            return [hi, custom, item], 2
        case "tool_search_output" if item.get("execution") == "client":
            search = {"type": "tool_search_call", "call_id": "call_1", "execution": "client", "arguments": {}}
            return [hi, search, {"call_id": "call_1", **item}], 2
        case _ if item.get("role") == "user":
            return [item], 0
        case _:
            return [hi, item, {"type": "message", "role": "user", "content": "so?"}], 1


def _messages(said: Json) -> tuple[list[Json], int]:
    message = {"content": "hi", **said}
    hi = {"role": "user", "content": "hi"}
    call = {"type": "tool_use", "id": "call_1", "name": "look", "input": {}}
    blocks = message["content"] if isinstance(message["content"], list) else []
    words = {block.get("type") for block in blocks}
    if message["role"] == "assistant":
        results = [
            {"type": "tool_result", "tool_use_id": block["id"], "content": "sunny"}
            for block in blocks
            if block.get("type") == "tool_use"
        ]
        return [hi, message, {"role": "user", "content": [*results, {"type": "text", "text": "so?"}]}], 1
    if "tool_result" in words:
        return [hi, {"role": "assistant", "content": [call]}, message], 2
    return ([message], 0) if message["role"] == "user" else ([hi, message, hi], 1)


def _gemini(content: Json) -> tuple[list[Json], int]:
    hi, so = ({"role": "user", "parts": [{"text": text}]} for text in ("hi", "so?"))
    names = {name for part in content["parts"] for name in part}
    if "functionCall" in names:
        name = next(part["functionCall"]["name"] for part in content["parts"] if "functionCall" in part)
        said = {"role": "user", "parts": [{"functionResponse": {"name": name, "response": {"output": "sunny"}}}]}
        return [hi, {**content, "role": "model"}, said], 1
    if "functionResponse" in names:
        name = next(part["functionResponse"]["name"] for part in content["parts"] if "functionResponse" in part)
        return [
            hi,
            {"role": "model", "parts": [{"functionCall": {"id": "call_1", "name": name, "args": {}}}]},
            content,
        ], 2
    if names & {"thought", "thoughtSignature", "executableCode", "codeExecutionResult", "toolCall", "toolResponse"}:
        return [hi, {**content, "role": "model"}, so], 1
    return [{"role": "user", **content}], 0


TALKS: dict[Dialect, Talk] = {
    "openai-chat": _chat,
    "openai-responses": _responses,
    "anthropic": _messages,
    "gemini": _gemini,
}
