"""What an upstream says, in the four grammars as the vendors write them, whole and streamed. Written by hand from
recordings, without our encoders: what they get wrong must not be wrong here as well."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from torouter.units import Dialect

__all__ = ["CHOSEN", "OTHER", "Call", "End", "Said", "Source", "streamed", "whole"]

Json = dict[str, Any]
End = Literal["stop", "stop_sequence", "length", "tool_calls", "refusal", "content_filter"]


@dataclass(frozen=True, slots=True)
class Call:
    id: str
    name: str
    arguments: Json


@dataclass(frozen=True, slots=True)
class Source:
    """A page that a span of the text (in characters) cites."""

    url: str
    title: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """`usage` is what any of the four can tell: 20 tokens fresh, 10 from the cache, 12 out of which 4 of thought."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    refusal: str = ""
    sources: tuple[Source, ...] = ()
    end: End = "stop"
    stop_sequence: str | None = None
    is_weighed: bool = False
    """Log probabilities stand beside the text, whose pieces are its tokens."""

    def pieces(self) -> Iterator[str]:
        """The text as deltas, cut within words."""
        yield from (self.text[at : at + 3] for at in range(0, len(self.text), 3))


OTHER: tuple[str, float] = ("other", -2.5)
CHOSEN: float = -0.25
"""What else might have stood in each token's place, and how likely what stands there was."""


def whole(dialect: Dialect, said: Said) -> bytes:
    return json.dumps(_WHOLE[dialect](said)).encode()


def streamed(dialect: Dialect, said: Said) -> bytes:
    return b"".join(_STREAMED[dialect](said))


# OpenAI Chat Completions

_CHAT_ENDS: dict[End, str] = {
    "stop": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "refusal": "stop",
    "content_filter": "content_filter",
}
_CHAT_USAGE: Json = {
    "prompt_tokens": 30,
    "completion_tokens": 12,
    "total_tokens": 42,
    "prompt_tokens_details": {"cached_tokens": 10},
    "completion_tokens_details": {"reasoning_tokens": 4},
}


def _chat(said: Said) -> Json:
    message: Json = {"role": "assistant", "content": said.text or None, "refusal": said.refusal or None}
    if said.reasoning:
        message["reasoning_content"] = said.reasoning
    if said.calls:
        message["tool_calls"] = [{"id": call.id, **_chat_call(call)} for call in said.calls]
    if said.sources:
        message["annotations"] = [_chat_source(source) for source in said.sources]
    choice: Json = {"index": 0, "message": message, "logprobs": None, "finish_reason": _CHAT_ENDS[said.end]}
    if said.stop_sequence is not None:
        choice["stop_reason"] = said.stop_sequence  # vLLM's way to tell
    if said.is_weighed:
        choice["logprobs"] = {"content": [_token(piece) for piece in said.pieces()], "refusal": None}
    return {
        "id": "chatcmpl-up", "object": "chat.completion", "created": 1, "model": "up", "choices": [choice],
        "usage": _CHAT_USAGE,
    }  # fmt: skip


def _token(piece: str) -> Json:
    """OpenAI's form."""
    [chosen, other] = [
        {"token": token, "logprob": logprob, "bytes": list(token.encode())}
        for token, logprob in ((piece, CHOSEN), OTHER)
    ]
    return {**chosen, "top_logprobs": [chosen, other]}


def _chat_call(call: Call) -> Json:
    return {"type": "function", "function": {"name": call.name, "arguments": json.dumps(call.arguments)}}


def _chat_source(source: Source) -> Json:
    cited = {"url": source.url, "title": source.title, "start_index": source.start, "end_index": source.end}
    return {"type": "url_citation", "url_citation": cited}


