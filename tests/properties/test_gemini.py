"""The laws that hold for every input, for Gemini as client and as upstream."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.codecs.translation.gemini_roads import BUDGET, GEMINI, LEVEL, OTHERS, array, chunk, sse
from tests.codecs.translation.roads import CHAT, FACTS, MESSAGES, encoded_stream, events_of, options
from tests.contract.genai_sdk import genai_faults
from tests.contract.typed_params import chat_faults, messages_faults
from tests.properties.strategies import chat_conversations, chat_requests, chat_streams, json_values, messages_requests
from torouter.canon.blocks import TextBlock, ToolCallBlock
from torouter.canon.events import Event, Fault, Finish, PartDelta, PartEnd, PartStart
from torouter.canon.fold import Answer, fold
from torouter.canon.names import wire_name
from torouter.canon.request import ChatRequest
from torouter.codecs.codec import Framing, Translation
from torouter.codecs.gemini.schema import from_openapi, to_subset
from torouter.errors import RequestError, UpstreamError

Json = dict[str, Any]

TEXTS = st.text(st.sampled_from('ab \n\u2028é😀"\\{<'), max_size=6)
OBJECTS = st.dictionaries(TEXTS, json_values, max_size=3)
NAMES = st.sampled_from(["f", "get_weather", "a.b", "x" * 70, "9"])
SIGNED = st.fixed_dictionaries({}, optional={"thoughtSignature": st.just("cw=="), "partMetadata": OBJECTS})
PARTS = st.one_of(
    st.builds(lambda text, rest: {"text": text, **rest}, TEXTS, SIGNED),
    st.builds(lambda text, rest: {"text": text, "thought": True, **rest}, TEXTS, SIGNED),
    st.builds(lambda name, args, rest: {"functionCall": {"name": name, "args": args}, **rest}, NAMES, OBJECTS, SIGNED),
    st.builds(lambda name, said: {"functionResponse": {"name": name, "id": "i", "response": said}}, NAMES, OBJECTS),
    st.builds(lambda rest: {"inlineData": {"mimeType": "image/png", "data": "AAAA"}, **rest}, SIGNED),
    st.builds(lambda said: {"executableCode": said}, OBJECTS.filter(lambda said: not {"id", "toolType"} & set(said))),
    st.builds(lambda said: {"hologram": said}, st.one_of(OBJECTS, st.integers())),
)
CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.sampled_from([0, 0.5, 2]),
        "maxOutputTokens": st.integers(1, 9),
        "stopSequences": st.lists(TEXTS, max_size=3),
        "thinkingConfig": st.sampled_from([{"includeThoughts": True}, {"thinkingBudget": 0}, {"thinkingLevel": "LOW"}]),
        "newField": json_values,
    },
)


@st.composite
def requests(draw: st.DrawFn, parts: st.SearchStrategy[Json] = PARTS) -> Json:
    turns = draw(
        st.lists(st.tuples(st.sampled_from(["user", "model"]), st.lists(parts, max_size=4)), min_size=1, max_size=4)
    )
    body: Json = {"contents": [{"role": role, "parts": said} for role, said in turns]}
    if draw(st.booleans()):
        body["generationConfig"] = draw(CONFIGS)
    if draw(st.booleans()):
        body["systemInstruction"] = {"parts": [{"text": draw(TEXTS)}]}
    if draw(st.booleans()):
        body["xNew"] = draw(json_values)
    return body


@st.composite
def conversations(draw: st.DrawFn) -> Json:
    """Questions, calls (some of one function) with their results in any order, and answers; it ends with a question."""
    contents: list[Json] = []
    for number in range(draw(st.integers(0, 3))):
        calls = [
            {"id": f"c{number}_{i}", "name": draw(NAMES), "args": draw(OBJECTS)} for i in range(draw(st.integers(0, 3)))
        ]
        contents.append({"role": "user", "parts": [{"text": "q"}]})
        if calls:
            results = [
                {"functionResponse": {"id": each["id"], "name": each["name"], "response": {"output": draw(TEXTS)}}}
                for each in draw(st.permutations(calls))
            ]
            contents.append({"role": "model", "parts": [{"functionCall": each} for each in calls]})
            contents.append({"role": "user", "parts": results})
        contents.append({"role": "model", "parts": [{"text": "a" + draw(TEXTS)}]})
    contents.append({"role": "user", "parts": [{"text": "end"}]})
    return {"contents": contents, "tools": [{"functionDeclarations": [{"name": "f"}]}]}


def decoded(translation: Translation, body: Json) -> ChatRequest:
    return translation.decode_request(json.dumps(body).encode())


@settings(max_examples=60, deadline=None)
@given(requests())
@pytest.mark.pitfall(103)
def test_at_home(body: Json) -> None:
    encoded = GEMINI.encode_request(decoded(GEMINI, body), "m", FACTS)
    assert encoded.losses == ()
    assert json.loads(encoded.body) == body


@settings(max_examples=50, deadline=None)
@given(requests(), st.sampled_from([CHAT, MESSAGES]))
def test_across_is_valid_and_silent_about_nothing_or_a_400(body: Json, upstream: Translation) -> None:
    request = decoded(GEMINI, body)
    said: Json = {}
    losses: set[str] = set()
    refused: RequestError | None = None
    try:
        encoded = upstream.encode_request(request, "up", FACTS)
        said, losses = json.loads(encoded.body), {loss.field for loss in encoded.losses}
        assert encoded == upstream.encode_request(decoded(GEMINI, body), "up", FACTS)
    except RequestError as error:
        refused = error
    if refused is not None:
        assert refused.status == 400
        assert refused.param
        return
    assert (chat_faults if upstream is CHAT else messages_faults)(said) == []
    new = body.get("xNew") not in (None, [], {})
    assert ("xNew" in losses) == new


@settings(max_examples=40, deadline=None)
@given(conversations())
def test_a_conversation_means_the_same_there_and_back(body: Json) -> None:
    for upstream in (CHAT, MESSAGES):
        there = json.loads(upstream.encode_request(decoded(GEMINI, body), "up", FACTS).body)
        back = json.loads(GEMINI.encode_request(decoded(upstream, there), "up", LEVEL).body)
        dialect = "openai-chat" if upstream is CHAT else "anthropic"
        assert [_told(turn, dialect) for turn in back["contents"]] == [
            _told(turn, dialect, is_ours=True) for turn in _in_order(body["contents"])
        ]
        assert genai_faults(back) == []


def _in_order(contents: list[Json]) -> list[Json]:
    """Results in the order of their calls, which is how Gemini wants them."""
    ordered: list[Json] = []
    for turn in contents:
        order = [
            part["functionCall"]["id"] for part in (ordered[-1]["parts"] if ordered else ()) if "functionCall" in part
        ]
        results = [part for part in turn["parts"] if "functionResponse" in part]
        results.sort(key=lambda part, order=order: order.index(part["functionResponse"]["id"]))  # type: ignore[misc]
        ordered.append({**turn, "parts": results or turn["parts"]})
    return ordered


def _told(turn: Json, dialect: Any, *, is_ours: bool = False) -> Any:
    def named(name: str) -> str:
        return wire_name(wire_name(name, dialect), "gemini") if is_ours else name

    said: list[Any] = [turn["role"]]
    for part in turn["parts"]:
        if "functionCall" in part:
            call = part["functionCall"]
            said.append((call["id"], named(call["name"]), call["args"]))
        elif "functionResponse" in part:
            result = part["functionResponse"]
            output = result["response"]["output"]
            said.append((result["id"], named(result["name"]), output if output.strip() else ""))
        else:
            said.append(part["text"])
    return said


@settings(max_examples=30, deadline=None)
@given(chat_conversations(), st.data(), st.sampled_from([LEVEL, BUDGET]))
@pytest.mark.pitfall(182, 183)
def test_a_growing_conversation_only_appends(
    case: tuple[list[Json], list[Json]], data: st.DataObject, facts: Any
) -> None:
    """Every turn of the past keeps its bytes."""
    chat, messages = case
    for client, turns, extra in ((CHAT, chat, {}), (MESSAGES, messages, {"max_tokens": 9})):
        ends = [i for i, turn in enumerate(turns) if turn["role"] == "user"]
        ends = [i for i in ends if i + 1 == len(turns) or turns[i + 1]["role"] == "assistant"]
        end = data.draw(st.sampled_from(ends))
        short = GEMINI.encode_request(decoded(client, {"messages": turns[: end + 1], **extra}), "up", facts)
        long = GEMINI.encode_request(decoded(client, {"messages": turns, **extra}), "up", facts)
        assert short.body.endswith(b"]}")
        assert long.body.startswith(short.body[:-2])


@settings(max_examples=30, deadline=None)
@given(conversations(), st.data())
def test_a_growing_conversation_of_gemini_only_appends(body: Json, data: st.DataObject) -> None:
    """Without ids too: those that we make are of the call's place."""
    contents = json.loads(json.dumps(body["contents"]))
    for turn in contents:
        for part in turn["parts"]:
            for kind in ("functionCall", "functionResponse"):
                part.get(kind, {}).pop("id", None)
    ends = [
        i for i, turn in enumerate(contents) if (turn["role"] == "user" and contents[i - 1]["role"] == "model") or not i
    ]
    end = data.draw(st.sampled_from(ends))
    for upstream in (CHAT, MESSAGES):
        short = upstream.encode_request(decoded(GEMINI, {**body, "contents": contents[: end + 1]}), "up", FACTS)
        long = upstream.encode_request(decoded(GEMINI, {**body, "contents": contents}), "up", FACTS)
        assert long.body.startswith(short.body[:-2])


