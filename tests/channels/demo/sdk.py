"""The vendors' SDKs, talking to the demo through a channel: no socket, but the channel's own targets and requests."""

from __future__ import annotations

import re
from functools import cache

import anthropic
import httpx2
import openai
from google import genai
from google.genai import types

from torouter.channels import KINDS, Channel
from torouter.channels.demo import reply_to
from torouter.channels.target import PATHS
from torouter.units import Dialect, Operation
from torouter.wire.memory import Reply
from torouter.wire.upstream import Deadlines

__all__ = ["CREATED_S", "anthropic_client", "ask", "gemini_client", "openai_client"]

CREATED_S = 1_790_000_000
DEMO = Channel(name="demo", kind=KINDS["demo"])

_GEMINI = re.compile(r"/v1(?:beta)?/(?P<model>models/[^:]+):(?P<verb>\w+)")
_BY_VERB: dict[str, Operation] = {
    "countTokens": "count_tokens",
    "embedContent": "embeddings",
    "batchEmbedContents": "embeddings",
}


def ask(
    dialect: Dialect,
    operation: Operation,
    body: bytes,
    *,
    model: str = "m",
    verb: str = "",
    query: bytes = b"",
    content_type: bytes = b"application/json",
    serial: int = 1,
) -> Reply:
    """What the demo says to a client's bytes, as the gateway would send them on."""
    target = DEMO.target(dialect, operation)
    assert target is not None
    request = target.request(
        model=model,
        verb=verb,
        is_stream=False,
        content_type=content_type,
        passed=b"",
        query=query,
        body=body,
        deadlines=Deadlines(),
    )
    assert request.origin.scheme == "memory"
    return reply_to(request, serial=serial, created_s=CREATED_S)


@cache
def openai_client() -> openai.OpenAI:
    return openai.OpenAI(api_key="k", base_url="http://demo/v1", max_retries=0, http_client=_http())


@cache
def anthropic_client() -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="k", base_url="http://demo", max_retries=0, http_client=_http())


@cache
def gemini_client() -> genai.Client:
    options = types.HttpOptions(base_url="http://demo", httpx_client=_http())
    return genai.Client(api_key="k", vertexai=False, http_options=options)


def _http() -> httpx2.Client:
    return httpx2.Client(transport=httpx2.MockTransport(_play))


def _play(request: httpx2.Request) -> httpx2.Response:
    content_type = request.headers.get("content-type", "").encode()
    path, query = request.url.path, request.url.query
    if found := _GEMINI.fullmatch(path):
        operation = _BY_VERB.get(found["verb"], "chat")
        reply = ask("gemini", operation, request.read(), model=found["model"], verb=found["verb"], query=query)
    else:
        dialect, operation = _operation(path)
        reply = ask(dialect, operation, request.read(), query=query, content_type=content_type)
    return httpx2.Response(reply.status, headers=reply.headers, content=b"".join(reply.pieces))


def _operation(path: str) -> tuple[Dialect, Operation]:
    found = [
        (dialect, operation)
        for dialect, paths in PATHS.items()
        for operation, end in paths.items()
        if path == f"/v1{end}" and dialect != "gemini"
    ]
    assert len(found) == 1, path
    return found[0]
