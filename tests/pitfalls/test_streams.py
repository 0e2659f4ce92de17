"""Answers of every upstream for clients of every other dialect: the ledger's sections on streams, in each cell."""

from __future__ import annotations

import json
import re
from itertools import permutations
from typing import Any

import pytest

from tests.codecs.translation.gemini_roads import chunk, sse
from tests.codecs.translation.responses import responses_sse
from tests.codecs.translation.roads import chat_chunk, chat_sse, events_of, messages_sse, options, payloads
from tests.pitfalls.clients import failure_in, read_stream, shown, shown_whole, stream_for, whole_for
from tests.pitfalls.upstreams import CODECS_OF, IN_EACH_CELL, Part, streamed, whole
from torouter.canon.fold import fold
from torouter.codecs import CODECS
from torouter.errors import UpstreamError
from torouter.units import DIALECTS, Dialect

Json = dict[str, Any]
OF_CHAT = pytest.mark.parametrize("client", [each for each in DIALECTS if each != "openai-chat"])
"""Clients whose upstream speaks Chat, the dialect that is imitated most and worst."""

THOUGHT: Part = ("reasoning", "hm, well")
TEXT: Part = ("text", "Hi there")
CALL: Part = ("call", "call_1", "run", '{"command":"ls -l"}')
OTHER: Part = ("call", "call_2", "run", '{"command":"pwd"}')
BARE: Part = ("call", "call_3", "now", "")
ORDERS = [
    *permutations([THOUGHT, TEXT, CALL]),
    *permutations([THOUGHT, CALL]),
    (CALL,),
    (BARE,),
    (BARE, CALL),
    (CALL, OTHER),
    (TEXT, CALL, OTHER, BARE),
    (THOUGHT, ("text", "a little"), ("reasoning", "more"), ("text", "and the rest"), CALL),
]
"""All ordered pairs of kinds are among them."""
IN_EACH_ORDER = pytest.mark.parametrize("parts", ORDERS, ids=lambda parts: "-".join(part[0] for part in parts))


def calls_in(parts: tuple[Part, ...]) -> list[tuple[str, str, Any]]:
    return [(part[1], part[2], json.loads(part[3] or "{}")) for part in parts if part[0] == "call"]


def said(parts: list[Part] | tuple[Part, ...], kind: str) -> str:
    return "".join(part[1] for part in parts if part[0] == kind)


@IN_EACH_CELL
@IN_EACH_ORDER
@pytest.mark.pitfall(1, 2, 3, 4, 5, 6, 7, 12, 14, 17, 18, 23, 24, 25, 31, 32, 39, 41, 42, 43, 45, 47)
def test_what_was_said_arrives_once_in_its_order_and_kind(
    upstream: Dialect, client: Dialect, parts: tuple[Part, ...]
) -> None:
    found = shown(client, upstream, streamed(upstream, *parts))
    assert [part[:3] if part[0] == "call" else part for part in found.parts] == [
        part[:3] if part[0] == "call" else part for part in parts
    ]
    assert found.calls == calls_in(parts)
    assert found.end == ("calls" if found.calls else "stop")
    assert found.tokens == (30, 10, 12)


@IN_EACH_CELL
@IN_EACH_ORDER
@pytest.mark.pitfall(9, 18, 29, 33, 44, 121)
def test_streamed_or_whole_on_either_side_it_is_one_answer(
    upstream: Dialect, client: Dialect, parts: tuple[Part, ...]
) -> None:
    """Among them a whole answer that comes in the place of a stream, of a server that cannot stream its calls."""
    stream, body = streamed(upstream, *parts), whole(upstream, *parts)
    for found in (
        shown_whole(client, upstream, stream, "sse"),
        shown_whole(client, upstream, body),
        shown(client, upstream, body, "whole"),
        shown(client, upstream, body),
    ):
        assert (said(found.parts, "reasoning"), said(found.parts, "text")) == (
            said(parts, "reasoning"),
            said(parts, "text"),
        )
        assert found.calls == calls_in(parts)
        assert found.end == ("calls" if found.calls else "stop")
        assert found.tokens == (30, 10, 12)


