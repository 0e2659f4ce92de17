"""Gemini's recordings through every codec, and the others' recordings through Gemini's."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from google.genai import errors

from tests.codecs.translation.gemini_roads import BUDGET, GEMINI, LEVEL, OTHERS
from tests.codecs.translation.roads import CHAT, MESSAGES, encoded_stream, events_of, options
from tests.contract.genai_sdk import genai_faults, parsed_genai, streamed_genai
from tests.contract.sdk import accumulated_chat, accumulated_messages, parsed_chat, parsed_messages
from tests.contract.typed_params import chat_faults, messages_faults
from tests.recorded import Exchange, exchanges
from torouter.canon.blocks import ReasoningBlock, RefusalBlock, TextBlock, ToolCallBlock
from torouter.canon.events import Fault, Finish, UsageSeen
from torouter.canon.fold import Answer, fold
from torouter.canon.reasoning import ModelFacts
from torouter.codecs.codec import Framing, Translation
from torouter.codecs.gemini import CODEC
from torouter.codecs.gemini.spelling import camel
from torouter.errors import RequestError
from torouter.units import Dialect

GEMINIS = exchanges("gemini")
FOREIGN = [*exchanges("openai-chat"), *exchanges("anthropic-messages")]
UP = ModelFacts(reasoning="adaptive", max_output_tokens=64000)
REFUSED = {
    "gemini.s003": "tools.0.codeExecution",
    "gemini.s008": "tools.0.fileSearch",
    "gemini.s013": "tools.0.googleSearch",
    "gemini.j001": "tools.0.codeExecution",
    "gemini.j003": "cachedContent",
    "gemini.j010": "tools.0.fileSearch",
    "gemini.j011": "tools.0.fileSearch",
    "gemini.j014": "contents.4.parts.0.functionResponse.parts.0.file_data",
    "gemini.j017": "tools.0.codeExecution",
    "gemini.j018": "tools.0.googleSearch",
    "gemini.j019": "tools.0.google_search",
    "gemini.j020": "tools.0.google_search",
}
"""Recorded requests that nobody but Google can serve, by the field that says so."""
FAULTY = {
    "gemini.j009": ("not_found", None),
    "gemini.j013": ("upstream_fault", "upstream_malformed"),
    "gemini.j015": ("bad_request", None),
    "gemini.j016": ("upstream_fault", "upstream_malformed"),
}
"""Recorded errors, and answers that the model failed at, by kind and code."""
GOOD = [each for each in GEMINIS if each.label not in FAULTY]
REFUSED_BY_GEMINI = {
    "openai-chat.s002": "n",
    "openai-chat.s003": "n",
    "openai-chat.j001": "n",
    "openai-chat.j002": "web_search_options",
    "openai-chat.j006": "tools.0",
    "anthropic-messages.s003": "messages.2.content.0",
    "anthropic-messages.s004": "tools.2",
    "anthropic-messages.s005": "tools.2",
    "anthropic-messages.s006": "mcp_servers",
    "anthropic-messages.s007": "tools.0",
    "anthropic-messages.s008": "tools.0",
    "anthropic-messages.s009": "tools.0",
    "anthropic-messages.s014": "tools.0",
    "anthropic-messages.j006": "tools.0",
    "anthropic-messages.j007": "tools.0",
    "anthropic-messages.j009": "tools.1",
    "anthropic-messages.j010": "tools.2",
    "anthropic-messages.j011": "mcp_servers",
    "anthropic-messages.j012": "tools.0",
    "anthropic-messages.j013": "tools.0",
    "anthropic-messages.j014": "context_management",
    "anthropic-messages.j018": "tools.0",
    "anthropic-messages.j019": "tools.0",
}
REFUSED_BY_2_5 = {**REFUSED_BY_GEMINI, "openai-chat.j013": "response_format"}
"""Before Gemini 3 a schema for the answer and tools exclude each other."""


def ids(value: object) -> str:
    return value.label if isinstance(value, Exchange) else str(value)


def framing_of(exchange: Exchange) -> Framing:
    if not exchange.is_stream:
        return "whole"
    return "array" if exchange.response_body.lstrip().startswith(b"[") else "sse"


def answered(exchange: Exchange) -> Answer:
    return fold(events_of(GEMINI, exchange.response_body, framing_of(exchange)), "gemini")


def texts(answer: Answer) -> str:
    return "".join(block.text for block in answer.blocks if isinstance(block, TextBlock))


def calls(answer: Answer) -> list[tuple[str, str, Any]]:
    return [
        (block.id, block.name, json.loads(block.arguments or "{}"))
        for block in answer.blocks
        if isinstance(block, ToolCallBlock)
    ]


@pytest.mark.parametrize("exchange", GEMINIS, ids=ids)
def test_home_is_home(exchange: Exchange) -> None:
    request = GEMINI.decode_request(exchange.request_body)
    encoded = GEMINI.encode_request(request, "m", ModelFacts())
    assert encoded.losses == ()
    assert plain(json.loads(encoded.body)) == plain(json.loads(exchange.request_body))


def plain(value: Any) -> Any:
    """One spelling for what has two."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    said = {camel(name): plain(each) for name, each in value.items()}
    if isinstance(said.get("parts"), dict):
        said["parts"] = [said["parts"]]
    return said


