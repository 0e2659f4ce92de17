"""Answers of Chat upstreams, sloppy ones too, for Messages clients."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.codecs.translation.roads import (
    CHAT,
    MESSAGES,
    answer_of,
    chat_chunk,
    chat_sse,
    encoded_stream,
    events_of,
    options,
    payloads,
)
from torouter.canon.blocks import ReasoningBlock, RefusalBlock, TextBlock, ToolCallBlock
from torouter.canon.events import Fault, Finish, FinishReason, Keepalive, PartDelta, PartEnd, PartStart, UsageSeen
from torouter.errors import UpstreamError

USAGE = {"prompt_tokens": 30, "completion_tokens": 12, "total_tokens": 42}


def call(
    index: int | None = 0, call_id: str | None = None, name: str | None = None, arguments: Any = None
) -> dict[str, Any]:
    """A fragment with only those fields that it says."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    kind = "function" if call_id else None
    fields = {"index": index, "id": call_id, "type": kind, "function": function or None}
    return {"tool_calls": [{key: value for key, value in fields.items() if value is not None}]}


def calls_of(*deltas: dict[str, Any], finish: str = "tool_calls") -> list[tuple[str, str, str]]:
    body = chat_sse(*(chat_chunk(delta) for delta in deltas), chat_chunk({}, finish))
    answer = answer_of(CHAT, body)
    return [(each.id, each.name, each.arguments) for each in answer.blocks if isinstance(each, ToolCallBlock)]


def finish_of(*chunks: dict[str, Any], done: bool = True) -> Finish | Fault | None:
    answer = answer_of(CHAT, chat_sse(*chunks, done=done))
    return answer.finish or answer.fault


class TestWhichCall:
    @pytest.mark.pitfall(28)
    def test_by_index(self) -> None:
        """Fragments of parallel calls interleaved."""
        found = calls_of(
            call(0, "a", "f", ""), call(1, "b", "g", ""), call(0, arguments='{"x":'), call(1, arguments='{"y":2}'),
            call(0, arguments="1}"),
        )  # fmt: skip
        assert found == [("a", "f", '{"x":1}'), ("b", "g", '{"y":2}')]

    @pytest.mark.pitfall(8, 13)
    def test_repeated_ids_and_names_say_nothing_new(self) -> None:
        found = calls_of(*(call(0, "a", "f", text) for text in ("", '{"x"', ":1}")))
        assert found == [("a", "f", '{"x":1}')]

    @pytest.mark.pitfall(26)
    def test_without_index_by_id(self) -> None:
        found = calls_of(
            call(None, "a", "f", "{"), call(None, "b", "f", "{"), call(None, "a", arguments="}"),
            call(None, "b", arguments="}"),
        )  # fmt: skip
        assert found == [("a", "f", "{}"), ("b", "f", "{}")]

    def test_without_index_and_id_the_call_goes_on(self) -> None:
        found = calls_of(call(None, None, "f", '{"x":'), call(None, None, None, "1}"), call(None, None, "g", "{}"))
        assert [(name, arguments) for _, name, arguments in found] == [("f", '{"x":1}'), ("g", "{}")]

    @pytest.mark.pitfall(27)
    def test_index_0_on_all_calls(self) -> None:
        assert calls_of(call(0, "a", "f", '{"x":1}'), call(0, "b", "f", '{"x":2}')) == [
            ("a", "f", '{"x":1}'),
            ("b", "f", '{"x":2}'),
        ]

    def test_two_calls_in_one_chunk_that_share_an_index(self) -> None:
        both = {"tool_calls": [*call(0, "a", "f", "{}")["tool_calls"], *call(0, "b", "f", "{}")["tool_calls"]]}
        assert calls_of(both) == [("a", "f", "{}"), ("b", "f", "{}")]

    def test_two_empty_calls_in_one_chunk_without_index(self) -> None:
        both = {"tool_calls": [*call(None, "a", "f", "")["tool_calls"], *call(None, "b", "f", "")["tool_calls"]]}
        assert calls_of(both) == [("a", "f", ""), ("b", "f", "")]

    @pytest.mark.pitfall(27)
    def test_a_new_id_for_each_chunk(self) -> None:
        """The id changes, the call does not."""
        assert calls_of(call(0, "a", "f", '{"x":'), call(0, "b", None, "1}")) == [("a", "f", '{"x":1}')]

    @pytest.mark.parametrize("call_id", [None, "null", ""])
    @pytest.mark.pitfall(29, 30)
    def test_no_id_is_made_up_once_and_the_same_each_time(self, call_id: str | None) -> None:
        delta = call(0, None, "f", "{}")
        delta["tool_calls"][0]["id"] = call_id
        found = calls_of(delta)
        assert found == calls_of(delta)
        assert found[0][0].startswith("call_")
        assert len(found[0][0]) <= 40

    def test_made_up_ids_of_two_calls_of_one_function_differ(self) -> None:
        found = calls_of(call(0, None, "f", "{}"), call(1, None, "f", "{}"))
        assert len({each[0] for each in found}) == 2

    @pytest.mark.pitfall(27)
    def test_arguments_as_an_object(self) -> None:
        assert calls_of(call(0, "a", "f", {"x": 1})) == [("a", "f", '{"x": 1}')]

    @pytest.mark.pitfall(4)
    def test_whole_arguments_at_once(self) -> None:
        body = chat_sse(chat_chunk(call(0, "a", "f", '{"x":1}')), chat_chunk({}, "tool_calls"))
        deltas = [event.text for event in events_of(CHAT, body) if isinstance(event, PartDelta)]
        assert deltas == ['{"x":1}']

    def test_empty_calls_in_every_answer_are_none(self) -> None:
        delta = {"content": "x", "function_call": {"name": "", "arguments": ""}, "tool_calls": []}
        assert answer_of(CHAT, chat_sse(chat_chunk(delta), chat_chunk({}, "stop"))).blocks == (TextBlock(text="x"),)

    def test_a_legacy_call_is_a_call(self) -> None:
        found = calls_of(
            {"function_call": {"name": "f", "arguments": ""}},
            {"function_call": {"arguments": "{}"}},
            finish="function_call",
        )
        assert [each[1:] for each in found] == [("f", "{}")]

    def test_a_call_whose_arguments_are_whole_ends_when_the_next_begins(self) -> None:
        body = chat_sse(chat_chunk(call(0, "a", "f", "{}")), chat_chunk(call(1, "b", "g", "")), done=False)
        decoder = CHAT.decoder("sse")
        kinds = [type(event) for event in decoder.feed(body) if isinstance(event, PartStart | PartEnd)]
        assert kinds == [PartStart, PartEnd, PartStart]


