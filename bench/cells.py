"""What translation costs: CPU µs per request and per streamed chunk of each client dialect over each upstream dialect.

Beside them stand, on the diagonal, those of one dialect, whose bytes pass as they are. In one process, with fake
transports (`in_process`).

    python -m bench.cells [--repeats N] [--write] [--profile CLIENT UPSTREAM]

`--write` renews the table in README.md. `--profile` says which part of the house a streamed chunk's time is spent in.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Final

import uvloop

from bench.document import write_between
from bench.in_process import KEY, PEPPER, Exchange, measure, post
from torouter.accounts import ensure_first
from torouter.store import Store
from torouter.units import DIALECTS, Dialect

_SYSTEM: Final = "You are a careful assistant. Answer briefly, in plain words."
_ASKED: Final = "Turn these notes into three short points for a colleague and keep every name as it is. " * 4
_SAID: Final = "Hello! How can I assist you today?"
_TOOL: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "its name"}, "days": {"type": "integer"}},
    "required": ["city"],
}
_ABOUT: Final = {"name": "weather", "description": "The weather of a city"}

_KINDS: Final[dict[Dialect, tuple[str, str]]] = {
    "openai-chat": ("openai", "gpt-4.1"),
    "openai-responses": ("openai", "gpt-4.1"),
    "anthropic": ("anthropic", "claude-sonnet-4-5"),
    "gemini": ("gemini", "gemini-2.5-flash"),
}
_CHUNKS: Final = 1000


def _sse(*payloads: dict[str, Any]) -> bytes:
    named = [f"event: {each['type']}\n" if "type" in each else "" for each in payloads]
    pairs = zip(named, payloads, strict=True)
    return "".join(f"{name}data: {json.dumps(each, separators=(',', ':'))}\n\n" for name, each in pairs).encode()


def _request(client: Dialect, *, is_stream: bool) -> bytes:
    """The same question: a system prompt, a user's text, a tool, two settings."""
    bearer = f"Authorization: Bearer {KEY}\r\n"
    head: dict[str, Any] = {"model": "gw", **({"stream": True} if is_stream else {})}
    turn = {"role": "user", "content": _ASKED}
    if client == "openai-chat":
        tool = {"type": "function", "function": {**_ABOUT, "parameters": _TOOL}}
        usage = {"stream_options": {"include_usage": True}} if is_stream else {}
        body = {**head, "messages": [{"role": "system", "content": _SYSTEM}, turn], "tools": [tool], **usage}
        return post("/v1/chat/completions", bearer, json.dumps({**body, "temperature": 0.7, "max_tokens": 256}))
    if client == "openai-responses":
        tool = {"type": "function", **_ABOUT, "parameters": _TOOL, "strict": False}
        body = {**head, "instructions": _SYSTEM, "input": [turn], "tools": [tool], "max_output_tokens": 256}
        return post("/v1/responses", bearer, json.dumps({**body, "temperature": 0.7}))
    if client == "anthropic":
        tool = {**_ABOUT, "input_schema": _TOOL}
        body = {**head, "system": _SYSTEM, "messages": [turn], "tools": [tool], "max_tokens": 256, "temperature": 0.7}
        return post("/v1/messages", f"x-api-key: {KEY}\r\nanthropic-version: 2023-06-01\r\n", json.dumps(body))
    asked = {
        "systemInstruction": {"parts": [{"text": _SYSTEM}]},
        "contents": [{"role": "user", "parts": [{"text": _ASKED}]}],
        "tools": [{"functionDeclarations": [{**_ABOUT, "parametersJsonSchema": _TOOL}]}],
        "generationConfig": {"temperature": 0.7, "maxOutputTokens": 256},
    }
    verb = "streamGenerateContent?alt=sse" if is_stream else "generateContent"
    return post(f"/v1beta/models/gw:{verb}", f"x-goog-api-key: {KEY}\r\n", json.dumps(asked))


def _chat() -> tuple[bytes, bytes, bytes, bytes]:
    """(whole, first, one event, last) of an upstream's answer."""
    usage = {"prompt_tokens": 90, "completion_tokens": 10, "total_tokens": 100}
    head = {"id": "chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG", "created": 1741570283, "model": "up"}
    message = {"role": "assistant", "content": _SAID, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    whole = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**head, "object": "chat.completion.chunk", "choices": [choice], "usage": None}

    last = _sse(chunk({}, "stop"), {**head, "object": "chat.completion.chunk", "choices": [], "usage": usage})
    first = chunk({"role": "assistant", "content": ""})
    return json.dumps(whole).encode(), _sse(first), _sse(chunk({"content": "token "})), last + b"data: [DONE]\n\n"


