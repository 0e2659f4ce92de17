"""Peek: what routing needs, and a 400 for every body that is not surely what it seems."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.recorded import PROTOCOLS, exchanges
from torouter.codecs import CODECS, Peek
from torouter.errors import RequestError
from torouter.units import DIALECTS, Dialect, Operation

JSON = b"application/json"
IN_BODY: tuple[Dialect, ...] = ("openai-chat", "openai-responses", "anthropic")
PADDING = b'"pad":"' + b"x" * 3000 + b'",'


def peek(body: bytes, dialect: Dialect = "openai-chat", operation: Operation = "chat") -> Peek:
    return CODECS[dialect].peek(operation, body, JSON)


@pytest.mark.parametrize("padding", [b"", PADDING], ids=["small", "large"])
@pytest.mark.parametrize("dialect", IN_BODY)
@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        (b'"model":"m"}', Peek(model="m")),
        (b'"model":"m","stream":true}', Peek(model="m", stream=True)),
        (b'"model":"m","stream":false}', Peek(model="m")),
        (b'"model":"m","stream":null}', Peek(model="m")),
        (b'"mod\\u0065l":"m","str\\u0065am":true}', Peek(model="m", stream=True)),
        (b'"model":"a/b:\\u00e9","x":{"model":"in","stream":true}}', Peek(model="a/b:\u00e9")),
        (b'"x":"\\"model\\":\\"b\\"","model":"m"}', Peek(model="m")),
        (b'"x":["model","model","stream"],"model":"m"}', Peek(model="m")),
        (b'"a":1,"a":2,"model":"m","a":12345678901234567890123}', Peek(model="m")),
        (b'"model":"m","a":"\\ud800"}', Peek(model="m")),
        ('"model":"m","a":"\U0001f600é\u2028"}'.encode(), Peek(model="m")),
        (b'"model":""}', Peek(model="")),
        (b'"model":"m","Stream":true}', Peek(model="m")),
        (b'"model":"m","x":{"Model":"in"}}', Peek(model="m")),
    ],
)
def test_what_is_found(dialect: Dialect, padding: bytes, rest: bytes, expected: Peek) -> None:
    assert peek(b" {" + padding + rest + b"\n", dialect) == expected


@pytest.mark.parametrize("padding", [b"", PADDING], ids=["small", "large"])
@pytest.mark.parametrize("dialect", IN_BODY)
@pytest.mark.parametrize(
    ("rest", "param"),
    [
        (b'"messages":[]}', "model"),
        (b'"model":null}', "model"),
        (b'"model":5}', "model"),
        (b'"model":["m"]}', "model"),
        (b'"model":"\\ud800"}', "model"),
        (b'"model":"a","model":"a"}', "model"),
        (b'"model":"a","x":1,"model":"b"}', "model"),
        (b'"model":"a","mod\\u0065l":"b"}', "model"),
        (b'"\\u006dodel":"a","model":"b"}', "model"),
        (b'"model":"a","Model":"b"}', "model"),
        (b'"MODEL":"a","model":"b"}', "model"),
        (b'"Model":"a"}', "model"),
        (b'"model":"a","stream":false,"Stream":true}', "stream"),
        (b'"m\\u006Fdel":"a","model":"b"}', "model"),
        (b'"model":"m","stream":true,"stream":false}', "stream"),
        (b'"model":"m","stream":true,"st\\u0072eam":true}', "stream"),
        (b'"model":"m","stream":"true"}', "stream"),
        (b'"model":"m","stream":1}', "stream"),
        (b'"model":"m"', None),
        (b'"model":"m"}}', None),
        (b'"model":"m",}', None),
        (b'"model":"m","a":NaN}', None),
        (b'"model":"m","a":-Infinity}', None),
        (b'"model":"m","a":01}', None),
        (b'"model":"m","a":"\xff"}', None),
        (b'"model":"m","a":"\xed\xa0\x80"}', None),
        (b'"model":"m","\xc0\x80":1}', None),
        (b'"model":"m","a":"\x01"}', None),
        (b'"model":"m","a":"\\x"}', None),
        (b"\"model\":'m'}", None),
        (b'"model":"m","a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", None),
        (b'"model":"m","a":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001, None),
    ],
)
def test_what_is_refused(dialect: Dialect, padding: bytes, rest: bytes, param: str | None) -> None:
    with pytest.raises(RequestError) as caught:
        peek(b"{" + padding + rest, dialect)
    assert (caught.value.status, caught.value.param) == (400, param)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "body", [b"", b" \n", b"[]", b"null", b'"model"', b"model=m", b"\xef\xbb\xbf{}", b"\x00", b"{]"]
)
def test_what_is_no_object_is_refused(dialect: Dialect, body: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        peek(body, dialect)
    assert (caught.value.status, caught.value.kind) == (400, "bad_request")


def test_faults_say_what_is_wrong() -> None:
    def said(body: bytes) -> str:
        with pytest.raises(RequestError) as caught:
            peek(body)
        return caught.value.message

    assert said(b"") == "The request body is not valid JSON: it is empty."
    assert said(b"[]") == "The request body must be a JSON object."
    assert said(b'{"a":1]') == "The request body is not valid JSON: JSON is malformed: expected ',' or '}' (byte 6)."
    assert said(b"[" * 5000) == "The request body must be a JSON object."
    assert said(b'{"a":' * 200_000) == "The request body is nested too deeply."
    assert said(b'{"model":"m","a":"\xff"}') == "The request body is not valid UTF-8 (byte 18)."
    assert said(b"{}") == "You must give a model: the field `model` is missing."
    assert said(b'{"model":1}') == "The field `model` must be a string."
    assert said(b'{"model":"a","model":"b"}') == "The field `model` is given more than once, which is ambiguous."


def test_gemini_has_its_model_in_the_path() -> None:
    assert peek(b'{"contents":[],"model":5,"stream":"x","a":"\\ud800"}', "gemini") == Peek()


@pytest.mark.parametrize("body", [b'{"a":"\xff"}', b'{"a":' + b"[" * 100_000, b'{"a":1,}'])
def test_gemini_bodies_are_checked_too(body: bytes) -> None:
    with pytest.raises(RequestError):
        peek(body, "gemini")


@pytest.mark.parametrize("operation", ["embeddings", "images", "image_edits", "transcriptions", "speech", "rerank"])
@pytest.mark.parametrize("content_type", [b"", JSON, b"text/plain"])
def test_other_operations_have_a_model_too(operation: Operation, content_type: bytes) -> None:
    found = CODECS["openai-chat"].peek(operation, b'{"model":"m","stream":true}', content_type)
    assert found == Peek(model="m", stream=True)
    with pytest.raises(RequestError) as caught:
        CODECS["openai-chat"].peek(operation, b"{}", content_type)
    assert caught.value.param == "model"


def outcome(body: bytes, dialect: Dialect) -> Peek | RequestError:
    try:
        return peek(body, dialect)
    except RequestError as refusal:
        return refusal


@given(st.binary(max_size=40) | st.text(alphabet='{}[]",:\\ model0', max_size=40).map(str.encode))
@settings(max_examples=250, deadline=None)
def test_no_body_gives_anything_but_a_peek_or_a_400(body: bytes) -> None:
    for dialect in DIALECTS:
        for candidate in (body, b'{"model":"m",' + body, b'{"model":"m","x":' + body + b"}"):
            found = outcome(candidate, dialect)
            if isinstance(found, RequestError):
                assert found.status == 400
            else:
                assert isinstance(json.loads(candidate), dict)
                assert isinstance(found.model, str) or dialect == "gemini"


def dialect_of(protocol: str) -> Dialect:
    if protocol.startswith("anthropic"):
        return "anthropic"
    if protocol.startswith("gemini"):
        return "gemini"
    return "openai-responses" if protocol == "openai-responses" else "openai-chat"


@pytest.mark.parametrize("protocol", [protocol for protocol in PROTOCOLS if protocol != "models"])
def test_recorded_requests(protocol: str) -> None:
    dialect = dialect_of(protocol)
    seen = 0
    for exchange in exchanges(protocol):
        told = json.loads(exchange.request_body)
        expected = Peek() if dialect == "gemini" else Peek(model=told["model"], stream=bool(told.get("stream")))
        assert peek(exchange.request_body, dialect) == expected
        seen += 1
    assert seen
