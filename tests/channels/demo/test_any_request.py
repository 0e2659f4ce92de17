"""Whatever comes in: recorded requests of real clients are answered, nonsense gets a 400, nothing raises."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.channels.demo.sdk import CREATED_S, DEMO, ask
from tests.recorded import Exchange, exchanges
from torouter.channels import KINDS
from torouter.channels.demo import answer, reply_to
from torouter.channels.target import PATHS
from torouter.units import Dialect, Operation
from torouter.wire.memory import MemoryUpstream
from torouter.wire.upstream import Deadlines, Origin, Request

CALLS: dict[str, tuple[Dialect, Operation]] = {
    "openai-chat": ("openai-chat", "chat"),
    "openai-responses": ("openai-responses", "chat"),
    "anthropic-messages": ("anthropic", "chat"),
    "anthropic-count-tokens": ("anthropic", "count_tokens"),
    "gemini": ("gemini", "chat"),
    "gemini-count-tokens": ("gemini", "count_tokens"),
    "gemini-embed": ("gemini", "embeddings"),
}
REFUSED = {
    "openai-responses.s011": "background",
    "openai-responses.j001": "previous_response_id",
    "openai-responses.j013": "background",
    "openai-responses.j014": "previous_response_id",
}
ANSWERED = [
    exchange
    for protocol in CALLS
    for exchange in exchanges(protocol)
    if exchange.status == 200 and exchange.method == "POST"
]


@pytest.mark.parametrize("exchange", ANSWERED, ids=lambda exchange: exchange.label)
def test_what_providers_answered_the_demo_answers(exchange: Exchange) -> None:
    dialect, operation = CALLS[exchange.protocol]
    verb = exchange.verb if dialect == "gemini" else ""
    query = b"alt=sse" if exchange.query.get("alt") == "sse" else b""
    reply = ask(dialect, operation, exchange.request_body, model="m", verb=verb, query=query)
    if exchange.label in REFUSED:
        assert reply.status == 400
        assert REFUSED[exchange.label].encode() in reply.pieces[0]
        return
    assert reply.status == 200, reply.pieces[0]
    assert (len(reply.pieces) > 1) >= (exchange.is_stream and b"functionCall" not in b"".join(reply.pieces))


def test_all_kinds_of_calls_were_recorded() -> None:
    assert len(ANSWERED) > 100
    assert {exchange.protocol for exchange in ANSWERED} == set(CALLS)
    assert set(REFUSED) <= {exchange.label for exchange in ANSWERED}


OPERATIONS = [(dialect, operation) for dialect in PATHS for operation in PATHS[dialect]]
FIELDS = st.sampled_from(
    [
        *("model", "messages", "input", "contents", "tools", "tool_choice", "stream", "role", "content", "parts"),
        *("text", "type", "name", "max_tokens", "function", "parameters", "input_schema", "response_format", "prompt"),
        *("query", "documents", "voice", "requests", "generationConfig", "function_declarations", "output_config"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.sampled_from(["user", "function", "text"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=150)
@given(call=st.sampled_from(OPERATIONS), body=st.dictionaries(FIELDS, VALUES, max_size=6) | VALUES)
def test_nonsense_is_answered_or_refused(call: tuple[Dialect, Operation], body: Any) -> None:
    reply = ask(*call, json.dumps(body).encode())
    assert reply.status in (200, 400)
    assert reply.status == 200 or json.loads(reply.pieces[0])["error"]["message"]


@given(
    call=st.sampled_from(OPERATIONS),
    body=st.binary(max_size=60),
    content_type=st.sampled_from([b"application/json", b"", b"multipart/form-data; boundary=x"]),
)
def test_bytes_are_answered_or_refused(call: tuple[Dialect, Operation], body: bytes, content_type: bytes) -> None:
    assert ask(*call, body, content_type=content_type).status in (200, 400)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b'{"messages":"\xff"}', b'"\\ud800"', b""])
@pytest.mark.parametrize("call", OPERATIONS)
def test_hostile_bodies(call: tuple[Dialect, Operation], body: bytes) -> None:
    assert ask(*call, body).status == 400


@pytest.mark.parametrize("text", ["\ud83d", "a\u2028b", "\0", "x" * 100_000])
def test_odd_texts(text: str) -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}], "stream": True}).encode()
    reply = ask("openai-chat", "chat", body)
    assert reply.status == (400 if text == "\ud83d" else 200)
    assert len(reply.pieces) < 40


@pytest.mark.parametrize("target", [b"/", b"/v1/nothing", b"/v1/models/m:predict", b"/v1/chat/completions/x"])
def test_unknown_paths(target: bytes) -> None:
    request = Request(Origin("memory", "demo", 0), b"POST", target, b"", b"{}", Deadlines())
    reply = reply_to(request, serial=1, created_s=CREATED_S)
    assert reply.status == 404
    assert json.loads(reply.pieces[0])["error"]["message"] == "The demo does not have this operation"


def test_the_demo_offers_every_operation_of_every_dialect() -> None:
    assert all(DEMO.target(dialect, operation) is not None for dialect, operation in OPERATIONS)
    assert {"gpt-5", "claude-opus-4-7", "gemini-3-flash-preview"} <= set(KINDS["demo"].models)


async def test_through_the_memory_upstream() -> None:
    target = DEMO.target("anthropic", "chat")
    assert target is not None
    upstream = MemoryUpstream(answer)
    body = b'{"model":"claude-opus-4-7","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"x"}]}'
    request = target.request(
        model="claude-opus-4-7",
        verb="",
        is_stream=True,
        content_type=b"application/json",
        passed=b"",
        query=b"beta=true",
        body=body,
        deadlines=Deadlines(),
    )
    seen: list[bytes] = []
    for _ in range(2):
        response = await upstream.send(request)
        assert response.status == 200
        assert response.body is None
        seen.append(await response.read(100_000))
    for stream in seen:
        assert stream.startswith(b"event: message_start\n")
        assert stream.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')
    assert seen[0] != seen[1]  # the same request twice has two ids
