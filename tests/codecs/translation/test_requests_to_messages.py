"""Chat requests for a Messages upstream: one test for each row of the mapping."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.codecs.translation.roads import CHAT, FACTS, MESSAGES, chat, refusal, to_messages
from tests.contract.typed_params import messages_faults
from torouter.canon.names import wire_id, wire_name
from torouter.canon.reasoning import ModelFacts
from torouter.errors import RequestError

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQKJeLjz9MK"
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
ADAPTIVE = ModelFacts(reasoning="adaptive", max_output_tokens=32000)
BUDGET = ModelFacts(reasoning="budget", max_output_tokens=32000)


def called(*calls: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": list(calls or (CALL,)), **fields}


def result(call_id: str = "c1", content: Any = "ok") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def content(body: dict[str, Any], index: int = 0) -> Any:
    return body["messages"][index]["content"]


class TestInstructions:
    def test_leading_ones_become_the_system_prompt_one_block_each(self) -> None:
        body, losses = to_messages(
            chat(
                {"role": "system", "content": "a"},
                {"role": "developer", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]},
                "hi",
            )
        )
        assert body["system"] == [{"type": "text", "text": text} for text in "abc"]
        assert losses == {}

    @pytest.mark.pitfall(176, 177)
    def test_later_ones_stay_in_place_as_marked_user_text(self) -> None:
        """Never hoisted, for the cached prefix would be lost."""
        body, losses = to_messages(
            chat("hi", {"role": "assistant", "content": "yes"}, {"role": "system", "content": "s"})
        )
        assert "system" not in body
        assert content(body, 2) == [{"type": "text", "text": "<system-reminder>\ns\n</system-reminder>"}]
        assert losses == {"messages.2.content": "approximated"}

    NEWEST = ModelFacts(max_output_tokens=32000, takes_system_turns=True)

    def test_newer_models_take_them_behind_a_users_turn(self) -> None:
        system = {"role": "system", "content": "s"}
        said = ["hi", {"role": "assistant", "content": "yes"}, "more", system, {"role": "developer", "content": "t"}]
        body, losses = to_messages(chat(*said), self.NEWEST)
        assert messages_faults(body) == []
        told = [{"type": "text", "text": "s"}, {"type": "text", "text": "t"}]
        assert body["messages"][2:] == [
            {"role": "user", "content": [{"type": "text", "text": "more"}]},
            {"role": "system", "content": told},
        ]
        assert losses == {}
        longer, _ = to_messages(chat(*said, {"role": "assistant", "content": "so"}, "and"), self.NEWEST)
        assert longer["messages"][:4] == body["messages"], "the cached prefix is kept"

    def test_newer_models_take_them_behind_results(self) -> None:
        said = chat("hi", called(), result(), {"role": "system", "content": "s"}, tools=[TOOL])
        body, losses = to_messages(said, self.NEWEST)
        assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user", "system"]
        assert losses == {}

    @pytest.mark.parametrize(
        "said",
        [
            ["hi", {"role": "assistant", "content": "yes"}, {"role": "system", "content": "s"}],
            ["hi", {"role": "system", "content": "s"}, "more"],
            ["hi", called(), {"role": "system", "content": "s"}, result()],
        ],
        ids=["behind an assistant's", "before a user's", "before results"],
    )
    def test_elsewhere_they_are_marked_user_text_there_too(self, said: list[Any]) -> None:
        body, losses = to_messages(chat(*said, tools=[TOOL]), self.NEWEST)
        assert messages_faults(body) == []
        assert {turn["role"] for turn in body["messages"]} <= {"user", "assistant"}
        assert "<system-reminder>\\ns\\n" in json.dumps(body["messages"])
        assert list(losses.values()) == ["approximated"]

    @pytest.mark.pitfall(76)
    def test_one_between_calls_and_results_goes_behind_the_results(self) -> None:
        body, _ = to_messages(chat("hi", called(), {"role": "system", "content": "s"}, result(), tools=[TOOL]))
        assert [block["type"] for block in content(body, 2)] == ["tool_result", "text"]

    def test_a_conversation_of_nothing_else_is_refused(self) -> None:
        error = refusal(CHAT, MESSAGES, chat({"role": "system", "content": "s"}))
        assert error.param == "messages"

    def test_media_in_them_are_refused(self) -> None:
        image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
        error = refusal(CHAT, MESSAGES, chat({"role": "system", "content": [image]}, "hi"))
        assert error.param == "messages.0.content.0"


class TestTurns:
    def test_neighbours_of_one_role_are_merged(self) -> None:
        body, losses = to_messages(chat("a", "b", {"role": "assistant", "content": "c"}, "d"))
        assert [(each["role"], [b["text"] for b in each["content"]]) for each in body["messages"]] == [
            ("user", ["a", "b"]),
            ("assistant", ["c"]),
            ("user", ["d"]),
        ]
        assert losses == {}

    @pytest.mark.pitfall(175)
    def test_empty_text_is_dropped_and_empty_messages_with_it(self) -> None:
        """`content: ""` beside calls."""
        body, losses = to_messages(
            chat("a", {"role": "assistant", "content": ""}, called(content=""), result(), tools=[TOOL])
        )
        assert [block["type"] for block in content(body, 1)] == ["tool_use"]
        assert losses == {}

    def test_text_of_whitespace_is_reported(self) -> None:
        _, losses = to_messages(chat("a", " \n"))
        assert losses == {"messages.1.content": "dropped"}

    @pytest.mark.parametrize("last", [{"role": "assistant", "content": "Sure,"}, called()])
    def test_a_prefill_is_refused(self, last: dict[str, Any]) -> None:
        error = refusal(CHAT, MESSAGES, chat("hi", last, tools=[TOOL]))
        assert error.param == "messages.1"

    def test_names_of_messages_are_reported(self) -> None:
        _, losses = to_messages(chat({"role": "user", "name": "bob", "content": "hi"}))
        assert losses == {"messages.0.name": "dropped"}

    def test_a_refusal_in_the_history_is_text(self) -> None:
        body, _ = to_messages(chat("a", {"role": "assistant", "content": None, "refusal": "no"}, "b"))
        assert content(body, 1) == [{"type": "text", "text": "no"}]

    @pytest.mark.pitfall(105, 106)
    def test_foreign_reasoning_is_dropped_and_never_becomes_text(self) -> None:
        said = {"role": "assistant", "content": "x", "reasoning_content": "secret thoughts"}
        body, losses = to_messages(chat("a", said, "b"))
        assert "secret" not in json.dumps(body)
        assert losses == {"messages.1.reasoning_content": "dropped"}

    def test_text_is_never_touched(self) -> None:
        text = ' <think>\u2028 \t"x"</think>\r\n '
        body, _ = to_messages(chat(text))
        assert content(body) == [{"type": "text", "text": text}]

    def test_null_fields_that_clients_echo_say_nothing(self) -> None:
        echoed = {
            "role": "assistant",
            "content": "x",
            "refusal": None,
            "audio": None,
            "annotations": [],
            "tool_calls": None,
        }
        _, losses = to_messages(chat("a", echoed, "b"))
        assert losses == {}

    def test_kept_audio_is_refused(self) -> None:
        said = {"role": "assistant", "audio": {"id": "audio_1"}, "content": None}
        assert refusal(CHAT, MESSAGES, chat("a", said, "b")).param == "messages.1.audio"


class TestMedia:
    def image(self, url: str, **fields: Any) -> dict[str, Any]:
        return chat({"role": "user", "content": [{"type": "image_url", "image_url": {"url": url, **fields}}]})

    @pytest.mark.parametrize(
        "url",
        [
            f"data:image/png;base64,{PNG}",
            f"data:IMAGE/PNG;name=x;base64,{PNG}",
            f"data:;base64,{PNG.rstrip('=')}",
            f"data:image/jpeg;base64,{PNG.replace('+', '-').replace('/', '_')}",
        ],
    )
    def test_a_data_url_becomes_base64_of_the_type_that_the_data_show(self, url: str) -> None:
        body, losses = to_messages(self.image(url))
        source = {"type": "base64", "media_type": "image/png", "data": PNG}
        assert content(body) == [{"type": "image", "source": source}]
        assert losses == {}

    def test_a_link_stays_a_link(self) -> None:
        body, _ = to_messages(self.image("https://x.test/a.png"))
        assert content(body) == [{"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}}]

    @pytest.mark.parametrize("url", ["gs://bucket/x.png", "file:///etc/passwd", "data:image/heic;base64,AAAA"])
    @pytest.mark.pitfall(174)
    def test_other_images_are_refused_and_never_skipped(self, url: str) -> None:
        assert refusal(CHAT, MESSAGES, self.image(url)).param.startswith("messages.0.content.0")  # type: ignore[union-attr]

    def test_detail_is_reported(self) -> None:
        _, losses = to_messages(self.image("https://x.test/a.png", detail="high"))
        assert losses == {"messages.0.content.0.image_url.detail": "dropped"}
        _, losses = to_messages(self.image("https://x.test/a.png", detail="auto"))
        assert losses == {}

    @pytest.mark.pitfall(172)
    def test_a_pdf_becomes_a_document(self) -> None:
        file = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}
        body, losses = to_messages(chat({"role": "user", "content": [{"type": "file", "file": file}]}))
        source = {"type": "base64", "media_type": "application/pdf", "data": PDF}
        assert content(body) == [{"type": "document", "source": source, "title": "a.pdf"}]
        assert losses == {}

    def test_plain_text_becomes_a_text_document(self) -> None:
        file = {"file_data": "data:text/plain;base64,aMOp"}
        body, _ = to_messages(chat({"role": "user", "content": [{"type": "file", "file": file}]}))
        assert content(body)[0]["source"] == {"type": "text", "media_type": "text/plain", "data": "hé"}

    @pytest.mark.parametrize(
        "part",
        [
            {"type": "file", "file": {"file_id": "file-1"}},
            {"type": "file", "file": {"file_data": "data:application/zip;base64,UEsDBA=="}},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            {"type": "video_url", "video_url": {"url": "https://x.test/v"}},
            {"type": "tool_result", "tool_use_id": "x", "content": "y"},
        ],
    )
    @pytest.mark.pitfall(60)
    def test_what_it_cannot_read_is_refused(self, part: dict[str, Any]) -> None:
        """Another dialect's blocks in this one are never deleted."""
        error = refusal(CHAT, MESSAGES, chat({"role": "user", "content": [part]}))
        assert str(error.param).startswith("messages.0.content.0")