def _chat_stream(said: Said) -> Iterator[bytes]:
    head = {"id": "chatcmpl-up", "object": "chat.completion.chunk", "created": 1, "model": "up"}

    def chunk(delta: Json, finish: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish, **more}
        if said.is_weighed and delta.get("content"):
            choice["logprobs"] = {"content": [_token(delta["content"])], "refusal": None}
        return _data({**head, "choices": [choice], "usage": None})

    yield chunk({"role": "assistant", "content": "", "refusal": None})
    if said.reasoning:
        yield chunk({"reasoning_content": said.reasoning[:1]})
        yield chunk({"reasoning_content": said.reasoning[1:]})
    for piece in said.pieces():
        yield chunk({"content": piece})
    if said.refusal:
        yield chunk({"refusal": said.refusal})
    if said.sources:
        yield chunk({"annotations": [_chat_source(source) for source in said.sources]})
    for index, call in enumerate(said.calls):
        function = {"name": call.name, "arguments": ""}
        yield chunk({"tool_calls": [{"index": index, "id": call.id, "type": "function", "function": function}]})
        for piece in _cut(json.dumps(call.arguments)):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    more = {} if said.stop_sequence is None else {"stop_reason": said.stop_sequence}
    yield chunk({}, _CHAT_ENDS[said.end], **more)
    yield _data({**head, "choices": [], "usage": _CHAT_USAGE})
    yield b"data: [DONE]\n\n"


# OpenAI Responses


def _responses(said: Said) -> Json:
    is_cut = said.end in ("length", "content_filter")
    reason = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(said.end)
    return {
        "id": "resp_up", "object": "response", "created_at": 1, "model": "up",
        "status": "incomplete" if is_cut else "completed", "error": None,
        "incomplete_details": {"reason": reason} if is_cut else None,
        "instructions": None, "metadata": {}, "parallel_tool_calls": True, "temperature": 1.0, "tool_choice": "auto",
        "tools": [], "top_p": 1.0, "output": list(_items(said)),
        "usage": {
            "input_tokens": 30, "input_tokens_details": {"cached_tokens": 10}, "output_tokens": 12,
            "output_tokens_details": {"reasoning_tokens": 4}, "total_tokens": 42,
        },
    }  # fmt: skip


