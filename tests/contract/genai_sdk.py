"""google-genai, fed with our bytes: its typed models with unknown keys forbidden, its stream, and its chats."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import httpx2
from google import genai
from google.genai import types
from pydantic import TypeAdapter, ValidationError

__all__ = ["genai_faults", "parsed_genai", "streamed_genai"]

_KINDS: dict[str, Any] = {
    "contents": list[types.Content],
    "systemInstruction": types.Content,
    "tools": list[types.Tool],
    "toolConfig": types.ToolConfig,
    "generationConfig": types.GenerationConfig,
    "serviceTier": types.ServiceTier,
}


def genai_faults(body: dict[str, Any]) -> list[str]:
    """Where a body is none that google-genai could have sent; empty if it is fine."""
    faults = [f"{name}: unknown" for name in body if name not in _KINDS]
    for name, kind in _KINDS.items():
        if name not in body:
            continue
        try:
            TypeAdapter(kind).validate_json(json.dumps(body[name]))
        except ValidationError as error:
            faults += [f"{name}.{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
    return [*faults, *_turns(body["contents"])]


def _turns(contents: list[dict[str, Any]]) -> list[str]:
    """The rules of turns: what answers calls is the next content, as many results as there were calls, in order."""
    faults: list[str] = []
    for index, content in enumerate(contents):
        if content["role"] not in ("user", "model") or not content["parts"]:
            faults.append(f"contents.{index}: role or parts")
        calls = [part["functionCall"]["name"] for part in content["parts"] if "functionCall" in part]
        following = contents[index + 1]["parts"] if index + 1 < len(contents) else []
        results = [part["functionResponse"]["name"] for part in following if "functionResponse" in part]
        if calls != results and (calls or results):
            faults.append(f"contents.{index}: {calls} answered by {results}")
        is_first = all("functionResponse" in part for part in following[: len(results)])
        if not is_first:
            faults.append(f"contents.{index + 1}: results do not come first")
    return faults


def parsed_genai(body: bytes) -> types.GenerateContentResponse:
    """A whole answer, as the client's own code gives it."""
    _UPSTREAM.answer = body, "application/json"
    return _client().models.generate_content(model="m", contents="hi")


def streamed_genai(stream: bytes) -> list[types.GenerateContentResponse]:
    """Every chunk of a stream, through a chat: which keeps its history only if each is valid."""
    _UPSTREAM.answer = stream, "text/event-stream"
    chat = _client().chats.create(model="m")
    chunks = list(chat.send_message_stream("hi"))
    assert len(chat.get_history(curated=True)) > 1, "the client threw the answer away"
    return chunks


class _Upstream:
    def __init__(self) -> None:
        self.answer = b"", ""

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        body, content_type = self.answer
        return httpx2.Response(200, headers={"content-type": content_type}, content=body)


_UPSTREAM = _Upstream()


@cache
def _client() -> genai.Client:
    http = httpx2.Client(transport=httpx2.MockTransport(_UPSTREAM))
    options = types.HttpOptions(base_url="http://gateway.test", httpx_client=http)
    return genai.Client(api_key="k", vertexai=False, http_options=options)
