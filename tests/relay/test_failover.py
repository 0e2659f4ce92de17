"""The verdict table, row by row: who is asked next, what the caller is told, and what is written down."""

from __future__ import annotations

import json

import pytest

from tests.relay.answers import asking, frames_of, streamed, whole
from tests.relay.stage import Handler, json_reply, stage
from torouter.errors import ErrorKind, Phase, UpstreamError
from torouter.units import Dialect
from torouter.wire.memory import Reply
from torouter.wire.upstream import Request

CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
GOOD = {
    "id": "c",
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}


def good(_: Request) -> Reply:
    return json_reply(200, GOOD)


def failing(status: int, error: object = None, *headers: tuple[bytes, bytes]) -> Handler:
    body = {"error": error or {"message": "no", "type": "t", "code": None, "param": None}}
    return lambda _: json_reply(status, body, *headers)


def broken(phase: Phase) -> Handler:
    def handler(_: Request) -> Reply:
        raise UpstreamError("the connection broke", phase=phase)

    return handler


def silent(code: str, kind: ErrorKind | None, phase: Phase) -> Handler:
    """Nothing comes, or not in time."""

    def handler(_: Request) -> Reply:
        raise UpstreamError("no", phase=phase, kind=kind, code=code)

    return handler


def broken_off(code: str, kind: ErrorKind | None = None) -> Handler:
    """The head of an answer, and then nothing that means anything."""
    fault = UpstreamError("no", phase="stream", upstream_status=200, kind=kind, code=code)
    return lambda _: Reply(200, [(b"content-type", b"text/event-stream")], [], fault=fault)


def erring(error: object) -> Handler:
    return lambda _: Reply(
        200, [(b"content-type", b"text/event-stream")], [b"data: %b\n\n" % json.dumps(error).encode()]
    )


GOES_ON: dict[str, tuple[Handler, str]] = {
    "429": (failing(429), "rate_limited"),
    "429 with Retry-After": (failing(429, None, (b"retry-after", b"2")), "rate_limited"),
    "429 that means money": (failing(429, {"message": "m", "code": "insufficient_quota"}), "no_credit"),
    "400 that means money": (failing(400, {"message": "Your credit balance is too low"}), "no_credit"),
    "401": (failing(401), "bad_credential"),
    "402": (failing(402), "no_credit"),
    "403": (failing(403), "forbidden"),
    "408": (failing(408), "timeout_408"),
    "500": (failing(500), "server_error"),
    "502": (failing(502), "server_error"),
    "503": (failing(503), "overloaded"),
    "504": (failing(504), "no_answer"),
    "529": (failing(529), "overloaded"),
    "refused": (broken("connect"), "connect"),
    "no connection in time": (silent("upstream_connect_timeout", "timeout", "connect"), "connect"),
    "tls": (silent("upstream_tls", None, "connect"), "tls"),
    "reset while sent": (silent("upstream_reset", None, "send"), "reset"),
    "reset before the head": (silent("upstream_reset", None, "head"), "reset"),
    "no head in time": (silent("upstream_no_answer", "timeout", "head"), "no_answer"),
    "not http": (silent("upstream_malformed", None, "head"), "malformed"),
    "no first token": (broken_off("upstream_first_token_timeout", "timeout"), "first_token_timeout"),
    "stall": (broken_off("upstream_idle_timeout", "timeout"), "stalled"),
    "too slow": (broken_off("upstream_total_timeout", "timeout"), "too_slow"),
    "cut": (broken_off("upstream_truncated"), "cut"),
    "malformed": (broken_off("upstream_malformed"), "malformed"),
    "error after 200": (erring({"error": {"message": "m", "type": "server_error"}}), "error_in_stream"),
}
STOPS: dict[str, tuple[Handler, int, str]] = {
    "400": (failing(400), 400, "bad_request"),
    "404": (failing(404), 404, "not_found"),
    "409": (failing(409), 409, "conflict"),
    "413": (failing(413), 413, "too_large"),
    "422": (failing(422), 422, "unprocessable"),
    "context length": (failing(400, {"message": "m", "code": "context_length_exceeded"}), 400, "context_length"),
    "content policy": (failing(400, {"message": "m", "code": "content_filter"}), 400, "content_policy"),
    "content policy as 403": (failing(403, {"message": "It was flagged for violence"}), 403, "content_policy"),
}
WAYS = [
    pytest.param(
        dialect, stream, id=f"{'same' if dialect == 'openai-chat' else 'translated'}-{'sse' if stream else 'whole'}"
    )
    for dialect in ("openai-chat", "anthropic")
    for stream in (False, True)
]


def served(dialect: Dialect, *, stream: bool) -> Handler:
    if stream:
        return lambda _: streamed(*frames_of(dialect))
    return lambda _: json_reply(200, whole(dialect))


@pytest.mark.parametrize(("dialect", "stream"), WAYS)
@pytest.mark.parametrize("fault", GOES_ON)
async def test_goes_on_to_the_next_channel(fault: str, dialect: Dialect, stream: bool) -> None:
    first, name = GOES_ON[fault]
    path, body = asking("openai-chat", stream=stream)
    async with stage({"a": first, "b": served(dialect, stream=stream)}, dialects=(dialect,)) as on:
        answer = await on.post(path, body)
        assert (answer.status, answer.is_complete) == (200, True)
        assert b"word number 39" in answer.body
        assert b"error" not in answer.body
        assert [channel for channel, _ in on.asked] == ["a", "b"]
        [entry] = await on.settled()
        assert (entry.usage.channel, entry.usage.outcome, entry.usage.retries) == ("b", "ok", 1)
        assert [(row.channel, row.left_for, row.picked) for row in entry.attempts] == [
            ("a", name, "weight"),
            ("b", "", "next"),
        ]
        assert (on.slept_s, entry.attempts[0].amount_nusd) == ([], 0)


