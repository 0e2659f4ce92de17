"""Answers as each dialect's clients read them, strictly: what any client of a dialect punishes is an assertion here.

A reading is the same for all: `Shown`, whose parts are those of `upstreams`, neighbours of one kind joined. Opaque
state is passed over: it is no part of what is said.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tests.codecs.translation.roads import events_of, options
from tests.pitfalls.upstreams import CODECS_OF, Part
from torouter.canon.fold import fold
from torouter.codecs.codec import AnswerOptions, Framing
from torouter.units import Dialect

__all__ = ["Shown", "failure_in", "read_body", "read_stream", "shown", "shown_whole", "stream_for", "whole_for"]

Json = dict[str, Any]


@dataclass
class Shown:
    """`end` is a word of `upstreams.End`, or `calls`. Token counts are those of all input, of its cached part, and of
    all output."""

    parts: list[Part]
    end: str
    tokens: tuple[int, int, int]

    def text(self, kind: str = "text") -> str:
        return "".join(part[1] for part in self.parts if part[0] == kind)

    @property
    def calls(self) -> list[tuple[str, str, Any]]:
        """(id, name, arguments read)"""
        return [(part[1], part[2], json.loads(part[3])) for part in self.parts if part[0] == "call"]


def stream_for(client: Dialect, upstream: Dialect, body: bytes, framing: Framing = "sse", **said: Any) -> bytes:
    """The client's stream, whatever way the upstream's answer came."""
    encoder = CODECS_OF[client].encoder(options(**said))
    return b"".join(map(encoder.feed, events_of(CODECS_OF[upstream], body, framing)))


def whole_for(client: Dialect, upstream: Dialect, body: bytes, framing: Framing = "whole", **said: Any) -> bytes:
    told: AnswerOptions = options(framing="whole", **said)
    answer = fold(events_of(CODECS_OF[upstream], body, framing), upstream)
    return CODECS_OF[client].encode_answer(answer, told)


def shown(client: Dialect, upstream: Dialect, body: bytes, framing: Framing = "sse", **said: Any) -> Shown:
    return read_stream(client, stream_for(client, upstream, body, framing, **said))


def shown_whole(client: Dialect, upstream: Dialect, body: bytes, framing: Framing = "whole", **said: Any) -> Shown:
    return read_body(client, json.loads(whole_for(client, upstream, body, framing, **said)))


def failure_in(client: Dialect, stream: bytes) -> Json:
    """The error that a stream ends with, in the form that this dialect's clients look for; nothing follows it."""
    last = stream.decode().removesuffix("\n\n").rpartition("\n\n")[2]
    told: Json = json.loads(last.rpartition("data: ")[2])
    if client == "openai-responses":
        assert told["type"] == "response.failed"
        assert told["response"]["status"] == "failed"
        told = told["response"]
    elif client == "anthropic":
        assert last.startswith("event: error\n")
        assert told["type"] == "error"
    assert not any(marker in stream for marker in (b"[DONE]", b"message_stop", b"response.completed", b"STOP"))
    error: Json = told["error"]
    assert error["message"]
    return error


def read_body(client: Dialect, body: Json) -> Shown:
    return _WHOLE[client](body)


def read_stream(client: Dialect, stream: bytes) -> Shown:
    frames = stream.decode().removesuffix("\n\n").split("\n\n")
    assert stream.endswith(b"\n\n")
    return _STREAMED[client](frames)


def _joined(parts: Iterable[Part]) -> list[Part]:
    joined: list[Part] = []
    for part in parts:
        assert part[0] == "call" or part[1], "a part that says nothing"
        if joined and part[0] != "call" and joined[-1][0] == part[0]:
            joined[-1] = (part[0], joined[-1][1] + part[1])
        else:
            joined.append(part)
    return joined


# Chat Completions.

_CHAT_ENDS = {"tool_calls": "calls"}


def _chat_tokens(usage: Json) -> tuple[int, int, int]:
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    return usage["prompt_tokens"], usage["prompt_tokens_details"]["cached_tokens"], usage["completion_tokens"]


