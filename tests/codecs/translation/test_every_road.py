"""What must hold on every road between two dialects, as one table: concept × client, towards each foreign upstream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.genai_sdk import genai_faults
from tests.contract.typed_params import chat_faults, messages_faults, responses_faults
from torouter.canon.reasoning import ModelFacts
from torouter.codecs import CODECS
from torouter.errors import RequestError
from torouter.units import Dialect

Json = dict[str, Any]
FACTS: dict[Dialect, ModelFacts] = {
    "openai-chat": ModelFacts(),
    "openai-responses": ModelFacts(),
    "anthropic": ModelFacts(max_output_tokens=1000),
    "gemini": ModelFacts(reasoning="level"),
}
FAULTS = {
    "openai-chat": chat_faults,
    "openai-responses": responses_faults,
    "anthropic": messages_faults,
    "gemini": genai_faults,
}
CHAT, RESPONSES, CLAUDE, GEMINI = "openai-chat", "openai-responses", "anthropic", "gemini"
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
WAV = "UklGRgAAAABXQVZF"
PNG = "iVBORw0KGgo="


def sent(client: Dialect, upstream: Dialect, body: Json) -> tuple[Json, set[str]]:
    """The upstream's request, one that its vendor's own types allow, and what was lost in which field."""
    there, here = CODECS[client].translation, CODECS[upstream].translation
    assert there is not None
    assert here is not None
    encoded = here.encode_request(there.decode_request(json.dumps(body).encode()), "up", FACTS[upstream])
    told = json.loads(encoded.body)
    assert FAULTS[upstream](told) == []
    return told, {f"{loss.field};{loss.what}" for loss in encoded.losses}


def chat(*said: Json, **fields: Any) -> Json:
    return {"model": "m", "messages": list(said) or [{"role": "user", "content": "hi"}], **fields}


def responses(*items: Json, **fields: Any) -> Json:
    return {"model": "m", "input": list(items) or "hi", **fields}


def claude(*said: Json, **fields: Any) -> Json:
    return {"model": "m", "max_tokens": 50, "messages": list(said) or [{"role": "user", "content": "hi"}], **fields}


def gemini(*said: Json, **fields: Any) -> Json:
    return {"contents": list(said) or [{"role": "user", "parts": [{"text": "hi"}]}], **fields}


def message(role: str, text: str) -> Json:
    return {"type": "message", "role": role, "content": text}


USER = {"role": "user", "content": "hi"}
CHAT_TOOL = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}
CHAT_CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}
CHAT_CALLED = {"role": "assistant", "tool_calls": [CHAT_CALL]}
R_TOOL = {"type": "function", "name": "f", "parameters": SCHEMA, "strict": False}
R_CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": " "}
R_OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "ok"}
CLAUDE_TOOL = {"name": "f", "input_schema": SCHEMA}
CLAUDE_USE = {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "f", "input": {}}]}
G_USER = {"role": "user", "parts": [{"text": "hi"}]}
G_TOOLS = [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": SCHEMA}]}]
G_CALL = {"role": "model", "parts": [{"functionCall": {"name": "f"}}]}

MODALITIES = "generationConfig.responseModalities"
OTHER_FUNCTION = {"type": "function", "function": {"name": "g"}}
OTHER_TOOL = {"type": "tool", "name": "g"}
ORPHAN = {"role": "tool", "tool_call_id": "x", "content": "r"}

REFUSED: list[tuple[str, Dialect, Json, str]] = [
    ("prefill", CHAT, chat(USER, {"role": "assistant", "content": "so"}), "messages.1"),
    ("prefill", RESPONSES, responses(message("user", "hi"), message("assistant", "so")), "input.1"),
    ("prefill", CLAUDE, claude(USER, {"role": "assistant", "content": "so"}), "messages.1"),
    ("prefill", GEMINI, gemini(G_USER, {"role": "model", "parts": [{"text": "so"}]}), "contents.1"),
    ("several answers", CHAT, chat(n=2), "n"),
    ("several answers", GEMINI, gemini(generationConfig={"candidateCount": 2}), "generationConfig.candidateCount"),
    ("bias", CHAT, chat(logit_bias={"1": 5}), "logit_bias"),
    ("audio out", CHAT, chat(modalities=["text", "audio"], audio={"voice": "v", "format": "wav"}), "modalities"),
    ("audio out", GEMINI, gemini(generationConfig={"responseModalities": ["AUDIO"]}), MODALITIES),
    ("image out", GEMINI, gemini(generationConfig={"responseModalities": ["IMAGE"]}), MODALITIES),
    ("a call of no tool", CHAT, chat(tool_choice="required"), "tool_choice"),
    ("a call of no tool", RESPONSES, responses(tool_choice="required"), "tool_choice"),
    ("a call of no tool", CLAUDE, claude(tool_choice={"type": "any"}), "tool_choice"),
    (
        "a call of no tool",
        GEMINI,
        gemini(toolConfig={"functionCallingConfig": {"mode": "ANY"}}),
        "toolConfig.functionCallingConfig",
    ),
    (
        "a subset of nothing",
        CHAT,
        chat(tools=[CHAT_TOOL], tool_choice={"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}),
        "tool_choice",
    ),
    (
        "a subset of nothing",
        RESPONSES,
        responses(tools=[R_TOOL], tool_choice={"type": "allowed_tools", "mode": "auto", "tools": []}),
        "tool_choice",
    ),
    ("a tool that is not there", CHAT, chat(tools=[CHAT_TOOL], tool_choice=OTHER_FUNCTION), "tool_choice"),
    ("a tool that is not there", CLAUDE, claude(tools=[CLAUDE_TOOL], tool_choice=OTHER_TOOL), "tool_choice"),
    ("a result without its call", CHAT, chat(USER, ORPHAN, USER), "messages.1"),
    ("a result without its call", RESPONSES, responses(message("user", "hi"), R_OUTPUT), "input.1"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("concept", "client", "body", "field"), REFUSED, ids=[f"{row[0]} of {row[1]}" for row in REFUSED]
)
def test_refused_everywhere(concept: str, client: Dialect, body: Json, field: str) -> None:
    for upstream in CODECS:
        if upstream == client:
            continue
        with pytest.raises(RequestError) as caught:
            sent(client, upstream, body)
        assert (caught.value.status, caught.value.param) == (400, field), (concept, upstream)


AUDIO: list[tuple[Dialect, Json]] = [
    (CHAT, chat({"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}]})),
    (GEMINI, gemini({"role": "user", "parts": [{"inlineData": {"mimeType": "audio/wav", "data": WAV}}]})),
]


def test_audio_passes_between_those_that_take_it() -> None:
    body, losses = sent(CHAT, GEMINI, AUDIO[0][1])
    assert body["contents"][0]["parts"] == [{"inlineData": {"mimeType": "audio/wav", "data": WAV}}]
    assert losses == set()
    body, losses = sent(GEMINI, CHAT, AUDIO[1][1])
    assert body["messages"][0]["content"] == [{"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}]
    assert losses == set()


@pytest.mark.parametrize(("client", "body"), AUDIO)
@pytest.mark.parametrize("upstream", [RESPONSES, CLAUDE])
def test_audio_for_others_is_refused(client: Dialect, body: Json, upstream: Dialect) -> None:
    with pytest.raises(RequestError) as caught:
        sent(client, upstream, body)
    assert caught.value.param is not None
    assert caught.value.param.endswith(".0")


JSONS: list[tuple[Dialect, Json, str]] = [
    (CHAT, chat(response_format={"type": "json_object"}), "response_format"),
    (RESPONSES, responses(text={"format": {"type": "json_object"}}), "text.format"),
    (GEMINI, gemini(generationConfig={"responseMimeType": "application/json"}), "generationConfig.responseMimeType"),
]


@pytest.mark.parametrize(("client", "body", "field"), JSONS, ids=[row[0] for row in JSONS])
def test_any_json(client: Dialect, body: Json, field: str) -> None:
    said = {
        CHAT: lambda told: told["response_format"] == {"type": "json_object"},
        RESPONSES: lambda told: told["text"] == {"format": {"type": "json_object"}},
        CLAUDE: lambda told: "output_config" not in told,
        GEMINI: lambda told: told["generationConfig"] == {"responseMimeType": "application/json"},
    }
    for upstream in CODECS:
        if upstream != client:
            told, losses = sent(client, upstream, body)
            assert said[upstream](told), upstream
            assert losses == ({f"{field};dropped"} if upstream == CLAUDE else set())


UNANSWERED: list[tuple[Dialect, Json, str]] = [
    (CHAT, chat(USER, CHAT_CALLED, USER, tools=[CHAT_TOOL]), "messages.1.tool_calls.0"),
    (RESPONSES, responses(message("user", "hi"), R_CALL, message("user", "stop"), tools=[R_TOOL]), "input.1"),
    (CLAUDE, claude(USER, CLAUDE_USE, USER, tools=[CLAUDE_TOOL]), "messages.1.content.0"),
    (GEMINI, gemini(G_USER, G_CALL, G_USER, tools=G_TOOLS), "contents.1.parts.0"),
]  # fmt: skip


def results_in(upstream: Dialect, told: Json) -> list[tuple[str, str]]:
    """Calls and results, in the order in which they stand: (what, its text)."""
    found: list[tuple[str, str]] = []
    if upstream == CHAT:
        for each in told["messages"]:
            found += [("call", call["function"]["arguments"]) for call in each.get("tool_calls", ())]
            found += [(each["role"], each["content"])] if each["role"] in ("tool", "system") else []
    elif upstream == RESPONSES:
        for item in told["input"]:
            found += [("call", item["arguments"])] if item["type"] == "function_call" else []
            found += [("tool", item["output"])] if item["type"] == "function_call_output" else []
            found += [("system", item["content"])] if item.get("role") == "developer" else []
    elif upstream == CLAUDE:
        for block in (block for each in told["messages"] for block in each["content"]):
            found += [("call", json.dumps(block["input"]))] if block["type"] == "tool_use" else []
            found += [("tool", block["content"])] if block["type"] == "tool_result" else []
            found += [("system", block["text"])] if block.get("text", "").startswith("<system") else []
    else:
        for part in (part for each in told["contents"] for part in each["parts"]):
            found += [("call", json.dumps(part["functionCall"]["args"]))] if "functionCall" in part else []
            found += [("tool", json.dumps(part["functionResponse"]["response"]))] if "functionResponse" in part else []
            found += [("system", part["text"])] if part.get("text", "").startswith("<system") else []
    return found


@pytest.mark.parametrize(("client", "body", "field"), UNANSWERED, ids=[row[0] for row in UNANSWERED])
def test_a_call_that_was_never_answered_gets_an_error_for_a_result(client: Dialect, body: Json, field: str) -> None:
    """And arguments that are empty are an empty object."""
    for upstream in CODECS:
        if upstream != client:
            told, losses = sent(client, upstream, body)
            [call, (what, text)] = results_in(upstream, told)
            assert call == ("call", "{}")
            assert (what, "no result" in text) == ("tool", True), upstream
            assert losses == {f"{field};added"}


def test_an_instruction_between_a_call_and_its_result_follows_the_result() -> None:
    items = [message("user", "hi"), R_CALL, message("developer", "be"), R_OUTPUT]
    for upstream in (CHAT, CLAUDE, GEMINI):
        told, losses = sent(RESPONSES, upstream, responses(*items, tools=[R_TOOL]))
        assert [what for what, _ in results_in(upstream, told)] == ["call", "tool", "system"], upstream
        [loss] = losses
        assert loss.split(";")[1] in ("moved", "approximated")


def test_instructions_between_the_results_of_two_calls_follow_both() -> None:
    second, answer = {**R_CALL, "call_id": "c2"}, {**R_OUTPUT, "call_id": "c2", "output": "two"}
    items = [
        message("user", "hi"),
        R_CALL,
        second,
        message("developer", "x"),
        R_OUTPUT,
        message("developer", "y"),
        answer,
    ]
    told, _ = sent(RESPONSES, CHAT, responses(*items, tools=[R_TOOL]))
    assert results_in(CHAT, told)[2:] == [("tool", "ok"), ("tool", "two"), ("system", "x"), ("system", "y")]


def test_results_of_gemini_find_their_calls_by_name_and_order() -> None:
    calls = [{"functionCall": {"name": name, "args": {}}} for name in ("g", "f", "f")]
    results = [
        {"functionResponse": {"name": n, "response": {"output": t}}} for n, t in (("f", "1"), ("g", "2"), ("f", "3"))
    ]
    asked = gemini(G_USER, {"role": "model", "parts": calls}, {"role": "user", "parts": results}, tools=G_TOOLS)
    body, _ = sent(GEMINI, CHAT, asked)
    ids = [call["id"] for call in body["messages"][1]["tool_calls"]]
    found = {each["tool_call_id"]: each["content"] for each in body["messages"] if each["role"] == "tool"}
    assert [found[call_id] for call_id in ids] == ["2", "1", "3"]


@pytest.mark.parametrize("client", [CLAUDE, RESPONSES])
def test_an_image_in_a_result_is_hoisted_behind_all_results_for_chat(client: Dialect) -> None:
    if client == CLAUDE:
        image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
        result = {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "here"}, image]}
        asked = claude(USER, CLAUDE_USE, {"role": "user", "content": [result]}, tools=[CLAUDE_TOOL])
    else:
        parts = [
            {"type": "input_text", "text": "here"},
            {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"},
        ]
        asked = responses(message("user", "hi"), R_CALL, {**R_OUTPUT, "output": parts}, tools=[R_TOOL])
    body, losses = sent(client, CHAT, asked)
    [tool, user] = body["messages"][2:]
    assert (tool["role"], tool["content"]) == ("tool", "here")
    assert [part["type"] for part in user["content"]] == ["text", "image_url"]
    assert "c1" in user["content"][0]["text"]
    assert {loss.split(";")[1] for loss in losses} == {"moved"}
