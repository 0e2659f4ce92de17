"""Counting tokens by the official SDKs: every client over every upstream, its counter there, missing or failing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest
from google import genai
from google.genai import errors

from tests.contract.typed_params import input_tokens_faults, messages_count_faults
from tests.live.callers import JSON_TYPE
from tests.live.conftest import Launch, TakeSlot
from tests.live.gateway import FIRST_KEY, Gateway
from tests.live.upstream import Answer, Upstream, json_answer
from tests.live.wire import Connection, Reply

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
TEXT = "What is the weather in Paris today?"
SYSTEM = "You are a patient assistant that answers in French."

CLIENTS = ("openai-responses", "anthropic", "gemini")
UPSTREAMS = ("openai-chat", *CLIENTS)
COUNTED = {
    "openai-responses": json_answer({"object": "response.input_tokens", "input_tokens": 41}),
    "anthropic": json_answer({"input_tokens": 41}),
    "gemini": json_answer({"totalTokens": 41, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 41}]}),
}
COUNTER = {
    "openai-responses": "/v1/responses/input_tokens",
    "anthropic": "/v1/messages/count_tokens",
    "gemini": "/v1beta/models/{}:countTokens",
}
TARGETS = {**COUNTER, "openai-responses": "/api/v1/responses/input_tokens"}
MISSING = {
    404: json_answer({"detail": "Not Found"}, status=404),
    405: json_answer({"detail": "Method Not Allowed"}, status=405),
    501: json_answer({"error": {"message": "not implemented"}}, status=501),
}
FULL: dict[str, dict[str, Any]] = {
    "openai-responses": {
        "instructions": SYSTEM,
        "input": [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": TEXT},
                    {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "auto"},
                ],
            }
        ],
        "tools": [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}],
    },
    "anthropic": {
        "system": SYSTEM,
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": TEXT},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
                ],
            }
        ],
        "tools": [{"name": "weather", "input_schema": SCHEMA}],
    },
    "gemini": {
        "generateContentRequest": {
            "systemInstruction": {"parts": [{"text": SYSTEM}]},
            "contents": [
                {"role": "user", "parts": [{"text": TEXT}, {"inlineData": {"mimeType": "image/png", "data": PIXEL}}]}
            ],
            "tools": [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": SCHEMA}]}],
        }
    },
}
"""One prompt in three dialects, with all that has a weight."""

SdkCount = Callable[[Gateway, str], tuple[int, str]]


def _by_openai(gateway: Gateway, model: str) -> tuple[int, str]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=FIRST_KEY, max_retries=0) as client:
        raw = client.responses.input_tokens.with_raw_response.count(model=model, input=TEXT)
        counted = raw.parse()
    assert counted.object == "response.input_tokens"
    return counted.input_tokens, raw.headers["x-torouter-token-count"]


def _by_anthropic(gateway: Gateway, model: str) -> tuple[int, str]:
    with anthropic.Anthropic(base_url=gateway.url, api_key=FIRST_KEY, max_retries=0) as client:
        raw = client.messages.with_raw_response.count_tokens(model=model, messages=[{"role": "user", "content": TEXT}])
        return raw.parse().input_tokens, raw.headers["x-torouter-token-count"]


def _by_genai(gateway: Gateway, model: str) -> tuple[int, str]:
    with genai.Client(api_key=FIRST_KEY, http_options={"base_url": gateway.url}) as client:
        counted = client.models.count_tokens(model=model, contents=TEXT)
    assert counted.total_tokens is not None
    assert counted.sdk_http_response is not None
    return counted.total_tokens, (counted.sdk_http_response.headers or {})["x-torouter-token-count"]


BY_SDK: dict[str, SdkCount] = {"openai-responses": _by_openai, "anthropic": _by_anthropic, "gemini": _by_genai}
REFUSED = (openai.APIStatusError, anthropic.APIStatusError, errors.APIError)


def ask(gateway: Gateway, client: str, model: str, body: dict[str, Any]) -> Reply:
    told = body if client == "gemini" else {"model": model, **body}
    headers = [("authorization", f"Bearer {FIRST_KEY}"), JSON_TYPE]
    with Connection(gateway.port) as connection:
        return connection.ask("POST", TARGETS[client].format(model), headers, json.dumps(told).encode())


def number(reply: Reply) -> int:
    told = reply.json()
    count = told.get("input_tokens", told.get("totalTokens"))
    assert isinstance(count, int)
    return count


@pytest.mark.parametrize("spoken", UPSTREAMS)
@pytest.mark.parametrize("client", CLIENTS)
def test_every_client_counts_over_every_upstream(gateway: Gateway, take: TakeSlot, client: str, spoken: str) -> None:
    slot = take(spoken, COUNTED.get(spoken, json_answer({"never": "asked"})))
    if spoken == "openai-chat":
        count, by = BY_SDK[client](gateway, slot.model)
        assert (by, slot.visits) == ("estimate", [])
        assert 10 <= count <= 25
        return
    assert BY_SDK[client](gateway, slot.model) == (41, "upstream")
    assert slot.visit.target == COUNTER[spoken].format(slot.upstream_model)


@pytest.mark.parametrize("spoken", CLIENTS)
@pytest.mark.parametrize("client", CLIENTS)
def test_the_whole_prompt_is_asked_about(gateway: Gateway, take: TakeSlot, client: str, spoken: str) -> None:
    slot = take(spoken, COUNTED[spoken])
    reply = ask(gateway, client, slot.model, FULL[client])
    assert (reply.status, number(reply)) == (200, 41)
    assert reply.header("x-torouter-token-count") == "upstream"
    body = json.loads(slot.visit.body)
    sent = json.dumps(body, ensure_ascii=False)
    assert all(part in sent for part in (TEXT, SYSTEM, PIXEL, "weather", "city"))
    if spoken == "anthropic":
        assert messages_count_faults(body) == []
    elif spoken == "openai-responses":
        assert input_tokens_faults(body) == []
    else:
        assert set(body) == {"generateContentRequest"}
        if client != "gemini":
            assert body["generateContentRequest"]["model"] == f"models/{slot.upstream_model}"


@pytest.mark.parametrize("status", MISSING)
@pytest.mark.parametrize("spoken", CLIENTS)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_counter_that_is_not_there_is_stood_in_for(
    gateway: Gateway, take: TakeSlot, client: str, spoken: str, status: int
) -> None:
    slot = take(spoken, MISSING[status])
    count, by = BY_SDK[client](gateway, slot.model)
    assert (by, len(slot.visits)) == ("estimate", 1)
    assert 10 <= count <= 25


def test_an_estimate_weighs_everything_the_same_in_every_dialect(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-chat", json_answer({}))
    counts = {client: number(ask(gateway, client, slot.model, FULL[client])) for client in CLIENTS}
    again = {client: number(ask(gateway, client, slot.model, FULL[client])) for client in CLIENTS}
    assert counts == again
    assert len(set(counts.values())) == 1
    bare = dict(FULL["anthropic"])
    for name, least in (("tools", 100), ("system", 8)):
        del bare[name]
        lighter = number(ask(gateway, "anthropic", slot.model, bare))
        assert counts["anthropic"] - lighter >= least
        counts["anthropic"] = lighter
    words = {"messages": [{"role": "user", "content": TEXT}]}
    assert counts["anthropic"] - number(ask(gateway, "anthropic", slot.model, words)) == 800


def test_a_counter_that_does_not_know_us_is_an_error(launch: Launch, upstream: Upstream) -> None:
    gateway = launch(models={dialect: {f"over-{dialect}": f"refusing.{dialect}"} for dialect in CLIENTS})
    for dialect in CLIENTS:
        upstream.script(f"refusing.{dialect}", json_answer({"error": {"message": "bad key"}}, status=401))
        for client in CLIENTS:
            with pytest.raises(REFUSED, match="bad key") as caught:
                BY_SDK[client](gateway, f"over-{dialect}")
            assert (getattr(caught.value, "status_code", 0) or getattr(caught.value, "code", 0)) == 502


@pytest.mark.parametrize("client", CLIENTS)
def test_a_path_that_is_not_there_may_have_the_models_name_in_it(gateway: Gateway, take: TakeSlot, client: str) -> None:
    slot = take("gemini")
    told = f"Cannot POST /v1beta/models/{slot.upstream_model}:countTokens"
    slot.script(json_answer({"message": told}, status=404))
    assert BY_SDK[client](gateway, slot.model)[1] == "estimate"


@pytest.mark.parametrize("spoken", CLIENTS)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_model_that_is_not_there_is_no_missing_counter(
    gateway: Gateway, take: TakeSlot, client: str, spoken: str
) -> None:
    slot = take(spoken)
    told = f"models/{slot.upstream_model} is not found for API version v1beta, or is not supported for countTokens"
    slot.script(json_answer({"error": {"message": told}}, status=404))
    with pytest.raises(REFUSED) as caught:
        BY_SDK[client](gateway, slot.model)
    assert (getattr(caught.value, "status_code", 0) or getattr(caught.value, "code", 0)) == 404


@pytest.mark.parametrize(
    "answer", [json_answer({"input_tokens": 0}), json_answer({"ok": True}), Answer(pieces=(b"x",))]
)
def test_an_answer_without_a_count_is_no_count(gateway: Gateway, take: TakeSlot, answer: Answer) -> None:
    slot = take("anthropic", answer)
    count, by = BY_SDK["gemini"](gateway, slot.model)
    assert by == "estimate"
    assert count > 0


def test_what_the_counters_dialect_cannot_say_is_estimated(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-responses", COUNTED["openai-responses"])
    audio = {"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}}
    reply = ask(gateway, "gemini", slot.model, {"contents": [{"role": "user", "parts": [{"text": TEXT}, audio]}]})
    assert (reply.status, reply.header("x-torouter-token-count")) == (200, "estimate")
    assert number(reply) > 100
    assert slot.visits == []


def test_settings_are_not_weighed(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-responses", COUNTED["openai-responses"])
    whole = {
        "contents": [{"role": "user", "parts": [{"text": TEXT}]}],
        "generationConfig": {"stopSequences": ["x"], "temperature": 0.5, "maxOutputTokens": 5, "seed": 1},
    }
    reply = ask(gateway, "gemini", slot.model, {"generate_content_request": whole})
    assert (reply.status, reply.header("x-torouter-token-count")) == (200, "upstream")
    assert input_tokens_faults(json.loads(slot.visit.body)) == []


@pytest.mark.parametrize(
    ("client", "body", "field"),
    [
        ("anthropic", {"messages": "x"}, "messages"),
        ("anthropic", {}, "messages"),
        ("openai-responses", {}, "input"),
        ("gemini", {}, "contents"),
        ("gemini", {"contents": [{"parts": [{"text": "x"}]}], "generateContentRequest": {}}, "generateContentRequest"),
        ("gemini", {"generateContentRequest": {"contents": [{"parts": [{"text": 5}]}]}}, "contents.0.parts.0.text"),
    ],
)
def test_a_bad_shape_is_the_callers_400(
    gateway: Gateway, take: TakeSlot, client: str, body: dict[str, Any], field: str
) -> None:
    slot = take("openai-chat", json_answer({}))
    reply = ask(gateway, client, slot.model, body)
    assert reply.status == 400, reply.body
    assert field in str(reply.error["message"])


def test_a_key_is_needed_and_usage_is_not(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-chat", json_answer({}))
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="sk-nobody", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError):
            client.responses.input_tokens.count(model=slot.model, input=TEXT)
        with pytest.raises(openai.NotFoundError):
            client.with_options(api_key=FIRST_KEY).responses.input_tokens.count(model="nobodys", input=TEXT)


@pytest.mark.parametrize("client", CLIENTS)
def test_the_demo_counts(demo: Gateway, client: str) -> None:
    count, by = BY_SDK[client](demo, "gpt-5")
    assert (count > 0, by) == (True, "upstream")