@settings(max_examples=30, deadline=None)
@given(st.one_of(chat_requests().map(lambda b: (CHAT, b)), messages_requests().map(lambda b: (MESSAGES, b))))
def test_the_others_requests_are_valid_deterministic_and_silent_about_nothing(case: tuple[Translation, Json]) -> None:
    client, body = case
    encoded = GEMINI.encode_request(decoded(client, body), "up", LEVEL)
    assert encoded == GEMINI.encode_request(decoded(client, body), "up", LEVEL)
    assert genai_faults(json.loads(encoded.body)) == []
    reported = {loss.field for loss in encoded.losses}
    assert {name for name in ("x_new", "odd") if body.get(name) not in (None, [], {})} <= reported


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([CHAT, MESSAGES, GEMINI]),
    st.dictionaries(
        st.sampled_from(
            [
                *("contents", "tools", "toolConfig", "systemInstruction", "generationConfig", "serviceTier", "store"),
                *("tool_config", "safetySettings", "cachedContent"),
            ]
        ),
        st.one_of(
            json_values,
            st.builds(
                lambda name, value: {name: value},
                st.sampled_from(
                    ["parts", "functionCallingConfig", "responseSchema", "thinkingConfig", "stopSequences", "mode"]
                ),
                json_values,
            ),
            st.builds(
                lambda name, value: [{name: value}],
                st.sampled_from(["parts", "functionDeclarations", "text", "role"]),
                json_values,
            ),
        ),
        max_size=4,
    ),
)
def test_a_wrong_type_is_a_400_and_never_a_fault_of_ours(upstream: Translation, body: Json) -> None:
    whole = {"contents": [{"parts": [{"text": "x"}]}], **body}
    refused: RequestError | None = None
    sent: Json = {}
    try:
        sent = json.loads(upstream.encode_request(decoded(GEMINI, whole), "up", FACTS).body)
    except RequestError as error:
        refused = error
    assert bool(sent) if refused is None else refused.status == 400