class TestTools:
    def test_a_definition(self) -> None:
        schema = {"type": "object", "properties": {"type": {"type": "string"}, "z": {"const": 1.0}}}
        function = {"name": "f", "description": "d", "parameters": schema, "strict": False}
        body, losses = to_messages(chat(tools=[{"type": "function", "function": function}]))
        assert body["tools"] == [{"name": "f", "description": "d", "input_schema": schema}]
        assert "tool_choice" not in body
        assert losses == {}

    @pytest.mark.parametrize("parameters", [None, {}, "absent"])
    @pytest.mark.pitfall(78)
    def test_no_parameters_are_an_empty_object(self, parameters: object) -> None:
        """A tool without parameters survives."""
        function = {"name": "f"} if parameters == "absent" else {"name": "f", "parameters": parameters}
        body, losses = to_messages(chat(tools=[{"type": "function", "function": function}]))
        assert body["tools"] == [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]
        assert losses == {}

    @pytest.mark.pitfall(90)
    def test_order_and_keys_are_kept(self) -> None:
        functions = [{"name": f"t{9 - i}", "parameters": {"type": "object", "b": 1, "a": 2}} for i in range(9)]
        body, _ = to_messages(chat(tools=[{"type": "function", "function": each} for each in functions]))
        assert [tool["name"] for tool in body["tools"]] == [f"t{9 - i}" for i in range(9)]
        assert all(list(tool["input_schema"]) == ["type", "b", "a"] for tool in body["tools"])

    def test_strict_where_the_schema_can_be(self) -> None:
        closed = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
        function = {"name": "f", "strict": True, "parameters": closed}
        assert to_messages(chat(tools=[{"type": "function", "function": function}]))[0]["tools"][0]["strict"] is True
        function["parameters"] = {"type": "object", "properties": {"a": {"type": "string", "minLength": 2}}}
        body, losses = to_messages(chat(tools=[{"type": "function", "function": function}]))
        assert "strict" not in body["tools"][0]
        assert losses == {"tools.0": "dropped"}

    @pytest.mark.parametrize("root", [True, {"anyOf": [{"type": "string"}]}])
    def test_parameters_that_are_no_object_are_refused(self, root: object) -> None:
        body = chat(tools=[{"type": "function", "function": {"name": "f", "parameters": root}}])
        assert refusal(CHAT, MESSAGES, body).param == "tools.0.function.parameters"

    def test_alternatives_at_the_root_become_one_object(self) -> None:
        root = {
            "anyOf": [
                {"type": "object", "properties": {"a": {}, "c": {}}, "required": ["a", "c"]},
                {"$ref": "#/$defs/B"},
            ],
            "$defs": {"B": {"type": "object", "properties": {"b": {}, "c": {}}, "required": ["b", "c"]}},
        }
        body, losses = to_messages(chat(tools=[{"type": "function", "function": {"name": "f", "parameters": root}}]))
        schema = body["tools"][0]["input_schema"]
        assert set(schema["properties"]) == {"a", "b", "c"}
        assert (schema["type"], schema["required"]) == ("object", ["c"])
        assert "anyOf" not in schema
        assert losses == {"tools.0.function.parameters": "approximated"}

    def test_a_conjunction_at_the_root_is_merged_without_loss(self) -> None:
        root = {"allOf": [{"properties": {"a": {}}, "required": ["a"]}, {"properties": {"b": {}}, "required": ["b"]}]}
        body, losses = to_messages(chat(tools=[{"type": "function", "function": {"name": "f", "parameters": root}}]))
        assert set(body["tools"][0]["input_schema"]["required"]) == {"a", "b"}
        assert losses == {}

    @pytest.mark.parametrize(
        "tool", [{"type": "custom", "name": "f"}, {"type": "web_search"}, {"type": "mcp", "server": "x"}]
    )
    @pytest.mark.pitfall(85)
    def test_other_kinds_of_tools_are_refused(self, tool: dict[str, Any]) -> None:
        """Never a nameless custom tool."""
        assert refusal(CHAT, MESSAGES, chat(tools=[tool])).param == "tools.0"

    @pytest.mark.pitfall(69, 71)
    def test_names_are_renamed_everywhere_alike(self) -> None:
        """Definitions, choice and history."""
        name = "my.tool"
        tools = [{"type": "function", "function": {"name": each}} for each in (name, "my_tool")]
        call = {"id": "c1", "type": "function", "function": {"name": name, "arguments": "{}"}}
        choice = {"type": "function", "function": {"name": name}}
        body, losses = to_messages(chat("hi", called(call), result(), tools=tools, tool_choice=choice))
        wire = wire_name(name, "anthropic")
        assert [tool["name"] for tool in body["tools"]] == [wire, "my_tool"]
        assert wire != "my_tool"
        assert body["tool_choice"] == {"type": "tool", "name": wire}
        assert content(body, 1)[0]["name"] == wire
        assert losses == {}

    @pytest.mark.parametrize(
        ("choice", "written"),
        [
            ("auto", {"type": "auto"}),
            ("none", {"type": "none"}),
            ("required", {"type": "any"}),
            ({"type": "function", "function": {"name": "f"}}, {"type": "tool", "name": "f"}),
        ],
    )
    @pytest.mark.pitfall(160)
    def test_the_choice(self, choice: Any, written: dict[str, Any]) -> None:
        """None stays none."""
        body, losses = to_messages(chat(tools=[TOOL], tool_choice=choice))
        assert body["tool_choice"] == written
        assert losses == {}

    @pytest.mark.parametrize(("mode", "written"), [("auto", "auto"), ("required", "any")])
    @pytest.mark.pitfall(159)
    def test_a_subset_is_all_that_is_declared(self, mode: str, written: str) -> None:
        tools = [{"type": "function", "function": {"name": each}} for each in "fgh"]
        allowed = {"mode": mode, "tools": [{"type": "function", "function": {"name": "g"}}]}
        choice = {"type": "allowed_tools", "allowed_tools": allowed}
        body, losses = to_messages(chat(tools=tools, tool_choice=choice))
        assert [tool["name"] for tool in body["tools"]] == ["g"]
        assert body["tool_choice"] == {"type": written}
        assert losses == {"tool_choice": "approximated"}

    @pytest.mark.parametrize(
        ("fields", "written"),
        [
            ({"tools": [TOOL]}, {"type": "auto", "disable_parallel_tool_use": True}),
            ({"tools": [TOOL], "tool_choice": "required"}, {"type": "any", "disable_parallel_tool_use": True}),
            ({"tools": [TOOL], "tool_choice": "none"}, {"type": "none"}),
            ({}, None),
            ({"tool_choice": "auto"}, None),
            ({"tool_choice": "none"}, None),
        ],
    )
    @pytest.mark.pitfall(158)
    def test_at_most_one_call(self, fields: dict[str, Any], written: dict[str, Any] | None) -> None:
        """The flag is no part of none."""
        body, losses = to_messages(chat(parallel_tool_calls=False, **fields))
        assert body.get("tool_choice") == written
        assert losses == {}

    def test_parallel_calls_are_the_default(self) -> None:
        assert "tool_choice" not in to_messages(chat(tools=[TOOL], parallel_tool_calls=True))[0]

    def test_a_forced_call_needs_its_tool(self) -> None:
        assert refusal(CHAT, MESSAGES, chat(tool_choice="required")).param == "tool_choice"
        choice = {"type": "function", "function": {"name": "g"}}
        assert refusal(CHAT, MESSAGES, chat(tools=[TOOL], tool_choice=choice)).param == "tool_choice"

    def test_calls_in_the_history_get_definitions_that_may_not_be_called(self) -> None:
        body, losses = to_messages(chat("hi", called(), result()))
        assert body["tools"] == [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]
        assert body["tool_choice"] == {"type": "none"}
        assert losses == {"tools": "added"}


