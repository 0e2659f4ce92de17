"""What a dialect does not know of itself comes home all the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.codecs.translation.roads import CHAT, MESSAGES, chat, messages, refusal, to_chat, to_messages
from torouter.canon.reasoning import ModelFacts
from torouter.codecs.codec import Translation
from torouter.errors import RequestError


def home(translation: Translation, body: dict[str, Any]) -> Any:
    encoded = translation.encode_request(translation.decode_request(json.dumps(body).encode()), "m", ModelFacts())
    assert encoded.losses == ()
    return json.loads(encoded.body)


@pytest.mark.parametrize(
    "body",
    [
        chat(new={"a": [1]}, temperature=None, stop=["x"], seed=0, logit_bias={"1": 2}, metadata={"a": "b"}),
        chat({"role": "user", "content": [{"type": "hologram", "x": 1}, {"type": "text", "text": "a", "new": 2}]}),
        chat({"role": "assistant", "content": "a", "new": 1, "tool_calls": [{"id": "c", "type": "hologram", "x": 1}]}),
        chat({"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}),
        chat({"role": "assistant", "content": "x", "refusal": "no", "name": "bob"}),
        chat(tools=[{"type": "hologram"}, {"type": "function", "function": {"name": "f", "new": 1}, "x": 2}]),
        chat(tools=[{"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}}]),
        chat(reasoning_effort="high", stream_options={"include_usage": False}, modalities=["text", "audio"]),
        chat(functions=[{"name": "f"}], function_call="auto"),
        chat({"role": "user", "content": [{"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "x"}}]}),
        chat({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:IMAGE/X;base64,AA"}}]}),
        chat({"role": "user", "content": "a", "new.er": 1}, **{"vendor.field": {"a": 1}}),
        chat({"role": "assistant", "content": "a", "function_call": {"name": "f", "arguments": "{}", "new": 1}}),
        chat(response_format={"type": "json_object", "new": 1}),
        chat(response_format={"type": "json_schema", "new": 1, "json_schema": {"name": "n", "schema": {}, "new": 2}}),
        chat(
            {
                "role": "assistant",
                "content": "a",
                "tool_calls": [
                    {"id": "c", "type": "function", "new": 1, "function": {"name": "f", "arguments": "{}", "new": 2}}
                ],
            }
        ),
    ],
)
def test_chat(body: dict[str, Any]) -> None:
    assert home(CHAT, body) == body


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "hologram", "x": 1}, {"type": "text", "text": "a", "new": 2}],
        [{"type": "thinking", "thinking": "t", "signature": "s"}, {"type": "redacted_thinking", "data": "d"}],
        [{"type": "tool_use", "id": "i", "name": "n", "input": {"a": 1.5}, "caller": {"type": "direct"}}],
        [{"type": "server_tool_use", "id": "s", "name": "n", "input": {}, "x": 1}],
        [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h", "new": 1}}],
        [{"type": "text", "text": "a", "citations": [{"type": "char_location", "new": 1}]}],
        [
            {
                "type": "tool_result",
                "tool_use_id": "i",
                "is_error": True,
                "content": [{"type": "tool_reference", "x": 1}],
            }
        ],
        [{"type": "tool_result", "tool_use_id": "i"}],
        [{"type": "tool_result", "tool_use_id": "i", "content": "text"}],
        [{"type": "document", "source": {"type": "content", "content": []}, "new": 1}],
    ],
)
def test_messages_blocks(content: list[dict[str, Any]]) -> None:
    body = messages({"role": "user", "content": content, "new": 1})
    assert home(MESSAGES, body) == body


def test_messages_fields() -> None:
    body = messages(
        {"role": "user", "content": [{"type": "text", "text": "a"}]},
        system=[{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
        new={"a": 1},
        thinking={"type": "enabled", "budget_tokens": 1024, "new": 1},
        output_config={"effort": "low", "format": {"type": "json_schema", "schema": {}}, "new": 1},
        metadata={"user_id": "u", "new": 1},
        context_management={"edits": [{"type": "x"}]},
        tools=[{"name": "f", "input_schema": {"a": 1}, "new": 1}, {"type": "bash_20250124", "name": "bash"}],
        tool_choice={"type": "auto", "disable_parallel_tool_use": True, "new": 1},
        temperature=0,
        stop_sequences=[],
        **{"vendor.field": [1]},
    )
    assert home(MESSAGES, body) == body


def test_what_stood_within_an_object_is_reported_by_its_whole_path() -> None:
    function = {"name": "f", "new": 1}
    call = {"id": "c", "type": "function", "function": {**function, "arguments": "{}"}}
    result = {"role": "tool", "tool_call_id": "c", "content": "r"}
    said = chat("a", {"role": "assistant", "content": None, "tool_calls": [call]}, result)
    assert to_messages({**said, "tools": [{"type": "function", "function": function}]})[1] == {
        "messages.1.tool_calls.0.function.new": "dropped",
        "tools.0.function.new": "dropped",
    }
    assert to_chat(messages("a", metadata={"user_id": "u", "new": 1}))[1] == {"metadata.new": "dropped"}


def test_an_unknown_kind_of_call_is_refused_across() -> None:
    said = {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "hologram"}]}
    assert refusal(CHAT, MESSAGES, chat("a", said, "b")).param == "messages.1.tool_calls.0"


@pytest.mark.parametrize(("client", "upstream"), [(CHAT, MESSAGES), (MESSAGES, CHAT)])
def test_a_schema_of_endless_depth_is_a_400(client: Translation, upstream: Translation) -> None:
    depth = 20_000
    schema = '{"type":"object","properties":{"a":' * depth + "{}" + "}}" * depth
    wanted = (
        '"response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":%s}}'
        if client is CHAT
        else '"max_tokens":9,"output_config":{"format":{"type":"json_schema","schema":%s}}'
    )
    body = '{"model":"m","messages":[{"role":"user","content":"x"}],' + wanted % schema + "}"
    with pytest.raises(RequestError, match="nested too deeply"):
        upstream.encode_request(client.decode_request(body.encode()), "up", ModelFacts())


@pytest.mark.parametrize(("client", "upstream"), [(CHAT, MESSAGES), (MESSAGES, CHAT)])
@pytest.mark.parametrize("depth", range(100, 1100, 100))
def test_a_deep_schema_is_carried_or_a_400(client: Translation, upstream: Translation, depth: int) -> None:
    """How deep is too deep depends on the Python, and on who walks: the parser or we."""
    schema = '{"type":"object","properties":{"a":' * depth + "{}" + "}}" * depth
    wanted = (
        '"response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":%s}}'
        if client is CHAT
        else '"max_tokens":9,"output_config":{"format":{"type":"json_schema","schema":%s}}'
    )
    body = '{"model":"m","messages":[{"role":"user","content":"x"}],' + wanted % schema + "}"
    refused, written = "", 0
    try:
        written = upstream.encode_request(client.decode_request(body.encode()), "up", ModelFacts()).body.count(b'"a"')
    except RequestError as error:
        refused = error.message
    assert written >= depth or "nested too deeply" in refused
