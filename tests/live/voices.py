"""The same answers in the words of each dialect, whole or streamed, and the faults of what its upstream is asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.contract.genai_sdk import genai_faults
from tests.contract.typed_params import chat_faults, messages_faults, responses_faults
from tests.live.upstream import Answer, json_answer, sse_answer

__all__ = ["VOICES", "Voice", "faults_of"]

Json = dict[str, Any]

faults_of: Final[Mapping[str, Callable[[Json], list[str]]]] = {
    "openai-chat": chat_faults,
    "openai-responses": responses_faults,
    "anthropic": messages_faults,
    "gemini": genai_faults,
}


class Voice:
    """One foreign dialect. A call has the id `call_<name>`, where the dialect has ids."""

    def text(self, text: str, *, stream: bool = False) -> Answer:
        raise NotImplementedError

    def call(self, name: str, arguments: Json, *, stream: bool = False) -> Answer:
        raise NotImplementedError


class ChatVoice(Voice):
    def text(self, text: str, *, stream: bool = False) -> Answer:
        return self._say({"role": "assistant", "content": text}, "stop", stream)

    def call(self, name: str, arguments: Json, *, stream: bool = False) -> Answer:
        function = {"name": name, "arguments": json.dumps(arguments)}
        called: Json = {"id": f"call_{name}", "type": "function", "function": function}
        if stream:
            called["index"] = 0
        return self._say({"role": "assistant", "content": None, "tool_calls": [called]}, "tool_calls", stream)

    def _say(self, message: Json, reason: str, stream: bool) -> Answer:
        head = {"id": "c1", "created": 1, "model": "up"}
        usage = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
        if not stream:
            choice = {"index": 0, "message": message, "finish_reason": reason}
            return json_answer({**head, "object": "chat.completion", "choices": [choice], "usage": usage})
        chunks = [
            {"choices": [{"index": 0, "delta": message, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]},
            {"choices": [], "usage": usage},
        ]
        events = [_data({**head, "object": "chat.completion.chunk", **chunk}) for chunk in chunks]
        return sse_answer(*events, b"data: [DONE]\n\n")


class MessagesVoice(Voice):
    def text(self, text: str, *, stream: bool = False) -> Answer:
        delta = {"type": "text_delta", "text": text}
        return self._say({"type": "text", "text": text}, {"type": "text", "text": ""}, delta, "end_turn", stream)

    def call(self, name: str, arguments: Json, *, stream: bool = False) -> Answer:
        block = {"type": "tool_use", "id": f"call_{name}", "name": name, "input": arguments}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(arguments)}
        return self._say(block, {**block, "input": {}}, delta, "tool_use", stream)

    def _say(self, block: Json, head: Json, delta: Json, reason: str, stream: bool) -> Answer:
        usage = {"input_tokens": 5, "output_tokens": 3}
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "up", "usage": usage}
        if not stream:
            return json_answer({**message, "content": [block], "stop_reason": reason, "stop_sequence": None})
        events: list[Json] = [
            {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}},
            {"type": "content_block_start", "index": 0, "content_block": head},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage},
            {"type": "message_stop"},
        ]
        return sse_answer(*(b"event: %b\n%b" % (event["type"].encode(), _data(event)) for event in events))


class GeminiVoice(Voice):
    def text(self, text: str, *, stream: bool = False) -> Answer:
        return self._say({"text": text}, stream)

    def call(self, name: str, arguments: Json, *, stream: bool = False) -> Answer:
        return self._say({"functionCall": {"name": name, "args": arguments}}, stream)

    def _say(self, part: Json, stream: bool) -> Answer:
        candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
        usage = {"promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 8}
        told = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "up", "responseId": "g1"}
        return sse_answer(_data(told)) if stream else json_answer(told)


def _data(told: Json) -> bytes:
    return b"data: %b\n\n" % json.dumps(told).encode()


VOICES: Final[Mapping[str, Voice]] = {
    "openai-chat": ChatVoice(),
    "anthropic": MessagesVoice(),
    "gemini": GeminiVoice(),
}
