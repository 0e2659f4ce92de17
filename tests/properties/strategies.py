"""Requests and answers as they could be: for the laws that hold for every input."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

__all__ = [
    "chat_conversations",
    "chat_requests",
    "chat_streams",
    "json_values",
    "messages_requests",
    "messages_streams",
]

Json = dict[str, Any]

TEXTS = st.text(st.sampled_from('ab \n\u2028é😀"\\{<'), max_size=6)
SAID = TEXTS.filter(lambda text: bool(text.strip()))
NAMES = st.sampled_from(["f", "get_weather", "a.b", "x" * 70, "日本"])
NUMBERS = st.one_of(st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False, width=32))

json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
OBJECTS = st.dictionaries(TEXTS, json_values, max_size=3)
SCHEMAS = st.builds(
    lambda names: {"type": "object", "properties": {name: {"type": "string"} for name in names}},
    st.lists(st.sampled_from(["type", "properties", "x"]), unique=True, max_size=3),
)


@st.composite
def _round(draw: st.DrawFn, number: int) -> tuple[list[Json], list[Json]]:
    """One exchange (a question, calls with their results, an answer), in Chat's words and in Messages'."""
    question, answer = draw(SAID), draw(SAID)
    calls = [(f"call_{number}_{i}", draw(NAMES), draw(OBJECTS), draw(TEXTS)) for i in range(draw(st.integers(0, 2)))]
    chat: list[Json] = [{"role": "user", "content": question}]
    messages: list[Json] = [{"role": "user", "content": [{"type": "text", "text": question}]}]
    if calls:
        chat.append({"role": "assistant", "content": None, "tool_calls": [_chat_call(*call[:3]) for call in calls]})
        chat += [{"role": "tool", "tool_call_id": call[0], "content": call[3]} for call in calls]
        uses = [{"type": "tool_use", "id": call[0], "name": call[1], "input": call[2]} for call in calls]
        results = [{"type": "tool_result", "tool_use_id": call[0], "content": call[3]} for call in calls]
        messages += [{"role": "assistant", "content": uses}, {"role": "user", "content": results}]
    chat.append({"role": "assistant", "content": answer})
    messages.append({"role": "assistant", "content": [{"type": "text", "text": answer}]})
    return chat, messages


def _chat_call(call_id: str, name: str, arguments: Json) -> Json:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


@st.composite
def chat_conversations(draw: st.DrawFn) -> tuple[list[Json], list[Json]]:
    """The same conversation in both dialects; it ends with a question."""
    rounds = [draw(_round(number)) for number in range(draw(st.integers(0, 3)))]
    last = draw(SAID)
    chat = [turn for each, _ in rounds for turn in each] + [{"role": "user", "content": last}]
    messages = [turn for _, each in rounds for turn in each] + [
        {"role": "user", "content": [{"type": "text", "text": last}]}
    ]
    return chat, messages


SAMPLING = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.sampled_from([0, 0.5, 1]),
        "top_p": st.sampled_from([0.0, 0.9, 1]),
        "stream": st.booleans(),
    },
)


@st.composite
def chat_requests(draw: st.DrawFn) -> Json:
    chat, _ = draw(chat_conversations())
    tools = [
        {"type": "function", "function": {"name": name, "parameters": draw(SCHEMAS)}}
        for name in draw(st.lists(NAMES, unique=True, max_size=2))
    ]
    unknown = draw(st.dictionaries(st.sampled_from(["x_new", "odd"]), json_values, max_size=2))
    more = draw(
        st.fixed_dictionaries({}, optional={"stop": st.lists(SAID, max_size=3), "max_tokens": st.integers(1, 99)})
    )
    return {"model": "m", "messages": chat, **({"tools": tools} if tools else {}), **draw(SAMPLING), **more, **unknown}


@st.composite
def messages_requests(draw: st.DrawFn) -> Json:
    _, messages = draw(chat_conversations())
    tools = [{"name": name, "input_schema": draw(SCHEMAS)} for name in draw(st.lists(NAMES, unique=True, max_size=2))]
    unknown = draw(st.dictionaries(st.sampled_from(["x_new", "odd"]), json_values, max_size=2))
    system: Json = {"system": draw(SAID)} if draw(st.booleans()) else {}
    return {
        "model": "m",
        "max_tokens": 99,
        "messages": messages,
        **({"tools": tools} if tools else {}),
        **system,
        **draw(SAMPLING),
        **unknown,
    }


@st.composite
def chat_streams(draw: st.DrawFn) -> tuple[bytes, str, list[tuple[str, Json]]]:
    """(a Chat stream with interleaved calls, its text, its calls)"""
    text = draw(st.lists(SAID, max_size=3))
    calls = [(draw(st.sampled_from("fg")), draw(OBJECTS)) for _ in range(draw(st.integers(0, 3)))]
    deltas: list[Json] = [{"role": "assistant", "content": ""}, *({"content": each} for each in text)]
    queues = [_call_deltas(draw, index, name, arguments) for index, (name, arguments) in enumerate(calls)]
    begun = 0  # calls begin in order; their fragments come in any
    while any(queues):
        open_ = [index for index, queue in enumerate(queues[: begun + 1]) if queue]
        index = draw(st.sampled_from(open_))
        begun = max(begun, index + 1)
        deltas.append({"tool_calls": [queues[index].pop(0)]})
    finish = "tool_calls" if calls else "stop"
    chunks = [{"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    chunks.append({"id": "c", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}})
    stream = "".join(f"data: {json.dumps(each, ensure_ascii=False)}\n\n" for each in chunks) + "data: [DONE]\n\n"
    return stream.encode(), "".join(text), calls


def _call_deltas(draw: st.DrawFn, index: int, name: str, arguments: Json) -> list[Json]:
    head = {"index": index, "id": f"c{index}", "type": "function", "function": {"name": name, "arguments": ""}}
    return [head, *({"index": index, "function": {"arguments": each}} for each in _pieces(draw, json.dumps(arguments)))]


@st.composite
def messages_streams(draw: st.DrawFn) -> tuple[bytes, str, list[tuple[str, Json]]]:
    """(a Messages stream, its text, its calls)"""
    text: list[str] = []
    calls: list[tuple[str, Json]] = []
    events: list[Json] = [{"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 7}}}]
    for index in range(draw(st.integers(1, 4))):
        if draw(st.booleans()):
            piece = draw(SAID)
            text.append(piece)
            events += _block(index, {"type": "text", "text": ""}, [{"type": "text_delta", "text": piece}])
        else:
            name, arguments = draw(st.sampled_from("fg")), draw(OBJECTS)
            calls.append((name, arguments))
            head = {"type": "tool_use", "id": f"t{index}", "name": name, "input": {}}
            pieces = _pieces(draw, json.dumps(arguments)) if arguments else []
            events += _block(index, head, [{"type": "input_json_delta", "partial_json": each} for each in pieces])
    reason = "tool_use" if calls else "end_turn"
    events.append({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 5}})
    events.append({"type": "message_stop"})
    stream = "".join(f"event: {e['type']}\ndata: {json.dumps(e, ensure_ascii=False)}\n\n" for e in events)
    return stream.encode(), "".join(text), calls


def _block(index: int, head: Json, deltas: list[Json]) -> list[Json]:
    return [
        {"type": "content_block_start", "index": index, "content_block": head},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def _pieces(draw: st.DrawFn, text: str) -> list[str]:
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True) if start < end]
