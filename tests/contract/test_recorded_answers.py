"""Every recorded answer: the same under any cut, and whole in the hands of the other vendor's client."""

from __future__ import annotations

import json
import random

import anthropic
import openai
import pytest

from tests.codecs.translation.roads import CHAT, MESSAGES, TRANSLATIONS, answer_of, encoded_stream, events_of, options
from tests.contract.sdk import accumulated_chat, accumulated_messages, parsed_chat, parsed_messages
from tests.recorded import Exchange, exchanges
from torouter.canon.blocks import ReasoningBlock, RefusalBlock, TextBlock, ToolCallBlock
from torouter.canon.events import Fault, PartDelta, PartEnd, PartStart
from torouter.canon.fold import Answer
from torouter.codecs.anthropic import CODEC as MESSAGES_CODEC
from torouter.codecs.codec import Translation
from torouter.codecs.openai_chat import CODEC as CHAT_CODEC

ALL = [*exchanges("openai-chat"), *exchanges("anthropic-messages")]
STREAMS = [each for each in ALL if each.is_stream]
CUT_EVERYWHERE = ["openai-chat.s013", "anthropic-messages.s010", "anthropic-messages.s015"]
FAULTY = {
    "openai-chat.s014": ("bad_request", None),
    "openai-chat.s015": ("upstream_fault", "upstream_truncated"),
    "openai-chat.j003": ("authentication", None),
    "openai-chat.j008": ("not_found", "model_not_found"),
    "openai-chat.j009": ("not_found", "model_not_found"),
    "openai-chat.j012": ("bad_request", "invalid_value"),
    "openai-chat.j019": ("bad_request", "invalid_image_url"),
    "anthropic-messages.s001": ("authentication", None),
    "anthropic-messages.j002": ("authentication", None),
    "anthropic-messages.j004": ("authentication", None),
    "anthropic-messages.j016": ("bad_request", None),
}
"""Recorded errors, and streams that broke off, by kind and code."""
GOOD = [each for each in ALL if each.label not in FAULTY]


def ids(exchange: Exchange) -> str:
    return exchange.label


def upstream_of(exchange: Exchange) -> Translation:
    return CHAT if exchange.protocol == "openai-chat" else MESSAGES


def answered(exchange: Exchange) -> Answer:
    return answer_of(upstream_of(exchange), exchange.response_body, "sse" if exchange.is_stream else "whole")


def texts(answer: Answer) -> str:
    return "".join(block.text for block in answer.blocks if isinstance(block, TextBlock))


def calls(answer: Answer) -> list[tuple[str, str, object]]:
    return [
        (block.id, block.name, json.loads(block.arguments or "{}"))
        for block in answer.blocks
        if isinstance(block, ToolCallBlock)
    ]


@pytest.mark.parametrize("exchange", STREAMS, ids=ids)
def test_random_cuts_give_the_same_events(exchange: Exchange) -> None:
    translation, body = upstream_of(exchange), exchange.response_body
    whole = events_of(translation, body)
    dice = random.Random(exchange.label)
    for _ in range(4):
        cuts = sorted(dice.sample(range(len(body)), min(len(body), 40)))
        assert events_of(translation, body, cuts=cuts) == whole


