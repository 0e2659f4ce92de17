"""Error answers in odd shapes: cut, endless, compressed; and every form of `Retry-After`."""

from __future__ import annotations

import gzip
import json
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.relay.answers import asking, frames_of, streamed
from tests.relay.stage import Handler, json_reply, stage
from tests.relay.test_failover import CHAT, failing, good, served
from torouter.errors import UpstreamError
from torouter.units import Dialect
from torouter.wire.memory import Reply

PATH = "/v1/chat/completions"
JSON = (b"content-type", b"application/json")
BROKE: dict[str, UpstreamError] = {
    "cut": UpstreamError("it broke", phase="body", code="upstream_reset"),
    "stalled": UpstreamError("no more came", phase="body", kind="timeout", code="upstream_idle_timeout"),
}


def half(status: int, fault: UpstreamError) -> Handler:
    return lambda _: Reply(status, [JSON], [b'{"error": {"mess'], fault=fault)


@pytest.mark.parametrize("fault", BROKE)
@pytest.mark.parametrize(
    ("status", "word"),
    [(401, "bad_credential"), (402, "no_credit"), (403, "forbidden"), (408, "timeout_408"), (429, "rate_limited"),
     (500, "server_error"), (503, "overloaded")],
)  # fmt: skip
async def test_a_status_is_heeded_whose_body_does_not_come(status: int, word: str, fault: str) -> None:
    async with stage({"a": half(status, BROKE[fault]), "b": good}) as on:
        assert (await on.post(PATH, CHAT)).status == 200
        [entry] = await on.settled()
        assert [(row.channel, row.left_for) for row in entry.attempts] == [("a", word), ("b", "")]


async def test_an_endless_error_is_its_status() -> None:
    endless: Handler = lambda _: Reply(429, [JSON], [b'{"error": {"message": "', b"x" * 1_100_000])  # noqa: E731
    async with stage({"a": endless, "b": good}) as on:
        assert (await on.post(PATH, CHAT)).status == 200


@pytest.mark.parametrize("dialect", ["openai-chat", "anthropic"])
async def test_what_is_the_callers_fault_is_told_without_its_words(dialect: str) -> None:
    """Nothing of half a body is given, and no length that is not met."""
    async with stage({"a": half(400, BROKE["cut"]), "b": good}, dialects=(dialect,)) as on:  # type: ignore[arg-type]
        answer = await on.post(PATH, CHAT)
        assert (answer.status, answer.is_complete) == (400, True)
        assert answer.json["error"]["message"] == "The upstream answered with status 400 and no message."
        assert [name for name, _ in on.asked] == ["a"]
        [entry] = await on.settled()
        assert [(row.left_for, row.status) for row in entry.attempts] == [("bad_request", 400)]


def packed(status: int, message: str, coding: str) -> Reply:
    pack = {"gzip": gzip.compress, "deflate": zlib.compress, "br": lambda body: b"\x0b" + body[::-1]}[coding]
    body = pack(json.dumps({"error": {"message": message}}).encode())
    return Reply(status, [JSON, (b"content-encoding", coding.encode())], [body])


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_compressed_error_is_read(coding: str) -> None:
    async with stage({"a": lambda _: packed(400, "Your credit balance is too low", coding), "b": good}) as on:
        assert (await on.post(PATH, CHAT)).status == 200
        [entry] = await on.settled()
        assert entry.attempts[0].left_for == "no_credit"


async def test_a_compressed_error_passes_as_it_came_and_in_words() -> None:
    async with stage({"a": lambda _: packed(400, "no such tool", "gzip")}) as on:
        answer = await on.post(PATH, CHAT)
        assert json.loads(gzip.decompress(answer.body)) == {"error": {"message": "no such tool"}}
        assert answer.headers[b"content-encoding"] == b"gzip"
    for coding, message in {
        "gzip": "no such tool",
        "br": "The upstream answered with status 400 and no message.",
    }.items():
        async with stage(
            {"a": lambda _, coding=coding: packed(400, "no such tool", coding)}, dialects=("gemini",)
        ) as on:  # type: ignore[misc]
            assert (await on.post(PATH, CHAT)).json["error"]["message"] == message


def _in(**ahead: float) -> bytes:
    return format_datetime(datetime.now(UTC) + timedelta(**ahead), usegmt=True).encode()


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({b"retry-after": b"12.5"}, b"13"),
        ({b"retry-after": b"Fri, 31 Dec 2100 23:59:59 GMT"}, b"86400"),
        ({b"retry-after": b"9" * 400}, b"86400"),
        ({b"retry-after": b"2", b"retry-after-ms": b"30500"}, b"31"),
    ],
    ids=["fraction", "far date", "huge", "milliseconds"],
)  # fmt: skip
async def test_when_to_come_back_is_told(headers: dict[bytes, bytes], told: bytes) -> None:
    async with stage({"a": failing(429, None, *headers.items())}) as on:
        answer = await on.post(PATH, CHAT)
        assert answer.status == 429
        assert answer.headers[b"retry-after"] == told
        assert [name for name, _ in on.asked] == ["a"], "it said when"