@IN_EACH_CELL
@pytest.mark.pitfall(22, 39)
def test_reasoning_is_hidden_from_who_did_not_ask(upstream: Dialect, client: Dialect) -> None:
    stream = streamed(upstream, THOUGHT, TEXT, CALL)
    hidden = stream_for(client, upstream, stream, show_reasoning=False)
    assert b"hm, " not in hidden
    assert b"well" not in hidden
    assert shown(client, upstream, stream, show_reasoning=False).text() == TEXT[1]
    assert b"well" not in whole_for(client, upstream, stream, "sse", show_reasoning=False)


@IN_EACH_CELL
@pytest.mark.pitfall(53)
def test_reasoning_alone_is_no_text(upstream: Dialect, client: Dialect) -> None:
    stream = streamed(upstream, THOUGHT)
    for found in (shown(client, upstream, stream), shown_whole(client, upstream, stream, "sse")):
        assert (found.parts, found.end) == ([THOUGHT], "stop")
    assert shown(client, upstream, stream, show_reasoning=False).parts == []


@IN_EACH_CELL
@pytest.mark.pitfall(16, 56, 128)
def test_a_stream_that_breaks_off_anywhere_is_an_error(upstream: Dialect, client: Dialect) -> None:
    frames = streamed(upstream, THOUGHT, TEXT, CALL).replace(b"\r\n", b"\n").split(b"\n\n")
    terminals = (b'"finish_reason": "', b'"stop_reason": "', b'"finishReason"', b"response.completed", b"[DONE]")
    begun = [frame for frame in frames if frame and not any(word in frame for word in terminals)]
    assert len(begun) > 4
    for count in range(1, len(begun)):
        cut = b"\n\n".join(begun[:count]) + b"\n\n"
        assert failure_in(client, stream_for(client, upstream, cut))
        with pytest.raises(UpstreamError):
            whole_for(client, upstream, cut, "sse")


OVERLOADED: dict[Dialect, Json] = {
    "openai-chat": {"error": {"message": "busy", "type": "overloaded_error", "code": 503}},
    "openai-responses": {"type": "error", "code": "overloaded", "message": "busy", "param": None},
    "anthropic": {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}},
    "gemini": {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}},
}
TOLD_AS: dict[Dialect, tuple[str, object]] = {
    "openai-chat": ("code", "overloaded"),
    "openai-responses": ("code", "overloaded"),
    "anthropic": ("type", "overloaded_error"),
    "gemini": ("status", "UNAVAILABLE"),
}


@IN_EACH_CELL
@pytest.mark.parametrize("events", [0, 3], ids=["first", "later"])
@pytest.mark.pitfall(20, 55, 138, 139, 140, 143)
def test_an_error_within_a_stream_is_one_in_the_clients_words(upstream: Dialect, client: Dialect, events: int) -> None:
    frames = streamed(upstream, TEXT, CALL).replace(b"\r\n", b"\n").split(b"\n\n")
    error = OVERLOADED[upstream]
    name = f"event: {error['type']}\n" if "type" in error else ""
    broken = b"\n\n".join([*frames[:events], f"{name}data: {json.dumps(error)}".encode(), b""])
    told = failure_in(client, stream_for(client, upstream, broken))
    field, word = TOLD_AS[client]
    assert (told[field], told["message"]) == (word, "busy")


# What servers that imitate OpenAI's do to their clients.


def call(index: int | None, call_id: str | None, name: str | None, arguments: object) -> Json:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    told = {"index": index, "id": call_id, "type": "function", "function": function}
    return {key: value for key, value in told.items() if value is not None}


