"""Chat clients of before there were tools: `functions` and `function_call`, there and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.codecs.translation.gemini_roads import GEMINI, LEVEL
from tests.codecs.translation.responses import RESPONSES
from tests.codecs.translation.roads import CHAT, MESSAGES, across, chat, encoded_stream, options, payloads, refusal
from tests.contract.genai_sdk import genai_faults
from tests.contract.typed_params import messages_faults, responses_faults
from torouter.canon.events import Event, Finish, PartDelta, PartEnd, PartStart, Start
from torouter.canon.fold import fold
from torouter.codecs.openai_chat.home import encode_home
from torouter.errors import RequestError

Json = dict[str, Any]
SCHEMA = {"type": "object", "properties": {"x": {"type": "string"}}}
FUNCTION = {"name": "f", "description": "d", "parameters": SCHEMA}
CALLED = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": '{"x":"1"}'}}
ANSWERED = {"role": "function", "name": "f", "content": "ok"}


def asked(*said: Json | str, **fields: Any) -> Json:
    return chat(*said, **{"max_tokens": 99, "functions": [FUNCTION], **fields})


def test_towards_anthropic() -> None:
    body, losses = across(CHAT, MESSAGES, asked("hi", CALLED, ANSWERED, "and?", function_call={"name": "f"}))
    assert messages_faults(body) == []
    assert body["tools"] == [{"name": "f", "description": "d", "input_schema": SCHEMA}]
    assert body["tool_choice"] == {"type": "tool", "name": "f", "disable_parallel_tool_use": True}
    [use] = body["messages"][1]["content"]
    assert (use["name"], use["input"]) == ("f", {"x": "1"})
    assert body["messages"][2]["content"][0] == {"type": "tool_result", "tool_use_id": use["id"], "content": "ok"}
    assert losses == {}


def test_towards_gemini() -> None:
    body, losses = across(CHAT, GEMINI, asked("hi", CALLED, ANSWERED, function_call="auto"), LEVEL)
    assert genai_faults(body) == []
    assert body["tools"][0]["functionDeclarations"][0]["name"] == "f"
    assert body["contents"][2]["parts"][0]["functionResponse"]["name"] == "f"
    assert losses == {"functions": "dropped"}, "the number of calls cannot be limited"


def test_towards_responses() -> None:
    body, losses = across(CHAT, RESPONSES, asked("hi", CALLED, ANSWERED, CALLED, ANSWERED, function_call="none"))
    assert responses_faults(body) == []
    assert body["tool_choice"] == "none"
    ids = [item["call_id"] for item in body["input"] if "call_id" in item]
    assert ids[0] == ids[1] != ids[2] == ids[3]
    assert losses == {}


@pytest.mark.parametrize("fields", [{}, {"functions": []}])
def test_a_choice_of_what_is_not_declared_is_refused(fields: Json) -> None:
    assert refusal(CHAT, MESSAGES, asked("hi", function_call={"name": "g"}, **fields)).param == "function_call"


def test_both_forms_at_once_are_refused() -> None:
    with pytest.raises(RequestError) as caught:
        across(CHAT, MESSAGES, asked("hi", tools=[{"type": "function", "function": FUNCTION}]))
    assert caught.value.param == "functions"


def test_home_is_home() -> None:
    called = {name: said for name, said in CALLED.items() if said is not None}
    body = asked("hi", called, ANSWERED, function_call={"name": "f"})
    assert json.loads(encode_home(CHAT.decode_request(json.dumps(body).encode()), "m")) == body


def said(*names: str) -> list[Event]:
    events: list[Event] = [Start()]
    for part, name in enumerate(names):
        events += [PartStart(part=part, kind="tool_call", id=f"c{part}", name=name)]
        events += [PartDelta(part, '{"x":'), PartDelta(part, "1}"), PartEnd(part)]
    return [*events, Finish(reason="tool_calls")]


OPTIONS = options(ask_usage=False, request=CHAT.decode_request(json.dumps(asked("hi")).encode()))


@pytest.mark.parametrize("names", [("f",), ("f", "g")], ids=["one call", "one too many"])
def test_a_streamed_answer_is_in_the_old_form(names: tuple[str, ...]) -> None:
    choices = [each["choices"][0] for each in payloads(encoded_stream(CHAT, said(*names), OPTIONS))]
    assert [choice["delta"] for choice in choices] == [
        {"role": "assistant", "content": ""},
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": '{"x":'}},
        {"function_call": {"arguments": "1}"}},
        {},
    ]
    assert choices[-1]["finish_reason"] == "function_call"


def test_a_call_without_arguments() -> None:
    events = [Start(), PartStart(part=0, kind="tool_call", id="c", name="f"), PartEnd(0), Finish(reason="tool_calls")]
    deltas = [each["choices"][0]["delta"] for each in payloads(encoded_stream(CHAT, events, OPTIONS))]
    assert deltas[2] == {"function_call": {"arguments": "{}"}}


def test_a_whole_answer_is_in_the_old_form() -> None:
    [choice] = json.loads(CHAT.encode_answer(fold(said("f", "g"), "anthropic"), OPTIONS))["choices"]
    assert choice["message"]["function_call"] == {"name": "f", "arguments": '{"x":1}'}
    assert "tool_calls" not in choice["message"]
    assert choice["finish_reason"] == "function_call"