def _responses() -> tuple[bytes, bytes, bytes, bytes]:
    part = {"type": "output_text", "text": _SAID, "annotations": [], "logprobs": []}
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}
    usage = {
        "input_tokens": 90,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 10,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 100,
    }
    response = {"id": "resp_1", "object": "response", "created_at": 1, "model": "up", "status": "completed"}
    whole = {**response, "output": [item], "usage": usage, "tools": [], "tool_choice": "auto"}
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    first = _sse(
        {"type": "response.created", "sequence_number": 0, "response": begun},
        {
            "type": "response.output_item.added",
            "sequence_number": 1,
            "output_index": 0,
            "item": {**item, "content": []},
        },
        {"type": "response.content_part.added", "sequence_number": 2, **at, "part": {**part, "text": ""}},
    )
    event = _sse({"type": "response.output_text.delta", "sequence_number": 3, **at, "delta": "token ", "logprobs": []})
    # Without the `done` events, which would have to repeat a text as long as the stream.
    return json.dumps(whole).encode(), first, event, _sse({"type": "response.completed", "response": whole})


def _messages() -> tuple[bytes, bytes, bytes, bytes]:
    usage = {"input_tokens": 90, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 10}
    whole = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "up",
        "content": [{"type": "text", "text": _SAID}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": usage,
    }
    first = _sse(
        {"type": "message_start", "message": {**whole, "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    )
    event = _sse({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "token "}})
    last = _sse(
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": usage},
        {"type": "message_stop"},
    )
    return json.dumps(whole).encode(), first, event, last


def _gemini() -> tuple[bytes, bytes, bytes, bytes]:
    usage = {"promptTokenCount": 90, "candidatesTokenCount": 10, "totalTokenCount": 100}

    def chunk(text: str, **more: Any) -> dict[str, Any]:
        candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0, **more}
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "up", "responseId": "r1"}

    whole = chunk(_SAID, finishReason="STOP")
    return json.dumps(whole).encode(), b"", _sse(chunk("token ")), _sse(chunk("", finishReason="STOP"))


_ANSWERS: Final = {"openai-chat": _chat, "openai-responses": _responses, "anthropic": _messages, "gemini": _gemini}


def exchange(client: Dialect, upstream: Dialect, *, is_stream: bool) -> Exchange:
    kind, model = _KINDS[upstream]
    whole, first, event, last = _ANSWERS[upstream]()
    return Exchange(
        upstream=upstream,
        kind=kind,
        model=model,
        request=_request(client, is_stream=is_stream),
        is_stream=is_stream,
        whole=whole,
        first=first,
        event=event,
        last=last,
    )


def cost(store: Store, client: Dialect, upstream: Dialect, repeats: int) -> tuple[float, float]:
    """(CPU µs per request with a whole answer, per streamed chunk): the smallest of the repeats."""
    whole, streamed = (exchange(client, upstream, is_stream=is_stream) for is_stream in (False, True))
    figures = [
        (
            uvloop.run(measure(store, whole, 500)),
            uvloop.run(measure(store, streamed, 10, 100)),
            uvloop.run(measure(store, streamed, 10, 100 + _CHUNKS)),
        )
        for _ in range(repeats)
    ]
    one, few, many = (min(column) for column in zip(*figures, strict=True))
    return one, (many - few) / _CHUNKS


def table(costs: dict[tuple[Dialect, Dialect], tuple[float, float]]) -> str:
    """Two figures a cell: µs per request / µs per chunk."""
    names = sorted(DIALECTS)
    lines = ["| client \\ upstream | " + " | ".join(names) + " |", "|---|" + "--:|" * len(names)]
    for client in names:
        cells = []
        for upstream in names:
            one, chunk = costs[client, upstream]
            told = f"{one:.0f} / {chunk:.1f}"
            cells.append(f"*{told}*" if client == upstream else told)
        lines.append(f"| {client} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def profile(store: Store, client: Dialect, upstream: Dialect) -> str:
    """The shares of a streamed chunk's time by room; what C code does counts to the room that called it."""
    profiler = cProfile.Profile()
    profiler.enable()
    uvloop.run(measure(store, exchange(client, upstream, is_stream=True), 10, 5 * _CHUNKS))
    profiler.disable()
    shares: Counter[str] = Counter()
    for (file, _, _), (_, _, own, _, callers) in pstats.Stats(profiler).stats.items():  # type: ignore[attr-defined]
        if file == "~":
            for (caller, _, _), (_, _, spent, _) in callers.items():
                shares[_room(caller)] += spent
        else:
            shares[_room(file)] += own
    total = sum(shares.values())
    return "\n".join(f"| {room} | {spent / total:.0%} |" for room, spent in shares.most_common(8))


def _room(file: str) -> str:
    parts = Path(file).parts
    return "/".join(parts[parts.index("torouter") + 1 :][:2]) if "torouter" in parts else "the harness and the loop"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--profile", nargs=2, choices=DIALECTS, metavar=("CLIENT", "UPSTREAM"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder)) as store:
        ensure_first(store, PEPPER, KEY)
        if options.profile:
            print(profile(store, *options.profile))
            return
        names = sorted(DIALECTS)
        made = table({(c, u): cost(store, c, u, options.repeats) for c in names for u in names})
    print(made)
    if options.write:
        write_between("<!-- measured by `python -m bench.cells --write`: begin -->\n", f"\n{made}\n\n")


if __name__ == "__main__":
    main()
