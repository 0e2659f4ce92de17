"""An upstream that caches prompts as providers do, and agents that talk for long.

A cache belongs to one credential. It knows the beginnings of prompts in blocks of 4 kB (about 1,024 tokens), for as
long as they are used within `TTL_S`; a prompt is read from it up to the first block that it does not know. What was
read is told in the usage, in the words of the dialect.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from tests.live.callers import JSON_TYPE
from tests.live.speech import Spoken, whole
from tests.live.upstream import Answer, Upstream, Visit
from tests.live.wire import Connection

__all__ = ["AGENTS", "Agent", "CachingUpstream", "cached_tokens"]

BLOCK_BYTES: Final = 4096
BLOCK_TOKENS: Final = 1024
TTL_S: Final = 300.0
_REPLY: Final = ("Done. ",)
_PROMPT_FIELDS: Final = ("tools", "system", "instructions", "messages", "input")

Json = dict[str, Any]
Fields = tuple[tuple[str, str], ...]


class CachingUpstream(Upstream):
    def __init__(self) -> None:
        super().__init__()
        self._caches: dict[str, dict[bytes, float]] = defaultdict(dict)
        self.served: dict[str, list[str]] = defaultdict(list)
        """By a conversation's name: the credentials that its requests came with."""

    def next_answer(self, visit: Visit) -> Answer:
        told, now_s = json.loads(visit.body), time.monotonic()
        credential = (visit.header("authorization") or visit.header("x-api-key") or "").removeprefix("Bearer ")
        cache, prompt = self._caches[credential], _prompt(told)
        blocks = list(_blocks(prompt))
        known = 0
        while known < len(blocks) and cache.get(blocks[known], 0.0) > now_s:
            known += 1
        cache.update(dict.fromkeys(blocks, now_s + TTL_S))
        self.served[_conversation(prompt)].append(credential)
        spoken = Spoken(input_tokens=len(prompt) // 4, output_tokens=3, cached_tokens=known * BLOCK_TOKENS)
        dialect = next(name for name, path in _PATHS.items() if visit.target.endswith(path))
        return whole(dialect, _REPLY, spoken)


_PATHS: Final = {"openai-chat": "/chat/completions", "openai-responses": "/responses", "anthropic": "/messages"}


def _prompt(told: Json) -> bytes:
    """One after the other, so that a longer conversation begins with the shorter one's bytes."""
    parts: list[object] = []
    for name in _PROMPT_FIELDS:
        value = told.get(name) or []
        parts += value if isinstance(value, list) else [value]
    return b"".join(json.dumps(part).encode() for part in parts)


def _blocks(prompt: bytes) -> Iterator[bytes]:
    """A hash of each beginning, block by block; what does not fill a block is not cached."""
    digest = sha256()
    for at in range(0, len(prompt) - BLOCK_BYTES + 1, BLOCK_BYTES):
        digest.update(prompt[at : at + BLOCK_BYTES])
        yield digest.digest()


def _conversation(prompt: bytes) -> str:
    at = prompt.find(b"task-")
    return prompt[at : prompt.find(b" ", at)].decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """How an agent names its session, if it does: in headers, and in fields of the body."""

    name: str
    dialect: str
    headers: Fields = ()
    fields: Mapping[str, object] | None = None

    def body(self, model: str, task: str, turn: int) -> Json:
        """The request of a turn: instructions, tools, the task, and all calls and results so far."""
        said = {"model": model, "tools": _tools(self.dialect), **(self.fields or {})}
        history = [item for each in range(turn) for item in _turn(self.dialect, each)]
        if self.dialect == "openai-responses":
            return {**said, "instructions": _SYSTEM, "input": [_user(task), *history], "store": False}
        if self.dialect == "anthropic":
            return {**said, "system": _SYSTEM, "messages": [_user(task), *history], "max_tokens": 99}
        return {**said, "messages": [{"role": "system", "content": _SYSTEM}, _user(task), *history]}

    def ask(self, port: int, key: Fields, model: str, task: str, turn: int) -> Json:
        """What is answered, on a connection of its own."""
        body = json.dumps(self.body(model, task, turn)).encode()
        with Connection(port, timeout_s=30) as connection:
            reply = connection.ask("POST", "/v1" + _PATHS[self.dialect], (*key, JSON_TYPE, *self.headers), body)
        assert reply.status == 200, reply
        return reply.json()


_SYSTEM: Final = "You are an agent that works on code with tools, step by step, and says what it has done. " * 150


def _user(task: str) -> Json:
    return {"role": "user", "content": f"{task} mend the tests. " + "Here is what I know of them. " * 20}


def _tools(dialect: str) -> list[Json]:
    form = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
    told = [(f"tool_{number}", f"Tool {number} of the agent. " * 12) for number in range(8)]
    if dialect == "anthropic":
        return [{"name": name, "description": about, "input_schema": form} for name, about in told]
    functions = [{"name": name, "description": about, "parameters": form} for name, about in told]
    if dialect == "openai-responses":
        return [{"type": "function", **function} for function in functions]
    return [{"type": "function", "function": function} for function in functions]


def _turn(dialect: str, number: int) -> list[Json]:
    """A call and its result, about 2 kB of a file."""
    call_id, path = f"call_{number}", json.dumps({"path": f"src/file_{number}.py"})
    result = f"file {number}: " + f"def function_{number}(value): return value + {number}\n" * 40
    if dialect == "openai-responses":
        call = {"type": "function_call", "call_id": call_id, "name": "tool_1", "arguments": path}
        return [call, {"type": "function_call_output", "call_id": call_id, "output": result}]
    if dialect == "anthropic":
        used = {"type": "tool_use", "id": call_id, "name": "tool_1", "input": json.loads(path)}
        told = {"type": "tool_result", "tool_use_id": call_id, "content": result}
        return [{"role": "assistant", "content": [used]}, {"role": "user", "content": [told]}]
    function = {"id": call_id, "type": "function", "function": {"name": "tool_1", "arguments": path}}
    called = {"role": "assistant", "content": None, "tool_calls": [function]}
    return [called, {"role": "tool", "tool_call_id": call_id, "content": result}]


AGENTS: Final = (
    Agent(
        name="claude-code", dialect="anthropic", headers=(("x-claude-code-session-id", "5f2c"),),
        fields={"metadata": {"user_id": "user_1_account__session_5f2c"}},
    ),
    Agent(
        name="codex", dialect="openai-responses", headers=(("session_id", "0199-c0de"),),
        fields={"prompt_cache_key": "0199-c0de"},
    ),
    Agent(name="nameless", dialect="openai-chat"),
    Agent(name="nameless-anthropic", dialect="anthropic"),
)  # fmt: skip


def cached_tokens(told: Json) -> int:
    """Of an answer in any of the three dialects."""
    usage = told["usage"]
    if "cache_read_input_tokens" in usage:
        return int(usage["cache_read_input_tokens"])
    details = usage.get("prompt_tokens_details") or usage["input_tokens_details"]
    return int(details["cached_tokens"])
