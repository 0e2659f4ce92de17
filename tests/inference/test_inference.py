"""What a real server says arrives: the same text and count of tokens, valid JSON, calls, errors in the right words."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import openai
import pytest
from google.genai import errors as gemini_errors

from tests.inference.clients import CLIENTS, SCHEMA, Answer, Client
from tests.inference.conftest import UPSTREAMS
from tests.live.gateway import Gateway

pytestmark = [pytest.mark.on_request, pytest.mark.timeout(600)]  # the first test may have to install the server

CELLS = [pytest.param(client, upstream, id=f"{client}-over-{upstream}") for client in CLIENTS for upstream in UPSTREAMS]
PROMPT = "Is it hot in Rome? 東京は?"

COMPACT_ON = {
    "openai-chat": "context_length_exceeded",
    "openai-responses": "context_length_exceeded",
    "anthropic": "prompt is too long",
    "gemini": "INVALID_ARGUMENT",
}
"""The words on which a dialect's agents compact their history. The server's own are in none of the dialects."""

REFUSALS: dict[str, type[Exception]] = {
    "openai-chat": openai.BadRequestError,
    "openai-responses": openai.BadRequestError,
    "anthropic": anthropic.BadRequestError,
    "gemini": gemini_errors.ClientError,
}


def _direct(server: str, upstream: str) -> Client:
    return CLIENTS[upstream](server, "none", "tiny")


def _through(gateway: Gateway, dialect: str, upstream: str) -> Client:
    return CLIENTS[dialect](gateway.url, gateway.key, f"over-{upstream}")


def _said(answer: Answer) -> tuple[object, ...]:
    return answer.text, answer.calls, answer.input_tokens, answer.output_tokens


@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("dialect", "upstream"), CELLS)
def test_the_text_and_the_tokens(server: str, gateway: Gateway, dialect: str, upstream: str, is_streamed: bool) -> None:
    direct = _direct(server, upstream).ask(PROMPT, is_streamed=False)
    assert len(direct.text) > 20
    assert direct.input_tokens > 20
    assert _said(_through(gateway, dialect, upstream).ask(PROMPT, is_streamed=is_streamed)) == _said(direct)


@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("dialect", CLIENTS)
def test_a_schema_is_obeyed(gateway: Gateway, dialect: str, is_streamed: bool) -> None:
    """Over Chat Completions: in the other two dialects the server does not look at a schema."""
    client = _through(gateway, dialect, "openai-chat")
    _assert_obeys(json.loads(client.ask(PROMPT, is_streamed=is_streamed, **client.schema()).text))


@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("dialect", "upstream"), CELLS)
def test_a_call_and_its_result(server: str, gateway: Gateway, dialect: str, upstream: str, is_streamed: bool) -> None:
    """The server is asked directly the same: also what it makes of the history has to be the same, token by token."""
    straight, client = _direct(server, upstream), _through(gateway, dialect, upstream)
    direct = straight.ask(PROMPT, is_streamed=False, **straight.tool())
    answer = client.ask(PROMPT, is_streamed=is_streamed, **client.tool())
    [(name, arguments)] = answer.calls
    assert name == "get_weather"
    _assert_obeys(arguments)
    assert _said(answer) == _said(direct)
    following = client.ask(PROMPT, is_streamed=is_streamed, **client.tool(), **client.result(answer, "42 degrees"))
    expected = straight.ask(PROMPT, is_streamed=False, **straight.tool(), **straight.result(direct, "42 degrees"))
    assert following.calls == ()
    assert _said(following) == _said(expected)


@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("dialect", "upstream"), CELLS)
def test_a_prompt_that_is_too_long(gateway: Gateway, dialect: str, upstream: str, is_streamed: bool) -> None:
    client = _through(gateway, dialect, upstream)
    words = "exceed_context_size_error" if dialect == upstream else COMPACT_ON[dialect]
    with pytest.raises(REFUSALS[dialect]) as refused:
        client.ask("word " * 5000, is_streamed=is_streamed)
    assert words in f"{refused.value} {getattr(refused.value, 'body', None)}"


def test_it_counts_tokens(server: str, gateway: Gateway) -> None:
    asked: Any = {"messages": [{"role": "user", "content": PROMPT}]}
    with (
        anthropic.Anthropic(base_url=server, api_key="none", max_retries=0) as direct,
        anthropic.Anthropic(base_url=gateway.url, api_key=gateway.key, max_retries=0) as client,
    ):
        expected = direct.messages.count_tokens(model="tiny", **asked).input_tokens
        assert expected > 20
        assert client.messages.count_tokens(model="over-anthropic", **asked).input_tokens == expected


def _assert_obeys(value: object) -> None:
    assert isinstance(value, dict)
    assert value.keys() == SCHEMA["properties"].keys()
    assert value["city"] in SCHEMA["properties"]["city"]["enum"]
    assert isinstance(value["is_hot"], bool)
