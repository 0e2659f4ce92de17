"""Laws of streams: any cut gives the same events; fold(stream) = whole; every stream ends as such streams end."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.codecs.translation.roads import CHAT, MESSAGES, answer_of, encoded_stream, events_of, options, payloads
from tests.properties.strategies import chat_streams, messages_streams
from torouter.canon.blocks import TextBlock, ToolCallBlock
from torouter.canon.events import Fault, Finish, PartDelta, PartEnd, PartStart
from torouter.canon.fold import Answer, fold
from torouter.codecs.codec import Translation
from torouter.errors import UpstreamError

Case = tuple[bytes, str, list[tuple[str, dict[str, Any]]]]


def said(answer: Answer) -> tuple[str, list[tuple[str, Any]]]:
    text = "".join(block.text for block in answer.blocks if isinstance(block, TextBlock))
    calls = [(each.name, json.loads(each.arguments)) for each in answer.blocks if isinstance(each, ToolCallBlock)]
    return text, calls


def check_any_cut(upstream: Translation, stream: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    assert events_of(upstream, stream, cuts=cuts) == events_of(upstream, stream)


@settings(max_examples=30, deadline=None)
@given(chat_streams(), st.data())
def test_any_cut_of_chat(case: Case, data: st.DataObject) -> None:
    check_any_cut(CHAT, case[0], data)


@settings(max_examples=30, deadline=None)
@given(messages_streams(), st.data())
def test_any_cut_of_messages(case: Case, data: st.DataObject) -> None:
    check_any_cut(MESSAGES, case[0], data)


def check_meaning(upstream: Translation, client: Translation, case: Case) -> None:
    """What was said is what arrives: folded, streamed across, and whole across."""
    stream, text, calls = case
    answer = answer_of(upstream, stream)
    assert said(answer) == (text, calls)
    assert isinstance(answer.finish, Finish)
    assert answer.finish.reason == ("tool_calls" if calls else "stop")
    for translation in (upstream, client):
        streamed = answer_of(translation, encoded_stream(translation, events_of(upstream, stream)))
        whole = answer_of(translation, translation.encode_answer(answer, options(framing="whole")), "whole")
        assert said(streamed) == said(whole) == (text, calls)
        assert streamed.finish == whole.finish
        assert streamed.usage.total_tokens == whole.usage.total_tokens == answer.usage.total_tokens == 12


@settings(max_examples=30, deadline=None)
@given(chat_streams())
def test_meaning_of_chat(case: Case) -> None:
    check_meaning(CHAT, MESSAGES, case)


@settings(max_examples=30, deadline=None)
@given(messages_streams())
def test_meaning_of_messages(case: Case) -> None:
    check_meaning(MESSAGES, CHAT, case)


@settings(max_examples=30, deadline=None)
@given(chat_streams())
def test_blocks_for_messages_clients_are_one_at_a_time_and_without_gaps(case: Case) -> None:
    opened: list[int] = []
    current: int | None = None
    for event in payloads(encoded_stream(MESSAGES, events_of(CHAT, case[0]))):
        if event["type"] == "content_block_start":
            assert current is None
            current = event["index"]
            opened.append(current)
        elif event["type"] == "content_block_delta":
            assert event["index"] == current
        elif event["type"] == "content_block_stop":
            assert event["index"] == current
            current = None
    assert current is None
    assert opened == list(range(len(opened)))


@settings(max_examples=30, deadline=None)
@given(
    st.one_of(chat_streams().map(lambda c: (CHAT, c[0])), messages_streams().map(lambda c: (MESSAGES, c[0]))), st.data()
)
def test_a_truncated_stream_ends_in_an_error_or_was_over(case: tuple[Translation, bytes], data: st.DataObject) -> None:
    """Whatever is missing, there is one last event, and each part that began was ended before it."""
    upstream, stream = case
    events = events_of(upstream, stream[: data.draw(st.integers(0, len(stream)))])
    assert sum(isinstance(event, Finish | Fault) for event in events) == 1
    assert isinstance(events[-1], Finish | Fault)
    begun = [event.part for event in events if isinstance(event, PartStart)]
    assert sorted(event.part for event in events if isinstance(event, PartEnd)) == begun
    client = MESSAGES if upstream is CHAT else CHAT
    shown = encoded_stream(client, events)
    assert (b"message_stop" in shown or b"[DONE]" in shown) == isinstance(events[-1], Finish)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from([CHAT, MESSAGES]),
    st.sampled_from(["sse", "whole"]),
    st.lists(
        st.one_of(
            st.binary(max_size=30),
            st.sampled_from(
                [
                    b"data: ",
                    b"\n\n",
                    b"\r",
                    b'{"choices":[{"delta":{"tool_calls":[{}]}}]}',
                    b'{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":3}}]}}]}',
                    b'{"choices":[{"delta":{"content":[{"type":"text"},3]},"finish_reason":"stop"}]}',
                    b'{"type":"content_block_delta","index":7,"delta":{"type":"input_json_delta","partial_json":"x"}}',
                    b'{"type":"content_block_start","index":0,"content_block":null}',
                    b'{"type":"content_block_start","index":-1,"content_block":{"type":"tool_use"}}',
                    b'{"type":"message_delta","delta":{"stop_reason":7}}',
                    b'{"type":"message_stop"}',
                    b'{"error":{}}',
                    b"[DONE]",
                    b"[" * 3000,
                ]
            ),
        ),
        max_size=12,
    ),
)
def test_no_bytes_are_too_hostile(upstream: Translation, framing: Any, pieces: list[bytes]) -> None:
    """Whatever an upstream sends, the decoder answers with events of which the last one is an end."""
    decoder = upstream.decoder(framing)
    events = [event for piece in pieces for event in decoder.feed(piece)]
    events += decoder.close()
    assert sum(isinstance(event, Finish | Fault) for event in events) == 1
    assert isinstance(events[-1], Finish | Fault)
    assert all(event.text for event in events if isinstance(event, PartDelta))
    for client in (CHAT, MESSAGES):
        assert isinstance(encoded_stream(client, events), bytes)
        answer = fold(events, "openai-chat")
        with contextlib.suppress(UpstreamError):  # of an answer that is one; any other exception is a fault of ours
            assert client.encode_answer(answer, options(framing="whole"))