@pytest.mark.parametrize(
    "nonsense", [b"nan", b"inf", b"-inf", b"1e999", b"-5", b"soon", b"", b"1_000", b"\xff", b"Wed, 99"]
)
async def test_nonsense_says_nothing(nonsense: bytes) -> None:
    async with stage({"a": failing(429, None, (b"retry-after", nonsense))}) as on:
        answer = await on.post(PATH, CHAT)
        assert answer.status == 429
        assert b"retry-after" not in answer.headers


async def test_a_date_is_told_as_seconds() -> None:
    async with stage({"a": failing(429, None, (b"retry-after", _in(seconds=600)))}) as on:
        assert 590 <= int((await on.post(PATH, CHAT)).headers[b"retry-after"]) <= 600


async def test_a_date_that_has_passed_is_now() -> None:
    async with stage({"a": failing(429, None, (b"retry-after", _in(days=-1))), "b": good}) as on:
        assert (await on.post(PATH, CHAT)).status == 200
    async with stage({"a": failing(429, None, (b"retry-after", _in(days=-1)))}) as on:
        assert (await on.post(PATH, CHAT)).headers[b"retry-after"] == b"1"


IN_200: dict[str, tuple[Dialect, dict[str, object]]] = {
    "a failed response": (
        "openai-responses",
        {"id": "r", "status": "failed", "error": {"message": "no"}, "output": []},
    ),
    "MiniMax": ("openai-chat", {"base_resp": {"status_code": 1002, "status_msg": "rate limit"}, "choices": None}),
    "no choice": ("openai-chat", {"id": "c", "choices": []}),
    "no candidate": ("gemini", {"usageMetadata": {"promptTokenCount": 4}}),
    "a choice that ended so": (
        "openai-chat",
        {"choices": [{"message": {"content": ""}, "finish_reason": "error", "error": {"message": "no"}}]},
    ),
    "no word of it": ("openai-chat", {"code": 500, "msg": "no", "success": False}),
}
CLIENTS: tuple[Dialect, ...] = ("openai-chat", "openai-responses", "gemini")


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", IN_200)
async def test_an_error_with_status_200_is_no_answer(name: str, client: Dialect) -> None:
    dialect, said = IN_200[name]
    path, body = asking(client, stream=False)
    handlers: dict[str, Handler] = {"a": lambda _: json_reply(200, said), "b": served(dialect, stream=False)}
    async with stage(handlers, dialects=(dialect,)) as on:
        answer = await on.post(path, body)
        assert answer.status == 200
        assert b"word number 39" in answer.body
        [entry] = await on.settled()
        assert [row.channel for row in entry.attempts] == ["a", "b"]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("stream", [False, True])
async def test_minimax_refuses_content_with_status_200(client: Dialect, stream: bool) -> None:
    said = {"id": "c", "choices": None, "base_resp": {"status_code": 1026, "status_msg": "input new_sensitive"}}
    path, body = asking(client, stream=stream)
    refused: Handler = lambda _: streamed(b"data: %b\n\n" % json.dumps(said).encode())  # noqa: E731
    async with stage({"a": refused if stream else lambda _: json_reply(200, said), "b": good}) as on:
        answer = await on.post(path, body)
        assert answer.status == 400
        assert answer.json["error"]["message"] == "input new_sensitive"
        assert [name for name, _ in on.asked] == ["a"]


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_media_type_in_other_letters(client: Dialect) -> None:
    path, body = asking(client, stream=True)
    reply = Reply(200, [(b"content-type", b"Text/Event-Stream")], frames_of("openai-chat"))
    async with stage({"a": lambda _: reply}) as on:
        answer = await on.post(path, body)
        assert answer.status == 200
        assert b"word number 39" in answer.body


def ending_so(*words: bytes) -> Handler:
    choice = {"index": 0, "delta": {"content": ""}, "finish_reason": "error", "error": {"code": 502, "message": "no"}}
    last = b"data: %b\n\ndata: [DONE]\n\n" % json.dumps({"id": "c", "choices": [choice]}).encode()
    return lambda _: streamed(*words, last)


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_stream_that_ends_in_the_reason_error(client: Dialect) -> None:
    """OpenRouter's word, which no SDK takes for one. Before anything was said the next channel is asked; behind it the
    client gets its dialect's error."""
    path, body = asking(client, stream=True)
    frames = frames_of("openai-chat")
    async with stage({"a": ending_so(frames[0]), "b": served("openai-chat", stream=True)}) as on:
        answer = await on.post(path, body)
        assert b"word number 39" in answer.body
        assert [name for name, _ in on.asked] == ["a", "b"]
    async with stage({"a": ending_so(*frames[:9])}) as on:
        answer = await on.post(path, body)
        assert b"word number 7" in answer.body
        assert b'"error":{' in answer.body
        assert not any(end in answer.body for end in (b"[DONE]", b"response.completed", b"finishReason"))
        [entry] = await on.settled()
        assert entry.usage.outcome == "truncated"