A, B = {"x": 1}, {"y": [2]}
SLOPPY: dict[str, list[list[Json]]] = {
    "at once": [[call(0, "a", "f", json.dumps(A))], [call(1, "b", "g", json.dumps(B))]],
    "in one chunk": [[call(0, "a", "f", json.dumps(A)), call(1, "b", "g", json.dumps(B))]],
    "interleaved": [
        [call(0, "a", "f", '{"x"')],
        [call(1, "b", "g", '{"y":')],
        [call(0, None, None, ":1}")],
        [call(1, None, None, "[2]}")],
    ],
    "repeated": [
        *([call(0, "a", "f", piece)] for piece in ("", '{"x"', ":1}")),
        *([call(1, "b", "g", piece)] for piece in ("", '{"y":', "[2]}")),
    ],
    "index 0": [[call(0, "a", "f", json.dumps(A))], [call(0, "b", "g", json.dumps(B))]],
    "no index": [[call(None, "a", "f", json.dumps(A))], [call(None, "b", "g", json.dumps(B))]],
    "from index 1": [[call(1, "a", "f", json.dumps(A))], [call(3, "b", "g", json.dumps(B))]],
    "objects": [[call(0, "a", "f", A)], [call(1, "b", "g", B)]],
}


@OF_CHAT
@pytest.mark.parametrize("how", SLOPPY)
@pytest.mark.parametrize(
    "before", [{}, {"content": "Hi"}, {"reasoning_content": "hm"}], ids=["first", "text", "thought"]
)
@pytest.mark.pitfall(4, 6, 8, 10, 12, 13, 23, 26, 27, 28)
def test_calls_are_told_apart_however_they_are_numbered(client: Dialect, how: str, before: Json) -> None:
    *middle, last = SLOPPY[how]
    chunks = [chat_chunk(before), *(chat_chunk({"tool_calls": calls}) for calls in middle)]
    body = chat_sse(*chunks, chat_chunk({"tool_calls": last}, "tool_calls"))
    for found in (shown(client, "openai-chat", body), shown_whole(client, "openai-chat", body, "sse")):
        assert found.calls == [("a", "f", A), ("b", "g", B)]
        assert found.end == "calls"
        assert found.text() + found.text("reasoning") == "".join(before.values())


@OF_CHAT
@pytest.mark.parametrize("call_id", [None, "null", ""])
@pytest.mark.pitfall(29, 30, 48)
def test_a_call_without_an_id_gets_one_the_same_streamed_and_whole(client: Dialect, call_id: str | None) -> None:
    calls = [{**call(index, None, "f", "{}"), "id": call_id} for index in (0, 1)]
    body = chat_sse(chat_chunk({"tool_calls": calls}, "tool_calls"))
    answer = {"index": 0, "message": {"role": "assistant", "content": None, "tool_calls": calls}}
    as_body = json.dumps({"id": "c1", "choices": [{**answer, "finish_reason": "tool_calls"}]}).encode()
    ids = [each[0] for each in shown(client, "openai-chat", body).calls]
    assert ids == [each[0] for each in shown_whole(client, "openai-chat", as_body).calls]
    assert len(set(ids)) == 2
    assert all(each.startswith("call_") and len(each) <= 40 for each in ids)


@OF_CHAT
@pytest.mark.pitfall(25, 35, 52)
def test_what_says_nothing_becomes_nothing(client: Dialect) -> None:
    """Empty content during reasoning, empty objects and empty lists of choices in front of arguments."""
    body = chat_sse(
        chat_chunk({"role": "assistant", "content": ""}),
        *(chat_chunk({"content": "", "reasoning_content": piece}) for piece in ("h", "", "m")),
        {"id": "c1", "choices": [], "prompt_filter_results": [{}]},
        {"id": "c1"},
        *(chat_chunk({"content": piece, "reasoning_content": None}) for piece in ("H", "", "i")),
        chat_chunk({"content": "", "tool_calls": [call(0, "a", "f", "")]}),
        chat_chunk({"tool_calls": [call(0, None, None, "")]}),
        chat_chunk({"content": "", "tool_calls": [call(0, None, None, '{"x":1}')]}),
        chat_chunk({"content": ""}, "tool_calls"),
    )
    stream = stream_for(client, "openai-chat", body)
    assert all(event.get("delta") != "" for event in payloads(stream) if isinstance(event.get("delta"), str))
    found = shown(client, "openai-chat", body)
    assert found.parts[:2] == [("reasoning", "hm"), ("text", "Hi")]
    assert found.calls == [("a", "f", {"x": 1})]