@pytest.mark.parametrize("dialect", OTHERS)
@pytest.mark.parametrize("exchange", [each for each in GEMINIS if each.label not in REFUSED], ids=ids)
def test_across_is_a_body_that_the_other_package_could_send(exchange: Exchange, dialect: Dialect) -> None:
    request = GEMINI.decode_request(exchange.request_body)
    facts = UP if dialect == "anthropic" else ModelFacts(reasoning="effort")
    encoded = OTHERS[dialect].encode_request(request, "up", facts)
    body = json.loads(encoded.body)
    assert body["model"] == "up"
    assert (messages_faults if dialect == "anthropic" else chat_faults)(body) == []
    assert encoded == OTHERS[dialect].encode_request(request, "up", facts)
    for loss in encoded.losses:
        assert loss.field.split(".")[0] in json.loads(exchange.request_body)
        assert loss.reason


@pytest.mark.parametrize("dialect", OTHERS)
@pytest.mark.parametrize("exchange", [each for each in GEMINIS if each.label in REFUSED], ids=ids)
def test_what_only_google_can_serve_is_refused_by_name(exchange: Exchange, dialect: Dialect) -> None:
    request = GEMINI.decode_request(exchange.request_body)
    with pytest.raises(RequestError) as caught:
        OTHERS[dialect].encode_request(request, "up", UP)
    assert caught.value.status == 400
    assert caught.value.param == REFUSED[exchange.label]


@pytest.mark.parametrize("facts", [LEVEL, BUDGET], ids=["3", "2.5"])
@pytest.mark.parametrize("exchange", FOREIGN, ids=ids)
def test_other_dialects_recordings_are_bodies_that_google_genai_could_send(
    exchange: Exchange, facts: ModelFacts
) -> None:
    client = CHAT if exchange.protocol == "openai-chat" else MESSAGES
    request = client.decode_request(exchange.request_body)
    refused = REFUSED_BY_2_5 if facts is BUDGET else REFUSED_BY_GEMINI
    if exchange.label in refused:
        with pytest.raises(RequestError) as caught:
            GEMINI.encode_request(request, "up", facts)
        assert caught.value.param == refused[exchange.label]
        return
    encoded = GEMINI.encode_request(request, "up", facts)
    assert genai_faults(json.loads(encoded.body)) == []
    assert encoded == GEMINI.encode_request(request, "up", facts)
    for loss in encoded.losses:
        assert loss.field.split(".")[0] in json.loads(exchange.request_body) or loss.what == "added"


@pytest.mark.parametrize("exchange", [each for each in GEMINIS if each.is_stream], ids=ids)
def test_random_cuts_give_the_same_events(exchange: Exchange) -> None:
    body, framing = exchange.response_body, framing_of(exchange)
    whole = events_of(GEMINI, body, framing)
    dice = random.Random(exchange.label)
    for _ in range(4):
        cuts = sorted(dice.sample(range(len(body)), min(len(body), 40)))
        assert events_of(GEMINI, body, framing, cuts=cuts) == whole


@pytest.mark.parametrize("label", ["gemini.s001", "gemini.s017"])
def test_a_cut_at_every_byte_gives_the_same_events(label: str) -> None:
    (exchange,) = (each for each in GEMINIS if each.label == label)
    body, framing = exchange.response_body, framing_of(exchange)
    assert events_of(GEMINI, body, framing, cuts=range(len(body))) == events_of(GEMINI, body, framing)


@pytest.mark.parametrize("exchange", [each for each in GEMINIS if each.label in FAULTY], ids=ids)
def test_recorded_errors(exchange: Exchange) -> None:
    fault = answered(exchange).fault
    assert fault is not None
    assert (fault.kind, fault.code) == FAULTY[exchange.label]
    assert fault.message


@pytest.mark.parametrize("exchange", GOOD, ids=ids)
def test_a_tap_sees_what_the_decoder_sees(exchange: Exchange) -> None:
    framing = framing_of(exchange)
    seen = [each.usage for each in events_of(GEMINI, exchange.response_body, framing) if isinstance(each, UsageSeen)]
    tap = CODEC.tap("chat", framing)
    tap.feed(exchange.response_body)
    assert tap.is_finished
    assert tap.usage() == seen[-1]


