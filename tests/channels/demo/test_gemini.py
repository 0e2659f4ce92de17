"""The demo in Gemini, read by google-genai: whole, SSE, array, tools, schemas, tokens, embeddings."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from google.genai import errors, types
from pydantic import BaseModel

from tests.channels.demo.sdk import ask, gemini_client
from torouter.channels.demo.conversation import NOTICE

MODEL = "gemini-3-flash-preview"
SCHEMA: dict[str, Any] = {"type": "OBJECT", "properties": {"q": {"type": "STRING"}}, "required": ["q"]}
DECLARED = [
    types.FunctionDeclaration(name="look", parameters_json_schema={**SCHEMA, "type": "object"}),
    types.FunctionDeclaration(name="now"),
]


def config(**more: Any) -> types.GenerateContentConfig:
    return types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=DECLARED)],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        **more,
    )


def calling(mode: str, names: list[str] | None = None) -> types.ToolConfig:
    chosen = types.FunctionCallingConfig(mode=types.FunctionCallingConfigMode(mode), allowed_function_names=names)
    return types.ToolConfig(function_calling_config=chosen)


def test_whole() -> None:
    answer = gemini_client().models.generate_content(model=MODEL, contents="Hello")
    assert answer.text == f"{NOTICE} You said: “Hello”"
    assert answer.model_version == MODEL
    assert answer.candidates
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    usage = answer.usage_metadata
    assert usage is not None
    assert usage.total_token_count == (usage.prompt_token_count or 0) + (usage.candidates_token_count or 0)


def test_streamed_is_the_same_as_whole() -> None:
    client = gemini_client()
    chunks = list(client.models.generate_content_stream(model=MODEL, contents="Hello"))
    assert len(chunks) >= 4
    assert "".join(chunk.text or "" for chunk in chunks) == f"{NOTICE} You said: “Hello”"
    ends = [chunk.candidates[0].finish_reason for chunk in chunks if chunk.candidates]
    assert ends == [None] * (len(chunks) - 1) + [types.FinishReason.STOP]
    assert len({chunk.response_id for chunk in chunks}) == 1


def stream(body: Any, query: bytes) -> tuple[bytes, list[bytes]]:
    reply = ask("gemini", "chat", json.dumps(body).encode(), model=MODEL, verb="streamGenerateContent", query=query)
    return dict(reply.headers)[b"content-type"], list(reply.pieces)


BODY: dict[str, Any] = {"contents": [{"parts": [{"text": "Hi"}]}]}


def test_sse_has_nothing_but_data() -> None:
    content_type, pieces = stream(BODY, b"alt=sse")
    assert content_type == b"text/event-stream"
    for piece in pieces:
        assert piece.startswith(b'data: {"candidates"')
        assert piece.endswith(b"}\n\n")
        assert piece.count(b"\n") == 2


def test_the_array_grows_and_is_the_same() -> None:
    content_type, pieces = stream(BODY, b"")
    assert content_type == b"application/json"
    array = json.loads(b"".join(pieces))
    _, events = stream(BODY, b"alt=sse")
    parts = [json.loads(event.removeprefix(b"data: "))["candidates"] for event in events]
    assert [element["candidates"] for element in array] == parts
    assert len(pieces) == len(array)
    _, single = stream(BODY | {"tools": [{"functionDeclarations": [{"name": "f"}]}]}, b"")
    assert len(json.loads(b"".join(single))) == 1


@pytest.mark.parametrize(
    ("tool_config", "name"),
    [(None, "look"), (calling("AUTO"), "look"), (calling("ANY"), "look"), (calling("ANY", ["now"]), "now")],
)
def test_tools(tool_config: types.ToolConfig | None, name: str) -> None:
    client = gemini_client()
    asked: Any = {"model": MODEL, "contents": "x", "config": config(tool_config=tool_config)}
    whole = client.models.generate_content(**asked)
    [chunk] = client.models.generate_content_stream(**asked)
    for answer in (whole, chunk):
        assert answer.candidates
        [call] = answer.function_calls or []
        assert call.name == name
        assert call.args == ({"q": "demo"} if name == "look" else {})
        assert call.id
        assert answer.candidates[0].finish_reason == types.FinishReason.STOP


def test_a_turn_with_a_tool() -> None:
    client = gemini_client()
    first = client.models.generate_content(model=MODEL, contents="x", config=config())
    assert first.candidates
    assert first.candidates[0].content
    result = types.Part.from_function_response(name="look", response={"result": "found it"})
    history: Any = [
        types.Content(role="user", parts=[types.Part(text="x")]),
        first.candidates[0].content,
        types.Content(role="user", parts=[result]),
    ]
    second = client.models.generate_content(model=MODEL, contents=history, config=config())
    assert second.text == f"{NOTICE} The tool answered: “found it”"


def test_no_tool_if_forbidden() -> None:
    answer = gemini_client().models.generate_content(
        model=MODEL, contents="x", config=config(tool_config=calling("NONE"))
    )
    assert (answer.text or "").startswith(NOTICE)


def test_automatic_function_calling() -> None:
    """The SDK's own loop: it runs the function that the demo calls, and the demo quotes the result."""

    def temperature(city: str) -> str:
        """The temperature in a city."""
        return f"18 degrees in {city}"

    answer = gemini_client().models.generate_content(
        model=MODEL, contents="x", config=types.GenerateContentConfig(tools=[temperature])
    )
    assert answer.text == f"{NOTICE} The tool answered: “18 degrees in demo”"


