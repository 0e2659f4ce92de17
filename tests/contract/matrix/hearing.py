"""What a client hears: answers as the official SDKs hold them, whole or accumulated from a stream by their own helpers,
brought to one form."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import anthropic.types
import msgspec
import openai.types.chat
import openai.types.responses
from google.genai import types as genai_types

from tests.contract.genai_sdk import parsed_genai, streamed_genai
from tests.contract.matrix.cells import Framing
from tests.contract.sdk import (
    accumulated_chat,
    accumulated_messages,
    accumulated_response,
    parsed_chat,
    parsed_messages,
    parsed_response,
)
from torouter.units import Dialect

__all__ = ["Heard", "Weighed", "heard"]


Weighed = tuple[str, float, tuple[tuple[str, float], ...]]
"""A token, its log probability, and the same of the likeliest in its place."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """`end` is the dialect's own word; `sources` are (URL, cited text)."""

    text: str
    reasoning: str
    calls: tuple[tuple[str, str, Any], ...]
    end: str
    refusal: str = ""
    stop_sequence: str | None = None
    sources: tuple[tuple[str, str], ...] = ()
    logprobs: tuple[Weighed, ...] = ()
    usage: tuple[int, int, int, int | None]
    """Everything that went in, of that from the cache, everything that came out, of that thought (where it is told)."""


def heard(client: Dialect, framing: Framing, body: bytes) -> Heard:
    return _WHOLE[client](body) if framing == "whole" else _STREAMED[client](body)


def _chat(answer: openai.types.chat.ChatCompletion) -> Heard:
    [choice] = answer.choices
    message, usage = choice.message, answer.usage
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    assert usage.completion_tokens_details is not None
    extra = (message.model_extra or {}).get("reasoning_content") or ""
    text = message.content or ""
    cited = [each.url_citation for each in message.annotations or ()]
    return Heard(
        text=text,
        reasoning=extra,
        calls=tuple(
            (call.id, call.function.name, json.loads(call.function.arguments))
            for call in message.tool_calls or ()
            if call.type == "function"
        ),
        end=choice.finish_reason,
        refusal=message.refusal or "",
        sources=tuple((each.url, text[each.start_index : each.end_index]) for each in cited),
        logprobs=_weighed((choice.logprobs.content if choice.logprobs else None) or ()),
        usage=(
            usage.prompt_tokens,
            usage.prompt_tokens_details.cached_tokens or 0,
            usage.completion_tokens,
            usage.completion_tokens_details.reasoning_tokens,
        ),
    )


def _response(answer: openai.types.responses.Response) -> Heard:
    usage = answer.usage
    assert usage is not None
    parts = [part for item in answer.output if item.type == "message" for part in item.content]
    texts = [part for part in parts if part.type == "output_text"]
    cited = [(note, part.text) for part in texts for note in part.annotations if note.type == "url_citation"]
    thoughts = [item for item in answer.output if item.type == "reasoning"]
    reason = answer.incomplete_details.reason if answer.incomplete_details else None
    return Heard(
        text=answer.output_text,
        reasoning="".join(each.text for item in thoughts for each in item.summary),
        calls=tuple(
            (item.call_id, item.name, json.loads(item.arguments))
            for item in answer.output
            if item.type == "function_call"
        ),
        end=reason or answer.status or "",
        refusal="".join(part.refusal for part in parts if part.type == "refusal"),
        sources=tuple((note.url, text[note.start_index : note.end_index]) for note, text in cited),
        logprobs=_weighed(token for part in texts for token in part.logprobs or ()),
        usage=(
            usage.input_tokens,
            usage.input_tokens_details.cached_tokens,
            usage.output_tokens,
            usage.output_tokens_details.reasoning_tokens,
        ),
    )


def _weighed(tokens: Iterable[Any]) -> tuple[Weighed, ...]:
    """OpenAI's, whose bytes say what the token says."""
    found = list(tokens)
    assert [bytes(token.bytes).decode() for token in found] == [token.token for token in found]
    return tuple((each.token, each.logprob, tuple((t.token, t.logprob) for t in each.top_logprobs)) for each in found)


def _message(answer: anthropic.types.Message) -> Heard:
    usage, blocks = answer.usage, answer.content
    texts = [block for block in blocks if block.type == "text"]
    read, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    details = usage.output_tokens_details
    return Heard(
        text="".join(block.text for block in texts),
        reasoning="".join(block.thinking for block in blocks if block.type == "thinking"),
        calls=tuple((block.id, block.name, block.input) for block in blocks if block.type == "tool_use"),
        end=answer.stop_reason or "",
        stop_sequence=answer.stop_sequence,
        sources=tuple(
            (note.url, note.cited_text)
            for block in texts
            for note in block.citations or ()
            if note.type == "web_search_result_location"
        ),
        usage=(
            usage.input_tokens + read + written,
            read,
            usage.output_tokens,
            details.thinking_tokens if details else None,
        ),
    )


def _genai(chunks: Iterable[genai_types.GenerateContentResponse]) -> Heard:
    chunks = list(chunks)
    candidates = [each for chunk in chunks for each in chunk.candidates or ()]
    parts = [part for each in candidates if each.content for part in each.content.parts or ()]
    text = "".join(part.text for part in parts if part.text and not part.thought)
    usage = next(chunk.usage_metadata for chunk in reversed(chunks) if chunk.usage_metadata)
    end = next(each.finish_reason for each in reversed(candidates) if each.finish_reason)
    return Heard(
        text=text,
        reasoning="".join(part.text for part in parts if part.text and part.thought),
        calls=tuple((c.id or "", c.name or "", c.args) for c in (part.function_call for part in parts) if c),
        end=end.value,
        sources=tuple(_grounds(candidates, text)),
        logprobs=tuple(_likely(candidates)),
        usage=(
            usage.prompt_token_count or 0,
            usage.cached_content_token_count or 0,
            (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0),
            usage.thoughts_token_count,
        ),
    )


def _likely(candidates: list[genai_types.Candidate]) -> Iterable[Weighed]:
    for result in (each.logprobs_result for each in candidates):
        chosen = (result.chosen_candidates or ()) if result else ()
        places = (result.top_candidates or ()) if result else ()
        for token, place in zip(chosen, places, strict=True):
            top = tuple((each.token or "", each.log_probability or 0.0) for each in place.candidates or ())
            yield token.token or "", token.log_probability or 0.0, top


def _grounds(candidates: list[genai_types.Candidate], text: str) -> Iterable[tuple[str, str]]:
    raw = text.encode()
    for grounding in (each.grounding_metadata for each in candidates):
        for support in (grounding.grounding_supports or ()) if grounding else ():
            segment = support.segment
            assert grounding is not None
            assert segment is not None
            for index in support.grounding_chunk_indices or ():
                web = (grounding.grounding_chunks or [])[index].web
                assert web is not None
                yield web.uri or "", raw[segment.start_index or 0 : segment.end_index].decode()


_WHOLE: dict[Dialect, Callable[[bytes], Heard]] = {
    "openai-chat": lambda body: _chat(parsed_chat(body)),
    "openai-responses": lambda body: _response(parsed_response(body)),
    "anthropic": lambda body: _message(parsed_messages(body)),
    "gemini": lambda body: _genai([parsed_genai(body)]),
}
_STREAMED: dict[Dialect, Callable[[bytes], Heard]] = {
    "openai-chat": lambda stream: _chat(accumulated_chat(stream)),
    "openai-responses": lambda stream: _response(accumulated_response(stream)),
    "anthropic": lambda stream: _message(accumulated_messages(stream)),
    "gemini": lambda stream: _genai(streamed_genai(stream)),
}