def _chat_stream(frames: list[str]) -> Shown:
    assert frames.pop() == "data: [DONE]"
    chunks = [json.loads(frame.removeprefix("data: ")) for frame in frames]
    assert len({(each["id"], each["created"], each["model"], each["object"]) for each in chunks}) == 1
    *said, last = chunks
    assert last["choices"] == []
    choices = [choice for chunk in said for choice in chunk["choices"]]
    assert [choice["index"] for choice in choices] == [0] * len(said)
    assert [choice["finish_reason"] for choice in choices[:-1]] == [None] * (len(choices) - 1)
    assert not any(chunk.get("usage") for chunk in said)
    assert choices[0]["delta"] == {"role": "assistant", "content": ""}
    end = choices[-1]["finish_reason"]
    return Shown(_chat_parts(choices[1:]), _CHAT_ENDS.get(end, end), _chat_tokens(last["usage"]))


def _chat_parts(choices: list[Json]) -> list[Part]:
    parts: list[Part] = []
    calls: dict[int, int] = {}
    for delta in (choice["delta"] for choice in choices):
        assert "role" not in delta
        parts += [("reasoning", delta["reasoning_content"])] if "reasoning_content" in delta else []
        parts += [("text", delta["content"])] if "content" in delta else []
        for call in delta.get("tool_calls", ()):
            if call["index"] not in calls:
                assert call["index"] == len(calls)
                calls[call["index"]] = len(parts)
                assert call["type"] == "function"
                parts.append(("call", call["id"], call["function"]["name"], call["function"]["arguments"]))
                continue
            assert call.keys() == {"index", "function"}
            assert call["function"].keys() == {"arguments"}
            place = calls[call["index"]]
            parts[place] = (*parts[place][:3], parts[place][3] + call["function"]["arguments"])
    return _joined(parts)


def _chat_whole(body: Json) -> Shown:
    [choice] = body["choices"]
    message = choice["message"]
    parts: list[Part] = [
        *([("reasoning", message["reasoning_content"])] if message.get("reasoning_content") else []),
        *([("text", message["content"])] if message["content"] else []),
        *(
            ("call", call["id"], call["function"]["name"], call["function"]["arguments"])
            for call in message.get("tool_calls") or ()
        ),
    ]
    end = choice["finish_reason"]
    return Shown(parts, _CHAT_ENDS.get(end, end), _chat_tokens(body["usage"]))


# Responses.


def _named_events(frames: list[str]) -> list[Json]:
    events = []
    for frame in frames:
        name, data = frame.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        events.append(event)
    return events


def _responses_stream(frames: list[str]) -> Shown:
    events = _named_events(frames)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    done = _done_items(events[2:-1])
    last = events[-1]
    response = last["response"]
    assert last["type"] == f"response.{response['status']}"
    assert {event["response"]["id"] for event in (events[0], events[1], last)} == {response["id"]}
    assert response["output"] == done
    return _responses_whole(response)


def _done_items(events: list[Json]) -> list[Json]:
    """The items, each of which is added, spoken of and done before the next; what its deltas said is what it is."""
    done: list[Json] = []
    added: Json | None = None
    said = ""
    for event in events:
        kind = event["type"].removeprefix("response.")
        assert event["output_index"] == len(done)
        if kind == "output_item.added":
            assert added is None
            added, said = event["item"], ""
            assert not any(added.get(name) for name in ("content", "summary", "arguments"))
            continue
        assert added is not None, f"{kind} before its item"
        if kind == "output_item.done":
            item = event["item"]
            assert {name: item.get(name) for name in ("id", "type", "call_id", "name")} == {
                name: added.get(name) for name in ("id", "type", "call_id", "name")
            }
            assert said == _said_by(item)
            done.append(item)
            added = None
            continue
        assert event["item_id"] == added["id"]
        if kind.endswith(".delta"):
            assert event["delta"]
            said += event["delta"]
    assert added is None
    return done


def _said_by(item: Json) -> str:
    if item["type"] == "function_call":
        return str(item["arguments"])
    return "".join(part["text"] for part in item["content" if item["type"] == "message" else "summary"])


def _responses_whole(body: Json) -> Shown:
    parts: list[Part] = []
    for item in body["output"]:
        if item["type"] == "reasoning" and item.get("encrypted_content") and not item["summary"]:
            continue
        if item["type"] == "function_call":
            parts.append(("call", item["call_id"], item["name"], item["arguments"]))
        else:
            parts.append(("text" if item["type"] == "message" else "reasoning", _said_by(item)))
    end = "calls" if any(part[0] == "call" for part in parts) else "stop"
    if body["status"] == "incomplete":
        reason = body["incomplete_details"]["reason"]
        end = "length" if reason == "max_output_tokens" else reason
    usage = body["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    return Shown(
        _joined(parts),
        end,
        (usage["input_tokens"], usage["input_tokens_details"]["cached_tokens"], usage["output_tokens"]),
    )


