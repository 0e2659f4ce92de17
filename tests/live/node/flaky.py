"""An upstream of all four dialects that fails at first: how it fails stands in the model's name.

`<caller>-throttled-once` answers 429 with `Retry-After: 0` (callers are told a second), then well;
`<caller>-broken-once` answers 500, then well; `…-always` never gets well. `<caller>` (a call style of an SDK) only
keeps the counts of attempts apart.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from tests.agents.upstream import Reply, Request, expect, json_reply, sse_reply

__all__ = ["CALLERS", "RESULT", "FlakyScript", "models"]

RESULT = "at last"
CALLERS = ("chat", "chat_streamed", "responses", "messages", "messages_streamed", "gemini", "gemini_streamed")

_UPSTREAM = "upstream."


def models(*prefixes: str) -> dict[str, str]:
    """What a channel declares for the callers whose names begin so: the client's name to the upstream's."""
    callers = [caller for caller in CALLERS if caller.startswith(prefixes)]
    names = [f"{c}-{fault}-{span}" for c in callers for fault in ("throttled", "broken") for span in ("once", "always")]
    return {name: _UPSTREAM + name for name in names}


class FlakyScript:
    def __init__(self) -> None:
        self.attempts: Counter[str] = Counter()
        """How often each model was asked for, by the client's name."""

    @staticmethod
    def error(what: str) -> object:
        return {"error": {"message": what, "type": "invalid_request_error"}}

    def answer(self, request: Request) -> Reply:
        body = request.json()
        model, is_stream = _asked(request, body)
        expect(model.startswith(_UPSTREAM), f"the upstream's own name, not {model}")
        name = model.removeprefix(_UPSTREAM)
        self.attempts[name] += 1
        _, fault, span = name.split("-")
        if span == "always" or self.attempts[name] == 1:
            return _failure(request.path, throttled=fault == "throttled")
        answer = _ANSWERS[_dialect(request.path)]
        return answer[is_stream]


def _asked(request: Request, body: dict[str, Any]) -> tuple[str, bool]:
    if match := re.fullmatch(r"/v1beta/models/([^:]+):(\w+)", request.path):
        return match[1], match[2] == "streamGenerateContent"
    return body["model"], body.get("stream", False)


def _dialect(path: str) -> str:
    return "gemini" if path.startswith("/v1beta/") else path.removeprefix("/v1/")


def _failure(path: str, *, throttled: bool) -> Reply:
    status = 429 if throttled else 500
    headers = {"retry-after": "0"} if throttled else {}
    message = "Slow down." if throttled else "Something broke."
    match _dialect(path):
        case "gemini":
            word = "RESOURCE_EXHAUSTED" if throttled else "INTERNAL"
            return json_reply(
                {"error": {"code": status, "message": message, "status": word}}, status=status, headers=headers
            )
        case "messages":
            word = "rate_limit_error" if throttled else "api_error"
            told: dict[str, Any] = {"type": "error", "error": {"type": word, "message": message}}
        case _:
            word = "rate_limit_exceeded" if throttled else "server_error"
            told = {"error": {"message": message, "type": word, "param": None, "code": word}}
    return json_reply(told, status=status, headers=headers)


def _events(*events: dict[str, Any], named: bool) -> list[bytes]:
    name = "event: {type}\n" if named else ""
    return [f"{name.format_map(event)}data: {json.dumps(event)}\n\n".encode() for event in events]


def _chat(**fields: Any) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "created": 1, "model": "m", **fields}


_MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None}
_TEXT = {"type": "text", "text": RESULT}
_GEMINI = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": RESULT}]}, "finishReason": "STOP", "index": 0}],
    "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3},
}
_RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "m",
    "output": [
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": RESULT, "annotations": []}],
        }
    ],
    "usage": {
        "input_tokens": 1,
        "output_tokens": 2,
        "total_tokens": 3,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    },
}

_CHAT_WHOLE = _chat(
    object="chat.completion",
    choices=[{"index": 0, "message": {"role": "assistant", "content": RESULT}, "finish_reason": "stop"}],
    usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
)
_CHAT_CHUNKS = [
    *_events(
        *(
            _chat(object="chat.completion.chunk", choices=[{"index": 0, "delta": delta, "finish_reason": finish}])
            for delta, finish in (
                ({"role": "assistant", "content": RESULT[:3]}, None),
                ({"content": RESULT[3:]}, None),
                ({}, "stop"),
            )
        ),
        named=False,
    ),
    b"data: [DONE]\n\n",
]
_MESSAGE_WHOLE = {
    **_MESSAGE,
    "content": [_TEXT],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 2},
}
_MESSAGE_EVENTS = _events(
    {
        "type": "message_start",
        "message": {**_MESSAGE, "content": [], "stop_reason": None, "usage": {"input_tokens": 1, "output_tokens": 1}},
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": RESULT}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 2},
    },
    {"type": "message_stop"},
    named=True,
)

_ANSWERS: dict[str, dict[bool, Reply]] = {
    "chat/completions": {False: json_reply(_CHAT_WHOLE), True: sse_reply(_CHAT_CHUNKS)},
    "responses": {False: json_reply(_RESPONSE)},
    "messages": {False: json_reply(_MESSAGE_WHOLE), True: sse_reply(_MESSAGE_EVENTS)},
    "gemini": {False: json_reply(_GEMINI), True: sse_reply(_events(_GEMINI, named=False))},
}
"""By dialect, whole and streamed."""
