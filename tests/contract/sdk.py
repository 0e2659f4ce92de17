"""The vendors' own clients, fed with our bytes: their accumulating helpers, not only raw iteration."""

from __future__ import annotations

from functools import cache

import anthropic
import httpx2
import openai
from anthropic.types import Message
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

__all__ = [
    "accumulated_chat",
    "accumulated_messages",
    "accumulated_response",
    "parsed_chat",
    "parsed_messages",
    "parsed_response",
]


class _Upstream:
    """Answers every request with the stream of the moment."""

    def __init__(self) -> None:
        self.stream = b""

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=self.stream)


_UPSTREAM = _Upstream()


def accumulated_chat(stream: bytes) -> ChatCompletion:
    """What `openai`'s accumulator makes of a stream; raises what it raises.

    Its state rather than `.stream()`, whose end raises for an answer that a limit cut, as it does for OpenAI's own.
    """
    _UPSTREAM.stream = stream
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    chunks = _openai().chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}], stream=True)
    for chunk in chunks:
        state.handle_chunk(chunk)
    return state.current_completion_snapshot


def accumulated_messages(stream: bytes) -> Message:
    """What `anthropic`'s stream helper makes of a stream; raises what it raises."""
    _UPSTREAM.stream = stream
    with _anthropic().messages.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}]) as events:
        return events.get_final_message()


def accumulated_response(stream: bytes) -> Response:
    """What `openai`'s Responses helper makes of a stream; raises what it raises.

    `get_final_response` refuses an answer that a limit cut, as it does OpenAI's own: that one is the terminal event's.
    """
    _UPSTREAM.stream = stream
    with _openai().responses.stream(model="m", input="hi") as events:
        last = list(events)[-1]
        if last.type == "response.completed":
            return events.get_final_response()
    assert last.type in ("response.incomplete", "response.failed")
    return last.response


def parsed_response(body: bytes) -> Response:
    return Response.model_validate_json(body)


def parsed_chat(body: bytes) -> ChatCompletion:
    return ChatCompletion.model_validate_json(body)


def parsed_messages(body: bytes) -> Message:
    return Message.model_validate_json(body)


@cache
def _openai() -> openai.OpenAI:
    transport = openai.DefaultHttpxClient(transport=httpx2.MockTransport(_UPSTREAM))
    return openai.OpenAI(api_key="k", base_url="http://gateway.test/v1", max_retries=0, http_client=transport)


@cache
def _anthropic() -> anthropic.Anthropic:
    transport = anthropic.DefaultHttpxClient(transport=httpx2.MockTransport(_UPSTREAM))
    return anthropic.Anthropic(api_key="k", base_url="http://gateway.test", max_retries=0, http_client=transport)
