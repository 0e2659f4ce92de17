"""Embeddings between OpenAI's and Gemini's API, by the official SDKs, against scripted upstreams and the demo's."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import openai
import pytest
from google import genai
from google.genai import errors, types

from tests.live.callers import JSON_TYPE
from tests.live.conftest import Launch, TakeSlot
from tests.live.gateway import FIRST_KEY, Gateway
from tests.live.upstream import Answer, json_answer, recorded_answer
from tests.live.wire import Connection, Reply
from tests.recorded import recorded

TWO = json_answer({"embeddings": [{"values": [0.25, -0.5]}, {"values": [1.0, 0.1]}]})


def openai_answer(*vectors: object, indexes: tuple[int, ...] = ()) -> Answer:
    data = [
        {"object": "embedding", "index": indexes[place] if indexes else place, "embedding": vector}
        for place, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": 7, "total_tokens": 7}
    return json_answer({"object": "list", "data": data, "model": "m", "usage": usage})


def by_openai(gateway: Gateway) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=FIRST_KEY, max_retries=0)


def by_genai(gateway: Gateway) -> genai.Client:
    return genai.Client(api_key=FIRST_KEY, http_options={"base_url": gateway.url})


def ask(gateway: Gateway, path: str, body: object) -> Reply:
    with Connection(gateway.port) as connection:
        headers = [("authorization", f"Bearer {FIRST_KEY}"), JSON_TYPE]
        return connection.ask("POST", path, headers, json.dumps(body).encode())


# An OpenAI client over Gemini.


def test_texts_go_as_a_batch_and_vectors_come_in_order(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("gemini", TWO)
    with by_openai(gateway) as client:
        raw = client.embeddings.with_raw_response.create(
            model=slot.model, input=["a text", "another"], dimensions=2, user="u"
        )
    answer = raw.parse()
    assert [item.index for item in answer.data] == [0, 1]
    assert answer.data[0].embedding == [0.25, -0.5]
    assert answer.data[1].embedding == pytest.approx([1.0, 0.1], rel=1e-6)
    assert answer.model == slot.model
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (3, 3)  # estimated: Gemini said nothing
    assert raw.headers["x-torouter-losses"] == "user;dropped, dimensions;approximated"
    visit = slot.visit
    assert visit.target == f"/v1beta/models/{slot.upstream_model}:batchEmbedContents"
    common = {"model": f"models/{slot.upstream_model}", "outputDimensionality": 2}
    assert json.loads(visit.body) == {
        "requests": [{**common, "content": {"parts": [{"text": text}]}} for text in ("a text", "another")]
    }


@pytest.mark.parametrize("form", [None, "float", "base64"])
def test_vectors_come_in_the_form_asked_for(gateway: Gateway, take: TakeSlot, form: str | None) -> None:
    slot = take("gemini", TWO)
    asked = {"model": slot.model, "input": ["a", "b"]} | ({"encoding_format": form} if form else {})
    reply = ask(gateway, "/v1/embeddings", asked)
    vectors: Any = [item["embedding"] for item in reply.json()["data"]]  # type: ignore[attr-defined]
    if form == "base64":
        assert vectors[0] == base64.b64encode(struct.pack("<2f", 0.25, -0.5)).decode()
        assert len(base64.b64decode(vectors[1])) == 8
    else:
        assert vectors == [[0.25, -0.5], [1.0, 0.1]]


def test_one_text_is_a_batch_of_one_and_reported_usage_counts(gateway: Gateway, take: TakeSlot) -> None:
    told = {"embeddings": [{"values": [1, 2]}], "usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9}}
    slot = take("gemini", json_answer(told))
    with by_openai(gateway) as client:
        answer = client.embeddings.create(model=slot.model, input="a text")
    assert answer.usage.prompt_tokens == 9
    assert len(json.loads(slot.visit.body)["requests"]) == 1
    assert [item.embedding for item in answer.data] == [[1.0, 2.0]]


@pytest.mark.parametrize("name", ["001", "002", "003"])
def test_recorded_vectors_come_through(gateway: Gateway, take: TakeSlot, name: str) -> None:
    recording = recorded(f"gemini-embed/json/{name}")
    [vector] = json.loads(recording.response_body)["embeddings"]
    [request] = json.loads(recording.request_body)["requests"]
    [part] = request["content"]["parts"]
    slot = take("gemini", recorded_answer(f"gemini-embed/json/{name}"))
    with by_openai(gateway) as client:
        asked: dict[str, Any] = {"model": slot.model, "input": part["text"], "dimensions": 768}
        packed = client.embeddings.create(**asked)
        plain = client.embeddings.create(**asked, encoding_format="float")
    assert plain.data[0].embedding == vector["values"]
    assert packed.data[0].embedding == pytest.approx(vector["values"], rel=1e-6)
    [sent] = json.loads(slot.visits[0].body)["requests"]
    wanted = {name: value for name, value in request.items() if name != "taskType"}
    assert sent == {**wanted, "model": f"models/{slot.upstream_model}"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"input": [1, 2, 3]}, "input"),
        ({"input": [[1, 2], [3]]}, "input"),
        ({"input": []}, "input"),
        ({}, "input"),
        ({"input": {"text": "x"}}, "input"),
        ({"input": ["x", 5]}, "input.1"),
        ({"input": ["x", None]}, "input.1"),
        ({"input": "x", "dimensions": 0}, "dimensions"),
        ({"input": "x", "dimensions": "two"}, "dimensions"),
        ({"input": "x", "encoding_format": "hex"}, "encoding_format"),
    ],
)
def test_what_cannot_be_sent_to_gemini_is_the_callers_400(
    gateway: Gateway, take: TakeSlot, body: dict[str, Any], field: str
) -> None:
    slot = take("gemini", TWO)
    reply = ask(gateway, "/v1/embeddings", {"model": slot.model, **body})
    assert (reply.status, reply.error["param"]) == (400, field)
    assert slot.visits == []


# A Gemini client over OpenAI.


def test_contents_go_as_one_list_and_come_back_in_order(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-chat", openai_answer([3.0], [1.0], [2.0], indexes=(2, 0, 1)))
    with by_genai(gateway) as client:
        answer = client.models.embed_content(
            model=slot.model,
            contents=["a", "b", "c"],
            config=types.EmbedContentConfig(output_dimensionality=1, task_type="RETRIEVAL_QUERY", title="t"),
        )
    assert [vector.values for vector in answer.embeddings or ()] == [[1.0], [2.0], [3.0]]
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.prompt_token_count == 7
    assert answer.sdk_http_response is not None
    losses = (answer.sdk_http_response.headers or {})["x-torouter-losses"]
    assert losses == "requests.0.taskType;dropped, requests.0.title;dropped"
    visit = slot.visit
    assert visit.target == "/v1/embeddings"
    assert json.loads(visit.body) == {"model": slot.upstream_model, "input": ["a", "b", "c"], "dimensions": 1}


def test_one_content_gets_one_embedding(gateway: Gateway, take: TakeSlot) -> None:
    packed = base64.b64encode(struct.pack("<2f", 0.25, -0.5)).decode()
    slot = take("openai-chat", openai_answer(packed))
    path = f"/v1beta/models/{slot.model}:embedContent"
    reply = ask(gateway, path, {"content": {"parts": [{"text": "a"}]}, "output_dimensionality": 2})
    assert reply.json()["embedding"] == {"values": [0.25, -0.5]}
    assert json.loads(slot.visit.body) == {"model": slot.upstream_model, "input": ["a"], "dimensions": 2}


def _content(*texts: str) -> dict[str, object]:
    return {"content": {"parts": [{"text": text} for text in texts]}}


@pytest.mark.parametrize(
    ("verb", "body", "field"),
    [
        ("embedContent", _content("a", "b"), "content.parts"),
        ("embedContent", {}, "content.parts"),
        (
            "embedContent",
            {"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}]}},
            "content",
        ),
        ("embedContent", {"content": {"parts": [{"text": 5}]}}, "content.parts.0.text"),
        ("embedContent", {"content": "text"}, "content"),
        ("batchEmbedContents", {}, "requests"),
        ("batchEmbedContents", {"requests": []}, "requests"),
        ("batchEmbedContents", {"requests": [_content("a"), _content("a", "b")]}, "requests.1.content.parts"),
        (
            "batchEmbedContents",
            {"requests": [_content("a"), _content("b") | {"outputDimensionality": 5}]},
            "requests.1.outputDimensionality",
        ),
    ],
)
def test_what_cannot_be_sent_to_openai_is_the_callers_400(
    gateway: Gateway, take: TakeSlot, verb: str, body: dict[str, Any], field: str
) -> None:
    slot = take("openai-chat", openai_answer([1.0]))
    reply = ask(gateway, f"/v1beta/models/{slot.model}:{verb}", body)
    assert (reply.status, reply.error["status"]) == (400, "INVALID_ARGUMENT")
    assert f"`{field}" in str(reply.error["message"])
    assert slot.visits == []


# Either way.


@pytest.mark.parametrize(
    "answer",
    [
        json_answer({"embeddings": [{"values": [1.0]}]}),
        json_answer({"embeddings": "none"}),
        json_answer({"embeddings": [{"values": [1e300]}, {"values": [1.0]}]}),
        Answer(pieces=(b"[",)),
    ],
    ids=["too few", "another shape", "beyond float32", "no JSON"],
)
def test_an_answer_that_is_none_is_the_upstreams_fault(launch: Launch, upstream: Any, answer: Answer) -> None:
    gateway = launch(models={"gemini": {"m": "broken.gemini"}})
    upstream.script("broken.gemini", answer)
    with by_openai(gateway) as client, pytest.raises(openai.InternalServerError) as caught:
        client.embeddings.create(model="m", input=["a", "b"])
    assert caught.value.status_code == 502


@pytest.mark.parametrize("vector", ["!!", base64.b64encode(b"abc").decode(), "AADAfw=="], ids=["text", "odd", "nan"])
def test_base64_that_is_none_is_the_upstreams_fault(launch: Launch, upstream: Any, vector: str) -> None:
    gateway = launch(models={"openai-chat": {"m": "broken.openai"}})
    upstream.script("broken.openai", openai_answer(vector))
    with by_genai(gateway) as client, pytest.raises(errors.ServerError) as caught:
        client.models.embed_content(model="m", contents=["a"])
    assert caught.value.code == 502


def test_an_upstreams_refusal_wears_the_callers_dialect(gateway: Gateway, take: TakeSlot) -> None:
    refusal = {"error": {"code": 400, "message": "the text is empty", "status": "INVALID_ARGUMENT"}}
    slot = take("gemini", json_answer(refusal, status=400))
    with by_openai(gateway) as client, pytest.raises(openai.BadRequestError, match="the text is empty"):
        client.embeddings.create(model=slot.model, input="")


def test_what_one_batch_cannot_hold_goes_in_several(gateway: Gateway, take: TakeSlot) -> None:
    batches = [[[float(n)] for n in range(start, min(start + 100, 250))] for start in (0, 100, 200)]
    slot = take("gemini", *(json_answer({"embeddings": [{"values": v} for v in batch]}) for batch in batches))
    texts = [f"text {n}" for n in range(250)]
    with by_openai(gateway) as client:
        answer = client.embeddings.create(model=slot.model, input=texts)
    assert [item.embedding for item in answer.data] == [[float(n)] for n in range(250)]
    assert [item.index for item in answer.data] == list(range(250))
    asked = [json.loads(visit.body)["requests"] for visit in slot.visits]
    assert [len(requests) for requests in asked] == [100, 100, 50]
    assert [each["content"]["parts"][0]["text"] for requests in asked for each in requests] == texts


def test_usage_of_several_batches_adds_up_and_one_failure_fails_all(gateway: Gateway, take: TakeSlot) -> None:
    told = [
        {"embeddings": [{"values": [1.0]}] * size, "usageMetadata": {"promptTokenCount": used}}
        for size, used in ((100, 300), (1, 4))
    ]
    slot = take("gemini", *map(json_answer, told))
    with by_openai(gateway) as client:
        assert client.embeddings.create(model=slot.model, input=["x"] * 101).usage.total_tokens == 304
        refusal = json_answer({"error": {"code": 400, "message": "the last text is empty"}}, status=400)
        slot.script(json_answer(told[0]), refusal)
        with pytest.raises(openai.BadRequestError, match="the last text is empty"):
            client.embeddings.create(model=slot.model, input=["x"] * 100 + [""])
    assert len(slot.visits) == 2


def test_big_batches_keep_their_order(demo: Gateway, launch: Launch) -> None:
    kinds = {"gemini": ("", "gemini-embedding-001"), "openai": ("/v1", "text-embedding-3-small")}
    channels = [
        {"name": k, "kind": k, "base_url": demo.url + base, "api_key": demo.key, "models": {f"over-{k}": model}}
        for k, (base, model) in kinds.items()
    ]
    gateway = launch(channels=channels)
    texts = [f"text number {n}" for n in range(1000)]
    with by_openai(gateway) as client, by_genai(gateway) as gemini, by_openai(demo) as direct:
        over = client.embeddings.create(model="over-gemini", input=texts, dimensions=256)
        alone = [client.embeddings.create(model="over-gemini", input=texts[n], dimensions=256) for n in (0, 499, 999)]
        assert [over.data[n].embedding for n in (0, 499, 999)] == [each.data[0].embedding for each in alone]
        assert over.usage.prompt_tokens >= 3000
        config = types.EmbedContentConfig(output_dimensionality=64)
        back = gemini.models.embed_content(model="over-openai", contents=list(texts), config=config)
        plain = direct.embeddings.create(
            model="text-embedding-3-small", input=texts, dimensions=64, encoding_format="float"
        )
    assert [each.values for each in back.embeddings or ()] == [item.embedding for item in plain.data]
