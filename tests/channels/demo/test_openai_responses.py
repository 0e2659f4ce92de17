"""The demo in Responses, read by OpenAI's own SDK and its accumulating helper, and by its own rules."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.channels.demo.sdk import CREATED_S, ask, openai_client
from torouter.channels.demo.conversation import NOTICE

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}
TOOLS: Any = [
    {"type": "web_search"},
    {"type": "function", "name": "look", "parameters": SCHEMA, "strict": False},
    {"type": "function", "name": "now", "parameters": None, "strict": False},
]


def test_whole() -> None:
    answer = openai_client().responses.create(
        model="gpt-5", input="Hello", instructions="Be kind", temperature=0.5, metadata={"a": "b"}
    )
    assert answer.status == "completed"
    assert answer.created_at == CREATED_S
    assert answer.output_text == f"{NOTICE} You said: “Hello”"
    assert (answer.model, answer.instructions, answer.temperature) == ("gpt-5", "Be kind", 0.5)
    assert (answer.metadata, answer.tool_choice) == ({"a": "b"}, "auto")
    assert answer.model_dump()["store"] is False
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens


@pytest.mark.parametrize("tools", [[], TOOLS])
def test_streamed_is_the_same_as_whole(tools: Any) -> None:
    client = openai_client()
    with client.responses.stream(model="gpt-5", input="Hello", tools=tools) as stream:
        events = list(stream)
        answer = stream.get_final_response()
    whole = client.responses.create(model="gpt-5", input="Hello", tools=tools)
    for one, other in zip(answer.output, whole.output, strict=True):
        mine, yours = one.model_dump(exclude_none=True), other.model_dump(exclude_none=True)
        for output in (mine, yours):
            # Ids come from the body, which has `stream` in one case; `parsed…` is the helper's own.
            for added in ("id", "call_id", "parsed_arguments"):
                output.pop(added, None)
        assert mine == yours
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_a_request_in_lines_is_repeated_in_one() -> None:
    """A line's end within an event would cut it."""
    body = json.dumps({"model": "m", "input": "Hi", "stream": True, "tools": TOOLS}, indent=2).encode()
    stream = b"".join(ask("openai-responses", "chat", body).pieces)
    payloads = [frame.partition(b"data: ")[2] for frame in stream.split(b"\n\n") if frame]
    events = [json.loads(payload) for payload in payloads]
    assert events[0]["response"]["tools"] == TOOLS
    assert events[-1]["type"] == "response.completed"


def test_the_grammar_of_a_text() -> None:
    events = _events({"model": "m", "input": "Hi", "stream": True})
    kinds = [event["type"] for event in events]
    deltas = kinds.count("response.output_text.delta")
    assert deltas >= 4
    assert kinds == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        *["response.output_text.delta"] * deltas,
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert events[2]["item"] | {"id": ""} == {
        "id": "",
        "type": "message",
        "role": "assistant",
        "status": "in_progress",
        "content": [],
    }
    text = "".join(event["delta"] for event in events if event["type"].endswith("delta"))
    assert events[-4]["text"] == events[-3]["part"]["text"] == events[-2]["item"]["content"][0]["text"] == text
    assert events[-1]["response"]["output"] == [events[-2]["item"]]
    _check_identity(events)


def test_the_grammar_of_a_call() -> None:
    events = _events({"model": "m", "input": "Hi", "stream": True, "tools": TOOLS})
    kinds = [event["type"] for event in events]
    deltas = kinds.count("response.function_call_arguments.delta")
    assert kinds == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        *["response.function_call_arguments.delta"] * deltas,
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert events[2]["item"]["arguments"] == ""
    arguments = "".join(event["delta"] for event in events if event["type"].endswith("delta"))
    assert json.loads(arguments) == {"q": "demo"}
    assert events[-3]["arguments"] == events[-2]["item"]["arguments"] == arguments
    assert events[-3]["name"] == events[-2]["item"]["name"] == "look"
    assert events[-1]["response"]["output"] == [events[-2]["item"]]
    assert events[2]["item"]["call_id"] == events[-2]["item"]["call_id"]
    _check_identity(events)


def _events(body: dict[str, Any]) -> list[dict[str, Any]]:
    reply = ask("openai-responses", "chat", json.dumps(body).encode())
    frames = b"".join(reply.pieces).decode().split("\n\n")
    assert frames.pop() == ""
    numbers = count()
    events: list[dict[str, Any]] = []
    for frame in frames:
        name, data = frame.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        assert event["sequence_number"] == next(numbers)
        events.append(event)
    return events


def _check_identity(events: list[dict[str, Any]]) -> None:
    assert len({event["response"]["id"] for event in events if "response" in event}) == 1
    item_ids = {event["item"]["id"] for event in events if "item" in event}
    item_ids |= {event["item_id"] for event in events if "item_id" in event}
    assert len(item_ids) == 1
    assert events[0]["response"]["status"] == "in_progress"
    assert events[0]["response"]["output"] == []
    assert events[-1]["response"]["usage"]["output_tokens_details"] == {"reasoning_tokens": 0}


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        ("auto", "look"),
        ("required", "look"),
        ({"type": "function", "name": "now"}, "now"),
        ({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "now"}]}, "now"),
    ],
)
def test_tool_choices(choice: Any, name: str) -> None:
    answer = openai_client().responses.create(model="gpt-5", input="x", tools=TOOLS, tool_choice=choice)
    assert [(item.type, getattr(item, "name", "")) for item in answer.output] == [("function_call", name)]


def test_a_turn_with_a_tool() -> None:
    client = openai_client()
    history: Any = [{"role": "user", "content": [{"type": "input_text", "text": "Hello"}]}]
    first = client.responses.create(model="gpt-5", input=history, tools=TOOLS)
    call = first.output[0]
    assert call.type == "function_call"
    history += [call.model_dump(exclude_none=True)]
    history += [{"type": "function_call_output", "call_id": call.call_id, "output": "found it"}]
    second = client.responses.create(model="gpt-5", input=history, tools=TOOLS)
    assert second.output_text == f"{NOTICE} The tool answered: “found it”"


def test_tools_inside_the_input() -> None:
    given: Any = [{"type": "message", "role": "user", "content": "x"}, {"type": "additional_tools", "tools": TOOLS}]
    [item] = openai_client().responses.create(model="gpt-5", input=given).output
    assert item.type == "function_call"


class City(BaseModel):
    name: str
    people: int


def test_structured_output() -> None:
    client = openai_client()
    assert client.responses.parse(model="m", input="x", text_format=City).output_parsed == City(name="demo", people=1)
    free = client.responses.create(model="m", input="x", text={"format": {"type": "json_object"}})
    assert json.loads(free.output_text) == {"demo": NOTICE}
    plain = client.responses.create(model="m", input="x", text={"verbosity": "low"})
    assert plain.output_text.startswith(NOTICE)


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"background": True}, "background"),
        ({"tool_choice": {"type": "web_search"}}, "tool_choice"),
        ({"input": 1}, None),
        ({"model": None}, None),
        ({"input": [{"role": "robot", "content": "x"}]}, None),
    ],
)
def test_bad_requests(more: Any, param: str | None) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        openai_client().post("/responses", body={"model": "m", "input": "x"} | more, cast_to=object)
    assert caught.value.param == param