class City(BaseModel):
    name: str
    people: int


def test_structured_output() -> None:
    client = gemini_client()
    for more in ({"response_schema": City}, {"response_json_schema": City.model_json_schema()}):
        asked: Any = types.GenerateContentConfig(response_mime_type="application/json", **more)
        answer = client.models.generate_content(model=MODEL, contents="x", config=asked)
        assert json.loads(answer.text or "") == {"name": "demo", "people": 1}
    plain = types.GenerateContentConfig(response_mime_type="application/json")
    answer = client.models.generate_content(model=MODEL, contents="x", config=plain)
    assert json.loads(answer.text or "") == {"demo": NOTICE}


def test_snake_case_and_camel_case_mean_the_same() -> None:
    snake = {
        "contents": [{"role": "user", "parts": [{"text": "x"}]}],
        "tools": [
            {"function_declarations": [{"name": "f_one", "parameters": {"type": "OBJECT", "required": ["a_b"]}}]}
        ],
        "tool_config": {"function_calling_config": {"mode": "any", "allowed_function_names": ["f_one"]}},
    }
    reply = ask("gemini", "chat", json.dumps(snake).encode(), verb="generateContent")
    part = json.loads(reply.pieces[0])["candidates"][0]["content"]["parts"][0]
    assert (part["functionCall"]["name"], part["functionCall"]["args"]) == ("f_one", {"a_b": "demo"})


def test_count_tokens() -> None:
    client = gemini_client()
    few = client.models.count_tokens(model=MODEL, contents="x").total_tokens or 0
    many = client.models.count_tokens(model=MODEL, contents="x" * 4000).total_tokens or 0
    assert 0 < few < 100
    assert many > 900
    wrapped = json.dumps({"generateContentRequest": BODY | {"model": "models/m"}}).encode()
    reply = ask("gemini", "count_tokens", wrapped, verb="countTokens")
    assert json.loads(reply.pieces[0])["totalTokens"] > 0


def test_embeddings() -> None:
    client = gemini_client()
    found = client.models.embed_content(model="gemini-embedding-001", contents=["a", "b"]).embeddings or []
    assert [len(embedding.values or []) for embedding in found] == [3072, 3072]
    assert found[0].values != found[1].values
    assert math.isclose(sum(value * value for value in found[0].values or []), 1.0)
    single = ask("gemini", "embeddings", b'{"content":{"parts":[{"text":"a"}]}}', verb="embedContent")
    assert json.loads(single.pieces[0])["embedding"]["values"] == found[0].values
    short: Any = types.EmbedContentConfig(output_dimensionality=8)
    [embedding] = client.models.embed_content(model="m", contents="a", config=short).embeddings or []
    assert len(embedding.values or []) == 8


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"contents":[]}',
        b'{"contents":"x"}',
        b'{"contents":[{"role":"robot","parts":[]}]}',
        b'{"contents":[{"parts":[{"text":1}]}]}',
        b'{"contents":[{"parts":[]}],"generationConfig":{"candidateCount":2}}',
        b'{"contents":[{"parts":[{"text":"\xff"}]}]}',
        b"[" * 20_000,
    ],
)
@pytest.mark.parametrize(
    ("verb", "query"),
    [("generateContent", b""), ("streamGenerateContent", b"alt=sse"), ("streamGenerateContent", b"")],
)
def test_bad_requests(body: bytes, verb: str, query: bytes) -> None:
    reply = ask("gemini", "chat", body, verb=verb, query=query)
    said = json.loads(reply.pieces[0])
    error = said[0]["error"] if (verb, query) == ("streamGenerateContent", b"") else said["error"]
    assert reply.status == error["code"] == 400
    assert list(error)[:2] == ["code", "message"]
    assert error["status"] == "INVALID_ARGUMENT"


def test_a_bad_request_as_the_sdk_sees_it() -> None:
    too_many = types.GenerateContentConfig(candidate_count=3)
    with pytest.raises(errors.ClientError) as caught:
        gemini_client().models.generate_content(model=MODEL, contents="x", config=too_many)
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")