class TestCallsAndResults:
    @pytest.mark.pitfall(57)
    def test_results_are_one_user_turn_in_the_order_of_the_calls_before_other_content(self) -> None:
        second = {**CALL, "id": "c2"}
        body, losses = to_messages(
            chat("hi", called(CALL, second), result("c2", "two"), result("c1", "one"), "next", tools=[TOOL])
        )
        assert content(body, 2) == [
            {"type": "tool_result", "tool_use_id": "c1", "content": "one"},
            {"type": "tool_result", "tool_use_id": "c2", "content": "two"},
            {"type": "text", "text": "next"},
        ]
        assert losses == {}

    def test_arguments_are_spliced_verbatim(self) -> None:
        arguments = '{"n": 12345678901234567890, "f": 1.00, "b": {"a":[ ]}}'
        call = {**CALL, "function": {"name": "f", "arguments": arguments}}
        request = CHAT.decode_request(json.dumps(chat("hi", called(call), result(), tools=[TOOL])).encode())
        assert f'"input":{arguments}'.encode() in MESSAGES.encode_request(request, "up", FACTS).body

    @pytest.mark.parametrize("arguments", ["", "  ", None])
    def test_no_arguments_are_an_empty_object(self, arguments: str | None) -> None:
        call = {**CALL, "function": {"name": "f", "arguments": arguments}}
        body, _ = to_messages(chat("hi", called(call), result(), tools=[TOOL]))
        assert content(body, 1)[0]["input"] == {}

    def test_arguments_encoded_twice_are_decoded_once_more(self) -> None:
        call = {**CALL, "function": {"name": "f", "arguments": json.dumps('{"a":1}')}}
        body, _ = to_messages(chat("hi", called(call), result(), tools=[TOOL]))
        assert content(body, 1)[0]["input"] == {"a": 1}

    def test_arguments_sent_as_an_object_are_taken(self) -> None:
        call = {**CALL, "function": {"name": "f", "arguments": {"a": 1}}}
        body, _ = to_messages(chat("hi", called(call), result(), tools=[TOOL]))
        assert content(body, 1)[0]["input"] == {"a": 1}

    @pytest.mark.parametrize("arguments", ["[1]", "3", "null"])
    def test_arguments_that_are_no_object_are_refused(self, arguments: str) -> None:
        call = {**CALL, "function": {"name": "f", "arguments": arguments}}
        assert (
            refusal(CHAT, MESSAGES, chat("hi", called(call), result(), tools=[TOOL])).param == "messages.1.tool_calls.0"
        )

    @pytest.mark.pitfall(129)
    def test_a_call_that_was_cut_off_becomes_text_with_its_result(self) -> None:
        call = {**CALL, "function": {"name": "f", "arguments": '{"cmd":"rm -r'}}
        body, losses = to_messages(chat("hi", called(call), result("c1", "skipped"), tools=[TOOL]))
        assert content(body, 1) == [{"type": "text", "text": '[unfinished call of f: {"cmd":"rm -r]'}]
        assert content(body, 2) == [{"type": "text", "text": "[result of the unfinished call of f: skipped]"}]
        assert losses == {"messages.1.tool_calls.0": "approximated"}

    @pytest.mark.parametrize("empty", ["", [], [{"type": "text", "text": ""}]])
    @pytest.mark.pitfall(58)
    def test_an_empty_result_is_a_result(self, empty: Any) -> None:
        body, losses = to_messages(chat("hi", called(), result(content=empty), tools=[TOOL]))
        assert content(body, 2) == [{"type": "tool_result", "tool_use_id": "c1", "content": ""}]
        assert losses == {}

    def test_a_result_of_several_parts(self) -> None:
        parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
        body, _ = to_messages(chat("hi", called(), result(content=parts), tools=[TOOL]))
        assert content(body, 2)[0]["content"] == parts

    def test_a_call_without_a_result_gets_an_error_for_one(self) -> None:
        second = {**CALL, "id": "c2"}
        body, losses = to_messages(chat("hi", called(CALL, second), result("c2"), tools=[TOOL]))
        added = {"type": "tool_result", "tool_use_id": "c1", "content": '{"error":"no result"}', "is_error": True}
        assert content(body, 2)[0] == added
        assert losses == {"messages.1.tool_calls.0": "added"}

    def test_an_interrupted_call_before_a_user_message(self) -> None:
        body, losses = to_messages(chat("hi", called(), "stop that", tools=[TOOL]))
        assert [block["type"] for block in content(body, 2)] == ["tool_result", "text"]
        assert losses == {"messages.1.tool_calls.0": "added"}

    @pytest.mark.parametrize("turns", [[result("c9")], [called(), result("c9")], [called(), result(), result()]])
    @pytest.mark.pitfall(59, 61)
    def test_an_orphan_result_is_refused(self, turns: list[dict[str, Any]]) -> None:
        """Never paired by order or name."""
        error = refusal(CHAT, MESSAGES, chat("hi", *turns, tools=[TOOL]))
        assert error.param == f"messages.{len(turns)}"

    @pytest.mark.parametrize("call_id", ["functions.f:0", "x" * 300])
    @pytest.mark.pitfall(62, 65, 66)
    def test_ids_are_mapped_for_both_halves(self, call_id: str) -> None:
        body, losses = to_messages(chat("hi", called({**CALL, "id": call_id}), result(call_id), tools=[TOOL]))
        wire = wire_id(call_id, "anthropic")
        assert wire != call_id
        assert content(body, 1)[0]["id"] == content(body, 2)[0]["tool_use_id"] == wire
        assert losses == {}

    @pytest.mark.pitfall(59)
    def test_a_tool_message_without_its_id_is_a_400_that_says_so(self) -> None:
        with pytest.raises(RequestError) as caught:
            to_messages(chat("hi", called(), {"role": "tool", "content": "x"}))
        assert caught.value.param == "messages.2.tool_call_id"

    def test_legacy_calls_in_the_history_are_calls(self) -> None:
        legacy = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
        answered = {"role": "function", "name": "f", "content": "ok"}
        body, _ = to_messages(chat("hi", legacy, answered, tools=[TOOL]))
        assert content(body, 1)[0]["id"] == content(body, 2)[0]["tool_use_id"]