class TestDeltas:
    @pytest.mark.pitfall(52)
    def test_nulls_and_empty_strings_say_nothing(self) -> None:
        body = chat_sse(
            chat_chunk({"role": "assistant", "content": ""}),
            chat_chunk({"content": None, "reasoning_content": "", "tool_calls": None, "refusal": None}),
            {"id": "c1", "choices": [{"index": 0, "delta": None, "finish_reason": ""}]},
            chat_chunk({"content": "x"}),
            chat_chunk({}, "stop"),
        )
        assert [event.text for event in events_of(CHAT, body) if isinstance(event, PartDelta)] == ["x"]

    @pytest.mark.pitfall(35)
    def test_choices_may_be_missing_null_or_empty(self) -> None:
        odd = ({"choices": []}, {"id": "x"}, {"choices": None}, {"choices": [], "prompt_filter_results": [{}]})
        body = chat_sse(*odd, chat_chunk({"content": "x"}), *odd, chat_chunk({}, "stop"))
        assert answer_of(CHAT, body).blocks == (TextBlock(text="x"),)

    @pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
    def test_reasoning_has_two_names(self, field: str) -> None:
        body = chat_sse(chat_chunk({field: "hm"}), chat_chunk({"content": "x"}), chat_chunk({}, "stop"))
        assert answer_of(CHAT, body).blocks == (ReasoningBlock(text="hm"), TextBlock(text="x"))

    def test_both_names_at_once_say_it_once(self) -> None:
        body = chat_sse(
            chat_chunk({"reasoning": "hm", "reasoning_content": "hm"}), chat_chunk({"content": "x"}, "stop")
        )
        assert answer_of(CHAT, body).blocks[0] == ReasoningBlock(text="hm")

    def test_think_tags_are_text(self) -> None:
        body = chat_sse(chat_chunk({"content": "<think>a</think>b"}, "stop"))
        assert answer_of(CHAT, body).blocks == (TextBlock(text="<think>a</think>b"),)

    def test_content_in_segments(self) -> None:
        content = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "x"}]
        assert answer_of(CHAT, chat_sse(chat_chunk({"content": content}, "stop"))).blocks == (
            ReasoningBlock(text="hm"),
            TextBlock(text="x"),
        )

    @pytest.mark.parametrize("odd", [1, {"type": 1}, {"type": "thinking", "thinking": [1]}])
    def test_segments_in_nobodys_form_are_passed_over(self, odd: Any) -> None:
        content = [odd, {"type": "text", "text": "x"}]
        assert answer_of(CHAT, chat_sse(chat_chunk({"content": content}, "stop"))).blocks == (TextBlock(text="x"),)

    @pytest.mark.pitfall(8, 9)
    def test_the_finish_chunk_is_drained(self) -> None:
        """The last fragments come with the finish reason."""
        body = chat_sse(chat_chunk(call(0, "a", "f", '{"x":')), chat_chunk(call(0, arguments="1}"), "tool_calls"))
        assert answer_of(CHAT, body).blocks == (ToolCallBlock(id="a", name="f", arguments='{"x":1}'),)

    def test_other_choices_are_not_this_answer(self) -> None:
        second = {"index": 1, "delta": {"content": "b"}, "finish_reason": "length"}
        body = chat_sse(chat_chunk({"content": "a"}), chat_chunk(choices=[second]), chat_chunk({}, "stop"))
        assert answer_of(CHAT, body).blocks == (TextBlock(text="a"),)

    def test_the_first_id_counts(self) -> None:
        body = chat_sse(chat_chunk({"content": "a"}), chat_chunk({"content": "b"}, "stop", id="other"))
        assert answer_of(CHAT, body).id == "c1"

    def test_comments_are_skipped(self) -> None:
        body = b": OPENROUTER PROCESSING\n\n" + chat_sse(chat_chunk({"content": "a"}, "stop"))
        assert answer_of(CHAT, body).blocks == (TextBlock(text="a"),)


