"""The verdict table itself: every fault finds its row, and the documentation shows it."""

from __future__ import annotations

import json

import pytest

from tests.relay.verdict_table import DOCUMENT, written
from torouter.codecs.faults import read_error
from torouter.errors import ErrorKind, Phase, UpstreamError
from torouter.relay.verdict import TABLE, exhausted, may_repeat, verdict_on


def answered(status: int, body: object = "", retry_after_s: float | None = None) -> UpstreamError:
    """An error answer, read as the relay reads it."""
    fault = read_error(status, json.dumps(body).encode())
    return UpstreamError(
        fault.message,
        phase="head",
        upstream_status=status,
        kind=fault.kind,
        code=fault.code,
        retry_after_s=retry_after_s if fault.retry_after_s is None else fault.retry_after_s,
    )


def failed(phase: Phase, code: str | None = None, kind: ErrorKind | None = None, status: int = 0) -> UpstreamError:
    return UpstreamError("no", phase=phase, code=code, kind=kind, upstream_status=status)


AZURE = {"error": {"code": "content_filter", "innererror": {"code": "ResponsibleAIPolicyViolation"}, "message": "m"}}
SPENT = {"type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low"}}

CASES: list[tuple[UpstreamError, str]] = [
    (answered(429), "rate_limited"),
    (answered(429, retry_after_s=3), "rate_limited"),
    (answered(429, {"error": {"message": "m", "code": "insufficient_quota"}}), "no_credit"),
    (answered(401), "bad_credential"),
    (answered(400, {"error": {"message": "API key not valid. Please pass a valid API key."}}), "bad_credential"),
    (answered(402), "no_credit"),
    (answered(400, SPENT), "no_credit"),
    (answered(403), "forbidden"),
    (answered(403, {"error": {"message": "It was flagged for violence"}}), "content_policy"),
    (answered(400, AZURE), "content_policy"),
    (answered(400, {"error": {"message": "Output blocked by content filtering policy"}}), "content_policy"),
    (answered(400, {"error": {"message": "The prompt was blocked", "status": "INVALID_ARGUMENT"}}), "content_policy"),
    (answered(400, {"error": {"message": "Content Exists Risk"}}), "content_policy"),
    (answered(403, {"error": "Content violates usage guidelines."}), "content_policy"),
    (answered(400, {"error": {"message": "m", "code": "context_length_exceeded"}}), "context_length"),
    (answered(413, {"error": {"message": "prompt is too long: 9 tokens > 8"}}), "context_length"),
    (answered(400), "bad_request"),
    (answered(405), "bad_request"),
    (answered(404), "not_found"),
    (answered(408), "timeout_408"),
    (answered(409), "conflict"),
    (answered(413), "too_large"),
    (answered(422), "unprocessable"),
    (answered(500), "server_error"),
    (answered(502), "server_error"),
    (answered(503), "overloaded"),
    (answered(529), "overloaded"),
    (answered(504), "no_answer"),
    (answered(524), "no_answer"),
    (answered(400, {"error": {"message": "m", "code": "previous_response_not_found"}}), "kept_elsewhere"),
    (answered(400, {"error": {"message": "Invalid thought signature."}}), "kept_elsewhere"),
    (failed("connect"), "connect"),
    (failed("connect", "upstream_connect_timeout", "timeout"), "connect"),
    (failed("connect", "upstream_tls"), "tls"),
    (failed("send", "upstream_reset"), "reset"),
    (failed("head", "upstream_reset"), "reset"),
    (failed("head", "upstream_no_answer", "timeout"), "no_answer"),
    (failed("head", "upstream_malformed"), "malformed"),
    (failed("stream", "upstream_first_token_timeout", "timeout", 200), "first_token_timeout"),
    (failed("head", "upstream_first_token_timeout", "timeout"), "first_token_timeout"),
    (failed("stream", "upstream_idle_timeout", "timeout", 200), "stalled"),
    (failed("stream", "upstream_total_timeout", "timeout", 200), "too_slow"),
    (failed("stream", "upstream_malformed", None, 200), "malformed"),
    (failed("body", "upstream_empty", None, 200), "empty"),
    (failed("stream", "upstream_truncated", None, 200), "cut"),
    (failed("body", "upstream_reset", None, 200), "cut"),
    (failed("stream", "server_error", None, 200), "error_in_stream"),
    (failed("stream", None, "overloaded", 200), "overloaded"),
    (failed("stream", None, "bad_request", 200), "bad_request"),
]


@pytest.mark.parametrize(("error", "name"), CASES, ids=[f"{number}-{name}" for number, (_, name) in enumerate(CASES)])
def test_every_fault_has_its_row(error: UpstreamError, name: str) -> None:
    assert verdict_on(error).name == name


def test_every_row_is_found_by_some_fault() -> None:
    """One that another hides is dead."""
    assert set(TABLE) == {verdict_on(error) for error, _ in CASES}


def test_a_request_that_is_at_fault_goes_nowhere_else() -> None:
    passed_on = {row.name for row in TABLE if row.step is None}
    assert passed_on == {
        "content_policy", "context_length", "bad_request", "not_found", "conflict", "too_large", "unprocessable",
    }  # fmt: skip
    assert {row.blame for row in TABLE if row.step is None} == {"nobody"}
    assert [row.name for row in TABLE if row.step is None and row.fallback] == ["context_length"]


def test_who_has_begun_to_answer_or_kept_silent_is_not_asked_the_same_again() -> None:
    for error, name in CASES:
        row = verdict_on(error)
        if 0 < error.upstream_status < 400 or (error.kind == "timeout" and name != "timeout_408"):
            assert not may_repeat(row, error, is_alone=True), name
    assert may_repeat(verdict_on(answered(500)), answered(500), is_alone=False)
    assert may_repeat(verdict_on(answered(429)), answered(429), is_alone=True)
    assert not may_repeat(verdict_on(answered(429)), answered(429), is_alone=False)


def test_what_is_told_in_the_end() -> None:
    limited = exhausted(answered(429, retry_after_s=9))
    assert (limited.status, limited.retry_after_s, limited.is_terminal) == (429, 9, False)
    assert exhausted(failed("head", "upstream_no_answer", "timeout")).status == 504
    spent = exhausted(answered(402))
    assert (spent.status, spent.type, spent.is_terminal) == (502, "upstream_unavailable", True)
    assert exhausted(answered(400, AZURE)).status == 400


def test_the_document_shows_the_table() -> None:
    """`make verdicts` writes it."""
    text = DOCUMENT.read_text("utf-8")
    assert text == written(text)