def _items(said: Said) -> Iterator[Json]:
    if said.reasoning:
        yield {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": said.reasoning}]}
    parts: list[Json] = []
    if said.text:
        sources = [_responses_source(source) for source in said.sources]
        tokens = [_token(piece) for piece in said.pieces()] if said.is_weighed else []
        parts.append({"type": "output_text", "text": said.text, "annotations": sources, "logprobs": tokens})
    if said.refusal:
        parts.append({"type": "refusal", "refusal": said.refusal})
    if parts:
        yield {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": parts}
    for call in said.calls:
        yield {
            "type": "function_call", "id": f"fc_{call.id}", "call_id": call.id, "name": call.name,
            "arguments": json.dumps(call.arguments), "status": "completed",
        }  # fmt: skip


def _responses_source(source: Source) -> Json:
    return {
        "type": "url_citation", "url": source.url, "title": source.title, "start_index": source.start,
        "end_index": source.end,
    }  # fmt: skip


def _responses_stream(said: Said) -> Iterator[bytes]:
    answer = _responses(said)
    numbers = iter(range(10_000))

    def event(kind: str, **fields: Any) -> bytes:
        body = {"type": kind, "sequence_number": next(numbers), **fields}
        return f"event: {kind}\n".encode() + _data(body)

    begun = {**answer, "status": "in_progress", "incomplete_details": None, "output": [], "usage": None}
    yield event("response.created", response=begun)
    yield event("response.in_progress", response=begun)
    for index, item in enumerate(answer["output"]):
        at = {"output_index": index, "item_id": item["id"]}
        bare = {"reasoning": {"summary": []}, "message": {"content": [], "status": "in_progress"}}
        yield event(
            "response.output_item.added",
            output_index=index,
            item={**item, **bare.get(item["type"], {"arguments": "", "status": "in_progress"})},
        )
        if item["type"] == "reasoning":
            text = item["summary"][0]["text"]
            place = {**at, "summary_index": 0}
            empty = {"type": "summary_text", "text": ""}
            yield event("response.reasoning_summary_part.added", **place, part=empty)
            yield event("response.reasoning_summary_text.delta", **place, delta=text)
            yield event("response.reasoning_summary_text.done", **place, text=text)
            yield event("response.reasoning_summary_part.done", **place, part=item["summary"][0])
        elif item["type"] == "message":
            for number, part in enumerate(item["content"]):
                yield from _responses_part(event, {**at, "content_index": number}, part, said)
        else:
            for piece in _cut(item["arguments"]):
                yield event("response.function_call_arguments.delta", **at, delta=piece)
            yield event("response.function_call_arguments.done", **at, name=item["name"], arguments=item["arguments"])
        yield event("response.output_item.done", output_index=index, item=item)
    yield event(f"response.{answer['status']}", response=answer)


def _responses_part(event: Any, place: Json, part: Json, said: Said) -> Iterator[bytes]:
    if part["type"] == "refusal":
        yield event("response.content_part.added", **place, part={"type": "refusal", "refusal": ""})
        yield event("response.refusal.delta", **place, delta=part["refusal"])
        yield event("response.refusal.done", **place, refusal=part["refusal"])
    else:
        bare = {**part, "text": "", "annotations": [], "logprobs": []}
        yield event("response.content_part.added", **place, part=bare)
        for piece in said.pieces():
            tokens = [_token(piece)] if said.is_weighed else []
            yield event("response.output_text.delta", **place, delta=piece, logprobs=tokens)
        for number, source in enumerate(part["annotations"]):
            yield event("response.output_text.annotation.added", **place, annotation_index=number, annotation=source)
        yield event("response.output_text.done", **place, text=part["text"], logprobs=part["logprobs"])
    yield event("response.content_part.done", **place, part=part)


# Anthropic Messages

_MESSAGES_ENDS: dict[End, str] = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "refusal": "refusal",
    "content_filter": "refusal",
}
_MESSAGES_USAGE: Json = {
    "input_tokens": 20,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 10,
    "output_tokens": 12,
    "output_tokens_details": {"thinking_tokens": 4},
}


def _messages(said: Said) -> Json:
    return {
        "id": "msg_up", "type": "message", "role": "assistant", "model": "up", "content": list(_blocks(said)),
        "stop_reason": _MESSAGES_ENDS[said.end], "stop_sequence": said.stop_sequence, "usage": _MESSAGES_USAGE,
    }  # fmt: skip


def _blocks(said: Said) -> Iterator[Json]:
    if said.reasoning:
        yield {"type": "thinking", "thinking": said.reasoning, "signature": "c2lnbmVk"}
    if said.text:
        sources = [
            {
                "type": "web_search_result_location", "url": source.url, "title": source.title,
                "cited_text": said.text[source.start : source.end], "encrypted_index": "b3BhcXVl",
            }
            for source in said.sources
        ]  # fmt: skip
        yield {"type": "text", "text": said.text, **({"citations": sources} if sources else {})}
    if said.refusal:
        yield {"type": "text", "text": said.refusal}
    for call in said.calls:
        yield {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}


def _messages_stream(said: Said) -> Iterator[bytes]:
    def event(kind: str, **fields: Any) -> bytes:
        return f"event: {kind}\n".encode() + _data({"type": kind, **fields})

    answer = _messages(said)
    at_first = {**_MESSAGES_USAGE, "output_tokens": 1}
    yield event("message_start", message={**answer, "content": [], "stop_reason": None, "usage": at_first})
    yield event("ping")
    empty: Json = {"thinking": "", "signature": "", "text": "", "input": {}}
    for index, block in enumerate(answer["content"]):
        bare = {name: empty.get(name, value) for name, value in block.items() if name != "citations"}
        yield event("content_block_start", index=index, content_block=bare)
        for delta in _block_deltas(block):
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    end = {"stop_reason": answer["stop_reason"], "stop_sequence": answer["stop_sequence"]}
    yield event("message_delta", delta=end, usage=_MESSAGES_USAGE)
    yield event("message_stop")


def _block_deltas(block: Json) -> Iterator[Json]:
    if block["type"] == "thinking":
        yield {"type": "thinking_delta", "thinking": block["thinking"]}
        yield {"type": "signature_delta", "signature": block["signature"]}
    elif block["type"] == "text":
        for source in block.get("citations", ()):
            yield {"type": "citations_delta", "citation": source}
        for piece in _cut(block["text"]):
            yield {"type": "text_delta", "text": piece}
    else:
        yield {"type": "input_json_delta", "partial_json": ""}
        for piece in _cut(json.dumps(block["input"])) if block["input"] else ():
            yield {"type": "input_json_delta", "partial_json": piece}


# Google Gemini

_GEMINI_ENDS: dict[End, str] = {
    "stop": "STOP",
    "stop_sequence": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "refusal": "SAFETY",
    "content_filter": "SAFETY",
}
_GEMINI_USAGE: Json = {
    "promptTokenCount": 30,
    "cachedContentTokenCount": 10,
    "candidatesTokenCount": 8,
    "thoughtsTokenCount": 4,
    "totalTokenCount": 42,
}


def _gemini(said: Said) -> Json:
    answer = _gemini_chunk(list(_parts(said)), _GEMINI_ENDS[said.end])
    if said.sources:
        answer["candidates"][0]["groundingMetadata"] = _grounding(said)
    if said.is_weighed:
        answer["candidates"][0]["logprobsResult"] = _logprobs(said.pieces())
    return {**answer, "usageMetadata": _GEMINI_USAGE}


def _parts(said: Said) -> Iterator[Json]:
    if said.reasoning:
        yield {"text": said.reasoning, "thought": True}
    if said.text or said.refusal:
        yield {"text": said.text or said.refusal}
    for call in said.calls:
        yield {"functionCall": {"id": call.id, "name": call.name, "args": call.arguments}}


def _grounding(said: Said) -> Json:
    """Offsets are of bytes."""
    part = 1 if said.reasoning else 0
    return {
        "groundingChunks": [{"web": {"uri": source.url, "title": source.title}} for source in said.sources],
        "groundingSupports": [
            {
                "segment": {
                    "partIndex": part,
                    "startIndex": len(said.text[: source.start].encode()),
                    "endIndex": len(said.text[: source.end].encode()),
                    "text": said.text[source.start : source.end],
                },
                "groundingChunkIndices": [index],
            }
            for index, source in enumerate(said.sources)
        ],
    }


def _logprobs(pieces: Iterable[str]) -> Json:
    places = [[(piece, CHOSEN), OTHER] for piece in pieces]
    told = [[{"token": token, "tokenId": 7, "logProbability": each} for token, each in place] for place in places]
    return {"chosenCandidates": [place[0] for place in told], "topCandidates": [{"candidates": p} for p in told]}


def _gemini_chunk(parts: list[Json], finish: str | None = None) -> Json:
    candidate: Json = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "up", "responseId": "r1"}


