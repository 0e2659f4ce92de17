"""Errors of upstreams, and what comes of them: through the relay, for clients of the same and of other dialects."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from tests.pitfalls.clients import read_body, read_stream
from tests.pitfalls.upstreams import Part, streamed, whole
from tests.relay.stage import Answer, Stage, json_reply, sse_reply, stage
from torouter.units import DIALECTS, Dialect
from torouter.wire.memory import Reply
from torouter.wire.upstream import Request

Json = dict[str, Any]
SAID: tuple[Part, ...] = (("text", "Hi there"), ("call", "call_1", "run", '{"command":"ls"}'))

OF_EACH_UPSTREAM = pytest.mark.parametrize("upstream", DIALECTS)
"""Each for clients of all dialects; to those of its own the answers pass as bytes."""

STATUSES = {400: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}
USAGE = {"include_usage": True}


def error(dialect: Dialect, message: str, word: str, code: int) -> Json:
    """An upstream's error body: Gemini's has a code and a status, the others' a word for the type."""
    if dialect == "gemini":
        return {"error": {"code": code, "message": message, "status": STATUSES[code]}}
    if dialect == "anthropic":
        return {"type": "error", "error": {"type": word, "message": message}}
    return {"error": {"message": message, "type": word, "code": None, "param": None}}


async def ask(on: Stage, client: Dialect, *, stream: bool, **fields: Any) -> Answer:
    if client == "gemini":
        verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
        contents = [{"role": "user", "parts": [{"text": "hi"}]}]
        return await on.post(f"/v1beta/models/m:{verb}", {"contents": contents, **fields})
    told: Json = {"model": "m", **({"stream": True} if stream else {}), **fields}
    if client == "openai-responses":
        return await on.post("/v1/responses", {**told, "input": "hi"})
    told["messages"] = [{"role": "user", "content": "hi"}]
    if client == "anthropic":
        return await on.post("/v1/messages", {**told, "max_tokens": 64})
    return await on.post("/v1/chat/completions", {**told, **({"stream_options": USAGE} if stream else {})})


def on_stage(upstream: Dialect, handlers: dict[str, Callable[[Request], Reply]]) -> Any:
    return stage(handlers, dialects=(upstream,), kind="gemini" if upstream == "gemini" else "openai")


def good(upstream: Dialect, stream: bool) -> Callable[[Request], Reply]:
    if stream:
        return lambda _: sse_reply(streamed(upstream, *SAID))
    return lambda _: json_reply(200, json.loads(whole(upstream, *SAID)))


def assert_good(upstream: Dialect, client: Dialect, stream: bool, answer: Answer) -> None:
    assert answer.status == 200
    if upstream == client:
        assert answer.body == (streamed(upstream, *SAID) if stream else whole(upstream, *SAID))
        return
    found = read_stream(client, answer.body) if stream else read_body(client, answer.json)
    assert (found.text(), [call[1:] for call in found.calls]) == ("Hi there", [("run", {"command": "ls"})])


def words_of(client: Dialect, body: Json) -> str:
    """The message of an error, which wears this client's dialect."""
    told: Json = body["error"]
    assert (body.get("type") == "error") == (client == "anthropic")
    assert ("status" in told) == (client == "gemini")
    assert ("param" in told) == client.startswith("openai")
    return str(told["message"])


@OF_EACH_UPSTREAM
@pytest.mark.parametrize(("failing", "stream"), [("body", False), ("body", True), ("event", True), ("nothing", True)])
@pytest.mark.pitfall(17, 135, 136, 137)
async def test_an_error_in_the_place_of_an_answer_is_asked_about_elsewhere(
    upstream: Dialect, failing: str, stream: bool
) -> None:
    """A 200 that is an error, or says nothing at all: another channel answers, and its answer begins once."""
    told = error(upstream, "busy", "overloaded_error", 503)
    name = f"event: {told['type']}\n" if "type" in told else ""
    bad: dict[str, Callable[[Request], Reply]] = {
        "body": lambda _: json_reply(200, told),
        "event": lambda _: sse_reply(f"{name}data: {json.dumps(told)}\n\n".encode()),
        "nothing": lambda _: sse_reply(),
    }
    first, second = "a", "b"
    handlers = {"a": bad[failing], "b": good(upstream, stream)}
    async with on_stage(upstream, handlers) as on:
        for number, client in enumerate(DIALECTS):
            assert_good(upstream, client, stream, await ask(on, client, stream=stream))
            is_left_alone = failing == "nothing" and number == 3
            assert [channel for channel, _ in on.asked] == ([second] if is_left_alone else [first, second]), client
            assert on.rows.pop().channel == second
            on.asked.clear()
            if failing != "nothing":  # the one that failed is left alone for a while; an empty one after three
                first, second = second, first
                handlers[first], handlers[second] = handlers[second], handlers[first]
        handlers[second] = handlers[first]
        for client in DIALECTS:
            answer = await ask(on, client, stream=stream)
            row = on.rows.pop()
            assert answer.status == 502, client
            assert failing == "nothing" or "busy" in words_of(client, answer.json)
            assert (row.outcome, row.input_tokens, row.quality) == ("upstream_error", 0, "none")


