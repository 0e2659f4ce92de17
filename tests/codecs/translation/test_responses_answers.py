"""Answers for Responses clients, and answers of Responses upstreams, sloppy ones too."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.codecs.translation.responses import RESPONSES, responses, responses_sse
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
from tests.contract.sdk import accumulated_response, parsed_response
from torouter.canon.blocks import Citation, ReasoningBlock, RefusalBlock, TextBlock, ToolCallBlock
from torouter.canon.events import (
    Event,
    Fault,
    Finish,
    FinishReason,
    PartCited,
    PartDelta,
    PartEnd,
    PartStart,
    Start,
    UsageSeen,
)
from torouter.canon.fold import Answer, fold
from torouter.canon.names import restore_answer, restore_event, tool_names
from torouter.canon.usage import Usage
from torouter.errors import UpstreamError

Json = dict[str, Any]
USAGE = Usage(input_tokens=20, cache_read_tokens=10, output_tokens=8, reasoning_tokens=4, quality="reported")


def call_events(*pieces: str, part: int = 0, name: str = "f", **head: Any) -> list[Event]:
    start = PartStart(part=part, kind="tool_call", id=f"c{part}", name=name, **head)
    return [start, *(PartDelta(part, piece) for piece in pieces), PartEnd(part)]


def text_events(text: str, part: int = 0) -> list[Event]:
    return [PartStart(part=part, kind="text"), PartDelta(part, text), PartEnd(part)]


def stream(*events: Event, **said: Any) -> list[Json]:
    return payloads(encoded_stream(RESPONSES, [Start(), *events], options(**said)))


def finished(*events: Event, reason: FinishReason = "stop", **said: Any) -> list[Json]:
    return stream(*events, UsageSeen(USAGE), Finish(reason=reason), **said)


def read(*events: Json) -> Answer:
    return fold(events_of(RESPONSES, responses_sse(*events)), "openai-responses")


def terminal(*output: Json, status: str = "completed", **fields: Any) -> Json:
    response = {"id": "r", "model": "up", "status": status, "output": list(output), **fields}
    return {"type": f"response.{status}", "response": response}


CREATED: Json = {
    "type": "response.created",
    "response": {"id": "r", "model": "up", "status": "in_progress", "output": []},
}
CALL: Json = {"type": "function_call", "id": "fc", "call_id": "c", "name": "f", "arguments": "{}"}


class TestTheGrammar:
    """Rule 1.2 of the protocols."""

    @pytest.mark.pitfall(42, 45)
    def test_one_answer_written_out(self) -> None:
        body = chat_sse(
            chat_chunk({"reasoning_content": "hm"}),
            chat_chunk({"content": "Hi"}),
            chat_chunk({"tool_calls": [{"index": 0, "id": "c_a", "function": {"name": "a", "arguments": ""}}]}),
            chat_chunk({"tool_calls": [{"index": 1, "id": "c_b", "function": {"name": "b", "arguments": '{"x":1}'}}]}),
            chat_chunk({}, "tool_calls"),
            {"id": "c1", "choices": [], "usage": {"prompt_tokens": 30, "completion_tokens": 12}},
        )
        found = payloads(encoded_stream(RESPONSES, events_of(CHAT, body)))
        assert [(each["type"].removeprefix("response."), each.get("output_index")) for each in found] == [
            ("created", None),
            ("in_progress", None),
            ("output_item.added", 0),
            ("reasoning_summary_part.added", 0),
            ("reasoning_summary_text.delta", 0),
            ("reasoning_summary_text.done", 0),
            ("reasoning_summary_part.done", 0),
            ("output_item.done", 0),
            ("output_item.added", 1),
            ("content_part.added", 1),
            ("output_text.delta", 1),
            ("output_text.done", 1),
            ("content_part.done", 1),
            ("output_item.done", 1),
            ("output_item.added", 2),
            ("function_call_arguments.delta", 2),
            ("function_call_arguments.done", 2),
            ("output_item.done", 2),
            ("output_item.added", 3),
            ("function_call_arguments.delta", 3),
            ("function_call_arguments.done", 3),
            ("output_item.done", 3),
            ("completed", None),
        ]
        assert [each["sequence_number"] for each in found] == list(range(len(found)))

    def test_each_event_is_named_on_a_line_of_its_own(self) -> None:
        raw = encoded_stream(RESPONSES, [Start(), *text_events("x"), Finish(reason="stop")]).decode()
        for frame in raw.strip().split("\n\n"):
            name, data = frame.split("\n")
            assert name == "event: " + json.loads(data.removeprefix("data: "))["type"]

    @pytest.mark.pitfall(43, 47)
    def test_the_terminal_response_holds_the_items_as_they_were_done(self) -> None:
        found = finished(*text_events("a"), *call_events('{"x":1}', part=1), *text_events("b", 2))
        done = [each["item"] for each in found if each["type"] == "response.output_item.done"]
        assert found[-1]["response"]["output"] == done
        assert [item["type"] for item in done] == ["message", "function_call", "message"]
        added = [each["item"] for each in found if each["type"] == "response.output_item.added"]
        assert [(item["id"], item["type"]) for item in added] == [(item["id"], item["type"]) for item in done]
        assert added[1]["arguments"] == ""
        assert (done[1]["call_id"], done[1]["name"], done[1]["arguments"]) == ("c1", "f", '{"x":1}')

    def test_neighbouring_texts_are_contents_of_one_message(self) -> None:
        (item,) = finished(*text_events("a"), *text_events("b", 1))[-1]["response"]["output"]
        assert [part["text"] for part in item["content"]] == ["a", "b"]

    def test_usage_and_its_details_are_always_there(self) -> None:
        usage = finished(*text_events("a"))[-1]["response"]["usage"]
        assert usage == {
            "input_tokens": 30,
            "input_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 0},
            "output_tokens": 12,
            "output_tokens_details": {"reasoning_tokens": 4},
            "total_tokens": 42,
        }

    def test_interleaved_calls_come_one_after_the_other(self) -> None:
        a, b = (
            PartStart(part=0, kind="tool_call", id="a", name="f"),
            PartStart(part=1, kind="tool_call", id="b", name="g"),
        )
        events: list[Event] = [
            a,
            b,
            PartDelta(0, '{"x"'),
            PartDelta(1, "{}"),
            PartDelta(0, ":1}"),
            PartEnd(0),
            PartEnd(1),
        ]
        output = finished(*events, reason="tool_calls")[-1]["response"]["output"]
        assert [(item["name"], item["arguments"]) for item in output] == [("f", '{"x":1}'), ("g", "{}")]

    def test_hidden_reasoning_leaves_no_item_and_no_gap(self) -> None:
        thought: list[Event] = [PartStart(part=0, kind="reasoning"), PartDelta(0, "hm"), PartEnd(0)]
        found = finished(*thought, *text_events("a", 1), show_reasoning=False)
        assert [item["type"] for item in found[-1]["response"]["output"]] == ["message"]
        assert [each["sequence_number"] for each in found] == list(range(len(found)))

    def test_whole_and_streamed_are_the_same_object(self) -> None:
        events = [
            Start(),
            PartStart(part=0, kind="reasoning"), PartDelta(0, "hm"), PartEnd(0),
            *text_events("a", 1), *call_events(part=2), UsageSeen(USAGE), Finish(reason="tool_calls"),
        ]  # fmt: skip
        streamed = payloads(encoded_stream(RESPONSES, events))[-1]["response"]
        assert json.loads(RESPONSES.encode_answer(fold(events, "openai-chat"), options())) == streamed
        parsed_response(json.dumps(streamed).encode())

    @pytest.mark.pitfall(179)
    def test_citations_come_before_the_text_is_done(self) -> None:
        cited = PartCited(0, Citation(origin="anthropic", raw=b"{}", url="https://x", title="X"))
        document = PartCited(0, Citation(origin="anthropic", raw=b"{}"))
        events: list[Event] = [PartStart(part=0, kind="text"), PartDelta(0, "abc"), cited, document, PartEnd(0)]
        encoder = RESPONSES.encoder(options())
        found = payloads(b"".join(map(encoder.feed, [Start(), *events, Finish(reason="stop")])))
        note = {"type": "url_citation", "start_index": 0, "end_index": 3, "url": "https://x", "title": "X"}
        names = [each["type"] for each in found]
        at = names.index("response.output_text.annotation.added")
        assert found[at]["annotation"] == note
        assert names[at + 1] == "response.output_text.done"
        assert found[-1]["response"]["output"][0]["content"][0]["annotations"] == [note]
        assert [loss.field for loss in encoder.losses] == ["citations"]

    def test_the_request_is_echoed_and_nothing_is_stored(self) -> None:
        said = {"type": "function", "name": "f", "parameters": None, "strict": False}
        body = responses("hi", tools=[said], tool_choice="required", parallel_tool_calls=False, store=True, top_p=0.5)
        request = RESPONSES.decode_request(json.dumps(body).encode())
        response = finished(*text_events("a"), request=request)[-1]["response"]
        assert (response["tools"], response["tool_choice"]) == ([said], "required")
        assert (response["parallel_tool_calls"], response["top_p"]) == (False, 0.5)
        assert response["store"] is False
        assert finished(*text_events("a"))[-1]["response"]["tools"] == []


class TestEnds:
    @pytest.mark.parametrize(
        ("reason", "status", "details"),
        [
            ("stop", "completed", None),
            ("stop_sequence", "completed", None),
            ("tool_calls", "completed", None),
            ("length", "incomplete", {"reason": "max_output_tokens"}),
            ("context_length", "incomplete", {"reason": "max_output_tokens"}),
            ("pause", "incomplete", {"reason": "max_output_tokens"}),
            ("content_filter", "incomplete", {"reason": "content_filter"}),
            ("refusal", "incomplete", {"reason": "content_filter"}),
        ],
    )
    @pytest.mark.pitfall(121)
    def test_every_reason_has_a_status(self, reason: FinishReason, status: str, details: Json | None) -> None:
        last = finished(*text_events("a"), reason=reason)[-1]
        assert last["type"] == f"response.{status}"
        assert (last["response"]["status"], last["response"]["incomplete_details"]) == (status, details)

    def test_a_refusal_in_words_is_complete(self) -> None:
        events: list[Event] = [PartStart(part=0, kind="refusal"), PartDelta(0, "no"), PartEnd(0)]
        found = finished(*events, reason="refusal")
        assert found[-1]["response"]["output"][0]["content"] == [{"type": "refusal", "refusal": "no"}]
        assert found[-1]["type"] == "response.completed"
        assert "response.refusal.done" in [each["type"] for each in found]

    def test_an_explanation_becomes_a_refusal(self) -> None:
        events = [Start(), *text_events("a"), Finish(reason="refusal", explanation="because")]
        streamed = payloads(encoded_stream(RESPONSES, events))[-1]["response"]
        whole = json.loads(RESPONSES.encode_answer(fold(events, "anthropic"), options()))
        for response in (streamed, whole):
            assert response["output"][0]["content"][1] == {"type": "refusal", "refusal": "because"}
            assert response["status"] == "completed"

    @pytest.mark.pitfall(55, 56)
    def test_an_error_is_response_failed_in_the_same_numbering(self) -> None:
        found = stream(PartStart(part=0, kind="text"), PartDelta(0, "a"), Fault(kind="overloaded", message="busy"))
        assert [each["sequence_number"] for each in found] == list(range(len(found)))
        last = found[-1]
        assert last["type"] == "response.failed"
        assert last["response"]["id"] == found[0]["response"]["id"]
        assert last["response"]["error"] == {"code": "overloaded", "message": "busy"}
        assert last["response"]["output"][0]["content"][0]["text"] == "a"
        assert [each["type"] for each in found].count("response.output_item.done") == 1

    def test_an_error_before_anything_still_has_its_grammar(self) -> None:
        found = payloads(encoded_stream(RESPONSES, [Fault(kind="timeout", message="t")]))
        assert [each["type"] for each in found] == ["response.created", "response.in_progress", "response.failed"]

    def test_a_call_that_an_error_cut_off_is_never_done(self) -> None:
        """Agents run a call as soon as it is done. Decoders end open parts before they say the error."""
        for pieces in ((), ('{"cmd":"rm',), ('{"cmd":"ls"}',)):
            found = stream(*call_events(*pieces), Fault(kind="upstream_fault", message="cut"))
            assert "response.output_item.done" not in [each["type"] for each in found]
            (item,) = found[-1]["response"]["output"]
            assert item["status"] == "incomplete"

    def test_a_call_that_a_limit_cut_off_says_so(self) -> None:
        (item,) = finished(*call_events('{"cmd":"rm'), reason="length")[-1]["response"]["output"]
        assert (item["status"], item["arguments"]) == ("incomplete", '{"cmd":"rm')

    def test_no_arguments_are_an_empty_object(self) -> None:
        found = finished(*call_events(), reason="tool_calls")
        assert [each["delta"] for each in found if each["type"].endswith("arguments.delta")] == ["{}"]
        assert found[-1]["response"]["output"][0]["arguments"] == "{}"

    def test_an_answer_that_failed_is_raised_where_it_is_whole(self) -> None:
        with pytest.raises(UpstreamError):
            RESPONSES.encode_answer(Answer(fault=Fault(kind="upstream_fault", message="x")), options())

    def test_the_sdk_reads_each_of_them(self) -> None:
        cut = encoded_stream(RESPONSES, [Start(), *text_events("a"), UsageSeen(USAGE), Finish(reason="length")])
        assert accumulated_response(cut).status == "incomplete"
        failed = encoded_stream(RESPONSES, [Start(), *text_events("a"), Fault(kind="upstream_fault", message="x")])
        assert accumulated_response(failed).status == "failed"


class TestTheWayBackOfTools:
    """Custom tools and namespaces, lowered in the request, are the caller's own again in the answer."""

    REQUEST = responses(
        "hi",
        tools=[
            {
                "type": "custom",
                "name": "patch",
                "format": {"type": "grammar", "syntax": "lark", "definition": "s: /x/"},
            },
            {"type": "namespace", "name": "crm", "description": "d", "tools": [{"type": "function", "name": "find"}]},
            {"type": "function", "name": "find"},
            {"type": "tool_search", "execution": "client", "parameters": {"type": "object"}},
        ],
    )

    def restored(self, *events: Event) -> list[Json]:
        names = tool_names(RESPONSES.decode_request(json.dumps(self.REQUEST).encode()), "openai-chat")
        return finished(*(restore_event(event, names) for event in events), reason="tool_calls")

    @pytest.mark.pitfall(49)
    def test_a_custom_call_is_one_again(self) -> None:
        found = self.restored(*call_events('{"inp', 'ut":"a\\nb"}', name="patch"))
        (item,) = found[-1]["response"]["output"]
        assert (item["type"], item["name"], item["input"]) == ("custom_tool_call", "patch", "a\nb")
        assert "arguments" not in item
        names = [each["type"] for each in found]
        assert names.count("response.custom_tool_call_input.delta") == 1
        assert names.count("response.custom_tool_call_input.done") == 1
        assert found[2]["item"]["input"] == ""

    def test_what_is_not_wrapped_as_it_should_be_stays_as_it_is(self) -> None:
        for text in ("not json", '{"other":1}', "[]"):
            (item,) = self.restored(*call_events(text, name="patch"))[-1]["response"]["output"]
            assert item["input"] == text

    @pytest.mark.pitfall(50)
    def test_a_namespace_is_restored_only_where_there_was_one(self) -> None:
        found = self.restored(*call_events("{}", name="crm__find"), *call_events("{}", part=1, name="find"))
        first, second = found[-1]["response"]["output"]
        assert (first["name"], first["namespace"]) == ("find", "crm")
        assert second["name"] == "find"
        assert "namespace" not in second

    @pytest.mark.pitfall(49)
    def test_whole_answers_too(self) -> None:
        names = tool_names(RESPONSES.decode_request(json.dumps(self.REQUEST).encode()), "openai-chat")
        events = [*call_events('{"input":"x"}', name="patch"), *call_events("{}", part=1, name="crm__find")]
        answer = restore_answer(fold([*events, Finish(reason="tool_calls")], "openai-chat"), names)
        patch, find = json.loads(RESPONSES.encode_answer(answer, options()))["output"]
        assert (patch["type"], patch["input"]) == ("custom_tool_call", "x")
        assert (find["name"], find["namespace"]) == ("find", "crm")

    def test_a_search_is_done_at_once(self) -> None:
        found = self.restored(*call_events('{"quer', 'ies":["a"]}', name="tool_search"))
        (item,) = found[-1]["response"]["output"]
        assert item["id"].startswith("tsc_")
        assert (item["type"], item["execution"], item["status"]) == ("tool_search_call", "client", "completed")
        assert item["arguments"] == {"queries": ["a"]}
        assert "name" not in item
        names = [each["type"] for each in found]
        assert names[2:-1] == ["response.output_item.added", "response.output_item.done"]
        assert found[2]["item"]["arguments"] == {}

    @pytest.mark.parametrize(("text", "arguments"), [("", {}), ('{"que', '{"que'), ("[1]", [1])])
    def test_a_search_with_odd_arguments(self, text: str, arguments: object) -> None:
        (item,) = self.restored(*call_events(text, name="tool_search"))[-1]["response"]["output"]
        assert item["arguments"] == arguments

    def test_free_text_is_streamed_as_it_comes(self) -> None:
        """A Responses upstream's own custom call."""
        found = finished(*call_events("a", "b", call_kind="custom"), reason="tool_calls")
        assert [each["delta"] for each in found if each["type"].endswith("input.delta")] == ["a", "b"]
        assert found[-1]["response"]["output"][0]["input"] == "ab"


