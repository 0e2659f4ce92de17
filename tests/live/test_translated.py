"""The proof that the canon carries: OpenAI's SDK on an Anthropic upstream, Anthropic's SDK on an OpenAI Chat upstream;
whole, streamed, with tools. The upstreams play recordings; what they were asked is checked on the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator

import anthropic
import openai
import pytest
from anthropic import Anthropic, AsyncAnthropic
from openai import AsyncOpenAI, OpenAI

from tests.live.conftest import TakeSlot
from tests.live.gateway import FIRST_KEY, Gateway
from tests.live.upstream import recorded_answer, sse_answer
from tests.recorded import frames, recorded

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CHAT_TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "d", "parameters": SCHEMA}}]
CLAUDE_TOOLS = [{"name": "get_weather", "description": "d", "input_schema": SCHEMA}]


@pytest.fixture
def chat(gateway: Gateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=FIRST_KEY, max_retries=0) as client:
        yield client


@pytest.fixture
def claude(gateway: Gateway) -> Iterator[Anthropic]:
    with Anthropic(base_url=gateway.url, api_key=FIRST_KEY, max_retries=0) as client:
        yield client


# OpenAI Chat in, Anthropic out.


@pytest.mark.pitfall(164)
def test_chat_whole_on_anthropic(chat: OpenAI, take: TakeSlot) -> None:
    slot = take("anthropic", recorded_answer("anthropic-messages/json/008"))
    told = json.loads(recorded("anthropic-messages/json/008").response_body)
    answer = chat.chat.completions.create(
        model=slot.model,
        messages=[{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
        temperature=0.5,
        max_completion_tokens=100,
    )
    assert answer.model == slot.model
    assert answer.choices[0].message.content == "".join(b["text"] for b in told["content"] if b["type"] == "text")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == told["usage"]["output_tokens"]
    asked = json.loads(slot.visit.body)
    assert asked["model"] == slot.upstream_model
    assert asked["max_tokens"] == 100
    assert asked["temperature"] == 0.5
    assert "be brief" in json.dumps(asked["system"])
    assert slot.visit.header("anthropic-version") == "2023-06-01"
    assert slot.visit.header("x-api-key") == "the-upstreams-own-key"
    assert slot.visit.target == "/v1/messages"


def test_chat_streamed_on_anthropic(chat: OpenAI, take: TakeSlot) -> None:
    slot = take("anthropic", recorded_answer("anthropic-messages/stream/003"))
    with chat.chat.completions.stream(
        model=slot.model, messages=[{"role": "user", "content": "hi"}], stream_options={"include_usage": True}
    ) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()
    assert len(deltas) > 2
    assert (final.choices[0].message.content or "").endswith("is 73°F (23°C).")
    assert final.choices[0].finish_reason == "stop"
    assert final.usage is not None
    assert (final.usage.prompt_tokens, final.usage.completion_tokens) == (762, 33)
    assert json.loads(slot.visit.body)["stream"] is True


def test_chat_stream_ends_as_chat_streams_do(gateway: Gateway, chat: OpenAI, take: TakeSlot) -> None:
    slot = take("anthropic", recorded_answer("anthropic-messages/stream/003"))
    with chat.chat.completions.with_streaming_response.create(
        model=slot.model, messages=[{"role": "user", "content": "hi"}], stream=True
    ) as raw:
        text = raw.read()
    assert raw.headers["content-type"].startswith("text/event-stream")
    assert text.endswith(b"data: [DONE]\n\n")
    assert b"event:" not in text
    assert b'"usage":{' not in text.replace(b" ", b"")


def test_chat_tools_on_anthropic(chat: OpenAI, take: TakeSlot) -> None:
    slot = take(
        "anthropic",
        recorded_answer("anthropic-messages/json/001"),
        recorded_answer("anthropic-messages/stream/003"),
    )
    told = json.loads(recorded("anthropic-messages/json/001").response_body)
    calls = [block for block in told["content"] if block["type"] == "tool_use"]
    history: list[object] = [{"role": "user", "content": "the weather?"}]
    first = chat.chat.completions.create(model=slot.model, messages=history, tools=CHAT_TOOLS, tool_choice="auto")
    said = first.choices[0].message
    assert first.choices[0].finish_reason == "tool_calls"
    assert said.tool_calls is not None
    assert [call.id for call in said.tool_calls] == [call["id"] for call in calls]
    assert [json.loads(call.function.arguments) for call in said.tool_calls] == [call["input"] for call in calls]
    history.append(said.model_dump(exclude_none=True))
    history += [{"role": "tool", "tool_call_id": call.id, "content": "rain"} for call in said.tool_calls]
    with chat.chat.completions.stream(model=slot.model, messages=history, tools=CHAT_TOOLS) as stream:
        assert stream.get_final_completion().choices[0].message.content
    asked = json.loads(slot.visits[1].body)
    assert asked["tools"][0]["input_schema"] == SCHEMA
    results = asked["messages"][-1]
    assert results["role"] == "user"
    assert [block["tool_use_id"] for block in results["content"]] == [call["id"] for call in calls]


def test_chat_streamed_tool_calls_on_anthropic(chat: OpenAI, take: TakeSlot) -> None:
    slot = take("anthropic", recorded_answer("anthropic-messages/stream/013"))
    with chat.chat.completions.stream(
        model=slot.model, messages=[{"role": "user", "content": "hi"}], tools=CHAT_TOOLS
    ) as stream:
        final = stream.get_final_completion()
    calls = final.choices[0].message.tool_calls
    assert calls is not None
    assert [call.index for call in calls] == [0, 1]
    assert [json.loads(call.function.arguments) for call in calls] == [{}, {}]
    assert final.choices[0].finish_reason == "tool_calls"


def test_anthropic_error_reads_as_a_chat_error(chat: OpenAI, take: TakeSlot) -> None:
    slot = take("anthropic", recorded_answer("anthropic-messages/json/016"))
    told = json.loads(recorded("anthropic-messages/json/016").response_body)
    with pytest.raises(openai.BadRequestError) as caught:
        chat.chat.completions.create(model=slot.model, messages=[{"role": "user", "content": "hi"}])
    assert told["error"]["message"] in caught.value.message
    assert caught.value.type == "invalid_request_error"


def test_anthropic_stream_that_breaks_is_a_chat_error(chat: OpenAI, take: TakeSlot) -> None:
    begun = list(frames(recorded("anthropic-messages/stream/003").response_body))[:6]
    slot = take("anthropic", sse_answer(*begun))
    with pytest.raises(openai.APIError):
        list(chat.chat.completions.create(model=slot.model, messages=[{"role": "user", "content": "hi"}], stream=True))


def test_what_cannot_be_translated_is_refused_by_name(chat: OpenAI, take: TakeSlot) -> None:
    slot = take("anthropic", recorded_answer("anthropic-messages/json/008"))
    sound = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    with pytest.raises(openai.BadRequestError) as caught:
        chat.chat.completions.create(model=slot.model, messages=[{"role": "user", "content": [sound]}])
    assert slot.visits == []
    assert caught.value.param


async def test_chat_async_on_anthropic(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("anthropic", recorded_answer("anthropic-messages/stream/003"))
    async with AsyncOpenAI(base_url=f"{gateway.url}/api/v1", api_key=FIRST_KEY, max_retries=0) as client:
        stream = await client.chat.completions.create(
            model=slot.model, messages=[{"role": "user", "content": "hi"}], stream=True
        )
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert text.endswith("is 73°F (23°C).")


# Anthropic in, OpenAI Chat out.


def test_message_whole_on_chat(claude: Anthropic, take: TakeSlot) -> None:
    slot = take("openai-chat", recorded_answer("openai-chat/json/001"))
    told = json.loads(recorded("openai-chat/json/001").response_body)
    answer = claude.messages.create(
        model=slot.model, max_tokens=100, system="be brief", messages=[{"role": "user", "content": "hi"}]
    )
    [block] = answer.content
    assert block.type == "text"
    assert block.text == told["choices"][0]["message"]["content"]
    assert (answer.stop_reason, answer.model, answer.type) == ("end_turn", slot.model, "message")
    assert answer.usage.input_tokens == told["usage"]["prompt_tokens"]
    asked = json.loads(slot.visit.body)
    assert asked["model"] == slot.upstream_model
    assert asked["messages"][0]["role"] in ("system", "developer")
    assert slot.visit.target == "/v1/chat/completions"
    assert slot.visit.header("authorization") == "Bearer the-upstreams-own-key"
    assert slot.visit.header("anthropic-version") is None


def test_message_streamed_on_chat(claude: Anthropic, take: TakeSlot) -> None:
    slot = take("openai-chat", recorded_answer("openai-chat/stream/016"))
    with claude.messages.stream(
        model=slot.model, max_tokens=100, messages=[{"role": "user", "content": "hi"}]
    ) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_message()
    assert kinds[0] == "message_start"
    assert kinds[-1] == "message_stop"
    [block] = final.content
    assert block.type == "text"
    assert block.text == "The current version of *llm* is **0.fixed-version**."
    assert final.stop_reason == "end_turn"
    assert final.usage.input_tokens + final.usage.output_tokens == 122
    assert json.loads(slot.visit.body)["stream_options"] == {"include_usage": True}


@pytest.mark.pitfall(152)
def test_a_messages_stream_begins_with_an_estimate_and_ends_with_the_truth(claude: Anthropic, take: TakeSlot) -> None:
    """Some clients read `message_start` only."""
    slot = take("openai-chat", recorded_answer("openai-chat/stream/016"))
    prompt = "How are you? " * 400
    with claude.messages.create(
        model=slot.model, max_tokens=100, messages=[{"role": "user", "content": prompt}], stream=True
    ) as stream:
        events = list(stream)
    [start] = [event.message.usage for event in events if event.type == "message_start"]
    [end] = [event.usage for event in events if event.type == "message_delta"]
    assert 1000 < start.input_tokens < 2000
    assert (start.output_tokens, end.input_tokens, end.output_tokens) == (0, 107, 15)


def test_message_streamed_tool_calls_on_chat(claude: Anthropic, take: TakeSlot) -> None:
    slot = take("openai-chat", recorded_answer("openai-chat/stream/010"))
    with claude.messages.stream(
        model=slot.model, max_tokens=100, messages=[{"role": "user", "content": "hi"}], tools=CLAUDE_TOOLS
    ) as stream:
        final = stream.get_final_message()
    assert [block.input for block in final.content if block.type == "tool_use"] == [
        {"location": "Seattle, WA"},
        {"location": "San Francisco, CA"},
    ]
    assert final.stop_reason == "tool_use"


def test_message_reasoning_of_a_chat_upstream(claude: Anthropic, take: TakeSlot) -> None:
    """`reasoning_content` in front, then text: a thinking block, then a text block, each of its own kind."""
    slot = take("openai-chat", recorded_answer("openai-chat/stream/012"))
    with claude.messages.stream(
        model=slot.model, max_tokens=2000, messages=[{"role": "user", "content": "hi"}],
        thinking={"type": "enabled", "budget_tokens": 1024},
    ) as stream:  # fmt: skip
        final = stream.get_final_message()
    assert [block.type for block in final.content] == ["thinking", "text"]


def test_message_tools_round_trip_on_chat(claude: Anthropic, take: TakeSlot) -> None:
    slot = take("openai-chat", recorded_answer("openai-chat/stream/010"), recorded_answer("openai-chat/stream/016"))
    history: list[object] = [{"role": "user", "content": "the weather?"}]
    with claude.messages.stream(model=slot.model, max_tokens=100, messages=history, tools=CLAUDE_TOOLS) as stream:
        first = stream.get_final_message()
    calls = [block for block in first.content if block.type == "tool_use"]
    history.append({"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in first.content]})
    history.append(
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": call.id, "content": f"rain {call.id}"} for call in calls
            ],
        }
    )
    with claude.messages.stream(model=slot.model, max_tokens=100, messages=history, tools=CLAUDE_TOOLS) as stream:
        assert stream.get_final_message().stop_reason == "end_turn"
    _, said, *results = json.loads(slot.visits[1].body)["messages"]
    assert [call["id"] for call in said["tool_calls"]] == [call.id for call in calls]
    assert [(result["role"], result["tool_call_id"]) for result in results] == [("tool", call.id) for call in calls]


def test_chat_error_reads_as_an_anthropic_error(claude: Anthropic, take: TakeSlot) -> None:
    slot = take("openai-chat", recorded_answer("openai-chat/json/019"))
    told = json.loads(recorded("openai-chat/json/019").response_body)
    with pytest.raises(anthropic.BadRequestError) as caught:
        claude.messages.create(model=slot.model, max_tokens=1, messages=[{"role": "user", "content": "hi"}])
    body = caught.value.body
    assert isinstance(body, dict)
    assert body["type"] == "error"
    assert body["error"]["type"] == "invalid_request_error"
    assert told["error"]["message"] in body["error"]["message"]


def test_chat_stream_that_breaks_is_an_anthropic_error(claude: Anthropic, take: TakeSlot) -> None:
    begun = list(frames(recorded("openai-chat/stream/016").response_body))[:4]
    slot = take("openai-chat", sse_answer(*begun))
    with pytest.raises(anthropic.APIStatusError):
        list(
            claude.messages.create(
                model=slot.model, max_tokens=9, messages=[{"role": "user", "content": "hi"}], stream=True
            )
        )


async def test_message_async_on_chat(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-chat", recorded_answer("openai-chat/stream/016"))
    async with (
        AsyncAnthropic(base_url=f"{gateway.url}/api", api_key=FIRST_KEY, max_retries=0) as client,
        client.messages.stream(model=slot.model, max_tokens=9, messages=[{"role": "user", "content": "hi"}]) as stream,
    ):
        text = "".join([piece async for piece in stream.text_stream])
    assert text == "The current version of *llm* is **0.fixed-version**."