SCHEMAS = st.recursive(
    st.one_of(
        st.booleans(),
        st.just({}),
        st.builds(lambda kind: {"type": kind}, st.sampled_from(["string", "OBJECT", 6, None])),
    ),
    lambda inner: st.dictionaries(
        st.sampled_from(
            ["properties", "items", "anyOf", "allOf", "oneOf", "$defs", "definitions", "const", "nullable", "title"]
        ),
        st.one_of(
            inner, st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(["title", "a"]), inner, max_size=2)
        ),
        max_size=3,
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(st.one_of(SCHEMAS, json_values))
def test_schemas_of_any_shape_are_walked_once(schema: Any) -> None:
    raw = json.dumps(schema).encode()
    narrowed, _ = to_subset(raw, keeps_titles=False)
    assert to_subset(narrowed, keeps_titles=False) == (narrowed, ())
    assert from_openapi(from_openapi(raw)) == from_openapi(raw)


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, Framing, str, list[tuple[str, Json]]]:
    """A stream, its framing, and what it says."""
    said: list[Json] = []
    text, calls = "", []
    for kind in draw(st.lists(st.sampled_from(["text", "thought", "call", "signed", "empty"]), min_size=1, max_size=6)):
        piece = draw(TEXTS)
        if kind == "call":
            calls.append((draw(NAMES), draw(OBJECTS)))
            said.append({"functionCall": {"name": calls[-1][0], "args": calls[-1][1]}})
        elif kind == "empty":
            said.append({"text": ""})
        else:
            extra = {"thought": {"thought": True}, "signed": {"thoughtSignature": "cw=="}}.get(kind, {})
            said.append({"text": piece, **extra})
            text += "" if kind == "thought" else piece
    chunks = [chunk(part) for part in said[:-1]]
    usage = {"promptTokenCount": 7, "candidatesTokenCount": 5, "totalTokenCount": 12}
    chunks.append(chunk(said[-1], finish="STOP", usageMetadata=usage))
    framing = draw(st.sampled_from(("sse", "array")))
    return (sse if framing == "sse" else array)(*chunks), framing, text, calls


def said_in(answer: Answer) -> tuple[str, list[tuple[str, Any]]]:
    text = "".join(block.text for block in answer.blocks if isinstance(block, TextBlock))
    return text, [
        (block.name, json.loads(block.arguments or "{}")) for block in answer.blocks if isinstance(block, ToolCallBlock)
    ]


@settings(max_examples=40, deadline=None)
@given(streams(), st.data())
def test_any_cut(case: tuple[bytes, Framing, str, Any], data: st.DataObject) -> None:
    stream, framing, *_ = case
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    assert events_of(GEMINI, stream, framing, cuts=cuts) == events_of(GEMINI, stream, framing)