class TestReading:
    @pytest.mark.pitfall(4, 46)
    def test_done_copies_add_only_what_was_not_said(self) -> None:
        at = {"output_index": 0, "item_id": "fc"}
        added = {"type": "response.output_item.added", "output_index": 0, "item": {**CALL, "arguments": ""}}
        whole = {"type": "response.function_call_arguments.done", **at, "arguments": '{"x":1}'}
        piece = {"type": "response.function_call_arguments.delta", **at, "delta": '{"x"'}
        done = {"type": "response.output_item.done", "output_index": 0, "item": {**CALL, "arguments": '{"x":1}'}}
        for middle in ([piece, whole], [whole], [piece], [piece, {**piece, "delta": ":1}"}, whole], []):
            answer = read(CREATED, added, *middle, done, terminal(done["item"]))
            assert answer.blocks == (ToolCallBlock(id="c", name="f", arguments='{"x":1}'),)
            assert answer.finish is not None
            assert answer.finish.reason == "tool_calls"

    def test_items_may_come_in_the_terminal_response_only(self) -> None:
        message = {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "x", "annotations": []}]}
        assert read(CREATED, terminal(message)).blocks == (TextBlock(text="x"),)

    @pytest.mark.pitfall(47)
    def test_a_name_that_comes_late(self) -> None:
        added = {"type": "response.output_item.added", "output_index": 0, "item": {"type": "function_call", "id": "fc"}}
        piece = {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "{}"}
        done = {"type": "response.output_item.done", "output_index": 0, "item": CALL}
        assert read(CREATED, added, piece, done, terminal(CALL)).blocks == (
            ToolCallBlock(id="c", name="f", arguments="{}"),
        )

    def test_segments_of_a_reasoning_are_paragraphs(self) -> None:
        item = {"type": "reasoning", "id": "rs", "summary": [{"text": "a"}, {"text": "b"}], "encrypted_content": "seal"}
        (block,) = read(CREATED, terminal(item)).blocks
        assert isinstance(block, ReasoningBlock)
        assert block.text == "a\n\nb"
        assert [blob.data for blob in block.blobs] == ["seal"]

    def test_raw_reasoning_of_open_models(self) -> None:
        delta = {"type": "response.reasoning_text.delta", "output_index": 0, "content_index": 0, "delta": "hm"}
        item = {"type": "reasoning", "id": "r", "content": [{"text": "hm"}]}
        (block,) = read(CREATED, delta, terminal(item, status="incomplete")).blocks
        assert block == ReasoningBlock(text="hm")

    def test_a_refusal_is_one(self) -> None:
        message = {"type": "message", "id": "m", "content": [{"type": "refusal", "refusal": "no"}]}
        answer = read(CREATED, terminal(message))
        assert answer.blocks == (RefusalBlock(text="no"),)
        assert answer.finish is not None
        assert answer.finish.reason == "refusal"

    @pytest.mark.parametrize(
        ("word", "reason"),
        [
            ("max_output_tokens", "length"),
            ("length", "length"),
            ("content_filter", "content_filter"),
            ("steered", "length"),
        ],
    )
    @pytest.mark.pitfall(131)
    def test_incomplete_says_why(self, word: str, reason: str) -> None:
        answer = read(CREATED, terminal(CALL, status="incomplete", incomplete_details={"reason": word}))
        assert answer.finish is not None
        assert (answer.finish.reason, answer.finish.raw) == (reason, word)

    @pytest.mark.parametrize(
        "last",
        [
            terminal(status="failed", error={"code": "rate_limit_exceeded", "message": "slow"}),
            {"type": "error", "code": "rate_limit_exceeded", "message": "slow", "param": None},
            {"type": "error", "error": {"code": "rate_limit_exceeded", "message": "slow"}},
        ],
    )
    @pytest.mark.pitfall(138)
    def test_errors_of_every_form(self, last: Json) -> None:
        fault = read(CREATED, last).fault
        assert fault is not None
        assert (fault.kind, fault.message, fault.code) == ("rate_limit", "slow", "rate_limit_exceeded")

    def test_cancelled_is_no_end(self) -> None:
        assert read(CREATED, terminal(status="cancelled")).fault is not None

    @pytest.mark.pitfall(128)
    def test_silence_is_no_end(self) -> None:
        events = (CREATED, {"type": "response.output_item.added", "output_index": 0, "item": CALL})
        for count in (1, 2):
            answer = read(*events[:count])
            assert answer.fault is not None
            assert answer.fault.code == "upstream_truncated"

    def test_what_we_write_we_read(self) -> None:
        events = [
            PartStart(part=0, kind="reasoning"), PartDelta(0, "hm"), PartEnd(0), *text_events("é😀\u2028", 1),
            *call_events('{"x":1}', part=2), UsageSeen(USAGE), Finish(reason="tool_calls"),
        ]  # fmt: skip
        answer = fold(events_of(RESPONSES, encoded_stream(RESPONSES, [Start(), *events])), "openai-responses")
        assert [type(block) for block in answer.blocks] == [ReasoningBlock, TextBlock, ToolCallBlock]
        assert answer.blocks[1] == TextBlock(text="é😀\u2028")
        assert answer.usage.total_tokens == 42

    def test_a_body_in_the_place_of_a_stream(self) -> None:
        body = json.dumps(terminal(CALL)["response"] | {"object": "response", "text": {"format": {"type": "text"}}})
        answer = fold(events_of(RESPONSES, body.encode()), "openai-responses")
        assert answer.blocks == (ToolCallBlock(id="c", name="f", arguments="{}"),)


def test_a_messages_upstream_that_stops_midway_fails_the_response() -> None:
    body = b'event: message_start\ndata: {"type":"message_start","message":{"id":"m"}}\n\n'
    found = payloads(encoded_stream(RESPONSES, events_of(MESSAGES, body)))
    assert [each["type"] for each in found][-1] == "response.failed"
    assert answer_of(MESSAGES, body).fault is not None