class TestEnd:
    @pytest.mark.parametrize(
        ("word", "reason"),
        [
            ("stop", "stop"),
            ("eos", "stop"),
            ("end_turn", "stop"),
            ("length", "length"),
            ("max_tokens", "length"),
            ("model_length", "length"),
            ("content_filter", "content_filter"),
            ("tool_calls", "stop"),
            ("function_call", "stop"),
            ("surprise", "stop"),
        ],
    )
    def test_words(self, word: str, reason: FinishReason) -> None:
        end = finish_of(chat_chunk({"content": "x"}), chat_chunk({}, word))
        assert isinstance(end, Finish)
        assert (end.reason, end.raw) == (reason, word)

    @pytest.mark.parametrize("word", ["stop", "surprise", "tool_use"])
    @pytest.mark.pitfall(18, 27, 32)
    def test_calls_win_over_the_word(self, word: str) -> None:
        end = finish_of(chat_chunk(call(0, "a", "f", "{}")), chat_chunk({}, word))
        assert isinstance(end, Finish)
        assert end.reason == "tool_calls"

    @pytest.mark.parametrize("word", ["length", "content_filter"])
    @pytest.mark.pitfall(122, 123)
    def test_limits_and_filters_win_over_calls(self, word: FinishReason) -> None:
        end = finish_of(chat_chunk(call(0, "a", "f", '{"x')), chat_chunk({}, word))
        assert isinstance(end, Finish)
        assert end.reason == word

    @pytest.mark.parametrize("word", ["tool_calls", "surprise"])
    @pytest.mark.pitfall(15, 31, 127)
    def test_nothing_but_a_word_is_an_error(self, word: str) -> None:
        end = finish_of(chat_chunk({}, word))
        assert isinstance(end, Fault)
        assert end.code == "upstream_malformed"

    def test_an_error_word_is_an_error(self) -> None:
        end = finish_of(chat_chunk({"content": "x"}), chat_chunk({}, "error"))
        assert isinstance(end, Fault)

    def test_openrouters_error_beside_the_word_keeps_its_message(self) -> None:
        choice = {"index": 0, "delta": {}, "finish_reason": "error", "error": {"code": 429, "message": "slow down"}}
        end = finish_of(chat_chunk({"content": "x"}), chat_chunk(choices=[choice]))
        assert isinstance(end, Fault)
        assert (end.kind, end.message) == ("rate_limit", "slow down")

    @pytest.mark.pitfall(40, 126)
    def test_only_the_last_word_counts(self) -> None:
        """A server that says stop in every chunk."""
        body = chat_sse(*(chat_chunk({"content": text}, "stop") for text in "abc"))
        answer = answer_of(CHAT, body)
        assert answer.blocks == (TextBlock(text="abc"),)
        assert sum(isinstance(event, Finish) for event in events_of(CHAT, body)) == 1

    @pytest.mark.parametrize("done", [True, False])
    @pytest.mark.pitfall(16, 128)
    def test_no_word_is_a_truncated_stream(self, done: bool) -> None:
        """Neither the end of the bytes nor `[DONE]` makes it whole."""
        end = finish_of(chat_chunk({"content": "x"}), done=done)
        assert isinstance(end, Fault)
        assert end.code == "upstream_truncated"

    def test_nothing_at_all_is_a_truncated_stream(self) -> None:
        assert isinstance(finish_of(), Fault)
        assert isinstance(finish_of(done=False), Fault)

    def test_no_done_is_fine(self) -> None:
        assert isinstance(finish_of(chat_chunk({"content": "x"}, "stop"), done=False), Finish)

    @pytest.mark.pitfall(138)
    def test_an_error_in_the_stream(self) -> None:
        end = finish_of(chat_chunk({"content": "x"}), {"error": {"message": "busy", "type": "overloaded_error"}})
        assert isinstance(end, Fault)
        assert (end.kind, end.message) == ("overloaded", "busy")

    def test_nothing_follows_an_error(self) -> None:
        body = chat_sse({"error": {"message": "busy"}}, chat_chunk({"content": "x"}, "stop"))
        events = events_of(CHAT, body)
        assert [type(event) for event in events] == [Fault]

    @pytest.mark.pitfall(137)
    def test_a_bare_error_in_place_of_a_stream(self) -> None:
        fault = answer_of(CHAT, b'{"error": {"message": "no such model", "code": "model_not_found"}}\n').fault
        assert fault is not None
        assert (fault.kind, fault.message) == ("not_found", "no such model")

    def test_what_is_no_json_is_an_error(self) -> None:
        end = finish_of(chat_chunk({"content": "x"}))
        assert isinstance(end, Fault)
        fault = answer_of(CHAT, b"data: {oops\n\n").fault
        assert fault is not None
        assert fault.code == "upstream_malformed"

    def test_a_last_event_without_its_blank_line_counts_if_it_can_be_read(self) -> None:
        body = chat_sse(chat_chunk({"content": "x"}, "stop"), done=False).rstrip()
        assert answer_of(CHAT, body).finish is not None
        assert answer_of(CHAT, body[:-5]).fault is not None

    @pytest.mark.pitfall(132)
    def test_the_matched_stop_sequence_of_vllm(self) -> None:
        choice = {"index": 0, "delta": {"content": "x"}, "finish_reason": "stop", "stop_reason": "END"}
        end = finish_of(chat_chunk(choices=[choice]))
        assert isinstance(end, Finish)
        assert (end.reason, end.stop_sequence) == ("stop_sequence", "END")

    def test_a_refusal_is_a_refusal(self) -> None:
        body = chat_sse(chat_chunk({"refusal": "I "}), chat_chunk({"refusal": "won't"}), chat_chunk({}, "stop"))
        answer = answer_of(CHAT, body)
        assert answer.blocks == (RefusalBlock(text="I won't"),)
        assert answer.finish is not None
        assert answer.finish.reason == "refusal"


