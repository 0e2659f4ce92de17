"""A whole answer as a Messages body, and what it shares with the stream: stop reasons and citations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from msgspec import Raw

from torouter.canon.blocks import Blob, Block, Citation, ReasoningBlock, RefusalBlock, TextBlock, ToolCallBlock
from torouter.canon.events import Finish, FinishReason
from torouter.canon.fold import Answer
from torouter.codecs.anthropic.usage import render_usage
from torouter.codecs.arguments import NotAnObject, object_in
from torouter.codecs.codec import AnswerOptions
from torouter.codecs.json_objects import Json
from torouter.errors import UpstreamError

__all__ = ["citation_of", "encode_answer", "stop_fields"]

_REASONS: Final[Mapping[FinishReason, str]] = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "context_length": "model_context_window_exceeded",
    "tool_calls": "tool_use",
    "refusal": "refusal",
    "content_filter": "refusal",
    "pause": "pause_turn",
}


def encode_answer(answer: Answer, options: AnswerOptions) -> bytes:
    """Raises `UpstreamError` where the answer is an error, or has no end."""
    finish = answer.finish
    if finish is None:
        raise answer.failure()
    content: list[Json] = []
    for block in answer.blocks:
        _write(content, block, finish, options)
    return msgspec.json.encode(
        {
            "id": f"msg_{options.seed}",
            "type": "message",
            "role": "assistant",
            "model": options.model,
            "content": content,
            **stop_fields(finish),
            "usage": render_usage(answer.usage),
        }
    )


def stop_fields(finish: Finish) -> Json:
    """A stop sequence is named only where the upstream named it: it is never guessed."""
    reason = finish.reason
    if reason == "stop_sequence" and finish.stop_sequence is None:
        reason = "stop"
    fields: Json = {"stop_reason": _REASONS[reason], "stop_sequence": finish.stop_sequence}
    if finish.explanation:
        fields["stop_details"] = {"type": "refusal", "category": None, "explanation": finish.explanation}
    return fields


def citation_of(citation: Citation, text: str) -> Json | None:
    """A web citation of this text block; `None` where it has no address. The index, being Anthropic's own, is empty."""
    if citation.url is None:
        return None
    cited = citation.cited_text
    if cited is None:
        cited = "" if citation.start is None or citation.end is None else text[citation.start : citation.end]
    return {
        "type": "web_search_result_location",
        "url": citation.url,
        "title": citation.title,
        "cited_text": cited,
        "encrypted_index": "",
    }


def _write(content: list[Json], block: Block, finish: Finish, options: AnswerOptions) -> None:
    """As the stream would write it."""
    match block:
        case TextBlock(text=text) if text:
            content.append(_text(block))
        case TextBlock():
            _state(content, block.blobs, options, may_sign=True)
        case RefusalBlock(text=text) if text:
            content.append({"type": "text", "text": text})
        case ReasoningBlock(text=text) if text and options.show_reasoning:
            tokens = [token for blob in block.blobs if (token := blob.token("anthropic"))]
            content.append({"type": "thinking", "thinking": text, "signature": tokens[0] if tokens else options.mark})
        case ReasoningBlock():
            _state(content, block.blobs, options)
        case ToolCallBlock():
            call = _call(block, finish)
            if call is not None:
                _state(content, block.blobs, options)
                content.append(call)
        case _:  # known to its own vendor only
            pass


def _state(content: list[Json], blobs: Iterable[Blob], options: AnswerOptions, *, may_sign: bool = False) -> None:
    """State without words is a block of its own; or (`may_sign`) the signature that the thinking before it lacks."""
    for blob in blobs:
        token = blob.token("anthropic") if options.takes_state else ""
        last = content[-1] if content else {}
        if token and may_sign and last.get("signature") == options.mark:
            last["signature"] = token
        elif token:
            content.append({"type": "redacted_thinking", "data": token})


def _text(block: TextBlock) -> Json:
    cited = [each for each in (citation_of(citation, block.text) for citation in block.citations) if each is not None]
    return {"type": "text", "text": block.text, **({"citations": cited} if cited else {})}


def _call(block: ToolCallBlock, finish: Finish) -> Json | None:
    """A call that the limit cut off is dropped: closed by us, it would be half a command."""
    try:
        arguments = object_in(block.arguments)
    except NotAnObject:
        arguments = None
    if arguments is None and finish.reason in ("length", "context_length"):
        return None
    if arguments is None:
        raise UpstreamError(
            f"the upstream called `{block.name}` with arguments that are no JSON object",
            phase="body",
            code="upstream_malformed",
        )
    return {"type": "tool_use", "id": block.id, "name": block.name, "input": Raw(arguments)}