class TestOutput:
    def wanted(self, schema: dict[str, Any], **fields: Any) -> dict[str, Any]:
        return chat(response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": schema, **fields}})

    def test_a_schema_within_the_subset_is_the_same_schema(self) -> None:
        schema = {
            "type": "object",
            "properties": {"format": {"type": "string"}, "properties": {"type": "integer"}},
            "required": ["format"],
            "additionalProperties": False,
        }
        body, losses = to_messages(self.wanted(schema, strict=True))
        assert body["output_config"] == {"format": {"type": "json_schema", "schema": schema}}
        assert losses == {}

    @pytest.mark.pitfall(77)
    def test_what_the_subset_lacks_becomes_words_at_its_position_only(self) -> None:
        """Properties that bear the names of keywords are no keywords."""
        schema = {
            "type": "object",
            "properties": {
                "minimum": {"type": "integer", "minimum": 3},
                "maxLength": {"type": "string"},
                "one": {"oneOf": [{"type": "string", "format": "regex"}, {"type": "null"}]},
            },
            "additionalProperties": False,
        }
        body, losses = to_messages(self.wanted(schema))
        properties = body["output_config"]["format"]["schema"]["properties"]
        assert properties["minimum"] == {"type": "integer", "description": "{minimum: 3}"}
        assert properties["maxLength"] == {"type": "string"}
        assert properties["one"] == {
            "anyOf": [{"type": "string", "description": '{format: "regex"}'}, {"type": "null"}]
        }
        assert losses == {"response_format": "approximated"}

    def test_a_schema_that_was_not_strict_will_be(self) -> None:
        closed = {"type": "object", "properties": {}, "additionalProperties": False}
        assert to_messages(self.wanted(closed, strict=False))[1] == {"response_format": "approximated"}

    def test_any_json_is_reported(self) -> None:
        body, losses = to_messages(chat(response_format={"type": "json_object"}))
        assert "output_config" not in body
        assert losses == {"response_format": "dropped"}

    def test_text_is_the_default(self) -> None:
        assert to_messages(chat(response_format={"type": "text"}))[1] == {}

    @pytest.mark.pitfall(87, 88, 130)
    def test_no_tools_of_ours_are_added(self) -> None:
        """Structured output is never emulated with a hidden tool."""
        body, _ = to_messages({**self.wanted({"type": "object"}), "tools": [TOOL]})
        assert len(body["tools"]) == 1


class TestReasoning:
    @pytest.mark.parametrize(
        ("effort", "thinking", "config", "losses"),
        [
            ("none", {"type": "disabled"}, None, {}),
            ("minimal", {"type": "adaptive", "display": "summarized"}, "low", {"reasoning_effort": "approximated"}),
            ("low", {"type": "adaptive", "display": "summarized"}, "low", {}),
            ("xhigh", {"type": "adaptive", "display": "summarized"}, "xhigh", {}),
            ("max", {"type": "adaptive", "display": "summarized"}, "max", {}),
        ],
    )
    @pytest.mark.pitfall(113)
    def test_effort_on_an_adaptive_model(
        self, effort: str, thinking: dict[str, str], config: str | None, losses: dict[str, str]
    ) -> None:
        """Newer models hide their thinking unless a summary is asked for."""
        body, found = to_messages(chat(reasoning_effort=effort), ADAPTIVE)
        assert body["thinking"] == thinking
        assert body.get("output_config") == (None if config is None else {"effort": config})
        assert found == losses

    @pytest.mark.parametrize(
        ("effort", "budget"), [("minimal", 1024), ("low", 2048), ("medium", 8192), ("high", 16384)]
    )
    @pytest.mark.pitfall(117)
    def test_effort_on_a_model_with_a_budget(self, effort: str, budget: int) -> None:
        """Never below 1024."""
        body, losses = to_messages(chat(reasoning_effort=effort, max_tokens=30000), BUDGET)
        assert body["thinking"] == {"type": "enabled", "budget_tokens": budget}
        assert body["max_tokens"] == 30000
        assert losses == {}

    @pytest.mark.parametrize(
        ("limit", "budget", "losses"),
        [(4000, 3999, {"reasoning_effort": "approximated"}), (1024, None, {"reasoning_effort": "dropped"})],
    )
    @pytest.mark.pitfall(116)
    def test_an_explicit_limit_bounds_the_budget(self, limit: int, budget: int | None, losses: dict[str, str]) -> None:
        body, found = to_messages(chat(reasoning_effort="high", max_tokens=limit), BUDGET)
        assert body.get("thinking", {}).get("budget_tokens") == budget
        assert body["max_tokens"] == limit
        assert found == losses

    def test_a_limit_of_ours_grows_with_the_budget(self) -> None:
        unknown = ModelFacts(reasoning="budget")
        body, _ = to_messages(chat(reasoning_effort="high"), unknown)
        assert body["max_tokens"] == 8192 + 16384

    def test_a_model_that_cannot_be_silenced_thinks_little(self) -> None:
        facts = ModelFacts(reasoning="adaptive", may_disable_reasoning=False, max_output_tokens=9)
        body, losses = to_messages(chat(reasoning_effort="none"), facts)
        assert body["output_config"] == {"effort": "low"}
        assert losses == {"reasoning_effort": "approximated"}

    def test_a_model_that_does_not_reason(self) -> None:
        assert to_messages(chat(reasoning_effort="high"))[1] == {"reasoning_effort": "dropped"}
        assert to_messages(chat(reasoning_effort="none"))[1] == {}

    @pytest.mark.pitfall(21)
    def test_nothing_said_is_nothing_sent(self) -> None:
        """Thinking is never forced on."""
        body, _ = to_messages(chat(), ADAPTIVE)
        assert "thinking" not in body
        assert "output_config" not in body

    @pytest.mark.parametrize("facts", [ADAPTIVE, BUDGET])
    @pytest.mark.pitfall(119)
    def test_a_forced_call_excludes_it(self, facts: ModelFacts) -> None:
        body, losses = to_messages(chat(tools=[TOOL], tool_choice="required", reasoning_effort="low"), facts)
        assert "thinking" not in body
        assert losses == {"reasoning_effort": "dropped"}

    def test_it_excludes_sampling(self) -> None:
        body, losses = to_messages(chat(reasoning_effort="low", temperature=0.5, top_p=0.5, top_k=3), ADAPTIVE)
        assert not {"temperature", "top_p", "top_k"} & set(body)
        assert losses == {"temperature": "dropped", "top_p": "dropped", "top_k": "dropped"}
        body, losses = to_messages(chat(reasoning_effort="low", temperature=1, top_p=0.97), ADAPTIVE)
        assert body["top_p"] == 0.97
        assert losses == {}

    def test_a_budget_is_not_taken_in_a_loop_whose_calls_carry_no_thinking(self) -> None:
        turns = ("hi", called(), result())
        body, losses = to_messages(chat(*turns, tools=[TOOL], reasoning_effort="low"), BUDGET)
        assert "thinking" not in body
        assert losses == {"reasoning_effort": "dropped"}
        body, losses = to_messages(chat(*turns, tools=[TOOL], reasoning_effort="low"), ADAPTIVE)
        assert body["thinking"]["type"] == "adaptive"
        assert losses == {}

    @pytest.mark.parametrize(
        ("fields", "budget"),
        [
            ({"reasoning": {"max_tokens": 3000}}, 3000),
            ({"reasoning": {"effort": "low"}}, 2048),
            ({"reasoning": {"enabled": True}}, 8192),
            ({"thinking": {"type": "enabled", "budget_tokens": 1500}}, 1500),
            ({"thinking": {"type": "enabled"}}, 8192),
        ],
    )
    def test_other_servers_spellings_are_read(self, fields: dict[str, Any], budget: int) -> None:
        body, losses = to_messages(chat(max_tokens=30000, **fields), BUDGET)
        assert body["thinking"]["budget_tokens"] == budget
        assert losses == {}

    @pytest.mark.pitfall(144)
    def test_a_wrong_word_is_the_callers_fault(self) -> None:
        with pytest.raises(RequestError) as caught:
            to_messages(chat(reasoning_effort="hihg"))
        assert (caught.value.status, caught.value.param) == (400, "reasoning_effort")


class TestSettings:
    @pytest.mark.pitfall(163)
    def test_zero_is_a_value(self) -> None:
        body, losses = to_messages(chat(temperature=0, top_k=0))
        assert (body["temperature"], body["top_k"]) == (0, 0)
        assert losses == {}

    def test_temperature_is_clamped_and_not_rescaled(self) -> None:
        body, losses = to_messages(chat(temperature=1.4))
        assert body["temperature"] == 1
        assert losses == {"temperature": "approximated"}

    def test_temperature_and_top_p_are_not_taken_together(self) -> None:
        body, losses = to_messages(chat(temperature=0.3, top_p=0.9))
        assert (body["temperature"], "top_p" in body) == (0.3, False)
        assert losses == {"top_p": "dropped"}
        assert to_messages(chat(top_p=0.9))[0]["top_p"] == 0.9

    @pytest.mark.pitfall(164)
    def test_a_model_without_sampling(self) -> None:
        facts = ModelFacts(takes_sampling=False, max_output_tokens=9)
        body, losses = to_messages(chat(temperature=1, top_p=1), facts)
        assert not {"temperature", "top_p"} & set(body)
        assert losses == {}
        assert to_messages(chat(temperature=0, top_k=5), facts)[1] == {"temperature": "dropped", "top_k": "dropped"}

    @pytest.mark.parametrize(
        ("fields", "limit", "losses"),
        [
            ({"max_tokens": 7}, 7, {}),
            ({"max_completion_tokens": 7}, 7, {}),
            ({"max_completion_tokens": 7, "max_tokens": 7}, 7, {}),
            ({"max_tokens": None}, 32000, {}),
            ({}, 32000, {}),
            ({"max_tokens": 99999}, 32000, {"max_tokens": "approximated"}),
        ],
    )
    @pytest.mark.pitfall(161)
    def test_the_limit(self, fields: dict[str, Any], limit: int, losses: dict[str, str]) -> None:
        """Without one, the model's own maximum."""
        body, found = to_messages(chat(**fields))
        assert body["max_tokens"] == limit
        assert found == losses

    def test_an_unknown_limit_is_reported(self) -> None:
        body, losses = to_messages(chat(), ModelFacts())
        assert body["max_tokens"] == 8192
        assert losses == {"max_completion_tokens": "added"}

    def test_a_limit_of_zero_is_refused(self) -> None:
        assert refusal(CHAT, MESSAGES, chat(max_tokens=0)).param == "max_tokens"

    def test_limits_that_differ_are_a_400(self) -> None:
        with pytest.raises(RequestError) as caught:
            to_messages(chat(max_tokens=1, max_completion_tokens=2))
        assert caught.value.param == "max_tokens"

    @pytest.mark.parametrize(("stop", "written"), [("x", ["x"]), (["a", "[DONE]"], ["a", "[DONE]"]), ([], None)])
    @pytest.mark.pitfall(165, 166)
    def test_stop_sequences(self, stop: Any, written: list[str] | None) -> None:
        """Nothing is added, nothing filtered."""
        body, losses = to_messages(chat(stop=stop))
        assert body.get("stop_sequences") == written
        assert losses == {}

    @pytest.mark.pitfall(165)
    def test_a_stop_sequence_of_whitespace_is_ours_to_find(self) -> None:
        """Which is refused there."""
        asked = chat(stop=["\n", "x"], max_tokens=5)
        encoded = MESSAGES.encode_request(CHAT.decode_request(json.dumps(asked).encode()), "up", FACTS)
        assert json.loads(encoded.body)["stop_sequences"] == ["x"]
        assert encoded.stops == ("\n",)
        assert [(loss.field, loss.what) for loss in encoded.losses] == [("stop", "approximated")]
        assert refusal(CHAT, MESSAGES, chat(stop="")).param == "stop"

    @pytest.mark.parametrize(
        "fields",
        [
            *({"n": 2}, {"n": 0}, {"logprobs": True}, {"top_logprobs": 2}, {"logit_bias": {"1": 1}}),
            *({"modalities": ["text", "audio"]}, {"audio": {"voice": "x"}}, {"web_search_options": {"a": 1}}),
            *({"moderation": {"model": "x", "policy": {"input": {}, "output": {}}}},),
        ],
    )
    def test_what_changes_the_answer_is_refused(self, fields: dict[str, Any]) -> None:
        assert refusal(CHAT, MESSAGES, chat(**fields)).param == next(iter(fields))

    @pytest.mark.parametrize(
        "fields",
        [
            *({"seed": 0}, {"presence_penalty": 0.5}, {"frequency_penalty": -1}, {"verbosity": "low"}),
            *({"prediction": {"type": "content", "content": "x"}}, {"service_tier": "priority"}, {"store": True}),
            *({"metadata": {"a": "b"}}, {"moderation": {"model": "x"}}, {"never_heard_of": 1}),
        ],
    )
    @pytest.mark.pitfall(168)
    def test_tuning_is_reported(self, fields: dict[str, Any]) -> None:
        """Nothing vanishes in silence."""
        _, losses = to_messages(chat(**fields))
        assert losses == {next(iter(fields)): "dropped"}

    @pytest.mark.parametrize(
        "fields",
        [
            *({"n": 1}, {"logprobs": False}, {"top_logprobs": 0}, {"logit_bias": {}}, {"modalities": ["text"]}),
            *({"presence_penalty": 0}, {"frequency_penalty": 0.0}, {"stop": None}, {"seed": None}, {"tools": []}),
            *({"store": False}, {"metadata": {}}, {"verbosity": "medium"}, {"service_tier": "auto"}, {"x": None}),
            *(
                {"prompt_cache_key": "k"},
                {"prompt_cache_retention": "24h"},
                {"stream_options": {"include_usage": True}},
            ),
        ],
    )
    def test_defaults_and_hints_change_nothing(self, fields: dict[str, Any]) -> None:
        assert to_messages(chat(**fields))[1] == {}

    def test_a_cache_hint_is_dropped_in_silence(self) -> None:
        part = {"type": "text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}}
        body, losses = to_messages(chat({"role": "user", "content": [part]}))
        assert content(body) == [{"type": "text", "text": "x"}]
        assert losses == {}

    @pytest.mark.parametrize(
        ("fields", "user"),
        [({"user": "u"}, "u"), ({"safety_identifier": "s"}, "s"), ({"user": "u", "safety_identifier": "s"}, "s")],
    )
    def test_the_users_id(self, fields: dict[str, str], user: str) -> None:
        assert to_messages(chat(**fields))[0]["metadata"] == {"user_id": user}

    @pytest.mark.parametrize(("tier", "written"), [("auto", "auto"), ("default", "standard_only")])
    def test_the_service_tier(self, tier: str, written: str) -> None:
        assert to_messages(chat(service_tier=tier))[0]["service_tier"] == written

    def test_a_stream_is_a_stream(self) -> None:
        assert to_messages(chat(stream=True))[0]["stream"] is True
        assert "stream" not in to_messages(chat(stream=False))[0]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": "m"}, "messages"),
        ({"model": "m", "messages": []}, "messages"),
        ({"model": "m", "messages": "hi"}, "messages"),
        ({"model": "m", "messages": [1]}, "messages.0"),
        ({"model": "m", "messages": [{"content": "x"}]}, "messages.0.role"),
        ({"model": "m", "messages": [{"role": "wizard", "content": "x"}]}, "messages.0.role"),
        ({"model": "m", "messages": [{"role": "user", "content": 3}]}, "messages.0.content"),
        ({"model": "m", "messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages.0.content.0.type"),
        ({"model": "m", "messages": [{"role": "user", "content": "x"}], "temperature": "hot"}, "temperature"),
        (
            {"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": [{"type": "function"}]},
            "tools.0.function",
        ),
        ({"model": "m", "messages": [{"role": "user", "content": "x"}], "tool_choice": "maybe"}, "tool_choice"),
        ({"model": "m", "messages": [{"role": "user", "content": "x"}], "max_tokens": -1}, "max_tokens"),
    ],
)
def test_a_malformed_request_is_a_400_that_names_the_field(body: dict[str, Any], param: str) -> None:
    with pytest.raises(RequestError) as caught:
        CHAT.decode_request(json.dumps(body).encode())
    assert (caught.value.status, caught.value.param) == (400, param)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b'{"a":"\xff"}', b"[" * 99999, b'{"messages":' + b"[" * 99999]
)
@pytest.mark.parametrize("translation", [CHAT, MESSAGES])
def test_what_is_no_json_object_is_a_400(translation: Any, body: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        translation.decode_request(body)
    assert caught.value.status == 400
