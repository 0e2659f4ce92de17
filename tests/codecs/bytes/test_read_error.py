"""Reading upstreams' errors: all that were recorded, all known shapes, and anything at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.recorded import RECORDINGS, exchanges
from torouter.codecs import CODECS, UpstreamFault
from torouter.errors import ErrorKind

RECORDED: dict[str, tuple[ErrorKind, str | None]] = {
    "openai-chat/json/003": ("authentication", None),
    "openai-chat/json/008": ("not_found", "model_not_found"),
    "openai-chat/json/009": ("not_found", "model_not_found"),
    "openai-chat/json/012": ("bad_request", "invalid_value"),
    "openai-chat/json/019": ("bad_request", "invalid_image_url"),
    "openai-embeddings/json/001": ("not_found", "model_not_found"),
    "openai-embeddings/json/002": ("bad_request", None),
    "openai-embeddings/json/003": ("authentication", None),
    "openai-responses/json/008": ("authentication", "invalid_api_key"),
    "openai-responses/json/011": ("bad_request", "invalid_request_error"),
    "openai-responses/json/012": ("bad_request", "unsupported_file"),
    "anthropic-messages/stream/001": ("authentication", None),
    "anthropic-messages/json/002": ("authentication", None),
    "anthropic-messages/json/004": ("authentication", None),
    "anthropic-messages/json/016": ("bad_request", None),
    "gemini/json/009": ("not_found", None),
    "gemini/json/015": ("bad_request", None),
}


def read(status: int, body: Any) -> UpstreamFault:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return CODECS["openai-chat"].read_error(status, raw)


def test_every_recorded_error() -> None:
    seen = {}
    for protocol in sorted({name.split("/")[0] for name in RECORDED}):
        for exchange in exchanges(protocol):
            if exchange.status >= 400:
                fault = read(exchange.status, exchange.response_body)
                seen["/".join(exchange.name.split("/")[:2]) + "/" + exchange.name.split("/")[2][:3]] = fault
    assert {name: (fault.kind, fault.code) for name, fault in seen.items()} == RECORDED
    assert seen["openai-chat/json/003"].message == "Invalid API Key"
    assert seen["openai-chat/json/012"].param == "messages[3]"
    assert seen["openai-responses/json/008"].message.startswith("Incorrect API key provided: ")
    assert seen["gemini/json/009"].type == "NOT_FOUND"


def test_the_recorded_rate_limit_of_gemini() -> None:
    fault = read(429, (RECORDINGS / "responses-only/google/google-429-retry-info.json").read_bytes())
    assert fault.kind == "rate_limit"
    assert fault.retry_after_s is not None
    assert fault.retry_after_s > 0


def test_the_recorded_error_within_a_responses_stream() -> None:
    lines = (RECORDINGS / "responses-only/openai/openai-error.1.chunks.txt").read_text().splitlines()
    faults = [read(200, line.encode()) for line in lines if '"error"' in line or "response.failed" in line]
    assert faults
    assert faults[-1].message
    assert faults[-1].code


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (400, {"error": "just text"}, "bad_request", "just text"),
        (400, {"error": {"message": "m", "type": "invalid_request_error"}}, "bad_request", "m"),
        (
            422,
            {"detail": [{"loc": ["body", "x"], "msg": "field required"}, {"msg": "other"}]},
            "bad_request",
            "field required; other",
        ),
        (422, {"detail": {"message": "inner"}}, "bad_request", "inner"),
        (500, {"code": 500, "message": "boom", "type": "server_error"}, "upstream_fault", "boom"),
        (400, {"object": "error", "message": "m", "code": 40303}, "bad_request", "m"),
        (404, {"error": True, "message": "gone"}, "not_found", "gone"),
        (
            404,
            b"<html><head><title>404 Not Found</title></head></html>",
            "not_found",
            "The upstream answered with status 404: 404 Not Found",
        ),
        (502, b"<h1>no title</h1>", "upstream_fault", "The upstream answered with status 502 and a page."),
        (503, b"Service Unavailable\n", "overloaded", "Service Unavailable"),
        (500, b"", "upstream_fault", "The upstream answered with status 500 and no message."),
        (500, b"{}", "upstream_fault", "The upstream answered with status 500 and no message."),
        (500, b'{"cut', "upstream_fault", "The upstream answered with status 500 and no message."),
        (500, b"\xff\xfe", "upstream_fault", "\ufffd\ufffd"),
        (500, b'"a string"', "upstream_fault", "a string"),
        (400, [{"error": {"code": 400, "message": "m", "status": "INVALID_ARGUMENT"}}], "bad_request", "m"),
        (
            529,
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
            "overloaded",
            "Overloaded",
        ),
        (
            503,
            {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}},
            "overloaded",
            "The model is overloaded.",
        ),
        (401, {"error": {"message": "no", "type": "invalid_request_error"}}, "authentication", "no"),
        (402, {"error": {"message": "pay", "code": 402}}, "billing", "pay"),
        (403, {"error": {"message": "no"}}, "forbidden", "no"),
        (408, b"", "timeout", "The upstream answered with status 408 and no message."),
        (409, {"error": {"message": "m"}}, "conflict", "m"),
        (413, {"error": {"type": "request_too_large", "message": "m"}}, "too_large", "m"),
        (
            429,
            {"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}},
            "rate_limit",
            "Rate limit reached",
        ),
        (504, b"", "timeout", "The upstream answered with status 504 and no message."),
        (520, b"", "upstream_fault", "The upstream answered with status 520 and no message."),
        (418, b"tea", "bad_request", "tea"),
        (
            400,
            {
                "error": {
                    "message": "Provider returned error",
                    "code": 400,
                    "metadata": {"raw": '{"error":{"message":"the words"}}'},
                }
            },
            "bad_request",
            "the words",
        ),
        (400, {"error": {"message": "Provider returned error", "metadata": {"raw": "plain"}}}, "bad_request", "plain"),
    ],
)
def test_shapes(status: int, body: Any, kind: ErrorKind, message: str) -> None:
    fault = read(status, body)
    assert (fault.kind, fault.message) == (kind, message)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": {"message": "x", "code": "context_length_exceeded"}}),
        (
            400,
            {
                "type": "error",
                "error": {
                    "type": "invalid_request_error",
                    "message": "prompt is too long: 208310 tokens > 200000 maximum",
                },
            },
        ),
        (
            400,
            {"error": {"message": "This model's maximum context length is 8192 tokens. However, you requested 9000"}},
        ),
        (
            400,
            {
                "error": {
                    "code": 400,
                    "status": "INVALID_ARGUMENT",
                    "message": "The input token count (1048577) exceeds the maximum number of tokens allowed",
                }
            },
        ),
        (
            400,
            {
                "error": {
                    "code": 400,
                    "message": "request (5000 tokens) exceeds the available context size (4096 tokens)",
                    "type": "exceed_context_size_error",
                }
            },
        ),
        (413, {"error": {"message": "Please reduce the length of the messages or completion."}}),
        (500, {"error": "input is too long for this model"}),
        (200, {"type": "response.failed", "response": {"error": {"code": "context_length_exceeded", "message": "m"}}}),
    ],
)
def test_a_prompt_too_long(status: int, body: Any) -> None:
    assert read(status, body).kind == "context_length"


@pytest.mark.parametrize(
    "message",
    [
        "max_tokens: 5000 > 4096, which is the maximum allowed number of output tokens",
        "`max_tokens` is too large: 99999.",
    ],
)
def test_an_output_limit_is_no_long_prompt(message: str) -> None:
    assert read(400, {"error": {"message": message}}).kind == "bad_request"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (
            429,
            {
                "error": {
                    "message": "You exceeded your current quota, please check your plan",
                    "code": "insufficient_quota",
                }
            },
        ),
        (429, {"error": {"message": "You exceeded your current quota, please check your plan"}}),
        (
            400,
            {
                "type": "error",
                "error": {
                    "type": "invalid_request_error",
                    "message": "Your credit balance is too low to access the API",
                },
            },
        ),
        (402, {"error": {"message": "Insufficient Balance", "type": "unknown_error"}}),
        (402, {"error": {"message": "This request requires more credits, or fewer max_tokens", "code": 402}}),
        (403, {"type": "error", "error": {"type": "billing_error", "message": "x"}}),
    ],
)
def test_a_spent_account(status: int, body: Any) -> None:
    assert read(status, body).kind == "billing"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (
            400,
            {
                "error": {
                    "code": 400,
                    "message": "API key not valid. Please pass a valid API key.",
                    "status": "INVALID_ARGUMENT",
                    "details": [{"@type": "x/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}],
                }
            },
        ),
        (400, {"error": "Incorrect API key provided: xx"}),
        (403, {"detail": "invalid api key"}),
    ],
)
def test_a_bad_key_by_another_status(status: int, body: Any) -> None:
    assert read(status, body).kind == "authentication"


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, {"error": {"message": "The response was filtered", "code": "content_filter"}}, "content_filter"),
        (400, {"error": {"message": "Your request was rejected by our safety system."}}, "content_policy_violation"),
        (
            403,
            {"error": {"code": 403, "message": "openai/x requires moderation. Your input was flagged for violence"}},
            "content_policy_violation",
        ),
        (400, {"error": {"message": "violates Anthropic's usage policy"}}, "content_policy_violation"),
    ],
)
def test_refused_content(status: int, body: Any, code: str) -> None:
    fault = read(status, body)
    assert (fault.kind, fault.code) == ("content_policy", code)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("Invalid thought signature.", "invalid_encrypted_content"),
        ("Function call is missing a thought_signature in functionCall parts.", None),
    ],
)
def test_state_that_somebody_else_issued(message: str, code: str | None) -> None:
    fault = read(400, {"error": {"message": message, "code": 400}})
    assert (fault.kind, fault.code) == ("bad_request", code)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"type": "error", "error": {"type": "overloaded_error", "message": "m"}}, "overloaded"),
        ({"type": "error", "error": {"type": "rate_limit_error", "message": "m"}}, "rate_limit"),
        ({"error": {"code": 429, "message": "m"}}, "rate_limit"),
        ({"error": {"code": "429", "message": "m"}}, "rate_limit"),
        ({"error": {"code": 503, "message": "m", "status": "UNAVAILABLE"}}, "overloaded"),
        ({"type": "error", "code": "server_error", "message": "m"}, "upstream_fault"),
        ({"error": {"message": "m", "type": "invalid_request_error"}}, "bad_request"),
        ({"error": {"message": "m"}}, "upstream_fault"),
    ],
)
@pytest.mark.pitfall(137, 140)
def test_errors_within_a_200(body: Any, kind: ErrorKind) -> None:
    fault = read(200, body)
    assert (fault.kind, fault.message) == (kind, "m")


@pytest.mark.parametrize(
    ("delay", "expected"), [("23s", 23.0), ("0.5s", 0.5), ("1.000000001s", 1.000000001), ("soon", None), ("-1s", None)]
)
@pytest.mark.pitfall(142)
def test_retry_info(delay: str, expected: float | None) -> None:
    details = [{"@type": "x"}, {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}]
    fault = read(429, {"error": {"code": 429, "message": "m", "status": "RESOURCE_EXHAUSTED", "details": details}})
    assert (fault.kind, fault.retry_after_s) == ("rate_limit", expected)


def test_keys_are_masked_and_messages_bounded() -> None:
    fault = read(
        401,
        {"error": {"message": "Incorrect API key provided: sk-proj-ab**********wxyz (org-AbCdEf123456). See docs."}},
    )
    assert fault.message == "Incorrect API key provided: *** (***). See docs."
    assert len(read(500, b"x" * 10_000).message) == 4000
    assert read(500, b'{"error":"' + b"x" * (2 << 20) + b'"}').message == (
        "The upstream answered with status 500 and no message."
    )


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "error",
                    "message",
                    "type",
                    "code",
                    "param",
                    "details",
                    "detail",
                    "metadata",
                    "raw",
                    "response",
                    "status",
                    "retryDelay",
                    "reason",
                    "@type",
                    "msg",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(st.integers(0, 999), json_values)
@settings(max_examples=250, deadline=None)
def test_any_json_is_read(status: int, body: Any) -> None:
    fault = read(status, body)
    assert fault.message
    assert fault.kind


@given(st.integers(0, 999), st.binary(max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_read(status: int, body: bytes) -> None:
    assert read(status, body).message


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"error":' * 100_000, b'{"message":"\\ud800"}', b'{"a":NaN}'])
def test_hostile_bodies_are_read(body: bytes) -> None:
    assert read(500, body).kind == "upstream_fault"


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, {"type": "invalid_request_error", "message": "This organization has been disabled."}, "authentication"),
        (403, {"message": "Your account has been disabled after a review. See our Usage Policy."}, "authentication"),
        (403, {"message": "Permission denied: Consumer 'api_key:AIzaX' has been suspended."}, "authentication"),
        (401, {"message": "The OpenAI account has been deactivated.", "code": "account_deactivated"}, "authentication"),
        (400, {"message": "You have reached your specified API usage limits. You will regain access on"}, "billing"),
        (
            400,
            {"message": "Access denied, make sure your account is in good standing.", "code": "Arrearage"},
            "billing",
        ),
        (429, {"message": "Your account is not active", "code": "billing_not_active"}, "billing"),
        (429, {"message": "Your account o <ak-x> is suspended", "type": "exceeded_current_quota_error"}, "billing"),
        (400, {"code": 400, "message": "User location is not supported for the API use."}, "forbidden"),
        (400, {"message": "The tool `account` is disabled in this organization's policy."}, "bad_request"),
        (429, {"message": "Your account has reached its rate limit."}, "rate_limit"),
    ],
)
def test_trouble_of_an_account_is_none_of_the_request(status: int, error: object, kind: ErrorKind) -> None:
    """As Anthropic, Google, OpenAI, DashScope and Moonshot word it: another credential or channel may serve."""
    assert read(status, {"error": error}).kind == kind