@OF_EACH_UPSTREAM
async def test_a_stream_of_a_server_that_cannot_stream(upstream: Dialect) -> None:
    """It answers with a whole body, calls and all, which becomes a stream where it is translated."""
    async with on_stage(upstream, {"a": good(upstream, stream=False)}) as on:
        for client in DIALECTS:
            assert_good(upstream, client, upstream != client, await ask(on, client, stream=True))


@OF_EACH_UPSTREAM
@pytest.mark.pitfall(51, 141, 144)
async def test_a_400_stays_one_and_harms_no_channel(upstream: Dialect) -> None:
    words = "Unknown parameter: 'input[1].namespace'."
    told = error(upstream, words, "invalid_request_error", 400)
    async with on_stage(upstream, {"a": lambda _: json_reply(400, told), "b": good(upstream, stream=False)}) as on:
        for client, stream in product(DIALECTS, (False, True)):
            answer = await ask(on, client, stream=stream)
            assert answer.status == 400, client
            assert words_of(client, answer.json) == words
        assert {channel for channel, _ in on.asked} == {"a"}
        assert {row.outcome for row in on.rows} == {"upstream_error"}


@pytest.mark.pitfall(144)
async def test_a_wrong_word_never_reaches_a_channel() -> None:
    async with on_stage("anthropic", {"a": good("anthropic", stream=False)}) as on:
        told = await ask(on, "openai-chat", stream=False, reasoning_effort="hihg")
        assert (told.status, told.json["error"]["param"]) == (400, "reasoning_effort")
        told = await ask(on, "openai-responses", stream=False, reasoning={"effort": "hihg"})
        assert (told.status, told.json["error"]["param"]) == (400, "reasoning.effort")
        assert on.asked == []
        assert (await ask(on, "openai-chat", stream=False)).status == 200


@OF_EACH_UPSTREAM
@pytest.mark.pitfall(142)
async def test_a_429_says_when_to_come_back(upstream: Dialect) -> None:
    """And is not asked before."""
    told = error(upstream, "slow down", "rate_limit_error", 429)
    for client, stream in product(DIALECTS, (False, True)):
        async with on_stage(upstream, {"a": lambda _: json_reply(429, told, (b"retry-after", b"17"))}) as on:
            answer = await ask(on, client, stream=stream)
            assert (answer.status, answer.headers[b"retry-after"]) == (429, b"17"), client
            assert "slow down" in words_of(client, answer.json)
            again = await ask(on, client, stream=stream)
            assert (again.status, again.headers[b"retry-after"]) == (429, b"17"), client
            assert words_of(client, again.json)
            assert len(on.asked) == 1


@pytest.mark.pitfall(142)
async def test_geminis_retry_delay_becomes_a_header() -> None:
    told = error("gemini", "slow down", "", 429)
    told["error"]["details"] = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "23s"}]
    async with on_stage("gemini", {"a": lambda _: json_reply(429, told)}) as on:
        for client in DIALECTS:
            answer = await ask(on, client, stream=False)
            assert (answer.status, answer.headers[b"retry-after"]) == (429, b"23"), client


COUNTS: dict[str, tuple[str, str, Json]] = {
    "anthropic": (
        "/v1/messages/count_tokens",
        "/v1/messages/count_tokens",
        {
            "model": "m",
            "system": "be brief",
            "messages": [{"role": "user", "content": "hi"}],
            "tools": [{"name": "f", "input_schema": {"type": "object"}}],
        },
    ),
    "gemini": (
        "/v1beta/models/m:countTokens",
        "/v1/models/up-m:countTokens",
        {
            "generateContentRequest": {
                "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
                "systemInstruction": {"parts": [{"text": "be brief"}]},
                "tools": [{"functionDeclarations": [{"name": "f"}]}],
            }
        },
    ),
}


@pytest.mark.parametrize("dialect", ["anthropic", "gemini"])
@pytest.mark.pitfall(184, 185)
async def test_tokens_are_counted_by_the_channel_of_the_chat_and_of_all_that_it_would_get(dialect: Dialect) -> None:
    path, target, body = COUNTS[dialect]
    async with on_stage(dialect, {"a": lambda _: json_reply(200, {"input_tokens": 9, "totalTokens": 9})}) as on:
        answer = await on.post(path, body)
        assert answer.json == {"input_tokens": 9, "totalTokens": 9}
        [(channel, request)] = on.asked
        assert (channel, request.target) == ("a", target.encode())
        assert json.loads(request.body) == ({**body, "model": "up-m"} if "model" in body else body)
        await ask(on, dialect, stream=False)
        assert on.asked[1][1].origin == request.origin


@pytest.mark.parametrize("dialect", ["anthropic", "gemini"])
@pytest.mark.pitfall(145)
async def test_a_wrong_key_gets_no_count(dialect: Dialect) -> None:
    path, _, body = COUNTS[dialect]
    async with on_stage(dialect, {"a": lambda _: json_reply(401, {"error": {"message": "wrong key"}})}) as on:
        answer = await on.post(path, body)
        assert answer.status == 502
        assert "wrong key" in words_of(dialect, answer.json)
