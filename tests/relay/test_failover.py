"""The verdict table, row by row: who is asked next, what the caller is told, and what is written down."""

from __future__ import annotations

import pytest

from tests.relay.stage import Handler, json_reply, stage
from torouter.errors import Phase, UpstreamError
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


@pytest.mark.parametrize(
    "first",
    [
        *(
            pytest.param(failing(status), id=str(status))
            for status in (401, 402, 403, 408, 429, 500, 502, 503, 504, 529)
        ),
        *(pytest.param(broken(phase), id=phase) for phase in ("connect", "send", "head")),
        pytest.param(
            lambda _: Reply(200, [], [], fault=UpstreamError("cut", phase="body")),
            id="cut before any byte is out",
        ),
    ],
)
async def test_goes_on_to_the_next_channel(first: Handler) -> None:
    async with stage({"a": first, "b": good}) as on:
        answer = await on.post("/v1/chat/completions", CHAT)
        assert (answer.status, answer.json) == (200, GOOD)
        assert [name for name, _ in on.asked] == ["a", "b"]
        [row] = on.rows
        assert (row.channel, row.status, row.outcome, row.retries) == ("b", 200, "ok", 1)
        assert (row.input_tokens, row.output_tokens, row.quality) == (3, 2, "reported")


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
        assert (on.rows[0].retries, on.rows[0].outcome) == (1, "upstream_error")


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
    async with stage({"a": failing(500), "b": good}) as on:
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
    assert (answer.status, [name for name, _ in on.asked]) == (502, ["b"])
