"""Messages requests for a Chat upstream: one test for each row of the mapping."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.codecs.translation.roads import CHAT, FACTS, MESSAGES, messages, refusal, to_chat
from torouter.canon.names import wire_id, wire_name
from torouter.canon.reasoning import ModelFacts
from torouter.errors import RequestError

PNG = "iVBORw0KGgo="
PDF = "JVBERi0xLjQK"
TOOL = {"name": "f", "input_schema": {"type": "object", "properties": {}}}
USE = {"type": "tool_use", "id": "t1", "name": "f", "input": {"x": 1}}
EFFORT = ModelFacts(reasoning="effort")
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
IMAGE_PART = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}


def said(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": [{"type": "text", "text": b} if isinstance(b, str) else b for b in blocks]}


def asked(*blocks: Any) -> dict[str, Any]:
    return {**said(*blocks), "role": "user"}


def result(use_id: str = "t1", content: Any = "ok", **fields: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": use_id, "content": content, **fields}


class TestInstructions:
    def test_each_block_of_the_system_prompt_is_a_message(self) -> None:
        system = [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}]
        body, losses = to_chat(messages("hi", system=system))
        assert body["messages"][:2] == [{"role": "system", "content": "a"}, {"role": "system", "content": "b"}]
        assert losses == {}
        assert to_chat(messages("hi", system="s"))[0]["messages"][0] == {"role": "system", "content": "s"}

    @pytest.mark.pitfall(176)
    def test_later_ones_stay_in_place(self) -> None:
        body, losses = to_chat(messages("a", {"role": "system", "content": "s"}, said("b"), "c"))
        assert [each["role"] for each in body["messages"]] == ["user", "system", "assistant", "user"]
        assert losses == {}

    @pytest.mark.pitfall(68)
    def test_developer_is_never_written(self) -> None:
        """Nobody but OpenAI knows that role."""
        body, _ = to_chat(messages("hi", system="s"))
        assert "developer" not in json.dumps(body)


class TestTurns:
    def test_one_text_is_a_string_and_more_are_parts(self) -> None:
        body, _ = to_chat(messages(asked("a"), said("x", "y"), asked("b", "c")))
        assert [each["content"] for each in body["messages"]] == [
            "a",
            "xy",
            [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}],
        ]

    def test_text_and_calls_stand_apart(self) -> None:
        body, losses = to_chat(messages("hi", said("a", USE, "b"), asked(result()), tools=[TOOL]))
        assert body["messages"][1] == {
            "role": "assistant",
            "content": "ab",
            "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}],
        }
        assert losses == {"messages.1.content.2": "moved"}

    def test_calls_alone_have_null_for_content(self) -> None:
        body, losses = to_chat(messages("hi", said(USE), asked(result()), tools=[TOOL]))
        assert body["messages"][1]["content"] is None
        assert losses == {}

    @pytest.mark.pitfall(57)
    def test_results_come_first_and_the_rest_follows(self) -> None:
        second = {**USE, "id": "t2"}
        turn = asked("next", result("t2", "two"), result("t1", "one"))
        body, losses = to_chat(messages("hi", said(USE, second), turn, tools=[TOOL]))
        assert body["messages"][2:] == [
            {"role": "tool", "tool_call_id": "t2", "content": "two"},
            {"role": "tool", "tool_call_id": "t1", "content": "one"},
            {"role": "user", "content": "next"},
        ]
        assert losses == {}

    def test_results_in_several_user_messages_still_come_first(self) -> None:
        second = {**USE, "id": "t2"}
        turns = (said(USE), said(second), asked(result("t1"), "a"), asked(result("t2"), "b"))
        body, _ = to_chat(messages("hi", *turns, tools=[TOOL]))
        assert [each["role"] for each in body["messages"]] == ["user", "assistant", "tool", "tool", "user", "user"]
        assert len(body["messages"][1]["tool_calls"]) == 2

    def test_a_prefill_is_refused(self) -> None:
        assert refusal(MESSAGES, CHAT, messages("hi", said("Sure,"))).param == "messages.1"

    def test_an_empty_conversation_is_refused(self) -> None:
        assert refusal(MESSAGES, CHAT, messages(asked())).param == "messages"

    @pytest.mark.pitfall(105)
    def test_thinking_is_dropped_once_and_never_becomes_text(self) -> None:
        """Signatures and thoughts go to their issuer only."""
        thought = {"type": "thinking", "thinking": "secret", "signature": "sig"}
        hidden = {"type": "redacted_thinking", "data": "blob"}
        body, losses = to_chat(messages("a", said(thought, "b"), "c", said(hidden, "d"), "e"))
        assert not any(word in json.dumps(body) for word in ("secret", "sig", "blob"))
        assert losses == {"messages.1.content.0": "dropped"}

    @pytest.mark.pitfall(110, 112)
    def test_vendors_that_want_their_thoughts_back_get_them(self) -> None:
        thought = {"type": "thinking", "thinking": "hm", "signature": ""}
        facts = ModelFacts(reasoning="flag", takes_reasoning=True)
        body, losses = to_chat(messages("hi", said(thought, USE), asked(result()), tools=[TOOL]), facts)
        assert body["messages"][1]["reasoning_content"] == "hm"
        assert losses == {}

    def test_what_a_server_ran_is_dropped_as_a_pair(self) -> None:
        use = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}}
        found = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []}
        body, losses = to_chat(messages("a", said(use, found, "so"), "b"))
        assert body["messages"][1] == {"role": "assistant", "content": "so"}
        assert losses == {"messages.1.content.0": "dropped", "messages.1.content.1": "dropped"}

    def test_citations_in_the_history_are_reported(self) -> None:
        cited = {"type": "text", "text": "x", "citations": [{"type": "char_location", "cited_text": "y"}]}
        assert to_chat(messages("a", said(cited), "b"))[1] == {"messages.1.content.0.citations": "dropped"}

    @pytest.mark.pitfall(31)
    def test_unknown_blocks_are_refused(self) -> None:
        """Unknown kinds must not vanish."""
        assert refusal(MESSAGES, CHAT, messages(asked({"type": "hologram"}))).param == "messages.0.content.0"
        assert refusal(MESSAGES, CHAT, messages(asked({"type": "search_result"}))).param == "messages.0.content.0"


class TestMedia:
    @pytest.mark.parametrize(
        ("source", "url"),
        [
            (IMAGE["source"], f"data:image/png;base64,{PNG}"),
            ({"type": "url", "url": "https://x.test/a.png"}, "https://x.test/a.png"),
        ],
    )
    def test_images(self, source: Any, url: str) -> None:
        body, losses = to_chat(messages(asked("see", {"type": "image", "source": source})))
        assert body["messages"][0]["content"][1] == {"type": "image_url", "image_url": {"url": url}}
        assert losses == {}

    @pytest.mark.parametrize(
        ("block", "param"),
        [
            ({"type": "image", "source": {"type": "file", "file_id": "f"}}, "messages.0.content.0.source"),
            ({"type": "image", "source": {"type": "url", "url": "gs://x"}}, "messages.0.content.0.source"),
            ({"type": "document", "source": {"type": "url", "url": "https://x"}}, "messages.0.content.0.source"),
            ({"type": "document", "source": {"type": "content", "content": []}}, "messages.0.content.0"),
        ],
    )
    def test_what_lies_elsewhere_is_refused(self, block: dict[str, Any], param: str) -> None:
        assert refusal(MESSAGES, CHAT, messages(asked(block))).param == param

    def test_a_pdf_is_a_file(self) -> None:
        source = {"type": "base64", "media_type": "application/pdf", "data": PDF}
        body, losses = to_chat(messages(asked({"type": "document", "source": source, "title": "a.pdf"})))
        file = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}
        assert body["messages"][0]["content"] == [{"type": "file", "file": file}]
        assert losses == {}

    def test_a_text_document_is_text_behind_its_title(self) -> None:
        source = {"type": "text", "media_type": "text/plain", "data": "body"}
        document = {"type": "document", "source": source, "title": "T", "context": "C", "citations": {"enabled": True}}
        body, losses = to_chat(messages(asked(document)))
        assert body["messages"][0]["content"] == "T\nC\nbody"
        assert losses == {"messages.0.content.0": "approximated", "messages.0.content.0.citations": "dropped"}


class TestTools:
    def test_a_definition(self) -> None:
        schema = {"type": "object", "properties": {"b": {}, "a": {}}}
        body, losses = to_chat(messages(tools=[{"name": "f", "description": "d", "input_schema": schema}]))
        assert body["tools"] == [
            {"type": "function", "function": {"name": "f", "description": "d", "parameters": schema}}
        ]
        assert list(body["tools"][0]["function"]["parameters"]["properties"]) == ["b", "a"]
        assert losses == {}

    def test_strict_where_the_schema_can_be(self) -> None:
        schema = {
            "type": "object",
            "properties": {"properties": {"type": "string"}},
            "required": ["properties"],
            "additionalProperties": False,
        }
        body, losses = to_chat(messages(tools=[{"name": "f", "input_schema": schema, "strict": True}]))
        assert body["tools"][0]["function"]["strict"] is True
        assert losses == {}
        body, losses = to_chat(messages(tools=[{**TOOL, "strict": True}]))
        assert "strict" not in body["tools"][0]["function"]
        assert losses == {"tools.0": "dropped"}

    @pytest.mark.parametrize(
        "kind",
        ["web_search_20250305", "bash_20250124", "text_editor_20250728", "computer_20250124", "hologram_20300101"],
    )
    @pytest.mark.pitfall(85, 178)
    def test_vendor_tools_are_refused_by_name(self, kind: str) -> None:
        error = refusal(MESSAGES, CHAT, messages(tools=[TOOL, {"type": kind, "name": "bash"}]))
        assert error.param == "tools.1"
        assert kind in error.message

    @pytest.mark.parametrize(
        ("field", "losses"),
        [
            ({"cache_control": {"type": "ephemeral", "ttl": "1h"}}, {}),
            ({"eager_input_streaming": True}, {}),
            ({"allowed_callers": ["direct"]}, {}),
            ({"type": "custom"}, {}),
            ({"defer_loading": True}, {"tools.0.defer_loading": "dropped"}),
            ({"input_examples": [{"x": 1}]}, {"tools.0.input_examples": "dropped"}),
            ({"new_field": 1}, {"tools.0.new_field": "dropped"}),
        ],
    )
    def test_other_fields(self, field: dict[str, Any], losses: dict[str, str]) -> None:
        assert to_chat(messages(tools=[{**TOOL, **field}]))[1] == losses

    def test_calls_from_a_server_tool_are_refused(self) -> None:
        tool = {**TOOL, "allowed_callers": ["code_execution_20260120"]}
        assert refusal(MESSAGES, CHAT, messages(tools=[tool])).param == "tools.0.allowed_callers"

    @pytest.mark.parametrize(
        ("choice", "written"),
        [
            ({"type": "auto"}, {"tool_choice": "auto"}),
            ({"type": "any"}, {"tool_choice": "required"}),
            ({"type": "none"}, {"tool_choice": "none"}),
            ({"type": "tool", "name": "f"}, {"tool_choice": {"type": "function", "function": {"name": "f"}}}),
            (
                {"type": "any", "disable_parallel_tool_use": True},
                {"tool_choice": "required", "parallel_tool_calls": False},
            ),
            ({"type": "auto", "disable_parallel_tool_use": False}, {"tool_choice": "auto"}),
        ],
    )
    def test_the_choice(self, choice: dict[str, Any], written: dict[str, Any]) -> None:
        body, losses = to_chat(messages(tools=[TOOL], tool_choice=choice))
        assert {name: body[name] for name in ("tool_choice", "parallel_tool_calls") if name in body} == written
        assert losses == {}

    def test_without_tools_a_choice_says_nothing_or_is_refused(self) -> None:
        body, losses = to_chat(messages(tool_choice={"type": "auto", "disable_parallel_tool_use": True}))
        assert not {"tool_choice", "parallel_tool_calls"} & set(body)
        assert losses == {}
        assert refusal(MESSAGES, CHAT, messages(tool_choice={"type": "any"})).param == "tool_choice"
        choice = {"type": "tool", "name": "g"}
        assert refusal(MESSAGES, CHAT, messages(tools=[TOOL], tool_choice=choice)).param == "tool_choice"

    @pytest.mark.pitfall(71)
    def test_long_names_are_renamed_everywhere_alike(self) -> None:
        """A name of 100 characters is fine there and too long here."""
        name = "n" * 100
        tool, use = {**TOOL, "name": name}, {**USE, "name": name}
        body, _ = to_chat(
            messages("hi", said(use), asked(result()), tools=[tool], tool_choice={"type": "tool", "name": name})
        )
        wire = wire_name(name, "openai-chat")
        assert len(wire) <= 64
        assert body["tools"][0]["function"]["name"] == wire
        assert body["tool_choice"]["function"]["name"] == wire
        assert body["messages"][1]["tool_calls"][0]["function"]["name"] == wire


class TestCallsAndResults:
    def test_arguments_keep_numbers_and_order_and_lose_whitespace(self) -> None:
        body = json.dumps(messages("hi", said(USE), asked(result()), tools=[TOOL]))
        body = body.replace('{"x": 1}', '{"z": 1.50,  "a": 12345678901234567890}')
        encoded = CHAT.encode_request(MESSAGES.decode_request(body.encode()), "up", FACTS)
        arguments = json.loads(encoded.body)["messages"][1]["tool_calls"][0]["function"]["arguments"]
        assert arguments == '{"z":1.50,"a":12345678901234567890}'

    def test_no_arguments_are_an_empty_object(self) -> None:
        body, _ = to_chat(messages("hi", said({**USE, "input": {}}), asked(result()), tools=[TOOL]))
        assert body["messages"][1]["tool_calls"][0]["function"]["arguments"] == "{}"

    def test_several_texts_are_joined_by_newlines(self) -> None:
        content = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
        body, _ = to_chat(messages("hi", said(USE), asked(result(content=content)), tools=[TOOL]))
        assert body["messages"][2]["content"] == "a\nb"

    @pytest.mark.parametrize("content", ["", []])
    @pytest.mark.pitfall(58)
    def test_an_empty_result_is_a_result(self, content: Any) -> None:
        body, losses = to_chat(messages("hi", said(USE), asked(result(content=content)), tools=[TOOL]))
        assert body["messages"][2] == {"role": "tool", "tool_call_id": "t1", "content": ""}
        assert losses == {}

    def test_a_result_without_content_is_a_result(self) -> None:
        turn = asked({"type": "tool_result", "tool_use_id": "t1"})
        body, _ = to_chat(messages("hi", said(USE), turn, tools=[TOOL]))
        assert body["messages"][2]["content"] == ""

    def test_an_error_says_so_in_words(self) -> None:
        body, losses = to_chat(messages("hi", said(USE), asked(result(is_error=True)), tools=[TOOL]))
        assert body["messages"][2]["content"] == "[tool error] ok"
        assert losses == {"messages.2.content.0.is_error": "approximated"}
        assert to_chat(messages("hi", said(USE), asked(result(is_error=False)), tools=[TOOL]))[1] == {}

    @pytest.mark.pitfall(170)
    def test_images_in_results_are_hoisted_behind_all_results(self) -> None:
        """The model must see the screenshot."""
        second = {**USE, "id": "t2"}
        turn = asked(result(content=[{"type": "text", "text": "a"}, IMAGE]), result("t2", "b"), "look")
        body, losses = to_chat(messages("hi", said(USE, second), turn, tools=[TOOL]))
        assert [each["role"] for each in body["messages"][2:]] == ["tool", "tool", "user"]
        assert body["messages"][2]["content"] == "a"
        assert body["messages"][4]["content"] == [
            {"type": "text", "text": "[image from tool result t1]"},
            IMAGE_PART,
            {"type": "text", "text": "look"},
        ]
        assert losses == {"messages.2.content.0.content.1": "moved"}

    def test_an_image_alone_leaves_an_empty_result(self) -> None:
        body, _ = to_chat(messages("hi", said(USE), asked(result(content=[IMAGE])), tools=[TOOL]))
        assert body["messages"][2] == {"role": "tool", "tool_call_id": "t1", "content": ""}
        assert body["messages"][3]["content"][1] == IMAGE_PART

    def test_an_orphan_result_is_refused(self) -> None:
        assert refusal(MESSAGES, CHAT, messages(asked(result()))).param == "messages.0.content.0"

    @pytest.mark.pitfall(64)
    def test_ids_over_the_limit_are_mapped_for_both_halves(self) -> None:
        long = "toolu_" + "x" * 60
        turns = ("hi", said({**USE, "id": long}), asked(result(long)))
        body, _ = to_chat(messages(*turns, tools=[TOOL]))
        wire = wire_id(long, "openai-chat")
        assert body["messages"][1]["tool_calls"][0]["id"] == body["messages"][2]["tool_call_id"] == wire
        assert len(wire) <= 40

    def test_results_of_an_unknown_kind_are_refused(self) -> None:
        turn = asked(result(content=[{"type": "tool_reference", "tool_name": "x"}]))
        assert refusal(MESSAGES, CHAT, messages("hi", said(USE), turn, tools=[TOOL])).param == (
            "messages.2.content.0.content.0"
        )


class TestOutputAndReasoning:
    def test_a_closed_schema_is_guaranteed(self) -> None:
        schema = {"type": "object", "properties": {"a": {}}, "required": ["a"], "additionalProperties": False}
        body, losses = to_chat(messages(output_config={"format": {"type": "json_schema", "schema": schema}}))
        wanted = {"name": "response", "schema": schema, "strict": True}
        assert body["response_format"] == {"type": "json_schema", "json_schema": wanted}
        assert losses == {}

    def test_another_schema_is_asked_for_and_reported(self) -> None:
        schema = {"type": "object", "properties": {"a": {}}, "additionalProperties": False}
        body, losses = to_chat(messages(output_config={"format": {"type": "json_schema", "schema": schema}}))
        assert body["response_format"]["json_schema"]["strict"] is False
        assert losses == {"output_config.format": "approximated"}

    @pytest.mark.parametrize(
        ("fields", "effort", "losses"),
        [
            ({}, None, {}),
            ({"thinking": {"type": "adaptive"}}, None, {}),
            ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}}, "xhigh", {}),
            ({"output_config": {"effort": "low"}}, "low", {}),
            ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "minimal", {}),
            ({"thinking": {"type": "enabled", "budget_tokens": 10000}}, "medium", {}),
            ({"thinking": {"type": "disabled"}}, "none", {}),
        ],
    )
    def test_effort(self, fields: dict[str, Any], effort: str | None, losses: dict[str, str]) -> None:
        body, found = to_chat(messages(**fields), EFFORT)
        assert body.get("reasoning_effort") == effort
        assert found == losses

    def test_a_model_that_cannot_be_silenced(self) -> None:
        facts = ModelFacts(reasoning="effort", may_disable_reasoning=False)
        body, losses = to_chat(messages(thinking={"type": "disabled"}), facts)
        assert body["reasoning_effort"] == "minimal"
        assert losses == {"thinking": "approximated"}

    def test_a_model_that_does_not_reason(self) -> None:
        thinking = {"type": "enabled", "budget_tokens": 2000}
        assert to_chat(messages(thinking=thinking))[1] == {"thinking.budget_tokens": "dropped"}
        assert to_chat(messages(thinking={"type": "disabled"}))[1] == {}

    @pytest.mark.parametrize(
        ("thinking", "written"),
        [
            ({"type": "enabled", "budget_tokens": 3000}, {"max_tokens": 3000}),
            ({"type": "adaptive"}, {"enabled": True}),
            ({"type": "disabled"}, {"enabled": False}),
        ],
    )
    def test_openrouters_form(self, thinking: dict[str, Any], written: dict[str, Any]) -> None:
        assert to_chat(messages(thinking=thinking), ModelFacts(reasoning="openrouter"))[0]["reasoning"] == written

    def test_a_flag(self) -> None:
        facts = ModelFacts(reasoning="flag")
        assert to_chat(messages(thinking={"type": "adaptive"}), facts)[0]["thinking"] == {"type": "enabled"}
        assert to_chat(messages(thinking={"type": "disabled"}), facts)[0]["thinking"] == {"type": "disabled"}
        config = {"effort": "high"}
        assert to_chat(messages(output_config=config), facts)[1] == {"output_config.effort": "approximated"}

    @pytest.mark.pitfall(22)
    def test_visible_only_if_it_was_asked_for(self) -> None:
        for fields, is_visible in (
            ({}, False),
            ({"thinking": {"type": "adaptive"}}, True),
            ({"thinking": {"type": "adaptive", "display": "omitted"}}, False),
            ({"thinking": {"type": "disabled"}}, False),
        ):
            request = MESSAGES.decode_request(json.dumps(messages(**fields)).encode())
            assert request.is_reasoning_visible is is_visible


class TestSettings:
    def test_the_limit(self) -> None:
        assert to_chat(messages(max_tokens=7))[0]["max_completion_tokens"] == 7
        body, losses = to_chat(messages(max_tokens=99999))
        assert body["max_completion_tokens"] == 32000
        assert losses == {"max_tokens": "approximated"}

    def test_a_limit_of_zero_is_refused(self) -> None:
        """It only warms a cache there, and is never "absent"."""
        assert refusal(MESSAGES, CHAT, messages(max_tokens=0)).param == "max_tokens"

    def test_a_limit_is_required(self) -> None:
        with pytest.raises(RequestError) as caught:
            MESSAGES.decode_request(b'{"model":"m","messages":[{"role":"user","content":"x"}]}')
        assert caught.value.param == "max_tokens"

    @pytest.mark.pitfall(163)
    def test_sampling(self) -> None:
        """Zero is a value."""
        body, losses = to_chat(messages(temperature=0, top_p=0.0, top_k=0))
        assert (body["temperature"], body["top_p"]) == (0, 0)
        assert losses == {"top_k": "dropped"}

    def test_a_model_without_sampling(self) -> None:
        facts = ModelFacts(takes_sampling=False)
        assert to_chat(messages(temperature=1), facts)[1] == {}
        assert to_chat(messages(temperature=0.5, top_p=0.5), facts)[1] == {"temperature": "dropped", "top_p": "dropped"}

    @pytest.mark.pitfall(166)
    def test_stop_sequences(self) -> None:
        assert to_chat(messages(stop_sequences=["a", "[DONE]"]))[0]["stop"] == ["a", "[DONE]"]
        assert "stop" not in to_chat(messages(stop_sequences=[]))[0]
        assert refusal(MESSAGES, CHAT, messages(stop_sequences=list("abcde"))).param == "stop_sequences"

    def test_the_users_id(self) -> None:
        assert to_chat(messages(metadata={"user_id": "u"}))[0]["user"] == "u"
        body, losses = to_chat(messages(metadata={"user_id": "u" * 129, "x": 1}))
        assert "user" not in body
        assert losses == {"metadata.user_id": "dropped", "metadata.x": "dropped"}

    @pytest.mark.parametrize(("tier", "written"), [("auto", "auto"), ("standard_only", "default")])
    def test_the_service_tier(self, tier: str, written: str) -> None:
        assert to_chat(messages(service_tier=tier))[0]["service_tier"] == written

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            *(("container", "c"), ("mcp_servers", [{"name": "x"}]), ("inference_geo", "eu"), ("fallbacks", ["m"])),
            *(("thread", {"id": "t"}), ("context_management", {"edits": [{"type": "clear_tool_uses_20250919"}]})),
        ],
    )
    def test_state_and_promises_of_the_vendors_are_refused(self, field: str, value: Any) -> None:
        assert refusal(MESSAGES, CHAT, messages(**{field: value})).param == field

    @pytest.mark.parametrize(
        ("fields", "losses"),
        [
            ({"speed": "fast"}, {"speed": "dropped"}),
            ({"never_heard_of": 1}, {"never_heard_of": "dropped"}),
            (
                {"context_management": {"edits": [{"type": "clear_thinking_20251015"}]}},
                {"context_management": "dropped"},
            ),
            ({"output_config": {"effort": "low", "new": 1}}, {"output_config.new": "dropped"}),
            ({"cache_control": {"type": "ephemeral"}}, {}),
            ({"mcp_servers": []}, {}),
            ({"container": None}, {}),
        ],
    )
    def test_other_fields(self, fields: dict[str, Any], losses: dict[str, str]) -> None:
        assert to_chat(messages(**fields), EFFORT)[1] == losses

    def test_a_stream_asks_for_its_usage(self) -> None:
        body, _ = to_chat(messages(stream=True))
        assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})
        assert not {"stream", "stream_options"} & set(to_chat(messages())[0])


def test_a_coding_agents_request_passes_with_its_losses_named() -> None:
    """The shape that Claude Code sends (seen 2026-11)."""
    body, losses = to_chat(
        messages(
            asked({"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}),
            {"role": "system", "content": "mid"},
            said({"type": "thinking", "thinking": "t", "signature": "s"}, USE),
            asked(result(content=[IMAGE])),
            system=[{"type": "text", "text": "x-anthropic-billing-header: a"}, {"type": "text", "text": "You are"}],
            tools=[TOOL],
            stream=True,
            thinking={"type": "adaptive"},
            output_config={"effort": "high"},
            context_management={"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
            metadata={"user_id": '{"device_id":"d"}'},
        ),
        EFFORT,
    )
    assert [each["role"] for each in body["messages"]] == [
        *("system", "system", "user", "system", "assistant", "tool", "user")
    ]
    assert body["reasoning_effort"] == "high"
    assert losses == {
        "context_management": "dropped",
        "messages.2.content.0": "dropped",
        "messages.3.content.0.content.0": "moved",
    }


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages.0.content.0.type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content.0.text"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
        ({"messages": [said({"type": "tool_use", "id": "i"})]}, "messages.0.content.0.name"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"tools": [{}]}, "tools.0.name"),
        ({"tool_choice": {"type": "maybe"}}, "tool_choice"),
        ({"system": 3}, "system"),
        ({"output_config": {"effort": "huge"}}, "output_config.effort"),
    ],
)
def test_a_malformed_request_is_a_400_that_names_the_field(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(RequestError) as caught:
        MESSAGES.decode_request(json.dumps({**messages(), **fields}).encode())
    assert (caught.value.status, caught.value.param) == (400, param)
