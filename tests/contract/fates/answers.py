"""Answers that say one thing more than others: each block, item, event and field that the official packages know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from anthropic.types import beta as messages
from google.genai import types as genai
from openai.types import chat, responses
from openai.types.chat import chat_completion, chat_completion_chunk

from tests.contract.fates.samples import least, samples
from tests.contract.fates.shapes import (
    Field,
    Kind,
    element_kinds,
    fields_of,
    is_record,
    label_of,
    members_of,
    values_of,
)
from torouter.codecs import Framing
from torouter.units import Dialect

__all__ = ["Element", "elements"]

Json = dict[str, Any]


@dataclass(frozen=True)
class Element:
    """`body` is an answer's bytes with it, `without` the same without. `shown` is its name in the table."""

    upstream: Dialect
    shown: str
    framing: Framing
    body: bytes
    without: bytes


_FUNCTION = {"name": "look", "arguments": "{}"}
_TELLING: dict[str, Any] = {
    "function_call": _FUNCTION,
    "logprobs": {"content": [{"token": "so", "logprob": -1, "top_logprobs": []}]},
    "logprobsResult": {"chosenCandidates": [{"token": "so", "logProbability": -1}]},
    "tool_calls[function]": [{"index": 0, "id": "call_1", "type": "function", "function": _FUNCTION}],
}
"""Where the smallest value says nothing."""


def elements(upstream: Dialect) -> Iterator[Element]:
    match upstream:
        case "openai-chat":
            yield from _chat()
        case "openai-responses":
            yield from _responses()
        case "anthropic":
            yield from _messages()
        case "gemini":
            yield from _gemini()


def _chat() -> Iterator[Element]:
    def whole(message: Json, choice: Json | None = None, **fields: Any) -> bytes:
        said = {"role": "assistant", "content": "so", **message}
        return _json(
            {"id": "c", "choices": [{"index": 0, "message": said, "finish_reason": "stop", **(choice or {})}], **fields}
        )

    def chunks(delta: Json, choice: Json | None = None, **fields: Any) -> bytes:
        said = [{"role": "assistant", "content": "so"}, delta, {}]
        written = [{"id": "c", "choices": [{"index": 0, "delta": each, "finish_reason": None}]} for each in said]
        written[1] |= fields
        written[2]["choices"] = [{"index": 0, "delta": {}, "finish_reason": "stop", **(choice or {})}]
        return b"".join(b"data: %b\n\n" % _json(each) for each in written) + b"data: [DONE]\n\n"

    for framing, say, bodies in (
        ("whole", whole, (chat.ChatCompletionMessage, chat_completion.Choice, chat.ChatCompletion)),
        ("sse", chunks, (chat_completion_chunk.ChoiceDelta, chat_completion_chunk.Choice, chat.ChatCompletionChunk)),
    ):
        said, choice, top = bodies
        place = "message" if framing == "whole" else "delta"
        told = {"upstream": "openai-chat", "framing": framing, "without": say({})}
        for name, label, value in _fields(said, {"role", "content"}):
            yield Element(**told, shown=f"choices[].{place}.{name}{label}", body=say({name: value}))
        for name, label, value in _fields(choice, {"index", place}):
            yield Element(**told, shown=f"choices[].{name}{label}", body=say({}, {name: value}))
        for name, label, value in _fields(top, {"id", "choices"}):
            yield Element(**told, shown=f"{name}{label}", body=say({}, None, **{name: value}))
        part = {"type": "hologram", "depth": 3}
        yield Element(**told, shown=f"choices[].{place}.content[hologram]", body=say({"content": [part]}))


def _responses() -> Iterator[Element]:
    text = {"type": "output_text", "text": "so", "annotations": []}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]}
    base = {"id": "r", "object": "response", "status": "completed", "model": "x", "output": [message]}
    told: Json = {"upstream": "openai-responses", "framing": "whole", "without": _json(base)}
    for kind in members_of(responses.ResponseOutputItem):
        word = label_of(kind) or "message"
        if word not in ("message", "assistant"):
            item = {**least(kind), "id": "item_2"}
            yield Element(**told, shown=f"output[{word}]", body=_json({**base, "output": [message, item]}))
    item = {"type": "hologram", "id": "item_2"}
    yield Element(**told, shown="output[hologram]", body=_json({**base, "output": [message, item]}))
    for name, label, value in _fields(responses.ResponseOutputMessage, {"type", "id", "role", "status", "content"}):
        yield Element(
            **told, shown=f"output[message].{name}{label}", body=_json({**base, "output": [{**message, name: value}]})
        )
    for name, label, value in _fields(responses.ResponseOutputText, {"type", "text"}):
        said = {**message, "content": [{**text, name: value}]}
        body = _json({**base, "output": [said]})
        yield Element(**told, shown=f"output[message].content[output_text].{name}{label}", body=body)
    for part in ({"type": "refusal", "refusal": "no"}, {"type": "hologram"}):
        body = _json({**base, "output": [{**message, "content": [text, part]}]})
        yield Element(**told, shown=f"output[message].content[{part['type']}]", body=body)
    for name, label, value in _fields(responses.Response, {"id", "object", "status", "model", "output", "error"}):
        yield Element(**told, shown=f"{name}{label}", body=_json({**base, name: value}))
    yield from _responses_events(base)