@settings(max_examples=40, deadline=None)
@given(streams())
def test_what_is_said_arrives(case: tuple[bytes, Framing, str, Any]) -> None:
    stream, framing, text, calls = case
    events = events_of(GEMINI, stream, framing)
    answer = fold(events, "gemini")
    assert said_in(answer) == (text, calls)
    for client in (*OTHERS.values(), GEMINI):
        streamed = fold(events_of(client, encoded_stream(client, events)), "gemini")
        whole = fold(events_of(client, client.encode_answer(answer, options(framing="whole")), "whole"), "gemini")
        assert said_in(streamed) == said_in(whole) == (text, calls)
        assert streamed.finish == whole.finish
        assert streamed.usage.total_tokens == whole.usage.total_tokens == 12


@settings(max_examples=30, deadline=None)
@given(chat_streams(), st.sampled_from(["sse", "array"]))
def test_chat_arrives_at_gemini_clients(case: tuple[bytes, str, Any], framing: Any) -> None:
    stream, text, calls = case
    written = encoded_stream(GEMINI, events_of(CHAT, stream), options(framing=framing))
    assert said_in(fold(events_of(GEMINI, written, framing), "gemini")) == (text, calls)
    assert framing == "sse" or json.loads(written)


@settings(max_examples=30, deadline=None)
@given(streams(), st.data())
def test_a_truncated_stream_ends_in_an_error_or_was_over(
    case: tuple[bytes, Framing, str, Any], data: st.DataObject
) -> None:
    stream, framing, *_ = case
    events = events_of(GEMINI, stream[: data.draw(st.integers(0, len(stream)))], framing)
    check_end(events)
    for client in OTHERS.values():
        shown = encoded_stream(client, events)
        assert (b"message_stop" in shown or b"[DONE]" in shown) == isinstance(events[-1], Finish)


def check_end(events: list[Event]) -> None:
    """One end, the last; and each part that began was ended before it."""
    assert sum(isinstance(event, Finish | Fault) for event in events) == 1
    assert isinstance(events[-1], Finish | Fault)
    begun = [event.part for event in events if isinstance(event, PartStart)]
    assert sorted(event.part for event in events if isinstance(event, PartEnd)) == begun
    assert all(event.text for event in events if isinstance(event, PartDelta))


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["sse", "whole", "array"]),
    st.lists(
        st.one_of(
            st.binary(max_size=20),
            st.sampled_from(
                [
                    *(b"data: ", b"\n\n", b"[", b",", b"]", b"[DONE]", b"[" * 3000, b'{"error":{}}', b"null", b"{}"),
                    b'{"candidates":[{"content":{"parts":[null]}}]}',
                    b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":3}}]},"finishReason":"STOP"}]}',
                    b'{"candidates":[{"content":{"parts":[{}]},"groundingMetadata":3,"finishReason":"STOP"}]}',
                    b'{"candidates":[{"content":{"parts":[{"text":"a"}]},"groundingMetadata":{"groundingSupports":[{}]}}]}',
                    b'{"candidates":null,"promptFeedback":null,"usageMetadata":[]}',
                    b'{"promptFeedback":{"blockReason":7}}',
                    b'{"candidates":[{"finishReason":"STOP","content":null}]}',
                ]
            ),
        ),
        max_size=12,
    ),
)
def test_no_bytes_are_too_hostile(framing: Framing, pieces: list[bytes]) -> None:
    decoder = GEMINI.decoder(framing)
    events = [event for piece in pieces for event in decoder.feed(piece)]
    events += decoder.close()
    check_end(events)
    for client in (*OTHERS.values(), GEMINI):
        assert isinstance(encoded_stream(client, events), bytes)
        with contextlib.suppress(UpstreamError):  # of an answer that is one; any other exception is a fault of ours
            assert client.encode_answer(fold(events, "gemini"), options(framing="whole"))


@pytest.mark.parametrize("name", ["responseJsonSchema", "responseSchema"])
def test_a_schema_of_endless_depth_is_a_400(name: str) -> None:
    schema = '{"type":"object","properties":{"a":' * 20_000 + "{}" + "}}" * 20_000
    head = '{"contents":[{"parts":[{"text":"x"}]}],"messages":[{"role":"user","content":"x"}],'
    body = head + f'"generationConfig":{{"{name}":{schema}}}}}'
    with pytest.raises(RequestError, match="nested too deeply"):
        MESSAGES.encode_request(GEMINI.decode_request(body.encode()), "up", FACTS)
    body = head + f'"response_format":{{"type":"json_schema","json_schema":{{"name":"n","schema":{schema}}}}}}}'
    with pytest.raises(RequestError, match="nested too deeply"):
        GEMINI.encode_request(CHAT.decode_request(body.encode()), "up", LEVEL)
