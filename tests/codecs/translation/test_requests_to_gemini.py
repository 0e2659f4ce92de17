"""Chat and Messages requests as `generateContent` bodies: meaning by meaning."""

from __future__ import annotations

from typing import Any

import pytest

from tests.codecs.translation.gemini_roads import BUDGET, GEMINI, LEVEL, refused, to_gemini
from tests.codecs.translation.roads import CHAT, MESSAGES, chat, messages
from tests.contract.genai_sdk import genai_faults
from torouter.canon.reasoning import ModelFacts

PNG = "iVBORw0KGgoAAAANSUhEUg=="
GIF = "R0lGODlhAQABAAAAACw="
PDF = "JVBERi0xLjQK"
SKIP = "skip_thought_signature_validator"
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {}}}}}


def call(call_id: str, name: str, arguments: str = "{}") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def said(*calls: dict[str, Any], content: str | None = None) -> dict[str, Any]:
    return {"role": "assistant", "content": content, "tool_calls": list(calls)}


def result(call_id: str, content: Any = "r") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def parts_of(body: dict[str, Any], index: int) -> list[dict[str, Any]]:
    assert genai_faults(body) == []
    return list(body["contents"][index]["parts"])


def test_model_and_stream_are_not_in_the_body() -> None:
    body, losses = to_gemini(chat("hi", stream=True, stream_options={"include_usage": True}))
    assert body == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    assert losses == {}


@pytest.mark.pitfall(176)
def test_leading_instructions_are_one_part_each_and_later_ones_stay_in_place() -> None:
    body, losses = to_gemini(
        chat(
            {"role": "system", "content": "a"},
            {"role": "developer", "content": "b"},
            "x",
            {"role": "assistant", "content": "y"},
            {"role": "system", "content": "c"},
            "z",
        )
    )
    assert body["systemInstruction"] == {"parts": [{"text": "a"}, {"text": "b"}]}
    assert [turn["role"] for turn in body["contents"]] == ["user", "model", "user"]
    assert [part["text"] for part in parts_of(body, 2)] == ["<system-reminder>\nc\n</system-reminder>", "z"]
    assert losses == {"messages.4.content": "approximated"}


@pytest.mark.pitfall(76)
def test_an_instruction_between_calls_and_results_stands_behind_the_results() -> None:
    body, _ = to_gemini(chat("x", said(call("c", "f")), {"role": "system", "content": "s"}, result("c")))
    first, second = parts_of(body, 2)
    assert first["functionResponse"]["response"] == {"output": "r"}
    assert "s" in second["text"]


@pytest.mark.parametrize(
    "body", [chat({"role": "system", "content": "a"}), chat("a", {"role": "assistant", "content": "b"})]
)
def test_a_conversation_that_gemini_cannot_go_on_with_is_refused(body: dict[str, Any]) -> None:
    assert refused(CHAT, GEMINI, body) in ("messages", "messages.1")


@pytest.mark.pitfall(61, 68, 73, 75)
def test_results_are_named_and_ordered_by_their_calls() -> None:
    """Two calls of one function, answered the other way round; ids, where the model takes them."""
    turns = ["x", said(call("c1", "f", '{"n": 1}'), call("c2", "f", '{"n":2}'), call("c3", "g")), result("c3", "three")]
    turns += [result("c2", "two"), result("c1", "one"), "and?"]
    body, losses = to_gemini(chat(*turns, tools=[TOOL]))
    calls = parts_of(body, 1)
    assert [part["functionCall"] for part in calls] == [
        {"id": "c1", "name": "f", "args": {"n": 1}},
        {"id": "c2", "name": "f", "args": {"n": 2}},
        {"id": "c3", "name": "g", "args": {}},
    ]
    assert [part.get("thoughtSignature") for part in calls] == [SKIP, None, None]
    *results, last = parts_of(body, 2)
    assert [part["functionResponse"] for part in results] == [
        {"id": "c1", "name": "f", "response": {"output": "one"}},
        {"id": "c2", "name": "f", "response": {"output": "two"}},
        {"id": "c3", "name": "g", "response": {"output": "three"}},
    ]
    assert last == {"text": "and?"}
    assert losses == {}
    older, _ = to_gemini(chat(*turns, tools=[TOOL]), BUDGET)
    assert not any("thoughtSignature" in part or "id" in part["functionCall"] for part in parts_of(older, 1))
    assert not any("id" in part["functionResponse"] for part in parts_of(older, 2)[:3])