def _responses_events(response: Json) -> Iterator[Element]:
    """Events between an item's end and the answer's: those of the text itself are the whole item's already."""
    (message,) = response["output"]
    before = [
        {"type": "response.created", "response": {**response, "status": "in_progress", "output": []}},
        {"type": "response.output_item.done", "output_index": 0, "item": message},
    ]
    end = {"type": "response.completed", "response": response}
    known = {"response.completed", "response.failed", "response.incomplete", "response.created", "error"}
    words = [label_of(kind) for kind in members_of(responses.ResponseStreamEvent)]
    without = _sse([*before, end])
    for word in [*words, "response.hologram.shown"]:
        if word in known or word.startswith("response.output_item"):
            continue
        event = {"type": word, "output_index": 0, "item_id": "msg_1", "delta": "x", "content_index": 0}
        body = _sse([*before, event, end])
        yield Element("openai-responses", f"event {word}", "sse", body, without)


def _messages() -> Iterator[Element]:
    text = {"type": "text", "text": "so"}
    base = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "x",
        "content": [text],
        "stop_reason": "end_turn",
    }
    told: Json = {"upstream": "anthropic", "framing": "whole", "without": _json(base)}
    blocks = [(label_of(kind), least(kind)) for kind in members_of(messages.BetaContentBlock)]
    for word, block in [*blocks, ("hologram", {"type": "hologram"})]:
        body = _json({**base, "content": [text, {**block, **({"text": "more"} if word == "text" else {})}]})
        yield Element(**told, shown=f"content[{word}]", body=body)
    for name, label, value in _fields(messages.BetaTextBlock, {"type", "text"}):
        yield Element(
            **told, shown=f"content[text].{name}{label}", body=_json({**base, "content": [{**text, name: value}]})
        )
    for name, label, value in _fields(messages.BetaMessage, {"id", "type", "role", "model", "content"}):
        yield Element(**told, shown=f"{name}{label}", body=_json({**base, name: value}))
    start = {"type": "message_start", "message": {**base, "content": [], "stop_reason": None}}
    begun = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "so"}}
    thought = {"type": "content_block_start", "index": 1, "content_block": {"type": "thinking", "thinking": "hm"}}
    rest = [
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    ]
    without = _sse([start, begun, thought, *rest])
    deltas = [least(kind) for kind in members_of(messages.BetaRawContentBlockDelta)]
    for delta in [*deltas, {"type": "hologram_delta"}]:
        word = delta["type"]
        index = 1 if word in ("thinking_delta", "signature_delta") else 0
        event = {"type": "content_block_delta", "index": index, "delta": delta}
        body = _sse([start, begun, thought, event, *rest])
        yield Element("anthropic", f"delta {word}", "sse", body, without)
    body = _sse([start, begun, thought, {"type": "hologram_event"}, *rest])
    yield Element("anthropic", "event hologram_event", "sse", body, without)


def _gemini() -> Iterator[Element]:
    def whole(part: Json, candidate: Json | None = None, **fields: Any) -> bytes:
        parts = [{"text": "so"}, *([part] if part else [])]
        said = {"content": {"role": "model", "parts": parts}, "index": 0, "finishReason": "STOP", **(candidate or {})}
        return _json({"candidates": [said], "responseId": "r", **fields})

    told: Json = {"upstream": "gemini", "framing": "whole", "without": whole({})}
    for name, label, value in [*_fields(genai.Part, {"text", "thought"}), ("hologram", "", {"depth": 3})]:
        yield Element(**told, shown=f"candidates[].content.parts[].{name}{label}", body=whole({name: value}))
    for name, label, value in _fields(genai.Candidate, {"content", "index"}):
        yield Element(**told, shown=f"candidates[].{name}{label}", body=whole({}, {name: value}))
    own = {"candidates", "sdkHttpResponse", "parsed", "automaticFunctionCallingHistory"}
    for name, label, value in _fields(genai.GenerateContentResponse, own):
        yield Element(**told, shown=f"{name}{label}", body=whole({}, None, **{name: value}))


def _fields(record: Kind, known: set[str]) -> Iterator[tuple[str, str, Any]]:
    """(name, which of its kinds, value) of each field that the smallest answer does not say."""
    for field in fields_of(record).values():
        if field.name in known:
            continue
        for kind in field.kinds:
            for label, value in _forms(record, field, kind):
                yield field.name, label, _TELLING.get(f"{field.name}{label}", value)


def _forms(record: Kind, field: Field, kind: Kind) -> Iterator[tuple[str, Any]]:
    for element in element_kinds(kind) or ():
        if is_record(element):
            yield f"[{label_of(element)}]", [least(element)]
    words = values_of(kind)
    if is_record(kind):
        word = label_of(kind)
        yield (f"[{word}]" if word else ""), least(kind)
    elif words is not None and len(words) > 1:
        yield from ((f" = {word}", word) for word in words)
    elif not any(map(is_record, element_kinds(kind) or ())):
        yield "", samples(record, field, kind)[0]


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _sse(events: list[Json]) -> bytes:
    return b"".join(b"event: %b\ndata: %b\n\n" % (event["type"].encode(), _json(event)) for event in events)