@pytest.mark.parametrize(("dialect", "stream"), WAYS)
@pytest.mark.parametrize("fault", STOPS)
async def test_what_another_would_say_too_is_told_at_once(fault: str, dialect: Dialect, stream: bool) -> None:
    first, status, name = STOPS[fault]
    path, body = asking("openai-chat", stream=stream)
    async with stage({"a": first, "b": served(dialect, stream=stream)}, dialects=(dialect,)) as on:
        answer = await on.post(path, body)
        assert answer.status == (400 if dialect != "openai-chat" and status in (403, 422) else status)
        assert answer.json["error"]["message"]
        assert [channel for channel, _ in on.asked] == ["a"]
        [entry] = await on.settled()
        assert [(row.left_for, row.status) for row in entry.attempts] == [(name, status)]


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422])
@pytest.mark.pitfall(141)
async def test_definitive_errors_pass_as_they_are(status: int) -> None:
    body = b'{ "error" : {"message":"what the provider said","type":"x","odd":1e400} }'

    def first(_: Request) -> Reply:
        return Reply(status, [(b"content-type", b"application/json"), (b"x-up", b"1"), (b"retry-after", b"7")], [body])

    async with stage({"a": first, "b": good}) as on:
        answer = await on.post("/v1/chat/completions", CHAT)
        assert (answer.status, answer.body) == (status, body)
        assert answer.headers[b"retry-after"] == b"7"
        assert b"x-up" not in answer.headers
        assert len(on.asked) == 1
        assert (on.rows[0].outcome, on.rows[0].status) == ("upstream_error", status)


async def test_a_policy_refusal_with_403_is_not_routed_around() -> None:
    refusal = failing(
        403,
        {"message": "violates our usage policies", "type": "invalid_request_error", "code": "content_policy_violation"},
    )
    async with stage({"a": refusal, "b": good}) as on:
        answer = await on.post("/v1/chat/completions", CHAT)
        assert answer.status == 403
        assert len(on.asked) == 1


async def test_every_candidate_failed_is_502_in_the_callers_dialect() -> None:
    async with stage({"a": failing(500), "b": failing(401)}) as on:
        answer = await on.post("/v1/chat/completions", CHAT)
        assert answer.status == 502
        assert answer.json["error"]["type"] == "upstream_unavailable"
        assert answer.headers[b"x-request-id"].startswith(b"req_")
        assert (on.rows[0].retries, on.rows[0].outcome) == (2, "upstream_error")
        assert [name for name, _ in on.asked] == ["a", "b", "a"]


@pytest.mark.pitfall(142)
async def test_rate_limits_and_timeouts_stay_what_they_are() -> None:
    async with stage({"a": failing(429, None, (b"retry-after", b"11"))}) as on:
        answer = await on.post("/v1/chat/completions", CHAT)
        assert (answer.status, answer.headers[b"retry-after"]) == (429, b"11")

    def slow(_: Request) -> Reply:
        raise UpstreamError("no answer in time", phase="head", kind="timeout")

    async with stage({"a": slow}) as on:
        assert (await on.post("/v1/chat/completions", CHAT)).status == 504


async def test_switches_are_bounded() -> None:
    async with stage({name: failing(500) for name in "abcdef"}, max_switches=2) as on:
        assert (await on.post("/v1/chat/completions", CHAT)).status == 502
        assert len(on.asked) == 3


async def test_a_failed_channel_cools_down_and_is_asked_last() -> None:
    async with stage({"a": failing(503), "b": good}) as on:
        for _ in range(3):
            assert (await on.post("/v1/chat/completions", CHAT)).status == 200
        assert [name for name, _ in on.asked] == ["a", "b", "b", "b"]


async def test_every_attempt_starts_from_the_original_body() -> None:
    async with stage({"a": failing(500), "b": good}) as on:
        await on.post("/v1/chat/completions", CHAT)
        assert on.asked[0][1].body == on.asked[1][1].body
        assert b'"up-m"' in on.asked[0][1].body


@pytest.mark.parametrize(("fields", "param"), [({"n": 2}, "n"), ({"logit_bias": {"1": 2}}, "logit_bias")])
async def test_what_one_cannot_be_sent_another_may_take(fields: dict[str, object], param: str) -> None:
    """Nobody is asked in a dialect that has no words for it, and no channel is blamed."""
    dialects: dict[str, tuple[Dialect, ...]] = {"a": ("anthropic",), "b": ("openai-chat",)}
    async with stage({"a": good, "b": good}, dialects=dialects) as on:
        answer = await on.post("/v1/chat/completions", {**CHAT, **fields})
    assert (answer.status, [name for name, _ in on.asked]) == (200, ["b"])
    assert [(row.outcome, row.channel, row.retries) for row in on.rows] == [("ok", "b", 1)]
    async with stage({"a": good, "b": good}, dialects=("anthropic",)) as on:
        answer = await on.post("/v1/chat/completions", {**CHAT, **fields})
    assert (answer.status, on.asked) == (400, [])
    assert answer.json["error"]["param"] == param
    assert [(row.outcome, row.losses) for row in on.rows] == [("refused", f"{param};refused")]


async def test_a_failure_says_more_than_a_refusal() -> None:
    dialects: dict[str, tuple[Dialect, ...]] = {"a": ("anthropic",), "b": ("openai-chat",)}
    async with stage({"a": good, "b": failing(503)}, dialects=dialects) as on:
        answer = await on.post("/v1/chat/completions", {**CHAT, "n": 2})
    assert (answer.status, [name for name, _ in on.asked]) == (502, ["b", "b"])
