"""Custom (free text) tools of Chat clients where only functions are known: there and back, whole and streamed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.codecs.translation.gemini_roads import GEMINI, LEVEL
from tests.codecs.translation.roads import CHAT, MESSAGES, across, chat, encoded_stream, options, payloads
from tests.contract.genai_sdk import genai_faults
from tests.contract.typed_params import messages_faults
from torouter.canon.events import Event, Finish, PartDelta, PartEnd, PartStart, Start
from torouter.canon.fold import fold
from torouter.canon.names import restore_answer, restore_event, tool_names
from torouter.codecs.codec import Translation
from torouter.units import Dialect

Json = dict[str, Any]
PATCH: Json = {
    "type": "custom",
    "custom": {
        "name": "apply_patch",
        "description": "Edits files.",
        "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: /x/"}},
    },
}
ASKED = chat(
    "hi",
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "custom", "custom": {"name": "apply_patch", "input": 'a "b"\n'}}],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "done"},
    tools=[PATCH],
    tool_choice={"type": "custom", "custom": {"name": "apply_patch"}},
)
FUNCTIONS: list[Dialect] = ["anthropic", "gemini"]


def test_towards_anthropic() -> None:
    body, losses = across(CHAT, MESSAGES, ASKED)
    assert messages_faults(body) == []
    (tool,) = body["tools"]
    assert tool["description"] == "Edits files.\n\nThe input must obey this grammar (lark):\nstart: /x/"
    assert list(tool["input_schema"]["properties"]) == ["input"]
    assert body["tool_choice"] == {"type": "tool", "name": "apply_patch"}
    assert body["messages"][1]["content"][0]["input"] == {"input": 'a "b"\n'}
    assert body["messages"][2]["content"][0]["tool_use_id"] == "c1"
    assert losses == {"tools.0.custom.format": "dropped"}


def test_towards_gemini() -> None:
    body, losses = across(CHAT, GEMINI, ASKED, LEVEL)
    assert genai_faults(body) == []
    (declared,) = body["tools"][0]["functionDeclarations"]
    assert list(declared["parametersJsonSchema"]["properties"]) == ["input"]
    assert "start: /x/" in declared["description"]
    assert body["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"] == ["apply_patch"]
    assert body["contents"][1]["parts"][0]["functionCall"]["args"] == {"input": 'a "b"\n'}
    assert losses == {"tools.0.custom.format": "dropped"}


@pytest.mark.parametrize("upstream", [MESSAGES, GEMINI], ids=FUNCTIONS)
def test_a_tool_of_any_text_loses_nothing(upstream: Translation) -> None:
    tool = {"type": "custom", "custom": {"name": "note", "format": {"type": "text"}}}
    body, losses = across(CHAT, upstream, chat("hi", tools=[tool], max_tokens=5), LEVEL)
    assert "grammar" not in json.dumps(body)
    assert losses == {}


def called(*fragments: str, name: str = "apply_patch") -> list[Event]:
    deltas = [PartDelta(0, text) for text in fragments]
    return [PartStart(part=0, kind="tool_call", id="c9", name=name), *deltas, PartEnd(0)]


def restored(dialect: Dialect, *events: Event) -> list[Event]:
    names = tool_names(CHAT.decode_request(json.dumps(ASKED).encode()), dialect)
    return [restore_event(event, names) for event in events]


@pytest.mark.parametrize("dialect", FUNCTIONS)
def test_a_streamed_call_is_custom_again(dialect: Dialect) -> None:
    events = restored(dialect, Start(), *called('{"in', 'put":"a\\n', 'b"}'), Finish(reason="tool_calls"))
    said = [each["choices"][0] for each in payloads(encoded_stream(CHAT, events, options(ask_usage=False)))]
    calls = [call for choice in said for call in choice["delta"].get("tool_calls", ())]
    assert calls == [
        {"index": 0, "id": "c9", "type": "custom", "custom": {"name": "apply_patch", "input": ""}},
        {"index": 0, "custom": {"input": "a\nb"}},
    ]
    assert said[-1]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("text", ["not json", '{"other":1}', "[]"])
def test_what_a_model_wrapped_wrongly_stays_as_it_is(text: str) -> None:
    events = restored("anthropic", Start(), *called(text), Finish(reason="tool_calls"))
    [call] = [
        each["choices"][0]["delta"]["tool_calls"][0]["custom"]["input"]
        for each in payloads(encoded_stream(CHAT, events, options(ask_usage=False)))
        if "tool_calls" in each["choices"][0]["delta"] and "id" not in each["choices"][0]["delta"]["tool_calls"][0]
    ]
    assert call == text


def test_a_call_of_no_text_says_nothing() -> None:
    events = restored("anthropic", Start(), *called('{"input":""}'), Finish(reason="tool_calls"))
    said = payloads(encoded_stream(CHAT, events, options(ask_usage=False)))
    assert [each["choices"][0]["delta"] for each in said if "tool_calls" in each["choices"][0]["delta"]] == [
        {"tool_calls": [{"index": 0, "id": "c9", "type": "custom", "custom": {"name": "apply_patch", "input": ""}}]}
    ]


def test_a_whole_answer_is_custom_again() -> None:
    names = tool_names(CHAT.decode_request(json.dumps(ASKED).encode()), "gemini")
    answer = restore_answer(fold([*called('{"input":"x"}'), Finish(reason="tool_calls")], "gemini"), names)
    [call] = json.loads(CHAT.encode_answer(answer, options()))["choices"][0]["message"]["tool_calls"]
    assert call == {"id": "c9", "type": "custom", "custom": {"name": "apply_patch", "input": "x"}}
