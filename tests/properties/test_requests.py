"""Laws of requests: home without a loss, meaning kept across, deterministic, prefix-stable, unknown things survive."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.codecs.translation.roads import CHAT, FACTS, MESSAGES
from tests.contract.typed_params import chat_faults, messages_faults
from tests.properties.strategies import chat_conversations, chat_requests, json_values, messages_requests
from torouter.canon.names import wire_name
from torouter.canon.request import ChatRequest
from torouter.codecs.codec import Translation
from torouter.errors import RequestError

Json = dict[str, Any]
TOOLS = [{"type": "function", "function": {"name": "f"}}]


def decoded(translation: Translation, body: Json) -> ChatRequest:
    return translation.decode_request(json.dumps(body).encode())


def spoken(value: Any) -> Any:
    """One spelling for what has two: `"x"` is a list of one text part."""
    if isinstance(value, list):
        return [spoken(each) for each in value]
    if not isinstance(value, dict):
        return value
    plain = {name: spoken(each) for name, each in value.items()}
    for name in ("content", "system"):
        if isinstance(plain.get(name), str):
            plain[name] = [{"type": "text", "text": plain[name]}]
    if plain.get("content") is None:
        plain.pop("content", None)
    return plain


@settings(max_examples=30, deadline=None)
@given(chat_requests())
def test_chat_at_home(body: Json) -> None:
    encoded = CHAT.encode_request(decoded(CHAT, body), "m", FACTS)
    assert encoded.losses == ()
    assert spoken(json.loads(encoded.body)) == spoken(body)


@settings(max_examples=30, deadline=None)
@given(messages_requests())
def test_messages_at_home(body: Json) -> None:
    encoded = MESSAGES.encode_request(decoded(MESSAGES, body), "m", FACTS)
    assert encoded.losses == ()
    assert spoken(json.loads(encoded.body)) == spoken(body)


@settings(max_examples=30, deadline=None)
@given(chat_requests())
def test_chat_across_is_valid_deterministic_and_silent_about_nothing(body: Json) -> None:
    request = decoded(CHAT, body)
    encoded = MESSAGES.encode_request(request, "up", FACTS)
    assert encoded == MESSAGES.encode_request(decoded(CHAT, body), "up", FACTS)
    assert messages_faults(json.loads(encoded.body)) == []
    reported = {loss.field for loss in encoded.losses}
    assert {name for name in ("x_new", "odd") if body.get(name) not in (None, [], {})} <= reported
    assert not {name for name in ("x_new", "odd") if name in body and body[name] in (None, [], {})} & reported


@settings(max_examples=30, deadline=None)
@given(messages_requests())
def test_messages_across_is_valid_deterministic_and_silent_about_nothing(body: Json) -> None:
    request = decoded(MESSAGES, body)
    encoded = CHAT.encode_request(request, "up", FACTS)
    assert encoded == CHAT.encode_request(decoded(MESSAGES, body), "up", FACTS)
    assert chat_faults(json.loads(encoded.body)) == []
    assert {name for name in ("x_new", "odd") if body.get(name) not in (None, [], {})} <= {
        loss.field for loss in encoded.losses
    }


@settings(max_examples=30, deadline=None)
@given(chat_conversations())
def test_a_conversation_means_the_same_in_both_dialects(case: tuple[list[Json], list[Json]]) -> None:
    """Chat → Messages and back gives the conversation; so does the other way round."""
    chat, messages = case
    there = json.loads(MESSAGES.encode_request(decoded(CHAT, {"model": "m", "messages": chat}), "up", FACTS).body)
    assert [turn["role"] for turn in there["messages"]] == [turn["role"] for turn in messages]
    back = json.loads(CHAT.encode_request(decoded(MESSAGES, there), "up", FACTS).body)
    assert [_told(turn) for turn in back["messages"]] == [
        _told(turn) for turn in _renamed(chat, decoded(CHAT, {"model": "m", "messages": chat}))
    ]


def _told(turn: Json) -> Any:
    calls = [
        (each["id"], each["function"]["name"], json.loads(each["function"]["arguments"]))
        for each in turn.get("tool_calls", ())
    ]
    content = turn.get("content") or ""
    return (
        turn["role"],
        "" if turn["role"] == "tool" and not content.strip() else content,
        calls,
        turn.get("tool_call_id"),
    )


def _renamed(chat: list[Json], request: ChatRequest) -> list[Json]:
    """The conversation with the names that the road there and back gives its tools."""
    text = json.loads(json.dumps(chat))
    for turn in text:
        for each in turn.get("tool_calls", ()):
            each["function"]["name"] = wire_name(wire_name(each["function"]["name"], "anthropic"), "openai-chat")
    return list(text)


@settings(max_examples=25, deadline=None)
@given(chat_conversations(), st.data())
@pytest.mark.pitfall(182, 183)
def test_a_growing_conversation_only_appends(case: tuple[list[Json], list[Json]], data: st.DataObject) -> None:
    """Upstream prompt caches match prefixes. Every turn of the past keeps its bytes."""
    chat, messages = case
    for client, upstream, turns, extra in (
        (CHAT, MESSAGES, chat, {"tools": TOOLS}),
        (MESSAGES, CHAT, messages, {"max_tokens": 9, "tools": [{"name": "f", "input_schema": {"type": "object"}}]}),
    ):
        ends = [i for i, turn in enumerate(turns) if turn["role"] == "user" and isinstance(turn["content"], str | list)]
        ends = [i for i in ends if i + 1 == len(turns) or turns[i + 1]["role"] == "assistant"]
        end = data.draw(st.sampled_from(ends))
        short = upstream.encode_request(
            decoded(client, {"model": "m", "messages": turns[: end + 1], **extra}), "up", FACTS
        )
        long = upstream.encode_request(decoded(client, {"model": "m", "messages": turns, **extra}), "up", FACTS)
        assert short.body.endswith(b"]}")
        assert long.body.startswith(short.body[:-2])


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from([(CHAT, MESSAGES), (MESSAGES, CHAT)]),
    st.dictionaries(
        st.sampled_from(
            [
                *("messages", "tools", "tool_choice", "system", "thinking", "output_config", "response_format", "stop"),
                *("max_tokens", "metadata", "stream_options", "modalities", "context_management", "temperature"),
            ]
        ),
        json_values,
        max_size=5,
    ),
)
def test_a_wrong_type_is_a_400_and_never_a_fault_of_ours(roads: tuple[Translation, Translation], body: Json) -> None:
    client, upstream = roads
    whole = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}], **body}
    refused: RequestError | None = None
    sent: Json = {}
    try:
        sent = json.loads(upstream.encode_request(decoded(client, whole), "up", FACTS).body)
    except RequestError as error:
        refused = error
    assert sent.get("model") == "up" if refused is None else refused.status == 400
