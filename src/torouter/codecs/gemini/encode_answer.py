"""A whole answer as a `GenerateContentResponse`, and what it shares with the stream: words for the end, and calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec
from msgspec import Raw

from torouter.canon.blocks import (
    Block,
    Citation,
    OpaqueBlock,
    ReasoningBlock,
    RefusalBlock,
    ServerToolBlock,
    TextBlock,
    ToolCallBlock,
)
from torouter.canon.events import Finish, FinishReason
from torouter.canon.fold import Answer
from torouter.codecs.arguments import NotAnObject, object_in
from torouter.codecs.codec import AnswerOptions
from torouter.codecs.gemini.grounding import grounding_of
from torouter.codecs.gemini.home import slot
from torouter.codecs.gemini.logprobs import logprobs_result
from torouter.codecs.gemini.usage import render_usage
from torouter.codecs.gemini.wrapping import Unwrapping
from torouter.codecs.json_objects import Json
from torouter.errors import UpstreamError

__all__ = ["IS_CUT", "args_of", "encode_answer", "finish_fields", "unreadable_call", "unwrapping"]

_REASONS: Final[Mapping[FinishReason, str]] = {
    "stop": "STOP",
    "stop_sequence": "STOP",
    "length": "MAX_TOKENS",
    "context_length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "refusal": "SAFETY",
    "content_filter": "SAFETY",
    "pause": "MAX_TOKENS",  # CONTINUATION makes google-genai ask again, for what is not ours to continue
}
IS_CUT: Final[frozenset[FinishReason]] = frozenset({"length", "context_length"})
"""Ends after which a call that cannot be read was cut off by a limit."""


def encode_answer(answer: Answer, options: AnswerOptions) -> bytes:
    """Raises `UpstreamError` where the answer is an error, or has no end."""
    finish = answer.finish
    if finish is None:
        raise answer.failure()
    parts = [part for block in answer.blocks if (part := _part(block, finish, options)) is not None]
    candidate: Json = {
        "content": {"role": "model", "parts": parts or [{"text": ""}]},
        **finish_fields(finish),
        "index": 0,
    }
    tokens = [token for block in answer.blocks if isinstance(block, TextBlock) for token in block.logprobs]
    if tokens and options.shows_logprobs:
        candidate["logprobsResult"] = logprobs_result(tokens)
    grounding = grounding_of(_cited(answer))
    if grounding:
        candidate["groundingMetadata"] = grounding
    return msgspec.json.encode(
        {
            "candidates": [candidate],
            "usageMetadata": render_usage(answer.usage),
            "modelVersion": options.model,
            "responseId": options.seed,
        }
    )


def finish_fields(finish: Finish) -> Json:
    said: Json = {"finishReason": _REASONS[finish.reason]}
    return {**said, "finishMessage": finish.explanation} if finish.explanation else said


def args_of(arguments: str) -> bytes | None:
    """A call's arguments as one line of JSON; `None` for what is no object."""
    try:
        found = object_in(arguments)
    except NotAnObject:
        return None
    return None if found is None else msgspec.json.format(found, indent=-1)


def unreadable_call(name: str) -> UpstreamError:
    return UpstreamError(
        f"the upstream called `{name}` with arguments that are no JSON object",
        phase="body",
        code="upstream_malformed",
    )


def _part(block: Block, finish: Finish, options: AnswerOptions) -> Json | Raw | None:
    match block:
        case TextBlock():
            return (
                {"text": _said(block.text, options), **slot(block.blobs)} if block.text or slot(block.blobs) else None
            )
        case RefusalBlock():
            return {"text": block.text} if block.text else None
        case ReasoningBlock():
            text = block.text if options.show_reasoning else ""
            return {"text": text, "thought": True, **slot(block.blobs)} if text or slot(block.blobs) else None
        case ToolCallBlock():
            return _call(block, finish)
        case ServerToolBlock() | OpaqueBlock():
            return Raw(block.raw) if block.origin.dialect == "gemini" else None
        case _:  # an answer holds no others
            return None


def unwrapping(options: AnswerOptions) -> Unwrapping | None:
    """For an answer that the client wants without the object that its schema was wrapped in."""
    output = None if options.request is None else options.request.output
    return None if output is None or output.wrapping is None else Unwrapping(output.wrapping)


def _said(text: str, options: AnswerOptions) -> str:
    unwrap = unwrapping(options)
    return text if unwrap is None else unwrap.feed(text) + unwrap.close()


def _call(block: ToolCallBlock, finish: Finish) -> Json | None:
    """A call that the limit cut off is dropped: closed by us, it would be half a command."""
    args = args_of(block.arguments)
    if args is None and finish.reason in IS_CUT:
        return None
    if args is None:
        raise unreadable_call(block.name)
    return {"functionCall": {"id": block.id, "name": block.name, "args": Raw(args)}, **slot(block.blobs)}


def _cited(answer: Answer) -> Iterator[tuple[Citation, str, int]]:
    """The citations that have an address, each with its text and where that starts."""
    offset_bytes = 0
    for block in answer.blocks:
        if isinstance(block, TextBlock):
            yield from ((each, block.text, offset_bytes) for each in block.citations if each.url is not None)
            offset_bytes += len(block.text.encode("utf-8", "surrogatepass"))
