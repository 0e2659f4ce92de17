"""Errors in each dialect's words: whole, and as the last thing a stream says."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from torouter.codecs import CODECS
from torouter.errors import AccessError, AuthError, ErrorKind, InternalError, LimitError, RequestError, TorouterError
from torouter.units import DIALECTS, Dialect

ID = "req_0123456789abcdef00000001"


def rendered(dialect: Dialect, error: TorouterError) -> Any:
    return json.loads(CODECS[dialect].render_error(error, ID))


@pytest.mark.parametrize("dialect", ["openai-chat", "openai-responses"])
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            RequestError("bad", param="messages.0"),
            {"message": "bad", "type": "invalid_request_error", "code": None, "param": "messages.0"},
        ),
        (
            AuthError("no key", type="API_KEY_REQUIRED"),
            {"message": "no key", "type": "API_KEY_REQUIRED", "code": "API_KEY_REQUIRED", "param": None},
        ),
        (
            AccessError("no", type="ACCESS_DENIED", code="model_not_allowed", param="model"),
            {"message": "no", "type": "ACCESS_DENIED", "code": "model_not_allowed", "param": "model"},
        ),
        (
            RequestError("no such model", kind="not_found", param="model"),
            {
                "message": "no such model",
                "type": "invalid_request_error",
                "code": "model_not_found",
                "param": "model",
            },
        ),
        (
            RequestError("no such path", kind="not_found"),
            {"message": "no such path", "type": "invalid_request_error", "code": None, "param": None},
        ),
        (
            RequestError("long", kind="context_length"),
            {"message": "long", "type": "invalid_request_error", "code": "context_length_exceeded", "param": None},
        ),
        (
            LimitError("rate limit exceeded", retry_after_s=3),
            {
                "message": "rate limit exceeded",
                "type": "rate_limit_error",
                "code": "rate_limit_exceeded",
                "param": None,
            },
        ),
    ],
)
def test_openai(dialect: Dialect, error: TorouterError, expected: dict[str, Any]) -> None:
    assert rendered(dialect, error) == {"error": expected}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RequestError("bad", param="x"), {"type": "invalid_request_error", "message": "bad"}),
        (AuthError("no", type="INVALID_API_KEY"), {"type": "INVALID_API_KEY", "message": "no"}),
        (
            RequestError("9 > 8", kind="context_length"),
            {"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"},
        ),
        (
            RequestError("prompt is too long: 9", kind="context_length"),
            {"type": "invalid_request_error", "message": "prompt is too long: 9"},
        ),
    ],
)
def test_anthropic(error: TorouterError, expected: dict[str, Any]) -> None:
    assert rendered("anthropic", error) == {"type": "error", "error": expected, "request_id": ID}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            AccessError("no", type="ACCESS_DENIED", code="model_not_allowed"),
            {
                "code": 403,
                "message": "no",
                "status": "PERMISSION_DENIED",
                "details": [
                    {
                        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                        "reason": "model_not_allowed",
                        "domain": "torouter",
                    }
                ],
                "type": "ACCESS_DENIED",
            },
        ),
        (
            LimitError("slow", retry_after_s=2.5),
            {
                "code": 429,
                "message": "slow",
                "status": "RESOURCE_EXHAUSTED",
                "details": [
                    {
                        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                        "reason": "RESOURCE_EXHAUSTED",
                        "domain": "torouter",
                    },
                    {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2.5s"},
                ],
                "type": "RESOURCE_EXHAUSTED",
            },
        ),
    ],
)
def test_gemini(error: TorouterError, expected: dict[str, Any]) -> None:
    assert rendered("gemini", error) == {"error": expected}


@pytest.mark.parametrize(
    ("seconds", "written"), [(0, "0s"), (23, "23s"), (0.25, "0.25s"), (100, "100s"), (1e7, "10000000s")]
)
def test_gemini_durations(seconds: float, written: str) -> None:
    told = rendered("gemini", LimitError("x", retry_after_s=seconds))
    assert told["error"]["details"][1]["retryDelay"] == written


WORDS: dict[ErrorKind, tuple[str, str, str]] = {
    "bad_request": ("invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"),
    "context_length": ("invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"),
    "content_policy": ("invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"),
    "authentication": ("authentication_error", "authentication_error", "UNAUTHENTICATED"),
    "billing": ("insufficient_quota", "billing_error", "RESOURCE_EXHAUSTED"),
    "forbidden": ("permission_error", "permission_error", "PERMISSION_DENIED"),
    "not_found": ("invalid_request_error", "not_found_error", "NOT_FOUND"),
    "conflict": ("conflict", "conflict_error", "ABORTED"),
    "too_large": ("invalid_request_error", "request_too_large", "INVALID_ARGUMENT"),
    "rate_limit": ("rate_limit_error", "rate_limit_error", "RESOURCE_EXHAUSTED"),
    "client_gone": ("server_error", "api_error", "CANCELLED"),
    "upstream_fault": ("server_error", "api_error", "INTERNAL"),
    "overloaded": ("server_error", "overloaded_error", "UNAVAILABLE"),
    "timeout": ("timeout", "timeout_error", "DEADLINE_EXCEEDED"),
    "internal": ("server_error", "api_error", "INTERNAL"),
}


@pytest.mark.parametrize("kind", get_args(ErrorKind))
def test_every_kind_has_its_word_in_every_dialect(kind: ErrorKind) -> None:
    error = TorouterError("x", kind=kind)
    openai, anthropic, google = WORDS[kind]
    assert rendered("openai-chat", error)["error"]["type"] == openai
    assert rendered("openai-responses", error)["error"]["type"] == openai
    assert rendered("anthropic", error)["error"]["type"] == anthropic
    assert rendered("gemini", error)["error"]["status"] == google
    assert rendered("gemini", error)["error"]["code"] == error.status


def test_529_belongs_to_anthropic_only() -> None:
    assert rendered("gemini", TorouterError("x", kind="overloaded", status=529))["error"]["code"] == 503


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("message", ["\ud800 lone", 'quo"te\n', "\u2028\U0001f600", ""])
def test_any_message_can_be_rendered(dialect: Dialect, message: str) -> None:
    shown = message.encode("utf-8", "replace").decode()
    assert rendered(dialect, InternalError(message))["error"]["message"] == shown
    assert CODECS[dialect].render_stream_error(InternalError(message), ID, "sse").count(b"\n\n") == 1


FAULT = TorouterError("cut", kind="upstream_fault", code="upstream_truncated")


def test_streams_of_chat() -> None:
    said = CODECS["openai-chat"].render_stream_error(FAULT, ID, "sse")
    assert said == (
        b'data: {"error":{"message":"cut","type":"server_error","code":"upstream_truncated","param":null}}\n\n'
    )


def test_streams_of_messages() -> None:
    said = CODECS["anthropic"].render_stream_error(FAULT, ID, "sse")
    assert said == (
        b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"cut"},"request_id":"%b"}\n\n'
        % ID.encode()
    )


def test_streams_of_responses() -> None:
    said = CODECS["openai-responses"].render_stream_error(FAULT, ID, "sse")
    name, _, data = said.partition(b"\ndata: ")
    assert name == b"event: response.failed"
    assert said.endswith(b"\n\n")
    event = json.loads(data)
    assert event["type"] == "response.failed"
    assert event["response"]["id"] == "resp_0123456789abcdef00000001"
    assert event["response"]["status"] == "failed"
    assert event["response"]["error"] == {"code": "upstream_truncated", "message": "cut"}
    required = {"id", "object", "created_at", "model", "output", "parallel_tool_calls", "tool_choice", "tools"}
    assert required <= event["response"].keys()
    plain = CODECS["openai-responses"].render_stream_error(InternalError("x"), ID, "sse")
    assert json.loads(plain.partition(b"data: ")[2])["response"]["error"]["code"] == "server_error"


def test_streams_of_gemini() -> None:
    sse = CODECS["gemini"].render_stream_error(FAULT, ID, "sse")
    assert sse.startswith(b'data: {"error":{"code":502,"message":"cut","status":"INTERNAL",')
    assert sse.endswith(b"}}\n\n")
    begun = b'[{"candidates":[]}'
    ended = json.loads(begun + CODECS["gemini"].render_stream_error(FAULT, ID, "array"))
    assert [list(element) for element in ended] == [["candidates"], ["error"]]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_whole_answer_gets_the_envelope(dialect: Dialect) -> None:
    codec = CODECS[dialect]
    assert codec.render_stream_error(FAULT, ID, "whole") == codec.render_error(FAULT, ID)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_tap_takes_our_own_error_for_an_end(dialect: Dialect) -> None:
    tap = CODECS[dialect].tap("chat", "sse")
    tap.feed(CODECS[dialect].render_stream_error(FAULT, ID, "sse"))
    assert tap.is_finished


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_rendered_can_be_read(dialect: Dialect) -> None:
    for kind in get_args(ErrorKind):
        error = TorouterError("some words", kind=kind)
        fault = CODECS[dialect].read_error(error.status, CODECS[dialect].render_error(error, ID))
        expected = "upstream_fault" if kind in ("client_gone", "internal") else kind
        if dialect == "gemini":  # Google has one word for both, and no code of ours says more
            expected = "bad_request" if kind == "context_length" else expected
        if dialect in ("anthropic", "gemini"):  # they tell refused content by their words alone
            expected = "bad_request" if kind == "content_policy" else expected
        assert (fault.kind, "some words" in fault.message) == (expected, True)
