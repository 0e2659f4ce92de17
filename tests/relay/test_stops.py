"""Stop sequences that the gateway finds itself: what is known of the usage when an upstream is left in mid-stream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.relay.stage import sse_reply, stage
from torouter.wire.memory import Reply
from torouter.wire.upstream import Request

ASKED = {"model": "m", "stream": True, "stop": ["<end>"], "messages": [{"role": "user", "content": "hi"}]}
AT = {"output_index": 0, "content_index": 0, "item_id": "m"}
TOLD = 7 + 1
"""What the estimate says of one short message (`relay.estimate`), and of the four bytes that the client was given."""
USAGE = {"input_tokens": 5, "output_tokens": 9, "total_tokens": 14}
TEXT = {"type": "response.output_text.delta", **AT, "delta": "one <end> two", "logprobs": []}
END = {"type": "response.completed", "response": {"status": "completed", "output": [], "usage": USAGE}}


def event(said: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(said)}\n\n".encode()


@pytest.mark.parametrize(
    ("pieces", "known"),
    [
        ([event(TEXT), event(END)], ("estimated", TOLD)),
        ([event(TEXT) + event(END)], ("reported", 14)),
    ],
    ids=["before its end", "with its end in the same piece"],
)
async def test_what_is_known_of_the_usage(pieces: list[bytes], known: tuple[str, int]) -> None:
    def answering(request: Request) -> Reply:
        return sse_reply(*pieces)

    async with stage({"a": answering}, dialects=("openai-responses",)) as on:
        answer = await on.post("/v1/chat/completions", ASKED)
        assert b'"content":"one "' in answer.body
        assert answer.body.endswith(b"data: [DONE]\n\n")
        [row] = on.rows
        assert (row.quality, row.input_tokens + row.output_tokens) == known
