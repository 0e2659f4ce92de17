"""The `openai` package, unmodified: against recorded and scripted upstreams of its own dialect, on both mounts, and
against the built-in demo."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletion

from tests.live.conftest import TakeSlot
from tests.live.gateway import FIRST_KEY, Gateway
from tests.live.upstream import Answer, json_answer, recorded_answer, sse_answer
from tests.recorded import frames, recorded

MOUNTS = ["/v1", "/api/v1"]

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather of a city",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]

ONE_PIXEL_PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@contextmanager
def client(gateway: Gateway, mount: str = "/v1", *, key: str = FIRST_KEY, retries: int = 0) -> Iterator[OpenAI]:
    with OpenAI(base_url=gateway.url + mount, api_key=key, max_retries=retries) as opened:
        yield opened


@pytest.mark.parametrize("mount", MOUNTS)
def test_chat_whole(gateway: Gateway, take: TakeSlot, mount: str) -> None:
    slot = take("openai-chat", recorded_answer("openai-chat/json/013"))
    with client(gateway, mount) as openai_client:
        raw = openai_client.chat.completions.with_raw_response.create(
            model=slot.model, messages=[{"role": "user", "content": "hi"}], tools=TOOLS
        )
    assert raw.headers["x-request-id"].startswith("req_")
    completion = raw.parse()
    assert isinstance(completion, ChatCompletion)
    assert completion.choices[0].finish_reason == "tool_calls"
    assert json.loads(slot.visit.body)["tools"] == TOOLS


@pytest.mark.parametrize("mount", MOUNTS)
def test_chat_stream_accumulates_parallel_tool_calls(gateway: Gateway, take: TakeSlot, mount: str) -> None:
    slot = take("openai-chat", recorded_answer("openai-chat/stream/010"))
    with (
        client(gateway, mount) as openai_client,
        openai_client.chat.completions.stream(
            model=slot.model, messages=[{"role": "user", "content": "hi"}], stream_options={"include_usage": True}
        ) as stream,
    ):
        for _ in stream:
            pass
        final = stream.get_final_completion()
    calls = final.choices[0].message.tool_calls
    assert calls is not None
    assert [json.loads(call.function.arguments) for call in calls] == [
        {"location": "Seattle, WA"},
        {"location": "San Francisco, CA"},
    ]
    assert final.usage is not None
    assert final.usage.total_tokens == 126


def test_chat_stream_has_no_usage_chunk_unasked(gateway: Gateway, take: TakeSlot) -> None:
    """The gateway asks for usage itself; a client that did not ask sees no chunk without choices."""
    slot = take("openai-chat", recorded_answer("openai-chat/stream/010"))
    with client(gateway) as openai_client:
        chunks = list(
            openai_client.chat.completions.create(
                model=slot.model, messages=[{"role": "user", "content": "hi"}], stream=True
            )
        )
    assert chunks
    assert all(chunk.choices for chunk in chunks)
    assert json.loads(slot.visit.body)["stream_options"] == {"include_usage": True}


async def test_chat_async_whole_and_streamed(gateway: Gateway, take: TakeSlot) -> None:
    whole, streamed = (
        take("openai-chat", recorded_answer("openai-chat/json/017")),
        take("openai-chat", recorded_answer("openai-chat/stream/016")),
    )
    async with AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=FIRST_KEY, max_retries=0) as openai_client:
        completion = await openai_client.chat.completions.create(
            model=whole.model, messages=[{"role": "user", "content": "hi"}]
        )
        assert completion.choices[0].message.refusal
        stream = await openai_client.chat.completions.create(
            model=streamed.model, messages=[{"role": "user", "content": "hi"}], stream=True
        )
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert text == "The current version of *llm* is **0.fixed-version**."


def test_chat_tools_round_trip(gateway: Gateway, take: TakeSlot) -> None:
    """The call comes back to the upstream with its result, byte-exact ids and arguments included."""
    slot = take("openai-chat", recorded_answer("openai-chat/stream/004"), recorded_answer("openai-chat/stream/016"))
    question = {"role": "user", "content": "the weather?"}
    with client(gateway) as openai_client:
        with openai_client.chat.completions.stream(model=slot.model, messages=[question], tools=TOOLS) as stream:
            message = stream.get_final_completion().choices[0].message
        assert message.tool_calls is not None
        call = message.tool_calls[0]
        said = call.model_dump(include={"id": True, "type": True, "function": {"name", "arguments"}})
        turn = [
            question,
            {"role": "assistant", "tool_calls": [said]},
            {"role": "tool", "tool_call_id": call.id, "content": "15 °C"},
        ]
        with openai_client.chat.completions.stream(model=slot.model, messages=turn, tools=TOOLS) as stream:
            assert stream.get_final_completion().choices[0].message.content
    second = json.loads(slot.visits[1].body)["messages"]
    assert second == turn
    assert second[1]["tool_calls"][0]["function"]["arguments"] == '{"latitude": "48.8575", "longitude": "2.3514"}'


@pytest.mark.parametrize("mount", MOUNTS)
def test_responses_whole_and_streamed(gateway: Gateway, take: TakeSlot, mount: str) -> None:
    whole = take("openai-responses", recorded_answer("openai-responses/json/001"))
    streamed = take("openai-responses", recorded_answer("openai-responses/stream/007"))
    with client(gateway, mount) as openai_client:
        response = openai_client.responses.create(
            model=whole.model, input="hi", previous_response_id="resp_1", store=False, metadata={"a": "b"}
        )
        assert response.output_text
        with openai_client.responses.stream(model=streamed.model, input="hi") as stream:
            final = stream.get_final_response()
    assert final.output_text == "This is a test."
    assert final.usage is not None
    assert final.usage.total_tokens == 28
    assert json.loads(whole.visit.body)["previous_response_id"] == "resp_1"


def test_responses_stream_with_a_tool_call(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-responses", recorded_answer("openai-responses/stream/017"))
    with (
        client(gateway) as openai_client,
        openai_client.responses.stream(model=slot.model, input="hi") as stream,
    ):
        kinds = {event.type for event in stream}
        final = stream.get_final_response()
    assert "response.function_call_arguments.delta" in kinds
    assert final.output[-1].type == "function_call"


@pytest.mark.parametrize("mount", MOUNTS)
@pytest.mark.pitfall(186)
def test_embeddings_in_the_sdks_base64(gateway: Gateway, take: TakeSlot, mount: str) -> None:
    vector = base64.b64encode(struct.pack("<3f", 0.25, -0.5, 1.0)).decode()
    told = {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": vector}],
        "model": "m",
        "usage": {"prompt_tokens": 2, "total_tokens": 2},
    }
    slot = take("openai-chat", json_answer(told))
    with client(gateway, mount) as openai_client:
        answer = openai_client.embeddings.create(model=slot.model, input=["a text"])
    assert answer.data[0].embedding == [0.25, -0.5, 1.0]
    assert slot.visit.target == "/v1/embeddings"
    assert json.loads(slot.visit.body) == {
        "input": ["a text"],
        "model": slot.upstream_model,
        "encoding_format": "base64",
    }


@pytest.mark.parametrize("mount", MOUNTS)
def test_images_generate_and_edit(gateway: Gateway, take: TakeSlot, mount: str) -> None:
    made = json_answer({"created": 1, "data": [{"b64_json": base64.b64encode(ONE_PIXEL_PNG).decode()}]})
    generated, edited = take("openai-chat", made), take("openai-chat", made)
    with client(gateway, mount) as openai_client:
        first = openai_client.images.generate(model=generated.model, prompt="a dot", size="1024x1024")
        second = openai_client.images.edit(
            model=edited.model, image=("dot.png", ONE_PIXEL_PNG, "image/png"), prompt="a redder dot"
        )
    for answer in (first, second):
        assert answer.data is not None
        assert base64.b64decode(answer.data[0].b64_json or "") == ONE_PIXEL_PNG
    assert generated.visit.target == "/v1/images/generations"
    assert edited.visit.target == "/v1/images/edits"
    assert ONE_PIXEL_PNG in edited.visit.body
    assert edited.upstream_model.encode() in edited.visit.body
    assert edited.model.encode() not in edited.visit.body


@pytest.mark.parametrize("mount", MOUNTS)
def test_audio_transcriptions_and_speech(gateway: Gateway, take: TakeSlot, mount: str) -> None:
    heard = take("openai-chat", json_answer({"text": "a word", "usage": {"type": "duration", "seconds": 1}}))
    noise = bytes(range(256)) * 40 + b'\r\n--x\r\nname="model"\r\n\r\n'
    spoken = take(
        "openai-chat",
        Answer(headers=[("content-type", "audio/mpeg")], pieces=(noise[:1000], noise[1000:]), framing="chunked"),
    )
    with client(gateway, mount) as openai_client:
        transcript = openai_client.audio.transcriptions.create(
            model=heard.model, file=("word.wav", noise, "audio/wav"), language="en"
        )
        speech = openai_client.audio.speech.create(model=spoken.model, input="a word", voice="alloy")
    assert transcript.text == "a word"
    assert noise in heard.visit.body
    assert heard.upstream_model.encode() in heard.visit.body
    assert heard.visit.target == "/v1/audio/transcriptions"
    assert speech.read() == noise
    assert spoken.visit.target == "/v1/audio/speech"


@pytest.mark.parametrize("mount", MOUNTS)
def test_models_list_and_get(gateway: Gateway, mount: str) -> None:
    with client(gateway, mount) as openai_client:
        models = list(openai_client.models.list())
        names = {model.id for model in models}
        assert {"openai-chat-slot-0", "anthropic-slot-0", "gemini-slot-0"} <= names
        assert all(model.object == "model" for model in models)
        assert openai_client.models.retrieve("openai-chat-slot-0").id == "openai-chat-slot-0"
        with pytest.raises(openai.NotFoundError):
            openai_client.models.retrieve("nobody")


# Errors, each as its proper exception.


def test_wrong_key(gateway: Gateway) -> None:
    with (
        client(gateway, key="sk-nobody-has-this-key-0000") as openai_client,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        openai_client.chat.completions.create(model="m", messages=[])
    assert caught.value.type == "INVALID_API_KEY"
    assert (caught.value.request_id or "").startswith("req_")


def test_unknown_model(gateway: Gateway) -> None:
    with client(gateway) as openai_client, pytest.raises(openai.NotFoundError) as caught:
        openai_client.chat.completions.create(model="no-such-model", messages=[{"role": "user", "content": "hi"}])
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize(
    ("recording", "exception"),
    [("openai-chat/json/019", openai.BadRequestError), ("openai-chat/json/008", openai.NotFoundError)],
)
def test_the_upstreams_own_errors(
    gateway: Gateway, take: TakeSlot, recording: str, exception: type[openai.APIStatusError]
) -> None:
    slot = take("openai-chat", recorded_answer(recording))
    with client(gateway) as openai_client, pytest.raises(exception) as caught:
        openai_client.chat.completions.create(model=slot.model, messages=[{"role": "user", "content": "hi"}])
    assert caught.value.body == json.loads(recorded(recording).response_body)["error"]


def test_an_error_within_a_stream(gateway: Gateway, take: TakeSlot) -> None:
    """A chunk, then an error chunk: the SDK raises it, with the upstream's own words."""
    exchange = recorded("openai-chat/stream/016")
    first = next(iter(frames(exchange.response_body)))
    failing = sse_answer(first, b'data: {"error":{"message":"out of breath","type":"server_error","code":null}}\n\n')
    slot = take("openai-chat", failing)
    with client(gateway) as openai_client, pytest.raises(openai.APIError, match="out of breath"):
        list(
            openai_client.chat.completions.create(
                model=slot.model, messages=[{"role": "user", "content": "hi"}], stream=True
            )
        )