@pytest.mark.pitfall(91)
def test_each_step_is_signed_in_every_turn() -> None:
    """Past turns keep their bytes, whether or not a new one has begun."""
    turns = ["x", said(call("c1", "f")), result("c1"), said(call("c2", "f")), result("c2")]
    body, _ = to_gemini(chat(*turns))
    longer, _ = to_gemini(chat(*turns, {"role": "assistant", "content": "y"}, "z"))
    assert [part["thoughtSignature"] for index in (1, 3) for part in parts_of(body, index)] == [SKIP, SKIP]
    assert longer["contents"][:5] == body["contents"]


@pytest.mark.pitfall(61)
def test_a_call_that_was_never_answered_gets_an_error_and_orphans_are_refused() -> None:
    body, losses = to_gemini(chat("x", said(call("c", "f")), "never mind"))
    assert parts_of(body, 2)[0]["functionResponse"] == {"id": "c", "name": "f", "response": {"error": "no result"}}
    assert losses == {"messages.1.tool_calls.0": "added"}
    assert refused(CHAT, GEMINI, chat("x", result("c"))) == "messages.1"
    assert refused(CHAT, GEMINI, chat("x", said(call("c", "f")), result("c"), result("c"))) == "messages.3"


def test_a_call_that_was_cut_off_becomes_text_with_its_result() -> None:
    body, losses = to_gemini(chat("x", said(call("c", "f", '{"a": "hal')), result("c", "bad"), "y"))
    assert parts_of(body, 1) == [{"text": '[unfinished call of f: {"a": "hal]'}]
    assert parts_of(body, 2)[0] == {"text": "[result of the unfinished call of f: bad]"}
    assert losses == {"messages.1.tool_calls.0": "approximated"}
    assert refused(CHAT, GEMINI, chat("x", said(call("c", "f", "[1]")), result("c"))) == "messages.1.tool_calls.0"


def test_error_results_and_numbers_verbatim() -> None:
    use = {"type": "tool_use", "id": "t", "name": "f", "input": {"n": 1.50}}
    answer = {"type": "tool_result", "tool_use_id": "t", "is_error": True, "content": "boom"}
    body, losses = to_gemini(
        messages("x", {"role": "assistant", "content": [use]}, {"role": "user", "content": [answer]}), LEVEL, MESSAGES
    )
    assert parts_of(body, 2)[0]["functionResponse"]["response"] == {"error": "boom"}
    assert losses == {}


@pytest.mark.parametrize("facts", [LEVEL, BUDGET], ids=["3", "2.5"])
@pytest.mark.pitfall(74, 170)
def test_media_in_results(facts: ModelFacts) -> None:
    """Gemini 3 takes them within the response, older ones in a content of their own."""
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    answer = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "see"}, image]}
    use = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    turns = ["x", {"role": "assistant", "content": [use]}, {"role": "user", "content": [answer]}]
    body, losses = to_gemini(messages(*turns), facts, MESSAGES)
    inline = {"inlineData": {"mimeType": "image/png", "data": PNG}}
    (first,) = parts_of(body, 2)
    assert first["functionResponse"]["response"] == {"output": "see"}
    if facts is LEVEL:
        assert first["functionResponse"]["parts"] == [inline]
        assert losses == {}
    else:
        assert parts_of(body, 3) == [{"text": "[image from tool result t]"}, inline]
        assert losses == {"messages.2.content.0.content.1": "moved"}


