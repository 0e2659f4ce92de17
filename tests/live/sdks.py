"""A call by each dialect's official SDK, and what its user sees of it: text, a normal end, or the SDK's own exception.

No SDK asks again by itself here: what is tried twice, the gateway tries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import anthropic
import openai
from google import genai
from google.genai import types

from tests.live.gateway import FIRST_KEY

__all__ = ["SDKS", "Outcome", "Sdks", "opened_sdks"]

_HI: Final = [{"role": "user", "content": "hi"}]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`is_whole`: it ended as its dialect ends. `status` 0: the error came within a stream, or there is none. `error`
    is the SDK's exception; a failed response, which OpenAI's SDK hands out as an event, is its text."""

    text: str = ""
    is_whole: bool = False
    error: Exception | str | None = None
    status: int = 0
    model: str = ""
    """As the answer's body names it."""
    retry_after: str | None = None

    @property
    def is_answer(self) -> bool:
        return self.is_whole and self.error is None


class _Heard:
    """What has come so far."""

    def __init__(self) -> None:
        self.text = ""
        self.is_whole = False
        self.model = ""
        self.error: str | None = None


class Sdks:
    """The clients of one gateway; threads may share them."""

    def __init__(self, url: str, key: str) -> None:
        self.openai = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=60)
        self.anthropic = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0, timeout=60)
        self.genai = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url, timeout=60_000))

    def close(self) -> None:
        self.openai.close()
        self.anthropic.close()
        self.genai.close()

    def ask(
        self,
        dialect: str,
        model: str,
        *,
        stream: bool = False,
        headers: Mapping[str, str] | None = None,
        prompt: str = "hi",
    ) -> Outcome:
        heard = _Heard()
        try:
            _ASKS[dialect](self, heard, model, prompt, stream, dict(headers or {}))
        except Exception as error:
            return _failed(heard, error)
        return Outcome(text=heard.text, is_whole=heard.is_whole, error=heard.error, model=heard.model)


def _failed(heard: _Heard, error: Exception) -> Outcome:
    response = getattr(error, "response", None)
    code = getattr(error, "status_code", None) or getattr(error, "code", None)
    # An error within a stream has the status of the stream, or none.
    status = code if isinstance(code, int) and code >= 400 and not heard.text else 0
    headers: Mapping[str, str] = getattr(response, "headers", None) or {}
    return Outcome(
        text=heard.text, error=error, status=status, model=heard.model, retry_after=headers.get("retry-after")
    )


def _chat(sdks: Sdks, heard: _Heard, model: str, prompt: str, stream: bool, headers: dict[str, str]) -> None:
    messages: Any = [{"role": "user", "content": prompt}]
    create = sdks.openai.chat.completions.create
    if not stream:
        whole = create(model=model, messages=messages, extra_headers=headers)
        [choice] = whole.choices
        heard.text, heard.model = choice.message.content or "", whole.model
        heard.is_whole = choice.finish_reason == "stop"
        return
    with create(model=model, messages=messages, stream=True, extra_headers=headers) as chunks:
        for chunk in chunks:
            heard.model = chunk.model
            for each in chunk.choices:
                heard.text += each.delta.content or ""
                heard.is_whole |= each.finish_reason == "stop"


def _responses(sdks: Sdks, heard: _Heard, model: str, prompt: str, stream: bool, headers: dict[str, str]) -> None:
    create = sdks.openai.responses.create
    if not stream:
        whole = create(model=model, input=prompt, extra_headers=headers)
        heard.text, heard.model, heard.is_whole = whole.output_text, whole.model, whole.status == "completed"
        return
    with create(model=model, input=prompt, stream=True, extra_headers=headers) as events:
        for event in events:
            if event.type == "response.output_text.delta":
                heard.text += event.delta
            elif event.type == "response.completed":
                heard.is_whole, heard.model = True, event.response.model
            elif event.type == "response.failed":
                assert event.response.error is not None
                heard.error = event.response.error.message


def _messages(sdks: Sdks, heard: _Heard, model: str, prompt: str, stream: bool, headers: dict[str, str]) -> None:
    messages: Any = [{"role": "user", "content": prompt}]
    create = sdks.anthropic.messages.create
    if not stream:
        whole = create(model=model, messages=messages, max_tokens=64, extra_headers=headers)
        heard.text = "".join(block.text for block in whole.content if block.type == "text")
        heard.model, heard.is_whole = whole.model, whole.stop_reason == "end_turn"
        return
    with create(model=model, messages=messages, max_tokens=64, stream=True, extra_headers=headers) as events:
        for event in events:
            if event.type == "message_start":
                heard.model = event.message.model
            elif event.type == "content_block_delta" and event.delta.type == "text_delta":
                heard.text += event.delta.text
            elif event.type == "message_stop":
                heard.is_whole = True


def _gemini(sdks: Sdks, heard: _Heard, model: str, prompt: str, stream: bool, headers: dict[str, str]) -> None:
    config = types.GenerateContentConfig(http_options=types.HttpOptions(headers=headers)) if headers else None
    models = sdks.genai.models
    if not stream:
        _hear_chunk(heard, models.generate_content(model=model, contents=prompt, config=config))
        return
    for chunk in models.generate_content_stream(model=model, contents=prompt, config=config):
        _hear_chunk(heard, chunk)


def _hear_chunk(heard: _Heard, chunk: types.GenerateContentResponse) -> None:
    heard.model = chunk.model_version or heard.model
    for candidate in chunk.candidates or []:
        parts = (candidate.content and candidate.content.parts) or []
        heard.text += "".join(part.text or "" for part in parts)
        heard.is_whole |= candidate.finish_reason == types.FinishReason.STOP


_ASKS: Final = {"openai-chat": _chat, "openai-responses": _responses, "anthropic": _messages, "gemini": _gemini}
SDKS: Final = tuple(_ASKS)


@contextmanager
def opened_sdks(url: str, key: str = FIRST_KEY) -> Iterator[Sdks]:
    sdks = Sdks(url, key)
    try:
        yield sdks
    finally:
        sdks.close()