@pytest.mark.parametrize("exchange", GOOD, ids=ids)
def test_fold_of_the_stream_is_the_whole(exchange: Exchange) -> None:
    """An answer, written whole and streamed, at home and across, is read as what it was."""
    answer = answered(exchange)
    events = events_of(GEMINI, exchange.response_body, framing_of(exchange))
    for dialect, translation in {**OTHERS, "gemini": GEMINI}.items():
        whole_body = translation.encode_answer(answer, options(framing="whole"))
        whole = fold(events_of(translation, whole_body, "whole"), "gemini")
        streamed = fold(events_of(translation, encoded_stream(translation, events)), "gemini")
        assert texts(whole) == texts(streamed) == texts(answer), dialect
        assert calls(whole) == calls(streamed) == calls(answer)
        assert whole.finish == streamed.finish
        assert whole.usage.total_tokens == streamed.usage.total_tokens == answer.usage.total_tokens


@pytest.mark.parametrize("exchange", GOOD, ids=ids)
def test_gemini_reaches_a_chat_client(exchange: Exchange) -> None:
    answer = answered(exchange)
    events = events_of(GEMINI, exchange.response_body, framing_of(exchange))
    streamed = accumulated_chat(encoded_stream(CHAT, events))
    whole = parsed_chat(CHAT.encode_answer(answer, options(framing="whole")))
    for completion in (streamed, whole):
        message = completion.choices[0].message
        assert (message.content or "") == texts(answer)
        assert [
            (each.id, each.function.name, json.loads(each.function.arguments))  # type: ignore[union-attr]
            for each in message.tool_calls or ()
        ] == calls(answer)
        assert completion.usage is not None
        assert completion.usage.total_tokens == answer.usage.total_tokens
    assert streamed.choices[0].finish_reason == whole.choices[0].finish_reason
    assert (whole.choices[0].finish_reason == "tool_calls") == bool(calls(answer))


@pytest.mark.parametrize("exchange", GOOD, ids=ids)
def test_gemini_reaches_a_messages_client(exchange: Exchange) -> None:
    answer = answered(exchange)
    events = events_of(GEMINI, exchange.response_body, framing_of(exchange))
    streamed = accumulated_messages(encoded_stream(MESSAGES, events))
    whole = parsed_messages(MESSAGES.encode_answer(answer, options(framing="whole")))
    for message in (streamed, whole):
        assert "".join(block.text for block in message.content if block.type == "text") == texts(answer)
        assert [(b.id, b.name, b.input) for b in message.content if b.type == "tool_use"] == calls(answer)
        assert message.usage.output_tokens == answer.usage.total_output_tokens
    assert streamed.stop_reason == whole.stop_reason
    assert (whole.stop_reason == "tool_use") == bool(calls(answer))


def _read(exchange: Exchange) -> tuple[Translation, list[Any]]:
    upstream = CHAT if exchange.protocol == "openai-chat" else MESSAGES
    return upstream, events_of(upstream, exchange.response_body, "sse" if exchange.is_stream else "whole")


@pytest.mark.parametrize("exchange", FOREIGN, ids=ids)
def test_the_others_reach_a_gemini_client(exchange: Exchange) -> None:
    _, events = _read(exchange)
    answer = fold(events, "openai-chat")
    stream = encoded_stream(GEMINI, events)
    assert all(line.startswith(b"data: {") for line in stream.split(b"\n") if line)
    if not isinstance(events[-1], Finish):
        with pytest.raises(errors.APIError):
            streamed_genai(stream)
        return
    chunks = streamed_genai(stream)
    whole = parsed_genai(GEMINI.encode_answer(answer, options(framing="whole")))
    refusals = "".join(block.text for block in answer.blocks if isinstance(block, RefusalBlock))
    thinking = "".join(block.text for block in answer.blocks if isinstance(block, ReasoningBlock))
    for said in (chunks, [whole]):
        parts = [part for each in said for part in (each.parts or ())]
        assert "".join(part.text or "" for part in parts if not part.thought) == texts(answer) + refusals
        assert "".join(part.text or "" for part in parts if part.thought) == thinking
        found = [part.function_call for part in parts if part.function_call]
        assert [(each.id, each.name, each.args) for each in found] == calls(answer)
        usage = said[-1].usage_metadata
        assert usage is not None
        assert usage.total_token_count == answer.usage.total_tokens
        assert (usage.cached_content_token_count or 0) == answer.usage.cache_read_tokens
        assert said[-1].response_id == "s1"
        assert said[-1].model_version == "m"
    reasons = [each.candidates[0].finish_reason for each in chunks if each.candidates]
    assert whole.candidates
    assert reasons == [None] * (len(chunks) - 1) + [whole.candidates[0].finish_reason]


@pytest.mark.parametrize("exchange", [each for each in GOOD if each.is_stream], ids=ids)
def test_a_stream_that_is_cut_ends_in_an_error_and_never_as_if_whole(exchange: Exchange) -> None:
    body, framing = exchange.response_body, framing_of(exchange)
    first_end = body.find(b'"finishReason"')
    for cut in {0, first_end // 3, first_end // 2, first_end - 1}:
        last = events_of(GEMINI, body[:cut], framing)[-1]
        assert isinstance(last, Fault)
        assert last.code == "upstream_truncated"
