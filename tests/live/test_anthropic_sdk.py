"""The `anthropic` package, unmodified: recorded upstreams of its own dialect, both mounts, and the built-in demo.

Version 2 of the SDK sends its key as a bearer token under API version 2026-10-21; earlier ones (and every raw client
here) send `x-api-key` under 2023-06-01.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic

from tests.live.conftest import TakeSlot
from tests.live.gateway import FIRST_KEY, Gateway
from tests.live.upstream import json_answer, recorded_answer, sse_answer
from tests.recorded import frames, recorded

MOUNTS = ["", "/api"]

HI = [{"role": "user", "content": "say pelican"}]

TOOLS = [
    {
        "name": "get_weather",
        "description": "The weather of a city",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }
]


@contextmanager
def client(gateway: Gateway, mount: str = "", *, key: str = FIRST_KEY) -> Iterator[Anthropic]:
    with Anthropic(base_url=gateway.url + mount, api_key=key, max_retries=0) as opened:
        yield opened


@pytest.mark.parametrize("mount", MOUNTS)
def test_message_whole(gateway: Gateway, take: TakeSlot, mount: str) -> None:
    slot = take("anthropic", recorded_answer("anthropic-messages/json/001"))
    with client(gateway, mount) as anthropic_client:
        raw = anthropic_client.messages.with_raw_response.create(
            model=slot.model, max_tokens=64, messages=HI, tools=TOOLS
        )
    assert raw.headers["x-request-id"].startswith("req_")
    message = raw.parse()
    assert message.stop_reason == "tool_use"
    assert [block.type for block in message.content].count("tool_use") == 2
    assert slot.visit.header("anthropic-version") == "2026-10-21"
    assert slot.visit.target == "/v1/messages"


@pytest.mark.parametrize("mount", MOUNTS)
def test_stream_accumulates_thinking_and_tools(gateway: Gateway, take: TakeSlot, mount: str) -> None:
    slot = take("anthropic", recorded_answer("anthropic-messages/stream/010"))
    with (
        client(gateway, mount) as anthropic_client,
        anthropic_client.messages.stream(model=slot.model, max_tokens=64, messages=HI) as stream,
    ):
        final = stream.get_final_message()
    thinking, call = final.content
    assert thinking.type == "thinking"
    assert thinking.signature
    assert call.type == "tool_use"
    assert final.stop_reason == "tool_use"
    assert final.usage.output_tokens > 0


def test_text_stream(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("anthropic", recorded_answer("anthropic-messages/stream/003"))
    with (
        client(gateway) as anthropic_client,
        anthropic_client.messages.stream(model=slot.model, max_tokens=64, messages=HI) as stream,
    ):
        text = "".join(stream.text_stream)
    assert text.endswith("is 73°F (23°C).")


async def test_async_whole_and_streamed(gateway: Gateway, take: TakeSlot) -> None:
    whole = take("anthropic", recorded_answer("anthropic-messages/json/012"))
    streamed = take("anthropic", recorded_answer("anthropic-messages/stream/013"))
    async with AsyncAnthropic(base_url=gateway.url, api_key=FIRST_KEY, max_retries=0) as anthropic_client:
        message = await anthropic_client.messages.create(model=whole.model, max_tokens=64, messages=HI)
        assert message.stop_reason == "end_turn"
        async with anthropic_client.messages.stream(model=streamed.model, max_tokens=64, messages=HI) as stream:
            final = await stream.get_final_message()
    assert [block.name for block in final.content if block.type == "tool_use"] == ["pelican_name_generator"] * 2


def test_betas_and_cache_control_arrive(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("anthropic", recorded_answer("anthropic-messages/json/007"))
    system = [{"type": "text", "text": "long", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    with client(gateway) as anthropic_client:
        message = anthropic_client.beta.messages.create(
            model=slot.model, max_tokens=64, messages=HI, system=system,
            betas=["prompt-caching-2024-07-31", "extended-cache-ttl-2025-04-11"],
        )  # fmt: skip
    assert message.usage.cache_read_input_tokens
    assert json.loads(slot.visit.body)["system"] == system
    flags = ",".join(value for name, value in slot.visit.headers if name == "anthropic-beta")
    assert {"prompt-caching-2024-07-31", "extended-cache-ttl-2025-04-11"} <= set(flags.split(","))
    assert slot.visit.target.partition("?")[0] == "/v1/messages"


def test_tools_round_trip(gateway: Gateway, take: TakeSlot) -> None:
    slot = take(
        "anthropic",
        recorded_answer("anthropic-messages/stream/010"),
        recorded_answer("anthropic-messages/stream/003"),
    )
    with client(gateway) as anthropic_client:
        with anthropic_client.messages.stream(model=slot.model, max_tokens=64, messages=HI, tools=TOOLS) as stream:
            first = stream.get_final_message()
        call = next(block for block in first.content if block.type == "tool_use")
        history = [
            *HI,
            {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in first.content]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "0.1"}]},
        ]
        with anthropic_client.messages.stream(model=slot.model, max_tokens=64, messages=history, tools=TOOLS) as stream:
            assert stream.get_final_message().stop_reason == "end_turn"
    assert json.loads(slot.visits[1].body)["messages"] == history


@pytest.mark.parametrize("mount", MOUNTS)
def test_count_tokens(gateway: Gateway, take: TakeSlot, mount: str) -> None:
    slot = take("anthropic", json_answer({"input_tokens": 14}))
    with client(gateway, mount) as anthropic_client:
        assert anthropic_client.messages.count_tokens(model=slot.model, messages=HI).input_tokens == 14
    assert slot.visit.target == "/v1/messages/count_tokens"


@pytest.mark.parametrize("mount", MOUNTS)
def test_models_list_and_get(gateway: Gateway, mount: str) -> None:
    with client(gateway, mount) as anthropic_client:
        listed = [model.id for model in anthropic_client.models.list(limit=1000)]
        assert "anthropic-slot-0" in listed
        assert len(listed) == len(set(listed))
        model = anthropic_client.models.retrieve("anthropic-slot-0")
        assert (model.type, model.id) == ("model", "anthropic-slot-0")
        with pytest.raises(anthropic.NotFoundError):
            anthropic_client.models.retrieve("nobody")


def test_models_list_by_pages(gateway: Gateway) -> None:
    """The SDK follows `has_more` and `last_id`: a small page must lead to the same models, once each."""
    with client(gateway) as anthropic_client:
        whole = [model.id for model in anthropic_client.models.list(limit=1000)]
        paged = [model.id for model in anthropic_client.models.list(limit=50)]
    assert paged == whole


# Errors, each as its proper exception.


def test_wrong_key(gateway: Gateway) -> None:
    with (
        client(gateway, key="sk-nobody-has-this-key-0000") as anthropic_client,
        pytest.raises(anthropic.AuthenticationError) as caught,
    ):
        anthropic_client.messages.create(model="m", max_tokens=1, messages=HI)
    body = caught.value.body
    assert isinstance(body, dict)
    assert body["type"] == "error"
    assert body["error"]["type"] == "INVALID_API_KEY"
    assert body["request_id"] == caught.value.response.headers["x-request-id"]


def test_unknown_model(gateway: Gateway) -> None:
    with client(gateway) as anthropic_client, pytest.raises(anthropic.NotFoundError) as caught:
        anthropic_client.messages.create(model="no-such-model", max_tokens=1, messages=HI)
    assert "no-such-model" in caught.value.message


def test_the_upstreams_own_error(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("anthropic", recorded_answer("anthropic-messages/json/016"))
    with client(gateway) as anthropic_client, pytest.raises(anthropic.BadRequestError) as caught:
        anthropic_client.messages.create(model=slot.model, max_tokens=1, messages=HI)
    assert caught.value.body == json.loads(recorded("anthropic-messages/json/016").response_body)


def test_an_error_within_a_stream(gateway: Gateway, take: TakeSlot) -> None:
    begun = list(frames(recorded("anthropic-messages/stream/003").response_body))[:3]
    overloaded = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    slot = take("anthropic", sse_answer(*begun, overloaded))
    with client(gateway) as anthropic_client, pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        list(anthropic_client.messages.create(model=slot.model, max_tokens=1, messages=HI, stream=True))


# The demo: no configuration, no provider.


@pytest.mark.parametrize("mount", MOUNTS)
@pytest.mark.parametrize("model", ["gpt-5", "claude-opus-4-7", "gemini-3-flash-preview"])
def test_demo_whole_and_streamed(demo: Gateway, model: str, mount: str) -> None:
    with client(demo, mount) as anthropic_client:
        whole = anthropic_client.messages.create(model=model, max_tokens=256, messages=HI)
        with anthropic_client.messages.stream(model=model, max_tokens=256, messages=HI) as stream:
            pieces = list(stream.text_stream)
            streamed = stream.get_final_message()
    [block] = whole.content
    assert block.type == "text"
    assert "demo" in block.text.lower()
    assert (whole.model, whole.stop_reason, whole.role) == (model, "end_turn", "assistant")
    assert len(pieces) > 1
    assert "".join(pieces) == block.text
    assert streamed.usage.output_tokens > 0


def test_demo_tools_round_trip(demo: Gateway) -> None:
    history: list[object] = [{"role": "user", "content": "the weather of Bergen?"}]
    with client(demo) as anthropic_client:
        with anthropic_client.messages.stream(
            model="claude-opus-4-7", max_tokens=256, messages=history, tools=TOOLS
        ) as stream:
            first = stream.get_final_message()
        assert first.stop_reason == "tool_use"
        call = next(block for block in first.content if block.type == "tool_use")
        assert isinstance(call.input["city"], str)
        history.append(
            {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in first.content]}
        )
        history.append(
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "rain-4711"}]}
        )
        answer = anthropic_client.messages.create(
            model="claude-opus-4-7", max_tokens=256, messages=history, tools=TOOLS
        )
    assert any(block.type == "text" and "rain-4711" in block.text for block in answer.content)


async def test_demo_async_and_count(demo: Gateway) -> None:
    async with AsyncAnthropic(base_url=demo.url, api_key=FIRST_KEY) as anthropic_client:
        async with anthropic_client.messages.stream(model="claude-opus-4-7", max_tokens=64, messages=HI) as stream:
            assert (await stream.get_final_message()).stop_reason == "end_turn"
        counted = await anthropic_client.messages.count_tokens(model="claude-opus-4-7", messages=HI)
        listed = {model.id async for model in anthropic_client.models.list()}
    assert counted.input_tokens > 0
    assert {"gpt-5", "claude-opus-4-7", "gemini-3-flash-preview"} <= listed
