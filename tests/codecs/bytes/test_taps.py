"""Taps over everything recorded: the figures are those of the events, whatever way the bytes are cut."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest

from tests.recorded import Exchange, exchanges, recorded
from torouter.canon.usage import Usage
from torouter.codecs import CODECS, BrokenStream, Framing
from torouter.codecs.taps import ArrayTap, Ending, SseTap, WholeTap
from torouter.units import Dialect, Operation

DIALECT_OF: dict[str, Dialect] = {
    "openai-chat": "openai-chat",
    "openai-embeddings": "openai-chat",
    "openai-responses": "openai-responses",
    "anthropic-messages": "anthropic",
    "gemini": "gemini",
    "gemini-embed": "gemini",
}
STREAMS = [
    exchange
    for protocol in ("openai-chat", "openai-responses", "anthropic-messages", "gemini")
    for exchange in exchanges(protocol)
    if exchange.is_stream and exchange.status == 200
]
WHOLE = [
    exchange
    for protocol in DIALECT_OF
    for exchange in exchanges(protocol)
    if not exchange.is_stream and exchange.status == 200
]


def framing_of(exchange: Exchange) -> Framing:
    return "array" if exchange.response_body.startswith(b"[") else "sse"


def events_of(raw: bytes) -> Iterator[Any]:
    """The JSON of a stream, read in a way of its own: as text, line by line."""
    text = raw.decode()
    if text.startswith("["):
        yield from json.loads(text)
        return
    for line in text.replace("\r\n", "\n").split("\n"):
        if line.startswith("data: ") and line != "data: [DONE]":
            yield json.loads(line[6:])


def counts(usage: Usage) -> tuple[int, ...]:
    return (
        usage.input_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.cache_write_5m_tokens,
        usage.cache_write_1h_tokens,
        usage.tool_input_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
    )


def openai_counts(told: dict[str, Any] | None, prompt: str, completion: str) -> tuple[int, ...]:
    if not told:
        return (0,) * 8
    inside = told.get(f"{prompt}_details") or {}
    read, written = inside.get("cached_tokens") or 0, inside.get("cache_write_tokens") or 0
    thought = (told.get(f"{completion}_details") or {}).get("reasoning_tokens") or 0
    text = max(0, told.get(completion, 0) - thought)  # MiniMax counts 11 tokens of reasoning within 10 of completion
    return (told[prompt] - read - written, read, written, 0, 0, 0, text, thought)


def chat_counts(events: list[Any]) -> tuple[int, ...]:
    seen = [event.get("usage") or event.get("x_groq", {}).get("usage") for event in events]
    return openai_counts(([told for told in seen if told] or [None])[-1], "prompt_tokens", "completion_tokens")


def responses_counts(events: list[Any]) -> tuple[int, ...]:
    last = events[-1]["response"] if "response" in events[-1] else events[-1]
    return openai_counts(last["usage"], "input_tokens", "output_tokens")


def anthropic_counts(events: list[Any]) -> tuple[int, ...]:
    told: dict[str, Any] = {}
    for event in events:
        said = event.get("usage") or event.get("message", {}).get("usage") or {}
        told |= {name: value for name, value in said.items() if value is not None}
    split = told.get("cache_creation") or {}
    long = split.get("ephemeral_1h_input_tokens", 0)
    thought = (told.get("output_tokens_details") or {}).get("thinking_tokens", 0)
    return (
        told["input_tokens"],
        told.get("cache_read_input_tokens", 0),
        0,
        told.get("cache_creation_input_tokens", 0) - long,
        long,
        0,
        told["output_tokens"] - thought,
        thought,
    )


def gemini_counts(events: list[Any]) -> tuple[int, ...]:
    told = ([event["usageMetadata"] for event in events if "usageMetadata" in event] or [{}])[-1]
    prompt, cached = told.get("promptTokenCount", 0), told.get("cachedContentTokenCount", 0)
    text, thought = told.get("candidatesTokenCount", 0), told.get("thoughtsTokenCount", 0)
    tools = told.get("toolUsePromptTokenCount", 0)
    assert told.get("totalTokenCount", prompt + text) == prompt + text + thought + tools
    return (prompt - cached, cached, 0, 0, 0, tools, text, thought)


COUNTS: dict[Dialect, Callable[[list[Any]], tuple[int, ...]]] = {
    "openai-chat": chat_counts,
    "openai-responses": responses_counts,
    "anthropic": anthropic_counts,
    "gemini": gemini_counts,
}


def read(dialect: Dialect, framing: Framing, pieces: list[bytes], operation: Operation = "chat") -> tuple[Usage, bool]:
    """What breaks the stream ends it."""
    tap = CODECS[dialect].tap(operation, framing)
    with suppress(BrokenStream):
        for piece in pieces:
            tap.feed(piece)
    return tap.usage(), tap.is_finished


def cuts(raw: bytes, seed: int) -> Iterator[list[bytes]]:
    """One byte at a time (of the shorter ones), cut in two everywhere near the end, and at random."""
    if len(raw) < 12_000:
        yield [raw[n : n + 1] for n in range(len(raw))]
    for n in range(max(0, len(raw) - 60), len(raw)):
        yield [raw[:n], raw[n:]]
    draw = random.Random(seed)
    for _ in range(6):
        at = sorted({0, len(raw), *(draw.randrange(len(raw)) for _ in range(draw.randrange(1, 60)))})
        yield [raw[start:end] for start, end in pairwise(at)]


NEVER_FINISHES = "openai-chat/stream/015"
"""Snowflake: `[DONE]`, but no finish reason anywhere."""


@pytest.mark.parametrize("exchange", STREAMS, ids=lambda exchange: exchange.label)
@pytest.mark.pitfall(150)
def test_recorded_streams(exchange: Exchange) -> None:
    dialect, framing = DIALECT_OF[exchange.protocol], framing_of(exchange)
    raw = exchange.response_body
    usage, is_finished = read(dialect, framing, [raw])
    expected = COUNTS[dialect](list(events_of(raw)))
    assert counts(usage) == expected
    assert is_finished is not exchange.name.startswith(NEVER_FINISHES)
    if any(expected):
        assert usage.quality == ("reported" if is_finished else "partial")
        assert json.loads(usage.raw) in [value for event in events_of(raw) for value in dicts(event)]
    else:
        assert usage == Usage()
    for pieces in cuts(raw, len(raw)):
        assert read(dialect, framing, pieces) == (usage, is_finished)


def dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from dicts(inner)


@pytest.mark.parametrize("exchange", WHOLE, ids=lambda exchange: exchange.label)
def test_recorded_whole_answers(exchange: Exchange) -> None:
    dialect, raw = DIALECT_OF[exchange.protocol], exchange.response_body
    told = json.loads(raw)
    operation: Operation = "embeddings" if "embed" in exchange.protocol else "chat"
    for pieces in ([raw], [raw[n : n + 700] for n in range(0, len(raw), 700)]):
        usage, is_finished = read(dialect, "whole", pieces, operation)
        assert is_finished
        if told.get("usage") or told.get("usageMetadata"):
            assert (usage.quality, counts(usage)) == ("reported", COUNTS[dialect]([told]))
            assert json.loads(usage.raw) == (told.get("usage") or told["usageMetadata"])
        else:
            assert usage == Usage()
    assert read(dialect, "whole", [raw[:-1]], operation) == (Usage(), False)


@pytest.mark.parametrize("dialect", ["openai-chat", "openai-responses", "anthropic", "gemini"])
def test_a_stream_cut_short_is_not_finished(dialect: Dialect) -> None:
    names = {"openai-chat": "openai-chat/stream/013", "anthropic": "anthropic-messages/stream/002"}
    exchange = recorded(names.get(dialect, f"{dialect}/stream/002"))
    raw = exchange.response_body
    half, is_finished = read(dialect, "sse", [raw[: len(raw) // 2]])
    assert not is_finished
    assert half.quality == ("partial" if dialect in ("anthropic", "gemini") else "none")
    assert read(dialect, "sse", []) == (Usage(), False)


def sse(*events: str, end: str = "\n\n") -> bytes:
    return "".join(f"data: {event}{end}" for event in events).encode()


TEXT = r'{"choices":[{"index":0,"delta":{"content":"\"usage\":{\"prompt_tokens\":9} \"finish_reason\":\"stop\""}}]}'
STOP = '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'
COUNT = '{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}'


@pytest.mark.parametrize(
    ("events", "expected", "quality", "is_finished"),
    [
        ([TEXT], 0, "none", False),
        ([TEXT, STOP], 0, "none", True),
        ([TEXT, STOP, COUNT, "[DONE]"], 5, "reported", True),
        ([TEXT, COUNT], 5, "partial", False),
        ([COUNT, "[DONE]"], 5, "partial", False),
        (['{"choices":[{"delta":{}}],"usage":{"prompt_tokens":1}}', STOP, COUNT], 5, "reported", True),
        ([COUNT, '{"choices":[],"usage":null}', STOP], 5, "reported", True),
        ([COUNT, '{"choices":[],"usage":{}}', STOP], 5, "reported", True),
        ([COUNT, STOP, '{"error":{"message":"x"}}'], 5, "reported", True),
        ([COUNT, '{"error":{"message":"x"}}'], 5, "partial", True),
        ([STOP, '{"error":null,"choices":[]}', COUNT], 5, "reported", True),
        (['{"choices":[{"index":0,"finish_reason":""}]}', COUNT], 5, "partial", False),
        (['{"choices":[{"index":1,"delta":{}}]}', STOP, COUNT], 5, "partial", False),
        (['{"choices":[{"index":1,"delta":{}}]}', STOP, STOP.replace("0", "1"), COUNT], 5, "reported", True),
        (['{"choices":null,"usage":{"prompt_tokens":5}}', STOP], 5, "reported", True),
        (['{"choices":[{"index":null,"finish_reason":"stop"}]}', COUNT], 5, "reported", True),
        ([STOP, '{"usage":{"prompt_tokens":-1,"completion_tokens":true}}', COUNT], 5, "reported", True),
        (
            [STOP, '{"usage":{"prompt_tokens":1e999}}', "{", "5", "[]", "\ud83d".encode("utf-8", "replace").decode()],
            0,
            "none",
            True,
        ),
        ([r'{"choices":[{"delta":{"content":"\ud83d"},"finish_reason":"stop"}]}', COUNT], 5, "reported", True),
    ],
)
@pytest.mark.pitfall(37, 151)
def test_chat_streams(events: list[str], expected: int, quality: str, is_finished: bool) -> None:
    for end in ("\n\n", "\r\n\r\n", "\r\r\n\n"):
        raw = sse(*events, end=end)
        for pieces in ([raw], [raw[:1], raw[1:]], [event.encode() + end.encode() for event in raw.decode().split(end)]):
            usage, finished = read("openai-chat", "sse", pieces)
            assert (usage.total_tokens, usage.quality, finished) == (expected, quality, is_finished)


def test_reasoning_and_caches_are_taken_out_and_never_below_zero() -> None:
    raw = sse(
        STOP,
        '{"usage":{"prompt_tokens":100,"prompt_tokens_details":{"cached_tokens":60,"cache_write_tokens":30},'
        '"completion_tokens":5,"completion_tokens_details":{"reasoning_tokens":9}}}',
    )
    usage, _ = read("openai-chat", "sse", [raw])
    assert counts(usage) == (10, 60, 30, 0, 0, 0, 0, 9)


def test_the_last_event_needs_no_blank_line() -> None:
    raw = sse(STOP) + b'data: {"usage":{"prompt_tokens":7,"completion_tokens":0}}'
    assert read("openai-chat", "sse", [raw])[0].total_tokens == 7
    assert read("openai-chat", "sse", [raw[:-1]])[0] == Usage()


def anthropic_stream(*events: dict[str, Any]) -> bytes:
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


START = {
    "type": "message_start",
    "message": {"usage": {"input_tokens": 40, "cache_read_input_tokens": 7, "output_tokens": 1}},
}
DELTA = {
    "type": "content_block_delta",
    "delta": {"type": "text_delta", "text": '{"type":"message_stop"} "error" "message_delta"'},
}


@pytest.mark.parametrize(
    ("delta_usage", "expected"),
    [
        ({"output_tokens": 9}, (40, 7, 0, 0, 0, 0, 9, 0)),
        ({"input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 9}, (40, 7, 0, 0, 0, 0, 9, 0)),
        ({"input_tokens": 41, "cache_read_input_tokens": 0, "output_tokens": 0}, (41, 7, 0, 0, 0, 0, 0, 0)),
        (
            {"input_tokens": None, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 4}},
            (40, 7, 0, 0, 0, 0, 5, 4),
        ),
        ({"cache_creation_input_tokens": 30, "output_tokens": 2}, (40, 7, 0, 30, 0, 0, 2, 0)),
        (
            {
                "cache_creation_input_tokens": 30,
                "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
                "output_tokens": 2,
            },
            (40, 7, 0, 10, 20, 0, 2, 0),
        ),
        (None, (40, 7, 0, 0, 0, 0, 1, 0)),
    ],
)
@pytest.mark.pitfall(147, 148, 149, 150)
def test_message_delta_overrides_message_start_by_field(delta_usage: Any, expected: tuple[int, ...]) -> None:
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": delta_usage}
    usage, is_finished = read("anthropic", "sse", [anthropic_stream(START, DELTA, end)])
    assert (counts(usage), usage.quality, is_finished) == (expected, "reported", True)


def test_messages_without_their_end() -> None:
    assert read("anthropic", "sse", [anthropic_stream(START, DELTA)])[1] is False
    pause = {"type": "message_delta", "delta": {"stop_reason": None}, "usage": {"output_tokens": 3}}
    usage, is_finished = read("anthropic", "sse", [anthropic_stream(START, pause)])
    assert (usage.quality, usage.output_tokens, is_finished) == ("partial", 3, False)
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "x"}}
    usage, is_finished = read("anthropic", "sse", [anthropic_stream(START, error)])
    assert (usage.quality, is_finished) == ("partial", True)
    stop = anthropic_stream(START, {"type": "message_stop"}).replace(b"event: message_stop\n", b"")
    assert read("anthropic", "sse", [stop])[1] is True


USED = {
    "input_tokens": 5,
    "output_tokens": 2,
    "input_tokens_details": {"cached_tokens": 1},
    "output_tokens_details": {"reasoning_tokens": 1},
}


@pytest.mark.parametrize("word", ["completed", "incomplete", "failed", "cancelled"])
def test_every_ending_of_responses_reports(word: str) -> None:
    event = {"type": f"response.{word}", "sequence_number": 4, "response": {"status": word, "usage": USED}}
    raw = f"event: response.{word}\ndata: {json.dumps(event)}\n\n".encode()
    usage, is_finished = read("openai-responses", "sse", [raw])
    assert (counts(usage), usage.quality, is_finished) == ((4, 1, 0, 0, 0, 0, 1, 1), "reported", True)


def test_responses_that_do_not_end() -> None:
    told = json.dumps({"type": "response.output_text.delta", "delta": '{"type":"response.completed","response":{}}'})
    begun = json.dumps({"type": "response.created", "response": {"usage": None, "error": None}})
    assert read("openai-responses", "sse", [sse(begun, told)]) == (Usage(), False)
    assert read("openai-responses", "sse", [sse(begun, '{"type":"error","message":"x"}')]) == (Usage(), True)
    assert read("openai-responses", "sse", [sse('{"type":"response.completed","response":5}')]) == (Usage(), True)


def gemini(**usage: int) -> str:
    return json.dumps({"candidates": [{"finishReason": "STOP"}], "usageMetadata": usage})


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (
            {
                "promptTokenCount": 30,
                "cachedContentTokenCount": 10,
                "candidatesTokenCount": 8,
                "thoughtsTokenCount": 4,
                "totalTokenCount": 42,
            },
            (20, 10, 0, 0, 0, 0, 8, 4),
        ),
        (
            {"promptTokenCount": 30, "candidatesTokenCount": 12, "thoughtsTokenCount": 4, "totalTokenCount": 42},
            (30, 0, 0, 0, 0, 0, 8, 4),
        ),
        (
            {
                "promptTokenCount": 30,
                "toolUsePromptTokenCount": 5,
                "candidatesTokenCount": 12,
                "thoughtsTokenCount": 4,
                "totalTokenCount": 47,
            },
            (30, 0, 0, 0, 0, 5, 8, 4),
        ),
        (
            {
                "promptTokenCount": 30,
                "toolUsePromptTokenCount": 5,
                "candidatesTokenCount": 12,
                "thoughtsTokenCount": 4,
                "totalTokenCount": 51,
            },
            (30, 0, 0, 0, 0, 5, 12, 4),
        ),
        ({"promptTokenCount": 30, "totalTokenCount": 30}, (30, 0, 0, 0, 0, 0, 0, 0)),
        ({"promptTokenCount": 3, "candidatesTokenCount": 2, "thoughtsTokenCount": 4}, (3, 0, 0, 0, 0, 0, 2, 4)),
    ],
)
@pytest.mark.pitfall(155, 156)
def test_gemini_arithmetic(usage: dict[str, int], expected: tuple[int, ...]) -> None:
    event = gemini(**usage)
    for framing, raw in (("sse", sse(event)), ("array", f"[{event}]".encode()), ("whole", event.encode())):
        found, is_finished = read("gemini", framing, [raw])  # type: ignore[arg-type]
        assert (counts(found), found.quality, is_finished) == (expected, "reported", True)


def test_gemini_blocked_prompts_and_errors() -> None:
    blocked = '{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":4}}'
    usage, is_finished = read("gemini", "sse", [sse(blocked)])
    assert (usage.input_tokens, usage.quality, is_finished) == (4, "reported", True)
    assert read("gemini", "sse", [sse('{"promptFeedback":{}}')]) == (Usage(), False)
    assert read("gemini", "array", [b'[{"error":{"code":500}}']) == (Usage(), True)
    assert read("gemini", "array", [b'{"error":{"code":500}}']) == (Usage(), True)


def test_gemini_array_of_look_alikes_under_any_cut() -> None:
    text = json.dumps({"candidates": [{"content": {"parts": [{"text": '}],[{"finishReason":"STOP"\\'}]}}]})
    args = json.dumps({"candidates": [{"args": {"usageMetadata": {"promptTokenCount": 99}, "a": [[], {}]}}]})
    raw = f"[{text}\n,\r\n{args},{gemini(promptTokenCount=3, candidatesTokenCount=2)}]".encode()
    for size in range(1, len(raw) + 1):
        usage, is_finished = read("gemini", "array", [raw[n : n + size] for n in range(0, len(raw), size)])
        assert (usage.total_tokens, usage.quality, is_finished) == (5, "reported", True)
    cut = raw[: raw.index(b'{"candidates": [{"finishReason"')]
    assert read("gemini", "array", [cut]) == (Usage(), False)


@pytest.mark.parametrize(
    ("operation", "body", "expected"),
    [
        ("embeddings", {"usage": {"prompt_tokens": 8, "total_tokens": 8}}, (8, 0)),
        ("embeddings", {"usage": {"total_tokens": 8}}, (8, 0)),
        (
            "images",
            {"usage": {"input_tokens": 50, "output_tokens": 60, "input_tokens_details": {"image_tokens": 10}}},
            (50, 60),
        ),
        (
            "transcriptions",
            {"text": "x", "usage": {"type": "tokens", "input_tokens": 14, "output_tokens": 45}},
            (14, 45),
        ),
        ("transcriptions", {"text": "x", "usage": {"type": "duration", "seconds": 3}}, None),
        ("rerank", {"results": [], "meta": {"billed_units": {"search_units": 1}}}, None),
        (
            "rerank",
            {"meta": {"billed_units": {"input_tokens": 5}, "tokens": {"input_tokens": 6, "output_tokens": 0}}},
            (6, 0),
        ),
        ("rerank", {"meta": {"billed_units": {"input_tokens": 5, "output_tokens": 1}}}, (5, 1)),
        ("rerank", {"usage": {"total_tokens": 12}}, (12, 0)),
        ("rerank", {"results": []}, None),
    ],
)
def test_other_operations(operation: Operation, body: dict[str, Any], expected: tuple[int, int] | None) -> None:
    usage, is_finished = read("openai-chat", "whole", [json.dumps(body).encode()], operation)
    assert is_finished
    if expected is None:
        assert usage == Usage()
    else:
        assert ((usage.total_input_tokens, usage.total_output_tokens), usage.quality) == (expected, "reported")


def media(usage: Usage) -> tuple[int, ...]:
    """Audio and images of the input, audio of the cached, audio and images of the output."""
    return (
        *(usage.audio_input_tokens, usage.image_input_tokens, usage.audio_cache_read_tokens),
        *(usage.audio_output_tokens, usage.image_output_tokens),
    )


CHAT_MEDIA = {
    "prompt_tokens": 100,
    "completion_tokens": 60,
    "prompt_tokens_details": {"cached_tokens": 20, "audio_tokens": 30, "image_tokens": 10},
    "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": 40, "image_tokens": 9},
}
TRANSCRIBED = {"type": "tokens", "input_tokens": 14, "input_token_details": {"audio_tokens": 13}, "output_tokens": 45}
DRAWN = {
    "input_tokens": 50,
    "input_tokens_details": {"image_tokens": 10, "text_tokens": 40},
    "output_tokens": 60,
    "output_tokens_details": {"image_tokens": 55, "text_tokens": 5},
}


@pytest.mark.parametrize(
    ("operation", "told", "sums", "expected"),
    [
        ("chat", CHAT_MEDIA, (100, 60), (30, 10, 0, 40, 9)),
        ("chat", {**CHAT_MEDIA, "prompt_tokens": 45, "completion_tokens": 44}, (45, 44), (25, 0, 0, 39, 0)),
        ("transcriptions", TRANSCRIBED, (14, 45), (13, 0, 0, 0, 0)),
        ("images", DRAWN, (50, 60), (0, 10, 0, 0, 55)),
    ],
)
def test_audio_and_images_are_parts_and_never_more_than_the_whole(
    operation: Operation, told: dict[str, Any], sums: tuple[int, int], expected: tuple[int, ...]
) -> None:
    usage, _ = read("openai-chat", "whole", [json.dumps({"usage": told}).encode()], operation)
    assert ((usage.total_input_tokens, usage.total_output_tokens), media(usage)) == (sums, expected)


def by_modality(**counts: int) -> list[dict[str, Any]]:
    return [{"modality": name, "tokenCount": count} for name, count in counts.items()]


PROMPT, CACHED, ANSWER = "promptTokensDetails", "cacheTokensDetails", "candidatesTokensDetails"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({PROMPT: by_modality(TEXT=10, AUDIO=50, IMAGE=20, DOCUMENT=5)}, (50, 25, 0, 0, 0)),
        (
            {
                "cachedContentTokenCount": 40,
                PROMPT: by_modality(TEXT=10, AUDIO=70, IMAGE=20),
                CACHED: by_modality(AUDIO=30, IMAGE=10),
                ANSWER: by_modality(AUDIO=3, IMAGE=2),
            },
            (40, 10, 30, 3, 2),
        ),
        ({PROMPT: by_modality(AUDIO=1000), ANSWER: by_modality(IMAGE=1000)}, (100, 0, 0, 0, 7)),
        ({PROMPT: [{"modality": ["AUDIO"]}, {"modality": "AUDIO"}, "AUDIO", None]}, (0, 0, 0, 0, 0)),
        ({PROMPT: {"modality": "AUDIO"}}, (0, 0, 0, 0, 0)),
    ],
)
def test_gemini_tells_every_modality(told: dict[str, Any], expected: tuple[int, ...]) -> None:
    usage = {"promptTokenCount": 100, "candidatesTokenCount": 7, "totalTokenCount": 107, **told}
    event = {"candidates": [{"finishReason": "STOP"}], "usageMetadata": usage}
    found, _ = read("gemini", "whole", [json.dumps(event).encode()])
    assert (found.total_tokens, media(found)) == (107, expected)


@pytest.mark.parametrize(("word", "expected"), [("flex", "flex"), (None, ""), (5, ""), ("x" * 33, ""), ({}, "")])
def test_the_tier_that_served_it_is_told(word: object, expected: str) -> None:
    used = {"prompt_tokens": 5, "completion_tokens": 2}
    chat = json.dumps({"service_tier": word, "usage": used})
    chunks = sse('{"choices":[{"finish_reason":"stop"}]}', chat, '{"choices":[],"service_tier":"late"}')
    response = json.dumps({"type": "response.completed", "response": {"service_tier": word, "usage": USED}})
    message = {"usage": {"input_tokens": 1, "output_tokens": 1, "service_tier": word}}
    begun = anthropic_stream(
        {"type": "message_start", "message": message}, {"type": "message_delta", "usage": {"output_tokens": 3}}
    )
    generated = json.dumps({"usageMetadata": {"promptTokenCount": 3, "serviceTier": word}})
    told = [
        read("openai-chat", "whole", [chat.encode()]),
        read("openai-chat", "sse", [chunks]),
        read("openai-responses", "sse", [sse(response)]),
        read("anthropic", "whole", [json.dumps(message).encode()]),
        read("anthropic", "sse", [begun]),
        read("gemini", "whole", [generated.encode()]),
    ]
    assert [usage.service_tier for usage, _ in told] == [expected] * 6
    assert all(usage.total_tokens for usage, _ in told)


def test_searches_are_counted_and_the_last_count_holds() -> None:
    def used(searches: int) -> dict[str, Any]:
        return {"usage": {"input_tokens": 1, "output_tokens": 1, "server_tool_use": {"web_search_requests": searches}}}

    events = anthropic_stream({"type": "message_start", "message": used(0)}, {"type": "message_delta", **used(2)})
    assert read("anthropic", "sse", [events])[0].web_searches == 2
    assert read("anthropic", "whole", [json.dumps(used(3)).encode()])[0].web_searches == 3


def test_fast_mode_is_a_tier_of_its_own() -> None:
    used = {"input_tokens": 1, "output_tokens": 1, "service_tier": "standard", "speed": "fast"}
    assert read("anthropic", "whole", [json.dumps({"usage": used}).encode()])[0].service_tier == "fast"


@pytest.mark.parametrize("operation", ["speech", "transcriptions"])
def test_answers_that_are_no_json_are_whole(operation: Operation) -> None:
    assert read("openai-chat", "whole", [b"ID3\x00\xff"], operation) == (Usage(), True)
    assert read("openai-chat", "whole", [b"ID3\x00\xff"], "images") == (Usage(), False)


def test_streams_of_other_operations() -> None:
    begun = '{"type":"transcript.text.delta","delta":"\\"usage\\""}'
    done = '{"type":"transcript.text.done","text":"x","usage":{"input_tokens":3,"output_tokens":4}}'
    usage, is_finished = read("openai-chat", "sse", [sse(begun, done)], "transcriptions")
    assert (usage.total_tokens, usage.quality, is_finished) == (7, "reported", True)
    assert read("openai-chat", "sse", [sse(begun)], "transcriptions") == (Usage(), False)
    assert read("openai-chat", "sse", [sse('{"type":"error","error":{}}')], "images") == (Usage(), True)


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        ("anthropic", b'{"input_tokens":9}'),
        ("gemini", b'{"totalTokens":9}'),
        ("openai-responses", b'{"object":"response.input_tokens","input_tokens":9}'),
    ],
)
def test_a_count_of_tokens_is_no_use_of_them(dialect: Dialect, body: bytes) -> None:
    assert read(dialect, "whole", [body], "count_tokens") == (Usage(), True)


class Recorder:
    """A meter that keeps what it is shown."""

    figures = Usage(input_tokens=1)
    ending: Ending = "none"
    fault = b""

    def __init__(self) -> None:
        self.events: list[bytes] = []

    def read(self, event: bytes, /) -> bool:
        self.events.append(event)
        return False


@pytest.mark.parametrize(("tap_of", "begin", "end"), [(SseTap, b"data: 1", b"\n\n"), (ArrayTap, b'["a",{"b":1', b"}]")])
def test_an_event_too_long_ends_the_watch_and_is_not_held(
    tap_of: type[SseTap] | type[ArrayTap], begin: bytes, end: bytes
) -> None:
    meter = Recorder()
    tap = tap_of(meter, 100)
    tap.feed(begin)
    tap.feed(b" " * 80 + end)
    assert len(meter.events) == 1
    tap = tap_of(meter, 100)
    for piece in (begin, b" " * 100, end, begin, end):
        tap.feed(piece)
    assert len(meter.events) == 1
    assert (tap.usage().quality, tap.is_finished) == ("partial", False)


def test_a_whole_body_too_long_is_not_counted() -> None:
    def figures_of(body: bytes) -> Usage:
        return Usage(input_tokens=len(body))

    tap = WholeTap(figures_of, limit_bytes=100)
    tap.feed(b" " * 100)
    assert tap.usage().input_tokens == 100
    tap.feed(b" ")
    assert (tap.usage(), tap.is_finished) == (Usage(), True)


def test_usage_may_be_asked_at_any_time() -> None:
    tap = CODECS["openai-chat"].tap("chat", "sse")
    raw = sse(TEXT, STOP, COUNT, "[DONE]")
    for n in range(len(raw)):
        tap.feed(raw[n : n + 1])
        assert tap.usage().total_tokens in (0, 5)
    assert (tap.usage().quality, tap.is_finished) == ("reported", True)


@pytest.mark.parametrize("exchange", STREAMS, ids=lambda exchange: exchange.label)
@pytest.mark.parametrize("seed", range(3))
def test_no_figures_come_behind_the_last_event(exchange: Exchange, seed: int) -> None:
    """However the bytes are cut; and Gemini's streams have no event that is known to be the last."""
    dialect, body, draw = DIALECT_OF[exchange.protocol], exchange.response_body, random.Random(seed)
    tap = CODECS[dialect].tap("chat", "sse")
    marks = sorted({0, len(body), *(draw.randrange(len(body)) for _ in range(20 * seed))})
    told: list[Usage] = []
    with suppress(BrokenStream):
        for start, end in pairwise(marks):
            if tap.feed(body[start:end]):
                told.append(tap.usage())
    assert all(usage == tap.usage() for usage in told)
    is_marked = any(
        mark in body for mark in (b"[DONE]", b'"message_stop"', b'"response.completed"', b'"response.incomplete"')
    )
    is_whole = is_marked and not exchange.name.startswith(NEVER_FINISHES)
    assert len(told) == (1 if is_whole and dialect != "gemini" else 0)