@pytest.mark.parametrize("exchange", [each for each in STREAMS if each.label in CUT_EVERYWHERE], ids=ids)
def test_a_cut_at_every_byte_gives_the_same_events(exchange: Exchange) -> None:
    translation, body = upstream_of(exchange), exchange.response_body
    assert events_of(translation, body, cuts=range(1, len(body))) == events_of(translation, body)
    events = events_of(translation, body)
    for cut in range(0, len(body), max(1, len(body) // 200)):
        assert events_of(translation, body, cuts=[cut]) == events


@pytest.mark.parametrize("exchange", ALL, ids=ids)
def test_events_have_a_block_life(exchange: Exchange) -> None:
    """Parts begin once and in order, end once, and say something only in between; the last event ends all."""
    translation = upstream_of(exchange)
    events = events_of(translation, exchange.response_body, "sse" if exchange.is_stream else "whole")
    begun: list[int] = []
    ended: list[int] = []
    for event in events:
        if isinstance(event, PartStart):
            begun.append(event.part)
        elif isinstance(event, PartEnd):
            ended.append(event.part)
        elif isinstance(event, PartDelta):
            assert event.text
            assert event.part in begun
            assert event.part not in ended
    assert begun == list(range(len(begun)))
    assert sorted(ended) == begun
    assert isinstance(events[-1], Fault) == (exchange.label in FAULTY)


@pytest.mark.parametrize("exchange", [each for each in ALL if each.label in FAULTY], ids=ids)
@pytest.mark.pitfall(137)
def test_an_error_is_read_as_one(exchange: Exchange) -> None:
    """Also where it comes as a body with status 200."""
    fault = answered(exchange).fault
    assert fault is not None
    kind, code = FAULTY[exchange.label]
    if exchange.status == 200 or kind != "authentication" or exchange.protocol != "openai-chat":
        assert (fault.kind, fault.code) == (kind, code)
    assert fault.message
    assert answered(exchange).finish is None


@pytest.mark.parametrize("exchange", GOOD, ids=ids)
def test_the_decoder_counts_as_the_tap_counts(exchange: Exchange) -> None:
    codec = CHAT_CODEC if exchange.protocol == "openai-chat" else MESSAGES_CODEC
    tap = codec.tap("chat", "sse" if exchange.is_stream else "whole")
    tap.feed(exchange.response_body)
    assert answered(exchange).usage == tap.usage()


@pytest.mark.parametrize("exchange", [each for each in GOOD if each.protocol == "anthropic-messages"], ids=ids)
def test_messages_reach_a_chat_client(exchange: Exchange) -> None:
    """Streamed through the SDK's accumulating helper, and whole through its typed model: the same answer."""
    answer = answered(exchange)
    events = events_of(MESSAGES, exchange.response_body, "sse" if exchange.is_stream else "whole")
    streamed = accumulated_chat(encoded_stream(CHAT, events))
    whole = parsed_chat(CHAT.encode_answer(answer, options(framing="whole")))
    for completion in (streamed, whole):
        message = completion.choices[0].message
        assert (message.content or "") == texts(answer)
        assert [
            (call.id, call.function.name, json.loads(call.function.arguments))
            for call in message.tool_calls or ()
            if call.type == "function"
        ] == calls(answer)
        assert completion.id == "chatcmpl-s1"
        assert completion.model == "m"
        usage = completion.usage
        assert usage is not None
        assert usage.prompt_tokens == answer.usage.total_input_tokens
        assert usage.completion_tokens == answer.usage.total_output_tokens
        assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
        assert usage.prompt_tokens_details is not None
        assert usage.prompt_tokens_details.cached_tokens == answer.usage.cache_read_tokens
        reasoning = "".join(block.text for block in answer.blocks if isinstance(block, ReasoningBlock))
        assert (message.model_extra or {}).get("reasoning_content", "") == reasoning
    assert streamed.choices[0].finish_reason == whole.choices[0].finish_reason
    assert (streamed.choices[0].finish_reason == "tool_calls") == bool(calls(answer))


@pytest.mark.parametrize("exchange", [each for each in GOOD if each.protocol == "openai-chat"], ids=ids)
def test_chat_reaches_a_messages_client(exchange: Exchange) -> None:
    answer = answered(exchange)
    events = events_of(CHAT, exchange.response_body, "sse" if exchange.is_stream else "whole")
    streamed = accumulated_messages(encoded_stream(MESSAGES, events))
    whole = parsed_messages(MESSAGES.encode_answer(answer, options(framing="whole")))
    refusals = "".join(block.text for block in answer.blocks if isinstance(block, RefusalBlock))
    for message in (streamed, whole):
        assert "".join(block.text for block in message.content if block.type == "text") == texts(answer) + refusals
        assert [(b.id, b.name, b.input) for b in message.content if b.type == "tool_use"] == calls(answer)
        thinking = "".join(block.thinking for block in message.content if block.type == "thinking")
        assert thinking == "".join(block.text for block in answer.blocks if isinstance(block, ReasoningBlock))
        usage = message.usage
        cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
        assert usage.input_tokens + cached == answer.usage.total_input_tokens
        assert usage.output_tokens == answer.usage.total_output_tokens
        assert message.id == "msg_s1"
    assert streamed.stop_reason == whole.stop_reason
    assert (streamed.stop_reason == "tool_use") == bool(calls(answer))


@pytest.mark.parametrize("exchange", GOOD, ids=ids)
@pytest.mark.pitfall(9, 44)
def test_fold_of_the_stream_is_the_whole(exchange: Exchange) -> None:
    """An answer, written whole and streamed, at home and across, is read as what it was."""
    answer = answered(exchange)
    for dialect, translation in TRANSLATIONS.items():
        told = options(framing="whole")
        whole = answer_of(translation, translation.encode_answer(answer, told), "whole")
        streamed = answer_of(translation, encoded_stream(translation, _again(exchange)))
        assert texts(whole) == texts(streamed), dialect
        assert calls(whole) == calls(streamed) == calls(answer)
        assert whole.finish == streamed.finish
        assert whole.usage.total_tokens == streamed.usage.total_tokens == answer.usage.total_tokens


@pytest.mark.parametrize("exchange", [each for each in STREAMS if each.label not in FAULTY], ids=ids)
@pytest.mark.pitfall(16, 56, 128)
def test_a_stream_that_is_cut_ends_in_an_error_and_never_as_if_whole(exchange: Exchange) -> None:
    """At every event before the upstream's terminal."""
    translation = upstream_of(exchange)
    client = MESSAGES if translation is CHAT else CHAT
    body = exchange.response_body
    ends = [match + 2 for match in range(len(body)) if body[match : match + 2] in (b"\n\n",)]
    first_terminal = min(
        (at for at in (body.find(b'"stop_reason":"'), _first_finish(body)) if at >= 0), default=len(body)
    )
    cuts = [end for end in ends if end < first_terminal]
    for cut in cuts[:: max(1, len(cuts) // 5)]:
        events = events_of(translation, body[:cut])
        last = events[-1]
        assert isinstance(last, Fault)
        assert last.code == "upstream_truncated"
        stream = encoded_stream(client, events)
        assert b"[DONE]" not in stream
        assert b"message_stop" not in stream
        with pytest.raises((openai.APIError, anthropic.APIError)):
            (accumulated_chat if client is CHAT else accumulated_messages)(stream)


def _first_finish(body: bytes) -> int:
    """Where the first chunk begins that has a finish reason."""
    start = 0
    for frame in body.split(b"\n\n"):
        if frame.startswith(b"data: {") and any(
            choice.get("finish_reason") for choice in json.loads(frame[6:]).get("choices") or ()
        ):
            return start
        start += len(frame) + 2
    return -1


def _again(exchange: Exchange) -> list[object]:
    return events_of(upstream_of(exchange), exchange.response_body, "sse" if exchange.is_stream else "whole")  # type: ignore[return-value]
