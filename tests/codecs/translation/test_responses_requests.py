"""Requests of Responses clients for other upstreams, and of other clients for Responses upstreams, row by row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.codecs.translation.gemini_roads import GEMINI
from tests.codecs.translation.responses import RESPONSES, across, refused, responses
from tests.codecs.translation.roads import CHAT, FACTS, MESSAGES, chat, messages
from tests.contract.typed_params import chat_faults, messages_faults, responses_faults
from torouter.canon.names import wire_id, wire_name
from torouter.canon.reasoning import ModelFacts
from torouter.codecs.codec import Translation
from torouter.errors import RequestError

Json = dict[str, Any]
PNG = "iVBORw0KGgo="
PDF = "JVBERi0xLjQK"
EFFORT = ModelFacts(reasoning="effort", max_output_tokens=32000)
BOTH = pytest.mark.parametrize("upstream", [CHAT, MESSAGES], ids=["chat", "messages"])
FUNCTION: Json = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False}
PATCH: Json = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Edits files.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: /x/"},
}
CALL: Json = {
    "type": "function_call",
    "call_id": "c1",
    "name": "f",
    "arguments": '{"x": 1}',
    "id": "fc_1",
    "status": "completed",
}
OUTPUT: Json = {"type": "function_call_output", "call_id": "c1", "output": "ok"}


def to_chat(*items: Json | str, facts: ModelFacts = EFFORT, **fields: Any) -> tuple[Json, dict[str, str]]:
    body, losses = across(RESPONSES, CHAT, responses(*items, **fields), facts)
    assert chat_faults(body) == []
    return body, losses


def to_messages(*items: Json | str, facts: ModelFacts = EFFORT, **fields: Any) -> tuple[Json, dict[str, str]]:
    body, losses = across(RESPONSES, MESSAGES, responses(*items, **fields), facts)
    assert messages_faults(body) == []
    return body, losses


def from_chat(*said: Json | str, facts: ModelFacts = EFFORT, **fields: Any) -> tuple[Json, dict[str, str]]:
    body, losses = across(CHAT, RESPONSES, chat(*said, **fields), facts)
    assert responses_faults(body) == []
    return body, losses


def from_messages(*said: Json | str, facts: ModelFacts = EFFORT, **fields: Any) -> tuple[Json, dict[str, str]]:
    body, losses = across(MESSAGES, RESPONSES, messages(*said, **fields), facts)
    assert responses_faults(body) == []
    return body, losses


class TestItemsForOthers:
    def test_a_text_is_a_user_message(self) -> None:
        body, losses = across(RESPONSES, CHAT, {"model": "m", "input": "hello"})
        assert body["messages"] == [{"role": "user", "content": "hello"}]
        assert losses == {}

    def test_instructions_stand_at_the_front_and_later_ones_in_place(self) -> None:
        items = ({"role": "developer", "content": "d"}, "a", {"role": "system", "content": "s"})
        body, losses = to_chat(*items, instructions="i")
        assert [(each["role"], each["content"]) for each in body["messages"]] == [
            ("system", "i"),
            ("system", "d"),
            ("user", "a"),
            ("system", "s"),
        ]
        assert losses == {}

    def test_a_turn_with_tools(self) -> None:
        said = {"type": "message", "role": "assistant", "id": "msg_1", "content": [
            {"type": "output_text", "text": "Let me see.", "annotations": [], "logprobs": []}]}  # fmt: skip
        body, losses = to_chat("hi", said, CALL, OUTPUT, tools=[FUNCTION])
        assert body["messages"][1:] == [
            {
                "role": "assistant",
                "content": "Let me see.",
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "ok"},
        ]
        assert losses == {}
        body, losses = to_messages("hi", said, CALL, OUTPUT, tools=[FUNCTION])
        assert [block["type"] for block in body["messages"][1]["content"]] == ["text", "tool_use"]
        assert body["messages"][2]["content"][0]["tool_use_id"] == "c1"
        assert losses == {}

    def test_parallel_calls_and_their_results(self) -> None:
        second, answer = {**CALL, "call_id": "c2"}, {**OUTPUT, "call_id": "c2", "output": ""}
        body, _ = to_chat("hi", CALL, second, OUTPUT, answer, tools=[FUNCTION])
        assert [each["role"] for each in body["messages"]] == ["user", "assistant", "tool", "tool"]
        assert body["messages"][3]["content"] == ""

    def test_images_and_files(self) -> None:
        parts = [
            {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"},
            {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"},
            {"type": "input_text", "text": "what?"},
        ]
        body, losses = to_chat({"role": "user", "content": parts})
        assert [part["type"] for part in body["messages"][0]["content"]] == ["image_url", "file", "text"]
        assert losses == {}
        body, losses = to_messages({"role": "user", "content": parts})
        assert [part["type"] for part in body["messages"][0]["content"]] == ["image", "document", "text"]
        assert losses == {}

    def test_an_image_that_a_tool_gave(self) -> None:
        image = {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}
        body, _ = to_messages("hi", CALL, {**OUTPUT, "output": [image]}, tools=[FUNCTION])
        assert body["messages"][2]["content"][0]["content"][0]["type"] == "image"

    @BOTH
    @pytest.mark.pitfall(105)
    def test_foreign_reasoning_is_dropped_and_said(self, upstream: Translation) -> None:
        item = {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "secret"}],
            "encrypted_content": "seal",
        }
        body, losses = across(RESPONSES, upstream, responses("hi", item, CALL, OUTPUT, tools=[FUNCTION]))
        assert "seal" not in json.dumps(body)
        assert "secret" not in json.dumps(body)
        assert losses == {"input.1": "dropped"}

    @BOTH
    def test_an_empty_reasoning_item_says_nothing(self, upstream: Translation) -> None:
        item = {"type": "reasoning", "id": "rs_1", "summary": []}
        assert across(RESPONSES, upstream, responses("hi", item, CALL, OUTPUT, tools=[FUNCTION]))[1] == {}

    @BOTH
    def test_what_a_server_ran_is_dropped(self, upstream: Translation) -> None:
        item = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
        said = {"role": "assistant", "content": "found"}
        _, losses = across(RESPONSES, upstream, responses("hi", item, said, "more"))
        assert losses == {"input.1": "dropped"}

    def test_a_phase_is_reported(self) -> None:
        said = {"type": "message", "role": "assistant", "content": "x", "phase": "commentary"}
        assert to_chat("hi", said, "more")[1] == {"input.1.phase": "dropped"}

    @BOTH
    @pytest.mark.parametrize(
        "item",
        [
            {"type": "item_reference", "id": "x"},
            {"type": "compaction", "encrypted_content": "x"},
            {"type": "compaction_trigger"},
            {"type": "configuration_update", "reasoning": {}},
            {"type": "shell_call", "call_id": "x"},
            {"type": "never_heard_of"},
        ],
        ids=lambda item: item["type"],
    )
    def test_items_that_only_their_vendor_knows_are_refused(self, upstream: Translation, item: Json) -> None:
        assert refused(RESPONSES, upstream, responses("hi", item)) == "input.1"

    @BOTH
    def test_parts_of_unknown_types_are_refused(self, upstream: Translation) -> None:
        item = {"role": "user", "content": [{"type": "input_hologram"}]}
        assert refused(RESPONSES, upstream, responses(item)) == "input.0.content.0"

    @BOTH
    def test_files_at_openai_are_refused(self, upstream: Translation) -> None:
        item = {"role": "user", "content": [{"type": "input_image", "file_id": "file-1"}]}
        assert refused(RESPONSES, upstream, responses(item)) == "input.0.content.0.file_id"

    @BOTH
    def test_a_result_without_its_call_is_refused(self, upstream: Translation) -> None:
        assert refused(RESPONSES, upstream, responses("hi", OUTPUT)) == "input.1"

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"input": []}, "input"),
            ({}, "input"),
            ({"input": [{"type": "message", "role": "king", "content": "x"}]}, "input.0.role"),
            ({"input": [{"type": "function_call", "name": "f"}]}, "input.0.call_id"),
            ({"input": [{"type": "function_call_output", "output": "x"}]}, "input.0.call_id"),
            ({"input": "x", "text": {"format": {"type": "xml"}}}, "text.format"),
            ({"input": "x", "reasoning": {"effort": "huge"}}, "reasoning.effort"),
            ({"input": "x", "tools": [{"type": "function"}]}, "tools.0.name"),
            ({"input": "x", "max_output_tokens": -1}, "max_output_tokens"),
            ({"input": "x", "temperature": "hot"}, "temperature"),
        ],
    )
    def test_what_is_wrong_is_named(self, body: Json, field: str) -> None:
        with pytest.raises(RequestError) as caught:
            RESPONSES.decode_request(json.dumps({"model": "m", **body}).encode())
        assert caught.value.param == field


class TestToolsForOthers:
    def test_functions_are_nested_and_strict_by_default_where_they_can_be(self) -> None:
        closed = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
        tools = [
            {"type": "function", "name": "a", "parameters": closed},
            {"type": "function", "name": "b", "parameters": {"type": "object", "properties": {"x": {}}}},
            {"type": "function", "name": "c", "parameters": closed, "strict": False},
            {"type": "function", "name": "d", "parameters": None},
        ]
        body, losses = to_chat("hi", tools=tools)
        assert [each["function"].get("strict") for each in body["tools"]] == [True, None, None, None]
        assert losses == {}

    @BOTH
    @pytest.mark.pitfall(48, 49)
    def test_a_custom_tool_is_a_function_of_one_text(self, upstream: Translation) -> None:
        call = {"type": "custom_tool_call", "call_id": "c1", "name": "apply_patch", "input": 'a "b"\n'}
        output = {"type": "custom_tool_call_output", "call_id": "c1", "output": "done"}
        body, losses = across(RESPONSES, upstream, responses("hi", call, output, tools=[PATCH]))
        (tool,) = body["tools"]
        told = tool["function"] if upstream is CHAT else tool
        assert told["name"] == "apply_patch"
        assert told["description"].startswith("Edits files.")
        assert "start: /x/" in told["description"]
        schema = told["parameters" if upstream is CHAT else "input_schema"]
        assert list(schema["properties"]) == ["input"]
        assert losses == {"tools.0.format": "dropped"}
        said = body["messages"][1]
        arguments = (
            json.loads(said["tool_calls"][0]["function"]["arguments"])
            if upstream is CHAT
            else said["content"][0]["input"]
        )
        assert arguments == {"input": 'a "b"\n'}

    @BOTH
    @pytest.mark.pitfall(49)
    def test_namespaces_are_flattened(self, upstream: Translation) -> None:
        group = {"type": "namespace", "name": "crm", "description": "The CRM.", "tools": [FUNCTION]}
        call = {**CALL, "namespace": "crm"}
        choice = {"type": "function", "name": "f"}
        body, losses = across(RESPONSES, upstream, responses("hi", call, OUTPUT, tools=[group], tool_choice=choice))
        told = body["tools"][0]["function"] if upstream is CHAT else body["tools"][0]
        assert told["name"] == "crm__f"
        assert "crm__f" in json.dumps(body["messages"])
        assert "crm__f" in json.dumps(body["tool_choice"])
        assert losses == {"tools.0.description": "dropped"}

    @pytest.mark.pitfall(48)
    def test_tools_may_be_declared_by_items(self) -> None:
        item = {"type": "additional_tools", "role": "developer", "tools": [FUNCTION, PATCH]}
        body, losses = to_chat(item, "hi", tools=None)
        assert [each["function"]["name"] for each in body["tools"]] == ["f", "apply_patch"]
        assert [each["role"] for each in body["messages"]] == ["user"]
        assert losses == {"input.0.tools.1.format": "dropped"}

    def test_tools_that_are_declared_twice_are_one(self) -> None:
        item = {"type": "additional_tools", "role": "developer", "tools": [{**FUNCTION, "description": "new"}]}
        body, _ = to_chat(item, "hi", tools=[FUNCTION])
        assert [each["function"].get("description") for each in body["tools"]] == ["new"]

    @BOTH
    @pytest.mark.parametrize("kind", ["web_search", "tool_search"])
    @pytest.mark.pitfall(178)
    def test_what_agents_declare_by_habit_is_dropped_unless_forced(self, upstream: Translation, kind: str) -> None:
        search = {"type": kind, "external_web_access": True}
        body, losses = across(RESPONSES, upstream, responses("hi", tools=[search, FUNCTION], tool_choice="auto"))
        assert len(body["tools"]) == 1
        assert losses == {"tools.0": "dropped"}
        forced = responses("hi", tools=[search, FUNCTION], tool_choice={"type": kind})
        assert refused(RESPONSES, upstream, forced) == "tools.0"
        alone = responses("hi", tools=[search], tool_choice="required")
        assert refused(RESPONSES, upstream, alone) == "tool_choice"

    @BOTH
    def test_a_search_that_the_client_runs_is_a_function(self, upstream: Translation) -> None:
        schema = {"type": "object", "properties": {"queries": {"type": "array", "items": {"type": "string"}}}}
        tool = {"type": "tool_search", "execution": "client", "description": "Finds.", "parameters": schema}
        call = {
            "type": "tool_search_call", "id": "tsc_1", "call_id": "s1", "execution": "client", "status": "completed",
            "arguments": {"queries": ["x"]},
        }  # fmt: skip
        found = {"type": "tool_search_output", "call_id": "s1", "execution": "client", "tools": [FUNCTION]}
        choice = {"type": "tool_search"}
        body, losses = across(RESPONSES, upstream, responses("hi", call, found, tools=[tool], tool_choice=choice))
        told = [each["function"] if upstream is CHAT else each for each in body["tools"]]
        assert [each["name"] for each in told] == ["tool_search", "f"]
        assert told[0]["parameters" if upstream is CHAT else "input_schema"]["properties"] == schema["properties"]
        history = json.dumps(body["messages"])
        assert "s1" in history
        assert "Found: f. They can be called now." in history
        assert '"tool_search"' in json.dumps(body["tool_choice"])
        assert losses == {}
        nothing = responses("hi", call, {**found, "tools": []}, tools=[tool])
        assert "No tools were found." in json.dumps(across(RESPONSES, upstream, nothing)[0]["messages"])

    @BOTH
    def test_a_search_that_its_vendor_ran_is_dropped_and_its_tools_are_kept(self, upstream: Translation) -> None:
        call = {"type": "tool_search_call", "execution": "server", "call_id": None, "arguments": {}}
        found = {"type": "tool_search_output", "execution": "server", "call_id": None, "tools": [FUNCTION]}
        body, losses = across(
            RESPONSES, upstream, responses("hi", call, found, "more", tools=[{"type": "tool_search"}])
        )
        assert len(body["tools"]) == 1
        assert losses == {"input.1": "dropped", "input.2": "dropped", "tools.0": "dropped"}

    @BOTH
    @pytest.mark.parametrize(
        "tool",
        [
            {"type": "web_search_preview"},
            {"type": "code_interpreter", "container": {"type": "auto"}},
            {"type": "mcp", "server_label": "x"},
            {"type": "computer"},
            {"type": "local_shell"},
            {"type": "image_generation"},
        ],
        ids=lambda tool: tool["type"],
    )
    def test_tools_that_only_their_vendor_has_are_refused(self, upstream: Translation, tool: Json) -> None:
        assert refused(RESPONSES, upstream, responses("hi", tools=[FUNCTION, tool])) == "tools.1"

    @BOTH
    def test_programmatic_callers_are_refused(self, upstream: Translation) -> None:
        tool = {**FUNCTION, "allowed_callers": ["programmatic"]}
        assert refused(RESPONSES, upstream, responses("hi", tools=[tool])) == "tools.0.allowed_callers"

    @pytest.mark.parametrize(
        ("choice", "written"),
        [
            ("auto", "auto"),
            ("none", "none"),
            ("required", "required"),
            ({"type": "function", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
            (
                {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]},
                {
                    "type": "allowed_tools",
                    "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "f"}}]},
                },
            ),
        ],
    )
    def test_choices_are_nested(self, choice: Any, written: Any) -> None:
        body, _ = to_chat("hi", tools=[FUNCTION], tool_choice=choice, parallel_tool_calls=False)
        assert body["tool_choice"] == written

    @BOTH
    def test_a_choice_of_what_is_not_there_is_refused(self, upstream: Translation) -> None:
        choice = {"type": "function", "name": "g"}
        assert refused(RESPONSES, upstream, responses("hi", tools=[FUNCTION], tool_choice=choice)) == "tool_choice"


class TestSettingsForOthers:
    def test_what_both_have(self) -> None:
        schema = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
        text = {"format": {"type": "json_schema", "name": "n", "schema": schema, "strict": True}, "verbosity": "low"}
        body, losses = to_chat(
            "hi", max_output_tokens=100, temperature=0, top_p=0.5, user="u", safety_identifier="s",
            reasoning={"effort": "high"}, text=text, stream=True, parallel_tool_calls=True,
        )  # fmt: skip
        assert body["max_completion_tokens"] == 100
        assert (body["temperature"], body["top_p"], body["user"], body["safety_identifier"]) == (0, 0.5, "u", "s")
        assert body["reasoning_effort"] == "high"
        assert body["response_format"]["json_schema"] == {"name": "n", "schema": schema, "strict": True}
        assert body["verbosity"] == "low"
        assert body["stream"] is True
        assert losses == {}

    @pytest.mark.parametrize(
        ("reasoning", "is_visible"),
        [
            (None, False),
            ({"effort": "low"}, False),
            ({"effort": "low", "summary": "auto"}, True),
            ({"summary": "auto"}, True),
        ],
    )
    def test_reasoning_is_shown_only_where_a_summary_is_asked_for(
        self, reasoning: Json | None, is_visible: bool
    ) -> None:
        request = RESPONSES.decode_request(json.dumps(responses("hi", reasoning=reasoning)).encode())
        assert request.is_reasoning_visible is is_visible

    @BOTH
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("previous_response_id", "resp_1"),
            ("conversation", "conv_1"),
            ("prompt", {"id": "p"}),
            ("background", True),
            ("context_management", [{"type": "compaction"}]),
            ("moderation", {"policy": {"mode": "block"}}),
        ],
    )
    def test_what_would_change_the_answer_is_refused(self, upstream: Translation, field: str, value: Any) -> None:
        assert refused(RESPONSES, upstream, responses("hi", **{field: value})) == field

    @BOTH
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("store", True),
            ("truncation", "auto"),
            ("max_tool_calls", 3),
            ("metadata", {"a": "b"}),
            ("client_metadata", {"a": "b"}),
            ("include", ["web_search_call.action.sources"]),
            ("x_new", 1),
        ],
    )
    def test_what_would_not_is_reported(self, upstream: Translation, field: str, value: Any) -> None:
        _, losses = across(RESPONSES, upstream, responses("hi", **{field: value}))
        assert losses == {field: "dropped"}

    @BOTH
    def test_what_changes_nothing_is_silent(self, upstream: Translation) -> None:
        _, losses = across(
            RESPONSES, upstream,
            responses(
                "hi", store=False, truncation="disabled", background=False, previous_response_id=None, metadata={},
                include=["reasoning.encrypted_content"], prompt_cache_key="k", top_logprobs=0, tools=[],
                stream_options={"include_obfuscation": False}, tool_choice="auto",
            ),
        )  # fmt: skip
        assert losses == {}


class TestOthersForResponses:
    def test_items_keep_their_order(self) -> None:
        """R takes any order: nothing is moved."""
        use = {"type": "tool_use", "id": "t1", "name": "f", "input": {"x": 1}}
        said = {"role": "assistant", "content": [{"type": "text", "text": "a"}, use, {"type": "text", "text": "b"}]}
        result = {"type": "tool_result", "tool_use_id": "t1", "content": "ok"}
        asked = {"role": "user", "content": [result, {"type": "text", "text": "next"}]}
        body, losses = from_messages(
            "hi", said, asked, system="s", tools=[{"name": "f", "input_schema": {"type": "object"}}]
        )
        assert body["input"] == [
            {"type": "message", "role": "developer", "content": "s"},
            {"type": "message", "role": "user", "content": "hi"},
            {"type": "message", "role": "assistant", "content": "a"},
            {"type": "function_call", "call_id": "t1", "name": "f", "arguments": '{"x":1}'},
            {"type": "message", "role": "assistant", "content": "b"},
            {"type": "function_call_output", "call_id": "t1", "output": "ok"},
            {"type": "message", "role": "user", "content": "next"},
        ]
        assert losses == {}

    def test_nothing_is_stored(self) -> None:
        assert from_chat("hi")[0]["store"] is False
        body, losses = from_chat("hi", store=True)
        assert (body["store"], losses) == (False, {"store": "dropped"})

    @pytest.mark.pitfall(89)
    def test_strict_is_always_written(self) -> None:
        """R's default is another than everybody else's."""
        closed = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
        tools = [
            {"type": "function", "function": {"name": "a", "parameters": closed}},
            {"type": "function", "function": {"name": "b", "parameters": closed, "strict": True}},
            {"type": "function", "function": {"name": "c", "parameters": {"type": "object"}, "strict": True}},
            {"type": "function", "function": {"name": "d"}},
        ]
        body, losses = from_chat("hi", tools=tools)
        assert [each["strict"] for each in body["tools"]] == [False, True, False, False]
        assert body["tools"][3]["parameters"] is None
        assert losses == {"tools.2": "dropped"}

    def test_custom_tools_of_chat_are_custom_here(self) -> None:
        grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: /x/"}}
        call = {"id": "c1", "type": "custom", "custom": {"name": "p", "input": "x"}}
        body, losses = from_chat(
            "hi",
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "ok"},
            tools=[{"type": "custom", "custom": {"name": "p", "format": grammar}}],
            tool_choice={"type": "custom", "custom": {"name": "p"}},
        )
        assert body["tools"] == [
            {"type": "custom", "name": "p", "format": {"type": "grammar", "syntax": "lark", "definition": "start: /x/"}}
        ]
        assert body["tool_choice"] == {"type": "custom", "name": "p"}
        assert body["input"][1] == {"type": "custom_tool_call", "call_id": "c1", "name": "p", "input": "x"}
        assert body["input"][2] == {"type": "custom_tool_call_output", "call_id": "c1", "output": "ok"}
        assert losses == {}

    @pytest.mark.pitfall(65, 66)
    def test_long_ids_and_names_are_shortened_in_both_halves(self) -> None:
        name, call_id = "n" * 80, "i" * 80
        use = {"type": "tool_use", "id": call_id, "name": name, "input": {}}
        result = {"type": "tool_result", "tool_use_id": call_id, "content": "ok"}
        body, _ = from_messages(
            "hi", {"role": "assistant", "content": [use]}, {"role": "user", "content": [result]},
            tools=[{"name": name, "input_schema": {"type": "object"}}], tool_choice={"type": "tool", "name": name},
        )  # fmt: skip
        short = wire_name(name, "openai-responses")
        assert len(short) <= 64
        assert [body["tools"][0]["name"], body["input"][1]["name"], body["tool_choice"]["name"]] == [short] * 3
        ids = [each["call_id"] for each in body["input"][1:]]
        assert ids == [wire_id(call_id, "openai-responses")] * 2
        assert len(ids[0]) <= 64

    def test_media_in_results_stay_there(self) -> None:
        image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
        use = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
        result = {"type": "tool_result", "tool_use_id": "t1", "is_error": True, "content": [image]}
        body, losses = from_messages(
            "hi", {"role": "assistant", "content": [use]}, {"role": "user", "content": [result]},
            tools=[{"name": "f", "input_schema": {"type": "object"}}],
        )  # fmt: skip
        assert body["input"][2]["output"] == [
            {"type": "input_text", "text": "[tool error]"},
            {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"},
        ]
        assert losses == {"messages.2.content.0.is_error": "approximated"}

    def test_errors_of_tools_are_words(self) -> None:
        use = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
        for content, output in (("bad", "[tool error] bad"), ([], "[tool error] ")):
            result = {"type": "tool_result", "tool_use_id": "t1", "is_error": True, "content": content}
            body, _ = from_messages(
                "hi", {"role": "assistant", "content": [use]}, {"role": "user", "content": [result]},
                tools=[{"name": "f", "input_schema": {"type": "object"}}],
            )  # fmt: skip
            assert body["input"][2]["output"] == output

    def test_documents(self) -> None:
        source = {"type": "base64", "media_type": "application/pdf", "data": PDF}
        body, losses = from_messages(
            {"role": "user", "content": [{"type": "document", "source": source, "title": "t.pdf"}]}
        )
        assert body["input"][0]["content"] == [
            {"type": "input_file", "filename": "t.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}
        ]
        assert losses == {}
        linked = {"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}}
        body, _ = from_messages({"role": "user", "content": [linked]})
        assert body["input"][0]["content"] == [{"type": "input_file", "file_url": "https://x/y.pdf"}]

    def test_the_least_limit_is_16(self) -> None:
        body, losses = from_chat("hi", max_tokens=5)
        assert (body["max_output_tokens"], losses) == (16, {"max_tokens": "approximated"})
        assert from_chat("hi", max_completion_tokens=17)[1] == {}

    def test_format_and_verbosity_stand_in_text(self) -> None:
        schema = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
        wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}}
        body, _ = from_chat("hi", response_format=wanted, verbosity="high")
        assert body["text"] == {
            "format": {"type": "json_schema", "name": "n", "schema": schema, "strict": True},
            "verbosity": "high",
        }
        assert from_chat("hi", response_format={"type": "json_object"})[0]["text"] == {
            "format": {"type": "json_object"}
        }
        assert "text" not in from_chat("hi", response_format={"type": "text"})[0]

    @pytest.mark.parametrize(
        ("said", "written"),
        [
            ({"reasoning_effort": "low"}, {"effort": "low", "summary": "auto"}),
            ({"reasoning_effort": "none"}, {"effort": "none"}),
            ({"thinking": {"type": "enabled"}}, {"summary": "auto"}),
        ],
    )
    def test_reasoning(self, said: Json, written: Json) -> None:
        assert from_chat("hi", **said)[0]["reasoning"] == written
        assert from_chat("hi", facts=ModelFacts(), **said)[1] == (
            {} if said.get("reasoning_effort") == "none" else {next(iter(said)): "dropped"}
        )

    def test_a_budget_is_the_nearest_effort(self) -> None:
        body, losses = from_messages("hi", max_tokens=30000, thinking={"type": "enabled", "budget_tokens": 16000})
        assert body["reasoning"]["effort"] == "high"
        assert losses == {}

    @pytest.mark.parametrize(
        ("said", "field"),
        [
            ({"stop": ["x"] * 17}, "stop"),
            ({"stop": "x" * 1025}, "stop"),
            ({"stop": ""}, "stop"),
            ({"n": 2}, "n"),
            ({"logit_bias": {"1": 5}}, "logit_bias"),
            ({"modalities": ["text", "audio"], "audio": {"voice": "x", "format": "wav"}}, "modalities"),
            ({"tools": [{"type": "web_search"}]}, "tools.0"),
        ],
    )
    def test_what_there_is_not_is_refused(self, said: Json, field: str) -> None:
        assert refused(CHAT, RESPONSES, chat("hi", **said)) == field

    def test_stop_sequences_bear_the_callers_name(self) -> None:
        assert refused(MESSAGES, RESPONSES, messages("hi", stop_sequences=[""])) == "stop_sequences"
        assert from_messages("hi", stop_sequences=["x"])[1] == {"stop_sequences": "approximated"}
        assert from_messages("hi", stop_sequences=[])[1] == {}

    def test_stop_sequences_are_ours_to_find(self) -> None:
        encoded = RESPONSES.encode_request(CHAT.decode_request(json.dumps(chat(stop=["a", "\n"])).encode()), "u", FACTS)
        assert encoded.stops == ("a", "\n")
        assert b"stop" not in encoded.body

    def test_tuning_is_reported(self) -> None:
        body, losses = from_chat("hi", seed=0, presence_penalty=0.5, frequency_penalty=0, top_k=4, logit_bias={}, n=1)
        assert losses == {"seed": "dropped", "presence_penalty": "dropped", "top_k": "dropped"}
        assert "seed" not in body

    def test_audio_is_refused(self) -> None:
        part = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
        assert refused(CHAT, RESPONSES, chat({"role": "user", "content": [part]})) == "messages.0.content.0"

    def test_a_prefill_is_refused(self) -> None:
        assert refused(CHAT, RESPONSES, chat("hi", {"role": "assistant", "content": "Sure,"})) == "messages.1"

    def test_a_conversation_of_instructions_only_is_refused(self) -> None:
        assert refused(CHAT, RESPONSES, chat({"role": "system", "content": "s"})) == "messages"


@pytest.mark.parametrize("upstream", [CHAT, MESSAGES, GEMINI], ids=["chat", "messages", "gemini"])
def test_a_custom_tool_that_reports_on_its_way_has_one_result(upstream: Translation) -> None:
    """Codex's code mode, seen 2026-11: `notify` inside a script gives an output of its own for the same call."""
    call = {"type": "custom_tool_call", "call_id": "c", "name": "exec", "namespace": "functions", "input": "notify()"}
    note = {"type": "custom_tool_call_output", "call_id": "c", "output": "on my way"}
    end = {"type": "custom_tool_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "done"}]}
    body, _ = across(RESPONSES, upstream, responses("hi", call, note, end, "and now?"))
    written = json.dumps(body)
    assert written.index("on my way") < written.index("done") < written.index("and now?")
    answers = '"role": "tool"', '"type": "tool_result"', '"functionResponse"'
    assert sum(written.count(answer) for answer in answers) == 1


@pytest.mark.parametrize("upstream", [CHAT, MESSAGES, GEMINI], ids=["chat", "messages", "gemini"])
def test_a_function_has_one_result(upstream: Translation) -> None:
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c", "output": "done"}
    with pytest.raises(RequestError, match="answered twice"):
        across(RESPONSES, upstream, responses("hi", call, output, output))
