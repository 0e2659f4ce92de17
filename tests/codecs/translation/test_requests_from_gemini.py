"""`generateContent` bodies, in either spelling, as canon and as the others' requests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.codecs.translation.gemini_roads import GEMINI, across, gemini, refused
from tests.codecs.translation.roads import CHAT, MESSAGES
from torouter.canon.blocks import MediaBlock, OpaqueBlock, ReasoningBlock, ServerToolBlock, TextBlock, ToolResultBlock
from torouter.canon.reasoning import ModelFacts, Reasoning
from torouter.canon.request import ChatRequest, Tool
from torouter.errors import RequestError

FACTS = ModelFacts(reasoning="effort", max_output_tokens=32000)
PNG = "iVBORw0KGgoAAAANSUhEUg=="
CALL = {"functionCall": {"name": "f", "args": {"a": 1}}}
DECLARED = [{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}]


def decoded(body: dict[str, Any]) -> ChatRequest:
    return GEMINI.decode_request(json.dumps(body).encode())


def home(body: dict[str, Any]) -> Any:
    encoded = GEMINI.encode_request(decoded(body), "m", ModelFacts())
    assert encoded.losses == ()
    return json.loads(encoded.body)


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "parts": list(parts)}


def model(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def answer(name: str, response: Any, **fields: Any) -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": response, **fields}}


@pytest.mark.parametrize(
    "body",
    [
        gemini("a", new={"x": [1]}, safetySettings=[], cachedContent="c", labels={"a": "b"}, store=True),
        gemini(user({"hologram": {"x": 1}}, {"text": "a", "new": 2}), model({"text": "t", "thought": True})),
        gemini(model({"text": "", "thoughtSignature": "cw=="}, {"text": "b", "thought": False})),
        gemini(model({**CALL, "thoughtSignature": "cw=="}), user(answer("f", {"x": 1}, scheduling="SILENT"))),
        gemini(model({"functionCall": {"name": "f"}}), user({"functionResponse": {"name": "f"}})),
        gemini(model({"executableCode": {"code": "1"}}, {"toolResponse": {"id": "i"}, "thoughtSignature": "s"})),
        gemini(user({"inlineData": {"mimeType": "image/png", "data": PNG, "displayName": "n"}, "videoMetadata": {}})),
        gemini({"parts": [{"text": "no role"}]}, {"role": "function", "parts": [answer("f", {"a": 1})], "new": 1}),
        gemini("a", tools=[{"googleSearch": {}}, *DECLARED], toolConfig={"retrievalConfig": {"x": 1}}),
        gemini("a", systemInstruction={"role": "user", "parts": [{"text": "s"}]}, serviceTier="flex"),
        gemini(
            "a",
            generationConfig={
                "temperature": 0,
                "topK": 40.0,
                "candidateCount": 2,
                "thinkingConfig": {"includeThoughts": True, "new": 1},
                "responseModalities": ["IMAGE"],
                "new": {"a": 1},
            },
        ),
    ],
)
@pytest.mark.pitfall(100, 102, 104)
def test_home(body: dict[str, Any]) -> None:
    assert home(body) == body


def test_both_spellings_mean_the_same_even_in_one_body() -> None:
    camel = gemini(
        user({"inlineData": {"mimeType": "image/png", "data": PNG}}),
        model({"functionCall": {"name": "f", "args": {"a_b": 1}}, "thoughtSignature": "s"}),
        user(answer("f", {"some_key": 1})),
        systemInstruction={"parts": [{"text": "s"}]},
        generationConfig={"maxOutputTokens": 5, "topP": 0.1},
        tools=[{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object"}}]}],
        toolConfig={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    )
    snake = gemini(
        user({"inline_data": {"mime_type": "image/png", "data": PNG}}),
        model({"function_call": {"name": "f", "args": {"a_b": 1}}, "thought_signature": "s"}),
        user({"function_response": {"name": "f", "response": {"some_key": 1}}}),
        system_instruction={"parts": {"text": "s"}},
        generationConfig={"max_output_tokens": 5, "topP": 0.1},
        tools=[{"function_declarations": [{"name": "f", "parameters_json_schema": {"type": "object"}}]}],
        tool_config={"functionCallingConfig": {"mode": "any", "allowed_function_names": ["f"]}},
    )
    for upstream in (CHAT, MESSAGES):
        assert across(GEMINI, upstream, camel, FACTS)[0] == across(GEMINI, upstream, snake, FACTS)[0]
    assert '"a_b"' in json.dumps(across(GEMINI, MESSAGES, snake, FACTS)[0])


def test_paths_are_spelled_as_the_caller_did() -> None:
    _, losses = across(GEMINI, CHAT, gemini("a", generation_config={"top_k": 4}, safety_settings=[{"x": 1}]), FACTS)
    assert losses == {"generation_config.top_k": "dropped", "safety_settings": "dropped"}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "contents"),
        (gemini({"role": "system", "parts": [{"text": "a"}]}), "contents.0.role"),
        (gemini(user({"inlineData": {"mimeType": "image/png"}})), "contents.0.parts.0.inlineData.data"),
        (
            gemini(user({"function_response": {"name": "f", "response": 3}})),
            "contents.0.parts.0.function_response.response",
        ),
        (gemini("a", generationConfig={"maxOutputTokens": -1}), "generationConfig.maxOutputTokens"),
        (gemini("a", generationConfig={"temperature": "hot"}), "generationConfig.temperature"),
        (
            gemini("a", generationConfig={"thinkingConfig": {"thinkingBudget": 1, "thinkingLevel": "LOW"}}),
            "generationConfig.thinkingConfig.thinkingLevel",
        ),
        (gemini("a", toolConfig={"functionCallingConfig": {"mode": "X"}}), "toolConfig.functionCallingConfig.mode"),
    ],
)
def test_bad_input_names_its_field(body: dict[str, Any], param: str) -> None:
    with pytest.raises(RequestError) as caught:
        decoded(body)
    assert caught.value.param == param
    assert caught.value.status == 400


def test_parts() -> None:
    (message,) = decoded(
        gemini(
            user(
                {"text": "a", "thoughtSignature": "s"},
                {"text": "b", "thought": True},
                {"fileData": {"fileUri": "https://x.test/a.pdf"}},
                {"fileData": {"fileUri": "gs://b/o", "mimeType": "video/mp4"}},
                {"codeExecutionResult": {"id": "i", "outcome": "OUTCOME_OK"}},
                {"hologram": 1},
            )
        )
    ).messages
    text, thought, linked, stored, ran, unknown = message.blocks
    assert isinstance(text, TextBlock)
    assert [blob.data for blob in text.blobs] == ["s"]
    assert isinstance(thought, ReasoningBlock)
    assert isinstance(linked, MediaBlock)
    assert linked.kind == "document"
    assert isinstance(stored, MediaBlock)
    assert stored.kind == "video"
    assert isinstance(ran, ServerToolBlock)
    assert (ran.stage, ran.call_id) == ("result", "i")
    assert isinstance(unknown, OpaqueBlock)
    assert message.place(3) == "contents.0.parts.3"


@pytest.mark.parametrize("upstream", [CHAT, MESSAGES])
@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"hologram": {}}, "contents.0.parts.0"),
        ({"fileData": {"fileUri": "gs://b/o.png", "mimeType": "image/png"}}, "contents.0.parts.0.fileData"),
        ({"inlineData": {"mimeType": "video/mp4", "data": "AAAA"}}, "contents.0.parts.0"),
        ({"functionResponse": {"name": "f", "response": {}}}, "contents.0.parts.0"),
    ],
)
@pytest.mark.pitfall(31, 174)
def test_parts_that_nobody_else_takes_are_refused(upstream: Any, part: dict[str, Any], field: str) -> None:
    assert refused(GEMINI, upstream, gemini(user(part)), FACTS) == field


def test_calls_without_ids_are_told_apart_by_place_and_results_find_them_by_name_in_order() -> None:
    body = gemini(
        "x",
        model(CALL, CALL, {"functionCall": {"name": "g"}}),
        user(answer("g", {"result": "3"}), answer("f", {"output": "1"}), answer("f", {"n": 2})),
        model(CALL),
        user(answer("f", {"error": "no"})),
        tools=DECLARED,
    )
    there, losses = across(GEMINI, MESSAGES, body, FACTS)
    _, calls, results, again, last = there["messages"]
    assert [each["id"] for each in calls["content"]] == ["call_1_0", "call_1_1", "call_1_2"]
    assert [(each["tool_use_id"], each["content"]) for each in results["content"]] == [
        ("call_1_0", "1"),
        ("call_1_1", '{"n":2}'),
        ("call_1_2", "3"),
    ]
    assert again["content"][0]["id"] == "call_3_0"
    assert last["content"][0]["is_error"] is True
    assert losses == {}


@pytest.mark.pitfall(61)
def test_ids_win_over_order() -> None:
    calls = [{"functionCall": {"id": each, "name": "f", "args": {}}} for each in ("i1", "i2")]
    results = [answer("f", {"output": each}, id=each) for each in ("i2", "i1")]
    body, _ = across(GEMINI, CHAT, gemini("x", model(*calls), user(*results)), FACTS)
    assert [(turn["tool_call_id"], turn["content"]) for turn in body["messages"][2:]] == [("i2", "i2"), ("i1", "i1")]
    assert [call["id"] for call in body["messages"][1]["tool_calls"]] == ["i1", "i2"]


def test_media_in_results() -> None:
    parts = [{"inlineData": {"mimeType": "image/png", "data": PNG}}]
    (_, message) = decoded(gemini(model(CALL), user(answer("f", {"output": "t"}, parts=parts)))).messages
    (block,) = message.blocks
    assert isinstance(block, ToolResultBlock)
    assert [type(part) for part in block.content] == [TextBlock, MediaBlock]


def test_signatures_stay_at_home_and_are_reported_once() -> None:
    signed = [model({"text": "a", "thoughtSignature": "s"}, {**CALL, "thoughtSignature": "s"}), user(answer("f", {}))]
    for upstream in (CHAT, MESSAGES):
        body, losses = across(GEMINI, upstream, gemini("x", *signed, *signed, tools=DECLARED), FACTS)
        assert losses == {"contents.1.parts.0": "dropped"}
        assert "ignature" not in json.dumps(body)


@pytest.mark.parametrize(
    ("calling", "choice"),
    [
        ({"mode": "AUTO"}, "auto"),
        ({"mode": "ANY"}, "required"),
        ({"mode": "NONE"}, "none"),
        ({"mode": "ANY", "allowedFunctionNames": ["f"]}, {"type": "function", "function": {"name": "f"}}),
    ],
)
@pytest.mark.pitfall(160)
def test_tool_choice(calling: dict[str, Any], choice: Any) -> None:
    said = gemini("x", tools=DECLARED, toolConfig={"functionCallingConfig": calling})
    assert across(GEMINI, CHAT, said, FACTS)[0]["tool_choice"] == choice


def test_a_choice_of_a_tool_that_is_not_declared_is_refused_by_its_path() -> None:
    said = gemini(
        "x", tools=DECLARED, toolConfig={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["h"]}}
    )
    assert refused(GEMINI, CHAT, said, FACTS) == "toolConfig.functionCallingConfig"


def test_validated_calls_are_strict_tools() -> None:
    said = gemini("x", tools=DECLARED, toolConfig={"functionCallingConfig": {"mode": "VALIDATED"}})
    assert [tool.strict for tool in decoded(said).tools if isinstance(tool, Tool)] == [True, True]


@pytest.mark.parametrize(
    ("said", "reasoning", "is_visible"),
    [
        ({"thinkingLevel": "HIGH", "includeThoughts": True}, Reasoning(depth="high"), True),
        ({"thinking_level": "low"}, Reasoning(depth="low"), False),
        ({"thinkingBudget": 0}, Reasoning(budget_tokens=0), False),
        ({"thinkingBudget": -1}, Reasoning(budget_tokens=-1), False),
        ({"includeThoughts": True}, Reasoning(), True),
        ({}, None, False),
    ],
)
def test_thinking(said: dict[str, Any], reasoning: Reasoning | None, is_visible: bool) -> None:
    request = decoded(gemini("x", generationConfig={"thinkingConfig": said}))
    assert request.reasoning == reasoning
    assert request.is_reasoning_visible is is_visible


@pytest.mark.parametrize("upstream", [CHAT, MESSAGES])
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"cachedContent": "c"}, "cachedContent"),
        ({"tools": [{"googleSearch": {}}]}, "tools.0.googleSearch"),
        ({"generationConfig": {"candidateCount": 2}}, "generationConfig.candidateCount"),
        ({"generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}}, "generationConfig.responseModalities"),
        ({"generationConfig": {"response_mime_type": "text/x-python"}}, "generationConfig.response_mime_type"),
        ({"generationConfig": {"speechConfig": {"x": 1}}}, "generationConfig.speechConfig"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}, "toolConfig.functionCallingConfig"),
    ],
)
@pytest.mark.pitfall(173, 178)
def test_what_changes_the_answers_kind_is_refused(upstream: Any, fields: dict[str, Any], field: str) -> None:
    assert refused(GEMINI, upstream, gemini("x", **fields), FACTS) == field


@pytest.mark.pitfall(163)
def test_settings_and_their_losses() -> None:
    said = {"maxOutputTokens": 7, "temperature": 0, "topP": 0.5, "stopSequences": ["s"], "seed": 0, "candidateCount": 1}
    said |= {"responseModalities": ["TEXT"], "presencePenalty": 0.5}
    body, losses = across(GEMINI, CHAT, gemini("x", generationConfig=said, serviceTier="standard"), FACTS)
    assert {name: value for name, value in body.items() if name not in ("model", "messages")} == {
        "max_completion_tokens": 7,
        "temperature": 0,
        "top_p": 0.5,
        "stop": ["s"],
        "presence_penalty": 0.5,
        "seed": 0,
        "service_tier": "default",
    }
    assert losses == {}
    _, losses = across(GEMINI, MESSAGES, gemini("x", generationConfig=said, store=True), FACTS)
    assert losses == {
        "generationConfig.presencePenalty": "dropped",
        "generationConfig.seed": "dropped",
        "generationConfig.topP": "dropped",
        "store": "dropped",
    }


@pytest.mark.pitfall(84)
def test_openapi_schemas_become_json_schema() -> None:
    parameters = {
        "type": "OBJECT",
        "properties": {"type": {"type": "STRING", "nullable": True, "enum": ["a"]}, "n": {"type": 3, "min_items": "2"}},
        "propertyOrdering": ["n", "type"],
        "required": ["n"],
    }
    said = gemini("x", tools=[{"functionDeclarations": [{"name": "f", "parameters": parameters}]}])
    (tool,) = across(GEMINI, CHAT, said, FACTS)[0]["tools"]
    assert tool["function"]["parameters"] == {
        "type": "object",
        "properties": {
            "type": {"type": ["string", "null"], "enum": ["a", None]},
            "n": {"type": "integer", "minItems": 2},
        },
        "required": ["n"],
    }


@pytest.mark.parametrize("name", ["responseSchema", "responseJsonSchema"])
def test_structured_output(name: str) -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False, "required": []}
    said = gemini("x", generationConfig={"responseMimeType": "application/json", name: schema})
    body, losses = across(GEMINI, CHAT, said, FACTS)
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "response", "schema": schema, "strict": True},
    }
    assert losses == {}
    plain = gemini("x", generationConfig={"responseMimeType": "application/json"})
    assert across(GEMINI, CHAT, plain, FACTS)[0]["response_format"] == {"type": "json_object"}