class TestUsage:
    @pytest.mark.parametrize(
        "chunks",
        [
            [chat_chunk({"content": "x"}), chat_chunk({}, "stop"), {"choices": [], "usage": USAGE}],
            [chat_chunk({"content": "x"}), chat_chunk({}, "stop"), chat_chunk({}, usage=USAGE)],
            [chat_chunk({"content": "x"}), chat_chunk({}, "stop", usage=USAGE)],
            [chat_chunk({"content": "x"}), chat_chunk({}, "stop"), {"usage": USAGE}],
            [chat_chunk({"content": "x"}, usage={"prompt_tokens": 30}), chat_chunk({}, "stop", usage=USAGE)],
            [chat_chunk({"content": "x"}, usage=USAGE), chat_chunk({}, "stop", usage=None)],
        ],
    )
    @pytest.mark.pitfall(37, 38, 151)
    def test_it_is_read_wherever_it_stands(self, chunks: list[dict[str, Any]]) -> None:
        """Also behind the finish, which is held back for it."""
        events = events_of(CHAT, chat_sse(*chunks))
        assert isinstance(events[-1], Finish)
        usage = [event.usage for event in events if isinstance(event, UsageSeen)][-1]
        assert (usage.total_input_tokens, usage.total_output_tokens, usage.quality) == (30, 12, "reported")

    def test_counters_are_disjoint(self) -> None:
        told = {
            **USAGE,
            "prompt_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 5},
            "completion_tokens_details": {"reasoning_tokens": 4},
        }
        usage = answer_of(CHAT, chat_sse(chat_chunk({"content": "x"}, "stop", usage=told))).usage
        assert (usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens) == (15, 10, 5)
        assert (usage.output_tokens, usage.reasoning_tokens) == (8, 4)

    def test_of_a_stream_that_broke_off_it_is_partial(self) -> None:
        usage = answer_of(CHAT, chat_sse(chat_chunk({"content": "x"}, usage=USAGE))).usage
        assert (usage.total_tokens, usage.quality) == (42, "partial")

    @pytest.mark.pitfall(146, 154, 157)
    def test_a_messages_client_gets_it_at_the_end(self) -> None:
        """Zeros at the start, all of it in `message_delta`."""
        told = {**USAGE, "prompt_tokens_details": {"cached_tokens": 10}}
        events = events_of(CHAT, chat_sse(chat_chunk({"content": "x"}), chat_chunk({}, "stop"), {"usage": told}))
        first, *_, delta, _stop = payloads(encoded_stream(MESSAGES, events))
        assert first["message"]["usage"]["input_tokens"] == 0
        assert delta["usage"] == {
            "input_tokens": 20,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 10,
            "output_tokens": 12,
        }


