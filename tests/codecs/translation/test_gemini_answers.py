"""Gemini's answers read, and answers written for Gemini's clients: what recordings do not show."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.codecs.translation.gemini_roads import GEMINI, answered, array, chunk, part_events, sse
from tests.codecs.translation.roads import (
    CHAT,
    MESSAGES,
    chat_chunk,
    chat_sse,
    encoded_stream,
    events_of,
    options,
    payloads,
)
from torouter.canon.blocks import OpaqueBlock, ReasoningBlock, ServerToolBlock, TextBlock, ToolCallBlock
from torouter.canon.events import Event, Fault, Finish, PartDelta, PartEnd, PartStart, Start, UsageSeen
from torouter.canon.fold import Answer, fold
from torouter.canon.usage import Usage
from torouter.errors import UpstreamError

CALL = {"functionCall": {"name": "f", "args": {"a": 1}}}


def text(said: str, **fields: Any) -> dict[str, Any]:
    return {"text": said, **fields}


def last(*chunks: dict[str, Any]) -> Event:
    found: Event = part_events(*chunks)[-1]
    return found


@pytest.mark.pitfall(18, 32, 39)
def test_kinds_follow_each_other_as_parts() -> None:
    answer = answered(
        chunk(text("h", thought=True)),
        chunk(text("m", thought=True), text("A")),
        chunk(text("B"), CALL, text("C")),
        chunk(finish="STOP"),
    )
    thought, first, call, second = answer.blocks
    assert isinstance(thought, ReasoningBlock)
    assert thought.text == "hm"
    assert isinstance(first, TextBlock)
    assert first.text == "AB"
    assert isinstance(call, ToolCallBlock)
    assert (call.name, call.arguments, call.is_id_synthesised) == ("f", '{"a":1}', True)
    assert isinstance(second, TextBlock)
    assert second.text == "C"
    assert answer.finish == Finish(reason="tool_calls", raw="STOP")


def test_two_calls_of_one_function_have_two_ids_that_stay_the_same() -> None:
    first, second = (
        block for block in answered(chunk(CALL, CALL, finish="STOP")).blocks if isinstance(block, ToolCallBlock)
    )
    again = answered(chunk(CALL), chunk(CALL, finish="STOP")).blocks
    assert first.id != second.id
    assert [first, second] == list(again)
    other = answered(chunk(CALL, finish="STOP", responseId="r2")).blocks[0]
    assert isinstance(other, ToolCallBlock)
    assert other.id != first.id
    assert max(len(first.id), len(second.id)) <= 40


@pytest.mark.pitfall(40, 126)
def test_a_finish_on_every_chunk_counts_once_and_last() -> None:
    answer = answered(chunk(finish="STOP"), chunk(text("a"), finish="STOP"), chunk(text("b"), finish="MAX_TOKENS"))
    assert answer.finish == Finish(reason="length", raw="MAX_TOKENS")
    assert answer.blocks == (TextBlock(text="ab"),)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("CONTINUATION", "pause"),
        *(
            (word, "content_filter")
            for word in (
                *("SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION", "LANGUAGE", "MODEL_ARMOR"),
                *("ESCALATION", "PUP_LIMITED_DISABLED", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
            )
        ),
        ("OTHER", "stop"),
        ("FINISH_REASON_UNSPECIFIED", "stop"),
        ("NEW_WORD", "stop"),
    ],
)
@pytest.mark.pitfall(121, 122, 127)
def test_words_for_the_end(word: str, reason: str) -> None:
    finish = last(chunk(text("a"), finish=word))
    assert isinstance(finish, Finish)
    assert (finish.reason, finish.raw) == (reason, word)


@pytest.mark.parametrize(
    "word",
    [
        *("MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"),
        *("MISSING_THOUGHT_SIGNATURE", "NO_IMAGE", "IMAGE_OTHER"),
    ],
)
@pytest.mark.pitfall(124)
def test_words_that_are_errors_even_behind_content(word: str) -> None:
    fault = last(chunk(text("a"), CALL, finish=word))
    assert isinstance(fault, Fault)
    assert fault.code == "upstream_malformed"
    assert word in fault.message


@pytest.mark.parametrize("word", ["OTHER", "NEW_WORD"])
@pytest.mark.pitfall(127)
def test_an_unknown_word_without_content_is_an_error(word: str) -> None:
    assert isinstance(last(chunk(finish=word)), Fault)


@pytest.mark.pitfall(125)
def test_a_number_for_a_word_and_a_candidate_without_content() -> None:
    finish = last(chunk(text("a")), {"candidates": [{"finishReason": 2}]})
    assert isinstance(finish, Finish)
    assert finish.reason == "length"


@pytest.mark.parametrize("framing", ["sse", "array", "whole"])
def test_a_blocked_prompt_has_an_empty_answer_in_every_dialect(framing: Any) -> None:
    said = {
        "promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "no"},
        "usageMetadata": {"promptTokenCount": 3},
    }
    answer = answered(said, framing=framing)
    assert answer.finish == Finish(reason="content_filter", raw="SAFETY", explanation="no")
    assert answer.usage.input_tokens == 3
    choice = json.loads(CHAT.encode_answer(answer, options(framing="whole")))["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == (None, "content_filter")
    assert json.loads(MESSAGES.encode_answer(answer, options(framing="whole")))["stop_reason"] == "refusal"


@pytest.mark.pitfall(16, 128)
def test_bytes_without_an_end_are_truncated() -> None:
    for chunks in ((), (chunk(text("a")),)):
        fault = last(*chunks)
        assert isinstance(fault, Fault)
        assert fault.code == "upstream_truncated"


@pytest.mark.pitfall(138)
def test_an_error_within_a_stream_ends_it() -> None:
    error = {"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}}
    for framing in ("sse", "array"):
        events = part_events(chunk(text("a")), error, chunk(text("b"), finish="STOP"), framing=framing)  # type: ignore[arg-type]
        fault = events[-1]
        assert isinstance(fault, Fault)
        assert (fault.kind, fault.message) == ("rate_limit", "slow down")
        assert [each.text for each in events if isinstance(each, PartDelta)] == ["a"]


@pytest.mark.parametrize("framing", ["sse", "whole", "array"])
def test_an_array_is_read_wherever_it_comes(framing: Any) -> None:
    body = array(chunk(text("a"), finish="STOP", usageMetadata={"promptTokenCount": 1, "totalTokenCount": 1}))
    answer = fold(events_of(GEMINI, body, framing), "gemini")
    assert answer.blocks == (TextBlock(text="a"),)
    assert answer.usage.quality == "reported"
    refused = array({"error": {"code": 400, "message": "bad", "status": "INVALID_ARGUMENT"}})
    assert fold(events_of(GEMINI, refused, framing), "gemini").fault is not None


@pytest.mark.parametrize("nonsense", [b"[{]", b'[{"candidates":7}]', b"data: {\n\n", b"\xff", b"[" * 9000])
@pytest.mark.parametrize("framing", ["sse", "array", "whole"])
def test_nonsense_is_an_error(nonsense: bytes, framing: Any) -> None:
    assert isinstance(events_of(GEMINI, nonsense, framing)[-1], Fault)


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        (
            {
                "promptTokenCount": 30,
                "cachedContentTokenCount": 10,
                "candidatesTokenCount": 8,
                "thoughtsTokenCount": 4,
                "totalTokenCount": 42,
            },
            {"input_tokens": 20, "cache_read_tokens": 10, "output_tokens": 8, "reasoning_tokens": 4},
        ),
        (
            {"promptTokenCount": 30, "candidatesTokenCount": 12, "thoughtsTokenCount": 4, "totalTokenCount": 42},
            {"input_tokens": 30, "output_tokens": 8, "reasoning_tokens": 4},
        ),
        (
            {"promptTokenCount": 5, "toolUsePromptTokenCount": 7, "candidatesTokenCount": 1, "totalTokenCount": 13},
            {"input_tokens": 5, "tool_input_tokens": 7, "output_tokens": 1},
        ),
    ],
)
@pytest.mark.pitfall(155, 156)
def test_usage_arithmetic_there_and_back(said: dict[str, int], usage: dict[str, int]) -> None:
    """The last figures count; thoughts that were folded into the candidates are taken out."""
    answer = answered(chunk(text("a"), usageMetadata={"promptTokenCount": 1}), chunk(finish="STOP", usageMetadata=said))
    assert answer.usage == Usage(**usage, quality="reported", raw=answer.usage.raw)  # type: ignore[arg-type]
    assert answer.usage.total_tokens == said["totalTokenCount"]
    back = json.loads(GEMINI.encode_answer(answer, options(framing="whole")))["usageMetadata"]
    assert back["totalTokenCount"] == said["totalTokenCount"]
    assert back["promptTokenCount"] == said["promptTokenCount"]
    assert {name: back.get(name) for name in ("cachedContentTokenCount", "toolUsePromptTokenCount")} == {
        name: said.get(name) for name in ("cachedContentTokenCount", "toolUsePromptTokenCount")
    }


@pytest.mark.pitfall(11, 102)
def test_signatures_stay_on_their_parts_at_home_and_are_reported_elsewhere() -> None:
    """A lone signature behind the text makes no block of its own."""
    chunks = [
        chunk(text("hm", thought=True)),
        chunk(text("Hi")),
        chunk(text("", thoughtSignature="s1")),
        chunk({**CALL, "thoughtSignature": "s2"}, CALL, finish="STOP"),
    ]
    answer = answered(*chunks)
    assert [type(block).__name__ for block in answer.blocks] == [
        "ReasoningBlock",
        "TextBlock",
        "ToolCallBlock",
        "ToolCallBlock",
    ]
    home = payloads(encoded_stream(GEMINI, part_events(*chunks)))
    parts = [part for each in home for part in each["candidates"][0]["content"]["parts"]]
    assert [part.get("thoughtSignature") for part in parts] == [None, None, "s1", "s2", None, None]
    whole = json.loads(GEMINI.encode_answer(answer, options(framing="whole")))["candidates"][0]["content"]["parts"]
    assert [part.get("thoughtSignature") for part in whole] == [None, "s1", "s2", None]
    for client in (CHAT, MESSAGES):
        encoder = client.encoder(options())
        stream = b"".join(encoder.feed(event) for event in part_events(*chunks))
        assert b"s2" not in stream
        assert "signature" in [loss.field for loss in encoder.losses]


@pytest.mark.pitfall(101)
def test_signed_and_unsigned_text_are_never_one_part() -> None:
    blocks = answered(chunk(text("a", thoughtSignature="s")), chunk(text("b"), finish="STOP")).blocks
    assert [(block.text, len(block.blobs)) for block in blocks if isinstance(block, TextBlock)] == [("a", 1), ("b", 0)]


@pytest.mark.pitfall(104)
def test_what_google_ran_and_what_nobody_knows_survive_for_home() -> None:
    odd = {"hologram": {"x": 1}}
    ran = {"toolCall": {"id": "i"}, "thoughtSignature": "s"}
    answer = answered(chunk(ran, {"codeExecutionResult": {"output": "o"}}, odd, text("a"), finish="STOP"))
    call, result, opaque, _ = answer.blocks
    assert isinstance(call, ServerToolBlock)
    assert isinstance(result, ServerToolBlock)
    assert isinstance(opaque, OpaqueBlock)
    parts = json.loads(GEMINI.encode_answer(answer, options(framing="whole")))["candidates"][0]["content"]["parts"]
    assert parts == [ran, {"codeExecutionResult": {"output": "o"}}, odd, {"text": "a"}]
    encoder = CHAT.encoder(options())
    for event in part_events(chunk(odd, text("a"), finish="STOP")):
        encoder.feed(event)
    assert [loss.field for loss in encoder.losses] == ["hologram"]


@pytest.mark.pitfall(179)
def test_citations_count_characters() -> None:
    """Offsets are bytes of UTF-8 there (`é` is two)."""
    metadata = {
        "groundingChunks": [{"web": {"uri": "https://x.test", "title": "X"}}, {"retrievedContext": {"text": "t"}}],
        "groundingSupports": [
            {"segment": {"startIndex": 3, "endIndex": 8, "text": "cited"}, "groundingChunkIndices": [0, 1, 7]}
        ],
    }
    end = chunk(finish="STOP")
    end["candidates"][0]["groundingMetadata"] = metadata
    answer = answered(chunk(text("é ci")), chunk(text("ted.")), end)
    (block,) = answer.blocks
    assert isinstance(block, TextBlock)
    first, second = block.citations
    assert (first.url, first.title, first.start, first.end, first.cited_text) == ("https://x.test", "X", 2, 7, "cited")
    assert second.url is None
    (annotation,) = json.loads(CHAT.encode_answer(answer, options(framing="whole")))["choices"][0]["message"][
        "annotations"
    ]
    assert (annotation["url_citation"]["start_index"], annotation["url_citation"]["end_index"]) == (2, 7)
    written = json.loads(GEMINI.encode_answer(answer, options(framing="whole")))["candidates"][0]["groundingMetadata"]
    assert written["groundingSupports"][0]["segment"] == {"startIndex": 3, "endIndex": 8, "text": "cited"}
    streamed = payloads(encoded_stream(GEMINI, part_events(chunk(text("é cited.")), end)))[-1]
    assert streamed["candidates"][0]["groundingMetadata"] == written


GEMINI_STREAM = "".join(
    f'data: {{"candidates":[{{"content":{{"parts":[{{{part}}}],"role":"model"}},"index":0}}],'
    '"modelVersion":"m","responseId":"s1"}\n\n'
    for part in (
        '"text":"hm","thought":true',
        '"text":"Hi"',
        '"functionCall":{"id":"c_a","name":"a","args":{}}',
        '"functionCall":{"id":"c_b","name":"b","args":{"x":1}}',
    )
).encode() + (
    b'data: {"candidates":[{"content":{"role":"model","parts":[{"text":""}]},"finishReason":"STOP","index":0}],'
    b'"usageMetadata":{"promptTokenCount":30,"candidatesTokenCount":8,"totalTokenCount":42,'
    b'"cachedContentTokenCount":10,"thoughtsTokenCount":4},"modelVersion":"m","responseId":"s1"}\n\n'
)
USAGE = {
    "prompt_tokens": 30,
    "completion_tokens": 12,
    "prompt_tokens_details": {"cached_tokens": 10},
    "completion_tokens_details": {"reasoning_tokens": 4},
}


def test_chat_for_a_gemini_client_to_the_byte() -> None:
    calls = [
        {"index": 0, "id": "c_a", "function": {"name": "a", "arguments": ""}},
        {"index": 1, "id": "c_b", "function": {"name": "b", "arguments": '{\n"x"'}},
        {"index": 1, "function": {"arguments": ": 1}"}},
    ]
    stream = chat_sse(
        chat_chunk({"reasoning_content": "hm"}),
        chat_chunk({"content": "Hi"}),
        *(chat_chunk({"tool_calls": [each]}) for each in calls),
        chat_chunk(finish="tool_calls"),
        {"choices": [], "usage": USAGE},
    )
    assert encoded_stream(GEMINI, events_of(CHAT, stream)) == GEMINI_STREAM
    assert encoded_stream(GEMINI, events_of(GEMINI, GEMINI_STREAM)) == GEMINI_STREAM


def test_hidden_reasoning_is_not_shown() -> None:
    stream = encoded_stream(GEMINI, events_of(GEMINI, GEMINI_STREAM), options(show_reasoning=False))
    assert b"hm" not in stream
    answer = fold(events_of(GEMINI, GEMINI_STREAM), "gemini")
    assert b"hm" not in GEMINI.encode_answer(answer, options(framing="whole", show_reasoning=False))


def test_the_array_is_json_at_the_end_good_or_bad() -> None:
    good = encoded_stream(GEMINI, events_of(GEMINI, GEMINI_STREAM), options(framing="array"))
    assert json.loads(good) == payloads(GEMINI_STREAM)
    cut = GEMINI_STREAM[: GEMINI_STREAM.index(b'data: {"candidates":[{"content":{"role"')]
    bad = json.loads(encoded_stream(GEMINI, events_of(GEMINI, cut), options(framing="array")))
    assert bad[-1]["error"]["status"] == "INTERNAL"
    assert len(bad) == 5
    (only,) = json.loads(encoded_stream(GEMINI, events_of(GEMINI, b""), options(framing="array")))
    assert next(iter(only)) == "error"


@pytest.mark.pitfall(129)
def test_a_call_that_a_limit_cut_is_dropped_and_any_other_is_an_error() -> None:
    head: list[Event] = [
        Start(),
        PartStart(part=0, kind="tool_call", id="c", name="f"),
        PartDelta(0, '{"a": "hal'),
        PartEnd(0),
        UsageSeen(Usage(output_tokens=1)),
    ]
    cut: list[Event] = [*head, Finish(reason="length", raw="length")]
    (said,) = payloads(encoded_stream(GEMINI, cut))
    assert said["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert said["candidates"][0]["content"]["parts"] == [{"text": ""}]
    whole = json.loads(GEMINI.encode_answer(fold(cut, "openai-chat"), options(framing="whole")))
    assert whole["candidates"] == said["candidates"]
    wrong: list[Event] = [*head, Finish(reason="tool_calls", raw="tool_calls")]
    (error,) = payloads(encoded_stream(GEMINI, wrong))
    assert "error" in error
    with pytest.raises(UpstreamError):
        GEMINI.encode_answer(fold(wrong, "openai-chat"), options(framing="whole"))


@pytest.mark.parametrize(
    ("finish", "word"),
    [
        (Finish(reason="stop_sequence", raw="x", stop_sequence="s"), "STOP"),
        (Finish(reason="context_length", raw="x"), "MAX_TOKENS"),
        (Finish(reason="refusal", raw="x", explanation="why"), "SAFETY"),
        (Finish(reason="pause", raw="x"), "MAX_TOKENS"),
    ],
)
def test_words_for_gemini_clients(finish: Finish, word: str) -> None:
    answer = Answer(finish=finish, blocks=(TextBlock(text="a"),))
    said = json.loads(GEMINI.encode_answer(answer, options(framing="whole")))["candidates"][0]
    assert said["finishReason"] == word
    assert said.get("finishMessage") == finish.explanation
    with pytest.raises(UpstreamError):
        GEMINI.encode_answer(Answer(), options(framing="whole"))


def test_a_stream_with_the_marker_of_another_dialect_is_read() -> None:
    assert isinstance(events_of(GEMINI, sse(chunk(text("a"), finish="STOP")) + b"data: [DONE]\n\n")[-1], Finish)
