"""Log probabilities between Chat, Responses and Gemini: what is asked, and what comes of odd answers. That they are
heard in every cell is the matrix's (`tests/contract/matrix`)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.codecs.translation.roads import chat_chunk, chat_sse, events_of, options, payloads
from torouter.canon.blocks import TextBlock
from torouter.canon.events import Event, Lost, PartDelta, PartEnd, PartStart
from torouter.canon.fold import fold
from torouter.canon.logprobs import TokenLogprob
from torouter.canon.reasoning import ModelFacts
from torouter.canon.serial import InARow
from torouter.canon.stops import StopAt
from torouter.codecs import CODECS, Translation
from torouter.errors import RequestError
from torouter.units import Dialect

Json = dict[str, Any]

CHAT, RESPONSES, CLAUDE, GEMINI = "openai-chat", "openai-responses", "anthropic", "gemini"
INCLUDE = "message.output_text.logprobs"
BODIES: dict[str, Json] = {
    CHAT: {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    RESPONSES: {"model": "m", "input": "hi"},
    GEMINI: {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
}


def translation(dialect: Any) -> Translation:
    found = CODECS[dialect].translation
    assert found is not None
    return found


def sent(client: Dialect, upstream: Dialect, **fields: Any) -> Json:
    request = translation(client).decode_request(json.dumps({**BODIES[client], **fields}).encode())
    return json.loads(translation(upstream).encode_request(request, "up", ModelFacts()).body)


@pytest.mark.parametrize("upstream", [CHAT, RESPONSES, GEMINI, CLAUDE])
def test_nothing_is_asked_where_nothing_was(upstream: Any) -> None:
    for client, fields in (
        (CHAT, {"logprobs": False, "top_logprobs": 0}),
        (RESPONSES, {"include": [], "top_logprobs": 0}),
        (GEMINI, {"generationConfig": {"responseLogprobs": False}}),
    ):
        if client != upstream:
            assert "logprobs" not in json.dumps(sent(client, upstream, **fields)).lower()  # type: ignore[arg-type]


def test_a_count_of_none_stays_a_count() -> None:
    assert sent(CHAT, GEMINI, logprobs=True, top_logprobs=0)["generationConfig"] == {
        "responseLogprobs": True,
        "logprobs": 0,
    }
    assert sent(GEMINI, CHAT, generationConfig={"response_logprobs": True})["logprobs"] is True
    assert "top_logprobs" not in sent(GEMINI, CHAT, generationConfig={"responseLogprobs": True})
    assert sent(CHAT, RESPONSES, logprobs=True)["include"][-1] == INCLUDE


def test_for_anthropic_the_callers_own_field_is_named() -> None:
    for client, fields, field in (
        (CHAT, {"logprobs": True}, "logprobs"),
        (CHAT, {"top_logprobs": 2}, "top_logprobs"),
        (RESPONSES, {"include": [INCLUDE]}, "include"),
        (GEMINI, {"generationConfig": {"response_logprobs": True}}, "generationConfig.response_logprobs"),
    ):
        with pytest.raises(RequestError) as caught:
            sent(client, CLAUDE, **fields)  # type: ignore[arg-type]
        assert caught.value.param == field


def tokens_of(events: list[Event]) -> list[str]:
    return [token.token for event in events if isinstance(event, PartDelta) for token in event.logprobs]


def weighed(*tokens: str, **fields: Any) -> Json:
    content = [{"token": token, "logprob": -1.0, "bytes": None, "top_logprobs": []} for token in tokens]
    return {"content": content, "refusal": None, **fields}


def chunk(delta: Json, logprobs: Any) -> Json:
    said = chat_chunk(delta)
    said["choices"][0]["logprobs"] = logprobs
    return said


def test_tokens_that_are_no_character_yet_go_with_the_next_text() -> None:
    stream = chat_sse(
        chunk({"content": ""}, weighed("\\xf0\\x9f")),
        chunk({"content": "👋"}, weighed("\\x91\\x8b")),
        chat_chunk({}, "stop"),
    )
    events = events_of(translation(CHAT), stream)
    assert tokens_of(events) == ["\\xf0\\x9f", "\\x91\\x8b"]
    assert all(event.text for event in events if isinstance(event, PartDelta))


def test_tokens_behind_the_last_text_are_its_own() -> None:
    stream = chat_sse(chunk({"content": "a"}, None), chunk({}, weighed("a")), chat_chunk({}, "stop"))
    [block] = fold(events_of(translation(CHAT), stream), "openai-chat").blocks
    assert isinstance(block, TextBlock)
    assert (block.text, [token.token for token in block.logprobs]) == ("a", ["a"])


@pytest.mark.parametrize(
    "logprobs", [weighed("f"), "odd", {"content": [], "refusal": [{"token": "no", "logprob": -1}]}]
)
def test_tokens_of_no_text_are_reported(logprobs: Any) -> None:
    call = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}]}
    events = events_of(translation(CHAT), chat_sse(chunk(call, logprobs), chat_chunk({}, "tool_calls")))
    assert [event.field.partition(".")[0] for event in events if isinstance(event, Lost)] == ["logprobs"]


def test_a_server_that_tells_them_in_the_done_copies_only() -> None:
    tokens = weighed("Hi", "!")["content"]
    part = {"type": "output_text", "text": "Hi!", "annotations": [], "logprobs": tokens}
    item = {"type": "message", "id": "m", "role": "assistant", "content": [part]}
    at = {"output_index": 0, "content_index": 0}
    said = [
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
        {"type": "response.output_text.delta", **at, "delta": "Hi!", "logprobs": tokens[:1]},
        {"type": "response.output_text.done", **at, "text": "Hi!", "logprobs": tokens},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": {"status": "completed", "output": [item]}},
    ]
    stream = "".join(f"data: {json.dumps(each)}\n\n" for each in said).encode()
    assert tokens_of(events_of(translation(RESPONSES), stream)) == ["Hi", "!"]


def test_gemini_tells_them_behind_the_text_or_of_none() -> None:
    result = {"chosenCandidates": [{"token": "Hi", "logProbability": -1}, {"token": "\ufffd"}]}

    def events(*parts: Json) -> list[Event]:
        chunks = [{"candidates": [{"content": {"parts": [part]}}]} for part in parts]
        last = {"candidates": [{"finishReason": "STOP", "logprobsResult": result}]}
        return events_of(
            translation(GEMINI), b"".join(b"data: %b\n\n" % json.dumps(c).encode() for c in [*chunks, last])
        )

    found = events({"text": "Hi?"})
    assert tokens_of(found) == ["Hi", "\ufffd"]
    assert [token.utf8 for event in found if isinstance(event, PartDelta) for token in event.logprobs] == [
        (72, 105),
        None,
    ]
    assert Lost("logprobsResult", "it belongs to no text") in events({"functionCall": {"name": "f", "args": {}}})


@pytest.mark.parametrize("client", [CHAT, RESPONSES, GEMINI, CLAUDE])
def test_clients_that_did_not_ask_are_not_told(client: Any) -> None:
    """Not even by a delta of nothing."""
    stream = chat_sse(chunk({"content": "a"}, weighed("secret")), chunk({}, weighed("secret")), chat_chunk({}, "stop"))
    events = events_of(translation(CHAT), stream)
    bare = events_of(translation(CHAT), chat_sse(chunk({"content": "a"}, None), chat_chunk({}, "stop")))
    told = [b"".join(map(translation(client).encoder(options()).feed, each)) for each in (events, bare)]
    assert told[0] == told[1]
    assert b"secret" not in translation(client).encode_answer(fold(events, "openai-chat"), options(framing="whole"))


def test_those_of_an_interrupted_text_are_reported() -> None:
    row = InARow()
    token = TokenLogprob(token="a", logprob=-1.0)
    given = [
        PartStart(part=0, kind="text"),
        PartDelta(0, "a"),
        PartStart(part=1, kind="reasoning"),
        PartDelta(1, "hm"),
        PartDelta(0, "", (token,)),
    ]
    out = [event for each in given for event in row.feed(each)]
    assert isinstance(out[-1], Lost)


def token(text: str) -> TokenLogprob:
    return TokenLogprob(token=text, logprob=-1.0, utf8=tuple(text.encode()))


def test_a_stop_sequence_keeps_back_the_tokens_of_what_it_cuts_off() -> None:
    stop_at = StopAt(("STOP",))
    given = [
        PartStart(part=0, kind="text"),
        PartDelta(0, "grüß S", (token("grüß"), token(" S"))),
        PartDelta(0, "TOP more", (token("TOP"), token(" more"))),
    ]
    out = [event for each in given for event in stop_at.feed(each)]
    assert tokens_of(out) == ["grüß"]
    assert "".join(event.text for event in out if isinstance(event, PartDelta)) == "grüß "


def test_without_a_match_all_tokens_come() -> None:
    stop_at = StopAt(("END",))
    given: list[Event] = [
        PartStart(part=0, kind="text"),
        PartDelta(0, "a E", (token("a"), token(" E"))),
        PartDelta(0, "", (token(""),)),
    ]
    out = [event for each in [*given, PartEnd(0)] for event in stop_at.feed(each)]
    assert tokens_of(out) == ["a", " E", ""]


def test_a_streams_tokens_stand_beside_their_text() -> None:
    request = translation(CHAT).decode_request(json.dumps({**BODIES[CHAT], "logprobs": True}).encode())
    encoder = translation(CHAT).encoder(options(request=request))
    events = [PartStart(part=0, kind="text"), PartDelta(0, "Hi", (token("Hi"),))]
    [said] = payloads(b"".join(map(encoder.feed, events)))
    [choice] = said["choices"]
    assert choice["delta"] == {"content": "Hi"}
    assert choice["logprobs"] == {
        "content": [{"token": "Hi", "logprob": -1.0, "bytes": [72, 105], "top_logprobs": []}],
        "refusal": None,
    }
