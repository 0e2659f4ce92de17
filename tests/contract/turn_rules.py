"""The rules of turns in each dialect, which no type tells: what answers a call, in which order, and with which id.

`seals` are the signatures that the upstream itself has given out; no other is valid.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

__all__ = ["chat_turn_faults", "gemini_turn_faults", "messages_turn_faults", "responses_turn_faults"]

Body = dict[str, Any]

_BYPASS = "skip_thought_signature_validator"
"""Google's documented word for a call whose signature is not to be had."""

_MESSAGES_ID = re.compile(r"[A-Za-z0-9_-]+")


def chat_turn_faults(body: Body) -> list[str]:
    """`tool` messages stand right behind the calls that they answer, one for each."""
    faults: list[str] = []
    waiting: list[str] = []
    for index, message in enumerate(body["messages"]):
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                faults.append(f"messages.{index}: no call of the last turn waits for {message['tool_call_id']}")
                continue
            waiting.remove(message["tool_call_id"])
            continue
        if waiting:
            faults.append(f"messages.{index}: {waiting} are not answered")
        calls = message.get("tool_calls") or []
        waiting = [call["id"] for call in calls]
        faults += [f"messages.{index}: arguments" for c in calls if not _is_object(c["function"]["arguments"])]
        if message["content"] in ("", []) or (message["content"] is None and not calls):
            faults.append(f"messages.{index}: says nothing")
    if waiting:
        faults.append(f"messages: {waiting} are not answered at the end")
    return faults


def responses_turn_faults(body: Body, seals: Collection[str]) -> list[str]:
    """Each call has its output, later on; reasoning is sealed by the upstream and stands before what it led to."""
    items = body["input"] if isinstance(body["input"], list) else []
    faults: list[str] = []
    called: list[str] = []
    answered: list[str] = []
    for index, item in enumerate(items):
        match item.get("type", "message"):
            case "function_call" | "custom_tool_call":
                called.append(item["call_id"])
                if item["type"] == "function_call" and not _is_object(item["arguments"]):
                    faults.append(f"input.{index}: arguments")
            case "function_call_output" | "custom_tool_call_output":
                answered.append(item["call_id"])
                if item["call_id"] not in called:
                    faults.append(f"input.{index}: an output before its call")
            case "reasoning":
                if item.get("encrypted_content") not in seals:
                    faults.append(f"input.{index}: sealed by somebody else")
                if index + 1 == len(items) or items[index + 1].get("role", "assistant") != "assistant":
                    faults.append(f"input.{index}: reasoning that led to nothing")
            case "message" if item["content"] in ("", []):
                faults.append(f"input.{index}: says nothing")
    ids = Counter(item["id"] for item in items if item.get("id"))
    faults += [f"input: {item_id} stands {count} times" for item_id, count in ids.items() if count > 1]
    if sorted(called) != sorted(answered):
        faults.append(f"input: {called} answered by {answered}")
    return faults


def messages_turn_faults(body: Body, seals: Collection[str]) -> list[str]:
    """All results of a turn begin the next user message; thinking is signed by the upstream and begins its turn."""
    messages = body["messages"]
    faults: list[str] = []
    ids: list[str] = []
    for index, message in enumerate(messages):
        at = f"messages.{index}"
        blocks = _blocks(message)
        calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
        ids += calls
        following = _blocks(messages[index + 1]) if index + 1 < len(messages) else []
        results = [block["tool_use_id"] for block in following if block["type"] == "tool_result"]
        if sorted(calls) != sorted(results):
            faults.append(f"{at}: {calls} answered by {results}")
        if any(block["type"] != "tool_result" for block in following[: len(results)]):
            faults.append(f"messages.{index + 1}: results do not come first")
        faults += [f"{at}: {fault}" for block in blocks for fault in _block_faults(block, seals)]
        faults += [f"{at}: {fault}" for fault in _role_faults(messages, index)]
    faults += [f"{call_id} stands more than once" for call_id, count in Counter(ids).items() if count > 1]
    faults += [f"{call_id} is no id" for call_id in ids if not _MESSAGES_ID.fullmatch(call_id)]
    faults += [f"tools: {tool['name']}" for tool in body.get("tools", ()) if not _is_object_schema(tool)]
    return [*faults, *_thinking_faults(body)]


def gemini_turn_faults(body: Body, seals: Collection[str]) -> list[str]:
    """The first call of each step since the user last spoke is signed, by the upstream or by its bypass."""
    contents = body["contents"]
    faults: list[str] = []
    spoke = max((i for i, c in enumerate(contents) if c["role"] == "user" and _is_spoken(c)), default=0)
    for index, content in enumerate(contents):
        signed = [part.get("thoughtSignature") for part in content["parts"] if "functionCall" in part]
        if index > spoke and signed and signed[0] is None:
            faults.append(f"contents.{index}: the first call has no signature")
        foreign = {seal for seal in signed if seal not in {*seals, _BYPASS, None}}
        faults += [f"contents.{index}: {seal!r} is no signature of ours" for seal in foreign]
    return faults


def _is_spoken(content: Body) -> bool:
    return any("functionResponse" not in part for part in content["parts"])


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _is_object_schema(tool: Body) -> bool:
    return "input_schema" not in tool or tool["input_schema"].get("type") == "object"


def _blocks(message: Body) -> list[Body]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _block_faults(block: Body, seals: Collection[str]) -> Iterator[str]:
    if block["type"] == "text" and not block["text"].strip():
        yield "an empty text"
    if block["type"] == "thinking" and block["signature"] not in seals:
        yield f"{block['signature']!r} is no signature of ours"


def _role_faults(messages: list[Body], index: int) -> Iterator[str]:
    role = messages[index]["role"]
    before = messages[index - 1]["role"] if index else None
    after = messages[index + 1]["role"] if index + 1 < len(messages) else None
    if role == "system":
        if before != "user" or after not in (None, "assistant"):
            yield f"a system message between {before} and {after}"
    elif role == before:
        yield f"two of {role} in a row"
    elif index == 0 and role != "user":
        yield "the user does not begin"
    if after is None and role == "assistant":
        yield "a prefill"


def _thinking_faults(body: Body) -> Iterator[str]:
    """A turn that called begins with its thinking, where budgets are the way to think (`enabled`)."""
    thinking = body.get("thinking", {}).get("type")
    if thinking in ("enabled", "adaptive") and body.get("tool_choice", {}).get("type") in ("any", "tool"):
        yield "thinking and a forced tool"
    if thinking != "enabled":
        return
    for index, message in enumerate(body["messages"]):
        blocks = _blocks(message)
        called = any(block["type"] == "tool_use" for block in blocks)
        if called and blocks[0]["type"] not in ("thinking", "redacted_thinking"):
            yield f"messages.{index}: a turn that called without its thinking"
