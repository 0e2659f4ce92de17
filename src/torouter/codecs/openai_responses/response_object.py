"""The response object and its items, which streams and whole answers share.

What the official client's typed model requires is always there (openai 3.54.0, seen 2026-11). Of the request it echoes
what the client itself sent, and it says whether it is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Raw

from torouter.canon.blocks import CallKind, Citation
from torouter.canon.events import Finish, FinishReason
from torouter.canon.request import ChatRequest
from torouter.canon.usage import Usage
from torouter.codecs.codec import AnswerOptions
from torouter.codecs.json_objects import Json

__all__ = [
    "CALL_PREFIXES",
    "annotation_of",
    "call_item",
    "message_item",
    "reasoning_item",
    "response_object",
    "status_fields",
]

_CALL_TYPES: Final[Mapping[CallKind, str]] = {
    "function": "function_call",
    "custom": "custom_tool_call",
    "search": "tool_search_call",
}
CALL_PREFIXES: Final[Mapping[CallKind, str]] = {"function": "fc", "custom": "ctc", "search": "tsc"}
"""Of the ids of items."""
_LENGTH: Final = "max_output_tokens"
_CUT: Final[Mapping[FinishReason, str]] = {
    "length": _LENGTH,
    "context_length": _LENGTH,
    "pause": _LENGTH,
    "content_filter": "content_filter",
}
_ECHOED: Final = (
    *("instructions", "max_output_tokens", "max_tool_calls", "parallel_tool_calls", "prompt_cache_key", "reasoning"),
    *("safety_identifier", "service_tier", "temperature", "text", "tool_choice", "tools", "top_p", "truncation"),
    *("user", "metadata"),
)


def response_object(options: AnswerOptions, status: Json, output: Sequence[Json | Raw], usage: Usage | None) -> Json:
    """`status` holds what `status_fields` gives, or an `error` of its own."""
    return {
        "id": f"resp_{options.seed}",
        "object": "response",
        "created_at": options.created_s,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "model": options.model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": options.previous,
        "reasoning": {"effort": None, "summary": None},
        "store": options.is_kept,
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "truncation": "disabled",
        "usage": None if usage is None else _usage(usage),
        "user": None,
        "metadata": {},
        **_echo(options.request),
        **status,
    }


def status_fields(finish: Finish, *, has_refusal: bool) -> Json:
    """A refusal in words is complete; one without cut the answer off."""
    reason = _CUT.get(finish.reason)
    if finish.reason == "refusal" and not has_refusal:
        reason = "content_filter"
    if reason is None:
        return {"status": "completed"}
    return {"status": "incomplete", "incomplete_details": {"reason": reason}}


def message_item(item_id: str, content: Sequence[Json | Raw]) -> Json:
    return {"id": item_id, "type": "message", "status": "completed", "role": "assistant", "content": content}


def reasoning_item(item_id: str, text: str, state: str = "") -> Json:
    summary: list[Json] = [{"type": "summary_text", "text": text}] if text else []
    item: Json = {"id": item_id, "type": "reasoning", "summary": summary}
    return {**item, "encrypted_content": state} if state else item


def call_item(
    item_id: str,
    *,
    call_id: str,
    name: str,
    namespace: str | None,
    text: str,
    kind: CallKind,
    status: str = "completed",
) -> Json:
    """A namespace is named only where the client's own tool had one."""
    item: Json = {"id": item_id, "type": _CALL_TYPES[kind], "status": status, "call_id": call_id}
    if kind == "search":
        return {**item, "execution": "client", "arguments": _value(text)}
    item |= {"name": name, "input" if kind == "custom" else "arguments": text}
    return item if namespace is None else {**item, "namespace": namespace}


def _value(text: str) -> object:
    """The arguments of a search are JSON here, not text of it. What is no JSON (a limit cut it off) stays a text."""
    try:
        return msgspec.json.decode(text or "{}")
    except (msgspec.DecodeError, RecursionError):
        return text


def annotation_of(citation: Citation, length: int) -> Json | None:
    """A citation of a text of so many characters; `None` where it has no address."""
    if citation.url is None:
        return None
    start, end = 0, length
    if citation.start is not None and citation.end is not None and citation.unit == "chars":
        start, end = citation.start, citation.end
    return {
        "type": "url_citation",
        "start_index": start,
        "end_index": end,
        "url": citation.url,
        "title": citation.title or "",
    }


def _usage(usage: Usage) -> Json:
    written = usage.cache_write_tokens + usage.cache_write_5m_tokens + usage.cache_write_1h_tokens
    return {
        "input_tokens": usage.total_input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cache_read_tokens, "cache_write_tokens": written},
        "output_tokens": usage.total_output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }


def _echo(request: ChatRequest | None) -> Json:
    """What the client said in its own dialect. A request of another one has no words to be echoed."""
    if request is None or request.dialect != "openai-responses":
        return {}
    return {
        item.name: Raw(item.value)
        for item in request.carried
        if item.name in _ECHOED and not item.within and item.value != b"null"
    }