# The demo: no configuration, no provider.


@pytest.mark.parametrize("mount", MOUNTS)
@pytest.mark.parametrize("model", ["gpt-5", "claude-opus-4-7", "gemini-3-flash-preview"])
def test_demo_chat_whole_and_streamed(demo: Gateway, model: str, mount: str) -> None:
    messages = [{"role": "user", "content": "say pelican"}]
    with client(demo, mount) as openai_client:
        whole = openai_client.chat.completions.create(model=model, messages=messages)
        with openai_client.chat.completions.stream(model=model, messages=messages) as stream:
            deltas = [event.delta for event in stream if event.type == "content.delta"]
            streamed = stream.get_final_completion()
    assert "demo" in (whole.choices[0].message.content or "").lower()
    assert whole.model == streamed.model == model
    assert whole.usage is not None
    assert whole.usage.total_tokens > 0
    assert len(deltas) > 1
    assert streamed.choices[0].message.content == whole.choices[0].message.content
    assert streamed.choices[0].finish_reason == "stop"


def test_demo_tools_round_trip(demo: Gateway) -> None:
    messages: list[object] = [{"role": "user", "content": "the weather of Bergen?"}]
    with client(demo) as openai_client:
        with openai_client.chat.completions.stream(model="gpt-5", messages=messages, tools=TOOLS) as stream:
            message = stream.get_final_completion().choices[0].message
        assert message.tool_calls is not None
        [call] = message.tool_calls
        assert call.function.name == "get_weather"
        assert isinstance(json.loads(call.function.arguments)["city"], str)
        messages.append(message.model_dump(exclude_none=True))
        messages.append({"role": "tool", "tool_call_id": call.id, "content": "rain-4711"})
        answer = openai_client.chat.completions.create(model="gpt-5", messages=messages, tools=TOOLS)
    assert "rain-4711" in (answer.choices[0].message.content or "")


