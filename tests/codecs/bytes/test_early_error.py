"""An error in the place of an answer is told from an answer that has the word in it."""

from __future__ import annotations

import json

import pytest

from tests.recorded import Exchange, exchanges
from torouter.codecs import early_error, error_within, is_plain, says_nothing
from torouter.errors import ErrorKind

BUSY = {"message": "busy", "type": "overloaded_error"}


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (json.dumps({"error": BUSY}).encode(), "overloaded"),
        (json.dumps({"error": BUSY}, indent=2).encode(), "overloaded"),
        (b'{"error":"busy"}', "upstream_fault"),
        (json.dumps({"type": "error", "error": BUSY}).encode(), "overloaded"),
        (b'{"type":"error","code":"rate_limit_exceeded","message":"busy"}', "rate_limit"),
        (json.dumps([{"error": {"code": 429, "message": "busy"}}], indent=1).encode(), "rate_limit"),
        (b'data: {"error":{"message":"busy","code":503}}\n\ndata: [DONE]\n\n', "overloaded"),
        (b'event: error\r\ndata:{"type":"error","error":{"type":"overloaded_error","message":"busy"}}', "overloaded"),
    ],
)
def test_errors(data: bytes, kind: ErrorKind) -> None:
    fault = early_error(data)
    assert fault is not None
    assert (fault.kind, fault.message) == (kind, "busy")


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b'"error"', b'{"error":null,"choices":[]}', b'{"error":{"mess', b'{"type":"error-free","x":"error"}'),
        *(b'data: {"choices":[{"delta":{"content":"\\"error\\""}}]}\n\n', b"[]", b'[["error"]]', b'{"x":{"error":1}}'),
        *(b'data: {"error":null}\n\ndata: {"error":1}\n\n', b': "error"\n\n', b'{"type":"text","text":"error"}'),
    ],
)
def test_answers(data: bytes) -> None:
    assert early_error(data) is None


ANSWERS = [
    each
    for protocol in ("openai-chat", "openai-responses", "anthropic-messages", "gemini")
    for each in exchanges(protocol)
]


@pytest.mark.parametrize("exchange", ANSWERS, ids=lambda exchange: exchange.label)
def test_everything_recorded(exchange: Exchange) -> None:
    """Also of bodies that were recorded with the status of an error."""
    assert (early_error(exchange.response_body) is not None) == (
        exchange.status >= 400 and b'"error"' in exchange.response_body
    )


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"id": "x", "error": BUSY}, "overloaded"),
        ({"id": "r", "status": "failed", "error": {"code": "rate_limit_exceeded", "message": "busy"}, "output": []},
         "rate_limit"),
        ({"id": "r", "status": "failed", "error": {"code": "server_error", "message": "busy"}, "output": [{"x": 1}]},
         "upstream_fault"),
        ({"base_resp": {"status_code": 1002, "status_msg": "busy"}, "choices": None}, "rate_limit"),
        ({"base_resp": {"status_code": 1027, "status_msg": "busy"}}, "content_policy"),
        ({"base_resp": {"status_code": 1008, "status_msg": "busy"}}, "billing"),
        ({"base_resp": {"status_code": 1000, "status_msg": "busy"}}, "upstream_fault"),
        ({"code": 500, "msg": "busy", "success": False}, "upstream_fault"),
        ({"message": "busy", "code": 503}, "overloaded"),
        ({"choices": [], "message": "busy"}, "upstream_fault"),
        ({"choices": [{"finish_reason": "error", "error": {"code": 429, "message": "busy"}}]}, "rate_limit"),
        ({"detail": "busy"}, "upstream_fault"),
    ],
)  # fmt: skip
def test_errors_within(said: object, kind: ErrorKind) -> None:
    for body in (json.dumps(said), json.dumps(said, indent=2)):
        fault = error_within(body.encode())
        assert fault is not None
        assert (fault.kind, fault.message) == (kind, "busy")
        assert not is_plain(body.encode())


@pytest.mark.parametrize(
    "said",
    [
        *({}, [], None, 1, "error", {"error": None}, {"error": {}}, {"anything": "else"}, {"id": "r", "output": []}),
        {"choices": [{}], "message": "m"},
        {"choices": [{"message": {"content": '{"error": {"message": "m"}}'}}], "detail": "d"},
        {"base_resp": {"status_code": 0, "status_msg": ""}, "choices": [{}]},
        {"candidates": [{"content": {"parts": [{"functionCall": {"args": {"error": {"message": "m"}}}}]}}]},
        {"id": "r", "error": None, "output": [{"type": "function_call", "arguments": '{"error":"e"}'}]},
        {"choices": [{"x": "y" * 5000}], "error": "behind it all"},
    ],
)
def test_answers_that_are_none(said: object) -> None:
    assert error_within(json.dumps(said).encode()) is None


@pytest.mark.parametrize("exchange", ANSWERS, ids=lambda exchange: exchange.label)
def test_within_everything_recorded(exchange: Exchange) -> None:
    if exchange.status < 400:
        assert error_within(exchange.response_body) is None


@pytest.mark.parametrize(
    ("said", "is_nothing"),
    [
        *(({"id": "c", "choices": []}, True), ({"usageMetadata": {}, "modelVersion": "g"}, True)),
        *(({"usageMetadata": {}, "candidates": []}, True), ({"usageMetadata": {}, "candidates": [{}]}, False)),
        *(({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {}}, False), ({"choices": [{}]}, False)),
        *(({}, False), ({"any": "thing"}, False), ([], False), ({"content": [], "stop_reason": "end_turn"}, False)),
    ],
)
def test_nothing(said: object, is_nothing: bool) -> None:
    body = json.dumps(said).encode()
    assert says_nothing(body) is is_nothing
    assert not (is_nothing and is_plain(body))


@pytest.mark.parametrize("exchange", ANSWERS, ids=lambda exchange: exchange.label)
def test_no_recorded_answer_says_nothing(exchange: Exchange) -> None:
    assert not says_nothing(exchange.response_body)
