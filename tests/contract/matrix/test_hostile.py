"""Streams as upstreams write them when they are not at their best: the same is heard, or a proper error."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.contract.matrix.cells import CELLS, Cell, Stage
from tests.contract.matrix.hearing import heard
from tests.contract.matrix.tells import NOW, OSLO, ROME, TEXT, Tell, expected
from tests.contract.matrix.test_faults import LAST, TERMINATORS
from tests.contract.matrix.test_tells import ASKED
from tests.contract.matrix.vendors import Said, streamed, whole
from tests.live.upstream import json_answer, sse_answer

Json = Any
Change = Callable[[bytes], Iterable[bytes]]

SAID = Said(reasoning="Hm.", text=TEXT, calls=(OSLO, NOW, ROME), end="tool_calls")


def _payloads(stream: bytes, change: Callable[[Json], Json]) -> bytes:
    """Every event's JSON, changed."""
    lines = stream.split(b"\n")
    for index, line in enumerate(lines):
        if line.startswith(b"data: {"):
            end = b"\r" if line.endswith(b"\r") else b""
            lines[index] = b"data: " + json.dumps(change(json.loads(line[6:]))).encode() + end
    return b"\n".join(lines)


def _with_strangers(value: Json) -> Json:
    """Unknown fields in every object, but for those of a tool's arguments."""
    if isinstance(value, list):
        return [_with_strangers(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {name: told if name in ("args", "input") else _with_strangers(told) for name, told in value.items()}
    return {**kept, "x_new": {"unheard": ["of"]}, "x_null": None}


def _on_many_lines(stream: bytes) -> bytes:
    lines: list[bytes] = []
    for line in stream.replace(b"\r", b"").split(b"\n"):
        if line.startswith(b"data: {"):
            lines += [b"data: " + each.encode() for each in json.dumps(json.loads(line[6:]), indent=1).split("\n")]
        else:
            lines.append(line)
    return b"\n".join(lines)


def _pieces(size: int) -> Change:
    return lambda stream: [stream[at : at + size] for at in range(0, len(stream), size)]


CHANGES: dict[str, Change] = {
    "CRLF": lambda stream: [stream.replace(b"\r", b"").replace(b"\n", b"\r\n")],
    "CR alone": lambda stream: [stream.replace(b"\r", b"").replace(b"\n", b"\r")],
    "comments, ids and retries": lambda stream: [
        b": hello\n\nid: 7\nretry: 10\n\n" + stream.replace(b"data: ", b": x\ndata: ")
    ],
    "no space behind the colon": lambda stream: [stream.replace(b"data: ", b"data:").replace(b"event: ", b"event:")],
    "a byte order mark": lambda stream: [b"\xef\xbb\xbf" + stream],
    "data on many lines": lambda stream: [_on_many_lines(stream)],
    "seven bytes at a time": _pieces(7),
    "all at once": lambda stream: [stream],
    "unknown fields everywhere": lambda stream: [_payloads(stream, _with_strangers)],
    "escaped beyond need": lambda stream: [
        stream.replace("ß".encode(), b"\\u00df").replace("\u2028".encode(), b"\\u2028")
    ],
    "the last blank line missing": lambda stream: [stream.rstrip(b"\r\n")],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_stream_in_another_dress(stage: Stage, cell: Cell, change: Change) -> None:
    answer = sse_answer(*change(streamed(cell.upstream, SAID)))
    asked = stage.play(cell, "streamed", ASKED[cell.client], answer)
    assert asked.reply.status == 200, asked.reply.body
    assert heard(cell.client, "streamed", asked.reply.body) == expected(Tell(name="", said=SAID), cell)


TEXTS = {
    "line separators that JSON may hold": "one\u2028two\u2029three\u0085four\x0bfive\x0csix",
    "what looks like framing": "data: [DONE]\n\nevent: error\r\n: comment\n\n",
    "what looks like JSON": '{"finish_reason":"stop"}","delta":{"content":"x\\"}',
    "control characters and a lone backslash": "\x00\x01\x1f\x7f \\ \\u0041 \\\\",
    "emoji that are cut anywhere": "👩‍👩‍👧‍👦🏳️‍🌈" * 5,
    "a megabyte": "x" * 1_000_000,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_text_that_means_nothing_to_the_framing(stage: Stage, cell: Cell, text: str) -> None:
    """As it stands in JSON, without escapes where JSON needs none."""
    said = Said(text="·", calls=(OSLO,), end="tool_calls")
    bare = json.dumps(text, ensure_ascii=False)[1:-1].encode()
    mark = json.dumps("·")[1:-1].encode()
    answer = sse_answer(*_pieces(1 << 14)(streamed(cell.upstream, said).replace(mark, bare)))
    asked = stage.play(cell, "streamed", ASKED[cell.client], answer)
    assert asked.reply.status == 200, asked.reply.body[:1000]
    assert heard(cell.client, "streamed", asked.reply.body).text == text


INTERLEAVED = b"".join(
    b"data: %b\n\n"
    % json.dumps(
        {
            "id": "c",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "up",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        }
    ).encode()
    for delta, finish in (
        ({"role": "assistant", "content": None}, None),
        ({"content": ""}, None),
        (
            {
                "tool_calls": [
                    {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}
                ]
            },
            None,
        ),
        (
            {
                "tool_calls": [
                    {"index": 1, "id": "call_2", "type": "function", "function": {"name": "weather", "arguments": ""}}
                ]
            },
            None,
        ),
        ({"tool_calls": [{"index": 0, "function": {"arguments": '{"city":'}}]}, None),
        ({"tool_calls": [{"index": 1, "function": {"arguments": '{"city":"Ro'}}]}, None),
        ({}, None),
        ({"tool_calls": [{"index": 0, "function": {"arguments": ' "Oslo"}'}}]}, None),
        ({"tool_calls": [{"index": 1, "id": None, "function": {"name": None, "arguments": 'me"}'}}]}, None),
        ({"content": None, "tool_calls": None}, None),
        ({}, "tool_calls"),
    )
)
USAGE = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"up","choices":[],"usage":{'
    b'"prompt_tokens":30,"completion_tokens":12,"total_tokens":42,"prompt_tokens_details":{"cached_tokens":10},'
    b'"completion_tokens_details":{"reasoning_tokens":4}}}\n\ndata: [DONE]\n\n'
)
OVER_CHAT = [cell for cell in CELLS if cell.upstream == "openai-chat"]


@pytest.mark.parametrize("cell", OVER_CHAT, ids=str)
def test_calls_that_interleave(stage: Stage, cell: Cell) -> None:
    asked = stage.play(cell, "streamed", ASKED[cell.client], sse_answer(INTERLEAVED + USAGE))
    told = heard(cell.client, "streamed", asked.reply.body)
    assert told.calls == (("call_1", "weather", {"city": "Oslo"}), ("call_2", "weather", {"city": "Rome"}))


ERRORS = {
    "openai-chat": b'data: {"error":{"message":"went up in smoke","type":"server_error","code":"boom"}}\n\n',
    "openai-responses": (
        b'event: error\ndata: {"type":"error","sequence_number":9,"code":"server_error",'
        b'"message":"went up in smoke","param":null}\n\n'
    ),
    "anthropic": b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"went up in smoke"}}\n\n',
    "gemini": b'data: {"error":{"code":500,"message":"went up in smoke","status":"INTERNAL"}}\r\n\r\n',
}


@pytest.mark.parametrize("cell", CELLS, ids=str)
@pytest.mark.pitfall(33)
def test_a_whole_body_in_the_place_of_a_stream(stage: Stage, cell: Cell) -> None:
    """A server that cannot stream calls, or anything, answers whole: its client hears a stream all the same."""
    answer = json_answer(json.loads(whole(cell.upstream, SAID)))
    asked = stage.play(cell, "streamed", ASKED[cell.client], answer)
    assert asked.reply.status == 200, asked.reply.body
    assert (asked.reply.header("content-type") or "").startswith("text/event-stream")
    assert heard(cell.client, "streamed", asked.reply.body) == expected(Tell(name="whole", said=SAID), cell)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_an_error_after_a_good_beginning(stage: Stage, cell: Cell) -> None:
    separator = b"\r\n\r\n" if cell.upstream == "gemini" else b"\n\n"
    events = streamed(cell.upstream, Said(text=TEXT)).split(separator)
    begun = separator.join([*events[: int(len(events) * 0.6)], b""])
    asked = stage.play(cell, "streamed", ASKED[cell.client], sse_answer(begun, ERRORS[cell.upstream], pace_s=0.05))
    told = asked.reply.body
    assert asked.reply.status == 200
    assert all(word not in told for word in TERMINATORS[cell.client]), told
    last = json.loads(told.rstrip().rsplit(b"data: ", 1)[1])
    assert "went up in smoke" in json.dumps(last[LAST[cell.client]])


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_an_error_in_the_place_of_an_answer(stage: Stage, cell: Cell) -> None:
    """200, and then nothing but an error: the caller gets a status that says so."""
    asked = stage.play(cell, "streamed", ASKED[cell.client], sse_answer(ERRORS[cell.upstream]))
    assert asked.reply.status in (500, 502)
    assert "went up in smoke" in str(asked.reply.error["message"])