@OF_CHAT
@pytest.mark.pitfall(40, 126)
def test_stop_on_every_chunk_ends_nothing(client: Dialect) -> None:
    body = chat_sse(chat_chunk({}, "stop"), *(chat_chunk({"content": piece}, "stop") for piece in ("a", "b", "c")))
    assert shown(client, "openai-chat", body).parts == [("text", "abc")]


@OF_CHAT
@pytest.mark.parametrize("words", [("tool_calls",), ("tool_calls", "hello")], ids=["alone", "behind text"])
@pytest.mark.pitfall(15, 31)
def test_an_end_of_calls_without_a_call(client: Dialect, words: tuple[str, ...]) -> None:
    body = chat_sse(*(chat_chunk({"content": text}) for text in words[1:]), chat_chunk({}, words[0]))
    if len(words) == 1:
        assert failure_in(client, stream_for(client, "openai-chat", body))
    else:
        assert shown(client, "openai-chat", body).end == "stop"


# What Chat clients must not be given.


@pytest.mark.parametrize("upstream", [each for each in DIALECTS if each != "openai-chat"])
@pytest.mark.pitfall(34, 36)
def test_a_chat_client_that_did_not_ask_gets_no_usage_chunk(upstream: Dialect) -> None:
    chunks = payloads(stream_for("openai-chat", upstream, streamed(upstream, TEXT), ask_usage=False))
    assert all(chunk["choices"] for chunk in chunks)
    assert not any("usage" in chunk for chunk in chunks)


# Gemini, Responses and Messages upstreams, and servers that imitate them.


@pytest.mark.parametrize("client", [each for each in DIALECTS if each != "gemini"])
@pytest.mark.pitfall(40, 125, 126)
def test_stop_on_every_chunk_of_gemini_ends_nothing(client: Dialect) -> None:
    """Also on leading empty ones, and on a candidate without content."""
    empty: Json = {"candidates": [{"index": 0, "finishReason": "STOP"}], "responseId": "r1"}
    chunks = [chunk(part, finish="STOP") for part in ({"text": "a"}, {"text": "b"})]
    assert shown(client, "gemini", sse(empty, *chunks, empty)).parts == [("text", "ab")]


@pytest.mark.parametrize("client", [each for each in DIALECTS if each != "openai-responses"])
@pytest.mark.pitfall(4, 46)
def test_arguments_that_stand_in_a_done_copy_only(client: Dialect) -> None:
    item = {"type": "function_call", "id": "fc", "call_id": "a", "name": "f", "arguments": '{"x":1}'}
    added = {"type": "response.output_item.added", "output_index": 0, "item": {**item, "arguments": ""}}
    told = {"output_index": 0, "item_id": "fc", "arguments": '{"x":1}'}
    done = {"type": "response.output_item.done", "output_index": 0, "item": item}
    end = {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": []}}
    for middle in ([{"type": "response.function_call_arguments.done", **told}, done], [done]):
        found = shown(client, "openai-responses", responses_sse(added, *middle, end))
        assert (found.calls, found.end) == ([("a", "f", {"x": 1})], "calls")


@pytest.mark.parametrize("client", [each for each in DIALECTS if each != "anthropic"])
@pytest.mark.pitfall(4, 25)
def test_input_that_stands_in_the_start_of_a_block(client: Dialect) -> None:
    for given, pieces in (({"x": 1}, ()), ({}, ('{"x"', ":1}")), ({"x": 2}, ('{"x":1}',))):
        head = {"type": "tool_use", "id": "a", "name": "f", "input": given}
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *pieces)]
        found = shown(
            client,
            "anthropic",
            messages_sse(
                {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 1}}},
                {"type": "content_block_start", "index": 0, "content_block": head},
                *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
                {"type": "content_block_stop", "index": 0},
                {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 1}},
                {"type": "message_stop"},
            ),
        )
        assert found.calls == [("a", "f", {"x": 1})]


