"""The laws for Responses: any cut gives the same events, a stream is its whole, conversations mean the same across,
grow by appending only, and nothing is silently lost."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.codecs.translation.responses import RESPONSES, responses_sse
from tests.codecs.translation.roads import CHAT, FACTS, MESSAGES, encoded_stream, events_of, options
from tests.contract.sdk import accumulated_response
from tests.contract.typed_params import chat_faults, messages_faults, responses_faults
from tests.properties.strategies import (
    NAMES,
    OBJECTS,
    SAID,
    SCHEMAS,
    chat_conversations,
    chat_streams,
    json_values,
    messages_streams,
)
from torouter.canon.blocks import TextBlock, ToolCallBlock
from torouter.canon.fold import fold
from torouter.canon.request import ChatRequest
from torouter.codecs.codec import Translation
from torouter.errors import RequestError

Json = dict[str, Any]
UPSTREAMS = st.sampled_from([(CHAT, chat_faults), (MESSAGES, messages_faults)])


def decoded(translation: Translation, body: Json) -> ChatRequest:
    return translation.decode_request(json.dumps(body).encode())


def items_of(chat: list[Json]) -> list[Json]:
    """A Chat conversation in Responses' words."""
    items: list[Json] = []
    for turn in chat:
        if turn["role"] == "tool":
            items.append({"type": "function_call_output", "call_id": turn["tool_call_id"], "output": turn["content"]})
            continue
        if turn["content"]:
            items.append({"type": "message", "role": turn["role"], "content": turn["content"]})
        items += [
            {"type": "function_call", "call_id": call["id"], **call["function"]} for call in turn.get("tool_calls", ())
        ]
    return items


@st.composite
def requests(draw: st.DrawFn) -> Json:
    chat, _ = draw(chat_conversations())
    tools: list[Json] = [
        {"type": "function", "name": name, "parameters": draw(SCHEMAS), "strict": False}
        for name in draw(st.lists(NAMES, unique=True, max_size=2))
    ]
    if draw(st.booleans()):
        tools.append({"type": "custom", "name": "free"})
    if draw(st.booleans()):
        tools.append({"type": "namespace", "name": "ns", "tools": [{"type": "function", "name": "inner"}]})
    more = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "temperature": st.sampled_from([0, 0.5, 1]),
                "stream": st.booleans(),
                "max_output_tokens": st.integers(16, 99),
                "instructions": SAID,
                "x_new": json_values,
                "odd": json_values,
            },
        )
    )
    return {"model": "m", "input": items_of(chat), **({"tools": tools} if tools else {}), **more}


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, str, list[tuple[str, Json]]]:
    """(a Responses stream of which each item leaves out what it likes, its text, its calls)"""
    events: list[Json] = [{"type": "response.created", "response": {"id": "r", "model": "up", "status": "in_progress"}}]
    output: list[Json] = []
    texts: list[str] = []
    calls: list[tuple[str, Json]] = []
    for index in range(draw(st.integers(1, 4))):
        if draw(st.booleans()):
            text = draw(SAID)
            texts.append(text)
            item: Json = {"type": "message", "id": f"m{index}", "content": [{"type": "output_text", "text": text}]}
            empty, word, field = {**item, "content": []}, "response.output_text", "text"
            at: Json = {"output_index": index, "content_index": 0}
        else:
            name, arguments = draw(st.sampled_from("fg")), draw(OBJECTS)
            calls.append((name, arguments))
            text = json.dumps(arguments)
            item = {"type": "function_call", "id": f"f{index}", "call_id": f"c{index}", "name": name, "arguments": text}
            empty, word, field = {**item, "arguments": ""}, "response.function_call_arguments", "arguments"
            at = {"output_index": index}
        output.append(item)
        says = draw(st.sampled_from(["all", "deltas", "done", "item", "nothing"]))
        if says == "nothing":
            continue
        events.append({"type": "response.output_item.added", "output_index": index, "item": empty})
        if says in ("all", "deltas"):
            cut = draw(st.integers(0, len(text)))
            events += [{"type": f"{word}.delta", **at, "delta": piece} for piece in (text[:cut], text[cut:])]
        if says in ("all", "done"):
            events.append({"type": f"{word}.done", **at, field: text})
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    usage = {"input_tokens": 7, "output_tokens": 5, "total_tokens": 12}
    response = {"id": "r", "model": "up", "status": "completed", "output": output, "usage": usage}
    events.append({"type": "response.completed", "response": response})
    return responses_sse(*events), "".join(texts), calls


@settings(max_examples=40, deadline=None)
@given(streams(), st.data())
def test_any_cut_gives_the_same_events_and_nothing_is_said_twice(
    case: tuple[bytes, str, list[tuple[str, Json]]], data: st.DataObject
) -> None:
    body, text, calls = case
    events = events_of(RESPONSES, body)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    assert events_of(RESPONSES, body, cuts=cuts) == events
    answer = fold(events, "openai-responses")
    blocks = answer.blocks
    assert sorted("".join(block.text for block in blocks if isinstance(block, TextBlock))) == sorted(text)
    found = [(block.name, json.loads(block.arguments)) for block in blocks if isinstance(block, ToolCallBlock)]
    assert sorted(map(repr, found)) == sorted(map(repr, calls))
    assert answer.finish is not None
    assert answer.usage.total_tokens == 12