# Messages.

_MESSAGES_ENDS = {"tool_use": "calls", "end_turn": "stop", "max_tokens": "length", "refusal": "content_filter"}
_MESSAGES_DELTAS = {"text_delta": ("text", "text"), "thinking_delta": ("thinking", "thinking")}


def _messages_tokens(usage: Json) -> tuple[int, int, int]:
    cached = usage["cache_read_input_tokens"]
    total = usage["input_tokens"] + cached + usage["cache_creation_input_tokens"]
    return total, cached, usage["output_tokens"]


def _messages_stream(frames: list[str]) -> Shown:
    events = _named_events(frames)
    first, *blocks, last, stop = events
    assert first["type"] == "message_start"
    assert first["message"]["content"] == []
    assert (last["type"], stop["type"]) == ("message_delta", "message_stop")
    parts: list[Part] = []
    current: Json | None = None
    started = 0
    for event in blocks:
        kind = event["type"].removeprefix("content_block_")
        if kind == "start":
            assert current is None
            assert event["index"] == started
            current, started = event["content_block"], started + 1
            assert not any(current.get(name) for name in ("text", "thinking", "input"))
            parts += [("call", current["id"], current["name"], "")] if current["type"] == "tool_use" else []
            continue
        assert current is not None
        assert event["index"] == started - 1
        if kind == "delta":
            _take_delta(event["delta"], current["type"], parts)
        else:
            assert kind == "stop"
            current = None
    assert current is None
    return Shown(_joined(parts), _MESSAGES_ENDS[last["delta"]["stop_reason"]], _messages_tokens(last["usage"]))


def _take_delta(delta: Json, block_type: str, parts: list[Part]) -> None:
    if delta["type"] == "input_json_delta":
        assert block_type == "tool_use"
        parts[-1] = (*parts[-1][:3], parts[-1][3] + delta["partial_json"])
        return
    if delta["type"] == "signature_delta":
        assert block_type == "thinking"
        return
    wanted, field = _MESSAGES_DELTAS[delta["type"]]
    assert block_type == wanted
    parts.append(("text" if field == "text" else "reasoning", delta[field]))


def _messages_whole(body: Json) -> Shown:
    parts: list[Part] = []
    for block in body["content"]:
        if block["type"] == "redacted_thinking":
            continue
        if block["type"] == "tool_use":
            parts.append(("call", block["id"], block["name"], json.dumps(block["input"])))
        else:
            parts.append(("text", block["text"]) if block["type"] == "text" else ("reasoning", block["thinking"]))
    return Shown(_joined(parts), _MESSAGES_ENDS[body["stop_reason"]], _messages_tokens(body["usage"]))


# Gemini.

_GEMINI_ENDS = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter"}


def _gemini_stream(frames: list[str]) -> Shown:
    chunks = [json.loads(frame.removeprefix("data: ")) for frame in frames]
    assert all(frame.startswith("data: {") for frame in frames)
    *said, last = chunks
    assert not any("finishReason" in each["candidates"][0] or "usageMetadata" in each for each in said)
    parts = [part for each in chunks for part in each["candidates"][0]["content"]["parts"] if part != {"text": ""}]
    last["candidates"][0]["content"]["parts"] = parts
    return _gemini_whole(last)


def _gemini_whole(body: Json) -> Shown:
    parts: list[Part] = []
    [candidate] = body["candidates"]
    for part in candidate["content"]["parts"]:
        if "functionCall" in part:
            call = part["functionCall"]
            parts.append(("call", call["id"], call["name"], json.dumps(call["args"])))
        elif part["text"]:
            parts.append(("reasoning" if part.get("thought") else "text", part["text"]))
    end = _GEMINI_ENDS[candidate["finishReason"]]
    if end == "stop" and any(part[0] == "call" for part in parts):
        end = "calls"
    usage = body["usageMetadata"]
    output = usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0)
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + output
    return Shown(_joined(parts), end, (usage["promptTokenCount"], usage.get("cachedContentTokenCount", 0), output))


_STREAMED: dict[Dialect, Callable[[list[str]], Shown]] = {
    "openai-chat": _chat_stream,
    "openai-responses": _responses_stream,
    "anthropic": _messages_stream,
    "gemini": _gemini_stream,
}
_WHOLE: dict[Dialect, Callable[[Json], Shown]] = {
    "openai-chat": _chat_whole,
    "openai-responses": _responses_whole,
    "anthropic": _messages_whole,
    "gemini": _gemini_whole,
}
