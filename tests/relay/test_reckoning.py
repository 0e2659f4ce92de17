"""Estimates over everything recorded, and what is made of bodies that cannot be taken apart."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping
from contextlib import suppress

import pytest

from tests.recorded import exchanges
from torouter.canon.usage import Usage
from torouter.codecs import CODECS, BrokenStream, Framing
from torouter.relay.call import Call
from torouter.relay.reckoning import SAMPLE_BYTES, prompt_tokens, streamed_tokens
from torouter.units import Dialect, Operation

DIALECT_OF: Mapping[str, Dialect] = {
    "openai-chat": "openai-chat",
    "openai-responses": "openai-responses",
    "anthropic-messages": "anthropic",
    "gemini": "gemini",
}
LEAST_TOKENS = 20


def call(dialect: Dialect = "openai-chat", operation: Operation = "chat", kind: bytes = b"application/json") -> Call:
    return Call(codec=CODECS[dialect], operation=operation, framing="whole", content_type=kind)


def answers() -> Iterator[tuple[Usage, int]]:
    """What was reported of each recorded answer that is worth estimating, and the estimate."""
    for protocol, dialect in DIALECT_OF.items():
        for exchange in exchanges(protocol):
            framing: Framing = "sse" if exchange.is_stream else "whole"
            body = exchange.response_body
            tap = CODECS[dialect].tap("chat", framing)
            with suppress(BrokenStream):  # `[DONE]` without a finish reason
                tap.feed(body)
            told = tap.usage()
            if exchange.status == 200 and told.total_output_tokens >= LEAST_TOKENS:
                yield told, streamed_tokens(CODECS[dialect], framing, body[: SAMPLE_BYTES[framing]], len(body))


def test_what_can_be_seen_of_an_answer_is_estimated_well() -> None:
    """Where nothing was thought or done out of sight."""
    ratios = [
        said / told.output_tokens
        for told, said in answers()
        if not told.reasoning_tokens and not told.tool_input_tokens and said
    ]
    assert len(ratios) > 40
    assert 0.6 < statistics.median(ratios) < 1.2
    assert max(ratios) < 2


def test_nobody_is_charged_much_for_what_was_not_said() -> None:
    """But for one answer, whose thoughts were summed up at more length than they had (gemini/json/005)."""
    *others, worst = sorted(said / told.total_output_tokens for told, said in answers())
    assert others[-1] < 1.3
    assert worst < 3


@pytest.mark.parametrize("dialect", CODECS)
def test_a_body_that_cannot_be_taken_apart_is_as_long_as_its_strings(dialect: Dialect) -> None:
    text = "word " * 100
    body = json.dumps({"unheard": [{"of": text}], "picture": "A" * 10_000, "messages": 3}).encode()
    assert prompt_tokens(call(dialect), body) in range(120, 140)
    assert prompt_tokens(call(dialect), body[:300]) in range(60, 75)


def test_signs_that_are_escaped_weigh_as_if_they_were_not() -> None:
    text = "数" * 600
    escaped, plain = json.dumps({"unheard": text}).encode(), json.dumps({"unheard": text}, ensure_ascii=False).encode()
    assert prompt_tokens(call(), escaped) == prompt_tokens(call(), plain) == 450


def test_a_recording_says_nothing_of_its_weight() -> None:
    assert prompt_tokens(call(operation="transcriptions", kind=b"multipart/form-data; boundary=x"), b'"words"') == 0


def test_other_operations_weigh_what_they_say() -> None:
    body = json.dumps({"model": "tts-1", "input": "word " * 80, "voice": "alloy"}).encode()
    assert prompt_tokens(call(operation="speech"), body) in range(100, 106)


def test_a_picture_that_was_made_is_no_text() -> None:
    answer = {"candidates": [{"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "A" * 9000}}]}}]}
    assert streamed_tokens(CODECS["gemini"], "whole", json.dumps(answer).encode(), 9100) < 5