@settings(max_examples=40, deadline=None)
@given(st.one_of(st.tuples(st.just(CHAT), chat_streams()), st.tuples(st.just(MESSAGES), messages_streams())))
def test_what_others_say_is_whole_in_the_sdk(
    case: tuple[Translation, tuple[bytes, str, list[tuple[str, Json]]]],
) -> None:
    upstream, (body, text, calls) = case
    events = events_of(upstream, body)
    if not text and not calls:
        return  # an answer that says nothing is an error, which other tests are about
    response = accumulated_response(encoded_stream(RESPONSES, events))
    assert response.output_text == text
    found = [(item.name, json.loads(item.arguments)) for item in response.output if item.type == "function_call"]
    assert found == calls
    whole = json.loads(RESPONSES.encode_answer(fold(events, "openai-chat"), options()))
    assert [item["type"] for item in whole["output"]] == [item.type for item in response.output]


@settings(max_examples=40, deadline=None)
@given(requests())
def test_home_is_home(body: Json) -> None:
    encoded = RESPONSES.encode_request(decoded(RESPONSES, body), "m", FACTS)
    assert encoded.losses == ()
    assert json.loads(encoded.body) == body


@settings(max_examples=60, deadline=None)
@given(requests(), UPSTREAMS)
def test_across_is_valid_deterministic_and_silent_about_nothing(body: Json, upstream: tuple[Translation, Any]) -> None:
    translation, faults = upstream
    encoded = translation.encode_request(decoded(RESPONSES, body), "up", FACTS)
    assert encoded == translation.encode_request(decoded(RESPONSES, body), "up", FACTS)
    assert faults(json.loads(encoded.body)) == []
    reported = {loss.field for loss in encoded.losses}
    assert {name for name in ("x_new", "odd") if body.get(name) not in (None, [], {})} <= reported


@settings(max_examples=40, deadline=None)
@given(chat_conversations())
def test_a_conversation_means_the_same(case: tuple[list[Json], list[Json]]) -> None:
    """Chat's words become the items that they are, whichever way they come."""
    chat, messages = case
    there = json.loads(RESPONSES.encode_request(decoded(CHAT, {"model": "m", "messages": chat}), "up", FACTS).body)
    assert responses_faults(there) == []
    kinds = [(item["type"], item.get("role")) for item in items_of(chat)]
    assert [(item["type"], item.get("role")) for item in there["input"]] == kinds
    also = decoded(MESSAGES, {"model": "m", "max_tokens": 99, "messages": messages})
    other = json.loads(RESPONSES.encode_request(also, "up", FACTS).body)
    assert [(item["type"], item.get("role")) for item in other["input"]] == kinds
    back = json.loads(CHAT.encode_request(decoded(RESPONSES, there), "up", FACTS).body)
    assert [turn["role"] for turn in back["messages"]] == [turn["role"] for turn in chat]
    assert [turn["content"] or "" for turn in back["messages"]] == [turn["content"] or "" for turn in chat]


@settings(max_examples=30, deadline=None)
@given(chat_conversations(), st.data())
def test_a_growing_conversation_only_appends(case: tuple[list[Json], list[Json]], data: st.DataObject) -> None:
    chat, _ = case
    ends = [index for index, turn in enumerate(chat) if turn["role"] == "user"]
    end = data.draw(st.sampled_from(ends))
    for client, upstream, short, long in (
        (CHAT, RESPONSES, {"messages": chat[: end + 1]}, {"messages": chat}),
        (RESPONSES, CHAT, {"input": items_of(chat[: end + 1])}, {"input": items_of(chat)}),
    ):
        first = upstream.encode_request(decoded(client, {"model": "m", **short}), "up", FACTS).body
        second = upstream.encode_request(decoded(client, {"model": "m", **long}), "up", FACTS).body
        assert first.endswith(b"]}")
        assert second.startswith(first[:-2])


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            [
                *("input", "instructions", "tools", "tool_choice", "text", "reasoning", "include", "metadata", "store"),
                *("max_output_tokens", "moderation", "background", "truncation", "stream_options", "temperature"),
            ]
        ),
        json_values,
        max_size=5,
    ),
    st.lists(
        st.fixed_dictionaries(
            {
                "type": st.sampled_from(
                    ["message", "function_call", "reasoning", "custom_tool_call", "additional_tools"]
                )
            },
            optional=dict.fromkeys(
                ("role", "content", "call_id", "name", "arguments", "input", "summary", "tools", "namespace"),
                json_values,
            ),
        ),
        max_size=2,
    ),
    UPSTREAMS,
)
def test_a_wrong_type_is_a_400_and_never_a_fault_of_ours(
    fields: Json, items: list[Json], upstream: tuple[Translation, Any]
) -> None:
    body = {"model": "m", "input": [{"role": "user", "content": "x"}, *items], **fields}
    refused: RequestError | None = None
    sent: Json = {}
    try:
        sent = json.loads(upstream[0].encode_request(decoded(RESPONSES, body), "up", FACTS).body)
    except RequestError as error:
        refused = error
    assert refused is None or (refused.status == 400 and refused.message)
    assert refused is not None or sent["messages"]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "type": st.sampled_from(
                    [
                        *("response.created", "response.output_item.added", "response.output_item.done", "error"),
                        *("response.output_text.delta", "response.output_text.done", "response.completed", "x"),
                        *("response.function_call_arguments.delta", "response.output_text.annotation.added"),
                    ]
                )
            },
            optional=dict.fromkeys(
                ("response", "item", "delta", "text", "output_index", "content_index", "annotation", "error"),
                json_values,
            ),
        ),
        max_size=5,
    )
)
def test_nonsense_ends_exactly_once_and_never_raises(events: list[Json]) -> None:
    found = events_of(RESPONSES, responses_sse(*events))
    encoded_stream(RESPONSES, found)
    ends = [event for event in found if type(event).__name__ in ("Finish", "Fault")]
    assert len(ends) == 1
    assert found[-1] is ends[0]