@pytest.mark.parametrize(
    ("part", "written"),
    [
        (
            {"type": "image_url", "image_url": {"url": f"data:image/PNG;base64,{PNG}"}},
            {"inlineData": {"mimeType": "image/png", "data": PNG}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://x.test/a.jpg?b=1", "detail": "low"}},
            {
                "fileData": {"fileUri": "https://x.test/a.jpg?b=1", "mimeType": "image/jpeg"},
                "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"},
            },
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://x.test/a"}},
            {"fileData": {"fileUri": "https://x.test/a"}},
        ),
        (
            {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PDF}"}},
            {"inlineData": {"mimeType": "application/pdf", "data": PDF}},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            {"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}},
        ),
    ],
)
@pytest.mark.pitfall(172)
def test_media(part: dict[str, Any], written: dict[str, Any]) -> None:
    body, losses = to_gemini(chat({"role": "user", "content": [part]}))
    assert parts_of(body, 0) == [written]
    assert losses == {}


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": f"data:image/gif;base64,{GIF}"}},
        {"type": "file", "file": {"file_data": "data:application/msword;base64,AAAA"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "hologram"},
    ],
)
def test_media_that_gemini_does_not_take_are_refused(part: dict[str, Any]) -> None:
    assert refused(CHAT, GEMINI, chat({"role": "user", "content": [part]})).startswith("messages.0.content.0")


def test_titles_of_documents_become_text() -> None:
    document = {"type": "document", "title": "T", "source": {"type": "text", "media_type": "text/plain", "data": "d"}}
    body, losses = to_gemini(messages({"role": "user", "content": [document]}), LEVEL, MESSAGES)
    assert parts_of(body, 0) == [{"text": "T\nd"}]
    assert losses == {"messages.0.content.0": "approximated"}


def test_tools() -> None:
    body, losses = to_gemini(
        chat(
            "x",
            tools=[
                TOOL,
                {"type": "function", "function": {"name": "none", "description": "d"}},
                {"type": "function", "function": {"name": "9.x", "parameters": {"type": "object", "properties": {}}}},
            ],
        )
    )
    assert genai_faults(body) == []
    ((tool,)) = body["tools"]
    first, second, third = tool["functionDeclarations"]
    assert first == {"name": "f", "parametersJsonSchema": {"type": "object", "properties": {"a": {}}}}
    assert second == {"name": "none", "description": "d"}
    assert third["name"][0] == "_"
    assert "parametersJsonSchema" not in third
    assert "toolConfig" not in body
    assert losses == {}


@pytest.mark.parametrize(
    ("choice", "calling"),
    [
        ("auto", {"mode": "AUTO"}),
        ("required", {"mode": "ANY"}),
        ("none", {"mode": "NONE"}),
        ({"type": "function", "function": {"name": "f"}}, {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [TOOL]}},
            {"mode": "ANY", "allowedFunctionNames": ["f"]},
        ),
    ],
)
@pytest.mark.pitfall(160)
def test_tool_choice(choice: Any, calling: dict[str, Any]) -> None:
    body, losses = to_gemini(chat("x", tools=[TOOL], tool_choice=choice))
    assert body["toolConfig"] == {"functionCallingConfig": calling}
    assert genai_faults(body) == []
    assert losses == {}


def test_a_subset_that_may_be_called_is_all_that_is_declared() -> None:
    other = {"type": "function", "function": {"name": "g"}}
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [TOOL]}}
    body, losses = to_gemini(chat("x", tools=[TOOL, other], tool_choice=choice))
    assert [each["name"] for each in body["tools"][0]["functionDeclarations"]] == ["f"]
    assert losses == {"tool_choice": "approximated"}


def test_strict_tools_and_single_calls() -> None:
    strict = {"type": "function", "function": {**TOOL["function"], "strict": True}}  # type: ignore[dict-item]
    body, losses = to_gemini(chat("x", tools=[strict], parallel_tool_calls=False))
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "VALIDATED"}}
    assert losses == {"parallel_tool_calls": "dropped"}
    body, losses = to_gemini(chat("x", tools=[strict, {"type": "function", "function": {"name": "g"}}]))
    assert "toolConfig" not in body
    assert losses == {"tools.0": "dropped"}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"n": 2}, "n"),
        ({"logit_bias": {"1": 2}}, "logit_bias"),
        ({"stop": list("abcdef")}, "stop"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"tools": [{"type": "custom", "name": "c"}]}, "tools.0"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": True}}]}, ".parameters"),
        ({"modalities": ["audio", "text"]}, "modalities"),
    ],
)
@pytest.mark.pitfall(85)
def test_what_changes_the_answers_kind_is_refused(fields: dict[str, Any], field: str) -> None:
    assert refused(CHAT, GEMINI, chat("x", **fields)).endswith(field)


