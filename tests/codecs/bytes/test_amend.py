"""Amendments: the closed list of edits, and the client's own bytes for all the rest."""

from __future__ import annotations

import json
import re

import pytest

from tests.codecs.bytes.test_peek import dialect_of
from tests.recorded import PROTOCOLS, exchanges
from torouter.canon.reasoning import Reasoning
from torouter.codecs import CODECS, Edits
from torouter.errors import RequestError
from torouter.units import DIALECTS, Dialect

JSON = b"application/json"
CHAT = CODECS["openai-chat"]
ASK = Edits(ask_usage=True)


@pytest.mark.parametrize("protocol", [protocol for protocol in PROTOCOLS if protocol != "models"])
def test_a_model_edit_changes_exactly_the_model_of_a_recorded_request(protocol: str) -> None:
    dialect = dialect_of(protocol)
    seen = 0
    for exchange in exchanges(protocol):
        body = exchange.request_body
        operation = "embeddings" if "embed" in protocol else "chat"
        amended = CODECS[dialect].amend(operation, body, JSON, Edits(model="up/néw")).body
        if dialect == "gemini":
            assert amended == re.sub(rb'"model": "[^"]*"', '"model": "up/néw"'.encode(), body), exchange.name
            seen += 1
            continue
        old = f'"model": {json.dumps(json.loads(body)["model"])}'.encode()
        assert body.count(old) == 1, exchange.name
        assert amended == body.replace(old, '"model": "up/néw"'.encode())
        seen += 1
    assert seen


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.pitfall(107)
def test_without_an_edit_the_bytes_are_the_same_object(dialect: Dialect) -> None:
    body = b'{ "model":"m","model2":1e2, "a":1,"a":2 }'
    assert CODECS[dialect].amend("chat", body, JSON, Edits()).body is body
    assert CODECS[dialect].amend("chat", body, JSON, ASK).is_usage_ours is False


@pytest.mark.parametrize("dialect", ["openai-responses", "anthropic", "gemini"])
def test_usage_is_asked_for_in_chat_only(dialect: Dialect) -> None:
    body = b'{"model":"m","stream":true}'
    amended = CODECS[dialect].amend("chat", body, JSON, ASK)
    assert (amended.body, amended.is_usage_ours) == (body, False)


@pytest.mark.parametrize(
    ("body", "expected", "is_ours"),
    [
        (b'{"stream":true}', b'{"stream":true,"stream_options":{"include_usage":true}}', True),
        (b'{"stream":true }', b'{"stream":true ,"stream_options":{"include_usage":true}}', True),
        (
            b'{"stream":true,"a":"\\ud800"}',
            b'{"stream":true,"a":"\\ud800","stream_options":{"include_usage":true}}',
            True,
        ),
        (b'{"stream_options":null,"stream":true}', b'{"stream_options":{"include_usage":true},"stream":true}', True),
        (b'{"stream_options": { },"stream":true}', b'{"stream_options": { "include_usage":true},"stream":true}', True),
        (
            b'{"stream_options":{"include_usage": false, "x" : 1.0},"stream":true}',
            b'{"stream_options":{"include_usage": true, "x" : 1.0},"stream":true}',
            True,
        ),
        (
            b'{"stream":true,"stream_options":{"include_obfuscation":false}}',
            b'{"stream":true,"stream_options":{"include_obfuscation":false,"include_usage":true}}',
            True,
        ),
        (
            b'{"stream":true,"stream_options":{"include_usage":null}}',
            b'{"stream":true,"stream_options":{"include_usage":true}}',
            True,
        ),
        (b'{"stream":true,"stream_options":{"include_usage":true}}', None, False),
        (b'{"stream":true,"stream_options":"yes"}', None, False),
        (b'{"stream":true,"stream_options":{"include_usage":1}}', None, False),
        (b'{"stream":false}', None, False),
        (b'{"stream":null}', None, False),
        (b'{"messages":[{"stream":true}]}', None, False),
    ],
)
@pytest.mark.pitfall(34, 36)
def test_asking_for_usage(body: bytes, expected: bytes | None, is_ours: bool) -> None:
    amended = CHAT.amend("chat", body, JSON, ASK)
    assert (amended.body, amended.is_usage_ours) == (expected or body, is_ours)


def test_usage_is_asked_for_in_chats_only() -> None:
    body = b'{"model":"m","stream":true}'
    assert CHAT.amend("images", body, JSON, ASK).body == body


def test_all_edits_at_once() -> None:
    body = b'{"messages":[{"role":"user","content":"model"}],"model":"m-thinking", "stream":true}'
    amended = CHAT.amend("chat", body, JSON, Edits(model="up", ask_usage=True))
    assert amended.body == (
        b'{"messages":[{"role":"user","content":"model"}],"model":"up", "stream":true,'
        b'"stream_options":{"include_usage":true}}'
    )
    assert amended.is_usage_ours


@pytest.mark.parametrize("operation", ["embeddings", "images", "rerank", "speech", "transcriptions"])
def test_thinking_names_are_refused_for_what_is_no_chat(operation: str) -> None:
    with pytest.raises(RequestError, match="no thinking variant") as caught:
        CHAT.amend(operation, b'{"model":"m"}', JSON, Edits(model="m", reasoning=Reasoning()))  # type: ignore[arg-type]
    assert (caught.value.status, caught.value.param) == (400, "model")


def test_a_count_of_tokens_is_not_made_to_think() -> None:
    body = b'{"model":"m"}'
    edits = Edits(reasoning=Reasoning())
    assert CODECS["anthropic"].amend("count_tokens", body, JSON, edits).body == body
    assert CODECS["gemini"].amend("count_tokens", body, JSON, edits).body == body


@pytest.mark.parametrize(
    ("body", "model", "expected"),
    [
        (b'{"contents":[{"role":"model"}]}', "g", b'{"contents":[{"role":"model"}]}'),
        (b'{"model": "models/a","content":{}}', "g", b'{"model": "models/g","content":{}}'),
        (b'{"model":"a","content":{"model":1}}', "tunedModels/t", b'{"model":"tunedModels/t","content":{"model":1}}'),
        (
            b'{"requests":[ {"model":"models/a","content":{}} ,{"content":{}},{"x":[1],"model":"b"}]}',
            "g",
            b'{"requests":[ {"model":"models/g","content":{}} ,{"content":{}},{"x":[1],"model":"models/g"}]}',
        ),
        (b'{"requests":[["model"],{"model":"a"}]}', "g", b'{"requests":[["model"],{"model":"models/g"}]}'),
        (
            b'{"generateContentRequest":{"model" :"models/a","contents":[]}}',
            "g",
            b'{"generateContentRequest":{"model" :"models/g","contents":[]}}',
        ),
        (b'{"x":{"model":"a"}}', "g", b'{"x":{"model":"a"}}'),
        (b'{"model":5}', "g", b'{"model":5}'),
    ],
)
def test_gemini_bodies_that_repeat_the_model(body: bytes, model: str, expected: bytes) -> None:
    assert CODECS["gemini"].amend("embeddings", body, JSON, Edits(model=model)).body == expected
