"""Between a client and an upstream of one dialect nothing is made anew: what others lost by it stays, to the byte."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.relay.stage import json_reply, stage
from torouter.canon.reasoning import ModelFacts, Reasoning
from torouter.codecs import CODECS, Edits
from torouter.units import Dialect

Json = dict[str, Any]
EPHEMERAL = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
AGENT: Json = {
    "model": "m",
    "max_tokens": 64_000,
    "system": [{"type": "text", "text": "You are", **EPHEMERAL}],
    "tools": [{"name": "f", "input_schema": {"type": "object"}, **EPHEMERAL}],
    "messages": [
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": 'a\u2028b "<\\>" é', "signature": "EqQB+/=="},
                {"type": "tool_use", "id": "t1", "name": "f", "input": {"n": 1.0}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "ok", **EPHEMERAL}]},
        {"role": "user", "content": [{"type": "text", "text": "and?", **EPHEMERAL}]},
    ],
    "hologram": {"new": ["1e400", 0.10]},
}
"""Four hints of the caller's own for caches, one of them on a result; signed thoughts; a field of tomorrow."""
AGENTS_BODY = json.dumps(AGENT, indent=1).replace('"1e400"', "1e400").replace("EqQB", "\\u0045qQB").encode()
"""Spelled as nobody would spell it again."""


@pytest.mark.parametrize("kind", ["anthropic", "anthropic-compatible", "openrouter", "deepseek", "vllm"])
@pytest.mark.pitfall(99, 107, 180, 181)
async def test_a_messages_body_reaches_whoever_speaks_messages(kind: str) -> None:
    """Whatever the vendor is called, and however the body is spelled."""
    async with stage({"a": lambda _: json_reply(200, {})}, dialects=("anthropic",), kind=kind) as on:
        await on.post("/v1/messages", AGENTS_BODY)
        [(_, request)] = on.asked
        assert request.body == AGENTS_BODY.replace(b'"model": "m"', b'"model": "up-m"')


@pytest.mark.pitfall(99)
def test_signed_thoughts_stay_verbatim_beside_an_edit() -> None:
    """Also where thinking is asked for by the model's name, which changes the top level and nothing else."""
    facts = ModelFacts(reasoning="adaptive")
    edits = Edits(model="up", reasoning=Reasoning(depth="high"), facts=facts)
    amended = CODECS["anthropic"].amend("chat", AGENTS_BODY, b"application/json", edits).body
    messages = AGENTS_BODY[AGENTS_BODY.index(b'"messages"') : AGENTS_BODY.index(b'"hologram"')]
    assert messages in amended
    assert json.loads(amended)["thinking"]["type"] == "adaptive"


RESPONSES: Json = {
    "model": "m",
    "input": [
        {"type": "message", "role": "user", "content": "hi"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA=="},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}", "namespace": "ns", "id": "fc_1"},
        {"type": "function_call_output", "call_id": "c1", "output": "ok"},
    ],
}
GEMINI: Json = {
    "contents": [
        {"role": "user", "parts": [{"text": "hi"}]},
        {
            "role": "model",
            "parts": [
                {"text": "", "thoughtSignature": "c2ln"},
                {"inlineData": {"mimeType": "image/png", "data": "AAAA"}, "thoughtSignature": "c2ln"},
                {"toolCall": {"id": "i"}, "thoughtSignature": "c2ln"},
                {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "c2ln"},
            ],
        },
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}}}]},
    ]
}


@pytest.mark.parametrize(
    ("dialect", "path", "said"),
    [
        ("openai-responses", "/v1/responses", RESPONSES),
        ("gemini", "/v1beta/models/m:generateContent", GEMINI),
    ],
)
@pytest.mark.pitfall(98, 100, 102, 103, 104, 107)
async def test_opaque_state_goes_home_as_it_came(dialect: Dialect, path: str, said: Json) -> None:
    kind = "gemini" if dialect == "gemini" else "openai"
    body = json.dumps(said, indent=2).encode()
    async with stage({"a": lambda _: json_reply(200, {})}, dialects=(dialect,), kind=kind) as on:
        await on.post(path, body)
        assert on.asked[0][1].body == body.replace(b'"model": "m"', b'"model": "up-m"')