class TestWhole:
    def body(self, message: dict[str, Any], finish: str | None = "stop", **fields: Any) -> bytes:
        choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
        return json.dumps({"id": "c1", "model": "up", "choices": [choice], **fields}).encode()

    def test_everything_at_once(self) -> None:
        message = {
            "content": "x",
            "reasoning_content": "hm",
            "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        }
        answer = answer_of(CHAT, self.body(message, "tool_calls", usage=USAGE), "whole")
        assert answer.blocks == (
            ReasoningBlock(text="hm"),
            TextBlock(text="x"),
            ToolCallBlock(id="a", name="f", arguments="{}"),
        )
        assert (answer.usage.total_tokens, answer.usage.quality) == (42, "reported")

    def test_calls_of_a_whole_body_have_no_index(self) -> None:
        calls = [{"id": each, "type": "function", "function": {"name": "f", "arguments": ""}} for each in "ab"]
        answer = answer_of(CHAT, self.body({"content": None, "tool_calls": calls}, "stop"), "whole")
        assert [each.id for each in answer.blocks if isinstance(each, ToolCallBlock)] == ["a", "b"]
        assert answer.finish is not None
        assert answer.finish.reason == "tool_calls"

    def test_the_message_wins_over_a_delta_beside_it(self) -> None:
        choice = {"index": 0, "message": {"content": "x"}, "delta": {"content": ""}, "finish_reason": "stop"}
        answer = answer_of(CHAT, json.dumps({"id": "c", "choices": [choice]}).encode(), "whole")
        assert answer.blocks == (TextBlock(text="x"),)

    @pytest.mark.parametrize("finish", ["", None])
    def test_a_whole_body_without_a_word_is_whole_if_it_says_something(self, finish: str | None) -> None:
        assert answer_of(CHAT, self.body({"content": "x"}, finish), "whole").finish is not None
        assert answer_of(CHAT, self.body({"content": ""}, finish), "whole").fault is not None

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"message":"Unauthorized"}', b'{"choices":[]}'])
    def test_what_is_no_answer_is_an_error(self, body: bytes) -> None:
        answer = answer_of(CHAT, body, "whole")
        assert answer.fault is not None
        assert answer.finish is None

    def test_it_may_come_in_pieces(self) -> None:
        body = self.body({"content": "x"})
        assert events_of(CHAT, body, "whole", cuts=range(1, len(body), 7)) == events_of(CHAT, body, "whole")


