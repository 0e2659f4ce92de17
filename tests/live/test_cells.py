"""Every pair of dialects that is translated, by the official SDKs against a running gateway whose upstream is another
gateway's demo: each cell whole and streamed, with text and with a call."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import openai
import pytest
from google import genai

from tests.live.crossing import UPSTREAMS
from tests.live.gateway import Gateway
from tests.live.wire import Connection

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]}


@pytest.mark.parametrize("dialect", UPSTREAMS)
def test_a_responses_client(crossing: Gateway, dialect: str) -> None:
    tool: Any = {"type": "function", "name": "f", "parameters": SCHEMA, "strict": False}
    with openai.OpenAI(base_url=f"{crossing.url}/v1", api_key=crossing.key, max_retries=0) as client:
        model = f"over-{dialect}"
        assert "demo" in client.responses.create(model=model, input="hi").output_text
        with client.responses.stream(model=model, input="hi") as stream:
            assert "demo" in stream.get_final_response().output_text
        answer = client.responses.create(model=model, input="hi", tools=[tool])
        [call] = answer.output
        assert (call.type, call.name) == ("function_call", "f")
        assert [echoed.name for echoed in answer.tools] == ["f"]
        with client.responses.stream(model=model, input="hi", tools=[tool]) as stream:
            [streamed] = stream.get_final_response().output
        assert (streamed.type, streamed.name, streamed.arguments) == ("function_call", "f", call.arguments)


@pytest.mark.parametrize("dialect", ["openai-chat", "anthropic", "gemini"])
def test_a_namespace_is_flattened_and_comes_back(crossing: Gateway, dialect: str) -> None:
    tool: Any = {"type": "function", "name": "f", "parameters": SCHEMA, "strict": False}
    space: Any = {"type": "namespace", "name": "ns", "description": "d", "tools": [tool]}
    with openai.OpenAI(base_url=f"{crossing.url}/v1", api_key=crossing.key, max_retries=0) as client:
        [call] = client.responses.create(model=f"over-{dialect}", input="hi", tools=[space]).output
    assert (call.type, call.name, call.namespace) == ("function_call", "f", "ns")


@pytest.mark.parametrize("dialect", ["anthropic", "gemini"])
def test_a_custom_tool_of_a_chat_client_comes_back_as_one(crossing: Gateway, dialect: str) -> None:
    tool: Any = {"type": "custom", "custom": {"name": "free", "description": "Takes any text."}}
    asked: Any = {
        "model": f"over-{dialect}",
        "messages": [{"role": "user", "content": "hi"}],
        "tools": [tool],
        "tool_choice": {"type": "custom", "custom": {"name": "free"}},
    }
    with openai.OpenAI(base_url=f"{crossing.url}/v1", api_key=crossing.key, max_retries=0) as client:
        [call] = client.chat.completions.create(**asked).choices[0].message.tool_calls
        assert (call.type, call.custom.name) == ("custom", "free")
        assert not call.custom.input.startswith("{")
        chunks = [chunk.choices[0] for chunk in client.chat.completions.create(**asked, stream=True)]
    fragments = [call for choice in chunks for call in choice.delta.tool_calls or ()]
    assert fragments[0].type == "custom"
    assert "".join(each.custom["input"] for each in fragments) == call.custom.input
    assert chunks[-1].finish_reason == "tool_calls"


@pytest.mark.parametrize("dialect", ["openai-responses", "anthropic", "gemini"])
def test_legacy_functions_of_a_chat_client(crossing: Gateway, dialect: str) -> None:
    history: list[Any] = [{"role": "user", "content": "hi"}]
    asked: Any = {"model": f"over-{dialect}", "functions": [{"name": "f", "parameters": SCHEMA}]}
    with openai.OpenAI(base_url=f"{crossing.url}/v1", api_key=crossing.key, max_retries=0) as client:
        [choice] = client.chat.completions.create(messages=history, **asked).choices
        call = choice.message.function_call
        assert (choice.finish_reason, call.name, choice.message.tool_calls) == ("function_call", "f", None)
        chunks = [chunk.choices[0] for chunk in client.chat.completions.create(messages=history, stream=True, **asked)]
        fragments = [each.delta.function_call for each in chunks if each.delta.function_call]
        assert "".join(each.arguments for each in fragments) == call.arguments
        assert [each.name for each in fragments if each.name] == ["f"]
        assert chunks[-1].finish_reason == "function_call"
        history += [choice.message.model_dump(exclude_none=True), {"role": "function", "name": "f", "content": "ok"}]
        [choice] = client.chat.completions.create(messages=history, **asked).choices
    assert choice.finish_reason == "stop"


@pytest.mark.parametrize("dialect", UPSTREAMS)
def test_a_chat_client(crossing: Gateway, dialect: str) -> None:
    tool: Any = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}
    asked: Any = {"model": f"over-{dialect}", "messages": [{"role": "user", "content": "hi"}]}
    with openai.OpenAI(base_url=f"{crossing.url}/v1", api_key=crossing.key, max_retries=0) as client:
        assert "demo" in client.chat.completions.create(**asked).choices[0].message.content
        with client.chat.completions.stream(**asked) as stream:
            assert "demo" in (stream.get_final_completion().choices[0].message.content or "")
        choice = client.chat.completions.create(**asked, tools=[tool]).choices[0]
        assert (choice.finish_reason, choice.message.tool_calls[0].function.name) == ("tool_calls", "f")


@pytest.mark.parametrize("dialect", UPSTREAMS)
def test_a_messages_client(crossing: Gateway, dialect: str) -> None:
    tool: Any = {"name": "f", "input_schema": SCHEMA}
    asked: Any = {"model": f"over-{dialect}", "max_tokens": 64, "messages": [{"role": "user", "content": "hi"}]}
    with anthropic.Anthropic(base_url=crossing.url, api_key=crossing.key, max_retries=0) as client:
        assert "demo" in client.messages.create(**asked).content[0].text
        with client.messages.stream(**asked) as stream:
            assert "demo" in stream.get_final_text()
        answer = client.messages.create(**asked, tools=[tool])
        assert answer.stop_reason == "tool_use"
        assert [block.name for block in answer.content if block.type == "tool_use"] == ["f"]


@pytest.mark.parametrize("dialect", UPSTREAMS)
def test_a_gemini_client(crossing: Gateway, dialect: str) -> None:
    client = genai.Client(api_key=crossing.key, http_options={"base_url": crossing.url})
    model = f"over-{dialect}"
    tool: Any = {"function_declarations": [{"name": "f", "parameters_json_schema": SCHEMA}]}
    config: Any = {"tools": [tool], "automatic_function_calling": {"disable": True}}
    try:
        assert "demo" in (client.models.generate_content(model=model, contents="hi").text or "")
        chunks = client.models.generate_content_stream(model=model, contents="hi")
        assert "demo" in "".join(chunk.text or "" for chunk in chunks)
        [call] = client.models.generate_content(model=model, contents="hi", config=config).function_calls or []
        assert (call.name, call.args) == ("f", {"x": "demo"})
    finally:
        client.close()


@pytest.mark.parametrize("dialect", UPSTREAMS)
def test_a_gemini_client_that_wants_an_array(crossing: Gateway, dialect: str) -> None:
    body = json.dumps({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}).encode()
    headers = [("x-goog-api-key", crossing.key), ("content-type", "application/json")]
    with Connection(crossing.port) as connection:
        reply = connection.ask("POST", f"/v1beta/models/over-{dialect}:streamGenerateContent", headers, body)
    assert reply.status == 200
    assert (reply.header("content-type") or "").startswith("application/json")
    elements = json.loads(reply.body)
    assert elements[-1]["candidates"][0]["finishReason"] == "STOP"
    texts = [part.get("text", "") for each in elements for part in each["candidates"][0]["content"].get("parts", ())]
    assert "demo" in "".join(texts)
