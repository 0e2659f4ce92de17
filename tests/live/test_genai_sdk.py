"""The `google-genai` package, unmodified: recorded upstreams of its own dialect, every mount, and the built-in demo.

Since version 3 it calls `/v1/models/…` by itself, and `/v1beta/v1/models/…` with the documented base URL `…/v1beta`;
with `api_version="v1beta"` it doubles the segment.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from google import genai
from google.genai import errors, types

from tests.live.conftest import TakeSlot
from tests.live.gateway import FIRST_KEY, Gateway
from tests.live.upstream import json_answer, recorded_answer
from tests.recorded import recorded

BASES = ["", "/api", "/v1beta", "/api/v1beta"]
VERSIONS = [None, "v1beta"]

WEATHER = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="get_weather",
            description="The weather of a city",
            parameters_json_schema={
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        )
    ]
)


@contextmanager
def client(
    gateway: Gateway, base: str = "", *, key: str = FIRST_KEY, version: str | None = None
) -> Iterator[genai.Client]:
    options = types.HttpOptions(base_url=gateway.url + base, api_version=version)
    with genai.Client(api_key=key, http_options=options) as opened:
        yield opened


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("version", VERSIONS)
def test_generate_content(gateway: Gateway, take: TakeSlot, base: str, version: str | None) -> None:
    slot = take("gemini", recorded_answer("gemini/json/020"))
    with client(gateway, base, version=version) as genai_client:
        answer = genai_client.models.generate_content(model=slot.model, contents="hi")
    assert answer.text
    assert answer.usage_metadata is not None
    assert slot.visit.target == f"/v1beta/models/{slot.upstream_model}:generateContent"
    assert slot.visit.header("x-goog-api-key") == "the-upstreams-own-key"


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("version", VERSIONS)
def test_generate_content_stream(gateway: Gateway, take: TakeSlot, base: str, version: str | None) -> None:
    slot = take("gemini", recorded_answer("gemini/stream/001"))
    with client(gateway, base, version=version) as genai_client:
        chunks = list(genai_client.models.generate_content_stream(model=slot.model, contents="hi"))
    calls = [call for chunk in chunks for call in chunk.function_calls or []]
    assert [call.args for call in calls] == [{"location": "Boston"}, {"location": "New Delhi"}]
    assert slot.visit.target == f"/v1beta/models/{slot.upstream_model}:streamGenerateContent?alt=sse"


async def test_async_whole_and_streamed(gateway: Gateway, take: TakeSlot) -> None:
    whole = take("gemini", recorded_answer("gemini/json/020"))
    streamed = take("gemini", recorded_answer("gemini/stream/002"))
    async with genai.Client(api_key=FIRST_KEY, http_options={"base_url": gateway.url}).aio as genai_client:
        assert (await genai_client.models.generate_content(model=whole.model, contents="hi")).text
        stream = await genai_client.models.generate_content_stream(model=streamed.model, contents="hi")
        text = "".join([chunk.text or "" async for chunk in stream])
    assert text.startswith("Here is a cozy, calming bedtime story")


def test_the_four_fields_arrive(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("gemini", recorded_answer("gemini/json/020"))
    config = types.GenerateContentConfig(
        temperature=0.5,
        system_instruction="be brief",
        tools=[WEATHER],
        safety_settings=[types.SafetySetting(category="HARM_CATEGORY_HARASSMENT", threshold="BLOCK_NONE")],
    )
    with client(gateway) as genai_client:
        genai_client.models.generate_content(model=slot.model, contents="hi", config=config)
    told = json.loads(slot.visit.body)
    assert told["generationConfig"] == {"temperature": 0.5}
    assert told["systemInstruction"]["parts"] == [{"text": "be brief"}]
    assert told["safetySettings"] == [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    assert told["tools"][0]["functionDeclarations"][0]["name"] == "get_weather"


def test_tools_round_trip(gateway: Gateway, take: TakeSlot) -> None:
    """With the thought signature that Gemini demands back."""
    slot = take("gemini", recorded_answer("gemini/json/006"), recorded_answer("gemini/json/020"))
    config = types.GenerateContentConfig(
        tools=[WEATHER], automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True)
    )
    with client(gateway) as genai_client:
        question = types.Content(role="user", parts=[types.Part(text="the weather?")])
        first = genai_client.models.generate_content(model=slot.model, contents=[question], config=config)
        assert first.candidates
        said = first.candidates[0].content
        assert said is not None
        assert first.function_calls
        results = [
            types.Part.from_function_response(name=call.name or "", response={"result": "rain"})
            for call in first.function_calls
        ]
        second = genai_client.models.generate_content(
            model=slot.model, contents=[question, said, types.Content(role="user", parts=results)], config=config
        )
    assert second.text
    assert _signatures(json.loads(slot.visits[1].body)["contents"][1])
    told = json.loads(recorded("gemini/json/006").response_body)
    assert _signatures(json.loads(slot.visits[1].body)["contents"][1]) == _signatures(told["candidates"][0]["content"])


def _signatures(content: dict[str, list[dict[str, str]]]) -> list[bytes]:
    """As bytes: the SDK returns them in the URL-safe alphabet."""
    told = [part["thoughtSignature"] for part in content["parts"] if "thoughtSignature" in part]
    return [base64.b64decode(signature, altchars=b"-_" if {"-", "_"} & set(signature) else None) for signature in told]


@pytest.mark.parametrize("base", BASES)
def test_count_tokens(gateway: Gateway, take: TakeSlot, base: str) -> None:
    slot = take("gemini", json_answer({"totalTokens": 8}))
    with client(gateway, base) as genai_client:
        assert genai_client.models.count_tokens(model=slot.model, contents="hi").total_tokens == 8
    assert slot.visit.target == f"/v1beta/models/{slot.upstream_model}:countTokens"


def test_embed_content(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("gemini", json_answer({"embeddings": [{"values": [0.25, -0.5]}]}))
    with client(gateway) as genai_client:
        answer = genai_client.models.embed_content(model=slot.model, contents=["a text"])
    assert answer.embeddings
    assert answer.embeddings[0].values == [0.25, -0.5]
    assert slot.visit.target == f"/v1beta/models/{slot.upstream_model}:batchEmbedContents"
    [part] = json.loads(slot.visit.body)["requests"]
    assert part["model"] == f"models/{slot.upstream_model}", (
        "Google refuses a part that names another model than the path"
    )


@pytest.mark.parametrize("base", BASES)
def test_models_list_and_get(gateway: Gateway, base: str) -> None:
    with client(gateway, base) as genai_client:
        names = [model.name for model in genai_client.models.list()]
        assert "models/gemini-slot-0" in names
        assert len(names) == len(set(names))
        assert genai_client.models.get(model="gemini-slot-0").name == "models/gemini-slot-0"
        with pytest.raises(errors.ClientError) as caught:
            genai_client.models.get(model="nobody")
    assert caught.value.code == 404


def test_models_list_by_pages(gateway: Gateway) -> None:
    with client(gateway) as genai_client:
        whole = [model.name for model in genai_client.models.list()]
        paged = [model.name for model in genai_client.models.list(config={"page_size": 50})]
    assert paged == whole


# Errors.


def test_wrong_key(gateway: Gateway) -> None:
    with (
        client(gateway, key="sk-nobody-has-this-key-0000") as genai_client,
        pytest.raises(errors.ClientError) as caught,
    ):
        genai_client.models.generate_content(model="m", contents="hi")
    assert (caught.value.code, caught.value.status) == (401, "UNAUTHENTICATED")
    assert "INVALID_API_KEY" in json.dumps(caught.value.details)


def test_unknown_model(gateway: Gateway) -> None:
    with client(gateway) as genai_client, pytest.raises(errors.ClientError) as caught:
        genai_client.models.generate_content(model="no-such-model", contents="hi")
    assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")


def test_the_upstreams_own_error(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("gemini", recorded_answer("gemini/json/015"))
    with client(gateway) as genai_client, pytest.raises(errors.ClientError) as caught:
        genai_client.models.generate_content(model=slot.model, contents="hi")
    assert caught.value.details == json.loads(recorded("gemini/json/015").response_body)


# The demo: no configuration, no provider.


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("model", ["gpt-5", "claude-opus-4-7", "gemini-3-flash-preview"])
def test_demo_whole_and_streamed(demo: Gateway, model: str, base: str) -> None:
    with client(demo, base) as genai_client:
        whole = genai_client.models.generate_content(model=model, contents="say pelican")
        pieces = [
            chunk.text for chunk in genai_client.models.generate_content_stream(model=model, contents="say pelican")
        ]
    assert "demo" in (whole.text or "").lower()
    assert "".join(piece or "" for piece in pieces) == whole.text
    assert len(pieces) > 1
    assert whole.candidates
    assert whole.candidates[0].finish_reason == types.FinishReason.STOP


def test_demo_calls_a_python_function(demo: Gateway) -> None:
    """The SDK's own loop: it calls the function and asks again with the result."""
    asked: list[str] = []

    def get_weather(city: str) -> str:
        """The weather of a city."""
        asked.append(city)
        return "rain-4711"

    with client(demo) as genai_client:
        answer = genai_client.models.generate_content(
            model="gemini-3-flash-preview",
            contents="the weather of Bergen?",
            config=types.GenerateContentConfig(tools=[get_weather]),
        )
    assert len(asked) == 1
    assert "rain-4711" in (answer.text or "")


async def test_demo_async(demo: Gateway) -> None:
    async with genai.Client(api_key=FIRST_KEY, http_options={"base_url": demo.url}).aio as genai_client:
        stream = await genai_client.models.generate_content_stream(model="gemini-3-flash-preview", contents="hi")
        text = "".join([chunk.text or "" async for chunk in stream])
        counted = await genai_client.models.count_tokens(model="gemini-3-flash-preview", contents="hi")
        vectors = await genai_client.models.embed_content(model="gemini-embedding-001", contents=["a", "b"])
    assert "demo" in text.lower()
    assert counted.total_tokens
    assert vectors.embeddings
    assert len(vectors.embeddings) == 2
