"""Stop sequences towards upstreams that have none: the official SDKs see an answer that ends as they asked."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import openai
import pytest

from tests.live.conftest import TakeSlot
from tests.live.gateway import Gateway
from tests.live.upstream import json_answer, sse_answer, until

ITEM: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
TEXT: dict[str, Any] = {"type": "output_text", "text": "", "annotations": []}
RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "up",
    "output": [],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
}
USAGE: dict[str, Any] = {
    "input_tokens": 5,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 9,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 14,
}


def event(number: int, kind: str, **fields: Any) -> bytes:
    told = json.dumps({"type": kind, "sequence_number": number, **fields})
    return f"event: {kind}\ndata: {told}\n\n".encode()


def spoken(*texts: str) -> list[bytes]:
    """A Responses stream that has begun to say these texts."""
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    return [
        event(0, "response.created", response={**RESPONSE, "status": "in_progress"}),
        event(1, "response.output_item.added", output_index=0, item=ITEM),
        event(2, "response.content_part.added", **at, part=TEXT),
        *(event(3 + n, "response.output_text.delta", **at, delta=text, logprobs=[]) for n, text in enumerate(texts)),
    ]


@pytest.mark.pitfall(167)
def test_a_stream_ends_at_the_match_and_its_upstream_is_left(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-responses", sse_answer(*spoken("one <st", "op> two", " three"), ending="stall"))
    with anthropic.Anthropic(base_url=gateway.url, api_key=gateway.key, max_retries=0) as claude:
        raw = claude.messages.with_raw_response.create(
            model=slot.model,
            max_tokens=50,
            stop_sequences=["<stop>", "never"],
            stream=True,
            messages=[{"role": "user", "content": "hi"}],
        )
        assert raw.headers["x-torouter-losses"] == "stop_sequences;approximated"
        events = list(raw.parse())
    said = "".join(each.delta.text for each in events if each.type == "content_block_delta")
    [end] = [each for each in events if each.type == "message_delta"]
    assert (said, end.delta.stop_reason, end.delta.stop_sequence) == ("one ", "stop_sequence", "<stop>")
    assert events[-1].type == "message_stop"
    assert "stop" not in json.loads(slot.visit.body)
    assert until(lambda: slot.visit.left_at is not None), "the upstream's connection was kept"


def test_a_chat_stream_stops(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-responses", sse_answer(*spoken("one", "\n", "two"), ending="stall"))
    asked: Any = {"model": slot.model, "messages": [{"role": "user", "content": "hi"}], "stop": "\n"}
    with (
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as client,
        client.chat.completions.stream(**asked) as stream,
    ):
        [choice] = stream.get_final_completion().choices
    assert (choice.message.content, choice.finish_reason) == ("one", "stop")


@pytest.mark.pitfall(167)
def test_a_whole_answer_keeps_its_usage(gateway: Gateway, take: TakeSlot) -> None:
    item = {**ITEM, "status": "completed", "content": [{**TEXT, "text": "one <stop> two"}]}
    slot = take("openai-responses", json_answer({**RESPONSE, "status": "completed", "output": [item], "usage": USAGE}))
    with anthropic.Anthropic(base_url=gateway.url, api_key=gateway.key, max_retries=0) as claude:
        answer = claude.messages.create(
            model=slot.model, max_tokens=50, stop_sequences=["<stop>"], messages=[{"role": "user", "content": "hi"}]
        )
    assert [block.text for block in answer.content] == ["one "]
    assert (answer.stop_reason, answer.stop_sequence) == ("stop_sequence", "<stop>")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (5, 9)


def test_a_whitespace_sequence_is_found_in_the_answer_of_claude(gateway: Gateway, take: TakeSlot) -> None:
    """Old clients send a line's end, which the Messages API refuses."""
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "up",
        "content": [{"type": "text", "text": "one\ntwo"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }
    slot = take("anthropic", json_answer(message))
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as client:
        answer = client.chat.completions.create(
            model=slot.model, messages=[{"role": "user", "content": "hi"}], stop=["\n", "x"]
        )
    assert answer.choices[0].message.content == "one"
    assert answer.choices[0].finish_reason == "stop"
    assert json.loads(slot.visit.body)["stop_sequences"] == ["x"]
