"""The straight line without sockets: CPU microseconds of one process per request and per streamed chunk.

Fake transports stand on both sides, so what is measured is the gateway's own work and nothing of the kernel's. The
smallest of several repeats is shown: other processes can only make it larger.

    python -m bench.line [--profile] [--without drive|repeat] [--limited]

`--limited` asks with a key that has every limit there is, none of them reached, of an account with a balance.
`--without` measures the line with one of its short cuts taken away: a task instead of a `Drive` for each request, or
the parser for each head instead of knowing a repeated one again.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import pstats
import tempfile
from pathlib import Path
from typing import Any

import uvloop

from bench.in_process import KEY, PEPPER, Exchange, loop_ns, measure, post
from torouter.accounts import ensure_first
from torouter.store import LimitColumns, Store
from torouter.wire import server
from torouter.wire.head import Repeat

BODY = {
    "model": "gw",
    "messages": [
        {"role": "system", "content": "You are a helpful assistant. Answer briefly and precisely."},
        {"role": "user", "content": "Summarise the following notes for a colleague in three short bullet points. " * 4},
    ],
    "temperature": 0.7,
    "max_tokens": 256,
}
ANSWER = json.dumps(
    {
        "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
        "object": "chat.completion",
        "created": 1741569952,
        "model": "up-model",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello! How can I assist you today?", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 19,
            "completion_tokens": 10,
            "total_tokens": 29,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        },
    }
).encode()
EVENT = (
    b'data: {"id":"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG","object":"chat.completion.chunk","created":1741570283,'
    b'"model":"up-model-2026-01-01","service_tier":"default","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,'
    b'"delta":{"content":"token "},"logprobs":null,"finish_reason":null}],"usage":null}\n\n'
)
LAST = (
    b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}\n\n'
    b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":19,"completion_tokens":9}}\n\ndata: [DONE]\n\n'
)


def exchange(*, is_stream: bool) -> Exchange:
    body = json.dumps({**BODY, **({"stream": True, "stream_options": {"include_usage": True}} if is_stream else {})})
    return Exchange(
        upstream="openai-chat",
        kind="openai",
        model="up-n100",
        request=post("/v1/chat/completions", f"Authorization: Bearer {KEY}\r\n", body),
        is_stream=is_stream,
        whole=ANSWER,
        event=EVENT,
        last=LAST,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--without", choices=("drive", "repeat"))
    parser.add_argument("--limited", action="store_true")
    options = parser.parse_args()
    take_away(options.without)
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder)) as store:
        ensure_first(store, PEPPER, KEY)
        if options.limited:
            limit(store)
        whole, streamed = exchange(is_stream=False), exchange(is_stream=True)
        if options.profile:
            profile = cProfile.Profile()
            profile.enable()
            uvloop.run(measure(store, whole, 20_000))
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(45)
            return
        figures = [
            (
                uvloop.run(measure(store, whole, 1000)),
                uvloop.run(measure(store, streamed, 20, 100)),
                uvloop.run(measure(store, streamed, 20, 1100)),
                loop_ns(),
            )
            for _ in range(options.repeats)
        ]
        one, short, long, loop = (min(column) for column in zip(*figures, strict=True))
        print(f"whole answer: {one:.1f} µs/request; streamed chunk: {(long - short) / 1000:.2f} µs; ", end="")
        print(f"{one * 1000 / loop:.0f} and {(long - short) / loop:.0f} turns of an empty loop ({loop:.0f} ns)")


def limit(store: Store) -> None:
    """All at once, and so high that nothing is refused."""
    account, (key,) = store.first_account(), store.list_keys()
    assert account is not None
    limits = dict.fromkeys(LimitColumns.__struct_fields__, 10**15)
    store.change_key(
        key.id,
        {**limits, "ip_allow": ["127.0.0.0/8"], "ip_deny": ["10.0.0.0/8"], "expires_ms": 1 << 52, "models": ["gw"]},
    )
    store.change_account(account.id, {"billing": "prepaid"})
    store.move_money(account.id, "top_up", 10**15, "")


class TaskDrive:
    """What a `Drive` replaces."""

    def __init__(self, coroutine: Any, on_end: Any) -> None:
        self._coroutine = coroutine
        self._on_end = on_end

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._coroutine)
        self._task.add_done_callback(lambda task: self._on_end(task.exception()))


def take_away(short_cut: str | None) -> None:
    if short_cut == "drive":
        server.Drive = TaskDrive  # type: ignore[misc, assignment]
    elif short_cut == "repeat":
        Repeat.of = classmethod(lambda *_: None)  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    main()
