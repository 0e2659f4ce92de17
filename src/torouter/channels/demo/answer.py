"""The demo's door: a request goes by its path to an operation, a refusal comes in the words of the dialect asked in."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from hashlib import blake2b
from itertools import count
from typing import Final
from urllib.parse import parse_qs, unquote

from torouter.channels.demo import anthropic, audio, embeddings, gemini, images, openai_chat, openai_responses, rerank
from torouter.channels.demo.incoming import Incoming
from torouter.channels.demo.outgoing import json_reply
from torouter.channels.target import PATHS
from torouter.errors import RequestError
from torouter.units import Dialect, Operation
from torouter.wire.memory import Reply
from torouter.wire.upstream import Request

__all__ = ["answer", "reply_to"]

_Operation = Callable[[Incoming], Reply]

_OPERATIONS: Final[Mapping[Dialect, Mapping[Operation, _Operation]]] = {
    "openai-chat": {
        "chat": openai_chat.chat,
        "embeddings": embeddings.embed,
        "images": images.generate,
        "image_edits": images.edit,
        "transcriptions": audio.transcribe,
        "speech": audio.speak,
        "rerank": rerank.rerank,
    },
    "openai-responses": {"chat": openai_responses.respond, "count_tokens": openai_responses.count_tokens},
    "anthropic": {"chat": anthropic.message, "count_tokens": anthropic.count_tokens},
}
_BY_PATH: Final[Mapping[str, tuple[Dialect, _Operation]]] = {
    "/v1" + PATHS[dialect][operation]: (dialect, function)
    for dialect, functions in _OPERATIONS.items()
    for operation, function in functions.items()
}
_BY_VERB: Final[Mapping[str, _Operation]] = {
    "generateContent": gemini.generate,
    "streamGenerateContent": gemini.generate,
    "countTokens": gemini.count_tokens,
    "embedContent": gemini.embed,
    "batchEmbedContents": gemini.embed,
}
_GEMINI_PATH: Final = re.compile(r"/v1(?:beta|alpha)?/(?:models/)?(?P<model>[^:]+):(?P<verb>\w+)")
_CONTENT_TYPE: Final = re.compile(rb"^content-type:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)

_next_serial: Final = count(1).__next__


def answer(request: Request) -> Reply:
    """The handler for a `MemoryUpstream`: `reply_to` with this process' counter and the clock."""
    return reply_to(request, serial=_next_serial(), created_s=int(time.time()))


def reply_to(request: Request, *, serial: int, created_s: int) -> Reply:
    """Answers whatever a client may send; what it cannot read is the dialect's 400, an unknown path its 404."""
    path, _, query = request.target.decode("latin-1").partition("?")
    gemini_path = _GEMINI_PATH.fullmatch(path)
    content_type = _CONTENT_TYPE.search(request.head)
    incoming = Incoming(
        body=request.body,
        content_type=content_type[1] if content_type else b"",
        model=unquote(gemini_path["model"]) if gemini_path else "",
        verb=gemini_path["verb"] if gemini_path else "",
        is_sse=parse_qs(query).get("alt") == ["sse"],
        seed=f"{blake2b(request.target + b' ' + request.body, digest_size=8).hexdigest()}{serial:08x}",
        created_s=created_s,
    )
    if gemini_path:
        return _attempt("gemini", _BY_VERB.get(incoming.verb), incoming)
    known = _BY_PATH.get(path)
    return _attempt(*known, incoming) if known else _attempt("openai-chat", None, incoming)


def _attempt(dialect: Dialect, operation: _Operation | None, incoming: Incoming) -> Reply:
    try:
        if operation is None:
            raise RequestError("The demo does not have this operation", kind="not_found")
        return operation(incoming)
    except RequestError as err:
        return _refusal(dialect, err, incoming)


def _refusal(dialect: Dialect, err: RequestError, incoming: Incoming) -> Reply:
    is_missing = err.status == 404
    if dialect == "anthropic":
        error = {"type": "not_found_error" if is_missing else "invalid_request_error", "message": err.message}
        return json_reply({"type": "error", "error": error, "request_id": f"req_{incoming.seed}"}, err.status)
    if dialect == "gemini":
        status = "NOT_FOUND" if is_missing else "INVALID_ARGUMENT"
        body: object = {"error": {"code": err.status, "message": err.message, "status": status}}
        is_array = incoming.verb == "streamGenerateContent" and not incoming.is_sse
        return json_reply([body] if is_array else body, err.status)
    error_body = {"message": err.message, "type": "invalid_request_error", "param": err.param, "code": None}
    return json_reply({"error": error_body}, err.status)
