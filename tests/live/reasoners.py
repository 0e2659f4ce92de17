"""Upstreams that reason, make a call and are strict about their own state; and clients that bring it back.

Each `Reasoner` says in its dialect: reasoning, a text, calls; with the state where its vendor puts it. What it is to be
sent in the next turn is written down beside it. Each client speaks through its vendor's SDK and feeds back what it got.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import anthropic
import openai
from google import genai
from google.genai import types

from tests.live.gateway import Gateway
from tests.live.upstream import Answer, json_answer, sse_answer

__all__ = ["CLIENTS", "DIALECTS", "REASONERS", "SCHEMA", "SIGNATURE", "Client", "Reasoner", "assert_restored"]

Json = dict[str, Any]

DIALECTS = ("openai-chat", "openai-responses", "anthropic", "gemini")
SIGNATURE = "ErUBCkYIBxgCKkD/+w=="
REDACTED = "EqIBdGhlIHJlZGFjdGVk"
ENCRYPTED = "gAAAAABo-encrypted_state="
DETAILS = [{"type": "reasoning.text", "text": "hm", "signature": SIGNATURE, "format": "f", "index": 0}]
SCHEMA: Json = {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]}
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoner:
    """`first` is the turn with reasoning and calls, `second` a text; `state` gives what of it stands in a body."""

    model: str
    first: Callable[[bool], Answer]
    second: Callable[[bool], Answer]
    state: Callable[[Json], object]
    expected: object


def _frames(*events: Json, named: bool = False, done: bytes = b"") -> Answer:
    names = [f"event: {event['type']}\n" if named else "" for event in events]
    told = [f"{name}data: {json.dumps(event)}\n\n".encode() for name, event in zip(names, events, strict=True)]
    return sse_answer(*told, *([done] if done else []))


# OpenAI Chat, in OpenRouter's and Google's extensions


def _chat(message: Json, *, is_stream: bool) -> Answer:
    calls = message.get("tool_calls")
    finish = "tool_calls" if calls else "stop"
    if not is_stream:
        choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
        return json_answer({"id": "c1", "object": "chat.completion", "choices": [choice], "usage": USAGE})
    deltas: list[Json] = [{name: value} for name, value in message.items() if name != "tool_calls"]
    if calls:
        deltas.append({"tool_calls": [{"index": index, **call} for index, call in enumerate(calls)]})
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": finish})
    return _frames(
        *({"id": "c1", "object": "chat.completion.chunk", "choices": [choice]} for choice in choices),
        {"id": "c1", "choices": [], "usage": USAGE},
        done=b"data: [DONE]\n\n",
    )


def _chat_first(is_stream: bool) -> Answer:
    beside = {"extra_content": {"google": {"thought_signature": SIGNATURE}}}
    calls = [
        {"id": "call_a", "type": "function", "function": {"name": "f", "arguments": '{"x":"1"}'}, **beside},
        {"id": "call_b", "type": "function", "function": {"name": "f", "arguments": '{"x":"2"}'}},
    ]
    said = {"reasoning_content": "hm", "reasoning_details": DETAILS, "content": "Hi", "tool_calls": calls}
    return _chat(said, is_stream=is_stream)


def _chat_second(is_stream: bool) -> Answer:
    return _chat({"content": "done"}, is_stream=is_stream)


def _chat_state(body: Json) -> object:
    [said] = [message for message in body["messages"] if message["role"] == "assistant"]
    return said["content"], said.get("reasoning_details"), [call.get("extra_content") for call in said["tool_calls"]]


# OpenAI Responses


def _responses(*output: Json, is_stream: bool) -> Answer:
    response = {
        "id": "resp_1", "object": "response", "model": "up", "status": "completed", "output": list(output),
        "usage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7},
    }  # fmt: skip
    if not is_stream:
        return json_answer(response)
    events: list[Json] = [{"type": "response.created", "response": {**response, "status": "in_progress", "output": []}}]
    for index, item in enumerate(output):
        bare = {**item, **({"summary": []} if item["type"] == "reasoning" else {})}
        bare.pop("encrypted_content", None)
        events.append({"type": "response.output_item.added", "output_index": index, "item": bare})
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    return _frames(*events, {"type": "response.completed", "response": response}, named=True)


def _responses_first(is_stream: bool) -> Answer:
    call = {"type": "function_call", "status": "completed", "name": "f"}
    return _responses(
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "hm"}],
            "encrypted_content": ENCRYPTED,
        },
        _message("Hi"),
        {**call, "id": "fc_1", "call_id": "call_a", "arguments": '{"x":"1"}'},
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": f"{ENCRYPTED}2"},
        {**call, "id": "fc_2", "call_id": "call_b", "arguments": '{"x":"2"}'},
        is_stream=is_stream,
    )


def _message(text: str) -> Json:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}


def _responses_second(is_stream: bool) -> Answer:
    return _responses(_message("done"), is_stream=is_stream)


def _responses_state(body: Json) -> object:
    return [
        (item["type"], item.get("id"), item.get("encrypted_content"), item.get("call_id"))
        for item in body["input"]
        if item["type"] in ("reasoning", "function_call") or item.get("role") == "assistant"
    ]


# Anthropic


def _messages(*content: Json, is_stream: bool) -> Answer:
    stop = "tool_use" if any(block["type"] == "tool_use" for block in content) else "end_turn"
    message: Json = {"id": "msg_1", "type": "message", "role": "assistant", "model": "up", "stop_sequence": None}
    usage = {"input_tokens": 3, "output_tokens": 4}
    if not is_stream:
        return json_answer({**message, "content": list(content), "stop_reason": stop, "usage": usage})
    events: list[Json] = [{"type": "message_start", "message": {**message, "content": [], "usage": usage}}]
    for index, block in enumerate(content):
        empty, deltas = _streamed(block)
        events.append({"type": "content_block_start", "index": index, "content_block": empty})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    events.append({"type": "message_delta", "delta": {"stop_reason": stop}, "usage": usage})
    return _frames(*events, {"type": "message_stop"}, named=True)


def _streamed(block: Json) -> tuple[Json, list[Json]]:
    match block["type"]:
        case "thinking":
            said = {"type": "thinking_delta", "thinking": block["thinking"]}
            signed = {"type": "signature_delta", "signature": block["signature"]}
            return {"type": "thinking", "thinking": "", "signature": ""}, [said, signed]
        case "text":
            return {"type": "text", "text": ""}, [{"type": "text_delta", "text": block["text"]}]
        case "tool_use":
            arguments = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            return {**block, "input": {}}, [arguments]
        case _:
            return block, []


def _messages_first(is_stream: bool) -> Answer:
    return _messages(
        {"type": "thinking", "thinking": "hm", "signature": SIGNATURE},
        {"type": "redacted_thinking", "data": REDACTED},
        {"type": "text", "text": "Hi"},
        {"type": "tool_use", "id": "call_a", "name": "f", "input": {"x": "1"}},
        {"type": "thinking", "thinking": "hm2", "signature": f"{SIGNATURE}2"},
        {"type": "tool_use", "id": "call_b", "name": "f", "input": {"x": "2"}},
        is_stream=is_stream,
    )


def _messages_second(is_stream: bool) -> Answer:
    return _messages({"type": "text", "text": "done"}, is_stream=is_stream)


def _messages_state(body: Json) -> object:
    [said] = [message for message in body["messages"] if message["role"] == "assistant"]
    names = ("thinking", "signature", "data", "text", "id")
    return [(block["type"], *(block[name] for name in names if name in block)) for block in said["content"]]


# Gemini


def _generated(*parts: Json, is_stream: bool) -> Answer:
    def chunk(said: Iterable[Json], **more: object) -> Json:
        candidate = {"content": {"role": "model", "parts": list(said)}, "index": 0, **more}
        usage = {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7}
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "up", "responseId": "r1"}

    if not is_stream:
        return json_answer(chunk(parts, finishReason="STOP"))
    return _frames(*(chunk([part]) for part in parts), chunk([{"text": ""}], finishReason="STOP"))


def _generated_first(is_stream: bool) -> Answer:
    return _generated(
        {"text": "hm", "thought": True},
        {"text": "Hi"},
        {"functionCall": {"id": "call_a", "name": "f", "args": {"x": "1"}}, "thoughtSignature": SIGNATURE},
        {"functionCall": {"id": "call_b", "name": "f", "args": {"x": "2"}}},
        is_stream=is_stream,
    )


def _generated_second(is_stream: bool) -> Answer:
    return _generated({"text": "done"}, is_stream=is_stream)


def _generated_state(body: Json) -> object:
    [said] = [content for content in body["contents"] if content["role"] == "model"]
    return [
        (part.get("text"), part.get("functionCall", {}).get("id"), part.get("thoughtSignature"))
        for part in said["parts"]
    ]


REASONERS = {
    "openai-chat": Reasoner(
        model="gpt-5.2",
        first=_chat_first,
        second=_chat_second,
        state=_chat_state,
        expected=("Hi", DETAILS, [{"google": {"thought_signature": SIGNATURE}}, None]),
    ),
    "openai-responses": Reasoner(
        model="gpt-5.1",
        first=_responses_first,
        second=_responses_second,
        state=_responses_state,
        expected=[
            ("reasoning", "rs_1", ENCRYPTED, None),
            ("message", None, None, None),
            ("function_call", None, None, "call_a"),
            ("reasoning", "rs_2", f"{ENCRYPTED}2", None),
            ("function_call", None, None, "call_b"),
        ],
    ),
    "anthropic": Reasoner(
        model="claude-opus-4-7",
        first=_messages_first,
        second=_messages_second,
        state=_messages_state,
        expected=[
            ("thinking", "hm", SIGNATURE),
            ("redacted_thinking", REDACTED),
            ("text", "Hi"),
            ("tool_use", "call_a"),
            ("thinking", "hm2", f"{SIGNATURE}2"),
            ("tool_use", "call_b"),
        ],
    ),
    "gemini": Reasoner(
        model="gemini-3-flash-preview",
        first=_generated_first,
        second=_generated_second,
        state=_generated_state,
        expected=[("Hi", None, None), (None, "call_a", SIGNATURE), (None, "call_b", None)],
    ),
}


def assert_restored(dialect: str, body: bytes) -> None:
    reasoner = REASONERS[dialect]
    assert reasoner.state(json.loads(body)) == reasoner.expected


# Clients. Each asks, runs the calls, and asks again with all that it was given; it returns the last text.


@dataclass(frozen=True, slots=True)
class Client:
    """`sheds`: takes no state. A Chat client writes only OpenAI's own fields into its history, one of Messages has not
    asked for thinking."""

    gateway: Gateway
    models: str | Iterator[str]
    sheds: bool = False

    @property
    def model(self) -> str:
        """That of the next request."""
        return self.models if isinstance(self.models, str) else next(self.models)


def _with_chat(client: Client, *, is_stream: bool) -> str:
    tools: Any = [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}]
    history: list[Any] = [{"role": "user", "content": "hi"}]
    with openai.OpenAI(base_url=f"{client.gateway.url}/v1", api_key=client.gateway.key, max_retries=0) as sdk:

        def ask() -> Any:
            asked: Json = {"model": client.model, "messages": history, "tools": tools, "reasoning_effort": "low"}
            if not is_stream:
                return sdk.chat.completions.create(**asked).choices[0].message
            with sdk.chat.completions.stream(**asked) as stream:
                return stream.get_final_completion().choices[0].message

        said = ask()
        assert said.content == "Hi"
        told = said.model_dump(exclude_none=True)
        told.pop("parsed", None)
        for call in told["tool_calls"]:
            call["function"].pop("parsed_arguments", None)
        history.append(_shed(told) if client.sheds else told)
        history.extend({"role": "tool", "tool_call_id": call.id, "content": "42"} for call in said.tool_calls)
        return str(ask().content)


def _shed(message: Json) -> Json:
    calls = [{name: call[name] for name in ("id", "type", "function")} for call in message["tool_calls"]]
    return {"role": "assistant", "content": message["content"], "tool_calls": calls}


def _with_responses(client: Client, *, is_stream: bool) -> str:
    tools: Any = [{"type": "function", "name": "f", "parameters": SCHEMA, "strict": False}]
    history: list[Any] = [{"role": "user", "content": "hi"}]
    with openai.OpenAI(base_url=f"{client.gateway.url}/v1", api_key=client.gateway.key, max_retries=0) as sdk:

        def ask() -> Any:
            asked: Json = {"model": client.model, "input": history, "tools": tools, "store": False}
            asked |= {"reasoning": {"summary": "auto"}, "include": ["reasoning.encrypted_content"]}
            if not is_stream:
                return sdk.responses.create(**asked)
            with sdk.responses.stream(**asked) as stream:
                return stream.get_final_response()

        answer = ask()
        assert answer.output_text == "Hi"
        history.extend(item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in answer.output)
        calls = [item for item in answer.output if item.type == "function_call"]
        history.extend({"type": "function_call_output", "call_id": call.call_id, "output": "42"} for call in calls)
        return str(ask().output_text)


def _with_messages(client: Client, *, is_stream: bool) -> str:
    tools: Any = [{"name": "f", "input_schema": SCHEMA}]
    history: list[Any] = [{"role": "user", "content": "hi"}]
    with anthropic.Anthropic(base_url=client.gateway.url, api_key=client.gateway.key, max_retries=0) as sdk:

        def ask() -> Any:
            asked: Json = {"model": client.model, "max_tokens": 4096, "messages": history, "tools": tools}
            if not client.sheds:
                asked["thinking"] = {"type": "adaptive", "display": "summarized"}
            if not is_stream:
                return sdk.messages.create(**asked)
            with sdk.messages.stream(**asked) as stream:
                return stream.get_final_message()

        answer = ask()
        assert [block.text for block in answer.content if block.type == "text"] == ["Hi"]
        if client.sheds:
            assert {block.type for block in answer.content} == {"text", "tool_use"}
        history.append(
            {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in answer.content]}
        )
        calls = [block for block in answer.content if block.type == "tool_use"]
        results = [{"type": "tool_result", "tool_use_id": call.id, "content": "42"} for call in calls]
        history.append({"role": "user", "content": results})
        return "".join(block.text for block in ask().content if block.type == "text")


def _with_gemini(client: Client, *, is_stream: bool) -> str:
    declared = types.FunctionDeclaration(name="f", parameters_json_schema=SCHEMA)
    config = types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=[declared])],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        thinking_config=types.ThinkingConfig(include_thoughts=True),
    )
    history: list[Any] = [types.Content(role="user", parts=[types.Part(text="hi")])]
    sdk = genai.Client(api_key=client.gateway.key, http_options={"base_url": client.gateway.url})

    def ask() -> list[types.Part]:
        asked: Json = {"model": client.model, "contents": history, "config": config}
        chunks = sdk.models.generate_content_stream(**asked) if is_stream else [sdk.models.generate_content(**asked)]
        contents = [chunk.candidates[0].content for chunk in chunks if chunk.candidates]
        return [part for content in contents for part in (content.parts if content else None) or ()]

    try:
        parts = ask()
        assert "".join(part.text or "" for part in parts if not part.thought) == "Hi"
        history.append(types.Content(role="model", parts=parts))
        calls = [part.function_call for part in parts if part.function_call]
        results = [
            types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": "42"}))
            for call in calls
        ]
        history.append(types.Content(role="user", parts=results))
        return "".join(part.text or "" for part in ask() if not part.thought)
    finally:
        sdk.close()


CLIENTS: dict[str, Callable[..., str]] = {
    "openai-chat": _with_chat,
    "openai-responses": _with_responses,
    "anthropic": _with_messages,
    "gemini": _with_gemini,
}
