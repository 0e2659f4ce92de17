"""How far the estimate of a prompt is off what providers reported for the same prompt, over all recordings.

What only a provider can weigh is left aside: tools that it runs itself, state that it keeps, media.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.recorded import Exchange, exchanges
from torouter.canon.blocks import MediaBlock, OpaqueBlock, ServerToolBlock, ToolResultBlock
from torouter.canon.request import ChatRequest, VendorTool
from torouter.codecs import CODECS, BrokenStream
from torouter.codecs.codec import Framing
from torouter.relay.estimate import prompt_of, rough_tokens
from torouter.relay.tokens import count_tokens
from torouter.units import Dialect

DOCUMENT = Path(__file__).parents[2] / "docs" / "counting.md"
FOLDERS: dict[str, Dialect] = {
    "openai-chat": "openai-chat",
    "openai-responses": "openai-responses",
    "anthropic-messages": "anthropic",
    "gemini": "gemini",
}
COUNTS: dict[str, tuple[Dialect, str]] = {
    "anthropic-count-tokens": ("anthropic", "input_tokens"),
    "gemini-count-tokens": ("gemini", "totalTokens"),
}
SERVER_STATE = re.compile(rb'"(?:previous_response_id|conversation|cachedContent|container|mcp_servers)": *["{[]')


@dataclass(frozen=True)
class Weighing:
    label: str
    has_tools: bool
    estimated: int
    roughly: int
    reported: int

    @property
    def off(self) -> int:
        return abs(self.estimated - self.reported)


@cache
def weighings() -> list[Weighing]:
    return [
        found
        for folder, dialect in FOLDERS.items()
        for exchange in exchanges(folder)
        if exchange.status == 200 and (found := weigh(exchange, dialect)) is not None
    ]


def weigh(exchange: Exchange, dialect: Dialect) -> Weighing | None:
    tap = CODECS[dialect].tap("chat", framing(exchange))
    with suppress(BrokenStream):  # one ends without a reason, when all else has been said
        tap.feed(exchange.response_body)
    reported = tap.usage().total_input_tokens
    translation = CODECS[dialect].translation
    assert translation is not None
    if not reported or SERVER_STATE.search(exchange.request_body):
        return None
    request = translation.decode_request(exchange.request_body)
    if is_weighed_elsewhere(request):
        return None
    return Weighing(exchange.label, bool(request.tools), estimate(request), rough_tokens(request), reported)


def framing(exchange: Exchange) -> Framing:
    start = exchange.response_body.lstrip()[:1]
    return "whole" if start == b"{" else "array" if start == b"[" else "sse"


def estimate(request: ChatRequest) -> int:
    prompt = prompt_of(request)
    return count_tokens(prompt.texts) + prompt.extra_tokens


def is_weighed_elsewhere(request: ChatRequest) -> bool:
    blocks = [block for message in request.messages for block in message.blocks]
    inner = [each for block in blocks if isinstance(block, ToolResultBlock) for each in block.content]
    kinds = (MediaBlock, ServerToolBlock, OpaqueBlock)
    return any(isinstance(block, kinds) for block in (*blocks, *inner)) or any(
        isinstance(tool, VendorTool) for tool in request.tools
    )


def figures(found: list[Weighing]) -> tuple[int, ...]:
    """How many, and by how many tokens half of them, three quarters and nine tenths are off at the most."""
    off = sorted(each.off for each in found)
    return (len(off), *(off[len(off) * part // 20] for part in (10, 15, 18)))


@pytest.mark.parametrize(("has_tools", "row"), [(False, "without tools"), (True, "with tools")])
def test_the_document_says_how_far_it_is_off(has_tools: bool, row: str) -> None:
    told = re.search(rf"^\| {row} \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    assert told is not None
    measured = figures([each for each in weighings() if each.has_tools == has_tools])
    assert measured == tuple(map(int, told.groups()))


def test_openais_own_texts_are_weighed_to_a_few_tokens() -> None:
    """`o200k_base` is their tokenizer, and without tools the template is known."""
    names = {"openai-responses.s005", "openai-responses.s007", "openai-responses.s011", "openai-responses.s019"}
    found = [each for each in weighings() if each.label in names]
    assert len(found) == len(names)
    assert [each.off for each in found if each.off > 1] == []


def test_no_estimate_is_out_of_all_proportion() -> None:
    """Three times too much or too little is the template's own doing, and at most 600 tokens."""
    assert [each for each in weighings() if each.off > max(600, each.reported * 2 // 3)] == []


def test_by_length_alone_it_is_hardly_worse() -> None:
    """In sum over all of them: a tenth more off than with the tokenizer, at the most."""
    roughly = sum(abs(each.roughly - each.reported) for each in weighings())
    assert roughly <= sum(each.off for each in weighings()) * 11 // 10


@pytest.mark.parametrize(
    "exchange", [each for folder in COUNTS for each in exchanges(folder)], ids=lambda each: each.label
)
def test_recorded_counts(exchange: Exchange) -> None:
    dialect, name = COUNTS[exchange.protocol]
    counting = CODECS[dialect].counting
    assert counting is not None
    told = counting.read_count(exchange.response_body.strip(b"[]"))
    assert told is not None
    assert counting.read_count(counting.render_count(told)) == told
    assert abs(estimate(counting.decode_count(exchange.request_body.strip(b"[]"))) - told) <= 10, name
