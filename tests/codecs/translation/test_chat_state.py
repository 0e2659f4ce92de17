"""State of Chat upstreams (OpenRouter's list, Google's field beside a call) into events, and back into messages."""

from __future__ import annotations

import json
from typing import Any

from tests.codecs.translation.roads import CHAT, MESSAGES, chat_chunk, chat_sse, events_of, messages
from torouter.canon.blocks import Blob, Origin, ReasoningBlock, ToolCallBlock
from torouter.canon.events import PartBlob, PartEnd, PartStart
from torouter.canon.reasoning import ModelFacts
from torouter.canon.request import ChatRequest

HOME = Origin(dialect="openai-chat")


def blobs(*chunks: dict[str, Any]) -> list[tuple[str, Any]]:
    """(the kind of part, the state) in the order of the events"""
    kinds: dict[int, str] = {}
    found: list[tuple[str, Any]] = []
    for event in events_of(CHAT, chat_sse(*chunks)):
        if isinstance(event, PartStart):
            kinds[event.part] = event.kind
            found += [(event.kind, read(blob)) for blob in event.blobs]
        elif isinstance(event, PartBlob):
            found.append((kinds[event.part], read(event.blob)))
        elif isinstance(event, PartEnd):
            kinds[event.part] = "ended"
    return found


def read(blob: Blob) -> Any:
    return json.loads(blob.data) if blob.kind == "details" else blob.data


def detail(**fields: Any) -> dict[str, Any]:
    return chat_chunk({"reasoning_details": [{"type": "reasoning.text", "index": 0, **fields}]})


def test_pieces_of_one_index_are_one_entry() -> None:
    """Pitfall 94: three fragments, of which the last is the signature."""
    chunks = (
        chat_chunk({"reasoning": "hm"}),
        detail(text="h", format="f", signature=None),
        detail(text="m"),
        detail(signature="ErUB"),
        chat_chunk({"content": "Hi"}),
        chat_chunk(finish="stop"),
    )
    entry = {"type": "reasoning.text", "index": 0, "text": "hm", "format": "f", "signature": "ErUB"}
    assert blobs(*chunks) == [("reasoning", [entry])]


def test_entries_of_other_kinds_and_indexes_stay_apart() -> None:
    sealed = {"type": "reasoning.encrypted", "data": "x", "index": 0}
    chunk = chat_chunk({"reasoning_details": [sealed, {**sealed, "index": 1}, {"type": "t", "data": "y"}]})
    [(kind, entries)] = blobs(detail(text="h"), chunk, chat_chunk({"content": "Hi"}, "stop"))
    assert kind == "reasoning"
    assert [entry.get("data") for entry in entries] == [None, "x", "x", "y"]


def test_text_alone_is_no_state_and_nonsense_is_none() -> None:
    assert blobs(detail(text="h"), chat_chunk({"content": "Hi"}, "stop")) == []
    assert blobs(chat_chunk({"reasoning_details": "x"}), chat_chunk({"content": "Hi"}, "stop")) == []


def test_what_comes_behind_the_content_is_state_of_its_own() -> None:
    late = detail(signature="ErUB")
    assert [kind for kind, _ in blobs(chat_chunk({"content": "Hi"}), late, chat_chunk(finish="stop"))] == ["reasoning"]


def test_googles_field_is_on_its_call() -> None:
    call = {"index": 0, "id": "c1", "function": {"name": "f", "arguments": "{}"}}
    signed = {**call, "extra_content": {"google": {"thought_signature": "ErUB"}}}
    assert blobs(chat_chunk({"tool_calls": [signed]}, "tool_calls")) == [("tool_call", "ErUB")]
    late = {"index": 0, "extra_content": {"google": {"thought_signature": "ErUB"}}}
    chunks = chat_chunk({"tool_calls": [call]}), chat_chunk({"tool_calls": [late]}, "tool_calls")
    assert blobs(*chunks) == [("tool_call", "ErUB")]
    odd = {**call, "extra_content": {"google": 7}}
    assert blobs(chat_chunk({"tool_calls": [odd]}, "tool_calls")) == []


def with_state(body: dict[str, Any], *extra: Any) -> ChatRequest:
    """A Messages request whose assistant message holds these blocks as well, in front."""
    request = MESSAGES.decode_request(json.dumps(body).encode())
    said = request.messages[1]
    changed = said.__class__(role=said.role, path=said.path, blocks=(*extra, *said.blocks))
    return request.__class__(
        dialect=request.dialect, messages=(request.messages[0], changed, *request.messages[2:]), tools=request.tools
    )


def test_state_goes_back_into_the_fields_that_it_came_in() -> None:
    use = {"type": "tool_use", "id": "c1", "name": "f", "input": {}}
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "42"}]}
    tools = [{"name": "f", "input_schema": {"type": "object"}}]
    body = messages("hi", {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]}, "go", tools=tools)
    details = Blob(kind="details", data='[{"data":"x"}]', origin=HOME)
    more = Blob(kind="details", data='[{"data":"y"}]', origin=HOME)
    request = with_state(body, ReasoningBlock(text="hm", blobs=(details,)), ReasoningBlock(blobs=(more,)))
    encoded = CHAT.encode_request(request, "up", ModelFacts())
    said = json.loads(encoded.body)["messages"][1]
    assert said == {"role": "assistant", "content": "Hi", "reasoning_details": [{"data": "x"}, {"data": "y"}]}
    assert encoded.losses == ()

    body = messages("hi", {"role": "assistant", "content": [use]}, result, tools=tools)
    request = MESSAGES.decode_request(json.dumps(body).encode())
    signed = ToolCallBlock(
        id="c1", name="f", arguments="{}", blobs=(Blob(kind="thought_signature", data="ErUB", origin=HOME),)
    )
    said_ = request.messages[1].__class__(role="assistant", path="messages.1", blocks=(signed,))
    request = request.__class__(
        dialect="anthropic", messages=(request.messages[0], said_, request.messages[2]), tools=request.tools
    )
    [call] = json.loads(CHAT.encode_request(request, "up", ModelFacts()).body)["messages"][1]["tool_calls"]
    assert call["extra_content"] == {"google": {"thought_signature": "ErUB"}}
