"""The demo in Chat Completions, read by OpenAI's own SDK and its accumulating helper."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.channels.demo.sdk import CREATED_S, ask, openai_client
from torouter.channels.demo.conversation import NOTICE

USER: Any = [{"role": "user", "content": "Hello,  how\nare you? 🙂"}]
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "unit": {"enum": ["C", "F"]}},
    "required": ["city", "days", "unit"],
}
TOOLS: Any = [
    {"type": "custom", "custom": {"name": "free"}},
    {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}},
    {"type": "function", "function": {"name": "now"}},
]


def test_whole() -> None:
    answer = openai_client().chat.completions.create(model="gpt-5", messages=USER)
    assert answer.model == "gpt-5"
    assert answer.created == CREATED_S
    assert answer.object == "chat.completion"
    choice = answer.choices[0]
    assert choice.finish_reason == "stop"
    assert choice.message.content == f"{NOTICE} You said: “Hello, how are you? 🙂”"
    assert choice.message.tool_calls is None
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 10
    assert answer.usage.completion_tokens > 10
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_streamed_is_the_same_as_whole() -> None:
    client = openai_client()
    with client.chat.completions.stream(model="gpt-5", messages=USER) as stream:
        events = list(stream)
        answer = stream.get_final_completion()
    whole = client.chat.completions.create(model="gpt-5", messages=USER)
    assert answer.choices[0].message.content == whole.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is None
    assert sum(event.type == "content.delta" for event in events) >= 4


def test_usage_comes_last_and_only_if_asked() -> None:
    client = openai_client()
    plain = list(client.chat.completions.create(model="gpt-5", messages=USER, stream=True))
    assert all(chunk.choices and chunk.usage is None for chunk in plain)
    asked = list(
        client.chat.completions.create(
            model="gpt-5", messages=USER, stream=True, stream_options={"include_usage": True}
        )
    )
    assert asked[-1].choices == []
    assert asked[-1].usage is not None
    assert [chunk.usage for chunk in asked[:-1]] == [None] * (len(asked) - 1)
    assert len({chunk.id for chunk in asked}) == 1


def test_the_stream_to_the_byte() -> None:
    body = b'{"model":"m","stream":true,"messages":[{"role":"user","content":""}]}'
    reply = ask("openai-chat", "chat", body)
    assert reply.headers[0] == (b"content-type", b"text/event-stream")
    assert reply.pace_s == 0.015
    frames = b"".join(reply.pieces).split(b"\n\n")
    assert frames.pop() == b""
    assert frames.pop() == b"data: [DONE]"
    chunks = [json.loads(frame.removeprefix(b"data: ")) for frame in frames]
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert chunks[-1]["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == NOTICE


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        (None, "weather"),
        ("auto", "weather"),
        ("required", "weather"),
        ({"type": "function", "function": {"name": "now"}}, "now"),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "now"}}]},
            },
            "now",
        ),
    ],
)
@pytest.mark.parametrize("is_stream", [False, True])
def test_tools(choice: Any, name: str, is_stream: bool) -> None:
    client = openai_client()
    wanted = {} if choice is None else {"tool_choice": choice}
    if is_stream:
        with client.chat.completions.stream(model="gpt-5", messages=USER, tools=TOOLS, **wanted) as stream:
            choice_made: Any = stream.get_final_completion().choices[0]
    else:
        choice_made = client.chat.completions.create(model="gpt-5", messages=USER, tools=TOOLS, **wanted).choices[0]
    assert choice_made.finish_reason == "tool_calls"
    assert not choice_made.message.content
    [call] = choice_made.message.tool_calls
    assert call.type == "function"
    assert call.id.startswith("call_")
    assert call.function.name == name
    arguments = {"city": "demo", "days": 1, "unit": "C"} if name == "weather" else {}
    assert json.loads(call.function.arguments) == arguments


def test_a_turn_with_a_tool() -> None:
    client = openai_client()
    first = client.chat.completions.create(model="gpt-5", messages=USER, tools=TOOLS).choices[0].message
    assert first.tool_calls
    result = {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "18 degrees"}
    messages = [*USER, first.model_dump(exclude_none=True), result]
    second = client.chat.completions.create(model="gpt-5", messages=messages, tools=TOOLS).choices[0]
    assert second.finish_reason == "stop"
    assert second.message.content == f"{NOTICE} The tool answered: “18 degrees”"
    third = client.chat.completions.create(
        model="gpt-5", messages=[*messages, {"role": "user", "content": "again"}], tools=TOOLS
    )
    assert third.choices[0].finish_reason == "tool_calls"


def test_no_tool_if_forbidden() -> None:
    answer = openai_client().chat.completions.create(model="gpt-5", messages=USER, tools=TOOLS, tool_choice="none")
    assert (answer.choices[0].message.content or "").startswith(NOTICE)


class Plan(BaseModel):
    class Step(BaseModel):
        what: str
        minutes: int

    title: str
    steps: list[Step]


def test_structured_output() -> None:
    client = openai_client()
    parsed = client.chat.completions.parse(model="gpt-5", messages=USER, response_format=Plan)
    assert parsed.choices[0].message.parsed == Plan(title="demo", steps=[Plan.Step(what="demo", minutes=1)])
    with client.chat.completions.stream(model="gpt-5", messages=USER, response_format=Plan) as stream:
        assert stream.get_final_completion().choices[0].message.parsed == parsed.choices[0].message.parsed
    free = client.chat.completions.create(model="gpt-5", messages=USER, response_format={"type": "json_object"})
    assert json.loads(free.choices[0].message.content or "") == {"demo": NOTICE}


@pytest.mark.parametrize("tools", [[], TOOLS])
def test_several_choices(tools: Any) -> None:
    client = openai_client()
    whole = client.chat.completions.create(model="gpt-5", messages=USER, n=3, tools=tools)
    assert [choice.index for choice in whole.choices] == [0, 1, 2]
    with client.chat.completions.stream(model="gpt-5", messages=USER, n=3, tools=tools) as stream:
        streamed = stream.get_final_completion()
    assert [choice.message.content or None for choice in streamed.choices] == [
        choice.message.content for choice in whole.choices
    ]
    calls = [call.id for choice in whole.choices for call in choice.message.tool_calls or []]
    assert len(set(calls)) == len(calls) == (3 if tools else 0)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"model": "m"}, "messages"),
        ({"model": "m", "messages": []}, "messages"),
        ({"model": "m", "messages": [{"role": "robot", "content": "x"}]}, "role"),
        ({"model": "m", "messages": [{"role": "user", "content": 1}]}, "content"),
        ({"model": 1, "messages": USER}, "model"),
        ({"model": "m", "messages": USER, "tools": {}}, "tools"),
        ({"model": "m", "messages": USER, "tools": TOOLS, "tool_choice": "maybe"}, "tool_choice"),
        (
            {
                "model": "m",
                "messages": USER,
                "tools": TOOLS,
                "tool_choice": {"type": "function", "function": {"name": "x"}},
            },
            "'x'",
        ),
        ({"model": "m", "messages": USER, "tool_choice": {"type": "custom", "custom": {"name": "x"}}}, "functions"),
        ({"model": "m", "messages": USER, "logprobs": True}, "log probabilities"),
        ({"model": "m", "messages": USER, "n": 0}, "n"),
        ({"model": "m", "messages": USER, "response_format": {"type": "json_schema"}}, "json_schema"),
        (
            {
                "model": "m",
                "messages": USER,
                "response_format": {"type": "json_schema", "json_schema": {"schema": {"$ref": "#"}}},
            },
            "too deep",
        ),
    ],
)
def test_bad_requests(body: Any, said: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        openai_client().post("/chat/completions", body=body, cast_to=object)
    assert caught.value.type == "invalid_request_error"
    assert said in caught.value.message


def test_ids_follow_from_the_request_and_the_counter() -> None:
    bodies = [json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode() for text in "ab"]
    ids = [
        json.loads(ask("openai-chat", "chat", body, serial=serial).pieces[0])["id"]
        for body in bodies
        for serial in (1, 2, 1)
    ]
    assert ids[0] == ids[2]
    assert ids[3] == ids[5]
    assert len(set(ids)) == 4
