"""The demo in Messages, read by Anthropic's own SDK and its accumulating helper."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import pytest

from tests.channels.demo.sdk import anthropic_client, ask
from torouter.channels.demo.conversation import NOTICE

USER: Any = [{"role": "user", "content": "Hello"}]
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
TOOLS: Any = [
    {"type": "web_search_20250305", "name": "web_search"},
    {"name": "read", "input_schema": SCHEMA},
    {"name": "now", "input_schema": {"type": "object"}},
]


def create(**more: Any) -> anthropic.types.Message:
    given: Any = {"model": "claude-opus-4-7", "max_tokens": 100, "messages": USER} | more
    message: anthropic.types.Message = anthropic_client().messages.create(**given)
    return message


def stream(**more: Any) -> anthropic.types.Message:
    given: Any = {"model": "claude-opus-4-7", "max_tokens": 100, "messages": USER} | more
    with anthropic_client().messages.stream(**given) as events:
        message: anthropic.types.Message = events.get_final_message()
    return message


def _shown(message: anthropic.types.Message) -> dict[str, Any]:
    """Without ids (they come from the body, which has `stream` in one case) and figures that follow its length."""
    shown = message.model_dump(exclude_none=True, exclude={"id", "usage"})
    for block in shown["content"]:
        for added in ("id", "parsed_output"):
            block.pop(added, None)
    return shown


def test_whole() -> None:
    message = create()
    assert (message.model, message.role, message.type) == ("claude-opus-4-7", "assistant", "message")
    assert (message.stop_reason, message.stop_sequence) == ("end_turn", None)
    [block] = message.content
    assert block.type == "text"
    assert block.text == f"{NOTICE} You said: “Hello”"
    assert message.usage.input_tokens > 5
    assert message.usage.output_tokens > 5


@pytest.mark.parametrize("tools", [[], TOOLS])
def test_streamed_is_the_same_as_whole(tools: Any) -> None:
    whole, streamed = create(tools=tools), stream(tools=tools)
    assert _shown(streamed) == _shown(whole)
    assert streamed.usage.output_tokens == whole.usage.output_tokens


@pytest.mark.parametrize(("tools", "delta"), [([], "text_delta"), (TOOLS, "input_json_delta")])
def test_the_grammar(tools: Any, delta: str) -> None:
    body = {"model": "m", "max_tokens": 9, "messages": USER, "stream": True, "tools": tools}
    frames = b"".join(ask("anthropic", "chat", json.dumps(body).encode()).pieces).decode().split("\n\n")
    assert frames.pop() == ""
    events = []
    for frame in frames:
        name, data = frame.split("\n")
        events.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {events[-1]['type']}"
    deltas = [event["delta"]["type"] for event in events if event["type"] == "content_block_delta"]
    assert deltas == [delta] * len(deltas)
    assert deltas
    assert [event["type"] for event in events] == [
        "message_start",
        "content_block_start",
        "ping",
        *["content_block_delta"] * len(deltas),
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert events[0]["message"]["content"] == []
    assert events[0]["message"]["stop_reason"] is None
    assert not events[1]["content_block"].get("text")
    assert not events[1]["content_block"].get("input")
    assert events[-2]["usage"]["output_tokens"] >= 1


@pytest.mark.parametrize(
    ("choice", "name"),
    [({"type": "auto"}, "read"), ({"type": "any"}, "read"), ({"type": "tool", "name": "now"}, "now")],
)
@pytest.mark.parametrize("ask_for", [create, stream])
def test_tools(choice: Any, name: str, ask_for: Any) -> None:
    message = ask_for(tools=TOOLS, tool_choice=choice)
    assert message.stop_reason == "tool_use"
    [block] = message.content
    assert (block.type, block.name) == ("tool_use", name)
    assert block.id.startswith("toolu_")
    assert block.input == ({"path": "demo"} if name == "read" else {})


@pytest.mark.parametrize(
    ("content", "quoted"),
    [
        ("file text", "file text"),
        ([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}], "one two"),
        ([{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ""}}], ""),
        (None, ""),
    ],
)
def test_a_turn_with_a_tool(content: Any, quoted: str) -> None:
    first = create(tools=TOOLS)
    [call] = first.content
    assert call.type == "tool_use"
    result: dict[str, Any] = {"type": "tool_result", "tool_use_id": call.id}
    if content is not None:
        result["content"] = content
    messages = [
        *USER,
        {"role": "assistant", "content": [call.model_dump(exclude_none=True)]},
        {"role": "user", "content": [result, {"type": "text", "text": "<system-reminder>x</system-reminder>"}]},
        {"role": "system", "content": "between the turns"},
    ]
    [block] = create(messages=messages, tools=TOOLS).content
    assert block.type == "text"
    assert block.text == f"{NOTICE} The tool answered: “{quoted}”"


def test_no_tool_if_forbidden() -> None:
    assert create(tools=TOOLS, tool_choice={"type": "none"}).stop_reason == "end_turn"


def test_structured_output() -> None:
    message = create(output_config={"format": {"type": "json_schema", "schema": SCHEMA}})
    [block] = message.content
    assert block.type == "text"
    assert json.loads(block.text) == {"path": "demo"}


def test_count_tokens() -> None:
    client = anthropic_client()
    few = client.messages.count_tokens(model="m", messages=USER).input_tokens
    many = client.messages.count_tokens(model="m", messages=USER, system="x" * 4000).input_tokens
    assert 0 < few < 100
    assert many - few >= 1000


@pytest.mark.parametrize(
    "more",
    [
        {"max_tokens": None},
        {"max_tokens": -1},
        {"messages": []},
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "robot", "content": "x"}]},
        {"tools": "x"},
        {"tools": TOOLS, "tool_choice": {"type": "tool", "name": "x"}},
        {"tools": TOOLS, "tool_choice": {"type": "tool"}},
        {"tool_choice": "auto"},
        {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": 1}]}]},
    ],
)
def test_bad_requests(more: Any) -> None:
    with pytest.raises(anthropic.BadRequestError) as caught:
        anthropic_client().post(
            "/v1/messages", body={"model": "m", "max_tokens": 1, "messages": USER} | more, cast_to=object
        )
    assert caught.value.body["type"] == "error"  # type: ignore[index]
    assert caught.value.body["error"]["type"] == "invalid_request_error"  # type: ignore[index]
