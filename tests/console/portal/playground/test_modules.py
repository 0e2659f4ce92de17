"""The playground's dialects, held to the recordings by the gateway's own codecs and by the vendors' SDKs."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.codecs.translation.roads import events_of
from tests.console.portal.playground.modules import Json, copied, run, run_tests, settings
from tests.live.voices import faults_of
from tests.recorded import Exchange, exchanges
from torouter.canon.blocks import MediaBlock, ReasoningBlock, RefusalBlock, TextBlock, ToolCallBlock
from torouter.canon.fold import Answer, fold
from torouter.codecs.anthropic.translation import TRANSLATION as MESSAGES
from torouter.codecs.codec import Translation
from torouter.codecs.gemini.translation import TRANSLATION as GEMINI
from torouter.codecs.openai_chat.translation import TRANSLATION as CHAT
from torouter.codecs.openai_responses.translation import TRANSLATION as RESPONSES
from torouter.units import Dialect

DIALECTS: dict[str, tuple[Dialect, Translation]] = {
    "openai-chat": ("openai-chat", CHAT),
    "openai-responses": ("openai-responses", RESPONSES),
    "anthropic-messages": ("anthropic", MESSAGES),
    "gemini": ("gemini", GEMINI),
}
ALL = [exchange for protocol in DIALECTS for exchange in exchanges(protocol)]
OLD = ("openai-chat.j018",)
"""Answers with `function_call`, to `functions`, which the playground does not send."""
GOOD = [each for each in ALL if each.status == 200 and each.label not in OLD]
REFUSED = [each for each in ALL if each.status >= 400]
LENGTHS = (7, 100_000_000)


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("modules"))


def test_they_hold_by_themselves(modules: Path) -> None:
    assert re.search(r"^# pass 1\d$", run_tests(modules), re.MULTILINE)


@pytest.fixture(scope="module")
def steps(modules: Path) -> dict[tuple[str, int], Json]:
    """Every recorded answer, in small pieces and at once."""
    asked = [(exchange, length) for exchange in GOOD for length in LENGTHS]
    found = run(modules, [_reading(exchange, length) for exchange, length in asked])
    return {(exchange.label, length): step for (exchange, length), step in zip(asked, found, strict=True)}


def _reading(exchange: Exchange, length: int) -> Json:
    dialect, _ = DIALECTS[exchange.protocol]
    text = exchange.response_body.decode()
    return {"do": "read", "dialect": dialect, "type": exchange.content_type, "text": text, "length": length}


@pytest.mark.parametrize("exchange", GOOD, ids=lambda exchange: exchange.label)
def test_recorded_answers_are_read_as_the_gateway_reads_them(
    steps: dict[tuple[str, int], Json], exchange: Exchange
) -> None:
    dialect, translation = DIALECTS[exchange.protocol]
    framing = "sse" if exchange.content_type.startswith("text/event-stream") else "whole"
    wanted = fold(events_of(translation, exchange.response_body, framing), dialect)
    for length in LENGTHS:
        step = steps[exchange.label, length]
        assert squeezed(step["text"]) == squeezed(_text(wanted))
        assert squeezed(step["reasoning"]) == squeezed(_reasoning(wanted))
        assert [_call(each["name"], each["arguments"]) for each in step["calls"]] == _calls(wanted)
        assert len(step["images"]) == sum(isinstance(block, MediaBlock) for block in wanted.blocks)
        assert (step["error"] is None) == (wanted.fault is None) or exchange.label in JUDGED
        assert _usage(step) == _counted(wanted)


JUDGED = {"openai-chat.s015", "openai-responses.j013", "gemini.j013", "gemini.j016"}
"""A stream without its end, an answer that only waits, calls of tools that nobody offered: for the gateway these are
faults of the upstream. The recorded bytes do not say so."""


def squeezed(text: str) -> str:
    return "".join(text.split())


def _text(answer: Answer) -> str:
    return "".join(block.text for block in answer.blocks if isinstance(block, (TextBlock, RefusalBlock)))


def _reasoning(answer: Answer) -> str:
    blocks = [block for block in answer.blocks if isinstance(block, ReasoningBlock)]
    return "".join("".join(block.summary) + block.text for block in blocks)


def _calls(answer: Answer) -> list[Any]:
    return [_call(block.name, block.arguments) for block in answer.blocks if isinstance(block, ToolCallBlock)]


def _call(name: str, arguments: str) -> tuple[str, object]:
    return name, json.loads(arguments or "{}")


def _usage(step: Json) -> dict[str, int]:
    return {name: step["usage"].get(name) or 0 for name in ("input", "output", "reasoning", "cached")}


def _counted(answer: Answer) -> dict[str, int]:
    usage = answer.usage
    return {
        "input": usage.total_input_tokens,
        "output": usage.output_tokens + usage.reasoning_tokens,
        "reasoning": usage.reasoning_tokens,
        "cached": usage.cache_read_tokens,
    }


def test_recorded_refusals_keep_their_words(modules: Path) -> None:
    texts = [exchange.response_body.decode() for exchange in REFUSED]
    assert len(REFUSED) > 10
    found = run(modules, [{"do": "refusal", "text": text} for text in [*texts, "", "<h1>Bad gateway</h1>", "null"]])
    for text, refusal in zip(texts, found, strict=False):
        assert refusal["message"]
        assert refusal["message"] in (text, json.loads(text).get("error", {}).get("message"))
    assert [each["message"] for each in found[-3:]] == ["", "<h1>Bad gateway</h1>", "null"]


# Requests

PIXEL = {"type": "image/png", "data": "iVBORw0KGgo="}
TOOL = {"name": "get_weather", "description": "It's “weather”", "parameters": {"type": "object", "properties": {}}}
CALL = {"id": "call_1", "hasOwnId": True, "name": "get_weather", "arguments": '{"city": "Zürich"}'}
RESULT = {"id": "call_1", "hasOwnId": True, "name": "get_weather", "text": "22 °C"}
TURNS: list[Json] = [
    {"role": "user", "text": 'It\'s a "picture"\nof 😀?\u2028 $HOME `id` \\', "images": [PIXEL]},
    {"role": "assistant", "text": "Let me see.", "calls": [CALL], "native": None},
    {"role": "tools", "results": [RESULT]},
    {"role": "assistant", "text": "EOF\nEOF", "calls": [], "native": None},
    {"role": "user", "text": "Thanks", "images": []},
]
EVERYTHING: Json = {
    "system": "Be brief.", "temperature": 0.5, "topP": 0.9, "maxTokens": 2000, "stop": ["END"], "tools": [TOOL],
    "isStream": True,
}  # fmt: skip
REASONING = ("", "off", "low", "medium", "high")


@pytest.mark.parametrize("dialect", faults_of)
@pytest.mark.parametrize("by_budget", [False, True])
def test_requests_are_what_the_vendors_sdk_could_send(modules: Path, dialect: str, by_budget: bool) -> None:
    said = [
        settings(dialect, "m/x", **more, reasoning=word, thinksByBudget=by_budget)
        for more in ({}, EVERYTHING)
        for word in REASONING
    ]
    for request in run(modules, [{"do": "request", "turns": TURNS, "settings": each} for each in said]):
        body = request["body"]
        assert faults_of[dialect](body) == []
        assert PIXEL["data"] in json.dumps(body)


def test_budgets_leave_room_for_the_answer(modules: Path) -> None:
    said = [settings("anthropic", "m", reasoning=word, thinksByBudget=True) for word in ("low", "medium", "high")]
    for request in run(modules, [{"do": "request", "turns": TURNS, "settings": each} for each in said]):
        body = request["body"]
        assert body["max_tokens"] >= body["thinking"]["budget_tokens"] + 1024


@pytest.mark.parametrize(("protocol", "part"), [("anthropic-messages", "010"), ("gemini", "016")])
def test_what_a_model_said_itself_goes_back_to_it_alone(
    modules: Path, steps: dict[tuple[str, int], Json], protocol: str, part: str
) -> None:
    """With its signatures, without which a turn of tools is refused."""
    dialect, _ = DIALECTS[protocol]
    step = steps[f"{protocol}.s{part}", 7]
    native = {"dialect": dialect, "model": "m", "content": step["native"]}
    turns = [
        {"role": "user", "text": "x", "images": []},
        {"role": "assistant", "text": step["text"], "calls": step["calls"], "native": native},
        {"role": "tools", "results": [{**each, "text": "ok"} for each in step["calls"]]},
    ]
    models = ("m", "another")
    own, foreign = run(
        modules, [{"do": "request", "turns": turns, "settings": settings(dialect, model)} for model in models]
    )
    assert "ignature" in json.dumps(own["body"])
    assert "ignature" not in json.dumps(foreign["body"])
    for request in (own, foreign):
        assert faults_of[dialect](request["body"]) == []


@pytest.mark.parametrize("dialect", faults_of)
def test_python_snippets_are_python_whatever_was_said(modules: Path, dialect: str) -> None:
    said = [settings(dialect, 'm"\n', **more) for more in ({}, EVERYTHING)]
    asked = {"do": "snippet", "turns": TURNS, "language": "python", "base": "https://x.example/api"}
    for text in run(modules, [{**asked, "settings": each} for each in said]):
        ast.parse(text)
        assert 'os.environ["TOROUTER_KEY"]' in text
