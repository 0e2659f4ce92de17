"""Answers of Messages upstreams, and of servers that imitate them, for Chat clients."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.codecs.translation.roads import (
    CHAT,
    MESSAGES,
    answer_of,
    encoded_stream,
    events_of,
    messages_sse,
    options,
    payloads,
)
from torouter.canon.blocks import Blob, OpaqueBlock, Origin, ReasoningBlock, ServerToolBlock, TextBlock, ToolCallBlock
from torouter.canon.events import Event, Fault, Finish, FinishReason, Keepalive, PartDelta, UsageSeen
from torouter.codecs.openai_chat.encoder import Encoder
from torouter.errors import UpstreamError

HOME = Origin(dialect="anthropic")
START = {
    "type": "message_start",
    "message": {
        "id": "msg_up",
        "model": "claude",
        "content": [],
        "usage": {"input_tokens": 20, "cache_read_input_tokens": 10, "output_tokens": 1},
    },
}
STOP = {"type": "message_stop"}


def block(index: int, head: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": head},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def text(index: int, *pieces: str) -> list[dict[str, Any]]:
    return block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": each} for each in pieces))


def use(index: int, use_id: str, *pieces: str, **fields: Any) -> list[dict[str, Any]]:
    head = {"type": "tool_use", "id": use_id, "name": "f", "input": {}, **fields}
    return block(index, head, *({"type": "input_json_delta", "partial_json": each} for each in pieces))


def end(reason: str | None = "end_turn", usage: dict[str, Any] | None = None, **fields: Any) -> list[dict[str, Any]]:
    delta = {"stop_reason": reason, "stop_sequence": None, **fields}
    return [{"type": "message_delta", "delta": delta, "usage": usage or {"output_tokens": 12}}, STOP]


def events(*said: Any, start: dict[str, Any] = START) -> list[Event]:
    flat = [event for each in said for event in (each if isinstance(each, list) else [each])]
    return events_of(MESSAGES, messages_sse(start, *flat))


def answer(*said: Any, start: dict[str, Any] = START) -> Any:
    flat = [event for each in said for event in (each if isinstance(each, list) else [each])]
    return answer_of(MESSAGES, messages_sse(start, *flat))


class TestBlocks:
    def test_text(self) -> None:
        found = answer(text(0, "a", "b"), end())
        assert found.blocks == (TextBlock(text="ab"),)
        assert (found.id, found.model) == ("msg_up", "claude")

    def test_a_call_in_fragments(self) -> None:
        assert answer(use(0, "t", "", '{"x"', ": 1}"), end("tool_use")).blocks == (
            ToolCallBlock(id="t", name="f", arguments='{"x": 1}'),
        )

    @pytest.mark.parametrize("pieces", [(), ("",)])
    @pytest.mark.pitfall(25)
    def test_a_call_without_arguments(self, pieces: tuple[str, ...]) -> None:
        """The empty object is not put in front of fragments."""
        assert answer(use(0, "t", *pieces), end("tool_use")).blocks[0].arguments == "{}"

    @pytest.mark.pitfall(4)
    def test_input_in_the_start_of_a_call(self) -> None:
        """Compatible servers put all of it there; fragments win over it."""
        assert answer(use(0, "t", input={"x": 1}), end("tool_use")).blocks[0].arguments == '{"x": 1}'
        assert answer(use(0, "t", '{"y":2}', input={"x": 1}), end("tool_use")).blocks[0].arguments == '{"y":2}'

    @pytest.mark.pitfall(19, 98)
    def test_thinking_is_one_block_with_its_last_signature(self) -> None:
        deltas = (
            {"type": "thinking_delta", "thinking": "h"},
            {"type": "thinking_delta", "thinking": "m"},
            {"type": "signature_delta", "signature": "s1"},
            {"type": "signature_delta", "signature": "s2"},
        )
        found = answer(block(0, {"type": "thinking", "thinking": "", "signature": ""}, *deltas), text(1, "x"), end())
        blob = Blob(kind="signature", data="s2", origin=HOME)
        assert found.blocks == (ReasoningBlock(text="hm", blobs=(blob,)), TextBlock(text="x"))

    def test_thinking_without_a_signature_is_visible_reasoning(self) -> None:
        head = {"type": "thinking", "thinking": ""}
        found = answer(block(0, head, {"type": "thinking_delta", "thinking": "hm"}), text(1, "x"), end())
        assert found.blocks[0] == ReasoningBlock(text="hm")

    def test_redacted_thinking(self) -> None:
        found = answer(block(0, {"type": "redacted_thinking", "data": "d"}), text(1, "x"), end())
        assert found.blocks[0] == ReasoningBlock(blobs=(Blob(kind="redacted", data="d", origin=HOME),))

    def test_what_a_server_ran_is_kept_raw(self) -> None:
        head = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
        ran = block(0, head, {"type": "input_json_delta", "partial_json": '{"query":"q"}'})
        found_there = block(1, {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"url": "u"}]})
        first, second, _ = answer(ran, found_there, text(2, "x"), end()).blocks
        assert isinstance(first, ServerToolBlock)
        assert json.loads(first.raw) == {**head, "input": {"query": "q"}}
        assert isinstance(second, ServerToolBlock)
        assert (second.stage, second.call_id) == ("result", "s")
        assert json.loads(second.raw)["content"] == [{"url": "u"}]

    def test_unknown_blocks_deltas_and_events_are_kept_or_skipped_and_never_fatal(self) -> None:
        odd = block(0, {"type": "hologram", "x": 1}, {"type": "hologram_delta", "y": 2})
        found = answer(odd, {"type": "hologram_event"}, text(1, "x"), end())
        assert [type(each) for each in found.blocks] == [OpaqueBlock, TextBlock]
        assert found.finish is not None

    def test_pings_are_signs_of_life(self) -> None:
        assert Keepalive() in events({"type": "ping"}, text(0, "x"), end())

    def test_blocks_may_interleave_by_index(self) -> None:
        first, second = use(0, "a", '{"x":1}'), use(1, "b", '{"y":2}')
        mixed = [each for pair in zip(first, second, strict=True) for each in pair]
        assert [each.arguments for each in answer(mixed, end("tool_use")).blocks] == ['{"x":1}', '{"y":2}']

    def test_a_delta_before_its_start_opens_its_block(self) -> None:
        early = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}}
        assert answer(early, end()).blocks == (TextBlock(text="x"),)

    def test_text_in_the_start_of_a_block_counts(self) -> None:
        head = {"type": "text", "text": "a"}
        assert answer(block(0, head, {"type": "text_delta", "text": "b"}), end()).blocks == (TextBlock(text="ab"),)

    @pytest.mark.parametrize("end_of_line", [b"\r\n", b"\n"])
    @pytest.mark.pitfall(189, 190)
    def test_imitators_framing(self, end_of_line: bytes) -> None:
        """No event names, no spaces, `[DONE]` at the end."""
        said = [START, *text(0, "x"), *end()]
        lines = [b"data:" + json.dumps(each).encode() + end_of_line * 2 for each in said]
        found = answer_of(MESSAGES, b"".join(lines) + b"data: [DONE]" + end_of_line * 2)
        assert found.blocks == (TextBlock(text="x"),)
        assert found.finish is not None

    @pytest.mark.pitfall(188)
    def test_line_separators_inside_of_text(self) -> None:
        said = json.dumps([START, *text(0, "a\u2028b"), *end()], ensure_ascii=False)
        body = b"".join(f"data: {json.dumps(each, ensure_ascii=False)}\n\n".encode() for each in json.loads(said))
        assert answer_of(MESSAGES, body).blocks == (TextBlock(text="a\u2028b"),)


class TestEnd:
    @pytest.mark.parametrize(
        ("word", "reason", "finish_reason"),
        [
            ("end_turn", "stop", "stop"),
            ("max_tokens", "length", "length"),
            ("stop_sequence", "stop_sequence", "stop"),
            ("tool_use", "stop", "stop"),
            ("pause_turn", "pause", "length"),
            ("refusal", "refusal", "content_filter"),
            ("model_context_window_exceeded", "context_length", "length"),
            ("surprise", "stop", "stop"),
        ],
    )
    @pytest.mark.pitfall(121, 122, 127)
    def test_words(self, word: str, reason: FinishReason, finish_reason: str) -> None:
        """The same streamed and whole."""
        said = [text(0, "x"), end(word)]
        found = answer(*said)
        assert isinstance(found.finish, Finish)
        assert (found.finish.reason, found.finish.raw) == (reason, word)
        streamed = payloads(encoded_stream(CHAT, events(*said)))
        whole = json.loads(CHAT.encode_answer(found, options(framing="whole")))
        assert streamed[-2]["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"] == finish_reason

    @pytest.mark.parametrize("word", ["end_turn", "stop", None])
    @pytest.mark.pitfall(14, 18)
    def test_calls_win_over_the_word(self, word: str | None) -> None:
        """And over a `stop_reason` that is missing."""
        assert answer(use(0, "t", "{}"), end(word)).finish.reason == "tool_calls"

    @pytest.mark.pitfall(123)
    def test_a_cut_call_is_a_matter_of_length(self) -> None:
        assert answer(use(0, "t", '{"x'), end("max_tokens")).finish.reason == "length"

    @pytest.mark.pitfall(127)
    def test_a_refusal_explains_itself(self) -> None:
        details = {"type": "refusal", "category": "bio", "explanation": "because"}
        said = [text(0, "x"), end("refusal", stop_details=details)]
        assert answer(*said).finish.explanation == "because"
        streamed = payloads(encoded_stream(CHAT, events(*said)))
        assert "because" in [each["choices"][0]["delta"].get("refusal") for each in streamed if each["choices"]]
        whole = json.loads(CHAT.encode_answer(answer(*said), options(framing="whole")))
        assert whole["choices"][0]["message"]["refusal"] == "because"

    @pytest.mark.parametrize("last", [1, 2], ids=["at the end of the bytes", "at message_stop"])
    def test_details_in_nobodys_form_explain_nothing(self, last: int) -> None:
        found = answer(text(0, "x"), end("refusal", stop_details="odd")[:last])
        assert (found.finish.reason, found.finish.explanation, found.finish.details) == ("refusal", None, b'"odd"')

    @pytest.mark.pitfall(132)
    def test_the_stop_sequence_that_matched(self) -> None:
        said = [text(0, "x"), end("stop_sequence", stop_sequence="END")]
        assert answer(*said).finish.stop_sequence == "END"
        assert payloads(encoded_stream(CHAT, events(*said)))[-2]["choices"][0]["stop_reason"] == "END"

    def test_message_stop_may_be_missing(self) -> None:
        assert answer(text(0, "x"), end()[:1]).finish is not None

    @pytest.mark.parametrize("kept", [0, 1, 2, 3, 4])
    @pytest.mark.pitfall(16, 128)
    def test_a_stream_that_breaks_off_is_an_error(self, kept: int) -> None:
        body = messages_sse(*[START, *text(0, "a", "b")][:kept])
        last = events_of(MESSAGES, body)[-1]
        assert isinstance(last, Fault)
        assert last.code == "upstream_truncated"

    @pytest.mark.pitfall(139)
    def test_an_error_event(self) -> None:
        error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        last = events(text(0, "x"), error, end())[-1]
        assert isinstance(last, Fault)
        assert (last.kind, last.message) == ("overloaded", "Overloaded")

    @pytest.mark.pitfall(136)
    def test_an_error_event_before_anything_else(self) -> None:
        error = {"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}}
        assert [type(each) for each in events_of(MESSAGES, messages_sse(error))] == [Fault]

    @pytest.mark.parametrize("body", [b'{"type":"error","error":{"type":"x","message":"m"}}', b'{"error":"m"}'])
    @pytest.mark.pitfall(137)
    def test_a_bare_error_in_place_of_a_stream(self, body: bytes) -> None:
        fault = answer_of(MESSAGES, body).fault
        assert fault is not None
        assert fault.message == "m"

    def test_what_is_no_json_is_an_error(self) -> None:
        fault = answer_of(MESSAGES, b"event: message_start\ndata: {oops\n\n").fault
        assert fault is not None
        assert fault.code == "upstream_malformed"


class TestUsage:
    def usage(self, *said: Any, start: dict[str, Any] = START) -> Any:
        return answer(*said, start=start).usage

    @pytest.mark.pitfall(149)
    def test_the_delta_overrides_and_never_adds(self) -> None:
        told = {"input_tokens": 21, "cache_read_input_tokens": 10, "output_tokens": 12}
        usage = self.usage(text(0, "x"), end(usage=told))
        assert (usage.input_tokens, usage.cache_read_tokens, usage.output_tokens) == (21, 10, 12)
        assert (usage.total_input_tokens, usage.quality) == (31, "reported")

    @pytest.mark.pitfall(147)
    def test_fields_may_stand_in_either_event(self) -> None:
        empty = {**START, "message": {"id": "m", "usage": {}}}
        told = {"input_tokens": 5, "cache_creation_input_tokens": 3, "output_tokens": 2}
        usage = self.usage(text(0, "x"), end(usage=told), start=empty)
        assert (usage.input_tokens, usage.cache_write_5m_tokens, usage.output_tokens) == (5, 3, 2)

    @pytest.mark.pitfall(148)
    def test_an_input_of_0_does_not_override_a_larger_one(self) -> None:
        usage = self.usage(text(0, "x"), end(usage={"input_tokens": 0, "output_tokens": 12}))
        assert (usage.input_tokens, usage.cache_read_tokens) == (20, 10)

    @pytest.mark.pitfall(150)
    def test_writes_by_lifetime(self) -> None:
        told = {
            "input_tokens": 1,
            "output_tokens": 2,
            "cache_creation_input_tokens": 9,
            "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 5},
        }
        usage = self.usage(text(0, "x"), end(usage=told))
        assert (usage.cache_write_5m_tokens, usage.cache_write_1h_tokens) == (4, 5)

    def test_thinking_is_a_part_of_the_output(self) -> None:
        told = {"output_tokens": 12, "output_tokens_details": {"thinking_tokens": 5}}
        usage = self.usage(text(0, "x"), end(usage=told))
        assert (usage.output_tokens, usage.reasoning_tokens) == (7, 5)

    def test_of_a_stream_that_broke_off_it_is_partial(self) -> None:
        usage = self.usage(text(0, "x"))
        assert (usage.total_input_tokens, usage.quality) == (30, "partial")

    @pytest.mark.pitfall(38, 153)
    def test_a_chat_client_gets_the_sums(self) -> None:
        """The prompt is everything that went in."""
        last = payloads(encoded_stream(CHAT, events(text(0, "x"), end())))[-1]
        assert last["choices"] == []
        assert last["usage"] == {
            "prompt_tokens": 30,
            "completion_tokens": 12,
            "total_tokens": 42,
            "prompt_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        }

    @pytest.mark.pitfall(34, 36)
    def test_a_chat_client_that_did_not_ask_gets_none(self) -> None:
        shown = payloads(encoded_stream(CHAT, events(text(0, "x"), end()), options(ask_usage=False)))
        assert all(each["choices"] for each in shown)
        assert not any("usage" in each for each in shown)

    def test_usage_is_told_as_it_becomes_known(self) -> None:
        qualities = [each.usage.quality for each in events(text(0, "x"), end()) if isinstance(each, UsageSeen)]
        assert qualities == ["partial", "partial", "reported"]


class TestWhole:
    def test_everything_at_once(self) -> None:
        body = {
            "id": "msg_up",
            "type": "message",
            "role": "assistant",
            "model": "claude",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "text", "text": "x", "citations": None},
                {"type": "tool_use", "id": "t", "name": "f", "input": {"n": 1.50}},
            ],
            "stop_reason": "tool_use",
            "usage": {"input_tokens": 3, "output_tokens": 4},
        }
        raw = json.dumps(body).replace("1.5}", "1.50}").encode()
        found = answer_of(MESSAGES, raw, "whole")
        assert found.blocks == (
            ReasoningBlock(text="hm", blobs=(Blob(kind="signature", data="s", origin=HOME),)),
            TextBlock(text="x"),
            ToolCallBlock(id="t", name="f", arguments='{"n": 1.50}'),
        )
        assert (found.usage.total_tokens, found.usage.quality) == (7, "reported")

    def test_an_error_in_nobodys_form_keeps_its_words(self) -> None:
        fault = answer_of(MESSAGES, b'{"message":"Unauthorized"}', "whole").fault
        assert fault is not None
        assert fault.message == "Unauthorized"

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"x":1}', b'{"type":"message","content":[]}'])
    def test_what_is_no_answer_is_an_error(self, body: bytes) -> None:
        found = answer_of(MESSAGES, body, "whole")
        assert found.fault is not None
        with pytest.raises(UpstreamError):
            CHAT.encode_answer(found, options(framing="whole"))


class TestForChatClients:
    def deltas(self, *said: Any, **fields: Any) -> list[dict[str, Any]]:
        shown = payloads(encoded_stream(CHAT, events(*said), options(**fields)))
        return [each["choices"][0]["delta"] for each in shown if each["choices"]]

    @pytest.mark.pitfall(23, 24)
    def test_everything_is_said_once(self) -> None:
        """The calls are numbered among themselves, whatever came before them."""
        thinking = block(0, {"type": "thinking", "thinking": ""}, {"type": "thinking_delta", "thinking": "hm"})
        found = self.deltas(thinking, text(1, "Hi"), use(2, "a", '{"x":', "1}"), use(3, "b"), end("tool_use"))
        assert found == [
            {"role": "assistant", "content": ""},
            {"reasoning_content": "hm"},
            {"content": "Hi"},
            {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]},
            {"tool_calls": [{"index": 0, "function": {"arguments": '{"x":'}}]},
            {"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]},
            {"tool_calls": [{"index": 1, "id": "b", "type": "function", "function": {"name": "f", "arguments": ""}}]},
            {"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]},
            {},
        ]

    def test_the_first_of_two_calls_is_number_0(self) -> None:
        found = self.deltas(use(0, "a", "{}"), use(1, "b", "{}"), end("tool_use"))
        assert [each["tool_calls"][0]["index"] for each in found if "tool_calls" in each] == [0, 0, 1, 1]

    def test_identity_is_constant_and_the_end_is_done(self) -> None:
        stream = encoded_stream(CHAT, events(text(0, "a", "b"), end()))
        assert stream.endswith(b"data: [DONE]\n\n")
        heads = {(each["id"], each["object"], each["created"], each["model"]) for each in payloads(stream)}
        assert heads == {("chatcmpl-s1", "chat.completion.chunk", 1700000000, "m")}

    @pytest.mark.pitfall(22, 39)
    def test_reasoning_is_hidden_from_who_did_not_ask(self) -> None:
        """Never a part of the content."""
        thinking = block(0, {"type": "thinking", "thinking": ""}, {"type": "thinking_delta", "thinking": "secret"})
        assert "secret" not in json.dumps(self.deltas(thinking, text(1, "x"), end(), show_reasoning=False))
        assert {"content": "secret"} not in self.deltas(thinking, text(1, "x"), end())

    def test_signatures_and_foreign_blocks_are_left_out_and_recorded(self) -> None:
        encoder = CHAT.encoder(options())
        assert isinstance(encoder, Encoder)
        signed = block(0, {"type": "thinking", "thinking": ""}, {"type": "signature_delta", "signature": "sig"})
        ran = block(1, {"type": "server_tool_use", "id": "s", "name": "n", "input": {}})
        shown = b"".join(encoder.feed(each) for each in events(signed, ran, text(2, "x"), end()))
        assert b"sig" not in shown
        assert b"server_tool_use" not in shown
        assert {loss.field for loss in encoder.losses} == {"signature", "server_tool_use"}

    @pytest.mark.pitfall(179)
    def test_citations_are_annotations_in_one_chunk_with_positions_in_the_content(self) -> None:
        cited = {"type": "web_search_result_location", "url": "https://x.test", "title": "T", "cited_text": "c"}
        document = {"type": "char_location", "document_title": "D", "cited_text": "d"}
        delta = {"type": "citations_delta", "citation": cited}
        second = block(1, {"type": "text", "text": "", "citations": []}, delta, {"type": "text_delta", "text": "éé!"})
        third = block(2, {"type": "text", "text": ""}, {"type": "text_delta", "text": "z"}, delta)
        fourth = block(3, {"type": "text", "text": ""}, {"type": "citations_delta", "citation": document})
        said = [text(0, "ab"), second, third, fourth, end()]
        found = [each["annotations"] for each in self.deltas(*said) if "annotations" in each]
        places = [(each["url_citation"]["start_index"], each["url_citation"]["end_index"]) for each in found[0]]
        assert len(found) == 1
        assert places == [(2, 5), (5, 6)]
        whole = json.loads(CHAT.encode_answer(answer(*said), options(framing="whole")))
        assert whole["choices"][0]["message"]["annotations"] == found[0]

    @pytest.mark.pitfall(56, 138, 143)
    def test_an_error_is_the_last_thing(self) -> None:
        """No finish reason, no `[DONE]`."""
        error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        stream = encoded_stream(CHAT, events(text(0, "x"), error))
        last = payloads(stream)[-1]
        assert last == {"error": {"message": "Overloaded", "type": "server_error", "code": "overloaded", "param": None}}
        assert b"[DONE]" not in stream
        assert b'"finish_reason":"' not in stream

    def test_a_keepalive_is_a_comment(self) -> None:
        assert CHAT.encoder(options()).feed(Keepalive()).startswith(b":")

    @pytest.mark.pitfall(3, 9)
    def test_fragments_are_never_swallowed(self) -> None:
        found = [
            each.text for each in events(text(0, "a", "b"), use(1, "t", "{", "}"), end()) if isinstance(each, PartDelta)
        ]
        assert found == ["a", "b", "{", "}"]