class TestForMessagesClients:
    def shown(self, *chunks: dict[str, Any], **said: Any) -> list[dict[str, Any]]:
        return payloads(encoded_stream(MESSAGES, events_of(CHAT, chat_sse(*chunks)), options(**said)))

    def kinds(self, shown: list[dict[str, Any]]) -> list[tuple[int, str]]:
        starts = [each for each in shown if each["type"] == "content_block_start"]
        stops = [each["index"] for each in shown if each["type"] == "content_block_stop"]
        assert stops == [each["index"] for each in starts]
        return [(each["index"], each["content_block"]["type"]) for each in starts]

    @pytest.mark.pitfall(1, 2, 3, 7, 12, 17)
    def test_blocks_are_typed_by_their_first_delta_and_begin_empty(self) -> None:
        shown = self.shown(
            chat_chunk({"role": "assistant", "content": ""}),
            chat_chunk({"reasoning_content": "h"}),
            chat_chunk({"reasoning_content": "m"}),
            chat_chunk({"content": "Hi"}),
            chat_chunk(call(0, "a", "f", "")),
            chat_chunk(call(0, arguments='{"x":1}')),
            chat_chunk({}, "tool_calls"),
        )
        assert self.kinds(shown) == [(0, "thinking"), (1, "text"), (2, "tool_use")]
        assert [each["content_block"] for each in shown if each["type"] == "content_block_start"] == [
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "text", "text": ""},
            {"type": "tool_use", "id": "a", "name": "f", "input": {}},
        ]
        assert [(each["index"], each["delta"]) for each in shown if each["type"] == "content_block_delta"] == [
            (0, {"type": "thinking_delta", "thinking": "h"}),
            (0, {"type": "thinking_delta", "thinking": "m"}),
            (1, {"type": "text_delta", "text": "Hi"}),
            (2, {"type": "input_json_delta", "partial_json": '{"x":1}'}),
        ]
        assert [each["type"] for each in shown].count("message_start") == 1
        assert shown[-2]["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}
        assert shown[-1] == {"type": "message_stop"}

    @pytest.mark.pitfall(5)
    def test_every_order_of_kinds(self) -> None:
        """Text before the thinking."""
        shown = self.shown(
            chat_chunk({"content": "a"}), chat_chunk({"reasoning": "b"}), chat_chunk({"content": "c"}, "stop")
        )
        assert self.kinds(shown) == [(0, "text"), (1, "thinking"), (2, "text")]

    @pytest.mark.pitfall(6, 14)
    def test_a_tool_only_answer_begins_at_0(self) -> None:
        """No empty text block in front."""
        both = {"tool_calls": [*call(0, "a", "f", "")["tool_calls"], *call(1, "b", "g", "{}")["tool_calls"]]}
        shown = self.shown(chat_chunk(both), chat_chunk({}, "tool_calls"))
        assert self.kinds(shown) == [(0, "tool_use"), (1, "tool_use")]
        fragments = [each["delta"]["partial_json"] for each in shown if each["type"] == "content_block_delta"]
        assert fragments == ["{}", "{}"]

    @pytest.mark.pitfall(10, 28)
    def test_interleaved_calls_are_put_in_a_row(self) -> None:
        shown = self.shown(
            chat_chunk(call(0, "a", "f", '{"x":')),
            chat_chunk(call(1, "b", "g", '{"y":')),
            chat_chunk(call(0, arguments="1}")),
            chat_chunk(call(1, arguments="2}"), "tool_calls"),
        )
        assert self.kinds(shown) == [(0, "tool_use"), (1, "tool_use")]
        deltas = [
            (each["index"], each["delta"]["partial_json"]) for each in shown if "delta" in each and "index" in each
        ]
        assert deltas == [(0, '{"x":'), (0, "1}"), (1, '{"y":'), (1, "2}")]

    @pytest.mark.pitfall(22)
    def test_reasoning_is_hidden_from_who_did_not_ask(self) -> None:
        chunks = (chat_chunk({"reasoning": "secret"}), chat_chunk({"content": "x"}, "stop"))
        shown = self.shown(*chunks, show_reasoning=False)
        assert self.kinds(shown) == [(0, "text")]
        assert "secret" not in json.dumps(shown)

    @pytest.mark.pitfall(21, 97)
    def test_no_signature_is_made_up(self) -> None:
        shown = self.shown(chat_chunk({"reasoning": "hm"}), chat_chunk({"content": "x"}, "stop"))
        assert "signature_delta" not in json.dumps(shown)

    @pytest.mark.pitfall(16, 20, 139, 140)
    def test_an_error_closes_the_open_block_and_is_the_last(self) -> None:
        """With the type that Anthropic's clients know, and no `message_stop`."""
        stream = encoded_stream(
            MESSAGES, events_of(CHAT, chat_sse(chat_chunk({"content": "x"}), {"error": {"message": "no", "code": 529}}))
        )
        shown = payloads(stream)
        assert [each["type"] for each in shown][-2:] == ["content_block_stop", "error"]
        assert shown[-1]["error"] == {"type": "overloaded_error", "message": "no"}
        assert stream.endswith(b"\n\n")

    @pytest.mark.pitfall(179)
    def test_annotations_become_citations(self) -> None:
        cited = {"url": "https://x.test", "title": "T", "start_index": 0, "end_index": 2}
        annotation = {"type": "url_citation", "url_citation": cited}
        shown = self.shown(chat_chunk({"content": "Hi there"}), chat_chunk({"annotations": [annotation]}, "stop"))
        citation = {
            "type": "web_search_result_location",
            "url": "https://x.test",
            "title": "T",
            "cited_text": "Hi",
            "encrypted_index": "",
        }
        assert {"type": "citations_delta", "citation": citation} in [each.get("delta") for each in shown]

    @pytest.mark.parametrize(
        ("word", "stop_reason"), [("stop", "end_turn"), ("length", "max_tokens"), ("content_filter", "refusal")]
    )
    @pytest.mark.pitfall(121, 127)
    def test_stop_reasons(self, word: str, stop_reason: str) -> None:
        assert self.shown(chat_chunk({"content": "x"}, word))[-2]["delta"]["stop_reason"] == stop_reason

    def test_a_refusal_is_text_with_its_reason(self) -> None:
        shown = self.shown(chat_chunk({"refusal": "no"}), chat_chunk({}, "stop"))
        assert self.kinds(shown) == [(0, "text")]
        assert shown[-2]["delta"]["stop_reason"] == "refusal"

    def test_a_keepalive_is_a_ping(self) -> None:
        assert MESSAGES.encoder(options()).feed(Keepalive()) == b'event: ping\ndata: {"type":"ping"}\n\n'

    def test_ids_and_model_are_the_gateways(self) -> None:
        message = self.shown(chat_chunk({"content": "x"}, "stop"))[0]["message"]
        assert (message["id"], message["model"], message["role"]) == ("msg_s1", "m", "assistant")

    @pytest.mark.pitfall(129)
    def test_a_call_that_the_limit_cut_is_not_in_a_whole_answer(self) -> None:
        """Half a command is never closed by us."""
        chunks = (
            chat_chunk({"content": "x"}),
            chat_chunk(call(0, "a", "f", '{"cmd":"rm -r')),
            chat_chunk({}, "length"),
        )
        answer = answer_of(CHAT, chat_sse(*chunks))
        whole = json.loads(MESSAGES.encode_answer(answer, options(framing="whole")))
        assert [block["type"] for block in whole["content"]] == ["text"]
        assert whole["stop_reason"] == "max_tokens"

    def test_arguments_that_are_no_object_make_an_error_of_a_whole_answer(self) -> None:
        answer = answer_of(CHAT, chat_sse(chat_chunk(call(0, "a", "f", "[1")), chat_chunk({}, "tool_calls")))
        with pytest.raises(UpstreamError) as caught:
            MESSAGES.encode_answer(answer, options(framing="whole"))
        assert caught.value.code == "upstream_malformed"

    @pytest.mark.pitfall(20, 141)
    def test_an_error_is_raised_for_a_whole_answer(self) -> None:
        """With its kind and words."""
        answer = answer_of(CHAT, b'{"error":{"message":"slow","type":"rate_limit_error"}}', "whole")
        with pytest.raises(UpstreamError) as caught:
            MESSAGES.encode_answer(answer, options(framing="whole"))
        assert (caught.value.kind, caught.value.status, caught.value.message) == ("rate_limit", 429, "slow")