def _gemini_stream(said: Said) -> Iterator[bytes]:
    """Texts in increments, calls whole; the last chunk has the end and the last of the figures."""
    for part in _parts(said):
        cut = _cut(part["text"]) if "text" in part else [""]
        for piece in said.pieces() if said.is_weighed and part.get("text") == said.text else cut:
            chunk = _gemini_chunk([{**part, "text": piece} if "text" in part else part])
            if said.is_weighed and piece and not part.get("thought"):
                chunk["candidates"][0]["logprobsResult"] = _logprobs([piece])
            yield _data({**chunk, "usageMetadata": {"promptTokenCount": 30}}, b"\r\n\r\n")
    last = _gemini_chunk([], _GEMINI_ENDS[said.end])
    if said.sources:
        last["candidates"][0]["groundingMetadata"] = _grounding(said)
    yield _data({**last, "usageMetadata": _GEMINI_USAGE}, b"\r\n\r\n")


def _data(value: Json, ending: bytes = b"\n\n") -> bytes:
    return b"data: " + json.dumps(value).encode() + ending


def _cut(text: str) -> list[str]:
    """Three pieces, the second of them short."""
    return [piece for piece in (text[:2], text[2:3], text[3:]) if piece]


_WHOLE = {"openai-chat": _chat, "openai-responses": _responses, "anthropic": _messages, "gemini": _gemini}
_STREAMED = {
    "openai-chat": _chat_stream,
    "openai-responses": _responses_stream,
    "anthropic": _messages_stream,
    "gemini": _gemini_stream,
}
