"""Ids, names, order and schemas of tools, from clients of every dialect to upstreams of every other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.pitfalls.conversations import (
    FACTS_OF,
    Call,
    Results,
    Said,
    System,
    User,
    body_of,
    names_in,
    refused,
    schema_in,
    sent,
)
from tests.pitfalls.upstreams import CODECS_OF, IN_EACH_ASKING_CELL
from torouter.canon.events import PartStart
from torouter.canon.names import restore_event, tool_names
from torouter.units import DIALECTS, Dialect

Json = dict[str, Any]
TWO = Said("let me see", (Call("c1", "f", '{"x":1}'), Call("c2", "f", '{"x":2}')))


@IN_EACH_ASKING_CELL
@pytest.mark.pitfall(57, 59, 61, 62, 73, 75)
def test_results_find_their_calls(client: Dialect, upstream: Dialect) -> None:
    """Two calls of one function, answered the other way round: all results stand together, each with its own call."""
    body = body_of(client, User("hi"), TWO, Results((("c2", "two"), ("c1", "one"))), User("and?"))
    told = sent(client, upstream, body)
    user, said, results, last = told.turns
    assert (user, last) == (User("hi"), User("and?"))
    assert isinstance(said, Said)
    assert isinstance(results, Results)
    assert said.text == TWO.text
    assert [(call.id, call.name, json.loads(call.arguments)) for call in said.calls] == [
        ("c1", "f", {"x": 1}),
        ("c2", "f", {"x": 2}),
    ]
    assert dict(results.of) == {"c1": "one", "c2": "two"}
    assert told.losses == {}


@IN_EACH_ASKING_CELL
@pytest.mark.pitfall(58, 175)
def test_nothing_is_a_result_and_no_text(client: Dialect, upstream: Dialect) -> None:
    turns = (User("hi"), Said("", TWO.calls), Results((("c1", ""), ("c2", "two"))), User("and?"))
    told = sent(client, upstream, body_of(client, *turns))
    assert told.turns[2] == Results((("c1", ""), ("c2", "two")))
    assert '"text": ""' not in json.dumps(told.body)
    assert told.losses == {}


LIMITS: dict[Dialect, int] = {"openai-chat": 40, "openai-responses": 64, "anthropic": 256, "gemini": 256}


@IN_EACH_ASKING_CELL
@pytest.mark.parametrize("ids", [("i" * 300 + "1", "i" * 300 + "2"), ("a.b:0", "a_b:0")], ids=["long", "odd"])
@pytest.mark.pitfall(63, 64, 65, 66)
def test_ids_fit_in_both_halves_and_stay_apart(client: Dialect, upstream: Dialect, ids: tuple[str, str]) -> None:
    first, second = ids
    turns = (User("hi"), Said("", (Call(first), Call(second))), Results(((first, "1"), (second, "2"))), User("go on"))
    told = sent(client, upstream, body_of(client, *turns))
    _, said, results, _ = told.turns
    assert isinstance(said, Said)
    assert isinstance(results, Results)
    wired = [call.id for call in said.calls]
    assert [call_id for call_id, _ in results.of] == wired
    assert [text for _, text in results.of] == ["1", "2"]
    assert len(set(wired)) == 2
    assert all(len(call_id) <= LIMITS[upstream] for call_id in wired)
    if upstream == "anthropic":
        assert all(call_id.replace("-", "_").replace("_", "a").isalnum() for call_id in wired)


NAME_LIMITS: dict[Dialect, int] = {"openai-chat": 64, "openai-responses": 64, "anthropic": 128, "gemini": 63}


@IN_EACH_ASKING_CELL
@pytest.mark.parametrize(
    "names",
    [("files.read", "files_read"), ("n" * 200 + "1", "n" * 200 + "2"), ("3d-print", "_3d-print"), ("日本語", "日本")],
    ids=["dots", "long", "digit", "letters"],
)
@pytest.mark.pitfall(63, 69, 70, 71, 72)
def test_names_fit_everywhere_alike_and_come_back(client: Dialect, upstream: Dialect, names: tuple[str, str]) -> None:
    calls = (Call("c1", names[0]), Call("c2", names[1]))
    turns = (User("hi"), Said("", calls), Results((("c1", "1"), ("c2", "2"))), User("go on"))
    body = body_of(client, *turns, tools=[{"name": name} for name in names])
    told = sent(client, upstream, body)
    wired = names_in(upstream, told.body)
    assert len(set(wired)) == 2
    assert all(len(name) <= NAME_LIMITS[upstream] for name in wired)
    assert all(name.isascii() for name in wired)
    assert upstream != "gemini" or all(name[0].isalpha() or name[0] == "_" for name in wired)
    said = told.turns[1]
    assert isinstance(said, Said)
    assert [call.name for call in said.calls] == wired
    own = tool_names(CODECS_OF[client].decode_request(json.dumps(body).encode()), upstream)
    restored = [restore_event(PartStart(part=0, kind="tool_call", name=name), own) for name in wired]
    assert [event.name for event in restored if isinstance(event, PartStart)] == list(names)


@pytest.mark.parametrize(
    ("client", "upstream"),
    [
        ("openai-chat", "anthropic"),
        ("openai-chat", "gemini"),
        ("openai-responses", "openai-chat"),
        ("openai-responses", "anthropic"),
        ("openai-responses", "gemini"),
    ],
)
@pytest.mark.parametrize("place", [2, 3], ids=["in front of the results", "among them"])
@pytest.mark.pitfall(76)
def test_an_instruction_between_calls_and_results_stands_behind_them(
    client: Dialect, upstream: Dialect, place: int
) -> None:
    turns = [User("hi"), TWO, Results((("c1", "1"),)), Results((("c2", "2"),)), User("go on")]
    turns.insert(place, System("be brief"))
    told = sent(client, upstream, body_of(client, *turns))
    assert told.turns[2] == Results((("c1", "1"), ("c2", "2")))
    rest = "".join(turn.text for turn in told.turns[3:] if isinstance(turn, System | User))
    assert rest.replace("<system-reminder>\n", "").replace("\n</system-reminder>", "") == "be briefgo on"
    assert set(told.losses.values()) <= {"approximated", "moved"}
    assert len(told.losses) == 1


@IN_EACH_ASKING_CELL
@pytest.mark.pitfall(78)
def test_a_tool_without_parameters_survives(client: Dialect, upstream: Dialect) -> None:
    told = sent(client, upstream, body_of(client, User("hi"), tools=[{"name": "now", "description": "d"}]))
    assert names_in(upstream, told.body) == ["now"]
    assert (schema_in(upstream, told.body) or {}).get("properties", {}) == {}
    assert told.losses == {}


KEYWORDS = (
    "title",
    "type",
    "properties",
    "pattern",
    "default",
    "$ref",
    "format",
    "const",
    "required",
    "x-own",
    "items",
)
SCHEMA: Json = {
    "type": "object",
    "title": "Arguments",
    "properties": {
        **{name: {"type": "string", "description": "d"} for name in KEYWORDS},
        "point": {
            "type": "object",
            "properties": {"x": {"type": "number"}, "title": {"type": ["string", "null"]}},
            "required": ["x"],
            "additionalProperties": False,
        },
        "list": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/leaf"}]}},
    },
    "required": ["title", "pattern", "point"],
    "$defs": {"leaf": {"type": "object", "properties": {"leaf": {"type": "string"}}}},
}


def depth(value: object) -> int:
    inner: Iterator[object] = iter(())
    if isinstance(value, dict):
        inner = iter(value.values())
    elif isinstance(value, list):
        inner = iter(value)
    else:
        return 0
    return 1 + max(map(depth, inner), default=0)


@IN_EACH_ASKING_CELL
@pytest.mark.pitfall(77, 83, 90)
def test_a_schema_keeps_its_properties_its_depth_and_its_order(client: Dialect, upstream: Dialect) -> None:
    tools = [{"name": name, "schema": SCHEMA} for name in ("zeta", "alpha", "midway")]
    told = sent(client, upstream, body_of(client, User("hi"), tools=tools))
    assert names_in(upstream, told.body) == ["zeta", "alpha", "midway"]
    schema = schema_in(upstream, told.body)
    assert schema is not None
    assert list(schema["properties"]) == list(SCHEMA["properties"])
    assert list(schema["properties"]["point"]["properties"]) == ["x", "title"]
    assert schema["required"] == SCHEMA["required"]
    assert schema["$defs"] == SCHEMA["$defs"]
    assert depth(schema) == depth(SCHEMA)


@pytest.mark.parametrize("upstream", [each for each in DIALECTS if each != "gemini"])
@pytest.mark.pitfall(84)
def test_geminis_declarations_are_told_in_json_schema(upstream: Dialect) -> None:
    parameters = {"type": "OBJECT", "properties": {"city": {"type": "STRING", "enum": ["A"]}}, "required": ["city"]}
    body = body_of("gemini", User("hi"))
    body["tools"] = [{"functionDeclarations": [{"name": "f", "description": "d", "parameters": parameters}]}]
    told = sent("gemini", upstream, body)
    schema = {"type": "object", "properties": {"city": {"type": "string", "enum": ["A"]}}, "required": ["city"]}
    assert schema_in(upstream, told.body) == schema


@pytest.mark.parametrize(
    "words",
    [
        {"$schema": "https://json-schema.org/draft/2020-12/schema"},
        {"additionalProperties": False},
        {"x-order": 1},
        {"title": "T"},
        {"examples": [{}]},
    ],
    ids=lambda words: next(iter(words)),
)
@pytest.mark.parametrize("client", [each for each in DIALECTS if each != "gemini"])
@pytest.mark.pitfall(79, 81, 82)
def test_gemini_gets_only_the_words_that_it_knows(client: Dialect, words: Json) -> None:
    inner = {"type": "object", "properties": {"a": {"type": "string", **words}}, **words}
    told = sent(client, "gemini", body_of(client, User("hi"), tools=[{"name": "f", "schema": inner}]))
    assert told.losses == {}
    kept = words if "additionalProperties" in words else {}
    schema = {"type": "object", "properties": {"a": {"type": "string", **kept}}, **kept}
    assert schema_in("gemini", told.body) == schema


@pytest.mark.parametrize("client", [each for each in DIALECTS if each != "gemini"])
@pytest.mark.pitfall(80)
def test_what_gemini_says_otherwise_is_converted(client: Dialect) -> None:
    properties = {
        "n": {"type": "integer", "exclusiveMinimum": 0},
        "kind": {"const": "a"},
        "either": {"type": ["string", "null"]},
        "leaf": {"$ref": "#/$defs/leaf"},
    }
    given = {"type": "object", "properties": properties, "$defs": {"leaf": {"type": "object", "title": "L"}}}
    told = sent(client, "gemini", body_of(client, User("hi"), tools=[{"name": "f", "schema": given}]))
    schema = schema_in("gemini", told.body)
    assert schema is not None
    assert schema["properties"] == {
        **properties,
        "n": {"type": "integer", "minimum": 1},
        "kind": {"enum": ["a"]},
    }
    assert schema["$defs"] == {"leaf": {"type": "object"}}
    assert told.losses == {}


VENDORS_TOOLS: dict[Dialect, Json] = {
    "openai-chat": {"type": "web_search_preview"},
    "openai-responses": {"type": "code_interpreter", "container": {"type": "auto"}},
    "anthropic": {"type": "web_search_20250305", "name": "web_search"},
    "gemini": {"googleSearch": {}},
}


@IN_EACH_ASKING_CELL
@pytest.mark.pitfall(85, 178)
def test_a_vendors_tool_is_refused_and_named(client: Dialect, upstream: Dialect) -> None:
    body = body_of(client, User("hi"), tools=[{"name": "f"}])
    body["tools"].append(VENDORS_TOOLS[client])
    assert refused(client, upstream, body).startswith("tools.1")


@pytest.mark.parametrize("client", [each for each in DIALECTS if each != "openai-responses"])
@pytest.mark.pitfall(89)
def test_a_tool_is_not_made_strict(client: Dialect) -> None:
    closed = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    told = sent(client, "openai-responses", body_of(client, User("hi"), tools=[{"name": "f", "schema": closed}]))
    assert told.body["tools"][0]["strict"] is False


CHOICES: dict[Dialect, dict[str, Json]] = {
    "openai-chat": {"none": {"tool_choice": "none"}, "any": {"tool_choice": "required"}},
    "openai-responses": {"none": {"tool_choice": "none"}, "any": {"tool_choice": "required"}},
    "anthropic": {"none": {"tool_choice": {"type": "none"}}, "any": {"tool_choice": {"type": "any"}}},
    "gemini": {
        "none": {"toolConfig": {"functionCallingConfig": {"mode": "NONE"}}},
        "any": {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
    },
}


FOREIGN_PARTS: dict[Dialect, Json] = {
    "openai-chat": {"type": "tool_result", "tool_use_id": "c1", "content": "ok"},
    "openai-responses": {"type": "tool_result", "tool_use_id": "c1", "content": "ok"},
    "anthropic": {"type": "function_call_output", "call_id": "c1", "output": "ok"},
    "gemini": {"toolResult": {"toolUseId": "c1", "content": "ok"}},
}


@IN_EACH_ASKING_CELL
@pytest.mark.pitfall(31, 60)
def test_another_dialects_result_is_refused_and_never_deleted(client: Dialect, upstream: Dialect) -> None:
    body = body_of(client, User("hi"), Said("", (Call("c1"),)), User("and?"))
    field = {"openai-responses": "input", "gemini": "contents"}.get(client, "messages")
    body[field][-1]["parts" if client == "gemini" else "content"] = [FOREIGN_PARTS[client]]
    assert refused(client, upstream, body).startswith(f"{field}.2")


@IN_EACH_ASKING_CELL
@pytest.mark.parametrize("word", ["none", "any"])
@pytest.mark.pitfall(158, 159, 160)
def test_a_choice_stays_what_it_is(client: Dialect, upstream: Dialect, word: str) -> None:
    """Beside the wish for at most one call, too, which says nothing where none may be made."""
    body = {**body_of(client, User("hi"), tools=[{"name": "f"}]), **CHOICES[client][word]}
    if client.startswith("openai"):
        body["parallel_tool_calls"] = False
    elif client == "anthropic" and word == "any":
        body["tool_choice"] = {**body["tool_choice"], "disable_parallel_tool_use": True}
    told = sent(client, upstream, body)
    wanted = CHOICES[upstream][word]
    is_single = word == "any" and client != "gemini"
    if is_single and upstream == "anthropic":
        wanted = {"tool_choice": {"type": "any", "disable_parallel_tool_use": True}}
    assert {name: told.body.get(name) for name in wanted} == wanted
    assert (told.body.get("parallel_tool_calls") is False) == (is_single and upstream.startswith("openai"))
    assert bool(told.losses) == (is_single and upstream == "gemini")


@pytest.mark.parametrize("client", ["openai-chat", "anthropic", "openai-responses"])
@pytest.mark.pitfall(86, 87, 88, 130)
def test_json_and_tools_together_go_to_gemini_as_they_are_or_not_at_all(client: Dialect) -> None:
    """Gemini 3 takes both at once, older ones do not; no tool of ours stands in for the one that is missing."""
    schema = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    wanted: dict[Dialect, Json] = {
        "openai-chat": {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}},
        "openai-responses": {"text": {"format": {"type": "json_schema", "name": "n", "schema": schema}}},
        "anthropic": {"output_config": {"format": {"type": "json_schema", "schema": schema}}},
    }
    body = {**body_of(client, User("hi"), tools=[{"name": "f"}]), **wanted[client]}
    told = sent(client, "gemini", body)
    assert names_in("gemini", told.body) == ["f"]
    assert told.body["generationConfig"]["responseMimeType"] == "application/json"
    for upstream in ("openai-chat", "openai-responses", "anthropic"):
        if upstream != client:
            assert names_in(upstream, sent(client, upstream, body, FACTS_OF[upstream]).body) == ["f"]
