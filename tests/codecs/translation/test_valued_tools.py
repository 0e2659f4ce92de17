"""Tools of OpenAI's dialects whose arguments are no object, over upstreams whose arguments are nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.codecs.translation.gemini_roads import chunk, sse
from tests.codecs.translation.responses import responses
from tests.codecs.translation.roads import FACTS, chat, events_of, messages_sse, options, payloads
from torouter.canon.fold import fold
from torouter.canon.names import restore_answer, restore_event, tool_names
from torouter.codecs import CODECS, Translation
from torouter.units import Dialect

Json = dict[str, Any]

CHAT, RESPONSES, CLAUDE, GEMINI = "openai-chat", "openai-responses", "anthropic", "gemini"
LIST = {"type": "array", "items": {"type": "integer"}}
WRAPPED = {"type": "object", "properties": {"value": LIST}, "required": ["value"], "additionalProperties": False}
CALL = {"id": "c1", "type": "function", "function": {"name": "sum", "arguments": "[1, 2]"}}
ITEM = {"type": "function_call", "call_id": "c1", "name": "sum", "arguments": "[1, 2]"}
BODIES: dict[Any, Json] = {
    CHAT: chat(
        "hi", {"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "c1", "content": "3"},
        tools=[{"type": "function", "function": {"name": "sum", "parameters": LIST}}],
    ),
    RESPONSES: responses(
        "hi", ITEM, {"type": "function_call_output", "call_id": "c1", "output": "3"},
        tools=[{"type": "function", "name": "sum", "parameters": LIST, "strict": False}],
    ),
}  # fmt: skip
SAID = {"value": [1, 2]}
CELLS = [(client, upstream) for client in (CHAT, RESPONSES) for upstream in (CLAUDE, GEMINI)]


def translation(dialect: Any) -> Translation:
    found = CODECS[dialect].translation
    assert found is not None
    return found


@pytest.mark.parametrize(("client", "upstream"), CELLS)
def test_the_tool_and_its_calls_are_asked_in_an_object(client: Dialect, upstream: Dialect) -> None:
    request = translation(client).decode_request(json.dumps(BODIES[client]).encode())
    encoded = translation(upstream).encode_request(request, "up", FACTS)
    assert encoded.losses == ()
    body = json.loads(encoded.body)
    if upstream == CLAUDE:
        assert body["tools"][0]["input_schema"] == WRAPPED
        assert body["messages"][1]["content"][0]["input"] == SAID
    else:
        assert body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"] == WRAPPED
        assert body["contents"][1]["parts"][0]["functionCall"]["args"] == SAID


def test_of_one_family_they_pass_as_they_are() -> None:
    request = translation(CHAT).decode_request(json.dumps(BODIES[CHAT]).encode())
    body = json.loads(translation(RESPONSES).encode_request(request, "up", FACTS).body)
    assert body["tools"][0]["parameters"] == LIST
    assert tool_names(request, RESPONSES) == {}


def said(upstream: Dialect, *pieces: str) -> bytes:
    if upstream == GEMINI:
        return sse(chunk({"functionCall": {"name": "sum", "args": SAID}}, finish="STOP"))
    block = {"type": "tool_use", "id": "c2", "name": "sum", "input": {}}
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    return messages_sse(
        {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 1, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    )


@pytest.mark.parametrize(("client", "upstream"), CELLS)
def test_the_answer_is_taken_out_again(client: Dialect, upstream: Dialect) -> None:
    request = translation(client).decode_request(json.dumps(BODIES[client]).encode())
    names = tool_names(request, upstream)
    events = events_of(translation(upstream), said(upstream, '{"val', 'ue": [1,2]}'))
    encoder = translation(client).encoder(options(request=request))
    stream = payloads(b"".join(encoder.feed(restore_event(event, names)) for event in events))
    whole = translation(client).encode_answer(
        restore_answer(fold(events, upstream), names), options(request=request, framing="whole")
    )
    answer = json.loads(whole)
    if client == CHAT:
        [call] = answer["choices"][0]["message"]["tool_calls"]
        assert json.loads(call["function"]["arguments"]) == [1, 2]
        deltas = [
            call for each in stream for choice in each["choices"] for call in choice["delta"].get("tool_calls", ())
        ]
        assert json.loads("".join(delta["function"]["arguments"] for delta in deltas)) == [1, 2]
    else:
        assert json.loads(answer["output"][0]["arguments"]) == [1, 2]
        assert json.loads(stream[-1]["response"]["output"][0]["arguments"]) == [1, 2]
        deltas = [each["delta"] for each in stream if each["type"].endswith("arguments.delta")]
        assert json.loads("".join(deltas)) == [1, 2]


def test_what_a_model_says_without_the_object_passes() -> None:
    request = translation(CHAT).decode_request(json.dumps(BODIES[CHAT]).encode())
    answer = fold(events_of(translation(CLAUDE), said(CLAUDE, '{"numbers": [1]}')), CLAUDE)
    [call] = restore_answer(answer, tool_names(request, CLAUDE)).blocks
    assert json.loads(getattr(call, "arguments")) == {"numbers": [1]}  # noqa: B009


def test_a_call_that_a_limit_cut_off_stays_cut() -> None:
    body = json.loads(json.dumps(BODIES[CHAT]))
    body["messages"][1]["tool_calls"][0]["function"]["arguments"] = "[1, "
    request = translation(CHAT).decode_request(json.dumps(body).encode())
    sent = json.loads(translation(CLAUDE).encode_request(request, "up", FACTS).body)
    assert "tool_use" not in json.dumps(sent["messages"])
