"""A whole answer as a Chat Completions body, and what it shares with the stream: reasons, usage and annotations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from torouter.canon.blocks import Citation, ReasoningBlock, RefusalBlock, TextBlock, ToolCallBlock
from torouter.canon.events import Finish, FinishReason
from torouter.canon.fold import Answer
from torouter.canon.logprobs import TokenLogprob
from torouter.canon.usage import Usage
from torouter.codecs.codec import AnswerOptions
from torouter.codecs.json_objects import Json
from torouter.codecs.openai_chat.legacy import is_legacy
from torouter.codecs.openai_chat.state import StateDetails, beside_call
from torouter.codecs.openai_logprobs import render_logprobs

__all__ = ["annotation_of", "encode_answer", "finish_fields", "logprobs_field", "render_usage"]

_REASONS: Final[Mapping[FinishReason, str]] = {
    "stop": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "context_length": "length",
    "tool_calls": "tool_calls",
    "refusal": "content_filter",
    "content_filter": "content_filter",
    "pause": "length",
}


def encode_answer(answer: Answer, options: AnswerOptions) -> bytes:
    """Raises `UpstreamError` where the answer is an error, or has no end."""
    finish = answer.finish
    if finish is None:
        raise answer.failure()
    choice: Json = {"index": 0, "message": _message(answer, finish, options), **finish_fields(finish, options)}
    tokens = [token for block in answer.blocks if isinstance(block, TextBlock) for token in block.logprobs]
    if tokens and options.shows_logprobs:
        choice["logprobs"] = logprobs_field(tokens)
    return msgspec.json.encode(
        {
            "id": f"chatcmpl-{options.seed}",
            "object": "chat.completion",
            "created": options.created_s,
            "model": options.model,
            "choices": [choice],
            "usage": render_usage(answer.usage),
        }
    )


def finish_fields(finish: Finish, options: AnswerOptions) -> Json:
    """vLLM's extension `stop_reason` names the stop sequence that matched, where it is known."""
    known: Json = {} if finish.stop_sequence is None else {"stop_reason": finish.stop_sequence}
    reason = _REASONS[finish.reason]
    if reason == "tool_calls" and is_legacy(options.request):
        reason = "function_call"
    return {"logprobs": None, "finish_reason": reason, **known}


def logprobs_field(tokens: Sequence[TokenLogprob]) -> Json:
    return {"content": render_logprobs(tokens), "refusal": None}


def render_usage(usage: Usage) -> Json:
    return {
        "prompt_tokens": usage.total_input_tokens,
        "completion_tokens": usage.total_output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens + usage.cache_write_5m_tokens + usage.cache_write_1h_tokens,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def annotation_of(citation: Citation, start: int, end: int) -> Json | None:
    """A citation of the content's characters from `start` to `end`; `None` where it has no address."""
    if citation.url is None:
        return None
    if citation.start is not None and citation.end is not None and citation.unit == "chars":
        start, end = start + citation.start, start + citation.end
    cited: Json = {"url": citation.url, "title": citation.title or "", "start_index": start, "end_index": end}
    return {"type": "url_citation", "url_citation": cited}


def _message(answer: Answer, finish: Finish, options: AnswerOptions) -> Json:
    texts = [block for block in answer.blocks if isinstance(block, TextBlock)]
    refusal = "".join(block.text for block in answer.blocks if isinstance(block, RefusalBlock)) or finish.explanation
    message: Json = {
        "role": "assistant",
        "content": "".join(block.text for block in texts) or None,
        "refusal": refusal or None,
    }
    reasoning = "".join(block.text for block in answer.blocks if isinstance(block, ReasoningBlock))
    if reasoning and options.show_reasoning:
        message["reasoning_content"] = reasoning
    annotations = _annotations(texts)
    if annotations:
        message["annotations"] = annotations
    details = StateDetails()
    calls: list[Json] = []
    for block in answer.blocks:
        if isinstance(block, ToolCallBlock):
            calls.append(_call(block, details))
        elif isinstance(block, ReasoningBlock | TextBlock):
            for blob in block.blobs:
                details.take(blob)
    if calls and is_legacy(options.request):
        message["function_call"] = calls[0]["function"]
    elif calls:
        message["tool_calls"] = calls
    if details.entries():
        message["reasoning_details"] = details.entries()
    return message


def _annotations(texts: list[TextBlock]) -> list[Json]:
    """Positions count characters of the joined text."""
    annotations: list[Json] = []
    start = 0
    for block in texts:
        end = start + len(block.text)
        found = (annotation_of(citation, start, end) for citation in block.citations)
        annotations += [each for each in found if each is not None]
        start = end
    return annotations


def _call(block: ToolCallBlock, details: StateDetails) -> Json:
    """Arguments as they came; none at all are `{}`, never empty text."""
    details.begin_call(block.id)
    beside: Json = {}
    for blob in block.blobs:
        beside |= beside_call(blob)
        if not beside:
            details.take(blob, block.id)
    if block.kind == "custom":
        return {"id": block.id, "type": "custom", "custom": {"name": block.name, "input": block.arguments}, **beside}
    function: Json = {"name": block.name, "arguments": block.arguments or "{}"}
    return {"id": block.id, "type": "function", "function": function, **beside}