@pytest.mark.pitfall(163)
def test_settings() -> None:
    body, losses = to_gemini(
        chat(
            "x",
            max_completion_tokens=10,
            temperature=0,
            top_p=0.5,
            top_k=4,
            presence_penalty=0,
            frequency_penalty=1,
            seed=0,
            stop="s",
            n=1,
            service_tier="default",
            logit_bias={},
        )
    )
    assert body["generationConfig"] == {
        "maxOutputTokens": 10,
        "temperature": 0,
        "topP": 0.5,
        "topK": 4,
        "frequencyPenalty": 1,
        "seed": 0,
        "stopSequences": ["s"],
    }
    assert body["serviceTier"] == "standard"
    assert genai_faults(body) == []
    assert losses == {}


@pytest.mark.pitfall(168)
def test_knobs_that_gemini_lacks_are_reported() -> None:
    _, losses = to_gemini(chat("x", verbosity="low", user="u", seed=2**40, store=True, metadata={"a": "b"}, new=1))
    assert losses == dict.fromkeys(("verbosity", "user", "seed", "store", "metadata", "new"), "dropped")


@pytest.mark.parametrize(
    ("effort", "facts", "config", "is_reported"),
    [
        ("low", LEVEL, {"includeThoughts": True, "thinkingLevel": "LOW"}, False),
        ("minimal", LEVEL, {"includeThoughts": True, "thinkingLevel": "LOW"}, True),
        ("max", LEVEL, {"includeThoughts": True, "thinkingLevel": "HIGH"}, True),
        ("none", LEVEL, {"thinkingLevel": "LOW"}, True),
        ("none", BUDGET, {"thinkingBudget": 0}, False),
        ("high", BUDGET, {"includeThoughts": True, "thinkingBudget": 24576}, False),
        ("xhigh", BUDGET, {"includeThoughts": True, "thinkingBudget": 24576}, True),
        ("high", ModelFacts(), None, True),
        ("none", ModelFacts(), None, False),
    ],
)
@pytest.mark.pitfall(118)
def test_effort(effort: str, facts: ModelFacts, config: Any, is_reported: bool) -> None:
    body, losses = to_gemini(chat("x", reasoning_effort=effort), facts)
    assert body.get("generationConfig", {}).get("thinkingConfig") == config
    assert bool(losses) == is_reported
    assert set(losses) <= {"reasoning_effort"}
    assert genai_faults(body) == []


@pytest.mark.parametrize(
    ("thinking", "config", "losses"),
    [
        ({"type": "enabled", "budget_tokens": 5000}, {"includeThoughts": True, "thinkingBudget": 5000}, {}),
        (
            {"type": "enabled", "budget_tokens": 50000},
            {"includeThoughts": True, "thinkingBudget": 24576},
            {"thinking.budget_tokens": "approximated"},
        ),
        ({"type": "adaptive", "display": "omitted"}, {"thinkingBudget": -1}, {}),
        ({"type": "disabled"}, {"thinkingBudget": 0}, {}),
    ],
)
def test_thinking_of_messages(thinking: Any, config: Any, losses: Any) -> None:
    body, found = to_gemini(messages("x", thinking=thinking), BUDGET, MESSAGES)
    assert body["generationConfig"]["thinkingConfig"] == config
    assert found == losses


def test_foreign_reasoning_in_the_history_is_dropped_once() -> None:
    thought = {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "t", "signature": "s"}, {"type": "text", "text": "a"}],
    }
    body, losses = to_gemini(messages("x", thought, "y", thought, "z"), LEVEL, MESSAGES)
    assert parts_of(body, 1) == [{"text": "a"}]
    assert losses == {"messages.1.content.0": "dropped"}


@pytest.mark.pitfall(86)
def test_structured_output() -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string", "minLength": 1}}, "$schema": "x"}
    said_as = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}}
    body, losses = to_gemini(chat("x", response_format=said_as))
    assert body["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object", "properties": {"title": {"type": "string"}}},
    }
    assert losses == {"response_format": "approximated"}
    body, losses = to_gemini(chat("x", response_format={"type": "json_object"}))
    assert body["generationConfig"] == {"responseMimeType": "application/json"}
    assert losses == {}
    assert refused(CHAT, GEMINI, chat("x", response_format=said_as, tools=[TOOL]), BUDGET) == "response_format"