def test_demo_responses_with_tools(demo: Gateway) -> None:
    tool = {"type": "function", "name": "get_weather", "parameters": TOOLS[0]["function"]["parameters"]}
    with client(demo) as openai_client:
        plain = openai_client.responses.create(model="gpt-5", input="say pelican")
        assert "demo" in plain.output_text.lower()
        with openai_client.responses.stream(model="gpt-5", input="the weather?", tools=[tool]) as stream:
            final = stream.get_final_response()
        call = next(item for item in final.output if item.type == "function_call")
        assert isinstance(json.loads(call.arguments)["city"], str)
        answer = openai_client.responses.create(
            model="gpt-5",
            input=[
                {"role": "user", "content": "the weather?"},
                {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments},
                {"type": "function_call_output", "call_id": call.call_id, "output": "rain-4711"},
            ],
            tools=[tool],
        )
    assert "rain-4711" in answer.output_text


async def test_demo_async(demo: Gateway) -> None:
    async with AsyncOpenAI(base_url=f"{demo.url}/v1", api_key=FIRST_KEY) as openai_client:
        async with openai_client.responses.stream(model="gpt-5", input="hi") as stream:
            final = await stream.get_final_response()
        assert "demo" in final.output_text.lower()
        listed = {model.id async for model in openai_client.models.list()}
    assert {"gpt-5", "claude-opus-4-7", "gemini-3-flash-preview"} <= listed


def test_demo_other_operations(demo: Gateway) -> None:
    with client(demo) as openai_client:
        vectors = openai_client.embeddings.create(model="text-embedding-3-small", input=["a", "b"])
        assert len(vectors.data) == 2
        assert all(isinstance(number, float) for number in vectors.data[0].embedding)
        image = openai_client.images.generate(model="gpt-image-1", prompt="a dot")
        assert image.data is not None
        assert base64.b64decode(image.data[0].b64_json or "").startswith(b"\x89PNG")
        edited = openai_client.images.edit(
            model="gpt-image-1", image=("dot.png", ONE_PIXEL_PNG, "image/png"), prompt="a redder dot"
        )
        assert edited.data
        speech = openai_client.audio.speech.create(model="tts-1", input="hi", voice="alloy", response_format="wav")
        assert speech.read().startswith(b"RIFF")
        heard = openai_client.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"RIFF", "audio/wav"))
        assert heard.text