@pytest.mark.parametrize("client", [each for each in DIALECTS if each != "gemini"])
@pytest.mark.pitfall(11, 101)
def test_a_signature_makes_no_thought_of_text(client: Dialect) -> None:
    """Neither of the text that it stands on, nor of the nothing behind a text that has been shown already."""
    signed = [{"text": "a", "thoughtSignature": "c2ln"}, {"text": "b"}, {"text": "", "thoughtSignature": "c2ln"}]
    body = sse(chunk({"text": "hm", "thought": True}), *map(chunk, signed), chunk(finish="STOP"))
    for found in (shown(client, "gemini", body), shown_whole(client, "gemini", body, "sse")):
        assert found.parts == [("reasoning", "hm"), ("text", "ab")]


@IN_EACH_CELL
@pytest.mark.pitfall(97)
def test_no_constant_stands_for_a_signature(upstream: Dialect, client: Dialect) -> None:
    """Of two thoughts that nobody signed, no seal is the same but the one that is empty."""
    field = re.compile(rb'"(?:signature|thoughtSignature|encrypted_content|data)":"([^"]+)"')
    one, other = (
        set(field.findall(stream_for(client, upstream, streamed(upstream, ("reasoning", thought), TEXT, CALL))))
        for thought in ("hm, well", "oh, so")
    )
    assert not one & other


@pytest.mark.parametrize("client", [each for each in DIALECTS if each != "gemini"])
@pytest.mark.pitfall(173)
def test_an_image_that_the_model_made_is_missed_and_said_so(client: Dialect) -> None:
    """Nobody can have asked for one through another dialect: that is refused."""
    image = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    encoder = CODECS_OF[client].encoder(options())
    events = events_of(CODECS_OF["gemini"], sse(chunk({"text": "see"}, image, finish="STOP")))
    assert read_stream(client, b"".join(map(encoder.feed, events))).parts == [("text", "see")]
    assert [(loss.field, loss.what) for loss in encoder.losses] == [("inlineData", "dropped")]


# How bytes may come.

SPOKEN = (("reasoning", "\u2028hm\u0085"), ("text", "a\u2029\u000bb\u000cé😀"), CALL)
FRAMINGS = {
    "crlf": lambda stream: stream.replace(b"\n", b"\r\n"),
    "cr": lambda stream: stream.replace(b"\n", b"\r"),
    "no space": lambda stream: stream.replace(b"data: ", b"data:").replace(b"event: ", b"event:"),
    "no names": lambda stream: re.sub(rb"event: .*\n", b"", stream),
    "comments": lambda stream: stream.replace(b"data: ", b": ping\nid: 7\ndata: "),
    "plain": lambda stream: stream,
}


@pytest.mark.parametrize("upstream", DIALECTS)
@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.pitfall(188, 189, 190, 191)
def test_any_framing_is_read_wherever_it_is_cut(upstream: Dialect, framing: str) -> None:
    """By what translates and by what only watches; line separators of Unicode's are text."""
    plain = re.sub(rb"\\u[0-9a-f]{4}", _unescaped, streamed(upstream, *SPOKEN).replace(b"\r\n", b"\n"))
    assert "\u2028".encode() in plain
    body = FRAMINGS[framing](plain)
    for size in (1, 2, 3, 7, len(body)):
        pieces = [body[start : start + size] for start in range(0, len(body), size)]
        decoder, tap = CODECS_OF[upstream].decoder("sse"), CODECS[upstream].tap("chat", "sse")
        events = [event for piece in pieces for event in decoder.feed(piece)] + [*decoder.close()]
        for piece in pieces:
            tap.feed(piece)
        answer = fold(events, upstream)
        assert [getattr(block, "text", None) for block in answer.blocks] == [SPOKEN[0][1], SPOKEN[1][1], None]
        assert answer.usage.total_tokens == tap.usage().total_tokens == 42
        assert answer.finish is not None
        assert tap.is_finished


def _unescaped(found: re.Match[bytes]) -> bytes:
    """What Python's encoder of JSON escapes, as other encoders write it. (Control characters must be escaped.)"""
    text = json.loads(b'"%b"' % found[0])
    return found[0] if text < " " or "\ud800" <= text <= "\udfff" else str(text).encode()
